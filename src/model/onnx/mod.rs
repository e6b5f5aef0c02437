//! ONNX models: lossless reading and writing, external data, facts, and the scan of hostile files.

pub mod external;
pub mod proto;
pub mod shown;
pub mod tensor_view;
pub mod types;
pub mod visit;
