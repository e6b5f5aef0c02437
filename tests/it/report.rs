//! What people read: the comment of every verdict, the terminal, the annotations, the stored report; and what hostile names may
//! not do to any of them.

use insta::assert_snapshot;
use mlbuild::report::Detail;
use mlbuild::report::Report;
use mlbuild::report::annotations;
use mlbuild::report::comment;
use mlbuild::report::json::v2;
use mlbuild::report::summary;
use mlbuild::report::table;
use mlbuild::report::terminal;
use mlbuild::verdict::Change;
use mlbuild::verdict::Metric;
use mlbuild::verdict::Verdict;
use proptest::prelude::*;

use crate::support::reports;
use crate::support::reports::key;

/// The comment's part that nobody has to unfold, without what is the same in all.
fn findings(report: &Report) -> String {
    let comment = comment::render(report, comment::LIMIT);
    let shown = comment.split("<details>").next().unwrap();
    let commits = "[`a1b2c3d`](<https://github.com/org/models/commit/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678>) against \
                   [`9f8e7d6`](<https://github.com/org/models/commit/9f8e7d6c5b4a39281706f5e4d3c2b1a098765432>)";
    let links = " · [check](<https://github.com/org/models/runs/42>) · [full report](<https://github.com/org/models/actions/runs/7>)";
    assert!(shown.contains(commits) && shown.contains(links), "{shown}");
    shown
        .replace(commits, "[commits]")
        .replace(links, " [links]")
        .trim_end()
        .to_owned()
}

fn shown_in_terminal(report: &Report, color: bool) -> String {
    let mut out = Vec::new();
    table::write(report, &mut out, color).unwrap();
    String::from_utf8(out).unwrap()
}

