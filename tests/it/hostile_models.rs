//! Passes on models that no exporter would write: whatever a file that gets past the scan looks like, a pass changes it or refuses
//! it, and never panics, and what obeyed ONNX's rules before does so after.

use std::path::Path;
use std::path::PathBuf;

use mlbuild::model::Model;
use mlbuild::model::onnx;
use mlbuild::model::onnx::check::check;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::tensor::Dim;
use mlbuild::variant::Derivation;
use mlbuild::variant::Evidence;
use mlbuild::variant::Range;
use mlbuild::variant::Recipe;
use mlbuild::variant::Statistic;
use mlbuild::variant::TRANSFORMS;
use mlbuild::variant::VariantError;
use mlbuild::variant::Wanted;
use proptest::prelude::*;
use prost::Message as _;

const RECIPES: &[&str] = &[
    "bf16",
    "fp16",
    "int4",
    "int4-64",
    "int8",
    "int8-conv-tensor",
    "int8-static",
    "int8-weights",
    "mixed",
    "palettize-4",
    "prune-0.50",
    "prune-0.30-tensor",
    "prune-structured-0.25",
    "opset-21",
    "simplify",
    "smooth",
    "prune-0.50+int8",
    "simplify+prune-structured-0.25+smooth+int8-static",
];

const FIXTURES: &[&str] = &[
    "digits_mlp",
    "digits_cnn",
    "digits_mbv2",
    "digits_vit",
    "digits_lstm",
    "control_flow_if_loop",
    "kitchen_sink",
];

fn fixture(name: &str) -> ModelProto {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/models/{name}.onnx"));
    Model::load(&path).unwrap().onnx().unwrap().clone()
}

/// As if the model had been run, and every tensor had taken values from −1 to 1.
fn invented(wanted: &Wanted) -> Evidence {
    let mut evidence = Evidence::default();
    for observation in &wanted.observations {
        let tensor = observation.tensor.clone();
        match observation.statistic {
            Statistic::Range(_) => {
                evidence.ranges.insert(tensor, Range { min: -1.0, max: 1.0 });
            }
            Statistic::ChannelMaxima { .. } => {
                evidence.channels.insert(tensor, vec![1.0; 64]);
            }
        }
    }
    evidence
}

/// The model's proto after `recipe`.
fn derived(model: &Model, recipe: &str) -> Result<ModelProto, VariantError> {
    let recipe = Recipe::parse(recipe).unwrap();
    let mut derivation = Derivation::start(model, &recipe, 0)?;
    while derivation.next().is_some() {
        let evidence = invented(&derivation.wanted()?);
        derivation.advance(evidence)?;
    }
    let variant = derivation.finish()?;
    Ok(ModelProto::decode(variant.files[0].bytes.clone()).unwrap())
}

/// The model as a TensorFlow Lite model, and that one in integers: what is open has the size of 1.
fn converted(model: &Model) -> Result<Model, VariantError> {
    let recipe = Recipe::parse("tflite+int8-static").unwrap();
    let mut derivation = Derivation::start(model, &recipe, 0)?;
    while derivation.next().is_some() {
        let wanted = derivation.wanted()?;
        let mut evidence = invented(&wanted);
        let open = model
            .facts
            .inputs
            .iter()
            .filter(|spec| wanted.shapes.contains(&spec.name));
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => *size,
            Dim::Symbol(_) | Dim::Unknown => 1,
        };
        evidence.shapes = open
            .map(|spec| (spec.name.clone(), spec.dims.iter().flatten().map(size).collect()))
            .collect();
        derivation.advance(evidence)?;
    }
    let variant = derivation.finish()?;
    Ok(Model::from_bytes(&PathBuf::from("model.tflite"), variant.files[0].bytes.clone()).unwrap())
}

#[test]
fn the_list_has_every_transform() {
    // The step that leaves the format has a function of its own.
    for transform in TRANSFORMS.iter().filter(|transform| transform.name != "tflite") {
        let has = |recipe: &&str| {
            let recipe = Recipe::parse(recipe).unwrap();
            recipe.steps.iter().any(|step| step.transform.name == transform.name)
        };
        assert!(RECIPES.iter().any(has), "{}", transform.name);
    }
}

