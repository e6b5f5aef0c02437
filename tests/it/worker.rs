//! Worker processes: the real binary, the real engine, real models, and models and workers that misbehave.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use mlbuild::config::ExecutionMode;
use mlbuild::config::GraphOptimization;
use mlbuild::config::Target;
use mlbuild::hint::Hint as _;
use mlbuild::machine::affinity;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::WorkerError;
use mlbuild::runtime::WorkerOptions;
use mlbuild::runtime::empty_session_peak;
use tempfile::TempDir;

use crate::support::onnx::fixture;
use crate::support::onnx::graph;
use crate::support::onnx::integers;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;
use crate::support::runtime::artifact;
use crate::support::runtime::command;
use crate::support::runtime::onnxruntime;
use crate::support::runtime::options;
use crate::support::runtime::settings;
use crate::support::runtime::worker;

fn ramp(name: &str, shape: &[u64]) -> Tensor {
    let elements = shape.iter().product::<u64>() as usize;
    let values: Vec<f32> = (0..elements).map(|at| (at * 37 % 101) as f32 / 101.0).collect();
    Tensor::from_f32(name, shape, &values)
}

fn digits() -> Tensor {
    ramp("input", &[1, 1, 8, 8])
}

/// A model file in a folder of its own.
struct Made {
    folder: TempDir,
}

impl Made {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.onnx"), bytes).unwrap();
        Self { folder }
    }

    fn artifact(&self) -> Artifact {
        artifact(&self.folder.path().join("model.onnx"))
    }
}

fn load(bytes: &[u8], inputs: &[Tensor]) -> Result<Worker, WorkerError> {
    let made = Made::new(bytes);
    let mut worker = worker();
    worker.load(&made.artifact(), &settings(), inputs)?;
    Ok(worker)
}

fn identity(element: DataType) -> Vec<u8> {
    model(
        17,
        graph(
            vec![value("x", element, &[-1])],
            vec![node("Identity", &["x"], &["y"])],
            Vec::new(),
            vec![value("y", element, &[-1])],
        ),
    )
}

/// Counts to 2^62 in a Loop.
fn endless() -> Vec<u8> {
    let body = graph(
        vec![
            value("i", DataType::Int64, &[]),
            value("go", DataType::Bool, &[]),
            value("a", DataType::Float, &[1]),
        ],
        vec![node("Identity", &["go"], &["go_out"]), node("Sin", &["a"], &["a_out"])],
        Vec::new(),
        vec![
            value("go_out", DataType::Bool, &[]),
            value("a_out", DataType::Float, &[1]),
        ],
    );
    let mut turning = node("Loop", &["trips", "", "x"], &["y"]);
    turning.attribute.push(proto::AttributeProto {
        name: Some("body".to_owned()),
        r#type: Some(proto::attribute_proto::AttributeType::Graph as i32),
        g: Some(body),
        ..Default::default()
    });
    model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1])],
            vec![turning],
            vec![integers("trips", &[], &[1 << 62])],
            vec![value("y", DataType::Float, &[1])],
        ),
    )
}

#[test]
fn loads_times_and_infers() {
    let mut worker = worker();
    let loaded = worker
        .load(&artifact(&fixture("digits_cnn.onnx")), &settings(), &[digits()])
        .unwrap();
    assert_eq!(loaded.runtime_version, mlbuild::config::DEFAULT_ONNXRUNTIME);
    assert!(loaded.load_seconds > 0.0 && loaded.first_seconds > 0.0);
    assert_eq!(loaded.inputs[0].describe(), "float [batch, 1, 8, 8]");
    assert_eq!(
        loaded.outputs[0].dims,
        Some(vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(10)])
    );

    let timed = worker.block(2, 25).unwrap();
    assert_eq!(timed.len(), 25);
    assert!(timed.iter().all(|timed| timed.own() > 0.0 && timed.stolen >= 0.0));
    assert!(worker.block(0, 0).unwrap().is_empty());

    let one = worker.infer(&[digits()]).unwrap();
    assert_eq!((one[0].name.as_str(), &one[0].shape[..]), ("logits", &[1, 10][..]));
    let three = worker.infer(&[ramp("input", &[3, 1, 8, 8])]).unwrap();
    assert_eq!(three[0].shape, [3, 10]);
}

