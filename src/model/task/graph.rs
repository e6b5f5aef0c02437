//! The first tier: what the operators make of the inputs.

use std::collections::BTreeSet;

use super::landmark::Landmark;
use super::landmark::landmarks;
use super::mixing::Mixing;
use super::names::word_of;
use super::types::Confidence;
use super::types::Detected;
use super::types::Tier;
use super::uses;
use super::uses::Kind;
use super::uses::Use;
use crate::config::Task;
use crate::model::Decoded;
use crate::model::Model;
use crate::model::onnx::flow::Flow;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;
use crate::model::tflite;

/// Tables with fewer rows hold token types, not words.
const SMALLEST_VOCABULARY: u64 = 16;
/// Inputs that ids of other kinds than tokens come in.
const BESIDE_TOKENS: &[&str] = &[
    "position",
    "positions",
    "position_ids",
    "token_type_ids",
    "segment_ids",
    "segment",
];

/// What the graph says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// This.
    Found(Detected),
    /// Several tasks do this, so that shapes must not be trusted with more.
    Unsure(String),
    /// Nothing that points anywhere.
    Nothing,
}

/// What each input is in the graph of `model`, in the order of its inputs; `flow` is that of an ONNX model.
pub(in crate::model) fn uses(model: &Model, flow: Option<&Flow<'_>>) -> Vec<Use> {
    match (&model.decoded, flow) {
        (Decoded::TfLite(tables), _) => tflite::uses::uses(tables),
        (Decoded::Onnx(_), Some(flow)) => {
            let mixing = Mixing::of(flow);
            let inputs = model.facts.inputs.iter();
            inputs.map(|spec| uses::of(flow, &mixing, spec)).collect()
        }
        (Decoded::Onnx(_), None) => Vec::new(),
    }
}

/// What the graph says of the task.
pub(super) fn judge(model: &Model) -> Reading {
    let flow = model.onnx().map(Flow::of);
    let uses = uses(model, flow.as_ref());
    let specs = &model.facts.inputs;
    let all = |wanted: fn(&Kind) -> bool| -> Vec<&Use> { uses.iter().filter(|found| wanted(&found.kind)).collect() };
    let images = all(|kind| matches!(kind, Kind::Image(_)));
    let tokens = all(|kind| matches!(kind, Kind::Tokens { .. }));
    let sounds = all(|kind| matches!(kind, Kind::Waveform));
    let categories = all(|kind| matches!(kind, Kind::Category { .. }));
    let rows = all(|kind| matches!(kind, Kind::Rows));
    if let (Some(image), Some(token)) = (images.first(), tokens.first()) {
        return found(
            Task::Vision,
            Confidence::Medium,
            format!("images beside text: {}; {}", image.reason, token.reason),
        );
    }
    if let (Some(sound), None) = (sounds.first(), images.first()) {
        return found(Task::Audio, confidence(sound), sound.reason.clone());
    }
    if let (Some(image), None) = (images.first(), sounds.first()) {
        let reason = match head(flow.as_ref(), model) {
            Some(head) if image.sure => format!("{} and {head}", image.reason),
            _ => image.reason.clone(),
        };
        return found(Task::Vision, confidence(image), reason);
    }
    if !images.is_empty() {
        return Reading::Unsure("images and sound are both taken".to_owned());
    }
    match (tokens.first(), categories.first()) {
        (Some(token), None) => {
            let confidence = if flow.as_ref().is_some_and(|flow| vocabularies(flow, specs) > 1) {
                Confidence::Medium
            } else {
                Confidence::High
            };
            return found(Task::Nlp, confidence, token.reason.clone());
        }
        (Some(token), Some(category)) => {
            return found(
                Task::Tabular,
                Confidence::Medium,
                format!(
                    "categories beside sequences of ids: {}; {}",
                    category.reason, token.reason
                ),
            );
        }
        (None, _) => {}
    }
    if categories.len() + rows.len() == specs.len() && !specs.is_empty() {
        return tabular(&categories, &rows);
    }
    match uses.iter().find(|found| found.kind == Kind::Unclear) {
        Some(unclear) => Reading::Unsure(unclear.reason.clone()),
        None => Reading::Nothing,
    }
}

/// Every input is a category or a row of features.
fn tabular(categories: &[&Use], rows: &[&Use]) -> Reading {
    match (categories, rows) {
        // Words in a bag look the same.
        ([one], []) => found(Task::Tabular, Confidence::Low, one.reason.clone()),
        ([first, ..], _) => {
            let reason = format!("categories and no sequence: {}", first.reason);
            let confidence = if rows.is_empty() {
                Confidence::Medium
            } else {
                Confidence::High
            };
            found(Task::Tabular, confidence, reason)
        }
        (_, [first, ..]) => found(Task::Tabular, confidence(first), first.reason.clone()),
        ([], []) => Reading::Nothing,
    }
}

fn found(task: Task, confidence: Confidence, reason: String) -> Reading {
    Reading::Found(Detected {
        task,
        confidence,
        tier: Tier::Graph,
        reason,
    })
}

fn confidence(found: &Use) -> Confidence {
    if found.sure {
        Confidence::High
    } else {
        Confidence::Medium
    }
}

/// How many large tables are indexed by inputs that could hold tokens: a model of language has one, or one a language.
fn vocabularies(flow: &Flow<'_>, specs: &[TensorSpec]) -> usize {
    let tables: BTreeSet<String> = specs
        .iter()
        .filter(|spec| word_of(&spec.name, BESIDE_TOKENS).is_none())
        .flat_map(|spec| landmarks(flow, &spec.name))
        .filter_map(|(_, landmark)| match landmark {
            Landmark::Embedding { table, rows, .. } if rows >= SMALLEST_VOCABULARY => Some(table),
            _ => None,
        })
        .collect();
    tables.len()
}

/// What the outputs look like, for the reason.
fn head(flow: Option<&Flow<'_>>, model: &Model) -> Option<&'static str> {
    let has = |op: &str| flow.is_some_and(|flow| flow.nodes().iter().any(|node| node.op_type() == op));
    let detects = model.tflite().is_some_and(tflite::uses::detects);
    let ranks: Vec<usize> = model
        .facts
        .outputs
        .iter()
        .filter_map(|output| output.dims.as_ref().map(Vec::len))
        .collect();
    if detects || has("NonMaxSuppression") || (has("TopK") && ranks.len() > 1) {
        Some("a detection head")
    } else if ranks == [2] || (ranks == [4] && !model.facts.outputs.iter().any(is_map)) {
        Some("a classification head")
    } else if model.facts.outputs.iter().any(is_map) {
        Some("maps as output")
    } else {
        None
    }
}

/// True for four dimensions of which at least two beside the batch are more than 1: more than the scores of a classifier.
fn is_map(output: &TensorSpec) -> bool {
    let is_side = |dim: &&Dim| **dim != Dim::Fixed(1);
    match output.dims.as_deref() {
        Some([_, rest @ ..]) if rest.len() == 3 => rest.iter().filter(is_side).count() > 1,
        _ => false,
    }
}
