//! From the type of an array to the type of an input, where no value changes by it.

use bytes::Bytes;
use half::bf16;
use half::f16;

use crate::model::tensor::ElementType;

/// Why elements cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// As the rest of a sentence about the array.
    pub(super) reason: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

/// Converts packed little-endian elements.
///
/// Integers go to any integer type that holds all their values; `float16` and `float` widen; `double` is rounded to `float`, as NumPy
/// computes in `float64` unless told otherwise and no model keeps more. Everything else must be the same type.
pub(super) fn elements(data: Bytes, from: ElementType, to: ElementType) -> Result<Bytes, Misfit> {
    if from == to {
        return Ok(data);
    }
    match (from, to) {
        (ElementType::Double, ElementType::Float) => narrow(&data),
        (ElementType::Float16, ElementType::Float) => {
            Ok(map(&data, |bytes| f16::from_le_bytes(bytes).to_f32().to_le_bytes()))
        }
        (ElementType::Float16, ElementType::Double) => {
            Ok(map(&data, |bytes| f16::from_le_bytes(bytes).to_f64().to_le_bytes()))
        }
        (ElementType::Float, ElementType::Double) => {
            Ok(map(&data, |bytes| f64::from(f32::from_le_bytes(bytes)).to_le_bytes()))
        }
        _ => {
            let values = integers(&data, from).ok_or_else(|| mismatch(from, to))?;
            pack(&values, to).ok_or_else(|| mismatch(from, to))?
        }
    }
}

/// The position of the first NaN among elements of a floating-point type.
pub(super) fn first_nan(data: &[u8], element: ElementType) -> Option<usize> {
    match element {
        ElementType::Float => position(data, |bytes| f32::from_le_bytes(bytes).is_nan()),
        ElementType::Double => position(data, |bytes| f64::from_le_bytes(bytes).is_nan()),
        ElementType::Float16 => position(data, |bytes| f16::from_le_bytes(bytes).is_nan()),
        ElementType::BFloat16 => position(data, |bytes| bf16::from_le_bytes(bytes).is_nan()),
        _ => None,
    }
}

fn position<const WIDTH: usize>(data: &[u8], wanted: impl Fn([u8; WIDTH]) -> bool) -> Option<usize> {
    data.as_chunks().0.iter().position(|bytes| wanted(*bytes))
}

fn map<const FROM: usize, const TO: usize>(data: &[u8], convert: impl Fn([u8; FROM]) -> [u8; TO]) -> Bytes {
    data.as_chunks()
        .0
        .iter()
        .flat_map(|bytes| convert(*bytes))
        .collect::<Vec<u8>>()
        .into()
}

fn narrow(data: &[u8]) -> Result<Bytes, Misfit> {
    let mut narrowed = Vec::with_capacity(data.len() / 2);
    for bytes in data.as_chunks().0 {
        let value = f64::from_le_bytes(*bytes);
        let single = value as f32;
        if single.is_infinite() && value.is_finite() {
            return Err(Misfit {
                reason: format!("holds {value:e}, which is beyond the input's 32-bit floats"),
                hint: None,
            });
        }
        narrowed.extend(single.to_le_bytes());
    }
    Ok(narrowed.into())
}

/// All values of an integer type; `None` for other types.
fn integers(data: &[u8], from: ElementType) -> Option<Vec<i128>> {
    fn read<const WIDTH: usize>(data: &[u8], convert: impl Fn([u8; WIDTH]) -> i128) -> Vec<i128> {
        data.as_chunks().0.iter().map(|bytes| convert(*bytes)).collect()
    }
    Some(match from {
        ElementType::Int8 => read(data, |bytes| i8::from_le_bytes(bytes).into()),
        ElementType::Int16 => read(data, |bytes| i16::from_le_bytes(bytes).into()),
        ElementType::Int32 => read(data, |bytes| i32::from_le_bytes(bytes).into()),
        ElementType::Int64 => read(data, |bytes| i64::from_le_bytes(bytes).into()),
        ElementType::UInt8 => read(data, |bytes| u8::from_le_bytes(bytes).into()),
        ElementType::UInt16 => read(data, |bytes| u16::from_le_bytes(bytes).into()),
        ElementType::UInt32 => read(data, |bytes| u32::from_le_bytes(bytes).into()),
        ElementType::UInt64 => read(data, |bytes| u64::from_le_bytes(bytes).into()),
        _ => return None,
    })
}

