//! Is the workspace whole: registry, files of builds, leftovers? And making it so again, losing nothing that can be had.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::model::format;
use crate::pipeline::doctor::Check;
use crate::pipeline::figures;
use crate::pipeline::prune;
use crate::pipeline::references;
use crate::pipeline::trouble::chain;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::RunStatus;
use crate::registry::salvage;
use crate::registry::salvage::Health;
use crate::registry::salvage::Saved;
use crate::report::desk::count;
use crate::store;
use crate::store::Blob;
use crate::store::Leftover;
use crate::store::StoreError;
use crate::units::Bytes;

/// Up to so many bytes the content of every file is compared with its digest, whether that is asked for or not.
pub const ALWAYS_READ: u64 = 1_000_000_000;

/// So many things are named in a sentence.
const NAMED: usize = 5;

/// A temporary file beside the folder of blobs may be somebody's who writes it just now, unless it is this old.
const OLD: Duration = Duration::from_secs(60);

/// What is wrong with a build's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The build's id.
    pub build: String,
    /// Its name and recipe.
    pub label: String,
    /// The file.
    pub file: String,
    /// `missing` or `damaged`.
    pub what: &'static str,
    /// True where the build can be derived again from another that is whole.
    pub derivable: bool,
}

/// A blob that nothing refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    /// Its digest.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// The format of the model that it is, where it is one.
    pub model: Option<String>,
}

/// A workspace as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// What SQLite finds wrong with the registry; empty where it is sound.
    pub faults: Vec<String>,
    /// Why it cannot be used, where it is not ours to repair.
    pub unusable: Option<String>,
    /// How many builds there are, removed ones too.
    pub builds: usize,
    /// How many files they have, and how many bytes.
    pub files: usize,
    /// The bytes of these files.
    pub file_bytes: u64,
    /// True where the content of every file was compared with its digest.
    pub read_whole: bool,
    /// Builds whose files are not there or not what they were.
    pub broken: Vec<Broken>,
    /// Blobs that nothing refers to.
    pub orphans: Vec<Orphan>,
    /// Why orphans cannot be told, where they cannot.
    pub orphans_unknown: Option<String>,
    /// Damaged registries that were kept aside: until they are deleted, orphans are kept.
    pub kept_aside: Vec<String>,
    /// Temporary files of interrupted commands.
    pub leftovers: usize,
    /// Their bytes.
    pub leftover_bytes: u64,
    /// Measurements that lists know no figures of, though their samples can be read.
    pub without_figures: usize,
    /// Runs that have not ended.
    pub open_runs: usize,
}

/// How far an examination is.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Why a workspace cannot be looked over or repaired.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for UpkeepError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// Looks over a workspace with a registry, and changes nothing. `baseline` is the folder of the config's baseline; with `deep` every file is read
/// whole, however large.
pub fn examine(
    workspace: &Workspace,
    baseline: Option<&Path>,
    deep: bool,
    progress: Progress<'_>,
) -> Result<Examination, UpkeepError> {
    let mut found = Examination {
        kept_aside: kept_aside(workspace),
        ..Examination::default()
    };
    let leftovers = leftovers(workspace)?;
    found.leftovers = leftovers.len();
    found.leftover_bytes = leftovers.iter().map(|file| file.bytes).sum();
    match salvage::health(&workspace.registry_path()) {
        Health::Sound => {}
        Health::Damaged(faults) => {
            found.faults = faults;
            return Ok(found);
        }
        Health::Unusable(error) => {
            found.unusable = Some(chain(&error));
            return Ok(found);
        }
    }
    let registry = Registry::open(&workspace.registry_path())?;
    let builds = registry.every_build()?;
    found.builds = builds.len();
    let runs = registry.runs(None)?;
    found.without_figures = figures::lacking(&registry)?;
    found.open_runs = runs.iter().filter(|run| run.status == RunStatus::Running).count();
    examine_files(&builds, workspace, deep, progress, &registry, &mut found)?;
    match orphans(&registry, workspace, baseline) {
        Ok(blobs) => found.orphans = blobs.into_iter().map(|blob| orphan(workspace, blob)).collect(),
        Err(why) => found.orphans_unknown = Some(why),
    }
    Ok(found)
}

