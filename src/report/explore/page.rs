//! A sweep as one HTML page: the plot in inline SVG, each figure in a table too, no script, nothing from any network.

use std::time::Duration;

use serde::Serialize;

use crate::config::Target;
use crate::report::clean;
use crate::report::explore::plot;
use crate::report::explore::types::Explored;
use crate::report::explore::types::OptionRow;
use crate::report::explore::types::Row;
use crate::report::explore::types::Speed;
use crate::report::explore::types::Verdict;
use crate::report::explore::words;
use crate::report::page;
use crate::report::page::PageError;
use crate::report::scatter;
use crate::units::Millis;
use crate::units::Span;

/// The page, whole.
pub fn render(explored: &Explored) -> Result<String, PageError> {
    page::render("explore.html", &Page::of(explored))
}

/// Everything that the template names.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    subtitle: String,
    machine: String,
    generated_at: String,
    version: &'static str,
    interrupted: bool,
    notices: Vec<String>,
    cards: Vec<Card>,
    plot: Option<String>,
    small_plot: Option<String>,
    baseline: String,
    threshold: String,
    front: String,
    variants: Vec<VariantRow>,
    left_out: Vec<(String, String)>,
    options: Vec<SettingRow>,
    facts: Vec<(&'static str, String)>,
    commands: Vec<String>,
}

/// One figure that matters.
#[derive(Debug, Serialize)]
struct Card {
    name: String,
    value: String,
    note: String,
}

/// One row of the table of variants.
#[derive(Debug, Serialize)]
struct VariantRow {
    class: &'static str,
    sign: &'static str,
    verdict: &'static str,
    name: String,
    build: String,
    size: String,
    size_change: String,
    p50: String,
    speed: String,
    interval: String,
    memory: String,
    memory_change: String,
    cosine: String,
    is_inaccurate: bool,
    top1: String,
    score: String,
    on_front: bool,
    reason: String,
    details: Vec<String>,
}

/// One row of the table of settings.
#[derive(Debug, Serialize)]
struct SettingRow {
    name: String,
    setting: String,
    class: &'static str,
    p50: String,
    speed: String,
    interval: String,
    memory: String,
    memory_change: String,
    reason: String,
}

impl Page {
    fn of(explored: &Explored) -> Self {
        let name = |text: &str| clean::line(text, clean::NAME_LENGTH);
        let asked = &explored.asked;
        let baseline = name(explored.baseline().map_or("fp32", |row| row.recipe.as_str()));
        Self {
            title: name(&explored.model.name),
            subtitle: format!(
                "{} variants on {} {}, {}, measured in pairs with {baseline} in {}",
                explored.variants.len().saturating_sub(1),
                explored.target,
                explored.runtime_version,
                plural(asked.threads, "thread"),
                Span(Duration::try_from_secs_f64(explored.seconds).unwrap_or_default())
            ),
            machine: clean::line(&explored.machine.describe(), clean::PROSE_LENGTH),
            generated_at: name(&explored.measured_at),
            version: crate::VERSION,
            interrupted: explored.interrupted,
            notices: explored
                .warnings
                .iter()
                .map(|warning| clean::sentence(warning, clean::PROSE_LENGTH))
                .collect(),
            cards: cards(explored),
            plot: plot::draw(explored, scatter::DESK),
            small_plot: plot::draw(explored, scatter::HAND),
            baseline: baseline.clone(),
            threshold: asked.cosine_threshold.to_string(),
            front: explored
                .front
                .iter()
                .map(|row| name(row))
                .collect::<Vec<_>>()
                .join(", "),
            variants: explored.variants.iter().map(|row| variant(row, explored)).collect(),
            left_out: explored
                .left_out
                .iter()
                .map(|left| (name(&left.recipe), clean::sentence(&left.reason, clean::PROSE_LENGTH)))
                .collect(),
            options: explored.options.iter().map(setting).collect(),
            facts: facts(explored),
            commands: commands(explored),
        }
    }
}

