//! How long this process has waited for engines: what is left of its own time is what it took itself.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Nanoseconds, over all workers of the process.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// The time from asking workers to load and run models until their answers came, so far. What a worker does with outputs that it
/// watches is not in it.
pub fn engine_time() -> Duration {
    Duration::from_nanos(SPENT.load(Ordering::Relaxed))
}

pub(super) fn add(spent: Duration) {
    let nanoseconds = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
    SPENT.fetch_add(nanoseconds, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_adds_up() {
        let before = engine_time();
        add(Duration::from_millis(3));
        assert!(engine_time() - before >= Duration::from_millis(3));
    }
}
