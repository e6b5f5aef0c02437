//! `int8-static`: weights and activations in 8-bit integers, at scales that ranges of activations on calibration data give.
//!
//! A quarter of the size, and faster where the processor multiplies bytes: convolutions most of all. The graph stays one of floats
//! with `QuantizeLinear` and `DequantizeLinear` around what engines compute in integers (QDQ). Activations are unsigned and
//! asymmetric, weights signed and symmetric with one scale an output channel, biases 32 bits wide.
//!
//! - Rules and arithmetic are those of `onnxruntime.quantization` 1.31.1 (`qdq_quantizer.py`); `tests/reference/int8_static_check.py`
//!   compares bit for bit. Other than there, arithmetic between floats is left alone, a weight is never kept twice, rows of tables
//!   are gathered before they are converted, a `Clip` that is no range of its own stays, and a bias keeps its factor.
//! - Models older than opset 13 are raised to it: one scale a channel has no older form.
//! - Only the main graph is quantized. Weights that subgraphs read too are converted back for them, once.
//! - Recurrent operators, and what is no dense tensor of 32-bit floats, stay as they are.

mod emit;
mod graph;
mod join;
mod mark;
mod operators;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

use self::graph::Graph;
use self::graph::key;
use self::mark::Mark;
use self::mark::Marks;
use self::mark::Source;
use self::operators::Rule;
use super::Account;
use super::Calibration;
use super::Evidence;
use super::Observation;
use super::Pass;
use super::Range;
use super::Statistic;
use super::Transform;
use super::VariantError;
use super::Wanted;
use super::edit;
use super::edit::Names;
use super::opset;
use super::quantize::already_quantized;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::visit;
use crate::model::tflite::schema::Model as Tables;

/// Scales of channels have an axis from this opset on.
const OLDEST_OPSET: i64 = 13;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "int8-static",
    usage: "int8-static[-minmax|percentile|entropy|mse]",
    about: "weights and activations in 8-bit integers, by ranges that calibration data gives",
    parse: |settings| {
        let calibration = match settings {
            "" => Calibration::default(),
            name => Calibration::ALL
                .into_iter()
                .find(|calibration| calibration.name() == name)
                .ok_or_else(|| format!("`{name}` is no way to choose a range"))?,
        };
        Ok(Arc::new(Int8Static { calibration }))
    },
};

/// The pass.
#[derive(Debug)]
struct Int8Static {
    calibration: Calibration,
}

impl Pass for Int8Static {
    fn name(&self) -> String {
        match self.calibration {
            Calibration::MinMax => TRANSFORM.name.to_owned(),
            other => format!("{}-{}", TRANSFORM.name, other.name()),
        }
    }

    fn learns(&self) -> bool {
        true
    }

    fn wanted(&self, model: &ModelProto) -> Result<Wanted, VariantError> {
        Ok(Wanted {
            observations: observations(model, self.calibration, &self.name())?,
            search: None,
            shapes: Vec::new(),
        })
    }

    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Onnx | Format::TfLite)
    }

    fn wanted_tflite(&self, model: &Tables) -> Result<Wanted, VariantError> {
        let observe = |tensor| Observation {
            tensor,
            statistic: Statistic::Range(self.calibration),
        };
        Ok(Wanted {
            observations: super::tflite::observed(model)?.into_iter().map(observe).collect(),
            ..Wanted::default()
        })
    }

    fn apply_tflite(&self, model: &mut Tables, evidence: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        super::tflite::int8(model, evidence, super::tflite::Extent::Faster, account)
    }

    fn apply(&self, model: &mut ModelProto, evidence: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        quantize(model, evidence, account, &self.name())
    }
}

/// The ranges that quantizing `model` needs, inputs of the graph first, then in the order of its nodes.
pub(super) fn observations(
    model: &ModelProto,
    calibration: Calibration,
    step: &str,
) -> Result<Vec<Observation>, VariantError> {
    let known: HashSet<&str> = tensors(model).collect();
    let model = prepared(model, step)?;
    let Some(main) = &model.graph else {
        return Ok(Vec::new());
    };
    let graph = Graph::of(&model, main)?;
    let marks = mark::mark(&graph, &BTreeMap::new(), &assumed);
    let wanted: HashSet<&str> = marks
        .order
        .iter()
        .filter(|tensor| marks.tensors.get(*tensor) == Some(&Mark::Activation))
        .filter_map(|tensor| match mark::source(&graph, &BTreeMap::new(), tensor) {
            Source::Tensor(source) => Some(source),
            Source::Known(_) => None,
        })
        .collect();
    let made = graph.nodes.iter().flat_map(|node| &node.output).map(String::as_str);
    let observations = graph
        .inputs
        .iter()
        .copied()
        .chain(made)
        .filter(|tensor| wanted.contains(tensor));
    Ok(observations
        .filter(|tensor| known.contains(tensor))
        .map(|tensor| Observation {
            tensor: tensor.to_owned(),
            statistic: Statistic::Range(calibration),
        })
        .collect())
}

/// The nodes that [`quantize`] would compute in integers and that do most of the work, in order, by the names that
/// [`Evidence::in_float`] takes.
pub(super) fn compute_nodes(model: &ModelProto, step: &str) -> Result<Vec<String>, VariantError> {
    let model = prepared(model, step)?;
    let Some(main) = &model.graph else {
        return Ok(Vec::new());
    };
    let graph = Graph::of(&model, main)?;
    let marks = mark::mark(&graph, &BTreeMap::new(), &assumed);
    let nodes = graph.nodes.iter().zip(&marks.quantized);
    Ok(nodes
        .filter(|(node, quantized)| **quantized && is_compute(node))
        .map(|(node, _)| key(node).to_owned())
        .collect())
}

