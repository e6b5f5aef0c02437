//! What a process holds with the engine loaded and a model of almost nothing: the zero of peak memory.

use prost::Message as _;

use crate::config::Engine;
use crate::model::onnx::proto;
use crate::model::tensor::Tensor;

use super::error::WorkerError;
use super::settings::Artifact;
use super::settings::LiteRtSettings;
use super::settings::SessionSettings;
use super::settings::WorkerCommand;
use super::settings::WorkerOptions;
use super::worker::Worker;

/// The magnitude of one number, made by `tests/reference/tflite/make_models.py`.
const ONE_OPERATOR: &[u8] = include_bytes!("litert/one_operator.tflite");

/// Peak memory in bytes of a fresh worker with a session that passes one number through; `None` where the system doesn't tell.
pub fn empty_session_peak(command: &WorkerCommand, settings: &SessionSettings) -> Result<Option<u64>, WorkerError> {
    let failed = |source| WorkerError::Spawn {
        executable: command.executable.clone(),
        source,
    };
    let folder = tempfile::TempDir::with_prefix("mlbuild-empty-").map_err(failed)?;
    let (name, bytes) = match settings.target.engine() {
        Engine::OnnxRuntime => ("model.onnx", identity().encode_to_vec()),
        Engine::LiteRt => ("model.tflite", ONE_OPERATOR.to_vec()),
    };
    let model = folder.path().join(name);
    crate::files::write_atomic(&model, &bytes).map_err(|error| failed(error.source))?;
    let mut worker = Worker::spawn(command, &WorkerOptions::default())?;
    let artifact = Artifact {
        model,
        external: Vec::new(),
    };
    // The signature is one of the model that is measured, and this one has none.
    let settings = SessionSettings {
        litert: LiteRtSettings {
            signature: None,
            ..settings.litert.clone()
        },
        ..settings.clone()
    };
    worker.load(&artifact, &settings, &[Tensor::from_f32("x", &[1], &[0.0])])?;
    worker.block(1, 1)?;
    worker.peak_memory()
}

/// A model of one operator, in an IR version and opset that every engine of the last years reads.
fn identity() -> proto::ModelProto {
    let float = proto::TypeProto {
        value: Some(proto::type_proto::Value::TensorType(proto::type_proto::Tensor {
            elem_type: Some(proto::tensor_proto::DataType::Float as i32),
            shape: Some(proto::TensorShapeProto {
                dim: vec![proto::tensor_shape_proto::Dimension {
                    value: Some(proto::tensor_shape_proto::dimension::Value::DimValue(1)),
                    ..Default::default()
                }],
            }),
        })),
        ..Default::default()
    };
    let value = |name: &str| proto::ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(float.clone()),
        ..Default::default()
    };
    proto::ModelProto {
        ir_version: Some(7),
        opset_import: vec![proto::OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(13),
        }],
        graph: Some(proto::GraphProto {
            name: Some("identity".to_owned()),
            input: vec![value("x")],
            output: vec![value("y")],
            node: vec![proto::NodeProto {
                op_type: Some("Identity".to_owned()),
                input: vec!["x".to_owned()],
                output: vec!["y".to_owned()],
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}
