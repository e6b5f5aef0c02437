//! Quantities with their units: what people write (`10 ms`, `8 MB`, `5%`) and what reports show.
//!
//! Time is decimal, sizes are decimal too: 1 MB = 10⁶ bytes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;

/// Milliseconds of wall-clock time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Millis(pub f64);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub u64);

/// A percentage: `Percent(5.0)` is five per cent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// So many a second: throughput.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct PerSecond(pub f64);

/// A number of things: operations, parameters, operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(pub u64);

/// A span of time for a person to wait: `20 s`, `10 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A text that is not the quantity that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {quantity}: expected {expected}")]
pub struct UnitError {
    text: String,
    quantity: &'static str,
    expected: &'static str,
}

const MILLIS: Scale = Scale {
    quantity: "a time",
    expected: "a number of `ns`, `us`, `ms` or `s`, such as `10 ms`",
    units: &[("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3)],
};
const BYTES: Scale = Scale {
    quantity: "a size",
    expected: "a number of `B`, `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`, such as `8 MB` (1 MB = 1,000,000 bytes)",
    units: &[
        ("B", 1.0),
        ("KB", 1e3),
        ("kB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
    ],
};
const PERCENT: Scale = Scale {
    quantity: "a percentage",
    expected: "a number followed by `%`, such as `5%`",
    units: &[("%", 1.0)],
};
const PER_SECOND: Scale = Scale {
    quantity: "a throughput",
    expected: "a number followed by `/s`, such as `200/s`",
    units: &[("/s", 1.0), ("/ s", 1.0), ("/min", 1.0 / 60.0), ("/ min", 1.0 / 60.0)],
};
const COUNT: Scale = Scale {
    quantity: "a count",
    expected: "a number, alone or of `K`, `M`, `G` or `T`, such as `120` or `3.5 M`",
    units: &[("", 1.0), ("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)],
};
/// Beyond this a float does not hold every whole number.
const MOST: f64 = 9e15;
const SPAN: Scale = Scale {
    quantity: "a duration",
    expected: "a number of `ms`, `s`, `min` or `h`, such as `20 s`",
    units: &[("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0)],
};

struct Scale {
    quantity: &'static str,
    expected: &'static str,
    units: &'static [(&'static str, f64)],
}

impl Scale {
    /// Reads a non-negative, finite number and its unit.
    fn read(&self, text: &str) -> Result<f64, UnitError> {
        let error = || UnitError {
            text: text.to_owned(),
            quantity: self.quantity,
            expected: self.expected,
        };
        let trimmed = text.trim();
        let split = trimmed
            .find(|character: char| !(character.is_ascii_digit() || character == '.' || character == '_'))
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let number: f64 = number.replace('_', "").parse().map_err(|_| error())?;
        let (_, factor) = self
            .units
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .ok_or_else(error)?;
        let value = number * factor;
        if value.is_finite() { Ok(value) } else { Err(error()) }
    }
}

impl Scale {
    /// Reads a number that is rounded to a whole one.
    fn read_whole(&self, text: &str) -> Result<u64, UnitError> {
        let value = self.read(text)?;
        if value > MOST {
            return Err(UnitError {
                text: text.to_owned(),
                quantity: self.quantity,
                expected: self.expected,
            });
        }
        Ok(value.round() as u64)
    }
}

impl FromStr for Millis {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        MILLIS.read(text).map(Self)
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        BYTES.read_whole(text).map(Self)
    }
}

impl FromStr for PerSecond {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        PER_SECOND.read(text).map(Self)
    }
}

impl FromStr for Count {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        COUNT.read_whole(text).map(Self)
    }
}

impl FromStr for Percent {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        PERCENT.read(text).map(Self)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let seconds = SPAN.read(text)?;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| UnitError {
            text: text.to_owned(),
            quantity: SPAN.quantity,
            expected: SPAN.expected,
        })
    }
}

impl fmt::Display for Millis {
    /// Three significant digits, in the unit that people would use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        if magnitude >= 1000.0 {
            write!(f, "{} s", significant(self.0 / 1000.0))
        } else if magnitude >= 0.1 || magnitude == 0.0 {
            write!(f, "{} ms", significant(self.0))
        } else {
            write!(f, "{} µs", significant(self.0 * 1000.0))
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000 => write!(f, "{} B", self.0),
            1_000..1_000_000 => write!(f, "{:.1} KB", self.0 as f64 / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", self.0 as f64 / 1e6),
            _ => write!(f, "{:.2} GB", self.0 as f64 / 1e9),
        }
    }
}

