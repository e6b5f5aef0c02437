//! Measuring and judging with real workers, the real engine and real models.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use mlbuild::config::DEFAULT_ONNXRUNTIME;
use mlbuild::config::Gate;
use mlbuild::config::MeasureConfig;
use mlbuild::config::types::DatasetConfig;
use mlbuild::measure::MeasureError;
use mlbuild::measure::PairMeasurement;
use mlbuild::measure::Side;
use mlbuild::measure::Which;
use mlbuild::measure::accuracy::agreement;
use mlbuild::measure::accuracy::labelled_accuracy;
use mlbuild::measure::alone::measure_alone;
use mlbuild::measure::compare::compare_pair;
use mlbuild::measure::event::Event;
use mlbuild::measure::outputs::Inspector;
use mlbuild::measure::plan::Plan;
use mlbuild::model::Facts;
use mlbuild::model::Model;
use mlbuild::model::Samples;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::onnx::proto;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::model::tensor::TensorSpec;
use mlbuild::units::Millis;
use mlbuild::units::Span;
use mlbuild::verdict::Comparison;
use mlbuild::verdict::ComparisonKey;
use mlbuild::verdict::ExactFacts;
use mlbuild::verdict::Metric;
use mlbuild::verdict::Verdict;
use mlbuild::verdict::judge;
use mlbuild::verdict::judge_alone;
use mlbuild::verdict::judge_failure;
use prost::Message as _;
use tempfile::TempDir;

use crate::support::onnx::fixture;
use crate::support::onnx::node;
use crate::support::runtime::artifact;
use crate::support::runtime::command;
use crate::support::runtime::options;
use crate::support::runtime::settings;

fn plan(gate: &Gate) -> Plan {
    let measure = MeasureConfig {
        time_budget: Span(Duration::from_secs(20)),
        total_budget: Span(Duration::from_secs(600)),
        threads: 1,
        seed: 0,
        worker_timeout: Span(Duration::from_secs(120)),
        ..MeasureConfig::default()
    };
    Plan::new(gate, &measure, 1)
}

fn key() -> ComparisonKey {
    ComparisonKey {
        model: "digits".to_owned(),
        target: "onnxruntime_cpu".to_owned(),
        variant: "fp32".to_owned(),
        sequence: None,
    }
}

fn facts(model: &Path) -> Facts {
    Model::load(model).unwrap().facts
}

/// A side of one of the digits models.
fn side(model: &Path) -> Side {
    let pixels: Vec<f32> = (0..64).map(|index| (index % 17) as f32 / 17.0).collect();
    Side {
        artifact: artifact(model),
        settings: settings(),
        inputs: vec![Tensor::from_f32("input", &[1, 1, 8, 8], &pixels)],
    }
}

