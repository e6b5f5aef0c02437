//! `smooth` on models with outliers in their activations, with the real engine: the same numbers, and better ones once quantized.

use std::collections::BTreeMap;
use std::path::Path;

use mlbuild::files::write_atomic;
use mlbuild::model::Model;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::variant::Evidence;
use mlbuild::variant::Recipe;
use mlbuild::variant::Statistic;
use prost::Message as _;

use crate::support::derived::Derived;
use crate::support::derived::flag;
use crate::support::derived::noise;
use crate::support::derived::samples;
use crate::support::derived::try_derived;
use crate::support::onnx::graph;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;
use crate::support::runtime;

/// Gains of a normalization, a few of them huge.
fn gains(name: &str) -> TensorProto {
    let mut gains = noise(name, &[64], 21);
    for (channel, gain) in gains.float_data.iter_mut().enumerate() {
        *gain = if channel % 23 == 5 { 60.0 } else { 1.0 + *gain / 4.0 };
    }
    gains
}

fn normalization(output: &str) -> NodeProto {
    flag(
        node("LayerNormalization", &["x", "gain", "offset"], &[output]),
        "axis",
        -1,
    )
}

/// `x` through `nodes` to `y`.
fn made(nodes: Vec<NodeProto>, outputs: &[&str]) -> Model {
    let mut out = noise("out", &[16, 96], 25);
    out.dims = vec![16, 96];
    let weights = vec![
        gains("gain"),
        noise("offset", &[64], 22),
        noise("v", &[64, 96], 23),
        noise("w", &[96, 64], 24),
        noise("b", &[96], 26),
        out,
    ];
    let outputs = outputs
        .iter()
        .map(|name| value(name, DataType::Float, &[8, -1]))
        .collect();
    let x = value("x", DataType::Float, &[8, 64]);
    let bytes = model(17, graph(vec![x], nodes, weights, outputs));
    Model::from_bytes(Path::new("made.onnx"), bytes.into()).unwrap()
}

/// Two products, one of them a transposing `Gemm`, of what `nodes` end in.
fn with_products(mut nodes: Vec<NodeProto>) -> Vec<NodeProto> {
    nodes.extend([
        node("MatMul", &["n", "v"], &["p"]),
        flag(node("Gemm", &["n", "w", "b"], &["q"]), "transB", 1),
        node("Mul", &["p", "q"], &["m"]),
        node("Tanh", &["m"], &["t"]),
        flag(node("Gemm", &["t", "out"], &["y"]), "transB", 1),
    ]);
    nodes
}

/// Largest magnitudes of the channels of `tensor`, over made-up samples.
fn observed(model: &Model, tensor: &str) -> Vec<f32> {
    let mut proto = model.onnx().unwrap().clone();
    let output = value(tensor, DataType::Float, &[-1, -2]);
    proto.graph.as_mut().unwrap().output.push(output);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_atomic(&path, &proto.encode_to_vec()).unwrap();
    let samples = samples(model, 8);
    let mut worker = runtime::worker();
    worker
        .load(&runtime::artifact(&path), &runtime::settings(), &samples[0])
        .unwrap();
    let mut maxima: Vec<f32> = Vec::new();
    for sample in &samples {
        let outputs = worker.infer(sample).unwrap();
        let found = outputs.iter().find(|output| output.name == tensor).unwrap();
        let width = *found.shape.last().unwrap() as usize;
        maxima.resize(width, 0.0);
        for (place, value) in found.to_f64().unwrap().iter().enumerate() {
            maxima[place % width] = maxima[place % width].max(value.abs() as f32);
        }
    }
    maxima
}

fn smoothed(model: &Model, recipe: &str) -> Derived {
    let pass = &Recipe::parse(recipe).unwrap().steps[0].pass;
    let wanted = pass.wanted(model.onnx().unwrap()).unwrap();
    assert!(wanted.search.is_none());
    let channels: BTreeMap<String, Vec<f32>> = wanted
        .observations
        .iter()
        .map(|observation| {
            assert_eq!(observation.statistic, Statistic::ChannelMaxima { axis: -1 });
            (observation.tensor.clone(), observed(model, &observation.tensor))
        })
        .collect();
    let evidence = Evidence {
        channels,
        ..Evidence::default()
    };
    try_derived(model.clone(), recipe, &[evidence]).unwrap()
}

