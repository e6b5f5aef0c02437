//! Samples out of one `.npz` archive: an array an input, whose first axis counts samples.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use super::DatasetError;
use super::convert;
use super::npz;
use super::shape;
use crate::config::types::DatasetConfig;
use crate::model::onnx::shown::shown;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

/// The samples of an archive, packed as they are fed.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Column>,
    samples: usize,
    available: u64,
}

#[derive(Debug)]
struct Column {
    name: String,
    element: ElementType,
    /// Of one sample.
    shape: Vec<u64>,
    data: Bytes,
}

impl Columns {
    /// Reads the first `samples` samples that `config` names, and their labels.
    pub(super) fn open(
        config: &DatasetConfig,
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<(Self, Option<Vec<i64>>), DatasetError> {
        let path = config.path.as_path();
        let mut archive = npz::Archive::open(path)?;
        let mut columns = Vec::with_capacity(specs.len());
        let mut count: Option<(u64, String)> = None;
        let mut sizes = shape::Sizes::new();
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
            let sample = &header.shape[1..];
            let dims = shape::dims(spec, overrides.get(&spec.name), sample.len() + 1);
            let shape = shape::fit(&dims, sample, &mut sizes).map_err(|expected| {
                let axes = |dims: Vec<String>| shape::shown(std::iter::once("samples".to_owned()).chain(dims));
                let reason = format!(
                    "has the shape {}, but input {} takes {}",
                    axes(sample.iter().map(u64::to_string).collect()),
                    shown(&spec.name),
                    axes(expected)
                );
                unfit(reason, None)
            })?;
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
            columns.push(Column {
                name: spec.name.clone(),
                element: spec.element,
                shape,
                data,
            });
        }
        let (rows, first) = count.ok_or_else(|| DatasetError::NotAnArchive {
            path: path.to_owned(),
            reason: "the model has no inputs".to_owned(),
        })?;
        let used = rows.min(config.samples as u64);
        let labels = match &config.labels {
            None => None,
            Some(name) => Some(labels(&mut archive, path, name, (rows, &first), used)?),
        };
        let columns = Self {
            columns,
            samples: used as usize,
            available: rows,
        };
        Ok((columns, labels))
    }

    /// Rows of the arrays.
    pub(super) fn available(&self) -> u64 {
        self.available
    }

    pub(super) fn len(&self) -> usize {
        self.samples
    }

    /// One row of every column, sharing its memory.
    pub(super) fn sample(&self, index: usize) -> Vec<Tensor> {
        self.columns
            .iter()
            .map(|column| {
                let width = column.element.size().unwrap_or(0);
                let length = column.shape.iter().product::<u64>() as usize * width;
                Tensor {
                    name: column.name.clone(),
                    element: column.element,
                    shape: column.shape.clone(),
                    data: column.data.slice(index * length..(index + 1) * length),
                }
            })
            .collect()
    }
}

/// The array that feeds an input: its namesake; where there is one input only, also `x`, or the only array besides the labels.
fn array_for(
    spec: &TensorSpec,
    inputs: usize,
    archive: &npz::Archive,
    config: &DatasetConfig,
) -> Result<String, DatasetError> {
    if let Some(array) = &config.array {
        return match inputs {
            1 if archive.contains(array) => Ok(array.clone()),
            1 => Err(DatasetError::MissingArray {
                path: config.path.clone(),
                name: array.clone(),
                labels: false,
                present: archive.names(),
            }),
            _ => Err(DatasetError::Unfit {
                path: config.path.clone(),
                array: array.clone(),
                reason: format!("is named as the samples, and the model has {inputs} inputs"),
                hint: Some("leave `array` out, and name the arrays as the model's inputs".to_owned()),
            }),
        };
    }
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

/// The only array with `calib` in its name that fits a model's only input, where none has the input's name.
pub(super) fn calibration_array(
    path: &Path,
    specs: &[TensorSpec],
    overrides: &BTreeMap<String, Vec<u64>>,
) -> Result<Option<String>, DatasetError> {
    let [spec] = specs else {
        return Ok(None);
    };
    let mut archive = npz::Archive::open(path)?;
    if archive.contains(&spec.name) {
        return Ok(None);
    }
    let mut fitting = Vec::new();
    for name in archive.names() {
        if !name.to_ascii_lowercase().contains("calib") {
            continue;
        }
        let header = archive.header(&name)?;
        let Some((_, sample)) = header.shape.split_first() else {
            continue;
        };
        let dims = shape::dims(spec, overrides.get(&spec.name), sample.len() + 1);
        let fits = shape::fit(&dims, sample, &mut shape::Sizes::new()).is_ok();
        if fits && header.element.is_float() == spec.element.is_float() {
            fitting.push(name);
        }
    }
    Ok(match fitting.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
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
