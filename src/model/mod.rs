//! A model file and what we know about it; inputs to feed it; datasets to compare outputs on.

pub mod compatible;
mod contents;
pub mod dataset;
pub mod difference;
pub mod error;
pub mod facts;
pub mod format;
pub mod inputs;
pub mod load;
pub mod onnx;
pub mod quantized;
pub mod samples;
pub mod task;
pub mod tensor;
pub mod tflite;

pub use error::ModelError;
pub use facts::Facts;
pub use format::Format;
pub use load::Decoded;
pub use load::Model;
pub use onnx::external::ExternalFile;
pub use samples::Samples;
