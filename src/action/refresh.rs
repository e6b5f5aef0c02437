//! The baseline as a job: a push to a baseline branch measures everything and publishes it as a new release.

use crate::action::commands;
use crate::action::dispatch;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::bot::accept;
use crate::config::BaselineStore;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::identity;
use crate::github::pull;
use crate::github::workflow_run::RepositoryFacts;
use crate::hint::Hint;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::bucket::Name;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::Origin;
use crate::pipeline::baseline::refresh;
use crate::pipeline::baseline::refresh::Made;
use crate::pipeline::baseline::refresh::Request;
use crate::pipeline::baseline::release;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::tag;
use crate::pipeline::trouble::chain;
use crate::pipeline::workspace::Workspace;
use crate::report::markdown;
use crate::verdict::Acceptance;

/// How many earlier baselines are looked at for one of the same branch.
const MAX_PREVIOUS: usize = 10;

/// How many pull requests of one commit are looked at.
const MAX_PULLS: usize = 5;

/// Publishes the baseline of `commit` on `branch` and returns the exit code.
pub fn run(
    inputs: &Inputs,
    client: &Client,
    branch: &str,
    commit: &CommitSha,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    match publish(inputs, client, branch, commit, repository, surroundings) {
        Ok((tag, text)) => {
            (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&text)));
            outputs::summarize(inputs.run.summary.as_deref(), &markdown::prose(&text))?;
            outputs::set(inputs.run.output.as_deref(), "result", "pass")?;
            outputs::set(inputs.run.output.as_deref(), "baseline", &tag)?;
            Ok(0)
        }
        Err(error) => {
            let reason = chain(&error);
            let mut text = format!("⛔ no baseline was published: {}\n", markdown::prose(&reason));
            for hint in error.hints() {
                text.push_str(&format!("\n- {}", markdown::prose(&hint)));
            }
            outputs::summarize(inputs.run.summary.as_deref(), &text)?;
            outputs::set(inputs.run.output.as_deref(), "result", "error")?;
            (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&reason)));
            Err(error)
        }
    }
}

fn publish(
    inputs: &Inputs,
    client: &Client,
    branch: &str,
    commit: &CommitSha,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<(String, String), ActionError> {
    let located = dispatch::locate(inputs)?;
    let config = &located.loaded.config;
    if let BaselineStore::Dir(path) = &config.baseline.store {
        let text = format!(
            "the baseline is the folder `{}` of the repository: nothing to publish",
            path.display()
        );
        return Ok((String::new(), text));
    }
    let key = inputs.gate_key(&dispatch::config_path(inputs)?);
    let facts = repository()?;
    let mut branches = config.baseline.branches.clone();
    if branches.is_empty() {
        branches.push(facts.default_branch.clone());
    }
    let trust = Trust {
        own: identity::own(client).ok(),
        repository_id: facts.id,
        branches,
    };
    let bucket = match &config.baseline.store {
        BaselineStore::S3(bucket) => {
            Some(Bucket::open(bucket, &key, surroundings.environment).map_err(ReleaseError::from)?)
        }
        BaselineStore::Release | BaselineStore::Dir(_) => None,
    };
    let previous = match &bucket {
        Some(bucket) => newest_in(bucket, branch, &trust, surroundings)?,
        None => newest(client, &key, branch, &trust, surroundings)?,
    };
    // Where nothing answers commands, nothing was accepted, and the job need not be allowed to look.
    let accepted = match commands::are_answered(&inputs.run.workspace) {
        true => accepted_in(client, commit, surroundings),
        false => Vec::new(),
    };
    let workspace = Workspace::open(&located.loaded.folder)?;
    let machinery = dispatch::machinery(inputs, config, surroundings)?;
    let origin = Origin {
        repository: inputs.run.repository.to_string(),
        repository_id: Some(facts.id),
        commit: commit.as_str().to_owned(),
        branch: branch.to_owned(),
        workflow_path: inputs.run.workflow_path.clone(),
        run_id: Some(inputs.run.id),
        run_attempt: Some(inputs.run.attempt),
    };
    let request = Request {
        config,
        folder: &located.loaded.folder,
        key: &key,
        origin: Some(origin),
        previous: previous.as_ref().map(|(_, manifest)| manifest),
        machinery: &machinery,
        objects: workspace.objects(),
        environment: surroundings.environment,
        interrupt: surroundings.interrupt,
        now: surroundings.now.clone(),
        accepted: &accepted,
    };
    let manifest = match refresh::make(&request, surroundings.observer)? {
        Made::New(manifest) => manifest,
        Made::Unchanged => {
            let tag = previous.map(|(tag, _)| tag).unwrap_or_default();
            return Ok((
                tag.clone(),
                format!("nothing changed since the baseline {tag}: no new one is needed"),
            ));
        }
    };
    if let Some(bucket) = &bucket {
        return Ok(publish_in(bucket, &manifest, &workspace, config.baseline.keep)?);
    }
    let tag = tag::of(&key, &surroundings.now, inputs.run.id, inputs.run.attempt, commit);
    release::publish(client, &manifest, workspace.objects(), &tag)?;
    let mut text = format!(
        "published the baseline {tag} with {} comparisons",
        manifest.entries.len()
    );
    match release::retain(client, &key, config.baseline.keep, &surroundings.now) {
        Ok(deleted) if deleted.is_empty() => {}
        Ok(deleted) => text.push_str(&format!("; {} old ones were deleted", deleted.len())),
        // The new baseline stands; the next refresh tidies up.
        Err(error) => text.push_str(&format!("; old ones could not be deleted: {}", chain(&error))),
    }
    Ok((tag, text))
}

/// What was accepted in the pull request that brought `commit`, while it was open. What cannot be read is said, and no reason not to publish.
fn accepted_in(client: &Client, commit: &CommitSha, surroundings: &mut Surroundings<'_>) -> Vec<Acceptance> {
    match find_accepted(client, commit) {
        Ok(found) => found,
        Err(error) => {
            let text = match error.needs() {
                Some(permission) => format!(
                    "what was accepted in the merged pull request is not in this baseline: give the job `permissions: {{ {} }}`",
                    permission.line()
                ),
                None => format!(
                    "what was accepted in the merged pull request is not in this baseline: {}",
                    chain(&error)
                ),
            };
            (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&text)));
            Vec::new()
        }
    }
}

