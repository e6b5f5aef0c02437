//! What passes need to change graphs: names that are not taken, and the parts that they put in.

use std::collections::HashSet;

use bytes::Bytes;

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::OperatorSetIdProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::visit;
use crate::model::onnx::visit::Body;

/// The domain of ONNX Runtime's own operators.
pub(super) const MICROSOFT: &str = "com.microsoft";

/// Every name that is taken in a model: of tensors, nodes, operators and functions, at any depth.
#[derive(Debug)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// The names of `model`.
    pub(super) fn of(model: &ModelProto) -> Self {
        let mut names = HashSet::new();
        for scope in visit::scopes(model) {
            match scope.body {
                Body::Graph(graph) => {
                    names.extend(graph.input.iter().map(|input| input.name().to_owned()));
                    names.extend(graph.initializer.iter().map(|tensor| tensor.name().to_owned()));
                    let sparse = graph
                        .sparse_initializer
                        .iter()
                        .filter_map(|sparse| sparse.values.as_ref());
                    names.extend(sparse.map(|values| values.name().to_owned()));
                }
                Body::Function(function) => {
                    names.insert(function.name().to_owned());
                    names.extend(function.input.iter().cloned());
                }
            }
            for node in scope.nodes() {
                names.insert(node.name().to_owned());
                names.insert(node.op_type().to_owned());
                names.extend(node.input.iter().chain(&node.output).cloned());
            }
        }
        Self(names)
    }

    /// `wanted`, or where that is taken `wanted_2`, `wanted_3` and so on; taken from now on.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

/// A node of ONNX's own operators, named like its first output.
pub(super) fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: outputs.first().map(|output| format!("{output}/{op_type}")),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: outputs.iter().map(|&name| name.to_owned()).collect(),
        ..NodeProto::default()
    }
}

/// A tensor of packed little-endian elements.
pub(super) fn tensor(name: &str, dims: &[i64], data_type: DataType, bytes: impl Into<Bytes>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(data_type as i32),
        raw_data: Some(bytes.into()),
        ..TensorProto::default()
    }
}

/// A tensor of 32-bit floats.
pub(super) fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, dims, DataType::Float, bytes)
}

/// A list of 64-bit integers, as shapes and axes are given.
pub(super) fn list(name: &str, values: &[i64]) -> TensorProto {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], DataType::Int64, bytes)
}

/// An attribute that is an integer.
pub(super) fn int_attribute(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

/// An attribute that is a float.
#[cfg(test)]
pub(super) fn float_attribute(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(value),
        ..AttributeProto::default()
    }
}

/// An attribute that is a list of integers.
pub(super) fn ints_attribute(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// An attribute that is a tensor.
pub(super) fn tensor_attribute(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Tensor as i32),
        t: Some(value),
        ..AttributeProto::default()
    }
}

/// The attribute of that name.
pub(super) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name() == name)
}

/// The subgraphs of a node, in the order of its attributes.
pub(super) fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// As [`bodies`], to change them.
pub(super) fn bodies_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute
        .iter_mut()
        .flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs))
}

/// Every name that a node reads, those that its bodies read included.
pub(super) fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        names.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
        for body in bodies(node) {
            open.extend(&body.node);
            names.extend(body.output.iter().map(|output| output.name()));
        }
    }
    names
}

/// The version of ONNX's own operators that the model uses; 0 where it uses none.
pub(super) fn opset(model: &ModelProto) -> i64 {
    let standard = |import: &&OperatorSetIdProto| matches!(import.domain(), "" | "ai.onnx");
    model
        .opset_import
        .iter()
        .find(standard)
        .map_or(0, OperatorSetIdProto::version)
}

/// Imports the operators of `domain`, where that is not done already.
pub(super) fn import(model: &mut ModelProto, domain: &str, version: i64) {
    if !model.opset_import.iter().any(|import| import.domain() == domain) {
        model.opset_import.push(OperatorSetIdProto {
            domain: Some(domain.to_owned()),
            version: Some(version),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_name_is_nobody_elses() {
        let mut model = ModelProto {
            graph: Some(GraphProto {
                node: vec![node("Relu", &["x"], &["y"])],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        let mut names = Names::of(&model);
        assert_eq!(names.fresh("x"), "x_2");
        assert_eq!(names.fresh("x"), "x_3");
        assert_eq!(names.fresh("z"), "z");
        import(&mut model, MICROSOFT, 1);
        import(&mut model, MICROSOFT, 1);
        assert_eq!(model.opset_import.len(), 1);
    }
}
