//! What measuring through a worker costs: p50 of a model timed by `mlbuild worker` over its p50 in a bare loop of `ort`, or of LiteRT's C
//! interface where the model is a `.tflite` (float, with one input and one output).
//!
//! `cargo bench --bench harness -- [MODEL …]`; without models, the digits CNN of the fixtures and, where it is there,
//! `../shared/models/mobilenetv2_like.onnx`. With the word `memory` instead: the peak of a 250 MB model beside `/usr/bin/time -v`. Each restart starts one fresh process of either kind, pinned to the same core, and
//! alternates blocks between them; the figure is the median over restarts of the ratio of medians.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

#[path = "harness_litert.rs"]
mod litert;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Instant;

use mlbuild::config::Engine;
use mlbuild::config::ExecutionMode;
use mlbuild::config::GraphOptimization;
use mlbuild::config::Target;
use mlbuild::machine::affinity;
use mlbuild::model::onnx::proto;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::LiteRtSettings;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::WorkerOptions;
use mlbuild::runtime::library;

const RESTARTS: usize = 20;
const ROUNDS: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [mode, library, model, shape] = &arguments[..]
        && mode == "--bare"
    {
        let (library, model, shape) = (Path::new(library), Path::new(model), parse_shape(shape));
        if is_tflite(model) {
            return bare_litert(library, model, &shape);
        }
        return bare(library, model, &shape);
    }
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let cache = library::cache_folder(&environment).unwrap();
    let ensure = |engine: Engine| {
        let (version, python) = (engine.default_version(), library::DEFAULT_PYTHON);
        library::ensure(engine, version, None, &cache, &environment, python, &mut |_| {}).unwrap()
    };
    let found = ensure(Engine::OnnxRuntime);
    if arguments == ["memory"] {
        return memory(&found.path);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models: Vec<PathBuf> = if arguments.is_empty() {
        vec![
            root.join("tests/fixtures/models/digits_cnn.onnx"),
            root.join("../shared/models/mobilenetv2_like.onnx"),
            root.join("tests/fixtures/models/tflite/cnn.tflite"),
        ]
    } else {
        arguments.iter().map(PathBuf::from).collect()
    };
    println!("| model | bare p50, ms | worker / bare, median of {RESTARTS} restarts | quartiles |");
    println!("|---|---|---|---|");
    for model in models {
        if is_tflite(&model) && model.is_file() {
            compare(&ensure(Engine::LiteRt).path, &model.canonicalize().unwrap());
        } else if model.is_file() {
            compare(&found.path, &model.canonicalize().unwrap());
        } else {
            eprintln!("skipped: `{}` is not there", model.display());
        }
    }
}

/// Rows and columns of each weight of the model that memory is measured on, and how many there are: 250 MB.
const SIDE: usize = 3953;
const LAYERS: usize = 4;

