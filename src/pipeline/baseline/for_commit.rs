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
    /// The config at `base`, where it has one.
    pub base_config: Option<&'a Config>,
    /// The config's folder, relative to the repository's root, forward slashes; empty for the root.
    pub folder: &'a str,
    /// Where files are put.
    pub objects: &'a Objects,
    /// False where `base` is only the judged commit itself, for want of another: then only an earlier release will do.
    pub is_base_exact: bool,
}

/// A release that may serve, and what is known of it.
struct Found {
    release: Release,
    manifest: Manifest,
    commits_between: u64,
}

/// Finds the baseline of every model of the config. Fails only where GitHub does.
pub fn find(search: &Search<'_>) -> Result<Baselines, ReleaseError> {
    let releases = release::list(search.client, search.key)?;
    let mut notices = Vec::new();
    let exact = if search.is_base_exact {
        exact(search, &releases, &mut notices)?
    } else {
        None
    };
    let label = match &exact {
        Some(found) => format!("release {}", found.release.tag_name),
        None => format!("the model at {}", search.base.short()),
    };
    let mut baselines = Baselines::missing(label, "the baseline has no such model".to_owned(), Vec::new());
    baselines.commit = Some(search.base.as_str().to_owned());
    baselines.tag = exact.as_ref().map(|found| found.release.tag_name.clone());
    let mut ancestor: Option<Option<Found>> = None;
    for model in &search.config.models {
        let answer = match from_release(search, exact.as_ref(), model)? {
            Some(answer) => answer,
            None => match at_base(search, model) {
                AtBase::Found(source) => ModelBaseline::Source(source),
                AtBase::Never(reason) => ModelBaseline::Never { reason },
                AtBase::Unknown { reason, hints } => {
                    if ancestor.is_none() {
                        ancestor = Some(newest_ancestor(search, &releases, &mut notices)?);
                    }
                    let found = ancestor.as_ref().and_then(Option::as_ref);
                    match from_release(search, found, model)? {
                        Some(answer) => {
                            note_distance(search, found, &mut baselines, &mut notices);
                            answer
                        }
                        None => ModelBaseline::Missing { reason, hints },
                    }
                }
            },
        };
        baselines.models.insert(model.name.clone(), answer);
    }
    let manifest = exact
        .as_ref()
        .or(ancestor.as_ref().and_then(Option::as_ref))
        .map(|found| &found.manifest);
    add_removed(search, manifest, &mut baselines);
    if let Some(manifest) = manifest
        && manifest.tool_version != crate::VERSION
    {
        baselines.drift.push(format!(
            "the baseline was published by mlbuild {}; both sides of this run are derived and measured by {}",
            manifest.tool_version,
            crate::VERSION
        ));
    }
    notices.dedup();
    baselines.notices = notices;
    Ok(baselines)
}

fn note_distance(search: &Search<'_>, found: Option<&Found>, baselines: &mut Baselines, notices: &mut Vec<String>) {
    let Some(found) = found else { return };
    baselines.tag = Some(found.release.tag_name.clone());
    baselines.label = format!("release {}", found.release.tag_name);
    baselines.commit = found.manifest.origin.as_ref().map(|origin| origin.commit.clone());
    let notice = format!(
        "the base {} has no baseline of its own: compared with the newest one before it, {} commit{} earlier",
        search.base.short(),
        found.commits_between,
        if found.commits_between == 1 { "" } else { "s" }
    );
    if !notices.contains(&notice) {
        notices.push(notice);
    }
}

