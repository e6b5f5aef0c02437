//! DequantizeLinear of constants: weights that are stored in 8 or 4 bits become floats. Quantized models are not converted as such.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::lower::Builder;
use super::super::lower::floats;
use super::Converter;
use super::Outcome;
use crate::variant::simplify::value::Value;

pub(super) const CONVERTERS: &[Converter] = &[Converter::new(
    "DequantizeLinear",
    "a constant of floats",
    "constants of 8 to 32 bits, one scale for all or for each place of an axis",
    dequantize,
)];

fn dequantize(_: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let value = call.constant(0).ok_or("it dequantizes what depends on the data")?;
    let ints = value.to_ints().ok_or("it dequantizes no integers")?;
    let scales = call
        .constant(1)
        .and_then(floats)
        .ok_or("its scales depend on the data")?;
    if call.int("block_size", 0) != 0 {
        return Err("it has a scale for each block".into());
    }
    let zeros = match call.has(2) {
        true => call
            .constant(2)
            .and_then(Value::to_ints)
            .ok_or("its zero points depend on the data")?,
        false => vec![0; scales.len()],
    };
    let after = if scales.len() == 1 {
        1
    } else {
        let axis = call.axis(1, value.dims.len())?;
        if value.dims.get(axis) != Some(&scales.len()) {
            return Err("its scales do not go with its axis".into());
        }
        value.dims.iter().skip(axis + 1).product::<usize>().max(1)
    };
    if zeros.len() != scales.len() || scales.is_empty() {
        return Err("its zero points do not go with its scales".into());
    }
    let place = |index: usize| index / after % scales.len();
    let made: Vec<f32> = ints
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let at = place(index);
            let zero = zeros.get(at).copied().unwrap_or(0);
            value.saturating_sub(zero) as f32 * scales.get(at).copied().unwrap_or(0.0)
        })
        .collect();
    Ok(vec![Slot::Constant(Value::floats(value.dims.clone(), &made))])
}
