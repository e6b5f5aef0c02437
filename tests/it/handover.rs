//! The result file that one job hands to another: what is rendered from it is what would have been rendered without it, and what
//! nobody's mlbuild wrote is refused.

use mlbuild::hint::Hint as _;
use mlbuild::report::Context;
use mlbuild::report::Report;
use mlbuild::report::annotations;
use mlbuild::report::comment;
use mlbuild::report::handover;
use mlbuild::report::handover::Content;
use mlbuild::report::handover::Failure;
use mlbuild::report::handover::Handover;
use mlbuild::report::handover::Judged;
use mlbuild::report::summary;
use mlbuild::verdict::Outcome;
use mlbuild::verdict::Verdict;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::report::hostile_report;
use crate::support::reports;
use crate::support::reports::key;

fn of(report: Report, outcome: Outcome) -> Handover {
    Handover {
        repository: "org/models".parse().unwrap(),
        run_id: 7,
        attempt: 1,
        pull: Some(12.try_into().unwrap()),
        key: "gate".to_owned(),
        head: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678".parse().unwrap(),
        base: Some("9f8e7d6c5b4a39281706f5e4d3c2b1a098765432".parse().unwrap()),
        content: Content::Judged(Box::new(Judged { report, outcome })),
    }
}

fn outcome(report: &Report) -> Outcome {
    match report.exit_code {
        0 => Outcome::Neutral,
        1 => Outcome::Failed,
        _ => Outcome::Broken,
    }
}

/// The report as the other job reads it, with what that job knows itself.
fn handed_over(report: &Report) -> Report {
    let text = handover::to_text(&of(report.clone(), outcome(report))).unwrap();
    let read = handover::from_bytes(text.as_bytes()).unwrap();
    let Content::Judged(judged) = read.content else {
        panic!()
    };
    let mut read = judged.report;
    let of_the_file = read.context;
    let known = report.context.clone();
    read.context = Context {
        key: of_the_file.key,
        config_path: of_the_file.config_path,
        baseline_label: of_the_file.baseline_label,
        baseline_tag: of_the_file.baseline_tag,
        ..known
    };
    read
}

fn assert_rendered_alike(report: &Report) {
    let mut direct = report.clone();
    direct.context.key = "gate".to_owned();
    let read = handed_over(&direct);
    for limit in [comment::LIMIT, 3000] {
        assert_eq!(comment::render(&read, limit), comment::render(&direct, limit));
    }
    assert_eq!(summary::render(&read), summary::render(&direct));
    assert_eq!(annotations::of(&read), annotations::of(&direct));
}

fn text() -> String {
    handover::to_text(&of(reports::regression(), Outcome::Failed)).unwrap()
}

fn value() -> Value {
    serde_json::from_str(&text()).unwrap()
}

fn refusal(value: &Value) -> String {
    refused(value.to_string().as_bytes())
}

fn refused(bytes: &[u8]) -> String {
    let error = handover::from_bytes(bytes).unwrap_err();
    assert!(!error.hints().is_empty());
    let source = std::error::Error::source(&error);
    let text = source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    assert!(!text.chars().any(char::is_control), "{text:?}");
    text
}

#[test]
fn a_report_comes_back_as_it_was() {
    let report = reports::regression();
    let mut expected = report.clone();
    assert_eq!(handed_over(&report), {
        expected.context.key = "gate".to_owned();
        expected
    });
    assert_rendered_alike(&report);
    let empty = reports::builder().outcome(Verdict::Skipped, 0).build().unwrap();
    assert_rendered_alike(&empty);
}

#[test]
fn a_failure_comes_back_as_it_was() {
    let failed = Handover {
        content: Content::Failed(Failure {
            reason: "no `.mlbuild.yml` in `/work`".to_owned(),
            hints: vec!["run `mlbuild init`".to_owned()],
            cancelled: false,
        }),
        pull: None,
        base: None,
        ..of(reports::regression(), Outcome::Failed)
    };
    let text = handover::to_text(&failed).unwrap();
    assert_eq!(handover::from_bytes(text.as_bytes()).unwrap(), failed);
}

