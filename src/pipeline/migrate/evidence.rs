//! What people and the tool noted about builds: tags, pins, benchmarks, checks, experiments, history.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::digest::Digest;
use crate::machine::Fingerprint;
use crate::registry::BASELINE;
use crate::registry::Check;
use crate::registry::Figures;
use crate::registry::HistoryEntry;
use crate::registry::HistoryFilter;
use crate::registry::Measurement;
use crate::registry::PINNED;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::RunMetric;
use crate::registry::RunStatus;

use super::Account;
use super::Fate;
use super::ORIGIN;
use super::error::MigrateError;
use super::instant;
use super::secrets;
use super::source::Source;

/// What they say of the runtime's version: nothing.
const UNKNOWN: &str = "unknown";

/// Brings everything that refers to builds over; the builds are there.
pub(super) fn bring(
    source: &Source,
    now: &str,
    registry: &mut Registry,
    account: &mut Account,
) -> Result<(), MigrateError> {
    tags(source, now, registry, account)?;
    benchmarks(source, registry, account)?;
    checks(source, registry, account)?;
    experiments(source, registry, account)?;
    runs(source, registry, account)?;
    history(source, registry, account)
}

/// The id, where that build is here.
fn here(registry: &Registry, id: &str) -> Result<Option<Digest>, MigrateError> {
    match id.parse::<Digest>() {
        Ok(id) if registry.has_build(&id)? => Ok(Some(id)),
        _ => Ok(None),
    }
}

fn tags(source: &Source, now: &str, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("tags", "tag", |row| {
        Some((row.text("tag")?, row.text("build_id")?, row.text("created_at")?))
    })?;
    let ours: BTreeMap<String, Digest> = registry
        .all_tags()?
        .into_iter()
        .map(|tag| (tag.name, tag.build))
        .collect();
    for (name, build, at) in rows {
        let kind = if name == PINNED { "pins" } else { "tags" };
        let Some(build) = here(registry, &build)? else {
            account.count(kind, Fate::LeftOut);
            account.say(format!("the tag `{name}` is of a build that is not there"));
            continue;
        };
        let at = if instant::read(&at).is_some() {
            instant::second(&at)
        } else {
            now.to_owned()
        };
        if name == PINNED {
            let new = registry.pin(&[build], &at)? > 0;
            account.count(kind, if new { Fate::Imported } else { Fate::Present });
            account.say("only the build that was pinned last is pinned: the Python tool can pin one".to_owned());
            continue;
        }
        let fate = match ours.get(&name) {
            Some(own) if *own == build => Fate::Present,
            Some(own) => {
                account.say(format!(
                    "the tag `{name}` stays with our build {}: it is theirs {} there",
                    own.short(),
                    build.short()
                ));
                Fate::LeftOut
            }
            None => match registry.tag(&name, &build, &at) {
                Ok(()) => Fate::Imported,
                Err(error @ RegistryError::BadTag { .. }) => {
                    account.say(format!("{error}; its build is {}", build.short()));
                    Fate::LeftOut
                }
                Err(error) => return Err(error.into()),
            },
        };
        if name == BASELINE && fate == Fate::Imported {
            account.say(format!(
                "`{BASELINE}` names their baseline {}; `mlbuild baseline refresh` makes one that is measured here",
                build.short()
            ));
        }
        account.count(kind, fate);
    }
    Ok(())
}

struct Benchmark {
    build: String,
    chip: String,
    runtime: String,
    unit: Option<String>,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    runs: i64,
    at: String,
}

