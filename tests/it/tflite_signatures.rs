//! Models with several entry points, in every command that runs one: which is run, and what becomes of the others in a variant.

use std::fs;

use mlbuild::model::tflite;
use mlbuild::model::tflite::schema::BuiltinOperator;
use mlbuild::model::tflite::schema::Model;
use mlbuild::model::tflite::schema::SignatureDef;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::Output;
use crate::support::env::TestEnv;
use crate::support::litert;

fn tables(name: &str) -> Model {
    tflite::read(&fs::read(litert::path(name)).unwrap().into())
        .unwrap()
        .model
}

fn keys(model: &Model) -> Vec<&str> {
    let signatures = model.signature_defs().iter();
    signatures.map(SignatureDef::signature_key).collect()
}

/// `m.tflite` adds and multiplies; `other.tflite` multiplies by either name.
fn arithmetic() -> TestEnv {
    let env = desk::empty();
    put(&env, "m.tflite", "tflite/signatures.tflite");
    let mut other = tables("signatures");
    let codes: Vec<BuiltinOperator> = other.operator_codes().iter().map(|code| code.builtin()).collect();
    let multiplies = codes.iter().position(|code| *code == BuiltinOperator::MUL).unwrap();
    let multiplied = other.subgraphs()[1].operators.clone();
    assert_eq!(multiplied.as_ref().unwrap()[0].opcode_index as usize, multiplies);
    other.subgraphs.as_mut().unwrap()[0].operators = multiplied;
    env.write("other.tflite", tflite::write(&other).unwrap());
    env
}

/// A network by the names `first` and `second`, each a graph of its own over the same weights; their outputs have other names.
fn two_networks() -> TestEnv {
    let env = desk::empty();
    put(&env, "d.onnx", "digits_mlp.onnx");
    run(
        &env,
        "build --model d.onnx --target generic_linux --output one.tflite --samples 1",
    )
    .expect_code(0);
    let mut model = tflite::read(&fs::read(env.path("one.tflite")).unwrap().into())
        .unwrap()
        .model;
    let graphs = model.subgraphs.as_mut().unwrap();
    let mut second = graphs[0].clone();
    let output = second.outputs()[0];
    second.tensors.as_mut().unwrap()[output as usize].name = Some("second_scores".to_owned());
    graphs.push(second);
    let mut signature = model.signature_defs()[0].clone();
    signature.signature_key = Some("first".to_owned());
    let mut other = SignatureDef {
        signature_key: Some("second".to_owned()),
        subgraph_index: 1,
        ..signature.clone()
    };
    other.outputs.as_mut().unwrap()[0].name = Some("second_scores".to_owned());
    model.signature_defs = Some(vec![signature, other]);
    env.write("m.tflite", tflite::write(&model).unwrap());
    env
}

fn run(env: &TestEnv, line: &str) -> Output {
    env.run(&line.split(' ').collect::<Vec<_>>())
}

/// Every command that runs a model and chooses its entry point, but for `--signature` itself.
const COMMANDS: &[&str] = &[
    "benchmark MODEL --runs 5 --restarts 3 --time-budget 1s",
    "profile MODEL --runs 5",
    "accuracy MODEL MODEL --samples 2",
    "compare MODEL MODEL --time-budget 300ms",
    "ci-check MODEL MODEL --time-budget 300ms",
    "compare-quantization MODEL MODEL --time-budget 300ms --accuracy-samples 2",
    "validate MODEL --max-size 8",
    "explore MODEL --fast --budget 2s",
    "sensitivity MODEL",
    "optimize MODEL --pass quantize --method fp16",
    "build --model MODEL",
];

#[test]
fn an_entry_point_that_is_not_there_is_refused_by_every_command() {
    let env = desk::empty();
    put(&env, "m.tflite", "tflite/signatures.tflite");
    put(&env, "m.onnx", "digits_mlp.onnx");
    let imports = [
        ("m.tflite", "import --model MODEL --target generic_linux"),
        ("m.onnx", "import --model MODEL --target onnxruntime_cpu"),
    ];
    let all = |model: &'static str| {
        let of = move |(file, command): &(&str, &'static str)| (*file == model).then_some(*command);
        COMMANDS
            .iter()
            .copied()
            .chain(imports.iter().filter_map(of).collect::<Vec<_>>())
    };
    for command in all("m.tflite") {
        let refused = run(
            &env,
            &format!("{} --signature divide", command.replace("MODEL", "m.tflite")),
        );
        let refused = refused.expect_code(2);
        for said in ["m.tflite` has no signature `divide`", "hint: it has `add`, `multiply`"] {
            assert!(refused.stderr.contains(said), "{command}: {}", refused.stderr);
        }
    }
    for command in all("m.onnx") {
        let refused = run(
            &env,
            &format!("{} --signature main", command.replace("MODEL", "m.onnx")),
        );
        let refused = refused.expect_code(2);
        for said in ["m.onnx` has no signature `main`", "hint: it has none"] {
            assert!(refused.stderr.contains(said), "{command}: {}", refused.stderr);
        }
    }
}

