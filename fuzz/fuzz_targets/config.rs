//! Any text as `.mlbuild.yml`: settings or an error with a place, never a crash.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mlbuild::config::load;

fuzz_target!(|text: &str| {
    let _ = load::parse(text, Path::new(".mlbuild.yml"));
});
