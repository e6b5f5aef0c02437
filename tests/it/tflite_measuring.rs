//! Measuring TensorFlow Lite models with the machinery that measures the others: pairs, alone, outputs, profiles.

use std::time::Duration;

use mlbuild::config::Gate;
use mlbuild::config::MeasureConfig;
use mlbuild::measure::Side;
use mlbuild::measure::accuracy::agreement;
use mlbuild::measure::alone::measure_alone;
use mlbuild::measure::compare::compare_pair;
use mlbuild::measure::outputs::Inspector;
use mlbuild::measure::plan::Plan;
use mlbuild::measure::profile::Options;
use mlbuild::measure::profile::profile;
use mlbuild::model::Facts;
use mlbuild::model::Model;
use mlbuild::model::Samples;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::TensorSpec;
use mlbuild::units::Span;

use crate::support::litert;
use crate::support::onnx::fixture;
use crate::support::runtime::command;
use crate::support::runtime::options;

fn side(name: &str, xnnpack: bool) -> Side {
    Side {
        artifact: litert::model(name),
        settings: litert::settings_with(xnnpack, None),
        inputs: litert::inputs(name),
    }
}

fn plan() -> Plan {
    let measure = MeasureConfig {
        time_budget: Span(Duration::from_secs(3)),
        worker_timeout: Span(Duration::from_secs(120)),
        ..MeasureConfig::default()
    };
    Plan::new(&Gate::default(), &measure, 1)
}

#[test]
fn a_pair_is_measured_turn_by_turn() {
    let measurement = compare_pair(
        &side("cnn", true),
        &side("cnn_outside", true),
        &command(),
        &plan(),
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(measurement.runtime_version, "2.3.0");
    assert!(!measurement.restarts.is_empty());
    for restart in &measurement.restarts {
        assert!(restart.baseline.load_seconds > 0.0 && restart.candidate.first_seconds > 0.0);
        let seconds = restart.rounds.iter().flat_map(|round| round.candidate.own());
        assert!(seconds.into_iter().all(|seconds| seconds > 0.0));
    }
    #[cfg(target_os = "linux")]
    assert!(measurement.empty_session_bytes.unwrap() > 1 << 20);
}

#[test]
fn a_model_is_measured_alone() {
    let measurement = measure_alone(&side("int8", true), &command(), &plan(), &mut |_| {}).unwrap();
    assert_eq!(measurement.runtime_version, "2.3.0");
    assert!(!measurement.restarts.is_empty());
}

#[test]
fn kernels_of_both_kinds_agree() {
    let spec = |name: &str, dims: &[u64]| TensorSpec {
        name: name.to_owned(),
        element: ElementType::Float,
        dims: Some(dims.iter().copied().map(Dim::Fixed).collect()),
    };
    let facts = Facts {
        inputs: vec![spec("image", &[1, 16, 16, 3])],
        outputs: vec![spec("scores", &[1, 10])],
        ..Model::load(&fixture("digits_mlp.onnx")).unwrap().facts
    };
    let (baseline, candidate) = (side("cnn", true), side("cnn", false));
    let samples = Samples::from(vec![baseline.inputs.clone()]);
    let mut inspector = Inspector::new(&facts);
    let accuracy = agreement(&baseline, &candidate, &samples, &mut inspector, &command(), &options()).unwrap();
    assert!(accuracy.cosine > 0.999_999, "{accuracy:?}");
    assert!(inspector.finish().is_empty());
}

#[test]
fn a_profile_has_kernels_by_partition_and_adds_up() {
    // Its kernels have names of their own, so that no graph is asked for any.
    let stand_in = Model::load(&fixture("digits_mlp.onnx")).unwrap();
    let options = Options {
        runs: 6,
        warmup: 2,
        cold_runs: 5,
        ..Options::default()
    };
    let profile = profile(&side("partitions", true), &stand_in, &command(), &options, &mut |_| {}).unwrap();
    let kernels: Vec<(&str, &str, &str)> = profile
        .kernels
        .iter()
        .map(|kernel| (kernel.name.as_str(), kernel.op_type.as_str(), kernel.provider.as_str()))
        .collect();
    assert_eq!(
        kernels,
        [
            ("partition 1, kernel 0", "Abs (NC)", "XNNPACK, partition 1"),
            ("sums", "CUMSUM", "LiteRT"),
            ("partition 2, kernel 0", "Negate (NC)", "XNNPACK, partition 2"),
        ]
    );
    assert_eq!((profile.runs, profile.runtime_version.as_str()), (6, "2.3.0"));
    assert_eq!(profile.timeline.len(), 3);
    assert!(
        profile.nodes.is_empty() && profile.warnings.is_empty(),
        "{:?}",
        profile.warnings
    );
    let kernels: f64 = profile.kernels.iter().map(|kernel| kernel.seconds).sum();
    assert!((kernels + profile.overhead_seconds - profile.run_seconds).abs() < 1e-9);
    assert!(profile.plain_seconds > 0.0 && profile.cold.first_seconds > 0.0 && profile.roofline.is_none());
}
