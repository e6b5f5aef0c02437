//! Scale and zero point out of a range of values: real = scale · (integer − zero point).

use super::Integer;

/// Which integers a range is mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::variant) struct Scheme {
    /// The type.
    pub(in crate::variant) integer: Integer,
    /// Zero in the middle: 0 of signed integers, 128 of unsigned ones.
    pub(in crate::variant) symmetric: bool,
    /// Half of the type's range, for processors whose 8-bit products overflow 16 bits.
    pub(in crate::variant) reduce_range: bool,
}

impl Scheme {
    /// Unsigned, zero where the range has it: activations.
    pub(in crate::variant) const ACTIVATION: Self = Self {
        integer: Integer::UInt8,
        symmetric: false,
        reduce_range: false,
    };

    /// Signed with zero at 0: weights.
    pub(in crate::variant) const WEIGHT: Self = Self {
        integer: Integer::Int8,
        symmetric: true,
        reduce_range: false,
    };

    /// The integers that ends of a range are mapped to.
    fn limits(self) -> (f64, f64) {
        match (self.integer, self.reduce_range, self.symmetric) {
            (Integer::UInt8, false, _) => (0.0, 255.0),
            (Integer::UInt8, true, _) => (0.0, 127.0),
            (Integer::Int8, true, _) => (-64.0, 64.0),
            (Integer::Int8, false, true) => (-127.0, 127.0),
            (Integer::Int8, false, false) => (-128.0, 127.0),
        }
    }

    /// Scale and zero point for values from `min` to `max`, both finite; 0 is always among them. A range too narrow for a normal
    /// `f32` scale gets the scale 1 (`compute_scale_zp` of the reference).
    pub(in crate::variant) fn params(self, min: f32, max: f32) -> Params {
        let (lowest, highest) = self.limits();
        let (mut min, mut max) = (f64::from(min.min(0.0)), f64::from(max.max(0.0)));
        if self.symmetric {
            let largest = max.max(-min);
            (min, max) = (-largest, largest);
        }
        let scale = (max - min) / (highest - lowest);
        if scale < f64::from(f32::MIN_POSITIVE) {
            return Params {
                scale: 1.0,
                zero_point: 0,
            };
        }
        let zero_point = if self.symmetric {
            ((lowest + highest) / 2.0).round_ties_even()
        } else {
            (lowest - min / scale).round_ties_even()
        };
        Params {
            scale: scale as f32,
            zero_point: zero_point as i32,
        }
    }
}

/// What a real number and its integer have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::variant) struct Params {
    /// The real difference between neighbouring integers.
    pub(in crate::variant) scale: f32,
    /// The integer that stands for 0.
    pub(in crate::variant) zero_point: i32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_the_reference() {
        // compute_scale_zp(-1, 3, 0, 255): scale 4/255, zero point round(63.75).
        let params = Scheme::ACTIVATION.params(-1.0, 3.0);
        assert_eq!((params.scale, params.zero_point), ((4.0_f64 / 255.0) as f32, 64));
        // Symmetric: -127 to 127.
        let params = Scheme::WEIGHT.params(-1.0, 0.5);
        assert_eq!((params.scale, params.zero_point), ((2.0_f64 / 254.0) as f32, 0));
        // All positive: 0 belongs to the range.
        assert_eq!(Scheme::ACTIVATION.params(2.0, 5.1).zero_point, 0);
        // Nothing to tell apart.
        let params = Scheme::ACTIVATION.params(0.0, 0.0);
        assert_eq!((params.scale, params.zero_point), (1.0, 0));
        let unsigned = Scheme {
            symmetric: true,
            ..Scheme::ACTIVATION
        };
        assert_eq!(unsigned.params(-2.0, 1.0).zero_point, 128);
        let reduced = Scheme {
            reduce_range: true,
            ..Scheme::WEIGHT
        };
        assert_eq!(reduced.params(-64.0, 64.0).scale, 1.0);
        // The whole range of f32 does not overflow.
        assert!(Scheme::ACTIVATION.params(f32::MIN, f32::MAX).scale.is_finite());
    }

    proptest! {
        #[test]
        fn ends_of_the_range_are_within_the_type(min in -1e30_f32..1e30, max in -1e30_f32..1e30) {
            prop_assume!(min <= max);
            for scheme in [Scheme::ACTIVATION, Scheme::WEIGHT] {
                let params = scheme.params(min, max);
                let (lowest, highest) = scheme.integer.limits();
                prop_assert!((lowest..=highest).contains(&params.zero_point));
                for end in [min, max] {
                    let integer = (f64::from(end) / f64::from(params.scale)).round_ties_even() + f64::from(params.zero_point);
                    prop_assert!(integer >= f64::from(lowest) - 1.0 && integer <= f64::from(highest) + 1.0, "{}", integer);
                }
            }
        }
    }
}
