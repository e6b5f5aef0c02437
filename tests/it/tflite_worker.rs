//! TensorFlow Lite models in a worker: the real LiteRT against its own Python package, and models and libraries that misbehave.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::config::Target;
use mlbuild::hint::Hint as _;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::Watch;
use mlbuild::runtime::WatchKind;
use mlbuild::runtime::Watched;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerError;
use mlbuild::runtime::empty_session_peak;

use crate::support::litert;
use crate::support::litert::model;
use crate::support::litert::settings;
use crate::support::litert::settings_with;
use crate::support::runtime::artifact;
use crate::support::runtime::command;
use crate::support::runtime::worker;

/// What comes of loading `name` with the inputs that it is given elsewhere, or these.
fn refusal(name: &str, inputs: &[Tensor]) -> WorkerError {
    let mut worker = worker();
    worker.load(&model(name), &settings(), inputs).unwrap_err()
}

fn floats(name: &str, shape: &[u64]) -> Tensor {
    let count = shape.iter().product::<u64>() as usize;
    let values: Vec<f32> = (0..count).map(|at| at as f32 * 0.25 - 1.0).collect();
    Tensor::from_f32(name, shape, &values)
}

fn loaded(name: &str) -> (Worker, Vec<Tensor>) {
    let inputs = litert::inputs(name);
    let mut worker = worker();
    worker.load(&model(name), &settings(), &inputs).unwrap();
    (worker, inputs)
}

#[test]
fn outputs_are_those_of_the_python_package_to_the_bit() {
    for reference in litert::references() {
        let settings = settings_with(reference.xnnpack, reference.signature.as_deref());
        let mut worker = worker();
        worker
            .load(&model(&reference.model), &settings, &reference.inputs)
            .unwrap_or_else(|error| panic!("{}: {error}", reference.model));
        let outputs = worker.infer(&reference.inputs).unwrap();
        assert_eq!(
            outputs, reference.outputs,
            "{} {:?}, XNNPACK {}",
            reference.model, reference.signature, reference.xnnpack
        );
    }
}

#[test]
fn loads_times_and_tells_what_it_knows() {
    let inputs = litert::inputs("cnn");
    let mut worker = worker();
    let loaded = worker.load(&model("cnn"), &settings(), &inputs).unwrap();
    assert_eq!(loaded.runtime_version, "2.3.0");
    assert!(loaded.load_seconds > 0.0 && loaded.first_seconds > 0.0);
    assert_eq!(loaded.inputs[0].describe(), "float [1, 16, 16, 3]");
    assert_eq!(loaded.inputs[0].name, "image");
    assert_eq!(loaded.outputs[0].dims, Some(vec![Dim::Fixed(1), Dim::Fixed(10)]));

    let timed = worker.block(2, 25).unwrap();
    assert_eq!(timed.len(), 25);
    assert!(timed.iter().all(|timed| timed.own() > 0.0 && timed.stolen >= 0.0));
    let again = worker.reload().unwrap();
    assert_eq!(again.inputs, loaded.inputs);
    assert!(worker.block(0, 3).is_ok());
}

#[test]
fn every_element_type_passes_through() {
    let (mut worker, inputs) = loaded("elements");
    let outputs = worker.infer(&inputs).unwrap();
    assert_eq!(outputs.len(), 8);
    for (input, output) in inputs.iter().zip(&outputs) {
        assert_eq!((input.element, &input.data), (output.element, &output.data));
        assert_eq!(output.shape, [3, 2]);
    }
}

#[test]
fn other_bytes_than_0_and_1_are_true() {
    let (mut worker, mut inputs) = loaded("elements");
    let truth = inputs
        .iter_mut()
        .find(|tensor| tensor.element == ElementType::Bool)
        .unwrap();
    truth.data = vec![0, 1, 2, 255, 0, 7].into();
    let outputs = worker.infer(&inputs).unwrap();
    let truth = outputs
        .iter()
        .find(|tensor| tensor.element == ElementType::Bool)
        .unwrap();
    assert_eq!(truth.data, [0_u8, 1, 1, 1, 0, 1].as_slice());
}

