//! Layers: what makes channels out of channels, and the norms between them.

use super::layout::Axis;
use super::layout::Layout;
use super::layout::repeated;
use super::walk::Constant;
use super::walk::Found;
use super::walk::Role;
use super::walk::Walk;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::variant::edit;

/// True for what has weights that make channels.
pub(super) fn is_layer(node: &NodeProto) -> bool {
    let standard = matches!(node.domain(), "" | "ai.onnx");
    standard && matches!(node.op_type(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul")
}

/// The channels of a layer that must all stay, where it can be told how many there are.
pub(super) fn fixed(walk: &mut Walk<'_>, index: usize, node: &NodeProto, reason: &str) -> Option<Layout> {
    let dims = walk.constant(node, 1)?.dims();
    let group = usize::try_from(integer(node, "group", 1)).ok()?;
    let (size, axis) = match node.op_type() {
        "Conv" => (*dims.first()?, image(dims.len())),
        "ConvTranspose" => (dims.get(1)?.checked_mul(group)?, image(dims.len())),
        "Gemm" => (*dims.get(usize::from(integer(node, "transB", 0) == 0))?, image(2)),
        _ => (*dims.last()?, Axis::Last),
    };
    let layout = walk.fixed(size, axis, &format!("it {reason}"));
    let set = layout.parts.first()?.set;
    walk.made.push((index, set));
    Some(layout)
}

/// `Conv` and `ConvTranspose`. One group: the weights lie along the channels of input and output. A group for each channel: the
/// channels pass through, several times where there are several filters a channel.
pub(super) fn convolution(walk: &mut Walk<'_>, index: usize, node: &NodeProto, transposed: bool) -> Found {
    let weight = weight(walk, node)?;
    let dims = weight.dims();
    let (&[first, second], true) = (&dims.iter().take(2).copied().collect::<Vec<_>>()[..], dims.len() > 2) else {
        return Err("has weights of an unknown form".to_owned());
    };
    let input = walk.input(node, 0);
    if input
        .as_ref()
        .is_some_and(|input| input.axis.second() != Some(dims.len()) || input.spread)
    {
        return Err("reads them along another axis".to_owned());
    }
    let axis = image(dims.len());
    let group = usize::try_from(integer(node, "group", 1)).unwrap_or(0);
    if group == 1 {
        let (inputs, outputs) = if transposed { (first, second) } else { (second, first) };
        let bias = vector(walk, node, 2, outputs)?;
        let before = input.map(|input| fitting(&input, inputs)).transpose()?;
        let set = walk.channels.add(outputs);
        walk.made.push((index, set));
        let layout = Layout::of(set, outputs, axis);
        walk.cut(index, 1, usize::from(transposed), layout.parts.clone(), Role::Makes);
        if let Some(before) = before {
            walk.cut(index, 1, usize::from(!transposed), before, Role::Reads);
        }
        if bias {
            walk.cut(index, 2, 0, layout.parts.clone(), Role::Follows);
        }
        return Ok(layout);
    }
    let times = if transposed {
        1
    } else {
        first.checked_div(group).unwrap_or(0)
    };
    let is_depthwise = second == 1 && group > 0 && times.checked_mul(group) == Some(first) && times > 0;
    let Some(input) = input.filter(|_| is_depthwise) else {
        return Err("has groups of channels".to_owned());
    };
    let bias = vector(walk, node, 2, first)?;
    let before = fitting(&input, group)?;
    let parts = repeated(&before, times);
    walk.cut(index, 1, 0, parts.clone(), Role::Filters);
    if bias {
        walk.cut(index, 2, 0, parts.clone(), Role::Follows);
    }
    walk.grouped.push((index, before));
    Ok(Layout { parts, axis, ..input })
}

/// `Gemm` with constant weights.
pub(super) fn gemm(walk: &mut Walk<'_>, index: usize, node: &NodeProto) -> Found {
    let weight = weight(walk, node)?;
    let turned = integer(node, "transB", 0) != 0;
    let &[first, second] = weight.dims().as_slice() else {
        return Err("has weights of an unknown form".to_owned());
    };
    if integer(node, "transA", 0) != 0 {
        return Err("reads them along another axis".to_owned());
    }
    let (inputs, outputs) = if turned { (second, first) } else { (first, second) };
    let bias = match node.input.get(2).filter(|name| !name.is_empty()) {
        None => None,
        Some(_) => {
            let constant = walk
                .constant(node, 2)
                .ok_or_else(|| "adds something computed".to_owned())?;
            let dims = constant.dims();
            let last = dims.last().copied().unwrap_or(1);
            if last != outputs && last != 1 {
                return Err("has a bias of an unknown form".to_owned());
            }
            (last == outputs)
                .then(|| dims.len().saturating_sub(1))
                .filter(|_| !dims.is_empty())
        }
    };
    let before = contracted(walk, node, inputs)?;
    let set = walk.channels.add(outputs);
    walk.made.push((index, set));
    let layout = Layout::of(set, outputs, image(2));
    walk.cut(index, 1, usize::from(!turned), layout.parts.clone(), Role::Makes);
    if let Some(before) = before {
        walk.cut(index, 1, usize::from(turned), before, Role::Reads);
    }
    if let Some(axis) = bias {
        walk.cut(index, 2, axis, layout.parts.clone(), Role::Follows);
    }
    Ok(layout)
}

/// `MatMul` by a constant matrix.
pub(super) fn product(walk: &mut Walk<'_>, index: usize, node: &NodeProto) -> Found {
    let weight = weight(walk, node)?;
    let &[inputs, outputs] = weight.dims().as_slice() else {
        return Err("has weights of an unknown form".to_owned());
    };
    let before = contracted(walk, node, inputs)?;
    let axis = match walk.input(node, 0).map(|input| input.axis) {
        Some(Axis::Of { rank, .. }) => Axis::Of {
            axis: rank.saturating_sub(1),
            rank,
        },
        Some(Axis::Last) | None => Axis::Last,
    };
    let set = walk.channels.add(outputs);
    walk.made.push((index, set));
    let layout = Layout::of(set, outputs, axis);
    walk.cut(index, 1, 1, layout.parts.clone(), Role::Makes);
    if let Some(before) = before {
        walk.cut(index, 1, 0, before, Role::Reads);
    }
    Ok(layout)
}

/// Norms with vectors along the second axis and statistics for each channel alone.
pub(super) fn norm(walk: &mut Walk<'_>, index: usize, node: &NodeProto, places: &[usize]) -> Found {
    let input = walk.first(node)?;
    if input.axis.second().is_none() || input.spread {
        return Err("reads them along another axis".to_owned());
    }
    for place in places {
        if !vector(walk, node, *place, input.length())? {
            return Err("has statistics of an unknown form".to_owned());
        }
    }
    for place in places {
        walk.cut(index, *place, 0, input.parts.clone(), Role::Follows);
    }
    Ok(input)
}

fn image(rank: usize) -> Axis {
    Axis::Of { axis: 1, rank }
}

/// The weights of a layer: a constant of its own.
fn weight<'a>(walk: &Walk<'a>, node: &NodeProto) -> Result<Constant<'a>, String> {
    let constant = walk
        .constant(node, 1)
        .ok_or_else(|| "has weights that are computed".to_owned())?;
    // Beside a dimension of 0 another may be of any size.
    if constant.tensor.dims.iter().any(|dim| *dim < 1) {
        Err("has no weights".to_owned())
    } else if constant.alone {
        Ok(constant)
    } else {
        Err("shares its weights with others".to_owned())
    }
}

