//! Conversion to TensorFlow Lite: what converts, into how many operators, and what is refused with which words.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::hint::Hint as _;
use mlbuild::model::Model;
use mlbuild::model::tensor::Dim;
use mlbuild::variant::convert::tflite::ConvertError;
use mlbuild::variant::convert::tflite::Converted;
use mlbuild::variant::convert::tflite::Options;
use mlbuild::variant::convert::tflite::convert;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/models")
        .join(name)
}

/// A size for every dimension that the model leaves open.
fn shapes(model: &Model) -> BTreeMap<String, Vec<u64>> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => *size,
        Dim::Symbol(name) if name.contains("seq") => 32,
        Dim::Symbol(name) if name.contains("samples") => 16_000,
        Dim::Symbol(_) | Dim::Unknown => 1,
    };
    let inputs = model.facts.inputs.iter();
    inputs
        .map(|input| (input.name.clone(), input.dims.iter().flatten().map(size).collect()))
        .collect()
}

fn converted(path: &Path) -> Result<Converted, ConvertError> {
    let model = Model::load(path).unwrap();
    let options = Options {
        shapes: shapes(&model),
        ..Options::default()
    };
    convert(&model, &options)
}

/// Writes a pair of every model of `MLBUILD_MODELS` into `MLBUILD_PAIRS`, for `tests/reference/tflite/convert_check.py`.
#[test]
#[ignore = "needs a folder of models; see tests/reference/tflite/convert_check.py"]
fn pairs() {
    let variable = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (models, pairs) = (variable("MLBUILD_MODELS"), variable("MLBUILD_PAIRS"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let started = std::time::Instant::now();
        match converted(&path) {
            Ok(made) => {
                let file = pairs.join(format!("{name}.tflite"));
                std::fs::write(&file, &made.bytes).unwrap();
                lines.push(serde_json::json!({
                    "name": name,
                    "onnx": path,
                    "tflite": file,
                    "operators": made.operators,
                    "milliseconds": started.elapsed().as_millis() as u64,
                }));
            }
            Err(error) => lines.push(serde_json::json!({
                "name": name,
                "error": error.to_string(),
                "hints": error.hints(),
            })),
        }
    }
    std::fs::write(pairs.join("pairs.json"), serde_json::to_string_pretty(&lines).unwrap()).unwrap();
}