/// Python's engine is the same code in another binary. On the machine that wrote the file the greatest difference was 0; other
/// processors choose other kernels, which round differently.
#[test]
fn answers_what_pythons_onnxruntime_answers() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnxruntime_outputs.json"))
            .unwrap();
    let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
    let models = reference["models"].as_object().unwrap();
    assert_eq!(models.len(), 4);
    for (name, expected) in models {
        let shape: Vec<u64> = serde_json::from_value(expected["shape"].clone()).unwrap();
        let input = ramp(expected["input"].as_str().unwrap(), &shape);
        let mut worker = worker();
        worker
            .load(
                &artifact(&fixture(&format!("{name}.onnx"))),
                &settings(),
                std::slice::from_ref(&input),
            )
            .unwrap();
        let outputs = worker.infer(&[input]).unwrap();
        let expected = expected["outputs"].as_array().unwrap();
        assert_eq!(outputs.len(), expected.len());
        for (output, expected) in outputs.iter().zip(expected) {
            assert_eq!(output.name, expected["name"].as_str().unwrap());
            assert_eq!(serde_json::json!(output.shape), expected["shape"]);
            let expected: Vec<f64> = serde_json::from_value(expected["values"].clone()).unwrap();
            let ours = output.to_f64().unwrap();
            assert_eq!(ours.len(), expected.len());
            let greatest = ours
                .iter()
                .zip(&expected)
                .map(|(ours, theirs)| (ours - theirs).abs())
                .fold(0.0, f64::max);
            eprintln!("{name} {}: greatest difference {greatest:e}", output.name);
            assert!(greatest < 2e-5, "{name} {}: {greatest}", output.name);
        }
    }
}

#[test]
fn every_setting_computes_the_same() {
    let path = artifact(&fixture("digits_lstm.onnx"));
    let mut answers = Vec::new();
    for (threads, graph_optimization, execution_mode) in [
        (1, GraphOptimization::All, ExecutionMode::Sequential),
        (2, GraphOptimization::Disabled, ExecutionMode::Sequential),
        (2, GraphOptimization::Basic, ExecutionMode::Parallel),
        (1, GraphOptimization::Extended, ExecutionMode::Sequential),
    ] {
        let settings = SessionSettings {
            threads,
            graph_optimization,
            execution_mode,
            ..settings()
        };
        let mut worker = worker();
        worker.load(&path, &settings, &[digits()]).unwrap();
        answers.push(worker.infer(&[digits()]).unwrap()[0].to_f64().unwrap());
    }
    for answer in &answers[1..] {
        for (a, b) in answer.iter().zip(&answers[0]) {
            assert!((a - b).abs() < 1e-4, "{answers:?}");
        }
    }
}

#[test]
fn a_session_can_be_built_anew_in_the_same_process() {
    // It reads what it was told of at the start, and no other model.
    let options = WorkerOptions {
        folders: vec![fixture("digits_cnn.onnx").parent().unwrap().to_owned()],
        ..options()
    };
    let mut worker = Worker::spawn(&command(), &options).unwrap();
    let path = artifact(&fixture("digits_mlp.onnx"));
    worker.load(&path, &settings(), &[digits()]).unwrap();
    let process = worker.process_id();
    let before = worker.infer(&[digits()]).unwrap();
    let loaded = worker.reload().unwrap();
    assert!(loaded.load_seconds > 0.0);
    assert_eq!(worker.infer(&[digits()]).unwrap(), before);
    assert_eq!(worker.block(0, 3).unwrap().len(), 3);
    // Another model in the same worker, and the first again.
    worker
        .load(&artifact(&fixture("digits_cnn.onnx")), &settings(), &[digits()])
        .unwrap();
    worker.load(&path, &settings(), &[digits()]).unwrap();
    assert_eq!(worker.infer(&[digits()]).unwrap(), before);
    assert_eq!(worker.process_id(), process);
}

