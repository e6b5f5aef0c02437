//! Operators that move values about, or take some of them, without mixing channels.

use super::layers::integer;
use super::layout::Axis;
use super::layout::Layout;
use super::walk::Found;
use super::walk::Walk;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::variant::edit;

/// Windows over images, one channel at a time.
pub(super) const POOLING: &[&str] = &[
    "AveragePool",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LpPool",
    "MaxPool",
];

/// Reductions along axes.
pub(super) const REDUCING: &[&str] = &[
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

const MIXES: &str = "mixes them, or moves them in a way that is not followed";

fn mixed<T>() -> Result<T, String> {
    Err(MIXES.to_owned())
}

/// The channels of the first input, their axis and the number of axes.
fn known(walk: &Walk<'_>, node: &NodeProto) -> Result<(Layout, usize, usize), String> {
    let layout = walk.first(node)?;
    match layout.axis {
        Axis::Of { axis, rank } => Ok((layout, axis, rank)),
        Axis::Last => mixed(),
    }
}

fn axis_of(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    usize::try_from(axis).ok().filter(|_| axis < rank)
}

/// Axes out of an attribute, or of the constant input at that place; `None` where neither is given.
fn axes(walk: &Walk<'_>, node: &NodeProto, place: usize) -> Result<Option<Vec<i64>>, String> {
    if let Some(attribute) = edit::attribute(node, "axes") {
        return Ok(Some(attribute.ints.clone()));
    }
    if node.input.get(place).is_none_or(String::is_empty) {
        return Ok(None);
    }
    walk.integers(node, place).map(Some).ok_or_else(|| MIXES.to_owned())
}

/// Operators of [`POOLING`].
pub(super) fn pooling(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    if axis == 1 && rank > 2 && !layout.spread {
        Ok(layout)
    } else {
        mixed()
    }
}

/// Operators of [`REDUCING`].
pub(super) fn reduce(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let Some(axes) = axes(walk, node, 1)?.filter(|axes| !axes.is_empty()) else {
        return mixed();
    };
    let layout = walk.first(node)?;
    let Axis::Of { axis, rank } = layout.axis else {
        // Counted from the end, axes are known without the number of all.
        return if axes.iter().all(|axis| *axis < -1) {
            Ok(layout)
        } else {
            mixed()
        };
    };
    let Some(axes) = axes
        .into_iter()
        .map(|axis| axis_of(axis, rank))
        .collect::<Option<Vec<usize>>>()
    else {
        return mixed();
    };
    if axes.contains(&axis) {
        return mixed();
    }
    if integer(node, "keepdims", 1) != 0 {
        return Ok(layout);
    }
    let gone = |below: usize| (0..below).filter(|at| axes.contains(at)).count();
    Ok(layout.along(Axis::Of {
        axis: axis - gone(axis),
        rank: rank - gone(rank),
    }))
}

/// `Flatten`: into two axes.
pub(super) fn flatten(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    match axis_of(integer(node, "axis", 1), rank) {
        Some(first) if first == axis => flat(layout, rank - axis > 1),
        _ => mixed(),
    }
}

fn flat(mut layout: Layout, is_spread: bool) -> Found {
    layout.spread |= is_spread;
    Ok(layout.along(Axis::Of { axis: 1, rank: 2 }))
}

/// `Reshape` to a constant shape: into two axes as `Flatten` does, or of what comes behind the channels.
pub(super) fn reshape(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let Some(shape) = walk.integers(node, 1).filter(|_| integer(node, "allowzero", 0) == 0) else {
        return mixed();
    };
    match shape.as_slice() {
        [0, -1] if axis == 1 => flat(layout, rank > 2),
        // Everything up to the channels is kept, and so are they.
        shape if shape.len() > axis && shape.iter().take(axis + 1).all(|size| *size == 0) && !layout.spread => {
            Ok(layout.along(Axis::Of {
                axis,
                rank: shape.len(),
            }))
        }
        _ => mixed(),
    }
}

/// `Transpose`.
pub(super) fn transpose(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let order: Vec<i64> = match edit::attribute(node, "perm") {
        Some(attribute) => attribute.ints.clone(),
        None => (0..rank as i64).rev().collect(),
    };
    match order.iter().position(|from| *from == axis as i64) {
        Some(axis) if order.len() == rank => Ok(layout.along(Axis::Of { axis, rank })),
        _ => mixed(),
    }
}

/// `Squeeze` of constant axes.
pub(super) fn squeeze(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let axes = axes(walk, node, 1)?.unwrap_or_default();
    let axes: Option<Vec<usize>> = axes.into_iter().map(|axis| axis_of(axis, rank)).collect();
    let Some(axes) = axes.filter(|axes| !axes.is_empty() && !axes.contains(&axis)) else {
        return mixed();
    };
    let gone = |below: usize| (0..below).filter(|at| axes.contains(at)).count();
    Ok(layout.along(Axis::Of {
        axis: axis - gone(axis),
        rank: rank - gone(rank),
    }))
}

/// `Unsqueeze` of constant axes.
pub(super) fn unsqueeze(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let axes = axes(walk, node, 1)?.unwrap_or_default();
    let after = rank + axes.len();
    let Some(axes) = axes
        .into_iter()
        .map(|axis| axis_of(axis, after))
        .collect::<Option<Vec<usize>>>()
    else {
        return mixed();
    };
    // The old axes fill the places that are not new.
    let place = (0..after).filter(|at| !axes.contains(at)).nth(axis);
    match place {
        Some(axis) => Ok(layout.along(Axis::Of { axis, rank: after })),
        None => mixed(),
    }
}

/// `Concat`: of channels, one after the other; along other axes, channels are joined.
pub(super) fn concat(walk: &mut Walk<'_>, node: &NodeProto) -> Found {
    let layouts: Option<Vec<Layout>> = node
        .input
        .iter()
        .map(|input| walk.layouts.get(input.as_str()).cloned())
        .collect();
    let Some(layouts) = layouts else {
        return Err("joins them with something else".to_owned());
    };
    let Some((first, others)) = layouts.split_first() else {
        return mixed();
    };
    let Axis::Of { axis, rank } = first.axis else {
        return mixed();
    };
    if others.iter().any(|other| other.axis != first.axis) || layouts.iter().any(|layout| layout.spread) {
        return mixed();
    }
    let Some(along) = axis_of(integer(node, "axis", 1), rank) else {
        return mixed();
    };
    let fixed = layouts.iter().all(|layout| layout.fixed);
    if along == axis {
        return Ok(Layout {
            parts: layouts.iter().flat_map(|layout| layout.parts.clone()).collect(),
            axis: first.axis,
            spread: false,
            fixed,
        });
    }
    for other in others {
        let alike = |(one, other): (&super::layout::Part, &super::layout::Part)| {
            one.size == other.size && one.repeat == other.repeat
        };
        if other.parts.len() != first.parts.len() || !first.parts.iter().zip(&other.parts).all(alike) {
            return mixed();
        }
    }
    for other in others {
        for (one, other) in first.parts.iter().zip(&other.parts) {
            walk.channels.join(one.set, other.set);
        }
    }
    Ok(Layout { fixed, ..first.clone() })
}

/// `Pad` by constants, not along the channels.
pub(super) fn pad(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let pads = match edit::attribute(node, "pads") {
        Some(attribute) => Some(attribute.ints.clone()),
        None => walk.integers(node, 1),
    };
    let has_axes = node.input.get(3).is_some_and(|axes| !axes.is_empty());
    match pads {
        Some(pads)
            if pads.len() == 2 * rank
                && !has_axes
                && pads.get(axis) == Some(&0)
                && pads.get(axis + rank) == Some(&0) =>
        {
            Ok(layout)
        }
        _ => mixed(),
    }
}

/// `Resize` and `Upsample` by constant factors, not along the channels.
pub(super) fn resize(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let scales = edit::attribute(node, "scales").map(|attribute| attribute.floats.clone());
    // Opset 10 had the factors second, later ones third.
    let scales = scales.or_else(|| {
        [2, 1]
            .iter()
            .find_map(|place| walk.floats(node, *place).filter(|scales| scales.len() == rank))
    });
    match scales {
        Some(scales) if scales.get(axis) == Some(&1.0) && edit::attribute(node, "axes").is_none() => Ok(layout),
        _ => mixed(),
    }
}

/// `Slice` along constant axes other than the channels'.
pub(super) fn slice(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let axes = match axes(walk, node, 3)? {
        Some(axes) => axes,
        // Without axes, the first ones are cut, as many as there are starts.
        None => {
            let starts = edit::attribute(node, "starts").map(|attribute| attribute.ints.len());
            let starts = starts.or_else(|| walk.integers(node, 1).map(|starts| starts.len()));
            (0..starts.unwrap_or(rank) as i64).collect()
        }
    };
    let axes: Option<Vec<usize>> = axes.into_iter().map(|axis| axis_of(axis, rank)).collect();
    match axes {
        Some(axes) if !axes.contains(&axis) => Ok(layout),
        _ => mixed(),
    }
}

/// `Shape`, where only other sizes than the number of channels are taken out of it. Its output has no channels, so that they end here.
pub(super) fn shape(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let (layout, axis, rank) = known(walk, node)?;
    let is_whole = ["start", "end"]
        .iter()
        .all(|name| edit::attribute(node, name).is_none());
    let output = node.output.first().map_or("", String::as_str);
    let harmless = |reader: &&NodeProto| {
        let indices = walk.integers(reader, 1).unwrap_or_default();
        reader.op_type() == "Gather"
            && edit::attribute(reader, "axis").map_or(0, AttributeProto::i) == 0
            && !indices.is_empty()
            && indices
                .iter()
                .all(|index| axis_of(*index, rank).is_some_and(|index| index != axis))
    };
    let readers = walk.readers(output);
    if !is_whole || readers.is_empty() || !readers.iter().all(harmless) {
        return mixed();
    }
    Ok(Layout {
        fixed: true,
        parts: Vec::new(),
        ..layout
    })
}
