//! Phones on the desk: what the adb server lists, files to and from them, commands on them, how warm they are. Facts only.
//!
//! mlbuild speaks with the adb server that Android's platform tools start (the *smart socket*, 127.0.0.1:5037), as every other program
//! that uses phones does: that server knows USB, pairing and keys, and no two programs may hold one phone's USB at once. What is needed of
//! its protocol is small (`protocol.txt`, `SERVICES.TXT` and `SYNC.TXT` of AOSP's `packages/modules/adb`): requests with a length in
//! hexadecimal, the `shell,v2` framing, and `sync:`. The crate `adb_client` (3.2.3, MIT) speaks it too, but brings, with no feature to
//! leave them out, what it needs to do without the server: RSA keys (`rsa`, with the advisory RUSTSEC-2023-0071 that `cargo deny` refuses),
//! certificates, a second use of TLS, big integers, protobuf, `chrono` and `regex`.

pub mod binary;
mod error;
pub mod facts;
mod folder;
mod list;
mod opened;
mod server;
mod shell;
mod sync;
mod wire;

pub use error::DeviceError;
pub use folder::Folder;
pub use list::Listed;
pub use list::State;
pub use opened::Device;
pub use server::Server;
pub use shell::Output;
pub use shell::quoted;
pub use wire::Patience;
