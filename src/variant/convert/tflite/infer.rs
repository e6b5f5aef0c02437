//! Types and shapes of what an operator makes. Errors say what does not fit, as a sentence fragment.

use super::graph::Kind;
use super::graph::Tensor;
use super::graph::counted;
use super::op::Op;
use super::op::Padding;
use crate::variant::simplify::value::broadcast;

type Made = (Kind, Vec<usize>);

/// The outputs of `op` on `inputs`.
pub(super) fn infer(op: &Op, inputs: &[&Tensor]) -> Result<Vec<Made>, String> {
    let made = one(op, inputs);
    let wrong = || {
        let shapes: Vec<&[usize]> = inputs.iter().map(|tensor| tensor.shape.as_slice()).collect();
        format!("{} does not go with shapes {shapes:?}", op.name())
    };
    match op {
        Op::Split { axis, sizes } => split(inputs, *axis, sizes).ok_or_else(wrong),
        Op::TopK { k } => top_k(inputs, *k).ok_or_else(wrong),
        _ => made.map(|made| vec![made]).ok_or_else(wrong),
    }
}

fn split(inputs: &[&Tensor], axis: usize, sizes: &[usize]) -> Option<Vec<Made>> {
    let data = inputs.first()?;
    (*data.shape.get(axis)? == sizes.iter().sum::<usize>()).then_some(())?;
    let part = |size: &usize| {
        let mut shape = data.shape.clone();
        *shape.get_mut(axis)? = *size;
        Some((data.kind, shape))
    };
    sizes.iter().map(part).collect()
}

fn top_k(inputs: &[&Tensor], k: usize) -> Option<Vec<Made>> {
    let data = inputs.first()?;
    let mut shape = data.shape.clone();
    let last = shape.last_mut()?;
    (k <= *last).then_some(())?;
    *last = k;
    Some(vec![(data.kind, shape.clone()), (Kind::I32, shape)])
}

