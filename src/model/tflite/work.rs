//! Work of one inference: multiply-accumulate operations, and bytes of activations, as [`crate::model::onnx::work`] counts them.
//!
//! Files of this format state every shape. Where the inputs that are fed have other sizes than the file's, or a dimension is open, there
//! is no honest number and none is given.

use std::collections::BTreeMap;

use crate::model::onnx::work::Work;
use crate::model::tflite::scan;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::BuiltinOptions;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::view::bytes_of;
use crate::model::tflite::view::places;

/// Counts the work; `inputs` gives the shapes that are fed, by name, where they are known.
pub(in crate::model) fn work(model: &Model, inputs: &BTreeMap<String, Vec<u64>>) -> Work {
    let graph = model.entry();
    let none = Work {
        macs: None,
        activation_bytes: None,
        activation_peak: None,
    };
    if !is_as_written(model, inputs) {
        return none;
    }
    let macs = graph.operators().iter().try_fold(0_u64, |sum, operator| {
        sum.checked_add(multiplications(model, graph, operator)?)
    });
    Work {
        macs,
        activation_bytes: written(graph).try_fold(0_u64, |sum, tensor| sum.checked_add(bytes(graph, tensor)?)),
        activation_peak: peak(model, graph),
    }
}

/// Multiply-accumulate operations of each operator of the graph that is run, by the name of what it makes first; none where they cannot
/// be told.
pub fn by_output(model: &Model, inputs: &BTreeMap<String, Vec<u64>>) -> BTreeMap<String, u64> {
    let graph = model.entry();
    if !is_as_written(model, inputs) {
        return BTreeMap::new();
    }
    let operators = graph.operators().iter();
    operators
        .filter_map(|operator| {
            let name = graph.written_by(operator, 0)?.name().to_owned();
            Some((name, multiplications(model, graph, operator)?))
        })
        .collect()
}

/// True where what is fed has the sizes that all shapes in the file were computed from.
fn is_as_written(model: &Model, inputs: &BTreeMap<String, Vec<u64>>) -> bool {
    let graph = model.entry();
    places(graph.inputs())
        .filter_map(|place| graph.tensors().get(place))
        .all(|tensor| {
            let as_written: Vec<u64> = sizes(tensor);
            match inputs.get(tensor.name()) {
                Some(fed) => *fed == as_written,
                None => tensor.fixed().is_some(),
            }
        })
}

/// The shape as the file has it; an open dimension has the size that the file was made with.
fn sizes(tensor: &Tensor) -> Vec<u64> {
    tensor
        .shape()
        .iter()
        .map(|size| u64::try_from(*size).unwrap_or(0))
        .collect()
}

fn elements(tensor: &Tensor) -> Option<u64> {
    tensor.shape.as_ref()?;
    sizes(tensor)
        .into_iter()
        .try_fold(1_u64, |product, size| product.checked_mul(size))
}

fn written(graph: &SubGraph) -> impl Iterator<Item = usize> + '_ {
    graph.operators().iter().flat_map(|operator| places(operator.outputs()))
}

