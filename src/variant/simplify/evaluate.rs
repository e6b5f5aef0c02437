//! Computes nodes whose inputs are constants: operators that move elements, and exact arithmetic. What rounds differently from engine
//! to engine (exponentials, sums) is not computed here.

use super::value::MAX_ELEMENTS;
use super::value::Value;
use super::value::axis_of;
use super::value::broadcast;
use super::value::broadcast_index;
use super::value::strides;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::edit;

/// One call: its node, and its inputs (`None` for those left out).
pub(in crate::variant) struct Call<'a> {
    pub(in crate::variant) node: &'a NodeProto,
    pub(in crate::variant) inputs: Vec<Option<Value>>,
}

/// The first output; `None` where the operator is not computed or its inputs don't fit.
pub(in crate::variant) fn evaluate(call: &Call<'_>) -> Option<Value> {
    match call.node.op_type() {
        "Identity" => call.input(0).cloned(),
        "Reshape" => reshape(call),
        "Squeeze" => squeeze(call),
        "Unsqueeze" => unsqueeze(call),
        "Flatten" => flatten(call),
        "Transpose" => transpose(call),
        "Expand" => expand(call),
        "Concat" => concat(call),
        "Gather" => gather(call),
        "Slice" => slice(call),
        "Shape" => shape(call),
        "Size" => Value::ints(
            DataType::Int64,
            Vec::new(),
            &[i64::try_from(call.input(0)?.len()).ok()?],
        ),
        "Cast" => cast(call),
        "ConstantOfShape" => constant_of_shape(call),
        "Range" => range(call),
        "Where" => choose(call),
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Mod" => arithmetic(call),
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" => comparison(call),
        "Not" => unary(call, |value| Some(i64::from(value == 0)), |_| None),
        "Neg" => unary(call, i64::checked_neg, |value| Some(-value)),
        "Abs" => unary(call, i64::checked_abs, |value| Some(value.abs())),
        "Sqrt" => unary(call, |_| None, |value| Some(value.sqrt())),
        "Floor" => unary(call, |_| None, |value| Some(value.floor())),
        "Ceil" => unary(call, |_| None, |value| Some(value.ceil())),
        _ => None,
    }
}

impl Call<'_> {
    fn input(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index)?.as_ref()
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        edit::attribute(self.node, name).map_or(default, |attribute| attribute.i())
    }

    /// A list that is an attribute in early versions and an input in later ones; the inner `None` where it is left out.
    fn list(&self, name: &str, index: usize) -> Option<Option<Vec<i64>>> {
        if let Some(attribute) = edit::attribute(self.node, name) {
            return Some(Some(attribute.ints.clone()));
        }
        match self.node.input.get(index).map(String::as_str) {
            None | Some("") => Some(None),
            Some(_) => self.input(index)?.to_ints().map(Some),
        }
    }
}

fn reshape(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let wanted = call.input(1)?.to_ints()?;
    let literal = call.int("allowzero", 0) != 0;
    let mut dims = Vec::new();
    let mut open = None;
    for (axis, dim) in wanted.iter().enumerate() {
        dims.push(match dim {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !literal => *data.dims.get(axis)?,
            dim => usize::try_from(*dim).ok()?,
        });
    }
    if let Some(axis) = open {
        let known = dims
            .iter()
            .try_fold(1_usize, |product, dim| product.checked_mul(*dim))?;
        *dims.get_mut(axis)? = data.len().checked_div(known)?;
    }
    data.shaped(dims)
}

fn squeeze(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let axes = match call.list("axes", 1)? {
        Some(axes) => axes
            .iter()
            .map(|axis| axis_of(*axis, data.dims.len()))
            .collect::<Option<Vec<_>>>()?,
        None => (0..data.dims.len())
            .filter(|axis| data.dims.get(*axis) == Some(&1))
            .collect(),
    };
    let kept = data.dims.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    data.shaped(kept.map(|(_, dim)| *dim).collect())
}

fn unsqueeze(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let axes = call.list("axes", 1)??;
    let rank = data.dims.len().checked_add(axes.len())?;
    let axes = axes
        .iter()
        .map(|axis| axis_of(*axis, rank))
        .collect::<Option<Vec<_>>>()?;
    let mut rest = data.dims.iter();
    let dims = (0..rank).map(|axis| {
        if axes.contains(&axis) {
            Some(1)
        } else {
            rest.next().copied()
        }
    });
    data.shaped(dims.collect::<Option<_>>()?)
}

