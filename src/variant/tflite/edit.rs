//! What every transform needs of a model's tables: which operator an entry is, which tensors are constants and of what values, and
//! additions to the tables that keep everything else in its place.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;

use crate::model::onnx::shown::shown;
use crate::model::tflite::schema::Buffer;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::OperatorCode;
use crate::model::tflite::schema::QuantizationDetails;
use crate::model::tflite::schema::SignatureDef;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Account;
use crate::variant::Left;
use crate::variant::VariantError;

/// The greatest operator number that the format's first field for it can hold.
const FIRST_CODES: i32 = 127;

/// Refuses a model whose indices lead nowhere, so that what follows need not ask.
pub(super) fn check(model: &Model) -> Result<(), VariantError> {
    let wrong = |place: String, problem: String| Err(VariantError::Damaged { place, problem });
    let buffers = model.buffers().len();
    for (number, graph) in model.subgraphs().iter().enumerate() {
        let tensors = graph.tensors().len();
        let within = |index: i32| usize::try_from(index).is_ok_and(|index| index < tensors);
        for (index, tensor) in graph.tensors().iter().enumerate() {
            if tensor.buffer as usize >= buffers.max(1) {
                let place = format!("tensor {index} {} of subgraph {number}", shown(tensor.name()));
                return wrong(
                    place,
                    format!("its data is buffer {}, and there are {buffers}", tensor.buffer),
                );
            }
            if elements(tensor).is_none() {
                let place = format!("tensor {index} {} of subgraph {number}", shown(tensor.name()));
                return wrong(place, format!("its shape is {:?}", tensor.shape()));
            }
        }
        for (index, operator) in graph.operators().iter().enumerate() {
            let place = || format!("operator {index} of subgraph {number}");
            let codes = model.operator_codes().len();
            if operator.opcode_index as usize >= codes {
                return wrong(
                    place(),
                    format!("its code is number {}, and there are {codes}", operator.opcode_index),
                );
            }
            let inputs = operator.inputs().iter().chain(operator.outputs());
            if let Some(wild) = inputs
                .chain(operator.intermediates())
                .find(|at| **at != -1 && !within(**at))
            {
                return wrong(place(), format!("it names tensor {wild}, and there are {tensors}"));
            }
        }
        if let Some(wild) = graph.inputs().iter().chain(graph.outputs()).find(|at| !within(**at)) {
            return wrong(
                format!("subgraph {number}"),
                format!("it names tensor {wild}, and there are {tensors}"),
            );
        }
    }
    for (index, signature) in model.signature_defs().iter().enumerate() {
        let graph = model.subgraphs().get(signature.subgraph_index as usize);
        let Some(tensors) = graph.map(|graph| graph.tensors().len()) else {
            let problem = format!("it names subgraph {}", signature.subgraph_index);
            return wrong(format!("signature {index}"), problem);
        };
        let mut entries = signature.inputs().iter().chain(signature.outputs());
        if let Some(wild) = entries.find(|entry| entry.tensor_index as usize >= tensors) {
            let problem = format!("it names tensor {}, and there are {tensors}", wild.tensor_index);
            return wrong(format!("signature {index}"), problem);
        }
    }
    Ok(())
}

/// The number of the graph that is run where nobody names a signature: [`Model::entry`].
pub(super) fn entry(model: &Model) -> usize {
    model
        .signature()
        .map_or(0, |signature| signature.subgraph_index as usize)
}

/// An operator's version; 0 where it has none.
fn version(model: &Model, operator: &Operator) -> i32 {
    let code = model.operator_codes().get(operator.opcode_index as usize);
    code.map_or(0, |code| code.version)
}

/// The number of a tensor's elements; `None` of a shape that makes no sense.
pub(super) fn elements(tensor: &Tensor) -> Option<usize> {
    tensor.shape().iter().try_fold(1_usize, |product, size| {
        product.checked_mul(usize::try_from(*size).ok()?)
    })
}

