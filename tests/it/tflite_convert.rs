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

fn count(made: &Converted, operator: &str) -> usize {
    made.operators.get(operator).copied().unwrap_or_default()
}

#[test]
fn a_convolutional_network_has_no_transposes_and_fused_activations() {
    let made = converted(&fixture("digits_mbv2.onnx")).unwrap();
    assert_eq!(count(&made, "TRANSPOSE"), 0);
    assert_eq!(count(&made, "RELU6"), 0);
    assert_eq!(count(&made, "CONV_2D") + count(&made, "DEPTHWISE_CONV_2D"), 16);
    // At stride 2 ONNX's symmetric pads are not the format's SAME.
    assert_eq!(count(&made, "PAD"), 2);
    // One channel: the input's layout is a matter of shape alone.
    assert_eq!(made.operators.values().sum::<usize>(), 24);
}

#[test]
fn gelu_is_found_and_sequences_are_written_out() {
    let made = converted(&fixture("digits_vit.onnx")).unwrap();
    assert_eq!(count(&made, "GELU"), 2);
    let made = converted(&fixture("digits_lstm.onnx")).unwrap();
    // Two layers of eight steps, the products with the inputs, the classifier.
    assert_eq!(count(&made, "FULLY_CONNECTED"), 2 * 8 + 2 + 1);
}

#[test]
fn the_same_model_gives_the_same_file() {
    let path = fixture("digits_cnn.onnx");
    let (one, other) = (converted(&path).unwrap(), converted(&path).unwrap());
    assert_eq!(one.bytes, other.bytes);
    assert_eq!(&one.bytes[4..8], b"TFL3");
}

#[test]
fn branches_and_loops_that_are_known_beforehand_convert() {
    let made = converted(&fixture("control_flow_if_loop.onnx")).unwrap();
    assert_eq!(count(&made, "SELECT_V2"), 1);
}

#[test]
fn an_open_shape_is_asked_for() {
    let model = Model::load(&fixture("digits_mlp.onnx")).unwrap();
    let error = convert(&model, &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input `input` has the open shape float [batch, 1, 8, 8]; TensorFlow Lite needs concrete shapes"
    );
    assert_eq!(error.hints(), ["give its shape: --input-shape input=1,1,8,8"]);
}

#[test]
fn a_shape_that_does_not_fit_is_refused() {
    let model = Model::load(&fixture("digits_mlp.onnx")).unwrap();
    let refused = |name: &str, shape: &[u64]| {
        let shapes = BTreeMap::from([(name.to_owned(), shape.to_vec())]);
        let options = Options {
            shapes,
            ..Options::default()
        };
        convert(&model, &options).unwrap_err().to_string()
    };
    assert_eq!(
        refused("input", &[1, 3, 8, 8]),
        "input `input` cannot have the shape [1, 3, 8, 8]: the model has float [batch, 1, 8, 8]"
    );
    assert_eq!(
        refused("image", &[1]),
        "input `image` cannot have the shape [1]: the model has no such input"
    );
}