fn cards(explored: &Explored) -> Vec<Card> {
    let mut cards = Vec::new();
    if let Some(row) = explored.baseline() {
        cards.push(Card {
            name: format!("{} {}", row.verdict.sign(), row.verdict.word()),
            value: clean::line(&row.recipe, clean::NAME_LENGTH),
            note: [
                row.latency.as_ref().map(|latency| Millis(latency.p50_ms).to_string()),
                Some(words::size(row)),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
        });
    }
    for verdict in [Verdict::Recommended, Verdict::Aggressive] {
        if let Some(row) = explored.with(verdict) {
            let notes = [
                row.latency.as_ref().map(|latency| words::speedup(&latency.ratio)),
                words::size_change(row).map(|change| format!("size {change}")),
                row.accuracy
                    .as_ref()
                    .map(|accuracy| format!("cosine {:.4}", accuracy.cosine)),
            ];
            cards.push(Card {
                name: format!("{} {}", verdict.sign(), verdict.word()),
                value: clean::line(&row.recipe, clean::NAME_LENGTH),
                note: notes.into_iter().flatten().collect::<Vec<_>>().join(", "),
            });
        }
    }
    if explored.with(Verdict::Recommended).is_none() {
        cards.push(Card {
            name: format!("{} {}", Verdict::Recommended.sign(), Verdict::Recommended.word()),
            value: "nothing".to_owned(),
            note: "no variant is accurate, not slower, and a gain beyond noise".to_owned(),
        });
    }
    let faster = explored
        .options
        .iter()
        .filter(|row| row.speed == Some(Speed::Faster))
        .filter_map(|row| Some((row, row.latency.as_ref()?)))
        .min_by(|one, other| one.1.ratio.value.total_cmp(&other.1.ratio.value));
    if let Some((row, latency)) = faster {
        cards.push(Card {
            name: "best setting".to_owned(),
            value: clean::line(&row.setting, clean::NAME_LENGTH),
            note: format!(
                "{} for {}",
                words::speedup(&latency.ratio),
                clean::line(&row.recipe, clean::NAME_LENGTH)
            ),
        });
    }
    cards
}

fn variant(row: &Row, explored: &Explored) -> VariantRow {
    let compared = row.latency.as_ref().filter(|_| row.verdict != Verdict::Baseline);
    let threshold = explored.asked.cosine_threshold;
    let cosine = row.accuracy.as_ref().map(|accuracy| accuracy.cosine);
    VariantRow {
        class: class(row.verdict),
        sign: row.verdict.sign(),
        verdict: row.verdict.word(),
        name: clean::line(&row.recipe, clean::NAME_LENGTH),
        build: row
            .build_id
            .as_deref()
            .map(|id| clean::cut(id, 9).trim_end_matches('…').to_owned())
            .unwrap_or_default(),
        size: words::size(row),
        size_change: words::size_change(row).unwrap_or_default(),
        p50: row.latency.as_ref().map_or_else(
            || words::UNKNOWN.to_owned(),
            |latency| Millis(latency.p50_ms).to_string(),
        ),
        speed: compared.map_or_else(String::new, |latency| words::speedup(&latency.ratio)),
        interval: compared.map_or_else(String::new, |latency| words::plus_minus(&latency.ratio)),
        memory: words::memory(row.memory.as_ref()),
        memory_change: words::memory_change(row.memory.as_ref()).unwrap_or_default(),
        cosine: words::cosine(row.accuracy.as_ref()),
        is_inaccurate: cosine.is_some_and(|cosine| cosine.is_nan() || cosine < threshold),
        top1: words::top1(row.accuracy.as_ref()),
        score: row
            .score
            .map_or_else(|| words::UNKNOWN.to_owned(), |score| format!("{score:.2}")),
        on_front: row.on_front,
        reason: clean::sentence(row.reason.as_deref().unwrap_or_default(), clean::PROSE_LENGTH),
        details: details(row),
    }
}

/// What else is known of a variant, one sentence fragment each.
fn details(row: &Row) -> Vec<String> {
    let mut details = Vec::new();
    if let (Some(changed), Some(left)) = (row.changed, row.left) {
        let mut text = format!("{changed} changed");
        if left > 0 {
            text += &format!(", {left} left as they are");
            if let Some(reason) = &row.left_because {
                text += &format!(", most of them because: {reason}");
            }
        }
        details.push(text);
    }
    if let Some(accuracy) = &row.accuracy {
        details.push(format!(
            "lowest cosine {:.4} of {} samples, largest error {:.3e}",
            accuracy.lowest_cosine, accuracy.samples, accuracy.max_abs_error
        ));
    }
    if let Some(latency) = row.latency.as_ref().filter(|_| row.verdict != Verdict::Baseline) {
        details.push(format!(
            "{} of pairs, beside {}",
            plural(latency.restarts, "restart"),
            Millis(latency.beside_p50_ms)
        ));
    }
    details.extend(row.notes.iter().cloned());
    details.extend(row.hints.iter().map(|hint| format!("hint: {hint}")));
    if row.reused {
        details.push("measured by an earlier run with the same settings on this machine".to_owned());
    }
    details
        .into_iter()
        .map(|text| clean::sentence(&text, clean::PROSE_LENGTH))
        .collect()
}

fn setting(row: &OptionRow) -> SettingRow {
    let latency = row.latency.as_ref();
    SettingRow {
        name: clean::line(&row.recipe, clean::NAME_LENGTH),
        setting: clean::line(&row.setting, clean::NAME_LENGTH),
        class: match row.speed {
            Some(Speed::Faster) => "recommended",
            Some(Speed::Slower) => "failed",
            Some(Speed::Same) | None => "skip",
        },
        p50: latency.map_or_else(
            || words::UNKNOWN.to_owned(),
            |latency| Millis(latency.p50_ms).to_string(),
        ),
        speed: latency.map_or_else(String::new, |latency| words::speedup(&latency.ratio)),
        interval: latency.map_or_else(String::new, |latency| words::plus_minus(&latency.ratio)),
        memory: words::memory(row.memory.as_ref()),
        memory_change: words::memory_change(row.memory.as_ref()).unwrap_or_default(),
        reason: clean::sentence(row.reason.as_deref().unwrap_or_default(), clean::PROSE_LENGTH),
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Baseline => "baseline",
        Verdict::Recommended => "recommended",
        Verdict::Aggressive => "aggressive",
        Verdict::Skip => "skip",
        Verdict::Failed => "failed",
    }
}

fn facts(explored: &Explored) -> Vec<(&'static str, String)> {
    let asked = &explored.asked;
    let inputs: Vec<String> = explored
        .model
        .inputs
        .iter()
        .map(|(name, shape)| {
            let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
            format!("{name} [{}]", shape.join(", "))
        })
        .collect();
    let samples = format!(
        "{} {}",
        asked.accuracy_samples,
        if asked.real_samples {
            "real samples"
        } else {
            "made-up inputs"
        }
    );
    let mut facts = vec![
        ("model", explored.model.digest.clone()),
        ("inputs", inputs.join(", ")),
        (
            "engine",
            format!(
                "{} {} as {}",
                engine(&explored.target),
                explored.runtime_version,
                explored.target
            ),
        ),
        (
            "settings",
            format!(
                "{}, graph level {}, arena {}",
                plural(asked.options.threads, "thread"),
                asked.options.graph_optimization,
                if asked.options.arena { "on" } else { "off" }
            ),
        ),
        ("machine", explored.machine.describe()),
        ("accuracy", format!("{samples}, seed {}", asked.seed)),
        (
            "budget",
            Span(Duration::try_from_secs_f64(asked.budget_seconds).unwrap_or_default()).to_string(),
        ),
        ("mlbuild", explored.tool_version.clone()),
        ("measured", explored.measured_at.clone()),
    ];
    facts.extend(asked.calibration.clone().map(|path| ("calibration", path)));
    facts
        .into_iter()
        .map(|(name, text)| (name, clean::line(&text, clean::PROSE_LENGTH)))
        .collect()
}

/// How to do it again, and how to have the recommended variant.
fn commands(explored: &Explored) -> Vec<String> {
    let asked = &explored.asked;
    let mut command = format!("mlbuild explore {}", words::quoted(&explored.model.reference));
    if asked.fast {
        command += " --fast";
    }
    if !asked.recipes.is_empty() {
        command += &format!(" --recipes {}", words::quoted(&asked.recipes.join(",")));
    }
    if asked.check_accuracy {
        command += " --check-accuracy";
    }
    command += &format!(
        " --cosine-threshold {} --threads {}",
        asked.cosine_threshold, asked.threads
    );
    if let Some(path) = &asked.calibration {
        command += &format!(" --calibration-data {}", words::quoted(path));
    }
    command += " --fresh";
    std::iter::once(command)
        .chain(words::keep(explored))
        .map(|command| clean::line(&command, clean::PROSE_LENGTH))
        .collect()
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// What executes models on a target.
fn engine(target: &str) -> String {
    Target::parse(target).map_or_else(|| "the engine".to_owned(), |target| target.engine().to_string())
}
