//! `mlbuild explore` with the real binary and engine: rows, verdicts, the page, what is kept and reused, interrupts, bad input.

use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::Output;
use crate::support::env::TestEnv;

/// Enough for every pair of a tiny model.
const BUDGET: [&str; 2] = ["--budget", "6 s"];

fn one(model: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "model.onnx", model);
    env
}

fn explore(env: &TestEnv, more: &[&str]) -> Output {
    env.run(&[&["explore", "model.onnx"], more, &BUDGET[..]].concat())
}

fn row<'a>(found: &'a Value, recipe: &str) -> &'a Value {
    let rows = found["variants"].as_array().unwrap();
    rows.iter()
        .find(|row| row["recipe"] == recipe)
        .unwrap_or_else(|| panic!("no row {recipe}: {found}"))
}

/// Replaces every run of digits, with what belongs to a number, by `0`; measured words too.
fn without_figures(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let is_figure = word
                .trim_start_matches(['±', '<', '−', '+'])
                .starts_with(|c: char| c.is_ascii_digit());
            words.push(if is_figure { "#".to_owned() } else { word.to_owned() });
        }
        shown.push_str(&words.join(" "));
        shown.push('\n');
    }
    shown
}

#[test]
fn a_fast_sweep_shows_the_baseline_and_half_precision() {
    let env = one("digits_mlp.onnx");
    let output = explore(&env, &["--fast"]).expect_code(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(
        lines[0].starts_with("model.onnx · onnxruntime_cpu 1."),
        "{}",
        output.stdout
    );
    assert!(
        lines[0].ends_with("outputs compared on 16 made-up inputs"),
        "{}",
        lines[0]
    );
    let heading = without_figures(lines[3]);
    assert_eq!(heading, "size p50 vs fp32 memory cosine verdict\n");
    // Memory of a tiny model is about one megabyte.
    let baseline = without_figures(lines[4]).replace("# MB – ○", "# KB – ○");
    assert_eq!(baseline, "fp32 # KB # µs – # KB – ○ baseline\n");
    assert!(lines[5].trim_start().starts_with("fp16 "), "{}", output.stdout);
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("Pareto front: ") && last.ends_with("plot: .mlbuild/explore.html"),
        "{last}"
    );
    assert!(env.path(".mlbuild/explore.html").is_file());
    assert!(
        output.stderr.contains("trying 1 variant, 6.00 s in total"),
        "{}",
        output.stderr
    );
    desk::assert_no_leftovers(&env);
}

#[test]
fn json_holds_every_figure_and_the_verdicts_agree_with_them() {
    let env = one("digits_cnn.onnx");
    let found = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    assert_eq!(found["schema"], 1);
    assert_eq!(found["interrupted"], false);
    assert_eq!(found["model"]["name"], "model.onnx");
    assert_eq!(found["asked"]["fast"], true);
    assert_eq!(found["asked"]["cosine_threshold"], 0.99);
    assert!(found["machine"]["cores_logical"].as_u64().unwrap() > 0);
    assert!(
        found["options"].as_array().unwrap().is_empty(),
        "a fast sweep tries no settings"
    );
    let baseline = row(&found, "fp32");
    assert_eq!(baseline["verdict"], "baseline");
    let half = row(&found, "fp16");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    assert!(number(&half["size_bytes"]) < number(&baseline["size_bytes"]));
    let ratio = &half["latency"]["ratio"];
    assert!(number(&ratio["lower"]) <= number(&ratio["value"]) && number(&ratio["value"]) <= number(&ratio["upper"]));
    let score = 0.6 / number(&ratio["value"]) + 0.4 * number(&baseline["size_bytes"]) / number(&half["size_bytes"]);
    assert!((number(&half["score"]) - score).abs() < 1e-9);
    assert!(number(&half["accuracy"]["cosine"]) > 0.99);
    assert!(half["latency"]["restarts"].as_u64().unwrap() >= 3);
    assert!(number(&half["memory"]["peak_bytes"]) >= 0.0);
    let is_slower = number(&ratio["lower"]) > 1.0;
    assert_eq!(half["verdict"] == "skip", is_slower, "{half}");
    assert_eq!(half["reason"].is_string(), is_slower, "{half}");
    let front: Vec<&str> = found["front"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(front.contains(&"fp16"), half["on_front"].as_bool().unwrap());
}

#[test]
fn a_second_run_measures_nothing_again() {
    let env = one("digits_mlp.onnx");
    let first = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    assert_eq!(row(&first, "fp16")["reused"], false);
    let second = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    assert_eq!(row(&second, "fp16")["reused"], true);
    for field in ["latency", "memory", "accuracy", "score", "verdict", "build_id"] {
        assert_eq!(row(&first, "fp16")[field], row(&second, "fp16")[field], "{field}");
    }
    let fresh = json(&explore(&env, &["--fast", "--json", "--fresh"]).expect_code(0));
    assert_eq!(row(&fresh, "fp16")["reused"], false);
    // Other settings are another measurement.
    let other = json(&explore(&env, &["--fast", "--json", "--threads", "2"]).expect_code(0));
    assert_eq!(row(&other, "fp16")["reused"], false);
    // And so is another machine.
    let folder = env.path(".mlbuild/explore");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut stored: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        stored["machine"]["cpu_model"] = "another".into();
        std::fs::write(&path, stored.to_string()).unwrap();
    }
    let elsewhere = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    assert_eq!(row(&elsewhere, "fp16")["reused"], false);
    // What cannot be read is made anew.
    for entry in std::fs::read_dir(env.path(".mlbuild/explore")).unwrap() {
        std::fs::write(entry.unwrap().path(), "{ half").unwrap();
    }
    let broken = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    assert_eq!(row(&broken, "fp16")["reused"], false);
}

