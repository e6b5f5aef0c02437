//! ConvTranspose: TRANSPOSE_CONV.
//!
//! Traps: the format's VALID gives every element that a window reaches, so that ONNX's pads become a cut (SLICE) unless SAME says
//! the same; `output_padding` moves the cut's end. Weights go from IOHW to OHWI; dilated ones get their zeros written out; groups become
//! a SPLIT, one convolution each, and a CONCATENATION.

use super::super::call::Call;
use super::super::call::bounded;
use super::super::error::Refusal;
use super::super::graph::Tensor;
use super::super::graph::TensorId;
use super::super::graph::pack_floats;
use super::super::lower::Builder;
use super::super::op::Op;
use super::super::op::Padding;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[Converter::new(
    "ConvTranspose",
    "TRANSPOSE_CONV, with SLICE where SAME and VALID say something else",
    "one or two spatial dimensions and constant weights",
    conv_transpose,
)];

fn pair(values: &[usize], name: &str) -> Result<[usize; 2], Refusal> {
    match *values {
        [width] => Ok([usize::from(name != "pads"), width]),
        [height, width] => Ok([height, width]),
        _ => Err(format!("its `{name}` do not go with its data").into()),
    }
}

fn conv_transpose(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, weights) = (b.input(call, 0)?, b.input(call, 1)?);
    let rank = b.rank(x);
    let spatial = rank.saturating_sub(2);
    if b.graph.tensor(weights).data.is_none() {
        return Err("its weights depend on the data".into());
    }
    let weights = match *b.graph.shape(weights) {
        [depth, outputs, width] => b.reshape(weights, &[depth, outputs, 1, width])?,
        _ => weights,
    };
    let ones = || vec![1; spatial];
    let stride = pair(&call.sizes("strides")?.unwrap_or_else(ones), "strides")?;
    let dilation = pair(&call.sizes("dilations")?.unwrap_or_else(ones), "dilations")?;
    let weights = dilated(b, weights, dilation)?;
    let &[depth, each, height, width] = b.graph.shape(weights) else {
        return Err(format!("its weights have {} dimensions", b.rank(weights)).into());
    };
    let data = b.windowed(x)?;
    let &[batch, high, wide, channels] = b.graph.shape(data) else {
        return Err("its data have no windows".into());
    };
    let group = usize::try_from(call.int("group", 1)).unwrap_or(0);
    if depth != channels || group == 0 || !channels.is_multiple_of(group) || stride.contains(&0) || high * wide == 0 {
        return Err(format!("its weights do not go with {channels} channels in {group} groups").into());
    }
    let kernel = [height, width];
    // What all windows reach.
    let full = [(high - 1) * stride[0] + height, (wide - 1) * stride[1] + width];
    let (begin, size) = cut(call, spatial, [high, wide], stride, full)?;
    let same = (0..2).all(|axis| {
        let count = [high, wide][axis];
        let total = kernel[axis].saturating_sub(stride[axis]);
        size[axis] == count * stride[axis] && begin[axis] == total / 2 && kernel[axis] >= stride[axis]
    });
    let (padding, made_size) = if same {
        (Padding::Same, size)
    } else {
        (Padding::Valid, full)
    };
    let bias = if call.has(2) { Some(b.input(call, 2)?) } else { None };
    let beyond = (0..2).any(|axis| begin[axis] + size[axis] > full[axis]);
    let mut parts = Vec::with_capacity(group);
    let split = |count: usize| vec![count; group];
    let datas = match group {
        1 => vec![data],
        _ => b.push_many(
            Op::Split {
                axis: 3,
                sizes: split(channels / group),
            },
            &[data],
        )?,
    };
    for (number, data) in datas.into_iter().enumerate() {
        let weights = rows(b, weights, number * (channels / group), channels / group)?;
        let weights = b.transpose(weights, &[1, 2, 3, 0])?;
        let mut inputs = vec![data, weights];
        inputs.extend(bias.filter(|_| group == 1 && !beyond));
        parts.push(b.push(
            Op::TransposeConv {
                stride,
                padding,
                size: made_size,
            },
            &inputs,
        )?);
    }
    let mut made = match *parts.as_slice() {
        [part] => part,
        _ => b.push(Op::Concat { axis: 3 }, &parts)?,
    };
    if !same {
        let inner = [0, 1].map(|axis| size[axis].min(full[axis].saturating_sub(begin[axis])));
        if begin != [0, 0] || inner != full {
            let channels = each * group;
            let op = Op::Slice {
                begin: vec![0, begin[0], begin[1], 0],
                size: vec![batch, inner[0], inner[1], channels],
            };
            made = b.push(op, &[made])?;
        }
        if beyond {
            let after = vec![0, size[0] - inner[0], size[1] - inner[1], 0];
            made = b.push(
                Op::Pad {
                    before: vec![0; 4],
                    after,
                    value: 0.0,
                },
                &[made],
            )?;
        }
    }
    if let Some(bias) = bias.filter(|_| group > 1 || beyond) {
        made = b.add(made, bias)?;
    }
    let made = b.unwindowed(made, rank)?;
    one(made)
}

