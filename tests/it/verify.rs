//! What makes a variant count: it keeps ONNX's rules, loads, runs, is finite, and its accuracy is known.

use std::collections::BTreeMap;
use std::path::Path;

use mlbuild::config::DatasetConfig;
use mlbuild::config::Task;
use mlbuild::hint::Hint as _;
use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::pipeline::agree;
use mlbuild::pipeline::agree::Engine;
use mlbuild::pipeline::agree::Feed;
use mlbuild::pipeline::open;
use mlbuild::pipeline::subject;
use mlbuild::pipeline::subject::Prepared;
use mlbuild::pipeline::verify::Source;
use mlbuild::pipeline::verify::Verified;
use mlbuild::pipeline::verify::VerifyError;
use mlbuild::pipeline::verify::verify;
use mlbuild::pipeline::workspace::Workspace;
use mlbuild::runtime::Stop;
use mlbuild::variant::Recipe;
use tempfile::TempDir;

use crate::support::onnx::fixture;
use crate::support::onnx::graph;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;
use crate::support::runtime;

/// Verifies what `change` makes of the variant `recipe` of the model at `path`.
fn checked(
    path: &Path,
    dataset: Option<DatasetConfig>,
    recipe: &str,
    change: impl FnOnce(&mut Prepared),
) -> Result<Verified, VerifyError> {
    let folder = TempDir::new().unwrap();
    let workspace = Workspace::open(folder.path()).unwrap();
    let feed = Feed {
        dataset,
        shapes: BTreeMap::new(),
        task: Task::Tabular,
        samples: 8,
        seed: 1,
    };
    let found = open::find(path.to_str().unwrap(), &workspace, folder.path()).unwrap();
    let fed = agree::feed(found, &feed, &workspace).unwrap();
    let machinery = runtime::machinery();
    let engine = Engine {
        machinery: &machinery,
        settings: runtime::settings(),
        timeout: runtime::options().timeout,
        stop: Stop::default(),
    };
    let recipe = Recipe::parse(recipe).unwrap();
    let mut prepared = subject::prepare(&fed.opened.model, &recipe, 0, workspace.objects()).unwrap();
    change(&mut prepared);
    let side = agree::side(&fed.opened, &engine);
    verify(Source::of(&fed, &side), &prepared, &engine)
}

fn file(folder: &TempDir, name: &str, bytes: Vec<u8>) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The logistic function of e^e^x to the fourth: beyond what 16 bits hold, and 1 all the same.
fn growing() -> Vec<u8> {
    model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1, 64])],
            vec![
                node("Exp", &["x"], &["once"]),
                node("Exp", &["once"], &["twice"]),
                node("Mul", &["twice", "twice"], &["square"]),
                node("Mul", &["square", "square"], &["large"]),
                node("Sigmoid", &["large"], &["y"]),
            ],
            vec![],
            vec![value("y", DataType::Float, &[1, 64])],
        ),
    )
}

