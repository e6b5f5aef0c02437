//! Pad: PAD for zeros, PADV2 for other values, MIRROR_PAD for reflections; edges and wraps are gathered. Negative pads cut.

use super::super::call::Call;
use super::super::call::bounded;
use super::super::graph::Kind;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[Converter::new(
    "Pad",
    "PAD, PADV2, MIRROR_PAD, GATHER, SLICE",
    "pads that follow from the inputs' shapes, of floats or 32-bit integers with zeros",
    pad,
)];

fn pad(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let mut x = b.input(call, 0)?;
    let shape = b.shape(x);
    let rank = shape.len();
    let pads = call.needed("pads", 1)?;
    let axes = match call.list("axes", 3)? {
        Some(axes) => axes
            .iter()
            .map(|axis| super::super::call::axis(*axis, rank))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    let (heads, tails) = pads
        .split_at_checked(axes.len())
        .ok_or("its pads do not go with its axes")?;
    let (mut before, mut after) = (vec![0_i64; rank], vec![0_i64; rank]);
    for ((axis, head), tail) in axes.iter().zip(heads).zip(tails) {
        if let (Some(before), Some(after)) = (before.get_mut(*axis), after.get_mut(*axis)) {
            (*before, *after) = (*head, *tail);
        }
    }
    if before.iter().chain(&after).any(|pad| *pad < 0) {
        let mut begin = vec![0; rank];
        let mut size = shape.clone();
        for (axis, size) in size.iter_mut().enumerate() {
            let head = before.get(axis).map_or(0, |pad| pad.min(&0).unsigned_abs() as usize);
            let tail = after.get(axis).map_or(0, |pad| pad.min(&0).unsigned_abs() as usize);
            *size = (head.checked_add(tail))
                .and_then(|cut| size.checked_sub(cut))
                .ok_or("its pads cut more than there is")?;
            if let Some(begin) = begin.get_mut(axis) {
                *begin = head;
            }
        }
        x = b.push(Op::Slice { begin, size }, &[x])?;
    }
    let whole = |pads: &[i64]| -> Vec<usize> { pads.iter().map(|pad| (*pad).max(0) as usize).collect() };
    let (before, after) = (whole(&before), whole(&after));
    if before.iter().chain(&after).all(|pad| *pad == 0) {
        return one(x);
    }
    match call.text("mode", "constant").as_str() {
        "constant" => {
            let value = if call.states("value") {
                call.float("value", 0.0)
            } else if call.has(2) {
                call.scalar(2).ok_or("its value depends on the data")?
            } else {
                0.0
            };
            if value != 0.0 && b.kind(x) != Kind::F32 {
                return Err("it pads integers with something other than 0".into());
            }
            one(b.push(Op::Pad { before, after, value }, &[x])?)
        }
        "reflect" => one(b.push(
            Op::MirrorPad {
                before,
                after,
                reflect: true,
            },
            &[x],
        )?),
        mode @ ("edge" | "wrap") => {
            for (axis, (before, after)) in before.iter().zip(&after).enumerate() {
                let size = b.shape(x).get(axis).copied().unwrap_or(0) as i64;
                let padded = before.checked_add(*after);
                if padded == Some(0) || size == 0 {
                    continue;
                }
                bounded(padded.and_then(|padded| padded.checked_add(size as usize)))?;
                let places = -(*before as i64)..size + *after as i64;
                let source = |place: i64| {
                    if mode == "edge" {
                        place.clamp(0, size - 1)
                    } else {
                        place.rem_euclid(size)
                    }
                };
                let places: Vec<i32> = places.map(|place| source(place) as i32).collect();
                let places = b.integers(&[places.len()], &places)?;
                x = b.push(Op::Gather { axis }, &[x, places])?;
            }
            one(x)
        }
        mode => Err(format!("its mode is {mode:?}").into()),
    }
}