#[test]
fn requests_out_of_order_are_refused_and_survived() {
    let mut worker = worker();
    let error = worker.block(1, 1).unwrap_err();
    assert!(error.to_string().contains("no model is loaded"), "{error}");
    let error = worker.reload().unwrap_err();
    assert!(error.to_string().contains("no model was loaded"), "{error}");
    worker
        .load(&artifact(&fixture("digits_mlp.onnx")), &settings(), &[digits()])
        .unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn memory_is_read_in_the_worker() {
    // A parent's own peak must not show in its workers.
    let parent = vec![1_u8; 512 << 20];
    let empty = empty_session_peak(&command(), &settings()).unwrap().unwrap();
    assert!((5_000_000..200_000_000).contains(&empty), "{empty}");
    let megabytes = 64_i64;
    let elements = megabytes << 18;
    let filling = model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1])],
            vec![node("Expand", &["x", "shape"], &["y"])],
            vec![integers("shape", &[1], &[elements])],
            vec![value("y", DataType::Float, &[elements])],
        ),
    );
    let mut worker = load(&filling, &[Tensor::from_f32("x", &[1], &[1.0])]).unwrap();
    let peak = worker.peak_memory().unwrap().unwrap();
    assert!(peak > empty + (60 << 20), "{peak} {empty}");
    assert!(peak < empty + (200 << 20), "{peak} {empty}");
    assert_eq!(parent.len(), 512 << 20);
}

#[test]
fn every_element_type_passes_through() {
    let cases: &[(DataType, ElementType, &[u8])] = &[
        (
            DataType::Float,
            ElementType::Float,
            &[0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0xff],
        ),
        (DataType::Float16, ElementType::Float16, &[0, 0x3c, 0, 0x7e]),
        (DataType::Bfloat16, ElementType::BFloat16, &[0x80, 0x3f, 0xc0, 0x7f]),
        (DataType::Double, ElementType::Double, &[1, 2, 3, 4, 5, 6, 7, 8]),
        (DataType::Int8, ElementType::Int8, &[0x80, 0x7f]),
        (DataType::Int16, ElementType::Int16, &[0, 0x80, 1, 2]),
        (DataType::Int32, ElementType::Int32, &[1, 2, 3, 0x84]),
        (DataType::Int64, ElementType::Int64, &[1, 2, 3, 4, 5, 6, 7, 0x88]),
        (DataType::Uint8, ElementType::UInt8, &[255, 0]),
        (DataType::Uint16, ElementType::UInt16, &[255, 254]),
        (DataType::Uint32, ElementType::UInt32, &[255, 254, 253, 252]),
        (
            DataType::Uint64,
            ElementType::UInt64,
            &[255, 254, 253, 252, 251, 250, 249, 248],
        ),
        (DataType::Bool, ElementType::Bool, &[1, 0, 1]),
    ];
    for (theirs, element, data) in cases {
        let input = Tensor {
            name: "x".to_owned(),
            element: *element,
            shape: vec![(data.len() / element.size().unwrap()) as u64],
            data: Bytes::from_static(data),
        };
        let mut worker = load(&identity(*theirs), std::slice::from_ref(&input)).unwrap();
        let output = worker.infer(std::slice::from_ref(&input)).unwrap().remove(0);
        assert_eq!(
            (output.element, &output.shape, &output.data),
            (*element, &input.shape, &input.data)
        );
    }
}

