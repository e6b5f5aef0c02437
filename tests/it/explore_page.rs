//! The page and the table of a sweep: whole, harmless, the same every time, every figure in a table too.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use mlbuild::machine::Fingerprint;
use mlbuild::report::explore;
use mlbuild::report::explore::Accuracy;
use mlbuild::report::explore::Asked;
use mlbuild::report::explore::Explored;
use mlbuild::report::explore::Figure;
use mlbuild::report::explore::Latency;
use mlbuild::report::explore::LeftOut;
use mlbuild::report::explore::Memory;
use mlbuild::report::explore::Model;
use mlbuild::report::explore::OptionRow;
use mlbuild::report::explore::Options;
use mlbuild::report::explore::Row;
use mlbuild::report::explore::Speed;
use mlbuild::report::explore::Verdict;

const BASELINE_MS: f64 = 3.87;
const BASELINE_BYTES: u64 = 13_400_000;

fn figure(value: f64, half: f64) -> Figure {
    Figure {
        value,
        lower: value - half,
        upper: value + half,
    }
}

fn row(recipe: &str, verdict: Verdict, reason: Option<&str>, (ratio, half): (f64, f64), size: u64, cosine: f64) -> Row {
    Row {
        recipe: recipe.to_owned(),
        build_id: Some("3f36810e".repeat(8)),
        verdict,
        reason: reason.map(str::to_owned),
        hints: Vec::new(),
        score: Some(0.6 / ratio + 0.4 * BASELINE_BYTES as f64 / size as f64),
        on_front: matches!(verdict, Verdict::Recommended | Verdict::Aggressive | Verdict::Baseline),
        size_bytes: Some(size),
        size_change_percent: Some(100.0 * (size as f64 / BASELINE_BYTES as f64 - 1.0)),
        latency: Some(Latency {
            p50_ms: BASELINE_MS * ratio,
            beside_p50_ms: BASELINE_MS,
            ratio: figure(ratio, half),
            restarts: 5,
        }),
        memory: Some(Memory {
            peak_bytes: 29_500_000.0,
            change_percent: Some(figure(-28.0, 1.5)),
        }),
        accuracy: (verdict != Verdict::Baseline).then_some(Accuracy {
            cosine,
            lowest_cosine: cosine - 0.001,
            max_abs_error: 0.013,
            top1_agreement: Some(0.97),
            top1: None,
            baseline_top1: None,
            samples: 16,
        }),
        changed: Some(53),
        left: Some(2),
        left_because: Some("its weights are no constants".to_owned()),
        notes: vec!["ranges come from made-up inputs".to_owned()],
        derive_seconds: Some(0.4),
        reused: false,
    }
}

fn failed(recipe: &str, reason: &str) -> Row {
    Row {
        build_id: None,
        score: None,
        size_bytes: None,
        size_change_percent: None,
        latency: None,
        memory: None,
        accuracy: None,
        changed: None,
        left: None,
        notes: Vec::new(),
        hints: vec!["report it".to_owned()],
        ..row(recipe, Verdict::Failed, Some(reason), (1.0, 0.0), 1, 1.0)
    }
}

fn option(recipe: &str, setting: &str, speed: Speed, ratio: Figure) -> OptionRow {
    OptionRow {
        recipe: recipe.to_owned(),
        setting: setting.to_owned(),
        options: Options {
            threads: 1,
            graph_optimization: "all".to_owned(),
            arena: true,
        },
        speed: Some(speed),
        latency: Some(Latency {
            p50_ms: BASELINE_MS * ratio.value,
            beside_p50_ms: BASELINE_MS,
            ratio,
            restarts: 5,
        }),
        memory: Some(Memory {
            peak_bytes: 41_000_000.0,
            change_percent: Some(figure(0.4, 1.0)),
        }),
        reason: None,
        reused: false,
    }
}