impl fmt::Display for PerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /s", significant(self.0))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..10_000 => write!(f, "{}", self.0),
            10_000..1_000_000 => write!(f, "{:.1} K", self.0 as f64 / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} M", self.0 as f64 / 1e6),
            _ => write!(f, "{:.2} G", self.0 as f64 / 1e9),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        write!(f, "{rounded} %")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds >= 60.0 {
            let whole = seconds.round() as u64;
            write!(f, "{} min", whole / 60)?;
            if !whole.is_multiple_of(60) {
                write!(f, " {} s", whole % 60)?;
            }
            Ok(())
        } else if seconds >= 1.0 {
            write!(f, "{} s", significant(seconds))
        } else {
            write!(f, "{} ms", significant(seconds * 1000.0))
        }
    }
}

/// A signed change for people: `+8.3 %`, `−12.1 %`, `0 %`.
pub fn signed_percent(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded == 0.0 {
        "0 %".to_owned()
    } else if rounded > 0.0 {
        format!("+{rounded:.1} %")
    } else {
        format!("−{:.1} %", -rounded)
    }
}

/// Three significant digits without an exponent.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

macro_rules! deserialize_from_text {
    ($($quantity:ty),+) => {$(
        impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
deserialize_from_text!(Millis, Bytes, PerSecond, Count, Percent, Span);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!("10 ms".parse(), Ok(Millis(10.0)));
        assert_eq!("250us".parse(), Ok(Millis(0.25)));
        assert_eq!("1.5 s".parse(), Ok(Millis(1500.0)));
        assert_eq!("8 MB".parse(), Ok(Bytes(8_000_000)));
        assert_eq!("1 MiB".parse(), Ok(Bytes(1_048_576)));
        assert_eq!("200/s".parse(), Ok(PerSecond(200.0)));
        assert_eq!("90 / min".parse(), Ok(PerSecond(1.5)));
        assert_eq!("120".parse(), Ok(Count(120)));
        assert_eq!("3.5 M".parse(), Ok(Count(3_500_000)));
        assert_eq!("5%".parse(), Ok(Percent(5.0)));
        assert_eq!("2.5 %".parse(), Ok(Percent(2.5)));
        assert_eq!("10 min".parse(), Ok(Span(Duration::from_secs(600))));
    }

    #[test]
    fn says_what_it_expected() {
        let error = "10 MB".parse::<Millis>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`10 MB` is not a time: expected a number of `ns`, `us`, `ms` or `s`, such as `10 ms`"
        );
        assert!("5".parse::<Percent>().is_err());
        assert!("200".parse::<PerSecond>().is_err());
        assert!("".parse::<Count>().is_err());
        assert!("3 MB".parse::<Count>().is_err());
        assert!("90000 T".parse::<Count>().is_err());
        assert!("-5%".parse::<Percent>().is_err());
        assert!("%".parse::<Percent>().is_err());
        assert!("1e400 s".parse::<Span>().is_err());
        assert!("99999999999999999999 h".parse::<Span>().is_err());
    }

    #[test]
    fn shows_three_digits() {
        assert_eq!(Millis(3.8712).to_string(), "3.87 ms");
        assert_eq!(Millis(0.0443).to_string(), "44.3 µs");
        assert_eq!(Bytes(13_400_000).to_string(), "13.4 MB");
        assert_eq!(PerSecond(258.4).to_string(), "258 /s");
        assert_eq!(Count(9_999).to_string(), "9999");
        assert_eq!(Count(3_500_000).to_string(), "3.5 M");
        assert_eq!(signed_percent(8.31), "+8.3 %");
        assert_eq!(signed_percent(-12.07), "−12.1 %");
        assert_eq!(signed_percent(-0.04), "0 %");
        assert_eq!(Span(Duration::from_secs(161)).to_string(), "2 min 41 s");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}") {
            let _ = text.parse::<Millis>();
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<PerSecond>();
            let _ = text.parse::<Count>();
            let _ = text.parse::<Percent>();
            let _ = text.parse::<Span>();
        }
    }
}
