//! The time of a whole sweep, shared among what is still to be measured.

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

fn share(left: Duration, weight: f64, of: f64) -> Duration {
    let part = if of > weight { weight / of } else { 1.0 };
    left.mul_f64(part.clamp(0.0, 1.0)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

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
