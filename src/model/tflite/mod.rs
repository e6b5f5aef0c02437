//! TensorFlow Lite models: lossless reading and writing, what they mean, and what is known of them.

pub mod build;
pub(in crate::model) mod facts;
pub mod file;
pub(in crate::model) mod quantized;
pub(in crate::model) mod scan;
pub mod schema;
pub(in crate::model) mod uses;
pub mod view;
pub mod wire;
pub mod work;

pub use file::ReadError;
pub use file::WriteError;
pub use file::modifiable;
pub use file::read;
pub use file::write;
