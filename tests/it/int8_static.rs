//! Static 8-bit quantization of real models, with ranges that the engine gives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mlbuild::config::DatasetConfig;
use mlbuild::files::write_atomic;
use mlbuild::measure::Side;
use mlbuild::measure::calibrate::observe;
use mlbuild::model::Model;
use mlbuild::pipeline::calibration::CalibrationData;
use mlbuild::runtime::Artifact;
use mlbuild::variant::Evidence;
use mlbuild::variant::Recipe;
use mlbuild::variant::derive;

use crate::support::derived::digits;
use crate::support::derived::try_derived;
use crate::support::onnx::fixture;
use crate::support::runtime;

/// Writes the int8-static variant of every model of a folder of folders, for `tests/reference/int8_static_check.py`, which says how to
/// run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_int8_static_variants() {
    let folder = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (models, results) = (folder("INT8_CHECK_MODELS"), folder("INT8_CHECK_RESULTS"));
    let recipe =
        Recipe::parse(&std::env::var("INT8_CHECK_RECIPE").unwrap_or_else(|_| "int8-static".to_owned())).unwrap();
    for entry in std::fs::read_dir(&results).unwrap() {
        let target = entry.unwrap().path();
        let name = target.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read(target.join("evidence.json")) else {
            continue;
        };
        let model = Model::load(&models.join(format!("{name}.onnx"))).unwrap();
        let evidence: Evidence = serde_json::from_slice(&text).unwrap();
        let start = std::time::Instant::now();
        match derive(&model, &recipe, 0, &[evidence]) {
            Ok(variant) => {
                let took = start.elapsed().as_millis();
                for file in &variant.files {
                    write_atomic(&target.join("ours").join(&file.name), &file.bytes).unwrap();
                }
                let left = variant
                    .account
                    .left
                    .iter()
                    .map(|left| format!("{}: {}", left.node, left.reason));
                let lines: Vec<String> = variant.account.notes.iter().cloned().chain(left).collect();
                let lines = format!("{} changed, {took} ms\n{}\n", variant.account.changed, lines.join("\n"));
                write_atomic(&target.join("ours").join("account.txt"), lines.as_bytes()).unwrap();
            }
            Err(error) => write_atomic(&target.join("ours").join("account.txt"), error.to_string().as_bytes()).unwrap(),
        }
    }
}

fn load(name: &str) -> Model {
    Model::load(&fixture(&format!("{name}.onnx"))).unwrap()
}

/// What `recipe` wants to know of a model of digits, found on 64 samples that are for calibration.
fn known(model: &Model, recipe: &str) -> Evidence {
    let recipe = Recipe::parse(recipe).unwrap();
    let wanted = recipe.steps[0].pass.wanted(model.onnx().unwrap()).unwrap();
    let settings = DatasetConfig {
        samples: 64,
        ..DatasetConfig::for_calibration("digits.npz".into())
    };
    let folder = fixture("digits_cnn.onnx").parent().unwrap().to_owned();
    let data = CalibrationData::open(&settings, &folder, model, &BTreeMap::new()).unwrap();
    let side = Side {
        artifact: Artifact {
            model: model.path.clone(),
            external: Vec::new(),
        },
        settings: runtime::settings(),
        inputs: Vec::new(),
    };
    let (command, options) = (runtime::command(), runtime::options());
    observe(
        &side,
        &model.decoded,
        &wanted.observations,
        &data.samples,
        &command,
        &options,
        &mut |_, _| {},
    )
    .unwrap()
    .evidence
}

#[test]
fn trained_models_keep_their_answers() {
    for (name, cosine, size) in [
        ("digits_mlp", 0.9999, 0.30),
        ("digits_cnn", 0.9999, 0.272),
        ("digits_mbv2", 0.9995, 0.52),
        ("digits_vit", 0.9995, 0.43),
    ] {
        let model = load(name);
        let evidence = known(&model, "int8-static");
        let derived = try_derived(model, "int8-static", std::slice::from_ref(&evidence)).unwrap();
        assert!(derived.ratio() <= size, "{name}: {}", derived.ratio());
        assert_eq!(derived.left(), "", "{name}");
        let found = derived.agreement_on(digits(&derived.model));
        assert!(found.cosine >= cosine, "{name}: {found:?}");
        // Equal outputs would show that nothing was quantized.
        assert!(found.max_abs_error > 0.0, "{name}: {found:?}");
        let (before, after) = (found.baseline_top1.unwrap(), found.candidate_top1.unwrap());
        assert!((before - after).abs() < 0.0051, "{name}: {before} {after}");

        let again = try_derived(load(name), "int8-static", std::slice::from_ref(&evidence)).unwrap();
        assert_eq!(again.variant.files, derived.variant.files, "{name}");
        let mixed = try_derived(load(name), "mixed", &[evidence]).unwrap();
        assert_eq!(mixed.variant.files, derived.variant.files, "{name}");
    }
}

#[test]
fn every_candidate_of_mixed_can_stay_in_floats() {
    let model = load("digits_cnn");
    let recipe = Recipe::parse("mixed").unwrap();
    let search = recipe.steps[0]
        .pass
        .wanted(model.onnx().unwrap())
        .unwrap()
        .search
        .unwrap();
    assert_eq!((search.groups.len(), search.min_cosine), (10, 0.985));
    let mut evidence = known(&model, "mixed");
    let whole = try_derived(load("digits_cnn"), "mixed", std::slice::from_ref(&evidence)).unwrap();
    for group in search.groups.iter().take(3) {
        let reasons = group
            .iter()
            .map(|node| (node.clone(), "it costs too much accuracy".to_owned()));
        evidence.in_float = reasons.collect();
        let derived = try_derived(load("digits_cnn"), "mixed", std::slice::from_ref(&evidence)).unwrap();
        assert_ne!(derived.variant.files, whole.variant.files, "{group:?}");
        assert!(
            derived.left().contains("it costs too much accuracy"),
            "{}",
            derived.left()
        );
        let found = derived.agreement_on(digits(&derived.model));
        assert!(found.cosine >= 0.9999, "{group:?}: {found:?}");
    }
}

#[test]
fn subgraphs_stay_in_floats_and_are_named() {
    let model = load("control_flow_if_loop");
    let recipe = Recipe::parse("int8-static").unwrap();
    let wanted = recipe.steps[0].pass.wanted(model.onnx().unwrap()).unwrap();
    let range = |tensor: &str| (tensor.to_owned(), mlbuild::variant::Range { min: -4.0, max: 4.0 });
    let evidence = Evidence {
        ranges: wanted.observations.iter().map(|wanted| range(&wanted.tensor)).collect(),
        ..Evidence::default()
    };
    let derived = try_derived(model, "int8-static", &[evidence]).unwrap();
    assert!(
        derived.left().contains("only the main graph is quantized"),
        "{}",
        derived.left()
    );
    let found = derived.agreement();
    assert!(found.lowest_cosine > 0.99, "{found:?}");
}

#[test]
fn a_model_that_is_quantized_is_refused() {
    let model = load("kitchen_sink");
    let recipe = Recipe::parse("int8-static").unwrap();
    let error = recipe.steps[0].pass.wanted(model.onnx().unwrap()).unwrap_err();
    assert!(error.to_string().contains("is quantized already"), "{error}");
}
