//! Coming over from the Python tool's workspace: its builds, files, tags, figures and history become records of ours; its own files are
//! read and never written.
//!
//! Everything keeps the id that it had there, so a second run finds everything present, and one that was interrupted goes on.

mod artifacts;
mod builds;
mod error;
mod evidence;
mod instant;
mod precision;
mod secrets;
mod settings;
mod source;

use std::path::Path;
use std::path::PathBuf;

use crate::files;
use crate::files::FileError;
use crate::registry::Registry;
use crate::report::migrated::Migrated;
use crate::report::migrated::SCHEMA;
use crate::report::migrated::Tally;

use super::workspace::FOLDER;
use super::workspace::Workspace;

pub use error::MigrateError;
pub use source::Source;
pub use source::find;

/// Who measured and made what comes over; lists show it.
pub const ORIGIN: &str = "the Python tool";

/// What to bring over.
pub struct Request<'a> {
    /// Their workspace.
    pub source: &'a Source,
    /// The folder of our project, whose workspace is filled.
    pub into: &'a Path,
    /// Write nothing.
    pub dry_run: bool,
    /// Now, ISO 8601 in UTC.
    pub now: &'a str,
}

/// What is being counted and said.
struct Account {
    records: Vec<Tally>,
    notices: Vec<String>,
}

/// What happened to one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Imported,
    Present,
    LeftOut,
}

impl Account {
    fn count(&mut self, kind: &'static str, fate: Fate) {
        let at = self.records.iter().position(|tally| tally.kind == kind);
        let at = at.unwrap_or_else(|| {
            self.records.push(Tally::new(kind));
            self.records.len() - 1
        });
        if let Some(tally) = self.records.get_mut(at) {
            tally.found += 1;
            match fate {
                Fate::Imported => tally.imported += 1,
                Fate::Present => tally.present += 1,
                Fate::LeftOut => tally.left_out += 1,
            }
        }
    }

    /// Says it once.
    fn say(&mut self, notice: String) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// Brings everything over, or says what would come.
///
/// # Errors
///
/// Where ours would lie where theirs does, or something cannot be read or written. What was brought over until then stays, and is found by
/// the next run.
pub fn run(request: &Request<'_>) -> Result<Migrated, MigrateError> {
    let place = files::beneath(request.into, Path::new(FOLDER));
    let same = |path: &Path| path.canonicalize().ok() == Some(request.source.folder().to_owned());
    if same(&place) && !request.dry_run {
        return Err(MigrateError::SamePlace {
            folder: request.source.folder().to_owned(),
        });
    }
    // Another one of theirs may lie where ours would.
    if !request.dry_run && source::is_theirs(&place)? {
        return Err(MigrateError::SamePlace { folder: place });
    }
    settings::check(request.source)?;
    // A trial works on a copy of our registry, so that it counts what a true run would.
    let scratch = request
        .dry_run
        .then(tempfile::tempdir)
        .transpose()
        .map_err(MigrateError::Temporary)?;
    let workspace = match &scratch {
        Some(folder) => scratch_of(folder.path(), &place, same(&place))?,
        None => Workspace::open(request.into)?,
    };
    let mut registry = Registry::open(&workspace.registry_path())?;
    let mut account = Account {
        records: vec![Tally::new("builds")],
        notices: Vec::new(),
    };
    if same(&place) {
        account.say(format!(
            "ours would lie in the same folder, so a true run needs it out of the way: `mv {FOLDER} {FOLDER}-python`, then `--from {FOLDER}-python`"
        ));
    }
    let kept = (!request.dry_run).then(|| workspace.objects());
    let theirs = request.source.builds()?;
    builds::bring(&theirs, request.source, kept, &mut registry, &mut account)?;
    evidence::bring(request.source, request.now, &mut registry, &mut account)?;
    settings::remotes(request.source, request.now, &mut registry, &mut account)?;
    settings::budget(
        request.source,
        (!same(&place)).then_some(place.as_path()),
        request.dry_run,
        &mut account,
    )?;
    let config = settings::config(request.source, &theirs, request.into, &mut account)?;
    // Said of the whole, last.
    if !theirs.is_empty() {
        account.say(
            "versions: its registry says the same one for every release, so builds and history name the tool without any"
                .to_owned(),
        );
    }
    Ok(Migrated {
        schema: SCHEMA,
        from: request.source.folder().display().to_string(),
        from_schema: request.source.version(),
        into: place.display().to_string(),
        dry_run: request.dry_run,
        records: account.records,
        notices: account.notices,
        config,
        config_written: None,
    })
}

/// A workspace in `folder` with a copy of the registry at `place`, where there is one of ours.
fn scratch_of(folder: &Path, place: &Path, foreign: bool) -> Result<Workspace, MigrateError> {
    let workspace = Workspace::open(folder)?;
    let registry: PathBuf = place.join("registry.db");
    if !foreign && registry.is_file() {
        for tail in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{tail}", registry.display()));
            if from.is_file() {
                let to = PathBuf::from(format!("{}{tail}", workspace.registry_path().display()));
                std::fs::copy(&from, &to).map_err(FileError::at("read", &from))?;
            }
        }
    }
    Ok(workspace)
}