#[test]
fn variants_become_builds() {
    let env = one("digits_mlp.onnx");
    let found = json(&explore(&env, &["--fast", "--json"]).expect_code(0));
    let id = row(&found, "fp16")["build_id"].as_str().unwrap().to_owned();
    let again = env.run(&["explore", &id[..10], "--fast", "--json", "--budget", "3 s"]);
    // A build in half precision has nothing left to convert.
    let again = json(&again.expect_code(0));
    assert_eq!(again["variants"][0]["recipe"], "fp16");
    assert_eq!(again["variants"][0]["build_id"], id.as_str());
    assert_eq!(again["left_out"][0]["recipe"], "fp16");
}

#[test]
fn a_threshold_that_nothing_reaches_skips_or_fails() {
    let env = one("digits_mlp.onnx");
    let strict = ["--fast", "--json", "--cosine-threshold", "1.0"];
    let found = json(&explore(&env, &strict).expect_code(0));
    let half = row(&found, "fp16");
    assert_eq!(half["verdict"], "skip");
    assert!(half["reason"].as_str().unwrap().starts_with("cosine 0.99"), "{half}");
    assert_eq!(half["on_front"], false);
    assert_eq!(found["front"], serde_json::json!(["fp32"]));
    let found = json(&explore(&env, &[&strict[..], &["--check-accuracy"]].concat()).expect_code(0));
    assert_eq!(row(&found, "fp16")["verdict"], "failed");
    assert!(
        row(&found, "fp16")["latency"].is_object(),
        "it is measured all the same"
    );
}

#[test]
fn results_go_where_they_are_wanted() {
    let env = one("digits_mlp.onnx");
    let output = explore(
        &env,
        &["--fast", "--output-json", "out/found.json", "--html", "out/found.html"],
    )
    .expect_code(0);
    assert!(output.stdout.contains("plot: out/found.html"), "{}", output.stdout);
    let found: Value = serde_json::from_str(&env.read("out/found.json")).unwrap();
    assert_eq!(found["variants"].as_array().unwrap().len(), 2);
    assert!(env.read("out/found.html").starts_with("<!doctype html>"));
    assert!(!env.path(".mlbuild/explore.html").exists());
    let output = explore(&env, &["--fast", "--output-json"]).expect_code(0);
    assert_eq!(json(&output)["schema"], 1);
}

#[test]
fn settings_of_the_engine_are_tried() {
    let env = one("digits_mlp.onnx");
    let output = env.run(&[
        "explore",
        "model.onnx",
        "--recipes",
        "fp16,fp32,fp16",
        "--json",
        "--budget",
        "12 s",
    ]);
    let found = json(&output.expect_code(0));
    assert_eq!(
        found["variants"].as_array().unwrap().len(),
        2,
        "each once, and the model itself"
    );
    let options = found["options"].as_array().unwrap();
    let settings: Vec<&str> = options
        .iter()
        .filter(|option| option["recipe"] == "fp32")
        .filter_map(|option| option["setting"].as_str())
        .collect();
    for setting in ["graph level basic", "graph level extended", "arena off"] {
        assert!(settings.contains(&setting), "{settings:?}");
    }
    let arena = options.iter().find(|option| option["setting"] == "arena off").unwrap();
    assert_eq!(arena["options"]["arena"], false);
    assert_eq!(arena["options"]["graph_optimization"], "all");
}

