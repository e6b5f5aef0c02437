//! The tensors of two TensorFlow Lite builds that can be compared, found by their names, and copies of builds that yield them.
//!
//! Quantizers of this format keep the name of a tensor that becomes integers. Where they need the same values once more, in floats or
//! on another scale, that is a further tensor behind a `QUANTIZE` or `DEQUANTIZE`; the name of a model's output goes to the one that
//! callers read. So a tensor is looked for by its own name, then by the names of its conversions. A name that two tensors share says
//! nothing, and neither does one that another kind of operator makes: what has only such names stays unmatched.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;

use super::dequantized::Scale;
use super::error::SensitivityError;
use super::sized_by_data::sized_by_data;
use super::spot::Made;
use super::spot::Pair;
use super::spot::Pairs;
use super::spot::Spot;
use super::spot::Way;
use crate::files;
use crate::measure::side::Side;
use crate::model::tflite;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorMap;
use crate::model::tflite::view::element;
use crate::model::tflite::view::places;
use crate::runtime::Artifact;

/// Operators that only move, copy or convert: their outputs say what their inputs said. And those whose outputs are no tensors.
const WITHOUT_WORK: &[BuiltinOperator] = &[
    BuiltinOperator::BROADCAST_TO,
    BuiltinOperator::CAST,
    BuiltinOperator::DENSIFY,
    BuiltinOperator::DEQUANTIZE,
    BuiltinOperator::EXPAND_DIMS,
    BuiltinOperator::FILL,
    BuiltinOperator::QUANTIZE,
    BuiltinOperator::READ_VARIABLE,
    BuiltinOperator::RESHAPE,
    BuiltinOperator::SHAPE,
    BuiltinOperator::SLICE,
    BuiltinOperator::SPLIT,
    BuiltinOperator::SPLIT_V,
    BuiltinOperator::SQUEEZE,
    BuiltinOperator::STRIDED_SLICE,
    BuiltinOperator::TRANSPOSE,
    BuiltinOperator::UNPACK,
    BuiltinOperator::VAR_HANDLE,
    BuiltinOperator::ZEROS_LIKE,
];

/// Operators that are compared first where there are too many.
const HEAVY: &[BuiltinOperator] = &[
    BuiltinOperator::BATCH_MATMUL,
    BuiltinOperator::BIDIRECTIONAL_SEQUENCE_LSTM,
    BuiltinOperator::CONV_2D,
    BuiltinOperator::CONV_3D,
    BuiltinOperator::DEPTHWISE_CONV_2D,
    BuiltinOperator::FULLY_CONNECTED,
    BuiltinOperator::LSTM,
    BuiltinOperator::TRANSPOSE_CONV,
    BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM,
];

/// The graph of a build that is run, read.
pub(super) struct Reading<'a> {
    model: &'a Model,
    graph: &'a SubGraph,
    /// Places of what operators make, by name; `None` for a name that several have.
    named: HashMap<&'a str, Option<usize>>,
    /// What makes a tensor.
    makers: HashMap<usize, &'a Operator>,
    /// What a tensor is converted to by `QUANTIZE` and `DEQUANTIZE`.
    converted: HashMap<usize, Vec<usize>>,
    /// Tensors whose size depends on the data.
    sized_by_data: HashSet<usize>,
}

impl<'a> Reading<'a> {
    /// Reads the graph that is run of `model`.
    pub(super) fn of(model: &'a Model) -> Self {
        let graph = model.entry();
        let mut reading = Self {
            model,
            graph,
            named: HashMap::new(),
            makers: HashMap::new(),
            converted: HashMap::new(),
            sized_by_data: sized_by_data(model, graph),
        };
        for operator in graph.operators() {
            for place in places(operator.outputs()) {
                let name = graph.tensors().get(place).map_or("", Tensor::name);
                if reading.makers.insert(place, operator).is_none() && !name.is_empty() {
                    let known = reading.named.entry(name).or_insert(Some(place));
                    *known = known.filter(|known| *known == place);
                }
            }
            if matches!(
                model.operator(operator),
                BuiltinOperator::QUANTIZE | BuiltinOperator::DEQUANTIZE
            ) {
                for from in places(operator.inputs()) {
                    reading
                        .converted
                        .entry(from)
                        .or_default()
                        .extend(places(operator.outputs()));
                }
            }
        }
        reading
    }

