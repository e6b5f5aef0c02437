//! Plans of small graphs.

use super::*;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::SignatureDef;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Range;
use crate::variant::tflite::testing::Small;
use crate::variant::tflite::testing::kinds;
use crate::variant::tflite::testing::named;
use crate::variant::tflite::testing::reread;

fn ranges(entries: &[(&str, f32, f32)]) -> Evidence {
    let range = |(name, min, max): &(&str, f32, f32)| ((*name).to_owned(), Range { min: *min, max: *max });
    Evidence {
        ranges: entries.iter().map(range).collect(),
        ..Evidence::default()
    }
}

fn applied(model: &Model, evidence: &Evidence, extent: Extent) -> (Model, Account) {
    let (mut model, mut account) = (model.clone(), Account::default());
    int8(&mut model, evidence, extent, &mut account).unwrap();
    reread(&model);
    (model, account)
}

fn scale(tensor: &Tensor) -> (Vec<f32>, Vec<i64>, i32) {
    let found = tensor.quantization.as_ref().unwrap();
    (
        found.scale().to_vec(),
        found.zero_point().to_vec(),
        found.quantized_dimension,
    )
}

/// A layer with a bias and what comes after it.
fn layer_then(kind: Option<BuiltinOperator>) -> Model {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let weight = small.floats("w", &[2, 4], &[1.27, 0.0, 0.0, 0.0, 0.0, -2.54, 1.0, 0.0]);
    let bias = small.floats("b", &[2], &[1.0, -0.5]);
    let mut y = small.operator(
        BuiltinOperator::FULLY_CONNECTED,
        None,
        &[x, weight, bias],
        ("y", &[1, 2]),
    );
    if let Some(kind) = kind {
        y = small.operator(kind, None, &[y], ("z", &[1, 2]));
    }
    let mut model = small.finish(&[y]);
    let entry = |name: &str, index: i32| TensorMap {
        name: Some(name.to_owned()),
        tensor_index: index as u32,
    };
    model.signature_defs = Some(vec![SignatureDef {
        inputs: Some(vec![entry("in", 0)]),
        outputs: Some(vec![entry("out", y)]),
        ..SignatureDef::default()
    }]);
    model
}

