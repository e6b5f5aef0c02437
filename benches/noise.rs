//! What the verdict is worth on a noisy machine: a model against itself, and against a model with about a tenth more work.
//!
//! `cargo bench --bench noise -- [--runs N] [--busy] [--model MODEL.onnx] [--budget SECONDS]`. Every run is one comparison with real
//! workers at default settings, judged with the default limits (latency 5 %). `--busy` keeps every core busy with an endless loop
//! meanwhile. The model's one input must be of floats; dynamic dimensions are taken as 1.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use mlbuild::config::DEFAULT_ONNXRUNTIME;
use mlbuild::config::ExecutionMode;
use mlbuild::config::Gate;
use mlbuild::config::GraphOptimization;
use mlbuild::config::MeasureConfig;
use mlbuild::config::Target;
use mlbuild::machine::affinity;
use mlbuild::measure::Side;
use mlbuild::measure::accuracy::Accuracy;
use mlbuild::measure::compare::compare_pair;
use mlbuild::measure::plan::Plan;
use mlbuild::measure::quantity::Quantity;
use mlbuild::model::onnx::proto;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::library;
use mlbuild::stats::summary::Summary;
use mlbuild::units::Percent;
use mlbuild::units::Span;
use mlbuild::verdict::ComparisonKey;
use mlbuild::verdict::ExactFacts;
use mlbuild::verdict::Metric;
use mlbuild::verdict::Verdict;
use mlbuild::verdict::judge;
use prost::Message as _;

struct Options {
    runs: usize,
    busy: bool,
    model: PathBuf,
    budget: f64,
}

