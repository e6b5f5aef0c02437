//! What the Markdown templates show: a report turned into texts, at one of several depths. Nothing here is escaped yet.

use std::cmp::Reverse;

use serde::Serialize;

use crate::report::Context;
use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::figures;
use crate::report::folds;
use crate::report::headline;
use crate::report::headline::Headline;
use crate::report::operators;
use crate::verdict::Comparison;
use crate::verdict::Metric;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// Where readers learn what each verdict means.
const GLOSSARY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/docs/glossary.md");

/// Lists that a person reads are never longer than this.
const MOST_ENTRIES: usize = 10;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All there is.
    Full,
    /// All rows, and every figure only of what did not pass.
    FiguresOfFailures,
    /// The worst rows, no figures in folds.
    Rows(usize),
    /// The headline and how many of each.
    Totals,
}

/// Everything that the templates name.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    headline: Headline,
    subject: Subject,
    totals: Option<String>,
    columns: Vec<&'static str>,
    rows: Vec<Row>,
    rows_left_out: usize,
    operators: Vec<operators::Explained>,
    advice: Vec<Advice>,
    advice_left_out: usize,
    config_changes: Entries,
    config_path: String,
    notices: Entries,
    drift: Entries,
    figures: Vec<folds::Figures>,
    variants: Vec<folds::Gain>,
    environment: Vec<(&'static str, String)>,
    reproduce: Vec<String>,
    shortened: bool,
    footer: Vec<String>,
    glossary: &'static str,
}

/// What was compared with what, and links.
#[derive(Debug, Serialize)]
struct Subject {
    head: Option<Commit>,
    base: Option<Commit>,
    baseline: String,
    side_by_side: bool,
    check_url: Option<String>,
    report_url: Option<String>,
}

/// A commit, linked where the forge is known.
#[derive(Debug, Serialize)]
struct Commit {
    short: String,
    address: String,
}

/// A list cut to what a person reads.
#[derive(Debug, Serialize)]
struct Entries {
    shown: Vec<String>,
    left_out: usize,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    icon: &'static str,
    word: String,
    model: String,
    target: Option<String>,
    variants: Vec<String>,
    cells: Vec<Vec<Part>>,
}

/// One metric in a cell.
#[derive(Debug, Default, Serialize)]
struct Part {
    /// `cosine`, where a cell holds more than one metric.
    label: Option<&'static str>,
    values: Option<String>,
    change: Option<String>,
    interval: Option<String>,
    over: Option<String>,
    /// A sentence instead of figures.
    reason: Option<String>,
    worse: bool,
}

/// Why, and what to do.
#[derive(Debug, PartialEq, Serialize)]
struct Advice {
    names: Vec<String>,
    names_left_out: usize,
    reasons: Vec<String>,
    hints: Vec<String>,
}

impl View {
    /// What `report` shows at `depth`.
    pub(crate) fn of(report: &Report, depth: Depth) -> Self {
        let headline = headline::of(report);
        let columns = columns(report);
        let mut rows = rows(report, &columns);
        let mut advice = advice(report, &headline.sentence);
        let (most_rows, most_advice) = match depth {
            Depth::Full | Depth::FiguresOfFailures => (rows.len(), advice.len()),
            Depth::Rows(most) => (most, most),
            Depth::Totals => (0, 0),
        };
        let rows_left_out = rows.len().saturating_sub(most_rows);
        let advice_left_out = advice.len().saturating_sub(most_advice);
        rows.truncate(most_rows);
        advice.truncate(most_advice);
        let mut explained = operators::explained(report);
        explained.truncate(match depth {
            Depth::Full | Depth::FiguresOfFailures => MOST_ENTRIES,
            Depth::Rows(most) => most.min(MOST_ENTRIES),
            Depth::Totals => 0,
        });
        let folded = matches!(depth, Depth::Full | Depth::FiguresOfFailures);
        let entries = |list: &[String]| Entries::of(list, if depth == Depth::Totals { 1 } else { MOST_ENTRIES });
        let mut notices = report.notices.clone();
        notices.retain(|notice| !headline.sentence.contains(&headline::brief(notice)));
        notices.extend(headline::policy(report));
        let shows_target = columns.contains(&"target");
        Self {
            subject: Subject::of(report),
            totals: totals(report),
            columns: if rows.is_empty() { Vec::new() } else { columns },
            rows,
            rows_left_out,
            operators: explained,
            advice,
            advice_left_out,
            config_changes: entries(&report.config_changes),
            config_path: report.context.config_path.clone(),
            notices: entries(&notices),
            drift: entries(&report.drift),
            figures: match depth {
                Depth::Full => folds::figures(report, |_| true),
                Depth::FiguresOfFailures => folds::figures(report, |verdict| verdict > Verdict::NoBaseline),
                Depth::Rows(_) | Depth::Totals => Vec::new(),
            },
            variants: if folded {
                folds::gains(report, shows_target)
            } else {
                Vec::new()
            },
            environment: if folded { folds::environment(report) } else { Vec::new() },
            reproduce: if depth == Depth::Totals {
                Vec::new()
            } else {
                report.context.reproduce.clone()
            },
            shortened: depth != Depth::Full,
            footer: footer(report),
            glossary: GLOSSARY,
            headline,
        }
    }
}

