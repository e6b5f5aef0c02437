//! Which operators compute in integers, and the scale of every tensor between them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::hash_map::Entry;

use super::Extent;
use super::operators;
use super::operators::Kernel;
use super::operators::Rule;
use crate::model::onnx::shown::shown;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::VariantError;
use crate::variant::quantize::Params;
use crate::variant::quantize::Scheme;
use crate::variant::quantize::tensor;
use crate::variant::tflite::edit;
use crate::variant::tflite::quantized;

/// The step's name in messages.
pub(super) const STEP: &str = "int8-static";

/// Smaller tables are not worth a conversion of their rows.
const MIN_TABLE: usize = 1024;

/// What an operator in integers is given at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Given {
    /// What it was given before: no floats.
    AsIs,
    /// An activation, or a constant that takes an activation's place, at that scale.
    At(Params),
    /// The weight of a layer.
    Weight,
    /// The bias of a layer.
    Bias,
}

/// An operator in integers.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) kernel: Kernel,
    pub(super) inputs: Vec<Given>,
    /// The scale of each output.
    pub(super) outputs: Vec<Params>,
}

/// The graph, read.
pub(super) struct Reading<'a> {
    pub(super) model: &'a Model,
    pub(super) graph: &'a SubGraph,
    names: Vec<String>,
    /// The operator that makes a tensor.
    makers: HashMap<i32, usize>,
    /// The operators that read it, once for each place.
    readers: HashMap<i32, Vec<usize>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(model: &'a Model, graph: &'a SubGraph) -> Self {
        let mut makers = HashMap::new();
        let mut readers: HashMap<i32, Vec<usize>> = HashMap::new();
        for (number, operator) in graph.operators().iter().enumerate() {
            makers.extend(operator.outputs().iter().map(|index| (*index, number)));
            for index in operator.inputs() {
                readers.entry(*index).or_default().push(number);
            }
        }
        Self {
            model,
            graph,
            names: edit::names(graph),
            makers,
            readers,
        }
    }

    fn tensor(&self, index: i32) -> Option<&'a Tensor> {
        edit::tensor(self.graph, index)
    }

    fn name(&self, index: i32) -> &str {
        let name = usize::try_from(index).ok().and_then(|at| self.names.get(at));
        name.map_or("", String::as_str)
    }

    fn readers(&self, index: i32) -> &[usize] {
        self.readers.get(&index).map(Vec::as_slice).unwrap_or_default()
    }

    fn is_output(&self, index: i32) -> bool {
        self.graph.outputs().contains(&index)
    }

    /// True of a float activation.
    fn flows(&self, index: i32) -> bool {
        self.tensor(index)
            .is_some_and(|tensor| tensor.r#type == TensorType::FLOAT32 && !edit::is_stored(self.model, tensor))
    }

    /// True of a constant of floats.
    fn stands(&self, index: i32) -> bool {
        self.tensor(index)
            .is_some_and(|tensor| tensor.r#type == TensorType::FLOAT32 && edit::is_stored(self.model, tensor))
    }

    fn values(&self, index: i32) -> Option<Vec<f32>> {
        edit::floats(self.model, self.tensor(index)?)
    }

    /// The kernel that `operator` could compute with, or why it has none; `None` of one without floats.
    fn kernel(&self, operator: &Operator) -> Option<Result<Kernel, &'static str>> {
        let floats = |index: &&i32| self.flows(**index) || self.stands(**index);
        let reads: Vec<i32> = operator.inputs().iter().filter(floats).copied().collect();
        let kind = self.model.operator(operator);
        let makes = operator.outputs();
        if kind == BuiltinOperator::DEQUANTIZE || kind == BuiltinOperator::QUANTIZE {
            return None;
        }
        if !reads.iter().chain(makes).any(|index| self.flows(*index)) {
            return None;
        }
        let Some(kernel) = operators::kernel(kind) else {
            return Some(Err("it has no kernel in 8-bit integers, or none that is accurate"));
        };
        if reads.is_empty() || !makes.iter().all(|index| self.flows(*index)) {
            return Some(Err("not all of its tensors are 32-bit floats"));
        }
        let used = operator
            .inputs()
            .iter()
            .chain(makes)
            .filter_map(|index| self.tensor(*index));
        if used.into_iter().any(|tensor| tensor.is_variable) || !operator.intermediates().is_empty() {
            return Some(Err("it keeps a state between runs"));
        }
        if !operators::clips(operators::activation(operator.builtin_options.as_ref())) {
            return Some(Err("its fused activation has no equal in integers"));
        }
        if let Err(reason) = self.constants(operator, kind, &kernel) {
            return Some(Err(reason));
        }
        Some(Ok(kernel))
    }

    /// Looks whether constants are where the kernel wants them, and can be put into integers.
    fn constants(&self, operator: &Operator, kind: BuiltinOperator, kernel: &Kernel) -> Result<(), &'static str> {
        if let Some(layer) = kernel.layer {
            let at = |place: usize| operator.inputs().get(place).copied().unwrap_or(-1);
            let weight = self
                .values(at(layer.weight))
                .ok_or("its weights are no plain constants")?;
            let shape = self.tensor(at(layer.weight)).map(edit::shape).unwrap_or_default();
            let channels = shape
                .get(layer.axis)
                .copied()
                .ok_or("its weights have too few dimensions")?;
            if !quantized::are_plain(&weight) {
                return Err("its weights are not finite, or masks beyond 1e9");
            }
            if at(layer.bias) >= 0 {
                let bias = self.values(at(layer.bias)).ok_or("its bias is no plain constant")?;
                if bias.len() != channels || !quantized::are_plain(&bias) {
                    return Err("its bias is not finite, or not one value a channel");
                }
            }
            return Ok(());
        }
        for index in operator.inputs().iter().filter(|index| self.stands(**index)) {
            let values = self.values(*index).ok_or("a constant that it reads is no plain one")?;
            let pads = kind == BuiltinOperator::PADV2 && values.iter().all(|value| !value.is_nan());
            if !pads && !quantized::are_plain(&values) {
                return Err("a constant that it reads is a mask beyond 1e9, or not finite");
            }
        }
        Ok(())
    }

    /// The float activations that operators with a kernel read or make, in the order in which they come to be.
    pub(super) fn observed(&self) -> Vec<i32> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for operator in self.graph.operators() {
            if matches!(self.kernel(operator), Some(Ok(_))) {
                let tensors = operator.inputs().iter().chain(operator.outputs());
                found.extend(tensors.filter(|index| self.flows(**index) && seen.insert(**index)));
            }
        }
        found
    }

    /// The operators with weights that have a kernel, by the names of what they make.
    pub(super) fn products(&self) -> Vec<String> {
        let has_weights = |operator: &&Operator| {
            let kernel = self.kernel(operator).and_then(Result::ok);
            kernel.is_some_and(|kernel| kernel.layer.is_some())
        };
        let operators = self.graph.operators().iter().filter(has_weights);
        operators
            .filter_map(|operator| Some(self.known_as(*operator.outputs().first()?)))
            .collect()
    }

    /// True of an operator that looks rows up in a large constant.
    fn is_table(&self, operator: &Operator) -> bool {
        let table = operator.inputs().first().copied().unwrap_or(-1);
        let elements = self.tensor(table).and_then(edit::elements).unwrap_or(0);
        self.model.operator(operator) == BuiltinOperator::GATHER && self.stands(table) && elements >= MIN_TABLE
    }

    /// Activations that may hold masks: what comes of a constant far below everything else, up to where values of any size are brought
    /// into a range. Their observed ranges say nothing of that.
    fn masked(&self) -> HashSet<i32> {
        let mut found = HashSet::new();
        for operator in self.graph.operators() {
            let kind = self.model.operator(operator);
            // What is padded with the least value is read by a maximum.
            let reads = kind != BuiltinOperator::PADV2
                && operator.inputs().iter().any(|index| {
                    let values = self.stands(*index).then(|| self.values(*index)).flatten();
                    found.contains(index) || values.is_some_and(|values| quantized::has_mask(&values))
                });
            if reads && !operators::ends_masks(kind) {
                found.extend(operator.outputs().iter().filter(|index| self.flows(**index)));
            }
        }
        found
    }

    /// The tensor's name, as [`Evidence`] has it.
    pub(super) fn known_as(&self, index: i32) -> String {
        self.name(index).to_owned()
    }
}