fn main() {
    let mut options = Options {
        runs: 40,
        busy: false,
        model: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/digits_cnn.onnx"),
        budget: 20.0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--spin" => spin(),
            "--busy" => options.busy = true,
            "--runs" => options.runs = arguments.next().unwrap().parse().unwrap(),
            "--model" => options.model = arguments.next().unwrap().into(),
            "--budget" => options.budget = arguments.next().unwrap().parse().unwrap(),
            other => panic!("unknown argument {other}"),
        }
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

    let folder = tempfile::tempdir().unwrap();
    let baseline = side(&options.model, &found.path);
    let command = WorkerCommand::of(env!("CARGO_BIN_EXE_mlbuild").into());
    let (wider, width) = ten_per_cent_more(&options, &baseline, &command, folder.path());
    let _load = options.busy.then(Load::start);

    println!(
        "{}, {} cores {}, {} s a comparison at most",
        options.model.file_name().unwrap().to_string_lossy(),
        affinity::allowed_count(),
        if options.busy { "kept busy" } else { "left alone" },
        options.budget,
    );
    println!(
        "| candidate | runs | regression | inconclusive | pass | improvement | p50 change, median (min to max) | ± median | seconds, median (max) | restarts, median |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    study("the same model", &options, &baseline, &baseline, &command, options.runs);
    let name = format!("with {width} more hidden units");
    study(&name, &options, &baseline, &wider, &command, options.runs.div_ceil(2));
}

/// Compares over and over, and prints how it ended.
fn study(name: &str, options: &Options, baseline: &Side, candidate: &Side, command: &WorkerCommand, runs: usize) {
    let gate = Gate::default();
    let key = ComparisonKey {
        model: String::new(),
        target: String::new(),
        variant: String::new(),
    };
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let (mut changes, mut widths, mut seconds, mut restarts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        let plan = Plan::new(&gate, &measure(options.budget, run as u64), 1);
        let measurement = compare_pair(baseline, candidate, command, &plan, &mut |_| {}).unwrap();
        let facts = ExactFacts::of_size(1);
        let comparison = judge(&key, &measurement, (&facts, &facts), Some(&same_outputs()), &gate);
        let latency = comparison.metric(Metric::LatencyP50).unwrap();
        let change = latency.change.unwrap();
        let memory = comparison.metric(Metric::PeakMemory).unwrap();
        eprintln!(
            "{name}: run {run}: {} {:+.2} % ±{:.2}, peak memory {} {:+.1} % ±{:.1}, {} restarts, {:.1} s",
            latency.verdict.word(),
            change.percent,
            change.half_width(),
            memory.verdict.word(),
            memory.change.map_or(f64::NAN, |change| change.percent),
            memory.change.map_or(f64::NAN, |change| change.half_width()),
            measurement.restarts.len(),
            measurement.seconds
        );
        *verdicts.entry(comparison.verdict).or_default() += 1;
        changes.push(change.percent);
        widths.push(change.half_width());
        seconds.push(measurement.seconds);
        restarts.push(measurement.restarts.len() as f64);
    }
    let count = |verdict| verdicts.get(&verdict).copied().unwrap_or(0);
    let summary = |values: &[f64]| Summary::of(values).unwrap();
    let (changes, seconds) = (summary(&changes), summary(&seconds));
    println!(
        "| {name} | {runs} | {} | {} | {} | {} | {:+.2} % ({:+.2} to {:+.2}) | {:.2} | {:.1} ({:.1}) | {:.0} |",
        count(Verdict::Regression),
        count(Verdict::Inconclusive),
        count(Verdict::Pass),
        count(Verdict::Improvement),
        changes.p50,
        changes.min,
        changes.max,
        summary(&widths).p50,
        seconds.p50,
        seconds.max,
        summary(&restarts).p50,
    );
}

/// The model with a hidden layer beside its last output, as wide as makes it about a tenth slower.
fn ten_per_cent_more(options: &Options, baseline: &Side, command: &WorkerCommand, folder: &Path) -> (Side, usize) {
    let mut gate = Gate::default();
    gate.latency.limit.max_regression = Percent(0.0);
    let mut best: Option<(f64, Side, usize)> = None;
    let (mut low, mut high) = (1_usize, 1_usize << 22);
    while low < high {
        let width = ((low as f64) * (high as f64)).sqrt().round() as usize;
        let path = folder.join(format!("wider-{width}.onnx"));
        mlbuild::files::write_atomic(&path, &widened(&options.model, width)).unwrap();
        let candidate = side(&path, &baseline.settings.library);
        let mut plan = Plan::new(&gate, &measure(30.0, 1), 1);
        plan.max_restarts = 12;
        let measurement = compare_pair(baseline, &candidate, command, &plan, &mut |_| {}).unwrap();
        let change = measurement
            .change(Quantity::LatencyP50)
            .unwrap()
            .interval(0.025)
            .unwrap()
            .center;
        eprintln!("{width} more hidden units: {change:+.2} %");
        if best
            .as_ref()
            .is_none_or(|(other, ..)| (change - 10.0).abs() < (other - 10.0).abs())
        {
            best = Some((change, candidate, width));
        }
        if (change - 10.0).abs() < 0.5 || high - low <= 1 {
            break;
        }
        if change < 10.0 {
            low = width + 1;
        } else {
            high = width;
        }
    }
    let (_, candidate, width) = best.unwrap();
    (candidate, width)
}

/// `y + (y · A) · B` in place of the model's first output `y`, with `width` columns in `A`.
fn widened(model: &Path, width: usize) -> Vec<u8> {
    let mut model = proto::ModelProto::decode(Bytes::from(std::fs::read(model).unwrap())).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let output = graph.output[0].name.clone().unwrap();
    let columns = match dims(&graph.output[0]).last() {
        Some(columns) => *columns as usize,
        None => panic!("the output has no known last dimension"),
    };
    for node in &mut graph.node {
        for name in node.output.iter_mut().filter(|name| **name == output) {
            *name = "narrow".into();
        }
        for name in node.input.iter_mut().filter(|name| **name == output) {
            *name = "narrow".into();
        }
    }
    let mut weight = |name: &str, rows: usize, columns: usize| {
        graph.initializer.push(proto::TensorProto {
            name: Some(name.into()),
            dims: vec![rows as i64, columns as i64],
            data_type: Some(proto::tensor_proto::DataType::Float as i32),
            raw_data: Some(
                (0..rows * columns)
                    .flat_map(|index| ((index % 7) as f32 * 1e-6).to_le_bytes())
                    .collect::<Vec<u8>>()
                    .into(),
            ),
            ..Default::default()
        });
    };
    weight("wide_in", columns, width);
    weight("wide_out", width, columns);
    for (kind, inputs, result) in [
        ("MatMul", ["narrow", "wide_in"], "wide"),
        ("MatMul", ["wide", "wide_out"], "back"),
        ("Add", ["narrow", "back"], output.as_str()),
    ] {
        graph.node.push(proto::NodeProto {
            op_type: Some(kind.into()),
            input: inputs.iter().map(|name| (*name).into()).collect(),
            output: vec![result.into()],
            ..Default::default()
        });
    }
    model.encode_to_vec()
}

fn side(model: &Path, library: &Path) -> Side {
    let proto = proto::ModelProto::decode(Bytes::from(std::fs::read(model).unwrap())).unwrap();
    let graph = proto.graph.unwrap();
    let initializers: Vec<_> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    let input = graph
        .input
        .iter()
        .find(|input| !initializers.contains(&input.name))
        .unwrap();
    let shape = dims(input);
    let count = shape.iter().product::<u64>() as usize;
    let values: Vec<f32> = (0..count).map(|index| (index % 17) as f32 / 17.0).collect();
    Side {
        artifact: Artifact {
            model: model.to_owned(),
            external: Vec::new(),
        },
        settings: SessionSettings {
            library: library.to_owned(),
            target: Target::OnnxRuntimeCpu,
            threads: 1,
            graph_optimization: GraphOptimization::All,
            execution_mode: ExecutionMode::Sequential,
        },
        inputs: vec![Tensor::from_f32(input.name.as_deref().unwrap(), &shape, &values)],
    }
}

/// An input's or output's dimensions; 1 for dynamic ones.
fn dims(info: &proto::ValueInfoProto) -> Vec<u64> {
    use proto::tensor_shape_proto::dimension::Value;
    let Some(proto::type_proto::Value::TensorType(tensor)) = info.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        panic!("not a tensor");
    };
    tensor
        .shape
        .as_ref()
        .unwrap()
        .dim
        .iter()
        .map(|dim| match &dim.value {
            Some(Value::DimValue(size)) => *size as u64,
            _ => 1,
        })
        .collect()
}

