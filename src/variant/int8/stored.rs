//! Weights as integers, in the graph that defined them as floats.

use super::quantizer::Quantizer;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::constants::Floats;
use crate::variant::constants::Found;
use crate::variant::constants::transposed;
use crate::variant::edit;
use crate::variant::quantize::Integer;
use crate::variant::quantize::Params;
use crate::variant::quantize::Scheme;
use crate::variant::quantize::tensor;

/// What integers from −128 to 127 have to be moved by to be unsigned.
const SIGN: u8 = 0x80;

/// Reason of a weight that has no range.
pub(super) const NOT_FINITE: &str = "its weights hold infinities or NaN";

/// What is stored of a constant: one constant may be needed in several ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    scope: usize,
    name: String,
    way: Way,
}

/// How a weight is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// A factor: signed, channels last; transposed first or not; every element times the float of these bits.
    Factor(bool, u32),
    /// A looked-up table: unsigned, one scale.
    Table,
    /// A table that is a factor too: signed, one scale.
    TiedTable,
    /// `[directions, 4 · hidden, inputs]` to `[directions, inputs, 4 · hidden]`, signed.
    Lstm,
    /// `[outputs, inputs, …]`, unsigned with zero at 128.
    Conv,
}

/// The names of what was stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) integers: String,
    pub(super) scale: String,
    /// `None` where it is 0 for every channel and readers don't need to be told.
    pub(super) zero_point: Option<String>,
}

/// Integers, ready to be stored.
struct Ready {
    dims: Vec<i64>,
    data_type: DataType,
    bytes: Vec<u8>,
    scale_dims: Vec<i64>,
    scales: Vec<f32>,
    zero_point_dims: Vec<i64>,
    /// Empty where none is stored.
    zero_points: Vec<u8>,
}

impl Quantizer<'_> {
    /// Stores a weight in some way, once; `Err` in the inner result is a reason to leave it.
    pub(super) fn store(
        &mut self,
        found: &Found,
        way: Way,
        constants: &mut Constants,
    ) -> Result<Result<Stored, String>, VariantError> {
        let key = Key {
            scope: found.scope,
            name: found.name.clone(),
            way,
        };
        if let Some(stored) = self.stored.get(&key) {
            return Ok(Ok(stored.clone()));
        }
        let floats = constants.floats(found)?;
        if !floats.finite() {
            return Ok(Err(NOT_FINITE.to_owned()));
        }
        let Some(ready) = ready(floats, way, self.settings.per_tensor) else {
            return Ok(Err(
                "its weights have a shape that the operator does not take".to_owned()
            ));
        };
        let stored = Stored {
            integers: self.names.fresh(&format!("{}_quantized", found.name)),
            scale: self.names.fresh(&format!("{}_scale", found.name)),
            zero_point: (!ready.zero_points.is_empty())
                .then(|| self.names.fresh(&format!("{}_zero_point", found.name))),
        };
        let integers = edit::tensor(&stored.integers, &ready.dims, ready.data_type, ready.bytes);
        constants.add(found, integers);
        constants.add(found, edit::floats(&stored.scale, &ready.scale_dims, &ready.scales));
        if let Some(name) = &stored.zero_point {
            let zero_points = edit::tensor(name, &ready.zero_point_dims, ready.data_type, ready.zero_points);
            constants.add(found, zero_points);
        }
        self.stored.insert(key, stored.clone());
        Ok(Ok(stored))
    }
}

fn ready(floats: Floats, way: Way, per_tensor: bool) -> Option<Ready> {
    match way {
        Way::Factor(flip, bits) => Some(factor(floats, flip, f32::from_bits(bits), per_tensor)),
        Way::Table | Way::TiedTable => Some(table(&floats, way)),
        Way::Lstm => lstm(&floats, per_tensor),
        Way::Conv => conv(&floats, per_tensor),
    }
}

fn factor(mut floats: Floats, flip: bool, times: f32, per_tensor: bool) -> Ready {
    if flip {
        floats = floats.transposed();
    }
    if times != 1.0 {
        floats.values.iter_mut().for_each(|value| *value *= times);
    }
    let dims = dims(&floats.shape);
    let quantized = if per_tensor {
        tensor::per_tensor(&floats.values, Scheme::WEIGHT)
    } else {
        let last = floats.shape.len().saturating_sub(1);
        tensor::per_channel(&floats.values, &floats.shape, last, Scheme::WEIGHT)
    };
    let channels = dims.last().copied().filter(|_| !per_tensor);
    Ready {
        dims,
        data_type: DataType::Int8,
        bytes: quantized.bytes,
        scale_dims: channels.into_iter().collect(),
        scales: scales(&quantized.params),
        zero_point_dims: Vec::new(),
        zero_points: Vec::new(),
    }
}

fn table(floats: &Floats, way: Way) -> Ready {
    let mut quantized = tensor::per_tensor(&floats.values, Scheme::ACTIVATION);
    let zero_point = quantized.params.first().map_or(0, |params| params.zero_point);
    let mut zero_point = zero_point as u8;
    // Products of unsigned activations by signed weights are the fast ones; the numbers are the same.
    let signed = way == Way::TiedTable;
    if signed {
        quantized.bytes.iter_mut().for_each(|byte| *byte ^= SIGN);
        zero_point ^= SIGN;
    }
    Ready {
        dims: dims(&floats.shape),
        data_type: if signed { DataType::Int8 } else { DataType::Uint8 },
        bytes: quantized.bytes,
        scale_dims: Vec::new(),
        scales: scales(&quantized.params),
        zero_point_dims: Vec::new(),
        zero_points: vec![zero_point],
    }
}

