//! Resize and Upsample: RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR where they give the same, GATHER for other nearest neighbours.
//!
//! Traps: ONNX has a coordinate mode, a rounding and a scale of its own; the format knows two flags and takes the scale from the sizes.
//! For nearest neighbours the places that ONNX reads are computed and compared with those that the format would read.

use super::super::call::Call;
use super::super::call::bounded;
use super::super::error::Refusal;
use super::super::lower::Builder;
use super::super::lower::floats;
use super::super::op::Op;
use super::super::op::Resize;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "Resize",
        "RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR, GATHER",
        "the mode `nearest` on any axes, and `linear` on height and width with half_pixel, align_corners or asymmetric coordinates",
        resize,
    ),
    Converter::new(
        "Upsample",
        "RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR, GATHER",
        "as Resize, asymmetric",
        resize,
    ),
];

/// One axis: sizes before and after, and the scale that ONNX computes with.
struct Axis {
    from: usize,
    to: usize,
    scale: f32,
}

fn resize(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let upsample = call.node.op_type() == "Upsample";
    let axes = resized(call, &shape, if upsample { 1 } else { 2 })?;
    let mode = call.text("mode", "nearest");
    let default = if upsample { "asymmetric" } else { "half_pixel" };
    let coordinates = call.text("coordinate_transformation_mode", default);
    let changed: Vec<usize> = axes
        .iter()
        .enumerate()
        .filter(|(_, axis)| axis.from != axis.to || axis.scale != 1.0)
        .map(|(at, _)| at)
        .collect();
    if changed.is_empty() {
        return one(x);
    }
    if axes.iter().any(|axis| axis.to == 0) {
        return Err("it leaves no elements".into());
    }
    if call.int("antialias", 0) != 0 || call.int("exclude_outside", 0) != 0 {
        return Err("it smoothes or leaves out what lies outside".into());
    }
    match mode.as_str() {
        "nearest" => {
            let rounding = call.text("nearest_mode", if upsample { "floor" } else { "round_prefer_floor" });
            nearest(b, x, &axes, &changed, &coordinates, &rounding)
        }
        "linear" | "bilinear" => linear(b, x, &axes, &changed, &coordinates),
        mode => Err(format!("its mode is {mode:?}").into()),
    }
}

fn resized(call: &Call<'_>, shape: &[usize], scales: usize) -> Result<Vec<Axis>, Refusal> {
    let chosen = match call.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|axis| super::super::call::axis(*axis, shape.len()))
            .collect::<Result<_, _>>()?,
        None => (0..shape.len()).collect::<Vec<_>>(),
    };
    let mut axes: Vec<Axis> = shape
        .iter()
        .map(|dim| Axis {
            from: *dim,
            to: *dim,
            scale: 1.0,
        })
        .collect();
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch" {
        return Err("it keeps the aspect ratio".into());
    }
    let given = |index: usize| call.has(index) && call.constant(index).is_none_or(|value| value.len() > 0);
    if given(3) {
        let sizes = call.needed("sizes", 3)?;
        for (at, size) in chosen.iter().zip(&sizes) {
            let size = usize::try_from(*size).map_err(|_| Refusal::from("it has a negative size"))?;
            bounded(Some(size))?;
            if let Some(axis) = axes.get_mut(*at) {
                axis.to = size;
                axis.scale = size as f32 / axis.from as f32;
            }
        }
        return Ok(axes);
    }
    let values = call
        .constant(scales)
        .and_then(floats)
        .ok_or("its scales depend on the data")?;
    for (at, scale) in chosen.iter().zip(&values) {
        if !(scale.is_finite() && *scale > 0.0) {
            return Err("it has a scale that is no positive number".into());
        }
        if let Some(axis) = axes.get_mut(*at) {
            axis.to = bounded(Some((axis.from as f32 * scale).floor() as usize))?;
            axis.scale = *scale;
        }
    }
    Ok(axes)
}

