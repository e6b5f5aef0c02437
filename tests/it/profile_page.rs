//! The HTML page of a profile: whole, harmless, the same every time, and readable without its drawings.

use std::collections::BTreeSet;

use mlbuild::measure::profile::Profile;
use mlbuild::measure::sensitivity::Sensitivity;
use mlbuild::report::profile_page;
use mlbuild::report::profile_page::ProfileView;

use crate::support::profiles;

fn page(profile: &Profile, sensitivity: Option<&Sensitivity>, text: &str) -> String {
    profile_page::render(&ProfileView {
        title: text.to_owned(),
        profile,
        sensitivity: sensitivity.map(|sensitivity| (sensitivity, text.to_owned())),
        machine: text.to_owned(),
        generated_at: "2026-01-02T03:04:05Z".to_owned(),
        notices: vec![text.to_owned()],
    })
    .unwrap()
}

/// The tags of the page, in order: `svg`, `/svg`, and `path/` for one that closes itself.
fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').unwrap() + start;
        let tag = &rest[start + 1..end];
        let name = tag
            .split([' ', '\n'])
            .next()
            .unwrap()
            .trim_end_matches(if tag.len() > 1 { '/' } else { ' ' });
        tags.push(format!("{name}{}", if tag.ends_with('/') { "/" } else { "" }));
        rest = &rest[end + 1..];
    }
    tags
}

#[test]
fn every_figure_stands_in_a_table() {
    let profile = profiles::large(12);
    let page = page(&profile, Some(&profiles::sensitivity("conv")), "models/mobilenet.onnx");
    for kernel in &profile.kernels {
        assert!(
            page.contains(&format!("<code>{}</code>", kernel.name.replace('/', "&#x2f;"))),
            "{}",
            kernel.name
        );
    }
    for words in [
        "Where the time goes",
        "One run",
        "Memory over the run",
        "What limits the kernels",
        "Cold start",
        "What the engine made of the graph",
        "Layers of",
        "All kernels",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let drawings = ["timeline", "flame", "memory", "roofline", "cold", "warmup", "layers"];
    for id in drawings {
        assert!(page.contains(&format!("<title id=\"{id}-t\">")), "{id}");
        assert!(page.contains(&format!("<desc id=\"{id}-d\">")), "{id}");
    }
    assert_eq!(page.matches("<svg ").count(), drawings.len());
}

#[test]
fn it_asks_no_network_and_runs_no_script() {
    let page = page(&profiles::large(4), None, "m.onnx");
    for forbidden in [
        "<script", "<link", "<img", "url(", "@import", "href=", "src=", "http:", "https:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn the_same_profile_gives_the_same_bytes() {
    let of = || page(&profiles::large(9), Some(&profiles::sensitivity("t")), "m.onnx");
    assert_eq!(of(), of());
}

#[test]
fn elements_open_and_close() {
    for profile in [profiles::large(30), profiles::tiny(), profiles::profile(Vec::new())] {
        let page = page(&profile, None, "m.onnx");
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&page) {
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "{open:?}");
            } else if !tag.ends_with('/') && !["!doctype", "meta", "br"].contains(&tag.as_str()) {
                open.push(tag);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn a_hostile_model_stays_text() {
    let attacks = [
        "</title><script>alert(1)</script>",
        "\"><svg onload=alert(1)>",
        "'--><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}{% include 'x' %}",
        "a\u{202E}b\u{200B}c\u{1b}[31m",
        "&lt;b&gt; & <b>",
    ];
    let plain = {
        let page = page(&profiles::hostile("x"), Some(&profiles::sensitivity("x")), "x");
        tags(&page).into_iter().collect::<BTreeSet<String>>()
    };
    for attack in attacks {
        let page = page(&profiles::hostile(attack), Some(&profiles::sensitivity(attack)), attack);
        let found: BTreeSet<String> = tags(&page).into_iter().collect();
        assert_eq!(found.difference(&plain).next(), None, "{attack}");
        assert!(
            !page.contains(" onload=alert(1)>") && !page.contains("onerror=alert(1)>"),
            "{attack}"
        );
        assert!(!page.contains(['\u{202E}', '\u{200B}', '\u{1b}']), "{attack}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut profile = profiles::tiny();
    profile.roofline = None;
    profile.memory = Default::default();
    profile.timeline = Vec::new();
    profile.nodes = Vec::new();
    profile.fusions = Vec::new();
    profile.missed = Vec::new();
    profile.cold.runs_to_stable = None;
    let page = page(&profile, None, "m.onnx");
    for words in [
        "What limits the kernels",
        "Memory over the run",
        "id=\"timeline-t\"",
        "What the engine made",
    ] {
        assert!(!page.contains(words), "{words}");
    }
    assert!(page.contains("Runs did not become steady."));
    // Absurd figures are no reason to fail.
    profile.run_seconds = f64::NAN;
    profile.plain_seconds = 0.0;
    profile.kernels[0].seconds = f64::INFINITY;
    assert!(!self::page(&profile, None, "m.onnx").is_empty());
}
