//! Variants of real models: what `fp16` changes, what it leaves, and that it does so alike every time.

use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::digest::Digest;
use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::model::Model;
use mlbuild::model::onnx;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::GraphProto;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::OperatorSetIdProto;
use mlbuild::model::onnx::proto::StringStringEntryProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::TensorShapeProto;
use mlbuild::model::onnx::proto::TypeProto;
use mlbuild::model::onnx::proto::ValueInfoProto;
use mlbuild::model::onnx::proto::tensor_proto::DataLocation;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::proto::tensor_shape_proto::Dimension;
use mlbuild::model::onnx::proto::tensor_shape_proto::dimension;
use mlbuild::model::onnx::proto::type_proto;
use mlbuild::model::onnx::tensor_view::TensorView;
use mlbuild::model::onnx::visit;
use mlbuild::store::Objects;
use mlbuild::variant::Recipe;
use mlbuild::variant::Variant;
use mlbuild::variant::VariantError;
use mlbuild::variant::derive;
use proptest::prelude::*;
use prost::Message as _;

const FIXTURES: &[&str] = &[
    "digits_mlp",
    "digits_cnn",
    "digits_mbv2",
    "digits_vit",
    "digits_lstm",
    "control_flow_if_loop",
    "kitchen_sink",
];

fn fixture(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/models/{name}.onnx"));
    Model::load(&path).unwrap()
}

/// The model without the fields that this version does not know, which would guard it against being changed.
fn changeable(model: Model) -> Model {
    match onnx::modifiable(&model) {
        Ok(()) => model,
        Err(_) => Model::from_bytes(&model.path, onnx::encode(model.onnx().unwrap())).unwrap(),
    }
}

fn half(model: &Model) -> Variant {
    derive(model, &Recipe::parse("fp16").unwrap(), 0, &[]).unwrap()
}

fn decoded(variant: &Variant) -> ModelProto {
    ModelProto::decode(variant.files[0].bytes.clone()).unwrap()
}

/// Writes the fp16 variant of every model of a folder, for `tests/reference/fp16_check.py`, which says how to run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_fp16_variants() {
    let folder = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (models, results) = (folder("FP16_CHECK_MODELS"), folder("FP16_CHECK_RESULTS"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let variant = half(&changeable(Model::load(&path).unwrap()));
        for file in &variant.files {
            let target = results.join(&name).join(&file.name);
            write_atomic(&target, &file.bytes).unwrap();
        }
        let notes = variant.account.notes.join("\n");
        write_atomic(&results.join(&name).join("notes.txt"), notes.as_bytes()).unwrap();
    }
}

/// Every node of the model with its graph's or function's index in [`visit::scopes`].
fn operators(model: &ModelProto) -> Vec<String> {
    visit::nodes(&visit::scopes(model))
        .map(|(_, node)| node.op_type().to_owned())
        .collect()
}

/// Finds names that are read before they are made, or made twice, in a graph and its subgraphs.
fn check_order(graph: &GraphProto, outer: &HashSet<String>) {
    let mut known = outer.clone();
    known.extend(graph.initializer.iter().map(|tensor| tensor.name().to_owned()));
    known.extend(graph.input.iter().map(|input| input.name().to_owned()));
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            assert!(known.contains(input), "{} reads `{input}` too early", node.name());
        }
        for body in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            check_order(body, &known);
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            assert!(known.insert(output.clone()), "`{output}` is made twice");
        }
    }
    for output in &graph.output {
        assert!(
            known.contains(output.name()),
            "nothing makes the output `{}`",
            output.name()
        );
    }
}

/// Bytes of 32-bit floats in initializers and constants.
fn single_bytes(model: &ModelProto) -> usize {
    visit::tensors(&visit::scopes(model))
        .iter()
        .filter(|site| site.tensor.data_type() == DataType::Float as i32)
        .map(|site| site.tensor.raw_data().len() + 4 * site.tensor.float_data.len())
        .sum()
}

