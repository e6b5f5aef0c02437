//! The scan of hostile files: what must hold of a model before any engine sees it, because engines have been crashed, filled or
//! led astray by what it refuses.
//!
//! It looks at every graph, subgraph, function, attribute and tensor, sparse ones too. It does not judge whether the network makes
//! sense, nor which operators exist: the engine does, in its own process.

use std::collections::BTreeSet;

use crate::model::onnx::calls;
use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::SparseTensorProto;
use crate::model::onnx::proto::StringStringEntryProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::tensor_view;
use crate::model::onnx::tensor_view::TensorError;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types;
use crate::model::onnx::visit;
use crate::model::onnx::visit::Body;
use crate::model::onnx::visit::Role;
use crate::model::onnx::visit::Scope;
use crate::model::onnx::visit::TensorSite;

/// Nodes, over all graphs and functions. The largest language models exported node by node have some 100 000.
const MAX_NODES: usize = 1_000_000;
/// Tensors, over all graphs and attributes.
const MAX_TENSORS: usize = 1_000_000;
/// Subgraphs within subgraphs.
const MAX_DEPTH: usize = 16;
/// Dimensions of one tensor.
const MAX_RANK: usize = 64;
/// Bytes of a name, operator type or domain.
const MAX_NAME: usize = 4096;
/// Bytes of any other text: documentation, metadata, text attributes, elements of text tensors.
const MAX_TEXT: usize = 64_000_000;
/// Bytes that a sparse tensor may take once an engine has made it dense.
const MAX_DENSE: u64 = 2_000_000_000;
/// Nodes once every call of a function is replaced by its body.
pub(crate) const MAX_INLINED: u64 = 1_000_000;

/// What is wrong with a model, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {problem}")]
pub struct Violation {
    /// The node, tensor, graph or model.
    pub place: String,
    /// What is wrong with it, as a verb phrase.
    pub problem: String,
}

impl Violation {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
        }
    }
}

/// Scans the model; `external` are the files opened for it. Stops at the first violation.
pub fn scan(model: &ModelProto, external: &[ExternalFile]) -> Result<(), Violation> {
    let scopes = visit::scopes(model);
    scan_size(&scopes)?;
    scan_texts(model)?;
    for scope in &scopes {
        scan_scope(scope)?;
    }
    let tensors = visit::tensors(&scopes);
    if tensors.len() > MAX_TENSORS {
        return Err(Violation::new(
            "the model",
            format!("has more than {MAX_TENSORS} tensors"),
        ));
    }
    for site in &tensors {
        scan_tensor(site, &scopes, external)?;
    }
    calls::check(model)
}