#[test]
fn open_dimensions_take_any_size_and_the_measured_one_comes_back() {
    let (mut worker, inputs) = loaded("dynamic");
    let few = worker.infer(&inputs).unwrap();
    assert_eq!(few[0].shape, [1, 5]);
    let many = worker.infer(&[floats("rows", &[9, 4])]).unwrap();
    assert_eq!(many[0].shape, [9, 5]);
    assert_eq!(many[0].data.len(), 9 * 5 * 4);
    assert!(worker.block(1, 5).is_ok());
    assert_eq!(worker.infer(&inputs).unwrap(), few);
    let single = worker.infer(&[floats("rows", &[1, 4])]).unwrap();
    assert_eq!(many[0].data[..20], single[0].data[..]);
}

#[test]
fn a_model_is_measured_in_the_size_that_it_is_loaded_with() {
    let mut worker = worker();
    worker
        .load(&model("dynamic"), &settings(), &[floats("rows", &[3, 4])])
        .unwrap();
    assert!(worker.block(1, 5).is_ok());
    assert_eq!(worker.infer(&[floats("rows", &[3, 4])]).unwrap()[0].shape, [3, 5]);
    worker.reload().unwrap();
    assert!(worker.block(1, 5).is_ok());
}

#[test]
fn what_is_watched_is_learned_without_the_outputs() {
    let (mut worker, inputs) = loaded("cnn");
    let watch = Watch {
        tensor: "scores".to_owned(),
        kind: WatchKind::Extremes,
    };
    worker.observe(&[watch]).unwrap();
    for _ in 0..3 {
        worker.feed(&inputs).unwrap();
    }
    let [Watched::Extremes(extremes)] = &worker.observed().unwrap()[..] else {
        panic!("extremes were asked for");
    };
    let (least, greatest) = extremes.range().unwrap();
    assert!(least >= 0.0 && greatest <= 1.0 && extremes.counted == 30);
}

/// Threads of a process.
#[cfg(target_os = "linux")]
fn threads(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/task")).unwrap().count()
}

#[test]
#[cfg(target_os = "linux")]
fn as_many_threads_as_asked_for() {
    let counts = [1, 3].map(|threads_asked| {
        let mut worker = worker();
        let settings = SessionSettings {
            threads: threads_asked,
            ..settings()
        };
        worker.load(&model("cnn"), &settings, &litert::inputs("cnn")).unwrap();
        worker.block(0, 1).unwrap();
        threads(worker.process_id())
    });
    assert_eq!(counts[1] - counts[0], 2);
}

#[test]
fn threads_without_xnnpack_are_refused_for_nothing_would_use_them() {
    let mut worker = worker();
    let settings = SessionSettings {
        threads: 2,
        ..settings_with(false, None)
    };
    let error = worker
        .load(&model("cnn"), &settings, &litert::inputs("cnn"))
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"LiteRT failed while loading the model: without XNNPACK every kernel runs on one thread, and 2 were asked for");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_told_and_an_empty_session_is_small() {
    let (mut worker, _) = loaded("cnn");
    let peak = worker.peak_memory().unwrap().unwrap();
    let empty = empty_session_peak(&command(), &settings_with(true, Some("other")))
        .unwrap()
        .unwrap();
    assert!(empty > 1 << 20 && peak > 1 << 20);
    assert!(peak.abs_diff(empty) < 16 << 20, "{peak} {empty}");
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    let said = |name: &str, inputs: &[Tensor]| {
        let error = refusal(name, inputs);
        assert!(matches!(error, WorkerError::Input { .. }), "{error:?}");
        error.to_string()
    };
    insta::assert_snapshot!(said("cnn", &[]), @"the inputs do not fit the model: nothing was given for input `image`");
    insta::assert_snapshot!(said("cnn", &[floats("picture", &[1])]), @"the inputs do not fit the model: the model has no input `picture`; it has `image`");
    insta::assert_snapshot!(said("cnn", &[floats("image", &[2, 16, 16, 3])]), @"the inputs do not fit the model: input `image` takes float [1, 16, 16, 3], and was given [2, 16, 16, 3]; only dimensions that the model leaves open can have another size");
    insta::assert_snapshot!(said("cnn", &[floats("image", &[16, 16, 3])]), @"the inputs do not fit the model: input `image` takes float [1, 16, 16, 3], and was given 3 dimensions");
    insta::assert_snapshot!(said("int8", &[floats("rows", &[1, 8])]), @"the inputs do not fit the model: input `rows` takes int8 [1, 8], and was given Float [1, 8] in 32 bytes");
    let text = Tensor {
        element: ElementType::String,
        ..floats("text", &[2])
    };
    insta::assert_snapshot!(said("strings", &[text]), @"the inputs do not fit the model: input `text` holds String, which cannot be fed");
}