/// A tensor's shape.
pub(super) fn shape(tensor: &Tensor) -> Vec<usize> {
    tensor
        .shape()
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(0))
        .collect()
}

/// A tensor's data, where it is a constant whose data lies in the model, dense and of the type's width.
pub(super) fn constant<'a>(model: &'a Model, tensor: &Tensor, width: usize) -> Option<&'a Bytes> {
    let data = model.buffers().get(tensor.buffer as usize)?.data.as_ref()?;
    let size = elements(tensor)?.checked_mul(width)?;
    let dense = tensor.sparsity.is_none() && tensor.external_buffer == 0 && !tensor.is_variable;
    (tensor.buffer != 0 && dense && size > 0 && data.len() == size).then_some(data)
}

/// True of a tensor that is stored, whether or not [`constant`] can read it.
pub(super) fn is_stored(model: &Model, tensor: &Tensor) -> bool {
    let data = model.buffers().get(tensor.buffer as usize);
    tensor.external_buffer != 0 || (tensor.buffer != 0 && data.is_some_and(|buffer| !buffer.data().is_empty()))
}

/// The bytes of a constant of 32-bit floats.
pub(super) fn singles<'a>(model: &'a Model, tensor: &Tensor) -> Option<&'a Bytes> {
    constant(model, tensor, 4).filter(|_| tensor.r#type == TensorType::FLOAT32)
}

/// The values of a constant of 32-bit floats.
pub(super) fn floats(model: &Model, tensor: &Tensor) -> Option<Vec<f32>> {
    let data = singles(model, tensor)?;
    Some(
        data.as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
    )
}

/// The tensor of that index; -1 stands for none.
pub(super) fn tensor(graph: &SubGraph, index: i32) -> Option<&Tensor> {
    graph.tensors().get(usize::try_from(index).ok()?)
}

/// The same to be changed.
pub(super) fn tensor_mut(graph: &mut SubGraph, index: i32) -> Option<&mut Tensor> {
    graph.tensors.as_mut()?.get_mut(usize::try_from(index).ok()?)
}

/// The names by which ranges and settings know a subgraph's tensors: their own where it is theirs alone, else `tensor <index>`.
pub(super) fn names(graph: &SubGraph) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for tensor in graph.tensors() {
        *counts.entry(tensor.name()).or_default() += 1;
    }
    let own = |name: &str| !name.is_empty() && counts.get(name) == Some(&1);
    let tensors = graph.tensors().iter().enumerate();
    tensors
        .map(|(index, tensor)| match tensor.name() {
            name if own(name) => name.to_owned(),
            _ => format!("tensor {index}"),
        })
        .collect()
}

/// Notes that an operator of `graph` was left as it is.
pub(super) fn leave(account: &mut Account, model: &Model, graph: &SubGraph, operator: &Operator, reason: &str) {
    let op_type = model.operator_name(operator);
    let output = operator.outputs().first().and_then(|index| tensor(graph, *index));
    account.left.push(Left {
        node: format!(
            "operator producing {} ({op_type})",
            shown(output.map_or("", Tensor::name))
        ),
        op_type,
        reason: reason.to_owned(),
    });
}

/// Additions to a model's tables.
pub(super) struct Additions {
    stored: HashMap<Bytes, u32>,
}

impl Additions {
    pub(super) fn new() -> Self {
        Self { stored: HashMap::new() }
    }

    /// A buffer with that data; one for equal data.
    pub(super) fn buffer(&mut self, model: &mut Model, data: Bytes) -> u32 {
        if let Some(index) = self.stored.get(&data) {
            return *index;
        }
        let buffers = model.buffers.get_or_insert_default();
        if buffers.is_empty() {
            // The first one stands for no data.
            buffers.push(Buffer::default());
        }
        buffers.push(Buffer {
            data: Some(data.clone()),
            ..Buffer::default()
        });
        let index = buffers.len() as u32 - 1;
        self.stored.insert(data, index);
        index
    }
}

