//! What kind of data models take: the shipped ones, and small graphs that look like something else at first sight.

use std::path::Path;
use std::path::PathBuf;

use mlbuild::config::Task;
use mlbuild::model::Model;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::task;
use mlbuild::model::task::Confidence;
use mlbuild::model::task::Tier;

use crate::support::onnx;
use crate::support::onnx::fixture;
use crate::support::text::attribute;
use crate::support::text::floats;
use crate::support::text::list;
use crate::support::text::load;
use crate::support::text::transformer;
use crate::support::text::value;

/// What every shipped model is, and how sure that is.
const SHIPPED: &[(&str, Task, Confidence)] = &[
    ("control_flow_if_loop.onnx", Task::Vision, Confidence::High),
    ("digits_cnn.onnx", Task::Vision, Confidence::High),
    ("digits_lstm.onnx", Task::Vision, Confidence::Medium),
    ("digits_mbv2.onnx", Task::Vision, Confidence::High),
    ("digits_mlp.onnx", Task::Vision, Confidence::Medium),
    ("digits_vit.onnx", Task::Vision, Confidence::High),
    ("external_mlp.onnx", Task::Tabular, Confidence::High),
    ("kitchen_sink.onnx", Task::Tabular, Confidence::High),
    ("audio_conv_transformer.onnx", Task::Audio, Confidence::High),
    ("bert_mini_like.onnx", Task::Nlp, Confidence::High),
    ("detector_fpn.onnx", Task::Vision, Confidence::High),
    ("light_squeezenet_seeded.onnx", Task::Vision, Confidence::High),
    ("mobilenetv2_like.onnx", Task::Vision, Confidence::High),
];

/// A model of the fixtures, or one too large for them where that is at hand.
fn shipped(name: &str) -> Option<PathBuf> {
    let large = || {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
        std::env::var_os("MLBUILD_LARGE_MODELS")
            .map_or_else(beside, PathBuf::from)
            .join(name)
    };
    [fixture(name), large()].into_iter().find(|path| path.is_file())
}

#[test]
fn every_shipped_model_is_known() {
    for (name, task, confidence) in SHIPPED {
        let Some(path) = shipped(name) else {
            println!("skipped: {name} is not here");
            continue;
        };
        let found = task::detect(&Model::load(&path).unwrap());
        assert_eq!(
            (found.task, found.confidence),
            (*task, *confidence),
            "{name}: {found:?}"
        );
        assert_eq!(found.tier, Tier::Graph, "{name}: {found:?}");
        assert_eq!(found.warning().is_none(), *confidence == Confidence::High, "{name}");
    }
    let found = task::detect(&Model::load(&fixture("digits_cnn.onnx")).unwrap());
    assert_eq!(
        found.reason,
        "`Conv` over the 4-dimensional input `input` and a classification head"
    );
}

fn float(name: &str, dims: &[&str]) -> proto::ValueInfoProto {
    value(name, DataType::Float, dims)
}

fn int(name: &str, dims: &[&str]) -> proto::ValueInfoProto {
    value(name, DataType::Int64, dims)
}

fn detect(
    inputs: Vec<proto::ValueInfoProto>,
    nodes: Vec<proto::NodeProto>,
    initializers: Vec<proto::TensorProto>,
) -> task::Detected {
    let last = nodes.last().unwrap().output[0].clone();
    let graph = onnx::graph(inputs, nodes, initializers, vec![float(&last, &["?", "?"])]);
    task::detect(&load(graph))
}

#[test]
fn a_table_with_a_softmax_is_no_text() {
    let found = detect(
        vec![float("x", &["batch", "30"])],
        vec![
            onnx::node("Gemm", &["x", "w", "b"], &["h"]),
            onnx::node("Relu", &["h"], &["r"]),
            onnx::node("MatMul", &["r", "v"], &["l"]),
            onnx::node("Softmax", &["l"], &["y"]),
        ],
        vec![floats("w", &[30, 8]), floats("b", &[8]), floats("v", &[8, 2])],
    );
    assert_eq!(
        (found.task, found.confidence),
        (Task::Tabular, Confidence::High),
        "{found:?}"
    );
}

#[test]
fn ids_of_users_and_items_are_no_text() {
    for dims in [&["batch"][..], &["batch", "1"], &["batch", "26"]] {
        let found = detect(
            vec![int("user_id", dims), int("item_id", dims)],
            vec![
                onnx::node("Gather", &["users", "user_id"], &["u"]),
                onnx::node("Gather", &["items", "item_id"], &["i"]),
                attribute(onnx::node("Concat", &["u", "i"], &["both"]), "axis", -1),
                onnx::node("MatMul", &["both", "w"], &["s"]),
                onnx::node("Softmax", &["s"], &["y"]),
            ],
            vec![
                floats("users", &[1000, 8]),
                floats("items", &[5000, 8]),
                floats("w", &[16, 2]),
            ],
        );
        assert_eq!(
            (found.task, found.tier),
            (Task::Tabular, Tier::Graph),
            "{dims:?} {found:?}"
        );
    }
}

/// A convolution along one dimension over `dims`, whose weights are `[4, channels, kernel]`.
fn signal(name: &str, dims: &[&str], channels: i64, kernel: i64, strides: &[i64]) -> task::Detected {
    let mut nodes = Vec::new();
    let mut tensors = Vec::new();
    let mut before = name.to_owned();
    if dims.len() == 2 {
        nodes.push(onnx::node("Unsqueeze", &[name, "one"], &["deep"]));
        tensors.push(onnx::integers("one", &[1], &[1]));
        before = "deep".to_owned();
    }
    for (index, stride) in strides.iter().enumerate() {
        let (weight, after) = (format!("w{index}"), format!("c{index}"));
        tensors.push(floats(&weight, &[4, if index == 0 { channels } else { 4 }, kernel]));
        nodes.push(list(
            onnx::node("Conv", &[&before, &weight], &[&after]),
            "strides",
            &[*stride],
        ));
        before = after;
    }
    detect(vec![float(name, dims)], nodes, tensors)
}

