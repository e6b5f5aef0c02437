//! Networks of each family, converted to TensorFlow Lite and run: LiteRT against ONNX Runtime.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::model::Model;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::model::tensor::TensorSpec;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerOptions;
use mlbuild::variant::convert::tflite::Options;
use mlbuild::variant::convert::tflite::convert;

use crate::support::litert;
use crate::support::runtime;
use crate::support::runtime::artifact;

/// How far an output may lie from ONNX Runtime's, as a part of its greatest value.
const TOLERANCE: f64 = 1e-5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/families")
}

/// Numbers that are different at every place, from -1 to 1.
fn noise(seed: u64, count: u64) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    })
}

fn input(spec: &TensorSpec, seed: u64) -> Tensor {
    let shape: Vec<u64> = spec
        .dims
        .iter()
        .flatten()
        .map(|dim| match dim {
            Dim::Fixed(size) => *size,
            other => panic!("{}: {other:?}", spec.name),
        })
        .collect();
    let values = noise(seed, shape.iter().product());
    if spec.element == ElementType::Float {
        let values: Vec<f32> = values.map(|value| 2.0 * value as f32).collect();
        return Tensor::from_f32(&spec.name, &shape, &values);
    }
    assert_eq!(spec.element, ElementType::Int64, "{}", spec.name);
    let range = if spec.name == "input_ids" { 64.0 } else { 2.0 };
    let whole = values.map(|value| ((value + 1.0) / 2.0 * range) as i64);
    Tensor {
        name: spec.name.clone(),
        element: ElementType::Int64,
        shape,
        data: whole.flat_map(i64::to_le_bytes).collect::<Vec<u8>>().into(),
    }
}

/// The largest difference, as a part of the greatest value; fails where all values are the same.
fn distance(wanted: &Tensor, found: &Tensor) -> f64 {
    assert_eq!(wanted.shape, found.shape, "{}", wanted.name);
    let (wanted, found) = (wanted.to_f64().unwrap(), found.to_f64().unwrap());
    let scale = wanted.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(scale > 1e-3 && wanted.iter().any(|value| *value != wanted[0]));
    let differences = wanted.iter().zip(&found).map(|(one, other)| (one - other).abs());
    differences.fold(0.0, f64::max) / scale
}

#[test]
fn networks_of_every_family_compute_the_same() {
    let folder = folder();
    let mut names = BTreeSet::new();
    let scratch = tempfile::tempdir().unwrap();
    let started = |reads: &Path| {
        let options = WorkerOptions {
            folders: vec![reads.to_owned()],
            ..runtime::options()
        };
        Worker::spawn(&runtime::command(), &options).unwrap()
    };
    let (mut onnx, mut litert) = (started(&folder), started(scratch.path()));
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let model = Model::load(&path).unwrap();
        let made = convert(&model, &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let converted = scratch.path().join(format!("{name}.tflite"));
        std::fs::write(&converted, &made.bytes).unwrap();
        for seed in 1..=2 {
            let feed: Vec<Tensor> = model.facts.inputs.iter().map(|spec| input(spec, seed)).collect();
            if seed == 1 {
                onnx.load(&artifact(&path), &runtime::settings(), &feed).unwrap();
                let loaded = litert
                    .load(&artifact(&converted), &litert::settings(), &feed)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                let border = |specs: &[TensorSpec]| specs.iter().map(TensorSpec::describe).collect::<Vec<_>>();
                assert_eq!(border(&loaded.inputs), border(&model.facts.inputs), "{name}");
            }
            let (wanted, found) = (onnx.infer(&feed).unwrap(), litert.infer(&feed).unwrap());
            assert_eq!(wanted.len(), found.len(), "{name}");
            for (wanted, found) in wanted.iter().zip(&found) {
                assert_eq!(wanted.name, found.name, "{name}");
                let distance = distance(wanted, found);
                assert!(
                    distance <= TOLERANCE,
                    "{name}: {} differs by {distance:e} of its scale",
                    wanted.name
                );
            }
        }
        names.insert(name);
    }
    let expected = [
        "bert",
        "efficientnet",
        "gru",
        "mobilenet_v2",
        "mobilenet_v3",
        "shufflenet",
        "unet",
        "vit",
        "yolo",
    ];
    assert_eq!(names, expected.map(str::to_owned).into());
}