#[test]
fn a_layer_has_symmetric_weights_and_a_bias_at_the_scale_of_its_sums() {
    let evidence = ranges(&[("x", 0.0, 2.55), ("y", -1.0, 1.55)]);
    let (model, account) = applied(&layer_then(None), &evidence, Extent::Faster);
    assert_eq!(account.changed, 1);
    assert_eq!(kinds(&model), ["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE"]);
    let (scales, zeros, axis) = scale(named(&model, "w_int8"));
    assert!(
        (scales[0] - 0.01).abs() < 1e-7 && (scales[1] - 0.02).abs() < 1e-7,
        "{scales:?}"
    );
    assert_eq!((zeros, axis), (vec![0, 0], 0));
    let (input, zero, _) = scale(named(&model, "x_int8"));
    assert!((input[0] - 0.01).abs() < 1e-7);
    assert_eq!(zero, [-128]);
    let bias = named(&model, "b_int32");
    assert_eq!(bias.r#type, TensorType::INT32);
    assert_eq!(scale(bias).0, [input[0] * scales[0], input[0] * scales[1]]);
    let stored = model.buffers()[bias.buffer as usize].data().as_chunks().0;
    let sums: Vec<i32> = stored.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect();
    assert_eq!(sums, [10_000, -2500]);
    // Callers see the names and types that they knew.
    let graph = model.entry();
    let output = &graph.tensors()[graph.outputs()[0] as usize];
    assert_eq!((output.name(), output.r#type), ("y", TensorType::FLOAT32));
    let signature = model.signature().unwrap();
    assert_eq!(signature.outputs()[0].tensor_index as i32, graph.outputs()[0]);
    assert_eq!(signature.inputs()[0].tensor_index as i32, graph.inputs()[0]);
    assert_eq!(model.inputs()[0].name, "x");
}

#[test]
fn outputs_of_fixed_scale_need_no_range() {
    for (kind, fixed, zero) in [
        (BuiltinOperator::SOFTMAX, 1.0 / 256.0, -128),
        (BuiltinOperator::LOGISTIC, 1.0 / 256.0, -128),
        (BuiltinOperator::TANH, 1.0 / 128.0, 0),
        (BuiltinOperator::L2_NORMALIZATION, 1.0 / 128.0, 0),
        (BuiltinOperator::LOG_SOFTMAX, 1.0 / 16.0, 127),
    ] {
        let evidence = ranges(&[("x", 0.0, 2.55), ("y", -1.0, 1.55)]);
        let (model, account) = applied(&layer_then(Some(kind)), &evidence, Extent::All);
        assert_eq!(account.changed, 2);
        assert_eq!(scale(named(&model, "z_fp32")), (vec![fixed], vec![zero], 0), "{kind}");
    }
}

#[test]
fn what_has_no_kernel_stays_in_floats_between_conversions() {
    let evidence = ranges(&[("x", 0.0, 2.55), ("y", -1.0, 1.55)]);
    let (model, account) = applied(&layer_then(Some(BuiltinOperator::COS)), &evidence, Extent::Faster);
    assert_eq!(kinds(&model), ["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE", "COS"]);
    assert_eq!(account.left[0].op_type, "COS");
    assert!(account.left[0].reason.contains("no kernel"), "{:?}", account.left);
    // A person may want one in floats too.
    let mut evidence = evidence;
    evidence
        .in_float
        .insert("y".to_owned(), "its error is large".to_owned());
    let (mut model, mut account) = (layer_then(Some(BuiltinOperator::COS)), Account::default());
    let before = model.clone();
    int8(&mut model, &evidence, Extent::Faster, &mut account).unwrap();
    assert_eq!((account.changed, &model), (0, &before));
    assert_eq!(account.left[0].reason, "its error is large");
}

#[test]
fn moving_elements_between_floats_is_not_worth_a_conversion() {
    let build = |first: BuiltinOperator| {
        let mut small = Small::new();
        let x = small.input("x", &[1, 4]);
        let a = small.operator(first, None, &[x], ("a", &[1, 4]));
        let b = small.operator(BuiltinOperator::SQUEEZE, None, &[a], ("b", &[4]));
        let c = small.operator(BuiltinOperator::EXPAND_DIMS, None, &[b], ("c", &[1, 4]));
        let d = small.operator(BuiltinOperator::COS, None, &[c], ("d", &[1, 4]));
        small.finish(&[d])
    };
    let evidence = ranges(&[("x", 0.0, 1.0), ("a", 0.0, 1.0), ("b", 0.0, 1.0), ("c", 0.0, 1.0)]);
    let mut model = build(BuiltinOperator::COS);
    let mut account = Account::default();
    int8(&mut model, &evidence, Extent::Faster, &mut account).unwrap();
    assert_eq!(account.changed, 0);
    let (model, _) = applied(&build(BuiltinOperator::RELU), &evidence, Extent::Faster);
    assert_eq!(
        kinds(&model),
        ["QUANTIZE", "RELU", "SQUEEZE", "EXPAND_DIMS", "DEQUANTIZE", "COS"]
    );
}

#[test]
fn elements_that_are_moved_keep_their_scale() {
    let evidence = ranges(&[("x", 0.0, 2.55), ("y", -1.0, 1.55)]);
    let (model, _) = applied(&layer_then(Some(BuiltinOperator::SQUEEZE)), &evidence, Extent::Faster);
    // The output's name went to the tensor in floats.
    assert_eq!(scale(named(&model, "y")), scale(named(&model, "z_fp32")));
}

/// Two sums brought together, the second of which is read by something else too.
fn brought_together(shared: bool) -> Model {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let a = small.operator(BuiltinOperator::RELU, None, &[x], ("a", &[1, 4]));
    let b = small.operator(BuiltinOperator::RELU6, None, &[x], ("b", &[1, 4]));
    let all = small.operator(BuiltinOperator::CONCATENATION, None, &[a, b], ("all", &[1, 8]));
    let mut outputs = vec![all];
    if shared {
        outputs.push(small.operator(BuiltinOperator::RELU, None, &[b], ("c", &[1, 4])));
    }
    small.finish(&outputs)
}

#[test]
fn what_is_brought_together_has_one_scale() {
    let evidence = ranges(&[
        ("x", -1.0, 9.0),
        ("a", 0.0, 9.0),
        ("b", 0.0, 6.0),
        ("all", 0.0, 9.0),
        ("c", 0.0, 6.0),
    ]);
    let (model, _) = applied(&brought_together(false), &evidence, Extent::Faster);
    assert_eq!(
        kinds(&model),
        ["QUANTIZE", "RELU", "RELU6", "CONCATENATION", "DEQUANTIZE"]
    );
    let one = scale(named(&model, "all_fp32"));
    assert_eq!(
        (scale(named(&model, "a")), scale(named(&model, "b"))),
        (one.clone(), one.clone())
    );
    // With another reader the second keeps its finer scale, and is converted on its way.
    let (model, _) = applied(&brought_together(true), &evidence, Extent::Faster);
    assert_eq!(
        kinds(&model),
        [
            "QUANTIZE",
            "RELU",
            "RELU6",
            "QUANTIZE",
            "CONCATENATION",
            "RELU",
            "DEQUANTIZE",
            "DEQUANTIZE"
        ]
    );
    assert!(scale(named(&model, "b")).0[0] < one.0[0]);
    assert_eq!(scale(named(&model, "b_int8")), one);
}

#[test]
fn a_missing_range_is_named() {
    let mut account = Account::default();
    let error = int8(
        &mut layer_then(None),
        &ranges(&[("x", 0.0, 1.0)]),
        Extent::Faster,
        &mut account,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "int8-static needs to know the range of tensor `y`");
}

#[test]
fn masks_stay_in_floats() {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let mask = small.floats("mask", &[4], &[0.0, 0.0, f32::MIN, f32::MIN]);
    let y = small.operator(BuiltinOperator::ADD, None, &[x, mask], ("y", &[1, 4]));
    let mut model = small.finish(&[y]);
    let mut account = Account::default();
    int8(
        &mut model,
        &ranges(&[("x", 0.0, 1.0), ("y", 0.0, 1.0)]),
        Extent::Faster,
        &mut account,
    )
    .unwrap();
    assert_eq!(account.changed, 0);
    assert!(account.left[0].reason.contains("mask"));
}

#[test]
fn masks_that_are_computed_stay_in_floats_up_to_the_softmax() {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let hidden = small.input("hidden", &[1, 4]);
    let least = small.floats("least", &[1], &[f32::MIN]);
    let mask = small.operator(BuiltinOperator::MUL, None, &[hidden, least], ("mask", &[1, 4]));
    let sum = small.operator(BuiltinOperator::ADD, None, &[x, mask], ("sum", &[1, 4]));
    let shares = small.operator(BuiltinOperator::SOFTMAX, None, &[sum], ("shares", &[1, 4]));
    let twice = small.operator(BuiltinOperator::ADD, None, &[shares, shares], ("twice", &[1, 4]));
    let model = small.finish(&[twice]);
    let names = ["x", "hidden", "mask", "sum", "shares", "twice"];
    let evidence = ranges(&names.map(|name| (name, 0.0, 1.0)));
    let (model, account) = applied(&model, &evidence, Extent::All);
    assert_eq!(
        kinds(&model),
        ["MUL", "ADD", "SOFTMAX", "QUANTIZE", "ADD", "DEQUANTIZE"]
    );
    assert_eq!(account.left.len(), 3);
    let warned = |account: &Account| {
        account
            .notes
            .iter()
            .any(|note| note.contains("integers are made of floats again (1 ×)"))
    };
    assert!(warned(&account), "{:?}", account.notes);
}

#[test]
fn what_is_faster_in_floats_stays_there_unless_asked_otherwise() {
    let evidence = ranges(&[("x", 0.0, 2.55), ("y", -1.0, 1.55)]);
    let (model, account) = applied(&layer_then(Some(BuiltinOperator::SOFTMAX)), &evidence, Extent::Faster);
    assert_eq!(kinds(&model), ["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE", "SOFTMAX"]);
    assert_eq!(
        account.notes,
        ["int8-static: in floats stay 1 SOFTMAX, which engines compute faster and more accurately so"]
    );
}

#[test]
fn groups_without_a_product_stay_in_floats_beside_those_with_one() {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let weight = small.weight("w", &[4, 4]);
    let y = small.operator(BuiltinOperator::FULLY_CONNECTED, None, &[x, weight, -1], ("y", &[1, 4]));
    let cos = small.operator(BuiltinOperator::COS, None, &[y], ("cos", &[1, 4]));
    let sum = small.operator(BuiltinOperator::ADD, None, &[cos, cos], ("sum", &[1, 4]));
    let end = small.operator(BuiltinOperator::COS, None, &[sum], ("end", &[1, 4]));
    let model = small.finish(&[end]);
    let evidence = ranges(&["x", "y", "cos", "sum", "end"].map(|name| (name, -1.0, 1.0)));
    let (mixed, _) = applied(&model, &evidence, Extent::Faster);
    assert_eq!(
        kinds(&mixed),
        ["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE", "COS", "ADD", "COS"]
    );
    let (all, _) = applied(&model, &evidence, Extent::All);
    assert_eq!(kinds(&all)[3..], ["COS", "QUANTIZE", "ADD", "DEQUANTIZE", "COS"]);
}

#[test]
fn tables_are_stored_in_integers_whatever_reads_their_rows() {
    let mut small = Small::new();
    let table = small.weight("table", &[64, 16]);
    let rows = small.constant("rows", &[2], TensorType::INT32, vec![1, 0, 0, 0, 5, 0, 0, 0].into());
    let x = small.operator(BuiltinOperator::GATHER, None, &[table, rows], ("x", &[2, 16]));
    let cos = small.operator(BuiltinOperator::COS, None, &[x], ("cos", &[2, 16]));
    let weight = small.weight("w", &[4, 16]);
    let y = small.operator(
        BuiltinOperator::FULLY_CONNECTED,
        None,
        &[cos, weight, -1],
        ("y", &[2, 4]),
    );
    let model = small.finish(&[y]);
    let evidence = ranges(&["x", "cos", "y"].map(|name| (name, -1.0, 1.0)));
    let (model, _) = applied(&model, &evidence, Extent::Faster);
    assert_eq!(
        kinds(&model),
        [
            "GATHER",
            "DEQUANTIZE",
            "COS",
            "QUANTIZE",
            "FULLY_CONNECTED",
            "DEQUANTIZE"
        ]
    );
    assert_eq!(scale(named(&model, "table_int8")), scale(named(&model, "x")));
}

#[test]
fn observed_are_the_activations_of_what_has_a_kernel() {
    let model = layer_then(Some(BuiltinOperator::COS));
    assert_eq!(observed(&model).unwrap(), ["x", "y"]);
    let shown = observable(&model).unwrap();
    let graph = shown.entry();
    let names: Vec<&str> = graph
        .outputs()
        .iter()
        .map(|index| graph.tensors()[*index as usize].name())
        .collect();
    assert_eq!(names, ["z", "y"]);
    let signature = shown.signature().unwrap();
    assert_eq!(
        signature.outputs().iter().map(TensorMap::name).collect::<Vec<_>>(),
        ["out", "y"]
    );
    reread(&shown);
}

#[test]
fn tensors_of_one_name_are_known_by_their_places() {
    let mut small = Small::new();
    let x = small.input("x", &[1, 4]);
    let a = small.operator(BuiltinOperator::RELU, None, &[x], ("same", &[1, 4]));
    let b = small.operator(BuiltinOperator::RELU, None, &[a], ("same", &[1, 4]));
    let model = small.finish(&[b]);
    assert_eq!(observed(&model).unwrap(), ["x", "tensor 1", "tensor 2"]);
    let evidence = ranges(&[("x", -1.0, 1.0), ("tensor 1", 0.0, 1.0), ("tensor 2", 0.0, 1.0)]);
    assert_eq!(applied(&model, &evidence, Extent::Faster).1.changed, 2);
}

#[test]
fn damaged_tables_are_refused() {
    let mut model = layer_then(None);
    if let Some(operator) = model
        .subgraphs
        .as_mut()
        .and_then(|graphs| graphs[0].operators.as_mut())
        .and_then(|list| list.first_mut())
    {
        operator.inputs = Some(vec![0, 99, 2]);
    }
    let error = observed(&model).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator 0 of subgraph 0 is damaged: it names tensor 99, and there are 4"
    );
}
