//! Plan, shards and merge at the desk: the same kinds of verdicts as in one run, a matrix, times, machines.

use std::fs;

use mlbuild::pipeline::sharding::partial::Partial;
use serde_json::Value;

use super::kinds;
use super::several;
use super::shards;
use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::report;

#[test]
fn shards_come_to_what_one_run_comes_to() {
    let env = several();
    let whole = env.run(&["ci", "-q"]);
    let single = report(&env);
    assert_eq!(
        kinds(&single),
        [
            "cnn fp32 regression",
            "cnn fp16 regression",
            "mlp fp32 no worse",
            "same fp32 skipped",
            "broken fp32 error",
            "gone fp32 removed",
        ]
    );
    for of in [1, 2, 4] {
        let files = shards(&env, of);
        let merged = env.run(&["ci", "--merge", ".mlbuild", "-q"]).expect_code(whole.code);
        let together = report(&env);
        assert_eq!(kinds(&together), kinds(&single), "{of} shards: {}", merged.snapshot());
        assert_eq!(together["result"], single["result"]);
        assert_eq!(together["exit_code"], single["exit_code"]);
        assert_eq!(together["limits"], single["limits"]);
        assert_eq!(
            together["context"]["baseline_label"],
            single["context"]["baseline_label"]
        );
        assert!(env.read(".mlbuild/comment.md").starts_with("## "));
        for (one, other) in comparisons(&single).iter().zip(comparisons(&together)) {
            for field in ["reason", "hints"] {
                if one["result"] != "inconclusive" && other["result"] != "inconclusive" && one["result"] != "pass" {
                    assert_eq!(one[field], other[field], "{of}: {}", one["model"]);
                }
            }
        }
        for file in files {
            fs::remove_file(env.path(&file)).unwrap();
        }
    }
    desk::assert_no_leftovers(&env);
}

fn comparisons(report: &Value) -> Vec<Value> {
    report["comparisons"].as_array().unwrap().clone()
}

#[test]
fn a_shard_measures_its_part_and_judges_nothing() {
    let env = several();
    let matrix = json(&env.run(&["plan", "--shards", "3", "--json"]).expect_code(0));
    let legs = matrix["include"].as_array().unwrap();
    assert_eq!(legs.len(), 3);
    let mut units = Vec::new();
    for (index, leg) in legs.iter().enumerate() {
        let shard = leg["shard"].as_str().unwrap();
        assert_eq!(shard, format!("{}/3", index + 1));
        assert_eq!(leg["artifact"], format!("mlbuild-shard-{}-of-3", index + 1));
        let measured = json(&env.run(&["ci", "--shard", shard, "--json"]).expect_code(0));
        assert_eq!(measured["shard"], shard);
        let rows = measured["comparisons"].as_array().unwrap();
        assert_eq!(rows.len() as u64, leg["comparisons"].as_u64().unwrap());
        for row in rows {
            units.push(format!(
                "{} {}",
                row["model"].as_str().unwrap(),
                row["variant"].as_str().unwrap()
            ));
        }
        let path = env.path(measured["file"].as_str().unwrap());
        let partial = Partial::read(&path).unwrap();
        assert_eq!((partial.shard, partial.of), (index as u32 + 1, 3));
        assert_eq!(partial.plan_digest.as_str(), measured["plan"].as_str().unwrap());
    }
    units.sort();
    assert_eq!(
        units,
        [
            "broken fp32",
            "cnn fp16",
            "cnn fp32",
            "gone fp32",
            "mlp fp32",
            "same fp32"
        ]
    );
    // No verdict is anywhere before the merge.
    assert!(!fs::exists(env.path(".mlbuild/ci_report.json")).unwrap());
}