/// The plan: a step for each operator that computes in integers.
pub(super) fn plan(
    reading: &Reading<'_>,
    evidence: &Evidence,
    extent: Extent,
    account: &mut Account,
) -> Result<Vec<Option<Step>>, VariantError> {
    let chosen = choose(reading, evidence, extent, account);
    let scales = Scales {
        reading,
        evidence,
        chosen: &chosen,
    };
    let wanted = scales.wanted()?;
    scales.steps(&wanted)
}

/// The kernels of the operators that compute in integers.
fn choose(reading: &Reading<'_>, evidence: &Evidence, extent: Extent, account: &mut Account) -> Vec<Option<Kernel>> {
    let mut possible: Vec<Option<Kernel>> = Vec::new();
    let masked = reading.masked();
    let mut faster = BTreeMap::<&str, usize>::new();
    let mut has_kept_product = false;
    for operator in reading.graph.operators() {
        let kind = reading.model.operator(operator);
        let mut leave = |reason: &str| {
            edit::leave(account, reading.model, reading.graph, operator, reason);
            None
        };
        let tensors = || operator.inputs().iter().chain(operator.outputs());
        let wild = |index: &&i32| {
            let range = evidence.ranges.get(reading.name(**index));
            reading.flows(**index) && range.is_some_and(|range| !quantized::are_plain(&[range.min, range.max]))
        };
        let named = operator
            .outputs()
            .iter()
            .find_map(|index| evidence.in_float.get(reading.name(*index)));
        possible.push(match (reading.kernel(operator), named) {
            (None, _) => None,
            (Some(Err(reason)), _) => leave(reason),
            (Some(Ok(kernel)), Some(reason)) => {
                has_kept_product |= kernel.layer.is_some();
                leave(reason)
            }
            (Some(Ok(_)), None) if tensors().any(|index| masked.contains(index)) => {
                leave("it carries a mask, which integers cannot keep apart from other values")
            }
            (Some(Ok(_)), None) if extent == Extent::Faster && operators::is_better_in_floats(kind) => {
                *faster.entry(kind.name().unwrap_or_default()).or_default() += 1;
                None
            }
            (Some(Ok(_)), None) if tensors().any(|index| wild(&index)) => {
                leave("one of its tensors takes values beyond 1e9, or none that are finite")
            }
            (Some(Ok(kernel)), None) => Some(kernel),
        });
    }
    if !faster.is_empty() {
        let counts: Vec<String> = faster.iter().map(|(name, count)| format!("{count} {name}")).collect();
        account.note(format!(
            "{STEP}: in floats stay {}, which engines compute faster and more accurately so",
            counts.join(", ")
        ));
    }
    let mut chosen = settle(reading, &possible);
    if extent == Extent::Faster {
        drop_islands(reading, &mut chosen, has_kept_product);
    }
    chosen
}

