//! What can be wrong with a model file, and what to do about it.

use std::path::PathBuf;

use crate::files::FileError;
use crate::hint::Hint;
use crate::model::format::Format;
use crate::model::onnx::external::ExternalError;
use crate::model::tflite::ReadError;

/// A model that cannot be read, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The operating system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder, and not one that is a model.
    #[error("`{}` is {what}, not a model file", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What it looks like.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A device, socket or pipe.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// Nothing in it.
    #[error("`{}` is empty; expected a model", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Git put a pointer where the model belongs.
    #[error("`{}` is a Git LFS pointer, not the model itself{}", path.display(), behind(*size))]
    LfsPointer {
        /// The pointer.
        path: PathBuf,
        /// The size of what it points to, in bytes.
        size: Option<u64>,
    },
    /// Something else, recognised.
    #[error("`{}` is {what}, not a model", path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A model of a format that is recognised and not supported.
    #[error("`{}` is a {format} model: recognised, but not yet supported", path.display())]
    NotYet {
        /// The file or folder.
        path: PathBuf,
        /// Its format.
        format: Format,
    },
    /// The end is missing.
    #[error(
        "`{}` is cut short: it has {size} bytes and at least {missing} more are missing from the end",
        path.display()
    )]
    CutShort {
        /// The file.
        path: PathBuf,
        /// Bytes found.
        size: u64,
        /// Bytes known to be missing.
        missing: u64,
    },
    /// Not the protobuf message that an ONNX model is.
    #[error("`{}` is not a readable ONNX model: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where reading stopped.
        reason: String,
    },
    /// Not the tables that a TensorFlow Lite model is.
    #[error("`{}` is not a readable TFLite model: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where reading stopped.
        source: Box<ReadError>,
    },
    /// Something that is only known how to do with ONNX.
    #[error("`{}` is a {format} model: {what} takes ONNX models only", path.display())]
    OnlyOnnx {
        /// The model.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What was to be done, as the subject of a sentence.
        what: &'static str,
    },
    /// An entry point that the model does not have.
    #[error("`{}` has no signature `{}`", path.display(), name.escape_debug())]
    Signature {
        /// The model.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// Well formed, but not safe or not sound.
    #[error("`{}` is refused: {place} {problem}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Which node, tensor or graph.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// External data that is missing or not allowed.
    #[error("`{}`: {source}", path.display())]
    External {
        /// The model.
        path: PathBuf,
        /// Which data, and what is wrong with it.
        source: Box<ExternalError>,
    },
    /// Writing it back would lose something.
    #[error(
        "`{}` cannot be modified without loss: {reason}",
        path.display()
    )]
    NotModifiable {
        /// The model.
        path: PathBuf,
        /// What would be lost.
        reason: String,
    },
}

fn behind(size: Option<u64>) -> String {
    size.map(|size| format!(" ({})", crate::units::Bytes(size)))
        .unwrap_or_default()
}

/// What to do about Git LFS pointers, wherever they turn up.
pub(crate) fn lfs_hints() -> Vec<String> {
    vec![
        "in the workflow, set `lfs: true` under `with:` of actions/checkout".to_owned(),
        "at the desk, run `git lfs install` once and then `git lfs pull`".to_owned(),
    ]
}

impl Hint for ModelError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Folder { advice, .. } | Self::NotAModel { advice, .. } => vec![(*advice).to_owned()],
            Self::NotAFile { .. } => vec!["give the path of a model file".to_owned()],
            Self::Empty { .. } => {
                vec!["check that the step that writes the model succeeded, and commit its result".to_owned()]
            }
            Self::LfsPointer { .. } => lfs_hints(),
            Self::NotYet { .. } => vec!["give the ONNX model it was converted from".to_owned()],
            Self::CutShort { .. } => {
                vec![
                    "copy or download the file again; a full disk or an interrupted transfer cuts files short"
                        .to_owned(),
                ]
            }
            Self::Damaged { .. } => vec![
                "export the model again; `python -c \"import onnx; onnx.checker.check_model('MODEL')\"` tells more"
                    .to_owned(),
            ],
            Self::Unreadable { source, .. } => source.hints(),
            Self::OnlyOnnx { .. } => vec!["give the ONNX model that it was converted from".to_owned()],
            Self::Signature { names, .. } => vec![match names.as_slice() {
                [] => "it has none: leave `signature` out".to_owned(),
                names => {
                    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
                    format!("it has {}", names.join(", "))
                }
            }],
            Self::Refused { .. } => vec![
                "if an exporter that you trust wrote this, export again with its current version; the limits guard the \
                 runner against hostile files"
                    .to_owned(),
            ],
            Self::External { source, .. } => source.hints(),
            Self::NotModifiable { .. } => vec![
                "gate it as it is (`variants: [fp32]`), or save it once with a current `onnx` package: \
                 `onnx.save(onnx.load(path), path)`"
                    .to_owned(),
            ],
        }
    }
}