#[test]
fn an_empty_batch_is_no_crash() {
    let mut worker = load(&identity(DataType::Float), &[Tensor::from_f32("x", &[1], &[1.0])]).unwrap();
    let empty = Tensor::from_f32("x", &[0], &[]);
    let outputs = worker.infer(&[empty]).unwrap();
    assert_eq!((outputs[0].len(), outputs[0].data.len()), (0, 0));
}

#[test]
fn not_a_number_comes_back_as_it_is() {
    let nan = Tensor::from_f32("x", &[2], &[0.0, -1.0]);
    let logarithm = model(
        17,
        graph(
            vec![value("x", DataType::Float, &[2])],
            vec![node("Log", &["x"], &["y"])],
            Vec::new(),
            vec![value("y", DataType::Float, &[2])],
        ),
    );
    let mut worker = load(&logarithm, std::slice::from_ref(&nan)).unwrap();
    let values = worker.infer(&[nan]).unwrap()[0].to_f64().unwrap();
    assert!(values[0].is_infinite() && values[1].is_nan(), "{values:?}");
    assert_eq!(worker.block(0, 2).unwrap().len(), 2);
}

#[test]
fn outputs_that_are_no_tensors_come_back_without_data() {
    let mut sequence = value("s", DataType::Float, &[2]);
    let inner = sequence.r#type.take().unwrap();
    sequence.r#type = Some(proto::TypeProto {
        value: Some(proto::type_proto::Value::SequenceType(Box::new(
            proto::type_proto::Sequence {
                elem_type: Some(Box::new(inner)),
            },
        ))),
        ..Default::default()
    });
    let bytes = model(
        17,
        graph(
            vec![value("x", DataType::Float, &[2])],
            vec![
                node("SequenceConstruct", &["x", "x"], &["s"]),
                node("Neg", &["x"], &["y"]),
            ],
            Vec::new(),
            vec![sequence, value("y", DataType::Float, &[2])],
        ),
    );
    let input = Tensor::from_f32("x", &[2], &[1.0, 2.0]);
    let mut worker = load(&bytes, std::slice::from_ref(&input)).unwrap();
    let outputs = worker.infer(&[input]).unwrap();
    assert_eq!(outputs[0].element, ElementType::Other);
    assert_eq!(outputs[1].to_f64().unwrap(), [-1.0, -2.0]);
}