#[test]
fn as_is_is_byte_for_byte() {
    let model = fixture("kitchen_sink");
    let variant = derive(&model, &Recipe::as_is(), 0, &[]).unwrap();
    assert_eq!((variant.files.len(), variant.files[0].name.as_str()), (1, "model.onnx"));
    assert_eq!(
        (&variant.files[0].digest, &variant.source),
        (&model.digest, &model.digest)
    );
    assert_eq!(variant.size(), model.size());
    assert_eq!(variant.account.notes, Vec::<String>::new());
}

#[test]
fn fp16_halves_the_weights_and_keeps_inputs_and_outputs() {
    for name in FIXTURES {
        let model = changeable(fixture(name));
        let variant = half(&model);
        let proto = decoded(&variant);
        check_order(proto.graph.as_ref().unwrap(), &HashSet::new());
        let reloaded = Model::from_bytes(&model.path, variant.files[0].bytes.clone()).unwrap();
        assert_eq!(reloaded.facts.inputs, model.facts.inputs, "{name}");
        assert_eq!(reloaded.facts.outputs, model.facts.outputs, "{name}");
        assert_eq!(reloaded.facts.opsets, model.facts.opsets, "{name}");
        assert!(onnx::modifiable(&reloaded).is_ok(), "{name}");
        // Scales of quantized weights stay in 32 bits, and numbers for what is left in 32 bits.
        let left = 100;
        assert!(single_bytes(&proto) <= left, "{name}: {} bytes", single_bytes(&proto));
        assert!(single_bytes(model.onnx().unwrap()) > single_bytes(&proto), "{name}");
        if *name != "kitchen_sink" {
            assert!(
                variant.size().0 * 100 < model.size().0 * 55,
                "{name}: {}",
                variant.size()
            );
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for name in ["digits_vit", "control_flow_if_loop", "kitchen_sink"] {
        let once = half(&changeable(fixture(name)));
        for _ in 0..3 {
            let again = half(&changeable(fixture(name)));
            assert_eq!(
                (&again.id, &again.files, &again.account),
                (&once.id, &once.files, &once.account)
            );
        }
    }
    let model = fixture("digits_mlp");
    let recipe = Recipe::parse("fp16").unwrap();
    assert_ne!(
        derive(&model, &recipe, 0, &[]).unwrap().id,
        derive(&model, &recipe, 1, &[]).unwrap().id
    );
    assert_eq!(
        derive(&model, &recipe, 0, &[]).unwrap().files,
        derive(&model, &recipe, 1, &[]).unwrap().files
    );
}

#[test]
fn tensors_are_cast_once_a_width() {
    let model = decoded(&half(&changeable(fixture("kitchen_sink"))));
    let mut casts = HashSet::new();
    for (scope, node) in visit::nodes(&visit::scopes(&model)).filter(|(_, node)| node.op_type() == "Cast") {
        let to = node
            .attribute
            .iter()
            .find(|attribute| attribute.name() == "to")
            .unwrap()
            .i();
        assert!(
            casts.insert((scope, node.input.clone(), to)),
            "{} is cast twice",
            node.input[0]
        );
    }
    assert!(!casts.is_empty());
    let mlp = decoded(&half(&fixture("digits_mlp")));
    assert_eq!(operators(&mlp).iter().filter(|operator| *operator == "Cast").count(), 2);
}

/// A model of one graph, opset 17.
fn model(graph: GraphProto, opset: i64) -> Model {
    let proto = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(opset),
        }],
        graph: Some(graph),
        ..ModelProto::default()
    };
    Model::from_bytes(Path::new("made.onnx"), onnx::encode(&proto)).unwrap()
}

