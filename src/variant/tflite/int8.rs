//! Weights and activations in 8-bit integers, out of the ranges that activations take over calibration data.
//!
//! Weights are symmetric, each output channel with its own scale; activations have one scale and a zero point; biases are 32-bit
//! integers at the scale of the sums that they are added to. What has no kernel in integers computes in floats, with conversions before
//! and after it. Rules are those of TensorFlow Lite's 8-bit quantization specification.

mod emit;
mod operators;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::HashSet;

use self::emit::Emitter;
use self::plan::Reading;
use super::edit;
use super::int8_dynamic::refuse_quantized;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::TensorMap;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::VariantError;

/// How much between a model's inputs and outputs, which stay 32-bit floats, computes in integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// What processors with floats compute faster and more accurately in them (softmax, GELU, roots, quotients) stays so.
    #[default]
    Faster,
    /// Everything that has a kernel in integers computes in integers: what other quantizers make, for comparing with them operator by
    /// operator.
    All,
}

/// The activations of the main graph whose ranges [`int8()`] asks for, in the order in which they come to be, model inputs among them.
/// They are named as [`Evidence::ranges`] names them: by their own names where these are theirs alone, else `tensor <index>`.
///
/// Errors: a model that is quantized already, or whose tables contradict each other.
pub fn observed(model: &Model) -> Result<Vec<String>, VariantError> {
    let model = in_floats(model)?;
    let reading = Reading::of(&model, model.entry());
    Ok(reading
        .observed()
        .into_iter()
        .map(|index| reading.known_as(index))
        .collect())
}

/// The operators of the main graph that multiply by constant weights and that [`int8()`] can compute in integers, in order, by the names
/// that [`Evidence::in_float`] takes: those of what they make.
///
/// Errors: as of [`observed`].
pub fn products(model: &Model) -> Result<Vec<String>, VariantError> {
    let model = in_floats(model)?;
    let reading = Reading::of(&model, model.entry());
    Ok(reading.products())
}

/// The kinds of the main graph's operators, by the names that [`Evidence::in_float`] takes.
pub fn operator_kinds(model: &Model) -> BTreeMap<String, String> {
    let graph = model.entry();
    let names = edit::names(graph);
    let known = graph.operators().iter().filter_map(|operator| {
        let output = usize::try_from(*operator.outputs().first()?).ok()?;
        Some((names.get(output)?.clone(), model.operator_name(operator)))
    });
    known.collect()
}

/// `model` with every tensor of [`observed`] that an operator makes as an output besides its own, named the same, so that running it
/// tells their ranges. Those that are the model's inputs are not among them: whoever runs it knows what they hold.
///
/// Errors: as of [`observed`].
pub fn observable(model: &Model) -> Result<Model, VariantError> {
    let mut model = in_floats(model)?;
    let mut graphs = model.subgraphs.take().unwrap_or_default();
    let entry = edit::entry(&model);
    if let Some(graph) = graphs.get_mut(entry) {
        let names = edit::names(graph);
        let made: HashSet<i32> = graph
            .operators()
            .iter()
            .flat_map(|operator| operator.outputs().to_vec())
            .collect();
        let mut wanted = Reading::of(&model, graph).observed();
        wanted.retain(|index| made.contains(index) && !graph.outputs().contains(index));
        let mut outputs = graph.outputs().to_vec();
        outputs.extend(&wanted);
        graph.outputs = Some(outputs);
        for index in wanted {
            let name = usize::try_from(index).ok().and_then(|at| names.get(at)).cloned();
            if let Some(tensor) = edit::tensor_mut(graph, index) {
                tensor.name.clone_from(&name);
            }
            let signatures = model.signature_defs.iter_mut().flatten();
            for signature in signatures.filter(|signature| signature.subgraph_index as usize == entry) {
                signature.outputs.get_or_insert_default().push(TensorMap {
                    name: name.clone(),
                    tensor_index: index as u32,
                });
            }
        }
    }
    model.subgraphs = Some(graphs);
    Ok(model)
}

/// Has the main graph of `model` compute in 8-bit integers. `evidence` has the ranges of [`observed`]'s tensors, and by the name of its
/// output each operator that is to stay in floats, with the reason. Weights that were stored in 16-bit floats count as 32-bit ones.
///
/// Errors: a range that is missing; a model that is quantized already, or whose tables contradict each other.
pub fn int8(model: &mut Model, evidence: &Evidence, extent: Extent, account: &mut Account) -> Result<(), VariantError> {
    let mut changed = in_floats(model)?;
    let entry = edit::entry(&changed);
    let graph = changed.entry();
    let reading = Reading::of(&changed, graph);
    let plan = plan::plan(&reading, evidence, extent, account)?;
    let done = plan.iter().flatten().count();
    if done == 0 {
        return Ok(());
    }
    let graph = graph.clone();
    let mut emitter = Emitter::new(&mut changed, graph, entry);
    emitter.write(&plan);
    let graph = emitter.graph;
    if let Some(place) = changed.subgraphs.as_mut().and_then(|graphs| graphs.get_mut(entry)) {
        *place = graph;
    }
    edit::drop_unread(&mut changed);
    edit::sweep(&mut changed);
    let others = changed
        .subgraphs()
        .iter()
        .enumerate()
        .filter(|(number, _)| *number != entry);
    if others.into_iter().any(|(_, graph)| !graph.operators().is_empty()) {
        account.note("int8-static: bodies of branches and loops, and further signatures' graphs, stay in floats");
    }
    let back = conversions_back(&changed);
    if back > 0 {
        account.note(format!(
            "int8-static: within the model, behind what computes in floats, integers are made of floats again ({back} ×); in a small model \
             that can cost more than integers save. Measure it"
        ));
    }
    account.changed += done;
    *model = changed;
    Ok(())
}

/// How many operators of the main graph turn computed floats into integers: what the model is fed does not count.
fn conversions_back(model: &Model) -> usize {
    let graph = model.entry();
    let is_fed = |operator: &Operator| operator.inputs().iter().any(|index| graph.inputs().contains(index));
    graph
        .operators()
        .iter()
        .filter(|operator| model.operator(operator) == BuiltinOperator::QUANTIZE && !is_fed(operator))
        .count()
}

/// A copy whose constants are 32-bit floats where they can be.
fn in_floats(model: &Model) -> Result<Model, VariantError> {
    edit::check(model)?;
    refuse_quantized(model, plan::STEP)?;
    let mut model = model.clone();
    edit::widen(&mut model);
    Ok(model)
}