/// Leaves out groups of operators without a product among them: between conversions they would be slower than in floats, and less
/// accurate. In a model without products at all nothing is left out; in one whose products were all kept in floats, everything is.
fn drop_islands(reading: &Reading<'_>, chosen: &mut [Option<Kernel>], has_kept_product: bool) {
    let operators = reading.graph.operators();
    let is_product = |number: &usize| {
        let operator = operators.get(*number);
        let kind = operator.map(|operator| reading.model.operator(operator));
        let has_layer = chosen
            .get(*number)
            .is_some_and(|kernel| kernel.is_some_and(|kernel| kernel.layer.is_some()));
        has_layer || kind == Some(BuiltinOperator::BATCH_MATMUL)
    };
    let all: BTreeSet<usize> = (0..chosen.len())
        .filter(|number| chosen.get(*number).is_some_and(Option::is_some))
        .collect();
    if !has_kept_product && !all.iter().any(&is_product) {
        return;
    }
    let mut seen = HashSet::new();
    let mut islands = Vec::new();
    for start in &all {
        let mut group = Vec::new();
        let mut next = vec![*start];
        while let Some(number) = next.pop() {
            if !all.contains(&number) || !seen.insert(number) {
                continue;
            }
            group.push(number);
            if let Some(operator) = operators.get(number) {
                let makers = operator.inputs().iter().filter_map(|index| reading.makers.get(index));
                let readers = operator.outputs().iter().flat_map(|index| reading.readers(*index));
                next.extend(makers.chain(readers));
            }
        }
        if !group.iter().any(&is_product) {
            islands.extend(group);
        }
    }
    // A table of embeddings is worth it for its size.
    islands.retain(|number| {
        !operators
            .get(*number)
            .is_some_and(|operator| reading.is_table(operator))
    });
    for number in islands {
        if let Some(place) = chosen.get_mut(number) {
            *place = None;
        }
    }
}

