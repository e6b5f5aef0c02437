//! Inputs that a model can use: a role for each, sizes for what is free, and values.

use std::collections::BTreeMap;

use super::InputError;
use super::ResolvedSpec;
use super::index_bounds;
use super::resolve_shapes;
use super::role::Role;
use super::synthesize;
use crate::config::Task;
use crate::model::Model;
use crate::model::task;
use crate::model::task::Detected;
use crate::model::tensor::Tensor;

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
}

/// Makes inputs for `model`; the same request makes the same bytes on every platform.
///
/// Errors: a shape that contradicts the model or itself, a free dimension for which nothing sensible is known, a type that cannot
/// be made up.
pub fn make(model: &Model, request: &Request<'_>) -> Result<Made, InputError> {
    let task = task::resolve(request.task, model);
    let specs = resolve_shapes(&model.facts.inputs, request.shapes)?;
    let inputs = synthesize(&specs, &index_bounds(&model.proto), request.seed)?;
    Ok(Made {
        warnings: task.warning().into_iter().collect(),
        roles: specs.iter().map(|spec| (spec.name.clone(), Role::Features)).collect(),
        ladder: Vec::new(),
        task,
        specs,
        inputs,
    })
}