fn lstm(floats: &Floats, per_tensor: bool) -> Option<Ready> {
    let [directions, gates, inputs] = floats.shape[..] else {
        return None;
    };
    // The reference has one scale for each direction even where it speaks of one for the tensor.
    let channels = if per_tensor { directions } else { directions * gates };
    let width = floats.values.len() / channels.max(1);
    let quantized = tensor::per_channel(&floats.values, &[channels, width], 0, Scheme::WEIGHT);
    let bytes = quantized
        .bytes
        .chunks_exact((gates * inputs).max(1))
        .flat_map(|direction| transposed(direction, gates, inputs))
        .collect();
    let scale_dims = if per_tensor {
        vec![directions]
    } else {
        vec![directions, gates]
    };
    Some(Ready {
        dims: dims(&[directions, inputs, gates]),
        data_type: DataType::Int8,
        bytes,
        scale_dims: dims(&scale_dims),
        scales: scales(&quantized.params),
        zero_point_dims: dims(&scale_dims),
        zero_points: vec![0; channels],
    })
}

/// One zero point for all channels, which is all that engines take, and a scale of its own for each channel.
fn conv(floats: &Floats, per_tensor: bool) -> Option<Ready> {
    let (&outputs, rest) = floats.shape.split_first()?;
    let mut quantized = if per_tensor {
        tensor::per_tensor(&floats.values, Scheme::WEIGHT)
    } else {
        let width = rest.iter().product();
        tensor::per_channel(&floats.values, &[outputs, width], 0, Scheme::WEIGHT)
    };
    quantized.bytes.iter_mut().for_each(|byte| *byte ^= SIGN);
    let mut scale_dims = vec![1; rest.len()];
    if let Some(first) = scale_dims.first_mut() {
        *first = outputs;
    }
    Some(Ready {
        dims: dims(&floats.shape),
        data_type: Integer::UInt8.data_type(),
        bytes: quantized.bytes,
        scale_dims: if per_tensor { Vec::new() } else { dims(&scale_dims) },
        scales: scales(&quantized.params),
        zero_point_dims: Vec::new(),
        zero_points: vec![SIGN],
    })
}

fn scales(params: &[Params]) -> Vec<f32> {
    params.iter().map(|params| params.scale).collect()
}

fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|dim| *dim as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_has_the_channels() {
        let floats = Floats {
            shape: vec![2, 3],
            values: vec![1.0, 2.0, 4.0, -0.5, 2.0, 8.0],
        };
        let ready = factor(floats.clone(), false, 1.0, false);
        assert_eq!((ready.dims, ready.scale_dims), (vec![2, 3], vec![3]));
        assert_eq!(ready.bytes, [127, 127, 64, -64_i8 as u8, 127, 127]);
        let ready = factor(floats, true, -2.0, true);
        assert_eq!((ready.dims, ready.scale_dims), (vec![3, 2], vec![]));
        assert_eq!(ready.scales, [(32.0_f64 / 254.0) as f32]);
        assert_eq!(ready.bytes.last(), Some(&(-127_i8 as u8)));
    }

    #[test]
    fn a_tied_table_has_the_same_numbers_moved() {
        let floats = Floats {
            shape: vec![4],
            values: vec![-1.0, 0.0, 2.0, 3.0],
        };
        let (unsigned, signed) = (table(&floats, Way::Table), table(&floats, Way::TiedTable));
        assert_eq!(unsigned.scales, signed.scales);
        for (one, other) in unsigned.bytes.iter().zip(&signed.bytes) {
            assert_eq!(i32::from(*one) - 128, i32::from(*other as i8));
        }
        assert_eq!(
            (unsigned.zero_points, signed.zero_points),
            (vec![64], vec![-64_i8 as u8])
        );
    }

    #[test]
    fn gates_of_both_directions_are_transposed() {
        let floats = Floats {
            shape: vec![2, 2, 3],
            values: (1..=12).map(|value| value as f32).collect(),
        };
        let ready = lstm(&floats, true).unwrap();
        assert_eq!((ready.dims, ready.scale_dims), (vec![2, 3, 2], vec![2]));
        assert_eq!(ready.scales, [(12.0_f64 / 254.0) as f32, (24.0_f64 / 254.0) as f32]);
        assert_eq!((ready.bytes[1], ready.bytes[5]), (85, 127));
        let ready = lstm(&floats, false).unwrap();
        assert_eq!(
            (ready.scale_dims, ready.scales.len(), ready.zero_points.len()),
            (vec![2, 2], 4, 4)
        );
        assert_eq!(ready.bytes[4..6], [127, 127]);
    }

    #[test]
    fn zero_of_convolutions_is_in_the_middle() {
        let floats = Floats {
            shape: vec![2, 1, 1, 2],
            values: vec![1.0, -1.0, 0.0, 10.0],
        };
        let ready = conv(&floats, false).unwrap();
        assert_eq!((ready.bytes, ready.zero_points), (vec![255, 1, 128, 255], vec![128]));
        assert_eq!(ready.scale_dims, [2, 1, 1]);
        assert_eq!(ready.scales.len(), 2);
    }
}
