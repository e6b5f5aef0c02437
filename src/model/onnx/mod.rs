//! ONNX models: lossless reading and writing, external data, facts, and the scan of hostile files.

pub(crate) mod beneath;
mod calls;
pub mod check;
mod compared;
mod cost;
pub mod external;
pub(crate) mod facts;
pub(in crate::model) mod flow;
mod liveness;
pub mod made;
pub mod proto;
pub(in crate::model) mod quantized;
pub mod read;
pub mod scan;
pub(crate) mod shape;
pub mod shown;
pub mod tensor_view;
pub mod types;
pub mod visit;
pub(crate) mod wire;
pub mod work;
pub mod write;

pub use write::encode;
pub use write::modifiable;
