//! Shapes of operators that join, cut and pick.

use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::known::dim;
use crate::model::onnx::shape::one;

type Outputs = Option<Vec<Option<Known>>>;

/// `Concat`: lists of values are joined too.
pub(super) fn concat(call: &Call<'_>) -> Outputs {
    let inputs = call.all_inputs()?;
    let first = inputs.first()?;
    let axis = first.axis(call.int("axis", 1))?;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for input in &inputs {
        (input.dims.len() == dims.len()).then_some(())?;
        for (index, size) in input.dims.iter().enumerate() {
            if index == axis {
                dims[axis] = dims[axis].checked_add(*size)?;
            } else {
                (dims[index] == *size).then_some(())?;
            }
        }
    }
    let values: Option<Vec<&[i64]>> = inputs.iter().map(|input| input.ints.as_deref()).collect();
    let ints = values.filter(|_| dims.len() == 1).map(|values| values.concat());
    one(Known::with_ints(first.data_type, dims, ints)?)
}

/// `Split`: by stated sizes, or evenly, the last part smaller.
pub(super) fn split(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let axis = data.axis(call.int("axis", 0))?;
    let parts = call.node.output.len() as u64;
    let sizes: Vec<u64> = match call.list("split", 1)? {
        Some(sizes) => super::values::dims_from(&sizes)?,
        None => {
            let total = data.dims[axis];
            let size = total.div_ceil(parts.max(1));
            (0..parts)
                .map(|part| size.min(total.saturating_sub(size.saturating_mul(part))))
                .collect()
        }
    };
    Some(
        sizes
            .iter()
            .map(|size| {
                let mut dims = data.dims.clone();
                dims[axis] = *size;
                Known::new(data.data_type, dims)
            })
            .collect(),
    )
}

/// `Slice`: bounds clamped, negative ones counted from the end; lists of values are cut too.
pub(super) fn slice(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let starts = call.list("starts", 1)??;
    let ends = call.list("ends", 2)??;
    let axes = match call.list("axes", 3)? {
        Some(axes) => axes
            .iter()
            .map(|axis| data.axis(*axis))
            .collect::<Option<Vec<usize>>>()?,
        None => (0..starts.len()).collect(),
    };
    let steps = if call.has(4) {
        call.input(4)?.ints.clone()?
    } else {
        vec![1; starts.len()]
    };
    (starts.len() == ends.len() && starts.len() == axes.len() && starts.len() == steps.len()).then_some(())?;
    let mut dims = data.dims.clone();
    let mut ints = data.ints.clone();
    for (index, axis) in axes.iter().enumerate() {
        let size = i128::from(*dims.get(*axis)?);
        let step = i128::from(steps[index]);
        let from_end = |value: i64| {
            let value = i128::from(value);
            if value < 0 { value + size } else { value }
        };
        // Stepping back, the bounds are elements rather than the gaps between them.
        let (lowest, highest) = match step {
            0 => return None,
            1.. => (0, size),
            _ => (-1, size - 1),
        };
        let start = from_end(starts[index]).clamp(0, highest.max(0));
        let end = from_end(ends[index]).clamp(lowest, highest.max(lowest));
        let room = if step > 0 { end - start } else { start - end };
        let count = if size == 0 {
            0
        } else {
            ((room + step.abs() - 1) / step.abs()).max(0)
        };
        dims[*axis] = dim(count)?;
        ints = match ints.filter(|_| data.dims.len() == 1) {
            Some(values) => (0..count)
                .map(|position| {
                    usize::try_from(start + position * step)
                        .ok()
                        .and_then(|at| values.get(at).copied())
                })
                .collect(),
            None => None,
        };
    }
    one(Known::with_ints(data.data_type, dims, ints)?)
}

/// `Gather`: the indices' shape takes the place of the axis.
pub(super) fn gather(call: &Call<'_>) -> Outputs {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let axis = data.axis(call.int("axis", 0))?;
    let dims: Vec<u64> = data.dims[..axis]
        .iter()
        .chain(&indices.dims)
        .chain(&data.dims[axis + 1..])
        .copied()
        .collect();
    let ints = match (&data.ints, &indices.ints) {
        (Some(values), Some(indices)) if data.dims.len() == 1 => indices
            .iter()
            .map(|index| values.get(data_index(*index, values.len())?).copied())
            .collect(),
        _ => None,
    };
    one(Known::with_ints(data.data_type, dims, ints)?)
}

fn data_index(index: i64, length: usize) -> Option<usize> {
    super::known::axis_of(index, length)
}

/// `GatherElements`: the shape of the indices.
pub(super) fn gather_elements(call: &Call<'_>) -> Outputs {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    one(indices.of_type(data.data_type))
}

/// `GatherND`: the indices' last axis picks from as many axes of the data.
pub(super) fn gather_nd(call: &Call<'_>) -> Outputs {
    let (data, indices) = (call.input(0)?, call.input(1)?);
    let batch = usize::try_from(call.int("batch_dims", 0)).ok()?;
    let (picked, outer) = indices.dims.split_last()?;
    let from = batch.checked_add(usize::try_from(*picked).ok()?)?;
    let dims = outer.iter().chain(data.dims.get(from..)?).copied().collect();
    one(Known::new(data.data_type, dims)?)
}
