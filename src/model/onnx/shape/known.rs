//! A tensor whose type and shape are known, and its values if they are few integers.

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::elements;
use crate::model::onnx::types::byte_length;

/// No real dimension is larger; below it, products of two fit 128-bit arithmetic with room to spare.
const MAX_DIM: u64 = 1 << 40;
/// ONNX's tensors have a handful of dimensions; numpy's at most so many.
const MAX_RANK: usize = 64;
/// So many values at most are carried along: shapes, pads and axes are shorter.
const MAX_VALUES: usize = 64;

/// What is known about a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    /// ONNX's code of the element type.
    pub(crate) data_type: i32,
    /// The dimensions, empty for a scalar; each at most 2⁴⁰, their product below 2⁶³.
    pub(crate) dims: Vec<u64>,
    /// The elements, where they are integers, few, and do not depend on the data.
    pub(crate) ints: Option<Vec<i64>>,
    /// The same for floats, of constants only.
    pub(crate) floats: Option<Vec<f32>>,
}

impl Known {
    /// A tensor without values; `None` where its dimensions are beyond reason.
    pub(crate) fn new(data_type: i32, dims: Vec<u64>) -> Option<Self> {
        let product = dims
            .iter()
            .try_fold(1_u64, |product, dim| product.checked_mul((*dim).max(1)))?;
        let reasonable = dims.len() <= MAX_RANK && dims.iter().all(|dim| *dim <= MAX_DIM) && product < 1 << 63;
        reasonable.then_some(Self {
            data_type,
            dims,
            ints: None,
            floats: None,
        })
    }

    /// A tensor and its elements, which are dropped where they are too many.
    pub(crate) fn with_ints(data_type: i32, dims: Vec<u64>, ints: Option<Vec<i64>>) -> Option<Self> {
        let known = Self::new(data_type, dims)?;
        let count = known.elements();
        Some(Self {
            ints: ints.filter(|ints| ints.len() <= MAX_VALUES && ints.len() as u64 == count),
            ..known
        })
    }

    /// A list of integers of type INT64.
    pub(crate) fn list(ints: Vec<i64>) -> Option<Self> {
        Self::with_ints(DataType::Int64 as i32, vec![ints.len() as u64], Some(ints))
    }

    /// An initializer or constant, with its values where it is small.
    pub(crate) fn of_tensor(tensor: &TensorProto, external: &[ExternalFile]) -> Option<Self> {
        let count = elements(&tensor.dims).ok()?;
        let dims = tensor.dims.iter().map(|dim| u64::try_from(*dim).ok());
        let known = Self::new(tensor.data_type(), dims.collect::<Option<_>>()?)?;
        if count > MAX_VALUES as u64 {
            return Some(known);
        }
        let view = TensorView::of(tensor, external).ok();
        Some(Self {
            ints: view.as_ref().and_then(TensorView::to_i64),
            floats: view.as_ref().and_then(TensorView::to_f32),
            ..known
        })
    }

    /// The same type and shape, values forgotten.
    pub(crate) fn without_values(&self) -> Self {
        Self {
            data_type: self.data_type,
            dims: self.dims.clone(),
            ints: None,
            floats: None,
        }
    }

    /// The same shape, another type, values forgotten.
    pub(crate) fn of_type(&self, data_type: i32) -> Self {
        Self {
            data_type,
            ..self.without_values()
        }
    }

    /// The number of elements.
    pub(crate) fn elements(&self) -> u64 {
        self.dims.iter().product()
    }

    /// Bytes in memory; `None` for text.
    pub(crate) fn bytes(&self) -> Option<u64> {
        byte_length(self.data_type, self.elements())
    }

    /// The dimensions as a type that can be subtracted.
    pub(crate) fn signed(&self) -> Vec<i128> {
        self.dims.iter().map(|dim| i128::from(*dim)).collect()
    }

    /// An axis counted from the end where negative; `None` where it is outside.
    pub(crate) fn axis(&self, axis: i64) -> Option<usize> {
        axis_of(axis, self.dims.len())
    }
}

/// An axis of a tensor of `rank` dimensions, counted from the end where negative; `None` where it is outside.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    usize::try_from(axis).ok().filter(|axis| (*axis as i64) < rank)
}

/// A computed size as a dimension; `None` where it is negative or beyond reason.
pub(crate) fn dim(size: i128) -> Option<u64> {
    u64::try_from(size).ok().filter(|size| *size <= MAX_DIM)
}

/// The shape that two shapes broadcast to (numpy's rule); `None` where they do not.
pub(crate) fn broadcast(one: &[u64], other: &[u64]) -> Option<Vec<u64>> {
    let rank = one.len().max(other.len());
    let at = |dims: &[u64], index: usize| (index + dims.len()).checked_sub(rank).map_or(1, |index| dims[index]);
    (0..rank)
        .map(|index| match (at(one, index), at(other, index)) {
            (1, size) | (size, 1) => Some(size),
            (size, same) => (size == same).then_some(size),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts_like_numpy() {
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]), Some(vec![2, 3, 4]));
        assert_eq!(broadcast(&[], &[5]), Some(vec![5]));
        assert_eq!(broadcast(&[0], &[1]), Some(vec![0]));
        assert_eq!(broadcast(&[2], &[3]), None);
    }

    #[test]
    fn beyond_reason_is_unknown() {
        assert!(Known::new(1, vec![1 << 41]).is_none());
        assert!(Known::new(1, vec![1 << 40, 1 << 40]).is_none());
        assert!(Known::new(1, vec![1; 65]).is_none());
        assert!(Known::new(1, vec![0, 1 << 40]).is_some());
        assert_eq!(axis_of(-1, 3), Some(2));
        assert_eq!(axis_of(3, 3), None);
        assert_eq!(axis_of(i64::MIN, 3), None);
    }
}