fn measure(budget: f64, seed: u64) -> MeasureConfig {
    MeasureConfig {
        time_budget: Span(Duration::from_secs_f64(budget)),
        total_budget: Span(Duration::from_secs(600)),
        threads: 1,
        seed,
        worker_timeout: Span(Duration::from_secs(60)),
        ..MeasureConfig::default()
    }
}

/// Outputs are not what this bench is about.
fn same_outputs() -> Accuracy {
    Accuracy {
        samples: 1,
        cosine: 1.0,
        lowest_cosine: 1.0,
        top1_agreement: None,
        baseline_top1: None,
        candidate_top1: None,
        labelled: 0,
        mean_abs_error: 0.0,
        max_abs_error: 0.0,
        outputs: Vec::new(),
    }
}

/// One endless loop a core.
struct Load(Vec<Child>);

impl Load {
    fn start() -> Self {
        let executable = std::env::current_exe().unwrap();
        Self(
            (0..affinity::allowed_count())
                .map(|_| {
                    Command::new(&executable)
                        .arg("--spin")
                        .stdin(Stdio::piped())
                        .spawn()
                        .unwrap()
                })
                .collect(),
        )
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Works until its parent is gone, which closes this process' stdin.
fn spin() -> ! {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let mut sum = 0_u64;
    loop {
        sum = std::hint::black_box(sum.wrapping_add(1));
    }
}
