//! Shapes of operators that fold axes away.

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::one;

type Outputs = Option<Vec<Option<Known>>>;

/// `ReduceSum` and its family: listed axes become 1, or go.
pub(super) fn reduce(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let axes = call.list("axes", 1)?.unwrap_or_default();
    if axes.is_empty() && call.int("noop_with_empty_axes", 0) != 0 {
        return one(data.without_values());
    }
    let mut folded = vec![axes.is_empty(); data.dims.len()];
    for axis in axes {
        folded[data.axis(axis)?] = true;
    }
    one(Known::new(
        data.data_type,
        fold(&data.dims, &folded, call.int("keepdims", 1) != 0),
    )?)
}

/// `ArgMax` and `ArgMin`: one axis, to indices.
pub(super) fn arg(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let mut folded = vec![false; data.dims.len()];
    *folded.get_mut(data.axis(call.int("axis", 0))?)? = true;
    let dims = fold(&data.dims, &folded, call.int("keepdims", 1) != 0);
    one(Known::new(DataType::Int64 as i32, dims)?)
}

/// `TopK`: values and indices, one axis shortened.
pub(super) fn top_k(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let k = match call.attribute("k") {
        Some(attribute) => attribute.i(),
        None => *call.input(1)?.ints.as_ref()?.first()?,
    };
    let mut dims = data.dims.clone();
    *dims.get_mut(data.axis(call.int("axis", -1))?)? = u64::try_from(k).ok()?;
    let values = Known::new(data.data_type, dims)?;
    let indices = values.of_type(DataType::Int64 as i32);
    Some(vec![Some(values), Some(indices)])
}

fn fold(dims: &[u64], folded: &[bool], keep: bool) -> Vec<u64> {
    dims.iter()
        .zip(folded)
        .filter(|(_, folded)| keep || !**folded)
        .map(|(dim, folded)| if *folded { 1 } else { *dim })
        .collect()
}
