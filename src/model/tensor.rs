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
        self.values().map(Iterator::collect)
    }

    /// The same one after the other, without a copy.
    pub fn values(&self) -> Option<impl Iterator<Item = f64> + '_> {
        let (size, read) = reader(self.element)?;
        Some(self.data.chunks_exact(size).map(read))
    }
}

/// Reads one element from its bytes.
type Read = fn(&[u8]) -> f64;

/// The bytes of one element, and how they are read.
fn reader(element: ElementType) -> Option<(usize, Read)> {
    /// As many bytes as the element has; chunks of another length do not come.
    fn exactly<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    Some(match element {
        ElementType::Float => (4, |bytes| f64::from(f32::from_le_bytes(exactly(bytes)))),
        ElementType::Double => (8, |bytes| f64::from_le_bytes(exactly(bytes))),
        ElementType::Float16 => (2, |bytes| half::f16::from_le_bytes(exactly(bytes)).to_f64()),
        ElementType::BFloat16 => (2, |bytes| half::bf16::from_le_bytes(exactly(bytes)).to_f64()),
        ElementType::Int8 => (1, |bytes| f64::from(i8::from_le_bytes(exactly(bytes)))),
        ElementType::Int16 => (2, |bytes| f64::from(i16::from_le_bytes(exactly(bytes)))),
        ElementType::Int32 => (4, |bytes| f64::from(i32::from_le_bytes(exactly(bytes)))),
        ElementType::Int64 => (8, |bytes| i64::from_le_bytes(exactly(bytes)) as f64),
        ElementType::UInt8 | ElementType::Bool => (1, |bytes| f64::from(u8::from_le_bytes(exactly(bytes)))),
        ElementType::UInt16 => (2, |bytes| f64::from(u16::from_le_bytes(exactly(bytes)))),
        ElementType::UInt32 => (4, |bytes| f64::from(u32::from_le_bytes(exactly(bytes)))),
        ElementType::UInt64 => (8, |bytes| u64::from_le_bytes(exactly(bytes)) as f64),
        ElementType::String | ElementType::Other => return None,
    })
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
