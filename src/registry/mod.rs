//! What was built and measured, remembered in SQLite (`.mlbuild/registry.db`): builds with their lineage, measurements, tags.
//!
//! Several processes may use one registry at once. Blobs are not in here: artifacts are digests, their content is in the store.

mod builds;
mod checks;
mod error;
mod measurements;
mod schema;
mod tags;

pub use builds::ArtifactFacts;
pub use builds::Build;
pub use builds::BuildFacts;
pub use checks::Check;
pub use checks::DerivationFacts;
pub use error::RegistryError;
pub use measurements::Measurement;
pub use schema::VERSION;

use std::path::PathBuf;

/// An open registry.
#[derive(Debug)]
pub struct Registry {
    path: PathBuf,
    connection: rusqlite::Connection,
}
