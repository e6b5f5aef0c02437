//! Layers of a second TensorFlow Lite build against the first, with the real engine: variants of our own, damaged weights, odd graphs.

use std::path::PathBuf;

use mlbuild::measure::Side;
use mlbuild::measure::sensitivity::Build;
use mlbuild::measure::sensitivity::LayerError;
use mlbuild::measure::sensitivity::Sensitivity;
use mlbuild::measure::sensitivity::SensitivityError;
use mlbuild::measure::sensitivity::measure;
use mlbuild::model::Model;
use mlbuild::model::Samples;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::model::tflite;
use mlbuild::model::tflite::schema::Buffer;
use mlbuild::model::tflite::schema::BuiltinOperator;
use mlbuild::model::tflite::schema::BuiltinOptions;
use mlbuild::model::tflite::schema::CastOptions;
use mlbuild::model::tflite::schema::Model as Tables;
use mlbuild::model::tflite::schema::Operator;
use mlbuild::model::tflite::schema::OperatorCode;
use mlbuild::model::tflite::schema::ReducerOptions;
use mlbuild::model::tflite::schema::SubGraph;
use mlbuild::model::tflite::schema::TensorMap;
use mlbuild::model::tflite::schema::TensorType;
use mlbuild::runtime::WorkerError;
use mlbuild::variant::Account;
use mlbuild::variant::tflite::Extent;
use mlbuild::variant::tflite::Pruning;
use mlbuild::variant::tflite::fp16;
use mlbuild::variant::tflite::int8;
use mlbuild::variant::tflite::int8_dynamic;
use mlbuild::variant::tflite::prune;
use tempfile::TempDir;

use crate::support::litert;
use crate::support::runtime;
use crate::tflite_quantize::digits;
use crate::tflite_quantize::images;
use crate::tflite_quantize::ranges;
use crate::tflite_quantize::run;

/// Writes pairs of builds, what they are fed and how far their layers are apart into `MLBUILD_PAIRS`, for
/// `tests/reference/tflite/sensitivity_check.py`.
#[test]
#[ignore = "writes files for another program; see tests/reference/tflite/sensitivity_check.py"]
fn pairs() {
    let folder = PathBuf::from(std::env::var_os("MLBUILD_PAIRS").expect("MLBUILD_PAIRS is not set"));
    let samples: Vec<Vec<f64>> = fed().iter().map(|sample| sample[0].to_f64().unwrap()).collect();
    for name in DIGITS {
        let model = digits(name);
        let evidence = ranges(&model);
        let half = Pruning::parse("0.50").unwrap();
        let variants = [
            ("fp16", variant(&model, |model, account| fp16(model, account).unwrap())),
            (
                "dynamic",
                variant(&model, |model, account| int8_dynamic(model, account).unwrap()),
            ),
            (
                "int8",
                variant(&model, |model, account| {
                    int8(model, &evidence, Extent::All, account).unwrap()
                }),
            ),
            (
                "pruned",
                variant(&model, |model, account| prune(model, half, account).unwrap()),
            ),
        ];
        let write = |file: String, bytes: Vec<u8>| std::fs::write(folder.join(file), bytes).unwrap();
        write(format!("{name}.tflite"), tflite::write(&model).unwrap());
        for (what, second) in variants {
            let found = |xnnpack| compare_with(&model, &second, fed(), xnnpack).unwrap();
            let text = serde_json::json!({
                "input": "input",
                "shape": [1, 1, 8, 8],
                "samples": samples,
                "found": found(false),
                "with_xnnpack": found(true),
            });
            write(format!("{name}.{what}.tflite"), tflite::write(&second).unwrap());
            write(format!("{name}.{what}.layers.json"), text.to_string().into_bytes());
        }
    }
}

const DIGITS: [&str; 4] = ["digits_cnn", "digits_mbv2", "digits_vit", "digits_lstm"];

/// Layers of `second` against `first`; the samples are fed one after the other.
fn compare(first: &Tables, second: &Tables, samples: Vec<Vec<Tensor>>) -> Result<Sensitivity, SensitivityError> {
    compare_with(first, second, samples, true)
}

fn compare_with(
    first: &Tables,
    second: &Tables,
    samples: Vec<Vec<Tensor>>,
    xnnpack: bool,
) -> Result<Sensitivity, SensitivityError> {
    let folder = TempDir::new().unwrap();
    let written = |name: &str, tables: &Tables| {
        let path = folder.path().join(name);
        std::fs::write(&path, tflite::write(tables).unwrap()).unwrap();
        Model::load(&path).unwrap()
    };
    let (first, second) = (written("first.tflite", first), written("second.tflite", second));
    let before = std::fs::read(&first.path).unwrap();
    let found = compare_loaded(&first, &second, samples, xnnpack);
    assert_eq!(std::fs::read(&first.path).unwrap(), before);
    found
}

