//! What models are fed to compare their outputs: samples one at a time, made up or out of a dataset.

use std::path::Path;
use std::sync::Arc;

use crate::model::dataset::Dataset;
use crate::model::dataset::DatasetError;
use crate::model::inputs::Recipe;
use crate::model::tensor::Tensor;

/// Samples by number, cheap to clone.
#[derive(Debug, Clone)]
pub enum Samples {
    /// In memory: one entry a sample, in each one tensor per input of the model.
    Held(Arc<[Vec<Tensor>]>),
    /// Made up when they are asked for.
    Drawn {
        /// How.
        recipe: Arc<Recipe>,
        /// The seed of the first; each has the next one.
        seed: u64,
        /// How many.
        count: usize,
    },
    /// Read when they are asked for.
    Dataset(Arc<Dataset>),
}

impl Samples {
    /// `count` samples made up by `recipe`, the first out of `seed`.
    pub fn drawn(recipe: Recipe, seed: u64, count: usize) -> Self {
        Self::Drawn {
            recipe: Arc::new(recipe),
            seed,
            count,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(samples) => samples.len(),
            Self::Drawn { count, .. } => *count,
            Self::Dataset(dataset) => dataset.len(),
        }
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs of one sample, in the model's order. Errors where its file turns out to be broken.
    pub fn sample(&self, index: usize) -> Result<Vec<Tensor>, DatasetError> {
        match self {
            Self::Held(samples) => Ok(samples.get(index).cloned().unwrap_or_default()),
            Self::Drawn { recipe, seed, .. } => Ok(recipe.draw(seed.wrapping_add(index as u64))),
            Self::Dataset(dataset) => dataset.sample(index),
        }
    }

    /// The file or folder that they are read from.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Held(_) | Self::Drawn { .. } => None,
            Self::Dataset(dataset) => Some(dataset.path()),
        }
    }

    /// The right answer to one sample, where it is known.
    pub fn label(&self, index: usize) -> Option<i64> {
        match self {
            Self::Held(_) | Self::Drawn { .. } => None,
            Self::Dataset(dataset) => dataset.label(index),
        }
    }
}

impl From<Vec<Vec<Tensor>>> for Samples {
    fn from(samples: Vec<Vec<Tensor>>) -> Self {
        Self::Held(samples.into())
    }
}

impl From<Dataset> for Samples {
    fn from(dataset: Dataset) -> Self {
        Self::Dataset(Arc::new(dataset))
    }
}
