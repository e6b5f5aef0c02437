//! `int8` on real models, with the real engine: what it costs, what it saves, what it leaves and why.

use mlbuild::hint::Hint as _;
use mlbuild::model::Model;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::GraphProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::attribute_proto::AttributeType;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;

use crate::support::derived::Derived;
use crate::support::derived::derived;
use crate::support::derived::derived_from;
use crate::support::derived::digits;
use crate::support::derived::flag;
use crate::support::derived::noise;
use crate::support::derived::number;
use crate::support::derived::try_derived;
use crate::support::derived::write_variants;
use crate::support::onnx::fixture;
use crate::support::onnx::graph;
use crate::support::onnx::integers;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;

/// Writes variants of every model of a folder, for `tests/reference/int8_dynamic_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_int8_variants() {
    write_variants("INT8", &["int8", "int8-tensor", "int8-conv"]);
}

/// `x` of `[2, 32]` through `nodes` to `y`.
fn made(nodes: Vec<NodeProto>, weights: Vec<TensorProto>, y: &[i64]) -> Vec<u8> {
    let x = value("x", DataType::Float, &[2, 32]);
    model(17, graph(vec![x], nodes, weights, vec![value("y", DataType::Float, y)]))
}

fn close(derived: &Derived) {
    let found = derived.agreement();
    assert!(found.lowest_cosine > 0.9995, "{found:?}");
    // Equal outputs would show that nothing was quantized.
    assert!(found.max_abs_error > 0.0, "{found:?}");
}

#[test]
fn trained_models_keep_their_answers() {
    for (name, recipe, cosine, size) in [
        ("digits_mlp", "int8", 0.9999, 0.275),
        ("digits_mlp", "int8-tensor", 0.9999, 0.268),
        ("digits_vit", "int8", 0.999, 0.42),
        ("digits_vit", "int8-tensor", 0.999, 0.40),
        ("digits_lstm", "int8", 0.9995, 0.295),
        ("digits_lstm", "int8-tensor", 0.9995, 0.275),
        ("digits_cnn", "int8-conv", 0.9999, 0.27),
        ("digits_mbv2", "int8-conv", 0.9995, 0.52),
    ] {
        let derived = derived(name, recipe);
        assert!(derived.ratio() <= size, "{name} {recipe}: {}", derived.ratio());
        let found = derived.agreement_on(digits(&derived.model));
        assert!(found.cosine >= cosine, "{name} {recipe}: {found:?}");
        let (before, after) = (found.baseline_top1.unwrap(), found.candidate_top1.unwrap());
        assert!((before - after).abs() <= 0.005, "{name} {recipe}: {before} {after}");
    }
}

#[test]
fn bodies_of_subgraphs_are_quantized() {
    let derived = derived("control_flow_if_loop", "int8");
    assert!(derived.ratio() < 0.40, "{}", derived.ratio());
    let proto = derived.proto();
    let scopes = visit::scopes(&proto);
    let products = visit::nodes(&scopes).filter(|(_, node)| node.op_type() == "MatMulInteger");
    assert!(products.filter(|(scope, _)| scopes[*scope].depth > 0).count() >= 2);
    let found = derived.agreement();
    assert!(found.lowest_cosine > 0.999, "{found:?}");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    for (name, recipe) in [
        ("digits_vit", "int8"),
        ("control_flow_if_loop", "int8"),
        ("digits_mbv2", "int8-conv"),
    ] {
        let once = derived(name, recipe);
        for _ in 0..3 {
            let again = derived(name, recipe);
            assert_eq!(once.variant.files, again.variant.files);
            assert_eq!(once.variant.account, again.variant.account);
        }
    }
}

#[test]
fn convolutions_stay_and_say_why() {
    let cnn = derived("digits_cnn", "int8");
    assert!(cnn.operators().contains(&"Conv".to_owned()));
    assert!(
        cnn.left()
            .contains("slower than in floats; `int8-static` makes them faster"),
        "{}",
        cnn.left()
    );
    let all = derived("digits_cnn", "int8-conv");
    let convs = all.operators().iter().filter(|operator| *operator == "Conv").count();
    // The first is too small.
    assert_eq!(convs, 1, "{}", all.left());
    assert!(all.variant.account.notes[0].contains("Conv nodes compute in dynamic 8 bits"));
}

