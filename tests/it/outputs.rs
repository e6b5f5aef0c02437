//! Odd outputs and what is said of them: a warning, or a violation in strict mode; with the real binary and engine.

use mlbuild::measure::outputs::check;
use mlbuild::measure::side::Side;
use mlbuild::model::Model;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::tensor::Tensor;

use crate::support::desk;
use crate::support::desk::assert_no_worse;
use crate::support::desk::json;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::onnx;
use crate::support::onnx::node;
use crate::support::runtime;

/// `x` of one to four numbers through `nodes` to `y`, which is declared as `declared`.
fn model(nodes: Vec<NodeProto>, declared: &[i64]) -> Vec<u8> {
    let x = onnx::value("x", DataType::Float, &[1, 4]);
    let y = onnx::value("y", DataType::Float, declared);
    onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]))
}

/// All zeros, whatever it is fed.
fn constant() -> Vec<u8> {
    model(vec![node("Sub", &["x", "x"], &["y"])], &[1, 4])
}

/// The warnings of the first comparison.
fn warnings(report: &serde_json::Value) -> String {
    report["comparisons"][0]["warnings"].to_string()
}

const SAID: &str = "output `y` is 0 in all of its 4 elements (8 of 8 samples)";

fn project(model: &[u8], more: &str) -> TestEnv {
    let env = desk::empty();
    env.write("model.onnx", model);
    env.write(".mlbuild.yml", desk::config(more));
    env
}

#[test]
fn a_constant_output_is_a_warning_and_strictly_a_violation() {
    let env = project(&constant(), "");
    let output = env.run(&["ci"]).expect_code(0);
    assert!(output.stdout.contains(SAID), "{}", output.stdout);
    assert!(warnings(&report(&env)).contains(SAID), "{}", report(&env));
    for arguments in [["--strict-output", "ci"], ["ci", "--strict-output"]] {
        env.run(&arguments).expect_code(1);
        assert_eq!(verdicts(&report(&env)), ["digits fp32 regression"]);
        assert_eq!(report(&env)["comparisons"][0]["reason"], SAID);
    }
    let mut by_variable = project(&constant(), "");
    by_variable.variable("MLBUILD_STRICT_OUTPUT", "1");
    by_variable.run(&["ci"]).expect_code(1);
    let by_config = env
        .read(".mlbuild.yml")
        .replace("300 ms", "300 ms, strict_output: true");
    env.write(".mlbuild.yml", by_config);
    env.run(&["ci"]).expect_code(1);
}

#[test]
fn an_unchanged_model_is_no_excuse() {
    let env = project(&constant(), "");
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.run(&["ci"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 skipped"]);
    env.run(&["ci", "--strict-output"]).expect_code(1);
    assert_eq!(report(&env)["comparisons"][0]["reason"], SAID);
}

#[test]
fn both_sides_may_be_odd_and_only_the_candidate_counts() {
    let env = desk::empty();
    env.write("a.onnx", constant());
    env.write("b.onnx", model(vec![node("Relu", &["x"], &["y"])], &[1, 4]));
    let compare = |a: &str, b: &str, code| {
        let budget = [
            "--time-budget",
            "300 ms",
            "--threshold",
            "100000%",
            "--json",
            "--strict-output",
        ];
        let mut arguments = vec!["compare", a, b];
        arguments.extend(budget);
        json(&env.run(&arguments).expect_code(code))
    };
    let both = compare("a.onnx", "a.onnx", 1);
    assert_eq!(both["comparisons"][0]["reason"], SAID);
    let baseline_only = compare("a.onnx", "b.onnx", 0);
    let reason = baseline_only["comparisons"][0]["reason"].to_string();
    assert!(!reason.contains("elements"), "{reason}");
}

#[test]
fn a_shape_that_the_model_does_not_declare_is_found() {
    // `Reshape` by a shape that is fed is nothing that the engine could foresee.
    let x = onnx::value("x", DataType::Float, &[1, 4]);
    let shape = onnx::value("shape", DataType::Int64, &[2]);
    let y = onnx::value("y", DataType::Float, &[1, 4]);
    let nodes = vec![node("Reshape", &["x", "shape"], &["y"])];
    let bytes = onnx::model(17, onnx::graph(vec![x, shape], nodes, vec![], vec![y]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    mlbuild::files::write_atomic(&path, &bytes).unwrap();
    let fed = |sizes: [i64; 2]| {
        let shape = Tensor {
            name: "shape".to_owned(),
            element: mlbuild::model::tensor::ElementType::Int64,
            shape: vec![2],
            data: sizes.map(i64::to_le_bytes).concat().into(),
        };
        let side = Side {
            artifact: runtime::artifact(&path),
            settings: runtime::settings(),
            inputs: vec![Tensor::from_f32("x", &[1, 4], &[1.0, 2.0, 3.0, f32::NAN]), shape],
        };
        let facts = Model::load(&path).unwrap().facts;
        let found = check(&side, &facts, &runtime::command(), &runtime::options()).unwrap();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let nan = "output `y` holds NaN in 1 of 4 elements";
    assert_eq!(fed([1, 4]), [nan]);
    assert_eq!(
        fed([2, 2]),
        ["output `y` has the shape [2, 2], but the model declares [1, 4]", nan]
    );
}

#[test]
fn folders_of_images_are_gated_and_digested() {
    let env = desk::project("digits_mlp.onnx", "    dataset: { path: data, mean: 0.5, std: 0.5 }\n");
    let error = env.run(&["config", "check"]).stderr;
    assert!(error.contains("mean"), "{error}");
    env.write(
        ".mlbuild.yml",
        desk::config("    dataset: { path: data, mean: [0.5], std: [0.5], resize: crop }\n"),
    );
    let digit = |shade: u8| {
        let image = image::GrayImage::from_fn(9, 12, |x, y| {
            image::Luma([(x as u8 * 20) ^ (y as u8).wrapping_mul(shade)])
        });
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    for class in 0..3_u8 {
        env.write(&format!("data/{class}/a.png"), digit(class * 7));
    }
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.run(&["ci"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 skipped"]);
    env.write("data/1/a.png", digit(90));
    env.run(&["ci"]).expect_code(0);
    assert_no_worse(&report(&env));
    env.write("data/1/a.png", &digit(90)[..70]);
    let output = env.run(&["ci"]).expect_code(2);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 error"]);
    let reason = report(&env)["comparisons"][0]["reason"].to_string();
    assert!(
        reason.contains("`1/a.png` in `data` cannot be read as an image"),
        "{reason}"
    );
    assert!(output.stdout.contains("replace it, or remove it"), "{}", output.stdout);
}
