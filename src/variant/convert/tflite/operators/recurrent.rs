//! LSTM, GRU and RNN, written out step by step.
//!
//! The format's own sequence operators keep their state from one run to the next, give no last cell state and start from zeros alone:
//! written out, a run does what ONNX says and nothing else. The products with the inputs of all steps are one FULLY_CONNECTED.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::call::bounded;
use super::super::error::Refusal;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::lower::floats;
use super::super::op::Activation;
use super::super::op::Op;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;

/// More steps than this are not written out.
const MAX_STEPS: usize = 1024;

const LIMITS: &str =
    "constant weights, the default activations, no clipping, no peepholes, no lengths, at most 1024 steps";

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "GRU",
        "FULLY_CONNECTED, LOGISTIC, TANH and others for each step",
        LIMITS,
        |b, call| {
            recurrent(
                b,
                call,
                Cell::Gru {
                    after: call.int("linear_before_reset", 0) != 0,
                },
            )
        },
    ),
    Converter::new(
        "LSTM",
        "FULLY_CONNECTED, LOGISTIC, TANH and others for each step",
        LIMITS,
        |b, call| recurrent(b, call, Cell::Lstm),
    ),
    Converter::new(
        "RNN",
        "FULLY_CONNECTED, TANH and others for each step",
        LIMITS,
        |b, call| recurrent(b, call, Cell::Rnn),
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// `after`: the reset gate comes after the product, its bias included.
    Gru {
        after: bool,
    },
    Lstm,
    Rnn,
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Self::Gru { .. } => 3,
            Self::Lstm => 4,
            Self::Rnn => 1,
        }
    }
}

/// The constants of one direction.
struct Weights {
    /// [gates · hidden, inputs] and [gates · hidden, hidden].
    inputs: TensorId,
    hidden: TensorId,
    /// [gates · hidden] each: what is added to the product with the inputs, and to the one with the state.
    input_bias: TensorId,
    hidden_bias: Option<TensorId>,
}

fn refused(call: &Call<'_>, cell: Cell) -> Result<(), Refusal> {
    let direction = call.text("direction", "forward");
    let directions = if direction == "bidirectional" { 2 } else { 1 };
    let usual: &[&str] = match cell {
        Cell::Gru { .. } => &["Sigmoid", "Tanh"],
        Cell::Lstm => &["Sigmoid", "Tanh", "Tanh"],
        Cell::Rnn => &["Tanh"],
    };
    let given = call.texts("activations");
    if !given.is_empty()
        && !given
            .iter()
            .map(String::as_str)
            .eq(usual.iter().copied().cycle().take(usual.len() * directions))
    {
        return Err(format!("its activations are {given:?}").into());
    }
    if call.states("clip") || call.int("input_forget", 0) != 0 {
        return Err("it clips, or couples its input and forget gates".into());
    }
    if call.has(7) {
        return Err("it has peepholes".into());
    }
    Ok(())
}

fn recurrent(b: &mut Builder<'_>, call: &Call<'_>, cell: Cell) -> Outcome {
    refused(call, cell)?;
    let mut x = b.input(call, 0)?;
    let batch_first = call.int("layout", 0) != 0;
    if batch_first {
        x = b.transpose(x, &[1, 0, 2])?;
    }
    let &[steps, batch, _] = b.graph.shape(x) else {
        return Err("its data have not three dimensions".into());
    };
    if call.has(4) {
        let lengths = call
            .constant(4)
            .and_then(crate::variant::simplify::value::Value::to_ints);
        if lengths.is_none_or(|lengths| lengths.iter().any(|length| *length != steps as i64)) {
            return Err("its sequences have lengths of their own".into());
        }
    }
    if steps > MAX_STEPS || steps == 0 {
        return Err(format!("it has {steps} steps").into());
    }
    let direction = call.text("direction", "forward");
    let ways: &[bool] = match direction.as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return Err(format!("its direction is {other:?}").into()),
    };
    let hidden = call
        .constant(2)
        .and_then(|value| value.dims.last().copied())
        .ok_or("its weights depend on the data")?;
    let hidden = bounded(Some(hidden))?;
    let (mut all, mut lasts, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for (number, backwards) in ways.iter().enumerate() {
        let weights = weights(b, call, cell, number, ways.len(), hidden)?;
        let state = start(b, call, 5, number, [batch, hidden], batch_first)?;
        let memory = match cell {
            Cell::Lstm => Some(start(b, call, 6, number, [batch, hidden], batch_first)?),
            _ => None,
        };
        let (outputs, last, memory) = run(b, x, cell, &weights, (state, memory), *backwards)?;
        all.push(outputs);
        lasts.push(last);
        cells.extend(memory);
    }
    let mut slots = Vec::new();
    // [steps, directions, batch, hidden], or with the batch first [batch, steps, directions, hidden].
    let mut rows = Vec::with_capacity(all.len() * steps);
    if call.wants(0) {
        for step in 0..steps {
            rows.extend(all.iter().filter_map(|outputs| outputs.get(step)).copied());
        }
        let mut parts = Vec::with_capacity(rows.len());
        for row in rows {
            parts.push(b.reshape(row, &[1, batch, hidden])?);
        }
        let joined = joined(b, &parts)?;
        let mut made = b.reshape(joined, &[steps, ways.len(), batch, hidden])?;
        if batch_first {
            made = b.transpose(made, &[2, 0, 1, 3])?;
        }
        slots.push(Slot::Tensor(made));
    } else {
        slots.extend(lasts.first().map(|last| Slot::Tensor(*last)));
    }
    for ids in [lasts, cells].iter().filter(|ids| !ids.is_empty()) {
        let mut parts = Vec::with_capacity(ids.len());
        for id in ids {
            parts.push(b.reshape(*id, &[1, batch, hidden])?);
        }
        let mut made = joined(b, &parts)?;
        if batch_first {
            made = b.transpose(made, &[1, 0, 2])?;
        }
        slots.push(Slot::Tensor(made));
    }
    Ok(slots)
}

