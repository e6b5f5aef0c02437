//! Baselines as GitHub releases: one release a refresh, on a commit of its own, never changed once published.
//!
//! A release is believed only if everything about it agrees: who uploaded it, the run that it names (asked of GitHub, not of the
//! manifest), that run's branch, commit and workflow file, and the digest of every file.

use std::path::PathBuf;

use crate::files::FileError;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::asset;
use crate::github::asset::Asset;
use crate::github::asset::Content;
use crate::github::git;
use crate::github::identity::Account;
use crate::github::release;
use crate::github::release::NewRelease;
use crate::github::release::Release;
use crate::github::workflow_run;
use crate::hint::Hint;
use crate::pipeline::baseline::bucket::BucketError;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::ManifestError;
use crate::pipeline::baseline::manifest::Origin;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::tag::is_of_key;
use crate::pipeline::baseline::tag::is_older;
use crate::pipeline::baseline::tag::month_of;
use crate::pipeline::baseline::tag::run_of;
use crate::store::Objects;
use crate::store::StoreError;

/// GitHub takes no larger asset: 2 GiB.
const MAX_ASSET_BYTES: u64 = 2_147_483_648;

/// The account of a workflow's own token.
const ACTIONS_BOT: &str = "github-actions[bot]";

/// Events that run the default branch's own workflows; a pull request's run can publish nothing. A comment's is among them for
/// `/mlbuild baseline refresh`, whose job checks out the default branch alone.
const TRUSTED_EVENTS: [&str; 4] = ["push", "schedule", "workflow_dispatch", "issue_comment"];

/// What can go wrong with a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// GitHub did not do what was asked.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// The release is not what it claims to be.
    #[error("the baseline release `{tag}` is refused: {reason}")]
    Refused {
        /// Its tag.
        tag: String,
        /// What does not agree.
        reason: String,
    },
    /// Its manifest is not usable.
    #[error("the baseline release `{tag}` is refused: {source}")]
    Manifest {
        /// Its tag.
        tag: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// The bucket, where baselines are in one.
    #[error(transparent)]
    Bucket(Box<BucketError>),
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<BucketError> for ReleaseError {
    fn from(error: BucketError) -> Self {
        Self::Bucket(Box::new(error))
    }
}

impl ReleaseError {
    /// True where the release itself is at fault, and another one may do.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Manifest { .. } | Self::Github(GithubError::Altered { .. }) => true,
            Self::Bucket(error) => error.is_refusal(),
            Self::Github(_) | Self::Store(_) | Self::File(_) => false,
        }
    }
}

impl Hint for ReleaseError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Github(error) => error.hints(),
            Self::Manifest { source: ManifestError::OtherSchema { .. }, .. } => {
                vec![
                    "use the version of the action that wrote the baseline, or have this one publish a new baseline by running the baseline job on the default branch".to_owned(),
                ]
            }
            Self::Refused { .. } | Self::Manifest { .. } => vec![
                "look at who published the release; then publish a new one by running the baseline job on the default branch"
                    .to_owned(),
            ],
            Self::Bucket(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// Published baselines of `key`, newest first by run and attempt.
pub fn list(client: &Client, key: &str) -> Result<Vec<Release>, GithubError> {
    Ok(published(release::list(client)?, key))
}

fn published(releases: Vec<Release>, key: &str) -> Vec<Release> {
    let mut releases: Vec<Release> = releases
        .into_iter()
        .filter(|release| !release.draft && is_of_key(&release.tag_name, key))
        .collect();
    releases.sort_by_key(|release| std::cmp::Reverse(run_of(&release.tag_name)));
    releases
}

/// Who may have published a baseline, and from where.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The account of this job's token, where known.
    pub own: Option<Account>,
    /// The repository's number.
    pub repository_id: u64,
    /// Branches whose baselines count.
    pub branches: Vec<String>,
}

