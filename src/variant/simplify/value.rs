//! A constant in a form that can be computed with.

use bytes::Bytes;

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types::bits;
use crate::variant::edit;

/// More elements than this are not computed.
pub(in crate::variant) const MAX_ELEMENTS: usize = 1 << 26;

/// A tensor of numbers whose elements are whole bytes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::variant) struct Value {
    pub(in crate::variant) data_type: DataType,
    pub(in crate::variant) dims: Vec<usize>,
    pub(in crate::variant) bytes: Bytes,
}

impl Value {
    /// `None` for text, packed types, and data that cannot be had.
    pub(in crate::variant) fn of(tensor: &TensorProto) -> Option<Self> {
        let view = TensorView::of(tensor, &[]).ok()?;
        let width = bits(view.data_type)?;
        let dims = view
            .shape
            .iter()
            .map(|dim| usize::try_from(*dim).ok())
            .collect::<Option<_>>()?;
        (width % 8 == 0).then_some(Self {
            data_type: DataType::try_from(view.data_type).ok()?,
            dims,
            bytes: view.bytes,
        })
    }

    /// What a `Constant` node gives.
    pub(in crate::variant) fn of_constant(node: &NodeProto) -> Option<Self> {
        let [attribute]: [&AttributeProto; 1] = node.attribute.iter().collect::<Vec<_>>().try_into().ok()?;
        match attribute.name() {
            "value" => Self::of(attribute.t.as_ref()?),
            "value_int" => Self::ints(DataType::Int64, Vec::new(), &[attribute.i?]),
            "value_ints" => Self::ints(DataType::Int64, vec![attribute.ints.len()], &attribute.ints),
            "value_float" => Some(Self::floats(Vec::new(), &[attribute.f?])),
            "value_floats" => Some(Self::floats(vec![attribute.floats.len()], &attribute.floats)),
            _ => None,
        }
    }

    /// 32-bit floats.
    pub(in crate::variant) fn floats(dims: Vec<usize>, values: &[f32]) -> Self {
        Self {
            data_type: DataType::Float,
            dims,
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
                .into(),
        }
    }

    /// Integers or booleans of a type; `None` where one does not fit it.
    pub(in crate::variant) fn ints(data_type: DataType, dims: Vec<usize>, values: &[i64]) -> Option<Self> {
        fn pack<T: TryFrom<i64>, const N: usize>(values: &[i64], bytes: fn(T) -> [u8; N]) -> Option<Vec<u8>> {
            let packed: Option<Vec<[u8; N]>> = values.iter().map(|value| T::try_from(*value).ok().map(bytes)).collect();
            Some(packed?.concat())
        }
        let bytes = match data_type {
            DataType::Int64 => pack(values, i64::to_le_bytes),
            DataType::Int32 => pack(values, i32::to_le_bytes),
            DataType::Int16 => pack(values, i16::to_le_bytes),
            DataType::Int8 => pack(values, i8::to_le_bytes),
            DataType::Uint64 => pack(values, u64::to_le_bytes),
            DataType::Uint32 => pack(values, u32::to_le_bytes),
            DataType::Uint16 => pack(values, u16::to_le_bytes),
            DataType::Uint8 => pack(values, u8::to_le_bytes),
            DataType::Bool => Some(values.iter().map(|value| u8::from(*value != 0)).collect()),
            _ => None,
        }?;
        Some(Self {
            data_type,
            dims,
            bytes: bytes.into(),
        })
    }

    /// As an initializer.
    pub(in crate::variant) fn tensor(&self, name: &str) -> TensorProto {
        let dims: Vec<i64> = self.dims.iter().map(|dim| *dim as i64).collect();
        edit::tensor(name, &dims, self.data_type, self.bytes.clone())
    }

    /// Bytes of an element.
    pub(in crate::variant) fn width(&self) -> usize {
        bits(self.data_type as i32).map_or(1, |bits| (bits / 8) as usize)
    }