/// One way of spoiling a model; numbers pick the place.
#[derive(Debug, Clone)]
enum Damage {
    DropNode(usize),
    DropInput(usize, usize),
    BlankInput(usize, usize),
    DropOutput(usize),
    DropAttribute(usize, usize),
    AttributeInt(usize, usize, i64),
    AttributeInts(usize, usize, Vec<i64>),
    Operator(usize, &'static str),
    Domain(usize, &'static str),
    SwapInputs(usize),
    ShareInput(usize, usize),
    DropInitializer(usize),
    RepeatInitializer(usize),
    Reshape(usize, Vec<i64>),
    Retype(usize, i32),
    NotANumber(usize),
    Opset(i64),
    NoGraphOutput,
    OutputIsInput,
    UnknownShapes,
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0_usize..200;
    let small = || 0_usize..4;
    let number = prop_oneof![Just(0), Just(-1), Just(1), Just(i64::MIN), Just(i64::MAX), -5_i64..9];
    const OPERATORS: &[&str] = &[
        "Conv",
        "MatMul",
        "Gemm",
        "LSTM",
        "Gather",
        "Add",
        "Mul",
        "Relu",
        "Clip",
        "Softmax",
        "Reshape",
        "Transpose",
        "Concat",
        "BatchNormalization",
        "MaxPool",
        "Pad",
        "Slice",
        "Split",
        "Squeeze",
        "LayerNormalization",
        "ConvTranspose",
        "Mystery",
        "If",
        "QuantizeLinear",
        "Constant",
        "Resize",
    ];
    prop_oneof![
        place.clone().prop_map(Damage::DropNode),
        (place.clone(), small()).prop_map(|(node, input)| Damage::DropInput(node, input)),
        (place.clone(), small()).prop_map(|(node, input)| Damage::BlankInput(node, input)),
        place.clone().prop_map(Damage::DropOutput),
        (place.clone(), small()).prop_map(|(node, attribute)| Damage::DropAttribute(node, attribute)),
        (place.clone(), small(), number.clone())
            .prop_map(|(node, attribute, value)| Damage::AttributeInt(node, attribute, value)),
        (place.clone(), small(), prop::collection::vec(number.clone(), 0..5))
            .prop_map(|(node, attribute, values)| Damage::AttributeInts(node, attribute, values)),
        (place.clone(), prop::sample::select(OPERATORS)).prop_map(|(node, operator)| Damage::Operator(node, operator)),
        (
            place.clone(),
            prop::sample::select(vec!["", "ai.onnx", "com.microsoft", "mine"])
        )
            .prop_map(|(node, domain)| Damage::Domain(node, domain)),
        place.clone().prop_map(Damage::SwapInputs),
        (place.clone(), place.clone()).prop_map(|(one, other)| Damage::ShareInput(one, other)),
        place.clone().prop_map(Damage::DropInitializer),
        place.clone().prop_map(Damage::RepeatInitializer),
        (place.clone(), prop::collection::vec(0_i64..5, 0..5)).prop_map(|(tensor, dims)| Damage::Reshape(tensor, dims)),
        (place.clone(), 0_i32..30).prop_map(|(tensor, data_type)| Damage::Retype(tensor, data_type)),
        place.clone().prop_map(Damage::NotANumber),
        prop_oneof![Just(0), Just(7), Just(9), Just(11), Just(13), Just(22), number].prop_map(Damage::Opset),
        Just(Damage::NoGraphOutput),
        Just(Damage::OutputIsInput),
        Just(Damage::UnknownShapes),
    ]
}

fn spoil(model: &mut ModelProto, damage: &Damage) {
    let Some(graph) = &mut model.graph else { return };
    let nodes = graph.node.len().max(1);
    let tensors = graph.initializer.len().max(1);
    fn at(nodes: &mut [NodeProto], index: usize) -> Option<&mut NodeProto> {
        let count = nodes.len();
        nodes.get_mut(index % count.max(1))
    }
    match damage {
        Damage::DropNode(index) if !graph.node.is_empty() => {
            graph.node.remove(index % nodes);
        }
        Damage::DropInput(index, input) => {
            if let Some(node) = at(&mut graph.node, *index).filter(|node| *input < node.input.len()) {
                node.input.remove(*input);
            }
        }
        Damage::BlankInput(index, input) => {
            if let Some(name) = at(&mut graph.node, *index).and_then(|node| node.input.get_mut(*input)) {
                name.clear();
            }
        }
        Damage::DropOutput(index) => {
            if let Some(node) = at(&mut graph.node, *index) {
                node.output.pop();
            }
        }
        Damage::DropAttribute(index, attribute) => {
            if let Some(node) = at(&mut graph.node, *index).filter(|node| *attribute < node.attribute.len()) {
                node.attribute.remove(*attribute);
            }
        }
        Damage::AttributeInt(index, attribute, value) => {
            if let Some(found) = at(&mut graph.node, *index).and_then(|node| node.attribute.get_mut(*attribute)) {
                found.i = Some(*value);
            }
        }
        Damage::AttributeInts(index, attribute, values) => {
            if let Some(found) = at(&mut graph.node, *index).and_then(|node| node.attribute.get_mut(*attribute)) {
                found.ints.clone_from(values);
            }
        }
        Damage::Operator(index, operator) => {
            if let Some(node) = at(&mut graph.node, *index) {
                node.op_type = Some((*operator).to_owned());
            }
        }
        Damage::Domain(index, domain) => {
            if let Some(node) = at(&mut graph.node, *index) {
                node.domain = Some((*domain).to_owned());
            }
        }
        Damage::SwapInputs(index) => {
            if let Some(node) = at(&mut graph.node, *index) {
                node.input.reverse();
            }
        }
        Damage::ShareInput(one, other) => {
            let name = graph
                .node
                .get(other % nodes)
                .and_then(|node| node.input.last().cloned());
            if let (Some(node), Some(name)) = (at(&mut graph.node, *one), name) {
                node.input.push(name);
            }
        }
        Damage::DropInitializer(index) if !graph.initializer.is_empty() => {
            graph.initializer.remove(index % tensors);
        }
        Damage::RepeatInitializer(index) => {
            if let Some(tensor) = graph.initializer.get(index % tensors).cloned() {
                graph.initializer.push(tensor);
            }
        }
        Damage::Reshape(index, dims) => {
            if let Some(tensor) = graph.initializer.get_mut(index % tensors) {
                let elements: i64 = dims.iter().product();
                tensor.dims.clone_from(dims);
                tensor.float_data.clear();
                tensor.data_type = Some(1);
                tensor.raw_data = Some(vec![63; elements as usize * 4].into());
            }
        }
        Damage::Retype(index, data_type) => {
            if let Some(tensor) = graph.initializer.get_mut(index % tensors) {
                tensor.data_type = Some(*data_type);
            }
        }
        Damage::NotANumber(index) => {
            if let Some(data) = graph
                .initializer
                .get_mut(index % tensors)
                .and_then(|tensor| tensor.raw_data.as_mut())
            {
                *data = vec![0xff; data.len()].into();
            }
        }
        Damage::Opset(version) => {
            if let Some(import) = model.opset_import.first_mut() {
                import.version = Some(*version);
            }
        }
        Damage::NoGraphOutput => graph.output.clear(),
        Damage::OutputIsInput => {
            if let (Some(input), Some(output)) = (graph.input.first().cloned(), graph.output.first_mut()) {
                *output = input;
            }
        }
        Damage::UnknownShapes => {
            graph.value_info.clear();
            for input in &mut graph.input {
                input.r#type = None;
            }
        }
        Damage::DropNode(_) | Damage::DropInitializer(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_pass_panics(
        name in prop::sample::select(FIXTURES),
        recipe in prop::sample::select(RECIPES),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        let mut proto = fixture(name);
        for damage in &damages {
            spoil(&mut proto, damage);
        }
        let Ok(model) = Model::from_bytes(&PathBuf::from("spoiled.onnx"), onnx::encode(&proto)) else {
            return Ok(());
        };
        let _ = converted(&model);
        let sound = check(model.onnx().unwrap()).is_ok();
        if let (Ok(result), true) = (derived(&model, recipe), sound) {
            prop_assert!(check(&result).is_ok(), "{}: {:?}", recipe, check(&result));
        }
    }
}
