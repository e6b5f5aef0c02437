//! From what was measured to check, comment, summary, annotations and exit code.

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::mlp;
use super::model;
use super::touched;
use super::with_text;

#[test]
fn a_larger_and_slower_model_is_a_regression_everywhere() {
    // Enough time for an interval that is narrow even where other tests keep the cores busy.
    let config = CONFIG
        .replace(
            "latency: { max_regression: 99999% }",
            "latency: { max_regression: 50% }",
        )
        .replace("time_budget: 1 s", "time_budget: 10 s");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let proposed = repository.propose(&[(MODEL_PATH, &model("digits_cnn.onnx"))]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);

    let report = ran.report.as_ref().unwrap();
    let metrics = report["comparisons"][0]["metrics"].as_array().unwrap();
    for name in ["latency-p50", "size"] {
        let metric = metrics.iter().find(|metric| metric["metric"] == name);
        let metric = metric.unwrap_or_else(|| panic!("no {name} in {report:#}"));
        assert_eq!(metric["result"], "regression", "{metric:#}");
    }
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    let annotation = &check.annotations[0];
    assert_eq!(
        (annotation["path"].as_str(), annotation["start_line"].as_u64()),
        (Some(".mlbuild.yml"), Some(5))
    );
    assert_eq!(annotation["annotation_level"], "failure");
    assert!(ran.log.contains("::error file=.mlbuild.yml,line=5,"), "{ran}");
    assert!(repository.comment().body.contains("❌"));
    assert!(ran.summary.contains("❌"), "{ran}");
}

#[test]
fn what_noise_leaves_open_is_neutral() {
    // No change, a limit of nothing and no time: the interval of three restarts holds the limit in most runs.
    let config = "version: 1\nmodels:\n  - { name: digits, path: models/digits.onnx, variants: [fp32] }\n\
        gate:\n  latency: { max_regression: 0% }\n  memory: { max_regression: 99999% }\nmeasure: { time_budget: 1 ms }\n";
    let lstm = model("digits_lstm.onnx");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &lstm)]);
    let proposed = repository.propose(&[(MODEL_PATH, &with_text(&lstm, 3))]);
    let mut seen = Vec::new();
    for _ in 0..8 {
        let ran = repository.gate(&proposed).run();
        let check = repository.fake.edit(|state| state.checks.pop().unwrap());
        let (conclusion, code) = match ran.result() {
            "inconclusive" => ("neutral", 0),
            "regression" => ("failure", 1),
            "pass" | "improvement" => ("success", 0),
            other => panic!("{other}: {ran}"),
        };
        assert_eq!(
            (check.conclusion.as_deref(), ran.code),
            (Some(conclusion), code),
            "{ran}"
        );
        seen.push(ran.result().to_owned());
        if ran.result() == "inconclusive" {
            assert!(repository.comment().body.contains("⚠️"));
            return;
        }
    }
    panic!("never inconclusive: {seen:?}");
}

#[test]
fn what_did_not_change_is_skipped_and_says_why() {
    for refreshed in [true, false] {
        let repository = Repository::of_committed_model();
        if refreshed {
            repository.refresh();
        }
        let proposed = repository.propose(&[("README.md", b"words")]);
        let ran = repository.gate(&proposed).run().expect("skipped", 0);
        let check = repository.check();
        assert_eq!(check.conclusion.as_deref(), Some("skipped"));
        assert!(
            check.summary.contains("same model and settings as the baseline"),
            "{}",
            check.summary
        );
        assert!(ran.summary.contains("same model and settings as the baseline"), "{ran}");
    }
}