/// Ten variants as they may come out of a small vision model.
fn explored(text: &str) -> Explored {
    use Verdict::Aggressive;
    use Verdict::Baseline;
    use Verdict::Recommended;
    use Verdict::Skip;
    let named = |recipe: &str| {
        if text.is_empty() {
            recipe.to_owned()
        } else {
            format!("{recipe}{text}")
        }
    };
    let mut variants = vec![
        row("fp32", Baseline, None, (1.0, 0.0), BASELINE_BYTES, 1.0),
        row(
            "simplify",
            Skip,
            Some("no gain beyond noise: score 1.00"),
            (0.996, 0.006),
            13_390_000,
            1.0,
        ),
        row(
            "fp16",
            Skip,
            Some("slower than fp32: +25.0 % (at least +24.3 %)"),
            (1.25, 0.007),
            6_740_000,
            1.0,
        ),
        row("palettize-4", Aggressive, None, (1.003, 0.008), 1_930_000, 0.9905),
        row(
            "prune-0.50",
            Skip,
            Some("no gain: score 1.00"),
            (1.0, 0.007),
            BASELINE_BYTES,
            0.995,
        ),
        row(
            "prune-structured-0.25",
            Skip,
            Some("cosine 0.8712 is below 0.99"),
            (0.74, 0.011),
            8_100_000,
            0.8712,
        ),
        row(
            "int8-static",
            Skip,
            Some("cosine 0.9645 is below 0.99"),
            (0.543, 0.006),
            3_700_000,
            0.9645,
        ),
        row("mixed", Recommended, None, (0.597, 0.009), 5_100_000, 0.9912),
        failed("int4", "ONNX Runtime refuses the model: no kernel"),
    ];
    for row in &mut variants {
        row.recipe = named(&row.recipe);
        row.reason = row.reason.as_deref().map(named);
        row.notes = row.notes.iter().map(|note| named(note)).collect();
    }
    Explored {
        schema: explore::SCHEMA,
        model: Model {
            name: named("models/mobilenet.onnx"),
            reference: named("models/mobilenet.onnx"),
            digest: "ab".repeat(32),
            inputs: BTreeMap::from([(named("input"), vec![1, 3, 224, 224])]),
        },
        target: "onnxruntime_cpu".to_owned(),
        runtime_version: "1.31.1".to_owned(),
        tool_version: "0.1.0".to_owned(),
        machine: Fingerprint::default(),
        measured_at: "2026-01-02T03:04:05Z".to_owned(),
        asked: Asked {
            budget_seconds: 150.0,
            recipes: Vec::new(),
            fast: false,
            check_accuracy: false,
            cosine_threshold: 0.99,
            threads: 1,
            options: Options {
                threads: 1,
                graph_optimization: "all".to_owned(),
                arena: true,
            },
            seed: 0,
            accuracy_samples: 16,
            real_samples: false,
            calibration: None,
        },
        front: vec![named("mixed"), named("fp32"), named("palettize-4")],
        variants,
        left_out: vec![LeftOut {
            recipe: "int8".to_owned(),
            reason: named("the model has no MatMul"),
        }],
        options: vec![
            option(&named("fp32"), "2 threads", Speed::Faster, figure(0.56, 0.02)),
            option(&named("fp32"), "graph level basic", Speed::Slower, figure(1.31, 0.02)),
            option(&named("mixed"), "arena off", Speed::Same, figure(1.004, 0.012)),
        ],
        seconds: 121.4,
        interrupted: false,
        warnings: vec![named("the machine was busy: load 3.1 on 2 cores")],
    }
}

fn page(explored: &Explored) -> String {
    explore::render(explored).unwrap()
}

fn table(explored: &Explored, color: bool) -> String {
    let mut text = Vec::new();
    explore::write(explored, Some(".mlbuild/explore.html"), &mut text, color).unwrap();
    String::from_utf8(text).unwrap()
}

/// Names of the elements in the body, in order, `/` before those that close.
fn tags(page: &str) -> Vec<String> {
    let body = &page[page.find("<body>").unwrap()..];
    body.split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
        .map(|tag| {
            let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
            let closes_itself = if tag.ends_with('/') { "/" } else { "" };
            let closes = if tag.starts_with('/') { "/" } else { "" };
            format!("{closes}{name}{closes_itself}")
        })
        .collect()
}

