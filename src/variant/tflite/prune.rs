//! Magnitude pruning: the smallest weights become zero, by the same rules as in models of ONNX. The first and last layers, depthwise
//! convolutions, embeddings and what is below 256 elements are left; the file stays as large and as fast as it was.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::edit;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Account;
use crate::variant::VariantError;
use crate::variant::magnitude::MIN_ELEMENTS;
use crate::variant::magnitude::Magnitudes;
use crate::variant::magnitude::Pruning;
use crate::variant::magnitude::Width;

/// Zeroes the smallest weights of `model`, in all subgraphs; weights in 16-bit floats are pruned as such, a shared buffer once.
///
/// Errors: a model whose tables contradict each other.
pub fn prune(model: &mut Model, settings: Pruning, account: &mut Account) -> Result<(), VariantError> {
    edit::check(model)?;
    let mut uses: BTreeMap<u32, Option<&'static str>> = BTreeMap::new();
    let mut others = HashSet::new();
    for graph in model.subgraphs() {
        judge(model, graph, account, &mut uses, &mut others);
    }
    let mut chosen = Vec::new();
    let mut magnitudes = Vec::new();
    for (buffer, reason) in &uses {
        let tensor = model
            .subgraphs()
            .iter()
            .flat_map(SubGraph::tensors)
            .find(|tensor| tensor.buffer == *buffer);
        let weight = tensor.and_then(|tensor| elements(model, tensor));
        if let (Some(weight), None, false) = (weight, reason, others.contains(buffer)) {
            chosen.push(*buffer);
            magnitudes.push(weight);
        }
    }
    let total: usize = magnitudes.iter().map(Magnitudes::len).sum();
    let mut zeros = 0;
    let mut changed = 0;
    for (buffer, cutting) in chosen.iter().zip(settings.cut(&magnitudes)) {
        zeros += cutting.zeros;
        let place = model
            .buffers
            .as_mut()
            .and_then(|buffers| buffers.get_mut(*buffer as usize));
        if let (Some(bytes), Some(place)) = (cutting.bytes, place) {
            place.data = Some(bytes);
            changed += 1;
        }
    }
    account.changed += changed;
    if total > 0 {
        account.note(format!(
            "prune: {zeros} of {total} weights ({:.1} %) in {} tensors are zero; biases and other constants stay as they are",
            100.0 * zeros as f64 / total as f64,
            chosen.len(),
        ));
        account.note(
            "prune: zeros are stored and multiplied like other weights, so that neither the size on disk nor the latency changes, only \
             the size of a compressed download",
        );
    }
    Ok(())
}

/// The places of an operator's weights among its inputs; `None` of one without weights.
fn weights(kind: BuiltinOperator) -> Option<std::ops::RangeInclusive<usize>> {
    Some(match kind {
        BuiltinOperator::CONV_2D
        | BuiltinOperator::CONV_3D
        | BuiltinOperator::CONV_3D_TRANSPOSE
        | BuiltinOperator::DEPTHWISE_CONV_2D
        | BuiltinOperator::FULLY_CONNECTED
        | BuiltinOperator::TRANSPOSE_CONV => 1..=1,
        BuiltinOperator::BATCH_MATMUL => 0..=1,
        BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_RNN | BuiltinOperator::RNN => 1..=2,
        BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM | BuiltinOperator::LSTM => 1..=8,
        _ => return None,
    })
}

/// A tensor that is widened from 16 bits stands for the one that it is widened from.
fn origins(model: &Model, graph: &SubGraph) -> HashMap<i32, i32> {
    let widening =
        |operator: &&crate::model::tflite::schema::Operator| model.operator(operator) == BuiltinOperator::DEQUANTIZE;
    let operators = graph.operators().iter().filter(widening);
    operators
        .filter_map(|operator| Some((*operator.outputs().first()?, *operator.inputs().first()?)))
        .collect()
}

