//! The models: names, inputs, targets, variants, datasets.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::config::defaults;
use crate::config::error::MOST_PROBLEMS;
use crate::config::nearest::nearest;
use crate::config::nearest::quoted;
use crate::config::raw;
use crate::config::target::Target;
use crate::config::types::BuildCommand;
use crate::config::types::DatasetConfig;
use crate::config::types::ImageConfig;
use crate::config::types::InputConfig;
use crate::config::types::ModelConfig;
use crate::config::types::Resize;
use crate::config::types::Task;

use super::Resolver;

/// The longest name of a model, in characters.
const LONGEST_NAME: usize = 100;

impl Resolver<'_> {
    pub(super) fn unique_names(&mut self, models: &[ModelConfig]) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, model) in models.iter().enumerate() {
            if self.problems.len() >= MOST_PROBLEMS {
                return;
            }
            let Some(first) = seen.get(model.name.as_str()) else {
                seen.insert(&model.name, index);
                continue;
            };
            let named = format!("models[{index}].name");
            let path = if self.spans.place(&named).is_some() {
                named
            } else {
                format!("models[{index}].path")
            };
            let line = self
                .spans
                .line_of(&format!("models[{first}]"))
                .map(|location| location.line);
            let other = line.map_or_else(String::new, |line| format!("; the other one is on line {line}"));
            self.value(
                &path,
                format!("two models are named {}", quoted(&model.name)),
                "the second one",
                &format!("give one of them another `name`{other}"),
            );
        }
    }

    pub(super) fn model(&mut self, index: usize, model: raw::Model) -> ModelConfig {
        let at = |key: &str| format!("models[{index}].{key}");
        let path = self.path(&at("path"), model.path);
        let named = model.name.is_some();
        let name = model.name.unwrap_or_else(|| default_name(&path));
        let fit = !name.trim().is_empty()
            && name.trim() == name
            && name.chars().count() <= LONGEST_NAME
            && !name.chars().any(char::is_control);
        if !fit {
            self.value(
                &at(if named { "name" } else { "path" }),
                format!("{} is no name for a model", quoted(&name)),
                "",
                &format!("a `name` is one line of 1 to {LONGEST_NAME} characters without spaces at its ends"),
            );
        }
        let inputs = self.inputs(&at("inputs"), model.inputs.unwrap_or_default());
        ModelConfig {
            build: model.build.map(|build| self.build(&at("build"), build)),
            inputs,
            signature: model.signature,
            task: match model.task.unwrap_or(raw::Task::Auto) {
                raw::Task::Auto => Task::Auto,
                raw::Task::Vision => Task::Vision,
                raw::Task::Nlp => Task::Nlp,
                raw::Task::Audio => Task::Audio,
                raw::Task::Tabular => Task::Tabular,
                raw::Task::Unknown => Task::Unknown,
            },
            sequence_lengths: model
                .sequence_lengths
                .map(|lengths| self.sequence_lengths(&at("sequence_lengths"), lengths)),
            targets: self.targets(&at("targets"), model.targets, &path),
            variants: self.variants(&at("variants"), model.variants),
            calibration: model
                .calibration
                .map(|calibration| self.calibration(&at("calibration"), calibration)),
            dataset: model.dataset.map(|dataset| self.dataset(&at("dataset"), dataset)),
            name,
            path,
        }
    }

    pub(super) fn path(&mut self, at: &str, path: String) -> PathBuf {
        if path.trim().is_empty() || path.contains('\0') {
            self.value(at, format!("`{at}` names no file"), "empty", raw::meaning("path"));
        }
        PathBuf::from(path)
    }

    fn build(&mut self, at: &str, build: raw::Build) -> BuildCommand {
        if build.command.trim().is_empty() {
            self.value(
                at,
                format!("`{at}` names no command"),
                "empty",
                "leave `build` out where the model is committed",
            );
        }
        if build.command.contains('\0') {
            self.value(at, format!("`{at}` holds a NUL character"), "", "");
        }
        BuildCommand {
            timeout: self
                .positive(&format!("{at}.timeout"), build.timeout)
                .unwrap_or(defaults::BUILD_TIMEOUT),
            command: build.command,
        }
    }

    fn inputs(&mut self, at: &str, inputs: BTreeMap<String, raw::Input>) -> BTreeMap<String, InputConfig> {
        let mut resolved = BTreeMap::new();
        for (name, input) in inputs {
            for (index, _) in input.shape.iter().enumerate().filter(|(_, size)| **size == 0) {
                self.value(
                    &format!("{at}.{name}.shape[{index}]"),
                    format!("input {} has a dimension of 0", quoted(&name)),
                    "at least 1",
                    "give every dimension the size that is used in production, such as a batch of 1",
                );
            }
            resolved.insert(name, InputConfig { shape: input.shape });
        }
        resolved
    }

    /// Rising, so that reports are in order.
    fn sequence_lengths(&mut self, at: &str, mut lengths: Vec<u64>) -> Vec<u64> {
        if lengths.is_empty() {
            let hint = "name one, or leave `sequence_lengths` out: 16, 64, 128 and 256 are the default";
            self.value(at, format!("`{at}` is empty"), "nothing would be measured", hint);
        }
        for (index, length) in lengths.iter().enumerate() {
            let here = format!("{at}[{index}]");
            if *length == 0 {
                self.value(&here, "a sequence of 0 tokens".to_owned(), "at least 1", "");
            } else if lengths[..index].contains(length) {
                self.value(&here, format!("the length {length} stands here twice"), "again", "");
            }
        }
        lengths.sort_unstable();
        lengths
    }

    fn targets(&mut self, at: &str, targets: Option<Vec<String>>, path: &Path) -> Vec<Target> {
        let Some(names) = targets else {
            return vec![defaults::target(path)];
        };
        self.filled(at, &names, "targets", defaults::target(path).name());
        let mut resolved = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let here = format!("{at}[{index}]");
            let known = Target::ALL.map(Target::name);
            let list = format!("the targets are {}", known.join(", "));
            match Target::parse(name) {
                Some(target) if resolved.contains(&target) => {
                    self.value(&here, format!("target {} stands here twice", quoted(name)), "again", "");
                }
                Some(target) => resolved.push(target),
                None if raw::target_not_yet(&name.replace('-', "_")) => {
                    self.value(
                        &here,
                        format!("target {} is not supported yet", quoted(name)),
                        "not yet",
                        &list,
                    );
                }
                None => {
                    let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
                    let label = near.as_deref().unwrap_or("unknown");
                    self.value(&here, format!("unknown target {}", quoted(name)), label, &list);
                }
            }
        }
        resolved
    }

    fn variants(&mut self, at: &str, variants: Option<Vec<String>>) -> Vec<String> {
        let Some(names) = variants else {
            return vec![defaults::VARIANT.to_owned()];
        };
        self.filled(at, &names, "variants", defaults::VARIANT);
        for (index, name) in names.iter().enumerate() {
            let here = format!("{at}[{index}]");
            if name.trim().is_empty() {
                self.value(&here, "a variant without a name".to_owned(), "empty", "");
            } else if names[..index].contains(name) {
                self.value(
                    &here,
                    format!("variant {} stands here twice", quoted(name)),
                    "again",
                    "",
                );
            }
        }
        names
    }

    fn filled(&mut self, at: &str, names: &[String], what: &str, default: &str) {
        if names.is_empty() {
            let hint = format!("name one, or leave `{what}` out: `{default}` is the default");
            self.value(at, format!("`{at}` is empty"), "nothing would be gated", &hint);
        }
    }

    /// The same as a dataset without labels, with its own cap.
    fn calibration(&mut self, at: &str, calibration: raw::Calibration) -> DatasetConfig {
        let samples = calibration.samples.unwrap_or(defaults::CALIBRATION_SAMPLES as u64);
        let dataset = raw::Dataset {
            path: calibration.path,
            array: calibration.array,
            labels: None,
            samples: Some(samples),
            mean: calibration.mean,
            std: calibration.std,
            resize: calibration.resize,
        };
        self.dataset(at, dataset)
    }

    fn dataset(&mut self, at: &str, dataset: raw::Dataset) -> DatasetConfig {
        let key = format!("{at}.path");
        let written = self.spans.place(&key).is_some();
        let samples = dataset.samples.unwrap_or(defaults::SAMPLES as u64);
        if samples == 0 {
            self.value(
                &format!("{at}.samples"),
                format!("`{at}.samples` is 0"),
                "at least 1",
                "",
            );
        }
        for (key, named) in [("labels", &dataset.labels), ("array", &dataset.array)] {
            if named.as_ref().is_some_and(|name| name.trim().is_empty()) {
                let key = format!("{at}.{key}");
                self.value(&key, format!("`{key}` names nothing"), "empty", "");
            }
        }
        DatasetConfig {
            path: self.path(if written { &key } else { at }, dataset.path),
            array: dataset.array,
            labels: dataset.labels,
            samples: usize::try_from(samples).unwrap_or(usize::MAX),
            images: ImageConfig {
                mean: self.channels(&format!("{at}.mean"), dataset.mean, |_| true),
                std: self.channels(&format!("{at}.std"), dataset.std, |value| value > 0.0),
                resize: match dataset.resize {
                    None | Some(raw::Resize::Stretch) => Resize::Stretch,
                    Some(raw::Resize::Crop) => Resize::Crop,
                },
            },
        }
    }

    /// One finite number for all channels of images, or one for each of three.
    fn channels(&mut self, at: &str, values: Option<Vec<f64>>, fits: impl Fn(f64) -> bool) -> Option<Vec<f64>> {
        let values = values?;
        if !matches!(values.len(), 1 | 3) {
            self.value(
                at,
                format!("`{at}` lists {} numbers", values.len()),
                "1 or 3",
                "give one number for all channels, or one for each of red, green and blue",
            );
        }
        for (index, value) in values.iter().enumerate() {
            if !value.is_finite() || !fits(*value) {
                self.value(
                    &format!("{at}[{index}]"),
                    format!("`{at}` holds {value}"),
                    "",
                    "pixels are 0 to 1 here; `std` must be above 0",
                );
            }
        }
        Some(values)
    }
}

/// A model's name where the config gives none: the file's, without its extension and what no name may hold.
pub(in crate::config) fn default_name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let name: String = stem.chars().filter(|character| !character.is_control()).collect();
    let name: String = name.trim().chars().take(LONGEST_NAME).collect();
    match name.trim_end() {
        "" => "model".to_owned(),
        name => name.to_owned(),
    }
}
