//! Biases in 32-bit integers: at the scale of the sums that they are added to, which is that of the input times that of the weight.
//!
//! Rules of `onnxruntime.quantization` 1.31.1 (`quantize_bias_static_impl` and `_adjust_weight_scale_for_int32_bias`), but that a
//! factor `beta` of the bias is kept.

use crate::variant::quantize::Params;

/// Sums must not come closer to the ends of 32 bits than this.
const MARGIN: f64 = 1.0001;

/// The integers from −(2³¹ − 1) to 2³¹ − 1.
const INTEGERS: f64 = 4_294_967_294.0;

/// A quantized bias.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::variant) struct Quantized {
    /// One integer a channel.
    pub(in crate::variant) integers: Vec<i32>,
    /// One scale, or one a channel.
    pub(in crate::variant) scales: Vec<f32>,
}

/// Enlarges scales of a weight, with `params` for all channels or one for each, so that the bias fits into 32 bits.
pub(in crate::variant) fn make_room(params: &mut [Params], bias: &[f32], input: f32) {
    let largest = |values: &[f32]| {
        values
            .iter()
            .fold(0.0, |largest: f64, value| largest.max(f64::from(value.abs())))
    };
    let whole = largest(bias);
    let single = params.len() == 1 || bias.len() == 1;
    for (channel, params) in params.iter_mut().enumerate() {
        let magnitude = if single {
            whole
        } else {
            bias.get(channel).map_or(0.0, |value| f64::from(value.abs()))
        };
        let least = MARGIN * (2.0 * magnitude) / INTEGERS;
        let scale = f64::from(input) * f64::from(params.scale);
        if params.zero_point == 0 && scale < least && scale > 0.0 {
            params.scale = (f64::from(params.scale) * (least / scale)) as f32;
        }
    }
}

/// Quantizes a bias for a weight with `params`; one value stands for all channels.
pub(in crate::variant) fn quantize(bias: &[f32], beta: f32, input: f32, params: &[Params]) -> Quantized {
    let scales: Vec<f32> = params.iter().map(|params| input * params.scale).collect();
    let channels = bias.len().max(scales.len());
    let of = |values: &[f32], channel: usize| {
        let only = if values.len() == 1 { 0 } else { channel };
        values.get(only).copied().unwrap_or(0.0)
    };
    let integers = (0..channels)
        .map(|channel| {
            let value = f64::from(of(bias, channel)) * f64::from(beta);
            let integer = (value / f64::from(of(&scales, channel))).round_ties_even();
            // NaN, out of 0 / 0, becomes 0.
            integer.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
        })
        .collect();
    Quantized { integers, scales }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params(scale: f32) -> Params {
        Params { scale, zero_point: 0 }
    }

    #[test]
    fn a_bias_is_in_units_of_the_sum() {
        let found = quantize(&[1.0, -0.5], 1.0, 0.5, &[params(0.25), params(1.0)]);
        assert_eq!((found.integers, found.scales), (vec![8, -1], vec![0.125, 0.5]));
        // Half to even: 0.25 / 0.5 is 0.5.
        assert_eq!(quantize(&[0.25, 0.75], 1.0, 0.5, &[params(1.0)]).integers, [0, 2]);
        // One value for all channels.
        assert_eq!(quantize(&[1.0], 1.0, 1.0, &[params(1.0), params(0.5)]).integers, [1, 2]);
        // Its factor is kept.
        assert_eq!(quantize(&[1.0], 3.0, 1.0, &[params(1.0)]).integers, [3]);
        assert_eq!(quantize(&[1e30], 1.0, 1.0, &[params(1.0)]).integers, [i32::MAX]);
    }

    #[test]
    fn scales_that_are_large_enough_stay() {
        let mut scales = [params(0.01), params(0.02)];
        make_room(&mut scales, &[1.0, -3.0], 0.1);
        assert_eq!(scales, [params(0.01), params(0.02)]);
    }

    proptest! {
        #[test]
        fn enlarged_scales_hold_the_bias(
            bias in prop::collection::vec(-1e6_f32..1e6, 3),
            scales in prop::collection::vec(1e-12_f32..1.0, 3),
            input in 1e-6_f32..1.0,
        ) {
            let mut enlarged: Vec<Params> = scales.iter().map(|scale| params(*scale)).collect();
            make_room(&mut enlarged, &bias, input);
            let found = quantize(&bias, 1.0, input, &enlarged);
            for (channel, integer) in found.integers.iter().enumerate() {
                prop_assert!(*integer != i32::MAX && *integer != i32::MIN);
                let back = f64::from(*integer) * f64::from(found.scales[channel]);
                let step = f64::from(found.scales[channel]);
                prop_assert!((back - f64::from(bias[channel])).abs() <= 0.51 * step, "{} {}", back, bias[channel]);
                prop_assert!(enlarged[channel].scale >= scales[channel]);
            }
        }
    }
}
