//! The host: what it is, which of its cores we may use, how busy it is.

pub mod activity;
pub mod affinity;
mod cgroup;
mod container;
pub mod fingerprint;
mod frequency;
mod host;
mod id;
mod isa;
pub mod load;
mod same;
pub mod sandbox;

pub use activity::Activity;
pub use fingerprint::Fingerprint;
pub use id::host_name;
pub use id::machine_id;
pub use load::load_average;
