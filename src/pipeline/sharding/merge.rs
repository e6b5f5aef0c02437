//! All shards judged together, as a run on one machine judges: the same family of comparisons, the same limits, the same report.
//!
//! The verdict is a pure function of the recorded samples, the plan and the limits. What is missing, there twice, or of another plan,
//! commit, config or version refuses the whole, by name: a part that nobody measured never passes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::Gate;
use crate::config::ModelLines;
use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::measure::plan::limits;
use crate::pipeline::assemble;
use crate::pipeline::assemble::Entry;
use crate::pipeline::assemble::Frame;
use crate::pipeline::ci;
use crate::pipeline::ci::CiError;
use crate::pipeline::explain;
use crate::pipeline::found;
use crate::pipeline::found::Evidence;
use crate::pipeline::found::Found;
use crate::pipeline::sharding::partial;
use crate::pipeline::sharding::partial::Partial;
use crate::pipeline::sharding::partial::PartialError;
use crate::pipeline::sharding::plan;
use crate::pipeline::workspace::Workspace;
use crate::report::Context;
use crate::report::Report;
use crate::report::ReportError;
use crate::report::clean;
use crate::verdict::Comparison;

/// No more files are looked at.
const MOST_FILES: usize = 4096;

/// Folders within the folder that is named: a download puts each artifact into one of its own.
const DEEPEST: usize = 2;

/// What the whole is judged by.
pub struct Request<'a> {
    /// What was to be measured.
    pub config: &'a Config,
    /// The limits: the base's, in a pull request.
    pub gate: &'a Gate,
    /// Settings of the gate that the pull request changes.
    pub config_changes: Vec<String>,
    /// The lines of each model in the config.
    pub lines: Vec<ModelLines>,
    /// What was compared with what, as far as the caller knows.
    pub context: Context,
    /// The commit that should have been measured, where it is known.
    pub commit: Option<String>,
    /// The workflow run that should have measured it, where there is one.
    pub workflow_run: Option<String>,
    /// What the reader should know, besides what the shards say.
    pub notices: Vec<String>,
    /// When, ISO 8601.
    pub now: String,
}

/// A shard's file, and what came of reading it.
#[derive(Debug)]
pub struct Part {
    /// Its path, for people.
    pub name: String,
    /// What it says.
    pub read: Result<Partial, PartialError>,
}

/// Why the shards cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A path that was named cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// More files than anybody measured.
    #[error("`{0}` holds more than {MOST_FILES} files")]
    TooMany(String),
    /// There is nothing to judge.
    #[error("no shard was measured: there is no `shard-i-of-N.json` in {0}")]
    Nothing(String),
    /// Some shards are missing, broken or foreign.
    #[error("the shards cannot be judged together: {}", .problems.join("; "))]
    Refused {
        /// What is wrong, one sentence fragment each.
        problems: Vec<String>,
        /// What to do.
        hints: Vec<String>,
    },
    /// The report contradicts itself.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The report cannot be written.
    #[error(transparent)]
    Ci(#[from] CiError),
}

impl Hint for MergeError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::TooMany(_) => vec!["name the folder that holds the shards' files and nothing else".to_owned()],
            Self::Nothing(_) => vec![
                "`mlbuild ci --shard i/N` writes them; in a workflow, check that every shard's file was uploaded and downloaded"
                    .to_owned(),
            ],
            Self::Refused { hints, .. } => hints.clone(),
            Self::Report(error) => error.hints(),
            Self::Ci(error) => error.hints(),
        }
    }
}

/// Finds the shards' files at `paths`: files by name, and in folders whatever is called like one.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Part>, MergeError> {
    let mut files = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).map_err(FileError::at("read", path))?;
        if kind.is_dir() {
            let mut seen = 0;
            gather(path, DEEPEST, &mut seen, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| format!("`{}`", shown(path))).collect();
        return Err(MergeError::Nothing(names.join(", ")));
    }
    Ok(files
        .iter()
        .map(|path| Part {
            name: shown(path),
            read: Partial::read(path),
        })
        .collect())
}

fn shown(path: &Path) -> String {
    clean::line(&path.display().to_string(), clean::NAME_LENGTH)
}

