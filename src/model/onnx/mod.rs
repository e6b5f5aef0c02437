//! ONNX models: lossless reading and writing, external data, facts, and the scan of hostile files.

pub mod proto;
