//! Conv: CONV_2D, or DEPTHWISE_CONV_2D where every group is one channel.
//!
//! Traps: symmetric pads at stride 2 are not SAME (see [`super::windows`]); weights go from OIHW to OHWI, depthwise ones to 1HWO. A
//! grouped convolution stays one operator: the engine takes the number of groups from the weights' depth. One-dimensional ones
//! get a height of 1.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::lower::Builder;
use super::super::op::Activation;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;
use super::windows::Windows;
use super::windows::padded;

pub(super) const CONVERTERS: &[Converter] = &[Converter::new(
    "Conv",
    "CONV_2D, DEPTHWISE_CONV_2D, with PAD where SAME and VALID say something else",
    "one or two spatial dimensions",
    conv,
)];

fn conv(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, weights) = (b.input(call, 0)?, b.input(call, 1)?);
    let rank = b.rank(x);
    let spatial = rank.saturating_sub(2);
    let weights = match *b.graph.shape(weights) {
        [outputs, depth, width] => b.reshape(weights, &[outputs, depth, 1, width])?,
        _ => weights,
    };
    let &[outputs, depth, height, width] = b.graph.shape(weights) else {
        return Err(format!("its weights have {} dimensions", b.rank(weights)).into());
    };
    let data = b.windowed(x)?;
    let &[_, high, wide, channels] = b.graph.shape(data) else {
        return Err("its data have no windows".into());
    };
    let group = usize::try_from(call.int("group", 1)).unwrap_or(0);
    if group == 0 || depth.checked_mul(group) != Some(channels) || !outputs.is_multiple_of(group) {
        return Err(format!("its weights do not go with {channels} channels in {group} groups").into());
    }
    let windows = Windows::of(call, spatial, [high, wide], [height, width])?;
    let fit = windows.fit([high, wide]);
    let data = padded(b, data, fit.extra, 0.0)?;
    let (stride, dilation, padding) = (windows.stride, windows.dilation, fit.padding);
    let activation = Activation::None;
    let (op, order) = if group > 1 && depth == 1 {
        let multiplier = outputs / group;
        let op = Op::DepthwiseConv {
            stride,
            dilation,
            padding,
            multiplier,
            activation,
        };
        (op, [1, 2, 3, 0])
    } else {
        let op = Op::Conv {
            stride,
            dilation,
            padding,
            activation,
        };
        (op, [0, 2, 3, 1])
    };
    if group > 1 && depth > 1 && b.graph.tensor(weights).data.is_none() {
        return Err(Refusal::new(
            "it is grouped and its weights depend on the data",
            "grouped convolutions with constant weights are supported",
        ));
    }
    let weights = b.transpose(weights, &order)?;
    let mut inputs = vec![data, weights];
    if call.has(2) {
        inputs.push(b.input(call, 2)?);
    }
    let made = b.push(op, &inputs)?;
    let made = b.unwindowed(made, rank)?;
    one(made)
}