/// Downloads and checks the manifest of `release`, and everything that it claims of itself.
pub fn open(client: &Client, release: &Release, key: &str, trust: &Trust) -> Result<Manifest, ReleaseError> {
    let refused = |reason: String| ReleaseError::Refused {
        tag: release.tag_name.clone(),
        reason,
    };
    let asset = find_asset(release, manifest::FILE_NAME)?;
    check_uploader(release, asset, trust)?;
    let (bytes, _) = asset::download(client, asset, manifest::MAX_BYTES)?;
    let manifest = Manifest::parse(&bytes).map_err(|source| ReleaseError::Manifest {
        tag: release.tag_name.clone(),
        source,
    })?;
    if manifest.key != key {
        return Err(refused(format!(
            "its key is `{}`, this gate's is `{key}`",
            manifest.key
        )));
    }
    let origin = manifest
        .origin
        .as_ref()
        .ok_or_else(|| refused("its manifest names no run".to_owned()))?;
    check_run(client, release, origin, trust)?;
    for file in manifest.files() {
        let asset = find_asset(release, &file.asset_name())?;
        check_uploader(release, asset, trust)?;
        if asset.size != file.bytes || asset.digest().is_some_and(|digest| digest != file.digest) {
            return Err(refused(format!(
                "its file `{}` is not what the manifest says",
                file.asset_name()
            )));
        }
    }
    Ok(manifest)
}

/// Downloads one file of `release` into the object store, after checking it.
pub fn fetch(
    client: &Client,
    release: &Release,
    file: &StoredFile,
    objects: &Objects,
) -> Result<PathBuf, ReleaseError> {
    if let Some(path) = objects.path(&file.digest)
        && objects.verify(&file.digest).is_ok()
    {
        return Ok(path);
    }
    let asset = find_asset(release, &file.asset_name())?;
    let (bytes, digest) = asset::download(client, asset, MAX_ASSET_BYTES.min(file.bytes))?;
    if digest != file.digest {
        return Err(ReleaseError::Refused {
            tag: release.tag_name.clone(),
            reason: format!(
                "its file `{}` has SHA-256 {}…, the manifest says {}…",
                asset.name,
                digest.short(),
                file.digest.short()
            ),
        });
    }
    objects.put(&bytes)?;
    Ok(objects.verify(&digest)?)
}

/// Publishes `manifest` with its files out of the object store as a new release on a commit of its own.
pub fn publish(client: &Client, manifest: &Manifest, objects: &Objects, tag: &str) -> Result<Release, ReleaseError> {
    let bytes = manifest.to_bytes().map_err(|source| ReleaseError::Manifest {
        tag: tag.to_owned(),
        source,
    })?;
    let commit = git::create_orphan_commit(client, "mlbuild baseline: this commit only carries a tag")?;
    git::create_tag(client, tag, &commit)?;
    let published = publish_draft(client, manifest, bytes, objects, tag);
    if published.is_err() {
        // All that was lost may be the answer; without its tag a published release would be a draft again.
        if let Ok(Some(release)) = release::by_tag(client, tag) {
            return Ok(release);
        }
        // The first error is what the caller needs to hear; what is left behind has no effect but to be untidy.
        let _ = remove_draft(client, tag);
        let _ = git::delete_tag(client, tag);
    }
    published
}

fn publish_draft(
    client: &Client,
    manifest: &Manifest,
    bytes: Vec<u8>,
    objects: &Objects,
    tag: &str,
) -> Result<Release, ReleaseError> {
    let draft = release::create_draft(
        client,
        &NewRelease {
            tag_name: tag.to_owned(),
            name: format!("mlbuild baseline {}", manifest.key),
            body: describe(manifest),
        },
    )?;
    for file in manifest.files() {
        let path = objects.verify(&file.digest)?;
        asset::upload(client, &draft, &file.asset_name(), &Content::File(path))?;
    }
    asset::upload(client, &draft, manifest::FILE_NAME, &Content::Bytes(bytes.into()))?;
    Ok(release::publish(client, draft.id)?)
}

fn remove_draft(client: &Client, tag: &str) -> Result<(), GithubError> {
    for release in release::list(client)?
        .iter()
        .filter(|release| release.draft && release.tag_name == tag)
    {
        release::delete(client, release.id)?;
    }
    Ok(())
}

fn describe(manifest: &Manifest) -> String {
    let mut text = String::from(
        "The models that pull requests are compared with, and their variants to deploy. Written by mlbuild; \
         each baseline is a release of its own and is never changed.\n\n",
    );
    if let Some(origin) = &manifest.origin {
        text.push_str(&format!("Measured at {}.\n", origin.commit));
    }
    text
}