fn one(op: &Op, inputs: &[&Tensor]) -> Option<Made> {
    let data = *inputs.first()?;
    let shape = &data.shape;
    let other = || inputs.get(1).map(|tensor| tensor.shape.as_slice());
    let made = match op {
        Op::Conv {
            stride,
            dilation,
            padding,
            ..
        } => {
            let (&[batch, height, width, channels], &[outputs, kernel_height, kernel_width, depth]) =
                (shape.as_slice(), other()?)
            else {
                return None;
            };
            (depth > 0 && channels.is_multiple_of(depth)).then_some(())?;
            let high = windows(height, kernel_height, stride[0], dilation[0], *padding)?;
            vec![
                batch,
                high,
                windows(width, kernel_width, stride[1], dilation[1], *padding)?,
                outputs,
            ]
        }
        Op::DepthwiseConv {
            stride,
            dilation,
            padding,
            multiplier,
            ..
        } => {
            let (&[batch, height, width, channels], &[1, kernel_height, kernel_width, outputs]) =
                (shape.as_slice(), other()?)
            else {
                return None;
            };
            (channels.checked_mul(*multiplier)? == outputs).then_some(())?;
            let high = windows(height, kernel_height, stride[0], dilation[0], *padding)?;
            vec![
                batch,
                high,
                windows(width, kernel_width, stride[1], dilation[1], *padding)?,
                outputs,
            ]
        }
        Op::TransposeConv { size, .. } => {
            let (&[batch, _, _, channels], &[outputs, _, _, depth]) = (shape.as_slice(), other()?) else {
                return None;
            };
            (channels == depth).then_some(())?;
            vec![batch, size[0], size[1], outputs]
        }
        Op::FullyConnected { .. } => {
            let (Some((depth, leading)), &[outputs, weights]) = (shape.split_last(), other()?) else {
                return None;
            };
            (*depth == weights).then_some(())?;
            [leading, &[outputs]].concat()
        }
        Op::BatchMatMul { adj_x, adj_y } => matmul(shape, other()?, *adj_x, *adj_y)?,
        Op::Arithmetic(..) => broadcast(shape, other()?)?,
        Op::Binary(binary) => {
            let kind = if binary.is_boolean() { Kind::Bool } else { data.kind };
            return Some((kind, broadcast(shape, other()?)?));
        }
        Op::Unary(_) | Op::LeakyRelu { .. } | Op::Gelu { .. } | Op::Erf | Op::Softmax | Op::LogSoftmax => shape.clone(),
        Op::Cumsum { axis, .. } => {
            shape.get(*axis)?;
            shape.clone()
        }
        Op::LocalResponseNorm { .. } => shape.clone(),
        Op::Select => {
            let (yes, no) = (inputs.get(1)?, inputs.get(2)?);
            return Some((yes.kind, broadcast(&broadcast(shape, &yes.shape)?, &no.shape)?));
        }
        Op::Pool {
            filter,
            stride,
            padding,
            ..
        } => {
            let &[batch, height, width, channels] = shape.as_slice() else {
                return None;
            };
            let high = windows(height, filter[0], stride[0], 1, *padding)?;
            vec![
                batch,
                high,
                windows(width, filter[1], stride[1], 1, *padding)?,
                channels,
            ]
        }
        Op::Reduce { axes, keep, .. } => {
            axes.iter().all(|axis| *axis < shape.len()).then_some(())?;
            let dims = shape.iter().enumerate();
            dims.filter_map(|(axis, dim)| match (axes.contains(&axis), keep) {
                (false, _) => Some(*dim),
                (true, true) => Some(1),
                (true, false) => None,
            })
            .collect()
        }
        Op::ArgExtreme { axis, .. } => {
            shape.get(*axis)?;
            let dims = shape.iter().enumerate().filter(|(at, _)| at != axis);
            return Some((Kind::I32, dims.map(|(_, dim)| *dim).collect()));
        }
        Op::Reshape(to) => (counted(to) == Some(data.elements())).then(|| to.clone())?,
        Op::Transpose(order) => {
            let mut axes = order.clone();
            axes.sort_unstable();
            (axes.len() == shape.len() && axes.into_iter().eq(0..shape.len())).then_some(())?;
            order
                .iter()
                .map(|axis| shape.get(*axis).copied())
                .collect::<Option<_>>()?
        }
        Op::Concat { axis } => {
            let mut dims = shape.clone();
            let along = inputs.iter().map(|tensor| tensor.shape.get(*axis).copied());
            *dims.get_mut(*axis)? = along.sum::<Option<usize>>()?;
            let alike = |tensor: &&Tensor| {
                let pairs = tensor.shape.iter().zip(shape).enumerate();
                tensor.rank() == shape.len() && pairs.into_iter().all(|(at, (one, other))| at == *axis || one == other)
            };
            inputs.iter().all(alike).then_some(dims)?
        }
        Op::Split { .. } | Op::TopK { .. } => return None,
        Op::Slice { begin, size } => {
            let ends = begin.iter().zip(size).map(|(begin, size)| begin.checked_add(*size));
            let within = ends.zip(shape).all(|(end, dim)| end.is_some_and(|end| end <= *dim));
            (within && begin.len() == shape.len() && size.len() == shape.len()).then(|| size.clone())?
        }
        Op::StridedSlice { size, .. } => (size.len() == shape.len()).then(|| size.clone())?,
        Op::Gather { axis } => {
            shape.get(*axis)?;
            let (before, after) = (shape.get(..*axis)?, shape.get(*axis + 1..)?);
            [before, other()?, after].concat()
        }
        Op::GatherNd => {
            let (depth, places) = other()?.split_last()?;
            [places, shape.get(*depth..)?].concat()
        }
        Op::Pad { before, after, .. } | Op::MirrorPad { before, after, .. } => {
            (before.len() == shape.len() && after.len() == shape.len()).then_some(())?;
            let sums = shape.iter().zip(before).zip(after);
            sums.map(|((dim, before), after)| dim.checked_add(*before)?.checked_add(*after))
                .collect::<Option<_>>()?
        }
        Op::Tile(times) => {
            (times.len() == shape.len()).then_some(())?;
            shape
                .iter()
                .zip(times)
                .map(|(dim, times)| dim.checked_mul(*times))
                .collect::<Option<_>>()?
        }
        Op::BroadcastTo(to) => (broadcast(shape, to)? == *to).then(|| to.clone())?,
        Op::Cast(kind) => return Some((*kind, shape.clone())),
        Op::Resize { size, .. } => {
            let &[batch, _, _, channels] = shape.as_slice() else {
                return None;
            };
            vec![batch, size[0], size[1], channels]
        }
        Op::DepthToSpace { block } => {
            let &[batch, height, width, channels] = shape.as_slice() else {
                return None;
            };
            let area = block
                .checked_mul(*block)
                .filter(|area| *area > 0 && channels.is_multiple_of(*area))?;
            vec![
                batch,
                height.checked_mul(*block)?,
                width.checked_mul(*block)?,
                channels / area,
            ]
        }
        Op::SpaceToDepth { block } => {
            let &[batch, height, width, channels] = shape.as_slice() else {
                return None;
            };
            (*block > 0 && height.is_multiple_of(*block) && width.is_multiple_of(*block)).then_some(())?;
            vec![
                batch,
                height / block,
                width / block,
                channels.checked_mul(block.checked_mul(*block)?)?,
            ]
        }
    };
    Some((data.kind, made))
}

/// How many windows fit; `None` for none.
fn windows(size: usize, kernel: usize, stride: usize, dilation: usize, padding: Padding) -> Option<usize> {
    let stride = Some(stride).filter(|stride| *stride > 0)?;
    match padding {
        Padding::Same => Some(size.div_ceil(stride)),
        Padding::Valid => {
            let covered = kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
            Some(size.checked_sub(covered)? / stride + 1)
        }
    }
}

fn matmul(one: &[usize], other: &[usize], adj_x: bool, adj_y: bool) -> Option<Vec<usize>> {
    let (left, matrix) = one.split_at_checked(one.len().checked_sub(2)?)?;
    let (right, by) = other.split_at_checked(other.len().checked_sub(2)?)?;
    let pair = |matrix: &[usize], turned: bool| match (matrix, turned) {
        (&[rows, columns], false) | (&[columns, rows], true) => Some((rows, columns)),
        _ => None,
    };
    let ((rows, depth), (same, columns)) = (pair(matrix, adj_x)?, pair(by, adj_y)?);
    (depth == same).then_some(())?;
    Some([broadcast(left, right)?, vec![rows, columns]].concat())
}
