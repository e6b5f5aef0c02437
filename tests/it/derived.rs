//! Writes the variants of any recipe, for `tests/reference/derived_check.py`, which says how to run this.

use std::path::PathBuf;

use mlbuild::files::write_atomic;
use mlbuild::model::Model;
use mlbuild::model::onnx;
use mlbuild::variant::Recipe;
use mlbuild::variant::derive;

#[test]
#[ignore = "writes files for the reference check"]
fn write_derived() {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
    let (models, results) = (
        PathBuf::from(variable("DERIVE_MODELS")),
        PathBuf::from(variable("DERIVE_RESULTS")),
    );
    let recipe = Recipe::parse(&variable("DERIVE_RECIPE").to_string_lossy()).unwrap();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    for path in paths {
        let folder = results.join(path.file_stem().unwrap());
        let _ = std::fs::remove_dir_all(&folder);
        let derived = Model::load(&path).map_err(|error| error.to_string()).and_then(|model| {
            // Fields that this version does not know would guard the model against being changed.
            let model = match onnx::modifiable(&model) {
                Ok(()) => model,
                Err(_) if model.external.is_empty() => {
                    Model::from_bytes(&path, onnx::encode(model.onnx().unwrap())).map_err(|error| error.to_string())?
                }
                Err(error) => return Err(error.to_string()),
            };
            derive(&model, &recipe, 0, &[]).map_err(|error| error.to_string())
        });
        match derived {
            Ok(variant) => {
                for file in &variant.files {
                    write_atomic(&folder.join(&file.name), &file.bytes).unwrap();
                }
                write_atomic(&folder.join("notes.txt"), variant.account.notes.join("\n").as_bytes()).unwrap();
            }
            Err(problem) => write_atomic(&folder.join("problem.txt"), problem.as_bytes()).unwrap(),
        }
    }
}