/// Which part of what all windows reach is the output: its begin and its size.
fn cut(
    call: &Call<'_>,
    spatial: usize,
    count: [usize; 2],
    stride: [usize; 2],
    full: [usize; 2],
) -> Result<([usize; 2], [usize; 2]), Refusal> {
    let zeros = || vec![0; spatial];
    let high = |values: &[usize]| match *values {
        [width] => Ok([0, width]),
        [height, width] => Ok([height, width]),
        _ => Err(Refusal::from("its pads do not go with its data")),
    };
    let extra = high(&call.sizes("output_padding")?.unwrap_or_else(zeros))?;
    let auto = call.text("auto_pad", "NOTSET");
    let wanted = call.sizes("output_shape")?.filter(|sizes| !sizes.is_empty());
    let wanted = match wanted {
        Some(sizes) => {
            let pair = high(sizes.get(sizes.len().saturating_sub(spatial)..).unwrap_or_default())?;
            Some(if spatial == 1 { [1, pair[1]] } else { pair })
        }
        None if auto.starts_with("SAME") => Some([count[0] * stride[0], count[1] * stride[1]]),
        None => None,
    };
    if let Some(size) = wanted {
        let mut begin = [0, 0];
        for axis in [0_usize, 1] {
            let total = (full[axis] + extra[axis]).saturating_sub(size[axis]);
            begin[axis] = if auto == "SAME_UPPER" {
                total / 2
            } else {
                total - total / 2
            };
        }
        return Ok((begin, size));
    }
    let pads = call.sizes("pads")?.unwrap_or_else(|| vec![0; 2 * spatial]);
    let (before, after) = pads
        .split_at_checked(spatial)
        .ok_or("its `pads` do not go with its data")?;
    let (before, after) = (high(before)?, high(after)?);
    let mut size = [0, 0];
    for axis in [0_usize, 1] {
        let whole = full[axis] + extra[axis];
        size[axis] = whole
            .checked_sub(before[axis] + after[axis])
            .filter(|size| *size > 0)
            .ok_or("its pads leave nothing")?;
    }
    Ok((before, size))
}

/// Rows `begin..begin + count` of a constant.
fn rows(b: &mut Builder<'_>, id: TensorId, begin: usize, count: usize) -> Result<TensorId, Refusal> {
    let tensor = b.graph.tensor(id).clone();
    let row = tensor.shape.iter().skip(1).product::<usize>() * tensor.kind.width();
    let data = tensor.data.as_ref().filter(|data| (begin + count) * row <= data.len());
    let data = data
        .ok_or("its weights are too short")?
        .slice(begin * row..(begin + count) * row);
    let mut shape = tensor.shape.clone();
    if let Some(first) = shape.first_mut() {
        *first = count;
    }
    Ok(b.graph.add(Tensor {
        shape,
        data: Some(data),
        ..tensor
    })?)
}

/// Weights IOHW with the zeros of a dilation written out.
fn dilated(b: &mut Builder<'_>, id: TensorId, dilation: [usize; 2]) -> Result<TensorId, Refusal> {
    let tensor = b.graph.tensor(id);
    let (&[depth, outputs, height, width], Some(values)) = (tensor.shape.as_slice(), tensor.floats()) else {
        return Err("its weights are no floats of four dimensions".into());
    };
    if dilation == [1, 1] {
        return Ok(id);
    }
    if dilation.contains(&0) || height * width == 0 {
        return Err("its windows have no size".into());
    }
    let [high, wide] = [(height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1];
    let count = [outputs, high, wide]
        .iter()
        .try_fold(depth, |count, size| count.checked_mul(*size));
    let mut spread = vec![0.0; bounded(count)?];
    for (index, value) in values.iter().enumerate() {
        let (plane, row, column) = (index / (height * width), index / width % height, index % width);
        if let Some(place) = spread.get_mut((plane * high + row * dilation[0]) * wide + column * dilation[1]) {
            *place = *value;
        }
    }
    let tensor = Tensor {
        shape: vec![depth, outputs, high, wide],
        data: Some(pack_floats(&spread)),
        ..tensor.clone()
    };
    Ok(b.graph.add(tensor)?)
}