/// Quantizes `model` by the ranges in `evidence`, but for the nodes that it names. `step` is what messages call the pass.
pub(super) fn quantize(
    model: &mut ModelProto,
    evidence: &Evidence,
    account: &mut Account,
    step: &str,
) -> Result<(), VariantError> {
    if let Cow::Owned(raised) = prepared(model, step)? {
        *model = raised;
    }
    let Some(main) = &model.graph else {
        return Ok(());
    };
    let graph = Graph::of(model, main)?;
    let observed = |tensor: &str| observed(&graph, evidence, tensor);
    let marks = mark::mark(&graph, &evidence.in_float, &observed);
    let tables = marks.tensors.values().filter(|mark| **mark == Mark::Table).count();
    let works = |(node, quantized): (&NodeProto, &bool)| *quantized && is_compute(node);
    let working = graph
        .nodes
        .iter()
        .zip(&marks.quantized)
        .filter(|pair| works(*pair))
        .count();
    describe(model, &graph, &marks, account);
    if working + tables == 0 {
        return Ok(());
    }
    account.changed += marks.quantized.iter().filter(|quantized| **quantized).count();
    let range = |tensor| match mark::source(&graph, &evidence.in_float, tensor) {
        Source::Known(range) => Some(range),
        Source::Tensor(source) => observed(source).ok(),
    };
    let rewritten = emit::emit(&graph, &marks, Names::of(model), &range)?;
    rewritten.apply(model);
    if !model.training_info.is_empty() {
        model.training_info.clear();
        account.note(format!("{step}: the graphs for training were left out"));
    }
    Ok(())
}

/// The model as it is looked at: in operators that can be quantized, with biases where they are quantized. An error where it is
/// quantized already.
fn prepared<'m>(model: &'m ModelProto, step: &str) -> Result<Cow<'m, ModelProto>, VariantError> {
    if let Some(node) = already_quantized(model) {
        return Err(VariantError::AlreadyQuantized {
            step: step.to_owned(),
            node: shown_node(node),
        });
    }
    let mut model = Cow::Borrowed(model);
    if edit::opset(&model) < OLDEST_OPSET {
        opset::raise(model.to_mut(), OLDEST_OPSET)?;
    }
    let sums = join::sums(&model)?;
    if !sums.is_empty() {
        join::apply(model.to_mut(), &sums);
    }
    Ok(model)
}

/// Inputs of the graph and all that its nodes make.
fn tensors(model: &ModelProto) -> impl Iterator<Item = &str> {
    let inputs = model
        .graph
        .iter()
        .flat_map(|graph| &graph.input)
        .map(|input| input.name());
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    inputs.chain(nodes.flat_map(|node| &node.output).map(String::as_str))
}

/// Takes every range for known, to find out which are needed.
fn assumed(_: &str) -> Result<Range, String> {
    Ok(Range { min: 0.0, max: 1.0 })
}

/// The observed range of a tensor, or of what it was carried from.
fn observed(graph: &Graph<'_>, evidence: &Evidence, tensor: &str) -> Result<Range, String> {
    let mut origin = tensor;
    for _ in 0..=graph.nodes.len() {
        if let Some(range) = evidence.ranges.get(origin) {
            let sound = range.min.is_finite() && range.max.is_finite() && range.min <= range.max;
            return sound
                .then_some(*range)
                .ok_or_else(|| format!("calibration found no finite range for {}", shown(tensor)));
        }
        let maker = graph.maker(origin).and_then(|maker| graph.nodes.get(maker));
        let carried = maker.filter(|maker| operators::rule(maker) == Some(Rule::Carry) && !graph.is_call(maker));
        let Some(input) = carried.and_then(|maker| maker.input.first()) else {
            break;
        };
        origin = input;
    }
    Err(format!("calibration never reached {}", shown(tensor)))
}

/// True for operators that do most of a model's work.
fn is_compute(node: &NodeProto) -> bool {
    matches!(
        operators::rule(node),
        Some(Rule::Convolution | Rule::Gemm | Rule::MatMul)
    )
}

/// Accounts for what stays in floats.
fn describe(model: &ModelProto, graph: &Graph<'_>, marks: &Marks<'_>, account: &mut Account) {
    let mut between = 0_usize;
    for (index, node) in graph.nodes.iter().enumerate() {
        if marks.quantized.get(index) == Some(&true) {
            continue;
        }
        if let Some(reason) = marks.left.get(&index) {
            account.leave(node, reason.clone());
        } else if let Some(reason) = operators::why_float(node).filter(|_| !graph.is_call(node)) {
            account.leave(node, reason);
        } else if operators::rule(node).is_some() && node.output.iter().any(|output| graph.is_activation(output)) {
            between += 1;
        }
    }
    for scope in visit::scopes(model).iter().skip(1) {
        for node in scope.nodes().iter().filter(|node| is_compute(node)) {
            account.leave(
                node,
                format!("it stands{}; only the main graph is quantized", scope.describe()),
            );
        }
    }
    if between > 0 {
        let nodes = if between == 1 {
            "1 node".to_owned()
        } else {
            format!("{between} nodes")
        };
        account.note(format!(
            "{}: {nodes} between others in floats stay so, where integers would only be converted back and forth",
            TRANSFORM.name
        ));
    }
}

#[cfg(test)]
mod tests;