/// Packs `values` as `to`; `None` where `to` is no integer type, an error where some value does not fit.
fn pack(values: &[i128], to: ElementType) -> Option<Result<Bytes, Misfit>> {
    fn write<Number: TryFrom<i128>, const WIDTH: usize>(
        values: &[i128],
        to: ElementType,
        bytes: impl Fn(Number) -> [u8; WIDTH],
    ) -> Result<Bytes, Misfit> {
        let mut packed = Vec::with_capacity(values.len() * WIDTH);
        for value in values {
            let number = Number::try_from(*value).map_err(|_| Misfit {
                reason: format!("holds {value}, which does not fit the input's {}", name(to)),
                hint: None,
            })?;
            packed.extend(bytes(number));
        }
        Ok(packed.into())
    }
    Some(match to {
        ElementType::Int8 => write(values, to, i8::to_le_bytes),
        ElementType::Int16 => write(values, to, i16::to_le_bytes),
        ElementType::Int32 => write(values, to, i32::to_le_bytes),
        ElementType::Int64 => write(values, to, i64::to_le_bytes),
        ElementType::UInt8 => write(values, to, u8::to_le_bytes),
        ElementType::UInt16 => write(values, to, u16::to_le_bytes),
        ElementType::UInt32 => write(values, to, u32::to_le_bytes),
        ElementType::UInt64 => write(values, to, u64::to_le_bytes),
        _ => return None,
    })
}

fn mismatch(from: ElementType, to: ElementType) -> Misfit {
    Misfit {
        reason: format!("holds {} elements, but the input takes {}", name(from), name(to)),
        hint: Some(format!(
            "convert it where it is written, with the model's own preprocessing: `x.astype(\"{}\")`",
            numpy_name(to)
        )),
    }
}

fn name(element: ElementType) -> String {
    format!("{element:?}").to_lowercase()
}

fn numpy_name(element: ElementType) -> String {
    match element {
        ElementType::Float => "float32".to_owned(),
        ElementType::Double => "float64".to_owned(),
        other => name(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed<const WIDTH: usize>(values: &[[u8; WIDTH]]) -> Bytes {
        values.concat().into()
    }

    #[test]
    fn integers_go_where_their_values_fit() {
        let wide = packed(&[1_i64.to_le_bytes(), 255_i64.to_le_bytes()]);
        assert_eq!(
            elements(wide.clone(), ElementType::Int64, ElementType::UInt8)
                .unwrap()
                .as_ref(),
            [1, 255]
        );
        let misfit = elements(wide, ElementType::Int64, ElementType::Int8).unwrap_err();
        assert_eq!(misfit.reason, "holds 255, which does not fit the input's int8");
    }

    #[test]
    fn doubles_become_floats_unless_they_overflow() {
        let data = packed(&[0.1_f64.to_le_bytes(), f64::INFINITY.to_le_bytes()]);
        let floats = elements(data, ElementType::Double, ElementType::Float).unwrap();
        assert_eq!(floats, packed(&[0.1_f32.to_le_bytes(), f32::INFINITY.to_le_bytes()]));
        let misfit = elements(
            packed(&[1e300_f64.to_le_bytes()]),
            ElementType::Double,
            ElementType::Float,
        )
        .unwrap_err();
        assert_eq!(misfit.reason, "holds 1e300, which is beyond the input's 32-bit floats");
    }

    #[test]
    fn refuses_what_would_change_values() {
        for (from, to) in [
            (ElementType::UInt8, ElementType::Float),
            (ElementType::Float, ElementType::Float16),
            (ElementType::Float, ElementType::Int64),
            (ElementType::Int64, ElementType::Bool),
        ] {
            let misfit = elements(Bytes::from(vec![0; 8]), from, to).unwrap_err();
            assert!(misfit.reason.contains("but the input takes"), "{misfit:?}");
            assert!(misfit.hint.is_some());
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_equals_what_went_in(values in prop::collection::vec(any::<i16>(), 0..20)) {
            let data: Bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into();
            let wide = elements(data.clone(), ElementType::Int16, ElementType::Int64).unwrap();
            prop_assert_eq!(elements(wide, ElementType::Int64, ElementType::Int16).unwrap(), data.clone());
            let floats = elements(data.clone(), ElementType::Float16, ElementType::Double).unwrap();
            prop_assert_eq!(first_nan(&floats, ElementType::Double), first_nan(&data, ElementType::Float16));
        }
    }
}
