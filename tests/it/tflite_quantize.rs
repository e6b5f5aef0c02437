//! Quantized and pruned TensorFlow Lite models, run by the real engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::model::Model;
use mlbuild::model::tensor::Tensor;
use mlbuild::model::tflite;
use mlbuild::model::tflite::schema::Model as Tables;
use mlbuild::variant::Account;
use mlbuild::variant::Evidence;
use mlbuild::variant::Range;
use mlbuild::variant::VariantError;
use mlbuild::variant::convert::tflite::Options;
use mlbuild::variant::convert::tflite::convert;
use mlbuild::variant::tflite::Extent;
use mlbuild::variant::tflite::Pruning;
use mlbuild::variant::tflite::fp16;
use mlbuild::variant::tflite::int8;
use mlbuild::variant::tflite::int8_dynamic;
use mlbuild::variant::tflite::observable;
use mlbuild::variant::tflite::observed;
use mlbuild::variant::tflite::prune;

use crate::support::litert;
use crate::support::runtime::artifact;
use crate::support::runtime::worker;

/// Writes the variants of every model with ranges in `MLBUILD_PAIRS`, for `tests/reference/tflite/quantize_check.py`.
#[test]
#[ignore = "needs converted models and ranges; see tests/reference/tflite/quantize_check.py"]
fn variants() {
    let folder = PathBuf::from(std::env::var_os("MLBUILD_PAIRS").expect("MLBUILD_PAIRS is not set"));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_suffix(".ranges.json")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    for name in names {
        let bytes = std::fs::read(folder.join(format!("{name}.tflite"))).unwrap();
        let model = tflite::read(&bytes.into()).unwrap().model;
        let text = std::fs::read_to_string(folder.join(format!("{name}.ranges.json"))).unwrap();
        let ranges: BTreeMap<String, (f32, f32)> = serde_json::from_str(&text).unwrap();
        let ranges = ranges.into_iter().map(|(name, (min, max))| (name, Range { min, max }));
        let evidence = Evidence {
            ranges: ranges.collect(),
            ..Evidence::default()
        };
        let make = |variant: &str, change: &dyn Fn(&mut Tables, &mut Account) -> Result<(), VariantError>| {
            let (mut made, mut account) = (model.clone(), Account::default());
            let started = std::time::Instant::now();
            if let Err(error) = change(&mut made, &mut account) {
                println!("{name} {variant}: {error}");
                return;
            }
            let written = tflite::write(&made).unwrap();
            std::fs::write(folder.join(format!("{name}.{variant}.tflite")), written).unwrap();
            println!(
                "{name} {variant}: {} changed in {:?}",
                account.changed,
                started.elapsed()
            );
            for left in account.left {
                println!("    {}: {}", left.node, left.reason);
            }
        };
        make("fp16", &|model, account| fp16(model, account));
        make("dynamic", &|model, account| int8_dynamic(model, account));
        make("int8", &|model, account| {
            int8(model, &evidence, Extent::Faster, account)
        });
        make("all_int8", &|model, account| {
            int8(model, &evidence, Extent::All, account)
        });
        let half = Pruning::parse("0.50").unwrap();
        make("pruned", &|model, account| prune(model, half, account));
    }
}

/// A digits model of the fixtures, converted.
pub(crate) fn digits(name: &str) -> Tables {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let model = Model::load(&folder.join(format!("{name}.onnx"))).unwrap();
    let options = Options {
        shapes: BTreeMap::from([("input".to_owned(), vec![1, 1, 8, 8])]),
        ..Options::default()
    };
    tflite::read(&convert(&model, &options).unwrap().bytes.into())
        .unwrap()
        .model
}

pub(crate) fn images() -> Vec<Tensor> {
    let image = |seed: usize| {
        let values: Vec<f32> = (0..64)
            .map(|at| ((at * 7919 + seed * 104_729) % 1009) as f32 / 1009.0)
            .collect();
        Tensor::from_f32("input", &[1, 1, 8, 8], &values)
    };
    (0..8).map(image).collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor
        .data
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

/// The outputs of `model` for every image.
pub(crate) fn run(model: &Tables, xnnpack: bool) -> Vec<Vec<Tensor>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.tflite");
    std::fs::write(&path, tflite::write(model).unwrap()).unwrap();
    let mut worker = worker();
    let images = images();
    worker
        .load(&artifact(&path), &litert::settings_with(xnnpack, None), &images[..1])
        .unwrap_or_else(|error| panic!("{error}"));
    let run = |image: &Tensor| worker.infer(std::slice::from_ref(image)).unwrap();
    images.iter().map(run).collect()
}

/// The cosine similarity of the first outputs.
fn cosine(one: &[Vec<Tensor>], other: &[Vec<Tensor>]) -> f64 {
    let all = |runs: &[Vec<Tensor>]| -> Vec<f64> {
        runs.iter()
            .flat_map(|outputs| floats(&outputs[0]))
            .map(f64::from)
            .collect()
    };
    let (one, other) = (all(one), all(other));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt()
}

/// The ranges of a digits model's tensors over all images.
pub(crate) fn ranges(model: &Tables) -> Evidence {
    let mut evidence = Evidence::default();
    let shown = run(&observable(model).unwrap(), false);
    for value in shown.iter().flatten().chain(&images()) {
        let range = evidence.ranges.entry(value.name.clone()).or_insert(Range {
            min: f32::MAX,
            max: f32::MIN,
        });
        for value in floats(value) {
            (range.min, range.max) = (range.min.min(value), range.max.max(value));
        }
    }
    evidence
}

#[test]
fn variants_run_and_agree_with_the_model() {
    for name in ["digits_cnn", "digits_mbv2", "digits_vit", "digits_lstm"] {
        let model = digits(name);
        let before = run(&model, true);
        let evidence = ranges(&model);
        let missing: Vec<String> = observed(&model).unwrap();
        let missing: Vec<&String> = missing
            .iter()
            .filter(|name| !evidence.ranges.contains_key(*name))
            .collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
        let check =
            |variant: &str, least: f64, change: &dyn Fn(&mut Tables, &mut Account) -> Result<(), VariantError>| {
                let (mut made, mut account) = (model.clone(), Account::default());
                change(&mut made, &mut account).unwrap();
                assert!(account.changed > 0, "{name} {variant}");
                for xnnpack in [true, false] {
                    let after = run(&made, xnnpack);
                    assert_eq!(after[0][0].name, before[0][0].name);
                    let found = cosine(&before, &after);
                    assert!(found >= least, "{name} {variant}, XNNPACK {xnnpack}: {found}");
                }
            };
        check("fp16", 0.9999, &|model, account| fp16(model, account));
        check("int8", 0.999, &|model, account| int8_dynamic(model, account));
        check("int8-static", 0.99, &|model, account| {
            int8(model, &evidence, Extent::Faster, account)
        });
        let tenth = Pruning::parse("0.10").unwrap();
        check("prune", 0.9, &|model, account| prune(model, tenth, account));
    }
}

#[test]
fn halves_become_integers_like_singles() {
    let model = digits("digits_mbv2");
    let mut halves = model.clone();
    fp16(&mut halves, &mut Account::default()).unwrap();
    let kinds = |mut model: Tables| {
        int8_dynamic(&mut model, &mut Account::default()).unwrap();
        let operators = model.main().operators().to_vec();
        operators
            .iter()
            .map(|operator| model.operator_name(operator))
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(halves), kinds(model));
}
