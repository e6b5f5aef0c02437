//! Inputs that are made up: their sizes, their values, and the lengths that models of text are measured with.

use std::collections::BTreeMap;
use std::path::Path;

use mlbuild::config::Task;
use mlbuild::model::Model;
use mlbuild::model::inputs;
use mlbuild::model::inputs::InputError;
use mlbuild::model::inputs::Made;
use mlbuild::model::inputs::Request;
use mlbuild::model::inputs::Role;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;

use proptest::prelude::*;

use crate::support::desk;
use crate::support::onnx;
use crate::support::onnx::fixture;
use crate::support::text::floats;
use crate::support::text::load;
use crate::support::text::transformer;
use crate::support::text::value;

/// What is asked for besides a task.
#[derive(Default)]
struct Wish<'a> {
    shapes: &'a [(&'a str, &'a [u64])],
    sequence: Option<u64>,
    batch: Option<u64>,
}

fn make(model: &Model, task: Task, wish: &Wish<'_>) -> Result<Made, InputError> {
    let shapes: BTreeMap<String, Vec<u64>> = wish
        .shapes
        .iter()
        .map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
        .collect();
    let request = Request {
        task,
        shapes: &shapes,
        seed: 0,
        sequence: wish.sequence,
        batch: wish.batch,
    };
    inputs::make(model, &request)
}

fn shapes(made: &Made) -> Vec<Vec<u64>> {
    made.specs.iter().map(|spec| spec.shape.clone()).collect()
}

fn roles(made: &Made) -> Vec<Role> {
    made.roles.iter().map(|(_, role)| *role).collect()
}

/// A model that takes `inputs` and looks at none of them.
fn opaque(inputs: Vec<proto::ValueInfoProto>) -> Model {
    let nodes = vec![onnx::node("Identity", &["c"], &["y"])];
    let outputs = vec![value("y", DataType::Float, &["1"])];
    load(onnx::graph(inputs, nodes, vec![floats("c", &[1])], outputs))
}

fn float(name: &str, dims: &[&str]) -> proto::ValueInfoProto {
    value(name, DataType::Float, dims)
}

fn int(name: &str, dims: &[&str]) -> proto::ValueInfoProto {
    value(name, DataType::Int64, dims)
}

fn text(positions: i64, length: &str) -> Model {
    Model::from_bytes(Path::new("text.onnx"), transformer(positions, length).into()).unwrap()
}

#[test]
fn the_ladder_ends_where_positions_end() {
    let made = make(&text(512, "seq"), Task::Auto, &Wish::default()).unwrap();
    assert_eq!(
        (made.ladder, made.sequence, made.longest),
        (vec![16, 64, 128, 256], Some(128), Some(512))
    );
    let made = make(&text(100, "seq"), Task::Auto, &Wish::default()).unwrap();
    assert_eq!((&made.ladder[..], made.sequence), (&[16, 64, 100][..], Some(100)));
    assert_eq!(shapes(&made), [[1, 100], [1, 100]]);
    assert_eq!(roles(&made), [Role::TokenIds, Role::Mask]);
    assert!(made.inputs[0].to_f64().unwrap().iter().all(|id| *id < 50.0));
    assert_eq!(made.warnings, Vec::<String>::new());
    let made = make(&text(10, "seq"), Task::Auto, &Wish::default()).unwrap();
    assert_eq!(made.ladder, [10]);
}

#[test]
fn one_length_leaves_no_ladder() {
    let made = make(&text(512, "32"), Task::Auto, &Wish::default()).unwrap();
    assert_eq!(
        (made.ladder.len(), made.sequence, shapes(&made)),
        (0, None, vec![vec![1, 32], vec![1, 32]])
    );
    let given = Wish {
        shapes: &[("attention_mask", &[1, 24])],
        ..Wish::default()
    };
    let made = make(&text(512, "seq"), Task::Auto, &given).unwrap();
    assert_eq!((made.ladder.len(), shapes(&made)), (0, vec![vec![1, 24], vec![1, 24]]));
    let asked = |sequence| Wish {
        sequence: Some(sequence),
        ..Wish::default()
    };
    let made = make(&text(512, "seq"), Task::Auto, &asked(48)).unwrap();
    assert_eq!(shapes(&made)[0], [1, 48]);
    let made = make(&text(40, "seq"), Task::Auto, &asked(48)).unwrap();
    assert_eq!(shapes(&made)[0], [1, 40]);
    assert_eq!(
        made.warnings,
        ["the model holds 40 tokens at most: measured with these, not 48"]
    );
    let error = make(&text(512, "32"), Task::Auto, &asked(48)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sequences of 48 tokens are asked for, and the model is fed 32, as its inputs or the given shapes say"
    );
    let error = make(
        &Model::load(&fixture("digits_mlp.onnx")).unwrap(),
        Task::Auto,
        &asked(48),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("takes no sequences of tokens: its task is vision"),
        "{error}"
    );
}