fn joined(b: &mut Builder<'_>, parts: &[TensorId]) -> Result<TensorId, Refusal> {
    match parts {
        [part] => Ok(*part),
        parts => b.push(Op::Concat { axis: 0 }, parts),
    }
}

fn weights(
    b: &mut Builder<'_>,
    call: &Call<'_>,
    cell: Cell,
    number: usize,
    ways: usize,
    hidden: usize,
) -> Result<Weights, Refusal> {
    let rows = cell.gates() * hidden;
    let part = |index: usize, length: Option<usize>| -> Result<Vec<f32>, Refusal> {
        let values = call
            .constant(index)
            .and_then(floats)
            .ok_or("its weights depend on the data")?;
        let each = values.len().checked_div(ways).unwrap_or(0);
        if length.is_some_and(|length| length != each) || each == 0 {
            return Err("its weights do not go with its size".into());
        }
        Ok(values
            .get(number * each..(number + 1) * each)
            .unwrap_or_default()
            .to_vec())
    };
    let inputs = part(1, None)?;
    let width = inputs.len() / rows.max(1);
    let inputs = b.floats(&[rows, width], &inputs)?;
    let size = rows.checked_mul(hidden).ok_or("its weights do not go with its size")?;
    let recurrent = part(2, Some(size))?;
    let recurrent = b.floats(&[rows, hidden], &recurrent)?;
    let both = if call.has(3) {
        part(3, Some(2 * rows))?
    } else {
        vec![0.0; 2 * rows]
    };
    let (of_inputs, of_state) = both
        .split_at_checked(rows)
        .ok_or("its biases do not go with its size")?;
    let (input_bias, hidden_bias) = match cell {
        Cell::Gru { .. } => (of_inputs.to_vec(), Some(b.floats(&[rows], of_state)?)),
        _ => (
            of_inputs.iter().zip(of_state).map(|(one, other)| one + other).collect(),
            None,
        ),
    };
    let input_bias = b.floats(&[rows], &input_bias)?;
    Ok(Weights {
        inputs,
        hidden: recurrent,
        input_bias,
        hidden_bias,
    })
}

fn start(
    b: &mut Builder<'_>,
    call: &Call<'_>,
    index: usize,
    number: usize,
    size: [usize; 2],
    batch_first: bool,
) -> Result<TensorId, Refusal> {
    let count = bounded(size[0].checked_mul(size[1]))?;
    if !call.has(index) {
        return b.floats(&size, &vec![0.0; count]);
    }
    let zeros = |values: &Vec<f32>| values.iter().all(|value| *value == 0.0);
    if call.constant(index).and_then(floats).as_ref().is_some_and(zeros) {
        return b.floats(&size, &vec![0.0; count]);
    }
    let mut id = b.input(call, index)?;
    if batch_first {
        id = b.transpose(id, &[1, 0, 2])?;
    }
    let op = Op::Slice {
        begin: vec![number, 0, 0],
        size: vec![1, size[0], size[1]],
    };
    let part = if b.shape(id).first() == Some(&1) {
        id
    } else {
        b.push(op, &[id])?
    };
    b.reshape(part, &size)
}

type Ran = (Vec<TensorId>, TensorId, Option<TensorId>);

