//! `mlbuild config`: what a good config comes to, and what every kind of bad one is told.

use std::fs;

use crate::support::env::TestEnv;

/// What `config check` says of a config.
fn check(text: impl AsRef<[u8]>) -> String {
    let env = TestEnv::new();
    env.write(".mlbuild.yml", text);
    env.run(&["config", "check"]).expect_code(2).snapshot()
}

#[test]
fn a_tab() {
    let text = "version: 1\nmodels:\n\t- path: a.onnx\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: a tab in the indentation
       ╭─[.mlbuild.yml:3:1]
     3 │     - path: a.onnx
       · ────
       ╰────
    hint: YAML is indented with spaces only
    ");
}

#[test]
fn a_tab_after_a_key() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n\tname: x\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: a tab in the indentation
       ╭─[.mlbuild.yml:4:1]
     4 │     name: x
       · ────
       ╰────
    hint: YAML is indented with spaces only
    ");
}

#[test]
fn a_duplicate_key() {
    let text =
        "version: 1\nmodels:\n  - path: a.onnx\n    name: x\n    path: b.onnx\ngate: { size: {}, \"size\": {} }\n";
    insta::assert_snapshot!(check(text), @r#"
    exit code: 2
    ----- stderr -----
    error: key `path` stands here twice
       ╭─[.mlbuild.yml:5:5]
     5 │     path: b.onnx
       ·     ──┬─
       ·       ╰── the second time
       ╰────
    hint: the first one is on line 3; keep one of them

    error: key `size` stands here twice
       ╭─[.mlbuild.yml:6:19]
     6 │ gate: { size: {}, "size": {} }
       ·                   ───┬──
       ·                      ╰── the second time
       ╰────
    hint: the first one is on line 6; keep one of them
    "#);
}

#[test]
fn unknown_keys() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    inputs: { x: { shap: [1], shape: [1] } }\ngate:\n  # what is judged\n  latancy: { max_regression: 5% }   # a comment\n  zzz: 1\nmesure: {}\n";
    insta::assert_snapshot!(check(text), @r#"
    exit code: 2
    ----- stderr -----
    error: unknown key `shap` in `models[0].inputs.x`
       ╭─[.mlbuild.yml:4:20]
     4 │     inputs: { x: { shap: [1], shape: [1] } }
       ·                    ──┬─
       ·                      ╰── did you mean `shape`?
       ╰────
    hint: the only key of `models[0].inputs.x` is shape

    error: unknown key `latancy` in `gate`
       ╭─[.mlbuild.yml:7:3]
     7 │   latancy: { max_regression: 5% }   # a comment
       ·   ───┬───
       ·      ╰── did you mean `latency`?
       ╰────
    hint: the keys of `gate` are latency, size, memory, static, accuracy, on_inconclusive, on_missing_baseline

    error: unknown key `zzz` in `gate`
       ╭─[.mlbuild.yml:8:3]
     8 │   zzz: 1
       ·   ─┬─
       ·    ╰── unknown
       ╰────
    hint: the keys of `gate` are latency, size, memory, static, accuracy, on_inconclusive, on_missing_baseline

    error: unknown key `mesure` at the top level
       ╭─[.mlbuild.yml:9:1]
     9 │ mesure: {}
       · ───┬──
       ·    ╰── did you mean `measure`?
       ╰────
    hint: the keys of the top level are version, models, gate, measure, runtime, baseline, comment
    "#);
}

#[test]
fn a_wrong_unit() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\ngate:\n  latency: { metric: p50, budget: 10 MB }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: wrong value for `gate.latency.budget`: `10 MB` is not a time
       ╭─[.mlbuild.yml:4:35]
     4 │   latency: { metric: p50, budget: 10 MB }
       ·                                   ──┬──
       ·                                     ╰── expected a number of `ns`, `us`, `ms` or `s`, such as `10 ms`
       ╰────
    ");
}

#[test]
fn no_unit() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\ngate:\n  latency:\n    budget: 10   # of what?\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: wrong value for `gate.latency.budget`: `10` is not a time
       ╭─[.mlbuild.yml:5:13]
     5 │     budget: 10   # of what?
       ·             ─┬
       ·              ╰── expected a number of `ns`, `us`, `ms` or `s`, such as `10 ms`
       ╰────
    ");
}

#[test]
fn an_empty_file() {
    let text = "";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: the config is empty
      in .mlbuild.yml
    hint: write `version: 1` and `models:`, or run `mlbuild init` in an empty place
    ");
}