fn digits(samples: usize) -> Dataset {
    let config = DatasetConfig {
        labels: Some("labels".to_owned()),
        samples,
        ..DatasetConfig::of(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz"))
    };
    let dims = ["batch", "1", "8", "8"]
        .iter()
        .map(|dim| dim.parse().map_or_else(|_| Dim::Symbol((*dim).to_owned()), Dim::Fixed))
        .collect();
    let spec = TensorSpec {
        name: "input".to_owned(),
        element: ElementType::Float,
        dims: Some(dims),
    };
    Dataset::open(&config, &[spec], &std::collections::BTreeMap::new()).unwrap()
}

/// The digits MLP with `nodes` between what was its output, now `before`, and its output.
fn changed(folder: &TempDir, nodes: Vec<proto::NodeProto>, weights: Vec<proto::TensorProto>) -> PathBuf {
    let bytes = std::fs::read(fixture("digits_mlp.onnx")).unwrap();
    let mut model = proto::ModelProto::decode(Bytes::from(bytes)).unwrap();
    let graph = model.graph.as_mut().unwrap();
    for node in &mut graph.node {
        for name in node.output.iter_mut().filter(|name| *name == "logits") {
            *name = "before".into();
        }
    }
    graph.node.extend(nodes);
    graph.initializer.extend(weights);
    let path = folder.path().join("changed.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    path
}

/// Much more work with the same answers.
fn slower(folder: &TempDir) -> PathBuf {
    const WIDTH: usize = 40_000;
    let weight = |name: &str, dims: [i64; 2]| proto::TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(proto::tensor_proto::DataType::Float as i32),
        raw_data: Some(vec![0_u8; WIDTH * 10 * 4].into()),
        ..Default::default()
    };
    let nodes = vec![
        node("MatMul", &["before", "wide_in"], &["wide"]),
        node("MatMul", &["wide", "wide_out"], &["back"]),
        node("Add", &["before", "back"], &["logits"]),
    ];
    let wide = WIDTH as i64;
    changed(
        folder,
        nodes,
        vec![weight("wide_in", [10, wide]), weight("wide_out", [wide, 10])],
    )
}

fn compare(candidate: &Side) -> (PairMeasurement, Comparison) {
    let baseline = side(&fixture("digits_mlp.onnx"));
    let gate = Gate::default();
    let mut events = Vec::new();
    let measurement = compare_pair(&baseline, candidate, &command(), &plan(&gate), &mut |event| {
        events.push(event)
    })
    .unwrap();
    assert!(matches!(events[0], Event::Planned { .. }));
    assert!(matches!(events[events.len() - 1], Event::Finished { .. }));
    assert_eq!(events.len(), measurement.restarts.len() + 2);
    let sample = Samples::from(vec![baseline.inputs.clone()]);
    let facts = facts(&candidate.artifact.model);
    let mut inspector = Inspector::new(&facts);
    let accuracy = agreement(&baseline, candidate, &sample, &mut inspector, &command(), &options()).unwrap();
    assert!(inspector.finish().is_empty());
    let exact = ExactFacts::of_size(200_000);
    let comparison = judge(&key(), &measurement, (&exact, &exact), Some(&accuracy), &gate);
    (measurement, comparison)
}

#[test]
fn a_model_against_itself_is_no_regression() {
    let (measurement, comparison) = compare(&side(&fixture("digits_mlp.onnx")));
    assert_ne!(
        comparison.metric(Metric::LatencyP50).unwrap().verdict,
        Verdict::Regression
    );
    assert_eq!(comparison.metric(Metric::Cosine).unwrap().candidate, Some(1.0));
    assert_eq!(measurement.runtime_version, DEFAULT_ONNXRUNTIME);
    let restart = &measurement.restarts[0];
    assert!(restart.baseline.load_seconds > 0.0 && restart.candidate.first_seconds > 0.0);
    assert!(
        restart
            .rounds
            .iter()
            .all(|round| !round.baseline.wall.is_empty() && !round.candidate.wall.is_empty())
    );
    assert!(
        restart
            .rounds
            .iter()
            .flat_map(|round| round.baseline.own())
            .all(|seconds| seconds > 0.0)
    );
    #[cfg(target_os = "linux")]
    {
        let empty = measurement.empty_session_bytes.unwrap();
        assert!(empty > 1_000_000);
        assert!(restart.baseline.peak_bytes.unwrap() > empty / 2);
        assert_eq!(measurement.cores.as_ref().map(Vec::len), Some(1));
    }
    // What is stored reads back as it was.
    let text = serde_json::to_string(&measurement).unwrap();
    let read: PairMeasurement = serde_json::from_str(&text).unwrap();
    assert_eq!(read.restarts.len(), measurement.restarts.len());
    assert_eq!(read.looks, measurement.looks);
}

#[test]
fn much_more_work_is_a_regression() {
    let folder = TempDir::new().unwrap();
    let (measurement, comparison) = compare(&side(&slower(&folder)));
    assert_eq!(comparison.verdict, Verdict::Regression);
    let latency = comparison.metric(Metric::LatencyP50).unwrap();
    assert_eq!(latency.verdict, Verdict::Regression);
    assert!(latency.change.unwrap().lower > 5.0);
    assert!(latency.candidate.unwrap() > latency.baseline.unwrap());
    assert_eq!(comparison.metric(Metric::Top1Agreement).unwrap().verdict, Verdict::Pass);
    assert!(!measurement.restarts.is_empty());
}

#[test]
fn several_threads_take_turns() {
    let with_threads = |model: &str| {
        let mut side = side(&fixture(model));
        side.settings.threads = 2;
        side
    };
    let mut plan = plan(&Gate::default());
    plan.max_restarts = 3;
    let measurement = compare_pair(
        &with_threads("digits_cnn.onnx"),
        &with_threads("digits_cnn.onnx"),
        &command(),
        &plan,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(measurement.restarts.len(), 3);
}

#[test]
fn nan_in_the_candidate_is_an_error_with_a_reason() {
    let folder = TempDir::new().unwrap();
    let path = changed(
        &folder,
        vec![
            node("Abs", &["before"], &["positive"]),
            node("Neg", &["positive"], &["negative"]),
            node("Log", &["negative"], &["logits"]),
        ],
        Vec::new(),
    );
    let (baseline, candidate) = (side(&fixture("digits_mlp.onnx")), side(&path));
    let sample = Samples::from(vec![baseline.inputs.clone()]);
    let facts = facts(&path);
    let mut inspector = Inspector::new(&facts);
    let error = agreement(&baseline, &candidate, &sample, &mut inspector, &command(), &options()).unwrap_err();
    let comparison = judge_failure(&key(), &error);
    assert_eq!(comparison.verdict, Verdict::Error);
    assert_eq!(
        comparison.reason.as_deref(),
        Some("the candidate's output `logits` holds NaN or infinity at sample 0, where the baseline's does not")
    );
    let alone = labelled_accuracy(&candidate, &sample, &mut inspector, &command(), &options()).unwrap_err();
    assert_eq!(
        alone.to_string(),
        "the candidate's output `logits` holds NaN or infinity at sample 0"
    );
}

#[test]
fn a_side_that_cannot_be_loaded_is_named() {
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("broken.onnx");
    std::fs::write(&broken, b"this is no model").unwrap();
    let (whole, broken) = (side(&fixture("digits_mlp.onnx")), side(&broken));
    let compare = |baseline: &Side, candidate: &Side| -> MeasureError {
        compare_pair(baseline, candidate, &command(), &plan(&Gate::default()), &mut |_| {}).unwrap_err()
    };
    let error = compare(&whole, &broken);
    assert_eq!(error.side(), Some(Which::Candidate));
    assert!(
        error.explanation().starts_with("the candidate could not be measured: "),
        "{}",
        error.explanation()
    );
    let error = compare(&broken, &whole);
    assert_eq!(error.side(), Some(Which::Baseline));
    let comparison = judge_failure(&key(), &error);
    assert_eq!(comparison.verdict, Verdict::Error);
    assert!(
        comparison
            .hints
            .iter()
            .any(|hint| hint.contains("it is the baseline that fails"))
    );
}

#[test]
fn labels_judge_two_models_that_answer_differently() {
    let samples = Samples::from(digits(100));
    let (baseline, candidate) = (side(&fixture("digits_mlp.onnx")), side(&fixture("digits_cnn.onnx")));
    let facts = facts(&fixture("digits_cnn.onnx"));
    let mut inspector = Inspector::new(&facts);
    let accuracy = agreement(&baseline, &candidate, &samples, &mut inspector, &command(), &options()).unwrap();
    assert!(inspector.finish().is_empty());
    let mut inspector = Inspector::new(&facts);
    assert_eq!((accuracy.samples, accuracy.labelled), (100, 100));
    assert!(accuracy.baseline_top1.unwrap() > 0.95, "{accuracy:?}");
    assert!(accuracy.candidate_top1.unwrap() > 0.95, "{accuracy:?}");
    assert!(accuracy.top1_agreement.unwrap() > 0.9 && accuracy.max_abs_error > 0.0);
    assert!(accuracy.cosine < 0.9999 && accuracy.cosine > 0.5, "{accuracy:?}");
    let alone = labelled_accuracy(&candidate, &samples, &mut inspector, &command(), &options()).unwrap();
    assert_eq!(alone, accuracy.candidate_top1);
}

#[test]
fn budgets_need_no_baseline() {
    let mut gate = Gate::default();
    gate.latency.limit.budget = Some(Millis(10_000.0));
    let side = side(&fixture("digits_cnn.onnx"));
    let measurement = measure_alone(&side, &command(), &plan(&gate), &mut |_| {}).unwrap();
    let comparison = judge_alone(&key(), &measurement, &ExactFacts::of_size(200_000), Some(0.98), &gate);
    assert_eq!(comparison.verdict, Verdict::NoBaseline);
    gate.latency.limit.budget = Some(Millis(0.001));
    let comparison = judge_alone(&key(), &measurement, &ExactFacts::of_size(200_000), Some(0.98), &gate);
    assert_eq!(comparison.verdict, Verdict::Regression);
    assert_eq!(comparison.reason.as_deref(), Some("p50: over the budget of 1.00 µs"));
}
