//! What a run that belongs to a stranger may try: every artifact here is of his making.

use std::io::Cursor;
use std::io::Write as _;

use serde_json::Value;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::MODEL_PATH;
use super::super::Ran;
use super::super::Repository;
use super::super::touched;
use super::Measured;
use super::packed;

/// A repository in which a pull request from a fork was measured and passed.
fn measured() -> (Repository, Measured) {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose_from_fork(&[(MODEL_PATH, &touched())]);
    let (measured, ran) = repository.measure(proposed);
    ran.expect("pass", 0);
    (repository, measured)
}

impl Repository {
    /// Reports on an archive in place of the true one.
    fn report_on(&self, measured: &Measured, archive: &[u8]) -> Ran {
        self.forget_what_was_published();
        self.fake.artifact(measured.run, &measured.name, archive);
        self.report(measured.run)
    }

    /// The only thing published is a failed check that says `words`.
    fn assert_refused(&self, ran: &Ran, words: &str) {
        assert_eq!((ran.code, ran.result()), (2, "error"), "{ran}");
        let check = self.check();
        assert_eq!(check.conclusion.as_deref(), Some("failure"), "{ran}");
        assert!(check.summary.contains(words), "{words}: {}", check.summary);
        assert!(self.comments().is_empty());
        assert!(!check.summary.contains(['\u{1b}', '\u{202e}']));
    }
}

#[test]
fn no_archive_but_the_one_file_is_read() {
    let (repository, measured) = measured();
    let whole = measured.file.to_string();
    let mut two = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["result.json", "other.json"] {
        two.start_file(name, SimpleFileOptions::default()).unwrap();
        two.write_all(whole.as_bytes()).unwrap();
    }
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("result.json", "/proc/self/environ", SimpleFileOptions::default())
        .unwrap();
    let zeros = vec![b' '; 50_000_000];
    let noise: Vec<u8> = (0..2_000_000_u32)
        .flat_map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    for (archive, words) in [
        (two.finish().unwrap().into_inner(), "2 entries"),
        (link.finish().unwrap().into_inner(), "no regular file"),
        (
            packed("../../../home/runner/.bashrc", whole.as_bytes()),
            "expected the one regular file",
        ),
        (
            packed("/etc/cron.d/x", whole.as_bytes()),
            "expected the one regular file",
        ),
        (
            packed("nested/result.json", whole.as_bytes()),
            "expected the one regular file",
        ),
        (packed("result.json", &zeros), "50000000 bytes"),
        (packed("result.json", &zeros[..1_000_000]), "times its packed size"),
        (packed("result.json", &noise), "expected at most"),
        (b"no archive at all".to_vec(), "no readable zip archive"),
        (Vec::new(), "no readable zip archive"),
    ] {
        let ran = repository.report_on(&measured, &archive);
        repository.assert_refused(&ran, words);
    }
}

#[test]
fn no_file_but_one_of_this_very_run_is_believed() {
    let (repository, measured) = measured();
    let other = "0123456789abcdef0123456789abcdef01234567";
    for (place, value, words) in [
        ("/pull_request", json!(measured.proposed.pull + 1), "pull request #"),
        ("/run_id", json!(1), "run 1.1"),
        ("/run_attempt", json!(2), "run "),
        ("/head_commit", json!(other), "commit 0123456789ab"),
        ("/repository", json!("mallory/models"), "mallory/models"),
        ("/key", json!("another"), "mlbuild-result-another"),
        ("/version", json!(2), "version 2"),
        ("/version", json!(u64::MAX), "not a result file"),
        ("/schema", json!("mlbuild-ci-report"), "mlbuild-ci-report"),
        ("/markdown", json!("## All good"), "unknown field"),
        ("/content/judged/outcome", json!("great"), "unknown variant"),
        (
            "/content/judged/comparisons/0/model",
            json!("a\u{1b}[31m\u{202e}b"),
            "unseen characters",
        ),
        (
            "/content/judged/comparisons/0/model",
            json!("x".repeat(5000)),
            "a long text",
        ),
        ("/content/judged/comparisons/0/seconds", json!(1e300), "a number"),
        ("/content/judged/exit_code", json!(7), "exit code 7"),
    ] {
        let mut file = measured.file.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        file.pointer_mut(parent).unwrap()[name] = value;
        let ran = repository.report_on(&measured, &packed("result.json", file.to_string().as_bytes()));
        repository.assert_refused(&ran, words);
    }
    let text = measured.file.to_string();
    let infinite = text.replacen("\"restarts\":", "\"restarts\":NaN,\"x\":", 1);
    assert_ne!(infinite, text);
    let ran = repository.report_on(&measured, &packed("result.json", infinite.as_bytes()));
    repository.assert_refused(&ran, "not a result file");
}

