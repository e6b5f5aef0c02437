//! `prune`: the smallest weights of real models become zero, exactly so many, and the engine runs what comes out.

use std::path::Path;
use std::path::PathBuf;

use mlbuild::files::write_atomic;
use mlbuild::model::Model;
use mlbuild::model::onnx;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::tensor_view::TensorView;
use mlbuild::model::onnx::visit;
use mlbuild::variant::Recipe;
use mlbuild::variant::Variant;
use mlbuild::variant::VariantError;
use mlbuild::variant::derive;
use prost::Message as _;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::onnx::fixture;

/// Loads a model of the fixtures, without the fields that this version does not know.
pub(crate) fn load(name: &str) -> Model {
    changeable(Model::load(&fixture(&format!("{name}.onnx"))).unwrap())
}

/// A model too large for the repository, out of the folder that `MLBUILD_LARGE_MODELS` names or else the one that stands beside the
/// checkout; where there is none, the test says so.
pub(crate) fn large(name: &str) -> Option<Model> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let folder = std::env::var_os("MLBUILD_LARGE_MODELS").map_or_else(beside, PathBuf::from);
    let path = folder.join(format!("{name}.onnx"));
    if !path.exists() {
        eprintln!("skipped: `{}` is not there", path.display());
        return None;
    }
    Some(changeable(Model::load(&path).unwrap()))
}

fn changeable(model: Model) -> Model {
    match onnx::modifiable(&model) {
        Ok(()) => model,
        Err(_) => Model::from_bytes(&model.path, onnx::encode(model.onnx().unwrap())).unwrap(),
    }
}

pub(crate) fn made(model: &Model, recipe: &str) -> Result<Variant, VariantError> {
    derive(model, &Recipe::parse(recipe).unwrap(), 0, &[])
}

pub(crate) fn decoded(variant: &Variant) -> ModelProto {
    ModelProto::decode(variant.files[0].bytes.clone()).unwrap()
}

/// Runs a variant of a fixture in the engine beside the original, on digits with labels where it knows digits; gives what `accuracy` says.
pub(crate) fn judged(name: &str, variant: &Variant) -> serde_json::Value {
    let env = empty();
    let original = load(name);
    env.write("before.onnx", &original.bytes);
    env.write("after.onnx", &variant.files[0].bytes);
    let mut arguments = vec![
        "accuracy",
        "before.onnx",
        "after.onnx",
        "--cosine-threshold",
        "0",
        "--top1-threshold",
        "0",
        "--json",
    ];
    if name.starts_with("digits") {
        let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz");
        env.write("digits.npz", std::fs::read(digits).unwrap());
        arguments.extend(["--dataset", "digits.npz", "--labels", "labels", "--samples", "300"]);
    } else {
        arguments.extend(["--samples", "4"]);
    }
    let output = env.run(&arguments);
    assert!(output.code < 2, "{name}: {}", output.stderr);
    json(&output)
}

/// The share of right answers, before and after.
pub(crate) fn right(name: &str, variant: &Variant) -> (f64, f64) {
    let judged = judged(name, variant);
    let share = |side: &str| {
        judged["accuracy"][side]
            .as_f64()
            .unwrap_or_else(|| panic!("no {side}: {judged}"))
    };
    (share("baseline_top1"), share("candidate_top1"))
}

/// Elements that are zero, and all, of the floating-point tensors of two or more dimensions, at any depth.
fn zeros(model: &ModelProto) -> (usize, usize) {
    let (mut zeros, mut all) = (0, 0);
    for site in visit::tensors(&visit::scopes(model)) {
        let values = TensorView::of(site.tensor, &[]).ok().and_then(|view| view.to_f32());
        for values in values.iter().filter(|_| site.tensor.dims.len() > 1) {
            zeros += values.iter().filter(|value| **value == 0.0).count();
            all += values.len();
        }
    }
    (zeros, all)
}

