//! What can go wrong with a remote. No variant carries a credential, nor text of a server that could.

use std::error::Error;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::store::StoreError;

use super::transport::CLOSE;
use super::transport::OPEN;
use super::transport::Trouble;

/// A remote that cannot be used, or what is wrong with what it holds.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// A setting that cannot be.
    #[error("{what}")]
    Setting {
        /// Which, and why.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// The client could not be made.
    #[error("cannot reach any remote: {0}")]
    Setup(String),
    /// There are no credentials, or none that this program reads.
    #[error("no credentials for {place}: {reason}")]
    NoCredentials {
        /// The remote, for people.
        place: String,
        /// Where was looked.
        reason: String,
    },
    /// A file of profiles that cannot be used.
    #[error("cannot use the profile `{profile}`: {reason}")]
    Profile {
        /// Its name.
        profile: String,
        /// Why not.
        reason: String,
    },
    /// Nobody answers.
    #[error("cannot reach {place}: {reason}")]
    Unreachable {
        /// The remote, for people.
        place: String,
        /// What happened.
        reason: String,
    },
    /// The server answers, and says no.
    #[error("{place} refuses to {action} `{name}`: {}", said(*status, code, message))]
    Refused {
        /// The remote, for people.
        place: String,
        /// A verb phrase: `write`, `list`.
        action: &'static str,
        /// The object's name beneath the prefix.
        name: String,
        /// The status, where there is one.
        status: Option<u16>,
        /// S3's word for the reason; may be empty.
        code: String,
        /// The server's sentence; may be empty.
        message: String,
    },
    /// The bucket does not exist.
    #[error("there is no such bucket: {place}")]
    NoBucket {
        /// The remote, for people.
        place: String,
    },
    /// The folder does not exist.
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    /// An object that should be there.
    #[error("`{name}` is not at {place}")]
    Missing {
        /// The object's name beneath the prefix.
        name: String,
        /// The remote, for people.
        place: String,
    },
    /// The object's content is not what its name says.
    #[error("`{name}` at {place} is damaged: {what}")]
    Damaged {
        /// The object's name beneath the prefix.
        name: String,
        /// The remote, for people.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// What should be sent has another content than its name says.
    #[error("`{}` changed or is damaged: its content has the digest {}", path.display(), found.short())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it holds now.
        found: Digest,
    },
    /// Others kept writing the same object.
    #[error("`{name}` at {place} is written by others all the time")]
    Contended {
        /// The object's name beneath the prefix.
        name: String,
        /// The remote, for people.
        place: String,
    },
    /// Files on this machine.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder of blobs on this machine.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn said(status: Option<u16>, code: &str, message: &str) -> String {
    let status = status.map(|status| format!("status {status}"));
    let parts = [code.to_owned(), status.unwrap_or_default(), message.to_owned()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        "it does not say why".to_owned()
    } else {
        parts.join(", ")
    }
}

impl RemoteError {
    /// True where only this object is bad, and the remote itself works.
    pub fn is_about_one_object(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Damaged { .. } | Self::Changed { .. } | Self::Contended { .. }
        ) || matches!(
            self,
            Self::Store(StoreError::Missing { .. } | StoreError::Damaged { .. })
        )
    }
}

impl Hint for RemoteError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Setting { hint, .. } => hint,
            Self::Setup(_) => "check that the system's certificates are installed (`ca-certificates`)",
            Self::NoCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile of `~/.aws/credentials`"
            }
            Self::Profile { profile, .. } => {
                return vec![format!(
                    "`aws configure export-credentials --profile {profile} --format env` prints variables that are understood"
                )];
            }
            Self::Unreachable { .. } => {
                "check `--endpoint` and the network; run again when it answers: what has arrived is not sent twice"
            }
            Self::Refused { status, code, .. } => return refused(*status, code),
            Self::NoBucket { .. } => "make the bucket first, or check `--bucket` and `--endpoint`",
            Self::NoFolder(_) => "make the folder first, or check `--path`; is its disk mounted?",
            Self::Missing { .. } => "push the build again from a machine that has it",
            Self::Damaged { .. } => {
                "nothing of it was kept; `mlbuild push --force BUILD` from a machine that has the build replaces it"
            }
            Self::Changed { .. } => "delete the file; pull or make the build again",
            Self::Contended { .. } => "run again",
            Self::File(error) => return error.hints(),
            Self::Store(error) => return error.hints(),
        };
        vec![hint.to_owned()]
    }
}

fn refused(status: Option<u16>, code: &str) -> Vec<String> {
    let hint = match (code, status) {
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch", _) => {
            "the server does not know this key, or the secret is another: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE"
        }
        ("ExpiredToken" | "InvalidToken", _) => "the session's credentials have expired: get new ones",
        ("RequestTimeTooSkewed", _) => "this machine's clock is wrong",
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) => {
            "the bucket is in another region: say which with `--region`"
        }
        ("AccessDenied", _) | (_, Some(401 | 403)) => {
            "these credentials may not do that: they need s3:ListBucket, s3:GetObject and s3:PutObject on the bucket and prefix"
        }
        (_, Some(500..)) => "the server has a problem of its own: run again later, what has arrived is not sent twice",
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

/// What an error of the S3 client is about.
pub(super) struct About<'a> {
    /// The remote, for people.
    pub(super) place: &'a str,
    /// A verb phrase: `write`, `list`.
    pub(super) action: &'static str,
    /// The object's name beneath the prefix.
    pub(super) name: &'a str,
}

/// Turns an error of the S3 client into ours, without what a server quotes.
pub(super) fn translate(error: &object_store::Error, about: &About<'_>) -> RemoteError {
    let place = about.place.to_owned();
    if let Some(trouble) = trouble(error) {
        return match trouble {
            Trouble::NoMetadata => RemoteError::NoCredentials {
                place,
                reason: "not in the environment, not in `~/.aws`, and this machine's metadata service gives none"
                    .to_owned(),
            },
            trouble => RemoteError::Unreachable {
                place,
                reason: trouble.to_string(),
            },
        };
    }
    let text = error.to_string();
    let (code, message) = quoted(&text);
    if code == "NoSuchBucket" {
        return RemoteError::NoBucket { place };
    }
    if matches!(error, object_store::Error::NotFound { .. }) {
        return RemoteError::Missing {
            name: about.name.to_owned(),
            place,
        };
    }
    let redirected = text.contains("redirect without LOCATION");
    let status = text
        .split_once("non-2xx status code: ")
        .and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    let odd = code.is_empty() && status.is_none() && !redirected;
    RemoteError::Refused {
        place,
        action: about.action,
        name: about.name.to_owned(),
        status,
        code: if redirected {
            "PermanentRedirect".to_owned()
        } else {
            code
        },
        message: if odd {
            "an answer that is not S3's".to_owned()
        } else {
            message
        },
    }
}

/// Why there was no whole answer, where that is the reason.
pub(super) fn trouble<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Trouble> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(trouble) = error.downcast_ref() {
            return Some(trouble);
        }
        next = error.source();
    }
    None
}

/// Code and message that the transport kept of the server's answer.
fn quoted(text: &str) -> (String, String) {
    text.rsplit_once(OPEN)
        .and_then(|(_, rest)| rest.split_once(CLOSE)?.0.split_once('|'))
        .map(|(code, message)| (code.to_owned(), message.to_owned()))
        .unwrap_or_default()
}