impl Entries {
    fn of(list: &[String], most: usize) -> Self {
        Self {
            shown: list.iter().take(most).cloned().collect(),
            left_out: list.len().saturating_sub(most),
        }
    }
}

impl Subject {
    fn of(report: &Report) -> Self {
        let context = &report.context;
        let both = |detail: &Detail| detail.baseline.is_some() && detail.latency.is_some();
        Self {
            head: Commit::of(context, context.head_commit.as_deref()),
            base: Commit::of(context, context.base_commit.as_deref()),
            baseline: context.baseline_label.clone(),
            side_by_side: report.comparisons.iter().any(both),
            check_url: on_forge(context, context.check_url.as_deref()),
            report_url: on_forge(context, context.report_url.as_deref()),
        }
    }
}

/// The address, where it is one of the forge itself.
fn on_forge(context: &Context, address: Option<&str>) -> Option<String> {
    let path = address?.strip_prefix(context.server_url.as_deref()?)?;
    path.starts_with('/').then(|| address.map(str::to_owned))?
}

impl Commit {
    fn of(context: &Context, commit: Option<&str>) -> Option<Self> {
        let commit = clean::line(commit?, clean::NAME_LENGTH);
        let hexadecimal = commit.chars().all(|digit| digit.is_ascii_hexdigit());
        let address = match (&context.server_url, &context.repository) {
            (Some(server), Some(repository)) if hexadecimal => format!("{server}/{repository}/commit/{commit}"),
            _ => String::new(),
        };
        let short = if hexadecimal {
            commit.chars().take(7).collect()
        } else {
            commit
        };
        Some(Self { short, address })
    }
}

/// `1 regression, 3 pass`, worst first; nothing where there is only one.
pub(crate) fn totals(report: &Report) -> Option<String> {
    let mut verdicts: Vec<Verdict> = report
        .comparisons
        .iter()
        .map(|detail| detail.comparison.verdict)
        .collect();
    if verdicts.len() < 2 {
        return None;
    }
    verdicts.sort_unstable_by(|a, b| b.cmp(a));
    let counted = verdicts
        .chunk_by(|a, b| a == b)
        .map(|group| format!("{} {}", group.len(), headline::word(group[0])));
    Some(counted.collect::<Vec<_>>().join(", "))
}

/// The columns after the verdict: those that tell something in this report.
fn columns(report: &Report) -> Vec<&'static str> {
    let mut columns = vec!["model"];
    let mut targets: Vec<&str> = report
        .comparisons
        .iter()
        .map(|detail| detail.comparison.key.target.as_str())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    if targets.len() > 1 {
        columns.push("target");
    }
    columns.push("variant");
    columns.extend(metric_columns(report).into_iter().map(Metric::word));
    columns.push("outputs");
    columns
}

