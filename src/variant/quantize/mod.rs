//! From floats to integers and what it takes to get back: the arithmetic that every integer pass shares.
//!
//! The rules are those of `onnxruntime.quantization` 1.31.1 (`quant_utils.py`), to the bit; `tests/reference/` compares.

pub(super) mod already;
pub(super) mod bias;
pub(super) mod scale;
pub(super) mod tensor;

pub(super) use already::already_quantized;
pub(super) use scale::Params;
pub(super) use scale::Scheme;

use crate::model::onnx::proto::tensor_proto::DataType;

/// An 8-bit type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integer {
    /// 0 to 255.
    UInt8,
    /// −128 to 127.
    Int8,
}

impl Integer {
    /// ONNX's name for it.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::UInt8 => DataType::Uint8,
            Self::Int8 => DataType::Int8,
        }
    }

    /// Its least and greatest value.
    pub(super) fn limits(self) -> (i32, i32) {
        match self {
            Self::UInt8 => (0, 255),
            Self::Int8 => (-128, 127),
        }
    }
}
