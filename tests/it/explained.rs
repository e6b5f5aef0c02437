//! What got slower: a model against a copy with one more operator, which must be the one that is named.

use std::fs;

use mlbuild::model::onnx::proto;
use mlbuild::report::comment;
use mlbuild::report::json::v2;
use prost::Message as _;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::TestEnv;
use crate::support::onnx;
use crate::support::onnx::fixture;

/// The node that only the slower model has.
const EXTRA: &str = "/extra/conv_of_tests";

/// The fixture with a convolution of its input with itself in front of it: 1 channel in, 1 out, a large window.
fn with_one_more_node(name: &str) -> Vec<u8> {
    let mut model = proto::ModelProto::decode(&*fs::read(fixture(name)).unwrap()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let input = graph.input[0].name.clone().unwrap();
    for node in &mut graph.node {
        for name in node.input.iter_mut().filter(|name| **name == input) {
            *name = "extra_y".to_owned();
        }
    }
    let side: i64 = 127;
    let mut weights = vec![0.0_f32; (side * side) as usize];
    weights[(side * side / 2) as usize] = 1.0;
    graph.initializer.push(proto::TensorProto {
        name: Some("extra_w".to_owned()),
        data_type: Some(proto::tensor_proto::DataType::Float as i32),
        dims: vec![1, 1, side, side],
        float_data: weights,
        ..Default::default()
    });
    let mut conv = onnx::node("Conv", &[&input, "extra_w"], &["extra_y"]);
    conv.name = Some(EXTRA.to_owned());
    conv.attribute = vec![proto::AttributeProto {
        name: Some("pads".to_owned()),
        r#type: Some(proto::attribute_proto::AttributeType::Ints as i32),
        ints: vec![side / 2; 4],
        ..Default::default()
    }];
    graph.node.insert(0, conv);
    model.encode_to_vec()
}

fn two() -> TestEnv {
    let env = desk::empty();
    put(&env, "a.onnx", "digits_cnn.onnx");
    env.write("b.onnx", with_one_more_node("digits_cnn.onnx"));
    env
}

/// Names and kinds of the operators that the report blames.
fn named(report: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    report["comparisons"][0]["operators"]["changes"]
        .as_array()
        .unwrap_or_else(|| panic!("no operators in {report}"))
        .iter()
        .map(|change| (text(&change["name"]), text(&change["kind"])))
        .collect()
}

#[test]
fn the_operator_that_was_added_is_named() {
    let env = two();
    let flags = ["--size-threshold", "900%", "--time-budget", "20 s"];
    let output = env.run(&[&["compare", "a.onnx", "b.onnx", "--json"], &flags[..]].concat());
    let report = json(&output);
    let changes = named(&report);
    assert_eq!(changes[0], (EXTRA.to_owned(), "new".to_owned()), "{changes:?}");
    // Another layout before and after it is the engine's doing, and may stand out too.
    let others = changes[1..]
        .iter()
        .filter(|(name, kind)| kind == "new" && !name.starts_with("Reorder"));
    assert_eq!(others.count(), 0, "{changes:?}");
    let operators = &report["comparisons"][0]["operators"];
    let most = operators["changes"][0]["change_ms"].as_f64().unwrap();
    assert!(most > 0.0);
    assert!(operators["others_within_ms"].as_f64().unwrap() < most, "{operators}");

    // The stored report gives it back, and every renderer shows it.
    let stored = v2::from_json(&output.stdout).unwrap();
    let comment = comment::render(&stored, comment::LIMIT);
    assert!(
        comment.contains(&format!("**What got slower**: `{EXTRA}` +")),
        "{comment}"
    );
    assert!(
        comment.contains(" (new); all other operators within ±") || changes.len() > 1,
        "{comment}"
    );
    assert_eq!(v2::to_json(&stored).unwrap()["comparisons"], report["comparisons"]);

    let output = env.run(&[&["compare", "a.onnx", "b.onnx"], &flags[..]].concat());
    assert!(
        output.stdout.contains(&format!("\n  slower: {EXTRA} +")),
        "{}",
        output.stdout
    );
    desk::assert_no_leftovers(&env);
}

#[test]
fn the_operator_that_went_is_what_made_it_faster() {
    let env = two();
    let output = env.run(&["compare", "b.onnx", "a.onnx", "--json", "--time-budget", "20 s"]);
    let report = json(&output);
    assert_eq!(named(&report)[0], (EXTRA.to_owned(), "gone".to_owned()));
    let stored = v2::from_json(&output.stdout).unwrap();
    let comment = comment::render(&stored, comment::LIMIT);
    assert!(
        comment.contains(&format!("**What got faster**: `{EXTRA}` −")),
        "{comment}"
    );
}

#[test]
fn what_did_not_change_needs_no_explanation() {
    let env = desk::empty();
    put(&env, "a.onnx", "digits_mlp.onnx");
    let output = env.run(&[
        "compare",
        "a.onnx",
        "a.onnx",
        "--json",
        "--threshold",
        "400%",
        "--time-budget",
        "300 ms",
    ]);
    assert_eq!(json(&output)["comparisons"][0]["operators"], serde_json::Value::Null);
}
