//! How a workspace stands, for `mlbuild status`.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Bound;
use crate::report::listing::Row;
use crate::report::listing::grid::pairs;
use crate::report::listing::short;
use crate::report::listing::table::name;
use crate::report::table::terminal;
use crate::units::Bytes;
use crate::units::Millis;
use crate::when;

/// How a workspace stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The version of this form.
    pub schema: u32,
    /// The machine's name.
    pub host: String,
    /// The workspace's folder; `None` where there is none with a registry.
    pub workspace: Option<String>,
    /// How much the registry holds; `None` where it cannot be read.
    pub counts: Option<Counts>,
    /// The newest build.
    pub last_build: Option<Row>,
    /// The newest measurement.
    pub last_benchmark: Option<Benchmark>,
    /// The build with the tag `mlbuild-baseline`.
    pub baseline: Option<Row>,
    /// The newest `validate` that ended.
    pub last_validate: Option<Validate>,
    /// The limits of the budget, in milliseconds and bytes.
    pub budget: Vec<Limit>,
    /// Runs of experiments that have not ended, the newest first.
    pub open_runs: Vec<Run>,
    /// Where builds are shared, sorted by name.
    pub remotes: Vec<Remote>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// How much a registry holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counts {
    /// Builds that are not removed.
    pub builds: u64,
    /// Builds that are removed and not purged.
    pub removed: u64,
    /// Measurements of builds that are not removed.
    pub benchmarks: u64,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    /// What was measured.
    pub build: String,
    /// What it is called.
    pub name: String,
    /// Where.
    pub target: String,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

/// A `validate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validate {
    /// When it began, ISO 8601 in UTC.
    pub started_at: String,
    /// How it ended.
    pub exit_code: i32,
    /// `passed`, `violated`, or `error`.
    pub result: &'static str,
}

/// A limit of the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    /// Of what.
    #[serde(serialize_with = "key")]
    pub constraint: Bound,
    /// Milliseconds or bytes.
    pub limit: f64,
}

/// A run of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The experiment's name.
    pub experiment: String,
    /// Its own name.
    pub name: Option<String>,
    /// Since when, ISO 8601 in UTC.
    pub started_at: String,
}

/// A remote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// `s3` or `local`.
    pub backend: String,
    /// The bucket or folder.
    pub place: String,
    /// It is meant where none is named.
    pub default: bool,
}

/// By the flag's name, as the budget's own JSON has it.
fn key<S: serde::Serializer>(bound: &Bound, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(bound.name())
}

/// For people.
pub fn text(standing: &Standing, now: Timestamp) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    match &standing.workspace {
        Some(folder) => rows.push(("workspace", terminal(folder))),
        None => rows.push(("workspace", "none yet".to_owned())),
    }
    if let Some(counts) = &standing.counts {
        let mut text = format!(
            "{}, {}",
            many(counts.builds, "build"),
            many(counts.benchmarks, "benchmark")
        );
        if counts.removed > 0 {
            text.push_str(&format!("; {} removed", counts.removed));
        }
        rows.push(("registry", text));
    }
    if let Some(build) = &standing.last_build {
        rows.push((
            "last build",
            format!("{}, {}", described(build), when::ago(&build.created_at, now)),
        ));
    }
    if let Some(benchmark) = &standing.last_benchmark {
        let p50 = benchmark
            .p50_ms
            .map_or_else(|| "not known".to_owned(), |p50| Millis(p50).to_string());
        rows.push((
            "last bench",
            format!(
                "{} p50 {p50}, {}",
                name(&benchmark.name),
                when::ago(&benchmark.created_at, now)
            ),
        ));
    }
    match &standing.baseline {
        Some(build) => {
            let p50 = build
                .p50_ms
                .map(|p50| format!(", p50 {}", Millis(p50)))
                .unwrap_or_default();
            rows.push(("baseline", format!("{}{p50}", described(build))));
        }
        None if standing.counts.is_some() => rows.push(("baseline", "none set".to_owned())),
        None => {}
    }
    if let Some(validate) = &standing.last_validate {
        rows.push((
            "last validate",
            format!("{}, {}", validate.result, when::ago(&validate.started_at, now)),
        ));
    }
    if standing.budget.is_empty() {
        rows.push(("budget", "nothing is limited".to_owned()));
    }
    for limit in &standing.budget {
        rows.push((
            "budget",
            format!(
                "{} at most {}",
                limit.constraint.name().trim_start_matches("max-"),
                limit.constraint.text(limit.limit)
            ),
        ));
    }
    for run in &standing.open_runs {
        let own = run
            .name
            .as_deref()
            .map(|own| format!(" {}", name(own)))
            .unwrap_or_default();
        rows.push((
            "open run",
            format!(
                "{}{own} of {}, {}",
                short(&run.id),
                name(&run.experiment),
                when::ago(&run.started_at, now)
            ),
        ));
    }
    for remote in &standing.remotes {
        let default = if remote.default { ", default" } else { "" };
        rows.push((
            "remote",
            format!(
                "{} ({} {}{default})",
                name(&remote.name),
                name(&remote.backend),
                terminal(&remote.place)
            ),
        ));
    }
    for problem in &standing.problems {
        rows.push(("problem", terminal(problem)));
    }
    // A name stands once, before the first of its rows.
    let mut last = "";
    for (name, _) in &mut rows {
        if *name == last {
            *name = "";
        } else {
            last = *name;
        }
    }
    format!("mlbuild on {}\n\n{}", terminal(&standing.host), pairs(&rows))
}

fn described(build: &Row) -> String {
    format!(
        "{} {} {} ({}, {})",
        short(&build.id),
        name(&build.name),
        name(&build.method),
        name(&build.format),
        Bytes(build.size_bytes)
    )
}

fn many(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