#[test]
fn nothing_but_comments() {
    let text = "# version: 1\n\n# models:\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: the config is empty
      in .mlbuild.yml
    hint: write `version: 1` and `models:`, or run `mlbuild init` in an empty place
    ");
}

#[test]
fn two_models_of_one_name() {
    let text = "version: 1\nmodels:\n  - path: a/model.onnx\n  - path: b/model.onnx\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: two models are named `model`
       ╭─[.mlbuild.yml:4:11]
     4 │   - path: b/model.onnx
       ·           ──────┬─────
       ·                 ╰── the second one
       ╰────
    hint: give one of them another `name`; the other one is on line 3
    ");
}

#[test]
fn no_models() {
    let text = "version: 1\nmodels: []\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `models` names no model
       ╭─[.mlbuild.yml:2:9]
     2 │ models: []
       ·         ─┬
       ·          ╰── empty
       ╰────
    hint: name at least one, such as `- path: models/mobilenet.onnx`
    ");
}

#[test]
fn no_models_key() {
    let text = "version: 1\ngate: {}\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: the config lacks the key `models`
      in .mlbuild.yml
    hint: add `models:`; a config names at least one model, such as `- path: models/mobilenet.onnx`
    ");
}

#[test]
fn no_version() {
    let text = "models: [{ path: a.onnx }]\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: the config lacks the key `version`
      in .mlbuild.yml
    hint: add `version:`; write `version: 1` as the first line
    ");
}

#[test]
fn a_newer_version() {
    let text = "version: 2\nmodules: []\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: version `2` of the config format is not known
       ╭─[.mlbuild.yml:1:10]
     1 │ version: 2
       ·          ┬
       ·          ╰── expected 1
       ╰────
    hint: mlbuild [VERSION] reads version 1; a newer mlbuild may read this file
    ");
}

#[test]
fn a_model_without_path() {
    let text = "version: 1\nmodels:\n  - name: x\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `models[0]` lacks the key `path`
       ╭─[.mlbuild.yml:3:5]
     3 │   - name: x
       ·     ──┬─
       ·       ╰── `path` is missing
       ╰────
    hint: add `path:`; it names a file, relative to the folder of the config
    ");
}

#[test]
fn a_path_instead_of_a_table() {
    let text = "version: 1\nmodels:\n  - a.onnx\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: wrong value for `models[0]`: found the text `a.onnx`
       ╭─[.mlbuild.yml:3:5]
     3 │   - a.onnx
       ·     ───┬──
       ·        ╰── expected a table of the keys name, path, build, inputs, signature, task, sequence_lengths, targets, variants, calibration, dataset
       ╰────
    ");
}

#[test]
fn a_store_to_come() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\nbaseline: { store: gcs }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `gcs` as `baseline.store` is not supported yet
       ╭─[.mlbuild.yml:3:20]
     3 │ baseline: { store: gcs }
       ·                    ─┬─
       ·                     ╰── not yet
       ╰────
    hint: use `store: release`, `store: s3`, or `store: dir` with a `path` that another tool synchronizes
    ");
}

#[test]
fn a_bucket_and_its_store_go_together() {
    let without_store = check("version: 1\nmodels: [{ path: a.onnx }]\nbaseline: { bucket: b, region: r }\n");
    assert!(
        without_store.contains("`baseline.bucket` without `store: s3`"),
        "{without_store}"
    );
    assert!(
        without_store.contains("`baseline.region` without `store: s3`"),
        "{without_store}"
    );
    let without_bucket = check("version: 1\nmodels: [{ path: a.onnx }]\nbaseline: { store: s3 }\n");
    assert!(
        without_bucket.contains("`store: s3` without a `bucket`"),
        "{without_bucket}"
    );
    let both = "version: 1\nmodels: [{ path: a.onnx }]\nbaseline: { store: s3, bucket: models, endpoint: \"http://localhost:9000\" }\n";
    let env = TestEnv::new();
    env.write(".mlbuild.yml", both);
    let both = env.run(&["config", "check"]).expect_code(0).stdout;
    assert!(
        both.contains("baseline: bucket models at http://localhost:9000"),
        "{both}"
    );
}

