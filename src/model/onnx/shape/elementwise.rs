//! Shapes of operators that work element by element, with broadcasting; normalization and quantization too.

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::known;
use crate::model::onnx::shape::one;

type Outputs = Option<Vec<Option<Known>>>;

/// Any number of inputs, broadcast; the type of the first. Small integers are computed.
pub(super) fn broadcast(call: &Call<'_>) -> Outputs {
    let inputs = call.all_inputs()?;
    let (first, rest) = inputs.split_first()?;
    let mut dims = first.dims.clone();
    for input in rest {
        dims = known::broadcast(&dims, &input.dims)?;
    }
    let ints = match inputs.as_slice() {
        [one, other] => operation(call.node.op_type()).and_then(|operation| pairwise(one, other, operation)),
        _ => None,
    };
    one(Known::with_ints(first.data_type, dims, ints)?)
}

/// Two inputs, broadcast, to booleans.
pub(super) fn comparison(call: &Call<'_>) -> Outputs {
    let (left, right) = (call.input(0)?, call.input(1)?);
    let dims = known::broadcast(&left.dims, &right.dims)?;
    let ints = match call.node.op_type() {
        "Equal" => pairwise(left, right, |left, right| Some((left == right).into())),
        "Greater" => pairwise(left, right, |left, right| Some((left > right).into())),
        "GreaterOrEqual" => pairwise(left, right, |left, right| Some((left >= right).into())),
        "Less" => pairwise(left, right, |left, right| Some((left < right).into())),
        _ => pairwise(left, right, |left, right| Some((left <= right).into())),
    };
    one(Known::with_ints(DataType::Bool as i32, dims, ints)?)
}

/// `Where`: a condition and two branches, broadcast.
pub(super) fn choose(call: &Call<'_>) -> Outputs {
    let (condition, yes, no) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let dims = known::broadcast(&condition.dims, &known::broadcast(&yes.dims, &no.dims)?)?;
    let ints = match (&condition.ints, &yes.ints, &no.ints) {
        (Some(condition), Some(yes), Some(no)) if yes.len() == no.len() || yes.len() == 1 || no.len() == 1 => {
            let count = condition.len().max(yes.len()).max(no.len());
            let whole = |values: &[i64]| values.len() == 1 || values.len() == count;
            let pick = |values: &[i64], index: usize| values[if values.len() == 1 { 0 } else { index }];
            (count > 0 && whole(condition) && whole(yes) && whole(no)).then(|| {
                (0..count)
                    .map(|index| pick(if pick(condition, index) != 0 { yes } else { no }, index))
                    .collect()
            })
        }
        _ => None,
    };
    one(Known::with_ints(yes.data_type, dims, ints)?)
}

pub(super) fn to_bool(call: &Call<'_>) -> Outputs {
    one(call.input(0)?.of_type(DataType::Bool as i32))
}

/// `Dropout`: the data, and optionally the mask.
pub(super) fn dropout(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?.without_values();
    // The mask was of the data's type before operator set 10.
    let mask = if call.opset < 10 {
        data.clone()
    } else {
        data.of_type(DataType::Bool as i32)
    };
    Some(vec![Some(data), Some(mask)])
}

/// `LayerNormalization`: the data, and optionally mean and inverse deviation, whose normalized axes are 1.
pub(super) fn layer_normalization(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?.without_values();
    let axis = data.axis(call.int("axis", -1))?;
    let mut statistics = data.of_type(DataType::Float as i32);
    statistics.dims[axis..].fill(1);
    Some(vec![Some(data), Some(statistics.clone()), Some(statistics)])
}

/// `QuantizeLinear`: the shape of the data, the type of the zero point.
pub(super) fn quantize(call: &Call<'_>) -> Outputs {
    let data_type = match (call.int("output_dtype", 0), call.has(2)) {
        (0, true) => call.input(2)?.data_type,
        (0, false) => DataType::Uint8 as i32,
        (stated, _) => i32::try_from(stated).ok()?,
    };
    one(call.input(0)?.of_type(data_type))
}

/// `DequantizeLinear`: the shape of the data, the type of the scale.
pub(super) fn dequantize(call: &Call<'_>) -> Outputs {
    one(call.input(0)?.of_type(call.input(1)?.data_type))
}

/// `DynamicQuantizeLinear`: the data as bytes, and its scale and zero point.
pub(super) fn dynamic_quantize(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?.of_type(DataType::Uint8 as i32);
    let scale = Known::new(DataType::Float as i32, Vec::new());
    let zero_point = Known::new(DataType::Uint8 as i32, Vec::new());
    Some(vec![Some(data), scale, zero_point])
}

fn operation(operator: &str) -> Option<fn(i64, i64) -> Option<i64>> {
    Some(match operator {
        "Add" => i64::checked_add,
        "Sub" => i64::checked_sub,
        "Mul" => i64::checked_mul,
        // Integers are divided towards zero, as in C.
        "Div" => i64::checked_div,
        "Min" => |left, right| Some(left.min(right)),
        "Max" => |left, right| Some(left.max(right)),
        _ => return None,
    })
}

/// Applies an operation where both sides' values are known, one for each element or one for all.
fn pairwise(left: &Known, right: &Known, operation: impl Fn(i64, i64) -> Option<i64>) -> Option<Vec<i64>> {
    let (left, right) = (left.ints.as_ref()?, right.ints.as_ref()?);
    let count = left.len().max(right.len());
    let whole = |values: &[i64]| values.len() == count || values.len() == 1;
    if !whole(left) || !whole(right) {
        return None;
    }
    let pick = |values: &[i64], index: usize| if values.len() == 1 { values[0] } else { values[index] };
    (0..count)
        .map(|index| operation(pick(left, index), pick(right, index)))
        .collect()
}
