//! Any text as the output of `benchmark_model`: what is read is a run that makes sense.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::measure::on_device::output;

fuzz_target!(|text: &str| {
    if let Ok(run) = output::parse(text) {
        assert!(run.timed.count > 0);
        assert!(run.timed.typical().is_finite() && run.timed.typical() >= 0.0);
        assert!(run.timed.least <= run.timed.most);
    }
});