#[test]
fn the_longest_go_to_different_shards_and_equal_inputs_give_equal_plans() {
    let env = several();
    let plan = |arguments: &[&str]| {
        env.run(&[&["plan", "--shards", "2"], arguments].concat())
            .expect_code(0)
    };
    let first = plan(&[]);
    assert_eq!(first.stdout, plan(&[]).stdout);
    // The unchanged model is known to take next to no time, the others took what the baseline's measurement took.
    assert!(first.stdout.contains("expected from: baseline "), "{}", first.stdout);
    assert!(first.stdout.contains("unchanged 1"), "{}", first.stdout);
    assert!(first.stdout.contains("removed 1"), "{}", first.stdout);
    plan(&["--out", "plan.json"]);
    let plan: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    let units = plan["units"].as_array().unwrap();
    let shard_of = |model: &str, variant: &str| {
        let mut found = units
            .iter()
            .filter(|unit| unit["model"] == model && unit["variant"] == variant);
        found.next().unwrap()["shard"].as_u64().unwrap()
    };
    assert_ne!(shard_of("cnn", "fp32"), shard_of("cnn", "fp16"), "{plan:#}");
    let seconds = |shard: u64| -> f64 {
        let own = units.iter().filter(|unit| unit["shard"] == shard);
        own.map(|unit| unit["seconds"].as_f64().unwrap()).sum()
    };
    let (one, other) = (seconds(1), seconds(2));
    // Longest first leaves a gap of one unit at most.
    let longest = units
        .iter()
        .map(|unit| unit["seconds"].as_f64().unwrap())
        .fold(0.0, f64::max);
    assert!((one - other).abs() <= longest, "{one} {other}");
}

#[test]
fn fewer_comparisons_than_shards_make_fewer_shards() {
    let env = desk::project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    let matrix = json(&env.run(&["plan", "--shards", "9", "--json"]).expect_code(0));
    assert_eq!(matrix["include"].as_array().unwrap().len(), 2);
    assert_eq!(matrix["include"][1]["shard"], "2/2");
    // A matrix written by hand may have more: those shards have nothing to do, and are missed like all others.
    for shard in ["1/3", "2/3", "3/3"] {
        env.run(&["ci", "--shard", shard, "-q"]).expect_code(0);
    }
    env.run(&["ci", "--merge", ".mlbuild", "-q"]).expect_code(0);
    fs::remove_file(env.path(".mlbuild/shard-3-of-3.json")).unwrap();
    let output = env.run(&["ci", "--merge", ".mlbuild", "-q"]).expect_code(2);
    assert!(output.stderr.contains("shard 3/3 is missing"), "{}", output.stderr);
}

#[test]
fn a_model_that_a_command_builds_is_built_in_one_place() {
    let env = desk::project("digits_mlp.onnx", "");
    desk::put(&env, "source.bin", "digits_cnn.onnx");
    env.write(
        ".mlbuild.yml",
        "version: 1\nmodels:\n  - { name: plain, path: model.onnx, variants: [fp32, fp16] }\n  - { name: built, path: built.onnx, \
         build: cp source.bin built.onnx, variants: [fp32, fp16, int8] }\nmeasure: { time_budget: 300 ms }\n",
    );
    env.run(&["plan", "--shards", "4", "--out", "plan.json", "-q"])
        .expect_code(0);
    let plan: Value = serde_json::from_str(&env.read("plan.json")).unwrap();
    assert_eq!(plan["shards"], 3);
    let mut places: Vec<u64> = plan["units"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|unit| unit["model"] == "built")
        .map(|unit| unit["shard"].as_u64().unwrap())
        .collect();
    assert_eq!(places.len(), 3);
    places.dedup();
    assert_eq!(places.len(), 1, "{plan:#}");
    // What an earlier run left is no reason to plan anything else.
    desk::put(&env, "built.onnx", "digits_mlp.onnx");
    env.run(&["plan", "--shards", "4", "--out", "again.json", "-q"])
        .expect_code(0);
    assert_eq!(env.read("plan.json"), env.read("again.json"));
}