fn flatten(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let axis = call.int("axis", 1);
    let rank = data.dims.len();
    let axis = if axis == rank as i64 {
        rank
    } else {
        axis_of(axis, rank)?
    };
    let (rows, columns) = data.dims.split_at_checked(axis)?;
    data.shaped(vec![rows.iter().product(), columns.iter().product()])
}

fn transpose(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let rank = data.dims.len();
    let order: Vec<usize> = match edit::attribute(call.node, "perm") {
        Some(perm) => perm
            .ints
            .iter()
            .map(|axis| axis_of(*axis, rank))
            .collect::<Option<_>>()?,
        None => (0..rank).rev().collect(),
    };
    if order.len() != rank {
        return None;
    }
    let of = strides(&data.dims);
    let moved: Vec<usize> = order.iter().map(|axis| of.get(*axis).copied()).collect::<Option<_>>()?;
    let dims = order
        .iter()
        .map(|axis| data.dims.get(*axis).copied())
        .collect::<Option<_>>()?;
    data.picked(dims, |place| {
        Some(place.iter().zip(&moved).map(|(index, stride)| index * stride).sum())
    })
}

fn expand(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let wanted = call.input(1)?.to_ints()?;
    let wanted = wanted
        .iter()
        .map(|dim| usize::try_from(*dim).ok())
        .collect::<Option<Vec<_>>>()?;
    let of = strides(&data.dims);
    data.picked(broadcast(&data.dims, &wanted)?, |place| {
        broadcast_index(place, &data.dims, &of)
    })
}

fn concat(call: &Call<'_>) -> Option<Value> {
    let parts = call
        .inputs
        .iter()
        .map(Option::as_ref)
        .collect::<Option<Vec<&Value>>>()?;
    let first = *parts.first()?;
    let axis = axis_of(edit::attribute(call.node, "axis")?.i(), first.dims.len())?;
    let alike = |part: &&Value| {
        part.data_type == first.data_type
            && part.dims.len() == first.dims.len()
            && part
                .dims
                .iter()
                .zip(&first.dims)
                .enumerate()
                .all(|(at, (one, other))| at == axis || one == other)
    };
    if !parts.iter().all(alike) {
        return None;
    }
    let rows: usize = first.dims.get(..axis)?.iter().product();
    let mut dims = first.dims.clone();
    *dims.get_mut(axis)? = parts.iter().filter_map(|part| part.dims.get(axis)).sum();
    let mut bytes = Vec::new();
    for row in 0..rows {
        for part in &parts {
            let length = part.bytes.len().checked_div(rows)?;
            bytes.extend_from_slice(part.bytes.get(row * length..(row + 1) * length)?);
        }
    }
    Some(Value {
        data_type: first.data_type,
        dims,
        bytes: bytes.into(),
    })
}

fn gather(call: &Call<'_>) -> Option<Value> {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let axis = axis_of(call.int("axis", 0), data.dims.len())?;
    let size = *data.dims.get(axis)?;
    let picks = indices.to_ints()?;
    let picks = picks
        .iter()
        .map(|index| axis_of(*index, size))
        .collect::<Option<Vec<_>>>()?;
    let (before, after) = (data.dims.get(..axis)?, data.dims.get(axis + 1..)?);
    let dims: Vec<usize> = before.iter().chain(&indices.dims).chain(after).copied().collect();
    let (of, of_picks) = (strides(&data.dims), strides(&indices.dims));
    let rank = indices.dims.len();
    data.picked(dims, |place| {
        let (head, rest) = place.split_at_checked(axis)?;
        let (middle, tail) = rest.split_at_checked(rank)?;
        let pick: usize = middle.iter().zip(&of_picks).map(|(index, stride)| index * stride).sum();
        let source = head.iter().chain([picks.get(pick)?]).chain(tail);
        Some(source.zip(&of).map(|(index, stride)| index * stride).sum())
    })
}

fn slice(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let (starts, ends) = (call.list("starts", 1)??, call.list("ends", 2)??);
    let axes = call
        .list("axes", 3)?
        .unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = match call.node.input.get(4).map(String::as_str) {
        None | Some("") => vec![1; starts.len()],
        Some(_) => call.input(4)?.to_ints()?,
    };
    let mut dims = data.dims.clone();
    let mut from: Vec<(i64, i64)> = vec![(0, 1); dims.len()];
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = axis_of(*axis, dims.len())?;
        let size = i64::try_from(*data.dims.get(axis)?).ok()?;
        // Backwards needs more care than shapes ever do.
        if *step <= 0 {
            return None;
        }
        let bound = |value: i64| if value < 0 { value.saturating_add(size) } else { value }.clamp(0, size);
        let (start, end) = (bound(*start), bound(*end));
        *dims.get_mut(axis)? = usize::try_from((end - start).max(0).saturating_add(*step - 1) / *step).ok()?;
        *from.get_mut(axis)? = (start, *step);
    }
    let of = strides(&data.dims);
    data.picked(dims, |place| {
        place
            .iter()
            .zip(&from)
            .zip(&of)
            .try_fold(0_usize, |sum, ((index, (start, step)), stride)| {
                let source =
                    usize::try_from(i64::try_from(*index).ok()?.checked_mul(*step)?.checked_add(*start)?).ok()?;
                sum.checked_add(source.checked_mul(*stride)?)
            })
    })
}

