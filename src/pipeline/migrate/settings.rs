//! Their settings: remotes, the budget, and `config.toml` as a config of ours.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use toml_edit::DocumentMut;
use toml_edit::Item;

use crate::config::Bound;
use crate::config::budget;
use crate::registry::Registry;
use crate::registry::RemoteFacts;

use super::Account;
use super::Fate;
use super::error::MigrateError;
use super::secrets;
use super::source::Source;
use super::source::TheirBuild;

/// The budget's file, theirs and ours.
const BUDGET: &str = "budget.toml";

/// Their megabyte, in bytes of ours.
const MEBIBYTE: f64 = 1_048_576.0;
const MEGABYTE: f64 = 1e6;

#[derive(Deserialize)]
struct Remotes {
    #[serde(default)]
    remotes: BTreeMap<String, Remote>,
}

#[derive(Deserialize)]
struct Remote {
    backend: String,
    bucket: Option<String>,
    prefix: Option<String>,
    region: Option<String>,
    endpoint_url: Option<String>,
    path: Option<String>,
    #[serde(default)]
    default: bool,
}

/// Reads all of them, so that a file with a fault is said before anything is written.
pub(super) fn check(source: &Source) -> Result<(), MigrateError> {
    their_remotes(source)?;
    their_budget(source)?;
    their_config(source).map(|_| ())
}

fn their_remotes(source: &Source) -> Result<BTreeMap<String, Remote>, MigrateError> {
    const FILE: &str = "remotes.yaml";
    let Some(text) = source.text(FILE)? else {
        return Ok(BTreeMap::new());
    };
    let read: Option<Remotes> = serde_yaml::from_str(&text).map_err(|error| MigrateError::Settings {
        path: source.folder().join(FILE),
        reason: error.to_string(),
    })?;
    Ok(read.map(|read| read.remotes).unwrap_or_default())
}

fn their_budget(source: &Source) -> Result<Option<budget::Loaded>, MigrateError> {
    let Some(text) = source.text(BUDGET)? else {
        return Ok(None);
    };
    let loaded = budget::parse(&text, &source.folder().join(BUDGET)).map_err(|error| MigrateError::Settings {
        path: source.folder().join(BUDGET),
        reason: error.to_string(),
    })?;
    Ok(Some(loaded))
}

fn their_config(source: &Source) -> Result<Option<DocumentMut>, MigrateError> {
    const FILE: &str = "config.toml";
    let Some(text) = source.text(FILE)? else {
        return Ok(None);
    };
    let document = text
        .parse()
        .map_err(|error: toml_edit::TomlError| MigrateError::Settings {
            path: source.folder().join(FILE),
            reason: error.message().lines().next().unwrap_or_default().to_owned(),
        })?;
    Ok(Some(document))
}

/// Brings remotes over, without any credentials.
pub(super) fn remotes(
    source: &Source,
    now: &str,
    registry: &mut Registry,
    account: &mut Account,
) -> Result<(), MigrateError> {
    let ours = registry.remotes()?;
    for (name, remote) in their_remotes(source)? {
        if ours.iter().any(|own| own.name == name) {
            account.count("remotes", Fate::Present);
            continue;
        }
        if !matches!(remote.backend.as_str(), "s3" | "local") {
            account.count("remotes", Fate::LeftOut);
            account.say(format!(
                "the remote `{name}` is of the kind `{}`, which there is none of here",
                remote.backend
            ));
            continue;
        }
        let endpoint = remote.endpoint_url.as_deref().map(secrets::without);
        if endpoint.as_ref().is_some_and(|(_, secret)| *secret) {
            account.say(format!(
                "the address of the remote `{name}` has a name or password in it, which stays behind: credentials come from the usual AWS chain"
            ));
        }
        registry.add_remote(&RemoteFacts {
            name,
            backend: remote.backend,
            bucket: remote.bucket,
            prefix: remote.prefix.map(|prefix| prefix.trim_end_matches('/').to_owned()),
            region: remote.region,
            endpoint: endpoint.map(|(endpoint, _)| endpoint.replace("***@", "")),
            path: remote.path,
            is_default: remote.default && !ours.iter().any(|own| own.is_default),
            created_at: now.to_owned(),
        })?;
        account.count("remotes", Fate::Imported);
        account.say(
            "what was pushed to remotes by the Python tool is not read by `mlbuild pull`; push anew what came over"
                .to_owned(),
        );
    }
    Ok(())
}