fn same_and_better(model: &Model, expected: &[&str]) {
    let smooth = smoothed(model, "smooth");
    assert_eq!(smooth.operators(), expected, "{}", smooth.left());
    let found = smooth.agreement();
    assert!(
        found.lowest_cosine > 0.999_999 && found.max_abs_error < 1e-3,
        "{found:?}"
    );
    for quantized in ["int8", "int8-tensor"] {
        let plain = try_derived(model.clone(), quantized, &[]).unwrap().agreement();
        let both = smoothed(model, &format!("smooth+{quantized}")).agreement();
        assert!(
            1.0 - both.cosine < (1.0 - plain.cosine) / 2.0,
            "{quantized}: {} is no better than {}",
            both.cosine,
            plain.cosine
        );
    }
}

#[test]
fn a_normalization_takes_the_division_in() {
    let model = made(with_products(vec![normalization("n")]), &["y"]);
    let expected = ["LayerNormalization", "MatMul", "Gemm", "Mul", "Tanh", "Gemm"];
    same_and_better(&model, &expected);
    let smooth = smoothed(&model, "smooth");
    let proto = smooth.proto();
    let names: Vec<&str> = proto
        .graph
        .as_ref()
        .unwrap()
        .initializer
        .iter()
        .map(TensorProto::name)
        .collect();
    assert_eq!(
        names,
        ["b", "out", "gain_smooth", "offset_smooth", "v_smooth", "w_smooth"]
    );
    insta::assert_snapshot!(smooth.left(), @"node producing `y` (Gemm): what makes its input does not end in a constant for each channel");
}

#[test]
fn a_decomposed_normalization_takes_the_division_in() {
    let nodes = vec![
        node("Neg", &["x"], &["normalized"]),
        node("Mul", &["normalized", "gain"], &["scaled"]),
        node("Add", &["scaled", "offset"], &["n"]),
    ];
    let expected = ["Neg", "Mul", "Add", "MatMul", "Gemm", "Mul", "Tanh", "Gemm"];
    same_and_better(&made(with_products(nodes), &["y"]), &expected);
}

#[test]
fn another_reader_keeps_what_it_reads() {
    let model = made(with_products(vec![normalization("n")]), &["y", "n"]);
    let smooth = smoothed(&model, "smooth");
    let expected = ["LayerNormalization", "Mul", "MatMul", "Gemm", "Mul", "Tanh", "Gemm"];
    assert_eq!(smooth.operators(), expected);
    assert_eq!(
        smooth.variant.account.notes,
        ["smooth: 1 Mul nodes divide activations that other nodes read as they are"]
    );
    let found = smooth.agreement();
    assert_eq!(found.outputs[1].max_abs_error, 0.0);
    assert!(found.lowest_cosine > 0.999_999, "{found:?}");
}

#[test]
fn alpha_says_who_bears_the_outliers() {
    let model = made(with_products(vec![normalization("n")]), &["y"]);
    let spread = |recipe: &str| {
        let proto: ModelProto = smoothed(&model, recipe).proto();
        let graph = proto.graph.unwrap();
        let gain = graph
            .initializer
            .iter()
            .find(|tensor| tensor.name() == "gain_smooth")
            .unwrap();
        let values: Vec<f32> = gain
            .raw_data()
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()).abs())
            .collect();
        let largest = values.iter().copied().fold(0.0, f32::max);
        largest / values.iter().sum::<f32>() * values.len() as f32
    };
    assert!(spread("smooth-0.2") > 1.5 * spread("smooth"));
    assert!(spread("smooth") > 1.5 * spread("smooth-0.9"));
}

#[test]
fn it_needs_to_know_the_model_at_work() {
    let model = made(with_products(vec![normalization("n")]), &["y"]);
    let error = try_derived(model.clone(), "smooth", &[]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "smooth needs to know what running the model on calibration data tells"
    );
    let error = try_derived(model, "smooth", &[Evidence::default()]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "smooth needs to know the largest magnitudes of the 64 channels of tensor `n`"
    );
}
