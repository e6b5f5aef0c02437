//! The page's tables and sentences: figures with their units, cleaned and not yet escaped.

use serde::Serialize;

use super::palette::Palette;
use super::roofline::round;
use super::scope::Place;
use crate::measure::profile::Bound;
use crate::measure::profile::Fate;
use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::measure::sensitivity::Sensitivity;
use crate::report::clean;
use crate::report::headline::counted;
use crate::units::Bytes;
use crate::units::Millis;

/// Kernels in the chart of the slowest.
const TOP: usize = 15;

/// Nodes that are listed in one cell.
const MOST_NODES: usize = 6;

/// At and above this many decibels the bar of a layer is full: 16-bit floats reach about as much.
const FULL_DECIBELS: f64 = 60.0;

/// A figure at the page's head.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    name: &'static str,
    value: String,
    note: String,
}

/// A part of the run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Share {
    time: String,
    percent: String,
    /// Of the widest bar, per cent.
    width: f64,
}

/// One operator.
#[derive(Debug, Serialize)]
pub(super) struct OperatorRow {
    class: String,
    name: String,
    kernels: usize,
    share: Share,
}

/// One kernel.
#[derive(Debug, Serialize)]
pub(super) struct KernelRow {
    class: String,
    name: String,
    place: String,
    operator: String,
    nodes: Vec<String>,
    nodes_left_out: usize,
    calls: u32,
    share: Share,
    rate: Option<String>,
    intensity: Option<String>,
    bound: Option<&'static str>,
    output: Option<String>,
}

/// What became of how many nodes.
#[derive(Debug, Serialize)]
pub(super) struct FateRow {
    word: &'static str,
    meaning: &'static str,
    count: usize,
    width: f64,
}

/// A fusion that was done.
#[derive(Debug, Serialize)]
pub(super) struct FusionRow {
    pattern: String,
    kernels: usize,
    time: String,
    seconds: f64,
    example: String,
}

/// A fusion that was not.
#[derive(Debug, Serialize)]
pub(super) struct MissedRow {
    pattern: String,
    kernels: Vec<String>,
    left_out: usize,
    time: String,
    reason: String,
}

/// How far a second build's layers are from the first one's.
#[derive(Debug, Serialize)]
pub(super) struct SensitivityTable {
    build: String,
    samples: String,
    note: String,
    drawing: Option<String>,
    layers: Vec<LayerRow>,
}

/// One tensor of both builds.
#[derive(Debug, Serialize)]
struct LayerRow {
    tensor: String,
    node: String,
    operator: String,
    matched: String,
    decibels: String,
    width: f64,
    cosine: String,
    max_abs_error: String,
}

impl Share {
    pub(super) fn of(seconds: f64, total: f64) -> Self {
        Self::against(seconds, total, total)
    }

    fn against(seconds: f64, total: f64, widest: f64) -> Self {
        let ratio = |whole: f64| if whole > 0.0 { seconds / whole * 100.0 } else { 0.0 };
        Self {
            time: Millis(seconds * 1e3).to_string(),
            percent: format!("{:.1} %", ratio(total)),
            width: (ratio(widest) * 100.0).round() / 100.0,
        }
    }
}

/// `214 kernels in 18.2 ms, onnxruntime 1.31.1, 1 thread`.
pub(super) fn subtitle(profile: &Profile) -> String {
    format!(
        "{}, onnxruntime {}, {}",
        counted(profile.kernels.len(), "kernel"),
        clean::line(&profile.runtime_version, 40),
        counted(profile.threads, "thread")
    )
}

/// Why the times of kernels are no latency.
pub(super) fn inflation(profile: &Profile) -> String {
    let inflation = profile.inflation();
    let slower = if inflation.is_finite() && inflation > 1.0 {
        format!(": here a run takes {inflation:.2} times as long as without")
    } else {
        String::new()
    };
    format!(
        "Times of kernels come from {} with profiling on, which slows small kernels most{slower}. \
         Read them as shares and as an order; for latency use `mlbuild benchmark`.",
        counted(profile.runs as usize, "run")
    )
}