fn compare_loaded(
    first: &Model,
    second: &Model,
    samples: Vec<Vec<Tensor>>,
    xnnpack: bool,
) -> Result<Sensitivity, SensitivityError> {
    let side = |model: &Model| Side {
        artifact: runtime::artifact(&model.path),
        settings: litert::settings_with(xnnpack, None),
        inputs: samples.first().cloned().unwrap_or_default(),
    };
    let (one, other) = (side(first), side(second));
    let build = |side, model| Build { side, model };
    measure(
        build(&one, first),
        build(&other, second),
        &Samples::from(samples.clone()),
        &runtime::command(),
        &runtime::options(),
    )
}

fn fixture(name: &str) -> Tables {
    tflite::read(&std::fs::read(litert::path(name)).unwrap().into())
        .unwrap()
        .model
}

fn fed() -> Vec<Vec<Tensor>> {
    images().into_iter().take(4).map(|image| vec![image]).collect()
}

fn variant(model: &Tables, change: impl FnOnce(&mut Tables, &mut Account)) -> Tables {
    let (mut made, mut account) = (model.clone(), Account::default());
    change(&mut made, &mut account);
    assert!(account.changed > 0);
    made
}

fn in_order(found: &Sensitivity) -> Vec<&LayerError> {
    let mut layers: Vec<&LayerError> = found.layers.iter().collect();
    layers.sort_by_key(|layer| layer.place);
    layers
}

/// How many tensors of floats a model's operators make by work.
fn layers(model: &Tables) -> usize {
    let moves = [
        "RESHAPE",
        "TRANSPOSE",
        "SLICE",
        "STRIDED_SLICE",
        "SPLIT",
        "CAST",
        "UNPACK",
        "SQUEEZE",
        "EXPAND_DIMS",
    ];
    let works = |operator: &&Operator| !moves.contains(&model.operator_name(operator).as_str());
    let operators = model.main().operators().iter().filter(works);
    operators.map(|operator| operator.outputs().len()).sum()
}

#[test]
fn a_build_against_itself_is_exact() {
    for name in DIGITS {
        let model = digits(name);
        let evidence = ranges(&model);
        let integers = variant(&model, |model, account| {
            int8(model, &evidence, Extent::Faster, account).unwrap();
        });
        for (what, model) in [("floats", &model), ("integers", &integers)] {
            let found = compare(model, model, fed()).unwrap();
            assert_eq!((found.samples, found.unmatched, found.left_out), (4, 0, 0), "{name}");
            assert!(!found.layers.is_empty());
            for layer in &found.layers {
                assert_eq!(
                    (layer.sqnr_db, layer.max_abs_error, layer.not_finite),
                    (None, 0.0, 0),
                    "{name} in {what}: {layer:?}"
                );
                assert!(layer.elements > 0 && layer.tensor == layer.matched, "{layer:?}");
            }
        }
        assert_eq!(
            compare(&model, &model, fed()).unwrap().layers.len(),
            layers(&model),
            "{name}"
        );
    }
}

#[test]
fn outputs_within_do_not_change_what_a_model_computes() {
    for name in DIGITS {
        let model = digits(name);
        let mut all = model.clone();
        let graph = &mut all.subgraphs.as_mut().unwrap()[0];
        let mut outputs = graph.outputs().to_vec();
        for operator in graph.operators.iter().flatten() {
            for index in operator.outputs() {
                if !outputs.contains(index) {
                    outputs.push(*index);
                    all.signature_defs.as_mut().unwrap()[0]
                        .outputs
                        .as_mut()
                        .unwrap()
                        .push(TensorMap {
                            name: graph.tensors.as_ref().unwrap()[*index as usize].name.clone(),
                            tensor_index: *index as u32,
                        });
                }
            }
        }
        graph.outputs = Some(outputs);
        for (before, after) in run(&model, true).iter().zip(run(&all, true)) {
            assert!(after.len() > before.len());
            for output in before {
                let same = after.iter().find(|other| other.name == output.name).unwrap();
                assert_eq!(output.data, same.data, "{name} {}", output.name);
            }
        }
    }
}