fn run(
    b: &mut Builder<'_>,
    x: TensorId,
    cell: Cell,
    weights: &Weights,
    start: (TensorId, Option<TensorId>),
    backwards: bool,
) -> Result<Ran, Refusal> {
    let &[steps, batch, _] = b.graph.shape(x) else {
        return Err("its data have not three dimensions".into());
    };
    let (mut state, mut memory) = start;
    let dense = Op::FullyConnected {
        activation: Activation::None,
    };
    let projected = b.push(dense.clone(), &[x, weights.inputs, weights.input_bias])?;
    let rows = b.shape(projected).last().copied().unwrap_or(0);
    let hidden = rows / cell.gates();
    let parts = match steps {
        1 => vec![projected],
        _ => b.push_many(
            Op::Split {
                axis: 0,
                sizes: vec![1; steps],
            },
            &[projected],
        )?,
    };
    let mut outputs = vec![state; steps];
    let order: Vec<usize> = if backwards {
        (0..steps).rev().collect()
    } else {
        (0..steps).collect()
    };
    for step in order {
        let input = parts.get(step).copied().ok_or("a step is missing")?;
        let input = b.reshape(input, &[batch, rows])?;
        let mut product = vec![state, weights.hidden];
        product.extend(weights.hidden_bias);
        let split = |gates: usize| Op::Split {
            axis: 1,
            sizes: vec![hidden; gates],
        };
        match cell {
            Cell::Rnn => {
                let product = b.push(dense.clone(), &product)?;
                let sum = b.add(input, product)?;
                state = b.unary(Unary::Tanh, sum)?;
            }
            Cell::Lstm => {
                let product = b.push(dense.clone(), &product)?;
                let sum = b.add(input, product)?;
                // ONNX's order of the gates: input, output, forget, cell.
                let [input, output, forget, new] = b.push_many(split(4), &[sum])?[..] else {
                    return Err("a gate is missing".into());
                };
                let input = b.unary(Unary::Logistic, input)?;
                let output = b.unary(Unary::Logistic, output)?;
                let forget = b.unary(Unary::Logistic, forget)?;
                let new = b.unary(Unary::Tanh, new)?;
                let kept = b.mul(forget, memory.ok_or("its memory is missing")?)?;
                let taken = b.mul(input, new)?;
                let cell = b.add(kept, taken)?;
                memory = Some(cell);
                let shown = b.unary(Unary::Tanh, cell)?;
                state = b.mul(output, shown)?;
            }
            Cell::Gru { after } => {
                // ONNX's order of the gates: update, reset, hidden.
                let [update_x, reset_x, new_x] = b.push_many(split(3), &[input])?[..] else {
                    return Err("a gate is missing".into());
                };
                let product = b.push(dense.clone(), &product)?;
                let [update_h, reset_h, new_h] = b.push_many(split(3), &[product])?[..] else {
                    return Err("a gate is missing".into());
                };
                let update = b.add(update_x, update_h)?;
                let update = b.unary(Unary::Logistic, update)?;
                let reset = b.add(reset_x, reset_h)?;
                let reset = b.unary(Unary::Logistic, reset)?;
                let gated = if after {
                    b.mul(reset, new_h)?
                } else {
                    reset_first(b, weights, state, reset, hidden)?
                };
                let new = b.add(new_x, gated)?;
                let new = b.unary(Unary::Tanh, new)?;
                // (1 − z) · new + z · state
                let apart = b.sub(state, new)?;
                let moved = b.mul(update, apart)?;
                state = b.add(new, moved)?;
            }
        }
        if let Some(place) = outputs.get_mut(step) {
            *place = state;
        }
    }
    Ok((outputs, state, memory))
}

/// The hidden gate's product with the state that the reset gate let through.
fn reset_first(
    b: &mut Builder<'_>,
    weights: &Weights,
    state: TensorId,
    reset: TensorId,
    hidden: usize,
) -> Result<TensorId, Refusal> {
    let through = b.mul(reset, state)?;
    let last = |id: TensorId, b: &Builder<'_>| -> Vec<f32> {
        let values = b.graph.tensor(id).floats().unwrap_or_default();
        values.get(values.len() / 3 * 2..).unwrap_or_default().to_vec()
    };
    let rows = last(weights.hidden, b);
    let matrix = b.floats(&[hidden, hidden], &rows)?;
    let mut inputs = vec![through, matrix];
    if let Some(bias) = weights.hidden_bias {
        let values = last(bias, b);
        inputs.push(b.floats(&[hidden], &values)?);
    }
    b.push(
        Op::FullyConnected {
            activation: Activation::None,
        },
        &inputs,
    )
}
