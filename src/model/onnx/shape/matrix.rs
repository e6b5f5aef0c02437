//! Shapes of matrix products and recurrent layers.

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::known;
use crate::model::onnx::shape::one;

type Outputs = Option<Vec<Option<Known>>>;

/// `Gemm`: `[m, k] × [k, n]`, either transposed on demand.
pub(super) fn gemm(call: &Call<'_>) -> Outputs {
    let (left, right) = (call.input(0)?, call.input(1)?);
    let oriented = |known: &Known, transposed: bool| match (known.dims.as_slice(), transposed) {
        ([rows, columns], false) | ([columns, rows], true) => Some((*rows, *columns)),
        _ => None,
    };
    let (rows, inner) = oriented(left, call.int("transA", 0) != 0)?;
    let (same, columns) = oriented(right, call.int("transB", 0) != 0)?;
    (inner == same).then_some(())?;
    one(Known::new(left.data_type, vec![rows, columns])?)
}

/// `MatMul` and its integer variants, by numpy's rules: vectors are promoted, leading axes broadcast.
pub(super) fn matmul(call: &Call<'_>) -> Outputs {
    let operator = call.node.op_type();
    let (left, right) = (
        call.input(0)?,
        call.input(if operator == "QLinearMatMul" { 3 } else { 1 })?,
    );
    let data_type = match operator {
        "MatMulInteger" => DataType::Int32 as i32,
        "QLinearMatMul" => call.input(7)?.data_type,
        _ => left.data_type,
    };
    one(Known::new(data_type, product(&left.dims, &right.dims)?)?)
}

fn product(left: &[u64], right: &[u64]) -> Option<Vec<u64>> {
    let (left_batch, rows, inner) = match left {
        [inner] => (&[][..], None, *inner),
        [batch @ .., rows, inner] => (batch, Some(*rows), *inner),
        [] => return None,
    };
    let (right_batch, same, columns) = match right {
        [same] => (&[][..], *same, None),
        [batch @ .., same, columns] => (batch, *same, Some(*columns)),
        [] => return None,
    };
    (inner == same).then_some(())?;
    let mut dims = known::broadcast(left_batch, right_batch)?;
    dims.extend(rows);
    dims.extend(columns);
    Some(dims)
}

/// `LSTM`, `GRU`, `RNN`: the sequence, the last hidden state and, for `LSTM`, the last cell state.
pub(super) fn recurrent(call: &Call<'_>) -> Outputs {
    let (data, recurrence) = (call.input(0)?, call.input(2)?);
    let ([first, second, _], [directions, _, hidden]) = (data.dims.as_slice(), recurrence.dims.as_slice()) else {
        return None;
    };
    let state = |dims: Vec<u64>| Known::new(data.data_type, dims);
    let (all, last) = if call.int("layout", 0) == 0 {
        (
            vec![*first, *directions, *second, *hidden],
            vec![*directions, *second, *hidden],
        )
    } else {
        (
            vec![*first, *second, *directions, *hidden],
            vec![*first, *directions, *hidden],
        )
    };
    Some(vec![state(all), state(last.clone()), state(last)])
}