fn shape(call: &Call<'_>) -> Option<Value> {
    let dims: Vec<i64> = call.input(0)?.dims.iter().map(|dim| *dim as i64).collect();
    shape_part(call.node, &dims)
}

/// What a `Shape` node gives for a tensor of those dimensions.
pub(in crate::variant) fn shape_part(node: &NodeProto, dims: &[i64]) -> Option<Value> {
    let rank = dims.len() as i64;
    let bound = |name: &str, default: i64| {
        let value = edit::attribute(node, name).map_or(default, |attribute| attribute.i());
        if value < 0 { value.saturating_add(rank) } else { value }.clamp(0, rank) as usize
    };
    let part = dims.get(bound("start", 0)..bound("end", rank)).unwrap_or_default();
    Value::ints(DataType::Int64, vec![part.len()], part)
}

fn cast(call: &Call<'_>) -> Option<Value> {
    let data = call.input(0)?;
    let to = DataType::try_from(i32::try_from(edit::attribute(call.node, "to")?.i()).ok()?).ok()?;
    if to == data.data_type {
        return Some(data.clone());
    }
    if let Some(floats) = data.to_floats() {
        // Fractions are cut off; what is out of range differs from engine to engine.
        let whole = |value: &f32| (value.is_finite() && value.abs() < 1e9).then_some(*value as i64);
        return match to {
            DataType::Bool => {
                let ints: Vec<i64> = floats.iter().map(|value| i64::from(*value != 0.0)).collect();
                Value::ints(to, data.dims.clone(), &ints)
            }
            _ => Value::ints(
                to,
                data.dims.clone(),
                &floats.iter().map(whole).collect::<Option<Vec<_>>>()?,
            ),
        };
    }
    let ints = data.to_ints()?;
    match to {
        DataType::Float => {
            let floats: Vec<f32> = ints.iter().map(|value| *value as f32).collect();
            Some(Value::floats(data.dims.clone(), &floats))
        }
        _ => Value::ints(to, data.dims.clone(), &ints),
    }
}

fn constant_of_shape(call: &Call<'_>) -> Option<Value> {
    let dims = call.input(0)?.to_ints()?;
    let dims = dims
        .iter()
        .map(|dim| usize::try_from(*dim).ok())
        .collect::<Option<Vec<_>>>()?;
    let fill = match edit::attribute(call.node, "value") {
        Some(value) => Value::of(value.t.as_ref()?)?,
        None => Value::floats(vec![1], &[0.0]),
    };
    fill.picked(dims, |_| Some(0))
}

fn range(call: &Call<'_>) -> Option<Value> {
    let value = |index: usize| call.input(index)?.to_ints()?.first().copied();
    let (start, limit, delta) = (value(0)?, value(1)?, value(2)?);
    let span = i128::from(limit) - i128::from(start);
    let count = match delta {
        0 => return None,
        delta => {
            let (span, step) = if delta > 0 {
                (span, i128::from(delta))
            } else {
                (-span, -i128::from(delta))
            };
            usize::try_from(((span + step - 1) / step).max(0))
                .ok()
                .filter(|count| *count <= MAX_ELEMENTS)?
        }
    };
    let ints: Option<Vec<i64>> = (0..count as i64)
        .map(|index| start.checked_add(index.checked_mul(delta)?))
        .collect();
    Value::ints(call.input(0)?.data_type, vec![count], &ints?)
}

fn choose(call: &Call<'_>) -> Option<Value> {
    let (condition, yes, no) = (call.input(0)?, call.input(1)?, call.input(2)?);
    if yes.data_type != no.data_type {
        return None;
    }
    let dims = broadcast(&condition.dims, &broadcast(&yes.dims, &no.dims)?)?;
    let is_true = condition.to_ints()?;
    let [of, of_yes, of_no] = [condition, yes, no].map(|value| strides(&value.dims));
    // Both branches in one block, the second behind the first.
    let both = Value {
        data_type: yes.data_type,
        dims: Vec::new(),
        bytes: [yes.bytes.as_ref(), no.bytes.as_ref()].concat().into(),
    };
    both.picked(dims, |place| {
        if *is_true.get(broadcast_index(place, &condition.dims, &of)?)? != 0 {
            broadcast_index(place, &yes.dims, &of_yes)
        } else {
            broadcast_index(place, &no.dims, &of_no)?.checked_add(yes.len())
        }
    })
}