/// The figures at the page's head.
pub(super) fn cards(profile: &Profile) -> Vec<Card> {
    let mut cards = vec![
        Card {
            name: "a steady run",
            value: Millis(profile.plain_seconds * 1e3).to_string(),
            note: format!("{} while profiled", Millis(profile.run_seconds * 1e3)),
        },
        Card {
            name: "kernels",
            value: profile.kernels.len().to_string(),
            note: match profile.nodes.len() {
                0 => String::new(),
                nodes => format!("from {}", counted(nodes, "node")),
            },
        },
    ];
    let slowest = profile
        .kernels
        .iter()
        .max_by(|one, other| one.seconds.total_cmp(&other.seconds));
    cards.extend(slowest.map(|kernel| Card {
        name: "the slowest kernel",
        value: format!("{:.0} %", kernel.share * 100.0),
        note: super::scope::shown_name(kernel),
    }));
    let flow = &profile.memory;
    cards.extend(flow.peak.and_then(|peak| flow.steps.get(peak)).map(|step| Card {
        name: "peak of activations",
        value: Bytes(step.live_bytes).to_string(),
        note: format!("beside {} of weights", Bytes(flow.weight_bytes)),
    }));
    let bound = |wanted: Bound| -> f64 {
        let kernels = profile.kernels.iter().filter(|kernel| kernel.bound == Some(wanted));
        kernels.map(|kernel| kernel.share).sum::<f64>() * 100.0
    };
    let (compute, memory) = (bound(Bound::Compute), bound(Bound::Memory));
    if compute + memory > 0.0 {
        cards.push(Card {
            name: "limited by arithmetic",
            value: format!("{compute:.0} %"),
            note: format!("{memory:.0} % by memory, of the run's time"),
        });
    }
    cards.push(Card {
        name: "the first inference",
        value: Millis(profile.cold.first_seconds * 1e3).to_string(),
        note: format!("after {} to make a session", Millis(profile.cold.session_seconds * 1e3)),
    });
    cards
}

/// Operators, the one with most time first.
pub(super) fn operators(profile: &Profile, palette: &Palette) -> Vec<OperatorRow> {
    let widest = palette.operators.first().map_or(0.0, |(_, seconds, _)| *seconds);
    palette
        .operators
        .iter()
        .map(|(name, seconds, kernels)| OperatorRow {
            class: palette.class_of(name),
            name: clean::line(name, clean::NAME_LENGTH),
            kernels: *kernels,
            share: Share::against(*seconds, profile.run_seconds, widest),
        })
        .collect()
}

/// The slowest kernels.
pub(super) fn top(profile: &Profile, places: &[Place], palette: &Palette) -> Vec<KernelRow> {
    let mut order: Vec<usize> = (0..profile.kernels.len()).collect();
    order.sort_by(|one, other| {
        profile.kernels[*other]
            .seconds
            .total_cmp(&profile.kernels[*one].seconds)
    });
    let widest = order.first().map_or(0.0, |index| profile.kernels[*index].seconds);
    order
        .into_iter()
        .take(TOP)
        .map(|index| row(profile, index, places, palette, widest))
        .collect()
}

/// All kernels, as they ran.
pub(super) fn kernels(profile: &Profile, places: &[Place], palette: &Palette) -> Vec<KernelRow> {
    (0..profile.kernels.len())
        .map(|index| row(profile, index, places, palette, profile.run_seconds))
        .collect()
}

