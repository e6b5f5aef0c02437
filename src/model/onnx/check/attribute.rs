//! Attributes: a name, and one value, of the type that is stated.

use super::CheckError;
use super::Rules;
use super::check_tensor;
use super::names::Names;
use super::value;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::visit::Body;
use crate::model::onnx::visit::Scope;

/// Since this version of the format an attribute states its type.
const TYPED: i64 = 2;

impl Rules<'_> {
    pub(super) fn attribute(
        self,
        attribute: &AttributeProto,
        node: &NodeProto,
        place: &dyn Fn() -> String,
        names: &Names<'_>,
    ) -> Result<(), CheckError> {
        let place = || format!("attribute {} of {}", shown(attribute.name()), place());
        let wrong = |problem: String| Err(CheckError::new(place(), problem));
        if attribute.name().is_empty() {
            return wrong("has no name".to_owned());
        }
        let Some(stated) = attribute.r#type else {
            return match self.format {
                TYPED.. => wrong("states no type".to_owned()),
                _ => self.values(attribute, node, &place, names),
            };
        };
        let filled = filled(attribute);
        if let [(_, first), (_, second), ..] = filled.as_slice() {
            return wrong(format!("has values in `{first}` and in `{second}`; one was expected"));
        }
        match filled.first() {
            Some((found, field)) if *found as i32 != stated => {
                let stated = AttributeType::try_from(stated).map_or("unknown", |stated| stated.as_str_name());
                return wrong(format!("is of type {stated}, but its value is in `{field}`"));
            }
            Some(_) if self.inner && attribute.ref_attr_name.is_some() => {
                return wrong("refers to an attribute of the caller and has a value of its own".to_owned());
            }
            _ => {}
        }
        self.values(attribute, node, &place, names)
    }

    /// The tensors and graphs of an attribute.
    fn values(
        self,
        attribute: &AttributeProto,
        node: &NodeProto,
        place: &dyn Fn() -> String,
        names: &Names<'_>,
    ) -> Result<(), CheckError> {
        for tensor in attribute.t.iter().chain(&attribute.tensors) {
            check_tensor(tensor, place)?;
        }
        for sparse in attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors) {
            value::check_sparse(sparse, place)?;
        }
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            let scope = Scope {
                body: Body::Graph(graph),
                parent: None,
                owner: Some((node, attribute)),
                depth: 1,
            };
            Rules { inner: true, ..self }.graph(graph, &scope, Some(names))?;
        }
        Ok(())
    }
}

/// The fields that hold a value, with the type that each stands for.
fn filled(attribute: &AttributeProto) -> Vec<(AttributeType, &'static str)> {
    [
        (attribute.f.is_some(), AttributeType::Float, "f"),
        (attribute.i.is_some(), AttributeType::Int, "i"),
        (attribute.s.is_some(), AttributeType::String, "s"),
        (attribute.t.is_some(), AttributeType::Tensor, "t"),
        (attribute.g.is_some(), AttributeType::Graph, "g"),
        (attribute.tp.is_some(), AttributeType::TypeProto, "tp"),
        (
            attribute.sparse_tensor.is_some(),
            AttributeType::SparseTensor,
            "sparse_tensor",
        ),
        (!attribute.floats.is_empty(), AttributeType::Floats, "floats"),
        (!attribute.ints.is_empty(), AttributeType::Ints, "ints"),
        (!attribute.strings.is_empty(), AttributeType::Strings, "strings"),
        (!attribute.tensors.is_empty(), AttributeType::Tensors, "tensors"),
        (!attribute.graphs.is_empty(), AttributeType::Graphs, "graphs"),
        (
            !attribute.sparse_tensors.is_empty(),
            AttributeType::SparseTensors,
            "sparse_tensors",
        ),
        (
            !attribute.type_protos.is_empty(),
            AttributeType::TypeProtos,
            "type_protos",
        ),
    ]
    .into_iter()
    .filter(|(is_filled, ..)| *is_filled)
    .map(|(_, stated, field)| (stated, field))
    .collect()
}
