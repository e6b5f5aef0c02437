//! The scan of hostile files: what must hold of a model before any engine sees it. That tables and vectors lie within the file was
//! checked when they were read; here it is what they mean: indices, sizes of constants, quantization, calls of graphs by graphs.
//!
//! It does not judge whether the network makes sense, nor which operators exist: the engine does, in its own process.

use std::collections::BTreeSet;

use crate::model::onnx::scan::Violation;
use crate::model::onnx::shown::shown;
use crate::model::tflite::schema::BuiltinOptions;
use crate::model::tflite::schema::BuiltinOptions2;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::QuantizationParameters;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::model::tflite::view::bytes_of;

/// The version of the schema that all files of the last years have.
const VERSION: u32 = 3;
/// Operators, over all graphs.
const MAX_OPERATORS: usize = 1_000_000;
/// Tensors, over all graphs.
const MAX_TENSORS: usize = 1_000_000;
/// Graphs that run graphs that run graphs.
const MAX_DEPTH: usize = 16;
/// Dimensions of one tensor; engines know eight.
const MAX_RANK: usize = 64;
/// Bytes of a name.
const MAX_NAME: usize = 4096;

/// Looks at everything that an index, a size or a scale could lead astray.
pub(crate) fn scan(model: &Model) -> Result<(), Violation> {
    let of_model = |problem: String| Violation::new("the model", problem);
    if model.version != VERSION {
        return Err(of_model(format!(
            "has version {} of the format's schema; {VERSION} is read",
            model.version
        )));
    }
    if model.subgraphs().is_empty() {
        return Err(of_model("has no graph".to_owned()));
    }
    let operators: usize = model.subgraphs().iter().map(|graph| graph.operators().len()).sum();
    let tensors: usize = model.subgraphs().iter().map(|graph| graph.tensors().len()).sum();
    if operators > MAX_OPERATORS || tensors > MAX_TENSORS {
        return Err(of_model(format!(
            "has {operators} operators and {tensors} tensors; at most {MAX_OPERATORS} and {MAX_TENSORS} are read"
        )));
    }
    for (index, code) in model.operator_codes().iter().enumerate() {
        if code.custom_code().len() > MAX_NAME {
            return Err(Violation::new(
                format!("operator code {index}"),
                format!("has a name of more than {MAX_NAME} bytes"),
            ));
        }
    }
    for (number, graph) in model.subgraphs().iter().enumerate() {
        scan_graph(model, number, graph)?;
    }
    for signature in model.signature_defs() {
        scan_signature(model, signature.subgraph_index, signature.signature_key(), || {
            signature
                .inputs()
                .iter()
                .chain(signature.outputs())
                .map(|map| map.tensor_index)
        })?;
    }
    for metadata in model.metadata() {
        if metadata.buffer as usize >= model.buffers().len() {
            return Err(Violation::new(
                format!("metadata {}", shown(metadata.name())),
                format!("names buffer {}, which does not exist", metadata.buffer),
            ));
        }
    }
    let mut way = Vec::new();
    let mut sound = BTreeSet::new();
    (0..model.subgraphs().len()).try_for_each(|graph| scan_calls(model, graph, &mut way, &mut sound))
}

fn scan_signature<I: Iterator<Item = u32>>(
    model: &Model,
    subgraph: u32,
    key: &str,
    tensors: impl FnOnce() -> I,
) -> Result<(), Violation> {
    let place = || format!("signature {}", shown(key));
    let Some(graph) = model.subgraphs().get(subgraph as usize) else {
        return Err(Violation::new(
            place(),
            format!("names graph {subgraph}, which does not exist"),
        ));
    };
    match tensors().find(|tensor| *tensor as usize >= graph.tensors().len()) {
        Some(tensor) => Err(Violation::new(
            place(),
            format!("names tensor {tensor}, which does not exist"),
        )),
        None => Ok(()),
    }
}

