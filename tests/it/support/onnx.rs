//! Small models made on the spot, and real ones out of the fixtures.
#![allow(dead_code, reason = "each topic uses its share")]

use std::path::PathBuf;

use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use prost::Message as _;

/// A model file of the fixtures.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/models")
        .join(name)
}

/// An input or output; a negative dimension is a symbol of that number.
pub fn value(name: &str, element: DataType, dims: &[i64]) -> proto::ValueInfoProto {
    let dim = dims
        .iter()
        .map(|size| proto::tensor_shape_proto::Dimension {
            value: Some(if *size < 0 {
                proto::tensor_shape_proto::dimension::Value::DimParam(format!("n{}", -size))
            } else {
                proto::tensor_shape_proto::dimension::Value::DimValue(*size)
            }),
            ..Default::default()
        })
        .collect();
    proto::ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(proto::TypeProto {
            value: Some(proto::type_proto::Value::TensorType(proto::type_proto::Tensor {
                elem_type: Some(element as i32),
                shape: Some(proto::TensorShapeProto { dim }),
            })),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An operator.
pub fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> proto::NodeProto {
    proto::NodeProto {
        op_type: Some(op.to_owned()),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: outputs.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

/// An initializer of integers.
pub fn integers(name: &str, dims: &[i64], values: &[i64]) -> proto::TensorProto {
    proto::TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(DataType::Int64 as i32),
        dims: dims.to_vec(),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

/// A whole graph.
pub fn graph(
    inputs: Vec<proto::ValueInfoProto>,
    nodes: Vec<proto::NodeProto>,
    initializers: Vec<proto::TensorProto>,
    outputs: Vec<proto::ValueInfoProto>,
) -> proto::GraphProto {
    proto::GraphProto {
        name: Some("test".to_owned()),
        input: inputs,
        output: outputs,
        node: nodes,
        initializer: initializers,
        ..Default::default()
    }
}

/// A whole model, as bytes.
pub fn model(opset: i64, graph: proto::GraphProto) -> Vec<u8> {
    proto::ModelProto {
        ir_version: Some(8),
        opset_import: vec![proto::OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(opset),
        }],
        graph: Some(graph),
        ..Default::default()
    }
    .encode_to_vec()
}
