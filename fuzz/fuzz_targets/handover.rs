//! Any bytes as a result that another run handed over: one that is accepted is written and read again as it is, and renders.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::report::comment;
use mlbuild::report::handover;
use mlbuild::report::handover::Content;
use mlbuild::verdict::Outcome;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = handover::from_bytes(bytes) else { return };
    if let Ok(text) = handover::to_text(&read) {
        assert!(text.len() <= handover::MAX_BYTES);
        assert!(handover::from_bytes(text.as_bytes()).is_ok());
    }
    if let Content::Judged(judged) = read.content {
        assert!(comment::render(&judged.report, comment::LIMIT).len() <= comment::LIMIT);
        assert!(judged.report.exit_code != 0 || judged.outcome <= Outcome::Neutral);
    }
});
