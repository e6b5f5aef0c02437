//! `prune-structured`: channels of real models go, with all that lies along them, and the engine runs the smaller model.

use std::path::Path;

use mlbuild::model::Model;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::attribute_proto::AttributeType;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::variant::Variant;

use crate::prune::decoded;
use crate::prune::judged;
use crate::prune::large;
use crate::prune::load;
use crate::prune::made;
use crate::prune::right;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::onnx::graph;
use crate::support::onnx::integers;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;

#[test]
fn a_quarter_of_the_channels_goes() {
    for (name, least, largest) in [
        ("digits_mlp", 0.95, 0.65),
        ("digits_cnn", 0.92, 0.78),
        ("digits_mbv2", 0.55, 0.80),
        ("digits_vit", 0.88, 0.90),
    ] {
        let model = load(name);
        let variant = made(&model, "prune-structured-0.25").unwrap();
        let (before, after) = right(name, &variant);
        assert!(
            after >= least && before >= after - 0.02,
            "{name}: {before} became {after}"
        );
        let size = variant.size().0 as f64 / model.size().0 as f64;
        assert!(size < largest, "{name}: {size}");
        assert!(variant.account.notes[1].contains("fine-tuning above 0.25"));
        let small = Model::from_bytes(&model.path, variant.files[0].bytes.clone()).unwrap();
        assert!(small.facts.parameters < model.facts.parameters, "{name}");
        assert_eq!(
            (&small.facts.inputs, &small.facts.outputs),
            (&model.facts.inputs, &model.facts.outputs)
        );
        assert_eq!(
            made(&model, "prune-structured-0.25").unwrap().files,
            variant.files,
            "{name}"
        );
    }
}

#[test]
fn every_ratio_gives_a_model_that_runs() {
    for name in ["digits_mlp", "digits_cnn", "digits_mbv2", "digits_vit"] {
        let mut smaller = u64::MAX;
        for settings in ["0.10", "0.50-all", "0.99-all"] {
            let variant = made(&load(name), &format!("prune-structured-{settings}")).unwrap();
            judged(name, &variant);
            assert!(variant.size().0 < smaller, "{name} {settings}");
            smaller = variant.size().0;
        }
    }
}

#[test]
fn large_models_run_with_fewer_channels() {
    for (name, largest) in [
        ("mobilenetv2_like", 0.75),
        ("light_squeezenet_seeded", 0.85),
        ("bert_mini_like", 0.95),
    ] {
        let Some(model) = large(name) else { continue };
        let variant = made(&model, "prune-structured-0.25").unwrap();
        let size = variant.size().0 as f64 / model.size().0 as f64;
        assert!(size < largest, "{name}: {size}");
        let reloaded = Model::from_bytes(&model.path, variant.files[0].bytes.clone()).unwrap();
        assert_eq!(
            (&reloaded.facts.inputs, &reloaded.facts.outputs),
            (&model.facts.inputs, &model.facts.outputs)
        );
        if name == "light_squeezenet_seeded" {
            difference(&model, &variant);
        }
    }
}

#[test]
fn residual_connections_stay_unless_all_is_asked_for() {
    let model = load("digits_cnn");
    let variant = made(&model, "prune-structured-0.25").unwrap();
    let residual = variant
        .account
        .left
        .iter()
        .filter(|left| left.reason.contains("a residual connection"))
        .count();
    assert_eq!(residual, 6, "{:?}", variant.account.left);
    let all = made(&model, "prune-structured-0.25-all").unwrap();
    assert!(all.size().0 * 100 < model.size().0 * 60);
    assert_eq!(all.account.left.len(), 1, "{:?}", all.account.left);
}

#[test]
fn bodies_and_functions_keep_what_they_read() {
    let model = load("control_flow_if_loop");
    match made(&model, "prune-structured-0.50") {
        Ok(variant) => {
            judged("control_flow_if_loop", &variant);
        }
        Err(error) => assert!(error.to_string().contains("finds nothing to do: node"), "{error}"),
    }
    let error = made(&load("kitchen_sink"), "prune-structured-0.50").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("finds nothing to do: node `mm2` (MatMul): its channels go to"),
        "{error}"
    );
}

