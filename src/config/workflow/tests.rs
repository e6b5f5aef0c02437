//! One workflow after another, and what is said of it.

use std::path::Path;

use proptest::prelude::*;

use super::*;

const GATE: &str = include_str!("../../../examples/workflows/mlbuild.yml");

fn check_text(text: &str, surroundings: &Surroundings) -> Vec<Finding> {
    check(
        &[File {
            path: PathBuf::from("w.yml"),
            text: text.to_owned(),
        }],
        surroundings,
    )
}

/// `rule:severity:line`, worst first left to the file's order.
fn said(text: &str) -> Vec<String> {
    short(&check_text(text, &Surroundings::default()))
}

fn short(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let line = finding.problem.location.map_or(0, |location| location.line);
            format!("{}:{}:{line}", finding.rule, finding.severity.name())
        })
        .collect()
}

/// The commented example with one thing changed: `rule:severity:line's text`, but for our own tag.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GATE.contains(from), "{from}");
    let text = GATE.replace(from, to);
    check_text(&text, &Surroundings::default())
        .iter()
        .filter(|finding| (finding.rule, finding.severity) != ("unpinned", Severity::Advice))
        .map(|finding| {
            let line = finding.problem.location.map_or(0, |location| location.line as usize);
            let line = text.lines().nth(line - 1).unwrap().split('#').next().unwrap();
            format!("{}:{}:{}", finding.rule, finding.severity.name(), line.trim())
        })
        .collect()
}

#[test]
fn what_init_writes_and_the_example_have_only_our_tag_to_pin() {
    for text in [
        GATE.to_owned(),
        include_str!("../../../examples/workflows/mlbuild-sharded.yml").to_owned(),
        include_str!("../../../examples/workflows/mlbuild-report.yml").to_owned(),
        include_str!("../../../examples/workflows/mlbuild-commands.yml").to_owned(),
        crate::config::starter::workflow("main", true).unwrap(),
        crate::config::starter::workflow("main", false).unwrap(),
    ] {
        for finding in check_text(&text, &Surroundings::default()) {
            assert_eq!(
                (finding.rule, finding.severity),
                ("unpinned", Severity::Advice),
                "{finding:?}"
            );
        }
    }
}

#[test]
fn a_gate_that_cannot_fail() {
    assert_eq!(
        changed(
            "    timeout-minutes: 30\n    permissions:\n      contents: read",
            "    continue-on-error: true\n    permissions:\n      contents: read"
        ),
        ["cannot-fail:error:continue-on-error: true"]
    );
    assert_eq!(
        changed(
            "      - uses: org/mlbuild-action@v1 # or",
            "      - continue-on-error: true\n        uses: org/mlbuild-action@v1 # or"
        ),
        ["cannot-fail:error:- continue-on-error: true"]
    );
    let text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          make\n          cargo test || true\n      - run: pytest | tee log\n      - run: pytest | tee log\n        shell: bash\n      - { run: 'rm x || true', continue-on-error: true }\n";
    assert_eq!(said(text), ["cannot-fail:error:8", "cannot-fail:error:9"]);
    let all = "on: push\njobs:\n  all-green:\n    needs: [a]\n    if: always()\n    runs-on: x\n    steps:\n      - run: echo ok\n";
    assert_eq!(said(all), ["cannot-fail:warning:5"]);
    assert_eq!(
        said(&all.replace("echo ok", "test ${{ needs.a.result }} = success")),
        Vec::<String>::new()
    );
    assert_eq!(
        changed("if: github.event_name != 'push'", "if: ${{ false }}")[0],
        "cannot-fail:error:if: ${{ false }}"
    );
}

#[test]
fn the_caret_stands_under_the_piece_of_the_script() {
    let text =
        "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          make\n          cargo test --all || true\n";
    let finding = check_text(text, &Surroundings::default()).remove(0);
    let location = finding.problem.location.unwrap();
    assert_eq!((location.line, location.column), (7, 28));
    assert_eq!(finding.problem.message, "`cargo test --all` cannot fail here");
}