/// Applies `apply` to the elements of two tensors, broadcast.
fn pairs<T: Copy, R>(
    one: (&Value, &[T]),
    other: (&Value, &[T]),
    apply: impl Fn(T, T) -> Option<R>,
) -> Option<(Vec<usize>, Vec<R>)> {
    let dims = broadcast(&one.0.dims, &other.0.dims)?;
    let index = |value: &Value| {
        let ints: Vec<i64> = (0..value.len() as i64).collect();
        let places = Value::ints(DataType::Int64, value.dims.clone(), &ints)?;
        let of = strides(&value.dims);
        places
            .picked(dims.clone(), |place| broadcast_index(place, &value.dims, &of))?
            .to_ints()
    };
    let (left, right) = (index(one.0)?, index(other.0)?);
    let results: Option<Vec<R>> = left
        .iter()
        .zip(&right)
        .map(|(left, right)| apply(*one.1.get(*left as usize)?, *other.1.get(*right as usize)?))
        .collect();
    Some((dims, results?))
}

fn arithmetic(call: &Call<'_>) -> Option<Value> {
    let [Some(left), Some(right)] = call.inputs.as_slice() else {
        return None;
    };
    if left.data_type != right.data_type {
        return None;
    }
    let operator = call.node.op_type();
    if let (Some(one), Some(other)) = (left.to_floats(), right.to_floats()) {
        let apply = |one: f32, other: f32| {
            Some(match operator {
                "Add" => one + other,
                "Sub" => one - other,
                "Mul" => one * other,
                "Div" => one / other,
                _ => return None,
            })
        };
        let (dims, floats) = pairs((left, &one), (right, &other), apply)?;
        return Some(Value::floats(dims, &floats));
    }
    let apply = |one: i64, other: i64| match operator {
        "Add" => one.checked_add(other),
        "Sub" => one.checked_sub(other),
        "Mul" => one.checked_mul(other),
        "Div" => one.checked_div(other),
        "Min" => Some(one.min(other)),
        "Max" => Some(one.max(other)),
        // Of the divisor's sign, as in Python; the other kind is asked for by `fmod`.
        "Mod" if one >= 0 && other > 0 => one.checked_rem(other),
        _ => None,
    };
    let (dims, ints) = pairs((left, &left.to_ints()?), (right, &right.to_ints()?), apply)?;
    Value::ints(left.data_type, dims, &ints)
}

fn comparison(call: &Call<'_>) -> Option<Value> {
    let (left, right) = (call.input(0)?, call.input(1)?);
    let operator = call.node.op_type();
    let holds = |order: Option<std::cmp::Ordering>| match operator {
        "Equal" => order.is_some_and(std::cmp::Ordering::is_eq),
        "Less" => order.is_some_and(std::cmp::Ordering::is_lt),
        "LessOrEqual" => order.is_some_and(std::cmp::Ordering::is_le),
        "Greater" => order.is_some_and(std::cmp::Ordering::is_gt),
        _ => order.is_some_and(std::cmp::Ordering::is_ge),
    };
    let (dims, ints) = match (left.to_floats(), right.to_floats()) {
        (Some(one), Some(other)) => pairs((left, &one), (right, &other), |one, other| {
            Some(i64::from(holds(one.partial_cmp(&other))))
        })?,
        _ => pairs((left, &left.to_ints()?), (right, &right.to_ints()?), |one, other| {
            Some(i64::from(match operator {
                "And" => one != 0 && other != 0,
                "Or" => one != 0 || other != 0,
                _ => holds(one.partial_cmp(&other)),
            }))
        })?,
    };
    Value::ints(DataType::Bool, dims, &ints)
}

fn unary(call: &Call<'_>, ints: fn(i64) -> Option<i64>, floats: fn(f32) -> Option<f32>) -> Option<Value> {
    let data = call.input(0)?;
    if let Some(values) = data.to_floats() {
        let values: Option<Vec<f32>> = values.into_iter().map(floats).collect();
        return Some(Value::floats(data.dims.clone(), &values?));
    }
    let values: Option<Vec<i64>> = data.to_ints()?.into_iter().map(ints).collect();
    Value::ints(data.data_type, data.dims.clone(), &values?)
}
