//! What the registry says of a model besides its files: the kind of data that it takes, and the name of its file.

use std::path::Path;

use crate::config::Task;
use crate::model::Format;
use crate::model::Model;
use crate::model::compatible;
use crate::model::task;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::registry::About;

/// Of an ONNX model that was read from where a person keeps it. `configured` is what flags or the config say of the task.
pub fn of_file(model: &Model, configured: Task) -> About {
    About {
        format: compatible::word(model.format).to_owned(),
        task: Some(task::resolve(configured, model).task.name().to_owned()),
        file: file_name(&model.path),
        ..About::default()
    }
}

/// Of what was derived from a build.
pub fn derived(parent: &About, files: &[StoredFile]) -> About {
    About {
        format: format_of(files),
        imported: false,
        graph: None,
        ..parent.clone()
    }
}

/// The format of a variant's files, as the registry writes it: what this tool makes is called by its format.
pub fn format_of(files: &[StoredFile]) -> String {
    let is_tflite = files.first().is_some_and(|file| file.name.ends_with(".tflite"));
    compatible::word(if is_tflite { Format::TfLite } else { Format::Onnx }).to_owned()
}

/// The last part of a path.
pub fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