#[test]
fn permissions_that_lack_or_exceed() {
    assert_eq!(
        changed("      checks: write # the check run\n", ""),
        ["permissions:warning:permissions:"]
    );
    assert_eq!(
        changed("contents: write # publish", "contents: read # publish"),
        ["permissions:error:permissions:"]
    );
    let found = check_text(
        &GATE.replace("      actions: read # prove", "      # prove"),
        &Surroundings::default(),
    );
    let finding = found.iter().find(|finding| finding.rule == "permissions").unwrap();
    assert_eq!(finding.severity, Severity::Error);
    assert!(
        finding.problem.hints[0].contains("\n  actions: read # proves which run published a baseline\n"),
        "{:?}",
        finding.problem.hints
    );
    assert_eq!(
        changed("checks: write # the check run", "checks: write\n      id-token: write"),
        ["permissions:warning:id-token: write"]
    );
    assert_eq!(
        changed("contents: read # check out", "contents: write # check out"),
        ["permissions:warning:contents: write"]
    );
    assert_eq!(
        changed("    if: github.event_name != 'push'\n", ""),
        ["permissions:warning:gate:"]
    );
    let all =
        "on: pull_request\npermissions: write-all\njobs:\n  a:\n    steps:\n      - uses: org/mlbuild-action@v1\n";
    assert!(
        said(all).contains(&"permissions:warning:2".to_owned()),
        "{:?}",
        said(all)
    );
    assert!(said(&all.replace("permissions: write-all\n", "")).contains(&"permissions:warning:3".to_owned()));
    let report = "on: { workflow_run: { workflows: [x], types: [completed] } }\npermissions: {}\njobs:\n  a:\n    steps:\n      - uses: org/mlbuild-action/report@v1\n";
    assert_eq!(said(report), ["permissions:error:2", "unpinned:advice:6"]);
}

#[test]
fn a_job_runs_when_those_that_it_needs_do() {
    let sharded = include_str!("../../../examples/workflows/mlbuild-sharded.yml");
    let without = sharded.replacen("    if: github.event_name != 'push'\n", "", 1);
    assert_ne!(without, sharded);
    let found = said(&without);
    // Without the condition of `plan`, it and `measure` run on pushes too, where they would publish.
    assert_eq!(
        found
            .iter()
            .filter(|said| said.starts_with("permissions:warning"))
            .count(),
        2,
        "{found:?}"
    );
    // Jobs that need one another are GitHub's to refuse; here they only must end.
    let circle = "on: push\njobs:\n  a: { needs: [b], steps: [] }\n  b: { needs: a, if: 'true', steps: [] }\n";
    assert_eq!(said(circle), Vec::<String>::new());
}

#[test]
fn actions_that_can_move() {
    let uses = |uses: &str| said(&format!("on: push\njobs:\n  a:\n    steps:\n      - uses: {uses}\n"));
    for (action, expected) in [
        ("a/b@08c6903cd8c0fde910a37f88322edcfb5dd907a8", None),
        ("./local", None),
        ("a/b@v3", Some("warning")),
        ("a/b@main", Some("error")),
        ("a/b", Some("error")),
        ("actions/cache@v5", Some("advice")),
        ("actions/cache@main", Some("warning")),
        ("org/mlbuild-action@v1", Some("advice")),
        ("me/mlbuild-action/report@v1.2.3", Some("advice")),
        ("org/mlbuild-action@main", Some("warning")),
        ("docker://alpine:3", Some("warning")),
        ("docker://alpine@sha256:00", None),
    ] {
        let found: Vec<String> = uses(action)
            .into_iter()
            .filter(|said| said.starts_with("unpinned"))
            .collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|severity| format!("unpinned:{severity}:5"))
            .collect();
        assert_eq!(found, expected, "{action}");
    }
}

#[test]
fn checkouts() {
    let surroundings = Surroundings {
        lfs_models: vec!["models/a.onnx".to_owned()],
        ..Surroundings::default()
    };
    let without_advice = |text: &str| {
        let mut found = check_text(text, &surroundings);
        found.retain(|finding| finding.severity > Severity::Advice);
        short(&found)
    };
    assert_eq!(without_advice(GATE).len(), 2, "both jobs check out");
    assert_eq!(
        without_advice(&GATE.replace(
            "persist-credentials: false",
            "persist-credentials: false\n          lfs: true"
        )),
        Vec::<String>::new()
    );
    assert_eq!(
        changed(
            "          persist-credentials: false # the",
            "          submodules: false # the"
        ),
        ["credentials:warning:- uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"]
    );
    let shallow = "on: pull_request\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8\n        with: { persist-credentials: false }\n      - run: mlbuild ci\n";
    assert_eq!(said(shallow), ["shallow:warning:5"]);
    assert_eq!(
        said(&shallow.replace("false }", "false, fetch-depth: 0 }")),
        Vec::<String>::new()
    );
    assert_eq!(
        said(&shallow.replace("mlbuild ci", "mlbuild ci --baseline old.onnx")),
        Vec::<String>::new()
    );
}