#[test]
fn every_metric_can_be_gated() {
    let text = "\
version: 1
models: [{ path: a.onnx }]
gate:
  latency:
    metric: mean
    p50: {}
    p95: { budget: 20 ms }
    p99: { max_regression: 20% }
    std: {}
    throughput: { max_regression: 3%, budget: 200/s }
    load: { budget: 300 ms }
    first: {}
    stable: {}
  size: { compressed: { budget: 4 MB } }
  memory: { model: {} }
  static: { macs: { max_regression: 0% }, parameters: { budget: 3.5 M }, operators: { budget: 120 }, activation_peak: {} }
";
    let env = TestEnv::new();
    env.write(".mlbuild.yml", text);
    let output = env.run(&["config", "check"]).expect_code(0);
    let shown: Vec<&str> = output
        .stdout
        .lines()
        .skip_while(|line| *line != "gate:")
        .take_while(|line| !line.contains("accuracy"))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    gate:
      latency p50: at most +5 %
      latency p95: at most +5 %, budget 20.0 ms
      latency p99: at most +20 %
      latency mean: at most +5 %
      latency std: at most +5 %
      throughput: at most −3 %, budget at least 200 /s
      load: at most +5 %, budget 300 ms
      first inference: at most +5 %
      time to stable: at most +5 %
      size: at most +5 %
      compressed size: at most +5 %, budget 4.0 MB
      peak memory: at most +10 %
      model memory: at most +10 %
      MACs: at most +0 %
      parameters: at most +5 %, budget 3.5 M
      operators: at most +5 %, budget 120
      activation peak: at most +5 %
    ");
}

#[test]
fn limits_that_make_no_sense() {
    let text = "\
version: 1
models: [{ path: a.onnx }]
gate:
  latency:
    metric: load
    throughput: { max_regression: 100%, budget: 0/s }
    load: { budget: 5 MB }
    settled: {}
";
    insta::assert_snapshot!(check(text), @r#"
    exit code: 2
    ----- stderr -----
    error: `load` as `gate.latency.metric` is not supported yet
       ╭─[.mlbuild.yml:5:13]
     5 │     metric: load
       ·             ──┬─
       ·               ╰── not yet
       ╰────
    hint: it cannot decide alone; give it limits of its own beside `metric`, such as `load: { max_regression: 5% }`

    error: unknown key `settled` in `gate.latency`
       ╭─[.mlbuild.yml:8:5]
     8 │     settled: {}
       ·     ───┬───
       ·        ╰── unknown
       ╰────
    hint: the keys of `gate.latency` are metric, max_regression, budget, p50, p95, p99, mean, std, throughput, load, first, stable
    "#);
    let text = "\
version: 1
models: [{ path: a.onnx }]
gate:
  latency: { p50: {}, throughput: { max_regression: 100%, budget: 0/s } }
  static: { operators: { budget: 0 } }
";
    insta::assert_snapshot!(check(text), @r#"
    exit code: 2
    ----- stderr -----
    error: p50 is limited twice
       ╭─[.mlbuild.yml:4:14]
     4 │   latency: { p50: {}, throughput: { max_regression: 100%, budget: 0/s } }
       ·              ─┬─
       ·               ╰── here and by `gate.latency` itself
       ╰────
    hint: move what it says one level up: p50 is what `gate.latency` itself limits

    error: `gate.latency.throughput.max_regression` is 100 % or more
       ╭─[.mlbuild.yml:4:53]
     4 │   latency: { p50: {}, throughput: { max_regression: 100%, budget: 0/s } }
       ·                                                     ──┬─
       ·                                                       ╰── nothing loses more than all of its throughput
       ╰────
    hint: write by how much it may fall, such as `5%`

    error: `gate.latency.throughput.budget` is zero
       ╭─[.mlbuild.yml:4:67]
     4 │   latency: { p50: {}, throughput: { max_regression: 100%, budget: 0/s } }
       ·                                                                   ─┬─
       ·                                                                    ╰── nothing could ever stay within
       ╰────
    hint: leave it out where it should not limit anything

    error: `gate.static.operators.budget` is zero
       ╭─[.mlbuild.yml:5:34]
     5 │   static: { operators: { budget: 0 } }
       ·                                  ┬
       ·                                  ╰── nothing could ever stay within
       ╰────
    hint: leave it out where it should not limit anything
    "#);
}

#[test]
fn targets() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    targets: [onnxruntime-cpu, onnxruntime_cpu, onxruntime_gpu, apple_m1, toaster]\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: target `onnxruntime_cpu` stands here twice
       ╭─[.mlbuild.yml:4:32]
     4 │     targets: [onnxruntime-cpu, onnxruntime_cpu, onxruntime_gpu, apple_m1, toaster]
       ·                                ───────┬───────
       ·                                       ╰── again
       ╰────

    error: unknown target `onxruntime_gpu`
       ╭─[.mlbuild.yml:4:49]
     4 │     targets: [onnxruntime-cpu, onnxruntime_cpu, onxruntime_gpu, apple_m1, toaster]
       ·                                                 ───────┬──────
       ·                                                        ╰── did you mean `onnxruntime_gpu`?
       ╰────
    hint: the targets are onnxruntime_cpu, onnxruntime_gpu, onnxruntime_ane, android_arm64, android_arm32, android_x86, raspberry_pi, coral_tpu, generic_linux

    error: target `apple_m1` is not supported yet
       ╭─[.mlbuild.yml:4:65]
     4 │     targets: [onnxruntime-cpu, onnxruntime_cpu, onxruntime_gpu, apple_m1, toaster]
       ·                                                                 ────┬───
       ·                                                                     ╰── not yet
       ╰────
    hint: the targets are onnxruntime_cpu, onnxruntime_gpu, onnxruntime_ane, android_arm64, android_arm32, android_x86, raspberry_pi, coral_tpu, generic_linux

    error: unknown target `toaster`
       ╭─[.mlbuild.yml:4:75]
     4 │     targets: [onnxruntime-cpu, onnxruntime_cpu, onxruntime_gpu, apple_m1, toaster]
       ·                                                                           ───┬───
       ·                                                                              ╰── unknown
       ╰────
    hint: the targets are onnxruntime_cpu, onnxruntime_gpu, onnxruntime_ane, android_arm64, android_arm32, android_x86, raspberry_pi, coral_tpu, generic_linux
    ");
}

#[test]
fn nothing_to_gate() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    targets: []\n    variants: []\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `models[0].targets` is empty
       ╭─[.mlbuild.yml:4:14]
     4 │     targets: []
       ·              ─┬
       ·               ╰── nothing would be gated
       ╰────
    hint: name one, or leave `targets` out: `onnxruntime_cpu` is the default

    error: `models[0].variants` is empty
       ╭─[.mlbuild.yml:5:15]
     5 │     variants: []
       ·               ─┬
       ·                ╰── nothing would be gated
       ╰────
    hint: name one, or leave `variants` out: `fp32` is the default
    ");
}

