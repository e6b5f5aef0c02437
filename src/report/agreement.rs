//! Agreement of two models' outputs, for people and for programs.

use serde::Serialize;

use crate::measure::agreement::Accuracy;
use crate::report::clean;
use crate::report::constraints::columns;

/// The least agreement that is accepted; what is `None` is not asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Floors {
    /// Cosine similarity.
    pub cosine: Option<f64>,
    /// Share of rows with the same highest score.
    pub top1: Option<f64>,
    /// True where a person asked for top-1 agreement: then outputs that have none don't pass.
    pub top1_asked: bool,
    /// The most mean absolute error.
    pub mae: Option<f64>,
}

/// One threshold, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// `cosine`, `top1_agreement` or `mean_abs_error`.
    pub metric: &'static str,
    /// The least or, of an error, the most that is accepted.
    pub limit: f64,
    /// What it is; `null` where there is nothing to measure.
    pub actual: Option<f64>,
    /// `passed`, `violated`, `unmeasured`, or `skipped` where nobody asked and there is nothing to measure.
    pub result: &'static str,
}

impl Check {
    /// True where it stands in the way of passing.
    pub fn fails(&self) -> bool {
        matches!(self.result, "violated" | "unmeasured")
    }

    fn text(&self) -> String {
        let (name, bound) = match self.metric {
            "cosine" => ("cosine similarity", "at least"),
            "top1_agreement" => ("top-1 agreement", "at least"),
            _ => ("mean absolute error", "at most"),
        };
        let limit = format!("{bound} {}", self.limit);
        match (self.actual, self.result) {
            (Some(actual), "violated") => format!("{name} {}: {limit} is accepted", number(actual)),
            (None, "unmeasured") => {
                format!("{name} cannot be measured, and {limit} is asked for: the outputs are no table of class scores")
            }
            _ => format!("{name}: {limit}"),
        }
    }
}

/// Holds an agreement against thresholds.
pub fn judge(accuracy: &Accuracy, floors: &Floors) -> Vec<Check> {
    let mut checks = Vec::new();
    let word = |holds: bool| if holds { "passed" } else { "violated" };
    if let Some(limit) = floors.cosine {
        checks.push(Check {
            metric: "cosine",
            limit,
            actual: Some(accuracy.cosine),
            result: word(accuracy.cosine >= limit),
        });
    }
    if let Some(limit) = floors.top1 {
        checks.push(Check {
            metric: "top1_agreement",
            limit,
            actual: accuracy.top1_agreement,
            result: match accuracy.top1_agreement {
                Some(agreement) => word(agreement >= limit),
                None if floors.top1_asked => "unmeasured",
                None => "skipped",
            },
        });
    }
    if let Some(limit) = floors.mae {
        checks.push(Check {
            metric: "mean_abs_error",
            limit,
            actual: Some(accuracy.mean_abs_error),
            result: word(accuracy.mean_abs_error <= limit),
        });
    }
    checks
}

/// Why it does not pass, a line a threshold.
pub fn failures(checks: &[Check]) -> Vec<String> {
    checks.iter().filter(|check| check.fails()).map(Check::text).collect()
}

/// Every output and the whole, as a table; labelled accuracy below where there is any.
pub fn table(accuracy: &Accuracy) -> String {
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let mut rows: Vec<Vec<String>> = accuracy
        .outputs
        .iter()
        .map(|output| {
            vec![
                clean::sentence(&output.name, 40),
                number(output.cosine),
                number(output.lowest_cosine),
                number(output.mean_abs_error),
                number(output.max_abs_error),
                share(output.top1_agreement),
            ]
        })
        .collect();
    if accuracy.outputs.len() != 1 {
        rows.push(vec![
            "all".to_owned(),
            number(accuracy.cosine),
            number(accuracy.lowest_cosine),
            number(accuracy.mean_abs_error),
            number(accuracy.max_abs_error),
            share(accuracy.top1_agreement),
        ]);
    }
    let header = [
        "output",
        "cosine",
        "lowest",
        "mean error",
        "largest error",
        "top-1 agreement",
    ];
    let mut text = columns(&header, rows.into_iter());
    if let (Some(before), Some(after)) = (accuracy.baseline_top1, accuracy.candidate_top1) {
        text.push_str(&format!(
            "\n\nright answers on {} labelled samples: {} → {}",
            accuracy.labelled,
            percent(before),
            percent(after)
        ));
    }
    if let (Some(before), Some(after)) = (accuracy.baseline_top5, accuracy.candidate_top5) {
        text.push_str(&format!(
            "\namong the five highest: {} → {}",
            percent(before),
            percent(after)
        ));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A figure of any magnitude: six digits near one, four in the exponent form where it is tiny or huge.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&magnitude) {
        let text = format!("{value:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::agreement::Agreement;
    use crate::model::tensor::Tensor;

    fn of(shape: &[u64]) -> Accuracy {
        let mut agreement = Agreement::new();
        let one = [Tensor::from_f32("scores", shape, &[1.0, 2.0])];
        let other = [Tensor::from_f32("scores", shape, &[2.0, 1.0])];
        agreement.add(&one, &one, Some(1)).unwrap();
        agreement.add(&one, &other, Some(1)).unwrap();
        agreement.finish().unwrap()
    }

    #[test]
    fn every_threshold_is_held_up() {
        let floors = Floors {
            cosine: Some(0.95),
            top1: Some(0.5),
            top1_asked: false,
            mae: Some(0.1),
        };
        let checks = judge(&of(&[1, 2]), &floors);
        let results: Vec<&str> = checks.iter().map(|check| check.result).collect();
        assert_eq!(results, ["violated", "passed", "violated"]);
        assert_eq!(
            failures(&checks),
            [
                "cosine similarity 0.9: at least 0.95 is accepted",
                "mean absolute error 0.5: at most 0.1 is accepted"
            ]
        );
    }

    #[test]
    fn what_is_asked_for_and_not_there_fails() {
        let floors = |top1_asked| Floors {
            top1: Some(0.5),
            top1_asked,
            ..Floors::default()
        };
        let accuracy = of(&[2]);
        assert!(!judge(&accuracy, &floors(false))[0].fails());
        let checks = judge(&accuracy, &floors(true));
        assert!(checks[0].fails());
        assert!(failures(&checks)[0].starts_with("top-1 agreement cannot be measured"));
    }

    #[test]
    fn figures_of_any_size_are_readable() {
        let texts = [0.0, 1.0, 0.999_999_9, 0.98765, 1.25e-7, 123_456.0, -0.5].map(number);
        assert_eq!(texts, ["0", "1", "1", "0.98765", "1.250e-7", "1.235e5", "-0.5"]);
        assert!(table(&of(&[1, 2])).ends_with("right answers on 2 labelled samples: 100.0 % → 50.0 %"));
    }
}
