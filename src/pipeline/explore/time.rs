//! The time of a whole sweep, shared among what is still to be measured.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

/// No single measurement gets more than this: beyond it a variant says little that others would not need more.
const MOST: Duration = Duration::from_secs(20);

/// What a sweep may still use.
pub(super) struct Time {
    begun: Instant,
    budget: Duration,
    /// What is still to be measured, each by its weight.
    weight: f64,
}

impl Time {
    pub(super) fn of(budget: Duration) -> Self {
        Self {
            begun: Instant::now(),
            budget,
            weight: 0.0,
        }
    }

    /// Seconds since the sweep began.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.budget.saturating_sub(self.begun.elapsed())
    }

    /// Plans for so much more.
    pub(super) fn plan(&mut self, weight: f64) {
        self.weight += weight;
    }

    /// The share of what is to be measured next, or to be left out.
    pub(super) fn take(&mut self, weight: f64) -> Duration {
        let share = share(self.left(), weight, self.weight);
        self.weight -= weight;
        share
    }
}

/// A flag that is raised after a time, unless it is dropped before.
pub(super) struct Alarm {
    flag: Arc<AtomicBool>,
    /// Dropped to wake the thread.
    cancel: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Alarm {
    pub(super) fn after(time: Duration) -> Self {
        let flag = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&flag);
        let (cancel, cancelled) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if cancelled.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                raised.store(true, Ordering::SeqCst);
            }
        });
        Self {
            flag,
            cancel: Some(cancel),
            thread: Some(thread),
        }
    }

    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    pub(super) fn is_raised(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.cancel = None;
        if let Some(thread) = self.thread.take() {
            // It panics nowhere.
            let _ = thread.join();
        }
    }
}

fn share(left: Duration, weight: f64, of: f64) -> Duration {
    let part = if of > weight { weight / of } else { 1.0 };
    left.mul_f64(part.clamp(0.0, 1.0)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_raised_in_time_or_not_at_all() {
        let alarm = Alarm::after(Duration::ZERO);
        let begun = Instant::now();
        while !alarm.is_raised() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }
        let alarm = Alarm::after(Duration::from_secs(3600));
        let flag = alarm.flag();
        drop(alarm);
        assert!(!flag.load(Ordering::SeqCst));
    }

    #[test]
    fn time_is_shared_by_weight() {
        let left = Duration::from_secs(40);
        assert_eq!(share(left, 2.0, 8.0), Duration::from_secs(10));
        assert_eq!(share(left, 1.0, 8.0), Duration::from_secs(5));
        assert_eq!(share(left, 2.0, 2.0), MOST);
        assert_eq!(share(Duration::ZERO, 2.0, 8.0), Duration::ZERO);
        // More was taken than planned.
        assert_eq!(share(Duration::from_secs(4), 2.0, -1.0), Duration::from_secs(4));
    }
}