#[test]
fn times_of_the_registry_need_a_plan_that_travels() {
    let env = desk::project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.write("model.onnx", desk::padded("digits_mlp.onnx", 10));
    env.run(&["ci", "-q"]).expect_code(0);
    env.run(&["plan", "--shards", "2", "--from-registry"]).expect_code(2);
    let output = env
        .run(&["plan", "--shards", "2", "--from-registry", "--out", "plan.json"])
        .expect_code(0);
    assert!(output.stdout.contains("expected from: registry 2"), "{}", output.stdout);
    for shard in ["1/2", "2/2"] {
        env.run(&["ci", "--shard", shard, "--plan", "plan.json", "-q"])
            .expect_code(0);
    }
    env.run(&["ci", "--merge", ".mlbuild", "-q"]).expect_code(0);
    // A plan of other limits is none of these.
    let output = env
        .run(&[
            "ci",
            "--shard",
            "1/2",
            "--plan",
            "plan.json",
            "--size-regression",
            "50%",
        ])
        .expect_code(2);
    assert!(
        output.stderr.contains("the plan is of another config or other limits"),
        "{}",
        output.stderr
    );
    let output = env.run(&["ci", "--shard", "1/3", "--plan", "plan.json"]).expect_code(2);
    assert!(
        output.stderr.contains("there is no shard 1/3: the plan has 2"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_workflow_gets_the_matrix_as_an_output() {
    let mut env = desk::project("digits_mlp.onnx", "");
    let output = env
        .run(&["plan", "--shards", "2", "--github-output", "matrix"])
        .expect_code(2);
    assert!(
        output.stderr.contains("`GITHUB_OUTPUT` is not set"),
        "{}",
        output.stderr
    );
    env.run(&["plan", "--shards", "2", "--github-output", "a=b"])
        .expect_code(2);
    let path = env.path("output");
    env.variable("GITHUB_OUTPUT", path.to_str().unwrap());
    env.run(&["plan", "--shards", "2", "--github-output", "matrix"])
        .expect_code(0);
    let text = env.read("output");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("matrix<<"), "{text}");
    let matrix: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(matrix["include"][0]["shard"], "1/1");
    assert_eq!(
        matrix.as_object().unwrap().len(),
        1,
        "each key is a dimension of the matrix"
    );
}

#[test]
fn every_comparison_names_its_machine_where_there_are_several() {
    let env = several();
    let files = shards(&env, 2);
    env.run(&["ci", "--merge", ".mlbuild", "-q"]);
    let one = report(&env);
    let notices = one["notices"].to_string();
    assert!(notices.contains("measured in 2 shards, on one machine"), "{notices}");
    assert!(!one.to_string().contains("measured in shard "), "{one:#}");
    let path = env.path(&files[1]);
    let mut partial = Partial::read(&path).unwrap();
    partial.machine.cpu_model = "Another <b>CPU</b>".to_owned();
    partial.machine.cores_allowed = 3;
    fs::write(&path, partial.to_bytes().unwrap()).unwrap();
    env.run(&["ci", "--merge", ".mlbuild", "-q"]);
    let two = report(&env);
    assert_eq!(kinds(&one), kinds(&two));
    let notices = two["notices"].to_string();
    assert!(notices.contains("measured in 2 shards, on 2 machines"), "{notices}");
    let mut named = 0;
    for comparison in comparisons(&two) {
        let is_measured = comparison["restarts"].as_u64().unwrap() > 0;
        let warnings = comparison["warnings"].to_string();
        let is_of_other = partial
            .comparisons
            .iter()
            .any(|found| found.key.model == comparison["model"] && found.key.variant == comparison["variant"]);
        let expected = if is_of_other {
            "measured in shard 2/2 on Another <b>CPU</b>, 3 cores"
        } else {
            "measured in shard 1/2 on "
        };
        assert_eq!(warnings.contains(expected), is_measured, "{comparison:#}");
        named += usize::from(is_measured);
    }
    assert_eq!(named, 3);
    let comment = env.read(".mlbuild/comment.md");
    assert!(!comment.contains("<b>CPU"), "{comment}");
}