#[test]
fn every_form_of_gemm_is_quantized() {
    for (alpha, beta, transpose_a, transpose_b) in [
        (1.0, 1.0, false, false),
        (0.25, 1.0, false, true),
        (-2.0, 0.5, false, false),
        (1.0, 0.0, true, true),
        (1.5, -3.0, true, false),
    ] {
        let (inner, rows) = if transpose_a { (2, 32) } else { (32, 2) };
        let columns = 1024;
        let dims = if transpose_b {
            [columns, inner]
        } else {
            [inner, columns]
        };
        let gemm = number(
            number(node("Gemm", &["x", "w", "b"], &["y"]), "alpha", alpha),
            "beta",
            beta,
        );
        let gemm = flag(flag(gemm, "transA", transpose_a.into()), "transB", transpose_b.into());
        let weights = vec![noise("w", &dims, 1), noise("b", &[columns], 2)];
        let derived = derived_from(made(vec![gemm], weights, &[rows, columns]), "int8");
        assert!(derived.operators().contains(&"MatMulInteger".to_owned()));
        close(&derived);
    }
}

#[test]
fn shared_weights_serve_every_reader() {
    // One weight in both orientations, one of them at another scale, and a reader in floats.
    let second = flag(number(node("Gemm", &["a", "w"], &["b"]), "alpha", 2.0), "transB", 1);
    let nodes = vec![
        node("MatMul", &["x", "w"], &["a"]),
        second,
        node("MatMul", &["b", "w"], &["c"]),
        node("Mul", &["w", "w"], &["squares"]),
        node("ReduceMean", &["squares"], &["mean"]),
        node("Add", &["c", "mean"], &["y"]),
    ];
    let derived = derived_from(made(nodes, vec![noise("w", &[32, 32], 3)], &[2, 32]), "int8");
    close(&derived);
    let proto = derived.proto();
    let names: Vec<&str> = proto
        .graph
        .as_ref()
        .unwrap()
        .initializer
        .iter()
        .map(TensorProto::name)
        .collect();
    // The floats stay for `Mul`; the plain product's integers are there once, the transposed ones beside them.
    assert_eq!(names, ["w", "w_quantized", "w_scale", "w_quantized_2", "w_scale_2"]);
}

#[test]
fn an_activation_is_quantized_once() {
    let nodes = vec![
        node("MatMul", &["x", "v"], &["a"]),
        node("MatMul", &["x", "w"], &["b"]),
        node("Add", &["a", "b"], &["y"]),
    ];
    let weights = vec![noise("v", &[32, 32], 4), noise("w", &[32, 32], 5)];
    let derived = derived_from(made(nodes, weights, &[2, 32]), "int8");
    let operators = derived.operators();
    let count = |name: &str| operators.iter().filter(|operator| *operator == name).count();
    assert_eq!((count("DynamicQuantizeLinear"), count("MatMulInteger")), (1, 2));
    close(&derived);
}

fn tied(transposed: bool) -> Vec<u8> {
    let mut nodes = vec![node("Gather", &["table", "ids"], &["embedded"])];
    if transposed {
        nodes.push(node("Transpose", &["table"], &["output_table"]));
        nodes.push(node("MatMul", &["embedded", "output_table"], &["product"]));
    } else {
        nodes.push(node("MatMul", &["embedded", "table"], &["product"]));
    }
    nodes.push(node("ReduceSum", &["x"], &["sum"]));
    nodes.push(node("Add", &["product", "sum"], &["y"]));
    let weights = vec![noise("table", &[40, 40], 6), integers("ids", &[3], &[5, 0, 39])];
    made(nodes, weights, &[3, 40])
}

#[test]
fn a_tied_table_is_stored_once() {
    for transposed in [false, true] {
        for recipe in ["int8", "int8-tensor"] {
            let derived = derived_from(tied(transposed), recipe);
            let proto = derived.proto();
            let large: Vec<(&str, i32)> = proto
                .graph
                .as_ref()
                .unwrap()
                .initializer
                .iter()
                .filter(|tensor| tensor.dims.len() == 2)
                .map(|tensor| (tensor.name(), tensor.data_type()))
                .collect();
            assert_eq!(large, [("table_quantized", DataType::Int8 as i32)]);
            close(&derived);
        }
    }
}

