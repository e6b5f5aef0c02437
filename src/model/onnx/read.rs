//! From a file's bytes to ONNX's messages, sharing memory with them.

use std::path::Path;

use bytes::Bytes;
use prost::Message as _;

use crate::model::error::ModelError;
use crate::model::onnx::cost;
use crate::model::onnx::cost::CostError;
use crate::model::onnx::proto::ModelProto;

/// Decodes a model; its tensors' `raw_data` stay where they are in `bytes`. Messages nest at most 64 deep, and what they would
/// take in memory is bounded by the file's size. `path` is for messages.
pub fn decode(path: &Path, bytes: &Bytes) -> Result<ModelProto, ModelError> {
    let damaged = |reason: String| ModelError::Damaged {
        path: path.to_owned(),
        reason,
    };
    cost::decoding(bytes).map_err(|error| match error {
        CostError::CutShort(missing) => ModelError::CutShort {
            path: path.to_owned(),
            size: bytes.len() as u64,
            missing,
        },
        CostError::Malformed(reason, at) => damaged(format!("byte {at} starts {reason}")),
        CostError::TooDeep => damaged(format!("its messages nest deeper than {}", cost::MAX_NESTING)),
        CostError::TooMuchMemory(allowed) => damaged(format!(
            "its messages would take more than {} of memory, too much for a file of {}",
            crate::units::Bytes(allowed),
            crate::units::Bytes(bytes.len() as u64)
        )),
    })?;
    let model = ModelProto::decode(bytes.clone()).map_err(|error| damaged(error.to_string()))?;
    if model.graph.is_none() {
        return Err(damaged("it holds no graph".to_owned()));
    }
    Ok(model)
}