#[test]
fn external_data_is_given_in_memory_and_nothing_else_is_read() {
    let weights: Vec<u8> = [1.0_f32, 2.0, 3.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let entry = |key: &str, value: &str| proto::StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let bytes = model(
        17,
        graph(
            vec![value("x", DataType::Float, &[3])],
            vec![node("Mul", &["x", "w"], &["y"])],
            vec![proto::TensorProto {
                name: Some("w".to_owned()),
                data_type: Some(DataType::Float as i32),
                dims: vec![3],
                data_location: Some(proto::tensor_proto::DataLocation::External as i32),
                external_data: vec![
                    entry("location", "weights.bin"),
                    entry("offset", "0"),
                    entry("length", "12"),
                ],
                ..Default::default()
            }],
            vec![value("y", DataType::Float, &[3])],
        ),
    );
    let made = Made::new(&bytes);
    // Beside the model under the name that it asks for lies something else: it must not be used.
    fs::write(made.folder.path().join("weights.bin"), [0_u8; 12]).unwrap();
    fs::write(made.folder.path().join("by-digest"), &weights).unwrap();
    let artifact = Artifact {
        external: vec![("weights.bin".to_owned(), made.folder.path().join("by-digest"))],
        ..made.artifact()
    };
    let input = Tensor::from_f32("x", &[3], &[1.0, 1.0, 1.0]);
    let mut worker = worker();
    worker
        .load(&artifact, &settings(), std::slice::from_ref(&input))
        .unwrap();
    let output = worker.infer(std::slice::from_ref(&input)).unwrap();
    assert_eq!(output[0].to_f64().unwrap(), [1.0, 2.0, 3.0]);

    let error = worker.load(&made.artifact(), &settings(), &[input]).unwrap_err();
    assert!(
        matches!(error, WorkerError::InvalidModel { .. } | WorkerError::Engine { .. }),
        "{error}"
    );
}

#[test]
fn a_model_that_never_ends_is_stopped() {
    let made = Made::new(&endless());
    let options = WorkerOptions {
        timeout: Duration::from_secs(3),
        ..options()
    };
    let settings = settings();
    let mut worker = Worker::spawn(&command(), &options).unwrap();
    let input = Tensor::from_f32("x", &[1], &[0.5]);
    let error = worker.load(&made.artifact(), &settings, &[input]).unwrap_err();
    assert!(
        matches!(
            error,
            WorkerError::TimedOut {
                doing: "loading the model",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.hints()[0].contains("worker_timeout"));
    // It is gone, and says so again instead of waiting.
    assert!(matches!(
        worker.block(0, 1),
        Err(WorkerError::OutOfMemory { .. } | WorkerError::Crashed { .. })
    ));
}

#[test]
#[cfg(unix)]
fn a_worker_that_dies_is_told_by_its_signal() {
    for (name, what) in [("ABRT", "aborted (signal 6)"), ("KILL", "the system killed the worker")] {
        let mut worker = worker();
        worker
            .load(&artifact(&fixture("digits_mlp.onnx")), &settings(), &[digits()])
            .unwrap();
        let killed = Command::new("kill")
            .args([format!("-{name}"), worker.process_id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let error = worker.block(0, 10).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains("running the model"), "{error}");
    }
}

#[test]
fn what_the_engine_does_not_know_is_told_in_its_words() {
    let input = [Tensor::from_f32("x", &[1], &[1.0])];
    let of = |opset: i64, op: &str| {
        model(
            opset,
            graph(
                vec![value("x", DataType::Float, &[1])],
                vec![node(op, &["x"], &["y"])],
                Vec::new(),
                vec![value("y", DataType::Float, &[1])],
            ),
        )
    };
    let error = load(&of(17, "Frobnicate"), &input).err().unwrap();
    assert!(matches!(error, WorkerError::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().contains("Frobnicate"), "{error}");
    assert!(!error.to_string().contains("onnxruntime_src"), "{error}");

    let error = load(&of(999, "Identity"), &input).err().unwrap();
    assert!(matches!(error, WorkerError::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().contains("999"), "{error}");
    assert!(error.hints()[0].contains("opset"));
}

#[test]
fn files_that_are_no_models_are_refused() {
    let input = [Tensor::from_f32("x", &[1], &[1.0])];
    for bytes in [
        &b""[..],
        b"not a model at all",
        &fs::read(fixture("digits_mlp.onnx")).unwrap()[..9000],
    ] {
        let error = load(bytes, &input).err().unwrap();
        assert!(matches!(error, WorkerError::InvalidModel { .. }), "{error:?}");
    }
    let error = worker()
        .load(&artifact(Path::new("/nowhere/model.onnx")), &settings(), &input)
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot read `/nowhere/model.onnx`"),
        "{error}"
    );
}

#[test]
fn inputs_that_do_not_fit_are_told() {
    let mut worker = worker();
    let path = artifact(&fixture("digits_mlp.onnx"));
    let mut told = |inputs: &[Tensor]| {
        let error = worker.load(&path, &settings(), inputs).unwrap_err();
        assert!(matches!(error, WorkerError::Input { .. }), "{error:?}");
        error.to_string()
    };
    insta::assert_snapshot!(told(&[]), @"the inputs do not fit the model: nothing was given for input `input`");
    insta::assert_snapshot!(
        told(&[ramp("image", &[1, 1, 8, 8])]),
        @"the inputs do not fit the model: the model has no input `image`; it has `input`"
    );
    let integers = Tensor {
        element: ElementType::Int32,
        ..digits()
    };
    insta::assert_snapshot!(
        told(&[integers]),
        @"the inputs do not fit the model: input `input` takes float [batch, 1, 8, 8], and was given Int32"
    );
    let wrong = told(&[ramp("input", &[1, 1, 9, 9])]);
    assert!(wrong.contains("index: 2 Got: 9 Expected: 8"), "{wrong}");
}

#[test]
#[cfg(target_os = "linux")]
fn running_out_of_memory_is_told_as_such() {
    let huge = model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1])],
            vec![node("Expand", &["x", "shape"], &["y"])],
            vec![integers("shape", &[1], &[1 << 30])],
            vec![value("y", DataType::Float, &[1 << 30])],
        ),
    );
    let made = Made::new(&huge);
    let options = WorkerOptions {
        memory_limit: Some(1 << 30),
        ..options()
    };
    let settings = settings();
    let mut worker = Worker::spawn(&command(), &options).unwrap();
    let input = [Tensor::from_f32("x", &[1], &[1.0])];
    let error = worker.load(&made.artifact(), &settings, &input).unwrap_err();
    assert!(
        matches!(
            error,
            WorkerError::OutOfMemory {
                limit: Some(1_073_741_824),
                ..
            }
        ),
        "{error:?}"
    );
    // Under the same limit an ordinary model runs.
    let mut worker = Worker::spawn(&command(), &options).unwrap();
    worker
        .load(&artifact(&fixture("digits_cnn.onnx")), &settings, &[digits()])
        .unwrap();
}