#[test]
fn a_dimension_of_zero() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    inputs: { image: { shape: [1, 0, 224, 224] } }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: input `image` has a dimension of 0
       ╭─[.mlbuild.yml:4:35]
     4 │     inputs: { image: { shape: [1, 0, 224, 224] } }
       ·                                   ┬
       ·                                   ╰── at least 1
       ╰────
    hint: give every dimension the size that is used in production, such as a batch of 1
    ");
}

#[test]
fn a_negative_dimension() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    inputs: { image: { shape: [-1, 3] } }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: wrong value for `models[0].inputs.image.shape[0]`: found the number `-1`
       ╭─[.mlbuild.yml:4:32]
     4 │     inputs: { image: { shape: [-1, 3] } }
       ·                                ─┬
       ·                                 ╰── expected a whole number, 0 or more
       ╰────
    ");
}

#[test]
fn budgets_of_nothing() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\ngate: { latency: { budget: 0 ms }, size: { budget: 0 MB } }\nmeasure: { time_budget: 0 s }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `gate.latency.budget` is zero
       ╭─[.mlbuild.yml:3:28]
     3 │ gate: { latency: { budget: 0 ms }, size: { budget: 0 MB } }
       ·                            ──┬─
       ·                              ╰── nothing could ever stay within
       ╰────
    hint: leave it out where it should not limit anything

    error: `gate.size.budget` is zero
       ╭─[.mlbuild.yml:3:52]
     3 │ gate: { latency: { budget: 0 ms }, size: { budget: 0 MB } }
       ·                                                    ──┬─
       ·                                                      ╰── nothing could ever stay within
       ╰────
    hint: leave it out where it should not limit anything

    error: `measure.time_budget` is zero
       ╭─[.mlbuild.yml:4:25]
     4 │ measure: { time_budget: 0 s }
       ·                         ─┬─
       ·                          ╰── nothing could ever stay within
       ╰────
    hint: leave it out where it should not limit anything
    ");
}

#[test]
fn budgets_that_do_not_fit() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\nmeasure: { time_budget: 20 min }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `measure.total_budget` (10 min) is less than `measure.time_budget` (20 min)
       ╭─[.mlbuild.yml:3:25]
     3 │ measure: { time_budget: 20 min }
       ·                         ───┬──
       ·                            ╰── not even one comparison would fit
       ╰────
    hint: `time_budget` is for one comparison, `total_budget` for all of a run
    ");
}

