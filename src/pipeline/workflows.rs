//! The lint of the user's workflows: which files, and what of the repository around them matters.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use crate::config::BaselineStore;
use crate::config::discover;
use crate::config::lfs;
use crate::config::load::Loaded;
use crate::config::workflow;
use crate::config::workflow::Finding;
use crate::config::workflow::Severity;
use crate::config::workflow::Surroundings;
use crate::files::FileError;
use crate::hint::Hint;
use crate::report::clean;

/// Where GitHub looks.
const FOLDER: &str = ".github/workflows";
/// More files than this no repository has.
const MOST_FILES: usize = 500;

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowsError {
    /// There are none.
    #[error("no workflow in `{}`", place.display())]
    None {
        /// Where they were looked for.
        place: PathBuf,
    },
    /// Too many files.
    #[error("more than {MOST_FILES} workflows in `{}`", place.display())]
    TooMany {
        /// The folder.
        place: PathBuf,
    },
    /// A file or folder could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for WorkflowsError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::None { .. } => vec![
                "`mlbuild init` writes one; a file or folder elsewhere can be named: `--workflows PATH`".to_owned(),
            ],
            Self::TooMany { .. } => vec!["name a folder of workflows, or one file".to_owned()],
            Self::File(error) => error.hints(),
        }
    }
}

/// What was looked at and found.
#[derive(Debug, Clone)]
pub struct Lint {
    /// The files, as they are shown, in the order of their names.
    pub files: Vec<PathBuf>,
    /// By file, then by line.
    pub findings: Vec<Finding>,
}

impl Lint {
    /// How many findings are as bad as this.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

/// Looks over the workflows at `path` (a file, a folder of them, or a repository), or over those of the repository around `start`.
///
/// # Errors
///
/// Where there are none, or they cannot be read. What is wrong *in* one is a finding.
pub fn lint(path: Option<&Path>, start: &Path, config: Option<&Loaded>) -> Result<Lint, WorkflowsError> {
    let place = match path {
        Some(path) => start.join(path),
        None => start
            .ancestors()
            .map(|folder| folder.join(FOLDER))
            .find(|folder| folder.is_dir())
            .ok_or_else(|| WorkflowsError::None {
                place: start.join(FOLDER),
            })?,
    };
    let paths = find(&place)?;
    if paths.is_empty() {
        return Err(WorkflowsError::None { place });
    }
    let files = paths
        .iter()
        .map(|path| {
            Ok(workflow::File {
                path: shown(path, start),
                text: read(path)?,
            })
        })
        .collect::<Result<Vec<workflow::File>, FileError>>()?;
    let findings = workflow::check(&files, &surroundings(&place, start, config));
    Ok(Lint {
        files: files.into_iter().map(|file| file.path).collect(),
        findings,
    })
}

fn find(place: &Path) -> Result<Vec<PathBuf>, WorkflowsError> {
    if !fs::metadata(place).map_err(FileError::at("read", place))?.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let inner = place.join(FOLDER);
    let folder = if inner.is_dir() { inner } else { place.to_owned() };
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(FileError::at("read", &folder))? {
        let path = entry.map_err(FileError::at("read", &folder))?.path();
        if workflow::is_workflow(&path) && path.is_file() {
            found.push(path);
        }
        if found.len() > MOST_FILES {
            return Err(WorkflowsError::TooMany { place: folder });
        }
    }
    found.sort();
    Ok(found)
}

/// The text, one byte past the limit at most, so that the lint sees that it is too long.
fn read(path: &Path) -> Result<String, FileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(workflow::LARGEST + 1).read_to_end(&mut bytes))
        .map_err(FileError::at("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As it may stand in a terminal.
fn shown(path: &Path, start: &Path) -> PathBuf {
    let path = path.strip_prefix(start).unwrap_or(path);
    PathBuf::from(clean::line(&path.display().to_string(), 4 * clean::NAME_LENGTH))
}

fn surroundings(place: &Path, start: &Path, config: Option<&Loaded>) -> Surroundings {
    let above = place
        .ancestors()
        .find(|folder| folder.ends_with(".github"))
        .and_then(Path::parent)
        .map(Path::to_owned);
    let root = above
        .or_else(|| discover::repository(place))
        .unwrap_or_else(|| start.to_owned());
    let own = fs::read_to_string(root.join("action.yml")).is_ok_and(|text| text.starts_with("name: mlbuild\n"));
    let Some(config) = config else {
        return Surroundings {
            is_own_repository: own,
            ..Surroundings::default()
        };
    };
    let folder = start.join(&config.folder);
    let within = folder.strip_prefix(&root).ok();
    let models = config.config.models.iter().filter(|model| model.build.is_none());
    let lfs_models = models
        .filter_map(|model| {
            let path = within?.join(&model.path);
            let path = path.to_str()?.replace('\\', "/");
            let is_kept = lfs::tracks(&root, &path) || discover::is_pointer(&root.join(&path));
            is_kept.then(|| model.path.display().to_string())
        })
        .collect();
    Surroundings {
        lfs_models,
        baseline_is_committed: matches!(config.config.baseline.store, BaselineStore::Dir(_)),
        is_own_repository: own,
    }
}