fn scan_size(scopes: &[Scope<'_>]) -> Result<(), Violation> {
    let nodes: usize = scopes.iter().map(|scope| scope.nodes().len()).sum();
    if nodes > MAX_NODES {
        return Err(Violation::new("the model", format!("has more than {MAX_NODES} nodes")));
    }
    match scopes.iter().find(|scope| scope.depth > MAX_DEPTH) {
        Some(scope) => Err(Violation::new(
            format!("the graph{}", scope.describe()),
            format!("lies more than {MAX_DEPTH} subgraphs deep"),
        )),
        None => Ok(()),
    }
}

fn scan_texts(model: &ModelProto) -> Result<(), Violation> {
    let place = "the model";
    name(place, model.producer_name())?;
    name(place, model.producer_version())?;
    name(place, model.domain())?;
    text(place, model.doc_string())?;
    entries(place, &model.metadata_props)?;
    let functions = model.functions.iter().flat_map(|function| &function.opset_import);
    for opset in model.opset_import.iter().chain(functions) {
        name(place, opset.domain())?;
    }
    Ok(())
}

fn scan_scope(scope: &Scope<'_>) -> Result<(), Violation> {
    match scope.body {
        Body::Graph(graph) => scan_graph(graph, scope)?,
        Body::Function(function) => {
            let place = format!("function {}", shown(function.name()));
            name(&place, function.name())?;
            name(&place, function.domain())?;
            text(&place, function.doc_string())?;
            entries(&place, &function.metadata_props)?;
            for value in function.input.iter().chain(&function.output).chain(&function.attribute) {
                name(&place, value)?;
            }
            for attribute in &function.attribute_proto {
                scan_attribute(attribute, &place)?;
            }
        }
    }
    for node in scope.nodes() {
        scan_node(node, scope)?;
    }
    Ok(())
}

fn scan_graph(graph: &GraphProto, scope: &Scope<'_>) -> Result<(), Violation> {
    let place = || format!("the graph{}", scope.describe());
    name(&place(), graph.name())?;
    text(&place(), graph.doc_string())?;
    entries(&place(), &graph.metadata_props)?;
    for value in graph.input.iter().chain(&graph.output).chain(&graph.value_info) {
        name(&place(), value.name())?;
        text(&place(), value.doc_string())?;
    }
    let dense = graph.initializer.iter();
    let sparse = graph
        .sparse_initializer
        .iter()
        .filter_map(|sparse| sparse.values.as_ref());
    let mut names = BTreeSet::new();
    for initializer in dense.chain(sparse) {
        if !names.insert(initializer.name()) {
            return Err(Violation::new(
                format!("initializer {}{}", shown(initializer.name()), scope.describe()),
                "stands twice; engines differ on which one counts",
            ));
        }
    }
    for sparse in &graph.sparse_initializer {
        let values = sparse.values.as_ref().map(|values| values.name()).unwrap_or_default();
        scan_sparse(
            sparse,
            &format!("sparse initializer {}{}", shown(values), scope.describe()),
        )?;
    }
    Ok(())
}

fn scan_node(node: &NodeProto, scope: &Scope<'_>) -> Result<(), Violation> {
    let place = || format!("{}{}", shown_node(node), scope.describe());
    let names = [node.name(), node.op_type(), node.domain(), node.overload()];
    let values = node.input.iter().chain(&node.output).map(String::as_str);
    for long in names.into_iter().chain(values).filter(|name| name.len() > MAX_NAME) {
        name(&place(), long)?;
    }
    if node.doc_string().len() > MAX_TEXT {
        text(&place(), node.doc_string())?;
    }
    if node.op_type().is_empty() {
        return Err(Violation::new(place(), "has no operator type"));
    }
    for attribute in &node.attribute {
        scan_attribute(attribute, &place())?;
    }
    // Its other mode makes the engine open a file that the node names.
    let embedded = |attribute: &&AttributeProto| attribute.name() == "embed_mode";
    if node.op_type() == "EPContext"
        && node
            .attribute
            .iter()
            .find(embedded)
            .is_some_and(|attribute| attribute.i() != 1)
    {
        return Err(Violation::new(place(), "refers to a compiled file outside the model"));
    }
    entries_of_node(node, &place)
}

fn entries_of_node(node: &NodeProto, place: &dyn Fn() -> String) -> Result<(), Violation> {
    if node.metadata_props.is_empty() {
        return Ok(());
    }
    entries(&place(), &node.metadata_props)
}

fn scan_attribute(attribute: &AttributeProto, holder: &str) -> Result<(), Violation> {
    name(holder, attribute.name())?;
    name(holder, attribute.ref_attr_name())?;
    let longest = attribute
        .s
        .iter()
        .chain(&attribute.strings)
        .map(bytes::Bytes::len)
        .max();
    if longest.is_some_and(|length| length > MAX_TEXT) {
        let problem = format!(
            "has a text of more than {MAX_TEXT} bytes in {}",
            shown(attribute.name())
        );
        return Err(Violation::new(holder, problem));
    }
    for sparse in attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors) {
        scan_sparse(
            sparse,
            &format!("the sparse attribute {} of {holder}", shown(attribute.name())),
        )?;
    }
    Ok(())
}