fn row(profile: &Profile, index: usize, places: &[Place], palette: &Palette, widest: f64) -> KernelRow {
    let kernel = &profile.kernels[index];
    let operations = kernel
        .macs
        .map(|macs| 2.0 * macs as f64)
        .filter(|operations| *operations > 0.0);
    KernelRow {
        class: palette.class(kernel),
        name: super::scope::shown_name(kernel),
        place: places.get(index).map(|place| place.scope.join("/")).unwrap_or_default(),
        operator: clean::line(&kernel.op_type, clean::NAME_LENGTH),
        nodes: kernel
            .nodes
            .iter()
            .filter(|node| kernel.nodes.len() > 1 || **node != kernel.name)
            .take(MOST_NODES)
            .map(|node| clean::line(node, clean::NAME_LENGTH))
            .collect(),
        nodes_left_out: kernel.nodes.len().saturating_sub(MOST_NODES),
        calls: kernel.calls,
        share: Share::against(kernel.seconds, profile.run_seconds, widest),
        rate: operations
            .map(|operations| operations / kernel.seconds / 1e9)
            .filter(|rate| rate.is_finite())
            .map(round),
        intensity: operations
            .and_then(|operations| Some(operations / kernel.bytes? as f64))
            .filter(|intensity| intensity.is_finite())
            .map(round),
        bound: kernel.bound.map(Bound::word),
        output: kernel.output_bytes.map(|bytes| Bytes(bytes).to_string()),
    }
}

/// What the memory flow counts.
pub(super) fn memory_note(profile: &Profile) -> String {
    let flow = &profile.memory;
    let unknown = match flow.unknown_tensors {
        0 => String::new(),
        count => format!(
            " {} of unknown size count as nothing.",
            counted(count as usize, "tensor")
        ),
    };
    format!(
        "Activations that are needed by a kernel or a later one, dark what it writes. Weights ({}) and what the engine saves by \
         computing in place are not in it.{unknown}",
        Bytes(flow.weight_bytes)
    )
}

/// What the roofline shows, and how it was measured.
pub(super) fn roofline_note(profile: &Profile, shown: usize) -> String {
    let Some(roof) = &profile.roofline else {
        return "This machine's roof was not measured.".to_owned();
    };
    let left = profile.kernels.len().saturating_sub(shown);
    let missing = match left {
        0 => String::new(),
        left => format!(
            " {} whose work is not known or is no multiplication are not in it.",
            counted(left, "kernel")
        ),
    };
    format!(
        "Each circle is a kernel, its area its share of the run. Left of the corner moving data is the limit, right of it arithmetic; \
         the further below the roof, the more could be gained. The roof comes from {}.{missing}",
        clean::sentence(roof.method.trim_end_matches('.'), clean::PROSE_LENGTH)
    )
}

/// How the cold start was measured.
pub(super) fn cold_note(profile: &Profile) -> String {
    let cold = &profile.cold;
    let stable = match (cold.runs_to_stable, cold.stable_seconds) {
        (Some(runs), Some(seconds)) => format!(
            " Runs are steady after {}, {} after the process was started.",
            counted(runs as usize, "inference"),
            Millis(seconds * 1e3)
        ),
        _ => " Runs did not become steady.".to_owned(),
    };
    format!(
        "Medians over {}, without profiling.{stable}",
        counted(cold.processes as usize, "fresh process").replace("processs", "processes")
    )
}

/// What became of the model's nodes.
pub(super) fn fates(profile: &Profile) -> Vec<FateRow> {
    const FATES: [(Fate, &str, &str); 6] = [
        (Fate::Executed, "executed", "a kernel of its own"),
        (
            Fate::Fused,
            "fused",
            "computed together with others, or by another operator",
        ),
        (Fate::Folded, "folded", "a constant before the first run"),
        (Fate::Eliminated, "eliminated", "computes nothing that is needed"),
        (Fate::Skipped, "skipped", "did not run on these inputs"),
        (Fate::Untraced, "untraced", "could not be found again"),
    ];
    let total = profile.nodes.len().max(1) as f64;
    FATES
        .into_iter()
        .map(|(fate, word, meaning)| {
            let count = profile.nodes.iter().filter(|node| node.fate == fate).count();
            FateRow {
                word,
                meaning,
                count,
                width: (count as f64 / total * 1e4).round() / 100.0,
            }
        })
        .filter(|row| row.count > 0)
        .collect()
}

