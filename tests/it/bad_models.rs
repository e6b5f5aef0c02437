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
    said_of_config(env, &desk::config(more))
}

fn said_of_config(env: &TestEnv, config: &str) -> String {
    env.write(".mlbuild.yml", config);
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
    insta::assert_snapshot!(said(&desk::empty(), ""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  cannot read `model.onnx`: No such file or directory (os error 2)

    error: `digits` could not be compared: cannot read `model.onnx`: No such file or directory (os error 2) (.mlbuild.yml:3)
    hint: check the path; it is taken relative to the folder of the config, or to the working folder for a flag
    "#);
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
        insta::assert_snapshot!(said(&env, ""), @r#"
        exit code: 2
        ----- stdout -----
        digits · onnxruntime_cpu · baseline mlbuild-baseline
          fp32  error  `model.onnx` is a folder, not a model file

        error: `digits` could not be compared: `model.onnx` is a folder, not a model file (.mlbuild.yml:3)
        hint: give the path of the model file in it
        "#);
    } else {
        let said = said(&env, "");
        assert!(said.contains("cannot read `"), "{said}");
        assert!(said.contains("hint: check the permissions of `"), "{said}");
    }
}

#[test]
fn no_model_at_all() {
    insta::assert_snapshot!(said_of("only words, and a few lines of them\n".repeat(9)), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is a text file, not a model

    error: `digits` could not be compared: `model.onnx` is a text file, not a model (.mlbuild.yml:3)
    hint: check the path: it should name the exported model
    "#);
    insta::assert_snapshot!(said_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is an image, not a model

    error: `digits` could not be compared: `model.onnx` is an image, not a model (.mlbuild.yml:3)
    hint: check the path: it should name the exported model
    "#);
    insta::assert_snapshot!(said_of(""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is empty; expected a model

    error: `digits` could not be compared: `model.onnx` is empty; expected a model (.mlbuild.yml:3)
    hint: check that the step that writes the model succeeded, and commit its result
    "#);
}

#[test]
fn a_git_lfs_pointer() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 13421772\n";
    insta::assert_snapshot!(said_of(pointer), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is a Git LFS pointer, not the model itself (13.4 MB)

    error: `digits` could not be compared: `model.onnx` is a Git LFS pointer, not the model itself (13.4 MB) (.mlbuild.yml:3)
    hint: in the workflow, set `lfs: true` under `with:` of actions/checkout
    hint: at the desk, run `git lfs install` once and then `git lfs pull`
    "#);
}

#[test]
fn another_format_that_is_cut_short() {
    insta::assert_snapshot!(said_of(b"\x1c\0\0\0TFL3\x14\0\0\0"), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        `model.onnx` is not a readable TFLite model: the model points 28 bytes on from byte 0, outside the file (12 bytes); it is damaged or cut short

    error: `digits` could not be compared: `model.onnx` is not a readable TFLite model: the model points 28 bytes on from byte 0, outside the file (12 bytes); it is damaged or cut short (.mlbuild.yml:3)
    hint: copy, download or convert it again; an interrupted transfer cuts files short
    "#);
}

#[test]
fn formats_of_later() {
    let env = desk::empty();
    env.write("model.onnx/Manifest.json", "{}");
    env.write("model.onnx/Data/com.apple.CoreML/model.mlmodel", "");
    insta::assert_snapshot!(said(&env, ""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is a Core ML model: recognised, but not yet supported

    error: `digits` could not be compared: `model.onnx` is a Core ML model: recognised, but not yet supported (.mlbuild.yml:3)
    hint: give the ONNX model it was converted from
    "#);
}

#[test]
fn cut_short() {
    let whole = fs::read(onnx::fixture("digits_mlp.onnx")).unwrap();
    insta::assert_snapshot!(said_of(&whole[..whole.len() / 2]), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        `model.onnx` is cut short: it has 101864 bytes and at least 101858 more are missing from the end

    error: `digits` could not be compared: `model.onnx` is cut short: it has 101864 bytes and at least 101858 more are missing from the end (.mlbuild.yml:3)
    hint: copy or download the file again; a full disk or an interrupted transfer cuts files short
    "#);
}

#[test]
fn an_operator_that_nobody_knows() {
    insta::assert_snapshot!(said_of(unary(17, "Frobnicate")), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        the candidate could not be measured: this version of ONNX Runtime does not support the model: This is an invalid model. In Node, ("", Frobnicate, "", -1) : ("x": tensor(float),) -> ("y": tensor(float),) , Error No Op registered for Frobnicate with domain_version of 17

    error: `digits` could not be compared: the candidate could not be measured: this version of ONNX Runtime does not support the model: This is an invalid model. In Node, ("", Frobnicate, "", -1) : ("x": tensor(float),) -> ("y": tensor(float… (.mlbuild.yml:3)
    hint: export the model with an older opset, or set `runtime.version` to a newer ONNX Runtime (`mlbuild runtime list`)
    "#);
}

#[test]
fn an_opset_newer_than_the_engine() {
    insta::assert_snapshot!(said_of(unary(99, "Relu")), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        the candidate could not be measured: this version of ONNX Runtime does not support the model: ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions. Opset 99 is under development and support for this is limited. The operator schemas and or other functionality may change before next ONNX release and in this case ONNX Runtime will not guarantee backward compatibility. Current official support for domain ai.onnx is till opset 26.

    error: `digits` could not be compared: the candidate could not be measured: this version of ONNX Runtime does not support the model: ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions. Ops… (.mlbuild.yml:3)
    hint: export the model with an older opset, or set `runtime.version` to a newer ONNX Runtime (`mlbuild runtime list`)
    "#);
}

#[test]
fn external_data_that_is_not_there() {
    let env = desk::empty();
    env.write("model.onnx", with_external("weights.bin"));
    insta::assert_snapshot!(said(&env, ""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        `model.onnx`: initializer `w` has its data in `weights.bin`, relative to `.`: there is no such file

    error: `digits` could not be compared: `model.onnx`: initializer `w` has its data in `weights.bin`, relative to `.`: there is no such file (.mlbuild.yml:3)
    hint: put the data file beside the model, under the name that it had when the model was saved
    hint: if Git ignores it or LFS holds it, commit it, or set `lfs: true` under `with:` of actions/checkout
    "#);
    env.write("weights.bin", [0; 8]);
    env.run(&["ci"]).expect_code(0);
}

#[test]
fn external_data_outside_the_folder() {
    let env = desk::empty();
    env.write("weights.bin", [0; 8]);
    env.write("inside/model.onnx", with_external("../weights.bin"));
    insta::assert_snapshot!(said_of_config(&env, &desk::config("").replace("path: model", "path: inside/model")), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        `inside/model.onnx`: initializer `w` has its data in `../weights.bin`, relative to `inside`: it leads out of the folder with `..`

    error: `digits` could not be compared: `inside/model.onnx`: initializer `w` has its data in `../weights.bin`, relative to `inside`: it leads out of the folder with `..` (.mlbuild.yml:3)
    hint: external data must be a plain file beneath the model's folder; save the model again with a plain file name: `onnx.save(model, path, save_as_external_data=True, location='weights.data')`
    "#);
}

#[test]
#[cfg(unix)]
fn external_data_behind_a_symlink() {
    let env = desk::empty();
    let elsewhere = env.write("elsewhere/weights.bin", [0; 8]);
    env.write("model.onnx", with_external("weights.bin"));
    std::os::unix::fs::symlink(elsewhere, env.path("weights.bin")).unwrap();
    insta::assert_snapshot!(said(&env, ""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        `model.onnx`: initializer `w` has its data in `weights.bin`, relative to `.`: it is a symbolic link, or lies behind one

    error: `digits` could not be compared: `model.onnx`: initializer `w` has its data in `weights.bin`, relative to `.`: it is a symbolic link, or lies behind one (.mlbuild.yml:3)
    hint: external data must be a plain file beneath the model's folder; save the model again with a plain file name: `onnx.save(model, path, save_as_external_data=True, location='weights.data')`
    "#);
}

#[test]
fn inputs_that_need_shapes() {
    let x = onnx::value("ids", DataType::Float, &[-1, -2]);
    let y = onnx::value("y", DataType::Float, &[-1, -2]);
    let nodes = vec![onnx::node("Relu", &["ids"], &["y"])];
    let bytes = onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]));
    let env = desk::empty();
    env.write("model.onnx", bytes);
    insta::assert_snapshot!(said(&env, ""), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        input `ids` is float [n1, n2]: `n1`, `n2` are known only at run time, and no shape is given

    error: `digits` could not be compared: input `ids` is float [n1, n2]: `n1`, `n2` are known only at run time, and no shape is given (.mlbuild.yml:3)
    hint: add this line to the model in .mlbuild.yml, with the sizes that you serve: `inputs: { ids: { shape: [16, 16] } }`
    "#);
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
    insta::assert_snapshot!(said_of(&nan), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  the candidate's output `y` holds NaN or infinity at sample 0

    error: `digits` could not be compared: the candidate's output `y` holds NaN or infinity at sample 0 (.mlbuild.yml:3)
    hint: look for a division by zero, an overflow in 16-bit floats, or a logarithm of zero
    "#);

    let env = desk::empty();
    env.write("model.onnx", &nan);
    env.write("old.onnx", unary(17, "Relu"));
    env.write(".mlbuild.yml", desk::config(""));
    let output = env.run(&["ci", "-q", "--baseline", "old.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline `old.onnx`
      fp32  error
        the candidate's output `y` holds NaN or infinity at sample 0, where the baseline's does not

    error: `digits` could not be compared: the candidate's output `y` holds NaN or infinity at sample 0, where the baseline's does not (.mlbuild.yml:3)
    hint: look for a division by zero, an overflow in 16-bit floats, or a logarithm of zero
    "#);
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
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        the candidate could not be measured: no answer after 2s while loading the model; the worker was stopped

    error: `digits` could not be compared: the candidate could not be measured: no answer after 2s while loading the model; the worker was stopped (.mlbuild.yml:3)
    hint: if the model is just slow, raise `measure.worker_timeout`
    "#);
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_model_of_nothing() {
    insta::assert_snapshot!(said_of(proto::ModelProto { ir_version: Some(8), ..Default::default() }.encode_to_vec()), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error  `model.onnx` is not a readable ONNX model: it holds no graph

    error: `digits` could not be compared: `model.onnx` is not a readable ONNX model: it holds no graph (.mlbuild.yml:3)
    hint: export the model again; `python -c "import onnx; onnx.checker.check_model('MODEL')"` tells more
    "#);
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
