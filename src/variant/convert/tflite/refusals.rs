//! What cannot be converted, and the words in which that is said.

use super::tests::made;
use super::*;
use crate::hint::Hint as _;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::edit;

/// The error of a graph from `x` of 2 × 3, and what to do.
fn refused(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> (String, String) {
    let error = made(&[2, 3], nodes, constants).unwrap_err();
    (error.to_string(), error.hints().concat())
}

fn named(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.to_owned()),
        ..ValueInfoProto::default()
    }
}

fn body(name: &str, inputs: &[&str], node: Vec<NodeProto>, outputs: &[&str]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(GraphProto {
            name: Some(name.to_owned()),
            node,
            input: inputs.iter().map(|name| named(name)).collect(),
            output: outputs.iter().map(|name| named(name)).collect(),
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    }
}

/// Nodes that make `c`, whether the sum of `x` is positive.
fn condition() -> Vec<NodeProto> {
    let mut sum = edit::node("ReduceSum", &["x"], &["s"]);
    sum.attribute = vec![edit::int_attribute("keepdims", 0)];
    vec![sum, edit::node("Greater", &["s", "zero"], &["c"])]
}

fn zero() -> TensorProto {
    edit::floats("zero", &[], &[0.0])
}

#[test]
fn an_if_whose_branches_differ_in_shape() {
    let mut choice = edit::node("If", &["c"], &["y"]);
    let half = edit::node("ReduceMax", &["x"], &["t"]);
    choice.attribute = vec![
        body("then_branch", &[], vec![half], &["t"]),
        body("else_branch", &[], vec![edit::node("Relu", &["x"], &["e"])], &["e"]),
    ];
    let mut nodes = condition();
    nodes.push(choice);
    let (error, hint) = refused(nodes, vec![zero()]);
    assert_eq!(
        error,
        "node `y/If` (If) cannot be converted: its branches make [1, 1] and [2, 3] (attributes: then_branch=…, else_branch=…)"
    );
    assert_eq!(hint, "branches of equal shapes and types are supported");
}

#[test]
fn an_if_with_alike_branches_selects() {
    let mut choice = edit::node("If", &["c"], &["y"]);
    choice.attribute = vec![
        body("then_branch", &[], vec![edit::node("Relu", &["x"], &["t"])], &["t"]),
        body("else_branch", &[], vec![edit::node("Neg", &["x"], &["e"])], &["e"]),
    ];
    let mut nodes = condition();
    nodes.push(choice);
    let converted = made(&[2, 3], nodes, vec![zero()]).unwrap();
    assert_eq!(converted.operators.get("SELECT_V2"), Some(&1));
}

fn repeated(count: &str) -> NodeProto {
    let mut loop_node = edit::node("Loop", &[count, "", "x"], &["y"]);
    let nodes = vec![
        edit::node("Identity", &["go"], &["going"]),
        edit::node("Relu", &["in"], &["out"]),
    ];
    loop_node.attribute = vec![body("body", &["round", "go", "in"], nodes, &["going", "out"])];
    loop_node
}

#[test]
fn a_loop_whose_count_depends_on_the_data_or_is_beyond_bounds() {
    let mut count = edit::node("Cast", &["s"], &["n"]);
    count.attribute = vec![edit::int_attribute("to", 7)];
    let mut nodes = condition();
    nodes.truncate(1);
    nodes.extend([count, repeated("n")]);
    let (error, hint) = refused(nodes, Vec::new());
    assert_eq!(
        error,
        "node `y/Loop` (Loop) cannot be converted: its count depends on the data, or is left out (attributes: body=…)"
    );
    assert_eq!(
        hint,
        "a Loop with a constant count and a constant condition is supported"
    );
    let many = edit::tensor("n", &[], DataType::Int64, 5000_i64.to_le_bytes().to_vec());
    let (error, hint) = refused(vec![repeated("n")], vec![many]);
    assert!(error.contains("it runs 5000 times"), "{error}");
    assert_eq!(hint, "at most 1024 rounds are written out");
    let few = edit::tensor("n", &[], DataType::Int64, 3_i64.to_le_bytes().to_vec());
    assert!(made(&[2, 3], vec![repeated("n")], vec![few]).is_ok());
}

#[test]
fn texts() {
    let mut words = edit::tensor("words", &[1], DataType::String, Vec::new());
    words.raw_data = None;
    words.string_data = vec![b"one".to_vec().into()];
    let mut places = edit::node("Cast", &["x"], &["places"]);
    places.attribute = vec![edit::int_attribute("to", 7)];
    let nodes = vec![places, edit::node("Gather", &["words", "places"], &["y"])];
    let error = made(&[2, 3], nodes, vec![words]).unwrap_err();
    assert!(error.to_string().contains("`words` is of type string"), "{error}");
}

#[test]
fn another_domain_and_names_that_a_terminal_would_obey() {
    let mut node = edit::node("Fancy\u{1b}[31m", &["x"], &["y"]);
    node.domain = Some("com.example".to_owned());
    node.attribute = vec![edit::float_attribute("slope", 0.5)];
    let (error, hint) = refused(vec![node], Vec::new());
    assert!(
        error.ends_with("its operator is of the domain `com.example`, not of ONNX's own (attributes: slope=0.5)"),
        "{error}"
    );
    assert!(!error.contains('\u{1b}') && !hint.contains('\u{1b}'), "{error}");
}

#[test]
fn a_text_input() {
    let mut notes = Vec::new();
    let error = kinds("names", ElementType::String, &mut notes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`names` is of type string, which the conversion does not do"
    );
    assert_eq!(
        error.hints(),
        ["export the model with float32, int64, int32 or bool inputs and outputs"]
    );
}

#[test]
fn a_tensor_beyond_the_formats_reach() {
    let shape = edit::list("shape", &[1 << 16, 1 << 16]);
    let error = made(
        &[1, 1],
        vec![edit::node("Expand", &["x", "shape"], &["y"])],
        vec![shape],
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a tensor of shape [65536, 65536], too large for the format"),
        "{error}"
    );
}

fn pads(mode: &[u8], pads: &[i64]) -> (Vec<NodeProto>, Vec<TensorProto>) {
    let mut node = edit::node("Pad", &["x", "pads"], &["y"]);
    node.attribute = vec![AttributeProto {
        name: Some("mode".to_owned()),
        r#type: Some(AttributeType::String as i32),
        s: Some(mode.to_vec().into()),
        ..AttributeProto::default()
    }];
    (vec![node], vec![edit::list("pads", pads)])
}

#[test]
fn sizes_that_no_model_needs_take_no_memory() {
    let (nodes, constants) = pads(b"edge", &[0, 0, 0, 1 << 40]);
    let (error, _) = refused(nodes, constants);
    assert!(
        error.contains("it would need a constant of more than 16777216 elements"),
        "{error}"
    );
    let (nodes, constants) = pads(b"constant", &[i64::MIN, 0, i64::MIN, 0]);
    let (error, _) = refused(nodes, constants);
    assert!(error.contains("its pads cut more than there is"), "{error}");
    let node = edit::node("Reshape", &["x", "shape"], &["y"]);
    let (error, _) = refused(vec![node], vec![edit::list("shape", &[1 << 40, 1 << 40])]);
    assert!(error.contains("RESHAPE does not go with shapes [[2, 3]]"), "{error}");
}

#[test]
fn windows_over_nothing_and_steps_beyond_the_data() {
    let mut pool = edit::node("MaxPool", &["x"], &["y"]);
    pool.attribute = vec![
        edit::ints_attribute("kernel_shape", &[1, 1]),
        edit::ints_attribute("strides", &[7, 1 << 40]),
    ];
    let error = made(&[1, 1, 4, 4], vec![pool.clone()], Vec::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("its `strides` has an entry that is negative or beyond 32 bits"),
        "{error}"
    );
    pool.attribute = vec![
        edit::ints_attribute("kernel_shape", &[1, 1]),
        edit::ints_attribute("pads", &[0, 0, 1, 0]),
        edit::int_attribute("ceil_mode", 1),
    ];
    let error = made(&[1, 1, 0, 4], vec![pool], Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input `x` cannot have the shape [1, 1, 0, 4]: engines end where a tensor has no elements"
    );
    let slice = edit::node("Slice", &["x", "start", "end", "axis", "step"], &["y"]);
    let bounds = |step: i64| {
        vec![
            edit::list("start", &[-1]),
            edit::list("end", &[i64::MIN]),
            edit::list("axis", &[0]),
            edit::list("step", &[step]),
        ]
    };
    for size in [1, 5] {
        for step in [-1, -2, i64::MIN] {
            assert!(
                made(&[size, 2], vec![slice.clone()], bounds(step)).is_ok(),
                "{size} by {step}"
            );
        }
    }
}
