//! Types of inputs and outputs, and sparse tensors.

use super::CheckError;
use super::check_tensor;
use super::scan_sparse;
use crate::model::onnx::proto::SparseTensorProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::type_proto::Value;
use crate::model::onnx::tensor_view::TensorView;

/// The name and type of an input or output; in inner graphs the type may be left open.
pub(super) fn check(info: &ValueInfoProto, inner: bool) -> Result<(), String> {
    if info.name().is_empty() {
        return Err("has no name".to_owned());
    }
    if inner {
        return Ok(());
    }
    let missing = |what: &str| Err(format!("has a type without {what}"));
    let Some(stated) = info.r#type.as_ref().and_then(|stated| stated.value.as_ref()) else {
        return Err("has no type".to_owned());
    };
    match stated {
        Value::TensorType(tensor) if tensor.elem_type.is_none() => missing("element type"),
        Value::TensorType(tensor) if tensor.shape.is_none() => {
            missing("shape; an empty dimension says that it is open")
        }
        Value::SparseTensorType(sparse) if sparse.elem_type.is_none() => missing("element type"),
        Value::SparseTensorType(sparse) if sparse.shape.is_none() => missing("shape"),
        Value::SequenceType(sequence) if sequence.elem_type.is_none() => missing("element type"),
        Value::OptionalType(optional) if optional.elem_type.is_none() => missing("element type"),
        Value::MapType(map) if map.key_type.is_none() || map.value_type.is_none() => missing("key or value type"),
        Value::OpaqueType(opaque) if opaque.name().is_empty() => missing("name"),
        _ => Ok(()),
    }
}

/// A sparse tensor: its parts, that they fit each other, and that its indices ascend.
pub(super) fn check_sparse(sparse: &SparseTensorProto, place: &dyn Fn() -> String) -> Result<(), CheckError> {
    let wrong = |problem: &str| Err(CheckError::new(place(), problem));
    for part in sparse.values.iter().chain(&sparse.indices) {
        check_tensor(part, place)?;
    }
    if sparse.dims.is_empty() || sparse.dims.iter().any(|dim| *dim <= 0) {
        return wrong("has no dimension, or one below 1");
    }
    scan_sparse(sparse, &place())?;
    let Some(indices) = &sparse.indices else {
        return wrong("lacks its indices");
    };
    // External indices cannot be looked into here.
    let Some(places) = TensorView::of(indices, &[]).ok().and_then(|view| view.to_i64()) else {
        return Ok(());
    };
    let width = if indices.dims.len() == 1 { 1 } else { sparse.dims.len() };
    let flat = [sparse
        .dims
        .iter()
        .fold(1_i64, |product, dim| product.saturating_mul(*dim))];
    let limits = if indices.dims.len() == 1 {
        flat.as_slice()
    } else {
        sparse.dims.as_slice()
    };
    let mut before: Option<&[i64]> = None;
    for index in places.chunks(width.max(1)) {
        if index
            .iter()
            .zip(limits)
            .any(|(index, limit)| *index < 0 || index >= limit)
        {
            return wrong("has indices that lead outside of it");
        }
        if before.is_some_and(|before| before >= index) {
            return wrong("has indices that do not ascend");
        }
        before = Some(index);
    }
    Ok(())
}
