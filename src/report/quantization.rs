//! A quantized build beside its model, for people and for programs, and which of the two to serve.

use serde::Serialize;

use crate::measure::PairMeasurement;
use crate::measure::Which;
use crate::measure::accuracy::Accuracy;
use crate::measure::quantity::Quantity;
use crate::measure::sensitivity::LayerError;
use crate::report::clean;
use crate::report::constraints::columns;
use crate::report::optimized::cosine;
use crate::stats::interval::Interval;
use crate::units;
use crate::units::Bytes;
use crate::units::Millis;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// The least cosine similarity that a build is recommended with.
const LEAST_COSINE: f64 = 0.99;

/// The most right answers that it may cost, as a share of all.
const MOST_DROP: f64 = 0.01;

/// A build of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// For people.
    pub label: String,
    /// Its id, where it is a build.
    pub build: Option<String>,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
}

/// A quantity of both, and its change with the interval that holds the truth 95 times in 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The first build's figure: milliseconds or bytes.
    pub baseline: f64,
    /// The second's.
    pub candidate: f64,
    /// The change in per cent of the first.
    pub percent: f64,
    /// Its lower bound.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
}

/// Which of the two to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The second: it is faster and answers alike.
    Candidate,
    /// The second where size counts: it is smaller, answers alike, and nobody can tell them apart in time.
    CandidateForSize,
    /// The first.
    Baseline,
}

