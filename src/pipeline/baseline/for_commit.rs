//! Which baseline a commit on GitHub is compared with: the one of exactly that commit; else the model that git holds at it; else the
//! newest one of an ancestor, and then the report says how many commits lie between. Baselines are releases, or lie in a bucket.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::ModelConfig;
use crate::github::CommitSha;
use crate::github::git;
use crate::github::git::Relation;
use crate::github::release::Release;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::Source;
use crate::pipeline::baseline::at_base::AtBase;
use crate::pipeline::baseline::at_base::at_base;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::bucket::Name;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::release;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::search::BaseConfig;
use crate::pipeline::baseline::search::Search;
use crate::pipeline::baseline::search::nothing_yet;
use crate::pipeline::baseline::tag;
use crate::pipeline::trouble::chain;

/// How many releases are asked whether they belong to an ancestor.
const MAX_ANCESTORS: usize = 10;

/// A published baseline that is not read yet.
#[derive(Clone)]
enum Candidate<'a> {
    Release(Box<Release>),
    InBucket(&'a Bucket, Name),
}

impl Candidate<'_> {
    /// What names it: a release's tag, or a manifest's name.
    fn name(&self) -> &str {
        match self {
            Self::Release(release) => &release.tag_name,
            Self::InBucket(_, name) => name.as_str(),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Release(release) => format!("release {}", release.tag_name),
            Self::InBucket(bucket, name) => bucket.label(name),
        }
    }

    fn claims_commit(&self, commit: &CommitSha) -> bool {
        match self {
            Self::Release(release) => tag::claims_commit(release, commit),
            Self::InBucket(_, name) => name.claims_commit(commit.as_str()),
        }
    }

    fn open(&self, search: &Search<'_>) -> Result<Manifest, ReleaseError> {
        match self {
            Self::Release(release) => release::open(search.client, release, search.key, search.trust),
            Self::InBucket(bucket, name) => {
                let manifest = bucket.read(name)?;
                bucket.check_origin(name, &manifest, search.trust)?;
                Ok(manifest)
            }
        }
    }

    fn fetch(&self, search: &Search<'_>, file: &StoredFile) -> Result<PathBuf, ReleaseError> {
        match self {
            Self::Release(release) => release::fetch(search.client, release, file, search.objects),
            Self::InBucket(bucket, _) => Ok(bucket.fetch(file, search.objects)?),
        }
    }
}

/// A baseline that may serve, and what is known of it.
struct Found<'a> {
    candidate: Candidate<'a>,
    manifest: Manifest,
    commits_between: u64,
}

impl Found<'_> {
    fn label(&self) -> String {
        self.candidate.label()
    }
}

/// Finds the baseline of every model of the config, in `bucket` or among the repository's releases. Fails only where GitHub or the bucket
/// does.
pub fn find(search: &Search<'_>, bucket: Option<&Bucket>) -> Result<Baselines, ReleaseError> {
    let releases: Vec<Candidate<'_>> = match bucket {
        Some(bucket) => bucket
            .list()?
            .into_iter()
            .filter(Name::has_commit)
            .map(|name| Candidate::InBucket(bucket, name))
            .collect(),
        None => release::list(search.client, search.key)?
            .into_iter()
            .map(|release| Candidate::Release(Box::new(release)))
            .collect(),
    };
    let mut refusals = Vec::new();
    let mut notices = Vec::new();
    let exact = if search.is_base_exact {
        exact(search, &releases, &mut refusals)?
    } else {
        None
    };
    let mut ancestor: Option<Option<Found<'_>>> = None;
    let mut baselines = nothing_yet(search, format!("the model at {}", search.base.short()));
    // The release that serves, where one does: the base's own before an earlier one.
    let mut serving: Option<&Found<'_>> = None;
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
        baselines.tag = Some(found.candidate.name().to_owned());
        baselines.label = found.label();
        baselines.commit = found.manifest.origin.as_ref().map(|origin| origin.commit.clone());
        baselines.machines = found.manifest.machines();
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

fn serves(found: &Found<'_>, answers: &BTreeMap<String, ModelBaseline>) -> bool {
    let label = found.label();
    answers
        .values()
        .any(|answer| matches!(answer, ModelBaseline::Source(source) if source.label == label))
}

fn distance(search: &Search<'_>, found: &Found<'_>) -> String {
    format!(
        "the base {} has no baseline of its own: compared with the newest one before it, {} commit{} earlier",
        search.base.short(),
        found.commits_between,
        if found.commits_between == 1 { "" } else { "s" }
    )
}

/// The newest believable baseline of exactly the base commit. What is not believed is said.
fn exact<'a>(
    search: &Search<'_>,
    releases: &[Candidate<'a>],
    refusals: &mut Vec<String>,
) -> Result<Option<Found<'a>>, ReleaseError> {
    for candidate in releases.iter().filter(|candidate| candidate.claims_commit(search.base)) {
        match candidate.open(search) {
            Ok(manifest) if measured_at(&manifest, search.base) => {
                return Ok(Some(Found {
                    candidate: candidate.clone(),
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

fn newest_ancestor<'a>(
    search: &Search<'_>,
    releases: &[Candidate<'a>],
    refusals: &mut Vec<String>,
) -> Result<Option<Found<'a>>, ReleaseError> {
    let others = releases
        .iter()
        .filter(|candidate| !candidate.claims_commit(search.base));
    for candidate in others.take(MAX_ANCESTORS) {
        let manifest = match candidate.open(search) {
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
                candidate: candidate.clone(),
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
    found: Option<&Found<'_>>,
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
        match found.candidate.fetch(search, file) {
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
