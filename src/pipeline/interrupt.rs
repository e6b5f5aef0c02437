//! The wish of a person, or of the runner, that a run ends now: set once from a signal handler, asked for between steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::runtime::Stop;

/// Shared by the signal handler and the run. A run that sees it finishes what must not stay half-done and returns.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the run to end.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// The flag itself, for a stage that only knows flags.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.0
    }

    /// The same flag for workers.
    pub fn stop(&self) -> Stop {
        Stop::of(Arc::clone(&self.0))
    }

    /// True once somebody asked.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
