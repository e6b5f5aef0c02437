//! Takes slices out of tensors: the indices along axes that stay.

use bytes::Bytes;

use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorError;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;

/// The tensor with only these indices along each of these axes.
pub(super) fn cut(tensor: &TensorProto, cuts: &[(usize, Vec<usize>)]) -> Result<TensorProto, TensorError> {
    let view = TensorView::of(tensor, &[])?;
    let mut dims: Vec<usize> = view
        .shape
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(0))
        .collect();
    let elements: usize = dims.iter().product();
    let width = view.bytes.len().checked_div(elements).unwrap_or(0);
    let mut bytes: Bytes = view.bytes;
    for (axis, kept) in cuts {
        let Some(length) = dims.get(*axis).copied() else {
            continue;
        };
        let run = width * dims.iter().skip(axis + 1).product::<usize>();
        let mut result = Vec::with_capacity(bytes.len().checked_div(length).unwrap_or(0) * kept.len());
        for block in bytes.chunks(run.saturating_mul(length).max(1)) {
            for index in kept {
                let slice = block.get(index * run..(index + 1) * run);
                result.extend_from_slice(slice.unwrap_or_default());
            }
        }
        bytes = result.into();
        if let Some(dim) = dims.get_mut(*axis) {
            *dim = kept.len();
        }
    }
    let mut result = TensorProto {
        name: tensor.name.clone(),
        doc_string: tensor.doc_string.clone(),
        metadata_props: tensor.metadata_props.clone(),
        dims: dims.into_iter().map(|dim| dim as i64).collect(),
        ..TensorProto::default()
    };
    let data_type = DataType::try_from(view.data_type).unwrap_or(DataType::Undefined);
    set_raw_data(&mut result, data_type, bytes);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::variant::edit;

    #[test]
    fn keeps_rows_and_columns() {
        let values: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let tensor = edit::floats("w", &[3, 4], &values);
        let small = cut(&tensor, &[(0, vec![0, 2]), (1, vec![1, 3])]).unwrap();
        assert_eq!(small, edit::floats("w", &[2, 2], &[1.0, 3.0, 9.0, 11.0]));
    }

    proptest! {
        #[test]
        fn is_where_the_elements_were(dims in prop::collection::vec(1_usize..5, 1..4), choice in any::<u64>()) {
            let count: usize = dims.iter().product();
            let values: Vec<f32> = (0..count).map(|value| value as f32).collect();
            let shape: Vec<i64> = dims.iter().map(|dim| *dim as i64).collect();
            let axis = choice as usize % dims.len();
            let kept: Vec<usize> = (0..dims[axis]).filter(|at| choice >> (8 + at) & 1 == 1).collect();
            let small = cut(&edit::floats("w", &shape, &values), &[(axis, kept.clone())]).unwrap();
            let inner: usize = dims[axis + 1..].iter().product();
            let expected: Vec<f32> =
                values.iter().copied().filter(|value| kept.contains(&(*value as usize / inner % dims[axis]))).collect();
            prop_assert_eq!(TensorView::of(&small, &[]).unwrap().to_f32().unwrap(), expected);
        }
    }
}