#[test]
fn integers_cost_what_eight_bits_cost() {
    for name in DIGITS {
        let model = digits(name);
        let evidence = ranges(&model);
        for ends in [Extent::Faster, Extent::All] {
            let integers = variant(&model, |model, account| {
                int8(model, &evidence, ends, account).unwrap();
            });
            let found = compare(&model, &integers, fed()).unwrap();
            assert_eq!((found.unmatched, found.left_out), (0, 0), "{name} {ends:?}: {found:?}");
            assert_eq!(found.layers.len(), layers(&model), "{name}");
            let decibels: Vec<f64> = found.layers.iter().filter_map(|layer| layer.sqnr_db).collect();
            assert!(decibels.is_sorted() && decibels.len() > 3, "{name}: {decibels:?}");
            for layer in &found.layers {
                println!("{name} {ends:?} {} {} {}", layer.place, layer.node, layer.decibels());
                assert_eq!(layer.not_finite, 0);
            }
        }
    }
}

#[test]
fn lighter_variants_cost_less() {
    let model = digits("digits_cnn");
    let evidence = ranges(&model);
    let worst = |second: &Tables| {
        let found = compare(&model, second, fed()).unwrap();
        assert_eq!((found.unmatched, found.left_out), (0, 0), "{found:?}");
        assert_eq!(found.layers.len(), layers(&model));
        found.layers[0].sqnr_db.unwrap()
    };
    let halves = worst(&variant(&model, |model, account| fp16(model, account).unwrap()));
    let dynamic = worst(&variant(&model, |model, account| int8_dynamic(model, account).unwrap()));
    let integers = worst(&variant(&model, |model, account| {
        int8(model, &evidence, Extent::Faster, account).unwrap();
    }));
    let half = Pruning::parse("0.50").unwrap();
    let pruned = worst(&variant(&model, |model, account| prune(model, half, account).unwrap()));
    println!("fp16 {halves:.1} dB, dynamic {dynamic:.1}, int8 {integers:.1}, pruned {pruned:.1}");
    assert!((50.0..100.0).contains(&halves), "{halves}");
    assert!(halves > dynamic && dynamic >= integers && integers > pruned);
    assert!((15.0..50.0).contains(&integers), "{integers}");
}

