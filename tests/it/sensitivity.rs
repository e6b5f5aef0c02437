//! Layers of a second build against the first, with the real engine and variants of our own.

use std::collections::BTreeMap;
use std::path::Path;

use mlbuild::measure::Side;
use mlbuild::measure::sensitivity::Build;
use mlbuild::measure::sensitivity::Sensitivity;
use mlbuild::measure::sensitivity::SensitivityError;
use mlbuild::measure::sensitivity::measure;
use mlbuild::model::Model;
use mlbuild::model::Samples;
use mlbuild::model::inputs;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::variant;
use mlbuild::variant::Recipe;
use tempfile::TempDir;

use crate::support::onnx;
use crate::support::onnx::fixture;
use crate::support::runtime;

fn samples(model: &Model) -> Vec<Vec<Tensor>> {
    let shapes = BTreeMap::new();
    let request = inputs::Request {
        // Random numbers, not the zeros of an unknown task.
        task: mlbuild::config::Task::Tabular,
        shapes: &shapes,
        seed: 0,
        sequence: None,
        batch: None,
    };
    let made = inputs::make(model, &request).unwrap();
    (0..4).map(|seed| made.recipe.for_outputs().draw(seed)).collect()
}

fn compare(first: &Path, second: &Path) -> Result<Sensitivity, SensitivityError> {
    let (first, second) = (Model::load(first).unwrap(), Model::load(second).unwrap());
    let samples = samples(&first);
    let side = |model: &Model| Side {
        artifact: Artifact {
            model: model.path.clone(),
            external: Vec::new(),
        },
        settings: runtime::settings(),
        inputs: samples[0].clone(),
    };
    let (one, other) = (side(&first), side(&second));
    measure(
        Build {
            side: &one,
            model: &first,
        },
        Build {
            side: &other,
            model: &second,
        },
        &Samples::from(samples),
        &runtime::command(),
        &runtime::options(),
    )
}

fn fp16(name: &str, folder: &TempDir) -> std::path::PathBuf {
    let model = Model::load(&fixture(name)).unwrap();
    let recipe = Recipe::parse("fp16").unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, &variant::derive(&model, &recipe, 0, &[]).unwrap().files[0].bytes).unwrap();
    path
}

#[test]
fn sixteen_bits_cost_little_and_not_nothing() {
    let folder = TempDir::new().unwrap();
    let before = std::fs::read(fixture("digits_cnn.onnx")).unwrap();
    let found = compare(&fixture("digits_cnn.onnx"), &fp16("digits_cnn.onnx", &folder)).unwrap();
    assert_eq!((found.samples, found.unmatched, found.left_out), (4, 0, 0));
    assert!(found.layers.len() >= 5, "{found:?}");
    assert!(found.layers.iter().any(|layer| layer.op_type == "Conv"));
    for layer in &found.layers {
        let decibels = layer.sqnr_db.unwrap();
        assert!((40.0..120.0).contains(&decibels), "{layer:?}");
        assert!(
            layer.cosine > 0.9999 && layer.max_abs_error > 0.0 && layer.not_finite == 0,
            "{layer:?}"
        );
        assert!(layer.elements > 0 && layer.elements % 4 == 0, "{layer:?}");
    }
    let decibels: Vec<f64> = found.layers.iter().filter_map(|layer| layer.sqnr_db).collect();
    assert!(decibels.is_sorted(), "{decibels:?}");
    assert_eq!(std::fs::read(fixture("digits_cnn.onnx")).unwrap(), before);
}

#[test]
fn a_build_against_itself_is_exact() {
    for name in [
        "digits_cnn.onnx",
        "digits_mlp.onnx",
        "digits_lstm.onnx",
        "digits_vit.onnx",
    ] {
        let found = compare(&fixture(name), &fixture(name)).unwrap();
        for layer in &found.layers {
            assert_eq!((layer.sqnr_db, layer.max_abs_error), (None, 0.0), "{name} {layer:?}");
        }
        assert!(!found.layers.is_empty());
    }
}

#[test]
fn models_without_a_name_in_common_are_refused() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, middle: &str| {
        let x = onnx::value("x", DataType::Float, &[1, 4]);
        let y = onnx::value(&format!("{middle}_y"), DataType::Float, &[1, 4]);
        let nodes = vec![
            onnx::node("Relu", &["x"], &[middle]),
            onnx::node("Neg", &[middle], &[&format!("{middle}_y")]),
        ];
        let path = folder.path().join(name);
        std::fs::write(&path, onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]))).unwrap();
        path
    };
    let error = compare(&write("a.onnx", "a"), &write("b.onnx", "b")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the two builds have no floating-point tensor in common: none of 2 names was found in both"
    );
}

#[test]
fn a_relu_that_a_quantizer_dropped_is_compared_behind_it() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, nodes: Vec<proto::NodeProto>, initializers: Vec<proto::TensorProto>| {
        let x = onnx::value("x", DataType::Float, &[1, 4]);
        let y = onnx::value("y", DataType::Float, &[1, 4]);
        let path = folder.path().join(name);
        let model = onnx::model(17, onnx::graph(vec![x], nodes, initializers, vec![y]));
        std::fs::write(&path, model).unwrap();
        path
    };
    let first = write(
        "a.onnx",
        vec![
            onnx::node("Neg", &["x"], &["m"]),
            onnx::node("Relu", &["m"], &["r"]),
            onnx::node("Neg", &["r"], &["y"]),
        ],
        vec![],
    );
    // What a quantizer leaves: `m` clipped by the range of unsigned bytes, no `Relu`.
    let scale = proto::TensorProto {
        name: Some("m_scale".to_owned()),
        data_type: Some(DataType::Float as i32),
        float_data: vec![0.02],
        ..Default::default()
    };
    let zero_point = proto::TensorProto {
        name: Some("m_zero_point".to_owned()),
        data_type: Some(DataType::Uint8 as i32),
        int32_data: vec![0],
        ..Default::default()
    };
    let second = write(
        "b.onnx",
        vec![
            onnx::node("Neg", &["x"], &["n"]),
            onnx::node("QuantizeLinear", &["n", "m_scale", "m_zero_point"], &["m_quantized"]),
            onnx::node("DequantizeLinear", &["m_quantized", "m_scale", "m_zero_point"], &["d"]),
            onnx::node("Neg", &["d"], &["y"]),
        ],
        vec![scale, zero_point],
    );
    let found = compare(&first, &second).unwrap();
    let names: Vec<(&str, &str)> = found
        .layers
        .iter()
        .map(|layer| (layer.tensor.as_str(), layer.matched.as_str()))
        .collect();
    assert!(names.contains(&("r", "m_dequantized_0")), "{names:?}");
    assert!(!names.iter().any(|(tensor, _)| *tensor == "m"), "{names:?}");
    for layer in &found.layers {
        assert!(layer.max_abs_error <= 0.0101, "{layer:?}");
    }
}
