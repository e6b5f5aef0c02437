//! How latencies are spread: bins for data, bars for a terminal.

use serde::Serialize;

use crate::stats::summary::Summary;
use crate::units::Millis;

/// Rows of bars.
const BINS: usize = 14;

/// Bars are at most this wide, in characters.
const WIDTH: usize = 40;

/// Where the largest shown latency is this many times the smallest, bins grow by a factor instead of a difference.
const LOGARITHMIC: f64 = 4.0;

/// Counts of latencies in bins side by side, the smallest first. Nothing is left out: what is far above the 99th percentile is
/// counted in the last bin, which then reaches to the largest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Milliseconds at which the bins begin and the last one ends: one more than there are bins.
    pub edges_ms: Vec<f64>,
    /// Inferences in each bin.
    pub counts: Vec<usize>,
    /// True where the last bin holds all that is far above the 99th percentile.
    pub last_is_open: bool,
}

impl Histogram {
    /// Of latencies in milliseconds; `None` of none.
    pub fn of(latencies: &[f64]) -> Option<Self> {
        Self::with_bins(latencies, BINS)
    }

    /// The same in that many bins, two or more.
    pub fn with_bins(latencies: &[f64], bins: usize) -> Option<Self> {
        let most_bins = bins.max(2);
        let summary = Summary::of(latencies)?;
        let (least, most) = (summary.min, summary.max);
        if most <= least {
            return Some(Self {
                edges_ms: vec![least, most],
                counts: vec![latencies.len()],
                last_is_open: false,
            });
        }
        // Without a limit a single hiccup would squeeze everything else into one bin.
        let limit = summary.p99 + (summary.p99 - summary.p50).max(summary.p50 - least);
        let open = most > limit && limit > least;
        let top = if open { limit } else { most };
        let bins = if open { most_bins - 1 } else { most_bins };
        let mut edges = edges(least, top, bins);
        if open {
            edges.push(most);
        }
        let mut counts = vec![0; edges.len() - 1];
        for latency in latencies {
            // Bins hold their beginning and not their end, except the last.
            let after = edges.partition_point(|edge| edge <= latency);
            let bin = after.saturating_sub(1).min(counts.len() - 1);
            counts[bin] += 1;
        }
        Some(Self {
            edges_ms: edges,
            counts,
            last_is_open: open,
        })
    }

    /// Lines of bars, each with where its bin begins and its count; `marks` are named latencies, written behind the bin that
    /// holds them.
    pub fn lines(&self, marks: &[(&str, f64)]) -> Vec<String> {
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        let last = self.counts.len().saturating_sub(1);
        let label = |bin: usize| {
            let sign = if bin == last && self.last_is_open { "≥ " } else { "" };
            format!("{sign}{}", Millis(self.edges_ms[bin]))
        };
        let labels: Vec<String> = (0..self.counts.len()).map(label).collect();
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let digits = most.to_string().len();
        let rows = self.counts.iter().zip(&labels).enumerate();
        rows.map(|(bin, (count, label))| {
            let named: Vec<&str> = marks
                .iter()
                .filter(|(_, latency)| self.bin_of(*latency) == bin)
                .map(|(name, _)| *name)
                .collect();
            let mut line = format!("{label:>width$} │{} {count:>digits$}", bar(*count, most));
            if !named.is_empty() {
                line.push_str("  ← ");
                line.push_str(&named.join(", "));
            }
            line
        })
        .collect()
    }

    /// The same in one line, a character a bin.
    pub fn outline(&self) -> String {
        const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        let counts = self.counts.iter();
        counts
            .map(|count| match count {
                0 => ' ',
                count => LEVELS[count * (LEVELS.len() - 1) / most],
            })
            .collect()
    }

    fn bin_of(&self, latency: f64) -> usize {
        let after = self.edges_ms.partition_point(|edge| *edge <= latency);
        after.saturating_sub(1).min(self.counts.len().saturating_sub(1))
    }
}

fn edges(least: f64, most: f64, bins: usize) -> Vec<f64> {
    let logarithmic = least > 0.0 && most / least > LOGARITHMIC;
    (0..=bins)
        .map(|edge| {
            let share = edge as f64 / bins as f64;
            match edge {
                0 => least,
                _ if edge == bins => most,
                _ if logarithmic => least * (most / least).powf(share),
                _ => least + (most - least) * share,
            }
        })
        .collect()
}