#[test]
fn shares_and_numbers() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\ngate: { accuracy: { cosine: 99, top1: 0.5 } }\nmeasure: { threads: 0 }\nruntime: { version: 1.31 }\nbaseline: { keep: 0, store: dir }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `gate.accuracy.cosine` is not between 0 and 1
       ╭─[.mlbuild.yml:3:29]
     3 │ gate: { accuracy: { cosine: 99, top1: 0.5 } }
       ·                             ─┬
       ·                              ╰── 0 to 1
       ╰────
    hint: write 99 % as `0.99`

    error: `measure.threads` is not between 1 and 1024
       ╭─[.mlbuild.yml:4:21]
     4 │ measure: { threads: 0 }
       ·                     ─
       ╰────

    error: `1.31` is not a version of ONNX Runtime
       ╭─[.mlbuild.yml:5:21]
     5 │ runtime: { version: 1.31 }
       ·                     ──┬─
       ·                       ╰── expected three numbers, such as `1.31.1`
       ╰────

    error: `baseline.keep` is 0
       ╭─[.mlbuild.yml:6:19]
     6 │ baseline: { keep: 0, store: dir }
       ·                   ┬
       ·                   ╰── at least 1
       ╰────

    error: `store: dir` without a `path`
       ╭─[.mlbuild.yml:6:29]
     6 │ baseline: { keep: 0, store: dir }
       ·                             ─┬─
       ·                              ╰── which folder?
       ╰────
    hint: add `path: baseline`, relative to the folder of the config
    ");
}

#[test]
fn a_number_as_text() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\nmeasure: { threads: two }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: wrong value for `measure.threads`: found the text `two`
       ╭─[.mlbuild.yml:3:21]
     3 │ measure: { threads: two }
       ·                     ─┬─
       ·                      ╰── expected a whole number, 0 or more
       ╰────
    ");
}

#[test]
fn an_unknown_word() {
    let text = "version: 1\nmodels:\n  - path: a.onnx\n    task: visoin\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: unknown value `visoin` for `models[0].task`
       ╭─[.mlbuild.yml:4:11]
     4 │     task: visoin
       ·           ───┬──
       ·              ╰── did you mean `vision`?
       ╰────
    hint: `models[0].task` is one of auto, vision, nlp, audio, tabular, unknown
    ");
}

#[test]
fn p95_twice() {
    let text =
        "version: 1\nmodels: [{ path: a.onnx }]\ngate: { latency: { metric: p95, p95: { max_regression: 10% } } }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: p95 is limited twice
       ╭─[.mlbuild.yml:3:33]
     3 │ gate: { latency: { metric: p95, p95: { max_regression: 10% } } }
       ·                                 ─┬─
       ·                                  ╰── here and by `metric: p95`
       ╰────
    hint: remove `metric: p95` to gate p50 and p95, or remove this
    ");
}

#[test]
fn a_path_without_its_store() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\nbaseline: { path: baseline }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `baseline.path` without `store: dir`
       ╭─[.mlbuild.yml:3:13]
     3 │ baseline: { path: baseline }
       ·             ──┬─
       ·               ╰── only a folder has a path
       ╰────
    hint: add `store: dir`, or remove `path` to keep baselines in GitHub releases
    ");
}

#[test]
fn an_open_bracket() {
    let text = "version: 1\nmodels: [{ path: a.onnx }\ngate: {}\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: not valid YAML: did not find expected ',' or ']'
       ╭─[.mlbuild.yml:3:1]
     3 │ gate: {}
       · ────
       ╰────
    ");
}

#[test]
fn a_tag() {
    let text = "version: 1\nmodels: !include models.yml\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: a tag has no meaning in a config
       ╭─[.mlbuild.yml:2:9]
     2 │ models: !include models.yml
       ·         ───────────────────
       ╰────
    hint: write the value itself, without `!…`
    ");
}

#[test]
fn a_list_as_key() {
    let text = "version: 1\nmodels: { [a, b]: c }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: a key is neither a list nor a table
       ╭─[.mlbuild.yml:2:11]
     2 │ models: { [a, b]: c }
       ·           ──────
       ╰────
    hint: put a text in quotes where it starts with a bracket
    ");
}

#[test]
fn an_unknown_alias() {
    let text = "version: 1\nmodels: *models\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: not valid YAML: unknown anchor
       ╭─[.mlbuild.yml:2:9]
     2 │ models: *models
       ·         ───────
       ╰────
    ");
}

#[test]
fn two_documents() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\n---\nversion: 1\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: more than one YAML document
       ╭─[.mlbuild.yml:3:1]
     3 │ ---
       · ───
       ╰────
    hint: a config is one document: remove the line `---`
    ");
}

#[test]
fn a_list() {
    let text = "- version: 1\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: the config is not a table of keys
       ╭─[.mlbuild.yml:1:1]
     1 │ - version: 1
       · ────┬────
       ·     ╰── expected keys such as `version:` and `models:`
       ╰────
    ");
}

