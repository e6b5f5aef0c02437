//! The model that git holds at the base commit, and whether the base ever had it.

use crate::config::ModelConfig;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::Source;
use crate::pipeline::baseline::at_commit;
use crate::pipeline::baseline::search::BaseConfig;
use crate::pipeline::baseline::search::Search;
use crate::pipeline::trouble::chain;
use crate::verdict::ComparisonKey;
use std::collections::BTreeMap;
use std::path::Path;

/// What git has of a model at the base commit.
pub(super) enum AtBase {
    Found(Source),
    Never(String),
    Unknown { reason: String, hints: Vec<String> },
}

impl AtBase {
    /// What it means where nothing else has the model either; `refusals` say why a release that could have had it does not count.
    pub(super) fn answer(self, refusals: &[String]) -> ModelBaseline {
        match self {
            Self::Found(source) => ModelBaseline::Source(source),
            Self::Never(reason) => ModelBaseline::Never { reason },
            Self::Unknown { reason, hints } => {
                let reasons: Vec<&str> = std::iter::once(reason.as_str())
                    .chain(refusals.iter().map(String::as_str))
                    .collect();
                ModelBaseline::Missing {
                    reason: reasons.join("; "),
                    hints,
                }
            }
        }
    }
}

/// The model that git holds at the base commit.
pub(super) fn at_base(search: &Search<'_>, model: &ModelConfig) -> AtBase {
    if !search.is_base_exact {
        return AtBase::Unknown {
            reason: "no commit to compare with is known, and no earlier baseline was published".to_owned(),
            hints: vec!["run the baseline job on the default branch, or name a baseline".to_owned()],
        };
    }
    let named = search
        .base_config
        .known()
        .and_then(|config| config.models.iter().find(|base| base.name == model.name));
    let path = named.map_or(&model.path, |base| &base.path);
    let Some(path) = repository_path(search.folder, path) else {
        return AtBase::Unknown {
            reason: format!("the path `{}` leaves the repository", path.display()),
            hints: vec!["keep the model inside the repository, or publish a baseline by the baseline job".to_owned()],
        };
    };
    match at_commit::fetch(search.client, &path, search.base, search.objects) {
        Ok(Some(files)) => AtBase::Found(Source {
            files,
            entries: Vec::new(),
            settings: named.map(|model| settings(search, model)).unwrap_or_default(),
            label: format!("`{path}` at {}", search.base.short()),
            commit: Some(search.base.as_str().to_owned()),
        }),
        Ok(None) if named.is_some() => AtBase::Unknown {
            reason: format!(
                "the base {} names this model, but has neither a baseline release nor the file `{path}`",
                search.base.short()
            ),
            hints: vec![
                "wait until the baseline job of the default branch has published, or start it by hand, then re-run"
                    .to_owned(),
            ],
        },
        Ok(None) if matches!(search.base_config, BaseConfig::Unreadable) => AtBase::Unknown {
            reason: format!(
                "nobody can tell whether the base {} has this model: its config cannot be read, and it has no file `{path}`",
                search.base.short()
            ),
            hints: vec!["correct the config of the base, or use the version of the action that reads it".to_owned()],
        },
        Ok(None) => AtBase::Never(format!("the base {} does not have this model", search.base.short())),
        Err(error) => AtBase::Unknown {
            reason: chain(&error),
            hints: error.hints(),
        },
    }
}

/// What the base's config would measure `model` with, by comparison; nothing where a dataset takes part, whose contents the config
/// does not tell.
fn settings(search: &Search<'_>, model: &ModelConfig) -> BTreeMap<ComparisonKey, Digest> {
    let Some(config) = search.base_config.known().filter(|_| model.dataset.is_none()) else {
        return BTreeMap::new();
    };
    let targets = model.targets.iter().flat_map(|target| {
        let settings = model.settings_digest(*target, &config.measure, &config.runtime);
        model.variants.iter().map(move |variant| {
            let key = ComparisonKey {
                model: model.name.clone(),
                target: target.name().to_owned(),
                variant: variant.clone(),
                sequence: None,
            };
            (key, settings.clone())
        })
    });
    targets.collect()
}

/// `path` relative to the repository's root, with forward slashes; `None` where it leaves the repository.
pub fn repository_path(folder: &str, path: &Path) -> Option<String> {
    let mut parts: Vec<String> = folder
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(str::to_owned)
        .collect();
    for component in path.components() {
        match component {
            std::path::Component::Normal(part) => parts.push(part.to_str()?.to_owned()),
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                parts.pop()?;
            }
            std::path::Component::RootDir | std::path::Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_repository() {
        assert_eq!(
            repository_path("", Path::new("models/a.onnx")).as_deref(),
            Some("models/a.onnx")
        );
        assert_eq!(
            repository_path("ml/gate", Path::new("../a.onnx")).as_deref(),
            Some("ml/a.onnx")
        );
        assert_eq!(repository_path("ml", Path::new("../../a.onnx")), None);
        assert_eq!(repository_path("ml", Path::new("/a.onnx")), None);
    }
}
