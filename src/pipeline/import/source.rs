//! A model file as it is brought in: its format told by its content, its files with their digests, and what is known without running it.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::format;
use crate::model::format::Format;
use crate::model::onnx::check;
use crate::model::onnx::check::CheckError;

/// A package of more files is none.
const MOST_FILES: usize = 10_000;
/// A list of a package's contents is shorter, in bytes.
const LONGEST_MANIFEST: u64 = 1 << 20;
/// Where a Core ML package says what is in it.
const MANIFEST: &str = "Manifest.json";

/// A file that is part of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// `model.tflite`, or its place in the package.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
}

/// A model that was looked at and not changed.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its format.
    pub format: Format,
    /// Its identity.
    pub digest: Digest,
    /// Its files, the model first; empty where the model was read and knows them.
    pub files: Vec<SourceFile>,
    /// The model, where this version reads the format.
    pub model: Option<Model>,
}

/// Why a file is not brought in.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read, or is no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An ONNX model that breaks a rule.
    #[error("`{}` is refused: {source}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// Which rule.
        source: CheckError,
    },
    /// A model of another format that is damaged.
    #[error("`{}` is not a sound {format} model: {problem}", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What is wrong.
        problem: String,
    },
}

impl Hint for SourceError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Model(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Unsound { source, .. } => source.hints(),
            Self::Damaged { .. } => vec!["export or copy it again".to_owned()],
        }
    }
}

/// Looks at the model at `path`: ONNX and TensorFlow Lite models are read whole, scanned and checked; of Core ML the outer structure is.
pub fn read(path: &Path) -> Result<Source, SourceError> {
    let format = format::detect(path)?;
    match format {
        Format::Onnx | Format::TfLite => {
            let model = Model::load(path)?;
            if let Some(proto) = model.onnx() {
                check::check(proto).map_err(|source| SourceError::Unsound {
                    path: path.to_owned(),
                    source,
                })?;
            }
            Ok(Source {
                format,
                digest: model.digest.clone(),
                files: Vec::new(),
                model: Some(model),
            })
        }
        Format::CoreMl if path.is_dir() => package(path),
        Format::CoreMl => of_file(path, format, "model.mlmodel"),
    }
}

fn of_file(path: &Path, format: Format, name: &str) -> Result<Source, SourceError> {
    let file = source_file(path, name.to_owned())?;
    Ok(Source {
        format,
        digest: file.digest.clone(),
        files: vec![file],
        model: None,
    })
}

fn source_file(path: &Path, name: String) -> Result<SourceFile, FileError> {
    Ok(SourceFile {
        name,
        digest: Digest::of_file(path).map_err(FileError::at("read", path))?,
        bytes: fs::metadata(path).map_err(FileError::at("read", path))?.len(),
        path: path.to_owned(),
    })
}

/// A `.mlpackage`: its list of contents, and everything below it.
fn package(path: &Path) -> Result<Source, SourceError> {
    let damaged = |problem: String| SourceError::Damaged {
        path: path.to_owned(),
        format: Format::CoreMl,
        problem,
    };
    let manifest = path.join(MANIFEST);
    if !manifest.is_file() {
        return Err(damaged(format!(
            "it has no `{MANIFEST}`; a compiled model (.mlmodelc) cannot be brought in, its package can"
        )));
    }
    let mut text = String::new();
    File::open(&manifest)
        .and_then(|file| file.take(LONGEST_MANIFEST).read_to_string(&mut text))
        .map_err(FileError::at("read", &manifest))?;
    let listed: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| damaged(format!("`{MANIFEST}` is no JSON: {error}")))?;
    let root = listed
        .get("rootModelIdentifier")
        .and_then(serde_json::Value::as_str)
        .and_then(|id| listed.get("itemInfoEntries")?.get(id)?.get("path")?.as_str())
        .ok_or_else(|| damaged(format!("`{MANIFEST}` names no model")))?;
    let root = format!("Data/{root}");
    let mut names = Vec::new();
    walk(path, "", &mut names, &damaged)?;
    names.sort();
    let position = names
        .iter()
        .position(|name| *name == root)
        .ok_or_else(|| damaged(format!("its model `{root}` is not in it")))?;
    let model = names.remove(position);
    let mut files = vec![source_file(&path.join(&model), model)?];
    for name in names {
        files.push(source_file(&path.join(&name), name)?);
    }
    let mut sorted: Vec<&SourceFile> = files.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let mut hasher = Hasher::new();
    hasher.part(b"mlpackage");
    for file in sorted {
        hasher.part(file.name.as_bytes());
        hasher.part(file.digest.as_str().as_bytes());
    }
    Ok(Source {
        format: Format::CoreMl,
        digest: hasher.finish(),
        files,
        model: None,
    })
}

fn walk(
    folder: &Path,
    prefix: &str,
    names: &mut Vec<String>,
    damaged: &dyn Fn(String) -> SourceError,
) -> Result<(), SourceError> {
    for entry in fs::read_dir(folder).map_err(FileError::at("read the folder", folder))? {
        let entry = entry.map_err(FileError::at("read the folder", folder))?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| damaged(format!("the name {} is no Unicode", name.display())))?;
        if name == ".DS_Store" {
            continue;
        }
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(FileError::at("read", &entry.path()))?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), names, damaged)?;
        } else if kind.is_file() {
            names.push(name);
        } else {
            return Err(damaged(format!(
                "`{name}` is a link or a device, which packages don't hold"
            )));
        }
        if names.len() > MOST_FILES {
            return Err(damaged(format!("it has more than {MOST_FILES} files")));
        }
    }
    Ok(())
}
