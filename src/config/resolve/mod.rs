//! From what was written to what it means: defaults filled in, impossible combinations refused, all of them at once.

mod gate;
mod models;
mod sections;

use crate::config::defaults;
use crate::config::error::MOST_PROBLEMS;
use crate::config::error::Problem;
use crate::config::raw;
use crate::config::source::Source;
use crate::config::spans::Spans;
use crate::config::types::CommentWhen;
use crate::config::types::Config;
use crate::config::types::ModelConfig;

pub(in crate::config) use self::models::default_name;

/// Fills in defaults; collects every problem.
pub(in crate::config) fn resolve(file: raw::File, source: &Source, spans: &Spans) -> Result<Config, Vec<Problem>> {
    let mut resolver = Resolver {
        source,
        spans,
        problems: Vec::new(),
    };
    let config = resolver.file(file);
    if resolver.problems.is_empty() {
        Ok(config)
    } else {
        Err(resolver.problems)
    }
}

/// Collects problems while it goes; what stands in for a refused value is never used.
struct Resolver<'a> {
    source: &'a Source,
    spans: &'a Spans,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    /// Notes a problem with the value at `path`, or with the key where `of_key`.
    pub(super) fn note(&mut self, path: &str, of_key: bool, message: String, label: &str, hint: &str) {
        let place = self.spans.place(path);
        let node = place.map(|place| {
            if of_key {
                place.key.unwrap_or(place.value)
            } else {
                place.value
            }
        });
        let mut problem = match node {
            Some(node) if self.problems.len() < MOST_PROBLEMS => self.source.problem(node, message),
            _ => Problem::whole(message),
        };
        if !label.is_empty() {
            problem = problem.label(label);
        }
        if !hint.is_empty() {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
    }

    pub(super) fn value(&mut self, path: &str, message: String, label: &str, hint: &str) {
        self.note(path, false, message, label, hint);
    }

    pub(super) fn key(&mut self, path: &str, message: String, label: &str, hint: &str) {
        self.note(path, true, message, label, hint);
    }

    fn file(&mut self, file: raw::File) -> Config {
        if file.models.is_empty() {
            self.value(
                "models",
                "`models` names no model".to_owned(),
                "empty",
                "name at least one, such as `- path: models/mobilenet.onnx`",
            );
        }
        let models: Vec<ModelConfig> = file
            .models
            .into_iter()
            .enumerate()
            .map(|(index, model)| self.model(index, model))
            .collect();
        self.unique_names(&models);
        let mut config = defaults::config(models);
        if let Some(gate) = file.gate {
            config.gate = self.gate(gate);
        }
        if let Some(measure) = file.measure {
            config.measure = self.measure(&measure);
        }
        if let Some(runtime) = file.runtime {
            config.runtime = self.runtime(runtime);
        }
        if let Some(baseline) = file.baseline {
            config.baseline = self.baseline(baseline);
        }
        config.comment = match file.comment.and_then(|comment| comment.when) {
            None | Some(raw::When::Always) => CommentWhen::Always,
            Some(raw::When::Changed) => CommentWhen::Changed,
            Some(raw::When::Regression) => CommentWhen::Regression,
            Some(raw::When::Never) => CommentWhen::Never,
        };
        config
    }
}