fn floats(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |size: &i64| Dimension {
        value: Some(dimension::Value::DimValue(*size)),
        ..Dimension::default()
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: Some(DataType::Float as i32),
                shape: Some(TensorShapeProto {
                    dim: dims.iter().map(dim).collect(),
                }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: Some(op.to_owned()),
        name: Some(format!("the {op}")),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: outputs.iter().map(|name| (*name).to_owned()).collect(),
        ..NodeProto::default()
    }
}

fn weight(name: &str, values: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(DataType::Float as i32),
        dims: vec![values.len() as i64],
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn graph(nodes: Vec<NodeProto>, weights: Vec<TensorProto>) -> GraphProto {
    GraphProto {
        name: Some("graph".to_owned()),
        node: nodes,
        initializer: weights,
        input: vec![floats("x", &[3])],
        output: vec![floats("y", &[3])],
        ..GraphProto::default()
    }
}

#[test]
fn says_which_weights_do_not_fit() {
    let weights = vec![
        weight("w", &[1e30, -7e4, 1e-12]),
        weight("b", &[f32::NEG_INFINITY, 0.0, 70_000.0]),
    ];
    let nodes = vec![node("Mul", &["x", "w"], &["m"]), node("Add", &["m", "b"], &["y"])];
    let variant = half(&model(graph(nodes, weights), 17));
    insta::assert_snapshot!(variant.account.notes.join("\n"), @r"
    fp16: clamped to ±65504, beyond which there are no 16-bit floats: 3 values of 2 weights (`w`, `b`)
    fp16: moved to ±5.96e-8, below which there are no 16-bit floats: 1 value of 1 weight (`w`)
    ");
    let proto = decoded(&variant);
    let values: Vec<Vec<f32>> = proto
        .graph
        .unwrap()
        .initializer
        .iter()
        .map(|tensor| TensorView::of(tensor, &[]).unwrap().to_f32().unwrap())
        .collect();
    assert_eq!(
        values,
        [
            vec![65504.0, -65504.0, 2.0_f32.powi(-24)],
            vec![f32::NEG_INFINITY, 0.0, 65504.0]
        ]
    );
}

#[test]
fn a_weight_read_at_both_widths_is_kept_twice() {
    let nodes = vec![node("Mul", &["x", "w"], &["m"]), node("Max", &["m", "w"], &["y"])];
    let proto = decoded(&half(&model(graph(nodes, vec![weight("w", &[0.1, 0.2, 0.3])]), 17)));
    let graph = proto.graph.unwrap();
    let kept: Vec<(&str, i32)> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name(), tensor.data_type()))
        .collect();
    assert_eq!(
        kept,
        [("w", DataType::Float as i32), ("w_fp16", DataType::Float16 as i32)]
    );
    assert_eq!(graph.initializer[0].float_data, [0.1, 0.2, 0.3]);
    let wiring: Vec<(&str, Vec<&str>)> = graph
        .node
        .iter()
        .map(|node| (node.op_type(), node.input.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        wiring,
        [
            ("Cast", vec!["x"]),
            ("Mul", vec!["x_fp16", "w_fp16"]),
            ("Cast", vec!["m"]),
            ("Max", vec!["m_fp32", "w"]),
        ]
    );
}

#[test]
fn external_data_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut outside = weight("w", &[]);
    outside.dims = vec![3];
    outside.data_location = Some(DataLocation::External as i32);
    outside.external_data = [("location", "weights.bin"), ("offset", "4"), ("length", "12")]
        .map(|(key, value)| StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        })
        .to_vec();
    let proto = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph(vec![node("Mul", &["x", "w"], &["y"])], vec![outside])),
        ..ModelProto::default()
    };
    let bytes: Vec<u8> = [9.0_f32, 1.0, 2.0, 3.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    write_atomic(&folder.path().join("weights.bin"), &bytes).unwrap();
    let path = folder.path().join("model.onnx");
    write_atomic(&path, &onnx::encode(&proto)).unwrap();
    let model = Model::load(&path).unwrap();

    let as_is = derive(&model, &Recipe::as_is(), 0, &[]).unwrap();
    let names: Vec<&str> = as_is.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["model.onnx", "weights.bin"]);
    assert_eq!(as_is.size(), model.size());

    let variant = half(&model);
    assert_eq!(variant.files.len(), 1);
    let graph = decoded(&variant).graph.unwrap();
    let view = TensorView::of(&graph.initializer[0], &[]).unwrap();
    assert_eq!(
        (view.data_type, view.to_f32().unwrap()),
        (DataType::Float16 as i32, vec![1.0, 2.0, 3.0])
    );
}