/// Metrics with a column of their own: the main ones, and what the config gates besides.
fn metric_columns(report: &Report) -> Vec<Metric> {
    let gated = |wanted| {
        let mut metrics = report
            .comparisons
            .iter()
            .filter_map(|detail| detail.comparison.metric(wanted));
        metrics.any(|metric| metric.gated)
    };
    Metric::ALL
        .into_iter()
        .filter(|metric| *metric < Metric::Cosine)
        .filter(|metric| matches!(metric, Metric::LatencyP50 | Metric::Size | Metric::PeakMemory) || gated(*metric))
        .collect()
}

/// All rows, worst first; skipped variants of one model share a row.
fn rows(report: &Report, columns: &[&str]) -> Vec<Row> {
    let mut details: Vec<&Detail> = report.comparisons.iter().collect();
    details.sort_by_key(|detail| Reverse(detail.comparison.verdict));
    let alike = |a: &Detail, b: &Detail| {
        let (a, b) = (&a.comparison, &b.comparison);
        let skipped = a.verdict == Verdict::Skipped && b.verdict == Verdict::Skipped;
        let figures = a
            .metrics
            .iter()
            .chain(&b.metrics)
            .any(|metric| metric.candidate.is_some());
        skipped && !figures && a.key.model == b.key.model && a.key.target == b.key.target && a.reason == b.reason
    };
    let metrics = metric_columns(report);
    details
        .chunk_by(|a, b| alike(a, b))
        .map(|group| row(group, columns, &metrics))
        .collect()
}

fn row(group: &[&Detail], columns: &[&str], metrics: &[Metric]) -> Row {
    let comparison = &group[0].comparison;
    let mut cells: Vec<Vec<Part>> = metrics.iter().map(|metric| parts(comparison.metric(*metric))).collect();
    cells.push(outputs(group[0]));
    if cells.iter().all(Vec::is_empty) {
        cells[0].push(Part {
            reason: no_figures(comparison),
            ..Part::default()
        });
    }
    Row {
        icon: headline::icon(comparison.verdict),
        word: headline::word(comparison.verdict),
        model: comparison.key.model.clone(),
        target: columns.contains(&"target").then(|| comparison.key.target.clone()),
        variants: group
            .iter()
            .map(|detail| detail.comparison.key.variant_label())
            .collect(),
        cells,
    }
}

/// Why a row has no figures; what failed is told in full elsewhere.
fn no_figures(comparison: &Comparison) -> Option<String> {
    match (comparison.verdict, &comparison.reason) {
        (Verdict::Error, _) => Some("no figures".to_owned()),
        (_, Some(reason)) => Some(clean::sentence(reason, 120)),
        (_, None) => None,
    }
}

fn parts(metric: Option<&MetricComparison>) -> Vec<Part> {
    metric.and_then(|metric| part(metric, None)).into_iter().collect()
}

fn part(metric: &MetricComparison, label: Option<&'static str>) -> Option<Part> {
    let over = metric.budget.filter(|_| figures::over_budget(metric));
    Some(Part {
        label,
        values: Some(figures::values(metric)?),
        change: figures::change(metric),
        interval: metric.change.as_ref().and_then(figures::interval),
        over: over.map(|budget| figures::value(metric.metric, budget)),
        reason: None,
        worse: metric.gated && matches!(metric.verdict, Verdict::Regression | Verdict::Error),
    })
}

