//! Replacing the running program by a release of it: which release, whether its binary is the one that its manifest names, and whether
//! it starts; only then does it take the old file's place.
//!
//! What counts is `dist/manifest.json` as committed at the release's tag: it names the binaries' size and SHA-256. What the release itself
//! says of its files must agree with it.

mod error;
mod install;
mod manifest;
mod place;

use semver::Version;

use crate::github::Client;
use crate::github::GithubError;
use crate::github::contents;
use crate::github::release;
use crate::github::release::Release;

pub use error::UpgradeError;
pub use install::Installed;
pub use install::install;
pub use manifest::Binary;
pub use manifest::platform;
pub use place::Place;

/// `https://github.com/owner/name`: where releases come from.
pub const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The manifest's place in the repository.
const MANIFEST: &str = "dist/manifest.json";
/// No manifest is as long as this.
const MANIFEST_BYTES: u64 = 1 << 20;

/// What a release means for this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is newer: an upgrade.
    Newer,
    /// It is this version.
    Same,
    /// It is older; this program is a build of something not released yet, or an older one was asked for.
    Older,
}

/// A release, and what it means for this program.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its version.
    pub version: Version,
    /// Whether it is newer than this program.
    pub standing: Standing,
    /// The release itself.
    pub release: Release,
}

/// The version of this program.
///
/// # Errors
///
/// Where it was built with a version that is none.
pub fn running() -> Result<Version, UpgradeError> {
    Version::parse(crate::VERSION).map_err(|source| UpgradeError::Version {
        text: crate::VERSION.to_owned(),
        source,
    })
}

/// Looks for the release of `wanted`, or for the newest one: not a draft, not a prerelease, tagged `v` and its version.
///
/// # Errors
///
/// Where GitHub cannot be asked, or has no such release.
pub fn find(client: &Client, wanted: Option<&Version>) -> Result<Found, UpgradeError> {
    let (version, release) = match wanted {
        Some(version) => {
            let release = release::by_tag(client, &format!("v{version}"))?;
            let release = release.ok_or_else(|| UpgradeError::NoSuchRelease {
                version: version.clone(),
                repository: client.repo().to_string(),
            })?;
            (version.clone(), release)
        }
        None => {
            let newest = release::list(client)?
                .into_iter()
                .filter(|release| !release.draft && !release.prerelease)
                .filter_map(|release| Some((Version::parse(release.tag_name.strip_prefix('v')?).ok()?, release)))
                .max_by(|(one, _), (other, _)| one.cmp(other));
            newest.ok_or_else(|| UpgradeError::NoRelease {
                repository: client.repo().to_string(),
            })?
        }
    };
    let standing = match version.cmp_precedence(&running()?) {
        std::cmp::Ordering::Greater => Standing::Newer,
        std::cmp::Ordering::Equal => Standing::Same,
        std::cmp::Ordering::Less => Standing::Older,
    };
    Ok(Found {
        version,
        standing,
        release,
    })
}

/// What the manifest at the release's tag says of the binary for `platform`.
///
/// # Errors
///
/// Where there is no manifest, it is of another version, or it has no binary for this platform.
pub fn binary(client: &Client, found: &Found, platform: &str) -> Result<Binary, UpgradeError> {
    let tag = &found.release.tag_name;
    let bytes = contents::at_tag(client, MANIFEST, tag, MANIFEST_BYTES)?;
    let bytes = bytes
        .ok_or_else(|| UpgradeError::NoManifest { tag: tag.clone() })?
        .bytes;
    manifest::read(&bytes, tag, &found.version, platform)
}

/// A fault of the download becomes ours, as the advice differs: nothing here is a baseline.
fn altered(error: GithubError) -> UpgradeError {
    match error {
        GithubError::Altered { name, expected, found } => UpgradeError::Altered { name, expected, found },
        error => error.into(),
    }
}