    /// The tensors of numbers that operators make by work, in their order. Bodies of branches and loops are not looked into.
    pub(super) fn tensors(&self) -> Vec<Made> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (number, operator) in self.graph.operators().iter().enumerate() {
            let kind = self.model.operator(operator);
            if WITHOUT_WORK.contains(&kind) {
                continue;
            }
            let op_type = self.model.operator_name(operator);
            let unnamed = || format!("{op_type} #{number}");
            let first = self.graph.written_by(operator, 0).map_or("", Tensor::name);
            for place in places(operator.outputs()) {
                let Some(tensor) = self.graph.tensors().get(place) else {
                    continue;
                };
                let Some(spot) = self.spot(place).filter(|_| seen.insert(place)) else {
                    continue;
                };
                let shown = |name: &str| if name.is_empty() { unnamed() } else { name.to_owned() };
                found.push(Made {
                    tensor: shown(tensor.name()),
                    node: shown(first),
                    op_type: op_type.clone(),
                    bytes: tensor.bytes(),
                    is_heavy: HEAVY.contains(&kind),
                    spot,
                });
            }
        }
        found
    }

    /// How the tensor at `place` is read; `None` of one that holds no numbers to compare.
    fn spot(&self, place: usize) -> Option<Spot> {
        let tensor = self.graph.tensors().get(place)?;
        let scale = Scale::of(tensor);
        if tensor.is_variable
            || self.sized_by_data.contains(&place)
            || !(element(tensor.r#type).is_float() || scale.is_some())
        {
            return None;
        }
        Some(Spot {
            output: format!("{place} {}", tensor.name()),
            way: Way::TfLite(place, scale),
        })
    }

    /// How many tensors of floats are made by work and have no size that is known before.
    pub(super) fn left_out(&self) -> usize {
        let works = |operator: &&Operator| !WITHOUT_WORK.contains(&self.model.operator(operator));
        let outputs = self.graph.operators().iter().filter(works);
        outputs
            .flat_map(|operator| places(operator.outputs()))
            .filter(|place| self.sized_by_data.contains(place))
            .filter_map(|place| self.graph.tensors().get(place))
            .filter(|tensor| element(tensor.r#type).is_float())
            .count()
    }

    /// The names by which the tensor at `place` can be looked for: its own, then those of what it is converted to; each it alone has.
    fn names(&self, place: usize) -> Vec<&'a str> {
        let mut ways = vec![place];
        let mut next = 0;
        while let Some(place) = ways.get(next).copied() {
            next += 1;
            for converted in self.converted.get(&place).into_iter().flatten() {
                if !ways.contains(converted) {
                    ways.push(*converted);
                }
            }
        }
        ways.into_iter()
            .filter_map(|place| {
                let name = self.graph.tensors().get(place)?.name();
                (self.named.get(name) == Some(&Some(place))).then_some(name)
            })
            .collect()
    }

    /// What is called `name` here, and can be compared.
    pub(super) fn find(&self, name: &str) -> Option<(usize, Spot)> {
        let place = self.named.get(name).copied().flatten()?;
        Some((place, self.spot(place)?))
    }

    /// What makes the tensor at `place`, conversions aside.
    fn kind(&self, place: usize) -> Option<BuiltinOperator> {
        let mut place = place;
        // No longer than there are operators, should they go in circles.
        for _ in self.graph.operators() {
            let operator = self.makers.get(&place)?;
            match self.model.operator(operator) {
                BuiltinOperator::QUANTIZE | BuiltinOperator::DEQUANTIZE => place = places(operator.inputs()).next()?,
                kind => return Some(kind),
            }
        }
        None
    }

    /// The sizes that the file states of the tensor at `place`, open ones aside.
    pub(super) fn sizes(&self, place: usize) -> Option<Vec<u64>> {
        self.graph.tensors().get(place)?.fixed()
    }
}

/// The `candidates` of the build `first` with their counterparts in `second`.
pub(super) fn pairs(candidates: Vec<Made>, first: &Reading<'_>, second: &Reading<'_>) -> Pairs {
    let all = candidates.len();
    let pairs: Vec<Pair> = candidates
        .into_iter()
        .filter_map(|before| {
            let Way::TfLite(place, _) = before.spot.way else {
                return None;
            };
            let sizes = first.sizes(place);
            let (name, after) = first.names(place).into_iter().find_map(|name| {
                let (found, spot) = second.find(name)?;
                let fits = match (&sizes, second.sizes(found)) {
                    (Some(before), Some(after)) => super::same_layout(before, &after),
                    _ => true,
                };
                (fits && first.kind(place) == second.kind(found)).then_some((name, spot))
            })?;
            Some(Pair {
                before,
                matched: name.to_owned(),
                after,
            })
        })
        .collect();
    Pairs {
        unmatched: all - pairs.len(),
        left_out: first.left_out(),
        pairs,
    }
}

/// A copy of `model` in the file `path` whose outputs are the tensors at `spots`; run as `side` is.
pub(super) fn with_outputs<'a>(
    side: &Side,
    model: &Model,
    spots: impl Iterator<Item = &'a Spot>,
    path: &Path,
) -> Result<Side, SensitivityError> {
    let mut model = model.clone();
    let entry = model.signature().map_or(0, |signature| signature.subgraph_index);
    let mut outputs: Vec<(i32, String)> = Vec::new();
    for spot in spots {
        if let Way::TfLite(place, _) = spot.way
            && let Ok(place) = i32::try_from(place)
            && outputs.iter().all(|(known, _)| *known != place)
        {
            outputs.push((place, spot.output.clone()));
        }
    }
    let graphs = model.subgraphs.as_deref_mut().unwrap_or_default();
    if let Some(graph) = graphs.get_mut(entry as usize) {
        let mut tensors = graph.tensors.take().unwrap_or_default();
        for (place, name) in &outputs {
            if let Some(tensor) = usize::try_from(*place).ok().and_then(|place| tensors.get_mut(place)) {
                tensor.name = Some(name.clone());
            }
        }
        graph.tensors = Some(tensors);
        graph.outputs = Some(outputs.iter().map(|(place, _)| *place).collect());
    }
    let signatures = model.signature_defs.iter_mut().flatten();
    for signature in signatures.filter(|signature| signature.subgraph_index == entry) {
        let maps = outputs.iter().map(|(place, name)| TensorMap {
            name: Some(name.clone()),
            tensor_index: *place as u32,
        });
        signature.outputs = Some(maps.collect());
    }
    let bytes = tflite::write(&model).map_err(SensitivityError::TooLarge)?;
    files::write_checked(path, &bytes)?;
    Ok(Side {
        artifact: Artifact {
            model: path.to_owned(),
            external: Vec::new(),
        },
        ..side.clone()
    })
}