#[test]
fn strangers_code_with_secrets() {
    let text = "on: pull_request_target\npermissions: { contents: read }\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n      - run: gh pr checkout 7\n";
    assert_eq!(said(text), ["untrusted-checkout:error:8", "untrusted-checkout:error:9"]);
    assert_eq!(
        said(&text.replace("pull_request_target", "pull_request")),
        Vec::<String>::new()
    );
    assert_eq!(
        said(&text.replace("    steps:", "    if: github.event_name == 'push'\n    steps:")),
        Vec::<String>::new()
    );
    assert!(
        changed("  pull_request:", "  pull_request_target:")
            .contains(&"untrusted-checkout:error:- uses: org/mlbuild-action@v1".to_owned())
    );
    let title = "on: pull_request\njobs:\n  a:\n    steps:\n      - run: |\n          echo a\n          echo \"${{ github.event.pull_request.title }}\"\n      - run: echo \"${{ github.sha }}\"\n";
    assert_eq!(said(title), ["injection:error:7"]);
}

#[test]
fn events_that_leave_the_gate_out() {
    assert_eq!(
        changed("  pull_request:", "  pull_request:\n    paths: ['models/**']"),
        ["path-filter:warning:paths: ['models/**']"]
    );
    assert_eq!(
        changed("  pull_request:", "  pull_request:\n    types: [labeled]"),
        ["events:error:types: [labeled]"]
    );
    assert_eq!(changed("  merge_group:\n", ""), ["merge-group:advice:pull_request:"]);
    assert_eq!(
        changed(
            "if: github.event_name != 'push'",
            "if: github.event_name == 'pull_request'"
        ),
        ["merge-group:warning:if: github.event_name == 'pull_request'"]
    );
}

#[test]
fn baselines_that_never_come() {
    assert_eq!(
        changed("  push:\n    branches: [main]", "  release:\n    types: [published]"),
        ["no-baseline:warning:- uses: org/mlbuild-action@v1"]
    );
    assert_eq!(
        changed(
            "      - uses: org/mlbuild-action@v1 # or",
            "      - with: { config: a.yml }\n        uses: org/mlbuild-action@v1 # or"
        ),
        ["different-gate:warning:uses: org/mlbuild-action@v1"]
    );
    let pushed = "on: push\npermissions: { contents: write, actions: read }\njobs:\n  b:\n    steps:\n      - uses: org/mlbuild-action@v1\n";
    let files: Vec<File> = [
        GATE.replace("  push:\n    branches: [main]", "  release:"),
        pushed.to_owned(),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, text)| File {
        path: PathBuf::from(format!("{index}.yml")),
        text,
    })
    .collect();
    assert!(
        check(&files, &Surroundings::default())
            .iter()
            .all(|finding| finding.rule == "unpinned")
    );
    assert_eq!(
        changed(
            "cancel-in-progress: ${{ github.event_name == 'pull_request' }}",
            "cancel-in-progress: true"
        ),
        ["cancelled:warning:cancel-in-progress: true"]
    );
    assert_eq!(
        changed(
            "group: mlbuild-${{ github.event_name }}-${{ github.ref }}",
            "group: mlbuild"
        ),
        ["cancelled:error:concurrency:"]
    );
}

#[test]
fn what_github_retired() {
    assert_eq!(
        changed(
            "    runs-on: ubuntu-latest\n    timeout-minutes: 30\n    permissions:\n      contents: read",
            "    runs-on: ubuntu-20.04\n    permissions:\n      contents: read"
        ),
        ["retired:error:runs-on: ubuntu-20.04"]
    );
    let text = "on: push\njobs:\n  a:\n    strategy: { matrix: { os: [macos-12, ubuntu-latest] } }\n    runs-on: ${{ matrix.os }}\n    steps:\n      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v2.1\n      - uses: actions/upload-artifact@v3\n";
    assert_eq!(
        said(text),
        [
            "retired:error:4",
            "retired:warning:7",
            "retired:warning:8",
            "unpinned:advice:8"
        ]
    );
}

