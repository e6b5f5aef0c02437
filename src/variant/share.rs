//! A share between 0 and 1, both exclusive, as recipes write it: `0.50`. It is kept as the decimal number that was written, so that a
//! share of a count is exact.

use std::fmt;

/// The most decimals that are read.
const MOST_DECIMALS: usize = 9;

/// As many decimals are written at least.
const LEAST_DECIMALS: usize = 2;

/// A decimal number between 0 and 1, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// The digits behind the point, as a number.
    digits: u64,
    /// How many there are; two, or as many as are needed.
    decimals: usize,
}

impl Share {
    /// Reads `0.5`, `0.50`, `.5`. `what` is the share's name in the error, a sentence fragment.
    pub(super) fn parse(text: &str, what: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no {what}: a number above 0 and below 1 was expected, such as 0.25");
        let (whole, decimals) = text.split_once('.').ok_or_else(refused)?;
        let digits = decimals.trim_end_matches('0');
        let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !whole.bytes().all(|byte| byte == b'0') || whole.len() > 1 || !are_digits {
            return Err(refused());
        }
        if digits.len() > MOST_DECIMALS {
            return Err(format!("`{text}` has more than {MOST_DECIMALS} decimals"));
        }
        let decimals = digits.len().max(LEAST_DECIMALS);
        let digits = format!("{digits:0<decimals$}").parse().map_err(|_| refused())?;
        Ok(Self { digits, decimals })
    }

    /// The share of `count`, rounded down.
    pub(super) fn of(self, count: usize) -> usize {
        let parts = 10_u128.pow(self.decimals as u32);
        (count as u128 * u128::from(self.digits) / parts) as usize
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{:0width$}", self.digits, width = self.decimals)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(text: &str) -> Share {
        Share::parse(text, "sparsity").unwrap()
    }

    #[test]
    fn has_one_way_of_being_written() {
        for (text, written) in [
            ("0.5", "0.50"),
            ("0.50", "0.50"),
            (".5", "0.50"),
            ("0.500", "0.50"),
            ("0.05", "0.05"),
            ("0.125", "0.125"),
            ("0.999999999", "0.999999999"),
        ] {
            assert_eq!(share(text).to_string(), written);
        }
    }

    #[test]
    fn is_above_zero_and_below_one() {
        for text in [
            "", "0", "1", "0.0", "1.0", "0.00", "-0.5", "+0.5", "1.5", "00.5", "5e-1", "0.5.1", "half", "50%", "0,5",
            "NaN", "0. 5", ".",
        ] {
            let error = Share::parse(text, "sparsity").unwrap_err();
            assert!(error.contains("above 0 and below 1"), "{text}: {error}");
        }
        assert!(
            Share::parse("0.1234567891", "sparsity")
                .unwrap_err()
                .contains("decimals")
        );
    }

    #[test]
    fn of_a_count_is_exact() {
        // In binary floats 0.29 · 100 is a little less than 29, and 0.07 · 100 a little more than 7.
        assert_eq!((share("0.29").of(100), share("0.07").of(100)), (29, 7));
        assert_eq!(share("0.5").of(7), 3);
        assert_eq!(
            share("0.999999999").of(usize::MAX) as u128,
            u128::from(u64::MAX) * 999_999_999 / 1_000_000_000
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_alike(digits in 1_u64..1_000_000, count in 0_usize..1_000_000) {
            let text = format!("0.{digits:06}");
            let read = share(&text);
            prop_assert_eq!(share(&read.to_string()), read);
            prop_assert_eq!(read.of(count), (count as u64 * digits / 1_000_000) as usize);
        }
    }
}