#[test]
fn a_past_makes_the_next_token_the_step_to_measure() {
    let model = opaque(vec![
        int("input_ids", &["batch", "sequence_length"]),
        int("attention_mask", &["batch", "past_sequence_length + sequence_length"]),
        int("position_ids", &["batch", "sequence_length"]),
        float("past_key_values.0.key", &["batch", "2", "past_sequence_length", "8"]),
        float("past_key_values.0.value", &["batch", "2", "past_sequence_length", "8"]),
        value("use_cache_branch", DataType::Bool, &["1"]),
    ]);
    let made = make(
        &model,
        Task::Auto,
        &Wish {
            sequence: Some(64),
            ..Wish::default()
        },
    )
    .unwrap();
    assert_eq!(
        shapes(&made),
        [
            vec![1, 1],
            vec![1, 64],
            vec![1, 1],
            vec![1, 2, 63, 8],
            vec![1, 2, 63, 8],
            vec![1]
        ]
    );
    assert_eq!(
        roles(&made),
        [
            Role::TokenIds,
            Role::Mask,
            Role::Positions,
            Role::Past,
            Role::Past,
            Role::UseCache
        ]
    );
    assert_eq!(made.inputs[2].to_f64().unwrap(), [63.0]);
    assert_eq!(made.inputs[5].to_f64().unwrap(), [1.0]);
    assert_eq!(made.ladder, [16, 64, 128, 256]);
}

#[test]
fn translators_are_fed_on_both_ends() {
    let model = opaque(vec![
        int("input_ids", &["batch", "encoder_sequence_length"]),
        int("attention_mask", &["batch", "encoder_sequence_length"]),
        int("decoder_input_ids", &["batch", "decoder_sequence_length"]),
        float("encoder_hidden_states", &["batch", "encoder_sequence_length", "32"]),
        float("bias_mask", &["batch", "1", "?", "?"]),
    ]);
    let made = make(
        &model,
        Task::Auto,
        &Wish {
            sequence: Some(16),
            ..Wish::default()
        },
    )
    .unwrap();
    assert_eq!(
        shapes(&made),
        [
            vec![1, 16],
            vec![1, 16],
            vec![1, 16],
            vec![1, 16, 32],
            vec![1, 1, 16, 16]
        ]
    );
    assert!(made.inputs[4].to_f64().unwrap().iter().all(|value| *value == 0.0));
}

#[test]
fn free_pictures_and_sound_have_usual_sizes_and_say_so() {
    let picture = || opaque(vec![float("pixel_values", &["batch", "channels", "height", "width"])]);
    let made = make(
        &picture(),
        Task::Auto,
        &Wish {
            batch: Some(4),
            ..Wish::default()
        },
    )
    .unwrap();
    assert_eq!(
        (shapes(&made), roles(&made)),
        (vec![vec![4, 3, 224, 224]], vec![Role::ImageChannelsFirst])
    );
    assert!(
        made.warnings[1].contains("have usual sizes: `channels` = 3, `height` = 224, `width` = 224;"),
        "{:?}",
        made.warnings
    );
    let model = opaque(vec![value("images", DataType::Uint8, &["n", "h", "w", "3"])]);
    let made = make(&model, Task::Auto, &Wish::default()).unwrap();
    assert_eq!(
        (shapes(&made), roles(&made)),
        (vec![vec![1, 224, 224, 3]], vec![Role::ImageChannelsLast])
    );
    let model = opaque(vec![
        float("waveform", &["batch", "samples"]),
        int("lengths", &["batch"]),
    ]);
    let made = make(&model, Task::Auto, &Wish::default()).unwrap();
    assert_eq!(
        (shapes(&made), roles(&made)),
        (vec![vec![1, 16_000], vec![1]], vec![Role::Waveform, Role::Length])
    );
    assert_eq!(made.inputs[1].to_f64().unwrap(), [16_000.0]);
    let model = opaque(vec![float("input_features", &["batch", "80", "frames"])]);
    let made = make(&model, Task::Auto, &Wish::default()).unwrap();
    assert_eq!(
        (shapes(&made), roles(&made)),
        (vec![vec![1, 80, 100]], vec![Role::Spectrogram])
    );
}

