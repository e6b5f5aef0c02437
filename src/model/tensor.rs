//! Tensors and their descriptions, as they pass between the model, the inputs, the worker and the accuracy check.

use bytes::Bytes;
use serde::Deserialize;
use serde::Serialize;

/// The type of one element. Names in JSON are ONNX's, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// 32-bit float.
    Float,
    /// 16-bit float, IEEE 754 binary16.
    Float16,
    /// 16-bit float with the exponent of a 32-bit one.
    BFloat16,
    /// 64-bit float.
    Double,
    /// Signed 8-bit integer.
    Int8,
    /// Signed 16-bit integer.
    Int16,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer.
    Int64,
    /// Unsigned 8-bit integer.
    UInt8,
    /// Unsigned 16-bit integer.
    UInt16,
    /// Unsigned 32-bit integer.
    UInt32,
    /// Unsigned 64-bit integer.
    UInt64,
    /// One byte, 0 or 1.
    Bool,
    /// Variable-length text; cannot be synthesized.
    String,
    /// Any type that this tool cannot feed (4-bit and 8-bit floats, complex, sequences, maps, optionals).
    Other,
}

impl ElementType {
    /// Bytes of one element; `None` where it has no fixed size.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Int8 | Self::UInt8 | Self::Bool => Some(1),
            Self::Float16 | Self::BFloat16 | Self::Int16 | Self::UInt16 => Some(2),
            Self::Float | Self::Int32 | Self::UInt32 => Some(4),
            Self::Double | Self::Int64 | Self::UInt64 => Some(8),
            Self::String | Self::Other => None,
        }
    }

    /// True for the floating-point types.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Float16 | Self::BFloat16 | Self::Double)
    }
}

/// One dimension of an input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dim {
    /// Known when the model was made.
    Fixed(u64),
    /// Known at run time; equal names mean equal sizes.
    Symbol(String),
    /// Known at run time, without a name.
    Unknown,
}

/// What an input or output looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSpec {
    /// Its name in the graph.
    pub name: String,
    /// The type of its elements.
    pub element: ElementType,
    /// Its dimensions; `None` where the model doesn't say even how many there are.
    pub dims: Option<Vec<Dim>>,
}

impl TensorSpec {
    /// For people: `float [batch, 3, 224, ?]`.
    pub fn describe(&self) -> String {
        let element = format!("{:?}", self.element).to_lowercase();
        match &self.dims {
            None => format!("{element} of unknown rank"),
            Some(dims) => {
                let dims: Vec<String> = dims
                    .iter()
                    .map(|dim| match dim {
                        Dim::Fixed(size) => size.to_string(),
                        Dim::Symbol(name) => name.clone(),
                        Dim::Unknown => "?".to_owned(),
                    })
                    .collect();
                format!("{element} [{}]", dims.join(", "))
            }
        }
    }
}

/// A dense tensor: elements in row-major order, little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The input or output it belongs to.
    pub name: String,
    /// The type of its elements.
    pub element: ElementType,
    /// Its dimensions; empty for a scalar.
    pub shape: Vec<u64>,
    /// The elements; `shape` product × element size bytes.
    pub data: Bytes,
}

impl Tensor {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }

    /// True where some dimension is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A float tensor out of its elements.
    pub fn from_f32(name: &str, shape: &[u64], values: &[f32]) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        Self {
            name: name.to_owned(),
            element: ElementType::Float,
            shape: shape.to_vec(),
            data: data.into(),
        }
    }

    /// All elements as `f64`, whatever their type; `None` for text and the types this tool cannot read.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        macro_rules! read {
            ($number:ty) => {
                self.data
                    .chunks_exact(size_of::<$number>())
                    .map(|chunk| {
                        chunk
                            .try_into()
                            .map(<$number>::from_le_bytes)
                            .map(|value| value as f64)
                    })
                    .collect::<Result<Vec<f64>, _>>()
                    .ok()
            };
        }
        macro_rules! read_half {
            ($number:ty) => {
                self.data
                    .chunks_exact(2)
                    .map(|chunk| {
                        chunk
                            .try_into()
                            .map(|bytes| <$number>::from_le_bytes(bytes).to_f64())
                    })
                    .collect::<Result<Vec<f64>, _>>()
                    .ok()
            };
        }
        match self.element {
            ElementType::Float => read!(f32),
            ElementType::Double => read!(f64),
            ElementType::Float16 => read_half!(half::f16),
            ElementType::BFloat16 => read_half!(half::bf16),
            ElementType::Int8 => read!(i8),
            ElementType::Int16 => read!(i16),
            ElementType::Int32 => read!(i32),
            ElementType::Int64 => read!(i64),
            ElementType::UInt8 | ElementType::Bool => read!(u8),
            ElementType::UInt16 => read!(u16),
            ElementType::UInt32 => read!(u32),
            ElementType::UInt64 => read!(u64),
            ElementType::String | ElementType::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_dynamic_shapes() {
        let dims = vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(3), Dim::Unknown];
        let spec = TensorSpec {
            name: "x".to_owned(),
            element: ElementType::Float,
            dims: Some(dims),
        };
        assert_eq!(spec.describe(), "float [batch, 3, ?]");
    }

    #[test]
    fn reads_elements_of_every_width() {
        let tensor = Tensor::from_f32("x", &[2], &[1.5, -2.0]);
        assert_eq!(tensor.to_f64().unwrap(), [1.5, -2.0]);
        let half: Vec<u8> = [1.5_f32, -2.0]
            .iter()
            .flat_map(|value| half::f16::from_f32(*value).to_le_bytes())
            .collect();
        let tensor = Tensor {
            element: ElementType::Float16,
            data: half.into(),
            ..tensor
        };
        assert_eq!(tensor.to_f64().unwrap(), [1.5, -2.0]);
    }
}
