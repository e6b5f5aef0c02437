//! `mlbuild trend`: histories out of a desk's baseline and a folder store, several machines, changes beyond noise.

use serde_json::Value;
use serde_json::json;

use crate::support::desk;
use crate::support::desk::json as parsed;
use crate::support::env::TestEnv;
use crate::support::page;

/// A project with a baseline whose history holds these medians: milliseconds, and on which of two machines.
fn with_history(history: &[(f64, usize)]) -> TestEnv {
    let env = desk::project("digits_mlp.onnx", "");
    env.run(&["baseline", "refresh"]).expect_code(0);
    let path = ".mlbuild/baseline/manifest.json";
    let mut manifest: Value = serde_json::from_str(&env.read(path)).unwrap();
    let key = manifest["entries"][0]["key"].clone();
    let here = manifest["machine"].clone();
    let mut other = here.clone();
    other["cpu_model"] = json!("Other \u{1b}[31m<b>processor</b>");
    // What was measured just now takes microseconds, which would be a change of its own.
    manifest["machine"]["cpu_model"] = json!("Third");
    manifest["history"] = history
        .iter()
        .enumerate()
        .map(|(index, (value, machine))| {
            json!({
                "created_at": format!("2026-01-{:02}T00:00:00Z", index + 1),
                "commit": format!("{index:07x}{}", "c".repeat(33)),
                "machine": if *machine == 0 { &here } else { &other },
                "p50_ms": [{ "key": key, "value": value }],
            })
        })
        .collect();
    env.write(path, manifest.to_string());
    env
}

#[test]
fn a_step_is_called_on_its_machine_alone() {
    // The other machine is twice as slow, and its figures lie between.
    let env = with_history(&[
        (4.00, 0),
        (8.00, 1),
        (4.01, 0),
        (8.02, 1),
        (3.99, 0),
        (8.01, 1),
        (4.40, 0),
        (8.00, 1),
        (4.41, 0),
        (4.39, 0),
    ]);
    let trend = parsed(&env.run(&["trend", "digits", "--json"]).expect_code(0));
    let series = trend["series"].as_array().unwrap();
    assert_eq!(series.len(), 1);
    assert_eq!(series[0]["points"].as_array().unwrap().len(), 11);
    let first = &series[0]["changes"][0];
    assert_eq!(
        (first["point"].as_u64(), first["machine"].as_u64()),
        (Some(6), Some(0)),
        "{series:?}"
    );
    assert!((first["percent"].as_f64().unwrap() - 10.0).abs() < 0.5, "{first}");
    assert_eq!(series[0]["changes"].as_array().unwrap().len(), 1, "{series:?}");

    let text = env.run(&["trend", "--output", "trend.html"]).expect_code(0);
    assert!(text.stdout.contains("from 0000006 on: +"), "{}", text.stdout);
    assert!(
        text.stdout.contains("figures of different machines are not comparable"),
        "{}",
        text.stdout
    );
    assert!(!text.stdout.contains('\u{1b}'), "{}", text.stdout);
    let html = env.read("trend.html");
    page::check(&html);
    let chart = html
        .split("id=\"chart-0-t\"")
        .nth(1)
        .unwrap()
        .split("</svg>")
        .next()
        .unwrap();
    assert_eq!(chart.matches("class=\"series ").count(), 2, "{chart}");
    assert!(chart.contains("class=\"shift\""), "{chart}");
    page::assert_fits_a_telephone(&env.path("trend.html"), &env.path("../tmp"));
}

#[test]
fn few_baselines_are_no_trend() {
    let env = with_history(&[(4.0, 1), (5.0, 1)]);
    let trend = parsed(&env.run(&["trend", "--json"]).expect_code(0));
    assert_eq!(trend["series"][0]["changes"], json!([]));
    let text = env.run(&["trend"]).expect_code(0);
    assert!(
        text.stdout
            .contains("too few baselines of one machine to tell a change from noise: 2, it takes 4"),
        "{}",
        text.stdout
    );
}

#[test]
fn metrics_come_out_of_raw_samples() {
    let env = with_history(&[(4.0, 0)]);
    for (metric, name) in [("p95", "p95"), ("size", "size"), ("memory", "peak memory")] {
        let trend = parsed(&env.run(&["trend", "--metric", metric, "--json"]).expect_code(0));
        assert_eq!(trend["metric"], metric);
        let points = trend["series"][0]["points"].as_array().unwrap();
        assert_eq!(points.len(), 1, "only medians are remembered: {points:?}");
        assert!(points[0]["value"].as_f64().unwrap() > 0.0);
        let text = env.run(&["trend", "--metric", metric]).expect_code(0);
        assert!(
            text.stdout.contains(&format!(": {name}, 1 baseline\n")),
            "{}",
            text.stdout
        );
    }
    let size = parsed(&env.run(&["trend", "--metric", "size", "--json"]).expect_code(0));
    let bytes = std::fs::metadata(env.path("model.onnx")).unwrap().len();
    assert_eq!(size["series"][0]["points"][0]["value"].as_f64(), Some(bytes as f64));
    let limited = parsed(&env.run(&["trend", "--limit", "1", "--json"]).expect_code(0));
    assert_eq!(limited["series"][0]["left_out"], 1);
}

#[test]
fn a_folder_store_is_read_too() {
    let env = desk::project("digits_mlp.onnx", "baseline: { store: dir, path: baseline }\n");
    env.run(&["baseline", "refresh"]).expect_code(0);
    std::fs::remove_dir_all(env.path(".mlbuild")).unwrap();
    let trend = parsed(&env.run(&["trend", "model.onnx", "--json"]).expect_code(0));
    assert_eq!(trend["sources"], json!(["the folder `baseline`"]));
    assert_eq!(trend["series"][0]["model"], "digits");
    assert!(!env.path(".mlbuild").exists(), "reading makes nothing");
}

#[test]
fn what_is_not_there_is_told() {
    let env = desk::project("digits_mlp.onnx", "");
    insta::assert_snapshot!(env.run(&["trend"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: there is no baseline to look at
    hint: `mlbuild baseline refresh` makes `mlbuild-baseline`; the Action publishes releases from the default branch
    hint: set `GITHUB_REPOSITORY` to `owner/name` and `GITHUB_TOKEN` to read a repository's releases
    ");
    let env = with_history(&[]);
    insta::assert_snapshot!(env.run(&["trend", "nothing", "--variant", "int8"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no baseline has `nothing` with `int8`; there are digits · onnxruntime_cpu · fp32
    hint: name a model as the config does; `--variant` and `--target` take whole names
    ");
}
