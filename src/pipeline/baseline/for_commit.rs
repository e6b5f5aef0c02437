//! Which baseline a commit on GitHub is compared with: the release of exactly that commit; else the model that git holds at it;
//! else the newest release of an ancestor, and then the report says how many commits lie between.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::ModelConfig;
use crate::digest::Digest;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::contents;
use crate::github::git;
use crate::github::git::Relation;
use crate::github::release::Release;
use crate::hint::Hint;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::Source;
use crate::pipeline::baseline::at_commit;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::release;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::resolve;
use crate::pipeline::plan::chain;
use crate::store::Objects;
use crate::verdict::ComparisonKey;

/// How many releases are asked whether they belong to an ancestor.
const MAX_ANCESTORS: usize = 10;

/// What the search needs to know.
pub struct Search<'a> {
    /// GitHub.
    pub client: &'a Client,
    /// Tells this gate's baselines from others'.
    pub key: &'a str,
    /// Who may have published.
    pub trust: &'a Trust,
    /// The commit to compare with.
    pub base: &'a CommitSha,
    /// The config that is judged.
    pub config: &'a Config,
    /// The config at `base`.
    pub base_config: &'a BaseConfig,
    /// The config's folder, relative to the repository's root, forward slashes; empty for the root.
    pub folder: &'a str,
    /// Where files are put.
    pub objects: &'a Objects,
    /// False where `base` is only the judged commit itself, for want of another: then only an earlier release will do.
    pub is_base_exact: bool,
}

/// The config at the base commit.
#[derive(Debug)]
pub enum BaseConfig {
    /// What the base names.
    Known(Box<Config>),
    /// The base has no config, or there is no base.
    Absent,
    /// The base has one that this version cannot read, so that nobody knows what it names.
    Unreadable,
}