/// A bar in eighths of a character, padded to the full width; anything above zero shows.
fn bar(count: usize, most: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (count as f64 / most as f64 * (WIDTH * 8) as f64).round() as usize;
    let eighths = eighths.max(usize::from(count > 0));
    let mut bar = "█".repeat(eighths / 8);
    if eighths % 8 > 0 {
        bar.push(EIGHTHS[eighths % 8]);
    }
    let missing = WIDTH.saturating_sub(bar.chars().count());
    bar.push_str(&" ".repeat(missing));
    bar
}

/// Values as a row of blocks, on a logarithmic scale: a first inference is often many times slower than the rest.
pub(super) fn sparkline(values: &[f64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    // Differences below a tenth are no warm-up, and should look flat.
    const FLAT: f64 = 1.1;
    let logs: Vec<f64> = values.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).collect();
    let least = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = (most - least).max(FLAT.ln());
    logs.iter()
        .map(|value| {
            let level = ((value - least) / span * (LEVELS.len() - 1) as f64).round() as usize;
            LEVELS[level.min(LEVELS.len() - 1)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_left_out() {
        assert_eq!(Histogram::of(&[]), None);
        let one = Histogram::of(&[2.0, 2.0]).unwrap();
        assert_eq!(one.counts, [2]);
        assert_eq!(one.lines(&[("p50", 2.0)]).len(), 1);
        let mut skewed: Vec<f64> = (0..1000).map(|index| 1.0 + f64::from(index) / 1e4).collect();
        skewed.push(50.0);
        let histogram = Histogram::of(&skewed).unwrap();
        assert!(histogram.last_is_open);
        assert_eq!(histogram.counts.last(), Some(&1));
        assert_eq!(histogram.edges_ms.last(), Some(&50.0));
        assert!(
            histogram.counts[0] < 200,
            "one hiccup does not squeeze the rest: {histogram:?}"
        );
    }

    #[test]
    fn wide_spreads_are_drawn_by_factors() {
        let values: Vec<f64> = (0..100).map(|index| 1.1_f64.powi(index)).collect();
        let edges = Histogram::of(&values).unwrap().edges_ms;
        let first = edges[1] / edges[0];
        let second = edges[2] / edges[1];
        assert!((first / second - 1.0).abs() < 1e-9, "{edges:?}");
    }

    #[test]
    fn bars_carry_their_marks() {
        let values = [1.0, 1.0, 1.0, 1.0, 1.5, 2.0];
        let lines = Histogram::of(&values).unwrap().lines(&[("p50", 1.0), ("p95", 1.9)]);
        insta::assert_snapshot!(lines.join("\n"), @"
        1.00 ms │████████████████████████████████████████ 4  ← p50
        1.07 ms │                                         0
        1.14 ms │                                         0
        1.21 ms │                                         0
        1.29 ms │                                         0
        1.36 ms │                                         0
        1.43 ms │                                         0
        1.50 ms │██████████                               1
        1.57 ms │                                         0
        1.64 ms │                                         0
        1.71 ms │                                         0
        1.79 ms │                                         0
        1.86 ms │                                         0  ← p95
        1.93 ms │██████████                               1
        ");
    }

    #[test]
    fn a_warm_up_is_a_falling_line() {
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[10.0, 3.0, 1.0, 1.0]), "█▄▁▁");
        assert_eq!(sparkline(&[1.0, 1.01, 1.0]), "▁▂▁");
        assert_eq!(sparkline(&[1.0, 0.0]).chars().count(), 2);
    }

    proptest! {
        #[test]
        fn every_latency_is_counted_once(values in prop::collection::vec(1e-4..1e4_f64, 1..300)) {
            let histogram = Histogram::of(&values).unwrap();
            prop_assert_eq!(histogram.counts.iter().sum::<usize>(), values.len());
            prop_assert_eq!(histogram.edges_ms.len(), histogram.counts.len() + 1);
            prop_assert!(histogram.edges_ms.windows(2).all(|pair| pair[0] <= pair[1]));
            for (count, line) in histogram.counts.iter().zip(histogram.lines(&[])) {
                prop_assert_eq!(*count > 0, line.contains(['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉']));
            }
        }
    }
}