/// Fusions by pattern, the one with most time first.
pub(super) fn fusions(profile: &Profile, places: &[Place]) -> Vec<FusionRow> {
    let mut found: Vec<FusionRow> = Vec::new();
    for fusion in &profile.fusions {
        let Some(kernel) = profile.kernels.get(fusion.kernel) else {
            continue;
        };
        let pattern = clean::line(&fusion.pattern, clean::PROSE_LENGTH);
        match found.iter_mut().find(|row| row.pattern == pattern) {
            Some(row) => {
                row.kernels += 1;
                row.seconds += kernel.seconds;
            }
            None => found.push(FusionRow {
                pattern,
                kernels: 1,
                time: String::new(),
                seconds: kernel.seconds,
                example: name(kernel, places.get(fusion.kernel)),
            }),
        }
    }
    found.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    for row in &mut found {
        row.time = Millis(row.seconds * 1e3).to_string();
    }
    found
}

/// Fusions that were not done, the one that takes most time first.
pub(super) fn missed(profile: &Profile, places: &[Place]) -> Vec<MissedRow> {
    let mut missed: Vec<_> = profile.missed.iter().collect();
    missed.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    missed
        .into_iter()
        .map(|missed| MissedRow {
            pattern: clean::line(&missed.pattern, clean::PROSE_LENGTH),
            kernels: missed
                .kernels
                .iter()
                .take(MOST_NODES)
                .filter_map(|index| Some(name(profile.kernels.get(*index)?, places.get(*index))))
                .collect(),
            left_out: missed.kernels.len().saturating_sub(MOST_NODES),
            time: Millis(missed.seconds * 1e3).to_string(),
            reason: clean::sentence(&missed.reason, clean::PROSE_LENGTH),
        })
        .collect()
}

fn name(kernel: &Kernel, place: Option<&Place>) -> String {
    match place {
        Some(place) if kernel.name.is_empty() => place.leaf.clone(),
        _ => super::scope::shown_name(kernel),
    }
}

/// The layers of a second build, worst first.
pub(super) fn sensitivity(sensitivity: &Sensitivity, build: &str) -> SensitivityTable {
    let mut note = Vec::new();
    if sensitivity.unmatched > 0 {
        note.push(format!(
            "{} of the first build {} no counterpart",
            counted(sensitivity.unmatched, "tensor"),
            if sensitivity.unmatched == 1 { "has" } else { "have" }
        ));
    }
    if sensitivity.left_out > 0 {
        note.push(format!(
            "{} left out, as they are too many or too large",
            counted(sensitivity.left_out, "tensor")
        ));
    }
    SensitivityTable {
        build: clean::line(build, clean::NAME_LENGTH),
        samples: counted(sensitivity.samples, "sample"),
        note: note.join("; "),
        drawing: super::layers::draw(sensitivity),
        layers: sensitivity
            .layers
            .iter()
            .map(|layer| LayerRow {
                tensor: clean::line(&layer.tensor, clean::NAME_LENGTH),
                node: clean::line(&layer.node, clean::NAME_LENGTH),
                operator: clean::line(&layer.op_type, clean::NAME_LENGTH),
                matched: clean::line(&layer.matched, clean::NAME_LENGTH),
                decibels: layer.decibels(),
                width: layer
                    .sqnr_db
                    .map_or(100.0, |decibels| (decibels / FULL_DECIBELS).clamp(0.0, 1.0) * 100.0)
                    .round(),
                cosine: format!("{:.4}", layer.cosine),
                max_abs_error: format!("{:.3e}", layer.max_abs_error),
            })
            .collect(),
    }
}
