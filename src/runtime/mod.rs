//! Executing models: one engine a file, always in a worker process of its own.
//!
//! [`library`] finds or installs an engine's shared library. [`worker::Worker`] starts `mlbuild worker` and talks to it over
//! [`protocol`]; the far side is [`worker::serve`], which alone calls into [`engine`]: [`onnxruntime`] or [`litert`]. A crash, a hang or a model that
//! eats all memory ends the worker, never this process, and comes back as a [`WorkerError`].

mod confinement;
mod empty;
mod engine;
mod engine_failure;
mod engine_tensors;
mod engine_time;
mod environment;
mod error;
pub mod library;
mod limits;
mod litert;
mod memory;
mod observing;
mod onnxruntime;
mod profiling;
mod protocol;
mod settings;
mod stolen;
pub mod worker;

pub use self::empty::empty_session_peak;
pub use self::engine_time::engine_time;
pub use self::error::WorkerError;
pub use self::observing::Observer;
pub use self::observing::Watch;
pub use self::observing::WatchKind;
pub use self::observing::Watched;
pub use self::settings::Artifact;
pub use self::settings::LiteRtSettings;
pub use self::settings::Loaded;
pub use self::settings::RawProfile;
pub use self::settings::SessionSettings;
pub use self::settings::Stop;
pub use self::settings::WorkerCommand;
pub use self::settings::WorkerOptions;
pub use self::stolen::Timed;
pub use self::worker::Worker;
