//! From 32-bit to 16-bit floats (IEEE 754 binary32 to binary16) for weights.

use half::f16;
use half::slice::HalfFloatSliceExt as _;

/// Numbers that binary16 cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::variant) struct Clamped {
    /// Finite numbers beyond ±65 504.
    pub(in crate::variant) beyond: u64,
    /// Numbers other than 0 nearer to it than 2⁻²⁴, the least positive one.
    pub(in crate::variant) below: u64,
}

/// Values that are converted at once: a few pages, so that they stay in the cache.
const AT_ONCE: usize = 4096;

/// Rounds to nearest, ties to even; what would become infinite or 0 by that is clamped to the largest and smallest magnitudes, as
/// `onnxruntime.transformers.float16` does. NaN, infinities and zeros stay, signs too.
pub(in crate::variant) fn half_of(value: f32, clamped: &mut Clamped) -> f16 {
    f16::from_f32(clamp(value, clamped))
}

/// Packed little-endian binary16 out of packed little-endian binary32, each as by [`half_of`].
pub(in crate::variant) fn halves(singles: &[u8], clamped: &mut Clamped) -> Vec<u8> {
    let mut values = [0.0_f32; AT_ONCE];
    let mut converted = [f16::ZERO; AT_ONCE];
    let mut halves = Vec::with_capacity(singles.len() / 2);
    for chunk in singles.as_chunks().0.chunks(AT_ONCE) {
        for (value, bytes) in values.iter_mut().zip(chunk) {
            *value = clamp(f32::from_le_bytes(*bytes), clamped);
        }
        if let (Some(values), Some(converted)) = (values.get(..chunk.len()), converted.get_mut(..chunk.len())) {
            converted.convert_from_f32_slice(values);
            halves.extend(converted.iter().flat_map(|half| half.to_le_bytes()));
        }
    }
    halves
}

/// The nearest value that binary16 can hold without becoming infinite or 0.
fn clamp(value: f32, clamped: &mut Clamped) -> f32 {
    /// The largest finite binary16, 65 504.
    const LARGEST: f32 = 65_504.0;
    /// The least positive one, 2⁻²⁴.
    const LEAST: f32 = 1.0 / 16_777_216.0;
    let magnitude = value.abs();
    if magnitude > LARGEST && magnitude < f32::INFINITY {
        clamped.beyond += 1;
        LARGEST.copysign(value)
    } else if magnitude > 0.0 && magnitude < LEAST {
        clamped.below += 1;
        LEAST.copysign(value)
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn convert(value: f32) -> (f32, Clamped) {
        let mut clamped = Clamped::default();
        (half_of(value, &mut clamped).to_f32(), clamped)
    }

    #[test]
    fn keeps_what_has_no_size() {
        assert!(convert(f32::NAN).0.is_nan());
        assert_eq!(convert(f32::NEG_INFINITY), (f32::NEG_INFINITY, Clamped::default()));
        assert_eq!(convert(-0.0).0.to_bits(), (-0.0_f32).to_bits());
    }

    #[test]
    fn clamps_at_both_ends() {
        assert_eq!(convert(-3.4e38), (-65_504.0, Clamped { beyond: 1, below: 0 }));
        // Rounding alone would keep this one, but it is beyond the largest finite value all the same.
        assert_eq!(convert(65_510.0), (65_504.0, Clamped { beyond: 1, below: 0 }));
        assert_eq!(convert(-1e-30), (-(2.0_f32.powi(-24)), Clamped { beyond: 0, below: 1 }));
        assert_eq!(convert(2.0_f32.powi(-24)), (2.0_f32.powi(-24), Clamped::default()));
    }

    proptest! {
        #[test]
        fn agrees_with_rounding_wherever_that_is_finite_and_not_zero(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            let (half, clamped) = convert(value);
            let rounded = f16::from_f32(value).to_f32();
            if value.is_nan() {
                prop_assert!(half.is_nan());
            } else if clamped == Clamped::default() {
                prop_assert_eq!(half.to_bits(), rounded.to_bits());
            } else {
                prop_assert!(half.is_finite() && half != 0.0);
                prop_assert_eq!(half.is_sign_negative(), value.is_sign_negative());
            }
            prop_assert_eq!(half == 0.0, value == 0.0);
            prop_assert_eq!(half.is_infinite(), value.is_infinite());
        }

        #[test]
        fn order_is_kept(one in any::<f32>(), other in any::<f32>()) {
            prop_assume!(!one.is_nan() && !other.is_nan());
            prop_assert!(one > other || convert(one).0 <= convert(other).0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn many_at_once_are_converted_like_one(values in prop::collection::vec(any::<f32>(), 0..9000)) {
            let singles: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let (mut together, mut apart) = (Clamped::default(), Clamped::default());
            let expected: Vec<u8> = values.iter().flat_map(|value| half_of(*value, &mut apart).to_le_bytes()).collect();
            prop_assert_eq!(halves(&singles, &mut together), expected);
            prop_assert_eq!(together, apart);
        }
    }
}