#[test]
fn a_sound_variant_comes_with_its_accuracy() {
    let labelled = DatasetConfig {
        labels: Some("labels".to_owned()),
        samples: 40,
        ..DatasetConfig::of(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz"))
    };
    let verified = checked(&fixture("digits_cnn.onnx"), Some(labelled), "fp16", |_| {}).unwrap();
    assert!(verified.is_real && verified.overflows.is_empty() && verified.warnings().is_empty());
    let accuracy = &verified.accuracy;
    assert_eq!((accuracy.samples, accuracy.labelled), (40, 40));
    assert!(accuracy.cosine > 0.9999 && accuracy.max_abs_error > 0.0, "{accuracy:?}");
    assert!(accuracy.candidate_top5.unwrap() >= accuracy.candidate_top1.unwrap());
    // It is kept as it is.
    let text = serde_json::to_string(&verified).unwrap();
    assert_eq!(serde_json::from_str::<Verified>(&text).unwrap(), verified);
}

#[test]
fn every_real_model_verifies_in_sixteen_bits() {
    for name in [
        "digits_mlp",
        "digits_mbv2",
        "digits_vit",
        "digits_lstm",
        "control_flow_if_loop",
    ] {
        let verified = checked(&fixture(&format!("{name}.onnx")), None, "fp16", |_| {}).unwrap();
        assert!(
            !verified.is_real && verified.accuracy.cosine > 0.999,
            "{name}: {verified:?}"
        );
    }
}

#[test]
fn an_overflow_is_reported_with_its_node() {
    let folder = TempDir::new().unwrap();
    let of = |made: proto::NodeProto| {
        let named = proto::NodeProto {
            name: Some("/block/made".to_owned()),
            ..made
        };
        model(
            17,
            graph(
                vec![value("x", DataType::Float, &[1, 64])],
                vec![
                    node("Sub", &["x", "x"], &["zero"]),
                    named,
                    node("Add", &["made", "zero"], &["y"]),
                ],
                vec![],
                vec![value("y", DataType::Float, &[1, 64])],
            ),
        )
    };
    let source = file(&folder, "sound.onnx", of(node("Mul", &["x", "zero"], &["made"])));
    let broken = file(&folder, "broken.onnx", of(node("Div", &["x", "zero"], &["made"])));
    let error = checked(&source, None, "fp16", |variant| variant.artifact.model = broken).unwrap_err();
    assert!(error.is_of_variant() && !error.is_interrupted());
    let told = format!("{error} | {}", error.hints().join(" | "));
    assert!(
        told.starts_with(
            "the fp16 variant's output `y` holds NaN or infinity, and the source's does not, from `/block/made` (Mul) on"
        ),
        "{told}"
    );
    assert!(told.contains("keep this model in 32 bits"), "{told}");
}

#[test]
fn an_overflow_that_the_outputs_hide_is_reported_too() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder, "hidden.onnx", growing());
    let verified = checked(&path, None, "fp16", |_| {}).unwrap();
    assert!(verified.overflows[0].numbers > 0, "{verified:?}");
    let warnings = verified.warnings().join("\n");
    assert!(warnings.contains("beyond the range of its type"), "{warnings}");
}

#[test]
fn what_the_engine_cannot_run_names_the_operator() {
    let folder = TempDir::new().unwrap();
    let mut unknown = node("MatMulInteger16", &["x", "x"], &["y"]);
    unknown.domain = Some("com.microsoft".to_owned());
    let simple = |node| {
        model(
            17,
            graph(
                vec![value("x", DataType::Float, &[4, 4])],
                vec![node],
                vec![],
                vec![value("y", DataType::Float, &[4, 4])],
            ),
        )
    };
    let source = file(&folder, "sound.onnx", simple(node("MatMul", &["x", "x"], &["y"])));
    let broken = file(&folder, "unknown.onnx", simple(unknown));
    let error = checked(&source, None, "fp32", |variant| variant.artifact.model = broken).unwrap_err();
    let told = format!("{error}: {:?}", std::error::Error::source(&error));
    assert!(told.contains("MatMulInteger16"), "{told}");
    assert!(error.is_of_variant() && !error.hints().is_empty());
    // Bytes that are no model at all.
    let nothing = file(&folder, "nothing.onnx", b"nothing".to_vec());
    let error = checked(&source, None, "fp32", |variant| variant.artifact.model = nothing).unwrap_err();
    assert!(matches!(error, VerifyError::Unreadable { .. }), "{error:?}");
    // Another output.
    let other = file(&folder, "other.onnx", simple(node("MatMul", &["x", "x"], &["y"])));
    let renamed = file(
        &folder,
        "renamed.onnx",
        model(
            17,
            graph(
                vec![value("x", DataType::Float, &[4, 4])],
                vec![node("MatMul", &["x", "x"], &["z"])],
                vec![],
                vec![value("z", DataType::Float, &[4, 4])],
            ),
        ),
    );
    let error = checked(&other, None, "fp32", |variant| variant.artifact.model = renamed).unwrap_err();
    assert!(error.to_string().contains("the candidate has no output `y`"), "{error}");
}