/// One tensor: its rank, that dimensions and data agree, and the length of its texts.
fn scan_tensor(site: &TensorSite<'_>, scopes: &[Scope<'_>], external: &[ExternalFile]) -> Result<(), Violation> {
    let violation = |problem: String| Violation::new(site.describe(scopes), problem);
    let tensor = site.tensor;
    if tensor.dims.len() > MAX_RANK {
        return Err(violation(format!("has more than {MAX_RANK} dimensions")));
    }
    if tensor.name().len() > MAX_NAME {
        return Err(violation(format!("has a name of more than {MAX_NAME} bytes")));
    }
    if tensor.doc_string().len() > MAX_TEXT || tensor.string_data.iter().any(|text| text.len() > MAX_TEXT) {
        return Err(violation(format!("has a text of more than {MAX_TEXT} bytes")));
    }
    tensor_view::check(tensor, external).map_err(|error| violation(error.to_string()))?;
    if site.role == Role::SparseIndices {
        let dims = site.sparse_dims.unwrap_or_default();
        let indices = TensorView::of(tensor, external).map_err(|error| violation(error.to_string()))?;
        scan_indices(&indices, dims).map_err(violation)?;
    }
    Ok(())
}

/// The parts of a sparse tensor must fit each other, and the tensor must be small enough to be made dense.
pub(crate) fn scan_sparse(sparse: &SparseTensorProto, place: &str) -> Result<(), Violation> {
    let violation = |problem: String| Violation::new(place, problem);
    let (Some(values), Some(indices)) = (&sparse.values, &sparse.indices) else {
        return Err(violation("lacks its values or its indices".to_owned()));
    };
    if sparse.dims.len() > MAX_RANK {
        return Err(violation(format!("has more than {MAX_RANK} dimensions")));
    }
    let dense = tensor_view::elements(&sparse.dims).map_err(|error| violation(error.to_string()))?;
    let dense_bytes = types::byte_length(values.data_type(), dense).ok_or(TensorError::TooManyElements);
    if dense_bytes.is_ok_and(|bytes| bytes > MAX_DENSE) {
        return Err(violation(format!("is larger than {MAX_DENSE} bytes once made dense")));
    }
    if indices.data_type() != DataType::Int64 as i32 {
        return Err(violation(format!(
            "has indices of type {}, expected INT64",
            types::type_name(indices.data_type())
        )));
    }
    let rank = sparse.dims.len() as i64;
    let fits = match (values.dims.as_slice(), indices.dims.as_slice()) {
        ([values], [indices]) => values == indices,
        ([values], [indices, coordinates]) => values == indices && *coordinates == rank,
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(violation(
            "has values and indices whose shapes do not fit each other".to_owned(),
        ))
    }
}

/// Every index of a sparse tensor must lie within it: engines write through them.
fn scan_indices(indices: &TensorView, dims: &[i64]) -> Result<(), String> {
    let values = indices.to_i64().ok_or("are not integers")?;
    let limits = match indices.shape.len() {
        1 => vec![tensor_view::elements(dims).map_err(|error| error.to_string())? as i64],
        _ => dims.to_vec(),
    };
    if limits.is_empty() {
        return if values.is_empty() {
            Ok(())
        } else {
            Err("index a tensor without dimensions".to_owned())
        };
    }
    let outside = values
        .iter()
        .zip(limits.iter().cycle())
        .find(|(index, limit)| **index < 0 || index >= limit);
    match outside {
        Some((index, _)) => Err(format!("lead outside the tensor (index {index})")),
        None => Ok(()),
    }
}

fn name(place: &str, value: &str) -> Result<(), Violation> {
    if value.len() > MAX_NAME {
        let problem = format!("has a name of more than {MAX_NAME} bytes: {}", shown(value));
        return Err(Violation::new(place, problem));
    }
    Ok(())
}

fn text(place: &str, value: &str) -> Result<(), Violation> {
    if value.len() > MAX_TEXT {
        return Err(Violation::new(
            place,
            format!("has a text of more than {MAX_TEXT} bytes"),
        ));
    }
    Ok(())
}

fn entries(place: &str, entries: &[StringStringEntryProto]) -> Result<(), Violation> {
    entries.iter().try_for_each(|entry| {
        text(place, entry.key())?;
        text(place, entry.value())
    })
}