/// Puts the buffers of weights into `uses`, with the reason where one is left, and those that are used otherwise into `others`.
fn judge(
    model: &Model,
    graph: &SubGraph,
    account: &mut Account,
    uses: &mut BTreeMap<u32, Option<&'static str>>,
    others: &mut HashSet<u32>,
) {
    let origins = origins(model, graph);
    let at = |index: &i32| origins.get(index).copied().unwrap_or(*index);
    let ends = ends(model, graph);
    for (number, operator) in graph.operators().iter().enumerate() {
        let kind = model.operator(operator);
        if kind == BuiltinOperator::DEQUANTIZE {
            continue;
        }
        let places = weights(kind);
        let mut left = None;
        let mut has_weights = false;
        for (place, index) in operator.inputs().iter().enumerate() {
            let Some(tensor) = edit::tensor(graph, at(index)).filter(|tensor| edit::is_stored(model, tensor)) else {
                continue;
            };
            if !places.as_ref().is_some_and(|places| places.contains(&place)) {
                let is_table = place < 2 && looks_up(kind) && tensor.shape().len() > 1;
                if is_table && elements(model, tensor).is_some() {
                    left = Some("its weights are an embedding, rows that are looked up");
                }
                others.insert(tensor.buffer);
                continue;
            }
            has_weights = true;
            let reason = why_not(model, tensor, kind).or_else(|| {
                let is_end = ends.contains(&number);
                is_end.then_some("it is a first or last layer, which accuracy depends on most")
            });
            let entry = uses.entry(tensor.buffer).or_insert(reason);
            *entry = entry.or(reason);
            left = left.or(reason);
        }
        if places.is_some() && !has_weights && kind != BuiltinOperator::BATCH_MATMUL {
            left = Some("its weights are no constants");
        }
        if let Some(reason) = left {
            edit::leave(account, model, graph, operator, reason);
        }
    }
    let outputs = graph
        .outputs()
        .iter()
        .filter_map(|index| edit::tensor(graph, at(index)));
    others.extend(outputs.map(|tensor| tensor.buffer));
}

fn looks_up(kind: BuiltinOperator) -> bool {
    matches!(kind, BuiltinOperator::GATHER | BuiltinOperator::EMBEDDING_LOOKUP)
}

fn why_not(model: &Model, tensor: &Tensor, kind: BuiltinOperator) -> Option<&'static str> {
    let Some(weight) = elements(model, tensor) else {
        return Some("its weights are no plain floats: it is quantized, sparse or stored elsewhere");
    };
    if tensor.shape().len() < 2 {
        return Some("its weights are a single row");
    }
    if weight.len() < MIN_ELEMENTS {
        return Some("it has fewer than 256 weights");
    }
    (kind == BuiltinOperator::DEPTHWISE_CONV_2D)
        .then_some("it is a depthwise convolution: it has few weights and needs them")
}

fn elements(model: &Model, tensor: &Tensor) -> Option<Magnitudes> {
    let (width, size) = match tensor.r#type {
        TensorType::FLOAT32 => (Width::Single, 4),
        TensorType::FLOAT16 => (Width::Half, 2),
        TensorType::BFLOAT16 => (Width::Brain, 2),
        _ => return None,
    };
    let bytes = edit::constant(model, tensor, size)?.clone();
    Some(Magnitudes { width, bytes })
}

