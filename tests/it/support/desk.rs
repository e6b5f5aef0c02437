//! A project at a desk: a config, real small models, and what a run left in `.mlbuild/`.
#![allow(dead_code, reason = "each topic uses its share")]

use std::fs;

use serde_json::Value;

use super::env::Output;
use super::env::TestEnv;
use super::onnx::fixture;

/// Limits that no noise of a busy machine reaches, and little time: for tests of everything but the limits.
pub const CALM: &str = "\
gate: { latency: { max_regression: 400% }, memory: { max_regression: 1000000% } }
measure: { time_budget: 300 ms }
";

/// An empty project that may use the installed engine.
pub fn empty() -> TestEnv {
    TestEnv::new().with_runtime_cache()
}

/// A project with one model, `digits`, copied from a fixture, and calm limits; `more` goes below the model's path.
pub fn project(model: &str, more: &str) -> TestEnv {
    let env = empty();
    put(&env, "model.onnx", model);
    env.write(".mlbuild.yml", config(more));
    env
}

/// The config of [`project`].
pub fn config(more: &str) -> String {
    format!("version: 1\nmodels:\n  - name: digits\n    path: model.onnx\n{more}{CALM}")
}

/// Copies a model of the fixtures.
pub fn put(env: &TestEnv, to: &str, model: &str) {
    env.write(to, fs::read(fixture(model)).unwrap());
}

/// A fixture with so many more bytes in it, which the engine never looks at.
pub fn padded(model: &str, bytes: usize) -> Vec<u8> {
    use mlbuild::model::onnx::proto;
    use prost::Message as _;
    let mut padded = fs::read(fixture(model)).unwrap();
    // Fields of a message may stand apart, so one more property can follow the whole.
    let tail = proto::ModelProto {
        metadata_props: vec![proto::StringStringEntryProto {
            key: Some("padding".to_owned()),
            value: Some("x".repeat(bytes)),
        }],
        ..Default::default()
    };
    padded.extend(tail.encode_to_vec());
    padded
}

/// What the run printed, as JSON; fails where there is anything else on stdout.
pub fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.snapshot()))
}

/// The report that the run wrote.
pub fn report(env: &TestEnv) -> Value {
    serde_json::from_str(&env.read(".mlbuild/ci_report.json")).unwrap()
}

/// A snapshot with `[ID]` for every run of twelve hexadecimal digits or more, and `#` for the numbers of lines about outputs, which
/// differ from processor to processor in their last digits.
pub fn plain(output: &Output) -> String {
    let mut text = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, text: &mut String| {
        let is_id = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.push_str(if is_id { "[ID]" } else { word });
        word.clear();
    };
    for character in output.snapshot().chars() {
        if character.is_ascii_alphanumeric() {
            word.push(character);
        } else {
            flush(&mut word, &mut text);
            text.push(character);
        }
    }
    flush(&mut word, &mut text);
    let lines = text.lines().map(|line| {
        if !line.contains("cosine") {
            return line.to_owned();
        }
        let is_number = |character: char| character.is_ascii_digit() || character == '.';
        let mut shown = String::new();
        for character in line.chars() {
            if !is_number(character) {
                shown.push(character);
            } else if !shown.ends_with('#') {
                shown.push('#');
            }
        }
        shown
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `variant verdict` of every comparison, in order.
pub fn verdicts(report: &Value) -> Vec<String> {
    report["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comparison| {
            let field = |name: &str| comparison[name].as_str().unwrap().to_owned();
            format!("{} {} {}", field("model"), field("variant"), field("result"))
        })
        .collect()
}

/// Fails unless `digits` was measured beside its baseline and found no worse; which of the two words it gets is for the noise of a busy
/// machine to say.
#[track_caller]
pub fn assert_no_worse(report: &Value) {
    let found = verdicts(report);
    let accepted = [["digits fp32 pass"], ["digits fp32 inconclusive"]];
    assert!(accepted.iter().any(|verdict| found == verdict), "{found:?}");
}

/// The names of the metrics that were judged a regression in the first comparison.
pub fn regressed(report: &Value) -> Vec<String> {
    report["comparisons"][0]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|metric| metric["result"] == "regression")
        .map(|metric| metric["metric"].as_str().unwrap().to_owned())
        .collect()
}

/// Nothing that a run keeps for itself is left half-written: no temporary file in the project, no folder in `TMPDIR`.
pub fn assert_no_leftovers(env: &TestEnv) {
    let left: Vec<String> = env
        .tree()
        .into_keys()
        .filter(|name| {
            name.rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with(".mlbuild-"))
        })
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let temporary: Vec<_> = fs::read_dir(env.path("../tmp"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(temporary.is_empty(), "left behind: {temporary:?}");
}

/// A model that never answers: a loop without an end.
pub fn endless() -> Vec<u8> {
    use mlbuild::model::onnx::proto;
    use mlbuild::model::onnx::proto::tensor_proto::DataType;

    use super::onnx::graph;
    use super::onnx::integers;
    use super::onnx::model;
    use super::onnx::node;
    use super::onnx::value;
    let body = graph(
        vec![
            value("i", DataType::Int64, &[]),
            value("go", DataType::Bool, &[]),
            value("state", DataType::Float, &[1]),
        ],
        vec![
            node("Identity", &["go"], &["still"]),
            node("Add", &["state", "state"], &["next"]),
        ],
        vec![],
        vec![
            value("still", DataType::Bool, &[]),
            value("next", DataType::Float, &[1]),
        ],
    );
    let mut endless = node("Loop", &["trips", "", "x"], &["y"]);
    endless.attribute.push(proto::AttributeProto {
        name: Some("body".to_owned()),
        r#type: Some(proto::attribute_proto::AttributeType::Graph as i32),
        g: Some(body),
        ..Default::default()
    });
    model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1])],
            vec![endless],
            vec![integers("trips", &[], &[i64::MAX])],
            vec![value("y", DataType::Float, &[1])],
        ),
    )
}