#[test]
fn the_file_holds_no_address_and_no_line_for_a_shell() {
    let text = text();
    for foreign in ["https://", "git fetch", "reproduce", "<details>"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_large_report_loses_what_only_informs_and_says_so() {
    let many = |count: usize| {
        let passing = (0..count).map(|index| reports::passing(&format!("model-{index}"), "fp32"));
        let slower = reports::measured(key("slow", "fp32"), (3.87, 4.19, 0.7), (13.4, 13.4), (41.0, 41.2));
        let report = reports::builder()
            .comparisons(passing.chain([slower]))
            .outcome(Verdict::Regression, 1);
        of(report.build().unwrap(), Outcome::Failed)
    };
    for (count, left_out) in [(10, None), (500, Some("only inform")), (1500, Some("did not fail"))] {
        let text = handover::to_text(&many(count)).unwrap();
        assert!(text.len() <= handover::MAX_BYTES, "{count}: {}", text.len());
        let read = handover::from_bytes(text.as_bytes()).unwrap();
        let Content::Judged(judged) = read.content else {
            panic!()
        };
        assert_eq!(judged.report.comparisons.len(), count + 1);
        let slow = judged.report.comparisons.last().unwrap();
        assert!(slow.comparison.metrics.len() >= 4 && slow.latency.is_some());
        match left_out {
            None => assert!(judged.report.notices.is_empty()),
            Some(words) => assert!(judged.report.notices[0].contains(words), "{:?}", judged.report.notices),
        }
    }
    let error = handover::to_text(&many(2500)).unwrap_err().to_string();
    assert!(error.contains("at most 2000"), "{error}");
}

#[test]
fn other_files_are_told_apart() {
    assert!(refused(b"").starts_with("not a result file"));
    assert!(refused(b"[]").starts_with("not a result file"));
    assert!(refused(&[0xff, 0xfe]).contains("UTF-8"));
    assert!(refused(b"{\"schema\":\"mlbuild-ci-report\",\"version\":2}").contains("`mlbuild-ci-report`"));
    assert!(refused(b"{\"schema\":\"\\u001b[31m<img>\",\"version\":2}").contains("[31m<img>"));
    let mut newer = value();
    newer["version"] = json!(2);
    assert!(refusal(&newer).contains("version 2"));
    assert!(refused(&vec![b' '; handover::MAX_BYTES + 1]).contains("1048577 bytes"));
    assert!(refused(format!("{}{{", text()).as_bytes()).starts_with("not a result file"));
}

#[test]
fn nothing_unknown_twofold_or_of_another_kind_is_read() {
    for (place, wrong) in [
        ("/content/judged/verdict", json!("pass")),
        ("/markdown", json!("## fine")),
        ("/content/judged/comparisons/0/html", json!("<b>")),
        ("/content/judged/outcome", json!("splendid")),
        ("/content/judged/result", json!("green")),
        ("/content/judged/exit_code", json!("0")),
        ("/run_id", json!("7")),
        ("/run_id", json!(-7)),
        ("/run_id", json!(1.5)),
        ("/pull_request", json!(0)),
        ("/head_commit", json!("main; rm -rf /")),
        ("/base_commit", json!("HEAD")),
        ("/repository", json!("org/models/../other")),
        ("/content", json!({ "judged": null, "failed": null })),
        ("/content", json!("judged")),
    ] {
        let mut file = value();
        let (parent, name) = place.rsplit_once('/').unwrap();
        file.pointer_mut(parent).unwrap()[name] = wrong;
        refusal(&file);
    }
    let twice = text().replacen("\"run_id\":7", "\"run_id\":8,\"run_id\":7", 1);
    assert!(refused(twice.as_bytes()).contains("duplicate field"));
    let infinite = text().replacen("\"seconds\":18.24", "\"seconds\":1e999", 1);
    assert_ne!(infinite, text());
    refused(infinite.as_bytes());
    let none = text().replacen("\"seconds\":18.24", "\"seconds\":NaN", 1);
    refused(none.as_bytes());
}

#[test]
fn nothing_oversized_or_unseen_is_read() {
    let hidden = [
        "a\u{202E}b",
        "a\u{1b}[31m",
        "a\nb",
        "a\u{200B}",
        " a",
        "a  b",
        "\u{FEFF}a",
    ];
    for text in hidden.map(str::to_owned).into_iter().chain(["x".repeat(2401)]) {
        let mut file = value();
        file["content"]["judged"]["comparisons"][0]["model"] = json!(text);
        let said = refusal(&file);
        assert!(said.contains("content.judged.comparisons.[].model"), "{said}");
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let mut file = value();
    file["content"]["judged"]["notices"] = deep;
    assert!(refusal(&file).contains("levels"));
    let bottomless = text().replacen("\"notices\":[]", &format!("\"notices\":{}", "[".repeat(100_000)), 1);
    refused(bottomless.as_bytes());
    let mut file = value();
    file["content"]["judged"]["notices"] = json!(vec!["x"; 2001]);
    assert!(refusal(&file).contains("2001 entries"));
    let mut file = value();
    file["content"]["judged"]["comparisons"][0]["seconds"] = json!(1e300);
    assert!(refusal(&file).contains("1e18"));
    let mut file = value();
    file["key"] = json!("k".repeat(201));
    assert!(refusal(&file).contains("200"));
}

#[test]
fn nothing_that_contradicts_itself_is_read() {
    for (changes, expected) in [
        (vec![("result", json!("pass"))], "although a comparison is `regression`"),
        (vec![("exit_code", json!(0))], "exit code 0"),
        (vec![("outcome", json!("passed"))], "too good"),
        (vec![("outcome", json!("broken"))], "exit code 1"),
        (
            vec![
                ("comparisons", json!([])),
                ("result", json!("pass")),
                ("outcome", json!("passed")),
                ("exit_code", json!(0)),
            ],
            "nothing was compared",
        ),
    ] {
        let mut file = value();
        for (field, wrong) in changes {
            file["content"]["judged"][field] = wrong;
        }
        let said = refusal(&file);
        assert!(said.contains(expected), "{said}");
    }
    let mut better = value();
    let first = &mut better["content"]["judged"];
    first["comparisons"][0]["result"] = json!("pass");
    first["result"] = json!("pass");
    first["outcome"] = json!("passed");
    first["exit_code"] = json!(0);
    assert!(refusal(&better).contains("its comparison `pass`"));
    let mut twice = value();
    let metrics = twice["content"]["judged"]["comparisons"][0]["metrics"]
        .as_array_mut()
        .unwrap();
    metrics.push(metrics[0].clone());
    assert!(refusal(&twice).contains("stands twice"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_renders_as_what_was_written(
        atoms in prop::collection::vec(
            prop_oneof!["[|`<>@#\\[\\]()!*_~$:/&=+. \n\r\t-]", "[a-z]{1,3}", "\\PC", "[\\x00-\\x1f\u{200B}-\u{202F}]"],
            0..20,
        ),
        figures in (0.01_f64..1e4, 0.01_f64..1e4, 0.0_f64..50.0),
    ) {
        // White space around a text does not come back, nor does it show.
        let mut report = hostile_report(&format!("x{}x", atoms.concat()));
        report.comparisons.push(reports::measured(key("measured", "fp32"), figures, (13.4, 13.5), (41.0, 41.2)));
        assert_rendered_alike(&report);
    }

    /// Whatever is changed in a file, it is refused or it still renders.
    #[test]
    fn no_mutation_does_harm(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6)
    ) {
        let mut bytes = text().into_bytes();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] = b"0123456789-\"[]{},e"[usize::from(byte) % 18],
                2 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        if let Ok(read) = handover::from_bytes(&bytes) {
            prop_assert_eq!(handover::from_bytes(handover::to_text(&read).unwrap().as_bytes()).unwrap(), read.clone());
            if let Content::Judged(judged) = read.content {
                prop_assert!(comment::render(&judged.report, comment::LIMIT).len() <= comment::LIMIT);
                prop_assert!(judged.report.exit_code != 0 || judged.outcome <= Outcome::Neutral);
            }
        }
    }
}
