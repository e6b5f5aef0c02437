//! Measuring on a phone: TensorFlow Lite's own `benchmark_model`, run there in short turns of both sides.
//!
//! What a phone has and a desk has not: it heats up and slows down within minutes, and no worker of ours runs on it. So:
//!
//! - A run is a fresh process of `benchmark_model`: load, warm-up, a few inferences, its own summary. That summary is all it tells, so
//!   **a run is one sample**: the median of its inferences where this version tells it, their mean otherwise.
//! - A restart is four runs, A B B A or B A A B, whose letters are drawn: what changes evenly in that time, such as a core that warms up,
//!   falls on both sides alike. Its value is the mean of two log ratios, and the interval is over restarts, as on the desk.
//! - Battery and temperatures are read before and after each restart. One in which the phone began to throttle, or in which a sensor rose
//!   by more than allowed, is kept aside with the reason and counts for nothing; then it is waited until the phone has cooled.

pub mod arguments;
pub mod course;
pub mod heat;
pub mod output;
pub mod run;
pub mod samples;

pub use course::Course;
pub use run::measure_alone;
pub use run::measure_pair;
pub use samples::DeviceMeasurement;
