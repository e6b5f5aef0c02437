//! The host: what it is, which of its cores we may use, how busy it is.

pub mod affinity;
pub mod fingerprint;
pub mod load;

pub use fingerprint::Fingerprint;
pub use load::load_average;
