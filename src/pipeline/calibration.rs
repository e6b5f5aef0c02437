//! What a model is calibrated on: the data of the config or a flag, or made-up inputs with a warning.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::DatasetConfig;
use crate::config::Task;
use crate::config::defaults::CALIBRATION_SAMPLES;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files;
use crate::model::Model;
use crate::model::Samples;
use crate::model::dataset::Dataset;
use crate::model::dataset::DatasetError;
use crate::model::inputs;
use crate::model::inputs::InputError;

/// Samples that a model's tensors are observed on.
#[derive(Debug, Clone)]
pub struct CalibrationData {
    /// The samples.
    pub samples: Samples,
    /// False where they are made up.
    pub is_real: bool,
    /// Of the data and how it is read, or of what was made up.
    pub digest: Digest,
    /// For people, as the end of a sentence: `` 128 of the 359 samples of `data/calib.npz` ``.
    pub about: String,
    /// What a person should know before trusting what comes out.
    pub warning: Option<String>,
}

impl CalibrationData {
    /// Opens the samples that `settings` names, relative to `folder`, for `model`; `shapes` are those of inputs that the model leaves
    /// open.
    pub fn open(
        settings: &DatasetConfig,
        folder: &Path,
        model: &Model,
        shapes: &BTreeMap<String, Vec<u64>>,
    ) -> Result<Self, DatasetError> {
        let mut settings = settings.clone();
        settings.path = files::beneath(folder, &settings.path);
        let dataset = Dataset::open_for_calibration(&settings, &model.facts.inputs, shapes)?;
        let mut hasher = Hasher::new();
        hasher.part(b"calibration data");
        hasher.part(dataset.digest().as_str().as_bytes());
        hasher.part(settings.array.as_deref().unwrap_or_default().as_bytes());
        hasher.part(&(dataset.len() as u64).to_le_bytes());
        let images = &settings.images;
        hasher.part(format!("{:?} {:?} {}", images.mean, images.std, images.resize.name()).as_bytes());
        let (used, available) = (dataset.len() as u64, dataset.available());
        let path = settings.path.display();
        let about = if used < available {
            format!("{used} of the {available} samples of `{path}`")
        } else {
            format!("the {used} samples of `{path}`")
        };
        Ok(Self {
            samples: dataset.into(),
            is_real: true,
            digest: hasher.finish(),
            about,
            warning: None,
        })
    }

    /// Makes up `samples` inputs of `model`, out of `seed`.
    pub fn made_up(
        model: &Model,
        task: Task,
        shapes: &BTreeMap<String, Vec<u64>>,
        seed: u64,
        samples: usize,
    ) -> Result<Self, InputError> {
        let request = inputs::Request {
            task,
            shapes,
            seed,
            sequence: None,
            batch: None,
        };
        let made = inputs::make(model, &request)?;
        let (recipe, count) = (made.recipe.for_outputs(), samples.max(1));
        let mut hasher = Hasher::new();
        hasher.part(b"made-up calibration data");
        for tensor in (0..count as u64).flat_map(|sample| recipe.draw(seed.wrapping_add(sample))) {
            hasher.part(tensor.name.as_bytes());
            hasher.part(format!("{:?} {:?}", tensor.element, tensor.shape).as_bytes());
            hasher.part(&tensor.data);
        }
        Ok(Self {
            is_real: false,
            digest: hasher.finish(),
            about: format!("{count} made-up inputs"),
            warning: Some(format!(
                "ranges come from made-up inputs ({count} of them, for task {}): what the model meets in production may lie outside; \
                 give calibration data",
                made.task.task.name()
            )),
            samples: Samples::drawn(recipe, seed, count),
        })
    }

    /// Made-up inputs of a model that leaves nothing open, as many as are used at most.
    pub(super) fn usual(model: &Model, seed: u64) -> Result<Self, InputError> {
        Self::made_up(model, Task::Auto, &BTreeMap::new(), seed, CALIBRATION_SAMPLES)
    }
}