/// Makes the weight that the operator of `output` reads as its second wrong, and no other.
fn damaged(model: &Tables, output: &str) -> Tables {
    let mut model = model.clone();
    let graph = model.main();
    let operator = graph
        .operators()
        .iter()
        .find(|operator| graph.written_by(operator, 0).unwrap().name() == output)
        .unwrap();
    let weight = graph.read_by(operator, 1).unwrap();
    assert_eq!(weight.r#type, TensorType::FLOAT32);
    let values = model.constant(weight).unwrap().as_chunks::<4>().0.iter();
    let wrong: Vec<u8> = values
        .flat_map(|bytes| (f32::from_le_bytes(*bytes) * 1.25).to_le_bytes())
        .collect();
    let place = operator.inputs()[1] as usize;
    let buffers = model.buffers.as_mut().unwrap();
    buffers.push(Buffer {
        data: Some(wrong.into()),
        ..Buffer::default()
    });
    let buffer = buffers.len() as u32 - 1;
    model.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap()[place].buffer = buffer;
    model
}

#[test]
fn a_damaged_weight_is_blamed_on_its_layer() {
    for name in ["digits_cnn", "digits_mbv2"] {
        let model = digits(name);
        let graph = model.main();
        let windows: Vec<String> = graph
            .operators()
            .iter()
            .filter(|operator| {
                matches!(
                    model.operator(operator),
                    BuiltinOperator::CONV_2D | BuiltinOperator::DEPTHWISE_CONV_2D | BuiltinOperator::FULLY_CONNECTED
                )
            })
            .map(|operator| graph.written_by(operator, 0).unwrap().name().to_owned())
            .collect();
        for blamed in [&windows[0], &windows[windows.len() / 2], windows.last().unwrap()] {
            let found = compare(&model, &damaged(&model, blamed), fed()).unwrap();
            let layers = in_order(&found);
            let first = layers.iter().position(|layer| layer.sqnr_db.is_some()).unwrap();
            assert_eq!(&layers[first].tensor, blamed, "{name}");
            assert!(layers[..first].iter().all(|layer| layer.max_abs_error == 0.0));
            // A quarter too much is a noise of 1/16 of the signal at most, less what the bias adds to it.
            assert!(
                (5.0..40.0).contains(&layers[first].sqnr_db.unwrap()),
                "{:?}",
                layers[first]
            );
        }
    }
}

#[test]
fn builds_of_different_models_are_refused() {
    let error = compare(&digits("digits_cnn"), &fixture("one_operator"), fed()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the two builds have no floating-point tensor in common: none of"),
        "{text}"
    );
    let error = compare(&digits("digits_cnn"), &digits("digits_cnn"), Vec::new()).unwrap_err();
    assert!(matches!(error, SensitivityError::NoSamples), "{error}");
    // Names in common, and other inputs: the engine says which.
    let mut other = fixture("cnn");
    other.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap()[0].name = Some("picture".to_owned());
    let error = compare(&fixture("cnn"), &other, vec![litert::inputs("cnn")]).unwrap_err();
    assert!(
        matches!(error, SensitivityError::Worker { build: "second", .. }),
        "{error:?}"
    );
}

fn rename(model: &Tables, renamed: &[(usize, Option<&str>)]) -> Tables {
    let mut model = model.clone();
    let tensors = model.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap();
    for (place, name) in renamed {
        tensors[*place].name = name.map(str::to_owned);
    }
    model
}

#[test]
fn names_that_say_nothing_match_nothing() {
    let model = fixture("cnn");
    let sample = || vec![litert::inputs("cnn")];
    let whole = compare(&model, &model, sample()).unwrap();
    let names: Vec<&str> = in_order(&whole).iter().map(|layer| layer.tensor.as_str()).collect();
    assert_eq!(
        names,
        [
            "stem/out",
            "depthwise/out",
            "residual/out",
            "pool/out",
            "logits",
            "scores"
        ]
    );
    // Unnamed in one or both, and two tensors of one name.
    let unnamed = rename(&model, &[(4, None), (7, Some(""))]);
    for (first, second) in [(&model, &unnamed), (&unnamed, &model), (&unnamed, &unnamed)] {
        let found = compare(first, second, sample()).unwrap();
        assert_eq!((found.layers.len(), found.unmatched), (4, 2), "{found:?}");
    }
    let twice = rename(&model, &[(4, Some("stem/out"))]);
    for (first, second, unmatched) in [(&model, &twice, 2), (&twice, &model, 2), (&twice, &twice, 2)] {
        let found = compare(first, second, sample()).unwrap();
        assert_eq!((found.layers.len(), found.unmatched), (6 - unmatched, unmatched));
        assert!(found.layers.iter().all(|layer| layer.sqnr_db.is_none()), "{found:?}");
    }
    // The name of a constant, and of another tensor's copy, belong to nothing that is made.
    let constant = rename(&model, &[(2, Some("stem/out")), (1, Some("0 stem"))]);
    let found = compare(&model, &constant, sample()).unwrap();
    assert_eq!((found.layers.len(), found.unmatched), (5, 1));
    let all: Vec<(usize, Option<&str>)> = [1, 4, 7, 8, 10, 13].map(|place| (place, None)).to_vec();
    let error = compare(&model, &rename(&model, &all), sample()).unwrap_err();
    assert!(
        matches!(error, SensitivityError::NothingInCommon { tensors: 6 }),
        "{error:?}"
    );
    // Names are strangers' text.
    let odd = "a `b`\n\u{1b}[31m<script>☃";
    let hostile = rename(&model, &[(1, Some(odd)), (4, Some("0"))]);
    let found = compare(&hostile, &hostile, sample()).unwrap();
    assert_eq!((found.layers.len(), found.unmatched), (6, 0));
    assert_eq!(in_order(&found)[0].tensor, odd);
}

#[test]
fn tensors_of_another_shape_or_operator_are_not_compared() {
    let model = fixture("cnn");
    let swapped = rename(&model, &[(8, Some("logits")), (10, Some("pool/out"))]);
    let found = compare(&model, &swapped, vec![litert::inputs("cnn")]).unwrap();
    assert_eq!((found.layers.len(), found.unmatched), (4, 2));
    // The same shape, and a depthwise convolution instead of a sum.
    let swapped = rename(&model, &[(4, Some("residual/out")), (7, Some("depthwise/out"))]);
    let found = compare(&model, &swapped, vec![litert::inputs("cnn")]).unwrap();
    assert_eq!((found.layers.len(), found.unmatched), (4, 2));
    // The file leaves a size open; what comes out is of another shape.
    let model = fixture("dynamic");
    let mut wider = model.clone();
    let zeros = |bytes: usize| Buffer {
        data: Some(vec![0; bytes].into()),
        ..Buffer::default()
    };
    let buffers = wider.buffers.as_mut().unwrap();
    buffers.extend([zeros(160), zeros(40)]);
    let buffer = buffers.len() as u32;
    let tensors = wider.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap();
    tensors[1].shape = Some(vec![1, 10]);
    tensors[1].shape_signature = Some(vec![-1, 10]);
    (tensors[2].shape, tensors[2].buffer) = (Some(vec![10, 4]), buffer - 2);
    (tensors[3].shape, tensors[3].buffer) = (Some(vec![10]), buffer - 1);
    let sample = vec![Tensor::from_f32("rows", &[1, 4], &[1.0, -2.0, 3.0, 0.5])];
    let found = compare(&model, &wider, vec![sample]).unwrap();
    assert_eq!((found.layers.len(), found.unmatched, found.left_out), (0, 0, 1));
}

#[test]
fn integers_are_compared_as_the_numbers_that_they_stand_for() {
    let model = fixture("int8");
    let inputs = vec![litert::inputs("int8")];
    let found = compare(&model, &model, inputs.clone()).unwrap();
    assert_eq!((found.layers.len(), found.layers[0].sqnr_db), (1, None));
    // The same integers, read on a scale twice as wide.
    let mut wider = model.clone();
    let product = &mut wider.subgraphs.as_mut().unwrap()[0].tensors.as_mut().unwrap()[1];
    product.quantization.as_mut().unwrap().scale = Some(vec![0.2]);
    let found = compare(&model, &wider, inputs.clone()).unwrap();
    let numbers = |model: &Tables, scale: f32| -> Vec<f64> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("model.tflite");
        std::fs::write(&path, tflite::write(model).unwrap()).unwrap();
        let mut worker = runtime::worker();
        worker
            .load(&runtime::artifact(&path), &litert::settings(), &inputs[0])
            .unwrap();
        let output = worker.infer(&inputs[0]).unwrap().remove(0);
        output
            .values()
            .unwrap()
            .map(|integer| (integer - 4.0) * f64::from(scale))
            .collect()
    };
    let (before, after) = (numbers(&model, 0.1), numbers(&wider, 0.2));
    let errors = || before.iter().zip(&after).map(|(one, other)| one - other);
    let noise: f64 = errors().map(|error| error * error).sum();
    let signal: f64 = before.iter().map(|value| value * value).sum();
    let layer = &found.layers[0];
    assert_eq!(layer.elements, 6);
    assert!(
        (layer.sqnr_db.unwrap() - 10.0 * (signal / noise).log10()).abs() < 1e-9,
        "{layer:?}"
    );
    assert_eq!(layer.max_abs_error, errors().map(f64::abs).fold(0.0, f64::max));
    // Integers that stand for nothing else have nothing to be compared by.
    let error = compare(
        &fixture("elements"),
        &fixture("elements"),
        vec![litert::inputs("elements")],
    )
    .unwrap_err();
    assert!(
        matches!(error, SensitivityError::NothingInCommon { tensors: 0 }),
        "{error:?}"
    );
}