/// Tensors of numbers made by counting.
struct Maker {
    state: u64,
    tensors: Vec<TensorProto>,
}

impl Maker {
    /// A tensor with every second index of `axis` zero.
    fn tensor(&mut self, name: &str, dims: &[i64], axis: Option<usize>) {
        let count: i64 = dims.iter().product();
        let inner = |axis: usize| dims[axis + 1..].iter().product::<i64>();
        let mut bytes = Vec::new();
        for at in 0..count {
            self.state = self
                .state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let number = (self.state >> 40) as f32 / (1 << 24) as f32 - 0.4;
            let is_zero = axis.is_some_and(|axis| at / inner(axis) % dims[axis] % 2 == 1);
            bytes.extend(if is_zero { 0.0_f32 } else { number }.to_le_bytes());
        }
        self.tensors.push(TensorProto {
            name: Some(name.to_owned()),
            dims: dims.to_vec(),
            data_type: Some(DataType::Float as i32),
            raw_data: Some(bytes.into()),
            ..TensorProto::default()
        });
    }
}

fn with(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let kind = if ints.len() == 1 {
        AttributeType::Int
    } else {
        AttributeType::Ints
    };
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind as i32),
        i: (ints.len() == 1).then(|| ints[0]),
        ints: if ints.len() == 1 { Vec::new() } else { ints.to_vec() },
        ..AttributeProto::default()
    });
    node
}