#[test]
fn a_merge_key() {
    let text = "version: 1\nmodels:\n  - &a { path: a.onnx }\n  - { <<: *a, name: b }\n";
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: `models[1]` lacks the key `path`
       ╭─[.mlbuild.yml:4:5]
     4 │   - { <<: *a, name: b }
       ·     ─────────┬─────────
       ·              ╰── `path` is missing
       ╰────
    hint: add `path:`; it names a file, relative to the folder of the config

    error: unknown key `<<` in `models[1]`
       ╭─[.mlbuild.yml:4:7]
     4 │   - { <<: *a, name: b }
       ·       ─┬
       ·        ╰── merge keys are not read; write the settings out
       ╰────
    hint: the keys of `models[1]` are name, path, build, inputs, signature, task, sequence_lengths, targets, variants, calibration, dataset
    ");
}

#[test]
fn what_a_terminal_would_obey() {
    let text = "version: 1\nmodels: [{ path: a.onnx }]\n\"\\e[2Jcleared\": 1\n";
    insta::assert_snapshot!(check(text), @r#"
    exit code: 2
    ----- stderr -----
    error: unknown key `�[2Jcleared` at the top level
       ╭─[.mlbuild.yml:3:1]
     3 │ "\e[2Jcleared": 1
       · ───────┬──────
       ·        ╰── unknown
       ╰────
    hint: the keys of the top level are version, models, gate, measure, runtime, baseline, comment
    "#);
}

#[test]
fn a_bomb_of_aliases() {
    let mut text = "version: 1\nmodels: [{ path: a.onnx }]\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, previous) in ('b'..='i').zip('a'..) {
        let aliases = vec![format!("*{previous}"); 9].join(", ");
        text.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    insta::assert_snapshot!(check(text), @r"
    exit code: 2
    ----- stderr -----
    error: more than 20000 values, aliases counted as often as they are used
       ╭─[.mlbuild.yml:3:29]
     3 │ a: &a [x, x, x, x, x, x, x, x, x]
       ·                             ─
       ╰────
    hint: write the settings out plainly; a config needs no more than that
    ");
}

#[test]
fn a_mountain_of_brackets() {
    insta::assert_snapshot!(check("[".repeat(200_000)), @r"
    exit code: 2
    ----- stderr -----
    error: more than 5000 brackets
      in .mlbuild.yml:1:5001
    hint: write the settings out plainly; a config needs no more than that
    ");
}

#[test]
fn a_file_of_300_kib() {
    insta::assert_snapshot!(check("# comment\n".repeat(30_000)), @r"
    exit code: 2
    ----- stderr -----
    error: the config is larger than 256 KiB
      in .mlbuild.yml
    hint: is this the right file? a config is a few lines of YAML
    ");
}

#[test]
fn a_binary_file() {
    insta::assert_snapshot!(check(b"version: 1\n\x08\x07\x12\xff\xfe\x00"), @r"
    exit code: 2
    ----- stderr -----
    error: the config is not UTF-8 text (byte 14, line 2)
      in .mlbuild.yml
    hint: save it as UTF-8, without UTF-16 or binary content
    ");
}

#[test]
fn control_characters() {
    insta::assert_snapshot!(check("version: 1\nmodels: \u{1b}[31m\n"), @r"
    exit code: 2
    ----- stderr -----
    error: not valid YAML: control characters are not allowed
       ╭─[.mlbuild.yml:2:9]
     2 │ models: ?[31m
       ·         ─────
       ╰────
    ");
}

#[test]
fn more_problems_than_anyone_reads() {
    let keys: String = (0..500).map(|index| format!("key{index}: 1\n")).collect();
    let output = check(format!("version: 1\nmodels: [{{ path: a.onnx }}]\n{keys}"));
    assert_eq!(output.matches("error:").count(), 21);
    assert!(output.contains("error: 480 more problems"), "{output}");
}

#[test]
fn none_to_be_found() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["config", "check"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no `.mlbuild.yml` in `[WORK]` or a folder above it
    hint: `mlbuild init` writes one; `--config` names one elsewhere
    ");
    env.write(".mlbuild.yaml", "version: 1\n");
    insta::assert_snapshot!(env.run(&["config", "check"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no `.mlbuild.yml` in `[WORK]` or a folder above it
    hint: rename `.mlbuild.yaml` to `.mlbuild.yml`, or name it with `--config`
    ");
    insta::assert_snapshot!(env.run(&["config", "check", "--config", "other.yml"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: cannot read `other.yml`: No such file or directory (os error 2)
      in other.yml
    hint: check the path; it is taken relative to the folder of the config, or to the working folder for a flag
    ");
}

/// Every key of the format.
const FULL: &str = r#"version: 1
models:
  - name: mobilenet
    path: models/mobilenet.onnx
    build: { command: "python export.py", timeout: 5 min }
    inputs: { input: { shape: [1, 3, 224, 224] } }
    task: vision
    sequence_lengths: [64, 16]
    targets: [onnxruntime-cpu, onnxruntime_gpu]
    variants: [fp32, fp16]
    calibration: data/calib.npz
    dataset: { path: data/val.npz, labels: y, samples: 50 }
  - path: models/bert.onnx
    build: make bert
    dataset: data/bert.npz
gate:
  latency: { metric: p50, max_regression: 5%, budget: 10 ms, p95: { max_regression: 15%, budget: 20 ms } }
  size: { max_regression: 2.5 %, budget: 8 MB }
  memory: { max_regression: 10%, budget: 512 MiB }
  accuracy: { cosine: 0.999, top1: 1, max_drop: 0.5% }
  on_inconclusive: pass
  on_missing_baseline: fail
measure: { time_budget: 30 s, total_budget: 5 min, threads: 2, seed: 7, worker_timeout: 90 s, sandbox: require }
runtime: { version: "1.31.1", graph_optimization: extended, execution_mode: parallel }
baseline: { store: dir, path: baseline, branches: [main, release], keep: 5 }
comment: { when: changed }
"#;

#[test]
fn every_key_is_read() {
    let env = TestEnv::new();
    env.write(".mlbuild.yml", FULL);
    insta::assert_snapshot!(env.run(&["config", "check"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    .mlbuild.yml is valid
    models: 2 (5 comparisons)
      mobilenet: models/mobilenet.onnx · onnxruntime_cpu, onnxruntime_gpu · fp32, fp16
        built by `python export.py`, within 5 min
        input input: [1, 3, 224, 224]
        dataset data/val.npz, at most 50 samples, labels in `y`
      bert: models/bert.onnx · onnxruntime_cpu · fp32
        built by `make bert`, within 30 min
        dataset data/bert.npz, at most 200 samples
    gate:
      latency p50: at most +5 %, budget 10.0 ms
      latency p95: at most +15 %, budget 20.0 ms
      size: at most +2.5 %, budget 8.0 MB
      peak memory: at most +10 %, budget 536.9 MB
      accuracy: cosine at least 0.999, top-1 agreement at least 1, labelled accuracy at most 0.5 % lower
      inconclusive: pass; no baseline: fail
    measure:
      30.0 s a comparison, 5 min in all; threads 2, seed 7
    runtime: onnxruntime 1.31.1, graph optimization extended, parallel
    baseline: folder baseline, the newest 5 are kept
    comment: changed
    ");
    insta::assert_snapshot!(env.run(&["config", "check", "--json"]).snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    {
      "baseline": {
        "branches": [
          "main",
          "release"
        ],
        "bucket": null,
        "endpoint": null,
        "keep": 5,
        "path": "baseline",
        "prefix": null,
        "region": null,
        "store": "dir"
      },
      "comment": {
        "when": "changed"
      },
      "config": ".mlbuild.yml",
      "digest": "b758c3a954fb719f6ab69d765b967f326cb95287c7b055d8ff69e70b24799ec5",
      "gate": {
        "accuracy": {
          "cosine": 0.999,
          "max_drop_percent": 0.5,
          "top1": 1.0
        },
        "latency": {
          "budget_ms": 10.0,
          "first": null,
          "load": null,
          "max_regression_percent": 5.0,
          "mean": null,
          "metric": "p50",
          "p50": null,
          "p95": {
            "budget_ms": 20.0,
            "max_regression_percent": 15.0
          },
          "p99": null,
          "stable": null,
          "std": null,
          "throughput": null
        },
        "memory": {
          "budget_bytes": 536870912,
          "max_regression_percent": 10.0,
          "model": null
        },
        "on_inconclusive": "pass",
        "on_missing_baseline": "fail",
        "size": {
          "budget_bytes": 8000000,
          "compressed": null,
          "max_regression_percent": 2.5
        },
        "static": {
          "activation_peak": null,
          "macs": null,
          "operators": null,
          "parameters": null
        }
      },
      "measure": {
        "sandbox": "require",
        "seed": 7,
        "strict_output": false,
        "threads": 2,
        "time_budget_seconds": 30.0,
        "total_budget_seconds": 300.0,
        "worker_timeout_seconds": 90.0
      },
      "models": [
        {
          "build": {
            "command": "python export.py",
            "timeout_seconds": 300.0
          },
          "calibration": {
            "array": null,
            "labels": null,
            "mean": null,
            "path": "data/calib.npz",
            "resize": "stretch",
            "samples": 128,
            "std": null
          },
          "dataset": {
            "array": null,
            "labels": "y",
            "mean": null,
            "path": "data/val.npz",
            "resize": "stretch",
            "samples": 50,
            "std": null
          },
          "inputs": {
            "input": [
              1,
              3,
              224,
              224
            ]
          },
          "name": "mobilenet",
          "path": "models/mobilenet.onnx",
          "sequence_lengths": [
            16,
            64
          ],
          "targets": [
            "onnxruntime_cpu",
            "onnxruntime_gpu"
          ],
          "task": "vision",
          "variants": [
            "fp32",
            "fp16"
          ]
        },
        {
          "build": {
            "command": "make bert",
            "timeout_seconds": 1800.0
          },
          "calibration": null,
          "dataset": {
            "array": null,
            "labels": null,
            "mean": null,
            "path": "data/bert.npz",
            "resize": "stretch",
            "samples": 200,
            "std": null
          },
          "inputs": {},
          "name": "bert",
          "path": "models/bert.onnx",
          "sequence_lengths": null,
          "targets": [
            "onnxruntime_cpu"
          ],
          "task": "auto",
          "variants": [
            "fp32"
          ]
        }
      ],
      "runtime": {
        "execution_mode": "parallel",
        "graph_optimization": "extended",
        "version": "1.31.1",
        "xnnpack": true
      },
      "schema": 1
    }
    "#);
}

#[test]
fn the_nearest_config_above_is_used() {
    let env = TestEnv::new();
    env.write(".mlbuild.yml", "version: 1\nmodels: [{ path: a.onnx }]\n");
    fs::create_dir_all(env.path("a/b")).unwrap();
    insta::assert_snapshot!(env.run_in("a/b", &["config", "check"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    [WORK]/.mlbuild.yml is valid
    models: 1 (1 comparison)
      a: a.onnx · onnxruntime_cpu · fp32
    gate:
      latency p50: at most +5 %
      size: at most +5 %
      peak memory: at most +10 %
      accuracy: cosine at least 0.99, top-1 agreement at least 0.99, labelled accuracy at most 1 % lower
      inconclusive: neutral; no baseline: neutral
    measure:
      20.0 s a comparison, 10 min in all; threads 1, seed 0
    runtime: onnxruntime 1.31.1, graph optimization all, sequential
    baseline: GitHub releases, the newest 20 are kept
    comment: always
    ");
}

#[test]
fn checking_changes_no_file() {
    let env = TestEnv::new();
    env.write(".mlbuild.yml", FULL);
    let before = env.tree();
    env.run(&["config", "check"]).expect_code(0);
    assert_eq!(env.tree(), before);
}

/// The schema in `docs/` is the one that this build would write; `MLBUILD_BLESS=1` writes it.
#[test]
fn the_schema_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mlbuild.schema.json");
    let output = TestEnv::new().run(&["config", "schema"]).expect_code(0);
    if std::env::var_os("MLBUILD_BLESS").is_some() {
        fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        fs::write(path, &output.stdout).unwrap();
    }
    let stored = fs::read_to_string(path).unwrap();
    assert_eq!(
        stored, output.stdout,
        "run the test again with MLBUILD_BLESS=1 and commit {path}"
    );
}

#[test]
fn the_schema_agrees_with_the_reader() {
    let schema: serde_json::Value = serde_json::from_str(&TestEnv::new().run(&["config", "schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let read = |text: &str| serde_yaml::from_str::<serde_json::Value>(text).unwrap();
    let full = read(FULL);
    let faults: Vec<String> = validator.iter_errors(&full).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    for bad in [
        "{ version: 2, models: [{ path: a }] }",
        "{ version: 1, models: [] }",
        "{ version: 1 }",
        "{ version: 1, models: [{ name: a }] }",
        "{ version: 1, models: [{ path: a }], gate: { latancy: {} } }",
        "{ version: 1, models: [{ path: a }], gate: { latency: { budget: 10 } } }",
        "{ version: 1, models: [{ path: a }], gate: { latency: { budget: 10 MB } } }",
        "{ version: 1, models: [{ path: a, inputs: { x: { shape: [0] } } }] }",
        "{ version: 1, models: [{ path: a, dataset: { labels: y } }] }",
        "{ version: 1, models: [{ path: a }], baseline: { store: gcs } }",
    ] {
        assert!(!validator.is_valid(&read(bad)), "{bad}");
    }
}
