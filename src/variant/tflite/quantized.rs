//! Constants in 8-bit integers, and how the format writes their scales down.

use bytes::Bytes;

use crate::model::tflite::schema::QuantizationParameters;
use crate::variant::quantize::Integer;
use crate::variant::quantize::Params;
use crate::variant::quantize::Scheme;
use crate::variant::quantize::tensor;

/// Activations: signed, zero where the range has it.
pub(super) const ACTIVATION: Scheme = Scheme {
    integer: Integer::Int8,
    symmetric: false,
    reduce_range: false,
};

/// An activation's scale for values from `min` to `max`. One that was never seen to be anything but 0 gets the scale of values up to 1,
/// so that biases which are added to its products stay fine.
pub(super) fn activation_params(min: f32, max: f32) -> Params {
    let max = if min.abs().max(max.abs()) < NOTHING { 1.0 } else { max };
    ACTIVATION.params(min, max)
}

/// The same for the values of a constant.
pub(super) fn operand_params(values: &[f32]) -> Params {
    let (min, max) = tensor::extremes(values).unwrap_or_default();
    activation_params(min, max)
}

/// Values below this count as 0.
const NOTHING: f32 = 1e-9;

/// Values from here on are no weights but masks, which integers cannot keep apart from the rest.
pub(super) const MASK: f32 = 1e9;

/// A weight's scales: one for each index along `axis`, or one for all.
///
/// A channel of nothing but zeros gets the largest scale of the others: engines refuse products of scales that are out of all proportion.
pub(super) fn weight_params(values: &[f32], shape: &[usize], axis: Option<usize>) -> Vec<Params> {
    let Some(axis) = axis else {
        return vec![tensor::of_values(values, Scheme::WEIGHT)];
    };
    let extremes = tensor::channel_extremes(values, shape, axis);
    let scale = |extremes: &Option<(f32, f32)>| {
        let (min, max) = extremes.filter(|(min, max)| *min != 0.0 || *max != 0.0)?;
        Some(Scheme::WEIGHT.params(min, max).scale)
    };
    let scales: Vec<Option<f32>> = extremes.iter().map(scale).collect();
    let largest = scales.iter().flatten().copied().reduce(f32::max).unwrap_or(1.0 / 127.0);
    scales
        .into_iter()
        .map(|scale| Params {
            scale: scale.unwrap_or(largest),
            zero_point: 0,
        })
        .collect()
}

/// A weight's integers with these scales.
pub(super) fn weight_bytes(values: &[f32], shape: &[usize], axis: Option<usize>, params: &[Params]) -> Bytes {
    let bytes = match (axis, params) {
        (Some(axis), params) => tensor::with_params(values, shape, axis, params, Integer::Int8),
        (None, [params]) => plain(values, *params),
        (None, _) => Vec::new(),
    };
    bytes.into()
}

/// Integers with one scale for all.
pub(super) fn plain(values: &[f32], params: Params) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len());
    tensor::quantize(values, params, Integer::Int8, &mut bytes);
    bytes
}

/// True where all values are finite and none is a mask.
pub(super) fn are_plain(values: &[f32]) -> bool {
    values.iter().all(|value| value.abs() < MASK)
}

/// How the format writes scales down.
pub(super) fn parameters(params: &[Params], axis: Option<usize>) -> QuantizationParameters {
    QuantizationParameters {
        scale: Some(params.iter().map(|params| params.scale).collect()),
        zero_point: Some(params.iter().map(|params| i64::from(params.zero_point)).collect()),
        quantized_dimension: axis.unwrap_or(0) as i32,
        ..QuantizationParameters::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_channel_of_zeros_has_a_scale_of_its_neighbours() {
        let params = weight_params(&[1.27, -1.0, 0.0, 0.0, 12.7, 3.0], &[3, 2], Some(0));
        let scales: Vec<f32> = params.iter().map(|params| params.scale).collect();
        assert!((scales[0] - 0.01).abs() < 1e-6 && (scales[2] - 0.1).abs() < 1e-6);
        assert_eq!(scales[1], scales[2]);
        assert_eq!(weight_params(&[0.0; 4], &[2, 2], Some(0))[0].scale, 1.0 / 127.0);
    }

    #[test]
    fn what_is_always_zero_has_a_scale_for_its_biases() {
        for params in [
            activation_params(0.0, 0.0),
            operand_params(&[0.0, -0.0]),
            operand_params(&[]),
        ] {
            assert_eq!((params.scale, params.zero_point), (1.0 / 255.0, -128));
        }
        assert_eq!(activation_params(-1e-3, 1e-3).zero_point, 0);
    }

    #[test]
    fn masks_are_no_weights() {
        assert!(are_plain(&[1.0, -1e4]));
        for mask in [f32::MIN, f32::NEG_INFINITY, f32::NAN, 1e30] {
            assert!(!are_plain(&[0.0, mask]));
        }
    }

    proptest! {
        #[test]
        fn no_activation_is_further_off_than_half_a_step(values in prop::collection::vec(-1e3_f32..1e3, 1..40)) {
            let params = tensor::of_values(&values, ACTIVATION);
            // The zero point is rounded, so that one end of the range may be half a step outside.
            let low = params.scale * (-128 - params.zero_point) as f32;
            let high = params.scale * (127 - params.zero_point) as f32;
            for (value, byte) in values.iter().zip(plain(&values, params)) {
                let back = params.scale * (i32::from(byte as i8) - params.zero_point) as f32;
                prop_assert!((back - value.clamp(low, high)).abs() <= params.scale * 0.501, "{} {}", back, value);
                prop_assert!((back - value).abs() <= params.scale * 1.01, "{} {}", back, value);
            }
        }

        #[test]
        fn weights_are_symmetric_and_within_half_a_step(values in prop::collection::vec(-10.0_f32..10.0, 12)) {
            for axis in [0, 1] {
                let shape = [3, 4];
                let params = weight_params(&values, &shape, Some(axis));
                let bytes = weight_bytes(&values, &shape, Some(axis), &params);
                for (at, (value, byte)) in values.iter().zip(&bytes).enumerate() {
                    let scale = params[if axis == 0 { at / 4 } else { at % 4 }].scale;
                    let integer = *byte as i8;
                    prop_assert!(integer >= -127);
                    prop_assert!((f32::from(integer) * scale - value).abs() <= 0.501 * scale);
                }
            }
        }
    }
}