    /// The number of elements.
    pub(in crate::variant) fn len(&self) -> usize {
        self.bytes.len() / self.width()
    }

    fn view(&self) -> TensorView {
        TensorView {
            element: crate::model::onnx::types::element_type(self.data_type as i32),
            data_type: self.data_type as i32,
            shape: self.dims.iter().map(|dim| *dim as u64).collect(),
            bytes: self.bytes.clone(),
        }
    }

    /// Its elements, where they are integers or booleans.
    pub(in crate::variant) fn to_ints(&self) -> Option<Vec<i64>> {
        self.view().to_i64()
    }

    /// Its elements, where they are 32-bit floats.
    pub(in crate::variant) fn to_floats(&self) -> Option<Vec<f32>> {
        (self.data_type == DataType::Float)
            .then(|| self.view().to_f32())
            .flatten()
    }

    /// The same elements in another shape.
    pub(in crate::variant) fn shaped(&self, dims: Vec<usize>) -> Option<Self> {
        let count = dims
            .iter()
            .try_fold(1_usize, |product, dim| product.checked_mul(*dim))?;
        (count == self.len()).then(|| Self { dims, ..self.clone() })
    }

    /// A tensor of `dims` whose element at each place is the one of this at the index that `source` gives.
    pub(in crate::variant) fn picked(
        &self,
        dims: Vec<usize>,
        source: impl Fn(&[usize]) -> Option<usize>,
    ) -> Option<Self> {
        let count = dims
            .iter()
            .try_fold(1_usize, |product, dim| product.checked_mul(*dim))?;
        if count > MAX_ELEMENTS {
            return None;
        }
        let width = self.width();
        let mut bytes = Vec::with_capacity(count.checked_mul(width)?);
        let mut place = vec![0_usize; dims.len()];
        for _ in 0..count {
            let start = source(&place)?.checked_mul(width)?;
            bytes.extend_from_slice(self.bytes.get(start..start.checked_add(width)?)?);
            advance(&mut place, &dims);
        }
        Some(Self {
            data_type: self.data_type,
            dims,
            bytes: bytes.into(),
        })
    }
}

/// The next place in row-major order.
fn advance(place: &mut [usize], dims: &[usize]) {
    for (index, dim) in place.iter_mut().zip(dims).rev() {
        *index += 1;
        if *index < *dim {
            return;
        }
        *index = 0;
    }
}

/// How many elements lie between neighbours along each axis.
pub(in crate::variant) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; dims.len()];
    for axis in (1..dims.len()).rev() {
        if let (Some(after), Some(dim)) = (strides.get(axis).copied(), dims.get(axis)) {
            strides[axis - 1] = after.saturating_mul(*dim);
        }
    }
    strides
}

/// The index of a place in a tensor that broadcasts to the place's shape.
pub(in crate::variant) fn broadcast_index(place: &[usize], dims: &[usize], strides: &[usize]) -> Option<usize> {
    let skip = place.len().checked_sub(dims.len())?;
    let own = place.get(skip..)?;
    Some(
        own.iter()
            .zip(dims)
            .zip(strides)
            .map(|((index, dim), stride)| if *dim == 1 { 0 } else { index * stride })
            .sum(),
    )
}

/// The shape that two shapes broadcast to.
pub(in crate::variant) fn broadcast(one: &[usize], other: &[usize]) -> Option<Vec<usize>> {
    let rank = one.len().max(other.len());
    let at = |dims: &[usize], axis: usize| {
        (axis + dims.len())
            .checked_sub(rank)
            .and_then(|axis| dims.get(axis))
            .copied()
    };
    (0..rank)
        .map(
            |axis| match (at(one, axis).unwrap_or(1), at(other, axis).unwrap_or(1)) {
                (1, dim) | (dim, 1) => Some(dim),
                (dim, same) => (dim == same).then_some(dim),
            },
        )
        .collect()
}

/// An axis, counted from the end where negative.
pub(in crate::variant) fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    usize::try_from(axis).ok().filter(|axis| (*axis as i64) < rank)
}