/// Writes variants of every model of a folder, for `tests/reference/prune_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_pruned_variants() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (models, results) = (
        PathBuf::from(variable("PRUNE_CHECK_MODELS")),
        PathBuf::from(variable("PRUNE_CHECK_RESULTS")),
    );
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let model = changeable(Model::load(&path).unwrap());
        for recipe in variable("PRUNE_CHECK_RECIPES").split(',') {
            let folder = results.join(recipe).join(&name);
            match made(&model, recipe) {
                Ok(variant) => {
                    for file in &variant.files {
                        write_atomic(&folder.join(&file.name), &file.bytes).unwrap();
                    }
                    let left = variant.account.left.iter();
                    let left = left.map(|left| format!("left {}: {}", left.node, left.reason));
                    let lines: Vec<String> = variant.account.notes.iter().cloned().chain(left).collect();
                    write_atomic(&folder.join("account.txt"), lines.join("\n").as_bytes()).unwrap();
                }
                Err(error) => write_atomic(&folder.join("error.txt"), error.to_string().as_bytes()).unwrap(),
            }
        }
    }
}

#[test]
fn what_is_pruned_runs_and_mostly_knows_its_digits() {
    for (name, recipe, least) in [
        ("digits_cnn", "prune-0.50", 0.97),
        ("digits_mbv2", "prune-0.50", 0.60),
        ("digits_vit", "prune-0.50", 0.80),
        ("digits_lstm", "prune-0.50", 0.88),
        ("digits_cnn", "prune-0.50-tensor", 0.97),
    ] {
        let variant = made(&load(name), recipe).unwrap();
        let (before, after) = right(name, &variant);
        assert!(
            after >= least && before >= after - 0.01,
            "{name} {recipe}: {before} became {after}"
        );
        assert!(
            variant.account.notes[0].contains("(50.0 %)"),
            "{:?}",
            variant.account.notes
        );
        assert!(variant.account.notes[1].contains("compressed download"));
        assert!(
            variant
                .account
                .left
                .iter()
                .any(|left| left.reason.contains("first or last"))
        );
    }
}

#[test]
fn only_elements_of_weights_change() {
    for name in [
        "digits_mlp",
        "digits_cnn",
        "digits_mbv2",
        "digits_vit",
        "digits_lstm",
        "control_flow_if_loop",
    ] {
        let model = load(name);
        let variant = match made(&model, "prune-0.40-tensor") {
            Ok(variant) => variant,
            Err(error) => panic!("{name}: {error}"),
        };
        let pruned = decoded(&variant);
        let mut scopes = (visit::tensors(&visit::scopes(model.onnx().unwrap())).len(), 0);
        for (before, after) in visit::tensors(&visit::scopes(model.onnx().unwrap()))
            .iter()
            .zip(visit::tensors(&visit::scopes(&pruned)))
        {
            assert_eq!(
                (before.tensor.name(), &before.tensor.dims),
                (after.tensor.name(), &after.tensor.dims),
                "{name}"
            );
            scopes.1 += 1;
            let view = |tensor| TensorView::of(tensor, &[]).ok();
            let (before, after) = (view(before.tensor), view(after.tensor));
            let floats = |view: &Option<TensorView>| view.as_ref().and_then(TensorView::to_f32);
            match (floats(&before), floats(&after)) {
                (Some(before), Some(after)) => {
                    assert!(
                        before
                            .iter()
                            .zip(&after)
                            .all(|(before, after)| before == after || *after == 0.0),
                        "{name}"
                    );
                }
                _ => assert_eq!(before, after, "{name}"),
            }
        }
        assert_eq!(scopes.0, scopes.1);
        assert!(zeros(&pruned).0 > zeros(model.onnx().unwrap()).0, "{name}");
        assert_eq!(
            made(&model, "prune-0.40-tensor").unwrap().files,
            variant.files,
            "{name}"
        );
    }
}

#[test]
fn bodies_of_loops_are_pruned_and_run() {
    let variant = made(&load("control_flow_if_loop"), "prune-0.50").unwrap();
    let judged = judged("control_flow_if_loop", &variant);
    let cosine = judged["accuracy"]["outputs"][0]["cosine"].as_f64().unwrap();
    assert!(cosine > 0.5, "{judged}");
    assert!(variant.account.changed > 0);
}

#[test]
fn what_is_too_small_is_told() {
    let error = made(&load("kitchen_sink"), "prune-0.50").unwrap_err();
    assert!(
        error.to_string().starts_with("prune-0.50 finds nothing to do: node"),
        "{error}"
    );
}

#[test]
fn external_data_is_pruned_too() {
    let variant = made(&load("external_mlp"), "prune-0.50").unwrap();
    assert_eq!(variant.files.len(), 1);
    assert!(zeros(&decoded(&variant)).0 > 0);
}