#[test]
fn open_shapes_have_the_size_that_is_fed() {
    let model = fixture("dynamic");
    for rows in [1_u64, 3] {
        let values: Vec<f32> = (0..rows * 4).map(|value| value as f32 / 7.0 - 0.5).collect();
        let sample = vec![vec![Tensor::from_f32("rows", &[rows, 4], &values)]];
        let found = compare(&model, &damaged(&model, "product"), sample).unwrap();
        assert_eq!((found.layers.len(), found.layers[0].elements), (1, rows * 5));
        assert!(found.layers[0].sqnr_db.is_some());
    }
}

#[test]
fn the_graph_that_is_run_is_compared() {
    let path = litert::path("signatures");
    let model = Model::load(&path).unwrap();
    let reference = litert::inputs("signatures");
    let found = compare_loaded(&model, &model, vec![reference], true).unwrap();
    assert_eq!((found.layers.len(), found.unmatched), (1, 0), "{found:?}");
    assert_eq!(found.layers[0].sqnr_db, None);
}

/// `mask` → WHERE → CAST → ABS, whose size depends on the data, → SUM → EXP; and `mask` → CAST → EXP, which is as large as the mask.
fn sized_by_data() -> Tables {
    let codes = [
        BuiltinOperator::WHERE,
        BuiltinOperator::CAST,
        BuiltinOperator::ABS,
        BuiltinOperator::SUM,
        BuiltinOperator::EXP,
    ];
    let tensor = |name: &str, kind, shape: &[i32], signature: &[i32], buffer| tflite::schema::Tensor {
        name: Some(name.to_owned()),
        r#type: kind,
        shape: Some(shape.to_vec()),
        shape_signature: Some(signature.to_vec()),
        buffer,
        ..tflite::schema::Tensor::default()
    };
    let operator = |code: usize, inputs: &[i32], output: i32, options: Option<BuiltinOptions>| Operator {
        opcode_index: code as u32,
        inputs: Some(inputs.to_vec()),
        outputs: Some(vec![output]),
        builtin_options: options,
        ..Operator::default()
    };
    let cast = CastOptions {
        in_data_type: TensorType::INT64,
        out_data_type: TensorType::FLOAT32,
    };
    let of_mask = CastOptions {
        in_data_type: TensorType::BOOL,
        out_data_type: TensorType::FLOAT32,
    };
    let axes: Vec<u8> = [0_i32, 1].iter().flat_map(|axis| axis.to_le_bytes()).collect();
    Tables {
        version: 3,
        operator_codes: Some(
            codes
                .iter()
                .map(|code| OperatorCode {
                    deprecated_builtin_code: code.0 as i8,
                    version: 1,
                    builtin_code: *code,
                    ..OperatorCode::default()
                })
                .collect(),
        ),
        buffers: Some(vec![
            Buffer::default(),
            Buffer {
                data: Some(axes.into()),
                ..Buffer::default()
            },
        ]),
        subgraphs: Some(vec![SubGraph {
            tensors: Some(vec![
                tensor("mask", TensorType::BOOL, &[6], &[6], 0),
                tensor("positions", TensorType::INT64, &[6, 1], &[-1, 1], 0),
                tensor("numbers", TensorType::FLOAT32, &[6, 1], &[-1, 1], 0),
                tensor("sizes", TensorType::FLOAT32, &[6, 1], &[-1, 1], 0),
                tensor("axes", TensorType::INT32, &[2], &[2], 1),
                tensor("sum", TensorType::FLOAT32, &[], &[], 0),
                tensor("y", TensorType::FLOAT32, &[], &[], 0),
                tensor("ones", TensorType::FLOAT32, &[6], &[6], 0),
                tensor("plain", TensorType::FLOAT32, &[6], &[6], 0),
            ]),
            inputs: Some(vec![0]),
            outputs: Some(vec![6, 8]),
            operators: Some(vec![
                operator(0, &[0], 1, None),
                operator(1, &[1], 2, Some(cast.into())),
                operator(2, &[2], 3, None),
                operator(3, &[3, 4], 5, Some(ReducerOptions { keep_dims: false }.into())),
                operator(4, &[5], 6, None),
                operator(1, &[0], 7, Some(of_mask.into())),
                operator(4, &[7], 8, None),
            ]),
            ..SubGraph::default()
        }]),
        ..Tables::default()
    }
}

