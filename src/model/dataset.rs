//! Samples to compare outputs on: an `.npz` archive of NumPy arrays, a folder of `.npy` files, or a folder of images.
//!
//! Arrays go in as they are, and what does not fit the model is an error; images are resized and normalized on the way. A folder's
//! samples are read one at a time, when they are asked for. `docs/datasets.md` says what people may write.

mod arrays;
mod columns;
mod convert;
mod error;
mod folder;
mod images;
mod labels;
mod npy;
mod npz;
mod shape;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use crate::config::types::DatasetConfig;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

use arrays::Arrays;
use columns::Columns;
use folder::Folder;
use folder::Kind;
use images::Images;

pub use error::DatasetError;

/// Samples, and their labels where there are any.
#[derive(Debug)]
pub struct Dataset {
    source: Source,
    labels: Option<Vec<i64>>,
    digest: Digest,
    path: PathBuf,
    available: u64,
}

#[derive(Debug)]
enum Source {
    Columns(Columns),
    Folder {
        folder: Folder,
        /// The numbers of the folder's samples that are used.
        chosen: Vec<usize>,
        form: Form,
    },
}

#[derive(Debug)]
enum Form {
    Arrays(Arrays),
    Images(Images),
}

impl Dataset {
    /// Opens the dataset that `config` names for a model with the inputs `specs`; at most `config.samples` samples are used.
    ///
    /// A sample keeps a leading dimension of 1 where the model's first dimension counts samples; where it doesn't, an archive's array
    /// has one axis more than the input. `overrides` (whole shapes, by input name) tell the rank of inputs that have none in the
    /// model, and the size of images where the model leaves it open. Types must be the model's, but for integers whose values fit
    /// and `float64`, which is rounded to `float`. Errors are [`DatasetError`]s; those of a single file's contents may wait until its
    /// sample is asked for.
    pub fn open(
        config: &DatasetConfig,
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        if config.path.is_dir() {
            return Self::open_folder(config, specs, overrides);
        }
        if folder::is_image(&config.path) {
            return Err(DatasetError::NotAnArchive {
                path: config.path.clone(),
                reason: "it is one image; name the folder that it lies in".to_owned(),
            });
        }
        let digest = Digest::of_file(&config.path).map_err(FileError::at("read", &config.path))?;
        let (columns, labels) = Columns::open(config, specs, overrides)?;
        Ok(Self {
            available: columns.available(),
            source: Source::Columns(columns),
            labels,
            digest,
            path: config.path.clone(),
        })
    }

    /// The same for calibration: of an archive for a model with one input, the only fitting array with `calib` in its name counts
    /// more than one called `x`, where none is named.
    pub fn open_for_calibration(
        config: &DatasetConfig,
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        let mut config = config.clone();
        if config.array.is_none() && config.path.is_file() && !folder::is_image(&config.path) {
            config.array = columns::calibration_array(&config.path, specs, overrides)?;
        }
        Self::open(&config, specs, overrides)
    }

    fn open_folder(
        config: &DatasetConfig,
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        let inputs: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let folder = Folder::open(&config.path, &inputs, config.labels.as_deref())?;
        if let Some(array) = &config.array {
            return Err(folder.unusable_folder(
                format!(
                    "is a folder, and `array` names an array of an .npz archive, {}",
                    shown(array)
                ),
                Some("leave `array` out"),
            ));
        }
        let chosen = folder.choose(config.samples);
        let labels = labels::labels(&folder, &chosen)?;
        let form = match (folder.kind, specs) {
            (Kind::Images, [spec]) => {
                let given = overrides.get(&spec.name);
                Form::Images(Images::open(&folder, &chosen, spec, given, &config.images)?)
            }
            _ => Form::Arrays(Arrays::open(&folder, &chosen, specs, overrides)?),
        };
        let digest = digest(&folder, &chosen, labels.as_deref())?;
        Ok(Self {
            available: folder.samples.len() as u64,
            source: Source::Folder { folder, chosen, form },
            labels,
            digest,
            path: config.path.clone(),
        })
    }

    /// How many samples are used; at least one.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Columns(columns) => columns.len(),
            Source::Folder { chosen, .. } => chosen.len(),
        }
    }

    /// Never true: a dataset without a sample is an error.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many samples there are, used or not.
    pub fn available(&self) -> u64 {
        self.available
    }

    /// The archive or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One sample: a tensor per input of the model, in the model's order; nothing beyond the last. Errors where its file turns out
    /// to be broken.
    pub fn sample(&self, index: usize) -> Result<Vec<Tensor>, DatasetError> {
        if index >= self.len() {
            return Ok(Vec::new());
        }
        match &self.source {
            Source::Columns(columns) => Ok(columns.sample(index)),
            Source::Folder { folder, chosen, form } => {
                let files = &folder.samples[chosen[index]].files;
                match form {
                    Form::Arrays(arrays) => arrays.sample(folder, files),
                    Form::Images(images) => Ok(vec![images.sample(folder, &files[0])?]),
                }
            }
        }
    }

    /// The label of one sample, where there are labels.
    pub fn label(&self, index: usize) -> Option<i64> {
        self.labels.as_ref()?.get(index).copied()
    }

    /// True where samples have labels.
    pub fn is_labelled(&self) -> bool {
        self.labels.is_some()
    }

    /// What identifies the samples: the SHA-256 of an archive; of a folder that of the names, contents and labels of the samples that
    /// are used.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// Over the samples that are used, in their order.
fn digest(folder: &Folder, chosen: &[usize], labels: Option<&[i64]>) -> Result<Digest, DatasetError> {
    let mut hasher = Hasher::new();
    hasher.part(b"folder");
    let mut buffer = vec![0_u8; 1 << 16];
    for (position, index) in chosen.iter().enumerate() {
        let label = labels.and_then(|labels| labels.get(position));
        hasher.part(label.map(i64::to_string).unwrap_or_default().as_bytes());
        for name in &folder.samples[*index].files {
            hasher.part(name.as_bytes());
            let (mut file, _) = folder.file(name)?;
            let mut content = Hasher::new();
            loop {
                let read = file
                    .read(&mut buffer)
                    .map_err(FileError::at("read", &folder.path(name)))?;
                if read == 0 {
                    break;
                }
                content.update(&buffer[..read]);
            }
            hasher.part(content.finish().as_str().as_bytes());
        }
    }
    Ok(hasher.finish())
}
