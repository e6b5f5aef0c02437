//! Small graphs with named free dimensions, and a little model of text.
#![allow(dead_code, reason = "each topic uses its share")]

use mlbuild::model::Model;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;

use super::onnx;

/// An input or output; what is no number is the name of a free dimension, `?` one without a name.
pub fn value(name: &str, element: DataType, dims: &[&str]) -> proto::ValueInfoProto {
    let sizes = vec![1; dims.len()];
    let mut value = onnx::value(name, element, &sizes);
    if let Some(proto::type_proto::Value::TensorType(tensor)) =
        value.r#type.as_mut().and_then(|held| held.value.as_mut())
    {
        for (dimension, text) in tensor.shape.as_mut().unwrap().dim.iter_mut().zip(dims) {
            dimension.value = match text.parse() {
                Ok(size) => Some(proto::tensor_shape_proto::dimension::Value::DimValue(size)),
                Err(_) if *text == "?" => None,
                Err(_) => Some(proto::tensor_shape_proto::dimension::Value::DimParam(
                    (*text).to_owned(),
                )),
            };
        }
    }
    value
}

/// An initializer of floats, small and not all alike.
pub fn floats(name: &str, dims: &[i64]) -> proto::TensorProto {
    let count = dims.iter().product::<i64>();
    proto::TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(DataType::Float as i32),
        dims: dims.to_vec(),
        float_data: (0..count).map(|index| (index % 7) as f32 * 0.1 - 0.3).collect(),
        ..Default::default()
    }
}

/// An integer attribute.
pub fn attribute(mut node: proto::NodeProto, name: &str, value: i64) -> proto::NodeProto {
    node.attribute.push(proto::AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(proto::attribute_proto::AttributeType::Int as i32),
        i: Some(value),
        ..Default::default()
    });
    node
}

/// An attribute of several integers.
pub fn list(mut node: proto::NodeProto, name: &str, values: &[i64]) -> proto::NodeProto {
    node.attribute.push(proto::AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(proto::attribute_proto::AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..Default::default()
    });
    node
}

/// Reads a graph as a model.
pub fn load(graph: proto::GraphProto) -> Model {
    let bytes = onnx::model(17, graph);
    Model::from_bytes(std::path::Path::new("made.onnx"), bytes.into()).unwrap()
}

/// Self-attention over 50 words with learned positions: `ids` and `attention_mask` of `[batch, length]`, which may be a number.
pub fn transformer(positions: i64, length: &str) -> Vec<u8> {
    let int = DataType::Int64;
    onnx::model(
        17,
        onnx::graph(
            vec![
                value("ids", int, &["batch", length]),
                value("attention_mask", int, &["batch", length]),
            ],
            vec![
                onnx::node("Gather", &["words", "ids"], &["embedded"]),
                onnx::node("Shape", &["ids"], &["shape"]),
                onnx::node("Gather", &["shape", "one"], &["length"]),
                onnx::node("Range", &["zero", "length", "one"], &["range"]),
                onnx::node("Gather", &["places", "range"], &["placed"]),
                onnx::node("Add", &["embedded", "placed"], &["x"]),
                list(onnx::node("Transpose", &["x"], &["turned"]), "perm", &[0, 2, 1]),
                onnx::node("MatMul", &["x", "turned"], &["scores"]),
                attribute(
                    onnx::node("Cast", &["attention_mask"], &["mask"]),
                    "to",
                    DataType::Float as i64,
                ),
                onnx::node("Unsqueeze", &["mask", "axis"], &["row"]),
                onnx::node("Add", &["scores", "row"], &["masked"]),
                onnx::node("Softmax", &["masked"], &["weights"]),
                onnx::node("MatMul", &["weights", "x"], &["mixed"]),
                onnx::node("MatMul", &["mixed", "head"], &["logits"]),
            ],
            vec![
                floats("words", &[50, 16]),
                floats("places", &[positions, 16]),
                floats("head", &[16, 4]),
                onnx::integers("zero", &[], &[0]),
                onnx::integers("one", &[], &[1]),
                onnx::integers("axis", &[1], &[1]),
            ],
            vec![value("logits", DataType::Float, &["batch", length, "4"])],
        ),
    )
}