#[test]
fn what_has_another_size_on_every_sample_is_left_out() {
    let model = sized_by_data();
    let mask = |bytes: [u8; 6]| {
        vec![Tensor {
            name: "mask".to_owned(),
            element: ElementType::Bool,
            shape: vec![6],
            data: bytes.to_vec().into(),
        }]
    };
    let found = compare(&model, &model, vec![mask([1, 0, 1, 0, 0, 0]), mask([1, 1, 1, 0, 0, 1])]).unwrap();
    let names: Vec<&str> = in_order(&found).iter().map(|layer| layer.tensor.as_str()).collect();
    assert_eq!((names, found.left_out, found.unmatched), (vec!["plain"], 3, 0));
}

#[test]
fn a_build_that_does_not_run_is_named() {
    let broken = {
        let mut model = fixture("cnn");
        let graph = &mut model.subgraphs.as_mut().unwrap()[0];
        // A softmax of what it makes itself.
        graph.operators.as_mut().unwrap().last_mut().unwrap().inputs = Some(vec![13]);
        model
    };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("broken.tflite");
    std::fs::write(&path, tflite::write(&broken).unwrap()).unwrap();
    let second = Model::load(&path).unwrap();
    let first = Model::load(&litert::path("cnn")).unwrap();
    let error = compare_loaded(&first, &second, vec![litert::inputs("cnn")], true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the second build cannot be run with its intermediate tensors as outputs"
    );
    assert!(
        matches!(&error, SensitivityError::Worker { build: "second", source: WorkerError::InvalidModel { message, .. } }
            if message.contains("Tensor 13")),
        "{error:?}"
    );
}
