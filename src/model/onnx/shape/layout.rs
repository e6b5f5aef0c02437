//! Shapes of operators that rearrange, repeat, pad or resample.

use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::known;
use crate::model::onnx::shape::known::axis_of;
use crate::model::onnx::shape::known::dim;
use crate::model::onnx::shape::one;
use crate::model::onnx::shape::values::dims_from;

type Outputs = Option<Vec<Option<Known>>>;

/// The same elements in another shape.
fn reshaped(data: &Known, dims: Vec<u64>) -> Outputs {
    let known = Known::with_ints(data.data_type, dims, data.ints.clone())?;
    (known.elements() == data.elements()).then_some(())?;
    one(known)
}

/// `Reshape`: 0 keeps a dimension (unless `allowzero`), -1 takes what is left.
pub(super) fn reshape(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let target = call.list("shape", 1)??;
    let keep_zero = call.int("allowzero", 0) != 0;
    let mut dims = Vec::with_capacity(target.len());
    let mut open = None;
    for (index, size) in target.iter().enumerate() {
        dims.push(match size {
            -1 if open.replace(index).is_none() => 1,
            0 if !keep_zero => *data.dims.get(index)?,
            size => u64::try_from(*size).ok()?,
        });
    }
    if let Some(open) = open {
        let rest = Known::new(data.data_type, dims.clone())?.elements();
        dims[open] = data.elements().checked_div(rest)?;
    }
    reshaped(data, dims)
}

/// `Flatten`: to a matrix, split before `axis`.
pub(super) fn flatten(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let axis = call.int("axis", 1);
    let split = if axis == data.dims.len() as i64 {
        data.dims.len()
    } else {
        data.axis(axis)?
    };
    let (left, right) = data.dims.split_at(split);
    reshaped(data, vec![left.iter().product(), right.iter().product()])
}

/// `Transpose`: reversed, unless `perm` says otherwise.
pub(super) fn transpose(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let rank = data.dims.len();
    let order: Vec<usize> = match call.ints("perm") {
        Some(order) => order.iter().map(|axis| axis_of(*axis, rank)).collect::<Option<_>>()?,
        None => (0..rank).rev().collect(),
    };
    (order.len() == rank).then_some(())?;
    let dims = order.iter().map(|axis| data.dims[*axis]).collect();
    one(Known::new(data.data_type, dims)?)
}

/// `Squeeze`: drops listed axes, or all of size 1.
pub(super) fn squeeze(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let dropped: Vec<usize> = match call.list("axes", 1)? {
        Some(axes) => axes.iter().map(|axis| data.axis(*axis)).collect::<Option<_>>()?,
        None => (0..data.dims.len()).filter(|axis| data.dims[*axis] == 1).collect(),
    };
    let kept = data.dims.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis));
    reshaped(data, kept.map(|(_, size)| *size).collect())
}

/// `Unsqueeze`: inserts axes of size 1, counted in the result.
pub(super) fn unsqueeze(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let axes = call.list("axes", 1)??;
    let rank = data.dims.len() + axes.len();
    let inserted: Vec<usize> = axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Option<_>>()?;
    let mut sizes = data.dims.iter();
    let dims: Option<Vec<u64>> = (0..rank.min(65))
        .map(|axis| {
            if inserted.contains(&axis) {
                Some(1)
            } else {
                sizes.next().copied()
            }
        })
        .collect();
    reshaped(data, dims?)
}

/// `Expand`: broadcasts to a shape.
pub(super) fn expand(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let target = dims_from(call.input(1)?.ints.as_ref()?)?;
    let dims = known::broadcast(&data.dims, &target)?;
    let known = Known::new(data.data_type, dims.clone())?;
    // A single value is the same however often it stands.
    let count = usize::try_from(known.elements()).ok().filter(|count| *count <= 64);
    let ints = match (data.ints.as_deref(), count) {
        (Some([value]), Some(count)) => Some(vec![*value; count]),
        (ints, _) => ints.filter(|_| dims == data.dims).map(<[i64]>::to_vec),
    };
    one(Known::with_ints(data.data_type, dims, ints)?)
}