/// The choice and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// Which.
    pub choice: Choice,
    /// Why, as a sentence.
    pub reason: String,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantization {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What is compared with.
    pub baseline: Side,
    /// What is judged.
    pub candidate: Side,
    /// The change of size in per cent of the baseline.
    pub size_percent: f64,
    /// Median latency, milliseconds; `null` where it could not be measured.
    pub latency: Option<Change>,
    /// Peak memory beyond an empty session, bytes; `null` where it could not be measured.
    pub memory: Option<Change>,
    /// How far the outputs are apart.
    pub accuracy: Accuracy,
    /// True where that was found on real samples.
    pub is_real: bool,
    /// Layers, worst first.
    pub layers: Vec<LayerError>,
    /// Why there are none.
    pub no_layers: Option<String>,
    /// Which to serve.
    pub recommendation: Recommendation,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// A quantity of a measurement; `None` where it could not be measured.
pub fn change(measured: &PairMeasurement, quantity: Quantity) -> Option<Change> {
    let interval: Interval = measured.change(quantity)?.interval(measured.looks.tail())?;
    Some(Change {
        baseline: measured.shown(Which::Baseline, quantity)?,
        candidate: measured.shown(Which::Candidate, quantity)?,
        percent: interval.center,
        lower: interval.lower,
        upper: interval.upper,
    })
}

/// Which of the two to serve. A build whose whole interval is slower is never recommended, however small it is.
pub fn recommend(size_percent: f64, latency: Option<Change>, accuracy: &Accuracy) -> Recommendation {
    let size = if size_percent < 0.0 {
        format!("{:.0} % smaller", -size_percent)
    } else {
        format!("{size_percent:.0} % larger")
    };
    let told = |choice, reason: String| Recommendation { choice, reason };
    if let Some(wrong) = inaccurate(accuracy) {
        return told(
            Choice::Baseline,
            format!("keep A: {wrong}; keep the worst layers in float (`--method mixed`), or give calibration data"),
        );
    }
    let Some(latency) = latency else {
        return told(Choice::Baseline, "keep A: latency could not be measured".to_owned());
    };
    if latency.lower > 0.0 {
        return told(
            Choice::Baseline,
            format!(
                "keep A: B is slower, by {:.1} % (at least {:.1} %), and {size}",
                latency.percent, latency.lower
            ),
        );
    }
    if latency.upper < 0.0 {
        return told(
            Choice::Candidate,
            format!(
                "use B: {:.2}× as fast (at least {:.2}×), {size}, and its outputs agree",
                speedup(latency.percent),
                speedup(latency.upper)
            ),
        );
    }
    if size_percent < 0.0 {
        return told(
            Choice::CandidateForSize,
            format!("use B where size counts: {size}, its outputs agree, and no difference of latency is beyond noise"),
        );
    }
    told(
        Choice::Baseline,
        format!("keep A: B is {size}, and no difference of latency is beyond noise"),
    )
}

fn speedup(percent: f64) -> f64 {
    100.0 / (100.0 + percent).max(f64::MIN_POSITIVE)
}

fn inaccurate(accuracy: &Accuracy) -> Option<String> {
    if let Some((before, after)) = accuracy.baseline_top1.zip(accuracy.candidate_top1) {
        // Right answers say it better than outputs do.
        return (before - after > MOST_DROP).then(|| {
            format!(
                "B gives {:.1} points fewer right answers ({:.1} → {:.1} %)",
                100.0 * (before - after),
                100.0 * before,
                100.0 * after
            )
        });
    }
    (accuracy.cosine < LEAST_COSINE).then(|| {
        format!(
            "B's outputs differ, cosine {} (below {LEAST_COSINE})",
            cosine(accuracy.cosine)
        )
    })
}

/// For people; `most` layers at most.
pub fn text(found: &Quantization, most: usize) -> String {
    let mut text = format!(
        "A  {}\nB  {}\n\n",
        clean::sentence(&found.baseline.label, clean::NAME_LENGTH),
        clean::sentence(&found.candidate.label, clean::NAME_LENGTH)
    );
    let mut rows = vec![vec![
        "size".to_owned(),
        Bytes(found.baseline.size_bytes).to_string(),
        Bytes(found.candidate.size_bytes).to_string(),
        units::signed_percent(found.size_percent),
    ]];
    if let Some(latency) = found.latency {
        rows.push(row("p50 latency", latency, |value| Millis(value).to_string()));
    }
    if let Some(memory) = found.memory {
        rows.push(row("peak memory", memory, |value| {
            Bytes(value.max(0.0) as u64).to_string()
        }));
    }
    text.push_str(&columns(&["", "A", "B", "change"], rows.into_iter()));
    text.push_str(&format!("\n\n{}\n", outputs(found)));
    if let Some(reason) = &found.no_layers {
        let reason = clean::sentence(reason, clean::PROSE_LENGTH);
        text.push_str(&format!("\nlayers cannot be compared: {reason}\n"));
    } else if !found.layers.is_empty() {
        let rows = found.layers.iter().take(most).map(|layer| {
            vec![
                clean::line(&layer.node, 60),
                clean::line(&layer.op_type, 30),
                layer.decibels(),
                cosine(layer.cosine),
                format!("{:.3e}", layer.max_abs_error),
            ]
        });
        text.push_str(&format!(
            "\n{}\n",
            columns(
                &["layer, worst first", "operator", "SNR", "cosine", "largest error"],
                rows
            )
        ));
        let hidden = found.layers.len().saturating_sub(most);
        if hidden > 0 {
            text.push_str(&format!("and {hidden} more\n"));
        }
    }
    text.push_str(&format!("\n{}\n", found.recommendation.reason));
    text
}

fn row(name: &str, change: Change, shown: impl Fn(f64) -> String) -> Vec<String> {
    let half = (change.upper - change.lower) / 2.0;
    vec![
        name.to_owned(),
        shown(change.baseline),
        shown(change.candidate),
        format!("{} ±{half:.1}", units::signed_percent(change.percent)),
    ]
}

fn outputs(found: &Quantization) -> String {
    let accuracy = &found.accuracy;
    let mut text = format!(
        "outputs: cosine {} (lowest {})",
        cosine(accuracy.cosine),
        cosine(accuracy.lowest_cosine)
    );
    match accuracy.snr_db {
        Some(decibels) => text.push_str(&format!(", SNR {decibels:.1} dB")),
        None => text.push_str(", equal to the last bit"),
    }
    if let Some(share) = accuracy.top1_agreement {
        text.push_str(&format!(", the same answer to {:.1} %", 100.0 * share));
    }
    let kind = if found.is_real { "samples" } else { "made-up samples" };
    text.push_str(&format!(", on {} {kind}", accuracy.samples));
    if let Some((before, after)) = accuracy.baseline_top1.zip(accuracy.candidate_top1) {
        text.push_str(&format!(
            "\nright answers: {:.1} → {:.1} % of {} labelled samples",
            100.0 * before,
            100.0 * after,
            accuracy.labelled
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accuracy(cosine: f64, labels: Option<(f64, f64)>) -> Accuracy {
        Accuracy {
            samples: 32,
            cosine,
            lowest_cosine: cosine,
            top1_agreement: Some(1.0),
            baseline_top1: labels.map(|labels| labels.0),
            candidate_top1: labels.map(|labels| labels.1),
            baseline_top5: None,
            candidate_top5: None,
            labelled: 0,
            mean_abs_error: 0.1,
            max_abs_error: 1.0,
            snr_db: Some(30.0),
            outputs: Vec::new(),
        }
    }

    fn latency(lower: f64, percent: f64, upper: f64) -> Option<Change> {
        Some(Change {
            baseline: 4.0,
            candidate: 4.0 * (1.0 + percent / 100.0),
            percent,
            lower,
            upper,
        })
    }

    #[test]
    fn what_is_slower_is_never_recommended() {
        let slower = recommend(-74.0, latency(0.1, 1.0, 2.0), &accuracy(1.0, None));
        assert_eq!(slower.choice, Choice::Baseline);
        assert_eq!(
            slower.reason,
            "keep A: B is slower, by 1.0 % (at least 0.1 %), and 74 % smaller"
        );
        let undecided = recommend(-74.0, latency(-0.1, 1.0, 2.0), &accuracy(1.0, None));
        assert_eq!(undecided.choice, Choice::CandidateForSize);
        assert_eq!(
            recommend(10.0, latency(-0.1, 1.0, 2.0), &accuracy(1.0, None)).choice,
            Choice::Baseline
        );
        assert_eq!(recommend(-74.0, None, &accuracy(1.0, None)).choice, Choice::Baseline);
    }

    #[test]
    fn what_is_faster_must_answer_alike() {
        let faster = latency(-51.0, -50.0, -49.0);
        let good = recommend(-74.0, faster, &accuracy(0.995, None));
        assert_eq!(good.choice, Choice::Candidate);
        assert_eq!(
            good.reason,
            "use B: 2.00× as fast (at least 1.96×), 74 % smaller, and its outputs agree"
        );
        let wrong = recommend(-74.0, faster, &accuracy(0.9, None));
        assert!(
            wrong.reason.starts_with("keep A: B's outputs differ, cosine 0.9000"),
            "{wrong:?}"
        );
        // Right answers decide where they are known.
        assert_eq!(
            recommend(-74.0, faster, &accuracy(0.9, Some((0.97, 0.965)))).choice,
            Choice::Candidate
        );
        assert_eq!(
            recommend(-74.0, faster, &accuracy(1.0, Some((0.97, 0.95)))).choice,
            Choice::Baseline
        );
    }
}