/// Whether there is a vector of that length at that place; an error where something else is.
fn vector(walk: &Walk<'_>, node: &NodeProto, place: usize, length: usize) -> Result<bool, String> {
    if node.input.get(place).is_none_or(String::is_empty) {
        return Ok(false);
    }
    match walk.constant(node, place) {
        Some(constant) if constant.dims() == [length] => Ok(true),
        _ => Err("has a bias or statistics that are computed or of an unknown form".to_owned()),
    }
}

fn fitting(input: &Layout, length: usize) -> Result<Vec<super::layout::Part>, String> {
    input
        .expanded(length)
        .ok_or_else(|| format!("reads {length} of them, not {}", input.length()))
}

/// The channels along the axis that a product of matrices sums over.
fn contracted(walk: &Walk<'_>, node: &NodeProto, length: usize) -> Result<Option<Vec<super::layout::Part>>, String> {
    let Some(input) = walk.input(node, 0) else {
        return Ok(None);
    };
    if !input.axis.is_last() {
        return Err("reads them along another axis".to_owned());
    }
    fitting(&input, length).map(Some)
}

/// An attribute that is an integer.
pub(super) fn integer(node: &NodeProto, name: &str, default: i64) -> i64 {
    edit::attribute(node, name).map_or(default, AttributeProto::i)
}