/// The place in the data that an element of the output comes from, as ONNX says it.
fn place(axis: &Axis, at: usize, coordinates: &str) -> Option<f32> {
    let (from, to, scale) = (axis.from as f32, axis.to as f32, axis.scale);
    let at = at as f32;
    Some(match coordinates {
        "half_pixel" => (at + 0.5) / scale - 0.5,
        "pytorch_half_pixel" if axis.to == 1 => 0.0,
        "pytorch_half_pixel" => (at + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => {
            let adjusted = to / (from * scale);
            from / 2.0 * (1.0 - adjusted) + (at + 0.5) / scale - 0.5
        }
        "align_corners" if axis.to == 1 => 0.0,
        "align_corners" => at * (from - 1.0) / (to - 1.0),
        "asymmetric" => at / scale,
        _ => return None,
    })
}

fn nearest(
    b: &mut Builder<'_>,
    x: super::super::graph::TensorId,
    axes: &[Axis],
    changed: &[usize],
    coordinates: &str,
    rounding: &str,
) -> Outcome {
    let mut sources: Vec<Vec<usize>> = Vec::with_capacity(changed.len());
    for axis in changed.iter().filter_map(|at| axes.get(*at)) {
        let mut places = Vec::with_capacity(axis.to);
        for at in 0..axis.to {
            let place = place(axis, at, coordinates).ok_or_else(|| format!("its coordinates are {coordinates:?}"))?;
            let rounded = match rounding {
                "floor" => place.floor(),
                "ceil" => place.ceil(),
                "round_prefer_ceil" => (place + 0.5).floor(),
                "round_prefer_floor" => (place - 0.5).ceil(),
                other => return Err(format!("its rounding is {other:?}").into()),
            };
            places.push((rounded.max(0.0) as usize).min(axis.from.saturating_sub(1)));
        }
        sources.push(places);
    }
    let native = axes.len() == 4 && changed.iter().all(|at| *at >= 2);
    let alike = |half_pixel: bool| {
        changed.iter().zip(&sources).all(|(at, sources)| {
            axes.get(*at).is_some_and(|axis| {
                (0..axis.to)
                    .map(|at| formats(axis, at, half_pixel))
                    .eq(sources.iter().copied())
            })
        })
    };
    if let (true, Some(half_pixel)) = (native, [false, true].into_iter().find(|half_pixel| alike(*half_pixel))) {
        let size = [2, 3].map(|at: usize| axes.get(at).map_or(1, |axis| axis.to));
        let data = b.windowed(x)?;
        let op = Op::Resize {
            kind: Resize::Nearest,
            size,
            align_corners: false,
            half_pixel,
        };
        let made = b.push(op, &[data])?;
        return one(b.unwindowed(made, 4)?);
    }
    let mut made = x;
    for (axis, sources) in changed.iter().zip(&sources) {
        let sources: Vec<i32> = sources.iter().map(|source| *source as i32).collect();
        let sources = b.integers(&[sources.len()], &sources)?;
        made = b.push(Op::Gather { axis: *axis }, &[made, sources])?;
    }
    one(made)
}

/// The place that RESIZE_NEAREST_NEIGHBOR reads.
fn formats(axis: &Axis, at: usize, half_pixel: bool) -> usize {
    let scale = axis.from as f32 / axis.to as f32;
    let at = at as f32 + if half_pixel { 0.5 } else { 0.0 };
    ((at * scale).floor() as usize).min(axis.from.saturating_sub(1))
}

fn linear(
    b: &mut Builder<'_>,
    x: super::super::graph::TensorId,
    axes: &[Axis],
    changed: &[usize],
    coordinates: &str,
) -> Outcome {
    let rank = axes.len();
    if !(rank == 3 || rank == 4) || changed.iter().any(|at| *at < 2) {
        return Err("it is linear along other axes than height and width".into());
    }
    let exact = changed
        .iter()
        .filter_map(|at| axes.get(*at))
        .all(|axis| (axis.from as f32 * axis.scale - axis.to as f32).abs() < 1e-3);
    let (align_corners, half_pixel) = match coordinates {
        "align_corners" => (true, false),
        "half_pixel" if exact => (false, true),
        "pytorch_half_pixel" if exact && changed.iter().all(|at| axes.get(*at).is_some_and(|axis| axis.to > 1)) => {
            (false, true)
        }
        "half_pixel_symmetric" if exact => (false, true),
        "asymmetric" if exact => (false, false),
        "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric" | "asymmetric" => {
            return Err("its scale is not the ratio of its sizes, and the format knows no other".into());
        }
        other => return Err(format!("its coordinates are {other:?}").into()),
    };
    let last = axes.last().map_or(1, |axis| axis.to);
    let size = [
        if rank == 4 {
            axes.get(2).map_or(1, |axis| axis.to)
        } else {
            1
        },
        last,
    ];
    let data = b.windowed(x)?;
    let made = b.push(
        Op::Resize {
            kind: Resize::Bilinear,
            size,
            align_corners,
            half_pixel,
        },
        &[data],
    )?;
    one(b.unwindowed(made, rank)?)
}
