//! Operators that change or tell shapes: most become a RESHAPE, or nothing where only the view changes.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::error::Refusal;
use super::super::graph::counted;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::simplify::evaluate::shape_part;
use crate::variant::simplify::value::Value;
use crate::variant::simplify::value::broadcast;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Constant", "a constant", "numbers", unreadable),
    Converter::new(
        "ConstantOfShape",
        "a constant",
        "shapes that follow from the inputs' shapes",
        data_dependent,
    ),
    Converter::new(
        "DepthToSpace",
        "DEPTH_TO_SPACE, or RESHAPE and TRANSPOSE for the mode CRD",
        "",
        depth_to_space,
    ),
    Converter::new(
        "Expand",
        "BROADCAST_TO",
        "shapes that follow from the inputs' shapes",
        expand,
    ),
    Converter::new("Flatten", "RESHAPE", "", flatten),
    Converter::new(
        "Range",
        "a constant",
        "bounds that follow from the inputs' shapes",
        data_dependent,
    ),
    Converter::new(
        "Reshape",
        "RESHAPE",
        "shapes that follow from the inputs' shapes",
        reshape,
    ),
    Converter::new("Shape", "a constant", "", shape),
    Converter::new("Size", "a constant", "", size),
    Converter::new("SpaceToDepth", "SPACE_TO_DEPTH", "", space_to_depth),
    Converter::new("Squeeze", "RESHAPE", "", squeeze),
    Converter::new("Tile", "TILE", "", tile),
    Converter::new(
        "Transpose",
        "TRANSPOSE, or nothing where the layout pass takes it in",
        "",
        transpose,
    ),
    Converter::new("Unsqueeze", "RESHAPE", "", unsqueeze),
];

fn unreadable(_: &mut Builder<'_>, _: &Call<'_>) -> Outcome {
    Err("its value is no tensor of numbers".into())
}

fn data_dependent(_: &mut Builder<'_>, _: &Call<'_>) -> Outcome {
    Err("the shape of its result depends on the data".into())
}

fn shape(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let dims: Vec<i64> = b.shape(x).iter().map(|dim| *dim as i64).collect();
    let value = shape_part(call.node, &dims).ok_or("its bounds make no sense")?;
    Ok(vec![Slot::Constant(value)])
}

fn size(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let count = b.graph.tensor(x).elements() as i64;
    let value = Value::ints(DataType::Int64, Vec::new(), &[count]).ok_or("it is too large")?;
    Ok(vec![Slot::Constant(value)])
}

fn reshape(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let wanted = call.needed("shape", 1)?;
    let from = b.shape(x);
    let literal = call.int("allowzero", 0) != 0;
    let mut open = None;
    let mut dims = Vec::with_capacity(wanted.len());
    for (axis, dim) in wanted.iter().enumerate() {
        dims.push(match dim {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if !literal => *from.get(axis).ok_or("it keeps a dimension that is not there")?,
            dim => usize::try_from(*dim).map_err(|_| Refusal::from("its shape has a negative dimension"))?,
        });
    }
    if let Some(dim) = open.and_then(|axis| dims.get(axis).is_some().then_some(axis)) {
        let known = counted(&dims);
        let count = counted(&from)
            .zip(known)
            .and_then(|(count, known)| count.checked_div(known));
        if let Some(place) = dims.get_mut(dim) {
            *place = count.ok_or("its open dimension cannot be told")?;
        }
    }
    one(b.reshape(x, &dims)?)
}

fn flatten(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let axis = match call.int("axis", 1) {
        axis if axis == shape.len() as i64 => shape.len(),
        axis => super::super::call::axis(axis, shape.len())?,
    };
    let (rows, columns) = shape.split_at_checked(axis).ok_or("its axis lies outside")?;
    one(b.reshape(x, &[rows.iter().product(), columns.iter().product()])?)
}

fn squeeze(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let axes = match call.list("axes", 1)? {
        Some(axes) => call.axes(&axes, shape.len())?,
        None => (0..shape.len()).filter(|axis| shape.get(*axis) == Some(&1)).collect(),
    };
    let kept = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    let kept: Vec<usize> = kept.map(|(_, dim)| *dim).collect();
    one(b.reshape(x, &kept)?)
}

fn unsqueeze(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let axes = call.needed("axes", 1)?;
    let mut rest = b.shape(x).into_iter();
    let rank = rest.len() + axes.len();
    let axes = call.axes(&axes, rank)?;
    let dims: Option<Vec<usize>> = (0..rank)
        .map(|axis| if axes.contains(&axis) { Some(1) } else { rest.next() })
        .collect();
    one(b.reshape(x, &dims.ok_or("it names an axis twice")?)?)
}

fn transpose(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let order = match call.sizes("perm")? {
        Some(order) if !order.is_empty() || rank == 0 => order,
        _ => (0..rank).rev().collect(),
    };
    one(b.transpose(x, &order)?)
}

fn sizes(values: &[i64]) -> Result<Vec<usize>, Refusal> {
    let sizes: Option<Vec<usize>> = values.iter().map(|size| usize::try_from(*size).ok()).collect();
    sizes.ok_or_else(|| "it has a negative size".into())
}

fn expand(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let from = b.shape(x);
    let to = broadcast(&from, &sizes(&call.needed("shape", 1)?)?).ok_or("its shape does not go with its data")?;
    if to == from {
        return one(x);
    }
    // The same rank on both sides, so that passes can follow the axes.
    let full: Vec<usize> = std::iter::repeat_n(1, to.len() - from.len()).chain(from).collect();
    let x = b.reshape(x, &full)?;
    if full == to {
        one(x)
    } else {
        one(b.push(Op::BroadcastTo(to), &[x])?)
    }
}

fn tile(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let times = sizes(&call.needed("repeats", 1)?)?;
    if times.iter().all(|times| *times == 1) {
        return one(x);
    }
    one(b.push(Op::Tile(times), &[x])?)
}

fn block(call: &Call<'_>) -> Result<usize, Refusal> {
    usize::try_from(call.int("blocksize", 0))
        .ok()
        .filter(|block| *block > 0)
        .ok_or_else(|| "it lacks `blocksize`".into())
}

fn depth_to_space(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let block = block(call)?;
    let &[batch, channels, height, width] = b.graph.shape(x) else {
        return Err("its data have not four dimensions".into());
    };
    if call.text("mode", "DCR") == "DCR" {
        let data = b.windowed(x)?;
        let made = b.push(Op::DepthToSpace { block }, &[data])?;
        return one(b.unwindowed(made, 4)?);
    }
    let each = channels.checked_div(block * block).unwrap_or(0);
    let apart = b.reshape(x, &[batch, each, block, block, height, width])?;
    let turned = b.transpose(apart, &[0, 1, 4, 2, 5, 3])?;
    one(b.reshape(turned, &[batch, each, height * block, width * block])?)
}

fn space_to_depth(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let block = block(call)?;
    let data = b.windowed(x)?;
    let made = b.push(Op::SpaceToDepth { block }, &[data])?;
    one(b.unwindowed(made, 4)?)
}
