//! MaxPool, AveragePool and the global ones.
//!
//! Traps: what lies around the data counts as −∞ for MaxPool (PADV2; plain PAD would put zeros there), and for AveragePool counts or not
//! by `count_include_pad`: the format's SAME never counts it. Where the windows at the border hold fewer elements than the operator
//! would divide by, a constant factor for each place puts that right. Global pools are reductions.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::lower::Builder;
use super::super::op::Activation;
use super::super::op::Op;
use super::super::op::Padding;
use super::super::op::Pool;
use super::super::op::Reduction;
use super::Converter;
use super::Outcome;
use super::one;
use super::windows::Windows;
use super::windows::padded;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "MaxPool",
        "MAX_POOL_2D, with PADV2 where SAME and VALID say something else",
        "one or two spatial dimensions, no dilation, and no indices",
        max_pool,
    ),
    Converter::new(
        "AveragePool",
        "AVERAGE_POOL_2D, with PAD and MUL where SAME and VALID say something else",
        "one or two spatial dimensions and no dilation",
        average_pool,
    ),
    Converter::new("GlobalAveragePool", "MEAN", "", |b, call| {
        global(b, call, Reduction::Mean)
    }),
    Converter::new("GlobalMaxPool", "REDUCE_MAX", "", |b, call| {
        global(b, call, Reduction::Max)
    }),
];

fn kernel(call: &Call<'_>) -> Result<[usize; 2], Refusal> {
    match call.sizes("kernel_shape")?.as_deref() {
        Some(&[width]) => Ok([1, width]),
        Some(&[height, width]) => Ok([height, width]),
        _ => Err("its `kernel_shape` is not one of one or two dimensions".into()),
    }
}

fn undilated(windows: &Windows) -> Result<(), Refusal> {
    if windows.dilation != [1, 1] {
        return Err("its windows are dilated".into());
    }
    Ok(())
}

fn max_pool(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.wants(1) {
        return Err("its indices are asked for".into());
    }
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let data = b.windowed(x)?;
    let &[_, high, wide, _] = b.graph.shape(data) else {
        return Err("its data have no windows".into());
    };
    let windows = Windows::of(call, rank - 2, [high, wide], kernel(call)?)?;
    undilated(&windows)?;
    let fit = windows.fit([high, wide]);
    let data = padded(b, data, fit.extra, f32::NEG_INFINITY)?;
    let op = Op::Pool {
        kind: Pool::Max,
        filter: windows.kernel,
        stride: windows.stride,
        padding: fit.padding,
        activation: Activation::None,
    };
    let made = b.push(op, &[data])?;
    let made = b.unwindowed(made, rank)?;
    one(made)
}

fn average_pool(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let data = b.windowed(x)?;
    let &[_, high, wide, _] = b.graph.shape(data) else {
        return Err("its data have no windows".into());
    };
    let size = [high, wide];
    let windows = Windows::of(call, rank - 2, size, kernel(call)?)?;
    undilated(&windows)?;
    let counts_pads = call.int("count_include_pad", 0) != 0;
    let mut fit = windows.fit(size);
    if counts_pads && fit.padding == Padding::Same {
        fit = windows.explicit(size);
    }
    let data = padded(b, data, fit.extra, 0.0)?;
    let op = Op::Pool {
        kind: Pool::Average,
        filter: windows.kernel,
        stride: windows.stride,
        padding: fit.padding,
        activation: Activation::None,
    };
    let mut made = b.push(op, &[data])?;
    if fit.extra.is_some() {
        let area = windows.kernel[0] * windows.kernel[1];
        let high = counted(&windows, 0, high, counts_pads);
        let wide = counted(&windows, 1, wide, counts_pads);
        let factors: Vec<f32> = high
            .iter()
            .flat_map(|high| wide.iter().map(move |wide| area as f32 / (high * wide).max(1) as f32))
            .collect();
        if factors.iter().any(|factor| *factor != 1.0) {
            let factors = b.floats(&[1, high.len(), wide.len(), 1], &factors)?;
            made = b.mul(made, factors)?;
        }
    }
    let made = b.unwindowed(made, rank)?;
    one(made)
}

/// How many elements of that axis count in each window.
fn counted(windows: &Windows, axis: usize, size: usize, counts_pads: bool) -> Vec<usize> {
    let before = windows.before[axis];
    let (first, last) = if counts_pads {
        (0, before + size + windows.after[axis])
    } else {
        (before, before + size)
    };
    let window = |number: usize| {
        let start = number * windows.stride[axis];
        let end = (start + windows.kernel[axis]).min(last);
        end.saturating_sub(start.max(first))
    };
    (0..windows.count[axis]).map(window).collect()
}

fn global(b: &mut Builder<'_>, call: &Call<'_>, kind: Reduction) -> Outcome {
    let x = b.input(call, 0)?;
    let axes = (2..b.rank(x)).collect();
    one(b.push(Op::Reduce { kind, axes, keep: true }, &[x])?)
}
