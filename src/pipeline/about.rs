//! What the registry says of a model besides its files: the kind of data that it takes, and the name of its file.

use std::path::Path;

use crate::config::Task;
use crate::model::Model;
use crate::model::task;
use crate::registry::About;

/// Of an ONNX model that was read from where a person keeps it. `configured` is what flags or the config say of the task.
pub fn of_file(model: &Model, configured: Task) -> About {
    About {
        task: Some(task::resolve(configured, model).task.name().to_owned()),
        file: file_name(&model.path),
        ..About::default()
    }
}

/// Of what was derived from a build.
pub fn derived(parent: &About) -> About {
    About {
        format: About::default().format,
        imported: false,
        graph: None,
        ..parent.clone()
    }
}

/// The last part of a path.
pub fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
