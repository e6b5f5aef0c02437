//! Inputs that a model can use: a role for each, sizes for what is free, and values.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::InputError;
use super::ResolvedSpec;
use super::bounds::index_bounds;
use super::is_batch;
use super::longest::longest;
use super::recipe::Recipe;
use super::role::Role;
use super::role::role;
use super::shapes::Wishes;
use super::shapes::resolve_shapes;
use super::sizes;
use super::sizes::Known;
use super::sizes::Lengths;
use super::synthetic;
use super::synthetic::Around;
use crate::config::Task;
use crate::model::Model;
use crate::model::onnx::flow::Flow;
use crate::model::onnx::shown::shown;
use crate::model::task;
use crate::model::task::Confidence;
use crate::model::task::Detected;
use crate::model::task::graph::uses;
use crate::model::task::uses::Kind;
use crate::model::tensor::Dim;
use crate::model::tensor::Tensor;

/// The lengths that models of token sequences are measured with.
const LADDER: [u64; 4] = [16, 64, 128, 256];

/// What a person asks for; everything else follows from the model.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The task; [`Task::Auto`] finds it out.
    pub task: Task,
    /// Whole shapes, by input name.
    pub shapes: &'a BTreeMap<String, Vec<u64>>,
    /// Decides all values.
    pub seed: u64,
    /// The length of sequences, in tokens; 128 by default, less where the model holds less.
    pub sequence: Option<u64>,
    /// The size of batches; 1 by default.
    pub batch: Option<u64>,
}

/// Inputs for one inference, and what they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The task that they were made for.
    pub task: Detected,
    /// The inputs with whole shapes, in the model's order.
    pub specs: Vec<ResolvedSpec>,
    /// Values for `specs`, in the same order.
    pub inputs: Vec<Tensor>,
    /// What each input is for, by name, in the same order.
    pub roles: Vec<(String, Role)>,
    /// What a person should know of how they were made.
    pub warnings: Vec<String>,
    /// The lengths to measure a model of token sequences with, rising; empty where there is no choice.
    pub ladder: Vec<u64>,
    /// The most tokens that the model can tell the places of, where it says so.
    pub longest: Option<u64>,
    /// The length that these inputs have, where there is a choice.
    pub sequence: Option<u64>,
    /// How their values are made up.
    pub recipe: Recipe,
}

/// Makes inputs for `model`; the same request makes the same bytes on every platform.
///
/// Errors: a shape that contradicts the model or itself, a batch or length that the model cannot take, a free dimension for which
/// nothing sensible is known, a type that cannot be made up.
pub fn make(model: &Model, request: &Request<'_>) -> Result<Made, InputError> {
    let task = task::resolve(request.task, model);
    let flow = model.onnx().map(Flow::of);
    let found = uses(model, flow.as_ref());
    let inputs: Vec<Known<'_>> = model
        .facts
        .inputs
        .iter()
        .zip(&found)
        .map(|(spec, found)| Known {
            spec,
            role: role(spec, found, task.task),
            found,
        })
        .collect();
    let longest = flow
        .as_ref()
        .filter(|_| task.task == Task::Nlp)
        .and_then(|flow| most_tokens(flow, &inputs));
    let mut warnings: Vec<String> = task.warning().into_iter().collect();
    let choice = Choice::of(&inputs, task.task, request)?;
    let wished = request.sequence.or(choice.settled).unwrap_or(sizes::USUAL_SEQUENCE);
    let total = match longest {
        Some(longest) if choice.settled.is_none() && wished > longest => {
            if request.sequence.is_some() {
                warnings.push(format!(
                    "the model holds {longest} tokens at most: measured with these, not {wished}"
                ));
            }
            longest
        }
        _ => wished,
    };
    let lengths = choice.lengths(&inputs, total);
    let usual = sizes::usual(&inputs, task.task, lengths);
    let wishes = Wishes {
        batch: request.batch,
        usual: &usual,
    };
    let specs = resolve_shapes(&model.facts.inputs, request.shapes, &wishes)?;
    warnings.extend(guesses(&inputs, request.shapes, &specs, &choice));
    let around = around(&inputs, &specs, lengths);
    let bounds = model.onnx().map(index_bounds).unwrap_or_default();
    let mut roles = Vec::with_capacity(inputs.len());
    let mut lines = Vec::with_capacity(inputs.len());
    for (input, spec) in inputs.iter().zip(&specs) {
        let table = match input.found.kind {
            Kind::Tokens { rows } | Kind::Category { rows } => Some(rows),
            _ => None,
        };
        let bound = match (bounds.get(&spec.name).copied(), table) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        // Where only the shape says "tokens", an id may well be out of range for what the model really does with it.
        let guessed = task.confidence == Confidence::Low && input.role == Role::TokenIds && bound.is_none();
        let role = if guessed { Role::Zeros } else { input.role };
        let content = synthetic::content(role, spec.element, bound, around);
        lines.push((spec.clone(), content));
        roles.push((spec.name.clone(), role));
    }
    let recipe = Recipe::new(lines)?;
    Ok(Made {
        inputs: recipe.draw(request.seed),
        ladder: choice.ladder(longest),
        sequence: choice.is_free().then_some(total),
        task,
        specs,
        roles,
        warnings,
        longest,
        recipe,
    })
}

