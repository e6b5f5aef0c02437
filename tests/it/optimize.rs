//! `mlbuild optimize`: variants of models and builds, verified, with their lineage; and everything that stands in the way.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use mlbuild::registry::Registry;
use mlbuild::variant::TRANSFORMS;
use serde_json::Value;

use crate::support::desk::assert_no_leftovers;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::plain;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    env
}

/// The options of one run and what it printed as JSON.
fn made(env: &TestEnv, arguments: &[&str]) -> Value {
    json(
        &env.run(&[&["optimize"][..], arguments, &["--json"]].concat())
            .expect_code(0),
    )
}

fn id(made: &Value) -> String {
    made["build"]["id"].as_str().unwrap().to_owned()
}

/// A `.npz` archive of one array `x` of 32-bit floats.
fn npz(env: &TestEnv, name: &str, shape: &[usize], value: impl Fn(usize) -> f32) {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}",
        dims.join(", ")
    );
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    npy.extend(((padded + 1) as u16).to_le_bytes());
    npy.extend(format!("{header:<padded$}\n").bytes());
    for index in 0..shape.iter().product::<usize>() {
        npy.extend(value(index).to_le_bytes());
    }
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file("x.npy", zip::write::SimpleFileOptions::default())
        .unwrap();
    archive.write_all(&npy).unwrap();
    env.write(name, archive.finish().unwrap().into_inner());
}

fn noise(index: usize) -> f32 {
    (index * 7919 % 1000) as f32 / 500.0 - 1.0
}

