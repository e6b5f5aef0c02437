//! ONNX's element types: their codes, names and sizes in bits.

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::tensor::ElementType;

/// The element type that the code of `TensorProto.data_type` or `TypeProto.Tensor.elem_type` stands for;
/// [`ElementType::Other`] for types that cannot be fed, and for codes that this version does not know.
pub fn element_type(code: i32) -> ElementType {
    match DataType::try_from(code) {
        Ok(DataType::Float) => ElementType::Float,
        Ok(DataType::Float16) => ElementType::Float16,
        Ok(DataType::Bfloat16) => ElementType::BFloat16,
        Ok(DataType::Double) => ElementType::Double,
        Ok(DataType::Int8) => ElementType::Int8,
        Ok(DataType::Int16) => ElementType::Int16,
        Ok(DataType::Int32) => ElementType::Int32,
        Ok(DataType::Int64) => ElementType::Int64,
        Ok(DataType::Uint8) => ElementType::UInt8,
        Ok(DataType::Uint16) => ElementType::UInt16,
        Ok(DataType::Uint32) => ElementType::UInt32,
        Ok(DataType::Uint64) => ElementType::UInt64,
        Ok(DataType::Bool) => ElementType::Bool,
        Ok(DataType::String) => ElementType::String,
        Ok(_) | Err(_) => ElementType::Other,
    }
}

/// Bits of one element as `raw_data` stores it; `None` for text, for the undefined type and for unknown codes.
pub fn bits(code: i32) -> Option<u64> {
    match DataType::try_from(code).ok()? {
        DataType::Undefined | DataType::String => None,
        DataType::Uint2 | DataType::Int2 => Some(2),
        DataType::Uint4 | DataType::Int4 | DataType::Float4e2m1 => Some(4),
        DataType::Float6e2m3 | DataType::Float6e3m2 => Some(6),
        DataType::Uint8
        | DataType::Int8
        | DataType::Bool
        | DataType::Float8e4m3fn
        | DataType::Float8e4m3fnuz
        | DataType::Float8e5m2
        | DataType::Float8e5m2fnuz
        | DataType::Float8e8m0 => Some(8),
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => Some(16),
        DataType::Float | DataType::Int32 | DataType::Uint32 => Some(32),
        DataType::Double | DataType::Int64 | DataType::Uint64 | DataType::Complex64 => Some(64),
        DataType::Complex128 => Some(128),
    }
}

/// Bytes that `elements` elements take in `raw_data`; types below 8 bits are packed, the last byte filled with zeros.
/// `None` where the type has no fixed size or the product does not fit.
pub fn byte_length(code: i32, elements: u64) -> Option<u64> {
    Some(bits(code)?.checked_mul(elements)?.div_ceil(8))
}

/// The type's name in ONNX, for messages: `FLOAT16`, or `type 99` for an unknown code.
pub fn type_name(code: i32) -> String {
    match DataType::try_from(code) {
        Ok(known) => known.as_str_name().to_owned(),
        Err(_) => format!("type {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_agree_with_the_types_that_can_be_fed() {
        for code in 0..64 {
            if let Some(size) = element_type(code).size() {
                assert_eq!(bits(code), Some(size as u64 * 8), "{}", type_name(code));
            }
        }
    }

    #[test]
    fn packs_small_types() {
        assert_eq!(byte_length(DataType::Int4 as i32, 5), Some(3));
        assert_eq!(byte_length(DataType::Uint2 as i32, 5), Some(2));
        assert_eq!(byte_length(DataType::Float6e2m3 as i32, 4), Some(3));
        assert_eq!(byte_length(DataType::Double as i32, u64::MAX / 8), None);
        assert_eq!(byte_length(99, 1), None);
    }
}