/// The peak of a worker with a 250 MB model, nothing subtracted, beside what `/usr/bin/time -v` says of the bare loop.
fn memory(library: &Path) {
    use prost::Message as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    mlbuild::files::write_atomic(&path, &large().encode_to_vec()).unwrap();
    let size = path.metadata().unwrap().len();
    println!("a model of {:.1} MB", size as f64 / 1e6);
    println!("| | worker, MB | bare loop, MB | worker / bare |\n|---|---|---|---|");
    for run in 1..=3 {
        let mut worker = Worker::spawn(
            &WorkerCommand::of(PathBuf::from(env!("CARGO_BIN_EXE_mlbuild"))),
            &WorkerOptions::default(),
        )
        .unwrap();
        let artifact = Artifact {
            model: path.clone(),
            external: Vec::new(),
        };
        let input = Tensor::from_f32("x", &[1, SIDE as u64], &ramp(SIDE));
        worker.load(&artifact, &settings(library), &[input]).unwrap();
        worker.block(1, 3).unwrap();
        let worker_bytes = worker.peak_memory().unwrap().unwrap() as f64;
        drop(worker);
        let mut child = Command::new("/usr/bin/time")
            .arg("-v")
            .arg(std::env::current_exe().unwrap())
            .arg("--bare")
            .args([library, &path])
            .arg(format!("1x{SIDE}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "1 3").unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains("Maximum resident set size"))
            .unwrap();
        let bare_bytes = 1024.0 * line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        println!(
            "| run {run} | {:.1} | {:.1} | {:.3} |",
            worker_bytes / 1e6,
            bare_bytes / 1e6,
            worker_bytes / bare_bytes
        );
    }
}

/// A chain of products with square weights.
fn large() -> proto::ModelProto {
    let value = |name: &str| proto::ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(proto::TypeProto {
            value: Some(proto::type_proto::Value::TensorType(proto::type_proto::Tensor {
                elem_type: Some(proto::tensor_proto::DataType::Float as i32),
                shape: Some(proto::TensorShapeProto {
                    dim: [1, SIDE as i64]
                        .into_iter()
                        .map(|size| proto::tensor_shape_proto::Dimension {
                            value: Some(proto::tensor_shape_proto::dimension::Value::DimValue(size)),
                            ..Default::default()
                        })
                        .collect(),
                }),
            })),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut graph = proto::GraphProto {
        name: Some("large".into()),
        input: vec![value("x")],
        output: vec![value(&format!("h{LAYERS}"))],
        ..Default::default()
    };
    for layer in 0..LAYERS {
        let weights = (0..SIDE * SIDE).flat_map(|index| ((index % 13 + layer) as f32 * 1e-5).to_le_bytes());
        graph.initializer.push(proto::TensorProto {
            name: Some(format!("w{layer}")),
            dims: vec![SIDE as i64; 2],
            data_type: Some(proto::tensor_proto::DataType::Float as i32),
            raw_data: Some(weights.collect::<Vec<u8>>().into()),
            ..Default::default()
        });
        let from = if layer == 0 {
            "x".to_owned()
        } else {
            format!("h{layer}")
        };
        graph.node.push(proto::NodeProto {
            op_type: Some("MatMul".into()),
            input: vec![from, format!("w{layer}")],
            output: vec![format!("h{}", layer + 1)],
            ..Default::default()
        });
    }
    proto::ModelProto {
        ir_version: Some(8),
        opset_import: vec![proto::OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(17),
        }],
        graph: Some(graph),
        ..Default::default()
    }
}

fn settings(library: &Path) -> SessionSettings {
    SessionSettings {
        library: library.to_owned(),
        target: Target::OnnxRuntimeCpu,
        threads: 1,
        graph_optimization: GraphOptimization::All,
        execution_mode: ExecutionMode::Sequential,
        arena: true,
        litert: LiteRtSettings::default(),
    }
}

fn compare(library: &Path, model: &Path) {
    let cores = affinity::choose_cores(1);
    let name = model.file_stem().unwrap().to_string_lossy().into_owned();
    let mut ratios = Vec::new();
    let mut bare_p50 = Vec::new();
    for restart in 0..RESTARTS {
        let mut worker = Worker::spawn(
            &WorkerCommand::of(PathBuf::from(env!("CARGO_BIN_EXE_mlbuild"))),
            &WorkerOptions {
                cores: cores.clone(),
                ..WorkerOptions::default()
            },
        )
        .unwrap();
        let mut settings = settings(library);
        if is_tflite(model) {
            settings.target = Target::GenericLinux;
        }
        let artifact = Artifact {
            model: model.to_owned(),
            external: Vec::new(),
        };
        let (input, shape) = input_of(&name);
        let elements = shape.iter().product::<u64>() as usize;
        let tensor = Tensor::from_f32(input, &shape, &ramp(elements));
        worker.load(&artifact, &settings, &[tensor]).unwrap();
        let mut bare = Bare::start(library, model, &shape);

        let length = (2e-3
            / worker
                .block(3, 5)
                .unwrap()
                .iter()
                .map(|timed| timed.wall)
                .fold(f64::MAX, f64::min))
        .clamp(3.0, 100.0) as u32;
        let (mut by_worker, mut by_bare) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let worker_first = (round + restart) % 2 == 0;
            if worker_first {
                by_worker.extend(worker.block(2, length).unwrap().iter().map(|timed| timed.wall));
            }
            by_bare.extend(bare.block(2, length));
            if !worker_first {
                by_worker.extend(worker.block(2, length).unwrap().iter().map(|timed| timed.wall));
            }
        }
        let (worker_p50, own_p50) = (median(&mut by_worker), median(&mut by_bare));
        ratios.push(worker_p50 / own_p50);
        bare_p50.push(own_p50);
    }
    let ratio = median(&mut ratios);
    println!(
        "| {name} | {:.4} | {ratio:.4} | {:.4} – {:.4} |",
        1e3 * median(&mut bare_p50),
        ratios[RESTARTS / 4],
        ratios[3 * RESTARTS / 4]
    );
}

fn input_of(name: &str) -> (&'static str, Vec<u64>) {
    match name {
        "mobilenetv2_like" => ("input", vec![1, 3, 224, 224]),
        "cnn" => ("image", vec![1, 16, 16, 3]),
        "large" => ("image", vec![1, 112, 112, 8]),
        _ => ("input", vec![1, 1, 8, 8]),
    }
}

fn is_tflite(model: &Path) -> bool {
    model.extension().is_some_and(|extension| extension == "tflite")
}

fn bare_litert(library: &Path, model: &Path, shape: &[i64]) {
    if let Some(cores) = affinity::choose_cores(1) {
        affinity::pin(&cores).unwrap();
    }
    litert::bare(library, model, &ramp(shape.iter().product::<i64>() as usize));
}

fn ramp(elements: usize) -> Vec<f32> {
    (0..elements).map(|at| (at * 37 % 101) as f32 / 101.0).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// A fresh process of this very binary with nothing but `ort` in it; asked for blocks by lines on stdin.
struct Bare {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Bare {
    fn start(library: &Path, model: &Path, shape: &[u64]) -> Self {
        let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--bare")
            .args([library, model])
            .arg(shape.join("x"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut bare = Self { child, output };
        bare.block(3, 3);
        bare
    }

    fn block(&mut self, discard: u32, keep: u32) -> Vec<f64> {
        writeln!(self.child.stdin.as_ref().unwrap(), "{discard} {keep}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_shape(text: &str) -> Vec<i64> {
    text.split('x').map(|dim| dim.parse().unwrap()).collect()
}

/// The loop that anyone would write first.
fn bare(library: &Path, model: &Path, shape: &[i64]) {
    if let Some(cores) = affinity::choose_cores(1) {
        affinity::pin(&cores).unwrap();
    }
    let environment = ort::init_from(library).unwrap().with_telemetry(false).build().unwrap();
    let mut session = ort::session::Session::builder(&environment)
        .unwrap()
        .with_intra_threads(1)
        .unwrap()
        .with_inter_threads(1)
        .unwrap()
        .with_optimization_level(ort::session::builder::GraphOptimizationLevel::All)
        .unwrap()
        .commit_from_file(model)
        .unwrap();
    let name = session.inputs()[0].name().to_owned();
    let data = ramp(shape.iter().product::<i64>() as usize);
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (discard, keep) = line.split_once(' ').unwrap();
        let (discard, keep): (usize, usize) = (discard.parse().unwrap(), keep.parse().unwrap());
        let mut seconds = Vec::with_capacity(keep);
        for at in 0..discard + keep {
            let input = ort::value::TensorRef::from_array_view((shape.to_vec(), &data[..])).unwrap();
            let started = Instant::now();
            let outputs = session.run(ort::inputs![name.as_str() => input.view()]).unwrap();
            let elapsed = started.elapsed().as_secs_f64();
            drop(outputs);
            if at >= discard {
                seconds.push(elapsed);
            }
        }
        let words: Vec<String> = seconds.iter().map(|value| format!("{value:e}")).collect();
        println!("{}", words.join(" "));
        std::io::stdout().flush().unwrap();
    }
}