/// Leaves out what only moves elements between operators that compute in floats.
fn settle(reading: &Reading<'_>, possible: &[Option<Kernel>]) -> Vec<Option<Kernel>> {
    let operators = reading.graph.operators();
    let mut chosen: Vec<Option<Kernel>> = possible
        .iter()
        .zip(operators)
        .map(|(kernel, operator)| kernel.filter(|kernel| !kernel.carries() || reading.is_table(operator)))
        .collect();
    loop {
        let mut changed = false;
        for (number, (operator, kernel)) in operators.iter().zip(possible).enumerate() {
            let is_chosen = |at: &usize| chosen.get(*at).is_some_and(Option::is_some);
            let Some(kernel) = kernel.filter(|_| !is_chosen(&number)) else {
                continue;
            };
            let comes = |index: &i32| match reading.makers.get(index) {
                Some(maker) => is_chosen(maker),
                None => false,
            };
            let goes = |index: &i32| {
                let readers = reading.readers(*index);
                !readers.is_empty() && !reading.is_output(*index) && readers.iter().all(is_chosen)
            };
            let inputs: Vec<i32> = operator
                .inputs()
                .iter()
                .filter(|index| reading.flows(**index))
                .copied()
                .collect();
            let all_come = !inputs.is_empty() && inputs.iter().all(comes);
            if (all_come || operator.outputs().iter().all(goes))
                && let Some(place) = chosen.get_mut(number)
            {
                *place = Some(kernel);
                changed = true;
            }
        }
        if !changed {
            return chosen;
        }
    }
}

/// Finds scales.
struct Scales<'a> {
    reading: &'a Reading<'a>,
    evidence: &'a Evidence,
    chosen: &'a [Option<Kernel>],
}