/// Deletes baselines of `key` beyond the newest `keep`, sparing the newest of each month, and drafts that a killed run has left; and their
/// tags. Returns the tags. `now` is ISO 8601: a draft of the last two days may be another run's, which is still at work.
pub fn retain(client: &Client, key: &str, keep: usize, now: &str) -> Result<Vec<String>, GithubError> {
    let all = release::list(client)?;
    let left: Vec<Release> = all
        .iter()
        .filter(|release| release.draft && is_of_key(&release.tag_name, key) && is_older(&release.tag_name, now))
        .cloned()
        .collect();
    let mut months = std::collections::BTreeSet::new();
    let old = published(all, key).into_iter().enumerate().filter(|(place, release)| {
        let first_of_month = months.insert(month_of(&release.tag_name).to_owned());
        *place >= keep.max(1) && !first_of_month
    });
    let mut deleted = Vec::new();
    for release in old.map(|(_, release)| release).chain(left) {
        release::delete(client, release.id)?;
        git::delete_tag(client, &release.tag_name)?;
        deleted.push(release.tag_name);
    }
    Ok(deleted)
}

fn find_asset<'a>(release: &'a Release, name: &str) -> Result<&'a Asset, ReleaseError> {
    let refused = |reason: String| ReleaseError::Refused {
        tag: release.tag_name.clone(),
        reason,
    };
    let asset = release
        .assets
        .iter()
        .find(|asset| asset.name == name)
        .ok_or_else(|| refused(format!("it has no file `{name}`")))?;
    if asset.is_complete() {
        Ok(asset)
    } else {
        Err(refused(format!("its file `{name}` was never wholly uploaded")))
    }
}

fn check_uploader(release: &Release, asset: &Asset, trust: &Trust) -> Result<(), ReleaseError> {
    let known = |account: &Account| {
        account.login.eq_ignore_ascii_case(ACTIONS_BOT) || trust.own.as_ref().is_some_and(|own| own.is(account))
    };
    match &asset.uploader {
        Some(uploader) if known(uploader) => Ok(()),
        uploader => Err(ReleaseError::Refused {
            tag: release.tag_name.clone(),
            reason: format!(
                "its file `{}` was uploaded by {}, not by a workflow of this repository",
                asset.name,
                uploader
                    .as_ref()
                    .map_or("nobody known", |account| account.login.as_str())
            ),
        }),
    }
}

fn check_run(client: &Client, release: &Release, origin: &Origin, trust: &Trust) -> Result<(), ReleaseError> {
    let refused = |reason: String| {
        Err(ReleaseError::Refused {
            tag: release.tag_name.clone(),
            reason,
        })
    };
    let Some(run_id) = origin.run_id else {
        return refused("its manifest names no run".to_owned());
    };
    let run = match workflow_run::get(client, run_id) {
        Ok(run) => run,
        Err(error) if error.is_not_found() => {
            return refused(format!("GitHub knows no workflow run {run_id}"));
        }
        Err(error) => match error.needs() {
            Some(permission) => {
                return refused(format!(
                    "this token may not see the run that published it; give the job `permissions: {{ {} }}`",
                    permission.line()
                ));
            }
            None => return Err(error.into()),
        },
    };
    if run.repository.id != trust.repository_id {
        return refused(format!("run {run_id} belongs to `{}`", run.repository.full_name));
    }
    if run
        .head_repository
        .as_ref()
        .is_some_and(|head| head.id != trust.repository_id)
    {
        return refused(format!("run {run_id} ran the code of a fork"));
    }
    if !TRUSTED_EVENTS.contains(&run.event.as_str()) {
        return refused(format!(
            "run {run_id} was started by `{}`, not by a push to a baseline branch",
            run.event
        ));
    }
    if run.head_sha.as_str() != origin.commit {
        return refused(format!(
            "run {run_id} ran on {}, the manifest says {}",
            run.head_sha.short(),
            origin.commit
        ));
    }
    if !release
        .tag_name
        .ends_with(&format!("-{}", origin.commit.get(..12).unwrap_or_default()))
    {
        return refused("its tag and its manifest name different commits".to_owned());
    }
    if !release.tag_name.contains(&format!("-{run_id}-")) {
        return refused("its tag and its manifest name different runs".to_owned());
    }
    if run.head_branch.as_deref() != Some(origin.branch.as_str()) {
        return refused(format!(
            "run {run_id} ran on another branch than the manifest's `{}`",
            origin.branch
        ));
    }
    if !trust.branches.contains(&origin.branch) {
        return refused(format!("`{}` is no baseline branch", origin.branch));
    }
    if origin.workflow_path.as_deref() != Some(run.workflow_path()) {
        return refused(format!(
            "run {run_id} ran `{}`, the manifest says otherwise",
            run.workflow_path()
        ));
    }
    Ok(())
}