fn scan_graph(model: &Model, number: usize, graph: &SubGraph) -> Result<(), Violation> {
    for (index, tensor) in graph.tensors().iter().enumerate() {
        let place = || {
            let name = if tensor.name().is_empty() {
                format!("tensor {index}")
            } else {
                format!("tensor {}", shown(tensor.name()))
            };
            within(&name, number)
        };
        scan_tensor(model, tensor).map_err(|problem| Violation::new(place(), problem))?;
    }
    let count = graph.tensors().len();
    for (index, operator) in graph.operators().iter().enumerate() {
        let place = || {
            within(
                &format!("operator {index} ({})", operator_shown(model, operator)),
                number,
            )
        };
        scan_operator(model, operator, count).map_err(|problem| Violation::new(place(), problem))?;
    }
    for (what, indices) in [("inputs", graph.inputs()), ("outputs", graph.outputs())] {
        if let Some(index) = indices.iter().find(|index| !is_within(**index, count)) {
            return Err(Violation::new(
                within("the graph", number),
                format!("has tensor {index} among its {what}, which does not exist"),
            ));
        }
    }
    Ok(())
}

/// An operator's name; those that a file makes up are shown as text of a stranger.
fn operator_shown(model: &Model, operator: &Operator) -> String {
    match model.operator_name(operator).as_str() {
        "" => "unknown".to_owned(),
        name if name.starts_with("CUSTOM") => shown(name),
        name => name.to_owned(),
    }
}

/// A place, with the graph where it is not the main one.
fn within(place: &str, graph: usize) -> String {
    match graph {
        0 => place.to_owned(),
        graph => format!("{place} in graph {graph}"),
    }
}

fn is_within(index: i32, count: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index < count)
}

fn scan_operator(model: &Model, operator: &Operator, tensors: usize) -> Result<(), String> {
    if operator.opcode_index as usize >= model.operator_codes().len() {
        return Err(format!(
            "names operator code {}, which does not exist",
            operator.opcode_index
        ));
    }
    let read = operator.inputs().iter().chain(operator.intermediates());
    if let Some(index) = read.clone().find(|index| **index != -1 && !is_within(**index, tensors)) {
        return Err(format!("reads tensor {index}, which does not exist"));
    }
    match operator.outputs().iter().find(|index| !is_within(**index, tensors)) {
        Some(index) => Err(format!("writes tensor {index}, which does not exist")),
        None => Ok(()),
    }
}

fn scan_tensor(model: &Model, tensor: &Tensor) -> Result<(), String> {
    if tensor.name().len() > MAX_NAME {
        return Err(format!("has a name of more than {MAX_NAME} bytes"));
    }
    let rank = tensor.shape().len().max(tensor.shape_signature().len());
    if rank > MAX_RANK {
        return Err(format!("has {rank} dimensions; at most {MAX_RANK} are read"));
    }
    if let Some(size) = tensor.shape().iter().find(|size| **size < 0) {
        return Err(format!("has a dimension of {size}"));
    }
    if let Some(size) = tensor.shape_signature().iter().find(|size| **size < -1) {
        return Err(format!("has a dimension of {size}"));
    }
    if !tensor.shape_signature().is_empty() && tensor.shape_signature().len() != tensor.shape().len() {
        return Err("has a shape and a signature of the shape of other lengths".to_owned());
    }
    let sizes = tensor.shape().iter().map(|size| u64::from(size.unsigned_abs()));
    let elements = sizes
        .into_iter()
        .try_fold(1_u64, |product, size| product.checked_mul(size))
        .filter(|elements| bytes_of(TensorType::COMPLEX128, *elements).is_some())
        .ok_or("has more elements than memory could hold")?;
    if tensor.buffer as usize >= model.buffers().len().max(1) {
        return Err(format!("names buffer {}, which does not exist", tensor.buffer));
    }
    if let Some(data) = model.constant(tensor)
        && tensor.sparsity.is_none()
        && let Some(needed) = bytes_of(tensor.r#type, elements)
        && data.len() as u64 != needed
    {
        return Err(format!(
            "has {} bytes of data, and its type and shape take {needed}",
            data.len()
        ));
    }
    match &tensor.quantization {
        Some(quantization) => scan_quantization(tensor, quantization),
        None => Ok(()),
    }
}

/// Scales and zero points: as many as there are channels, or one; finite, and within the type.
fn scan_quantization(tensor: &Tensor, quantization: &QuantizationParameters) -> Result<(), String> {
    let (scales, zeros) = (quantization.scale(), quantization.zero_point());
    if quantization.details.is_some() {
        return Ok(());
    }
    if scales.is_empty() {
        return match zeros {
            [] => Ok(()),
            _ => Err("has zero points for its quantization and no scales".to_owned()),
        };
    }
    if !zeros.is_empty() && zeros.len() != scales.len() && zeros.len() != 1 {
        return Err(format!(
            "is quantized by {} scales and {} zero points",
            scales.len(),
            zeros.len()
        ));
    }
    if scales.len() > 1 {
        let axis = usize::try_from(quantization.quantized_dimension).ok();
        let size = axis.and_then(|axis| tensor.shape().get(axis)).copied();
        if size.and_then(|size| usize::try_from(size).ok()) != Some(scales.len()) {
            return Err(format!(
                "is quantized by {} scales along its dimension {}, and that has the size {}",
                scales.len(),
                quantization.quantized_dimension,
                size.map_or_else(|| "of nothing: there is none".to_owned(), |size| size.to_string())
            ));
        }
    }
    if let Some(scale) = scales.iter().find(|scale| !scale.is_finite() || **scale < 0.0) {
        return Err(format!("is quantized by a scale of {scale}"));
    }
    let range = match tensor.r#type {
        TensorType::INT8 => -128..=127,
        TensorType::UINT8 => 0..=255,
        TensorType::INT16 => -32_768..=32_767,
        TensorType::INT4 => -8..=7,
        _ => i64::MIN..=i64::MAX,
    };
    match zeros.iter().find(|zero| !range.contains(zero)) {
        Some(zero) => Err(format!(
            "has a zero point of {zero}, and its type holds {} to {}",
            range.start(),
            range.end()
        )),
        None => Ok(()),
    }
}