/// The names that a subgraph's tensors have, so that new ones get others.
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn of(graph: &SubGraph) -> Self {
        Self(graph.tensors().iter().map(|tensor| tensor.name().to_owned()).collect())
    }

    /// `wanted`, with a number where it is taken.
    pub(super) fn fresh(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{wanted};{number}");
        }
        name
    }
}

/// Appends a tensor; gives its index.
pub(super) fn add_tensor(graph: &mut SubGraph, tensor: Tensor) -> i32 {
    let tensors = graph.tensors.get_or_insert_default();
    tensors.push(tensor);
    tensors.len() as i32 - 1
}

/// The place of an operator's code with at least that version.
pub(super) fn code(model: &mut Model, kind: BuiltinOperator, version: i32) -> u32 {
    let codes = model.operator_codes.get_or_insert_default();
    let deprecated = kind.0.clamp(0, FIRST_CODES) as i8;
    let known = codes
        .iter()
        .position(|code| code.builtin() == kind && code.version == version);
    known.unwrap_or_else(|| {
        codes.push(OperatorCode {
            deprecated_builtin_code: deprecated,
            version,
            builtin_code: kind,
            ..OperatorCode::default()
        });
        codes.len() - 1
    }) as u32
}

/// Raises an operator's version, never below what it is.
pub(super) fn raise(model: &mut Model, operator: &mut Operator, to: i32) {
    let (kind, now) = (model.operator(operator), version(model, operator));
    if now < to {
        operator.opcode_index = code(model, kind, to);
    }
}

/// Takes out codes and buffers that nothing uses any more, and puts the places of the others right.
pub(super) fn sweep(model: &mut Model) {
    let mut used = vec![false; model.operator_codes().len()];
    let mut kept: HashSet<u32> = HashSet::from([0]);
    for graph in model.subgraphs() {
        for operator in graph.operators() {
            if let Some(used) = used.get_mut(operator.opcode_index as usize) {
                *used = true;
            }
        }
        kept.extend(graph.tensors().iter().map(|tensor| tensor.buffer));
    }
    kept.extend(model.metadata().iter().map(|metadata| metadata.buffer));
    kept.extend(model.metadata_buffer().iter().map(|buffer| *buffer as u32));
    let codes = places(&used);
    let buffers: Vec<bool> = (0..model.buffers().len() as u32)
        .map(|index| kept.contains(&index))
        .collect();
    let moved = places(&buffers);
    let place = |places: &[u32], index: u32| places.get(index as usize).copied().unwrap_or(index);
    keep(&mut model.operator_codes, &used);
    keep(&mut model.buffers, &buffers);
    for graph in model.subgraphs.iter_mut().flatten() {
        for operator in graph.operators.iter_mut().flatten() {
            operator.opcode_index = place(&codes, operator.opcode_index);
        }
        for tensor in graph.tensors.iter_mut().flatten() {
            tensor.buffer = place(&moved, tensor.buffer);
        }
    }
    for metadata in model.metadata.iter_mut().flatten() {
        metadata.buffer = place(&moved, metadata.buffer);
    }
    for buffer in model.metadata_buffer.iter_mut().flatten() {
        *buffer = place(&moved, *buffer as u32) as i32;
    }
}

/// For each entry its place among those that are kept.
fn places(kept: &[bool]) -> Vec<u32> {
    let mut next = 0;
    kept.iter()
        .map(|kept| {
            let place = next;
            next += u32::from(*kept);
            place
        })
        .collect()
}

fn keep<T>(entries: &mut Option<Vec<T>>, kept: &[bool]) {
    if let Some(entries) = entries {
        let mut kept = kept.iter();
        entries.retain(|_| kept.next().copied().unwrap_or(true));
    }
}

