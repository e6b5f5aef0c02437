//! Deep profiles of real models on the real engine: kernels add up, every node is accounted for.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::measure::Side;
use mlbuild::measure::profile::Fate;
use mlbuild::measure::profile::Options;
use mlbuild::measure::profile::Profile;
use mlbuild::measure::profile::profile;
use mlbuild::model::Model;
use mlbuild::model::inputs;

use crate::support::env::TestEnv;
use crate::support::onnx::fixture;
use crate::support::runtime;

fn options() -> Options {
    Options {
        runs: 8,
        warmup: 2,
        cold_runs: 5,
        roofline: false,
        ..Options::default()
    }
}

fn side(model: &Model, shapes: &BTreeMap<String, Vec<u64>>) -> Side {
    let request = inputs::Request {
        task: mlbuild::config::Task::Auto,
        shapes,
        seed: 7,
        sequence: None,
        batch: None,
    };
    let external = model
        .external
        .iter()
        .map(|file| (file.location.clone(), model.path.parent().unwrap().join(&file.location)));
    Side {
        artifact: mlbuild::runtime::Artifact {
            model: model.path.clone(),
            external: external.collect(),
        },
        settings: runtime::settings(),
        inputs: inputs::make(model, &request).unwrap().inputs,
    }
}

fn profiled(path: &Path, shapes: &[(&str, &[u64])], options: &Options) -> Profile {
    let model = Model::load(path).unwrap();
    let shapes = shapes
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
        .collect();
    let profile = profile(
        &side(&model, &shapes),
        &model,
        &runtime::command(),
        options,
        &mut |_| {},
    )
    .unwrap_or_else(|error| panic!("{}", error.explanation()));
    sound(&profile, &model);
    profile
}

/// What holds for every profile.
fn sound(profile: &Profile, model: &Model) {
    assert!(!profile.kernels.is_empty());
    assert_eq!(profile.warnings, Vec::<String>::new());
    let kernels: f64 = profile.kernels.iter().map(|kernel| kernel.seconds).sum();
    assert!((kernels + profile.overhead_seconds - profile.run_seconds).abs() <= 1e-12);
    assert!(profile.overhead_seconds >= 0.0);
    assert!(profile.run_seconds > 0.0 && profile.plain_seconds > 0.0);
    assert!(
        profile
            .kernels
            .iter()
            .all(|kernel| kernel.calls > 0 && kernel.seconds >= 0.0)
    );

    let main = profile.nodes.iter().filter(|node| node.within.is_none()).count();
    assert_eq!(main, model.onnx().unwrap().graph.as_ref().unwrap().node.len());
    let lost: Vec<_> = profile
        .nodes
        .iter()
        .filter(|node| node.fate == Fate::Untraced)
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    for node in &profile.nodes {
        let runs = matches!(node.fate, Fate::Executed | Fate::Fused);
        assert_eq!(node.kernel.is_some(), runs, "{node:?}");
        if let Some(kernel) = node.kernel {
            assert!(profile.kernels[kernel].nodes.contains(&node.label), "{node:?}");
        }
    }
    for kernel in &profile.kernels {
        let inserted = matches!(
            kernel.op_type.as_str(),
            "ReorderInput" | "ReorderOutput" | "Transpose" | "Cast" | "Unsqueeze" | "Squeeze"
        );
        assert!(inserted || !kernel.nodes.is_empty(), "{kernel:?}");
        assert_eq!(kernel.provider, "CPUExecutionProvider");
    }
    let peak = profile.memory.peak.unwrap();
    let most = profile.memory.steps.iter().map(|step| step.live_bytes).max();
    assert_eq!(Some(profile.memory.steps[peak].live_bytes), most);
    assert_eq!(profile.memory.unknown_tensors, 0);
    let mut last = 0.0;
    for span in &profile.timeline {
        assert!(span.start >= last, "{span:?}");
        last = span.start;
    }
}

fn large(name: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("MLBUILD_LARGE_MODELS").map_or_else(|| PathBuf::from("../shared/models"), PathBuf::from);
    let path = folder.join(name);
    let found = path.is_file();
    if !found {
        eprintln!("skipped: `{}` is not there", path.display());
    }
    found.then_some(path)
}

fn nodes<'a>(profile: &'a Profile, op_type: &str) -> Vec<&'a [String]> {
    let kernels = profile.kernels.iter().filter(|kernel| kernel.op_type == op_type);
    kernels.map(|kernel| kernel.nodes.as_slice()).collect()
}

#[test]
fn a_convolution_takes_in_what_follows_it() {
    let profile = profiled(&fixture("digits_cnn.onnx"), &[], &options());
    let of = |name: &str| {
        let found = profile
            .kernels
            .iter()
            .find(|kernel| kernel.nodes.iter().any(|node| node == name));
        found.unwrap().nodes.clone()
    };
    assert_eq!(of("/stem/stem.0/Conv"), ["/stem/stem.0/Conv", "/stem/stem.2/Relu"]);
    assert_eq!(of("/l1/c2/Conv"), ["/l1/c2/Conv", "/l1/Add", "/l1/Relu_1"]);
    assert_eq!(of("/l2/sc/sc.0/Conv"), ["/l2/sc/sc.0/Conv"]);
    let macs: u64 = profile.kernels.iter().map(|kernel| kernel.macs.unwrap()).sum();
    let model = Model::load(&fixture("digits_cnn.onnx")).unwrap();
    let shapes = side(&model, &BTreeMap::new())
        .inputs
        .into_iter()
        .map(|input| (input.name, input.shape));
    assert_eq!(Some(macs), model.work(&shapes.collect()).macs);
}

