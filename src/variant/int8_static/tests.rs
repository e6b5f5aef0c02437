//! The rules on small graphs.

use std::collections::BTreeMap;

use super::*;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::OperatorSetIdProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::TypeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::tensor_view::TensorView;
use crate::variant::edit::floats;
use crate::variant::edit::int_attribute;
use crate::variant::edit::node;

fn value(name: &str) -> ValueInfoProto {
    let tensor = type_proto::Tensor {
        elem_type: Some(DataType::Float as i32),
        shape: None,
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

fn model(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(17),
        }],
        graph: Some(GraphProto {
            node: nodes,
            initializer: constants,
            input: vec![value("x")],
            output: vec![value("y")],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// A weight of that shape, with values from −1 to 1.
fn weight(name: &str, dims: &[i64]) -> TensorProto {
    let elements = dims.iter().product::<i64>();
    let values: Vec<f32> = (0..elements).map(|index| (index as f32 * 0.7).sin()).collect();
    floats(name, dims, &values)
}

fn wanted(model: &ModelProto) -> Vec<String> {
    let observations = observations(model, Calibration::MinMax, "int8-static").unwrap();
    observations.into_iter().map(|observation| observation.tensor).collect()
}

/// Evidence with one range for all that is wanted.
fn evidence(model: &ModelProto) -> Evidence {
    let range = Range { min: -1.0, max: 3.0 };
    Evidence {
        ranges: wanted(model).into_iter().map(|tensor| (tensor, range)).collect(),
        ..Evidence::default()
    }
}

fn quantized_by(model: &ModelProto, evidence: &Evidence) -> (GraphProto, Account) {
    let (mut model, mut account) = (model.clone(), Account::default());
    quantize(&mut model, evidence, &mut account, "int8-static").unwrap();
    (model.graph.unwrap(), account)
}

fn quantized(model: &ModelProto) -> (GraphProto, Account) {
    quantized_by(model, &evidence(model))
}

/// One line a node: `Conv(x', w, b') → y`, without scales and zero points; `Q` and `D` are those around integers.
fn shown_graph(graph: &GraphProto) -> String {
    let short = |name: &str| {
        name.replace("_QuantizeLinear_Output", ".q")
            .replace("_DequantizeLinear_Output", "'")
            .replace("_QuantizeLinear_Input", ".in")
    };
    let lines = graph.node.iter().map(|node| {
        let (op, inputs) = match node.op_type() {
            "QuantizeLinear" => ("Q", &node.input[..1]),
            "DequantizeLinear" => ("D", &node.input[..1]),
            op => (op, &node.input[..]),
        };
        let inputs: Vec<String> = inputs.iter().map(|name| short(name)).collect();
        let outputs: Vec<String> = node.output.iter().map(|name| short(name)).collect();
        format!("{op}({}) → {}", inputs.join(", "), outputs.join(", "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn left(account: &Account) -> Vec<String> {
    account
        .left
        .iter()
        .map(|left| format!("{}: {}", left.node, left.reason))
        .collect()
}

fn constant(graph: &GraphProto, name: &str) -> Vec<f32> {
    let tensor = graph.initializer.iter().find(|tensor| tensor.name() == name);
    let view = TensorView::of(tensor.unwrap(), &[]).unwrap();
    view.to_f32()
        .unwrap_or_else(|| view.to_i64().unwrap().iter().map(|value| *value as f32).collect())
}

fn stored(graph: &GraphProto) -> Vec<&str> {
    graph.initializer.iter().map(|tensor| tensor.name()).collect()
}

#[test]
fn names_are_canonical() {
    let name = |text: &str| crate::variant::Recipe::parse(text).unwrap().name();
    assert_eq!(
        [
            "int8-static",
            "int8-static-minmax",
            "int8-static-mse",
            "int8-static-entropy"
        ]
        .map(name),
        ["int8-static", "int8-static", "int8-static-mse", "int8-static-entropy"]
    );
    assert!(crate::variant::Recipe::parse("int8-static-kl").is_err());
}

#[test]
fn a_residual_region_is_quantized_as_a_whole() {
    let model = model(
        vec![
            node("Conv", &["x", "w1", "b1"], &["c1"]),
            node("Relu", &["c1"], &["r1"]),
            node("Conv", &["r1", "w2", "b2"], &["c2"]),
            node("Add", &["c2", "r1"], &["s"]),
            node("Relu", &["s"], &["r2"]),
            node("ReduceMean", &["r2"], &["y"]),
        ],
        vec![
            weight("w1", &[2, 1, 3, 3]),
            weight("b1", &[2]),
            weight("w2", &[2, 2, 1, 1]),
            weight("b2", &[2]),
        ],
    );
    // What only a Relu reads is quantized in the range behind it.
    assert_eq!(wanted(&model), ["x", "r1", "c2", "r2"]);
    let (graph, account) = quantized(&model);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w1_quantized) → w1
    D(w2_quantized) → w2
    D(b1_quantized) → b1'
    D(b2_quantized) → b2'
    Q(x) → x.q
    D(x.q) → x'
    Conv(x', w1, b1') → r1
    Q(r1) → r1.q
    D(r1.q) → r1'
    Conv(r1', w2, b2') → c2
    Q(c2) → c2.q
    D(c2.q) → c2'
    Add(c2', r1') → r2
    Q(r2) → r2.q
    D(r2.q) → r2'
    ReduceMean(r2') → y
    ");
    assert_eq!(
        (account.changed, left(&account), account.notes.len()),
        (5, Vec::new(), 0)
    );
    assert!(
        !stored(&graph)
            .iter()
            .any(|name| ["w1", "b1", "w2", "b2"].contains(name))
    );
    assert_eq!(constant(&graph, "x_scale"), [(4.0_f64 / 255.0) as f32]);
    assert_eq!(constant(&graph, "x_zero_point"), [64.0]);
    let (scales, biases) = (constant(&graph, "w1_scale"), constant(&graph, "b1_quantized_scale"));
    assert_eq!(
        biases,
        scales
            .iter()
            .map(|scale| scale * constant(&graph, "x_scale")[0])
            .collect::<Vec<_>>()
    );
}

#[test]
fn inputs_and_outputs_keep_their_names() {
    let model = model(
        vec![node("Gemm", &["x", "w", "b"], &["y"])],
        vec![weight("w", &[3, 4]), weight("b", &[1, 4])],
    );
    let (graph, _) = quantized(&model);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w_quantized) → w
    D(b_quantized) → b'
    Q(x) → x.q
    D(x.q) → x'
    Gemm(x', w, b') → y.in
    Q(y.in) → y.q
    D(y.q) → y
    ");
    assert_eq!(graph.input.len(), 1);
    // One scale a column, and a bias with one dimension.
    assert_eq!(constant(&graph, "w_scale").len(), 4);
    assert_eq!(constant(&graph, "b_quantized").len(), 4);
}

#[test]
fn the_factor_of_a_bias_is_kept() {
    let mut gemm = node("Gemm", &["x", "w", "b"], &["y"]);
    gemm.attribute = vec![edit::float_attribute("beta", 2.0), int_attribute("transB", 1)];
    let doubled = model(vec![gemm.clone()], vec![weight("w", &[4, 3]), weight("b", &[4])]);
    let (graph, _) = quantized(&doubled);
    let scales = constant(&graph, "b_quantized_scale");
    let bias = constant(&graph, "b_quantized");
    for (channel, value) in constant(doubled.graph.as_ref().unwrap(), "b").iter().enumerate() {
        assert!((bias[channel] * scales[channel] - 2.0 * value).abs() <= scales[channel]);
    }
    let made = graph.node.iter().find(|node| node.op_type() == "Gemm").unwrap();
    assert!(edit::attribute(made, "beta").is_none() && edit::attribute(made, "transB").is_some());
    gemm.attribute = vec![edit::float_attribute("alpha", 2.0)];
    let (_, account) = quantized(&model(vec![gemm], vec![weight("w", &[3, 4]), weight("b", &[4])]));
    insta::assert_snapshot!(left(&account).join("\n"), @"node `y/Gemm` (Gemm): it scales its product before it adds its bias (`alpha`)");
}

#[test]
fn a_product_and_its_sum_are_one_where_both_are_matrices() {
    let nodes = vec![
        node("Flatten", &["x"], &["f"]),
        node("MatMul", &["f", "w"], &["m"]),
        node("Add", &["b", "m"], &["s"]),
        node("Relu", &["s"], &["y"]),
    ];
    let joined = model(nodes.clone(), vec![weight("w", &[3, 4]), weight("b", &[4])]);
    assert_eq!(wanted(&joined), ["f", "y"]);
    insta::assert_snapshot!(shown_graph(&quantized(&joined).0), @r"
    D(w_quantized) → w
    D(b_quantized) → b'
    Flatten(x) → f
    Q(f) → f.q
    D(f.q) → f'
    Gemm(f', w, b') → y.in
    Q(y.in) → y.q
    D(y.q) → y
    ");
    // Of unknown rank.
    let mut apart = nodes;
    apart.remove(0);
    apart[0].input[0] = "x".to_owned();
    let apart = model(apart, vec![weight("w", &[3, 4]), weight("b", &[4])]);
    insta::assert_snapshot!(shown_graph(&quantized(&apart).0), @r"
    D(w_quantized) → w
    D(b_quantized) → b
    Q(x) → x.q
    D(x.q) → x'
    MatMul(x', w) → m
    Q(m) → m.q
    D(m.q) → m'
    Add(b, m') → y.in
    Q(y.in) → y.q
    D(y.q) → y
    ");
}

#[test]
fn arithmetic_between_floats_is_left_alone() {
    let model = model(
        vec![
            node("MatMul", &["x", "w1"], &["m1"]),
            node("Add", &["m1", "b1"], &["h"]),
            node("Erf", &["h"], &["e"]),
            node("Mul", &["h", "e"], &["g"]),
            node("MatMul", &["g", "w2"], &["m2"]),
            node("Add", &["m2", "x"], &["s"]),
            node("LayerNormalization", &["s", "scale"], &["y"]),
        ],
        vec![
            weight("w1", &[3, 4]),
            weight("b1", &[4]),
            weight("w2", &[4, 3]),
            weight("scale", &[3]),
        ],
    );
    assert_eq!(wanted(&model), ["x", "g"]);
    let (graph, account) = quantized(&model);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w1_quantized) → w1
    D(w2_quantized) → w2
    Q(x) → x.q
    D(x.q) → x'
    MatMul(x', w1) → m1
    Add(m1, b1) → h
    Erf(h) → e
    Mul(h, e) → g
    Q(g) → g.q
    D(g.q) → g'
    MatMul(g', w2) → m2
    Add(m2, x) → s
    LayerNormalization(s, scale) → y
    ");
    assert_eq!(
        account.notes,
        [
            "int8-static: 3 nodes between others in floats stay so, where integers would only be converted back and forth"
        ]
    );
}

#[test]
fn shared_weights_are_quantized_once_and_biases_for_each() {
    let model = model(
        vec![
            node("Identity", &["w"], &["again"]),
            node("Conv", &["x", "w", "b"], &["c"]),
            node("Conv", &["c", "again", "b"], &["d"]),
            node("Pow", &["b", "b"], &["p"]),
            node("Sub", &["d", "p"], &["y"]),
        ],
        vec![weight("w", &[2, 2, 1, 1]), weight("b", &[2])],
    );
    let (graph, _) = quantized(&model);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w_quantized) → w
    D(b_quantized) → b'
    D(b_quantized_2) → b'_2
    Q(x) → x.q
    D(x.q) → x'
    Conv(x', w, b') → c
    Q(c) → c.q
    D(c.q) → c'
    Conv(c', w, b'_2) → d
    Q(d) → d.q
    D(d.q) → d'
    Pow(b, b) → p
    Sub(d', p) → y
    ");
    // Another reader keeps the floats of the bias.
    insta::assert_snapshot!(stored(&graph).join(" "), @"b x_scale x_zero_point c_scale c_zero_point d_scale d_zero_point w_scale w_zero_point w_quantized b_quantized b_quantized_scale b_quantized_zero_point b_quantized_2 b_quantized_2_scale b_quantized_2_zero_point");
}

#[test]
fn rows_of_a_table_are_gathered_in_integers() {
    let table = weight("table", &[64, 16]);
    let mut indices = edit::list("i", &[1, 2]);
    indices.name = Some("i".to_owned());
    let nodes = vec![
        node("Gather", &["table", "i"], &["rows"]),
        node("Add", &["rows", "x"], &["s"]),
        node("MatMul", &["s", "w"], &["y"]),
    ];
    let model = model(nodes, vec![table, indices, weight("w", &[16, 4])]);
    insta::assert_snapshot!(shown_graph(&quantized(&model).0), @r"
    D(w_quantized) → w
    Q(x) → x.q
    D(x.q) → x'
    Gather(table_quantized, i) → rows.q
    D(rows.q) → rows'
    Add(rows', x') → s
    Q(s) → s.q
    D(s.q) → s'
    MatMul(s', w) → y.in
    Q(y.in) → y.q
    D(y.q) → y
    ");
}

#[test]
fn what_subgraphs_read_is_converted_back_for_them() {
    let mut branch = node("If", &["x"], &["z"]);
    branch.attribute = vec![AttributeProto {
        name: Some("then_branch".to_owned()),
        g: Some(GraphProto {
            node: vec![node("Sub", &["w", "c"], &["z"]), node("MatMul", &["c", "w"], &["n"])],
            output: vec![value("z")],
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    }];
    let model = model(
        vec![
            node("Conv", &["x", "w"], &["c"]),
            branch,
            node("Sub", &["c", "z"], &["y"]),
        ],
        vec![weight("w", &[2, 2, 1, 1])],
    );
    let (graph, account) = quantized(&model);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w_quantized) → w
    Q(x) → x.q
    D(x.q) → x'
    Conv(x', w) → c.in
    Q(c.in) → c.q
    D(c.q) → c
    If(x) → z
    Sub(c, z) → y
    ");
    insta::assert_snapshot!(left(&account).join("\n"), @"node `n/MatMul` (MatMul): it stands in `then_branch` of node `z/If` (If); only the main graph is quantized");
}

#[test]
fn a_clip_that_is_no_range_stays() {
    let clip = |least: f32| {
        let mut constant = node("Constant", &[], &["low"]);
        constant.attribute = vec![edit::float_attribute("value_float", least)];
        model(
            vec![
                constant,
                node("Conv", &["x", "w"], &["c"]),
                node("Clip", &["c", "low"], &["y"]),
            ],
            vec![weight("w", &[2, 2, 1, 1])],
        )
    };
    let (graph, _) = quantized(&clip(0.0));
    assert!(!graph.node.iter().any(|node| node.op_type() == "Clip"));
    let (graph, _) = quantized(&clip(0.5));
    assert!(graph.node.iter().any(|node| node.op_type() == "Clip"));
}

#[test]
fn nodes_stay_in_floats_where_they_must() {
    let model = model(
        vec![
            node("Conv", &["x", "w", "b"], &["c"]),
            node("Relu", &["c"], &["r"]),
            node("Conv", &["r", "w", "b"], &["d"]),
            node("LSTM", &["d"], &["l"]),
            node("MatMul", &["l", "bad"], &["m"]),
            node("Conv", &["m", "l"], &["y"]),
        ],
        vec![
            weight("w", &[2, 2, 1, 1]),
            weight("b", &[2]),
            floats("bad", &[1, 2], &[f32::NAN, 0.0]),
        ],
    );
    let mut known = evidence(&model);
    let (_, account) = quantized_by(&model, &known);
    insta::assert_snapshot!(left(&account).join("\n"), @r"
    node `l/LSTM` (LSTM): engines have no integer form of it with calibrated ranges; `int8` quantizes LSTM by the data it meets
    node `m/MatMul` (MatMul): its weights are not all finite
    node `y/Conv` (Conv): its weights are no constants in 32-bit floats
    ");
    known.ranges.remove("d");
    let (_, account) = quantized_by(&model, &known);
    assert!(
        left(&account)[0].contains("calibration never reached `d`"),
        "{:?}",
        left(&account)
    );
    known = evidence(&model);
    known.ranges.insert(
        "x".to_owned(),
        Range {
            min: f32::NEG_INFINITY,
            max: 1.0,
        },
    );
    let (graph, account) = quantized_by(&model, &known);
    assert!(
        left(&account)[0].contains("no finite range for `x`"),
        "{:?}",
        left(&account)
    );
    assert_eq!(account.changed, 1);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w_quantized) → w
    D(b_quantized) → b'
    Conv(x, w, b) → c
    Relu(c) → r
    Q(r) → r.q
    D(r.q) → r'
    Conv(r', w, b') → d
    Q(d) → d.q
    D(d.q) → d'
    LSTM(d') → l
    MatMul(l, bad) → m
    Conv(m, l) → y
    ");
}

#[test]
fn a_node_in_floats_takes_what_belongs_to_it_along() {
    let model = model(
        vec![
            node("Conv", &["x", "w"], &["c1"]),
            node("Conv", &["c1", "w"], &["c2"]),
            node("Add", &["c1", "c2"], &["s"]),
            node("Relu", &["s"], &["r"]),
            node("Conv", &["r", "w"], &["y"]),
        ],
        vec![weight("w", &[2, 2, 1, 1])],
    );
    let names = compute_nodes(&model, "mixed").unwrap();
    assert_eq!(names, ["c1/Conv", "c2/Conv", "y/Conv"]);
    let mut known = evidence(&model);
    known.in_float = BTreeMap::from([("c2/Conv".to_owned(), "it costs too much accuracy".to_owned())]);
    let (graph, account) = quantized_by(&model, &known);
    insta::assert_snapshot!(shown_graph(&graph), @r"
    D(w_quantized) → w
    Q(x) → x.q
    D(x.q) → x'
    Conv(x', w) → c1
    Q(c1) → c1.q
    D(c1.q) → c1'
    Conv(c1', w) → c2
    Add(c1', c2) → s
    Relu(s) → r
    Q(r) → r.q
    D(r.q) → r'
    Conv(r', w) → y.in
    Q(y.in) → y.q
    D(y.q) → y
    ");
    assert_eq!(left(&account), ["node `c2/Conv` (Conv): it costs too much accuracy"]);
}

#[test]
fn weights_listed_as_inputs_are_weights() {
    let mut listed = model(
        vec![node("Conv", &["x", "w"], &["y"])],
        vec![weight("w", &[2, 2, 1, 1])],
    );
    listed.ir_version = Some(3);
    if let Some(graph) = &mut listed.graph {
        graph.input.push(value("w"));
    }
    let (graph, _) = quantized(&listed);
    let inputs: Vec<&str> = graph.input.iter().map(|input| input.name()).collect();
    assert_eq!(inputs[..1], ["x"]);
    assert_eq!(inputs[1..], stored(&graph));
}

#[test]
fn refuses_what_is_quantized_and_says_where_nothing_is_to_be_done() {
    let done = model(vec![node("QuantizeLinear", &["x", "s"], &["y"])], Vec::new());
    let error = quantize(
        &mut done.clone(),
        &Evidence::default(),
        &mut Account::default(),
        "int8-static",
    )
    .unwrap_err();
    assert!(error.to_string().contains("is quantized already"), "{error}");
    let plain = model(vec![node("Add", &["x", "x"], &["y"])], Vec::new());
    let (graph, account) = quantized(&plain);
    assert_eq!((account.changed, &graph), (0, plain.graph.as_ref().unwrap()));
}
