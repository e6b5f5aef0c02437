//! `fp16`: weights and computation in 16-bit floats (IEEE 754 binary16), inputs and outputs as before.
//!
//! Half the size, and faster where the hardware computes in 16 bits: graphics and neural processors, recent ARM cores. Engines on x86
//! mostly cast back and forth.
//!
//! - Operators without a 16-bit form stay in 32 bits, between casts, one a tensor and width; so do sizes and quantization.
//! - Weights are rounded to nearest even, and clamped where they would overflow or vanish, which the notes count. A weight that is
//!   read at both widths is kept twice.
//! - Subgraphs follow the node that owns them; functions are copied for the kinds of inputs that they are called with.

mod kinds;
pub(super) mod numbers;
mod plan;
mod rewrite;
mod scope;
mod section;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

use self::plan::Planner;
use self::rewrite::Outcome;
use self::rewrite::Rewriter;
use self::section::Section;
use super::Account;
use super::Evidence;
use super::Left;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::edit;
use super::edit::Names;
use super::recipe::no_settings;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::OperatorSetIdProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::visit;
use crate::model::tflite::schema::Model as Tables;

/// Before this opset, operators had other forms (`Cast` named its type by text), and engines don't run them.
const OLDEST_OPSET: i64 = 7;

/// Before this version of the format, every initializer was listed as an input too.
const OPTIONAL_LISTING: i64 = 4;

/// The most names that a note lists.
const NAMES_SHOWN: usize = 3;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "fp16",
    usage: "fp16",
    about: "floats in 16 bits inside, 32 bits at inputs and outputs",
    parse: |settings| {
        no_settings(settings)?;
        Ok(Arc::new(Fp16))
    },
};

/// The pass; there is nothing to set.
#[derive(Debug)]
struct Fp16;

impl Pass for Fp16 {
    fn name(&self) -> String {
        TRANSFORM.name.to_owned()
    }

    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Onnx | Format::TfLite)
    }

    fn apply_tflite(&self, model: &mut Tables, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        super::tflite::fp16(model, account)
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let opset = edit::opset(model);
        if opset < OLDEST_OPSET {
            return Err(VariantError::OldOpset {
                transform: "fp16",
                opset,
                oldest: OLDEST_OPSET,
            });
        }
        if !model.training_info.is_empty() {
            model.training_info.clear();
            account.note("fp16: the graphs for training were left out");
        }
        let mut rewriter = Rewriter::new(Names::of(model), model.ir_version() < OPTIONAL_LISTING);
        let mut planner = Planner::new(&model.functions);
        let Some(graph) = &model.graph else {
            return Ok(());
        };
        let plan = planner.plan(&Section::of_graph(graph), opset)?;
        let calls = std::mem::take(&mut planner.calls);
        if let Some(graph) = &mut model.graph {
            rewriter.main(graph, &plan)?;
        }
        let narrowed = rewriter.functions(&calls, &model.functions, opset)?;
        model.functions.extend(narrowed);
        drop_unused_functions(model);
        account.changed += rewriter.outcome.narrowed + rewriter.outcome.converted;
        describe(&rewriter.outcome, &mut account.notes);
        account.left.append(&mut rewriter.outcome.left);
        Ok(())
    }
}

/// Drops functions that nothing calls any more, and then those that only they called.
pub(super) fn drop_unused_functions(model: &mut ModelProto) {
    loop {
        let called: HashSet<(String, String, String)> = visit::nodes(&visit::scopes(model))
            .map(|(_, node)| {
                (
                    node.domain().to_owned(),
                    node.op_type().to_owned(),
                    node.overload().to_owned(),
                )
            })
            .collect();
        let before = model.functions.len();
        model.functions.retain(|function| {
            let key = (
                function.domain().to_owned(),
                function.name().to_owned(),
                function.overload().to_owned(),
            );
            called.contains(&key)
        });
        if model.functions.len() == before {
            return;
        }
    }
}

/// The import of ONNX's own operators.
fn import(version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto {
        domain: Some(String::new()),
        version: Some(version),
    }
}

/// Says what was done that a person may not expect.
fn describe(outcome: &Outcome, notes: &mut Vec<String>) {
    if outcome.narrowed == 0 {
        notes.push("fp16: there are no 32-bit weights to narrow".to_owned());
    }
    let beyond = outcome.clamped.iter().map(|(name, clamped)| (name, clamped.beyond));
    let below = outcome.clamped.iter().map(|(name, clamped)| (name, clamped.below));
    if let Some(note) = counted(beyond) {
        notes.push(format!(
            "fp16: clamped to ±65504, beyond which there are no 16-bit floats: {note}"
        ));
    }
    if let Some(note) = counted(below) {
        notes.push(format!(
            "fp16: moved to ±5.96e-8, below which there are no 16-bit floats: {note}"
        ));
    }
    if !outcome.left.is_empty() {
        notes.push(format!("fp16: left in 32 bits: {}", operators(&outcome.left)));
    }
}

/// `` 12 values of 2 weights (`a`, `b`) ``.
fn counted<'a>(counts: impl Iterator<Item = (&'a String, u64)>) -> Option<String> {
    let counts: Vec<(&String, u64)> = counts.filter(|(_, count)| *count > 0).collect();
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let mut names: Vec<String> = counts.iter().take(NAMES_SHOWN).map(|(name, _)| shown(name)).collect();
    if counts.len() > NAMES_SHOWN {
        names.push("…".to_owned());
    }
    let plural = |count: u64, word: &str| {
        if count == 1 {
            format!("1 {word}")
        } else {
            format!("{count} {word}s")
        }
    };
    (total > 0).then(|| {
        let weights = plural(counts.len() as u64, "weight");
        format!("{} of {weights} ({})", plural(total, "value"), names.join(", "))
    })
}

/// `2 Resize, 1 TopK`.
fn operators(left: &[Left]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in left {
        *counts.entry(&node.op_type).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(operator, count)| format!("{count} {operator}"))
        .collect();
    parts.join(", ")
}