#[test]
fn what_is_unknown_is_zero_and_needs_its_shape() {
    let model = opaque(vec![float("x", &["batch", "6", "128"])]);
    let made = make(&model, Task::Auto, &Wish::default()).unwrap();
    assert_eq!((made.task.task, roles(&made)), (Task::Unknown, vec![Role::Zeros]));
    assert!(made.inputs[0].to_f64().unwrap().iter().all(|value| *value == 0.0));
    assert!(
        made.warnings[0].starts_with("task could not be detected ("),
        "{:?}",
        made.warnings
    );
    // On zeros alone, two models that differ would look alike.
    assert!(
        made.recipe.for_outputs().draw(0)[0]
            .to_f64()
            .unwrap()
            .iter()
            .any(|value| *value != 0.0)
    );
    let model = opaque(vec![float("x", &["batch", "6", "steps"])]);
    let error = make(&model, Task::Auto, &Wish::default()).unwrap_err();
    assert!(
        error.to_string().contains("`steps` is known only at run time"),
        "{error}"
    );
}

#[test]
fn widths_come_from_the_weights() {
    let graph = onnx::graph(
        vec![float("x", &["batch", "features"])],
        vec![onnx::node("MatMul", &["x", "w"], &["y"])],
        vec![floats("w", &[30, 4])],
        vec![float("y", &["batch", "4"])],
    );
    let made = make(&load(graph), Task::Auto, &Wish::default()).unwrap();
    assert_eq!((shapes(&made), roles(&made)), (vec![vec![1, 30]], vec![Role::Features]));
}