fn examine_files(
    builds: &[Build],
    workspace: &Workspace,
    deep: bool,
    progress: Progress<'_>,
    registry: &Registry,
    found: &mut Examination,
) -> Result<(), UpkeepError> {
    let mut files: BTreeMap<&Digest, u64> = BTreeMap::new();
    for build in builds {
        for file in &build.facts.artifacts {
            files.insert(&file.digest, file.size.0);
        }
    }
    found.files = files.len();
    found.file_bytes = files.values().sum();
    found.read_whole = deep || found.file_bytes <= ALWAYS_READ;
    let mut bad: BTreeMap<&Digest, &'static str> = BTreeMap::new();
    let mut done = 0;
    for (digest, size) in &files {
        let state = if found.read_whole {
            match workspace.objects().examine(digest) {
                Ok(_) => None,
                Err(StoreError::Missing { .. }) => Some("missing"),
                Err(StoreError::Damaged { .. }) => Some("damaged"),
                Err(error) => return Err(error.into()),
            }
        } else {
            match workspace.objects().path(digest).map(|path| fs::metadata(&path)) {
                Some(Ok(metadata)) if metadata.len() == *size => None,
                Some(Ok(_)) => Some("damaged"),
                _ => Some("missing"),
            }
        };
        bad.extend(state.map(|state| (*digest, state)));
        done += size;
        progress(done, found.file_bytes);
    }
    let is_whole = |build: &Build| build.facts.artifacts.iter().all(|file| !bad.contains_key(&file.digest));
    for build in builds {
        // A row whose files' rows were lost.
        if build.facts.artifacts.is_empty() {
            found.broken.push(Broken {
                build: build.facts.id.to_string(),
                label: prune::row(build).label(),
                file: "model".to_owned(),
                what: "missing",
                derivable: false,
            });
        }
        for file in &build.facts.artifacts {
            let Some(what) = bad.get(&file.digest) else { continue };
            let root = builds.iter().find(|root| root.facts.id == build.root);
            let derivable = build.root != build.facts.id
                && root.is_some_and(is_whole)
                && registry.derivation(&build.facts.id)?.is_some();
            found.broken.push(Broken {
                build: build.facts.id.to_string(),
                label: prune::row(build).label(),
                file: file.name.clone(),
                what,
                derivable,
            });
        }
    }
    Ok(())
}

/// Blobs that nothing refers to, or why that cannot be told.
fn orphans(registry: &Registry, workspace: &Workspace, baseline: Option<&Path>) -> Result<Vec<Blob>, String> {
    let referenced = references::referenced(registry, workspace, baseline).map_err(|error| chain(&error))?;
    let mut blobs = workspace.objects().list().map_err(|error| chain(&error))?;
    blobs.retain(|blob| !referenced.contains(&blob.digest));
    Ok(blobs)
}

fn orphan(workspace: &Workspace, blob: Blob) -> Orphan {
    let path = workspace.objects().path(&blob.digest);
    let format = path.and_then(|path| format::detect(&path).ok());
    Orphan {
        sha256: blob.digest.to_string(),
        bytes: blob.bytes,
        model: format.map(|format| format.to_string()),
    }
}

/// Temporary files of commands that were interrupted.
fn leftovers(workspace: &Workspace) -> Result<Vec<Leftover>, FileError> {
    let root = workspace.root();
    let mut found = store::leftovers(workspace.objects().root())?;
    for folder in [root.to_owned(), root.join("explore"), workspace.local_baseline()] {
        let others = store::leftovers(&folder)?;
        found.extend(others.into_iter().filter(|file| is_old(&file.path)));
    }
    Ok(found)
}

fn is_old(path: &Path) -> bool {
    let age = fs::metadata(path).and_then(|metadata| metadata.modified());
    age.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > OLD))
}

/// Damaged registries that a repair kept.
fn kept_aside(workspace: &Workspace) -> Vec<String> {
    let registry = workspace.registry_path();
    let Some(name) = registry
        .file_name()
        .map(|name| format!("{}.damaged-", name.to_string_lossy()))
    else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(workspace.root()) else {
        return Vec::new();
    };
    let mut kept: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| file.starts_with(&name) && !file.ends_with("-wal"))
        .collect();
    kept.sort();
    kept
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What was done, a sentence each.
    pub done: Vec<String>,
    /// What was not, and why.
    pub left: Vec<String>,
    /// Bytes that were freed.
    pub freed_bytes: u64,
}

