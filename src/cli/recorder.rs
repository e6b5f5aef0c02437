//! Writes every command into the history of the workspace: how it was called, when, and how it ended.
//!
//! The history is a witness, never an obstacle: a registry that is not there, not of this version, read-only, locked or damaged is left
//! alone, and the command neither fails nor waits for it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::Command;
use clap::CommandFactory as _;
use jiff::Timestamp;

use crate::chance;
use crate::digest::Digest;
use crate::machine;
use crate::pipeline::workspace;
use crate::registry::HistoryEntry;
use crate::registry::Registry;
use crate::when;

use super::args::Args;
use super::context::Context;
use super::desk;
use super::exit::Exit;
use super::secrets;

/// What says nothing about a workspace.
const UNRECORDED: [&str; 4] = ["worker", "completions", "man", "help"];

/// Placeholders of arguments that name builds.
const BUILDS: [&str; 4] = ["BUILD", "MODEL", "A", "B"];

/// A command that runs.
pub(super) struct Recorder {
    entry: Option<HistoryEntry>,
    /// The registry that knows of its beginning.
    begun: Option<PathBuf>,
    /// What it was given that may name builds.
    references: Vec<String>,
    builds: BTreeSet<Digest>,
}

impl Recorder {
    /// Writes down that the command begins, where there is a registry.
    pub(super) fn begin(arguments: &[OsString], matches: &ArgMatches, context: &Context) -> Self {
        let (name, references) = called(matches);
        let mut recorder = Self {
            entry: (!UNRECORDED.contains(&name.as_str())).then(|| entry(name, arguments)),
            begun: None,
            references,
            builds: BTreeSet::new(),
        };
        if let (Some(entry), Some(folder)) = (&recorder.entry, desk::registered(context)) {
            let path = workspace::registry_in(&folder);
            if let Some(mut registry) = Registry::open_to_record(&path) {
                recorder.builds = resolved(&recorder.references, &registry, context);
                recorder.begun = registry.begin_entry(entry).is_ok().then_some(path);
                let _ = context.own_entry.set(entry.id.clone());
                registry.close_at_once();
            }
        }
        recorder
    }

    /// Writes down how it ended; all of it where the command itself made the registry.
    pub(super) fn end(self, exit: Exit, context: &Context) {
        let Some(entry) = &self.entry else {
            return;
        };
        let known = self.begun.is_some();
        let path = self
            .begun
            .or_else(|| desk::registered(context).map(|folder| workspace::registry_in(&folder)));
        let Some(mut registry) = path.and_then(|path| Registry::open_to_record(&path)) else {
            return;
        };
        let mut builds = self.builds;
        builds.append(&mut context.touched.borrow_mut());
        builds.append(&mut resolved(&self.references, &registry, context));
        let builds: Vec<Digest> = builds.into_iter().collect();
        if known || registry.begin_entry(entry).is_ok() {
            // Nobody is told: the command did what it was asked for.
            let _ = registry.end_entry(
                &entry.id,
                &when::iso_millis(Timestamp::now()),
                exit.code().into(),
                &builds,
            );
        }
    }
}

/// Writes down a command that was called wrongly, where it can be told which one was meant.
pub(super) fn misused(arguments: &[OsString], working_folder: &Path) {
    let command = Args::command();
    let known = |word: &OsString| {
        let word = word.to_str()?;
        command.find_subcommand(word).filter(|found| !found.is_hide_set())
    };
    let Some(name) = arguments.iter().skip(1).find_map(known).map(Command::get_name) else {
        return;
    };
    if UNRECORDED.contains(&name) {
        return;
    }
    let folder = working_folder
        .ancestors()
        .find(|folder| workspace::has_registry(folder));
    let Some(mut registry) = folder.and_then(|folder| Registry::open_to_record(&workspace::registry_in(folder))) else {
        return;
    };
    let entry = entry(name.to_owned(), arguments);
    if registry.begin_entry(&entry).is_ok() {
        let _ = registry.end_entry(&entry.id, &entry.started_at, Exit::Error.code().into(), &[]);
    }
}

fn entry(command: String, arguments: &[OsString]) -> HistoryEntry {
    HistoryEntry {
        id: chance::word(),
        command,
        arguments: secrets::masked(arguments.iter().skip(1).map(|argument| argument.to_string_lossy())),
        started_at: when::iso_millis(Timestamp::now()),
        ended_at: None,
        exit_code: None,
        machine: machine::machine_id(),
        host: machine::host_name(),
        version: crate::VERSION.to_owned(),
        builds: Vec::new(),
    }
}

/// The command with its subcommands, and the values of its arguments that may name builds.
fn called(matches: &ArgMatches) -> (String, Vec<String>) {
    let mut command = Args::command();
    let mut matches = matches;
    let mut names: Vec<String> = Vec::new();
    let mut references = Vec::new();
    while let Some((name, inner)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name).cloned() else {
            break;
        };
        names.push(name.to_owned());
        for argument in found.get_arguments().filter(|argument| names_builds(argument)) {
            if let Ok(Some(values)) = inner.try_get_raw(argument.get_id().as_str()) {
                references.extend(values.filter_map(|value| Some(value.to_str()?.to_owned())));
            }
        }
        command = found;
        matches = inner;
    }
    (names.join(" "), references)
}

fn names_builds(argument: &clap::Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names
        .iter()
        .flat_map(|name| name.split(['|', '_', ' ']))
        .any(|word| BUILDS.contains(&word.trim_end_matches('S')))
}

/// The builds that these references name; files name none.
fn resolved(references: &[String], registry: &Registry, context: &Context) -> BTreeSet<Digest> {
    references
        .iter()
        .filter(|reference| !context.working_folder.join(reference).exists())
        .filter_map(|reference| Some(registry.resolve(reference).ok()?.facts.id))
        .collect()
}
