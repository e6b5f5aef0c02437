//! What people set for LiteRT: which entry point runs, and whether XNNPACK computes.

use crate::support::desk;
use crate::support::desk::CALM;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::desk::report;
use crate::support::desk::verdicts;

const QUICK: [&str; 6] = ["--runs", "5", "--restarts", "3", "--time-budget", "2 s"];

fn benchmark(env: &crate::support::env::TestEnv, more: &[&str]) -> crate::support::env::Output {
    let arguments: Vec<&str> = ["benchmark", "m.tflite", "--json"]
        .into_iter()
        .chain(QUICK)
        .chain(more.iter().copied())
        .collect();
    env.run(&arguments)
}

#[test]
fn a_signature_is_chosen_by_flag_and_by_config() {
    let env = desk::empty();
    put(&env, "m.tflite", "tflite/signatures.tflite");
    let first = json(&benchmark(&env, &[]));
    let second = json(&benchmark(&env, &["--signature", "multiply"]));
    assert_eq!(first["model"], second["model"]);
    let unknown = benchmark(&env, &["--signature", "divide"]).expect_code(2);
    for said in ["m.tflite` has no signature `divide`", "hint: it has `add`, `multiply`"] {
        assert!(unknown.stderr.contains(said), "{}", unknown.stderr);
    }
    let models = "models: [{ path: m.tflite, signature: multiply }]\n";
    env.write(".mlbuild.yml", format!("version: 1\n{models}{CALM}"));
    env.run(&["ci"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["m fp32 no-baseline"]);
    env.write(
        ".mlbuild.yml",
        format!("version: 1\n{}{CALM}", models.replace("multiply", "divide")),
    );
    env.run(&["ci"]).expect_code(2);
    let told = report(&env).to_string();
    assert!(told.contains("no signature `divide`"), "{told}");
}

#[test]
fn a_signature_of_an_onnx_model_is_refused() {
    let env = desk::empty();
    put(&env, "m.tflite", "digits_mlp.onnx");
    let refused = benchmark(&env, &["--signature", "main"]).expect_code(2);
    assert!(refused.stderr.contains("no signature `main`"), "{}", refused.stderr);
}

#[test]
fn xnnpack_is_switched_off_by_flag_and_by_config() {
    let env = desk::empty();
    put(&env, "m.tflite", "tflite/cnn.tflite");
    let profile = |more: &[&str]| {
        let arguments: Vec<&str> = ["profile", "m.tflite", "--json", "--runs", "5"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        json(&env.run(&arguments)).to_string()
    };
    let delegated = profile(&[]);
    let own = profile(&["--no-xnnpack"]);
    let is_delegated = |profile: &str| profile.to_lowercase().contains("xnnpack");
    assert!(is_delegated(&delegated), "{delegated}");
    assert!(!is_delegated(&own), "{own}");
    env.write(
        ".mlbuild.yml",
        "version: 1\nmodels: [{ path: m.tflite }]\nruntime: { xnnpack: false }\n",
    );
    let configured = profile(&[]);
    assert!(!is_delegated(&configured), "{configured}");
    let checked = env.run(&["config", "check"]).expect_code(0).stdout;
    assert!(checked.contains("without XNNPACK"), "{checked}");
}
