//! `mlbuild report`: pages and PDFs about real builds, hostile names, missing records, many machines.

use std::fs;
use std::path::Path;
use std::process::Command;

use mlbuild::digest::Digest;
use mlbuild::machine::Fingerprint;
use mlbuild::registry::About;
use mlbuild::registry::ArtifactFacts;
use mlbuild::registry::BuildFacts;
use mlbuild::registry::Measurement;
use mlbuild::registry::Registry;
use mlbuild::units::Bytes;
use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::env::TestEnv;
use crate::support::page;

const HOSTILE: [&str; 6] = [
    "</title><script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "'--><img src=x onerror=alert(1)> `code",
    "{{ 7 * 7 }}{% include 'x' %}",
    "a\u{202E}b\u{200B}c\n\u{1b}[31m 🦀 é",
    "مرحبا שלום",
];

fn open(env: &TestEnv) -> Registry {
    Registry::open(&env.path(".mlbuild/registry.db")).unwrap()
}

/// A build that exists in the registry alone.
fn facts(name: &str, parent: Option<&Digest>) -> BuildFacts {
    BuildFacts {
        id: Digest::of(name.as_bytes()),
        model: "digits".to_owned(),
        source: Digest::of(b"source"),
        recipe: name.to_owned(),
        target: None,
        artifacts: vec![ArtifactFacts {
            name: "model.onnx".to_owned(),
            digest: Digest::of(name.as_bytes()),
            size: Bytes(1000 + name.len() as u64),
        }],
        created_at: "2026-01-02T03:04:05Z".to_owned(),
        parent: parent.cloned(),
        tool_version: "0.1.0".to_owned(),
        notes: Vec::new(),
        about: About::default(),
    }
}

/// Everything but the times of a report, which differ from run to run.
fn page_of(env: &TestEnv, build: &str) -> String {
    let output = env.run(&["report", build, "--output", "report.html"]);
    let output = output.expect_code(0);
    assert!(output.stderr.contains("wrote report.html"), "{}", output.snapshot());
    assert_eq!(output.stdout, "");
    env.read("report.html")
}

/// The text of a PDF; `None` where nothing here can read one.
fn text_of(pdf: &Path) -> Option<String> {
    let output = Command::new("pdftotext")
        .args(["-layout".as_ref(), pdf.as_os_str(), "-".as_ref()])
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(_) => {
            eprintln!("no pdftotext here: the PDF was not read back");
            None
        }
    }
}

