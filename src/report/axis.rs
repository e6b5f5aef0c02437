//! Axes of drawings: linear, or by powers where values are far apart, with round ticks.

/// Beyond this ratio of the largest to the least an axis goes by powers.
const WIDE: f64 = 8.0;

/// From values to places along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// The value at its beginning.
    pub(super) least: f64,
    /// The value at its end.
    pub(super) most: f64,
    by_powers: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis for finite values above zero from `from` to `to` on the drawing.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Option<Self> {
        let least = values.clone().reduce(f64::min)?;
        let most = values.reduce(f64::max)?;
        let by_powers = most / least > WIDE;
        let (least, most) = if by_powers {
            (least / 1.35, most * 1.35)
        } else {
            let margin = (most - least).max(most * 0.1);
            ((least - 0.15 * margin).max(0.0), most + 0.15 * margin)
        };
        Some(Self {
            least,
            most,
            by_powers,
            from,
            to,
        })
    }

    /// Where a value lies; those beyond the axis lie at its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let part = if self.by_powers {
            (value.max(self.least) / self.least).ln() / (self.most / self.least).ln()
        } else {
            (value - self.least) / (self.most - self.least)
        };
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values within the axis: at most about `count`.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        if self.by_powers {
            let first = self.least.log10().floor() as i32;
            let last = self.most.log10().ceil() as i32;
            return (first..=last)
                .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
                .filter(|tick| (self.least..=self.most).contains(tick))
                .collect();
        }
        let rough = (self.most - self.least) / count.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|digit| digit * power)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * power);
        let first = (self.least / step).ceil() as i64;
        (first..first + 2 * count as i64 + 2)
            .map(|index| index as f64 * step)
            .filter(|tick| *tick <= self.most * (1.0 + 1e-9))
            .collect()
    }
}

/// As many digits as a tick needs.
pub(super) fn round(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn axes_have_round_ticks_within() {
        let axis = Axis::of([2.1, 4.8].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(axis.ticks(6), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(axis.ticks(10), [2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]);
        let axis = Axis::of([1.0, 90.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(axis.ticks(6), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert!(Axis::of(std::iter::empty(), 0.0, 1.0).is_none());
    }

    proptest! {
        #[test]
        fn places_are_on_the_drawing(values in prop::collection::vec(1e-6_f64..1e9, 1..8), other in 1e-9_f64..1e12) {
            let axis = Axis::of(values.iter().copied(), 10.0, 90.0).unwrap();
            for value in values.iter().chain([&other]) {
                prop_assert!((10.0..=90.0).contains(&axis.place(*value)));
            }
            prop_assert!(axis.ticks(6).len() <= 40);
        }
    }
}
