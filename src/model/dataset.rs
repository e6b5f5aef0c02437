//! Samples to compare outputs on, read from an `.npz` archive of NumPy arrays.
//!
//! Arrays are named as the model's inputs; their first axis counts samples. Nothing is rescaled, and no value changes on the way in:
//! what does not fit is an error.

mod convert;
mod npy;
mod npz;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::config::types::DatasetConfig;
use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::model::inputs::is_batch;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

/// Samples, and their labels where there are any.
#[derive(Debug)]
pub struct Dataset {
    samples: Vec<Vec<Tensor>>,
    labels: Option<Vec<i64>>,
    digest: Digest,
}

impl Dataset {
    /// Opens the dataset that `config` names for a model with the inputs `specs`; see [`load`].
    pub fn open(
        config: &DatasetConfig,
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        load(config, specs, overrides)
    }

    /// How many samples are used; at least one.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Never true: a dataset without a sample is an error.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// One sample: a tensor per input of the model, in the model's order.
    pub fn sample(&self, index: usize) -> Result<Vec<Tensor>, DatasetError> {
        Ok(self.samples.get(index).cloned().unwrap_or_default())
    }

    /// The label of one sample, where there are labels.
    pub fn label(&self, index: usize) -> Option<i64> {
        self.labels.as_ref()?.get(index).copied()
    }

    /// True where samples have labels.
    pub fn is_labelled(&self) -> bool {
        self.labels.is_some()
    }

    /// The digest of everything that was read.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

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
                vec!["write it in Python with `numpy.savez(path, input_name=x, labels=y)`".to_owned()]
            }
            Self::TooLarge { .. } => vec!["keep only the samples that the gate needs; some hundreds do".to_owned()],
            Self::MissingArray { labels, present, .. } => {
                let present = format!("the arrays in it are {}", list(present));
                let advice = if *labels {
                    "correct `labels` of the model's `dataset` in .mlbuild.yml"
                } else {
                    "name the arrays as the model's inputs (a model with one input also takes `x`, or the only array besides the labels)"
                };
                vec![present, advice.to_owned()]
            }
            Self::Unfit { hint, .. } => hint.iter().cloned().collect(),
        }
    }
}

/// Reads the first `samples` samples that `config` names for a model with the inputs `specs`.
///
/// A sample keeps a leading dimension of 1 where the model's first dimension counts samples; where it doesn't, the array has one axis
/// more than the input. `overrides` (whole shapes, by input name) tell the rank of inputs that have none in the model. Types must be
/// the model's, but for integers whose values fit and `float64`, which is rounded to `float`. Errors are [`DatasetError`]s.
pub fn load(
    config: &DatasetConfig,
    specs: &[TensorSpec],
    overrides: &BTreeMap<String, Vec<u64>>,
) -> Result<Dataset, DatasetError> {
    let path = config.path.as_path();
    let digest = Digest::of_file(path).map_err(FileError::at("read", path))?;
    let mut archive = npz::Archive::open(path)?;
    let mut columns = Vec::with_capacity(specs.len());
    let mut count: Option<(u64, String)> = None;
    let mut sizes = BTreeMap::new();
    for spec in specs {
        let name = array_for(spec, specs.len(), &archive, config)?;
        let unfit = |reason: String, hint: Option<String>| DatasetError::Unfit {
            path: path.to_owned(),
            array: name.clone(),
            reason,
            hint,
        };
        let header = archive.header(&name)?;
        let rows = agree_on_count(&mut count, &header.shape, &name).map_err(|reason| unfit(reason, None))?;
        let shape = sample_shape(spec, overrides.get(&spec.name), &header.shape[1..], &mut sizes)
            .map_err(|reason| unfit(reason, None))?;
        let used = rows.min(config.samples as u64);
        let raw = archive.rows(&name, &header, used)?;
        let data = convert::elements(raw, header.element, spec.element)
            .map_err(|convert::Misfit { reason, hint }| unfit(reason, hint))?;
        if let Some(element) = convert::first_nan(&data, spec.element) {
            let per_sample = shape.iter().product::<u64>().max(1);
            let sample = element as u64 / per_sample;
            return Err(unfit(
                format!("has a NaN in sample {sample}"),
                Some("remove that sample".to_owned()),
            ));
        }
        columns.push((spec, shape, data));
    }
    let (rows, first) = count.ok_or_else(|| DatasetError::NotAnArchive {
        path: path.to_owned(),
        reason: "the model has no inputs".to_owned(),
    })?;
    let used = rows.min(config.samples as u64);
    let samples = (0..used as usize)
        .map(|index| {
            columns
                .iter()
                .map(|(spec, shape, data)| sample(spec, shape, data, index))
                .collect()
        })
        .collect();
    let labels = match &config.labels {
        None => None,
        Some(name) => Some(labels(&mut archive, path, name, (rows, &first), used)?),
    };
    Ok(Dataset {
        samples,
        labels,
        digest,
    })
}

/// One row of a column of `data`, sharing its memory.
fn sample(spec: &TensorSpec, shape: &[u64], data: &bytes::Bytes, index: usize) -> Tensor {
    let length = shape.iter().product::<u64>() as usize * spec.element.size().unwrap_or(0);
    Tensor {
        name: spec.name.clone(),
        element: spec.element,
        shape: shape.to_vec(),
        data: data.slice(index * length..(index + 1) * length),
    }
}