/// Brings `budget.toml` over where ours, in `place`, has none; megabytes become ours.
pub(super) fn budget(
    source: &Source,
    place: Option<&Path>,
    dry_run: bool,
    account: &mut Account,
) -> Result<(), MigrateError> {
    let Some(loaded) = their_budget(source)? else {
        return Ok(());
    };
    let mut converted = loaded.budget;
    for bound in [Bound::MaxMemory, Bound::MaxSize] {
        converted.set(bound, converted.get(bound).map(|bytes| bytes / MEGABYTE * MEBIBYTE));
    }
    let Some(place) = place else {
        account.count("budget", Fate::Present);
        return Ok(());
    };
    if place.join(BUDGET).exists() {
        account.count("budget", Fate::Present);
        return Ok(());
    }
    if !dry_run {
        budget::save(place.parent().unwrap_or(Path::new("")), Some(&loaded), &converted)?;
    }
    account.count("budget", Fate::Imported);
    if converted != loaded.budget {
        account.say("budget.toml: a megabyte there is 2^20 bytes and here 10^6, so sizes are written anew; the limits are the same".to_owned());
    }
    Ok(())
}

/// Their `config.toml` as the text of a `.mlbuild.yml`.
pub(super) fn config(
    source: &Source,
    builds: &[TheirBuild],
    project: &Path,
    account: &mut Account,
) -> Result<Option<String>, MigrateError> {
    let Some(document) = their_config(source)? else {
        return Ok(None);
    };
    let value =
        |path: &[&str]| -> Option<&Item> { path.iter().try_fold(document.as_item(), |item, key| item.get(key)) };
    let number = |path: &[&str]| {
        let item = value(path)?;
        item.as_float().or_else(|| item.as_integer().map(|whole| whole as f64))
    };
    let mut lines = Vec::new();
    let latency = [
        number(&["ci", "latency_regression_pct"]).map(|percent| format!("max_regression: {percent}%")),
        number(&["ci", "latency_budget_ms"]).map(|time| format!("budget: {time} ms")),
        number(&["ci", "p95_budget_ms"]).map(|time| format!("p95: {{ budget: {time} ms }}")),
    ];
    let size = [
        number(&["ci", "size_regression_pct"]).map(|percent| format!("max_regression: {percent}%")),
        number(&["ci", "size_budget_mb"]).map(|size| format!("budget: {size} MiB")),
    ];
    let memory = [number(&["ci", "memory_budget_mb"]).map(|size| format!("budget: {size} MiB"))];
    let accuracy = [
        number(&["ci", "accuracy", "cosine_threshold"]).map(|share| format!("cosine: {share}")),
        number(&["ci", "accuracy", "top1_threshold"]).map(|share| format!("top1: {share}")),
    ];
    for (key, parts) in [
        ("latency", latency.as_slice()),
        ("size", &size),
        ("memory", &memory),
        ("accuracy", &accuracy),
    ] {
        let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        if !parts.is_empty() {
            lines.push(format!("  {key}: {{ {} }}", parts.join(", ")));
        }
    }
    let strict = value(&["validation", "strict_output"]).and_then(Item::as_bool) == Some(true);
    if lines.is_empty() && !strict {
        return Ok(None);
    }
    let mut yaml = "version: 1\nmodels:\n".to_owned();
    let models = models(builds, source, project);
    if models.is_empty() {
        yaml.push_str("  - path: models/model.onnx   # none was found in this project: name yours\n");
    }
    for model in models {
        // JSON's strings are YAML's.
        let _ = writeln!(yaml, "  - path: {}", serde_json::Value::from(model));
    }
    if !lines.is_empty() {
        let _ = write!(yaml, "gate:\n{}\n", lines.join("\n"));
    }
    if strict {
        yaml.push_str("measure: { strict_output: true }\n");
    }
    account.say(
        "limits in config.toml are kept, what they are held to is not the same: ours judge an interval of models measured side by side".to_owned(),
    );
    Ok(Some(yaml))
}

/// ONNX files of the project that their builds came from, relative to it, sorted.
fn models(builds: &[TheirBuild], source: &Source, project: &Path) -> Vec<String> {
    let Ok(project) = project.canonicalize() else {
        return Vec::new();
    };
    let mut found: Vec<String> = builds
        .iter()
        .map(|build| PathBuf::from(&build.source_path))
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .filter_map(|path| path.canonicalize().ok())
        .filter(|path| path.is_file() && !path.starts_with(source.folder()))
        .filter_map(|path| {
            Some(
                path.strip_prefix(&project)
                    .ok()?
                    .to_str()?
                    .replace(std::path::MAIN_SEPARATOR, "/"),
            )
        })
        .collect();
    found.sort();
    found.dedup();
    found
}