#[test]
fn refuses_what_it_cannot_change() {
    let complaint = |model: &Model| {
        let error = derive(model, &Recipe::parse("fp16").unwrap(), 0, &[]).unwrap_err();
        std::iter::once(error.to_string())
            .chain(error.hints())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let plain = || graph(vec![node("Relu", &["x"], &["y"])], Vec::new());
    let unordered = vec![node("Relu", &["m"], &["y"]), node("Abs", &["x"], &["m"])];
    insta::assert_snapshot!(
        [complaint(&model(plain(), 6)), complaint(&model(graph(unordered, Vec::new()), 17))].join("\n"),
        @r"
    fp16 needs opset 7 or newer, the model uses 6; export the model with a newer opset, or convert it with `onnx.version_converter`
    node `the Relu` (Relu) reads `m`, which nothing before it makes; `onnx.checker.check_model` refuses this model too; sort its nodes or export it again
    "
    );
    assert!(complaint(&fixture("kitchen_sink")).contains("cannot be modified without loss"));
}

#[test]
fn artifacts_are_kept_by_their_digest() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open(&folder.path().join("objects")).unwrap();
    let variant = half(&fixture("digits_mlp"));
    for file in &variant.files {
        assert_eq!(objects.put(&file.bytes).unwrap(), file.digest);
        assert_eq!(
            Digest::of_file(&objects.verify(&file.digest).unwrap()).unwrap(),
            file.digest
        );
    }
}

/// Graphs of any operators, wired at random to what stands before them.
fn any_graph() -> impl Strategy<Value = GraphProto> {
    const OPERATORS: &[(&str, usize)] = &[
        ("Add", 1),
        ("Cast", 1),
        ("Constant", 1),
        ("ConstantOfShape", 1),
        ("Identity", 1),
        ("LayerNormalization", 3),
        ("Max", 1),
        ("Mystery", 1),
        ("Relu", 1),
        ("Resize", 1),
        ("SequenceAt", 1),
        ("Shape", 1),
        ("TopK", 2),
        ("Where", 1),
    ];
    let step = (
        prop::sample::select(OPERATORS),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        0_i64..12,
    );
    prop::collection::vec(step, 1..12).prop_map(|steps| {
        let mut names = vec!["x".to_owned(), "w".to_owned(), String::new()];
        let mut nodes = Vec::new();
        for (index, ((op, count), inputs, code)) in steps.into_iter().enumerate() {
            let read: Vec<&str> = inputs.iter().map(|input| input.get(&names).as_str()).collect();
            let made: Vec<String> = (0..count).map(|output| format!("{index}_fp{output}6")).collect();
            let mut made_here = node(op, &read, &made.iter().map(String::as_str).collect::<Vec<_>>());
            made_here.attribute = vec![AttributeProto {
                name: Some(if op == "Constant" { "value_float" } else { "to" }.to_owned()),
                i: Some(code),
                f: Some(code as f32),
                ..AttributeProto::default()
            }];
            nodes.push(made_here);
            names.extend(made);
        }
        let outputs = nodes
            .iter()
            .rev()
            .take(2)
            .map(|node| floats(&node.output[0], &[3]))
            .collect();
        GraphProto {
            output: outputs,
            ..graph(nodes, vec![weight("w", &[1.0, 2.0, 3.0])])
        }
    })
}

proptest! {
    #[test]
    fn any_graph_stays_in_order(graph in any_graph()) {
        let outputs: Vec<ValueInfoProto> = graph.output.clone();
        let variant = match derive(&model(graph, 17), &Recipe::parse("fp16").unwrap(), 0, &[]) {
            Err(VariantError::NothingToDo { .. }) => return Ok(()),
            outcome => outcome.unwrap(),
        };
        let narrowed = decoded(&variant).graph.unwrap();
        check_order(&narrowed, &HashSet::new());
        prop_assert_eq!(narrowed.output, outputs);
        prop_assert_eq!(narrowed.input, vec![floats("x", &[3])]);
    }
}