#[test]
fn a_signature_that_is_not_there_is_named() {
    let mut worker = worker();
    let settings = settings_with(true, Some("divide"));
    let error = worker
        .load(&model("signatures"), &settings, &litert::inputs("signatures"))
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"the inputs do not fit the model: the model has no signature `divide`; it has `add`, `multiply`");
}

#[test]
fn failures_name_operators_and_tensors() {
    insta::assert_snapshot!(refusal("custom", &[floats("x", &[1, 4])]).to_string(), @"this version of LiteRT does not support the model: Encountered unresolved custom op: Frobnicate; Node number 0 (Frobnicate) failed to prepare; that operator makes `y` of `x`");
    insta::assert_snapshot!(refusal("future", &[floats("x", &[1, 4])]).to_string(), @"this version of LiteRT does not support the model: Didn't find op for builtin opcode 'ABS' version '99'. An older version of this builtin might be supported. Are you using an old TFLite binary with a newer model?");
    insta::assert_snapshot!(refusal("contradiction", &[floats("left", &[1, 4]), floats("right", &[1, 5])]).to_string(), @"LiteRT refuses the model: Given shapes, [1,4] and [1,5], are not broadcastable; Node number 0 (ADD) failed to prepare; that operator makes `sum` of `left`, `right`");
    let mask = Tensor {
        element: ElementType::Bool,
        data: vec![1, 0, 1, 1, 0, 0].into(),
        ..floats("mask", &[6])
    };
    insta::assert_snapshot!(refusal("unknown_size", &[mask]).to_string(), @"this version of LiteRT does not support the model: the size of an output depends on the data, and this version takes no buffer for such an output");
}

#[test]
fn files_that_are_no_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(litert::path("cnn")).unwrap();
    let files: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("text", b"this is no model of any kind, and long enough to look at"),
        ("cut", &whole[..whole.len() / 2]),
        ("onnx", &fs::read("tests/fixtures/models/digits_mlp.onnx").unwrap()),
    ];
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut worker = worker();
        let error = worker
            .load(&artifact(&path), &settings(), &litert::inputs("cnn"))
            .unwrap_err();
        assert!(
            matches!(error, WorkerError::InvalidModel { .. } | WorkerError::Artifact { .. }),
            "{name}: {error:?}"
        );
        assert!(
            error.to_string().contains("LiteRT") || name == "empty",
            "{name}: {error}"
        );
    }
}

