//! `mlbuild doctor`: what a desk lacks, and what its machine can see.

use crate::support::desk;
use crate::support::desk::json;
use crate::support::env::TestEnv;

fn state<'a>(examined: &'a serde_json::Value, name: &str) -> &'a str {
    let checks = examined["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    check["state"].as_str().unwrap()
}

#[test]
fn a_desk_with_an_engine_is_fit() {
    let env = desk::project("digits_mlp.onnx", "");
    let before = env.tree();
    let output = env.run(&["doctor"]).expect_code(0);
    for line in [
        "✓ config",
        "✓ engine",
        "✓ workspace",
        "✓ machine",
        "Everything that is needed is here.",
    ] {
        assert!(output.stdout.contains(line), "{line}: {}", output.stdout);
    }
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(0));
    assert_eq!(examined["fit"], true);
    assert_eq!(state(&examined, "config"), "good");
    assert_eq!(env.tree(), before, "looking changes nothing");
}

#[test]
fn a_wrong_config_makes_it_unfit() {
    let env = desk::empty();
    env.write(".mlbuild.yml", "version: 1\nmodels: 7\n");
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(1));
    assert_eq!(
        (examined["fit"].as_bool(), state(&examined, "config")),
        (Some(false), "missing")
    );
    let output = env.run(&["doctor", "--soft"]).expect_code(0);
    assert!(output.stdout.contains("✗ config"), "{}", output.stdout);
    assert!(output.stdout.contains("A needed thing is missing"), "{}", output.stdout);
}

#[test]
fn an_engine_that_cannot_be_had_makes_it_unfit() {
    let mut env = TestEnv::new();
    env.variable("MLBUILD_PYTHON", "no-such-python");
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(1));
    assert_eq!(state(&examined, "engine"), "missing");
    assert_eq!(state(&examined, "pip"), "note");
    assert_eq!(state(&examined, "config"), "note");
}

#[test]
fn noise_is_measured_without_anything_of_ones_own() {
    let env = desk::empty();
    let before = env.tree();
    let output = env
        .run(&["doctor", "--noise", "--time-budget", "1500 ms", "--json"])
        .expect_code(0);
    let found = json(&output);
    assert!(found["restarts"].as_u64().unwrap() >= 3, "{found}");
    let p50 = found["p50_ms"].as_f64().unwrap();
    assert!(p50 > 0.02 && p50 < 50.0, "{p50} ms");
    let metrics = found["metrics"].as_array().unwrap();
    let named: Vec<&str> = metrics.iter().map(|row| row["metric"].as_str().unwrap()).collect();
    assert_eq!(named, ["p50", "p95", "peak memory"]);
    for row in metrics {
        let figure = |name: &str| row["floor"][name].as_f64().unwrap();
        assert!(figure("spread_percent") >= 0.0);
        assert!(figure("half_width_percent") <= figure("detectable_80_percent"), "{row}");
        assert!(
            figure("detectable_80_percent") <= figure("detectable_90_percent"),
            "{row}"
        );
    }
    assert_eq!(found["machine"]["os"], std::env::consts::OS);
    assert_eq!(env.tree(), before);
    desk::assert_no_leftovers(&env);
}

#[test]
fn noise_is_measured_with_a_model_of_ones_own() {
    let env = desk::project("digits_mlp.onnx", "");
    let output = env
        .run(&["doctor", "--noise", "--model", "model.onnx", "--time-budget", "1 s"])
        .expect_code(0);
    for text in [
        "model.onnx, p50 ",
        "between restarts",
        "  p50 ",
        "The smallest slowdown that it sees",
    ] {
        assert!(output.stdout.contains(text), "{text}: {}", output.stdout);
    }
    let output = env
        .run(&["doctor", "--noise", "--model", "nowhere.onnx"])
        .expect_code(2);
    assert!(output.stderr.contains("nowhere.onnx"), "{}", output.stderr);
    let output = env.run(&["doctor", "--model", "model.onnx"]).expect_code(2);
    assert!(output.stderr.contains("--noise"), "{}", output.stderr);
}

#[test]
fn benchmarks_of_older_versions_get_their_figures() {
    let env = desk::project("digits_mlp.onnx", "");
    let import = [
        "import",
        "--model",
        "model.onnx",
        "--target",
        "onnxruntime_cpu",
        "--json",
    ];
    let id = json(&env.run(&import))["build"]["id"].as_str().unwrap().to_owned();
    env.run(&["benchmark", &id, "--time-budget", "300 ms"]).expect_code(0);
    let p50 = || json(&env.run(&["log", "--json"]).expect_code(0))["builds"][0]["p50_ms"].clone();
    let kept = p50();
    assert!(kept.as_f64().unwrap() > 0.0);
    let before = || rusqlite::Connection::open(env.path(".mlbuild/registry.db")).unwrap();
    // As migration 4 leaves what was measured before it; and one that no version can read.
    before().execute_batch("DELETE FROM figures").unwrap();
    let copies = "INSERT INTO measurements (build, target, runtime_version, machine, samples, created_at)
                  SELECT build, target, runtime_version, machine, '{\"of\": \"nobody\"}', created_at FROM measurements";
    before().execute_batch(copies).unwrap();
    assert!(p50().is_null());
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(0));
    assert_eq!(examined["workspace"]["without_figures"], 1);
    assert_eq!(state(&examined, "figures"), "note");
    let repaired = env.run(&["doctor", "--repair"]).expect_code(0);
    assert!(
        repaired
            .stdout
            .contains("lists know the figures of 1 older benchmark now"),
        "{}",
        repaired.stdout
    );
    assert_eq!(p50(), kept);
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(0));
    assert_eq!(examined["workspace"]["without_figures"], 0);
}
