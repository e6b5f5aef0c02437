//! Every kind of model that cannot be measured, as a person at the desk sees it: the reason, what to do, exit code 2, and a report.

use std::fs;

use mlbuild::model::onnx::proto;
use mlbuild::model::onnx::proto::tensor_proto::DataLocation;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use prost::Message as _;

use crate::support::desk;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::onnx;

/// Gates what is at `model.onnx`; the whole output, which must be an error with a written report.
fn said(env: &TestEnv, more: &str) -> String {
    env.write(".mlbuild.yml", desk::config(more));
    let output = env.run(&["ci", "-q"]);
    assert_eq!(output.code, 2, "{}", output.snapshot());
    assert_eq!(verdicts(&report(env)), ["digits fp32 error"]);
    assert!(env.read(".mlbuild/comment.md").starts_with("## ⛔"));
    output.snapshot()
}

fn said_of(bytes: impl AsRef<[u8]>) -> String {
    let env = desk::empty();
    env.write("model.onnx", bytes);
    said(&env, "")
}

/// One operator between a float input and a float output of two elements.
fn unary(opset: i64, operator: &str) -> Vec<u8> {
    let x = onnx::value("x", DataType::Float, &[2]);
    let y = onnx::value("y", DataType::Float, &[2]);
    let nodes = vec![onnx::node(operator, &["x"], &["y"])];
    onnx::model(opset, onnx::graph(vec![x], nodes, vec![], vec![y]))
}

/// Adds a tensor of two floats that lies in the file at `location`.
fn with_external(location: &str) -> Vec<u8> {
    let entry = proto::StringStringEntryProto {
        key: Some("location".to_owned()),
        value: Some(location.to_owned()),
    };
    let weights = proto::TensorProto {
        name: Some("w".to_owned()),
        dims: vec![2],
        data_type: Some(DataType::Float as i32),
        data_location: Some(DataLocation::External as i32),
        external_data: vec![entry],
        ..Default::default()
    };
    let x = onnx::value("x", DataType::Float, &[2]);
    let y = onnx::value("y", DataType::Float, &[2]);
    let nodes = vec![onnx::node("Add", &["x", "w"], &["y"])];
    onnx::model(17, onnx::graph(vec![x], nodes, vec![weights], vec![y]))
}

#[test]
fn missing() {
    insta::assert_snapshot!(said(&desk::empty(), ""), @"");
}

#[test]
#[cfg(unix)]
fn unreadable() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = desk::empty();
    let path = env.write("model.onnx", unary(17, "Relu"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        // Root reads everything; a folder cannot be read as a file by anybody.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        insta::assert_snapshot!(said(&env, ""), @"");
    } else {
        let said = said(&env, "");
        assert!(said.contains("cannot read `"), "{said}");
        assert!(said.contains("hint: check the permissions of `"), "{said}");
    }
}

#[test]
fn no_model_at_all() {
    insta::assert_snapshot!(said_of("only words, and a few lines of them\n".repeat(9)), @"");
    insta::assert_snapshot!(said_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), @"");
    insta::assert_snapshot!(said_of(""), @"");
}

#[test]
fn a_git_lfs_pointer() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 13421772\n";
    insta::assert_snapshot!(said_of(pointer), @"");
}

#[test]
fn formats_of_later() {
    insta::assert_snapshot!(said_of(b"\x1c\0\0\0TFL3\x14\0\0\0"), @"");
    let env = desk::empty();
    env.write("model.onnx/Manifest.json", "{}");
    env.write("model.onnx/Data/com.apple.CoreML/model.mlmodel", "");
    insta::assert_snapshot!(said(&env, ""), @"");
}

#[test]
fn cut_short() {
    let whole = fs::read(onnx::fixture("digits_mlp.onnx")).unwrap();
    insta::assert_snapshot!(said_of(&whole[..whole.len() / 2]), @"");
}

#[test]
fn an_operator_that_nobody_knows() {
    insta::assert_snapshot!(said_of(unary(17, "Frobnicate")), @"");
}

#[test]
fn an_opset_newer_than_the_engine() {
    insta::assert_snapshot!(said_of(unary(99, "Relu")), @"");
}

#[test]
fn external_data_that_is_not_there() {
    insta::assert_snapshot!(said_of(with_external("weights.bin")), @"");
}

#[test]
fn external_data_outside_the_folder() {
    let env = desk::empty();
    env.write("weights.bin", [0; 8]);
    env.write("inside/model.onnx", with_external("../weights.bin"));
    insta::assert_snapshot!(said(&env, "").replace("model.onnx", "model.onnx"), @"");
}

#[test]
#[cfg(unix)]
fn external_data_behind_a_symlink() {
    let env = desk::empty();
    let elsewhere = env.write("elsewhere/weights.bin", [0; 8]);
    env.write("model.onnx", with_external("weights.bin"));
    std::os::unix::fs::symlink(elsewhere, env.path("weights.bin")).unwrap();
    insta::assert_snapshot!(said(&env, ""), @"");
}

#[test]
fn inputs_that_need_shapes() {
    let x = onnx::value("ids", DataType::Float, &[-1, -2]);
    let y = onnx::value("y", DataType::Float, &[-1, -2]);
    let nodes = vec![onnx::node("Relu", &["ids"], &["y"])];
    let bytes = onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]));
    let env = desk::empty();
    env.write("model.onnx", bytes);
    insta::assert_snapshot!(said(&env, ""), @"");
    env.write(".mlbuild.yml", desk::config("    inputs: { ids: { shape: [1, 8] } }\n"));
    env.run(&["ci"]).expect_code(0);
}

#[test]
fn outputs_that_are_no_numbers() {
    // The logarithm of a negative number, whatever the input.
    let x = onnx::value("x", DataType::Float, &[2]);
    let y = onnx::value("y", DataType::Float, &[2]);
    let minus = proto::TensorProto {
        name: Some("minus".to_owned()),
        dims: vec![1],
        data_type: Some(DataType::Float as i32),
        float_data: vec![-1.0],
        ..Default::default()
    };
    let nodes = vec![
        onnx::node("Abs", &["x"], &["positive"]),
        onnx::node("Sub", &["minus", "positive"], &["negative"]),
        onnx::node("Log", &["negative"], &["y"]),
    ];
    let nan = onnx::model(17, onnx::graph(vec![x], nodes, vec![minus], vec![y]));
    insta::assert_snapshot!(said_of(&nan), @"");

    let env = desk::empty();
    env.write("model.onnx", &nan);
    env.write("old.onnx", unary(17, "Relu"));
    env.write(".mlbuild.yml", desk::config(""));
    let output = env.run(&["ci", "-q", "--baseline", "old.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @"");
}

#[test]
fn a_model_that_never_answers() {
    let env = desk::empty();
    env.write("model.onnx", desk::endless());
    env.write(
        ".mlbuild.yml",
        desk::config("").replace("300 ms }", "300 ms, worker_timeout: 2 s }"),
    );
    let output = env.run(&["ci", "-q"]);
    insta::assert_snapshot!(output.snapshot(), @"");
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_model_of_nothing() {
    insta::assert_snapshot!(said_of(proto::ModelProto { ir_version: Some(8), ..Default::default() }.encode_to_vec()), @"");
}

#[test]
fn one_bad_model_does_not_keep_the_others_from_being_measured() {
    let env = desk::empty();
    env.write("model.onnx", "words\n");
    desk::put(&env, "good.onnx", "digits_mlp.onnx");
    env.write(".mlbuild.yml", desk::config("  - path: good.onnx\n"));
    env.run(&["ci", "-q"]).expect_code(2);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 error", "good fp32 no-baseline"]);
}
