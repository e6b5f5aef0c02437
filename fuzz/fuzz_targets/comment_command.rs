//! Any text as a comment with a command, as a reply's hidden lines, as a plan and as a table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::bot::Plan;
use mlbuild::bot::command;
use mlbuild::bot::record;
use mlbuild::report::told::Told;

fuzz_target!(|text: &str| {
    let now = "2026-11-28T12:00:00Z".parse().expect("a time");
    let parsed = command::parse(text, now);
    // A line in front that says nothing changes nothing.
    assert_eq!(parsed, command::parse(&format!("hello\n\n{text}"), now));
    if let Some(acceptance) = record::acceptance(text) {
        assert!(record::accepted(&acceptance).ends_with("} -->"));
    }
    if let Ok(plan) = Plan::parse(text) {
        let again = Plan::parse(&plan.to_text().expect("JSON"));
        assert_eq!(again.ok(), Some(plan));
    }
    if let Ok(told) = Told::from_bytes(text.as_bytes()) {
        let _ = told.markdown("/mlbuild profile", "3f36810");
    }
});