#[test]
fn no_success_comes_out_of_a_run_that_failed() {
    let (repository, measured) = measured();
    let whole = packed("result.json", measured.file.to_string().as_bytes());
    for conclusion in [
        "failure",
        "cancelled",
        "timed_out",
        "skipped",
        "neutral",
        "stale",
        "startup_failure",
    ] {
        repository.ended(measured.run, conclusion);
        let ran = repository.report_on(&measured, &whole);
        repository.assert_refused(&ran, "its run ended as");
    }
}

#[test]
fn what_the_base_gates_cannot_be_left_out() {
    let (repository, measured) = measured();
    for (outcome, result) in [("skipped", "skipped"), ("neutral", "skipped")] {
        let mut file = measured.file.clone();
        let judged = &mut file["content"]["judged"];
        judged["comparisons"] = json!([]);
        judged["result"] = json!(result);
        judged["outcome"] = json!(outcome);
        let ran = repository.report_on(&measured, &packed("result.json", file.to_string().as_bytes()));
        assert_eq!(ran.result(), "error", "{ran}");
        assert_eq!(repository.check().conclusion.as_deref(), Some("failure"), "{ran}");
        assert!(repository.comment().body.contains("says nothing"), "{ran}");
    }
    // A pass without figures, and one whose figures do not go together.
    for (pointer, value) in [
        ("/content/judged/comparisons/0/metrics", json!([])),
        ("/content/judged/config_path", json!("elsewhere/.mlbuild.yml")),
    ] {
        let mut file = measured.file.clone();
        *file.pointer_mut(pointer).unwrap() = value;
        let ran = repository.report_on(&measured, &packed("result.json", file.to_string().as_bytes()));
        assert_ne!(repository.check().conclusion.as_deref(), Some("success"), "{ran}");
    }
}

#[test]
fn text_stays_text() {
    let (repository, measured) = measured();
    let hostile = "a|b` <img src=https://evil.test/x.png> @everyone #1 [x](https://evil.test) --> ::error::x $(id)";
    let mut file: Value = measured.file.clone();
    let judged = &mut file["content"]["judged"];
    for list in ["notices", "drift", "config_changes"] {
        judged[list] = json!([hostile]);
    }
    judged["baseline_label"] = json!(hostile);
    judged["environment"]["cpu_model"] = json!(hostile);
    let detail = &mut judged["comparisons"][0];
    detail["hints"] = json!([hostile]);
    detail["reason"] = json!(hostile);
    detail["warnings"] = json!([hostile]);
    let ran = repository.report_on(&measured, &packed("result.json", file.to_string().as_bytes()));
    assert_eq!(ran.code, 0, "{ran}");
    let check = repository.check();
    for shown in [repository.comment().body, check.summary, ran.summary.clone()] {
        for harm in ["<img", "@everyone", "](https://evil", "https://evil"] {
            assert!(!shown.contains(harm), "{harm}: {shown}");
        }
    }
    for line in ran.log.lines() {
        assert!(!line.starts_with("::error"), "{line}");
    }
    assert!(
        check
            .annotations
            .iter()
            .all(|annotation| !annotation.to_string().contains('\u{1b}'))
    );
}

#[test]
fn storage_is_where_github_says_and_sees_no_token() {
    let (repository, measured) = measured();
    for place in [
        "http://169.254.169.254/latest/meta-data",
        "ftp://evil.test/x",
        "https://user@evil.test/x",
    ] {
        repository
            .fake
            .edit(|state| state.forged_location = Some(place.to_owned()));
        repository.fake.edit(|state| {
            state.checks.clear();
            state.comments.clear();
        });
        let ran = repository.report(measured.run);
        repository.assert_refused(&ran, "refused to call");
    }
    repository.fake.edit(|state| state.forged_location = None);
    repository.fake.edit(|state| state.artifacts[0].stored.push(0));
    repository.fake.edit(|state| state.checks.clear());
    let ran = repository.report(measured.run);
    repository.assert_refused(&ran, "digest");
    // That storage saw no token is what the fake itself asserts.
    assert!(repository.fake.log().iter().any(|logged| logged.origin == "storage"));
}
