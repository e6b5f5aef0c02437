//! `simplify` on real and made models, with the real engine: less to do, the same answers.

use mlbuild::model::Model;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::variant::VariantError;

use crate::support::derived::derived;
use crate::support::derived::derived_from;
use crate::support::derived::try_derived;
use crate::support::onnx::fixture;
use crate::support::onnx::graph;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;

fn floats(name: &str, dims: &[i64], first: f32, step: f32) -> proto::TensorProto {
    let count: i64 = dims.iter().product();
    let values = (0..count).map(|index| first + step * (index % 7) as f32);
    proto::TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(DataType::Float as i32),
        raw_data: Some(values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into()),
        ..Default::default()
    }
}

#[test]
fn real_models_have_less_to_do_and_answer_the_same_to_the_bit() {
    for name in ["digits_vit", "digits_mbv2", "digits_lstm"] {
        let simple = derived(name, "simplify");
        let before = Model::load(&fixture(&format!("{name}.onnx"))).unwrap();
        let operators: u64 = before.facts.op_histogram.values().sum();
        assert!((simple.operators().len() as u64) < operators, "{name}");
        assert!(simple.ratio() < 1.0, "{name}: {}", simple.ratio());
        let agreement = simple.agreement();
        assert_eq!(agreement.max_abs_error, 0.0, "{name}");
        assert_eq!(simple.variant.files, derived(name, "simplify").variant.files);
    }
}

#[test]
fn what_is_simple_already_is_no_new_build() {
    let plain = Model::load(&fixture("digits_cnn.onnx")).unwrap();
    let error = try_derived(plain, "simplify", &[]).err().unwrap();
    assert!(matches!(error, VariantError::NothingToDo { .. }), "{error}");
    // Beside other steps it is no error.
    assert!(derived("digits_cnn", "simplify+fp16").ratio() < 0.51);
}

/// A convolution with everything around it that a file need not hold.
fn cluttered() -> Vec<u8> {
    let nodes = vec![
        node("Identity", &["x"], &["same"]),
        node("Conv", &["same", "w", "b"], &["conv"]),
        node(
            "BatchNormalization",
            &["conv", "scale", "shift", "mean", "var"],
            &["norm"],
        ),
        node("Relu", &["norm"], &["one"]),
        node("Relu", &["norm"], &["other"]),
        node("Add", &["one", "other"], &["sum"]),
        node("Sqrt", &["var"], &["unused"]),
        node("Dropout", &["sum"], &["y"]),
    ];
    let initializers = vec![
        floats("w", &[4, 2, 3, 3], -0.3, 0.1),
        floats("b", &[4], 0.1, 0.2),
        floats("scale", &[4], 0.5, 0.25),
        floats("shift", &[4], -0.1, 0.05),
        floats("mean", &[4], 0.2, 0.1),
        floats("var", &[4], 0.7, 0.3),
    ];
    let graph = graph(
        vec![value("x", DataType::Float, &[1, 2, 8, 8])],
        nodes,
        initializers,
        vec![value("y", DataType::Float, &[1, 4, 6, 6])],
    );
    model(17, graph)
}

#[test]
fn a_convolution_takes_in_what_follows_and_the_rest_goes() {
    let simple = derived_from(cluttered(), "simplify");
    assert_eq!(simple.operators(), ["Conv", "Relu", "Add"]);
    let proto = simple.proto();
    let graph = proto.graph.as_ref().unwrap();
    assert_eq!(graph.initializer.len(), 2, "weights and bias");
    assert_eq!(graph.output[0].name(), "y");
    let agreement = simple.agreement();
    assert!(agreement.max_abs_error < 1e-5, "{agreement:?}");
    assert!(agreement.cosine > 0.999_999, "{agreement:?}");
}

#[test]
fn a_gemm_takes_in_factors_and_summands() {
    let nodes = vec![
        node("Gemm", &["x", "w", "b"], &["gemm"]),
        node("Mul", &["gemm", "factor"], &["scaled"]),
        node("Add", &["shift", "scaled"], &["y"]),
    ];
    let initializers = vec![
        floats("w", &[6, 5], -0.3, 0.1),
        floats("b", &[5], 0.1, 0.2),
        floats("factor", &[1, 5], 0.5, 0.25),
        floats("shift", &[5], -0.1, 0.05),
    ];
    let inputs = vec![value("x", DataType::Float, &[3, 6])];
    let outputs = vec![value("y", DataType::Float, &[3, 5])];
    let simple = derived_from(model(17, graph(inputs, nodes, initializers, outputs)), "simplify");
    assert_eq!(simple.operators(), ["Gemm"]);
    let agreement = simple.agreement();
    assert!(agreement.max_abs_error < 1e-5, "{agreement:?}");
}
