//! What this machine can do, measured through the engine itself: the fastest of several large matrix products, and of several
//! passes over tensors that no cache holds.

use bytes::Bytes;
use prost::Message as _;

use crate::measure::profile::types::Roofline;
use crate::model::onnx::proto;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::runtime::Artifact;
use crate::runtime::SessionSettings;
use crate::runtime::Timed;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;

/// Rows, columns and inner dimension of the product.
const SIDE: u64 = 512;

/// Products: together about 0.1 s on one core of a server.
const PRODUCTS: u32 = 30;

/// Floats that one pass reads, and writes: 64 MB each.
const STREAM: u64 = 16 << 20;

const PASSES: u32 = 8;

/// Measures with the threads of `settings`, in a process of its own.
pub(super) fn measure(
    command: &WorkerCommand,
    settings: &SessionSettings,
    options: &WorkerOptions,
) -> Result<Option<Roofline>, WorkerError> {
    let failed = |source| WorkerError::Spawn {
        executable: command.executable.clone(),
        source,
    };
    let folder = tempfile::TempDir::with_prefix("mlbuild-roofline-").map_err(failed)?;
    let options = WorkerOptions {
        folders: vec![folder.path().to_owned()],
        ..options.clone()
    };
    let mut worker = Worker::spawn(command, &options)?;
    let mut fastest = |model: proto::ModelProto, inputs: &[Tensor], runs: u32| {
        let path = folder.path().join("model.onnx");
        crate::files::write_atomic(&path, &model.encode_to_vec()).map_err(|error| failed(error.source))?;
        let artifact = Artifact {
            model: path,
            external: Vec::new(),
        };
        worker.load(&artifact, settings, inputs)?;
        let seconds = worker.block(2, runs)?;
        Ok::<_, WorkerError>(seconds.into_iter().map(Timed::own).fold(f64::INFINITY, f64::min))
    };
    let factors = [zeros("x", &[SIDE, SIDE]), zeros("y", &[SIDE, SIDE])];
    let product = fastest(two_inputs("MatMul", &[SIDE, SIDE]), &factors, PRODUCTS)?;
    let pass = fastest(doubling(&[STREAM]), &[zeros("x", &[STREAM])], PASSES)?;
    let roofline = Roofline {
        gflops: 2.0 * (SIDE * SIDE * SIDE) as f64 / product * 1e-9,
        gigabytes: 8.0 * STREAM as f64 / pass * 1e-9,
        threads: settings.threads,
        method: format!(
            "the engine's own kernels: the fastest of {PRODUCTS} float products of {SIDE}×{SIDE} matrices, and of {PASSES} \
             passes that read and write 2 × 67 MB"
        ),
    };
    Ok(Some(roofline).filter(|roofline| roofline.gflops.is_finite() && roofline.gigabytes.is_finite()))
}

/// Zeros, which processors multiply as fast as anything else.
fn zeros(name: &str, shape: &[u64]) -> Tensor {
    let count: u64 = shape.iter().product();
    Tensor {
        name: name.to_owned(),
        element: ElementType::Float,
        shape: shape.to_vec(),
        data: Bytes::from(vec![0; 4 * count as usize]),
    }
}

fn two_inputs(op_type: &str, shape: &[u64]) -> proto::ModelProto {
    model(op_type, &["x", "y"], &["x", "y"], shape)
}

/// Adds a tensor to itself: reads it once from memory, and writes as much.
fn doubling(shape: &[u64]) -> proto::ModelProto {
    model("Add", &["x"], &["x", "x"], shape)
}

fn model(op_type: &str, inputs: &[&str], read: &[&str], shape: &[u64]) -> proto::ModelProto {
    let value = |name: &str| {
        let dim = shape.iter().map(|size| proto::tensor_shape_proto::Dimension {
            value: Some(proto::tensor_shape_proto::dimension::Value::DimValue(*size as i64)),
            ..Default::default()
        });
        let tensor = proto::type_proto::Tensor {
            elem_type: Some(proto::tensor_proto::DataType::Float as i32),
            shape: Some(proto::TensorShapeProto { dim: dim.collect() }),
        };
        proto::ValueInfoProto {
            name: Some(name.to_owned()),
            r#type: Some(proto::TypeProto {
                value: Some(proto::type_proto::Value::TensorType(tensor)),
                ..Default::default()
            }),
            ..Default::default()
        }
    };
    proto::ModelProto {
        ir_version: Some(7),
        opset_import: vec![proto::OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(13),
        }],
        graph: Some(proto::GraphProto {
            name: Some("roofline".to_owned()),
            input: inputs.iter().map(|name| value(name)).collect(),
            output: vec![value("z")],
            node: vec![proto::NodeProto {
                op_type: Some(op_type.to_owned()),
                input: read.iter().map(|name| (*name).to_owned()).collect(),
                output: vec!["z".to_owned()],
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}