/// Something of everything that channels are followed through. Every second channel of each layer is zero, so that nothing changes when these
/// go.
fn everything() -> Vec<u8> {
    let mut maker = Maker {
        state: 7,
        tensors: vec![integers("flat", &[2], &[0, -1])],
    };
    for (name, dims, axis) in [
        ("w1", &[8, 3, 3, 3][..], Some(0)),
        ("b1", &[8], Some(0)),
        ("scale", &[8], None),
        ("shift", &[8], Some(0)),
        ("mean", &[8], Some(0)),
        ("w2", &[8, 8, 3, 3], Some(0)),
        ("slope", &[8, 1, 1], None),
        ("wd", &[16, 1, 3, 3], None),
        ("w3", &[8, 16, 1, 1], Some(0)),
        ("wt", &[8, 8, 2, 2], Some(1)),
        ("w4", &[8, 16, 3, 3], Some(0)),
        ("shared", &[8], Some(0)),
        ("w5", &[8, 8, 1, 1], Some(0)),
        ("w6", &[8, 128], Some(0)),
        ("w7", &[8, 16], Some(1)),
        ("w8", &[16, 5], None),
        ("b8", &[5], None),
    ] {
        maker.tensor(name, dims, axis);
    }
    let mut variance = maker
        .tensors
        .iter()
        .find(|tensor| tensor.name() == "scale")
        .unwrap()
        .clone();
    variance.name = Some("variance".to_owned());
    variance.raw_data = Some(
        (0..8_u8)
            .flat_map(|at| (0.5 + f32::from(at)).to_le_bytes())
            .collect::<Vec<u8>>()
            .into(),
    );
    maker.tensors.push(variance);
    let pads = &[1, 1, 1, 1][..];
    let mut nodes = vec![
        with(node("Conv", &["x", "w1", "b1"], &["c1"]), "pads", pads),
        node(
            "BatchNormalization",
            &["c1", "scale", "shift", "mean", "variance"],
            &["n1"],
        ),
        node("Relu", &["n1"], &["r1"]),
        with(node("Conv", &["r1", "w2", "shared"], &["c2"]), "pads", pads),
        node("PRelu", &["c2", "slope"], &["r2"]),
        // A residual connection.
        node("Add", &["r1", "r2"], &["a2"]),
        with(
            with(node("MaxPool", &["a2"], &["p2"]), "kernel_shape", &[2, 2]),
            "strides",
            &[2, 2],
        ),
        // Two filters a channel.
        with(with(node("Conv", &["p2", "wd"], &["d2"]), "group", &[8]), "pads", pads),
        node("Conv", &["d2", "w3", "shared"], &["c3"]),
        with(
            with(node("ConvTranspose", &["c3", "wt"], &["t3"]), "strides", &[2, 2]),
            "kernel_shape",
            &[2, 2],
        ),
        with(node("Concat", &["t3", "a2"], &["k3"]), "axis", &[1]),
        with(node("Conv", &["k3", "w4"], &["c4"]), "pads", pads),
        node("Conv", &["c4", "w5"], &["c5"]),
        // As squeeze and excitation multiply.
        node("ReduceMean", &["c5"], &["m5"]),
        node("Mul", &["c5", "m5"], &["s5"]),
        node("Reshape", &["s5", "flat"], &["f5"]),
        with(node("Gemm", &["f5", "w6"], &["g6"]), "transB", &[1]),
        node("Tanh", &["g6"], &["h6"]),
        node("MatMul", &["h6", "w7"], &["g7"]),
        node("Gemm", &["g7", "w8", "b8"], &["y"]),
    ];
    nodes[13].attribute.push(AttributeProto {
        name: Some("axes".to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: vec![2, 3],
        ..AttributeProto::default()
    });
    model(
        13,
        graph(
            vec![value("x", DataType::Float, &[1, 3, 4, 4])],
            nodes,
            maker.tensors,
            vec![value("y", DataType::Float, &[1, 5])],
        ),
    )
}

/// The mean error of the variant's outputs in the engine.
fn difference(model: &Model, variant: &Variant) -> f64 {
    let env = empty();
    env.write("before.onnx", &model.bytes);
    env.write("after.onnx", &variant.files[0].bytes);
    let arguments = [
        "accuracy",
        "before.onnx",
        "after.onnx",
        "--cosine-threshold",
        "0",
        "--top1-threshold",
        "0",
        "--samples",
        "4",
        "--json",
    ];
    let output = env.run(&arguments);
    assert!(output.code < 2, "{}", output.stderr);
    json(&output)["accuracy"]["mean_abs_error"].as_f64().unwrap()
}

#[test]
fn channels_that_are_zero_are_not_missed() {
    let model = Model::from_bytes(Path::new("made.onnx"), everything().into()).unwrap();
    let variant = made(&model, "prune-structured-0.50-all").unwrap();
    assert_eq!(variant.account.changed, 8, "{:?}", variant.account);
    let proto = decoded(&variant);
    let graph = proto.graph.as_ref().unwrap();
    let dims = |name: &str| {
        graph
            .initializer
            .iter()
            .find(|tensor| tensor.name() == name)
            .unwrap()
            .dims
            .clone()
    };
    for (name, expected) in [
        ("w1", &[4, 3, 3, 3][..]),
        ("variance", &[4]),
        ("slope", &[4, 1, 1]),
        ("wd", &[8, 1, 3, 3]),
        ("w3", &[4, 8, 1, 1]),
        ("wt", &[4, 4, 2, 2]),
        ("w4", &[4, 8, 3, 3]),
        ("w6", &[4, 64]),
        ("w7", &[4, 8]),
        ("w8", &[8, 5]),
        ("b8", &[5]),
    ] {
        assert_eq!(dims(name), expected, "{name}");
    }
    // Two layers read this vector, each now has its own, and nothing reads the old one.
    assert!(!graph.initializer.iter().any(|tensor| tensor.name() == "shared"));
    assert_eq!((dims("shared_2"), dims("shared_3")), (vec![4], vec![4]));
    let error = difference(&model, &variant);
    assert!(error < 1e-5, "{error}");
    let more = made(&model, "prune-structured-0.90-all").unwrap();
    assert!(difference(&model, &more) > 1e-3);
}