#[test]
fn two_models_are_run_by_the_same_entry_point() {
    let env = arithmetic();
    let accuracy = |more: &str| {
        run(
            &env,
            &format!("accuracy m.tflite other.tflite --samples 4 --json{more}"),
        )
    };
    accuracy("").expect_code(1);
    accuracy(" --signature add").expect_code(1);
    accuracy(" --signature multiply").expect_code(0);
    accuracy(" --signature multiply --no-xnnpack").expect_code(0);

    let validate = |more: &str| {
        let line = format!("validate m.tflite --baseline-id other.tflite --accuracy-samples 4 --json{more}");
        json(&run(&env, &line))["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(validate(""), "violated");
    assert_eq!(validate(" --signature multiply"), "passed");

    let cosine = |command: &str| {
        let found = json(&run(&env, command));
        let metrics = found["comparisons"][0]["metrics"].as_array();
        let of_metric = metrics.and_then(|metrics| metrics.iter().find(|metric| metric["metric"] == "cosine"));
        let cosine = of_metric.map_or(&found["accuracy"]["cosine"], |metric| &metric["candidate"]);
        cosine.as_f64().unwrap_or_else(|| panic!("{command}: {found}"))
    };
    for command in [
        "compare m.tflite other.tflite --time-budget 300ms --json",
        "compare-quantization m.tflite other.tflite --time-budget 300ms --accuracy-samples 4 --json",
    ] {
        assert!(cosine(command) < 0.999, "{command}");
        assert!(
            cosine(&format!("{command} --signature multiply")) > 0.999_999,
            "{command}"
        );
    }
}

#[test]
fn the_configs_entry_point_counts_and_the_flag_stands_above_it() {
    let env = arithmetic();
    env.write(
        ".mlbuild.yml",
        "version: 1\nmodels: [{ path: other.tflite, signature: multiply }]\n",
    );
    let accuracy = |more: &str| {
        run(
            &env,
            &format!("accuracy m.tflite other.tflite --samples 4 --json{more}"),
        )
    };
    accuracy("").expect_code(0);
    accuracy(" --signature add").expect_code(1);
    // What the config says of a TensorFlow Lite model is no demand on the ONNX model beside it.
    put(&env, "m.onnx", "digits_mlp.onnx");
    let refused = run(&env, "accuracy m.onnx other.tflite").expect_code(2);
    assert!(!refused.stderr.contains("signature"), "{}", refused.stderr);
}

#[test]
fn a_variant_keeps_every_entry_point() {
    let env = two_networks();
    for steps in [
        "--pass quantize --method fp16",
        "--pass quantize --method int8",
        "--pass quantize --method int8-static",
        "--pass prune --sparsity 0.1",
    ] {
        let made = |signature: &str, output: &str| {
            let line =
                format!("optimize m.tflite {steps} --signature {signature} --samples 2 --output {output} --json");
            json(&run(&env, &line).expect_code(0))
        };
        let (first, second) = (made("first", "first.tflite"), made("second", "second.tflite"));
        let files = ["first.tflite", "second.tflite"].map(|name| fs::read(env.path(name)).unwrap());
        let is_calibrated = steps.contains("static");
        // Only what is learned from a run depends on what was run.
        assert_eq!(first["build"]["id"] != second["build"]["id"], is_calibrated, "{steps}");
        assert_eq!(files[0] != files[1], is_calibrated, "{steps}");
        for (name, file) in ["first", "second"].iter().zip(files) {
            let variant = tflite::read(&file.into()).unwrap().model;
            assert_eq!(keys(&variant), ["first", "second"], "{steps}");
            if is_calibrated {
                let integers = variant.subgraphs().iter().map(|graph| {
                    let mut operators = graph.operators().iter();
                    operators.any(|operator| variant.operator(operator) == BuiltinOperator::QUANTIZE)
                });
                assert_eq!(integers.collect::<Vec<_>>(), [*name == "first", *name == "second"]);
            }
            for signature in ["first", "second"] {
                let line = format!(
                    "accuracy m.tflite {name}.tflite --samples 2 --cosine-threshold 0.9 --top1-threshold 0 --json --signature {signature}"
                );
                let compared = json(&run(&env, &line).expect_code(0));
                let is_second = compared["accuracy"].to_string().contains("second_scores");
                assert_eq!(is_second, signature == "second", "{compared}");
            }
        }
    }
}

#[test]
fn a_check_counts_for_the_entry_point_that_it_ran() {
    let env = two_networks();
    let line = "optimize m.tflite --pass quantize --method fp16 --samples 2 --json";
    let outputs = |more: &str| json(&run(&env, &format!("{line}{more}")).expect_code(0))["accuracy"].to_string();
    assert!(!outputs("").contains("second_scores"));
    assert!(outputs(" --signature second").contains("second_scores"));
    assert!(!outputs("").contains("second_scores"));
}

#[test]
fn a_sweep_and_its_second_run_keep_to_the_entry_point() {
    let env = two_networks();
    let explore = |more: &str| {
        let line = format!("explore m.tflite --recipes fp16 --budget 4s --json{more}");
        json(&run(&env, &line).expect_code(0))
    };
    let second = explore(" --signature second");
    assert_eq!(second["variants"][1]["recipe"], "fp16", "{second}");
    assert!(
        second["variants"][1]["accuracy"]["cosine"].as_f64().unwrap() > 0.99,
        "{second}"
    );
    // Nothing of it is taken for a sweep of the other one.
    assert_eq!(explore("")["variants"][1]["reused"], false);
    assert_eq!(explore(" --signature second")["variants"][1]["reused"], true);
}

#[test]
fn a_page_that_profiles_nothing_takes_no_entry_point() {
    let env = two_networks();
    let built = json(&run(&env, "build --model m.tflite --signature second --samples 2 --json").expect_code(0));
    let id = built["build"]["id"].as_str().unwrap();
    let refused = run(&env, &format!("report {id} --signature second --json")).expect_code(2);
    assert!(refused.stderr.contains("add `--profile`"), "{}", refused.stderr);
    run(&env, &format!("report {id} --profile --signature second --json")).expect_code(0);
    let refused = run(&env, &format!("report {id} --profile --signature third --json")).expect_code(2);
    assert!(
        refused.stderr.contains("it has `first`, `second`"),
        "{}",
        refused.stderr
    );
}