impl BaseConfig {
    /// The config, where it is known.
    pub fn known(&self) -> Option<&Config> {
        match self {
            Self::Known(config) => Some(config),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// A release that may serve, and what is known of it.
struct Found {
    release: Release,
    manifest: Manifest,
    commits_between: u64,
}

impl Found {
    fn label(&self) -> String {
        format!("release {}", self.release.tag_name)
    }
}

/// Finds the baseline of every model of the config. Fails only where GitHub does.
pub fn find(search: &Search<'_>) -> Result<Baselines, ReleaseError> {
    let releases = release::list(search.client, search.key)?;
    let mut refusals = Vec::new();
    let mut notices = Vec::new();
    let exact = if search.is_base_exact {
        exact(search, &releases, &mut refusals)?
    } else {
        None
    };
    let mut ancestor: Option<Option<Found>> = None;
    let mut baselines = nothing_yet(search, format!("the model at {}", search.base.short()));
    // The release that serves, where one does: the base's own before an earlier one.
    let mut serving: Option<&Found> = None;
    let mut answers = BTreeMap::new();
    for model in &search.config.models {
        if let Some(source) = from_release(search, exact.as_ref(), model, &mut refusals)? {
            answers.insert(model.name.clone(), ModelBaseline::Source(source));
            continue;
        }
        let at_base = at_base(search, model);
        if let AtBase::Found(source) = at_base {
            answers.insert(model.name.clone(), ModelBaseline::Source(source));
            continue;
        }
        if matches!((&at_base, search.base_config), (AtBase::Never(_), BaseConfig::Known(_))) {
            answers.insert(model.name.clone(), at_base.answer(&[]));
            continue;
        }
        if ancestor.is_none() {
            ancestor = Some(newest_ancestor(search, &releases, &mut refusals)?);
        }
        let earlier = ancestor.as_ref().and_then(Option::as_ref);
        let answer = match from_release(search, earlier, model, &mut refusals)? {
            Some(source) => ModelBaseline::Source(source),
            None => at_base.answer(&refusals),
        };
        answers.insert(model.name.clone(), answer);
    }
    let earlier = ancestor.as_ref().and_then(Option::as_ref);
    for found in [exact.as_ref(), earlier].into_iter().flatten() {
        if serving.is_none() && serves(found, &answers) {
            serving = Some(found);
        }
        if found.commits_between > 0 && serves(found, &answers) {
            notices.push(distance(search, found));
        }
    }
    baselines.models = answers;
    if let Some(found) = serving {
        baselines.tag = Some(found.release.tag_name.clone());
        baselines.label = found.label();
        baselines.commit = found.manifest.origin.as_ref().map(|origin| origin.commit.clone());
    }
    let known = exact.as_ref().or(earlier);
    if let Some(found) = known
        && baselines.named.is_none()
    {
        let entries = found.manifest.entries.iter();
        baselines.named = Some(entries.map(|entry| entry.key.clone()).collect());
    }
    if let Some(found) = serving
        && found.manifest.tool_version != crate::VERSION
    {
        baselines.drift.push(resolve::other_tool(&found.manifest.tool_version));
    }
    refusals.append(&mut notices);
    baselines.notices = refusals;
    Ok(baselines)
}

/// No model has an answer, and the base's config says what there should be.
fn nothing_yet(search: &Search<'_>, label: String) -> Baselines {
    let mut baselines = Baselines::missing(label, "the baseline has no such model".to_owned(), Vec::new());
    baselines.commit = Some(search.base.as_str().to_owned());
    baselines.named = search.base_config.known().map(comparisons);
    baselines
}

/// Everything that `config` compares.
fn comparisons(config: &Config) -> Vec<ComparisonKey> {
    let mut keys = Vec::new();
    for model in &config.models {
        for target in &model.targets {
            keys.extend(model.variants.iter().map(|variant| ComparisonKey {
                model: model.name.clone(),
                target: target.name().to_owned(),
                variant: variant.clone(),
            }));
        }
    }
    keys
}

fn serves(found: &Found, answers: &BTreeMap<String, ModelBaseline>) -> bool {
    let label = found.label();
    answers
        .values()
        .any(|answer| matches!(answer, ModelBaseline::Source(source) if source.label == label))
}

fn distance(search: &Search<'_>, found: &Found) -> String {
    format!(
        "the base {} has no baseline of its own: compared with the newest one before it, {} commit{} earlier",
        search.base.short(),
        found.commits_between,
        if found.commits_between == 1 { "" } else { "s" }
    )
}

/// The baseline folder that git holds at the base commit: what the change itself commits there does not count.
pub fn find_committed(search: &Search<'_>, folder: &Path) -> Result<Baselines, ReleaseError> {
    let label = format!("dir: {} at {}", folder.display(), search.base.short());
    let Some(place) = repository_path(search.folder, folder) else {
        return Ok(Baselines::missing(
            label,
            format!("the baseline folder `{}` leaves the repository", folder.display()),
            vec!["keep it inside the repository".to_owned()],
        ));
    };
    let path = format!("{place}/{}", manifest::FILE_NAME);
    let mut baselines = match contents::at(search.client, &path, search.base, manifest::MAX_BYTES)? {
        // No folder yet: the models that git holds serve, as for a first adoption.
        None => nothing_yet(search, label),
        Some(found) => match Manifest::parse(&found.bytes) {
            Ok(manifest) => resolve::from_manifest(&manifest, &label, |file| committed(search, &place, file)),
            Err(error) => {
                let hints = vec!["write it anew on the default branch: `mlbuild baseline refresh`".to_owned()];
                return Ok(Baselines::missing(
                    label,
                    format!("`{path}` is refused: {error}"),
                    hints,
                ));
            }
        },
    };
    baselines.commit = Some(search.base.as_str().to_owned());
    if let Some(config) = search.base_config.known() {
        baselines.named = Some(comparisons(config));
    }
    for model in &search.config.models {
        if !baselines.models.contains_key(&model.name) {
            let answer = at_base(search, model).answer(&[]);
            baselines.models.insert(model.name.clone(), answer);
        }
    }
    Ok(baselines)
}

fn committed(search: &Search<'_>, place: &str, file: &StoredFile) -> Result<PathBuf, ReleaseError> {
    let path = format!("{place}/{}", file.asset_name());
    let refused = |reason: String| ReleaseError::Refused {
        tag: path.clone(),
        reason,
    };
    let found = contents::at(search.client, &path, search.base, at_commit::MAX_BYTES)?
        .ok_or_else(|| refused("it is not committed".to_owned()))?;
    if found.is_lfs_pointer() {
        return Err(refused("git holds a Git LFS pointer, not the file".to_owned()));
    }
    let digest = Digest::of(&found.bytes);
    if digest != file.digest {
        return Err(refused(format!(
            "SHA-256 {}…, the manifest says {}…",
            digest.short(),
            file.digest.short()
        )));
    }
    search.objects.put(&found.bytes)?;
    Ok(search.objects.verify(&digest)?)
}

/// The newest believable release of exactly the base commit. What is not believed is said.
fn exact(search: &Search<'_>, releases: &[Release], refusals: &mut Vec<String>) -> Result<Option<Found>, ReleaseError> {
    for candidate in releases
        .iter()
        .filter(|candidate| release::claims_commit(candidate, search.base))
    {
        match release::open(search.client, candidate, search.key, search.trust) {
            Ok(manifest) if measured_at(&manifest, search.base) => {
                return Ok(Some(Found {
                    release: candidate.clone(),
                    manifest,
                    commits_between: 0,
                }));
            }
            Ok(_) => {}
            Err(error) if error.is_refusal() => refusals.push(chain(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn measured_at(manifest: &Manifest, commit: &CommitSha) -> bool {
    manifest
        .origin
        .as_ref()
        .is_some_and(|origin| origin.commit == commit.as_str())
}

fn newest_ancestor(
    search: &Search<'_>,
    releases: &[Release],
    refusals: &mut Vec<String>,
) -> Result<Option<Found>, ReleaseError> {
    let others = releases
        .iter()
        .filter(|candidate| !release::claims_commit(candidate, search.base));
    for candidate in others.take(MAX_ANCESTORS) {
        let manifest = match release::open(search.client, candidate, search.key, search.trust) {
            Ok(manifest) => manifest,
            Err(error) if error.is_refusal() => {
                refusals.push(chain(&error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let commit = manifest
            .origin
            .as_ref()
            .and_then(|origin| origin.commit.parse::<CommitSha>().ok());
        let Some(commit) = commit else { continue };
        if let Some(comparison) = git::compare(search.client, &commit, search.base)?
            && matches!(comparison.relation, Relation::Ahead | Relation::Identical)
        {
            return Ok(Some(Found {
                release: candidate.clone(),
                manifest,
                commits_between: comparison.ahead_by,
            }));
        }
    }
    Ok(None)
}

/// The model's source out of a release; `None` where the release does not have the model, or not as it says.
fn from_release(
    search: &Search<'_>,
    found: Option<&Found>,
    model: &ModelConfig,
    refusals: &mut Vec<String>,
) -> Result<Option<Source>, ReleaseError> {
    let Some(found) = found else { return Ok(None) };
    let entries: Vec<_> = found
        .manifest
        .entries
        .iter()
        .filter(|entry| entry.key.model == model.name)
        .cloned()
        .collect();
    let Some(first) = entries.first() else { return Ok(None) };
    let files = first.source_files.clone();
    for file in &files {
        match release::fetch(search.client, &found.release, file, search.objects) {
            Ok(_) => {}
            Err(error) if error.is_refusal() => {
                refusals.push(chain(&error));
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Source {
        files,
        entries,
        settings: BTreeMap::new(),
        label: found.label(),
        commit: found.manifest.origin.as_ref().map(|origin| origin.commit.clone()),
    }))
}

enum AtBase {
    Found(Source),
    Never(String),
    Unknown { reason: String, hints: Vec<String> },
}

impl AtBase {
    /// What it means where nothing else has the model either; `refusals` say why a release that could have had it does not count.
    fn answer(self, refusals: &[String]) -> ModelBaseline {
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
fn at_base(search: &Search<'_>, model: &ModelConfig) -> AtBase {
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
