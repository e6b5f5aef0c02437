//! What was built and measured, remembered in SQLite (`.mlbuild/registry.db`): builds with their lineage, measurements, tags,
//! experiments, the history of commands, remotes.
//!
//! Several processes may use one registry at once. Blobs are not in here: artifacts are digests, their content is in the store.

mod benchmarks;
mod builds;
mod checks;
mod error;
mod experiments;
mod figures;
mod figures_on;
mod history;
mod keeping;
mod list;
mod measurements;
mod past;
mod pick;
mod reading;
mod remotes;
mod rows;
pub mod salvage;
mod schema;
mod share;
mod tags;
mod unfigured;
mod whole;

pub use benchmarks::Benchmark;
pub use builds::About;
pub use builds::ArtifactFacts;
pub use builds::Build;
pub use builds::BuildFacts;
pub use checks::Check;
pub use checks::DerivationFacts;
pub use error::RegistryError;
pub use experiments::Experiment;
pub use experiments::Run;
pub use experiments::RunLog;
pub use experiments::RunMetric;
pub use experiments::RunStatus;
pub use figures::Figured;
pub use figures::Figures;
pub use figures_on::FiguredOn;
pub use history::HistoryEntry;
pub use history::HistoryFilter;
pub use keeping::Remark;
pub use list::Counts;
pub use list::Filter;
pub use list::Listed;
pub use measurements::Measurement;
pub use pick::Families;
pub use pick::Named;
pub use remotes::RemoteFacts;
pub use schema::VERSION;
pub use share::Shared;
pub use tags::BASELINE;
pub use tags::PINNED;
pub use tags::Tag;
pub use tags::TagMove;

use std::path::Path;
use std::path::PathBuf;

/// An open registry.
#[derive(Debug)]
pub struct Registry {
    path: PathBuf,
    connection: rusqlite::Connection,
    /// Where the file that is read is a copy of the one at `path`: the folder of that copy, which goes after the connection.
    copy: Option<tempfile::TempDir>,
}

impl Registry {
    fn of(path: &Path, connection: rusqlite::Connection) -> Self {
        Self {
            path: path.to_owned(),
            connection,
            copy: None,
        }
    }
}