#[test]
fn a_signal_is_sound_only_where_it_is_treated_as_sound() {
    // A classifier of motion sensors.
    let found = signal("x", &["batch", "6", "128"], 6, 5, &[1, 2]);
    assert_eq!(
        (found.task, found.confidence),
        (Task::Unknown, Confidence::None),
        "{found:?}"
    );
    // An electrocardiogram, one channel.
    let found = signal("x", &["batch", "1", "187"], 1, 7, &[2, 1]);
    assert_eq!(found.task, Task::Unknown, "{found:?}");
    // Raw sound into a front end that shortens it.
    let found = signal("x", &["batch", "length"], 1, 10, &[5, 4, 2, 2]);
    assert_eq!(
        (found.task, found.confidence),
        (Task::Audio, Confidence::High),
        "{found:?}"
    );
    let found = signal("x", &["batch", "1", "16000"], 1, 10, &[5, 4, 2, 2]);
    assert_eq!(found.task, Task::Audio, "{found:?}");
    // Bands over time need a name.
    let found = signal("x", &["batch", "80", "frames"], 80, 3, &[1, 2]);
    assert_eq!(found.task, Task::Unknown, "{found:?}");
    let found = signal("input_features", &["batch", "80", "frames"], 80, 3, &[1, 2]);
    assert_eq!((found.task, found.tier), (Task::Audio, Tier::Names), "{found:?}");
    assert!(
        found
            .warning()
            .unwrap()
            .starts_with("task auto-detected as 'audio' (medium confidence: "),
        "{found:?}"
    );
}

/// A convolution over two dimensions.
fn picture(name: &str, dims: &[&str], channels: i64) -> task::Detected {
    let node = onnx::node("Conv", &[name, "w"], &["y"]);
    detect(
        vec![float(name, dims)],
        vec![node],
        vec![floats("w", &[4, channels, 3, 3])],
    )
}

#[test]
fn not_everything_with_four_dimensions_is_a_picture() {
    let found = picture("x", &["batch", "3", "h", "w"], 3);
    assert_eq!(
        (found.task, found.confidence),
        (Task::Vision, Confidence::High),
        "{found:?}"
    );
    let found = picture("logmel", &["batch", "1", "98", "40"], 1);
    assert_eq!((found.task, found.tier), (Task::Audio, Tier::Names), "{found:?}");
    let found = picture("x", &["batch", "1", "98", "40"], 1);
    assert_eq!(found.task, Task::Unknown, "{found:?}");
    let found = picture("x", &["batch", "1", "1", "500"], 1);
    assert_eq!(found.task, Task::Unknown, "{found:?}");
}

#[test]
fn channels_may_stand_last() {
    let nodes = || {
        vec![
            list(onnx::node("Transpose", &["x"], &["t"]), "perm", &[0, 3, 1, 2]),
            onnx::node("Conv", &["t", "w"], &["y"]),
        ]
    };
    let found = detect(
        vec![float("x", &["batch", "64", "64", "3"])],
        nodes(),
        vec![floats("w", &[4, 3, 3, 3])],
    );
    assert_eq!(
        (found.task, found.confidence),
        (Task::Vision, Confidence::High),
        "{found:?}"
    );
}

#[test]
fn text_is_known_by_what_mixes_words() {
    let model = Model::from_bytes(Path::new("text.onnx"), transformer(64, "seq").into()).unwrap();
    let found = task::detect(&model);
    assert_eq!((found.task, found.confidence), (Task::Nlp, Confidence::High));
    assert_eq!(
        found.reason,
        "`Gather` looks the ids of `ids` up in a table of 50 rows, and `Softmax` mixes their places"
    );
    // Without a graph that tells, names are heard, and without names shapes.
    let opaque = |name: &str| {
        let node = onnx::node("Relu", &["f"], &["y"]);
        let cast = attribute(onnx::node("Cast", &[name], &["f"]), "to", DataType::Float as i64);
        detect(vec![int(name, &["batch", "seq"])], vec![cast, node], Vec::new())
    };
    let found = opaque("input_ids");
    assert_eq!(
        (found.task, found.confidence, found.tier),
        (Task::Nlp, Confidence::Medium, Tier::Names)
    );
    let found = opaque("x");
    assert_eq!(
        (found.task, found.confidence, found.tier),
        (Task::Nlp, Confidence::Low, Tier::Shapes)
    );
}

#[test]
fn a_series_of_numbers_is_left_unknown() {
    let mut lstm = onnx::node("LSTM", &["x", "w", "r"], &["y"]);
    lstm = attribute(lstm, "hidden_size", 4);
    let found = detect(
        vec![float("x", &["steps", "batch", "6"])],
        vec![lstm],
        vec![floats("w", &[1, 16, 6]), floats("r", &[1, 16, 4])],
    );
    assert_eq!(
        (found.task, found.confidence),
        (Task::Unknown, Confidence::None),
        "{found:?}"
    );
    assert!(
        found
            .warning()
            .unwrap()
            .starts_with("task could not be detected (`LSTM` over the input `x`: "),
        "{found:?}"
    );
}

#[test]
fn a_person_is_believed() {
    let model = Model::load(&fixture("digits_mlp.onnx")).unwrap();
    let found = task::resolve(Task::Tabular, &model);
    assert_eq!(
        (found.task, found.tier, found.warning()),
        (Task::Tabular, Tier::Given, None)
    );
}
