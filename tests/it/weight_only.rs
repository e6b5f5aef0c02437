//! `int4` and `int8-weights` on real models, with the real engine.

use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;

use crate::support::derived::Derived;
use crate::support::derived::derived;
use crate::support::derived::derived_from;
use crate::support::derived::digits;
use crate::support::derived::flag;
use crate::support::derived::noise;
use crate::support::derived::number;
use crate::support::derived::write_variants;
use crate::support::onnx::graph;
use crate::support::onnx::integers;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;

/// Writes variants of every model of a folder, for `tests/reference/weight_only_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_weight_only_variants() {
    write_variants("WEIGHT_ONLY", &["int4", "int4-128", "int8-weights"]);
}

fn made(nodes: Vec<NodeProto>, weights: Vec<TensorProto>, x: &[i64], y: &[i64]) -> Vec<u8> {
    let x = value("x", DataType::Float, x);
    model(17, graph(vec![x], nodes, weights, vec![value("y", DataType::Float, y)]))
}

fn close(derived: &Derived, cosine: f64) {
    let found = derived.agreement();
    assert!(found.lowest_cosine > cosine, "{found:?}");
    // Equal outputs would show that nothing was quantized.
    assert!(found.max_abs_error > 0.0, "{found:?}");
}

fn of_rank(derived: &Derived, rank: usize) -> Vec<(String, Vec<i64>)> {
    let proto = derived.proto();
    let initializers = proto.graph.as_ref().unwrap().initializer.iter();
    initializers
        .filter(|tensor| tensor.dims.len() >= rank && tensor.data_type() == DataType::Uint8 as i32)
        .map(|tensor| (tensor.name().to_owned(), tensor.dims.clone()))
        .collect()
}

#[test]
fn trained_models_keep_their_answers() {
    for (name, recipe, cosine, drop, size) in [
        ("digits_mlp", "int4", 0.99, 0.015, 0.17),
        ("digits_mlp", "int4-128", 0.98, 0.03, 0.175),
        ("digits_mlp", "int8-weights", 0.9999, 0.005, 0.30),
        ("digits_vit", "int4", 0.98, 0.02, 0.36),
        ("digits_vit", "int8-weights", 0.9995, 0.005, 0.46),
        ("external_mlp", "int4", 0.98, 1.0, 0.26),
        ("external_mlp", "int8-weights", 0.9995, 1.0, 0.42),
    ] {
        let derived = derived(name, recipe);
        assert!(derived.ratio() <= size, "{name} {recipe}: {}", derived.ratio());
        let found = if name.starts_with("digits") {
            derived.agreement_on(digits(&derived.model))
        } else {
            derived.agreement()
        };
        assert!(found.cosine >= cosine, "{name} {recipe}: {found:?}");
        if let (Some(before), Some(after)) = (found.baseline_top1, found.candidate_top1) {
            assert!(before - after <= drop, "{name} {recipe}: {before} {after}");
        }
    }
}

#[test]
fn bodies_of_subgraphs_are_quantized() {
    let derived = derived("control_flow_if_loop", "int4");
    let proto = derived.proto();
    let scopes = visit::scopes(&proto);
    let products = visit::nodes(&scopes).filter(|(_, node)| node.op_type() == "MatMulNBits");
    assert!(products.filter(|(scope, _)| scopes[*scope].depth > 0).count() >= 2);
    assert!(derived.ratio() < 0.25, "{}", derived.ratio());
    // The other output hangs on the sign of a sum.
    let found = derived.agreement();
    let scans = found.outputs.iter().find(|output| output.name == "scans").unwrap();
    assert!(scans.lowest_cosine > 0.99 && scans.max_abs_error > 0.0, "{found:?}");
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    for (name, recipe) in [("digits_vit", "int4"), ("control_flow_if_loop", "int8-weights")] {
        let once = derived(name, recipe);
        for _ in 0..3 {
            let again = derived(name, recipe);
            assert_eq!(once.variant.files, again.variant.files);
            assert_eq!(once.variant.account, again.variant.account);
        }
    }
}

#[test]
fn every_form_of_gemm_is_quantized() {
    // 40 is no multiple of the block, 33 is odd.
    for (alpha, beta, transpose_a, transpose_b, inner) in [
        (1.0, 1.0, false, false, 40),
        (0.25, 1.0, false, true, 33),
        (-2.0, 0.5, true, false, 64),
        (1.0, 0.0, true, true, 96),
    ] {
        let x = if transpose_a { [inner, 2] } else { [2, inner] };
        let dims = if transpose_b { [64, inner] } else { [inner, 64] };
        let gemm = number(
            number(node("Gemm", &["x", "w", "b"], &["y"]), "alpha", alpha),
            "beta",
            beta,
        );
        let gemm = flag(flag(gemm, "transA", transpose_a.into()), "transB", transpose_b.into());
        let weights = vec![noise("w", &dims, 1), noise("b", &[64], 2)];
        for (recipe, cosine) in [("int4", 0.985), ("int8-weights", 0.9998), ("int4-16", 0.985)] {
            let derived = derived_from(made(vec![gemm.clone()], weights.clone(), &x, &[2, 64]), recipe);
            assert!(derived.operators().contains(&"MatMulNBits".to_owned()));
            close(&derived, cosine);
        }
    }
}

/// A table that is looked up and multiplied by.
fn tied(transposed: bool, width: i64) -> Vec<u8> {
    let mut nodes = vec![node("Gather", &["table", "ids"], &["embedded"])];
    if transposed {
        nodes.push(node("Transpose", &["table"], &["output_table"]));
        nodes.push(node("MatMul", &["embedded", "output_table"], &["product"]));
    } else {
        nodes.push(node("MatMul", &["embedded", "table"], &["product"]));
    }
    nodes.push(node("ReduceSum", &["x"], &["sum"]));
    nodes.push(node("Add", &["product", "sum"], &["y"]));
    let weights = vec![noise("table", &[width, width], 6), integers("ids", &[3], &[5, 0, 39])];
    made(nodes, weights, &[2, 2], &[3, width])
}

#[test]
fn a_tied_table_is_stored_once() {
    for recipe in ["int4", "int8-weights"] {
        let derived = derived_from(tied(true, 64), recipe);
        assert_eq!(of_rank(&derived, 2), [("table_quantized".to_owned(), vec![64, 64])]);
        let operators = derived.operators();
        assert!(
            operators.contains(&"GatherBlockQuantized".to_owned()),
            "{}",
            derived.left()
        );
        assert!(operators.contains(&"MatMulNBits".to_owned()) && !operators.contains(&"Transpose".to_owned()));
        close(&derived, 0.9995);
        // Summed the other way, blocks are others.
        let derived = derived_from(tied(false, 64), recipe);
        assert_eq!(of_rank(&derived, 2).len(), 2);
        close(&derived, 0.98);
    }
}

#[test]
fn what_does_not_fit_stays_with_a_reason() {
    let derived = derived_from(tied(true, 40), "int4");
    insta::assert_snapshot!(derived.left(), @"node producing `embedded` (Gather): its rows of 40 are no whole blocks of 32");
    // The floats are still there, for the table.
    let names: Vec<String> = of_rank(&derived, 3).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["table_quantized"]);
    close(&derived, 0.98);
    let cnn = super::support::derived::derived("digits_cnn", "int4");
    assert!(cnn.left().contains("in products and tables only"), "{}", cnn.left());
}
