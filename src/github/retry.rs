//! When a request may be sent again, and after how long: plain data and one pure function.
//!
//! A write that is not idempotent is never repeated after an answer that leaves open whether it happened; a rate limit is
//! such an answer for nobody, because GitHub refuses before it acts.

use std::fmt;
use std::thread;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// How often and how patiently requests are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times one request is sent at most, the first included.
    pub attempts: u32,
    /// The wait before the second try; it doubles from try to try.
    pub first_wait: Duration,
    /// The longest of those waits.
    pub longest_wait: Duration,
    /// The first wait at a rate limit that names no time (GitHub's documentation asks for at least a minute); it doubles too.
    pub limited_wait: Duration,
    /// The longest wait at a rate limit. A limit that asks for more is given up at once: coming back early counts as abuse.
    pub longest_limited_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(15),
            limited_wait: Duration::from_secs(60),
            longest_limited_wait: Duration::from_secs(180),
        }
    }
}

/// Why a try failed, as far as another one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No answer, a broken one, or 5xx.
    Broken,
    /// Refused by a rate limit.
    Limited {
        /// `Retry-After`.
        retry_after: Option<Duration>,
        /// `x-ratelimit-reset`, in seconds since 1970.
        reset: Option<u64>,
    },
}

impl RetryPolicy {
    /// How long to wait after try number `attempt` (from 1) failed; `None` means to give up.
    pub fn wait(&self, attempt: u32, failure: Failure, repeatable: bool, now: SystemTime) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = 1_u32 << (attempt - 1).min(16);
        match failure {
            Failure::Broken if !repeatable => None,
            Failure::Broken => Some(self.first_wait.saturating_mul(doubled).min(self.longest_wait)),
            Failure::Limited { retry_after, reset } => {
                let until_reset = reset.map(|second| {
                    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                    // Clocks differ; a second too many is cheaper than one too few.
                    Duration::from_secs(second).saturating_sub(now) + Duration::from_secs(1)
                });
                match retry_after.or(until_reset) {
                    Some(asked) => (asked <= self.longest_limited_wait).then_some(asked),
                    None => Some(self.limited_wait.saturating_mul(doubled).min(self.longest_limited_wait)),
                }
            }
        }
    }
}

/// Where waits are spent: real time, or none in tests.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock.
    fn now(&self) -> SystemTime;
    /// Returns after `wait`.
    fn sleep(&self, wait: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, wait: Duration) {
        thread::sleep(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn wait(attempt: u32, failure: Failure, repeatable: bool) -> Option<u64> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        RetryPolicy::default()
            .wait(attempt, failure, repeatable, now)
            .map(|wait| wait.as_secs())
    }

    #[test]
    fn broken_answers_are_retried_only_where_repeating_is_harmless() {
        assert_eq!(wait(1, Failure::Broken, true), Some(1));
        assert_eq!(wait(3, Failure::Broken, true), Some(4));
        assert_eq!(wait(4, Failure::Broken, true), None);
        assert_eq!(wait(1, Failure::Broken, false), None);
    }

    #[test]
    fn a_rate_limit_is_waited_for_as_long_as_it_says() {
        let limited = |retry_after: Option<u64>, reset| Failure::Limited {
            retry_after: retry_after.map(Duration::from_secs),
            reset,
        };
        assert_eq!(wait(1, limited(Some(7), None), false), Some(7));
        assert_eq!(wait(1, limited(Some(7), Some(NOW + 99)), false), Some(7));
        assert_eq!(wait(1, limited(None, Some(NOW + 20)), true), Some(21));
        assert_eq!(wait(1, limited(None, Some(NOW - 20)), true), Some(1));
        assert_eq!(wait(1, limited(None, None), true), Some(60));
        assert_eq!(wait(3, limited(None, None), true), Some(180));
    }

    #[test]
    fn a_rate_limit_beyond_patience_is_given_up_at_once() {
        let failure = Failure::Limited {
            retry_after: Some(Duration::from_secs(3600)),
            reset: None,
        };
        assert_eq!(wait(1, failure, true), None);
    }
}
