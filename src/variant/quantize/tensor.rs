//! Quantizes the elements of a tensor, as a whole or channel by channel.

use super::Integer;
use super::Params;
use super::Scheme;

/// Adding and taking away 1.5 · 2²³ rounds a smaller `f32` to a whole number, ties to even, in two vector instructions.
const ROUNDS: f32 = 12_582_912.0;

/// Appends the integers of `values`: round half to even of value / scale in `f32`, plus zero point, clipped to the type's whole range.
/// NaN becomes the zero point.
pub(in crate::variant) fn quantize(values: &[f32], params: Params, integer: Integer, integers: &mut Vec<u8>) {
    let (lowest, highest) = integer.limits();
    let (below, above) = (
        (lowest - params.zero_point) as f32,
        (highest - params.zero_point) as f32,
    );
    integers.extend(values.iter().map(|value| {
        let scaled = value / params.scale;
        let scaled = if scaled.is_nan() { 0.0 } else { scaled };
        // Clipping to whole numbers and rounding may change places.
        let rounded = (scaled.clamp(below, above) + ROUNDS) - ROUNDS;
        (rounded as i32 + params.zero_point) as u8
    }));
}

/// The least and greatest value; `None` of no values. NaN counts as nothing.
pub(in crate::variant) fn extremes(values: &[f32]) -> Option<(f32, f32)> {
    let (min, max) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| {
            (min.min(*value), max.max(*value))
        });
    (min <= max).then_some((min, max))
}

/// A tensor in integers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::variant) struct Quantized {
    /// One byte an element, in the tensor's order.
    pub(in crate::variant) bytes: Vec<u8>,
    /// One entry, or one a channel.
    pub(in crate::variant) params: Vec<Params>,
}

/// Quantizes with one scale for everything.
pub(in crate::variant) fn per_tensor(values: &[f32], scheme: Scheme) -> Quantized {
    let params = of_values(values, scheme);
    let mut bytes = Vec::with_capacity(values.len());
    quantize(values, params, scheme.integer, &mut bytes);
    Quantized {
        bytes,
        params: vec![params],
    }
}

/// Quantizes with one scale for each index along `axis` of a tensor of that shape, whose product is the number of values.
pub(in crate::variant) fn per_channel(values: &[f32], shape: &[usize], axis: usize, scheme: Scheme) -> Quantized {
    let params: Vec<Params> = channel_extremes(values, shape, axis)
        .into_iter()
        .map(|extremes| extremes.map_or(EMPTY, |(min, max)| scheme.params(min, max)))
        .collect();
    Quantized {
        bytes: with_params(values, shape, axis, &params, scheme.integer),
        params,
    }
}

/// Quantizes with given parameters for each index along `axis`.
pub(in crate::variant) fn with_params(
    values: &[f32],
    shape: &[usize],
    axis: usize,
    params: &[Params],
    integer: Integer,
) -> Vec<u8> {
    let inner = inner(shape, axis);
    let mut bytes = Vec::with_capacity(values.len());
    if inner == 1 {
        for row in values.chunks_exact(params.len().max(1)) {
            for (value, params) in row.iter().zip(params) {
                quantize(std::slice::from_ref(value), *params, integer, &mut bytes);
            }
        }
        return bytes;
    }
    for (channel, params) in values.chunks_exact(inner.max(1)).zip(params.iter().cycle()) {
        quantize(channel, *params, integer, &mut bytes);
    }
    bytes
}

/// The least and greatest value of each index along `axis`.
pub(in crate::variant) fn channel_extremes(values: &[f32], shape: &[usize], axis: usize) -> Vec<Option<(f32, f32)>> {
    let channels = shape.get(axis).copied().unwrap_or(1);
    let inner = inner(shape, axis);
    let mut found = vec![(f32::INFINITY, f32::NEG_INFINITY); channels];
    if inner == 1 {
        for row in values.chunks_exact(channels.max(1)) {
            for ((min, max), value) in found.iter_mut().zip(row) {
                (*min, *max) = (min.min(*value), max.max(*value));
            }
        }
    } else {
        for (index, channel) in values.chunks_exact(inner.max(1)).enumerate() {
            if let (Some((low, high)), Some((min, max))) = (extremes(channel), found.get_mut(index % channels.max(1))) {
                (*min, *max) = (min.min(low), max.max(high));
            }
        }
    }
    found
        .into_iter()
        .map(|(min, max)| (min <= max).then_some((min, max)))
        .collect()
}

/// Of a tensor, or channel, without values.
const EMPTY: Params = Params {
    scale: 1.0,
    zero_point: 0,
};

/// Scale and zero point for the values themselves.
pub(in crate::variant) fn of_values(values: &[f32], scheme: Scheme) -> Params {
    extremes(values).map_or(EMPTY, |(min, max)| scheme.params(min, max))
}

/// How many elements follow each other in one channel.
fn inner(shape: &[usize], axis: usize) -> usize {
    shape.iter().skip(axis + 1).product()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounds_halves_to_even_and_clips() {
        let params = Params {
            scale: 1.0,
            zero_point: 0,
        };
        let mut bytes = Vec::new();
        let values = [0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 300.0, -300.0, f32::NAN, f32::INFINITY];
        quantize(&values, params, Integer::Int8, &mut bytes);
        let signed: Vec<i8> = bytes.iter().map(|byte| *byte as i8).collect();
        assert_eq!(signed, [0, 2, 2, 0, -2, 126, 127, -128, 0, 127]);
    }

    #[test]
    fn channels_have_their_own_scales() {
        let values = [1.0, -2.0, 10.0, 20.0, 0.0, 0.5];
        let rows = per_channel(&values, &[3, 2], 0, Scheme::WEIGHT);
        let scales: Vec<f32> = rows.params.iter().map(|params| params.scale * 127.0).collect();
        assert!((scales[0] - 2.0).abs() < 1e-5 && (scales[1] - 20.0).abs() < 1e-5 && (scales[2] - 0.5).abs() < 1e-5);
        let columns = per_channel(&values, &[3, 2], 1, Scheme::WEIGHT);
        assert_eq!(columns.params.len(), 2);
        assert!((columns.params[0].scale * 127.0 - 10.0).abs() < 1e-5);
        let middle = channel_extremes(&values, &[1, 3, 2], 1);
        assert_eq!(middle, [Some((-2.0, 1.0)), Some((10.0, 20.0)), Some((0.0, 0.5))]);
    }

    proptest! {
        #[test]
        fn no_value_is_further_off_than_half_a_step(values in prop::collection::vec(-1e3_f32..1e3, 1..50)) {
            for scheme in [Scheme::ACTIVATION, Scheme::WEIGHT] {
                let quantized = per_tensor(&values, scheme);
                let params = quantized.params[0];
                for (value, byte) in values.iter().zip(&quantized.bytes) {
                    let integer = match scheme.integer {
                        Integer::UInt8 => i32::from(*byte),
                        Integer::Int8 => i32::from(*byte as i8),
                    };
                    let back = params.scale * (integer - params.zero_point) as f32;
                    // Rounding the zero point may cost another half.
                    prop_assert!((back - value).abs() <= params.scale * 1.01, "{} {}", value, back);
                }
            }
        }

        #[test]
        fn rounding_by_adding_is_rounding(value in -300.0_f32..300.0) {
            let params = Params { scale: 1.0, zero_point: 3 };
            let mut bytes = Vec::new();
            quantize(&[value], params, Integer::Int8, &mut bytes);
            let expected = (value.round_ties_even() as i32 + 3).clamp(-128, 127);
            prop_assert_eq!(i32::from(bytes[0] as i8), expected);
        }
    }
}