#[test]
fn hostile_bytes_end_the_worker_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(litert::path("cnn")).unwrap();
    let inputs = litert::inputs("cnn");
    let mut ends = std::collections::BTreeMap::new();
    for step in 0..24 {
        let mut bytes = whole.clone();
        // Spread over the whole file, most of which is offsets.
        for round in 0..4 {
            let at = (step * 131 + round * 977) % bytes.len();
            bytes[at] ^= 1 << ((step + round) % 8);
        }
        let path = folder.path().join(format!("{step}.tflite"));
        fs::write(&path, &bytes).unwrap();
        let mut worker = worker();
        let end = match worker.load(&artifact(&path), &settings(), &inputs) {
            Ok(_) => "loaded",
            Err(WorkerError::Crashed { .. }) => "crashed",
            Err(WorkerError::InvalidModel { .. } | WorkerError::Unsupported { .. }) => "refused",
            Err(WorkerError::Input { .. } | WorkerError::Engine { .. } | WorkerError::OutOfMemory { .. }) => "failed",
            Err(error) => panic!("{step}: {error:?}"),
        };
        *ends.entry(end).or_insert(0) += 1;
    }
    // Weights were hit as well as structure.
    assert!(ends.contains_key("loaded") && ends.len() > 1, "{ends:?}");
    let (mut next, inputs) = loaded("cnn");
    assert!(next.infer(&inputs).is_ok());
}

fn library_error(library: &Path) -> WorkerError {
    let settings = SessionSettings {
        library: library.to_owned(),
        ..settings()
    };
    let mut worker = worker();
    worker
        .load(&model("cnn"), &settings, &litert::inputs("cnn"))
        .unwrap_err()
}

#[test]
fn only_the_published_library_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("libLiteRt.so");
    let mut bytes = fs::read(litert::library()).unwrap();
    bytes.push(0);
    fs::write(&changed, bytes).unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    let other = crate::support::runtime::onnxruntime(mlbuild::config::DEFAULT_ONNXRUNTIME);
    for library in [changed, text, other] {
        let error = library_error(&library);
        assert!(matches!(error, WorkerError::Library { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("is not the published library of LiteRT 2.3.0"), "{said}");
        assert!(error.hints()[0].contains("runtime install --engine litert"));
    }
    for (library, word) in [("/nowhere/libLiteRt.so", "cannot read"), ("libLiteRt.so", "absolute")] {
        let error = library_error(&PathBuf::from(library));
        assert!(
            matches!(error, WorkerError::Library { .. }) && error.to_string().contains(word),
            "{error}"
        );
    }
}

#[test]
fn one_worker_has_one_engine() {
    let (mut worker, inputs) = loaded("cnn");
    let other = SessionSettings {
        target: Target::OnnxRuntimeCpu,
        ..settings()
    };
    let error = worker.load(&model("cnn"), &other, &inputs).unwrap_err();
    assert!(error.to_string().contains("another library"), "{error}");
}

#[test]
fn a_profile_names_kernels_and_partitions() {
    let mut worker = worker();
    let raw = worker
        .profile(&model("partitions"), &settings(), &litert::inputs("partitions"), 2, 5)
        .unwrap();
    assert_eq!((raw.plain.len(), raw.runtime_version.as_str()), (5, "2.3.0"));
    let events: serde_json::Value = serde_json::from_slice(&raw.events).unwrap();
    let events: Vec<(&str, &str)> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (
                event["name"].as_str().unwrap(),
                event["args"]["op_name"].as_str().unwrap_or(""),
            )
        })
        .collect();
    let run = [
        ("partition 1, kernel 0_kernel_time", "Abs (NC)"),
        ("sums_kernel_time", "CUMSUM"),
        ("partition 2, kernel 0_kernel_time", "Negate (NC)"),
        ("model_run", ""),
    ];
    assert_eq!(events, [run; 5].concat());
}

#[test]
fn without_xnnpack_every_operator_is_the_librarys_own() {
    let mut worker = worker();
    let raw = worker
        .profile(&model("cnn"), &settings_with(false, None), &litert::inputs("cnn"), 0, 1)
        .unwrap();
    let events: serde_json::Value = serde_json::from_slice(&raw.events).unwrap();
    let names: Vec<&str> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "stem/out_kernel_time",
            "depthwise/out_kernel_time",
            "residual/out_kernel_time",
            "pool/out_kernel_time",
            "logits_kernel_time",
            "scores_kernel_time",
            "model_run"
        ]
    );
}
