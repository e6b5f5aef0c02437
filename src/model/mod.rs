//! A model file and what we know about it; inputs to feed it; datasets to compare outputs on.

pub mod dataset;
pub mod inputs;
pub mod onnx;
pub mod tensor;
