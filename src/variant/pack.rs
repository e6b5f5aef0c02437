//! From a changed model to the files of an artifact.

use bytes::Bytes;
use prost::Message as _;

use crate::digest::Digest;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::StringStringEntryProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataLocation;

/// Above this a model does not fit one protobuf message (2³¹ bytes, which engines refuse) with room to spare.
pub(super) const MAX_MESSAGE: usize = 1_900_000_000;

/// Smaller tensors stay in the model file.
const MIN_EXTERNAL: usize = 1024;

/// Engines map tensors into memory where they begin at a page.
const ALIGNMENT: usize = 4096;

/// The file that holds the tensors of a model that is too large for one message.
const EXTERNAL: &str = "model.onnx.data";

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    /// `model.onnx`, or the name under which the model refers to it.
    pub name: String,
    /// The digest of its content.
    pub digest: Digest,
    /// Its content.
    pub bytes: Bytes,
}

impl ArtifactFile {
    /// A file of that content.
    pub(super) fn new(name: &str, bytes: Bytes) -> Self {
        Self {
            name: name.to_owned(),
            digest: Digest::of(&bytes),
            bytes,
        }
    }
}

/// Encodes `model`; where the message would be larger than `limit` bytes, its large initializers go into a second file.
pub(super) fn pack(mut model: ModelProto, limit: usize) -> Vec<ArtifactFile> {
    let mut external = Vec::new();
    if model.encoded_len() > limit
        && let Some(graph) = &mut model.graph
    {
        for tensor in &mut graph.initializer {
            move_out(tensor, &mut external);
        }
    }
    let mut files = vec![ArtifactFile::new("model.onnx", model.encode_to_vec().into())];
    if !external.is_empty() {
        files.push(ArtifactFile::new(EXTERNAL, external.into()));
    }
    files
}

fn move_out(tensor: &mut TensorProto, external: &mut Vec<u8>) {
    let Some(data) = tensor.raw_data.take_if(|data| data.len() >= MIN_EXTERNAL) else {
        return;
    };
    external.resize(external.len().next_multiple_of(ALIGNMENT), 0);
    let entries = [
        ("location", EXTERNAL.to_owned()),
        ("offset", external.len().to_string()),
        ("length", data.len().to_string()),
    ];
    tensor.external_data = entries
        .into_iter()
        .map(|(key, value)| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value),
        })
        .collect();
    tensor.data_location = Some(DataLocation::External as i32);
    external.extend_from_slice(&data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::external::ExternalFile;
    use crate::model::onnx::proto::GraphProto;
    use crate::model::onnx::proto::tensor_proto::DataType;
    use crate::model::onnx::tensor_view::TensorView;

    fn tensor(length: usize, fill: u8) -> TensorProto {
        TensorProto {
            dims: vec![length as i64],
            data_type: Some(DataType::Uint8 as i32),
            raw_data: Some(vec![fill; length].into()),
            ..TensorProto::default()
        }
    }

    fn model() -> ModelProto {
        ModelProto {
            graph: Some(GraphProto {
                initializer: vec![tensor(5000, 1), tensor(10, 2), tensor(3000, 3)],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        }
    }

    #[test]
    fn a_model_that_fits_is_one_file() {
        let files = pack(model(), MAX_MESSAGE);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].bytes, model().encode_to_vec());
        assert_eq!(files[0].digest, Digest::of(&files[0].bytes));
    }

    #[test]
    fn a_model_that_does_not_fit_is_two_files_with_the_same_tensors() {
        let files = pack(model(), 4000);
        assert_eq!(files[1].name, EXTERNAL);
        assert!(files[0].bytes.len() < 300);
        let packed = ModelProto::decode(files[0].bytes.clone()).unwrap();
        let external = [ExternalFile {
            location: EXTERNAL.to_owned(),
            path: EXTERNAL.into(),
            bytes: files[1].bytes.clone(),
        }];
        let read = |model: &ModelProto| -> Vec<Bytes> {
            let initializers = &model.graph.as_ref().unwrap().initializer;
            initializers
                .iter()
                .map(|tensor| TensorView::of(tensor, &external).unwrap().bytes)
                .collect()
        };
        assert_eq!(read(&packed), read(&model()));
        assert_eq!(packed.graph.unwrap().initializer[2].external_data[1].value(), "8192");
    }
}