#[test]
fn a_batch_must_be_one_that_the_model_takes() {
    let batch = |size| Wish {
        batch: Some(size),
        ..Wish::default()
    };
    let model = Model::load(&fixture("digits_cnn.onnx")).unwrap();
    assert_eq!(shapes(&make(&model, Task::Auto, &batch(8)).unwrap()), [[8, 1, 8, 8]]);
    let fixed = opaque(vec![float("image", &["1", "3", "32", "32"])]);
    assert_eq!(shapes(&make(&fixed, Task::Auto, &batch(1)).unwrap()), [[1, 3, 32, 32]]);
    let error = make(&fixed, Task::Auto, &batch(8)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "batches of 8 are asked for, and input `image` takes 1 at once"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_the_inputs_are_nothing_panics_and_shapes_agree(
        inputs in prop::collection::btree_map(
            prop::sample::select(vec![
                "input_ids", "attention_mask", "position_ids", "past_key_values.0.key", "pixel_values", "waveform", "mel", "x",
                "use_cache_branch", "lengths", "orig_size", "state", "src_key_padding_mask", "sr",
            ]),
            (
                prop::sample::select(vec![
                    DataType::Float, DataType::Int64, DataType::Bool, DataType::Uint8, DataType::Float16, DataType::Int32,
                ]),
                prop::collection::vec(
                    prop::sample::select(vec!["batch", "seq", "past", "past + seq", "?", "h", "0", "1", "3", "9", "+", ""]),
                    0..6,
                ),
            ),
            0..5,
        ),
        task in prop::sample::select(vec![
            Task::Auto, Task::Vision, Task::Nlp, Task::Audio, Task::Tabular, Task::Unknown,
        ]),
        sequence in prop::option::of(0_u64..40),
        batch in prop::option::of(0_u64..4),
        given in prop::option::of(prop::collection::vec(0_u64..9, 0..5)),
    ) {
        let specs = inputs.iter().map(|(name, (element, dims))| value(name, *element, dims)).collect();
        let model = opaque(specs);
        let first = inputs.keys().next().copied().unwrap_or("none");
        let shapes: Vec<(&str, &[u64])> = given.iter().map(|shape| (first, shape.as_slice())).collect();
        let wish = Wish { shapes: &shapes, sequence, batch };
        if let Ok(made) = make(&model, task, &wish) {
            prop_assert_eq!(made.specs.len(), inputs.len());
            let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
            for (spec, tensor) in made.specs.iter().zip(&made.inputs) {
                prop_assert_eq!(&spec.shape, &tensor.shape);
                prop_assert_eq!(tensor.data.len(), tensor.len() * spec.element.size().unwrap());
                let dims = &inputs[spec.name.as_str()].1;
                for (dim, size) in dims.iter().zip(&spec.shape).filter(|(dim, _)| ["seq", "past", "h"].contains(dim)) {
                    prop_assert_eq!(*sizes.entry(dim).or_insert(*size), *size, "{}", dim);
                }
            }
            prop_assert!(made.ladder.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}

#[test]
fn every_length_is_gated_on_its_own() {
    let env = desk::empty();
    env.write("model.onnx", transformer(100, "seq"));
    env.write("old.onnx", transformer(100, "seq"));
    env.write(".mlbuild.yml", desk::config("    sequence_lengths: [64, 16]\n"));
    // A model that grew: with it, nothing is equal to the baseline.
    env.write("model.onnx", transformer(101, "seq"));
    let output = env.run(&["ci", "--baseline", "old.onnx", "--size-regression", "900%"]);
    let report = desk::report(&env);
    let lengths: Vec<u64> = report["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comparison| comparison["sequence_length"].as_u64().unwrap())
        .collect();
    assert_eq!(lengths, [16, 64], "{}", output.snapshot());
    assert!(
        output.stdout.contains("fp32 @ 16") && output.stdout.contains("fp32 @ 64"),
        "{}",
        output.stdout
    );
    for comparison in report["comparisons"].as_array().unwrap() {
        assert!(
            comparison["latency_ms"]["p50"]["candidate"].as_f64().unwrap() > 0.0,
            "{comparison:#}"
        );
    }
}

#[test]
fn without_a_word_the_ladder_is_measured_and_kept() {
    let env = desk::empty();
    env.write("model.onnx", transformer(64, "seq"));
    env.write(
        ".mlbuild.yml",
        desk::config("baseline: { store: dir, path: baseline }\n"),
    );
    env.write(
        ".mlbuild.yml",
        format!("{}baseline: {{ store: dir, path: baseline }}\n", desk::config("")),
    );
    env.run(&["baseline", "refresh"]).expect_code(0);
    let manifest: serde_json::Value = serde_json::from_str(&env.read("baseline/manifest.json")).unwrap();
    let kept: Vec<&serde_json::Value> = manifest["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["key"]["sequence"])
        .collect();
    assert_eq!(kept, [16, 64]);
    env.run(&["ci"]).expect_code(0);
    assert_eq!(
        desk::verdicts(&desk::report(&env)),
        ["digits fp32 skipped", "digits fp32 skipped"]
    );
    // Another table of words is another model; a length that is given is the only one, and the others are gone.
    env.write(
        ".mlbuild.yml",
        format!(
            "{}baseline: {{ store: dir, path: baseline }}\n",
            // Enough restarts for a verdict on a busy machine too.
            desk::config("    inputs: { ids: { shape: [1, 16] } }\n").replace("300 ms", "5 s")
        ),
    );
    env.run(&["ci"]);
    assert_eq!(
        desk::verdicts(&desk::report(&env)),
        ["digits fp32 pass", "digits fp32 removed", "digits fp32 removed"]
    );
    let gone = desk::report(&env)["comparisons"][1]["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        gone.ends_with("has it, and the model is no longer measured with 16 tokens"),
        "{gone}"
    );
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let env = desk::empty();
    env.write("model.onnx", transformer(64, "seq"));
    let reason = |config: &str| {
        env.write(".mlbuild.yml", desk::config(config));
        env.run(&["ci"]).expect_code(2);
        desk::report(&env)["comparisons"][0]["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        reason("    sequence_lengths: [16, 512]\n"),
        "`sequence_lengths` names 512 tokens, and the model holds 64 at most"
    );
    assert!(
        reason("    sequence_lengths: [16]\n    inputs: { ids: { shape: [1, 8] } }\n")
            .starts_with("`sequence_lengths` is set, and the model leaves no length open: its task is nlp")
    );
    env.write(".mlbuild.yml", desk::config("    sequence_lengths: [16, 16, 0]\n"));
    let output = env.run(&["ci"]).expect_code(2);
    assert!(
        output.stderr.contains("the length 16 stands here twice"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("a sequence of 0 tokens"), "{}", output.stderr);
}