/// Brings constants of 16-bit floats that are widened before they are read back to 32 bits, so that they are like others.
pub(super) fn widen(model: &mut Model) {
    let mut additions = Additions::new();
    let mut graphs = model.subgraphs.take().unwrap_or_default();
    for graph in &mut graphs {
        let mut operators = graph.operators.take().unwrap_or_default();
        operators.retain(|operator| {
            let ([from], [to]) = (operator.inputs(), operator.outputs()) else {
                return true;
            };
            let halves = tensor(graph, *from).filter(|tensor| tensor.r#type == TensorType::FLOAT16);
            let data = halves.and_then(|tensor| constant(model, tensor, 2));
            let (Some(data), BuiltinOperator::DEQUANTIZE) = (data, model.operator(operator)) else {
                return true;
            };
            let halves = data.as_chunks().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes));
            let wide: Vec<u8> = halves.flat_map(|half| half.to_f32().to_le_bytes()).collect();
            let buffer = additions.buffer(model, wide.into());
            if let Some(tensor) = tensor_mut(graph, *to) {
                tensor.buffer = buffer;
            }
            false
        });
        graph.operators = Some(operators);
    }
    model.subgraphs = Some(graphs);
    drop_unread(model);
    sweep(model);
}

/// Takes out the constants that nothing names any more.
pub(super) fn drop_unread(model: &mut Model) {
    let mut graphs = model.subgraphs.take().unwrap_or_default();
    for (number, graph) in graphs.iter_mut().enumerate() {
        let mut gone: HashSet<i32> = (0..)
            .zip(graph.tensors())
            .filter_map(|(index, tensor)| is_stored(model, tensor).then_some(index))
            .collect();
        let named = graph.operators().iter().flat_map(|operator| {
            let named = operator.inputs().iter().chain(operator.outputs());
            named.chain(operator.intermediates())
        });
        for index in named.chain(graph.inputs()).chain(graph.outputs()) {
            gone.remove(index);
        }
        for tensor in graph.tensors() {
            let details = tensor.quantization.as_ref().and_then(|found| found.details.as_ref());
            if let Some(QuantizationDetails::BlockwiseQuantization(blocks)) = details {
                gone.remove(&blocks.scales);
                gone.remove(&blocks.zero_points);
            }
        }
        let signatures = model.signature_defs.as_deref_mut().unwrap_or_default();
        for signature in signatures
            .iter()
            .filter(|signature| signature.subgraph_index as usize == number)
        {
            for entry in signature.inputs().iter().chain(signature.outputs()) {
                gone.remove(&(entry.tensor_index as i32));
            }
        }
        remove_tensors(graph, &gone, number, signatures);
    }
    model.subgraphs = Some(graphs);
}

/// Takes tensors that nothing names out of subgraph `number`, and puts the places of the others right.
fn remove_tensors(graph: &mut SubGraph, gone: &HashSet<i32>, number: usize, signatures: &mut [SignatureDef]) {
    if gone.is_empty() {
        return;
    }
    let kept: Vec<bool> = (0..graph.tensors().len() as i32)
        .map(|index| !gone.contains(&index))
        .collect();
    let places = places(&kept);
    let moved = |index: &mut i32| {
        if let Some(place) = usize::try_from(*index).ok().and_then(|at| places.get(at)) {
            *index = *place as i32;
        }
    };
    keep(&mut graph.tensors, &kept);
    for tensor in graph.tensors.iter_mut().flatten() {
        let details = tensor.quantization.as_mut().and_then(|found| found.details.as_mut());
        if let Some(QuantizationDetails::BlockwiseQuantization(blocks)) = details {
            moved(&mut blocks.scales);
            moved(&mut blocks.zero_points);
        }
    }
    for list in [&mut graph.inputs, &mut graph.outputs] {
        list.iter_mut().flatten().for_each(moved);
    }
    for operator in graph.operators.iter_mut().flatten() {
        for list in [&mut operator.inputs, &mut operator.outputs, &mut operator.intermediates] {
            list.iter_mut().flatten().for_each(moved);
        }
    }
    for signature in signatures
        .iter_mut()
        .filter(|signature| signature.subgraph_index as usize == number)
    {
        for entry in signature.inputs.iter_mut().chain(&mut signature.outputs).flatten() {
            if let Some(place) = places.get(entry.tensor_index as usize) {
                entry.tensor_index = *place;
            }
        }
    }
}
