//! The deep profile of one model: where the time of an inference goes, and what the engine made of the graph.
//!
//! Its times come out of a session with the engine's profiling on, which slows every kernel down; they are shares and an order,
//! never latency.

mod assemble;
mod classes;
mod cold;
mod cost;
mod events;
mod flow;
mod missed;
mod origins;
mod placed;
mod roofline;
mod run;
mod totals;
mod trace;
mod types;

pub use events::EventsError;
pub use run::Options;
pub use run::Step;
pub use run::profile;
pub use types::Bound;
pub use types::ColdStart;
pub use types::Fate;
pub use types::Fusion;
pub use types::Kernel;
pub use types::MemoryFlow;
pub use types::MemoryStep;
pub use types::MissedFusion;
pub use types::NodeFate;
pub use types::Profile;
pub use types::Roofline;
pub use types::Span;
