//! Reads a model's facts out of its messages.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::facts::Facts;
use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_shape_proto::dimension;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::tensor_view::elements;
use crate::model::onnx::types::element_type;
use crate::model::onnx::visit;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::TensorSpec;

/// Domains whose operators ONNX Runtime brings along.
const KNOWN_DOMAINS: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.training",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

/// Describes a scanned model; work is counted where the model itself fixes all shapes.
pub(crate) fn facts(model: &ModelProto, external: &[ExternalFile]) -> Facts {
    let graph = model.graph.as_ref();
    let work = crate::model::onnx::work::work(model, external, &BTreeMap::new());
    let scopes = visit::scopes(model);
    let mut op_histogram = BTreeMap::new();
    let mut domains = BTreeSet::new();
    for (_, node) in visit::nodes(&scopes) {
        *op_histogram.entry(operator(node)).or_default() += 1;
        if !KNOWN_DOMAINS.contains(&node.domain()) {
            domains.insert(node.domain());
        }
    }
    for function in &model.functions {
        domains.remove(function.domain());
    }
    let mut parameters = 0;
    let mut body_parameters = 0;
    for (index, scope) in scopes.iter().enumerate() {
        let count = scope.graph().map_or(0, stored_elements);
        if index == 0 {
            parameters = count;
        } else {
            body_parameters += count;
        }
    }
    Facts {
        producer: format!("{} {}", model.producer_name(), model.producer_version())
            .trim()
            .to_owned(),
        ir_version: model.ir_version(),
        opsets: model
            .opset_import
            .iter()
            .map(|opset| (domain_name(opset.domain()).to_owned(), opset.version()))
            .collect(),
        inputs: graph.map(fed_inputs).unwrap_or_default(),
        outputs: graph
            .map(|graph| graph.output.iter().map(spec).collect())
            .unwrap_or_default(),
        op_histogram,
        custom_domains: domains.into_iter().map(str::to_owned).collect(),
        parameters,
        body_parameters,
        macs: work.macs,
        activation_bytes: work.activation_bytes,
        activation_peak: work.activation_peak,
    }
}

/// The inputs that someone must feed: since IR version 4 initializers need not be inputs, before they had to.
pub(crate) fn fed_inputs(graph: &GraphProto) -> Vec<TensorSpec> {
    let filled: BTreeSet<&str> = initializer_names(graph).collect();
    graph
        .input
        .iter()
        .filter(|input| !filled.contains(input.name()))
        .map(spec)
        .collect()
}

/// Names of the graph's initializers, sparse ones too.
pub(crate) fn initializer_names(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let sparse = graph
        .sparse_initializer
        .iter()
        .filter_map(|sparse| sparse.values.as_ref());
    graph.initializer.iter().chain(sparse).map(|tensor| tensor.name())
}

fn stored_elements(graph: &GraphProto) -> u64 {
    let sparse = graph
        .sparse_initializer
        .iter()
        .filter_map(|sparse| sparse.values.as_ref());
    graph
        .initializer
        .iter()
        .chain(sparse)
        .filter_map(|tensor| elements(&tensor.dims).ok())
        .sum()
}

/// An operator's name in histograms.
fn operator(node: &NodeProto) -> String {
    match node.domain() {
        "" | "ai.onnx" => node.op_type().to_owned(),
        domain => format!("{domain}.{}", node.op_type()),
    }
}

fn domain_name(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}

/// What an input or output looks like; a sequence, map or optional is of the type [`ElementType::Other`].
pub(crate) fn spec(value: &ValueInfoProto) -> TensorSpec {
    let tensor = match value.r#type.as_ref().and_then(|r#type| r#type.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => Some(tensor),
        _ => None,
    };
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| {
        let dim = |value: &Option<dimension::Value>| match value {
            Some(dimension::Value::DimValue(size)) => u64::try_from(*size).map_or(Dim::Unknown, Dim::Fixed),
            Some(dimension::Value::DimParam(name)) if !name.is_empty() => Dim::Symbol(name.clone()),
            Some(dimension::Value::DimParam(_)) | None => Dim::Unknown,
        };
        shape.dim.iter().map(|dimension| dim(&dimension.value)).collect()
    });
    TensorSpec {
        name: value.name().to_owned(),
        element: tensor.map_or(ElementType::Other, |tensor| element_type(tensor.elem_type())),
        dims,
    }
}