/// Which lengths of sequences are possible.
struct Choice {
    /// Where lengths stand, by place of the input and axis; empty for a model without sequences.
    axes: Vec<(usize, usize)>,
    /// The one length that the model or the request leaves.
    settled: Option<u64>,
}

impl Choice {
    fn of(inputs: &[Known<'_>], task: Task, request: &Request<'_>) -> Result<Self, InputError> {
        let axes = sizes::sequence_axes(inputs, task);
        let given = |place: usize, axis: usize| {
            let input = inputs[place].spec;
            if let Some(shape) = request.shapes.get(&input.name) {
                return shape.get(axis).copied();
            }
            match input.dims.as_ref().and_then(|dims| dims.get(axis)) {
                Some(Dim::Fixed(size)) => Some(*size),
                Some(Dim::Symbol(symbol)) => bound_elsewhere(inputs, request.shapes, symbol),
                Some(Dim::Unknown) | None => None,
            }
        };
        // With a past that is free, the tokens that are fed may be fixed and the length is free all the same.
        let (past, tokens): (Vec<_>, Vec<_>) = axes.iter().partition(|(place, _)| inputs[*place].role == Role::Past);
        let fed = tokens.iter().find_map(|(place, axis)| given(*place, *axis));
        let settled = if past.is_empty() {
            fed
        } else {
            let past = past.iter().find_map(|(place, axis)| given(*place, *axis));
            past.map(|past| past.saturating_add(fed.unwrap_or(1)))
        };
        let choice = Self { axes, settled };
        match (request.sequence, choice.settled) {
            (Some(wished), Some(settled)) if wished != settled => Err(InputError::OtherSequence {
                wished,
                why: format!("is fed {settled}, as its inputs or the given shapes say"),
            }),
            (Some(wished), None) if choice.axes.is_empty() => Err(InputError::OtherSequence {
                wished,
                why: format!("takes no sequences of tokens: its task is {}", task.name()),
            }),
            _ => Ok(choice),
        }
    }

    fn is_free(&self) -> bool {
        !self.axes.is_empty() && self.settled.is_none()
    }

    /// The tokens of the past and those that are fed: a model with a past is measured at the step that it exists for, the next token.
    fn lengths(&self, inputs: &[Known<'_>], total: u64) -> Lengths {
        let of_tokens =
            |place: usize, axis: usize| match inputs[place].spec.dims.as_ref().and_then(|dims| dims.get(axis)) {
                Some(Dim::Fixed(size)) => Some(*size),
                _ => None,
            };
        let has_past = self.axes.iter().any(|(place, _)| inputs[*place].role == Role::Past);
        let fed = self
            .axes
            .iter()
            .filter(|(place, _)| inputs[*place].role != Role::Past)
            .find_map(|(place, axis)| of_tokens(*place, *axis));
        Lengths {
            total,
            fed: if has_past { fed.unwrap_or(1).min(total) } else { total },
        }
    }

    fn ladder(&self, longest: Option<u64>) -> Vec<u64> {
        if !self.is_free() {
            return Vec::new();
        }
        let longest = longest.unwrap_or(u64::MAX).max(1);
        let lengths: BTreeSet<u64> = LADDER.iter().map(|length| *length.min(&longest)).collect();
        lengths.into_iter().collect()
    }
}

/// The size that a given shape of another input gives a name.
fn bound_elsewhere(inputs: &[Known<'_>], shapes: &BTreeMap<String, Vec<u64>>, symbol: &str) -> Option<u64> {
    inputs.iter().find_map(|input| {
        let shape = shapes.get(&input.spec.name)?;
        let axis = input
            .spec
            .dims
            .as_ref()?
            .iter()
            .position(|dim| matches!(dim, Dim::Symbol(name) if name == symbol))?;
        shape.get(axis).copied()
    })
}

/// The most tokens that positions are known of.
fn most_tokens(flow: &Flow<'_>, inputs: &[Known<'_>]) -> Option<u64> {
    let of_roles = |wanted: &[Role]| -> BTreeSet<&str> {
        inputs
            .iter()
            .filter(|input| wanted.contains(&input.role))
            .map(|input| input.spec.name.as_str())
            .collect()
    };
    longest(
        flow,
        &of_roles(&[Role::TokenIds]),
        &of_roles(&[Role::TokenTypes, Role::CategoryIds]),
    )
}

/// What was given a usual size because nobody said otherwise.
fn guesses(
    inputs: &[Known<'_>],
    shapes: &BTreeMap<String, Vec<u64>>,
    specs: &[ResolvedSpec],
    choice: &Choice,
) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut guessed = Vec::new();
    for (input, spec) in inputs.iter().zip(specs) {
        if shapes.contains_key(&spec.name) {
            continue;
        }
        for (axis, dim) in input.spec.dims.iter().flatten().enumerate() {
            let size = spec.shape.get(axis).copied().unwrap_or_default();
            match dim {
                _ if is_batch(dim, axis) => {}
                Dim::Symbol(symbol) if bound_elsewhere(inputs, shapes, symbol).is_none() && seen.insert(symbol) => {
                    guessed.push(format!("{} = {size}", shown(symbol)));
                }
                Dim::Unknown => guessed.push(format!("dimension {axis} of {} = {size}", shown(&spec.name))),
                Dim::Fixed(_) | Dim::Symbol(_) => {}
            }
        }
    }
    // Lengths of sequences are no guess: they are what is measured, and stand beside each figure.
    (!guessed.is_empty() && choice.axes.is_empty()).then(|| {
        format!(
            "dimensions that the model leaves open have usual sizes: {}; give others with `inputs` in the config or \
             `--input-shape`",
            guessed.join(", ")
        )
    })
}

/// What inputs say of each other.
fn around(inputs: &[Known<'_>], specs: &[ResolvedSpec], lengths: Lengths) -> Around {
    let mut around = Around {
        past: lengths.past(),
        length: lengths.fed,
        sides: (0, 0),
    };
    for (input, spec) in inputs.iter().zip(specs) {
        match (input.role, spec.shape.as_slice()) {
            (Role::Waveform | Role::Spectrogram, [.., length]) => around.length = *length,
            (Role::TokenIds, [.., length]) => around.length = *length,
            (Role::ImageChannelsFirst, [.., height, width]) => around.sides = (*height, *width),
            (Role::ImageChannelsLast, [.., height, width, _]) => around.sides = (*height, *width),
            _ => {}
        }
    }
    around
}