#[test]
fn a_person_reads_what_a_variant_costs() {
    let env = desk();
    let shown = plain(&env.run(&["optimize", "digits.onnx", "--pass", "quantize", "--method", "fp16"]));
    // Other processors do compute in 16 bits.
    let (warnings, lines): (Vec<&str>, Vec<&str>) = shown.lines().partition(|line| line.starts_with("warning:"));
    assert_eq!(
        warnings.len(),
        usize::from(cfg!(target_arch = "x86_64")),
        "{warnings:?}"
    );
    insta::assert_snapshot!(lines.join("\n"), @r"
    exit code: 0
    ----- stdout -----
    digits fp16 ([ID]), made of digits fp32 ([ID])

    size      1.2 MB → 618.3 KB, 50.1 % of fp32
    outputs   cosine # (lowest #), largest error #, the same answer to # %, on # made-up samples
    changed   42 nodes and weights
    note      fp16: moved to ±5.96e-8, below which there are no 16-bit floats: 1 value of 1 weight (`onnx::Conv_110`)
    file      .mlbuild/objects/[ID]

    next: mlbuild compare [ID] [ID]
          mlbuild compare-quantization [ID] [ID]
    ----- stderr -----
    registered `digits.onnx` as digits fp32 ([ID]) in .mlbuild/registry.db
    ");
    assert_no_leftovers(&env);
}

#[test]
fn chains_are_recipes_and_are_made_once() {
    let env = desk();
    let before = env.tree()["digits.onnx"].clone();
    let pruned = made(&env, &["digits.onnx", "--pass", "prune", "--sparsity", "0.5"]);
    assert_eq!(pruned["build"]["recipe"], "prune-0.50");
    let quantized = made(&env, &[&id(&pruned), "--pass", "quantize", "--method", "int8"]);
    assert_eq!(quantized["build"]["recipe"], "prune-0.50+int8");
    assert_eq!(
        (&quantized["parent"]["id"], &quantized["root"]["id"]),
        (&pruned["build"]["id"], &pruned["root"]["id"])
    );
    // The same in one step is the same build, and so is the same step again.
    let at_once = made(&env, &["digits.onnx", "--recipe", "prune-0.5+int8"]);
    assert_eq!(
        (&at_once["build"]["id"], &at_once["reused"]),
        (&quantized["build"]["id"], &true.into())
    );
    let again = env.run(&["optimize", &id(&pruned), "--pass", "quantize", "--method", "int8"]);
    assert!(
        again.stderr.contains("in the registry already: nothing new was made"),
        "{}",
        again.stderr
    );
    let registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    assert_eq!(registry.builds().unwrap().len(), 3);
    let build = registry.resolve(&id(&quantized)).unwrap();
    assert_eq!(registry.lineage(&build.facts.id).unwrap().len(), 3);
    assert_eq!(registry.checks(&build.facts.id).unwrap().len(), 1);
    // A step that stands in the recipe already is refused.
    let twice = env
        .run(&["optimize", &id(&pruned), "--pass", "prune", "--sparsity", "0.5"])
        .expect_code(2);
    assert!(twice.stderr.contains("stands twice"), "{}", twice.stderr);
    assert_eq!(before, env.tree()["digits.onnx"]);
}

#[test]
fn calibration_data_makes_int8_static_and_is_remembered() {
    let env = desk();
    npz(&env, "calib.npz", &[16, 1, 8, 8], noise);
    let arguments = [
        "digits.onnx",
        "--pass",
        "quantize",
        "--method",
        "int8",
        "--calibration-data",
        "calib.npz",
    ];
    let output = env.run(&[&["optimize"][..], &arguments].concat()).expect_code(0);
    assert!(
        output.stderr.contains("with calibration data `int8` is `int8-static`"),
        "{}",
        output.stderr
    );
    assert!(
        output.stdout.contains("the 16 samples of `calib.npz`"),
        "{}",
        output.stdout
    );
    let real = made(&env, &arguments);
    assert_eq!(
        (&real["build"]["recipe"], &real["is_real"]),
        (&"int8-static".into(), &true.into())
    );
    assert!(real["size_ratio"].as_f64().unwrap() < 0.3);
    let registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    let build = registry.resolve(&id(&real)).unwrap();
    let derivation = registry.derivation(&build.facts.id).unwrap().unwrap();
    assert!(derivation.calibration.is_some());
    assert!(!derivation.evidence[0]["ranges"].as_object().unwrap().is_empty());
    // Made-up data is told, and gives another build.
    let output = env
        .run(&[
            "optimize",
            "digits.onnx",
            "--pass",
            "quantize",
            "--method",
            "int8-static",
        ])
        .expect_code(0);
    assert!(
        output.stderr.contains("warning: ranges come from made-up inputs"),
        "{}",
        output.stderr
    );
    let made_up = made(&env, &["digits.onnx", "--pass", "quantize", "--method", "int8-static"]);
    assert_ne!(id(&real), id(&made_up));
}

#[test]
fn labels_are_counted_before_and_after() {
    let env = desk();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz");
    env.write("digits.npz", fs::read(digits).unwrap());
    let counted = made(
        &env,
        &[
            "digits.onnx",
            "--pass",
            "quantize",
            "--method",
            "fp16",
            "--dataset",
            "digits.npz",
            "--labels",
            "labels",
            "--samples",
            "50",
        ],
    );
    let accuracy = &counted["accuracy"];
    assert_eq!((&accuracy["labelled"], &counted["is_real"]), (&50.into(), &true.into()));
    assert_eq!(accuracy["baseline_top1"], accuracy["candidate_top1"]);
    assert!(accuracy["baseline_top5"].as_f64().unwrap() >= accuracy["baseline_top1"].as_f64().unwrap());
}

#[test]
fn every_transform_has_its_flags() {
    let env = desk();
    for (name, flags) in [
        ("fp16", &["--pass", "quantize", "--method", "fp16"][..]),
        ("bf16", &["--pass", "quantize", "--method", "bf16"]),
        ("int8", &["--pass", "quantize", "--method", "int8", "--per-tensor"]),
        (
            "int8-static",
            &[
                "--pass",
                "quantize",
                "--method",
                "int8_static",
                "--calibration-method",
                "mse",
            ],
        ),
        ("int4", &["--pass", "quantize", "--method", "int4"]),
        ("int8-weights", &["--pass", "quantize", "--method", "int8-weights"]),
        ("mixed", &["--pass", "quantize", "--method", "mixed"]),
        ("prune", &["--pass", "prune", "--per-tensor"]),
        ("prune-structured", &["--pass", "prune-structured", "--ratio", "0.25"]),
        ("palettize", &["--pass", "palettize", "--bits", "4"]),
        ("simplify", &["--pass", "simplify"]),
        ("smooth", &["--pass", "smooth"]),
    ] {
        let output = env.run(&[&["optimize", "digits.onnx"][..], flags].concat());
        if !TRANSFORMS.iter().any(|transform| transform.name == name) {
            output.expect_code(2);
            continue;
        }
        assert!(
            !output.stderr.contains("is not a known transform"),
            "{name}: {}",
            output.stderr
        );
        assert!(!output.stderr.contains("it is written"), "{name}: {}", output.stderr);
    }
}

#[test]
fn what_stands_in_the_way_is_told() {
    let env = desk();
    npz(&env, "nan.npz", &[4, 1, 8, 8], |index| {
        if index == 70 { f32::NAN } else { noise(index) }
    });
    npz(&env, "wrong.npz", &[4, 3, 8, 8], noise);
    fs::create_dir(env.path("folder")).unwrap();
    let quantize = ["digits.onnx", "--pass", "quantize", "--method"];
    let calibrated = |data| [&quantize[..], &["int8-static", "--calibration-data", data]].concat();
    let prune = ["digits.onnx", "--pass", "prune"];
    for (arguments, expected) in [
        ([&prune[..], &["--sparsity", "1.5"]].concat(), "above 0 and below 1"),
        ([&prune[..], &["--sparsity", "-0.5"]].concat(), "above 0 and below 1"),
        (
            [&prune[..], &["--method", "int8"]].concat(),
            "`--method` means nothing to `--pass prune`",
        ),
        (
            [&prune[..], &["--calibration-data", "nan.npz"]].concat(),
            "it belongs to `--pass quantize`",
        ),
        (
            [&prune[..], &["--output", "digits.onnx"]].concat(),
            "which is never changed",
        ),
        (
            [&prune[..], &["--output", "./folder/../digits.onnx"]].concat(),
            "which is never changed",
        ),
        ([&prune[..], &["--output", "folder"]].concat(), "`folder` is a folder"),
        (
            [&prune[..], &["--output", "none/x.onnx"]].concat(),
            "the folder `none` does not exist",
        ),
        (vec!["none.onnx", "--pass", "prune"], "no model `none.onnx`"),
        (vec!["digits.onnx"], "--pass"),
        (
            vec!["digits.onnx", "--pass", "quantize"],
            "`--pass quantize` needs `--method`",
        ),
        (vec!["digits.onnx", "--pass", "prune-structured"], "needs `--ratio`"),
        (vec!["digits.onnx", "--recipe", "fp61"], "did you mean `fp16`?"),
        (vec!["digits.onnx", "--recipe", "fp32"], "there is nothing to make"),
        (calibrated("nan.npz"), "has a NaN in sample 1"),
        (calibrated("wrong.npz"), "[samples, 3, 8, 8]"),
        (calibrated("none.npz"), "none.npz"),
        (
            [&quantize[..], &["int8", "--target", "onnxruntime_ane"]].concat(),
            "onnxruntime_ane cannot run `int8`",
        ),
        (
            [&quantize[..], &["fp16", "--calibration-data", "nan.npz"]].concat(),
            "`fp16` takes no ranges",
        ),
    ] {
        let output = env.run(&[&["optimize"][..], &arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    // None of it is a build.
    let registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    assert_eq!(registry.builds().unwrap(), []);
}

#[test]
fn a_quantized_model_is_refused_and_nothing_to_do_is_no_build() {
    let env = desk();
    let static8 = ["--pass", "quantize", "--method", "int8-static"];
    let first = made(
        &env,
        &[&["digits.onnx"][..], &static8, &["--output", "int8.onnx"]].concat(),
    );
    for (arguments, expected) in [
        (
            &["int8.onnx", "--pass", "quantize", "--method", "int8"][..],
            "is quantized already",
        ),
        (
            &[&id(&first), "--pass", "quantize", "--method", "int8"],
            "is quantized already",
        ),
        (
            &["int8.onnx", "--pass", "quantize", "--method", "int8-static"],
            "is quantized already",
        ),
    ] {
        let output = env.run(&[&["optimize"][..], arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("hint: start from the model in floats"),
            "{}",
            output.stderr
        );
    }
    put(&env, "lstm.onnx", "digits_lstm.onnx");
    insta::assert_snapshot!(plain(&env.run(&["optimize", "lstm.onnx", "--pass", "prune-structured", "--ratio", "0.3"])), @r"
    exit code: 2
    ----- stderr -----
    error: cannot derive `prune-structured-0.30`: prune-structured-0.30 finds nothing to do: node `/fc/Gemm` (Gemm): the model returns its channels
    hint: leave this step out
    ");
    let registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    assert_eq!(registry.builds().unwrap().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_model_is_the_model() {
    let env = desk();
    std::os::unix::fs::symlink(env.path("digits.onnx"), env.path("link.onnx")).unwrap();
    fs::hard_link(env.path("digits.onnx"), env.path("hard.onnx")).unwrap();
    for name in ["link.onnx", "hard.onnx"] {
        let output = env
            .run(&["optimize", "digits.onnx", "--pass", "prune", "--output", name])
            .expect_code(2);
        assert!(output.stderr.contains("which is never changed"), "{}", output.stderr);
    }
}

#[test]
fn external_data_goes_beside_the_model_and_never_over_it() {
    let env = empty();
    put(&env, "external_mlp.onnx", "external_mlp.onnx");
    put(&env, "external_mlp.onnx.data", "external_mlp.onnx.data");
    let before = env.tree();
    let half = made(
        &env,
        &[
            "external_mlp.onnx",
            "--pass",
            "quantize",
            "--method",
            "fp16",
            "--output",
            "half.onnx",
        ],
    );
    assert_eq!(half["files"], serde_json::json!(["half.onnx"]));
    env.run(&["build", "--model", "external_mlp.onnx", "--output", "copy.onnx"])
        .expect_code(0);
    let output = env
        .run(&[
            "optimize",
            "external_mlp.onnx",
            "--pass",
            "prune",
            "--output",
            "external_mlp.onnx.data",
        ])
        .expect_code(2);
    assert!(output.stderr.contains("which is never changed"), "{}", output.stderr);
    fs::create_dir(env.path("elsewhere")).unwrap();
    let copied = env.run(&[
        "build",
        "--model",
        "external_mlp.onnx",
        "--output",
        "elsewhere/copy.onnx",
        "--json",
    ]);
    let files = json(&copied)["files"].clone();
    assert_eq!(
        files,
        serde_json::json!(["elsewhere/copy.onnx", "elsewhere/external_mlp.onnx.data"])
    );
    // Another file stands where the data would go.
    env.write("elsewhere/external_mlp.onnx.data", b"mine");
    let output = env
        .run(&[
            "build",
            "--model",
            "external_mlp.onnx",
            "--output",
            "elsewhere/copy.onnx",
        ])
        .expect_code(2);
    assert!(output.stderr.contains("another file is there"), "{}", output.stderr);
    assert_eq!(env.read("elsewhere/external_mlp.onnx.data"), "mine");
    for name in ["external_mlp.onnx", "external_mlp.onnx.data"] {
        assert_eq!(before[name], env.tree()[name], "{name}");
    }
}