#[test]
fn an_outer_weight_is_quantized_where_it_is_defined() {
    let body = GraphProto {
        name: Some("then".to_owned()),
        node: vec![node("MatMul", &["x", "w"], &["t"])],
        output: vec![value("t", DataType::Float, &[2, 32])],
        ..GraphProto::default()
    };
    let other = GraphProto {
        name: Some("else".to_owned()),
        node: vec![node("MatMul", &["h", "w"], &["e"])],
        output: vec![value("e", DataType::Float, &[2, 32])],
        ..GraphProto::default()
    };
    let branch = |name: &str, body: GraphProto| AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(body),
        ..AttributeProto::default()
    };
    let mut choice = node("If", &["positive"], &["chosen"]);
    choice.attribute = vec![branch("then_branch", body), branch("else_branch", other)];
    let nodes = vec![
        node("ReduceSum", &["x"], &["sum"]),
        node("Sub", &["sum", "sum"], &["zero"]),
        flag(node("Cast", &["sum"], &["one"]), "to", DataType::Float as i64),
        node("Greater", &["one", "zero"], &["wide"]),
        node("Squeeze", &["wide"], &["positive"]),
        node("Neg", &["x"], &["h"]),
        choice,
        node("MatMul", &["chosen", "w"], &["y"]),
    ];
    let derived = derived_from(made(nodes, vec![noise("w", &[32, 32], 7)], &[2, 32]), "int8");
    let proto = derived.proto();
    let graph = proto.graph.as_ref().unwrap();
    let names: Vec<&str> = graph.initializer.iter().map(TensorProto::name).collect();
    assert_eq!(names, ["w_quantized", "w_scale"]);
    close(&derived);
}

#[test]
fn attention_is_quantized() {
    let mut attention = flag(node("Attention", &["x3", "w", "b"], &["y3"]), "num_heads", 4);
    attention.domain = Some("com.microsoft".to_owned());
    let nodes = vec![
        node("Unsqueeze", &["x", "front"], &["x3"]),
        attention,
        node("Squeeze", &["y3", "front"], &["y"]),
    ];
    let weights = vec![
        noise("w", &[32, 96], 8),
        noise("b", &[96], 9),
        integers("front", &[1], &[0]),
    ];
    let bytes = made(nodes, weights, &[2, 32]);
    for recipe in ["int8", "int8-tensor"] {
        let mut proto: mlbuild::model::onnx::proto::ModelProto = prost::Message::decode(&*bytes).unwrap();
        proto
            .opset_import
            .push(mlbuild::model::onnx::proto::OperatorSetIdProto {
                domain: Some("com.microsoft".to_owned()),
                version: Some(1),
            });
        let derived = derived_from(prost::Message::encode_to_vec(&proto), recipe);
        assert!(
            derived.operators().contains(&"QAttention".to_owned()),
            "{}",
            derived.left()
        );
        close(&derived);
    }
}

#[test]
fn every_node_that_stays_has_a_reason() {
    let nodes = vec![
        node("MatMul", &["x", "small"], &["a"]),
        node("Transpose", &["x"], &["t"]),
        node("MatMul", &["a", "t"], &["b"]),
        node("MatMul", &["b", "endless"], &["c"]),
        node("MatMul", &["c", "w"], &["y"]),
    ];
    let mut endless = noise("endless", &[2, 1024], 10);
    endless.float_data[7] = f32::INFINITY;
    let weights = vec![noise("small", &[32, 32 - 1], 11), endless, noise("w", &[1024, 4], 12)];
    // `a` is 31 wide, so `b` would not be defined: only what the pass says is of interest, nothing is run.
    let derived = derived_from(made(nodes, weights, &[2, 4]), "int8");
    insta::assert_snapshot!(derived.left(), @r"
    node producing `a` (MatMul): its 992 weights are too few to be worth the nodes around them
    node producing `b` (MatMul): its weights are computed, no constant
    node producing `c` (MatMul): its weights hold infinities or NaN
    ");
}

#[test]
fn says_what_it_cannot_do() {
    let complaint = |bytes: Vec<u8>, recipe: &str| {
        let model = Model::from_bytes(std::path::Path::new("made.onnx"), bytes.into()).unwrap();
        let Err(error) = try_derived(model, recipe, &[]) else {
            return "nothing wrong".to_owned();
        };
        std::iter::once(error.to_string())
            .chain(error.hints())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let plain = || made(vec![node("Relu", &["x"], &["y"])], Vec::new(), &[2, 32]);
    let quantized = std::fs::read(fixture("digits_mlp.onnx")).unwrap();
    let once = derived_from(quantized, "int8").variant.files[0].bytes.to_vec();
    insta::assert_snapshot!(
        [complaint(plain(), "int8"), complaint(once, "int8-tensor")].join("\n"),
        @r"
    int8 finds nothing to do: nothing in the model can be changed (weights in 8 bits, activations quantized while the model runs); leave this step out
    int8-tensor needs a model in floats, and node `f_quantized/DynamicQuantizeLinear` (DynamicQuantizeLinear) is quantized already; start from the model in floats that it was made from
    "
    );
}
