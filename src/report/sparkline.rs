//! A row of bars that fits into a line of text: `█▂▁▁▁▁`.

/// Bars, from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar a value, from nothing to the largest of them; values that are no number, or below nothing, are the lowest bar.
pub fn sparkline(values: &[f64]) -> String {
    let most = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    values
        .iter()
        .map(|value| {
            let share = if most > 0.0 { value / most } else { 0.0 };
            // Casting saturates, and makes nothing of what is no number.
            let step = (share * BARS.len() as f64).ceil() as usize;
            BARS[step.clamp(1, BARS.len()) - 1]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_is_full() {
        assert_eq!(sparkline(&[8.0, 4.0, 1.0, 0.0]), "█▄▁▁");
        assert_eq!(sparkline(&[2.0, 2.0]), "██");
        assert_eq!(sparkline(&[0.0, f64::NAN]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }

    proptest! {
        #[test]
        fn more_is_never_lower(values in prop::collection::vec(any::<f64>(), 0..30)) {
            let bars: Vec<char> = sparkline(&values).chars().collect();
            prop_assert_eq!(bars.len(), values.len());
            for (one, other) in bars.iter().zip(&values).zip(bars.iter().zip(&values).skip(1)) {
                if one.1 <= other.1 && other.1.is_finite() {
                    prop_assert!(one.0 <= other.0);
                }
            }
        }
    }
}
