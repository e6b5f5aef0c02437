//! What measuring through a worker costs: p50 of a model timed by `mlbuild worker` over its p50 in a bare `ort` loop.
//!
//! `cargo bench --bench harness -- [MODEL.onnx …]`; without models, the digits CNN of the fixtures and, where it is there,
//! `../shared/models/mobilenetv2_like.onnx`. Each restart starts one fresh process of either kind, pinned to the same core, and
//! alternates blocks between them; the figure is the median over restarts of the ratio of medians.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

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

use mlbuild::config::DEFAULT_ONNXRUNTIME;
use mlbuild::config::ExecutionMode;
use mlbuild::config::GraphOptimization;
use mlbuild::config::Target;
use mlbuild::machine::affinity;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
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
        return bare(Path::new(library), Path::new(model), &parse_shape(shape));
    }
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let cache = library::cache_folder(&environment).unwrap();
    let found = library::ensure(
        DEFAULT_ONNXRUNTIME,
        None,
        &cache,
        &environment,
        library::DEFAULT_PYTHON,
        &mut |_| {},
    )
    .unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models: Vec<PathBuf> = if arguments.is_empty() {
        vec![
            root.join("tests/fixtures/models/digits_cnn.onnx"),
            root.join("../shared/models/mobilenetv2_like.onnx"),
        ]
    } else {
        arguments.iter().map(PathBuf::from).collect()
    };
    println!("| model | bare p50, ms | worker / bare, median of {RESTARTS} restarts | quartiles |");
    println!("|---|---|---|---|");
    for model in models {
        if model.is_file() {
            compare(&found.path, &model.canonicalize().unwrap());
        } else {
            eprintln!("skipped: `{}` is not there", model.display());
        }
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
        let settings = SessionSettings {
            library: library.to_owned(),
            target: Target::OnnxRuntimeCpu,
            threads: 1,
            graph_optimization: GraphOptimization::All,
            execution_mode: ExecutionMode::Sequential,
        };
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
        _ => ("input", vec![1, 1, 8, 8]),
    }
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