fn find_accepted(client: &Client, commit: &CommitSha) -> Result<Vec<Acceptance>, GithubError> {
    let mut found = Vec::new();
    for pull in pull::of_commit(client, commit)?.into_iter().take(MAX_PULLS) {
        // What counts is what held when it was merged.
        let Some(merged) = pull.merged_at.as_deref().and_then(|time| time.parse().ok()) else {
            continue;
        };
        found.extend(accept::standing(client, pull.number, &pull.head_sha, merged)?);
    }
    Ok(found)
}

/// Publishes a baseline in a bucket; its name, and what to say.
fn publish_in(
    bucket: &Bucket,
    manifest: &Manifest,
    workspace: &Workspace,
    keep: usize,
) -> Result<(String, String), ReleaseError> {
    let name = bucket.publish(manifest, workspace.objects())?;
    let mut text = format!(
        "published the baseline {} with {} comparisons",
        bucket.label(&name),
        manifest.entries.len()
    );
    match bucket.retain(keep) {
        Ok(0) => {}
        Ok(deleted) => text.push_str(&format!("; {deleted} old ones were deleted")),
        // The new baseline stands; the next refresh tidies up.
        Err(error) => text.push_str(&format!("; old ones could not be deleted: {}", chain(&error))),
    }
    Ok((name.as_str().to_owned(), text))
}

/// As [`newest`], in a bucket.
fn newest_in(
    bucket: &Bucket,
    branch: &str,
    trust: &Trust,
    surroundings: &mut Surroundings<'_>,
) -> Result<Option<(String, Manifest)>, ReleaseError> {
    for name in bucket.list()?.into_iter().filter(Name::has_commit).take(MAX_PREVIOUS) {
        let read = bucket
            .read(&name)
            .and_then(|manifest| bucket.check_origin(&name, &manifest, trust).map(|()| manifest));
        match read {
            Ok(manifest) if manifest.origin.as_ref().is_some_and(|origin| origin.branch != branch) => {}
            Ok(manifest) => return Ok(Some((name.as_str().to_owned(), manifest))),
            Err(error) if error.is_refusal() => {
                (surroundings.log)(&format!("::warning title=mlbuild::{}", outputs::escape(&chain(&error))));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// The newest believable baseline of `branch`, whose history goes on. What is not believed is said and passed over.
fn newest(
    client: &Client,
    key: &str,
    branch: &str,
    trust: &Trust,
    surroundings: &mut Surroundings<'_>,
) -> Result<Option<(String, Manifest)>, ReleaseError> {
    for candidate in release::list(client, key)?.into_iter().take(MAX_PREVIOUS) {
        match release::open(client, &candidate, key, trust) {
            // Another branch's baseline is no ancestor of what comes after this commit.
            Ok(manifest) if manifest.origin.as_ref().is_some_and(|origin| origin.branch != branch) => {}
            Ok(manifest) => return Ok(Some((candidate.tag_name, manifest))),
            Err(error) if error.is_refusal() => {
                (surroundings.log)(&format!("::warning title=mlbuild::{}", outputs::escape(&chain(&error))));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
