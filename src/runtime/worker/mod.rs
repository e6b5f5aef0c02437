//! Worker processes: [`host`] is this side, [`serve`] the other.

mod host;
mod idle;
mod serve;
mod spawning;
mod status;
mod streams;

pub use self::host::Worker;
pub use self::serve::serve;
pub use self::streams::private_streams;