fn benchmarks(source: &Source, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("benchmarks", "id", |row| {
        Some(Benchmark {
            build: row.text("build_id")?,
            chip: row.text("device_chip")?,
            runtime: row.text("runtime")?,
            unit: row.text("compute_unit"),
            p50: row.real("latency_p50_ms"),
            p95: row.real("latency_p95_ms"),
            p99: row.real("latency_p99_ms"),
            runs: row.integer("num_runs")?,
            at: row.text("measured_at")?,
        })
    })?;
    for row in rows {
        let Some(build) = here(registry, &row.build)? else {
            account.count("benchmarks", Fate::LeftOut);
            continue;
        };
        let created_at = instant::second(&row.at);
        let samples = json!({
            "kind": "imported", "version": 1, "origin": ORIGIN, "device": row.chip, "runtime": row.runtime, "compute_unit": row.unit,
            "measured_at": row.at,
        });
        let known = registry
            .measurements(&build)?
            .iter()
            .any(|measurement| measurement.samples == samples);
        if known {
            account.count("benchmarks", Fate::Present);
            continue;
        }
        registry.insert_measurement(&Measurement {
            build,
            target: row.runtime.clone(),
            sequence: None,
            runtime_version: UNKNOWN.to_owned(),
            // All that is known of it, so it is never taken for a machine of ours.
            machine: Fingerprint {
                cpu_model: row.chip.clone(),
                ..Fingerprint::default()
            },
            samples,
            created_at,
            figures: Some(Figures {
                inferences: u64::try_from(row.runs).unwrap_or(0),
                p50_ms: row.p50,
                p95_ms: row.p95,
                p99_ms: row.p99,
                origin: Some(ORIGIN.to_owned()),
                ..Figures::default()
            }),
        })?;
        account.count("benchmarks", Fate::Imported);
        account.say(
            "benchmarks come as history, never as evidence for a verdict: there are no samples, p95 and p99 are of what was left after the \
             slowest and fastest 5 % were cut off, and memory, a difference of two moments, stays behind"
                .to_owned(),
        );
    }
    Ok(())
}

fn checks(source: &Source, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("accuracy_checks", "id", |row| {
        let result = json!({
            "kind": "imported", "version": 1, "origin": ORIGIN,
            "cosine_similarity": row.real("cosine_similarity"),
            "mean_abs_error": row.real("mean_abs_error"),
            "max_abs_error": row.real("max_abs_error"),
            "top1_agreement": row.real("top1_agreement"),
            "samples": row.integer("num_samples"),
            "seed": row.integer("seed"),
            "passed": row.integer("passed").map(|passed| passed == 1),
        });
        Some((
            row.text("baseline_build_id")?,
            row.text("candidate_build_id")?,
            result,
            row.text("created_at")?,
        ))
    })?;
    for (against, build, result, at) in rows {
        let (Some(against), Some(build)) = (here(registry, &against)?, here(registry, &build)?) else {
            account.count("accuracy checks", Fate::LeftOut);
            continue;
        };
        let check = Check {
            target: registry
                .with_prefix(build.as_str())?
                .pop()
                .and_then(|build| build.facts.target)
                .unwrap_or_else(|| UNKNOWN.to_owned()),
            build,
            against,
            runtime_version: UNKNOWN.to_owned(),
            result,
            created_at: instant::second(&at),
        };
        if registry.checks(&check.build)?.contains(&check) {
            account.count("accuracy checks", Fate::Present);
        } else {
            registry.insert_check(&check)?;
            account.count("accuracy checks", Fate::Imported);
        }
    }
    Ok(())
}

/// 32 hexadecimal digits out of a UUID, or of its digest where it is none.
fn number(id: &str) -> String {
    let digits: String = id
        .chars()
        .filter(|character| *character != '-')
        .collect::<String>()
        .to_ascii_lowercase();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        digits
    } else {
        Digest::of(id.as_bytes()).as_str().chars().take(32).collect()
    }
}

fn experiments(source: &Source, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("experiments", "created_at, experiment_id", |row| {
        let texts = (row.text("description"), row.text("deleted_at"));
        Some((
            row.text("experiment_id")?,
            row.text("name")?,
            row.text("created_at")?,
            texts,
        ))
    })?;
    for (id, name, at, (description, deleted)) in rows {
        let id = number(&id);
        let ours = registry.experiments()?;
        if ours.iter().any(|experiment| experiment.id == id) {
            account.count("experiments", Fate::Present);
            continue;
        }
        if deleted.is_some() {
            account.count("experiments", Fate::LeftOut);
            account.say(format!(
                "the experiment `{name}` was deleted there, so it stays behind with its runs"
            ));
            continue;
        }
        let taken = ours.iter().any(|experiment| experiment.name == name);
        let name = if taken {
            format!("{name} ({ORIGIN}, {})", id.get(..4).unwrap_or_default())
        } else {
            name
        };
        let description = description.filter(|text| !text.is_empty());
        registry.create_experiment(&id, &name, description.as_deref(), &instant::second(&at))?;
        account.count("experiments", Fate::Imported);
    }
    Ok(())
}