/// The baseline folder that git holds at the base commit: what the change itself commits there does not count.
pub fn find_committed(search: &Search<'_>, folder: &Path) -> Result<Baselines, ReleaseError> {
    let label = format!("dir: {} at {}", folder.display(), search.base.short());
    let outside = || format!("the baseline folder `{}` leaves the repository", folder.display());
    let Some(place) = repository_path(search.folder, folder) else {
        return Ok(Baselines::missing(
            label,
            outside(),
            vec!["keep it inside the repository".to_owned()],
        ));
    };
    let path = format!("{place}/{}", manifest::FILE_NAME);
    let found = contents::at(search.client, &path, search.base, manifest::MAX_BYTES)?;
    let Some(found) = found else {
        // No folder yet: the models that git holds serve, as for a first adoption.
        let mut baselines = Baselines::missing(label, "the baseline has no such model".to_owned(), Vec::new());
        baselines.commit = Some(search.base.as_str().to_owned());
        for model in &search.config.models {
            let answer = match at_base(search, model) {
                AtBase::Found(source) => ModelBaseline::Source(source),
                AtBase::Never(reason) => ModelBaseline::Never { reason },
                AtBase::Unknown { reason, hints } => ModelBaseline::Missing { reason, hints },
            };
            baselines.models.insert(model.name.clone(), answer);
        }
        return Ok(baselines);
    };
    let manifest = match Manifest::parse(&found.bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            let hints = vec!["write it anew on the default branch: `mlbuild baseline refresh`".to_owned()];
            return Ok(Baselines::missing(
                label,
                format!("`{path}` is refused: {error}"),
                hints,
            ));
        }
    };
    let mut baselines = resolve::from_manifest(&manifest, &label, |file| committed(search, &place, file));
    baselines.commit = Some(search.base.as_str().to_owned());
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
fn exact(search: &Search<'_>, releases: &[Release], notices: &mut Vec<String>) -> Result<Option<Found>, ReleaseError> {
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
            Err(error) if error.is_refusal() => notices.push(chain(&error)),
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
    notices: &mut Vec<String>,
) -> Result<Option<Found>, ReleaseError> {
    let others = releases
        .iter()
        .filter(|candidate| !release::claims_commit(candidate, search.base));
    for candidate in others.take(MAX_ANCESTORS) {
        let manifest = match release::open(search.client, candidate, search.key, search.trust) {
            Ok(manifest) => manifest,
            Err(error) if error.is_refusal() => {
                notices.push(chain(&error));
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

/// The model's source out of a release; `None` where the release does not have the model.
fn from_release(
    search: &Search<'_>,
    found: Option<&Found>,
    model: &ModelConfig,
) -> Result<Option<ModelBaseline>, ReleaseError> {
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
                return Ok(Some(ModelBaseline::Missing {
                    reason: chain(&error),
                    hints: error.hints(),
                }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(ModelBaseline::Source(Source {
        files,
        entries,
        label: format!("release {}", found.release.tag_name),
        commit: found.manifest.origin.as_ref().map(|origin| origin.commit.clone()),
    })))
}

enum AtBase {
    Found(Source),
    Never(String),
    Unknown { reason: String, hints: Vec<String> },
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
        Ok(None) => AtBase::Never(format!("the base {} does not have this model", search.base.short())),
        Err(error) => AtBase::Unknown {
            reason: chain(&error),
            hints: error.hints(),
        },
    }
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

/// Models that the baseline has and the judged config no longer names, so that they are reported as removed.
fn add_removed(search: &Search<'_>, manifest: Option<&Manifest>, baselines: &mut Baselines) {
    let Some(manifest) = manifest else { return };
    let mut gone: BTreeMap<String, Source> = BTreeMap::new();
    for entry in &manifest.entries {
        if search.config.models.iter().any(|model| model.name == entry.key.model) {
            continue;
        }
        gone.entry(entry.key.model.clone())
            .or_insert_with(|| Source {
                files: Vec::new(),
                entries: Vec::new(),
                label: baselines.label.clone(),
                commit: baselines.commit.clone(),
            })
            .entries
            .push(entry.clone());
    }
    baselines.models.extend(
        gone.into_iter()
            .map(|(name, source)| (name, ModelBaseline::Source(source))),
    );
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