#[test]
fn a_finding_can_be_ignored_with_a_reason() {
    let text = |comment: &str| format!("on: push\njobs:\n  a:\n    steps:\n      - run: cargo test || true{comment}\n");
    assert_eq!(said(&text("")).len(), 1);
    assert_eq!(
        said(&text(
            " # mlbuild: ignore[cannot-fail] the nightly compiler may break it"
        ))
        .len(),
        0
    );
    assert_eq!(
        said(&text(" # mlbuild: ignore[cannot-fail]")).len(),
        1,
        "a reason is wanted"
    );
    assert_eq!(said(&text(" # mlbuild: ignore[lfs] because so")).len(), 1);
    let above = text("").replace(
        "      - run",
        "      # mlbuild: ignore[cannot-fail] nightly\n      # more of it\n      - run",
    );
    assert_eq!(said(&above).len(), 0);
}

#[test]
fn hostile_files_are_findings() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, previous) in ('b'..='i').zip('a'..) {
        let aliases = vec![format!("*{previous}"); 9].join(", ");
        bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    for (text, words) in [
        (bomb, "more than 20000 values"),
        (format!("jobs: {}", "x".repeat(10 << 20)), "larger than 256 KiB"),
        ("[".repeat(200_000), "more than 5000 brackets"),
        ("- a\n- b\n".to_owned(), "not a workflow"),
        ("7".to_owned(), "not a workflow"),
        (String::new(), "empty"),
        ("jobs: !evil x".to_owned(), "in a workflow"),
        ("jobs:\n\ta: 1\n".to_owned(), "a tab in the indentation"),
        ("on: push\non: push\njobs: {}\n".to_owned(), "stands here twice"),
        ("jobs: {}\n---\njobs: {}\n".to_owned(), "more than one YAML document"),
    ] {
        let found = check_text(&text, &Surroundings::default());
        assert_eq!(
            (found.len(), found[0].rule, found[0].severity),
            (1, "unreadable", Severity::Error)
        );
        assert!(
            found[0].problem.message.contains(words),
            "{words}: {}",
            found[0].problem.message
        );
    }
}

#[test]
fn of_many_findings_the_first_are_shown() {
    let mut text = "on: push\njobs:\n  a:\n    steps:\n".to_owned();
    for index in 0..400 {
        text.push_str(&format!("      - uses: a/b{index}@main\n"));
    }
    let found = check_text(&text, &Surroundings::default());
    assert_eq!(found.len(), MOST_FINDINGS + 1);
    assert_eq!(found[MOST_FINDINGS].problem.message, "340 more findings");
}

#[test]
fn odd_shapes_say_nothing_wrong() {
    for text in [
        "on: [push, 7, {}]\njobs: 7\n",
        "on: {push: 7}\njobs: {a: 7, b: {steps: 7}, c: {steps: [7, {run: {}}, {uses: []}]}}\n",
        "jobs: {}\n",
        "runs: {using: node24, main: x.js}\n",
        "on: push\njobs: {a: {uses: ./.github/workflows/b.yml, permissions: 7, concurrency: [], if: [], strategy: 7}}\n",
    ] {
        assert_eq!(said(text), Vec::<String>::new(), "{text}");
    }
    assert!(is_workflow(Path::new("a/b.yaml")) && !is_workflow(Path::new("a/b.md")));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "on:", " push", " pull_request", "\n", "  ", "jobs:\n", "  a:\n", "    steps:\n", "      - ", "uses: a/b@v1", "run: |\n",
        "cargo test", " || true", " | tee", "if: always()", "permissions: ", "write-all", "{", "}", "[", "]", "\"", "'", "é", "\u{2028}",
        "uses: org/mlbuild-action@v1\n", "with: { ref: ${{ github.head_ref }} }\n", "concurrency: x\n", "# mlbuild: ignore[x] y\n", "\t",
    ]), 0..40)) {
        let _ = said(&pieces.concat());
    }
}
