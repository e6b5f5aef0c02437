//! A variant that was made: what it weighs, how far its outputs are from the model's, what was left in float and why; for people and for
//! programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measure::accuracy::Accuracy;
use crate::report::clean;
use crate::units::Bytes;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// So many reasons are shown where nobody asks for all.
const REASONS_SHOWN: usize = 6;

/// A build, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its whole id.
    pub id: String,
    /// The model's name.
    pub model: String,
    /// Its recipe.
    pub recipe: String,
    /// Its bytes, external data included.
    pub size_bytes: u64,
}

impl Named {
    /// Model, recipe and the beginning of the id: `mobilenet fp16 (3f36810e0000)`.
    pub fn label(&self) -> String {
        format!(
            "{} {} ({})",
            clean::sentence(&self.model, 60),
            self.recipe,
            self.short()
        )
    }

    /// The beginning of the id.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// A node that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftNode {
    /// The node.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// Why.
    pub reason: String,
}

/// Everything about a variant that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Made {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The variant.
    pub build: Named,
    /// What it was made of.
    pub parent: Named,
    /// The model as it is, which its outputs were compared with.
    pub root: Named,
    /// Where it was verified.
    pub target: String,
    /// True where the registry had it already.
    pub reused: bool,
    /// Its size over the root's.
    pub size_ratio: f64,
    /// How many nodes and weights were changed.
    pub changed: usize,
    /// What was left as it is.
    pub left: Vec<LeftNode>,
    /// What else there is to know of the passes.
    pub notes: Vec<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
    /// How far its outputs are from the root's.
    pub accuracy: Accuracy,
    /// True where that was found on real samples.
    pub is_real: bool,
    /// Where its files are: in the object store, or where they were asked for.
    pub files: Vec<String>,
    /// What took how long.
    pub timings: Timings,
}

/// Seconds from the start of the command on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timings {
    /// Reading the model.
    pub read: f64,
    /// Deriving the variant, running models for it not counted.
    pub derive: f64,
    /// Running models on calibration data.
    pub calibrate: f64,
    /// Checking the variant and running it beside the model.
    pub verify: f64,
    /// Writing it where it was asked for.
    pub write: f64,
    /// Of all these, what the engine took to load and run models.
    pub engine: f64,
}

/// For people; `all` lists every node that was left as it is.
pub fn text(made: &Made, all: bool) -> String {
    let is_root = made.build.id == made.root.id;
    let mut text = made.build.label();
    if !is_root {
        text.push_str(&format!(", made of {}", made.parent.label()));
    }
    text.push_str("\n\n");
    let mut rows: Vec<(&str, String)> = vec![("size", size(made, is_root))];
    if is_root {
        rows.push(("runs", format!("on {}, {}", made.target, samples(made))));
    } else {
        rows.push(("outputs", outputs(made)));
        rows.extend(answers(&made.accuracy).map(|answers| ("answers", answers)));
        rows.push((
            "changed",
            match made.changed {
                1 => "1 node or weight".to_owned(),
                changed => format!("{changed} nodes and weights"),
            },
        ));
        rows.extend(left(made, all).into_iter().map(|line| ("left", line)));
    }
    rows.extend(
        made.notes
            .iter()
            .map(|note| ("note", clean::sentence(note, clean::PROSE_LENGTH))),
    );
    rows.extend(made.files.iter().map(|file| ("file", file.clone())));
    let mut last = "";
    for (name, value) in rows {
        let heading = if name == last { "" } else { name };
        text.push_str(&format!("{heading:<8}  {value}\n"));
        last = name;
    }
    text
}

fn size(made: &Made, is_root: bool) -> String {
    let after = Bytes(made.build.size_bytes);
    if is_root {
        return after.to_string();
    }
    format!(
        "{} → {after}, {:.1} % of {}",
        Bytes(made.root.size_bytes),
        100.0 * made.size_ratio,
        made.root.recipe
    )
}

fn samples(made: &Made) -> String {
    let kind = if made.is_real { "samples" } else { "made-up samples" };
    format!("{} {kind}", made.accuracy.samples)
}

fn outputs(made: &Made) -> String {
    let accuracy = &made.accuracy;
    let agreement = accuracy.top1_agreement.map_or_else(String::new, |share| {
        format!(", the same answer to {:.1} %", 100.0 * share)
    });
    format!(
        "cosine {} (lowest {}), largest error {}{agreement}, on {}",
        cosine(accuracy.cosine),
        cosine(accuracy.lowest_cosine),
        error(accuracy.max_abs_error),
        samples(made)
    )
}

fn answers(accuracy: &Accuracy) -> Option<String> {
    let (before, after) = accuracy.baseline_top1.zip(accuracy.candidate_top1)?;
    let five = accuracy
        .baseline_top5
        .zip(accuracy.candidate_top5)
        .map_or_else(String::new, |(before, after)| {
            format!("; among the first five {:.1} → {:.1} %", 100.0 * before, 100.0 * after)
        });
    Some(format!(
        "{:.1} → {:.1} % right of {} labelled samples{five}",
        100.0 * before,
        100.0 * after,
        accuracy.labelled
    ))
}