/// Repairs what [`examine`] finds: a damaged registry is kept aside and what can be read of it is put into a new one; blobs and temporary files
/// that nobody needs are removed, unless another process uses the workspace, or a damaged registry may have known them.
pub fn repair(workspace: &Workspace, baseline: Option<&Path>, stamp: &str) -> Result<Repair, UpkeepError> {
    let mut repair = Repair::default();
    let Some(collector) = workspace.objects().collector() else {
        repair
            .left
            .push("another mlbuild command is using this workspace: run again when it is done".to_owned());
        return Ok(repair);
    };
    let path = workspace.registry_path();
    match salvage::health(&path) {
        Health::Sound => {}
        Health::Unusable(error) => return Err(error.into()),
        Health::Damaged(_) => renew(&path, stamp, &mut repair)?,
    }
    for file in leftovers(workspace)? {
        repair.freed_bytes += collector.sweep(&file)?;
        repair.done.push(format!("removed {}", file.path.display()));
    }
    let mut registry = Registry::open(&path)?;
    let filled = figures::fill(&mut registry)?;
    if filled > 0 {
        repair.done.push(format!(
            "lists know the figures of {} now",
            count(filled, "older benchmark")
        ));
    }
    let blobs = match orphans(&registry, workspace, baseline) {
        Ok(blobs) => blobs,
        Err(why) => {
            repair.left.push(format!(
                "files that nothing refers to cannot be told from others: {why}"
            ));
            return Ok(repair);
        }
    };
    let kept = kept_aside(workspace);
    if let (Some(file), false) = (kept.first(), blobs.is_empty()) {
        repair.left.push(format!(
            "{} without a build kept: the damaged registry `{file}` may have known them; delete it to let them go",
            count(blobs.len(), "file")
        ));
        return Ok(repair);
    }
    let mut bytes = 0;
    for blob in &blobs {
        bytes += collector.remove(&blob.digest)?;
    }
    repair.freed_bytes += bytes;
    if !blobs.is_empty() {
        repair.done.push(format!(
            "removed {} that nothing refers to, {}",
            count(blobs.len(), "file"),
            Bytes(bytes)
        ));
    }
    Ok(repair)
}