fn runs(source: &Source, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("runs", "started_at, run_id", |row| {
        let optional = (row.text("run_name"), row.text("ended_at"), row.text("build_id"));
        let values = (row.text("params"), row.text("metrics"));
        let own = (
            row.text("run_id")?,
            row.text("experiment_id")?,
            row.text("status")?,
            row.text("started_at")?,
        );
        Some((own, optional, values))
    })?;
    for ((id, experiment, status, started), (name, ended, build), (params, metrics)) in rows {
        let (id, experiment) = (number(&id), number(&experiment));
        if registry.runs(None)?.iter().any(|run| run.id == id) {
            account.count("runs", Fate::Present);
            continue;
        }
        if !registry.experiments()?.iter().any(|own| own.id == experiment) {
            account.count("runs", Fate::LeftOut);
            continue;
        }
        let started = instant::second(&started);
        registry.start_run(
            &id,
            &experiment,
            name.as_deref().filter(|name| !name.is_empty()),
            &started,
        )?;
        let at = ended.as_deref().map_or_else(|| started.clone(), instant::second);
        for (key, value) in object(params.as_deref()) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            registry.log_param(&id, &key, &secrets::without(&value).0)?;
        }
        for (key, value) in object(metrics.as_deref()) {
            if let Some(value) = value.as_f64() {
                let metric = RunMetric {
                    key,
                    value,
                    at: at.clone(),
                };
                registry.log_metric(&id, &metric)?;
            }
        }
        if let Some(build) = build
            && let Some(build) = here(registry, &build)?
        {
            registry.attach_build(&id, &build)?;
        }
        let status = match status.as_str() {
            "completed" => Some(RunStatus::Completed),
            "failed" => Some(RunStatus::Failed),
            "cancelled" => Some(RunStatus::Cancelled),
            // It goes on nowhere.
            _ => {
                account.say(format!(
                    "the run {} had not ended there: it is cancelled here",
                    id.get(..8).unwrap_or(&id)
                ));
                Some(RunStatus::Cancelled)
            }
        };
        if let Some(status) = status {
            registry.end_run(&id, status, &at)?;
        }
        account.count("runs", Fate::Imported);
    }
    Ok(())
}

fn object(text: Option<&str>) -> serde_json::Map<String, Value> {
    let value = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    value.and_then(|value| value.as_object().cloned()).unwrap_or_default()
}

fn history(source: &Source, registry: &mut Registry, account: &mut Account) -> Result<(), MigrateError> {
    let rows = source.rows("command_log", "ran_at, id", |row| {
        let own = (
            row.text("id")?,
            row.text("raw_command")?,
            row.text("command_name")?,
            row.text("ran_at")?,
        );
        let machine = (row.text("machine_id")?, row.text("machine_name")?);
        let end = (
            row.integer("exit_code").unwrap_or(0),
            row.integer("duration_ms").unwrap_or(0),
        );
        Some((own, machine, end, row.text("linked_build_id")))
    })?;
    let known: std::collections::BTreeSet<String> = registry
        .history(&HistoryFilter::default())?
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    let mut entries = Vec::new();
    for ((id, raw, command, at), (machine, host), (code, duration), build) in rows {
        let id = number(&id);
        if known.contains(&id) {
            account.count("history", Fate::Present);
            continue;
        }
        let (raw, secret) = secrets::without(&raw);
        if secret {
            account.say("names and passwords in addresses stay behind: they are `***` here".to_owned());
        }
        let entry = HistoryEntry {
            id,
            command,
            // Quotes are lost there already.
            arguments: raw.split_whitespace().skip(1).map(str::to_owned).collect(),
            // They note the moment of the end.
            started_at: instant::millisecond(&at, -duration),
            ended_at: Some(instant::millisecond(&at, 0)),
            // It writes 0 whatever happened; anything else it has seen.
            exit_code: i32::try_from(code).ok().filter(|code| *code != 0),
            machine,
            host,
            version: ORIGIN.to_owned(),
            builds: build.into_iter().collect(),
        };
        entries.push(entry);
        account.count("history", Fate::Imported);
        account.say("exit codes of its history stay behind: it writes 0 whatever happened".to_owned());
    }
    Ok(registry.insert_past_entries(&entries)?)
}