#[test]
fn a_provider_that_the_library_lacks_is_an_error() {
    let settings = SessionSettings {
        target: Target::OnnxRuntimeGpu,
        ..settings()
    };
    let error = worker()
        .load(&artifact(&fixture("digits_mlp.onnx")), &settings, &[digits()])
        .unwrap_err();
    insta::assert_snapshot!(error, @"this ONNX Runtime has no `CUDAExecutionProvider`, which target `onnxruntime_gpu` needs");
    assert!(matches!(error, WorkerError::Provider { .. }));
}

#[test]
fn a_file_that_is_no_library_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    fs::write(&path, "no library").unwrap();
    let settings = SessionSettings {
        library: path,
        ..settings()
    };
    let error = worker()
        .load(&artifact(&fixture("digits_mlp.onnx")), &settings, &[digits()])
        .unwrap_err();
    assert!(matches!(error, WorkerError::Library { .. }), "{error:?}");
}

#[test]
fn another_version_can_be_loaded() {
    let settings = SessionSettings {
        library: onnxruntime("1.30.0"),
        ..settings()
    };
    let loaded = worker()
        .load(&artifact(&fixture("digits_mlp.onnx")), &settings, &[digits()])
        .unwrap();
    assert_eq!(loaded.runtime_version, "1.30.0");
}

#[test]
#[cfg(target_os = "linux")]
fn a_paused_worker_stands_still_and_goes_on_when_asked() {
    let settings = SessionSettings {
        threads: 2,
        ..settings()
    };
    let mut worker = worker();
    worker
        .load(&artifact(&fixture("digits_cnn.onnx")), &settings, &[digits()])
        .unwrap();
    assert!(worker.settle(Duration::from_secs(20)));
    assert!(worker.pause());
    let state = fs::read_to_string(format!("/proc/{}/stat", worker.process_id())).unwrap();
    // The signal is sent, but a busy machine may take a moment to deliver it.
    assert!(
        ["T", "R", "S"]
            .iter()
            .any(|letter| state.contains(&format!(") {letter} "))),
        "{state}"
    );
    assert_eq!(worker.block(1, 5).unwrap().len(), 5);
}

