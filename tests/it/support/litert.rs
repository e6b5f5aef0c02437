//! The real LiteRT, installed once for this person, and what it makes of the models in `tests/fixtures/models/tflite`.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use mlbuild::config::Engine;
use mlbuild::config::Target;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::LiteRtSettings;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::library;

use super::runtime;

/// The library; the first test that needs it installs it into the per-user cache, the others wait.
pub fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let cache = library::cache_folder(&environment).unwrap();
        let (engine, python) = (Engine::LiteRt, library::DEFAULT_PYTHON);
        library::ensure(
            engine,
            engine.default_version(),
            None,
            &cache,
            &environment,
            python,
            &mut |_| {},
        )
        .unwrap_or_else(|error| panic!("{error}"))
        .path
    };
    LIBRARY.get_or_init(install).clone()
}

/// One thread, with XNNPACK.
pub fn settings() -> SessionSettings {
    SessionSettings {
        library: library(),
        target: Target::GenericLinux,
        ..runtime::settings()
    }
}

/// The same with other settings of the engine.
pub fn settings_with(xnnpack: bool, signature: Option<&str>) -> SessionSettings {
    SessionSettings {
        litert: LiteRtSettings {
            xnnpack,
            signature: signature.map(str::to_owned),
        },
        ..settings()
    }
}

/// A model's path.
pub fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/tflite");
    folder.join(format!("{name}.tflite"))
}

/// A model.
pub fn model(name: &str) -> Artifact {
    runtime::artifact(&path(name))
}

/// One run of the engine's own Python package, written by `tests/reference/tflite/outputs.py`.
pub struct Reference {
    pub model: String,
    pub signature: Option<String>,
    pub xnnpack: bool,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
}

/// All of them.
pub fn references() -> Vec<Reference> {
    let path = path("outputs").with_extension("json");
    let entries: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let entries = entries.as_array().unwrap().iter();
    entries
        .map(|entry| Reference {
            model: entry["model"].as_str().unwrap().to_owned(),
            signature: entry["signature"].as_str().map(str::to_owned),
            xnnpack: entry["xnnpack"].as_bool().unwrap(),
            inputs: tensors(&entry["inputs"]),
            outputs: tensors(&entry["outputs"]),
        })
        .collect()
}

/// The inputs of the first reference of a model.
pub fn inputs(model: &str) -> Vec<Tensor> {
    let mut references = references().into_iter();
    references.find(|reference| reference.model == model).unwrap().inputs
}

fn tensors(list: &serde_json::Value) -> Vec<Tensor> {
    let list = list.as_array().unwrap().iter();
    list.map(|tensor| Tensor {
        name: tensor["name"].as_str().unwrap().to_owned(),
        element: element(tensor["element"].as_str().unwrap()),
        shape: serde_json::from_value(tensor["shape"].clone()).unwrap(),
        data: bytes(tensor["data"].as_str().unwrap()).into(),
    })
    .collect()
}

fn element(name: &str) -> ElementType {
    match name {
        "float32" => ElementType::Float,
        "float16" => ElementType::Float16,
        "int8" => ElementType::Int8,
        "uint8" => ElementType::UInt8,
        "int16" => ElementType::Int16,
        "int32" => ElementType::Int32,
        "int64" => ElementType::Int64,
        "bool" => ElementType::Bool,
        other => panic!("{other}"),
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
