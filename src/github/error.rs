//! What can go wrong between us and GitHub, each kind with the call it happened in. The token never appears here.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::files::FileError;
use crate::hint::Hint;

use super::retry::Failure;

/// One request, as errors name it: the method and the path, without query or host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// `/repos/owner/name/…`, or host and path of another origin.
    pub path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A scope that a workflow's `permissions:` can grant to its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// See the repository at all; every token has it.
    MetadataRead,
    /// Read releases, commits and files.
    ContentsRead,
    /// Write releases, tags and commits.
    ContentsWrite,
    /// Read pull requests and their comments.
    PullRequestsRead,
    /// Comment on pull requests.
    PullRequestsWrite,
    /// Read check runs.
    ChecksRead,
    /// Create and update check runs.
    ChecksWrite,
    /// Read workflow runs and their artifacts.
    ActionsRead,
}

impl Permission {
    /// The line under `permissions:` that grants it.
    pub fn line(self) -> &'static str {
        match self {
            Self::MetadataRead => "metadata: read",
            Self::ContentsRead => "contents: read",
            Self::ContentsWrite => "contents: write",
            Self::PullRequestsRead => "pull-requests: read",
            Self::PullRequestsWrite => "pull-requests: write",
            Self::ChecksRead => "checks: read",
            Self::ChecksWrite => "checks: write",
            Self::ActionsRead => "actions: read",
        }
    }
}