/// The operators with weights before which, or after which, there are none.
fn ends(model: &Model, graph: &SubGraph) -> HashSet<usize> {
    let mut found = HashSet::new();
    let layers: Vec<bool> = graph
        .operators()
        .iter()
        .map(|operator| weights(model.operator(operator)).is_some())
        .collect();
    let mut after: HashSet<i32> = HashSet::new();
    for (number, (operator, is_layer)) in graph.operators().iter().zip(&layers).enumerate() {
        let is_after = operator.inputs().iter().any(|index| after.contains(index));
        if *is_layer && !is_after {
            found.insert(number);
        }
        if *is_layer || is_after {
            after.extend(operator.outputs());
        }
    }
    let mut before: HashSet<i32> = HashSet::new();
    for (number, (operator, is_layer)) in graph.operators().iter().zip(&layers).enumerate().rev() {
        let is_before = operator.outputs().iter().any(|index| before.contains(index));
        if *is_layer && !is_before {
            found.insert(number);
        }
        if *is_layer || is_before {
            before.extend(operator.inputs().iter().filter(|index| **index >= 0));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variant::tflite::fp16;
    use crate::variant::tflite::testing::Small;
    use crate::variant::tflite::testing::named;
    use crate::variant::tflite::testing::reread;

    /// Layers in a row; those between the first and the last have the weights `b` and `c`.
    fn four(kind: BuiltinOperator, shape: &[i32]) -> Model {
        let mut small = Small::new();
        let mut at = small.input("x", &[1, 20]);
        for name in ["a", "b", "c", "d"] {
            let (kind, shape) = match name {
                "b" => (kind, shape),
                _ => (BuiltinOperator::FULLY_CONNECTED, &[20, 20][..]),
            };
            let count: i32 = shape.iter().product();
            // Equal weights would share a buffer.
            let start = i32::from(name.as_bytes()[0]);
            let values: Vec<f32> = (0..count)
                .map(|at| (((at + start) * 7919) % 1009) as f32 / 504.5 - 1.0)
                .collect();
            let weight = small.floats(name, shape, &values);
            at = small.operator(kind, None, &[at, weight, -1], (&format!("after {name}"), &[1, 20]));
        }
        small.finish(&[at])
    }

    fn zeros(model: &Model, name: &str) -> usize {
        let values = edit::floats(model, named(model, name)).unwrap();
        values.iter().filter(|value| **value == 0.0).count()
    }

    fn pruned(model: &mut Model, settings: &str) -> Account {
        let mut account = Account::default();
        prune(model, Pruning::parse(settings).unwrap(), &mut account).unwrap();
        account
    }

    #[test]
    fn the_smallest_weights_between_the_ends_go() {
        let mut model = four(BuiltinOperator::FULLY_CONNECTED, &[20, 20]);
        let account = pruned(&mut model, "0.25-tensor");
        assert_eq!((account.changed, account.left.len()), (2, 2));
        assert!(
            account
                .left
                .iter()
                .all(|left| left.reason.contains("first or last layer"))
        );
        assert_eq!((zeros(&model, "b"), zeros(&model, "c")), (100, 100));
        assert!(zeros(&model, "a") < 2 && zeros(&model, "d") < 2);
        assert!(
            account.notes[0].starts_with("prune: 200 of 800 weights (25.0 %) in 2 tensors"),
            "{:?}",
            account.notes
        );
        reread(&model);
        let mut model = four(BuiltinOperator::FULLY_CONNECTED, &[20, 20]);
        pruned(&mut model, "0.25");
        assert_eq!(zeros(&model, "b") + zeros(&model, "c"), 200);
    }

    #[test]
    fn what_networks_need_is_left() {
        let mut model = four(BuiltinOperator::DEPTHWISE_CONV_2D, &[1, 20, 20, 1]);
        let account = pruned(&mut model, "0.50");
        assert!(account.left.iter().any(|left| left.reason.contains("depthwise")));
        assert_eq!((account.changed, zeros(&model, "c")), (1, 200));
        let mut model = four(BuiltinOperator::FULLY_CONNECTED, &[20, 12]);
        let account = pruned(&mut model, "0.50");
        assert!(account.left.iter().any(|left| left.reason.contains("fewer than 256")));
    }

    #[test]
    fn sixteen_bit_floats_are_pruned_as_such() {
        let mut model = four(BuiltinOperator::FULLY_CONNECTED, &[20, 20]);
        fp16(&mut model, &mut Account::default()).unwrap();
        let account = pruned(&mut model, "0.25-tensor");
        assert_eq!(account.changed, 2);
        let tensor = named(&model, "b_fp16");
        let bytes = edit::constant(&model, tensor, 2).unwrap();
        assert_eq!(
            bytes.as_chunks().0.iter().filter(|half| **half == [0_u8, 0]).count(),
            100
        );
    }
}
