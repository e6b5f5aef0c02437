//! Figures of another machine: kept, named, and never taken for this one's.

use serde_json::Value;

use crate::support::desk;
use crate::support::env::TestEnv;

const MANIFEST: &str = ".mlbuild/baseline/manifest.json";

/// A desk with a baseline and one before it.
fn two_baselines() -> TestEnv {
    let env = desk::project("digits_mlp.onnx", "");
    env.run(&["baseline", "refresh"]).expect_code(0);
    env.write("model.onnx", desk::padded("digits_mlp.onnx", 10));
    env.run(&["baseline", "refresh"]).expect_code(0);
    env
}

fn edit(env: &TestEnv, change: impl Fn(&mut Value)) {
    let mut manifest: Value = serde_json::from_str(&env.read(MANIFEST)).unwrap();
    change(&mut manifest);
    env.write(MANIFEST, manifest.to_string());
}

/// What the run says of the history.
fn history(env: &TestEnv) -> Value {
    env.write("model.onnx", desk::padded("digits_mlp.onnx", 20));
    env.run(&["ci"]).expect_code(0);
    desk::report(env)["environment"]["history"].clone()
}

#[test]
fn a_history_of_several_machines_is_said_to_be_one() {
    let env = two_baselines();
    let manifest: Value = serde_json::from_str(&env.read(MANIFEST)).unwrap();
    assert_eq!(manifest["history"][0]["machine"], manifest["machine"]);
    assert_eq!(history(&env), "2 baselines on one machine, this one");

    edit(&env, |manifest| {
        manifest["history"][0]["machine"]["cpu_model"] = "AMD EPYC".into()
    });
    assert_eq!(
        history(&env),
        "2 baselines on 2 machines, some of them on this one; figures of different machines are not comparable"
    );

    edit(&env, |manifest| manifest["machine"]["cpu_model"] = "AMD EPYC".into());
    assert_eq!(history(&env), "2 baselines on one machine, none of them on this one");
    assert!(env.read(".mlbuild/comment.md").contains("2 baselines on one machine"));
}

#[test]
fn every_kind_of_record_names_its_machine() {
    let env = two_baselines();
    history(&env);
    let report = desk::report(&env);
    let environment = &report["environment"];
    for field in [
        "cpu_model",
        "isa",
        "cores_allowed",
        "kernel",
        "host_digest",
        "memory_bytes",
    ] {
        assert!(!environment[field].is_null(), "{field}: {environment}");
    }
    assert!(
        environment["noise_floor_percent"].as_f64().unwrap() > 0.0,
        "{environment}"
    );
    assert!(
        environment["detectable_percent"].as_f64().unwrap() > environment["noise_floor_percent"].as_f64().unwrap(),
        "{environment}"
    );
    let registry = rusqlite::Connection::open(env.path(".mlbuild/registry.db")).unwrap();
    let text: String = registry
        .query_row(
            "SELECT machines.fingerprint FROM measurements JOIN machines ON machines.id = measurements.machine",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let stored: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(stored["cpu_model"], environment["cpu_model"]);
    assert_eq!(stored["hostname_digest"], environment["host_digest"]);
}
