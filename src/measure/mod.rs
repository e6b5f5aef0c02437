//! Run and sample: pairs of workers side by side, restart after restart, until the limits are decided or time is up.
//!
//! Raw samples leave this layer ([`samples`]) together with how to read them ([`estimate`]); what they mean for the gate is
//! [`crate::verdict`]'s. Nothing here draws: whoever asks passes an observer for [`event::Event`].

pub mod accuracy;
pub mod agreement;
pub mod alone;
mod augmented;
pub mod bench;
pub mod calibrate;
pub mod choice;
pub mod compare;
mod counterpart;
pub mod disturbance;
pub mod error;
pub mod estimate;
pub mod event;
mod layer_error;
mod more_time;
pub mod noise_floor;
pub mod on_device;
pub mod op_diff;
pub mod outputs;
pub mod plan;
pub mod profile;
pub mod quantity;
pub mod rounds;
pub mod samples;
pub mod sensitivity;
pub mod side;
pub mod subject;
pub mod turns;
mod values;
pub mod warmup;

pub use error::MeasureError;
pub use quantity::Quantity;
pub use samples::PairMeasurement;
pub use samples::SideMeasurement;
pub use samples::Which;
pub use side::Side;