fn bytes(graph: &SubGraph, tensor: usize) -> Option<u64> {
    let tensor = graph.tensors().get(tensor)?;
    bytes_of(tensor.r#type, elements(tensor)?)
}

/// Multiply-accumulates of one operator.
fn multiplications(model: &Model, graph: &SubGraph, operator: &Operator) -> Option<u64> {
    let kind = model.operator(operator);
    let read = |place: usize| graph.read_by(operator, place);
    let output = || elements(graph.written_by(operator, 0)?);
    let product = |sizes: &[u64]| sizes.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    match kind {
        // Filters are [outputs, height, width, inputs]: each output takes one product for each weight of its filter.
        BuiltinOperator::CONV_2D => output()?.checked_mul(product(sizes(read(1)?).get(1..)?)?),
        // [1, height, width, outputs].
        BuiltinOperator::DEPTHWISE_CONV_2D => output()?.checked_mul(product(sizes(read(1)?).get(1..3)?)?),
        // [depth, height, width, inputs, outputs].
        BuiltinOperator::CONV_3D => output()?.checked_mul(product(sizes(read(1)?).get(..4)?)?),
        BuiltinOperator::CONV_3D_TRANSPOSE => {
            let filter = sizes(read(1)?);
            let weights = product(filter.get(..3)?)?.checked_mul(*filter.get(3)?)?;
            elements(read(2)?)?.checked_mul(weights)
        }
        // [outputs, height, width, inputs]: each input is multiplied by one slice of it.
        BuiltinOperator::TRANSPOSE_CONV => elements(read(2)?)?.checked_mul(product(sizes(read(1)?).get(..3)?)?),
        // [outputs, inputs].
        BuiltinOperator::FULLY_CONNECTED => output()?.checked_mul(*sizes(read(1)?).last()?),
        BuiltinOperator::BATCH_MATMUL => {
            let is_turned = matches!(
                &operator.builtin_options,
                Some(BuiltinOptions::BatchMatMulOptions(options)) if options.adj_x
            );
            let first = sizes(read(0)?);
            let inner = first.iter().rev().nth(usize::from(is_turned))?;
            output()?.checked_mul(*inner)
        }
        BuiltinOperator::LSTM
        | BuiltinOperator::RNN
        | BuiltinOperator::SVDF
        | BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM
        | BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_RNN
        | BuiltinOperator::BIDIRECTIONAL_SEQUENCE_LSTM
        | BuiltinOperator::BIDIRECTIONAL_SEQUENCE_RNN => recurrent(model, graph, operator),
        BuiltinOperator::CUSTOM
        | BuiltinOperator::DELEGATE
        | BuiltinOperator::STABLEHLO_CONVOLUTION
        | BuiltinOperator::STABLEHLO_DOT_GENERAL
        | BuiltinOperator::STABLEHLO_CUSTOM_CALL => None,
        _ => {
            // What runs another graph runs it so many times as nobody knows here.
            let called = scan::called(operator);
            let is_free = called.into_iter().all(|called| {
                let graph = usize::try_from(called)
                    .ok()
                    .and_then(|called| model.subgraphs().get(called));
                graph.is_some_and(|graph| {
                    graph
                        .operators()
                        .iter()
                        .all(|operator| multiplications(model, graph, operator) == Some(0))
                })
            });
            is_free.then_some(0)
        }
    }
}

/// Every matrix of weights is multiplied once a step.
fn recurrent(model: &Model, graph: &SubGraph, operator: &Operator) -> Option<u64> {
    let input = sizes(graph.read_by(operator, 0)?);
    let (_, steps) = input.split_last()?;
    let steps = steps
        .iter()
        .try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    let weights = (1..operator.inputs().len())
        .filter_map(|place| graph.read_by(operator, place))
        .filter(|tensor| tensor.shape().len() == 2 && model.constant(tensor).is_some())
        .try_fold(0_u64, |sum, tensor| sum.checked_add(elements(tensor)?))?;
    weights.checked_mul(steps)
}

/// The most bytes of activations that live at once when one operator runs after the other.
fn peak(model: &Model, graph: &SubGraph) -> Option<u64> {
    let operators = graph.operators();
    let last = operators.len();
    // When each tensor is made and read for the last time; inputs before everything, outputs after.
    let mut lives: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for input in places(graph.inputs()) {
        lives.insert(input, (0, 0));
    }
    for (time, operator) in operators.iter().enumerate() {
        for read in places(operator.inputs()) {
            if let Some((_, end)) = lives.get_mut(&read) {
                *end = time;
            }
        }
        for written in places(operator.outputs()) {
            lives.entry(written).or_insert((time, time)).1 = time;
        }
    }
    for output in places(graph.outputs()) {
        if let Some((_, end)) = lives.get_mut(&output) {
            *end = last;
        }
    }
    let mut changes = vec![0_i128; last + 2];
    for (tensor, (start, end)) in lives {
        if graph
            .tensors()
            .get(tensor)
            .is_some_and(|tensor| model.constant(tensor).is_some())
        {
            continue;
        }
        let size = i128::from(bytes(graph, tensor)?);
        if let Some(change) = changes.get_mut(start) {
            *change += size;
        }
        if let Some(change) = changes.get_mut(end + 1) {
            *change -= size;
        }
    }
    let mut now = 0;
    let most = changes.into_iter().map(|change| {
        now += change;
        now
    });
    u64::try_from(most.max()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tflite::schema::Buffer;
    use crate::model::tflite::schema::OperatorCode;

    #[test]
    fn a_convolution_is_counted_by_its_filter_and_lives_beside_its_input() {
        let tensor = |shape: &[i32], buffer| Tensor {
            shape: Some(shape.to_vec()),
            buffer,
            ..Tensor::default()
        };
        let mut model = Model {
            version: 3,
            operator_codes: Some(vec![OperatorCode {
                builtin_code: BuiltinOperator::CONV_2D,
                ..OperatorCode::default()
            }]),
            subgraphs: Some(vec![SubGraph {
                tensors: Some(vec![
                    tensor(&[1, 8, 8, 3], 0),
                    tensor(&[4, 3, 3, 3], 1),
                    tensor(&[1, 8, 8, 4], 0),
                ]),
                inputs: Some(vec![0]),
                outputs: Some(vec![2]),
                operators: Some(vec![Operator {
                    inputs: Some(vec![0, 1, -1]),
                    outputs: Some(vec![2]),
                    ..Operator::default()
                }]),
                ..SubGraph::default()
            }]),
            buffers: Some(vec![
                Buffer::default(),
                Buffer {
                    data: Some(vec![0; 4 * 108].into()),
                    ..Buffer::default()
                },
            ]),
            ..Model::default()
        };
        let counted = work(&model, &BTreeMap::new());
        assert_eq!(counted.macs, Some(8 * 8 * 4 * 27));
        assert_eq!(counted.activation_bytes, Some(4 * 8 * 8 * 4));
        assert_eq!(counted.activation_peak, Some(4 * 8 * 8 * 7));
        model.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap()[0].shape_signature = Some(vec![-1, 8, 8, 3]);
        assert_eq!(work(&model, &BTreeMap::new()).macs, None);
        let fed = BTreeMap::from([(String::new(), vec![1, 8, 8, 3])]);
        assert_eq!(work(&model, &fed).macs, counted.macs);
    }
}
