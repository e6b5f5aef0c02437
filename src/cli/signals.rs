//! Ctrl-C and a runner's SIGTERM: the run is asked to end; if it has not after a while, the process ends all the same.

use std::process;
use std::thread;
use std::time::Duration;

use crate::pipeline::interrupt::Interrupt;

/// A runner kills ten seconds after its first signal; by then the check run should be completed.
const GRACE: Duration = Duration::from_secs(7);

/// What shells expect of a process that a signal ended: 128 + SIGINT.
const EXIT_CODE: i32 = 130;

/// An interrupt that signals raise. Where no handler can be set, signals end the process as they always do.
pub(crate) fn interrupt() -> Interrupt {
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    // A second handler in one process is the only way to fail, and then the first one stands.
    let _ = ctrlc::set_handler(move || {
        if raised.is_raised() {
            end();
        }
        raised.raise();
        thread::spawn(|| {
            thread::sleep(GRACE);
            end();
        });
    });
    interrupt
}

#[expect(
    clippy::exit,
    reason = "the run was asked to end and does not; files are written whole or not at all"
)]
fn end() {
    process::exit(EXIT_CODE);
}