/// The array that feeds an input: its namesake; where there is one input only, also `x`, or the only array besides the labels.
fn array_for(
    spec: &TensorSpec,
    inputs: usize,
    archive: &npz::Archive,
    config: &DatasetConfig,
) -> Result<String, DatasetError> {
    if archive.contains(&spec.name) {
        return Ok(spec.name.clone());
    }
    let present = archive.names();
    if inputs == 1 {
        if archive.contains("x") {
            return Ok("x".to_owned());
        }
        let mut others = present.iter().filter(|name| Some(*name) != config.labels.as_ref());
        if let (Some(only), None) = (others.next(), others.next()) {
            return Ok(only.clone());
        }
    }
    Err(DatasetError::MissingArray {
        path: config.path.clone(),
        name: spec.name.clone(),
        labels: false,
        present,
    })
}

/// Checks that all arrays have equally many samples, at least one.
fn agree_on_count(count: &mut Option<(u64, String)>, shape: &[u64], name: &str) -> Result<u64, String> {
    let Some(&rows) = shape.first() else {
        return Err("is a single number; its first axis must count the samples".to_owned());
    };
    if rows == 0 {
        return Err("holds no sample".to_owned());
    }
    match count {
        Some((expected, first)) if *expected != rows => {
            Err(format!("holds {rows} samples, but {} holds {expected}", shown(first)))
        }
        Some(_) => Ok(rows),
        None => {
            *count = Some((rows, name.to_owned()));
            Ok(rows)
        }
    }
}

/// The shape of one sample of `rest` (the array's shape without its first axis) as the input takes it; `sizes` remembers the sizes of
/// named dimensions over all inputs.
fn sample_shape(
    spec: &TensorSpec,
    given: Option<&Vec<u64>>,
    rest: &[u64],
    sizes: &mut BTreeMap<String, u64>,
) -> Result<Vec<u64>, String> {
    let dims: Vec<Dim> = match (&spec.dims, given) {
        (Some(dims), _) => dims.clone(),
        (None, Some(shape)) => vec![Dim::Unknown; shape.len()],
        (None, None) => vec![Dim::Unknown; rest.len() + 1],
    };
    let batched = dims
        .first()
        .is_some_and(|dim| *dim == Dim::Fixed(1) || is_batch(dim, 0));
    let shape: Vec<u64> = if batched && dims.len() == rest.len() + 1 {
        std::iter::once(1).chain(rest.iter().copied()).collect()
    } else {
        rest.to_vec()
    };
    let fits = shape.len() == dims.len()
        && dims
            .iter()
            .zip(&shape)
            .enumerate()
            .all(|(axis, (dim, size))| match dim {
                Dim::Fixed(fixed) => fixed == size,
                Dim::Symbol(_) if axis == 0 && batched => true,
                Dim::Symbol(symbol) => *sizes.entry(symbol.clone()).or_insert(*size) == *size,
                Dim::Unknown => true,
            });
    if fits {
        return Ok(shape);
    }
    let expected: Vec<String> = std::iter::once("samples".to_owned())
        .chain(dims.iter().skip(usize::from(batched)).map(|dim| match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Symbol(symbol) => sizes.get(symbol).map_or_else(|| symbol.clone(), u64::to_string),
            Dim::Unknown => "?".to_owned(),
        }))
        .collect();
    let found: Vec<String> = std::iter::once("samples".to_owned())
        .chain(rest.iter().map(u64::to_string))
        .collect();
    Err(format!(
        "has the shape [{}], but input {} takes [{}]",
        found.join(", "),
        shown(&spec.name),
        expected.join(", ")
    ))
}

fn labels(
    archive: &mut npz::Archive,
    path: &Path,
    name: &str,
    (rows, inputs): (u64, &str),
    used: u64,
) -> Result<Vec<i64>, DatasetError> {
    if !archive.contains(name) {
        return Err(DatasetError::MissingArray {
            path: path.to_owned(),
            name: name.to_owned(),
            labels: true,
            present: archive.names(),
        });
    }
    let unfit = |reason: String, hint: Option<String>| DatasetError::Unfit {
        path: path.to_owned(),
        array: name.to_owned(),
        reason,
        hint,
    };
    let header = archive.header(name)?;
    let found = header.shape.first().copied().unwrap_or(0);
    if header.shape.iter().skip(1).any(|size| *size != 1) || header.shape.is_empty() {
        return Err(unfit(
            format!("has the shape {:?}, but labels are one number a sample", header.shape),
            Some("turn one-hot labels into class numbers with `labels.argmax(axis=1)`".to_owned()),
        ));
    }
    if found != rows {
        return Err(unfit(
            format!("holds {found} labels, but {} holds {rows} samples", shown(inputs)),
            None,
        ));
    }
    let raw = archive.rows(name, &header, used)?;
    let data = convert::elements(raw, header.element, ElementType::Int64).map_err(|convert::Misfit { .. }| {
        unfit(format!("holds {}, but labels are integers", header.describe()), None)
    })?;
    Ok(data
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| i64::from_le_bytes(*bytes))
        .collect())
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
