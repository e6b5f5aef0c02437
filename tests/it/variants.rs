//! Variants of real models: what `fp16` changes, what it leaves, and that it does so alike every time.

use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::digest::Digest;
use mlbuild::model::Model;
use mlbuild::model::onnx;
use mlbuild::model::onnx::proto::GraphProto;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;
use mlbuild::store::Objects;
use mlbuild::variant::Recipe;
use mlbuild::variant::Variant;
use mlbuild::variant::derive;
use prost::Message as _;

const FIXTURES: &[&str] = &[
    "digits_mlp",
    "digits_cnn",
    "digits_mbv2",
    "digits_vit",
    "digits_lstm",
    "control_flow_if_loop",
    "kitchen_sink",
];

fn fixture(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/models/{name}.onnx"));
    Model::load(&path).unwrap()
}

/// The model without the fields that this version does not know, which would guard it against being changed.
fn changeable(model: Model) -> Model {
    match onnx::modifiable(&model) {
        Ok(()) => model,
        Err(_) => Model::from_bytes(&model.path, onnx::encode(&model.proto)).unwrap(),
    }
}

fn half(model: &Model) -> Variant {
    derive(model, &Recipe::parse("fp16").unwrap(), 0).unwrap()
}

fn decoded(variant: &Variant) -> ModelProto {
    ModelProto::decode(variant.files[0].bytes.clone()).unwrap()
}

/// Writes the fp16 variant of every model of a folder, for `tests/reference/fp16_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_fp16_variants() {
    let folder = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (models, results) = (folder("FP16_CHECK_MODELS"), folder("FP16_CHECK_RESULTS"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let variant = half(&changeable(Model::load(&path).unwrap()));
        for file in &variant.files {
            let target = results.join(&name).join(&file.name);
            mlbuild::files::write_atomic(&target, &file.bytes).unwrap();
        }
        let notes = variant.notes.join("\n");
        mlbuild::files::write_atomic(&results.join(&name).join("notes.txt"), notes.as_bytes()).unwrap();
    }
}
