//! A workflow of somebody: the lint ends, whatever the text.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use mlbuild::config::workflow;

fuzz_target!(|text: &str| {
    let file = workflow::File {
        path: PathBuf::from("w.yml"),
        text: text.to_owned(),
    };
    let _ = workflow::check(&[file], &workflow::Surroundings::default());
});
