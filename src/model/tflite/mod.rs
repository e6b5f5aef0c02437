//! TensorFlow Lite models: lossless reading and writing.

pub mod build;
pub mod file;
pub mod schema;
pub mod wire;

pub use file::ReadError;
pub use file::WriteError;
pub use file::read;
pub use file::write;