/// A call to GitHub that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    /// A URL of the environment or of an answer that may not be called.
    #[error("refused to call `{url}`: {reason}")]
    Url {
        /// The URL, without its query.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTPS client")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// 401.
    #[error("GitHub does not accept the token (`{call}`: {message})")]
    Unauthorized {
        /// The call.
        call: Call,
        /// GitHub's words.
        message: String,
    },
    /// 403 that is no rate limit.
    #[error("the token may not `{call}`: {message}")]
    Forbidden {
        /// The call.
        call: Call,
        /// What the token lacks.
        needs: Permission,
        /// GitHub's words.
        message: String,
    },
    /// 404.
    #[error("GitHub has no `{call}`, or hides it from this token")]
    NotFound {
        /// The call.
        call: Call,
        /// What the token needs to see it.
        needs: Permission,
    },
    /// 422 and 409: GitHub understood and declined.
    #[error("GitHub declined `{call}`: {message}")]
    Invalid {
        /// The call.
        call: Call,
        /// GitHub's words, with the fields it names.
        message: String,
        /// GitHub's error codes, such as `already_exists`.
        codes: Vec<String>,
    },
    /// 429, or 403 that says so: too many requests, and the wait is longer than allowed or was in vain.
    #[error("GitHub limits the rate of `{call}`: {message}")]
    RateLimited {
        /// The call.
        call: Call,
        /// GitHub's words.
        message: String,
        /// How long GitHub wants us to wait.
        retry_after: Option<Duration>,
        /// When the hourly budget is filled again, in seconds since 1970.
        reset: Option<u64>,
    },
    /// 5xx. Whether anything was written is unknown.
    #[error("GitHub failed at `{call}` with status {status}: {message}")]
    Server {
        /// The call.
        call: Call,
        /// 500 to 599.
        status: u16,
        /// GitHub's words.
        message: String,
    },
    /// Any other status.
    #[error("GitHub answered `{call}` with the unexpected status {status}: {message}")]
    Status {
        /// The call.
        call: Call,
        /// The status.
        status: u16,
        /// GitHub's words.
        message: String,
    },
    /// No answer. Whether anything was written is unknown.
    #[error("no answer to `{call}`")]
    Transport {
        /// The call.
        call: Call,
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time. Whether anything was written is unknown.
    #[error("no answer to `{call}` within {} s", waited.as_secs_f64())]
    Timeout {
        /// The call.
        call: Call,
        /// The time given.
        waited: Duration,
    },
    /// An answer without the fields that it must have.
    #[error("cannot read the answer to `{call}`")]
    Body {
        /// The call.
        call: Call,
        /// The field and what was wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An answer beyond the cap.
    #[error("the answer to `{call}` is longer than {limit} bytes")]
    TooLarge {
        /// The call.
        call: Call,
        /// The cap.
        limit: u64,
    },
    /// A list with more pages than anyone should read.
    #[error("`{call}` has more than {pages} pages")]
    TooManyPages {
        /// The call.
        call: Call,
        /// The cap.
        pages: u32,
    },
    /// An asset that is not what its release says.
    #[error("`{name}` is not what its release says: expected {expected}, got {found}")]
    Altered {
        /// The asset.
        name: String,
        /// Size or digest by the release.
        expected: String,
        /// Size or digest of what arrived.
        found: String,
    },
    /// What arrived could not be kept.
    #[error("cannot keep the answer to `{call}`")]
    Keep {
        /// The call.
        call: Call,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file on this side.
    #[error(transparent)]
    File(#[from] FileError),
}

impl GithubError {
    /// Whether a write that ended so may have happened all the same.
    pub fn is_ambiguous(&self) -> bool {
        // A success whose words cannot be read was a success.
        matches!(
            self,
            Self::Server { .. }
                | Self::Transport { .. }
                | Self::Timeout { .. }
                | Self::Body { .. }
                | Self::TooLarge { .. }
        )
    }

    /// Whether GitHub said that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether GitHub declined because the name is taken.
    pub fn is_already_there(&self) -> bool {
        match self {
            Self::Invalid { codes, message, .. } => {
                codes.iter().any(|code| code == "already_exists") || message.contains("already exists")
            }
            _ => false,
        }
    }

    /// The scope that the token lacks, where that was the reason.
    pub fn needs(&self) -> Option<Permission> {
        match self {
            Self::Forbidden { needs, .. } => Some(*needs),
            _ => None,
        }
    }

    /// What the retry policy needs to know; `None` where another try cannot help.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Server { .. } | Self::Transport { .. } | Self::Timeout { .. } | Self::Body { .. } => {
                Some(Failure::Broken)
            }
            Self::RateLimited { retry_after, reset, .. } => Some(Failure::Limited {
                retry_after: *retry_after,
                reset: *reset,
            }),
            _ => None,
        }
    }
}

impl Hint for GithubError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Url { .. } => {
                vec!["check `GITHUB_API_URL`; only https is called, and only hosts that belong to it".to_owned()]
            }
            Self::Setup(_) => {
                vec!["install the system's CA certificates, or name a bundle in `SSL_CERT_FILE`".to_owned()]
            }
            Self::Unauthorized { .. } => {
                vec![
                    "pass a valid token: `token: ${{ github.token }}` in the workflow, or `GITHUB_TOKEN` elsewhere"
                        .to_owned(),
                ]
            }
            Self::Forbidden { needs, .. } => vec![
                format!(
                    "add `{}` under `permissions:` of the job, beside the lines already there",
                    needs.line()
                ),
                "pull requests from forks get a read-only token whatever the workflow says".to_owned(),
            ],
            Self::NotFound { needs, .. } => {
                vec![format!(
                    "in a private repository, the job needs `{}` under `permissions:` to see it",
                    needs.line()
                )]
            }
            Self::RateLimited { .. } => {
                vec!["run the job again later; other jobs with the same token share its budget".to_owned()]
            }
            Self::Server { .. } | Self::Transport { .. } | Self::Timeout { .. } => {
                vec!["run the job again; https://www.githubstatus.com says whether GitHub has an outage".to_owned()]
            }
            Self::Altered { .. } => {
                vec!["delete that release and refresh it from the default branch; do not use its files".to_owned()]
            }
            Self::File(error) => error.hints(),
            Self::Body { .. } | Self::Status { .. } => {
                vec!["check that `GITHUB_API_URL` is the API of a GitHub server".to_owned()]
            }
            Self::Invalid { .. } | Self::TooLarge { .. } | Self::TooManyPages { .. } | Self::Keep { .. } => Vec::new(),
        }
    }
}
