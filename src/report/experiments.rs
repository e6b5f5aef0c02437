//! Experiments and their runs: for people and for programs.

use serde::Serialize;

use crate::report::clean;
use crate::report::desk;
use crate::report::desk::BuildRow;
use crate::report::desk::count;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// An experiment in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
    /// How many runs it has.
    pub runs: u64,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRow {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The experiment's name.
    pub experiment: String,
    /// Its own name.
    pub name: Option<String>,
    /// `running`, `completed`, `failed`, `cancelled`.
    pub status: String,
    /// When, ISO 8601 in UTC.
    pub started_at: String,
    /// When, ISO 8601 in UTC.
    pub ended_at: Option<String>,
}

/// A value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricRow {
    /// Its name.
    pub key: String,
    /// The value.
    pub value: f64,
    /// When, ISO 8601 in UTC.
    pub at: String,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParamRow {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Everything of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WholeRun {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run: RunRow,
    /// Its parameters, sorted.
    pub params: Vec<ParamRow>,
    /// Its metrics, sorted by name, then as they were logged.
    pub metrics: Vec<MetricRow>,
    /// The builds that came of it.
    pub builds: Vec<BuildRow>,
}

/// Everything of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WholeExperiment {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The experiment.
    pub experiment: ExperimentRow,
    /// Its runs, the newest first.
    pub runs: Vec<WholeRun>,
}

/// Experiments, one a line; of `total`.
pub fn experiments(rows: &[ExperimentRow], total: usize) -> String {
    if rows.is_empty() {
        return "no experiments; `mlbuild experiment create NAME` makes one\n".to_owned();
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                desk::short(&row.id).to_owned(),
                desk::name(&row.name),
                count(usize::try_from(row.runs).unwrap_or(usize::MAX), "run"),
                row.created_at.clone(),
                row.description
                    .as_deref()
                    .map(|text| clean::line(text, 60))
                    .unwrap_or_default(),
            ]
        })
        .collect();
    more(desk::table(&cells, &[2]), rows.len(), total)
}

/// Runs, one a line; of `total`.
pub fn runs(rows: &[RunRow], total: usize) -> String {
    if rows.is_empty() {
        return "no runs; `mlbuild run start --experiment NAME` begins one\n".to_owned();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(run_cells).collect();
    more(desk::table(&cells, &[]), rows.len(), total)
}

fn more(mut text: String, shown: usize, total: usize) -> String {
    if total > shown {
        text.push_str(&format!("  and {} more (`--limit`)\n", total - shown));
    }
    text
}

fn run_cells(row: &RunRow) -> Vec<String> {
    vec![
        desk::short(&row.id).to_owned(),
        desk::name(&row.experiment),
        row.name.as_deref().map_or_else(|| "–".to_owned(), desk::name),
        row.status.clone(),
        row.started_at.clone(),
        row.ended_at.clone().unwrap_or_default(),
    ]
}

/// One run whole.
pub fn run(run: &WholeRun) -> String {
    let row = &run.run;
    let name = row.name.as_deref().map(|name| format!(" {}", desk::name(name)));
    let mut text = format!(
        "run {}{} of {}: {}\n  {}{}\n",
        desk::short(&row.id),
        name.unwrap_or_default(),
        desk::name(&row.experiment),
        row.status,
        row.started_at,
        row.ended_at
            .as_ref()
            .map(|ended| format!(" to {ended}"))
            .unwrap_or_default()
    );
    let params: Vec<Vec<String>> = run
        .params
        .iter()
        .map(|param| vec![desk::name(&param.key), clean::line(&param.value, 80)])
        .collect();
    section(&mut text, "Parameters", &desk::table(&params, &[]));
    let metrics: Vec<Vec<String>> = run
        .metrics
        .iter()
        .map(|metric| vec![desk::name(&metric.key), metric.value.to_string(), metric.at.clone()])
        .collect();
    section(&mut text, "Metrics", &desk::table(&metrics, &[1]));
    section(
        &mut text,
        "Builds",
        &desk::builds(&run.builds, |_| String::new(), run.builds.len()),
    );
    text
}

fn section(text: &mut String, title: &str, body: &str) {
    text.push_str(&format!("\n{title}\n"));
    text.push_str(if body.is_empty() { "  no records\n" } else { body });
}

/// One experiment with its runs.
pub fn experiment(whole: &WholeExperiment) -> String {
    let row = &whole.experiment;
    let mut text = format!(
        "experiment {} {}\n  since {}\n",
        desk::short(&row.id),
        desk::name(&row.name),
        row.created_at
    );
    if let Some(description) = &row.description {
        text.push_str(&format!("  {}\n", clean::sentence(description, clean::PROSE_LENGTH)));
    }
    if whole.runs.is_empty() {
        text.push_str("\nno runs yet\n");
    }
    for run in &whole.runs {
        text.push('\n');
        text.push_str(&self::run(run));
    }
    text
}
