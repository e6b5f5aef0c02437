//! Samples out of a folder of `.npy` files, read when they are asked for.

use std::collections::BTreeMap;

use super::DatasetError;
use super::convert;
use super::folder::Folder;
use super::npy;
use super::npy::Header;
use super::shape;
use super::shape::Sizes;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

/// The most bytes of one array.
const MAX_BYTES: u64 = 2_000_000_000;

/// What every file must be, after the first sample was looked at.
#[derive(Debug)]
pub(super) struct Arrays {
    inputs: Vec<Input>,
}

#[derive(Debug)]
struct Input {
    spec: TensorSpec,
    /// As the input takes it.
    shape: Vec<u64>,
}

impl Arrays {
    /// Looks at the headers of the `chosen` samples: all of one shape, which fits the model.
    pub(super) fn open(
        folder: &Folder,
        chosen: &[usize],
        specs: &[TensorSpec],
        overrides: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        let mut inputs: Vec<Input> = Vec::with_capacity(specs.len());
        let mut sizes = Sizes::new();
        for (number, spec) in specs.iter().enumerate() {
            let mut first: Option<(&str, Header)> = None;
            for index in chosen {
                let file = folder.samples[*index].files[number].as_str();
                let (mut opened, _) = folder.file(file)?;
                let header = Header::read(&mut opened).map_err(|reason| broken(folder, file, &reason))?;
                match &first {
                    Some((other, expected)) if expected.shape != header.shape => {
                        return Err(folder.unusable(
                            file,
                            format!(
                                "has the shape {:?}, but {} has {:?}: all samples must be alike",
                                header.shape,
                                shown(other),
                                expected.shape
                            ),
                            Some("pad or cut them to one shape where they are written"),
                        ));
                    }
                    Some(_) => {}
                    None => {
                        let shape = shape_of(folder, file, spec, overrides, &header, &mut sizes)?;
                        inputs.push(Input {
                            spec: spec.clone(),
                            shape,
                        });
                        first = Some((file, header));
                    }
                }
            }
        }
        Ok(Self { inputs })
    }

    /// One sample, a tensor an input. Errors where a file is broken, or holds another type or a NaN.
    pub(super) fn sample(&self, folder: &Folder, files: &[String]) -> Result<Vec<Tensor>, DatasetError> {
        self.inputs
            .iter()
            .zip(files)
            .map(|(input, file)| {
                let (mut opened, _) = folder.file(file)?;
                let (header, data) =
                    npy::array(&mut opened, MAX_BYTES).map_err(|reason| broken(folder, file, &reason))?;
                if header.shape.iter().product::<u64>() != input.shape.iter().product::<u64>() {
                    return Err(broken(folder, file, "it changed while it was used"));
                }
                let element = input.spec.element;
                let data = convert::elements(data.into(), header.element, element)
                    .map_err(|convert::Misfit { reason, hint }| folder.unusable(file, reason, hint.as_deref()))?;
                if convert::first_nan(&data, element).is_some() {
                    return Err(folder.unusable(file, "holds a NaN".to_owned(), Some("remove that sample")));
                }
                Ok(Tensor {
                    name: input.spec.name.clone(),
                    element,
                    shape: input.shape.clone(),
                    data,
                })
            })
            .collect()
    }
}

fn broken(folder: &Folder, file: &str, reason: &str) -> DatasetError {
    folder.unusable(
        file,
        format!("cannot be used: {reason}"),
        Some("arrays must hold numbers or booleans; save each with `numpy.save(path, sample)`"),
    )
}

/// The shape in which the input takes the array: as it is, with a batch of one before it, or with the batch of one that it has.
fn shape_of(
    folder: &Folder,
    file: &str,
    spec: &TensorSpec,
    overrides: &BTreeMap<String, Vec<u64>>,
    header: &Header,
    sizes: &mut Sizes,
) -> Result<Vec<u64>, DatasetError> {
    let dims = shape::dims(spec, overrides.get(&spec.name), header.shape.len() + 1);
    let whole = shape::is_batched(&dims) && header.shape.len() == dims.len();
    let sample = match &header.shape[..] {
        [1, sample @ ..] if whole => sample,
        [count, ..] if whole => {
            return Err(folder.unusable(
                file,
                format!("has the shape {:?}: {count} samples in one file", header.shape),
                Some("save every sample in a file of its own, or all of them in one .npz archive"),
            ));
        }
        sample => sample,
    };
    shape::fit(&dims, sample, sizes).map_err(|expected| {
        folder.unusable(
            file,
            format!(
                "has the shape {:?}, but one sample of input {} is {}",
                header.shape,
                shown(&spec.name),
                shape::shown(expected)
            ),
            Some("write the samples in the shape that the model is fed"),
        )
    })
}
