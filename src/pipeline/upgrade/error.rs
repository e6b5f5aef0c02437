//! Why the running program stays what it is.

use std::path::PathBuf;

use semver::Version;

use crate::files::FileError;
use crate::github::GithubError;
use crate::hint::Hint;

/// An upgrade that did not take place. The old program is untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// GitHub could not be asked, or declined.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// Something could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A version that is none.
    #[error("`{text}` is no version such as 1.2.3")]
    Version {
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: semver::Error,
    },
    /// Nothing to upgrade to.
    #[error("`{repository}` has no release")]
    NoRelease {
        /// The repository.
        repository: String,
    },
    /// No release of this version.
    #[error("`{repository}` has no release of version {version}")]
    NoSuchRelease {
        /// The version that was asked for.
        version: Version,
        /// The repository.
        repository: String,
    },
    /// An older version was asked for.
    #[error("{version} is older than this program, {running}: upgrading never goes back")]
    Downgrade {
        /// The version that was asked for.
        version: Version,
        /// This program's.
        running: Version,
        /// Where people read about the release.
        url: String,
    },
    /// The tag has no manifest.
    #[error("the release `{tag}` has no `dist/manifest.json`, which would name its binaries' digests")]
    NoManifest {
        /// The tag.
        tag: String,
    },
    /// The manifest is not what it should be.
    #[error("`dist/manifest.json` of `{tag}`: {reason}")]
    Manifest {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The release has no binary for this platform.
    #[error("the release `{tag}` has no binary for {platform}, only for {}", others(there))]
    NoBinary {
        /// The tag.
        tag: String,
        /// This platform.
        platform: String,
        /// The platforms that it has.
        there: Vec<String>,
    },
    /// The file is not the one that the manifest names.
    #[error("`{name}` is not the binary that the manifest names: expected {expected}, got {found}")]
    Altered {
        /// The file.
        name: String,
        /// Size or digest by the manifest or release.
        expected: String,
        /// Size or digest of what there is.
        found: String,
    },
    /// The new program does not run here.
    #[error("the new program does not start: {reason}")]
    DoesNotStart {
        /// What happened.
        reason: String,
    },
    /// The program may not be replaced by us.
    #[error("`{}` is {owner}", path.display())]
    NotOurs {
        /// The program's file.
        path: PathBuf,
        /// Whose it is: a noun phrase.
        owner: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// The folder of the program cannot be written to.
    #[error("cannot write into `{}`, where this program lies", folder.display())]
    ReadOnly {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The new file could not take the old one's place.
    #[error("cannot replace `{}`", path.display())]
    Replace {
        /// The program's file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

fn others(there: &[String]) -> String {
    if there.is_empty() {
        "none at all".to_owned()
    } else {
        there.join(", ")
    }
}

impl Hint for UpgradeError {
    fn hints(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Self::Github(GithubError::RateLimited { .. }) => {
                one("try again in an hour, or set `GITHUB_TOKEN`: with a token GitHub answers more often")
            }
            Self::Github(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Version { .. } => one("write it as `--version 1.2.3`"),
            Self::NoRelease { .. } | Self::NoSuchRelease { .. } => {
                vec![format!("{}/releases lists what there is", super::REPOSITORY)]
            }
            Self::Downgrade { url, version, .. } => vec![
                format!(
                    "to go back, download {version} from {url}, compare its SHA-256 with `dist/manifest.json` of that tag, and put it in this file's place"
                ),
                "a registry that a newer version has opened may be refused by an older one: keep a copy of `.mlbuild/`"
                    .to_owned(),
            ],
            Self::NoManifest { .. } | Self::Manifest { .. } => {
                one("nothing was replaced; take another release with `--version`, and report this one")
            }
            Self::NoBinary { tag, .. } => {
                vec![format!(
                    "build it: `cargo install --locked --git {} --tag {tag}`",
                    super::REPOSITORY
                )]
            }
            Self::Altered { .. } => {
                one("nothing was replaced, and what was downloaded is gone; try again, and report it where it stays so")
            }
            Self::DoesNotStart { .. } => {
                one("nothing was replaced; this release may need another system than this one")
            }
            Self::NotOurs { advice, .. } => one(advice),
            Self::ReadOnly { .. } => {
                one("run it as the owner of that folder, or have whoever installed the program upgrade it")
            }
            Self::Replace { .. } => one("the old program is still there; check that nothing holds the file open"),
        }
    }
}
