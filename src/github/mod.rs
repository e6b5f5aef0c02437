//! GitHub's REST API as plain blocking calls: comments, check runs, releases, git objects, runs and events. It knows no word
//! of what is measured or judged.

pub mod artifact;
pub mod asset;
pub mod check_run;
pub mod client;
pub mod collaborator;
pub mod comment;
pub mod contents;
pub mod error;
pub mod event;
pub mod git;
pub mod hosts;
pub mod identity;
pub mod ids;
mod page;
pub mod pull;
pub mod reaction;
pub mod release;
pub mod retry;
pub mod sticky;
pub mod text;
mod transport;
pub mod workflow_run;

pub use client::Client;
pub use error::GithubError;
pub use error::Permission;
pub use ids::CommitSha;
pub use ids::PrNumber;
pub use ids::RepoName;
