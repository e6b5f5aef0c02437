//! An ONNX model taken apart.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use super::parts::Data;
use super::parts::Elements;
use super::parts::NodePart;
use super::parts::Parts;
use super::parts::TensorPart;
use super::parts::keyed;
use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types::element_type;
use crate::model::onnx::types::type_name;
use crate::model::onnx::visit;
use crate::model::onnx::visit::TensorSite;

/// Takes a model apart, subgraphs and functions too.
pub(super) fn parts<'a>(proto: &'a ModelProto, external: &'a [ExternalFile]) -> Parts<'a> {
    let graph = proto.graph.as_ref().map(|graph| graph.name().to_owned());
    let mut metadata = BTreeMap::from([("graph".to_owned(), graph.unwrap_or_default())]);
    for property in &proto.metadata_props {
        metadata.insert(format!("property {}", property.key()), property.value().to_owned());
    }
    Parts {
        metadata,
        nodes: nodes_of(proto),
        tensors: tensors_of(proto, external),
    }
}

fn nodes_of(proto: &ModelProto) -> BTreeMap<String, NodePart> {
    let scopes = visit::scopes(proto);
    let places: Vec<String> = scopes.iter().map(visit::Scope::describe).collect();
    keyed(visit::nodes(&scopes).map(|(scope, node)| {
        let name = match (node.name(), node.output.iter().find(|output| !output.is_empty())) {
            ("", Some(output)) => format!("→ {output}"),
            (name, _) => name.to_owned(),
        };
        let place = places.get(scope).map(String::as_str).unwrap_or_default();
        (format!("{name}{place}"), part(node))
    }))
}

fn part(node: &NodeProto) -> NodePart {
    let attributes = node.attribute.iter().map(|attribute| {
        let bare = without_parts(attribute);
        (attribute.name().to_owned(), bare.encode_to_vec())
    });
    NodePart {
        operator: operator(node),
        inputs: node.input.clone(),
        outputs: node.output.clone(),
        attributes: attributes.collect(),
    }
}

fn operator(node: &NodeProto) -> String {
    match node.domain() {
        "" | "ai.onnx" => node.op_type().to_owned(),
        domain => format!("{domain}.{}", node.op_type()),
    }
}

/// Tensors and graphs of attributes are compared for themselves.
fn without_parts(attribute: &AttributeProto) -> AttributeProto {
    AttributeProto {
        t: None,
        g: None,
        sparse_tensor: None,
        tensors: Vec::new(),
        graphs: Vec::new(),
        sparse_tensors: Vec::new(),
        doc_string: None,
        name: attribute.name.clone(),
        ref_attr_name: attribute.ref_attr_name.clone(),
        r#type: attribute.r#type,
        // Bits count, so that a NaN equals itself.
        f: None,
        floats: Vec::new(),
        ints: attribute
            .ints
            .iter()
            .copied()
            .chain(
                attribute
                    .f
                    .iter()
                    .chain(&attribute.floats)
                    .map(|float| i64::from(float.to_bits())),
            )
            .collect(),
        i: attribute.i,
        s: attribute.s.clone(),
        strings: attribute.strings.clone(),
        tp: attribute.tp.clone(),
        type_protos: attribute.type_protos.clone(),
    }
}

/// A tensor and where it stands.
pub(super) struct Sited<'a> {
    site: TensorSite<'a>,
    external: &'a [ExternalFile],
}

impl Sited<'_> {
    /// Its elements; `None` for text, and where they cannot be had.
    pub(super) fn elements(&self) -> Option<Elements> {
        let view = TensorView::of(self.site.tensor, self.external).ok()?;
        Some(Elements {
            kind: element_type(view.data_type),
            bytes: view.bytes,
            scales: None,
        })
    }

    pub(super) fn text(&self) -> &[Bytes] {
        &self.site.tensor.string_data
    }
}

fn tensors_of<'a>(proto: &'a ModelProto, external: &'a [ExternalFile]) -> BTreeMap<String, TensorPart<'a>> {
    let scopes = visit::scopes(proto);
    keyed(visit::tensors(&scopes).into_iter().map(|site| {
        let name = site.describe(&scopes);
        let part = TensorPart {
            element: type_name(site.tensor.data_type()).to_lowercase(),
            dims: site.sparse_dims.unwrap_or(&site.tensor.dims).to_vec(),
            data: Data::Onnx(Sited { site, external }),
        };
        (name, part)
    }))
}
