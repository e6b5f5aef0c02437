//! Which shard measures what: a table for people, a matrix for a workflow; and what one shard has measured.

use serde::Serialize;

use crate::report::clean;
use crate::report::desk::count;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::units::Span;

/// The form of the JSON about a measured shard.
pub const SCHEMA: u32 = 1;

/// A plan of shards.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The shards, in order.
    pub shards: Vec<PlannedShard>,
    /// How many models × targets × variants each expectation comes from: `baseline`, `estimate`.
    pub bases: Vec<(String, usize)>,
    /// How many shards were asked for.
    pub asked: u32,
}

/// One shard of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedShard {
    /// Which one, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// How many comparisons are expected of it.
    pub comparisons: usize,
    /// Seconds that are expected of it.
    pub seconds: f64,
    /// What it measures: model, target, variant.
    pub units: Vec<(String, String, String)>,
}

/// A matrix of GitHub Actions: `strategy: { matrix: ${{ fromJSON(…) }} }`. It holds nothing else, as each key of it would be one more
/// dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// One entry a job.
    pub include: Vec<Leg>,
}

/// One job of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leg {
    /// What `mlbuild ci --shard` takes: `2/4`.
    pub shard: String,
    /// A name for its artifact, which may hold no slash.
    pub artifact: String,
    /// How many comparisons are expected of it.
    pub comparisons: usize,
    /// Seconds that are expected of it.
    pub expected_seconds: f64,
    /// The models that it measures, by name, in the config's order.
    pub models: String,
}

/// A shard that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Which one: `2/4`.
    pub shard: String,
    /// Its file.
    pub file: String,
    /// Tells the plan from others.
    pub plan: String,
    /// Wall-clock seconds of measuring.
    pub seconds: f64,
    /// What was found, none of it judged.
    pub comparisons: Vec<MeasuredRow>,
}

/// One comparison of a measured shard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredRow {
    /// The model.
    pub model: String,
    /// The target.
    pub target: String,
    /// The variant.
    pub variant: String,
    /// The length of sequences, where there are several.
    pub sequence: Option<u64>,
    /// `measured`, `alone`, or why it was not measured: `skipped`, `removed`, `regression`, `error`.
    pub state: String,
    /// How many times both workers were started.
    pub restarts: usize,
    /// Wall-clock seconds of measuring.
    pub seconds: f64,
    /// Why it was not measured side by side.
    pub reason: Option<String>,
}

impl Planned {
    /// Seconds that all shards take one after the other.
    pub fn total_seconds(&self) -> f64 {
        self.shards.iter().map(|shard| shard.seconds).sum()
    }

    /// Seconds of the shard that takes longest.
    pub fn longest_seconds(&self) -> f64 {
        self.shards.iter().map(|shard| shard.seconds).fold(0.0, f64::max)
    }

    /// How evenly it is dealt out: the mean over the longest, 1 where all take equally long.
    pub fn balance(&self) -> f64 {
        let longest = self.longest_seconds();
        let mean = self.total_seconds() / self.shards.len().max(1) as f64;
        if longest > 0.0 { mean / longest } else { 1.0 }
    }