/// `Tile`: each axis repeated.
pub(super) fn tile(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let repeats = dims_from(call.input(1)?.ints.as_ref()?)?;
    (repeats.len() == data.dims.len()).then_some(())?;
    let dims = data
        .dims
        .iter()
        .zip(repeats)
        .map(|(size, times)| size.checked_mul(times));
    one(Known::new(data.data_type, dims.collect::<Option<_>>()?)?)
}

/// `Pad`: begin and end of each axis, or of the listed ones.
pub(super) fn pad(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let pads = call.list("pads", 1)??;
    let axes: Vec<usize> = if call.has(3) {
        let axes = call.input(3)?.ints.as_ref()?;
        axes.iter().map(|axis| data.axis(*axis)).collect::<Option<_>>()?
    } else {
        (0..data.dims.len()).collect()
    };
    (pads.len() == axes.len() * 2).then_some(())?;
    let mut dims = data.dims.clone();
    for (index, axis) in axes.iter().enumerate() {
        let added = i128::from(pads[index]) + i128::from(pads[index + axes.len()]);
        dims[*axis] = dim(i128::from(dims[*axis]) + added)?;
    }
    one(Known::new(data.data_type, dims)?)
}

/// `DepthToSpace`: channels become blocks of pixels.
pub(super) fn depth_to_space(call: &Call<'_>) -> Outputs {
    let (data, block) = (call.input(0)?, block(call)?);
    let [batch, channels, height, width] = data.dims.as_slice() else {
        return None;
    };
    let area = block.checked_mul(block)?;
    reshaped(
        &data.without_values(),
        vec![
            *batch,
            channels / area,
            height.checked_mul(block)?,
            width.checked_mul(block)?,
        ],
    )
}

/// `SpaceToDepth`: blocks of pixels become channels.
pub(super) fn space_to_depth(call: &Call<'_>) -> Outputs {
    let (data, block) = (call.input(0)?, block(call)?);
    let [batch, channels, height, width] = data.dims.as_slice() else {
        return None;
    };
    let area = block.checked_mul(block)?;
    reshaped(
        &data.without_values(),
        vec![*batch, channels.checked_mul(area)?, height / block, width / block],
    )
}

fn block(call: &Call<'_>) -> Option<u64> {
    u64::try_from(call.int("blocksize", 0)).ok().filter(|block| *block > 0)
}

/// `Resize` and `Upsample`: by sizes or by scales, which must be constants; rounded down.
pub(super) fn resize(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let stretch_only = matches!(call.text("keep_aspect_ratio_policy"), b"" | b"stretch");
    (stretch_only && call.attribute("axes").is_none()).then_some(())?;
    if call.has(3) {
        let sizes = dims_from(call.input(3)?.ints.as_ref()?)?;
        (sizes.len() == data.dims.len()).then_some(())?;
        return one(Known::new(data.data_type, sizes)?);
    }
    let from_attribute = call.attribute("scales").map(|attribute| attribute.floats.clone());
    // The second input was the scales until operator set 11 put the region of interest there.
    let at = if call.node.op_type() == "Resize" && call.opset >= 11 {
        2
    } else {
        1
    };
    let scales = match from_attribute {
        Some(scales) => scales,
        None => call.input(at)?.floats.clone()?,
    };
    (scales.len() == data.dims.len()).then_some(())?;
    let scaled = data.dims.iter().zip(scales).map(|(size, scale)| {
        let scaled = (*size as f64 * f64::from(scale)).floor();
        (0.0..1e12).contains(&scaled).then_some(scaled as u64)
    });
    one(Known::new(data.data_type, scaled.collect::<Option<_>>()?)?)
}
