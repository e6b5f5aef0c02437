//! What the user asked for: every setting of `.mlbuild.yml`, its default and its meaning.
//!
//! This layer owns all settings types and knows no stage. [`load`] finds and reads the file; [`types`] are its shape, defaults
//! filled in; [`spans`] knows on which line each key stands, so that errors and annotations can point at it. On the way:
//! text → `tree` (YAML with a number for every node) → [`raw`] (as written) → `resolve` (checked, defaults filled in).

pub mod budget;
mod changes;
mod constraint;
mod decode;
pub mod defaults;
pub mod discover;
pub mod error;
pub mod lfs;
mod lines;
pub mod load;
pub mod nearest;
pub mod overrides;
pub mod raw;
mod resolve;
pub mod schema;
mod settings;
mod source;
pub mod spans;
pub mod starter;
mod target;
mod tree;
pub mod types;
pub mod workflow;

pub use changes::changes;
pub use constraint::Bound;
pub use constraint::Constraint;
pub use constraint::Constraints;
pub use constraint::Source;
pub use error::ConfigError;
pub use lines::ModelLines;
pub use overrides::Overrides;
pub use target::DEFAULT_LITERT;
pub use target::DEFAULT_ONNXRUNTIME;
pub use target::Engine;
pub use target::Target;
pub use types::*;