/// What was left, a line a reason, the commonest first; or a line a node.
fn left(made: &Made, all: bool) -> Vec<String> {
    if all {
        let nodes = made.left.iter();
        return nodes
            .map(|left| {
                let line = format!("{} ({}): {}", left.node, left.op_type, left.reason);
                clean::sentence(&line, clean::PROSE_LENGTH)
            })
            .collect();
    }
    let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for left in &made.left {
        *groups.entry((&left.op_type, &left.reason)).or_default() += 1;
    }
    let mut groups: Vec<((&str, &str), usize)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let hidden = groups.len().saturating_sub(REASONS_SHOWN);
    let mut lines: Vec<String> = groups
        .into_iter()
        .take(REASONS_SHOWN)
        .map(|((op_type, reason), count)| clean::sentence(&format!("{op_type} ×{count}: {reason}"), 200))
        .collect();
    if hidden > 0 {
        lines.push(format!("and {hidden} more reasons; `--verbose` lists every node"));
    }
    lines
}

/// As many digits as it takes to tell it from 1, at least four.
pub fn cosine(value: f64) -> String {
    let digits = (4..9).find(|digits| !format!("{value:.digits$}").starts_with("1."));
    match digits {
        Some(digits) => format!("{value:.digits$}"),
        None => "1".to_owned(),
    }
}

/// Three significant digits.
fn error(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e4).contains(&magnitude) {
        let digits = (2.0 - magnitude.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(recipe: &str, size_bytes: u64) -> Named {
        Named {
            id: "3f".repeat(32),
            model: "mobilenet".to_owned(),
            recipe: recipe.to_owned(),
            size_bytes,
        }
    }

    fn made() -> Made {
        let left = |node: &str, op_type: &str, reason: &str| LeftNode {
            node: node.to_owned(),
            op_type: op_type.to_owned(),
            reason: reason.to_owned(),
        };
        Made {
            schema: SCHEMA,
            build: Named {
                id: "9c".repeat(32),
                ..named("prune-0.50+int8", 3_500_000)
            },
            parent: named("prune-0.50", 13_400_000),
            root: named("fp32", 13_400_000),
            target: "onnxruntime_cpu".to_owned(),
            reused: false,
            size_ratio: 0.2612,
            changed: 52,
            left: vec![
                left("`a`", "Conv", "slower in 8 bits"),
                left("`b`", "Conv", "slower in 8 bits"),
                left("`c`", "Gemm", "its weights are no constants"),
            ],
            notes: vec!["something".to_owned()],
            warnings: Vec::new(),
            accuracy: Accuracy {
                samples: 200,
                cosine: 0.98,
                lowest_cosine: 0.999_99,
                top1_agreement: Some(0.985),
                baseline_top1: Some(0.975),
                candidate_top1: Some(0.97),
                baseline_top5: Some(1.0),
                candidate_top5: Some(0.99),
                labelled: 200,
                mean_abs_error: 0.1,
                max_abs_error: 0.016_49,
                snr_db: Some(20.0),
                outputs: Vec::new(),
            },
            is_real: true,
            files: vec!["out.onnx".to_owned()],
            timings: Timings::default(),
        }
    }

    #[test]
    fn a_person_reads_what_it_costs() {
        insta::assert_snapshot!(text(&made(), false), @r"
        mobilenet prune-0.50+int8 (9c9c9c9c9c9c), made of mobilenet prune-0.50 (3f3f3f3f3f3f)

        size      13.4 MB → 3.5 MB, 26.1 % of fp32
        outputs   cosine 0.9800 (lowest 0.99999), largest error 0.0165, the same answer to 98.5 %, on 200 samples
        answers   97.5 → 97.0 % right of 200 labelled samples; among the first five 100.0 → 99.0 %
        changed   52 nodes and weights
        left      Conv ×2: slower in 8 bits
                  Gemm ×1: its weights are no constants
        note      something
        file      out.onnx
        ");
        let all = text(&made(), true);
        assert!(
            all.contains("left      `a` (Conv): slower in 8 bits\n          `b` (Conv)"),
            "{all}"
        );
    }

    #[test]
    fn figures_have_as_many_digits_as_they_need() {
        assert_eq!(
            [1.0, 0.999_999_9, 0.5].map(cosine),
            ["1", "0.9999999", "0.5000"].map(str::to_owned)
        );
        assert_eq!(
            [0.0, 1e-7, 0.012_345, 1.234_5, 168.3].map(error),
            ["0", "1.00e-7", "0.0123", "1.23", "168"].map(str::to_owned)
        );
    }
}
