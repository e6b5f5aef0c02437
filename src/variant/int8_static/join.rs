//! A product of matrices and the sum behind it, as one `Gemm`: its bias is added in 32 bits then, and nothing is rounded in between.
//!
//! Only where the left factor is a matrix, the right one a constant matrix, and what is added a constant with a value a column. ONNX
//! Runtime does the same when it optimizes, and its quantizer's preparation with it (`MatMulAddFusion`).

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::graph::Graph;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape;
use crate::variant::VariantError;
use crate::variant::kinds::is_standard;

/// A sum that becomes part of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    /// The place of the `MatMul`.
    product: usize,
    /// The place of the `Add`.
    sum: usize,
    /// What is added.
    bias: String,
}

/// The sums that can be joined, in the order of the graph.
pub(super) fn sums(model: &ModelProto) -> Result<Vec<Sum>, VariantError> {
    let Some(main) = &model.graph else {
        return Ok(Vec::new());
    };
    let graph = Graph::of(model, main)?;
    let candidates: Vec<Sum> = (0..graph.nodes.len()).filter_map(|index| sum(&graph, index)).collect();
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let ranks = ranks(model);
    let is_matrix = |sum: &Sum| {
        let left = graph.nodes.get(sum.product).and_then(|product| product.input.first());
        left.is_some_and(|left| ranks.get(left.as_str()) == Some(&2))
    };
    Ok(candidates.into_iter().filter(is_matrix).collect())
}

/// The `MatMul` before the `Add` of that place, and what is added.
fn sum(graph: &Graph<'_>, index: usize) -> Option<Sum> {
    let node = standard(graph, index, "Add")?;
    let [one, other] = node.input.as_slice() else {
        return None;
    };
    let (made, bias) = match (graph.constants.get(one.as_str()), graph.constants.get(other.as_str())) {
        (None, Some(_)) => (one, other),
        (Some(_), None) => (other, one),
        _ => return None,
    };
    let product = graph.maker(made)?;
    let weights = standard(graph, product, "MatMul")?.input.get(1)?;
    let weights = graph.constants.get(weights.as_str())?;
    let [_, columns] = weights.dims.as_slice() else {
        return None;
    };
    let bias_dims = &graph.constants.get(bias.as_str())?.dims;
    let fits = matches!(bias_dims.as_slice(), [length] | [1, length] if length == columns);
    let alone = graph.readers(made).len() == 1 && !graph.is_output(made) && !graph.is_captured(made);
    let made_before = graph.maker(bias).is_none_or(|maker| maker < product);
    (fits && alone && made_before).then(|| Sum {
        product,
        sum: index,
        bias: bias.clone(),
    })
}

fn standard<'a>(graph: &Graph<'a>, index: usize, op_type: &str) -> Option<&'a NodeProto> {
    let node = graph.nodes.get(index)?;
    (is_standard(node.domain()) && node.op_type() == op_type && !graph.is_call(node)).then_some(node)
}

/// The ranks of tensors, where they can be told: of those whose shapes are known, and of those that are declared.
fn ranks(model: &ModelProto) -> HashMap<String, usize> {
    use crate::model::onnx::proto::type_proto::Value;
    let mut ranks = HashMap::new();
    shape::propagate(model, &[], &BTreeMap::new(), &mut |call, outputs| {
        for (name, known) in call.node.output.iter().zip(outputs) {
            if let Some(known) = known {
                ranks.insert(name.clone(), known.dims.len());
            }
        }
    });
    let Some(graph) = &model.graph else { return ranks };
    for info in graph.input.iter().chain(&graph.value_info).chain(&graph.output) {
        let declared = info.r#type.as_ref().and_then(|declared| declared.value.as_ref());
        if let Some(Value::TensorType(tensor)) = declared
            && let Some(shape) = &tensor.shape
        {
            ranks.insert(info.name().to_owned(), shape.dim.len());
        }
    }
    let initial: HashMap<&str, usize> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name(), tensor.dims.len()))
        .collect();
    for node in graph.node.iter().filter(|node| is_standard(node.domain())) {
        let rank = |index: usize| node.input.get(index).and_then(|input| ranks.get(input)).copied();
        let initial = |name: &String| initial.get(name.as_str()).copied();
        let rank = match node.op_type() {
            "Gemm" | "Flatten" => Some(2),
            "Clip" | "Relu" | "LeakyRelu" | "Sigmoid" | "Tanh" | "Softmax" | "Identity" | "Dropout" | "Transpose" => {
                rank(0)
            }
            "MatMul" => rank(0).filter(|rank| {
                let weights = node.input.get(1).and_then(initial);
                *rank >= 2 && weights == Some(2)
            }),
            "Add" | "Mul" => {
                let of = |index: usize| {
                    let constant = node.input.get(index).and_then(initial);
                    constant.or_else(|| rank(index))
                };
                of(0).zip(of(1)).map(|(one, other)| one.max(other))
            }
            _ => None,
        };
        if let (Some(rank), Some(output)) = (rank, node.output.first()) {
            ranks.entry(output.clone()).or_insert(rank);
        }
    }
    ranks
}

/// Joins them. The `Gemm` keeps the name of the product, and makes what the sum made.
pub(super) fn apply(model: &mut ModelProto, sums: &[Sum]) {
    let Some(graph) = &mut model.graph else { return };
    let mut unmade: HashSet<String> = HashSet::new();
    for joined in sums {
        let output = graph
            .node
            .get(joined.sum)
            .map(|sum| sum.output.clone())
            .unwrap_or_default();
        let Some(product) = graph.node.get_mut(joined.product) else {
            continue;
        };
        let gone = std::mem::replace(&mut product.output, output);
        product.op_type = Some("Gemm".to_owned());
        product.input.push(joined.bias.clone());
        unmade.extend(gone);
    }
    graph.value_info.retain(|info| !unmade.contains(info.name()));
    let gone: HashSet<usize> = sums.iter().map(|joined| joined.sum).collect();
    let nodes = std::mem::take(&mut graph.node).into_iter().enumerate();
    graph.node = nodes
        .filter(|(index, _)| !gone.contains(index))
        .map(|(_, node)| node)
        .collect();
}