/// Graphs that call themselves would never end, and engines follow them before they run.
fn scan_calls(model: &Model, graph: usize, way: &mut Vec<usize>, sound: &mut BTreeSet<usize>) -> Result<(), Violation> {
    if sound.contains(&graph) {
        return Ok(());
    }
    let place = || format!("graph {graph}");
    if way.contains(&graph) {
        return Err(Violation::new(place(), "runs itself"));
    }
    if way.len() >= MAX_DEPTH {
        return Err(Violation::new(
            place(),
            format!("stands more than {MAX_DEPTH} graphs deep"),
        ));
    }
    way.push(graph);
    for operator in model.subgraphs().get(graph).map_or(&[][..], SubGraph::operators) {
        for called in called(operator) {
            let called = usize::try_from(called)
                .ok()
                .filter(|called| *called < model.subgraphs().len())
                .ok_or_else(|| Violation::new(place(), format!("runs graph {called}, which does not exist")))?;
            scan_calls(model, called, way, sound)?;
        }
    }
    way.pop();
    sound.insert(graph);
    Ok(())
}

/// The graphs that an operator runs.
pub(super) fn called(operator: &Operator) -> Vec<i64> {
    let first = match &operator.builtin_options {
        Some(BuiltinOptions::IfOptions(options)) => vec![options.then_subgraph_index, options.else_subgraph_index],
        Some(BuiltinOptions::WhileOptions(options)) => vec![options.cond_subgraph_index, options.body_subgraph_index],
        Some(BuiltinOptions::CallOnceOptions(options)) => vec![options.init_subgraph_index],
        Some(BuiltinOptions::CallOptions(options)) => return vec![i64::from(options.subgraph)],
        _ => Vec::new(),
    };
    let second = match operator.builtin_options_2.as_deref() {
        Some(BuiltinOptions2::StablehloWhileOptions(options)) => {
            vec![options.cond_subgraph_index, options.body_subgraph_index]
        }
        Some(BuiltinOptions2::StablehloCaseOptions(options)) => options.branch_subgraph_indices().to_vec(),
        Some(BuiltinOptions2::StablehloReduceOptions(options)) => vec![options.body_subgraph_index],
        Some(BuiltinOptions2::StablehloReduceWindowOptions(options)) => vec![options.body_subgraph_index],
        Some(BuiltinOptions2::StablehloSortOptions(options)) => vec![options.comparator_subgraph_index],
        Some(BuiltinOptions2::StablehloScatterOptions(options)) => vec![options.update_computation_subgraph_index],
        Some(BuiltinOptions2::StableHLOCompositeOptions(options)) => vec![options.decomposition_subgraph_index],
        _ => Vec::new(),
    };
    first.into_iter().chain(second).map(i64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tflite::schema::Buffer;
    use crate::model::tflite::schema::IfOptions;
    use crate::model::tflite::schema::OperatorCode;

    /// One operator from `x` and four weights to `y`.
    fn sound() -> Model {
        let tensor = |name: &str, buffer| Tensor {
            shape: Some(vec![4]),
            buffer,
            name: Some(name.to_owned()),
            ..Tensor::default()
        };
        Model {
            version: 3,
            operator_codes: Some(vec![OperatorCode::default()]),
            subgraphs: Some(vec![SubGraph {
                tensors: Some(vec![tensor("x", 0), tensor("weights", 1), tensor("y", 0)]),
                inputs: Some(vec![0]),
                outputs: Some(vec![2]),
                operators: Some(vec![Operator {
                    inputs: Some(vec![0, 1]),
                    outputs: Some(vec![2]),
                    ..Operator::default()
                }]),
                ..SubGraph::default()
            }]),
            buffers: Some(vec![
                Buffer::default(),
                Buffer {
                    data: Some(vec![0; 16].into()),
                    ..Buffer::default()
                },
            ]),
            ..Model::default()
        }
    }

    fn graph(model: &mut Model) -> &mut SubGraph {
        &mut model.subgraphs.as_mut().unwrap()[0]
    }

    fn weights(model: &mut Model) -> &mut Tensor {
        &mut graph(model).tensors.as_mut().unwrap()[1]
    }

    fn operator(model: &mut Model) -> &mut Operator {
        &mut graph(model).operators.as_mut().unwrap()[0]
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Model), expected: &str) {
        let mut model = sound();
        assert_eq!(scan(&model), Ok(()));
        change(&mut model);
        assert_eq!(scan(&model).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_leads_nowhere_is_refused_and_named() {
        refused(
            |model| model.version = 99,
            "the model has version 99 of the format's schema; 3 is read",
        );
        refused(|model| model.subgraphs = None, "the model has no graph");
        refused(
            |model| operator(model).inputs = Some(vec![0, 7]),
            "operator 0 (ADD) reads tensor 7, which does not exist",
        );
        refused(
            |model| operator(model).outputs = Some(vec![-1]),
            "operator 0 (ADD) writes tensor -1, which does not exist",
        );
        refused(
            |model| operator(model).opcode_index = 5,
            "operator 0 (unknown) names operator code 5, which does not exist",
        );
        refused(
            |model| weights(model).buffer = 9,
            "tensor `weights` names buffer 9, which does not exist",
        );
        refused(
            |model| graph(model).outputs = Some(vec![3]),
            "the graph has tensor 3 among its outputs, which does not exist",
        );
    }

    #[test]
    fn data_and_quantization_must_fit_the_shape() {
        refused(
            |model| weights(model).shape = Some(vec![5]),
            "tensor `weights` has 16 bytes of data, and its type and shape take 20",
        );
        refused(
            |model| weights(model).shape = Some(vec![i32::MAX; 4]),
            "tensor `weights` has more elements than memory could hold",
        );
        refused(
            |model| weights(model).shape = Some(vec![-4]),
            "tensor `weights` has a dimension of -4",
        );
        let quantized = |scale: Vec<f32>, zero_point: Vec<i64>| {
            Some(QuantizationParameters {
                scale: Some(scale),
                zero_point: Some(zero_point),
                ..QuantizationParameters::default()
            })
        };
        refused(
            |model| weights(model).quantization = quantized(vec![1.0; 3], vec![0; 3]),
            "tensor `weights` is quantized by 3 scales along its dimension 0, and that has the size 4",
        );
        refused(
            |model| weights(model).quantization = quantized(vec![1.0; 4], vec![0; 2]),
            "tensor `weights` is quantized by 4 scales and 2 zero points",
        );
        refused(
            |model| weights(model).quantization = quantized(vec![f32::NAN], vec![0]),
            "tensor `weights` is quantized by a scale of NaN",
        );
    }

    #[test]
    fn a_graph_that_runs_itself_is_refused() {
        refused(
            |model| {
                operator(model).builtin_options = Some(BuiltinOptions::IfOptions(IfOptions {
                    then_subgraph_index: 0,
                    else_subgraph_index: 0,
                }));
            },
            "graph 0 runs itself",
        );
        refused(
            |model| {
                operator(model).builtin_options = Some(BuiltinOptions::IfOptions(IfOptions {
                    then_subgraph_index: 3,
                    else_subgraph_index: 0,
                }));
            },
            "graph 0 runs graph 3, which does not exist",
        );
    }
}