#[test]
fn other_settings_are_a_reason_to_measure() {
    let repository = Repository::of_committed_model();
    let config = format!("{CONFIG}runtime: {{ graph_optimization: basic }}\n");
    let proposed = repository.propose(&[(CONFIG_PATH, config.as_bytes())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert!(ran.summary.contains("runtime.graph"), "{ran}");
}

#[test]
fn a_budget_holds_for_what_did_not_change() {
    let config = CONFIG.replace("gate:\n", "gate:\n  size: { budget: 100 KB }\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let proposed = repository.propose(&[("README.md", b"words")]);
    repository.gate(&proposed).run().expect("regression", 1);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
}

#[test]
fn the_limits_are_the_bases_whatever_the_change_would_like() {
    let repository = Repository::of_committed_model();
    let config = CONFIG.replace("gate:\n", "gate:\n  size: { max_regression: 90% }\n");
    let proposed = repository.propose(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &bloated())]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    for text in [&repository.comment().body, &ran.summary] {
        assert!(text.contains("gate.size.max"), "{text}");
        assert!(text.contains("90 %") || text.contains("90&nbsp;%"), "{text}");
    }
}

#[test]
fn a_model_that_is_no_longer_named_needs_accepting() {
    let second = "  - name: second\n    path: models/second.onnx\n    variants: [fp32]\ngate:\n";
    let both = CONFIG.replace("gate:\n", second);
    let files: [(&str, &[u8]); 3] = [
        (CONFIG_PATH, both.as_bytes()),
        (MODEL_PATH, &mlp()),
        ("models/second.onnx", &mlp()),
    ];
    for refreshed in [true, false] {
        let repository = Repository::with(&files);
        if refreshed {
            repository.refresh();
        }
        let proposed = repository.propose(&[(CONFIG_PATH, CONFIG.as_bytes())]);
        repository.gate(&proposed).run().expect("removed", 0);
        let check = repository.check();
        assert_eq!(check.conclusion.as_deref(), Some("neutral"));
        assert!(check.summary.contains("second"), "{}", check.summary);
    }
}

#[test]
fn a_wrong_config_is_an_error_on_its_line() {
    let repository = Repository::of_committed_model();
    let config = CONFIG.replace("memory: { max_regression", "memory: { max_regresion");
    let proposed = repository.propose(&[(CONFIG_PATH, config.as_bytes())]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(
        check.summary.contains("max\\_regresion") || check.summary.contains("max_regresion"),
        "{}",
        check.summary
    );
    assert!(ran.log.contains("::error file=.mlbuild.yml,line=8,"), "{ran}");
    assert!(ran.summary.contains("could not judge"), "{ran}");
    assert!(ran.output("check-url").ends_with(&check.id.to_string()), "{ran}");
}

#[test]
fn a_checkout_without_a_config_is_an_error_on_the_check() {
    let repository = Repository::with(&[("README.md", b"words")]);
    let proposed = repository.propose(&[("README.md", b"more words")]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("mlbuild init"), "{ran}");
}

#[test]
fn a_broken_model_is_a_verdict_of_its_own() {
    let repository = Repository::of_committed_model();
    let cut = &mlp()[..100_000];
    let proposed = repository.propose(&[(MODEL_PATH, cut)]);
    repository.gate(&proposed).run().expect("error", 2);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert_eq!(check.annotations[0]["start_line"], 5);
    assert!(!repository.comment().body.is_empty());
}

/// The budget of a change is shown, and that of its base counts.
#[test]
fn no_pull_request_loosens_its_own_budget() {
    const BUDGET: &str = ".mlbuild/budget.toml";
    let tight = b"version = 1\n[constraints]\nmax_size_mb = 0.1\n";
    let loose = b"version = 1\n[constraints]\nmax_size_mb = 100.0\n";
    let repository = Repository::with(&[
        (CONFIG_PATH, super::CONFIG.as_bytes()),
        (MODEL_PATH, &mlp()),
        (BUDGET, tight),
    ]);
    let proposed = repository.propose(&[(BUDGET, loose), (MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    let check = repository.check();
    assert!(
        check.summary.contains(".mlbuild/budget.toml:3"),
        "{}: {ran}",
        check.summary
    );
    let comment = repository.comment();
    assert!(
        comment.body.contains("`max_size_mb`: 100.0 KB → 100.0 MB"),
        "{}",
        comment.body
    );
}

/// A first budget is shown too, and counts once it is merged.
#[test]
fn a_first_budget_counts_from_the_next_pull_request_on() {
    let repository = Repository::of_committed_model();
    let tight = b"version = 1\n[constraints]\nmax_size_mb = 0.1\n";
    let proposed = repository.propose(&[(".mlbuild/budget.toml", tight)]);
    repository.gate(&proposed).run().expect("skipped", 0);
    assert!(repository.comment().body.contains("`max_size_mb`: none → 100.0 KB"));
    let broken = repository.propose(&[(".mlbuild/budget.toml", b"version = 1\n[constraints]\nmax_size = 1\n")]);
    let ran = repository.gate(&broken).run().expect("error", 2);
    assert!(format!("{ran}").contains("file=.mlbuild/budget.toml,line=3"), "{ran}");
}

#[test]
fn no_pull_request_switches_strictness_off() {
    use crate::support::onnx;
    use mlbuild::model::onnx::proto::tensor_proto::DataType;

    let x = onnx::value("x", DataType::Float, &[1, 4]);
    let y = onnx::value("y", DataType::Float, &[1, 4]);
    let nodes = vec![onnx::node("Sub", &["x", "x"], &["y"])];
    let zeros = onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]));
    let strict = CONFIG.replace("1 s }", "1 s, strict_output: true }");
    let repository = Repository::with(&[(CONFIG_PATH, strict.as_bytes()), (MODEL_PATH, &mlp())]);
    let proposed = repository.propose(&[(CONFIG_PATH, CONFIG.as_bytes())]);
    repository.gate(&proposed).run().expect("skipped", 0);

    let repository = Repository::with(&[(CONFIG_PATH, strict.as_bytes()), (MODEL_PATH, &zeros)]);
    let proposed = repository.propose(&[(CONFIG_PATH, CONFIG.as_bytes())]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert!(ran.summary.contains("is 0 in all of its 4 elements"), "{ran}");
}

#[test]
#[cfg(target_os = "linux")]
fn no_pull_request_takes_the_sandbox_off() {
    use crate::support::hostile::without_layers;

    let required = CONFIG.replace("1 s }", "1 s, sandbox: require }");
    let gated = |base: &str| {
        let repository = Repository::with(&[(CONFIG_PATH, base.as_bytes()), (MODEL_PATH, &mlp())]);
        let proposed = repository.propose(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, &touched())]);
        let job = repository.gate(&proposed);
        let mut step = job.step(&["action"]);
        without_layers(&mut step, false);
        let output = step.output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), said.concat())
    };
    let (code, said) = gated(&required);
    assert!(
        code != Some(0) && said.contains("no model was run: this system has"),
        "{said}"
    );
    let (code, said) = gated(CONFIG);
    assert!(
        code == Some(0) && !said.contains("no model was run"),
        "{code:?}: {said}"
    );
}
