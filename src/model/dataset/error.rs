//! What can be wrong with a dataset, and what to do about it.

use std::path::PathBuf;

use crate::files::FileError;
use crate::hint::Hint;
use crate::model::onnx::shown::shown;

/// A dataset that cannot be used; every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not an `.npz` archive, or a broken one.
    #[error("`{}` is not an .npz archive: {reason}", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The archive is larger than any honest dataset.
    #[error("`{}` is refused: {reason}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Which cap it exceeds.
        reason: String,
    },
    /// An array that is needed is not there.
    #[error("`{}` has no array {}{}", path.display(), shown(name), if *labels { " for the labels" } else { "" })]
    MissingArray {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        name: String,
        /// True where it was looked for as the labels.
        labels: bool,
        /// The arrays that are there.
        present: Vec<String>,
    },
    /// A file or folder that cannot be used.
    #[error("{}`{}` {reason}", name.as_ref().map(|name| format!("{} in ", shown(name))).unwrap_or_default(), folder.display())]
    Unusable {
        /// The folder of the dataset.
        folder: PathBuf,
        /// The file in it, relative; `None` where it is the folder itself.
        name: Option<String>,
        /// What is wrong, as the rest of a sentence.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// An array that does not fit the model.
    #[error("array {} of `{}` {reason}", shown(array), path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The array.
        array: String,
        /// What does not fit, as the rest of a sentence.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Hint for DatasetError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::NotAnArchive { .. } => {
                vec![
                    "a dataset is a folder of images or .npy files, or an archive written in Python with \
                     `numpy.savez(path, input_name=x, labels=y)`"
                        .to_owned(),
                ]
            }
            Self::TooLarge { .. } => vec!["keep only the samples that the gate needs; some hundreds do".to_owned()],
            Self::MissingArray { labels, present, .. } => {
                let present = format!("the arrays in it are {}", list(present));
                let advice = if *labels {
                    "correct `labels` of the model's `dataset` in .mlbuild.yml"
                } else {
                    "name the arrays as the model's inputs (a model with one input also takes `x`, the only array besides the labels, or the one that \
                     `array` of the `dataset` or `calibration` names)"
                };
                vec![present, advice.to_owned()]
            }
            Self::Unfit { hint, .. } | Self::Unusable { hint, .. } => hint.iter().cloned().collect(),
        }
    }
}

/// `` `a`, `b` and 3 more ``.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    if shown.is_empty() {
        "none".to_owned()
    } else {
        shown.join(", ")
    }
}
