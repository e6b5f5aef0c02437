//! From ONNX's messages back to a file's bytes, and the guard that nothing is lost on the way.

use bytes::Bytes;
use prost::Message as _;

use crate::model::error::ModelError;
use crate::model::load::Model;
use crate::model::onnx::compared::Compared;
use crate::model::onnx::proto::ModelProto;

/// The model as the bytes of a file. Fields come in the order of their declaration in ONNX's schema, as from other writers.
pub fn encode(model: &ModelProto) -> Bytes {
    model.encode_to_vec().into()
}

/// Says whether the model may be changed and written back: only if writing it back unchanged gives the very bytes that were read.
///
/// Otherwise the file holds fields that this version's schema lacks, or was written in an unusual order, and a changed copy would
/// differ from it in more than the change.
pub fn modifiable(model: &Model) -> Result<(), ModelError> {
    let proto = model.as_onnx("writing it back")?;
    let written = proto.encoded_len();
    let read = model.bytes.len();
    let refuse = |reason: String| {
        Err(ModelError::NotModifiable {
            path: model.path.clone(),
            reason,
        })
    };
    if written < read {
        let lost = read - written;
        return refuse(format!(
            "the file holds fields that this version does not know ({lost} bytes would be lost)"
        ));
    }
    let mut compared = Compared::with(&model.bytes);
    if written > read || proto.encode(&mut compared).is_err() || !compared.is_equal() {
        return refuse("the file is encoded in an unusual way, and writing it back would reorder it".to_owned());
    }
    Ok(())
}