impl Scales<'_> {
    /// The scale of what a tensor was seen to hold.
    fn own(&self, index: i32) -> Result<Params, VariantError> {
        let name = self.reading.name(index);
        let range = self
            .evidence
            .ranges
            .get(name)
            .ok_or_else(|| VariantError::NotMeasured {
                step: STEP.to_owned(),
                what: format!("the range of tensor {}", shown(name)),
            })?;
        Ok(quantized::activation_params(range.min, range.max))
    }

    fn operators(&self) -> impl DoubleEndedIterator<Item = (&Operator, &Kernel)> {
        let operators = self.reading.graph.operators().iter().zip(self.chosen);
        operators.filter_map(|(operator, kernel)| Some((operator, kernel.as_ref()?)))
    }

    fn flowing<'b>(&'b self, indices: &'b [i32]) -> impl Iterator<Item = i32> + 'b {
        indices.iter().copied().filter(|index| self.reading.flows(*index))
    }

    /// Scales that tensors had better have, since their one reader wants them so and converting them first would gain nothing.
    fn wanted(&self) -> Result<HashMap<i32, Params>, VariantError> {
        let mut wanted: HashMap<i32, Params> = HashMap::new();
        for (operator, kernel) in self.operators().rev() {
            let output = operator.outputs().first().copied().unwrap_or(-1);
            let scale = match kernel.rule {
                Rule::LikeOutput => match wanted.get(&output) {
                    Some(scale) => *scale,
                    None => self.own(output)?,
                },
                Rule::LikeInput => match wanted.get(&output) {
                    Some(scale) => *scale,
                    None => continue,
                },
                Rule::Free | Rule::Fixed(_) => continue,
            };
            for index in self.flowing(operator.inputs()) {
                if self.reading.readers(index).len() == 1 && !self.reading.is_output(index) {
                    wanted.insert(index, scale);
                }
            }
        }
        Ok(wanted)
    }

    /// The steps, with the scales that come about from the inputs on.
    fn steps(&self, wanted: &HashMap<i32, Params>) -> Result<Vec<Option<Step>>, VariantError> {
        let choice = |index: i32| match wanted.get(&index) {
            Some(scale) => Ok(*scale),
            None => self.own(index),
        };
        let mut found: HashMap<i32, Params> = HashMap::new();
        let mut steps = Vec::with_capacity(self.chosen.len());
        for (operator, kernel) in self.reading.graph.operators().iter().zip(self.chosen) {
            let Some(kernel) = *kernel else {
                steps.push(None);
                continue;
            };
            for index in self.flowing(operator.inputs()) {
                if let Entry::Vacant(place) = found.entry(index) {
                    place.insert(choice(index)?);
                }
            }
            let outputs: Vec<Params> = match kernel.rule {
                Rule::Fixed(scale) => operator.outputs().iter().map(|_| scale).collect(),
                Rule::LikeInput => {
                    let first = operator.inputs().iter().find_map(|index| self.current(*index, &found));
                    let scale = first.map_or_else(|| choice(operator.outputs().first().copied().unwrap_or(-1)), Ok)?;
                    operator.outputs().iter().map(|_| scale).collect()
                }
                Rule::Free | Rule::LikeOutput => operator
                    .outputs()
                    .iter()
                    .map(|index| choice(*index))
                    .collect::<Result<_, _>>()?,
            };
            found.extend(operator.outputs().iter().copied().zip(outputs.iter().copied()));
            let inputs = operator.inputs().iter().enumerate();
            let inputs = inputs
                .map(|(place, index)| self.given(operator, &kernel, place, *index, &found, &outputs))
                .collect();
            steps.push(Some(Step {
                kernel,
                inputs,
                outputs,
            }));
        }
        Ok(steps)
    }

    /// The scale that an activation has, or a constant would have.
    fn current(&self, index: i32, found: &HashMap<i32, Params>) -> Option<Params> {
        match found.get(&index) {
            Some(scale) => Some(*scale),
            None if self.reading.stands(index) => {
                let values = self.reading.values(index)?;
                Some(quantized::operand_params(&values))
            }
            None => None,
        }
    }

    fn given(
        &self,
        operator: &Operator,
        kernel: &Kernel,
        place: usize,
        index: i32,
        found: &HashMap<i32, Params>,
        outputs: &[Params],
    ) -> Given {
        match kernel.layer {
            Some(layer) if place == layer.weight => return Given::Weight,
            Some(layer) if place == layer.bias && index >= 0 => return Given::Bias,
            _ => {}
        }
        if !self.reading.flows(index) && !self.reading.stands(index) {
            return Given::AsIs;
        }
        let scale = match kernel.rule {
            Rule::LikeOutput => outputs.first().copied(),
            _ if self.reading.stands(index)
                && self.reading.model.operator(operator) == BuiltinOperator::BATCH_MATMUL =>
            {
                self.reading
                    .values(index)
                    .map(|values| tensor::of_values(&values, Scheme::WEIGHT))
            }
            _ => self.current(index, found),
        };
        scale.map_or(Given::AsIs, Given::At)
    }
}
