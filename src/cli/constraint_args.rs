//! `--max-latency`, `--max-p95`, `--max-memory` and `--max-size`: absolute limits as flags.

use std::fmt::Display;

use crate::config::Constraint;
use crate::config::Constraints;
use crate::config::budget::Budget;
use crate::config::overrides;
use crate::units::Bytes;
use crate::units::Millis;

/// Absolute limits.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct ConstraintArgs {
    /// The most that the median inference may take; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    max_latency: Option<Millis>,
    /// The most that the 95th percentile of inferences may take; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    max_p95: Option<Millis>,
    /// The most memory at its peak, beyond an empty session; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = size, allow_negative_numbers = true)]
    max_memory: Option<Bytes>,
    /// The most that the model may take on disk; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = size, allow_negative_numbers = true)]
    max_size: Option<Bytes>,
}

impl ConstraintArgs {
    /// The limits that were given, as a budget has them.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            max_latency: self.max_latency,
            max_p95: self.max_p95,
            max_memory: self.max_memory,
            max_size: self.max_size,
        }
    }

    /// The limits that were given, each with its flag as the source.
    pub(crate) fn constraints(&self) -> Constraints {
        Constraints {
            max_latency: Constraint::flag(self.max_latency, "--max-latency"),
            max_p95: Constraint::flag(self.max_p95, "--max-p95"),
            max_memory: Constraint::flag(self.max_memory, "--max-memory"),
            max_size: Constraint::flag(self.max_size, "--max-size"),
        }
    }
}

/// A time that something can stay within.
pub(crate) fn time(text: &str) -> Result<Millis, String> {
    positive(text, overrides::millis(text), |time| time.0)
}

/// A size that something can stay within.
pub(crate) fn size(text: &str) -> Result<Bytes, String> {
    positive(text, overrides::bytes(text), |size| size.0 as f64)
}

fn positive<T>(text: &str, value: Result<T, impl Display>, number: impl Fn(&T) -> f64) -> Result<T, String> {
    if text.trim().starts_with('-') {
        return Err("a limit is not negative".to_owned());
    }
    match value {
        Ok(value) if number(&value) <= 0.0 => Err(
            "a limit is not zero, as nothing could ever stay within; leave the flag out where nothing is limited"
                .to_owned(),
        ),
        Ok(value) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_within_nothing() {
        assert_eq!(time("10"), Ok(Millis(10.0)));
        assert_eq!(time("250 us"), Ok(Millis(0.25)));
        assert_eq!(size("8"), Ok(Bytes(8_000_000)));
        for text in ["0", "0 ms", "-1", "-1 ms", "nan", "inf", "", "x", "8 MB"] {
            assert!(time(text).is_err(), "{text}");
        }
        for text in ["0", "0.0000001", "-8", "8 ms", "nan"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