#[test]
#[cfg(target_os = "linux")]
fn runs_pinned_in_an_empty_folder_with_a_bare_environment() {
    let cores = affinity::choose_cores(1).unwrap();
    let options = WorkerOptions {
        cores: Some(cores.clone()),
        ..options()
    };
    let worker = Worker::spawn(&command(), &options).unwrap();
    assert!(worker.is_pinned());
    let process = PathBuf::from(format!("/proc/{}", worker.process_id()));
    let status = fs::read_to_string(process.join("status")).unwrap();
    assert!(
        status.contains(&format!("Cpus_allowed_list:\t{}\n", cores[0])),
        "{status}"
    );
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    let environment = fs::read_to_string(process.join("environ")).unwrap();
    assert!(environment.contains("LC_ALL=C"), "{environment}");
    let foreign = environment.split('\0').find(|variable| {
        ["PATH=", "HOME=", "CARGO_"]
            .iter()
            .any(|name| variable.starts_with(name))
    });
    assert_eq!(foreign, None);
    let folder = fs::read_link(process.join("cwd")).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    drop(worker);
    assert!(!folder.exists());

    let options = WorkerOptions {
        cores: Some(vec![1000]),
        ..options
    };
    let error = Worker::spawn(&command(), &options).err().unwrap();
    assert!(error.to_string().contains("cannot pin to cores [1000]"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_with_a_model_opens_no_sockets() {
    let worker = load(&identity(DataType::Float), &[ramp("x", &[2])]).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", worker.process_id())).unwrap();
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"))
        .map(str::trim);
    // 2 is a filter of system calls, by proc(5).
    assert_eq!(mode, Some("2"), "{status}");
}

#[test]
fn a_worker_ends_with_its_parent() {
    let status = Command::new(env!("CARGO_BIN_EXE_mlbuild"))
        .arg("worker")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[cfg(unix)]
mod impostors {
    //! Executables that are no workers.

    use super::*;

    fn spawn(script: &str, timeout: Duration) -> WorkerError {
        let command = WorkerCommand {
            executable: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            sandbox: mlbuild::config::Sandbox::default(),
        };
        let options = WorkerOptions { timeout, ..options() };
        Worker::spawn(&command, &options).err().unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn garbage_is_no_answer() {
        let error = spawn("echo hello, I am no worker; /bin/sleep 100", LONG);
        assert!(
            matches!(error, WorkerError::Protocol { doing: "starting", .. }),
            "{error:?}"
        );
        let error = spawn(
            "printf '\\002\\000\\000\\000{}\\000\\000\\000\\000\\000\\000\\000\\000'; /bin/sleep 100",
            LONG,
        );
        assert!(matches!(error, WorkerError::Protocol { .. }), "{error:?}");
    }

    #[test]
    fn an_answer_to_another_question_is_no_answer() {
        let reply = r#"{"peak_memory":{"bytes":7}}"#;
        let script = format!(
            "printf '\\{:03o}\\000\\000\\000{reply}\\000\\000\\000\\000\\000\\000\\000\\000'; /bin/sleep 100",
            reply.len()
        );
        let error = spawn(&script, LONG);
        insta::assert_snapshot!(
            error,
            @"the worker answered with something unreadable while starting: `PeakMemory` does not fit the question"
        );
    }

    #[test]
    fn death_is_told_with_its_last_words() {
        let error = spawn("echo out of luck >&2; exit 3", LONG);
        insta::assert_snapshot!(error, @"the worker died while starting: exit code 3 (out of luck)");
    }

    #[test]
    fn a_cut_answer_is_told_as_death() {
        let error = spawn("printf '\\100\\000\\000\\000{\"hel'; exit 1", LONG);
        insta::assert_snapshot!(error, @"the worker died while starting: exit code 1");
    }

    #[test]
    fn silence_times_out() {
        let error = spawn("exec /bin/sleep 100", Duration::from_millis(300));
        insta::assert_snapshot!(error, @"no answer after 300ms while starting; the worker was stopped");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let command = WorkerCommand::of(PathBuf::from("/nowhere/mlbuild"));
        let error = Worker::spawn(&command, &options()).err().unwrap();
        insta::assert_snapshot!(error, @"cannot start the worker `/nowhere/mlbuild`");
    }
}
