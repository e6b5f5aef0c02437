//! Slice: SLICE where every step is 1, else STRIDED_SLICE.

use super::super::call::Call;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

/// The end of 32-bit exporters.
const INT32_MAX: i64 = i32::MAX as i64;

pub(super) const CONVERTERS: &[Converter] = &[Converter::new(
    "Slice",
    "SLICE, STRIDED_SLICE",
    "bounds that follow from the inputs' shapes",
    slice,
)];

fn slice(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let (starts, ends) = (call.needed("starts", 1)?, call.needed("ends", 2)?);
    let axes = call
        .list("axes", 3)?
        .unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.list("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if starts.len() != ends.len() || starts.len() != axes.len() || starts.len() != steps.len() {
        return Err("its bounds, axes and steps are not equally many".into());
    }
    let mut begin = vec![0_i64; shape.len()];
    let mut strides = vec![1_i64; shape.len()];
    let mut size = shape.clone();
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = super::super::call::axis(*axis, shape.len())?;
        let dim = shape.get(axis).copied().unwrap_or(0) as i64;
        if *step == 0 {
            return Err("it has a step of 0".into());
        }
        let (low, high) = if *step > 0 { (0, dim) } else { (-1, dim - 1) };
        let bound = |value: i64| if value < 0 { value.saturating_add(dim) } else { value };
        let first = bound(*start).max(low.max(0)).min(high);
        // The largest integers mean as far as the data go, in either direction.
        let last = match *end {
            i64::MAX | INT32_MAX if *step < 0 => -1,
            end => bound(end).clamp(low, high),
        };
        let count = if *step > 0 { last - first } else { first - last };
        let count = count.max(0).unsigned_abs().div_ceil(step.unsigned_abs()) as usize;
        let step = if count > 1 { *step } else { 1 };
        if let (Some(begin), Some(stride), Some(size)) =
            (begin.get_mut(axis), strides.get_mut(axis), size.get_mut(axis))
        {
            (*begin, *stride, *size) = (first.max(0), step, count);
        }
    }
    if size == shape && strides.iter().all(|step| *step == 1) {
        return one(x);
    }
    if strides.iter().all(|step| *step == 1) {
        let begin = begin.iter().map(|begin| *begin as usize).collect();
        return one(b.push(Op::Slice { begin, size }, &[x])?);
    }
    one(b.push(Op::StridedSlice { begin, strides, size }, &[x])?)
}