/// Labelled accuracy where there is one, cosine and agreement where they count or there are no labels.
fn outputs(detail: &Detail) -> Vec<Part> {
    let labelled = detail.comparison.metric(Metric::Top1Accuracy);
    let tells = |metric: &&MetricComparison| metric.gated || labelled.is_none();
    let of = |wanted, label| {
        detail
            .comparison
            .metric(wanted)
            .filter(tells)
            .and_then(|metric| part(metric, Some(label)))
    };
    [
        labelled.and_then(|metric| part(metric, Some("top-1"))),
        of(Metric::Top1Agreement, "same top-1"),
        of(Metric::Cosine, "cosine"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Why and what to do, worst first, once for all comparisons of which the same is said.
fn advice(report: &Report, said: &str) -> Vec<Advice> {
    let mut details: Vec<&Detail> = report.comparisons.iter().collect();
    details.sort_by_key(|detail| Reverse(detail.comparison.verdict));
    let mut list: Vec<Advice> = Vec::new();
    for detail in details
        .into_iter()
        .filter(|detail| detail.comparison.verdict >= Verdict::NoBaseline)
    {
        let mut entry = advice_on(report, detail);
        // The headline has said it already.
        entry.reasons.retain(|reason| !said.contains(&headline::brief(reason)));
        let name = headline::name(report, &detail.comparison.key);
        match list
            .iter_mut()
            .find(|other| other.reasons == entry.reasons && other.hints == entry.hints)
        {
            Some(same) if same.names.len() < MOST_ENTRIES => same.names.push(name),
            Some(same) => same.names_left_out += 1,
            None => {
                entry.names.push(name);
                list.push(entry);
            }
        }
    }
    list.retain(|entry| !entry.reasons.is_empty() || !entry.hints.is_empty());
    list
}

fn advice_on(report: &Report, detail: &Detail) -> Advice {
    let comparison = &detail.comparison;
    let of_metrics = comparison
        .metrics
        .iter()
        .filter(|metric| metric.gated && metric.verdict == comparison.verdict)
        .filter_map(|metric| Some(format!("{}: {}", metric.metric.word(), metric.reason.as_ref()?)));
    let mut reasons: Vec<String> = comparison.reason.iter().cloned().chain(of_metrics).collect();
    if comparison.verdict == Verdict::Inconclusive {
        reasons.extend(detail.disturbances.iter().chain(&detail.warnings).cloned());
    }
    reasons.dedup();
    reasons.truncate(MOST_ENTRIES);
    let mut hints: Vec<String> = comparison.hints.iter().take(MOST_ENTRIES).cloned().collect();
    if hints.is_empty() {
        hints.extend(default_hint(report, comparison.verdict));
    }
    Advice {
        names: Vec::new(),
        names_left_out: 0,
        reasons,
        hints,
    }
}

/// What to do where nothing more particular is known.
fn default_hint(report: &Report, verdict: Verdict) -> Option<String> {
    let config = clean::line(&report.context.config_path, clean::NAME_LENGTH).replace('`', "'");
    match verdict {
        Verdict::Regression => Some(format!(
            "if this is intended, {}raise the limit in `{config}` on the base branch first: a pull request is judged by the limits of its base",
            if report.context.answers_commands {
                "comment `/mlbuild accept` and why, or "
            } else {
                ""
            }
        )),
        Verdict::Inconclusive => {
            Some("run the job again on a quieter machine, or raise `measure.time_budget`".to_owned())
        }
        Verdict::Removed => Some(
            "merging accepts this: the next baseline is published without it; if it is a mistake, put it back"
                .to_owned(),
        ),
        Verdict::NoBaseline => Some(
            "nothing to do here: the next `mlbuild baseline refresh` on the base branch publishes its first".to_owned(),
        ),
        Verdict::Error | Verdict::Pass | Verdict::Improvement | Verdict::Skipped => None,
    }
}

fn footer(report: &Report) -> Vec<String> {
    let environment = &report.environment;
    let mut parts = vec![format!("mlbuild {}", report.tool_version)];
    if let Some(version) = &environment.runtime_version {
        parts.push(format!("{} {version}", environment.runtime));
    }
    if !environment.cpu_model.is_empty() {
        let cores = headline::counted(environment.cores_logical, "core");
        parts.push(format!("{}, {cores}", clean::line(&environment.cpu_model, 60)));
    }
    if let Some(floor) = environment.noise_floor_percent {
        parts.push(format!("tells ±{floor:.1} % apart"));
    }
    if let Some(detectable) = environment.detectable_percent {
        parts.push(format!("sees {detectable:.1} % beyond a limit"));
    }
    if report.context.answers_commands {
        parts.push("`/mlbuild help`".to_owned());
    }
    parts
}
