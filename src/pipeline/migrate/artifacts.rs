//! The files of their builds: found where the registry says or where the folder is now, and compared with the digest that it has.

use std::fs;
use std::io::Read as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::registry::ArtifactFacts;
use crate::units::Bytes;

use super::error::MigrateError;
use super::source::Source;
use super::source::TheirBuild;

/// The most files of one build, far above any Core ML package.
const MOST_FILES: usize = 10_000;

/// What became of a build's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Files {
    /// They are there; whether they are what was registered could be told or not.
    Whole {
        /// The model first.
        files: Vec<(PathBuf, ArtifactFacts)>,
        /// False where their digest is of something that cannot be computed here.
        compared: bool,
    },
    /// They are not what was registered.
    Changed,
    /// They are not there.
    Missing,
}

/// Finds a build's files.
pub(super) fn find(build: &TheirBuild, source: &Source) -> Result<Files, MigrateError> {
    let Some(path) = source.locate(&build.artifact_path) else {
        return Ok(Files::Missing);
    };
    let mut found = Vec::new();
    if path.is_dir() {
        walk(&path, &path, &mut found)?;
        // The model before what it refers to; the tool keeps a file in a folder of its own.
        found.sort_by_key(|(name, _)| (!is_model(name), name.clone()));
    } else {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        found.push((name.unwrap_or_default(), path.clone()));
    }
    if found.is_empty() {
        return Ok(Files::Missing);
    }
    let mut files = Vec::new();
    for (name, path) in &found {
        let size = fs::metadata(path).map_err(FileError::at("read", path))?.len();
        let digest = Digest::of_file(path).map_err(FileError::at("read", path))?;
        let facts = ArtifactFacts {
            name: name.clone(),
            digest,
            size: Bytes(size),
        };
        files.push((path.clone(), facts));
    }
    let alone = files.len() == 1
        && files
            .first()
            .is_some_and(|(_, facts)| facts.digest.as_str() == build.artifact_hash);
    if alone || of_folder(&found)?.as_str() == build.artifact_hash {
        return Ok(Files::Whole { files, compared: true });
    }
    // For packages the tool digests a normalised specification, which only its own library computes.
    if files.len() > 1 && matches!(build.format.as_str(), "coreml" | "mlpackage") {
        return Ok(Files::Whole { files, compared: false });
    }
    Ok(Files::Changed)
}

fn is_model(name: &str) -> bool {
    [".onnx", ".tflite", ".mlmodel"].iter().any(|end| name.ends_with(end))
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> Result<(), MigrateError> {
    for entry in fs::read_dir(folder).map_err(FileError::at("read", folder))? {
        let entry = entry.map_err(FileError::at("read", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(FileError::at("read", &path))?;
        // A link may lead out of the folder.
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if kind.is_file() && found.len() < MOST_FILES {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let names: Vec<String> = below
                .components()
                .filter_map(|part| match part {
                    Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                    _ => None,
                })
                .collect();
            found.push((names.join("/"), path));
        }
    }
    Ok(())
}

/// Their digest of a folder: names and contents, sorted by name.
fn of_folder(found: &[(String, PathBuf)]) -> Result<Digest, MigrateError> {
    let mut sorted: Vec<_> = found.iter().collect();
    sorted.sort();
    let mut hasher = Hasher::new();
    let mut piece = vec![0; 1 << 16];
    for (name, path) in sorted {
        hasher.update(name.as_bytes());
        let mut file = fs::File::open(path).map_err(FileError::at("read", path))?;
        loop {
            match file.read(&mut piece).map_err(FileError::at("read", path))? {
                0 => break,
                read => hasher.update(piece.get(..read).unwrap_or_default()),
            }
        }
    }
    Ok(hasher.finish())
}