#[test]
fn a_sweep_becomes_a_page() {
    let env = desk::project("digits_mlp.onnx", "");
    env.run(&["explore", "model.onnx", "--fast"]).expect_code(0);
    env.run(&["benchmark", "model.onnx", "--time-budget", "300 ms"])
        .expect_code(0);
    let report = json(&env.run(&["report", "model.onnx", "--json"]).expect_code(0));
    assert_eq!(report["schema"], 1);
    let id = report["build"]["id"].as_str().unwrap();
    assert_eq!(report["build"]["recipe"], "fp32");
    let measurements = report["measurements"].as_array().unwrap();
    assert!(measurements.len() >= 2, "{measurements:?}");
    for measured in measurements {
        let p50 = &measured["p50_ms"];
        let value = p50["value"].as_f64().unwrap();
        assert!(
            p50["lower"].as_f64().unwrap() <= value && value <= p50["upper"].as_f64().unwrap(),
            "{p50}"
        );
        assert_eq!(measured["machine"], 0);
    }
    let counts: u64 = report["distribution"]["histogram"]["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| count.as_u64().unwrap())
        .sum();
    let newest = report["distribution"]["measurement"].as_u64().unwrap() as usize;
    assert_eq!(counts, measurements[newest]["inferences"].as_u64().unwrap());
    let variants = report["variants"].as_array().unwrap();
    assert!(variants.len() > 1, "{variants:?}");
    assert!(variants.iter().any(|variant| variant["on_front"] == true));
    assert_eq!(variants.iter().filter(|variant| variant["is_own"] == true).count(), 1);
    assert!(report["profile"].is_null());

    let html = page_of(&env, &id[..12]);
    page::check(&html);
    for words in [
        "Latency over time",
        "How latencies are spread",
        "Lineage",
        "profiles are not kept",
        "as a table",
    ] {
        assert!(html.contains(words), "{words}");
    }
    page::assert_fits_a_telephone(&env.path("report.html"), &env.path("../tmp"));

    // A variant knows its parent, its check, and what it is worth.
    let variant = variants.iter().find(|variant| variant["is_own"] == false).unwrap();
    let report = json(
        &env.run(&["report", variant["id"].as_str().unwrap(), "--json"])
            .expect_code(0),
    );
    assert_eq!(report["build"]["parent"]["id"].as_str().unwrap(), id);
    assert_eq!(report["checks"].as_array().unwrap().len(), 1, "{}", report["checks"]);
    let relations: Vec<&str> = report["lineage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|relative| relative["relation"].as_str().unwrap())
        .collect();
    assert!(
        relations.contains(&"parent, root") && relations.contains(&"this build"),
        "{relations:?}"
    );
    assert_ne!(
        report["recommendation"]["advice"], "unknown",
        "{}",
        report["recommendation"]
    );
}

#[test]
fn a_profile_is_made_when_asked_for() {
    let env = desk::project("digits_mlp.onnx", "");
    env.run(&["benchmark", "model.onnx", "--time-budget", "300 ms"])
        .expect_code(0);
    // The first benchmark of a project without a registry keeps nothing.
    env.run(&["explore", "model.onnx", "--fast"]).expect_code(0);
    let report = json(
        &env.run(&["report", "model.onnx", "--profile", "--json", "--output", "r.html"])
            .expect_code(0),
    );
    let operators = report["profile"]["operators"].as_array().unwrap();
    assert!(!operators.is_empty());
    let html = env.read("r.html");
    page::check(&html);
    assert!(html.contains(operators[0]["name"].as_str().unwrap()));
}

#[test]
fn a_build_without_records_says_so() {
    let env = desk::empty();
    let mut registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    registry.insert_build(&facts("fp32", None)).unwrap();
    let id = Digest::of(b"fp32");
    let html = page_of(&env, &id.as_str()[..12]);
    page::check(&html);
    assert!(html.contains("How fast it is was never measured."));
    assert!(html.contains("Cannot say yet."));
    assert_eq!(html.matches("<b>no records</b>").count(), 8, "{html}");
    assert!(!html.contains("<svg"), "{html}");
    let report = json(&env.run(&["report", "digits", "--json"]).expect_code(0));
    assert_eq!(report["measurements"], serde_json::json!([]));
    assert!(report["distribution"].is_null());
    env.run(&["report", "digits", "--format", "pdf", "--output", "report.pdf"])
        .expect_code(0);
    if let Some(text) = text_of(&env.path("report.pdf")) {
        assert!(
            text.contains("no records: nothing was measured of this build."),
            "{text}"
        );
        assert!(text.contains("1 of 2") || text.contains("1 of 1"), "{text}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let env = desk::empty();
    let mut registry = open(&env);
    let root = facts("fp32", None);
    registry.insert_build(&root).unwrap();
    let id = Digest::of(b"fp32");
    let plain: std::collections::BTreeSet<String> = page::parse(&page_of(&env, id.as_str()))
        .into_iter()
        .map(|tag| tag.name)
        .collect();
    for (index, hostile) in HOSTILE.iter().enumerate() {
        let mut child = facts(hostile, Some(&id));
        child.about.file = Some((*hostile).to_owned());
        child.about.task = Some((*hostile).to_owned());
        child.artifacts[0].name = (*hostile).to_owned();
        child.notes = vec![(*hostile).to_owned()];
        registry.insert_build(&child).unwrap();
        registry.rename(&child.id, Some(hostile)).unwrap();
        registry.remark(&child.id, hostile, "2026-01-02T03:04:05Z").unwrap();
        registry
            .tag(&format!("tag-{index}"), &child.id, "2026-01-02T03:04:05Z")
            .unwrap();
        let html = page_of(&env, &format!("tag-{index}"));
        page::check(&html);
        let found: std::collections::BTreeSet<String> = page::parse(&html).into_iter().map(|tag| tag.name).collect();
        let new: Vec<&String> = found
            .difference(&plain)
            .filter(|name| !["h3", "ul", "li", "small", "code", "span"].contains(&name.as_str()))
            .collect();
        assert!(new.is_empty(), "{hostile}: {new:?}");
        assert!(!html.contains(['\u{202E}', '\u{200B}', '\u{1b}']), "{hostile}");
        env.run(&[
            "report",
            &format!("tag-{index}"),
            "--format",
            "pdf",
            "--output",
            "r.pdf",
        ])
        .expect_code(0);
        if let Some(text) = text_of(&env.path("r.pdf")) {
            assert!(!text.contains(['\u{202E}', '\u{200B}', '\u{1b}']), "{hostile}");
            if hostile.contains("script") {
                assert!(text.contains("</title><script>alert(1)</script>"), "{text}");
            }
        }
    }
    // The lineage of all of them together.
    page::check(&page_of(&env, id.as_str()));
    page::assert_fits_a_telephone(&env.path("report.html"), &env.path("../tmp"));
}

/// The samples of a real benchmark.
fn samples(env: &TestEnv) -> (Measurement, Digest) {
    env.run(&["explore", "model.onnx", "--fast"]).expect_code(0);
    env.run(&["benchmark", "model.onnx", "--time-budget", "300 ms"])
        .expect_code(0);
    let registry = open(env);
    let root = registry
        .builds()
        .unwrap()
        .into_iter()
        .find(|build| build.facts.parent.is_none())
        .unwrap();
    let measured = registry.measurements(&root.facts.id).unwrap().pop().unwrap();
    (measured, root.facts.id)
}

#[test]
fn machines_are_never_joined() {
    let env = desk::project("digits_mlp.onnx", "");
    let (measured, _) = samples(&env);
    let mut registry = open(&env);
    registry.insert_build(&facts("fp32", None)).unwrap();
    let other = Fingerprint {
        cpu_model: "Other <b>processor</b>".to_owned(),
        ..measured.machine.clone()
    };
    for index in 0..70_u32 {
        let second = Measurement {
            build: Digest::of(b"fp32"),
            created_at: format!("2026-01-02T03:{:02}:{:02}Z", index / 60, index % 60),
            machine: if index % 2 == 0 {
                other.clone()
            } else {
                measured.machine.clone()
            },
            ..measured.clone()
        };
        registry.insert_measurement(&second).unwrap();
    }
    let id = Digest::of(b"fp32");
    let report = json(&env.run(&["report", id.as_str(), "--json"]).expect_code(0));
    assert_eq!(report["machines"].as_array().unwrap().len(), 2);
    assert_eq!(report["measurements"].as_array().unwrap().len(), 60);
    assert_eq!(report["measurements_left_out"], 10);
    let html = page_of(&env, id.as_str());
    page::check(&html);
    let chart = html
        .split("id=\"history-chart-t\"")
        .nth(1)
        .unwrap()
        .split("</svg>")
        .next()
        .unwrap();
    assert_eq!(chart.matches("class=\"series ").count(), 2, "{chart}");
    assert_eq!(chart.matches("class=\"spot s0\"").count(), 30);
    assert_eq!(chart.matches("class=\"spot s1\"").count(), 30);
    assert!(html.contains("no line joins them"));
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let env = desk::project("digits_mlp.onnx", "");
    let (_, id) = samples(&env);
    let without_time = |html: String| -> String {
        let footer = html.rfind("<footer>").unwrap();
        html[..footer].to_owned()
    };
    let first = without_time(page_of(&env, id.as_str()));
    assert_eq!(first, without_time(page_of(&env, id.as_str())));
}

#[test]
fn a_pdf_can_be_read_back() {
    let env = desk::project("digits_mlp.onnx", "");
    let (_, id) = samples(&env);
    env.run(&["report", id.as_str(), "--format", "pdf"]).expect_code(0);
    let path = env.path(&format!(".mlbuild/reports/{}.pdf", id.short()));
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"%PDF-1.") && bytes.trim_ascii_end().ends_with(b"%%EOF"));
    assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
    assert!(!bytes.windows(13).any(|part| part == b"/CreationDate"), "a clock");
    let Some(text) = text_of(&path) else { return };
    for words in [
        "Latency over time",
        "How latencies are spread",
        "Lineage",
        "Variants of the same source",
        "Where the time goes",
        "Environment",
        "What was measured when",
        "median latency",
        &id.as_str()[..12],
        "µs",
        "1 of ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let outline = Command::new("pdfinfo")
        .args(["-dests".as_ref(), path.as_os_str()])
        .output()
        .unwrap();
    assert!(outline.status.success());
    let about = Command::new("pdfinfo").arg(&path).output().unwrap();
    let about = String::from_utf8_lossy(&about.stdout).into_owned();
    assert!(
        about.contains("(A4)") && about.contains("Title:") && about.contains("Author:          mlbuild"),
        "{about}"
    );
    assert!(!about.contains("CreationDate"), "{about}");
}

#[test]
fn what_is_not_there_is_told() {
    let env = desk::empty();
    insta::assert_snapshot!(env.run(&["report", "nothing"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: there is no registry of builds here, so nothing is recorded of `nothing`
    hint: `mlbuild explore MODEL` and `mlbuild benchmark MODEL` in a project with a config keep what they make and measure
    ");
    open(&env).insert_build(&facts("fp32", None)).unwrap();
    insta::assert_snapshot!(env.run(&["report", "digit"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no build or tag `digit` in the registry
    hint: did you mean `digits`?
    ");
    desk::put(&env, "model.onnx", "digits_mlp.onnx");
    insta::assert_snapshot!(env.run(&["report", "model.onnx"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: the model `model.onnx` is not in the registry, so nothing is recorded of it
    hint: `mlbuild explore model.onnx` makes builds of it and measures them; `mlbuild benchmark model.onnx` measures it as it is
    ");
}

/// Relative luminance of `#rrggbb`, as WCAG 2.1 defines it.
fn luminance(colour: &str) -> f64 {
    let digits = colour.strip_prefix('#').unwrap();
    let whole = if digits.len() == 3 {
        digits.chars().flat_map(|digit| [digit, digit]).collect::<String>()
    } else {
        digits.to_owned()
    };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&whole[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn colours_can_be_told_apart() {
    let sheet = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/page.css")).unwrap();
    let mut rules = sheet
        .split(":root {")
        .skip(1)
        .map(|rule| rule.split('}').next().unwrap());
    for theme in ["light", "dark"] {
        let rule = rules.next().unwrap();
        let colour = |name: &str| {
            let from = rule
                .find(&format!("--{name}:"))
                .unwrap_or_else(|| panic!("{theme} {name}"));
            let value = rule[from..].split(':').nth(1).unwrap();
            luminance(value.split(';').next().unwrap().trim())
        };
        let contrast = |one: &str, other: &str| {
            let (one, other) = (colour(one), colour(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for text in ["ink", "soft", "link", "warn", "best", "small", "bad"] {
            for ground in ["card", "page"] {
                let found = contrast(text, ground);
                assert!(found >= 4.5, "{theme}: {text} on {ground} is {found:.2}");
            }
        }
        for shape in ["accent", "s0", "s1", "s2", "s3", "other", "best", "small", "bad"] {
            let found = contrast(shape, "card");
            assert!(found >= 3.0, "{theme}: {shape} is {found:.2}");
        }
    }
}

#[test]
fn other_pages_keep_the_rules_too() {
    let env = desk::project("digits_mlp.onnx", "");
    env.run(&["explore", "model.onnx", "--fast"]).expect_code(0);
    let page = env.read(".mlbuild/explore.html");
    // Its tables have no scopes; everything else holds.
    page::parse(&page);
    assert!(page.contains("default-src 'none'"));
    let _: Value = json(&env.run(&["report", "model.onnx", "--json"]).expect_code(0));
}