/// Puts a new registry with what can be saved in the place of a damaged one.
fn renew(path: &Path, stamp: &str, repair: &mut Repair) -> Result<(), UpkeepError> {
    let new = beside(path, ".repaired");
    for end in ["", "-wal", "-shm"] {
        // What an interrupted repair left.
        let left = beside(&new, end);
        if left.exists() {
            fs::remove_file(&left).map_err(FileError::at("remove", &left))?;
        }
    }
    let saved = salvage::salvage(path, &new)?;
    let aside = salvage::replace(path, &new, stamp)?;
    repair.done.push(format!(
        "the damaged registry is kept as `{}`; the new one has {}",
        aside.display(),
        said(&saved)
    ));
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// What was saved: `3 builds, 5 measurements; lost some of measurements`.
fn said(saved: &[Saved]) -> String {
    let rows: Vec<String> = saved
        .iter()
        .filter(|table| table.rows > 0)
        .map(|table| format!("{} {}", table.rows, table.table.replace('_', " ")))
        .collect();
    let lost: Vec<String> = saved
        .iter()
        .filter(|table| table.has_losses)
        .map(|table| table.table.replace('_', " "))
        .collect();
    let rows = if rows.is_empty() {
        "no rows, as none can be read".to_owned()
    } else {
        rows.join(", ")
    };
    if lost.is_empty() {
        format!("all that there was: {rows}")
    } else {
        format!("{rows}; rows are lost of {}", lost.join(", "))
    }
}

/// What can be saved of a damaged registry, found by saving it into a file that is gone afterwards.
pub fn foresee(workspace: &Workspace) -> Result<String, UpkeepError> {
    let folder = tempfile::tempdir().map_err(FileError::at("make a temporary folder", Path::new("TMPDIR")))?;
    let saved = salvage::salvage(&workspace.registry_path(), &folder.path().join("registry.db"))?;
    Ok(said(&saved))
}

/// The examination as checks of the desk. `savable` says what a repair would save of a damaged registry.
pub fn checks(found: &Examination, savable: Option<&str>) -> Vec<Check> {
    const REPAIR: &str = "`mlbuild doctor --repair` does it";
    if let Some(why) = &found.unusable {
        return vec![Check::missing("registry", why.clone(), Vec::new())];
    }
    let mut checks = Vec::new();
    if found.faults.is_empty() {
        checks.push(Check::good(
            "registry",
            format!("whole, {}", count(found.builds, "build")),
        ));
        checks.push(files(found));
    } else {
        let mut advice = Vec::new();
        advice.extend(savable.map(|saved| format!("what can be saved: {saved}")));
        advice.push(
            "`mlbuild doctor --repair` keeps the damaged file aside and makes a new registry of that; files of builds are not touched"
                .to_owned(),
        );
        let shown: Vec<&str> = found.faults.iter().take(NAMED).map(String::as_str).collect();
        checks.push(Check::missing(
            "registry",
            format!("damaged: {}", shown.join("; ")),
            advice,
        ));
    }
    if let Some(why) = &found.orphans_unknown {
        checks.push(Check::note(
            "orphans",
            format!("cannot be told: {why}"),
            "repair or remove that baseline first",
        ));
    } else if !found.orphans.is_empty() {
        checks.push(orphans_check(found, REPAIR));
    }
    if found.leftovers > 0 {
        let text = format!(
            "{} of interrupted commands, {}",
            count(found.leftovers, "temporary file"),
            Bytes(found.leftover_bytes)
        );
        checks.push(Check::note("leftovers", text, format!("remove them: {REPAIR}")));
    }
    if found.without_figures > 0 {
        checks.push(Check::note(
            "figures",
            format!(
                "{} of an older version, whose figures lists do not show",
                count(found.without_figures, "benchmark")
            ),
            format!("compute them: {REPAIR}"),
        ));
    }
    if found.open_runs > 0 {
        checks.push(Check::note(
            "runs",
            format!("{} not ended", count(found.open_runs, "run")),
            "`mlbuild run list` shows them, `mlbuild run end --run-id ID` ends one",
        ));
    }
    checks
}

fn files(found: &Examination) -> Check {
    let read = if found.read_whole {
        "contents checked"
    } else {
        "sizes checked; `--deep` reads them"
    };
    if found.broken.is_empty() {
        return Check::good(
            "files",
            format!("{}, {}, {read}", count(found.files, "file"), Bytes(found.file_bytes)),
        );
    }
    let builds: BTreeSet<&str> = found.broken.iter().map(|broken| broken.build.as_str()).collect();
    let mut shown: Vec<String> = found
        .broken
        .iter()
        .take(NAMED)
        .map(|broken| format!("`{}` of {} is {}", broken.file, broken.label, broken.what))
        .collect();
    if found.broken.len() > NAMED {
        shown.push(format!("and {} more", found.broken.len() - NAMED));
    }
    let again = found.broken.iter().filter(|broken| broken.derivable).count();
    let mut advice = Vec::new();
    if again > 0 {
        advice.push(format!(
            "{again} of these can be derived again: `mlbuild optimize` with the same method"
        ));
    }
    if again < found.broken.len() {
        advice.push(
            "`mlbuild pull` fetches a build that was pushed; `mlbuild import` or `mlbuild build` with the same file puts a model back".to_owned(),
        );
    }
    Check::missing(
        "files",
        format!("{} incomplete: {}", count(builds.len(), "build"), shown.join(", ")),
        advice,
    )
}

fn orphans_check(found: &Examination, repair: &str) -> Check {
    let bytes: u64 = found.orphans.iter().map(|orphan| orphan.bytes).sum();
    let mut text = format!(
        "{} that nothing refers to, {}",
        count(found.orphans.len(), "file"),
        Bytes(bytes)
    );
    let Some(aside) = found.kept_aside.first() else {
        return Check::note("orphans", text, format!("remove them: {repair}"));
    };
    // Rows of builds are lost, and these may be their files.
    let models: Vec<String> = found
        .orphans
        .iter()
        .filter_map(|orphan| Some(format!("{} ({})", orphan.sha256.get(..12)?, orphan.model.as_ref()?)))
        .collect();
    if !models.is_empty() {
        text.push_str(&format!("; models among them: {}", models.join(", ")));
    }
    Check::note(
        "orphans",
        text,
        format!(
            "the registry was damaged (`{aside}`), and builds of these may be lost: `mlbuild import --model .mlbuild/objects/DIGEST` brings one back; delete that file to let the rest go"
        ),
    )
}