#[test]
fn small_models_are_accounted_for() {
    for name in [
        "digits_mlp.onnx",
        "digits_mbv2.onnx",
        "digits_vit.onnx",
        "digits_lstm.onnx",
        "external_mlp.onnx",
    ] {
        profiled(&fixture(name), &[], &options());
    }
}

#[test]
fn loops_count_their_calls_and_branches_not_taken_are_told() {
    let profile = profiled(&fixture("control_flow_if_loop.onnx"), &[], &options());
    let looped = profile
        .kernels
        .iter()
        .position(|kernel| kernel.op_type == "Loop")
        .unwrap();
    let body: Vec<_> = profile
        .kernels
        .iter()
        .filter(|kernel| kernel.parent == Some(looped))
        .collect();
    assert!(
        body.iter()
            .any(|kernel| kernel.op_type == "MatMul" && kernel.calls > 1 && kernel.macs.unwrap() > 0)
    );
    assert!(profile.nodes.iter().any(|node| node.fate == Fate::Skipped));
    assert!(profile.timeline.iter().any(|span| span.depth == 1));
}

#[test]
fn a_transformer_is_accounted_for() {
    let Some(path) = large("bert_mini_like.onnx") else {
        return;
    };
    let shape: &[u64] = &[1, 64];
    let shapes = [
        ("input_ids", shape),
        ("attention_mask", shape),
        ("token_type_ids", shape),
    ];
    let profile = profiled(
        &path,
        &shapes,
        &Options {
            roofline: true,
            cold_starts: 2,
            ..options()
        },
    );
    assert_eq!(nodes(&profile, "LayerNormalization").len(), 9);
    assert!(
        nodes(&profile, "LayerNormalization")
            .iter()
            .all(|nodes| nodes.len() == 9)
    );
    assert!(nodes(&profile, "BiasGelu").iter().all(|nodes| nodes.len() == 6));
    let patterns: Vec<&str> = profile.missed.iter().map(|missed| missed.pattern.as_str()).collect();
    for pattern in ["attention", "MatMul + Add", "shape arithmetic"] {
        assert!(patterns.contains(&pattern), "{patterns:?}");
    }
    let roofline = profile.roofline.as_ref().unwrap();
    assert!(roofline.gflops > 0.1 && roofline.gigabytes > 0.1, "{roofline:?}");
    assert_eq!(profile.cold.processes, 2);
}

#[test]
fn larger_vision_models_are_accounted_for() {
    for name in ["light_squeezenet_seeded.onnx", "mobilenetv2_like.onnx"] {
        let Some(path) = large(name) else { return };
        profiled(&path, &[], &options());
    }
    if let Some(path) = large("detector_fpn.onnx") {
        profiled(&path, &[], &options());
    }
}

#[test]
fn the_command_prints_a_table_json_and_a_page() {
    let env = TestEnv::new().with_runtime_cache();
    env.write("cnn.onnx", std::fs::read(fixture("digits_cnn.onnx")).unwrap());
    let output = env
        .run(&[
            "profile",
            "cnn.onnx",
            "--runs",
            "5",
            "--deep",
            "--cold-start-runs",
            "2",
            "--html",
            "profile.html",
        ])
        .expect_code(0);
    for text in [
        "13 kernels",
        "overhead",
        "the whole run",
        "roofline",
        "cold start",
        "Conv + Relu",
        "/l1/c2/Conv",
    ] {
        assert!(output.stdout.contains(text), "{text}: {}", output.stdout);
    }
    assert!(env.read("profile.html").contains("/l1/c2/Conv"));

    let output = env
        .run(&["profile", "cnn.onnx", "--runs", "5", "--json"])
        .expect_code(0);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let profile: Profile = serde_json::from_value(document["profiled"]["profile"].clone()).unwrap();
    assert_eq!(profile.runs, 5);
    let kernels: f64 = profile.kernels.iter().map(|kernel| kernel.seconds).sum();
    assert!((kernels + profile.overhead_seconds - profile.run_seconds).abs() < 1e-9);
    assert!(profile.roofline.is_some());
}

#[test]
fn the_command_refuses_what_makes_no_sense() {
    let env = TestEnv::new().with_runtime_cache();
    for arguments in [
        &["profile", "no.onnx"][..],
        &["profile", "no.onnx", "--runs", "0"],
        &["profile", "no.onnx", "--top", "0"],
        &["profile", "no.onnx", "--cold-start-runs", "0"],
    ] {
        let output = env.run(arguments).expect_code(2);
        assert!(output.stderr.contains("error"), "{}", output.stderr);
    }
    env.write("cnn.onnx", std::fs::read(fixture("digits_cnn.onnx")).unwrap());
    let output = env
        .run(&["profile", "cnn.onnx", "--int8-build", "gone.onnx"])
        .expect_code(2);
    assert!(output.stderr.contains("gone.onnx"), "{}", output.stderr);
    let output = env
        .run(&["profile", "cnn.onnx", "--input-shape", "input=1,3,8,8"])
        .expect_code(2);
    assert!(output.stderr.contains("input"), "{}", output.stderr);
}

#[test]
fn a_worker_profiles_only_before_anything_else() {
    let model = Model::load(&fixture("digits_mlp.onnx")).unwrap();
    let side = side(&model, &BTreeMap::new());
    let mut worker = runtime::worker();
    worker.load(&side.artifact, &side.settings, &side.inputs).unwrap();
    let error = worker
        .profile(&side.artifact, &side.settings, &side.inputs, 0, 1)
        .unwrap_err();
    assert!(error.to_string().contains("a worker of its own"), "{error}");
    let error = runtime::worker()
        .profile(&side.artifact, &side.settings, &side.inputs, 0, 0)
        .unwrap_err();
    assert!(error.to_string().contains("at least one run"), "{error}");
}