#[test]
fn the_page_is_whole_and_asks_no_network() {
    let env = one("digits_cnn.onnx");
    explore(&env, &["--fast"]).expect_code(0);
    let page = env.read(".mlbuild/explore.html");
    for forbidden in [
        "<script", "<link", "<img", "url(", "@import", "href=", "src=", "http:", "https:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for wanted in [
        "default-src 'none'",
        "prefers-color-scheme: dark",
        "@media print",
        "<title id=\"plot-t\">",
        "<desc id=\"plot-d\">",
        "Every variant",
        "How it was measured",
        "mlbuild explore model.onnx --fast",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn what_cannot_be_explored_says_what_to_do() {
    let env = one("digits_mlp.onnx");
    insta::assert_snapshot!(env.run(&["explore", "model.onnx", "--backends", "coreml"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: the backend `coreml` is not available in this version
    hint: leave `--backends` out, or write `--backends onnxruntime`
    "#);
    insta::assert_snapshot!(env.run(&["explore", "model.onnx", "--backends", "onnxruntime,abacus"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: the backend `abacus` is not known
    hint: leave `--backends` out, or write `--backends onnxruntime`
    "#);
    insta::assert_snapshot!(env.run(&["explore", "model.onnx", "--recipes", "fp32"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `--recipes` names no variant: `fp32` is what variants are compared with
    hint: name at least one other recipe, or leave `--recipes` out
    "#);
    insta::assert_snapshot!(env.run(&["explore", "model.onnx", "--fast", "--recipes", "fp16"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `--fast` tries `fp16` only, and `--recipes` names others
    hint: leave one of them out; `--budget` makes any sweep short
    "#);
    insta::assert_snapshot!(env.run(&["explore", "gone.onnx"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `gone.onnx`: there is no such file, and there is no registry of builds here
    hint: did you mean `model.onnx`?
    "#);
    let target = env
        .run(&["explore", "model.onnx", "--target", "apple_m1"])
        .expect_code(2);
    assert!(
        target
            .stderr
            .contains("no such target here; expected one of onnxruntime_cpu"),
        "{}",
        target.stderr
    );
    let recipe = env.run(&["explore", "model.onnx", "--recipes", "fp61"]).expect_code(2);
    assert!(recipe.stderr.contains("did you mean `fp16`?"), "{}", recipe.stderr);
}

#[test]
fn a_model_that_does_not_run_is_an_error() {
    let env = desk::empty();
    env.write("model.onnx", b"no model");
    let output = explore(&env, &["--fast"]).expect_code(2);
    assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
    assert!(!env.path(".mlbuild/explore.html").exists());
}

#[cfg(target_os = "linux")]
mod interrupts {
    use std::process::Command;
    use std::process::Stdio;
    use std::thread;
    use std::time::Duration;
    use std::time::Instant;

    use super::*;

    #[test]
    fn ctrl_c_keeps_what_was_measured() {
        let env = one("digits_mlp.onnx");
        let arguments = [
            "explore",
            "model.onnx",
            "--recipes",
            "fp16",
            "--json",
            "--budget",
            "100 s",
        ];
        let running = env
            .command("", &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The variant is measured and kept, and settings are being tried.
        let begun = Instant::now();
        let kept = || {
            let files = std::fs::read_dir(env.path(".mlbuild/explore"))
                .into_iter()
                .flatten()
                .flatten();
            files
                .filter(|file| std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains("\"restarts\"")))
                .count()
        };
        while kept() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(90), "nothing is kept after 90 s");
            thread::sleep(Duration::from_millis(20));
        }
        let sent = Command::new("kill").args(["-INT", &running.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let output = running.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("error: interrupted before everything was measured"),
            "{stderr}"
        );
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["interrupted"], true);
        assert!(row(&found, "fp16")["latency"].is_object());
        assert!(env.read(".mlbuild/explore.html").contains("Interrupted:"));
        desk::assert_no_leftovers(&env);

        let again = json(
            &env.run(&[
                "explore",
                "model.onnx",
                "--recipes",
                "fp16",
                "--json",
                "--budget",
                "8 s",
            ])
            .expect_code(0),
        );
        assert_eq!(row(&again, "fp16")["reused"], true);
        assert_eq!(row(&again, "fp16")["latency"], row(&found, "fp16")["latency"]);
        assert_eq!(again["interrupted"], false);
    }
}