#[test]
fn the_table_has_columns_words_and_reasons() {
    insta::assert_snapshot!(table(&explored(""), false), @r"
    models/mobilenet.onnx · onnxruntime_cpu 1.31.1 · 1 thread · outputs compared on 16 made-up inputs
    measured in pairs with fp32, turn by turn; ± is the 95 % interval over restarts

                                size      p50       vs fp32          memory  cosine    verdict
      fp32                   13.4 MB  3.87 ms             –         29.5 MB       –  ○ baseline
      simplify               13.4 MB  3.85 ms    1.00× same ±0.01   29.5 MB  1.0000  · skip
        no gain beyond noise: score 1.00
      fp16                    6.7 MB  4.84 ms  0.80× slower ±<0.01  29.5 MB  1.0000  · skip
        slower than fp32: +25.0 % (at least +24.3 %)
      palettize-4             1.9 MB  3.88 ms    1.00× same ±0.01   29.5 MB  0.9905  ◆ aggressive
      prune-0.50             13.4 MB  3.87 ms    1.00× same ±0.01   29.5 MB  0.9950  · skip
        no gain: score 1.00
      prune-structured-0.25   8.1 MB  2.86 ms  1.35× faster ±0.02   29.5 MB  0.8712  · skip
        cosine 0.8712 is below 0.99
      int8-static             3.7 MB  2.10 ms  1.84× faster ±0.02   29.5 MB  0.9645  · skip
        cosine 0.9645 is below 0.99
      mixed                   5.1 MB  2.31 ms  1.68× faster ±0.03   29.5 MB  0.9912  ★ recommended
      int4                         –        –             –               –       –  ✗ failed
        ONNX Runtime refuses the model: no kernel
      int8: not tried: the model has no MatMul

      runtime options              p50    vs default         memory
      fp32, 2 threads          2.17 ms  1.79× faster ±0.06  41.0 MB +0.4 % ±1.0
      fp32, graph level basic  5.07 ms  0.76× slower ±0.01  41.0 MB +0.4 % ±1.0
      mixed, arena off         3.89 ms    1.00× same ±0.01  41.0 MB +0.4 % ±1.0

    ★ recommended: mixed, 1.68× faster, size −61.9 %, cosine 0.9912
      as a file: mlbuild optimize models/mobilenet.onnx --recipe mixed --output mobilenet.mixed.onnx
    Pareto front: mixed, fp32, palettize-4 · 2 min 1 s · plot: .mlbuild/explore.html
    ");
}

#[test]
fn colours_only_repeat_the_words() {
    let plain = table(&explored(""), false);
    let mut stripped = String::new();
    let mut rest = table(&explored(""), true);
    while let Some(start) = rest.find('\u{1b}') {
        stripped.push_str(&rest[..start]);
        let end = rest[start..].find('m').unwrap() + start;
        rest = rest[end + 1..].to_owned();
    }
    stripped.push_str(&rest);
    assert_eq!(stripped, plain);
}

#[test]
fn every_figure_of_the_plot_stands_in_a_table() {
    let explored = explored("");
    let page = page(&explored);
    for row in &explored.variants {
        assert!(page.contains(&format!("<b>{}</b>", row.recipe)), "{}", row.recipe);
    }
    for id in ["plot", "plot-small"] {
        assert!(page.contains(&format!("<title id=\"{id}-t\">")), "{id}");
        assert!(page.contains(&format!("<desc id=\"{id}-d\">")), "{id}");
    }
    for words in [
        "★ recommended",
        "◆ aggressive",
        "✗ failed",
        "Not tried",
        "Settings of the engine",
        "5.1 MB",
        "0.9912",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Each variant that was measured has one mark on each of the drawings.
    let marks = page.matches("class=\"mark ").count();
    assert_eq!(
        marks,
        2 * explored.variants.iter().filter(|row| row.latency.is_some()).count()
    );
    assert_eq!(page, self::page(&explored), "the same sweep gives the same bytes");
}

#[test]
fn elements_open_and_close() {
    let mut empty = explored("");
    empty.variants.truncate(1);
    empty.variants[0].latency = None;
    empty.options.clear();
    empty.left_out.clear();
    empty.interrupted = true;
    for explored in [explored(""), empty] {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&page(&explored)) {
            if let Some(name) = tag.strip_prefix('/') {
                if name != "html" {
                    assert_eq!(open.pop().as_deref(), Some(name), "{open:?}");
                }
            } else if !tag.ends_with('/') && tag != "br" {
                open.push(tag);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn a_hostile_model_stays_text() {
    let plain: BTreeSet<String> = tags(&page(&explored("x"))).into_iter().collect();
    for attack in [
        "</title><script>alert(1)</script>",
        "\"><svg onload=alert(1)>",
        "'--><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}{% include 'x' %}",
        "a\u{202E}b\u{200B}c\u{1b}[31m",
    ] {
        let explored = explored(attack);
        let page = page(&explored);
        let found: BTreeSet<String> = tags(&page).into_iter().collect();
        assert_eq!(found.difference(&plain).next(), None, "{attack}");
        assert!(!page.contains(['\u{202E}', '\u{200B}', '\u{1b}']), "{attack}");
        let table = table(&explored, false);
        assert!(!table.contains(['\u{202E}', '\u{200B}', '\u{1b}']), "{attack}");
    }
}

#[test]
fn absurd_figures_are_no_reason_to_fail() {
    let mut explored = explored("");
    for (index, absurd) in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e300].into_iter().enumerate() {
        if let Some(latency) = &mut explored.variants[index + 1].latency {
            latency.ratio = figure(absurd, absurd);
            latency.p50_ms = absurd;
        }
        explored.variants[index + 1].size_bytes = Some(u64::MAX);
        explored.variants[index + 1].memory = Some(Memory {
            peak_bytes: absurd,
            change_percent: Some(figure(absurd, absurd)),
        });
    }
    explored.seconds = f64::NAN;
    assert!(!page(&explored).is_empty());
    assert!(!table(&explored, false).is_empty());
}