fn commands(report: &Report) -> String {
    let mut out = Vec::new();
    annotations::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_regression_in_full() {
    assert_snapshot!(comment::render(&reports::regression(), comment::LIMIT), @r#"
    ## ❌ `mobilenet` got slower: p50 +8.3 % (±0.7), the limit is +5 %

    [`a1b2c3d`](<https://github.com/org/models/commit/a1b2c3d4e5f60718293a4b5c6d7e8f9012345678>) against [`9f8e7d6`](<https://github.com/org/models/commit/9f8e7d6c5b4a39281706f5e4d3c2b1a098765432>) (main's release of the base commit), measured side by side on one machine: 1 regression, 1 pass, 2 skipped · [check](<https://github.com/org/models/runs/42>) · [full report](<https://github.com/org/models/actions/runs/7>)

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ❌&nbsp;regression | `mobilenet` | `fp32` | 3.87&nbsp;→&nbsp;4.19&nbsp;ms<br>**+8.3&nbsp;%**&nbsp;±0.7 | 13.4&nbsp;MB<br>0&nbsp;% | 41.0&nbsp;→&nbsp;41.2&nbsp;MB<br>+0.5&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    | ✅&nbsp;pass | `mobilenet` | `int8-static` | 2.10&nbsp;→&nbsp;2.12&nbsp;ms<br>+1.0&nbsp;%&nbsp;±0.8 | 3.7&nbsp;MB<br>0&nbsp;% | 29.5&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    | ⚪&nbsp;skipped | `bert` | `fp32`, `int8` | same digest as the baseline |  |  |  |

    **What to do**

    - `mobilenet`: if this is intended, raise the limit in `.mlbuild.yml` on the base branch first: a pull request is judged by the limits of its base

    <details><summary>All percentiles, load time, throughput</summary>

    `mobilenet` on `onnxruntime_cpu`, 5 restarts in 18.2 s

    | | baseline | candidate | change | accepted |
    |---|---:|---:|---:|---|
    | p50 | 3.87 ms | 4.19 ms | +8.3 % ±0.7 | +5 % |
    | p95 | 4.14 ms | 4.44 ms | +7.3 % ±2.8 |  |
    | p99 | 4.61 ms | 4.99 ms | +8.3 % |  |
    | mean | 3.91 ms | 4.23 ms | +8.3 % |  |
    | standard deviation | 0.19 ms | 0.21 ms | +8.3 % |  |
    | fastest | 3.75 ms | 4.06 ms | +8.3 % |  |
    | throughput | 256 /s | 236 /s | −7.6 % |  |
    | load | 42.6 ms | 46.1 ms | +8.3 % |  |
    | first inference | 7.35 ms | 7.96 ms | +8.3 % |  |
    | size | 13.4 MB | 13.4 MB | 0 % | +5 % |
    | peak memory | 41.0 MB | 41.2 MB | +0.5 % ±0.4 | +10 % |
    | peak of the process | 103.4 MB | 103.4 MB | 0 % |  |
    | cosine | – | 1.0000 |  | at least 0.99 |

    First inferences after loading: baseline █▂▂▁▁▁ 34.8 → 3.87 ms, candidate █▂▂▁▁▁ 34.8 → 3.87 ms


    `mobilenet` `int8-static` on `onnxruntime_cpu`, 5 restarts in 18.2 s

    | | baseline | candidate | change | accepted |
    |---|---:|---:|---:|---|
    | p50 | 2.10 ms | 2.12 ms | +1.0 % ±0.8 | +5 % |
    | p95 | 2.25 ms | 2.25 ms | 0 % ±3.2 |  |
    | p99 | 2.50 ms | 2.52 ms | +1.0 % |  |
    | mean | 2.12 ms | 2.14 ms | +1.0 % |  |
    | standard deviation | 0.11 ms | 0.11 ms | +1.0 % |  |
    | fastest | 2.04 ms | 2.06 ms | +1.0 % |  |
    | throughput | 471 /s | 467 /s | −0.9 % |  |
    | load | 23.1 ms | 23.3 ms | +1.0 % |  |
    | first inference | 3.99 ms | 4.03 ms | +1.0 % |  |
    | size | 3.7 MB | 3.7 MB | 0 % | +5 % |
    | peak memory | 29.5 MB | 29.5 MB | 0 % ±0.4 | +10 % |
    | peak of the process | 93.7 MB | 93.7 MB | 0 % |  |
    | cosine | – | 1.0000 |  | at least 0.99 |

    First inferences after loading: baseline █▂▂▁▁▁ 18.9 → 2.10 ms, candidate █▂▂▁▁▁ 18.9 → 2.10 ms


    </details>

    <details><summary>Variants against fp32</summary>

    What each variant gains; never part of the verdict. Measured in this run, though not in pairs.

    | model | variant | size | p50 | speed | cosine |
    |---|---|---:|---:|---:|---:|
    | `mobilenet` | `int8-static` | 13.4 → 3.7 MB | 4.19 → 2.12 ms | 1.98× | – |

    </details>

    <details><summary>Environment and limits</summary>

    | | this run |
    |---|---|
    | engine | onnxruntime 1.31.1 |
    | threads | 1 |
    | processor | AMD EPYC 7763 64-Core Processor |
    | cores | 2 logical, 1 physical |
    | pinned to | core 0 |
    | instruction sets | avx2, fma |
    | memory | 8.33 GB |
    | system | Ubuntu 24.04 x86_64, virtual machine |
    | load before measuring | 0.42 |
    | tells apart | ±0.6 % of median latency |
    | limits | p50 +5 %; size +5 %; peak memory +10 %; cosine at least 0.99; top-1 agreement at least 99 %; top-1 accuracy −1 point |
    | baseline tag | mlbuild-baseline-gate-20260102-7-1-9f8e7d6c5b4a |
    | measured | 2026-01-02T03:04:05Z |

    </details>

    <details><summary>Reproduce at your desk</summary>

    ```sh
    git fetch origin pull/12/head && git checkout a1b2c3d4e5f6
    mlbuild ci --config .mlbuild.yml --baseline mlbuild-baseline-gate-20260102-7-1-9f8e7d6c5b4a
    ```

    </details>

    <sub>mlbuild 0.1.0 · onnxruntime 1.31.1 · AMD EPYC 7763 64-Core Processor, 2 cores · tells ±0.6 % apart · [what the verdicts mean](<https://github.com/org/mlbuild-action/blob/HEAD/docs/glossary.md>)</sub>
    "#);
}

#[test]
fn a_pass() {
    assert_snapshot!(findings(&reports::single(reports::passing("mobilenet", "fp32"), 0)), @r#"
    ## ✅ No regression: `mobilenet` p50 +1.0 % (±0.8), size 0 %

    [commits] (main's release of the base commit), measured side by side on one machine [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ✅&nbsp;pass | `mobilenet` | `fp32` | 2.10&nbsp;→&nbsp;2.12&nbsp;ms<br>+1.0&nbsp;%&nbsp;±0.8 | 3.7&nbsp;MB<br>0&nbsp;% | 29.5&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    "#);
}

#[test]
fn several_passes() {
    let report = reports::builder()
        .comparison(reports::passing("mobilenet", "fp32"))
        .comparison(reports::measured(
            key("bert", "int8"),
            (9.0, 9.2, 0.5),
            (22.0, 22.4),
            (80.0, 80.0),
        ))
        .comparison(reports::unmeasured(
            key("vit", "fp32"),
            Verdict::Skipped,
            "same digest as the baseline",
            &[],
        ))
        .outcome(Verdict::Pass, 0)
        .build()
        .unwrap();
    assert_snapshot!(findings(&report), @r#"
    ## ✅ No regression in 2 comparisons (1 skipped as unchanged); the largest change is `bert` `int8` p50 +2.2 % (±0.5)

    [commits] (main's release of the base commit), measured side by side on one machine: 2 pass, 1 skipped [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ✅&nbsp;pass | `mobilenet` | `fp32` | 2.10&nbsp;→&nbsp;2.12&nbsp;ms<br>+1.0&nbsp;%&nbsp;±0.8 | 3.7&nbsp;MB<br>0&nbsp;% | 29.5&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    | ✅&nbsp;pass | `bert` | `int8` | 9.00&nbsp;→&nbsp;9.20&nbsp;ms<br>+2.2&nbsp;%&nbsp;±0.5 | 22.0&nbsp;→&nbsp;22.4&nbsp;MB<br>+1.8&nbsp;% | 80.0&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    | ⚪&nbsp;skipped | `vit` | `fp32` | same digest as the baseline |  |  |  |
    "#);
}

#[test]
fn an_improvement() {
    let faster = reports::measured(key("mobilenet", "fp32"), (3.87, 3.40, 0.8), (13.4, 13.4), (41.0, 41.0));
    assert_snapshot!(findings(&reports::single(faster, 0)), @r#"
    ## 🟢 `mobilenet` got faster: p50 −12.1 % (±0.8)

    [commits] (main's release of the base commit), measured side by side on one machine [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | 🟢&nbsp;improvement | `mobilenet` | `fp32` | 3.87&nbsp;→&nbsp;3.40&nbsp;ms<br>−12.1&nbsp;%&nbsp;±0.8 | 13.4&nbsp;MB<br>0&nbsp;% | 41.0&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |
    "#);
}

#[test]
fn too_noisy_to_tell() {
    let mut detail = reports::measured(key("bert", "fp32"), (9.0, 9.35, 4.2), (22.0, 22.0), (80.0, 80.0));
    detail.warnings = vec!["the load average rose from 0.4 to 3.1 while measuring".to_owned()];
    let mut report = reports::single(detail, 0);
    report.environment.load_average = Some(3.1);
    assert_snapshot!(findings(&report), @r#"
    ## ⚠️ Can't tell: `bert` p50 +3.9 % (±4.2) against a limit of +5 %; this machine is too noisy (load 3.1 on 2 cores)

    [commits] (main's release of the base commit), measured side by side on one machine [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⚠️&nbsp;inconclusive | `bert` | `fp32` | 9.00&nbsp;→&nbsp;9.35&nbsp;ms<br>+3.9&nbsp;%&nbsp;±4.2 | 22.0&nbsp;MB<br>0&nbsp;% | 80.0&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |

    **What to do**

    - `bert`: the load average rose from 0.4 to 3.1 while measuring
      - run the job again on a quieter machine, or raise `measure.time_budget`
    "#);
}

#[test]
fn a_failure_by_policy_says_so() {
    let undecided = reports::measured(key("bert", "fp32"), (9.0, 9.35, 4.2), (22.0, 22.0), (80.0, 80.0));
    let says = "`gate.on_inconclusive` counts this as a failure";
    let fails = reports::single(undecided.clone(), 1);
    assert!(findings(&fails).contains(says) && shown_in_terminal(&fails, false).contains(says));
    assert!(!findings(&reports::single(undecided, 0)).contains(says));
}

#[test]
fn the_first_sentence_over_several() {
    let first_line = |details: Vec<Detail>, verdict: Verdict| {
        let exit_code = i32::from(verdict == Verdict::Regression);
        let report = reports::builder()
            .comparisons(details)
            .outcome(verdict, exit_code)
            .build()
            .unwrap();
        findings(&report).lines().next().unwrap().to_owned()
    };
    let slower = |model: &str, by: f64| {
        reports::measured(
            key(model, "fp32"),
            (4.0, 4.0 * (1.0 + by), 0.5),
            (13.4, 13.4),
            (41.0, 41.0),
        )
    };
    let new = |model: &str| reports::unmeasured(key(model, "fp32"), Verdict::NoBaseline, "new", &[]);
    let gpu = |mut detail: Detail| {
        detail.comparison.key.target = "onnxruntime_gpu".to_owned();
        detail
    };
    let lines = [
        first_line(
            vec![slower("a", 0.08), slower("b", 0.2), reports::passing("c", "fp32")],
            Verdict::Regression,
        ),
        first_line(vec![slower("a", 0.08), gpu(slower("a", 0.01))], Verdict::Regression),
        first_line(vec![reports::passing("a", "fp32"), slower("b", -0.12)], Verdict::Pass),
        first_line(vec![slower("a", -0.12), slower("b", -0.2)], Verdict::Improvement),
        first_line(
            vec![new("a"), new("b"), reports::passing("c", "fp32")],
            Verdict::NoBaseline,
        ),
        first_line(vec![slower("a", 0.048)], Verdict::Inconclusive),
        first_line(Vec::new(), Verdict::Skipped),
    ];
    assert_snapshot!(lines.join("\n"), @r#"
    ## ❌ `b` got slower: p50 +20.0 % (±0.5), the limit is +5 % (the worst of 2 regressions in 3 comparisons)
    ## ❌ `a` on `onnxruntime_cpu` got slower: p50 +8.0 % (±0.5), the limit is +5 %
    ## ✅ No regression, and `b` got faster: p50 −12.0 % (±0.5)
    ## 🟢 `b` got faster: p50 −20.0 % (±0.5); 1 other comparison improved too
    ## ⚪ No baseline yet: `a` and 1 other comparison are new here; measured, with nothing to compare with. No regression in 1 other comparison
    ## ⚠️ Can't tell: `a` p50 +4.8 % (±0.5) against a limit of +5 %; that is too close to call
    ## ⚪ Nothing to compare
    "#);
}

#[test]
fn an_interval_without_end() {
    let mut report = reports::single(
        reports::measured(key("bert", "fp32"), (9.0, 9.35, 4.2), (22.0, 22.0), (80.0, 80.0)),
        0,
    );
    report.comparisons[0].comparison.metrics[0].change = Some(Change {
        percent: 3.9,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    });
    assert!(
        findings(&report).contains("+3.9&nbsp;%&nbsp;±?"),
        "{}",
        findings(&report)
    );
}

#[test]
fn no_baseline_yet() {
    let mut detail = reports::passing("mobilenet", "fp32");
    detail.baseline = None;
    for metric in &mut detail.comparison.metrics {
        metric.baseline = None;
        metric.change = None;
        metric.verdict = Verdict::NoBaseline;
    }
    detail
        .comparison
        .metrics
        .retain(|metric| metric.metric != Metric::Cosine);
    detail.comparison.verdict = Verdict::NoBaseline;
    detail.comparison.reason = Some("the base commit has no model at `models/mobilenet.onnx`".to_owned());
    assert_snapshot!(findings(&reports::single(detail, 0)), @r#"
    ## ⚪ No baseline yet: `mobilenet` is new here; it was measured, and there is nothing to compare it with

    [commits] (main's release of the base commit) [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⚪&nbsp;no&nbsp;baseline | `mobilenet` | `fp32` | 2.12&nbsp;ms | 3.7&nbsp;MB | 29.5&nbsp;MB |  |

    **Good to know**

    - `mobilenet`: the base commit has no model at `models/mobilenet.onnx`
      - nothing to do here: the next `mlbuild baseline refresh` on the base branch publishes its first
    "#);
}

#[test]
fn an_error() {
    let detail = reports::unmeasured(
        key("mobilenet", "fp32"),
        Verdict::Error,
        "the candidate's worker was stopped by signal 9 while loading `models/mobilenet.onnx`",
        &[
            "the model may need more memory than this machine has",
            "run `mlbuild compare` on it at your desk",
        ],
    );
    assert_snapshot!(findings(&reports::single(detail, 2)), @r#"
    ## ⛔ `mobilenet` could not be compared: the candidate's worker was stopped by signal 9 while loading `models/mobilenet.onnx`

    [commits] (main's release of the base commit) [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⛔&nbsp;error | `mobilenet` | `fp32` | no figures |  |  |  |

    **What to do**

    - `mobilenet`
      - the model may need more memory than this machine has
      - run `mlbuild compare` on it at your desk
    "#);
}

#[test]
fn skipped_and_removed() {
    let skipped = reports::unmeasured(
        key("bert", "fp32"),
        Verdict::Skipped,
        "same digest as the baseline",
        &[],
    );
    assert_snapshot!(findings(&reports::single(skipped, 0)), @r#"
    ## ⚪ Nothing to measure: `bert` was skipped: same digest as the baseline

    [commits] (main's release of the base commit) [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⚪&nbsp;skipped | `bert` | `fp32` | same digest as the baseline |  |  |  |
    "#);
    let removed = reports::unmeasured(
        key("bert", "fp32"),
        Verdict::Removed,
        "the config no longer names it",
        &[],
    );
    assert_snapshot!(findings(&reports::single(removed, 0)), @r#"
    ## ⚠️ `bert` is in the baseline and no longer in the config

    [commits] (main's release of the base commit) [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⚠️&nbsp;removed | `bert` | `fp32` | the config no longer names it |  |  |  |

    **Good to know**

    - `bert`: the config no longer names it
      - merging accepts this: the next baseline is published without it; if it is a mistake, put it back
    "#);
}

#[test]
fn a_budget_and_outputs() {
    let mut detail = reports::measured(key("mobilenet", "int8"), (9.9, 10.2, 0.5), (3.7, 4.4), (29.5, 29.5));
    detail.comparison.metrics[0].budget = Some(10.0);
    detail.comparison.metrics[0].verdict = Verdict::Regression;
    detail.comparison.metrics[3] = reports::cosine(0.9512);
    detail.comparison.metrics.push(mlbuild::verdict::MetricComparison {
        metric: Metric::Top1Accuracy,
        baseline: Some(0.978),
        candidate: Some(0.951),
        change: None,
        limit: Some(1.0),
        ..reports::cosine(0.5)
    });
    detail.comparison.verdict = Verdict::Regression;
    let report = reports::single(detail, 1);
    assert_snapshot!(findings(&report), @r#"
    ## ❌ `mobilenet` `int8` gives other outputs: cosine 0.9512, the least accepted is 0.99; p50, size and top-1 accuracy are beyond theirs too

    [commits] (main's release of the base commit), measured side by side on one machine [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ❌&nbsp;regression | `mobilenet` | `int8` | 9.90&nbsp;→&nbsp;10.2&nbsp;ms<br>**+3.0&nbsp;%**&nbsp;±0.5<br>**over the budget of 10.0&nbsp;ms** | 3.7&nbsp;→&nbsp;4.4&nbsp;MB<br>**+18.9&nbsp;%** | 29.5&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | top&#8209;1&nbsp;**97.8&nbsp;→&nbsp;95.1&nbsp;%**<br>cosine&nbsp;**0.9512** |

    **What to do**

    - `mobilenet` `int8`: if this is intended, raise the limit in `.mlbuild.yml` on the base branch first: a pull request is judged by the limits of its base
    "#);
    let stored = v2::to_json(&report).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&stored["violations"]).unwrap(), @r#"
    [
      "p50 9.90 → 10.2 ms, +3.0 % (±0.5): the budget is 10.0 ms",
      "size 3.7 → 4.4 MB, +18.9 %: the limit is +5 %",
      "cosine 0.9512: the least accepted is 0.99",
      "top-1 accuracy 97.8 → 95.1 %: the accepted drop is 1 point"
    ]
    "#);
}

#[test]
fn what_the_pull_request_changes_in_the_gate() {
    let report = reports::builder()
        .comparison(reports::passing("mobilenet", "fp32"))
        .config_changes(vec!["`gate.latency.max_regression`: 5 % → 50 %".to_owned()])
        .drift(vec![
            "onnxruntime 1.30.0 → 1.31.1: `mobilenet` fp32 p50 −2.1 % ±0.5".to_owned(),
        ])
        .notices(vec![
            "the check run could not be written (403): add `checks: write` to the job's `permissions`".to_owned(),
        ])
        .outcome(Verdict::Pass, 0)
        .build()
        .unwrap();
    assert_snapshot!(findings(&report), @r#"
    ## ✅ No regression: `mobilenet` p50 +1.0 % (±0.8), size 0 %

    [commits] (main's release of the base commit), measured side by side on one machine [links]

    > [!WARNING]
    > **This pull request changes what the gate accepts.** It was judged by the settings of its base; after merging these hold:
    > - `gate.latency.max_regression`: 5 % → 50 %

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ✅&nbsp;pass | `mobilenet` | `fp32` | 2.10&nbsp;→&nbsp;2.12&nbsp;ms<br>+1.0&nbsp;%&nbsp;±0.8 | 3.7&nbsp;MB<br>0&nbsp;% | 29.5&nbsp;MB<br>0&nbsp;%&nbsp;±0.4 | cosine&nbsp;1.0000 |

    **Not of this pull request**

    - onnxruntime 1.30.0 → 1.31.1: `mobilenet` fp32 p50 −2.1 % ±0.5

    > [!NOTE]
    > About this run:
    > - the check run could not be written (403): add `checks: write` to the job's `permissions`
    "#);
    assert_snapshot!(commands(&report), @r#"::warning file=.mlbuild.yml,line=1,title=mlbuild%3A settings changed::this pull request changes what the gate accepts, and was judged by the settings of its base: `gate.latency.max_regression`: 5 %25 → 50 %25"#);
}

#[test]
fn the_gate_itself_failed() {
    let report = reports::builder()
        .notices(vec!["cannot read `.mlbuild.yml`".to_owned()])
        .outcome(Verdict::Error, 2)
        .build()
        .unwrap();
    assert_snapshot!(findings(&report), @r#"
    ## ⛔ The gate could not run: cannot read `.mlbuild.yml`

    [commits] (main's release of the base commit) [links]
    "#);
    assert_snapshot!(commands(&report), @r#"::error file=.mlbuild.yml,line=1,title=mlbuild%3A error::The gate could not run: cannot read `.mlbuild.yml`"#);
}

#[test]
fn everything_for_the_desk() {
    let mut report = reports::regression();
    for detail in &mut report.comparisons[..2] {
        detail
            .warnings
            .push("the machine was busy\n::error::: load 3".to_owned());
    }
    let mut out = Vec::new();
    terminal::write(&report, &mut out, false).unwrap();
    assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
    mobilenet · onnxruntime_cpu · baseline 9f8e7d6 (main's release of the base commit)
      variant      verdict     p50                         size         peak memory          cosine
      fp32         regression  3.87 → 4.19 ms +8.3 % ±0.7  13.4 MB 0 %  41.2 MB +0.5 % ±0.4  1.0000
        p50: the limit is +5 %
      int8-static  pass        2.10 → 2.12 ms +1.0 % ±0.8  3.7 MB 0 %   29.5 MB 0 % ±0.4     1.0000

    bert · onnxruntime_cpu · baseline 9f8e7d6 (main's release of the base commit)
      fp32  skipped  same digest as the baseline
      int8  skipped  same digest as the baseline

      mobilenet: baseline → candidate
        p95                  4.14 → 4.44 ms +7.3 % ±2.8
        p99                  4.61 → 4.99 ms +8.3 %
        mean                 3.91 → 4.23 ms +8.3 %
        standard deviation   0.19 → 0.21 ms +8.3 %
        fastest              3.75 → 4.06 ms +8.3 %
        throughput           256 → 236 /s −7.6 %
        load                 42.6 → 46.1 ms +8.3 %
        first inference      7.35 → 7.96 ms +8.3 %
        peak of the process  103.4 MB 0 %
        first inferences: baseline █▂▂▁▁▁ 34.8 → 3.87 ms, candidate █▂▂▁▁▁ 34.8 → 3.87 ms

      mobilenet int8-static: baseline → candidate
        p95                  2.25 ms 0 % ±3.2         throughput           471 → 467 /s −0.9 %
        p99                  2.50 → 2.52 ms +1.0 %    load                 23.1 → 23.3 ms +1.0 %
        mean                 2.12 → 2.14 ms +1.0 %    first inference      3.99 → 4.03 ms +1.0 %
        standard deviation   0.11 ms +1.0 %           peak of the process  93.7 MB 0 %
        fastest              2.04 → 2.06 ms +1.0 %
        first inferences: baseline █▂▂▁▁▁ 18.9 → 2.10 ms, candidate █▂▂▁▁▁ 18.9 → 2.10 ms

      variant   mobilenet int8-static against fp32: 13.4 → 3.7 MB, 1.98× the speed
      note      mobilenet · fp32, mobilenet · int8-static: the machine was busy ::error::: load 3
      measured  onnxruntime 1.31.1, 1 thread on core 0, 10 restarts in 36.5 s, tells ±0.6 % apart
      on        AMD EPYC 7763 64-Core Processor, 2 cores, Ubuntu 24.04 x86_64, load 0.4

    regression: `mobilenet` got slower: p50 +8.3 % (±0.7), the limit is +5 % (.mlbuild.yml:14)
    "#);
}

#[test]
fn the_terminal() {
    let report = reports::regression();
    assert_snapshot!(shown_in_terminal(&report, false), @r#"
    mobilenet · onnxruntime_cpu · baseline 9f8e7d6 (main's release of the base commit)
      variant      verdict     p50                         size         peak memory          cosine
      fp32         regression  3.87 → 4.19 ms +8.3 % ±0.7  13.4 MB 0 %  41.2 MB +0.5 % ±0.4  1.0000
        p50: the limit is +5 %
      int8-static  pass        2.10 → 2.12 ms +1.0 % ±0.8  3.7 MB 0 %   29.5 MB 0 % ±0.4     1.0000

    bert · onnxruntime_cpu · baseline 9f8e7d6 (main's release of the base commit)
      fp32  skipped  same digest as the baseline
      int8  skipped  same digest as the baseline

    regression: `mobilenet` got slower: p50 +8.3 % (±0.7), the limit is +5 % (.mlbuild.yml:14)
    "#);
    let colored = shown_in_terminal(&report, true);
    assert!(colored.contains("\u{1b}[31m"));
    let mut plain = String::new();
    for (index, piece) in colored.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 {
            piece
        } else {
            piece.split_once('m').unwrap().1
        });
    }
    assert_eq!(
        plain,
        shown_in_terminal(&report, false),
        "colours only repeat what words say"
    );
}

#[test]
fn annotations_name_the_line() {
    assert_snapshot!(commands(&reports::regression()), @r#"::error file=.mlbuild.yml,line=14,title=mlbuild%3A regression::`mobilenet`: p50 3.87 → 4.19 ms, +8.3 %25 (±0.7): the limit is +5 %25"#);
}

/// A report in which every text that comes from outside is `hostile`.
pub(crate) fn hostile_report(hostile: &str) -> Report {
    let mut slower = reports::measured(key(hostile, hostile), (3.87, 4.19, 0.7), (13.4, 13.4), (41.0, 41.2));
    slower.comparison.reason = Some(hostile.to_owned());
    slower.comparison.hints = vec![hostile.to_owned(), format!("see {hostile}")];
    slower.comparison.metrics[0].reason = Some(hostile.to_owned());
    slower.warnings = vec![hostile.to_owned()];
    let mut other = reports::passing("other", "fp16");
    other.comparison.key.target = hostile.to_owned();
    // A reason of white space alone counts as none, and is refused.
    let reason = format!("x{hostile}");
    let comparisons = vec![
        slower,
        other,
        reports::unmeasured(key("vit", hostile), Verdict::Error, &reason, &[hostile]),
        reports::unmeasured(key(&format!("{hostile}b"), "fp32"), Verdict::Skipped, &reason, &[]),
    ];
    let mut context = reports::context();
    for text in [&mut context.key, &mut context.config_path, &mut context.baseline_label] {
        hostile.clone_into(text);
    }
    for text in [
        &mut context.base_commit,
        &mut context.head_commit,
        &mut context.repository,
        &mut context.baseline_tag,
        &mut context.check_url,
    ] {
        *text = Some(hostile.to_owned());
    }
    context.report_url = Some(format!("https://github.com/{hostile}"));
    context.reproduce = vec![format!("mlbuild ci --config {hostile}")];
    let mut environment = reports::environment();
    for text in [
        &mut environment.os,
        &mut environment.cpu_model,
        &mut environment.runtime,
        &mut environment.arch,
    ] {
        hostile.clone_into(text);
    }
    environment.isa = vec![hostile.to_owned()];
    environment.runtime_version = Some(hostile.to_owned());
    let row = mlbuild::report::VariantRow {
        key: key(hostile, hostile),
        size_bytes: 1,
        fp32_size_bytes: 2,
        p50_ms: None,
        fp32_p50_ms: None,
        cosine: None,
    };
    reports::builder()
        .context(context)
        .environment(environment)
        .comparisons(comparisons)
        .variants(vec![row])
        .config_changes(vec![hostile.to_owned()])
        .drift(vec![hostile.to_owned()])
        .notices(vec![hostile.to_owned()])
        .outcome(Verdict::Error, 2)
        .build()
        .unwrap()
}

/// The elements and links that the templates themselves write.
fn without_own_markup(markdown: &str) -> String {
    let mut text = markdown.to_owned();
    for own in [
        "<br>",
        "<sub>",
        "</sub>",
        "<code>",
        "</code>",
        "<details>",
        "<details open>",
        "</details>",
        "<summary>",
        "</summary>",
    ] {
        text = text.replace(own, "");
    }
    let mut pieces = text.split("](<https://github.com/");
    let first = pieces.next().unwrap().to_owned();
    let rest = pieces.map(|piece| {
        let (address, rest) = piece.split_once(">)").unwrap();
        assert!(!address.contains(['<', '[', ']', '|', '`', ' ', '\n']), "{address}");
        rest
    });
    rest.fold(first, |text, piece| text + piece)
}

/// Cells of a row: pipes that no backslash keeps from parting.
fn columns(row: &str) -> usize {
    row.replace("\\|", "").matches('|').count()
}

/// Asserts that nothing in the report reaches out of its place.
fn assert_harmless(markdown: &str) {
    let outside_fence: String = markdown.split("```").step_by(2).collect();
    let mut header = None;
    for line in outside_fence.lines() {
        let is_row = line.starts_with('|');
        match header {
            Some(expected) if is_row => assert_eq!(columns(line), expected, "a row of another width: {line}"),
            None if is_row => header = Some(columns(line)),
            _ => header = None,
        }
    }
    let text = without_own_markup(&outside_fence);
    let quoted: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("> ").unwrap_or(line))
        .collect();
    for line in quoted {
        assert!(!line.contains('<') && !line.contains('>'), "a live element: {line}");
        let outside_code: String = line.replace("\\`", "").split('`').step_by(2).collect();
        for (index, _) in outside_code.match_indices('@') {
            assert!(
                outside_code[index + 1..].starts_with("&#8288;"),
                "a live mention: {line}"
            );
        }
        assert!(!outside_code.contains("://"), "a live link: {line}");
        assert!(
            !outside_code.contains("![") && !outside_code.replace("\\]", "").contains("]("),
            "an image or link: {line}"
        );
        assert!(!line.contains("##["), "a live workflow command: {line}");
    }
    assert!(!markdown.contains('\u{202E}'), "text that runs backwards");
}

#[test]
fn hostile_names_stay_names() {
    for hostile in [
        "##[",
        "a|b|c",
        "`|` and ``` three",
        "<img src=https://evil.test/x onerror=alert(1)>",
        "@everyone please see #1 and www.evil.test or https://evil.test",
        "line\nbreak\r\n| new | row |\n\n# heading",
        "::error::x\n::set-output name=a::b",
        "##[error]x",
        "![beacon](https://evil.test/x.png) [click](javascript:alert)",
        "</details><!-- mlbuild:v1 id=gate --> -->",
        "\u{202E}gnp.exe\u{200B}",
        "{{ report }} {% raw %}",
        "\\",
        "\\|\\`<b>",
        "",
    ] {
        let report = hostile_report(hostile);
        assert_harmless(&comment::render(&report, comment::LIMIT));
        assert_harmless(&summary::render(&report));
        assert_eq!(commands(&report).lines().count(), 3, "{hostile:?}");
        assert!(
            commands(&report)
                .lines()
                .all(|line| line.starts_with("::error ") || line.starts_with("::warning "))
        );
        let shown = shown_in_terminal(&report, false);
        assert!(!shown.contains("##["), "{shown}");
        assert!(
            !shown.lines().any(|line| line.trim_start().starts_with("::")),
            "{shown}"
        );
        assert!(!shown.contains(['\u{202E}', '\u{1b}', '\r']), "{shown}");
    }
}

#[test]
fn an_attack_as_it_is_shown() {
    let attack = "a|b`c` <img src=x> @everyone #1\n::error::https://evil.test";
    let detail = reports::unmeasured(key(attack, "fp32"), Verdict::Error, attack, &[attack]);
    assert_snapshot!(findings(&reports::single(detail.clone(), 2)), @r#"
    ## ⛔ <code>a&#124;b'c' &lt;img src=x&gt; @&#8288;everyone #&#8288;1 ::error::https:&#8288;//evil.test</code> could not be compared: a&#124;b`c` &lt;img src=x&gt; @&#8288;everyone #&#8288;1 ::error::https:&#8288;//evil.test

    [commits] (main's release of the base commit) [links]

    | | model | variant | p50 | size | peak memory | outputs |
    |---|---|---|---|---|---|---|
    | ⛔&nbsp;error | <code>a&#124;b\`c\` &lt;img src=x&gt; @&#8288;everyone #&#8288;1 ::error::https:&#8288;//evil.test</code> | `fp32` | no figures |  |  |  |

    **What to do**

    - <code>a&#124;b'c' &lt;img src=x&gt; @&#8288;everyone #&#8288;1 ::error::https:&#8288;//evil.test</code>: a&#124;b`c` &lt;img src=x&gt; @&#8288;everyone #&#8288;1 ::error::https:&#8288;//evil.test
    "#);
    assert_snapshot!(commands(&reports::single(detail, 2)), @r#"::error file=.mlbuild.yml,line=7,title=mlbuild%3A error::`a|b'c' <img src=x> @everyone #1 ::error::https://evil.test`: a|b`c` <img src=x> @everyone #1 ::error::https://evil.test. Hint: a|b`c` <img src=x> @everyone #1 ::error::https://evil.test"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_reaches_out_of_its_place(
        atoms in prop::collection::vec(
            prop_oneof![
                "[|`<>@#\\[\\]()!*_\\\\~$:/&=+. \n\r\t-]",
                "[a-z]{1,3}",
                "\\PC",
                Just("https://".to_owned()),
                Just("<!--".to_owned()),
                Just("##[".to_owned()),
            ],
            0..20,
        )
    ) {
        let report = hostile_report(&atoms.concat());
        assert_harmless(&comment::render(&report, comment::LIMIT));
    }
}

/// Many comparisons with long names, one in four slower.
fn large(count: usize) -> Report {
    let comparisons = (0..count).map(|index| {
        let name = format!("модель-{index}-{}", "é".repeat(60));
        if index % 4 == 0 {
            reports::measured(
                key(&name, "fp32"),
                (3.87, 4.19 + index as f64 / 1e4, 0.7),
                (13.4, 13.4),
                (41.0, 41.2),
            )
        } else {
            reports::passing(&name, "int8")
        }
    });
    reports::builder()
        .comparisons(comparisons)
        .outcome(Verdict::Regression, 1)
        .build()
        .unwrap()
}

#[test]
fn a_large_report_gives_up_detail_in_steps() {
    let report = large(400);
    let mut previous = usize::MAX;
    for (limit, expected) in [
        (1_000_000, "accepted |"),
        (250_000, "Shortened"),
        (60_000, "none worse than these"),
        (9_000, "none worse than these"),
        (2_500, "100 regression, 300 pass"),
        (1_300, "100 regression, 300 pass"),
        (400, "got slower"),
        (60, "## ❌"),
        (0, ""),
    ] {
        let shown = comment::render(&report, limit);
        assert!(shown.len() <= limit, "{} of {limit}", shown.len());
        assert!(shown.contains(expected), "{limit}: {shown}");
        assert!(shown.len() <= previous);
        previous = shown.len();
    }
    assert!(
        comment::render(&report, comment::LIMIT)
            .contains("[the full report](<https://github.com/org/models/actions/runs/7>)")
    );
}

#[test]
fn the_summary_stays_under_a_mebibyte() {
    let shown = summary::render(&large(3000));
    assert!(
        shown.len() <= summary::LIMIT && shown.len() > 100_000,
        "{}",
        shown.len()
    );
}

#[test]
fn the_stored_report_keeps_its_fields() {
    let report = reports::regression();
    let stored = v2::to_json(&report).unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&stored),
        "baseline candidate comparisons config_changes context delta drift environment exit_code generated_at limits model \
         notices result schema summary thresholds tool_version variants version violations"
    );
    assert_eq!(keys(&stored["baseline"]), "build_id latency_ms size_mb tag");
    assert_eq!(
        keys(&stored["candidate"]),
        "build_id latency_ms parent_build_id size_mb variant"
    );
    assert_eq!(keys(&stored["delta"]), "latency_pct size_pct");
    assert_eq!(
        keys(&stored["thresholds"]),
        "latency_budget_ms latency_regression_pct size_budget_mb size_regression_pct"
    );
    assert_eq!(stored["model"], "mobilenet");
    assert_eq!(stored["result"], "regression");
    assert_eq!(stored["baseline"]["latency_ms"], 3.87);
    assert_eq!(stored["candidate"]["size_mb"], 13.4);
    assert_eq!(stored["exit_code"], 1);
    let text = v2::to_text(&report).unwrap();
    assert_snapshot!(text.split("\"context\"").next().unwrap(), @r#"
    {
      "model": "mobilenet",
      "baseline": {
        "tag": "mlbuild-baseline-gate-20260102-7-1-9f8e7d6c5b4a",
        "build_id": "3f36810e3f36810e3f36810e3f36810e3f36810e3f36810e3f36810e3f36810e",
        "latency_ms": 3.87,
        "size_mb": 13.4
      },
      "candidate": {
        "build_id": "b8aa1ef6b8aa1ef6b8aa1ef6b8aa1ef6b8aa1ef6b8aa1ef6b8aa1ef6b8aa1ef6",
        "variant": "fp32",
        "parent_build_id": null,
        "latency_ms": 4.19,
        "size_mb": 13.4
      },
      "delta": {
        "latency_pct": 8.268733850129205,
        "size_pct": 0.0
      },
      "thresholds": {
        "latency_regression_pct": 5.0,
        "size_regression_pct": 5.0,
        "latency_budget_ms": null,
        "size_budget_mb": null
      },
      "result": "regression",
      "violations": [
        "p50 3.87 → 4.19 ms, +8.3 % (±0.7): the limit is +5 %"
      ],
      "schema": "mlbuild-ci-report",
      "version": 2,
      "tool_version": "0.1.0",
      "generated_at": "2026-01-02T03:04:05Z",
      "exit_code": 1,
      "summary": "`mobilenet` got slower: p50 +8.3 % (±0.7), the limit is +5 %",
    "#);
}

#[test]
fn a_stored_report_is_read_back_whole() {
    for report in [reports::regression(), hostile_report("a|`\u{202E}<b>\n\"\\"), large(8)] {
        let read = v2::from_json(&v2::to_text(&report).unwrap()).unwrap();
        assert_eq!(
            comment::render(&read, comment::LIMIT),
            comment::render(&report, comment::LIMIT)
        );
        assert_eq!(v2::to_json(&read).unwrap(), v2::to_json(&report).unwrap());
    }
    let report = reports::single(reports::unmeasured(key("m", "fp32"), Verdict::Error, "no", &[]), 2);
    assert_eq!(v2::from_json(&v2::to_text(&report).unwrap()).unwrap(), report);
}

#[test]
fn an_open_interval_survives_storing() {
    let mut report = reports::regression();
    report.comparisons[0].comparison.metrics[0].change = Some(Change {
        percent: 8.3,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    });
    let read = v2::from_json(&v2::to_text(&report).unwrap()).unwrap();
    assert_eq!(
        read.comparisons[0].comparison.metrics[0].change,
        report.comparisons[0].comparison.metrics[0].change
    );
}

#[test]
fn the_reader_says_what_it_cannot_read() {
    let text = v2::to_text(&reports::regression()).unwrap();
    let refused = |text: &str| {
        let error = v2::from_json(text).unwrap_err();
        let cause = std::error::Error::source(&error)
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        format!("{error}{cause}")
    };
    assert_snapshot!(refused("[]"), @r#"not a report: expected JSON with `schema` and `version`: invalid length 0, expected struct Header with 2 elements at line 1 column 2"#);
    assert_snapshot!(refused(&text.replace("mlbuild-ci-report", "other")), @r#"not a report: its schema is `other`, expected `mlbuild-ci-report`"#);
    assert_snapshot!(refused(&text.replace("\"version\": 2", "\"version\": 1")), @r#"the report has version 1, and this mlbuild reads version 2"#);
    assert_snapshot!(refused(&text.replacen("\"result\": \"regression\"", "\"result\": \"fine\"", 1)), @r#"cannot read the report: unknown variant `fine`, expected one of `skipped`, `improvement`, `pass`, `no-baseline`, `removed`, `inconclusive`, `regression`, `error` at line 26 column 18"#);
    assert_snapshot!(refused(&text.replacen("\"exit_code\": 1", "\"exit\": 1", 1)), @r#"cannot read the report: unknown field `exit`, expected one of `model`, `baseline`, `candidate`, `delta`, `thresholds`, `result`, `violations`, `schema`, `version`, `tool_version`, `generated_at`, `exit_code`, `summary`, `context`, `comparisons`, `variants`, `environment`, `limits`, `config_changes`, `drift`, `notices` at line 34 column 8"#);
    assert_snapshot!(refused(&text.replacen("\"exit_code\": 1", "\"exit_code\": 0", 1)), @r#"the report contradicts itself: the result is `regression` and the exit code 0"#);
}