    /// For a workflow.
    pub fn matrix(&self) -> Matrix {
        let legs = self.shards.iter().map(|shard| Leg {
            shard: format!("{}/{}", shard.shard, shard.of),
            artifact: format!("mlbuild-shard-{}-of-{}", shard.shard, shard.of),
            comparisons: shard.comparisons,
            expected_seconds: (shard.seconds * 10.0).round() / 10.0,
            models: names(shard.units.iter().map(|(model, _, _)| model)),
        });
        Matrix {
            include: legs.collect(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .shards
            .iter()
            .map(|shard| {
                vec![
                    format!("{}/{}", shard.shard, shard.of),
                    shard.comparisons.to_string(),
                    span(shard.seconds),
                    parts(&shard.units),
                ]
            })
            .collect();
        let columns = [
            ("shard", Side::Left),
            ("comparisons", Side::Right),
            ("expected", Side::Right),
            ("what", Side::Left),
        ];
        let mut text = grid(&columns, &rows);
        text.push_str(&format!(
            "\nbalance {:.0} %: the longest shard takes about {}, all in a row about {}\n",
            self.balance() * 100.0,
            span(self.longest_seconds()),
            span(self.total_seconds())
        ));
        let bases: Vec<String> = self.bases.iter().map(|(word, many)| format!("{word} {many}")).collect();
        text.push_str(&format!("expected from: {}\n", bases.join(", ")));
        let made = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        if made < self.asked {
            text.push_str(&format!(
                "{} of {}: there is no more to deal out\n",
                count(self.shards.len(), "shard"),
                self.asked
            ));
        }
        text
    }
}

impl Measured {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "shard {}: {} measured, nothing judged\n",
            self.shard,
            count(self.comparisons.len(), "comparison")
        );
        let rows: Vec<Vec<String>> = self
            .comparisons
            .iter()
            .map(|row| {
                let variant = match row.sequence {
                    Some(length) => format!("{} @ {length}", row.variant),
                    None => row.variant.clone(),
                };
                let reason = row.reason.as_deref().unwrap_or_default();
                vec![
                    clean::line(
                        &format!("{} · {} · {variant}", row.model, row.target),
                        clean::NAME_LENGTH,
                    ),
                    row.state.clone(),
                    if row.restarts > 0 {
                        format!("{} restarts, {}", row.restarts, span(row.seconds))
                    } else {
                        clean::line(reason, clean::NAME_LENGTH)
                    },
                ]
            })
            .collect();
        let columns = [("comparison", Side::Left), ("state", Side::Left), ("how", Side::Left)];
        if !rows.is_empty() {
            text.push_str(&grid(&columns, &rows));
        }
        text.push_str(&format!(
            "the samples: {}\n",
            clean::line(&self.file, clean::PROSE_LENGTH)
        ));
        text
    }
}

fn span(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Span(whole).to_string()
}

/// `digits · onnxruntime_cpu · fp32, int8; other · …`: variants of one model and target together.
fn parts(units: &[(String, String, String)]) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (model, target, variant) in units {
        let place = format!("{} · {}", clean::line(model, 40), clean::line(target, 40));
        let variant = clean::line(variant, 40);
        match groups.iter_mut().find(|(known, _)| *known == place) {
            Some((_, variants)) => variants.push(variant),
            None => groups.push((place, vec![variant])),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(place, variants)| format!("{place} · {}", variants.join(", ")))
        .collect();
    if groups.is_empty() {
        "nothing".to_owned()
    } else {
        groups.join("; ")
    }
}

/// Names, each once, cut where they are many.
fn names<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in all {
        let name = clean::line(name, 40);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    clean::line(&names.join(", "), clean::NAME_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned() -> Planned {
        let shard = |shard, seconds, units: &[(&str, &str)]| PlannedShard {
            shard,
            of: 2,
            comparisons: units.len(),
            seconds,
            units: units
                .iter()
                .map(|(model, variant)| ((*model).to_owned(), "onnxruntime_cpu".to_owned(), (*variant).to_owned()))
                .collect(),
        };
        Planned {
            shards: vec![
                shard(1, 62.04, &[("模型", "fp32"), ("模型", "int8")]),
                shard(2, 45.0, &[("other\u{1b}[31m", "fp32")]),
            ],
            bases: vec![("baseline".to_owned(), 2), ("estimate".to_owned(), 1)],
            asked: 3,
        }
    }

    #[test]
    fn people_see_times_and_balance() {
        insta::assert_snapshot!(planned().text(), @r"
        shard  comparisons   expected  what
        1/2              2  1 min 2 s  模型 · onnxruntime_cpu · fp32, int8
        2/2              1     45.0 s  other[31m · onnxruntime_cpu · fp32

        balance 86 %: the longest shard takes about 1 min 2 s, all in a row about 1 min 47 s
        expected from: baseline 2, estimate 1
        2 shards of 3: there is no more to deal out
        ");
    }

    #[test]
    fn a_workflow_sees_a_matrix_and_nothing_else() {
        let matrix = serde_json::to_value(planned().matrix()).unwrap();
        assert_eq!(
            matrix,
            serde_json::json!({"include": [
                {
                    "shard": "1/2",
                    "artifact": "mlbuild-shard-1-of-2",
                    "comparisons": 2,
                    "expected_seconds": 62.0,
                    "models": "模型",
                },
                {
                    "shard": "2/2",
                    "artifact": "mlbuild-shard-2-of-2",
                    "comparisons": 1,
                    "expected_seconds": 45.0,
                    "models": "other[31m",
                },
            ]})
        );
    }
}