/// Files only, and no links: what an archive unpacked may point anywhere.
fn gather(folder: &Path, depth: usize, seen: &mut usize, files: &mut Vec<PathBuf>) -> Result<(), MergeError> {
    for entry in fs::read_dir(folder).map_err(FileError::at("read", folder))? {
        let entry = entry.map_err(FileError::at("read", folder))?;
        *seen += 1;
        if *seen > MOST_FILES {
            return Err(MergeError::TooMany(shown(folder)));
        }
        let kind = entry.file_type().map_err(FileError::at("read", folder))?;
        let is_named = entry.file_name().to_str().is_some_and(partial::is_file_name);
        if kind.is_dir() && depth > 0 {
            gather(&entry.path(), depth - 1, seen, files)?;
        } else if kind.is_file() && is_named {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Judges all shards and writes the report into the workspace.
pub fn run(
    parts: Vec<Part>,
    request: Request<'_>,
    workspace: &Workspace,
) -> Result<(Report, Vec<PathBuf>), MergeError> {
    let report = merge(parts, request)?;
    let written = ci::write(&report, workspace)?;
    Ok((report, written))
}

/// Judges all shards.
pub fn merge(parts: Vec<Part>, request: Request<'_>) -> Result<Report, MergeError> {
    let mut whole = accepted(parts, &request)?;
    let mut found: Vec<(usize, Found)> = Vec::new();
    for (index, partial) in whole.iter_mut().enumerate() {
        let own = std::mem::take(&mut partial.comparisons);
        found.extend(own.into_iter().map(|found| (index, found)));
    }
    in_order(&mut found, &whole);
    let shards: Vec<usize> = found.iter().map(|(index, _)| *index).collect();
    let mut found: Vec<Found> = found.into_iter().map(|(_, found)| found).collect();
    let comparisons = judge(&mut found, request.config, request.gate);
    let machines: Vec<&Fingerprint> = whole.iter().map(|partial| &partial.machine).collect();
    let groups = Fingerprint::group(&machines);
    let several = groups.iter().collect::<BTreeSet<_>>().len();
    let names: Vec<String> = whole
        .iter()
        .map(|partial| {
            format!(
                "measured in shard {}/{} on {}",
                partial.shard,
                partial.of,
                machine(&partial.machine)
            )
        })
        .collect();
    let entries: Vec<Entry<'_>> = found
        .iter()
        .zip(&comparisons)
        .zip(&shards)
        .map(|((found, comparison), index)| Entry {
            found,
            comparison,
            machine: names
                .get(*index)
                .map(String::as_str)
                .filter(|_| several > 1 && found.in_family),
        })
        .collect();
    let engine = ci::main_engine(request.config);
    let mut notices = request.notices;
    let mut drift = Vec::new();
    for partial in &whole {
        add(&mut notices, &partial.notices);
        add(&mut drift, &partial.drift);
    }
    notices.extend(ci::other_engine(&entries, engine));
    notices.push(parts_notice(whole.len(), several));
    let Some(first) = whole.first() else {
        return Err(MergeError::Nothing("what was read".to_owned()));
    };
    let mut context = request.context;
    context.baseline_label.clone_from(&first.baseline.label);
    context.baseline_tag.clone_from(&first.baseline.tag);
    context.base_commit = context.base_commit.or_else(|| first.baseline.commit.clone());
    let head_commit = context.head_commit.clone();
    let version = whole.iter().find_map(|partial| partial.engines.get(engine.name()));
    Ok(assemble::report(
        &entries,
        Frame {
            config: request.config,
            gate: request.gate,
            context,
            head_commit,
            now: request.now,
            engine,
            runtime_version: version.cloned().unwrap_or_else(|| "unknown".to_owned()),
            machine: &first.machine,
            history: first.history.clone(),
            lines: &request.lines,
            config_changes: request.config_changes,
            drift,
            notices,
        },
    )?)
}

/// Judges every comparison of a run, and all of them as one family. The share of the error that a comparison gets depends on how many
/// there are in all, and on nothing that a shard thought of it.
pub fn judge(found: &mut [Found], config: &Config, gate: &Gate) -> Vec<Comparison> {
    let measured = found.iter().filter(|entry| entry.in_family).count();
    let family = (limits(gate) * measured).max(1);
    for entry in found.iter_mut() {
        match &mut entry.evidence {
            Evidence::Pair { measurement, .. } => measurement.looks.family = family,
            Evidence::Alone { measurement, .. } => measurement.looks.family = family,
            Evidence::Stored { .. } | Evidence::Settled { .. } => {}
        }
    }
    let mut comparisons: Vec<Comparison> = found.iter().map(|entry| entry.judge(gate)).collect();
    let all: Vec<&Found> = found.iter().collect();
    found::settle(&all, &mut comparisons, gate, config.measure.strict_output);
    for (entry, comparison) in found.iter_mut().zip(&comparisons) {
        // A shard explains what looked changed to it alone.
        if explain::direction(comparison).is_none() {
            entry.operators = None;
        }
    }
    comparisons
}

/// In the config's order, what is removed last and sorted: as a run on one machine has them.
fn in_order(found: &mut [(usize, Found)], whole: &[Partial]) {
    let places: BTreeMap<(String, String, String), usize> = whole
        .first()
        .map(|partial| partial.plan.units.iter().map(plan::Unit::name))
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(place, name)| (name, place))
        .collect();
    // Stable: lengths of sequences stay as they were measured.
    found.sort_by_cached_key(|(_, entry)| {
        let key = &entry.key;
        let name = (key.model.clone(), key.target.clone(), key.variant.clone());
        if entry.is_removed() {
            (true, 0, Some(key.clone()))
        } else {
            (false, places.get(&name).copied().unwrap_or(usize::MAX), None)
        }
    });
}

/// All shards in order, or everything that is wrong with them.
fn accepted(parts: Vec<Part>, request: &Request<'_>) -> Result<Vec<Partial>, MergeError> {
    let mut problems = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    let mut whole: Vec<(String, Partial)> = Vec::new();
    for part in parts {
        match part.read {
            Ok(partial) => whole.push((part.name, partial)),
            Err(error) => {
                problems.push(format!("`{}`: {error}", part.name));
                add(&mut hints, &error.hints());
            }
        }
    }
    whole.sort_by(|(one_name, one), (other_name, other)| (one.shard, one_name).cmp(&(other.shard, other_name)));
    problems.extend(foreign(&whole, request));
    problems.extend(twice(&whole));
    problems.extend(lost(&whole));
    if problems.is_empty() {
        problems.extend(disagreeing(&whole));
    }
    if problems.is_empty() {
        return Ok(whole.into_iter().map(|(_, partial)| partial).collect());
    }
    add(
        &mut hints,
        &[
            "run the shards that are named again, from the same commit, then merge again: nothing was judged"
                .to_owned(),
        ],
    );
    problems.truncate(20);
    Err(MergeError::Refused { problems, hints })
}

/// Shards of something else: another plan, commit, run, config or gate.
fn foreign(whole: &[(String, Partial)], request: &Request<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let config = plan::config_digest(request.config, request.gate);
    let names = plan::names(request.config);
    let common = most_common(whole.iter().map(|(_, partial)| &partial.plan_digest));
    for (name, partial) in whole {
        let mut say = |what: String| problems.push(format!("shard {}/{} (`{name}`) {what}", partial.shard, partial.of));
        let differs = |wanted: &Option<String>, own: &Option<String>| wanted.is_some() && wanted != own;
        let word = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("an unknown one");
            clean::line(text, clean::NAME_LENGTH)
        };
        if differs(&request.commit, &partial.commit) {
            say(format!(
                "is of the commit {}, expected {}",
                word(&partial.commit),
                word(&request.commit)
            ));
        } else if differs(&request.workflow_run, &partial.run) {
            say(format!(
                "is of the run {}, expected {}",
                word(&partial.run),
                word(&request.workflow_run)
            ));
        } else if partial.key != request.context.key {
            let (own, wanted) = (&partial.key, &request.context.key);
            say(format!(
                "is of the gate `{}`, expected `{wanted}`",
                clean::line(own, clean::NAME_LENGTH)
            ));
        } else if partial.plan.config != config {
            say("was measured with another config or other limits".to_owned());
        } else if partial.plan.names() != names {
            say("is of a plan that does not name what the config names".to_owned());
        } else if common.is_some_and(|common| *common != partial.plan_digest) {
            say("is of another plan than most shards".to_owned());
        }
    }
    problems
}

/// The one that is named most often; of equally common ones the first.
fn most_common<'a>(digests: impl Iterator<Item = &'a Digest>) -> Option<&'a Digest> {
    let mut counts: Vec<(&Digest, usize)> = Vec::new();
    for digest in digests {
        match counts.iter_mut().find(|(known, _)| *known == digest) {
            Some((_, count)) => *count += 1,
            None => counts.push((digest, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts
        .into_iter()
        .find(|(_, count)| *count == most)
        .map(|(digest, _)| digest)
}

fn twice(whole: &[(String, Partial)]) -> Vec<String> {
    let mut files: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (name, partial) in whole {
        files.entry(partial.shard).or_default().push(name);
    }
    let several = files.into_iter().filter(|(_, names)| names.len() > 1);
    several
        .map(|(shard, names)| format!("shard {shard} is there {} times: `{}`", names.len(), names.join("`, `")))
        .collect()
}

fn lost(whole: &[(String, Partial)]) -> Vec<String> {
    let common = most_common(whole.iter().map(|(_, partial)| &partial.plan_digest));
    let own = || whole.iter().filter(|(_, partial)| Some(&partial.plan_digest) == common);
    let Some(of) = own().map(|(_, partial)| partial.of).next() else {
        return Vec::new();
    };
    let there: BTreeSet<u32> = own().map(|(_, partial)| partial.shard).collect();
    let missing = (1..=of).filter(|shard| !there.contains(shard));
    missing.map(|shard| format!("shard {shard}/{of} is missing")).collect()
}

/// Shards of one plan that measured different things under one name.
fn disagreeing(whole: &[(String, Partial)]) -> Vec<String> {
    let mut problems = Vec::new();
    let Some((_, first)) = whole.first() else {
        return problems;
    };
    let mut engines: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    let mut sources: BTreeMap<(&str, bool), (u32, &Digest)> = BTreeMap::new();
    for (_, partial) in whole {
        let own = partial.shard;
        if first.commit != partial.commit || first.run != partial.run {
            problems.push(format!(
                "shards {} and {own} are of different commits or runs",
                first.shard
            ));
        }
        for (engine, version) in &partial.engines {
            let (shard, known) = *engines.entry(engine).or_insert((own, version));
            if known != version {
                let (known, version) = (clean::line(known, 40), clean::line(version, 40));
                problems.push(format!(
                    "shard {shard} ran {engine} {known}, and shard {own} ran {version}"
                ));
            }
        }
        for found in &partial.comparisons {
            for (side, is_baseline) in [(&found.baseline, true), (&found.candidate, false)] {
                let Some(side) = side else { continue };
                let (shard, known) = *sources
                    .entry((&found.key.model, is_baseline))
                    .or_insert((own, &side.source));
                if *known != side.source {
                    let word = if is_baseline { "baseline's" } else { "candidate's" };
                    problems.push(format!(
                        "shards {shard} and {own} measured different models as the {word} `{}`",
                        clean::line(&found.key.model, clean::NAME_LENGTH)
                    ));
                }
            }
        }
    }
    problems.dedup();
    problems
}

fn add(all: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
}

/// A machine on one line.
fn machine(machine: &Fingerprint) -> String {
    let cores = match machine.cores_allowed {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let name = clean::line(&machine.cpu_model, clean::NAME_LENGTH);
    format!(
        "{name}, {cores}, {} {}",
        clean::line(&machine.os, 40),
        clean::line(&machine.arch, 40)
    )
}

fn parts_notice(shards: usize, machines: usize) -> String {
    let shards = match shards {
        1 => "1 shard".to_owned(),
        some => format!("{some} shards"),
    };
    match machines {
        0 | 1 => format!("measured in {shards}, on one machine"),
        some => format!(
            "measured in {shards}, on {some} machines: both sides of a comparison on one and the same, different comparisons on \
             different ones"
        ),
    }
}
