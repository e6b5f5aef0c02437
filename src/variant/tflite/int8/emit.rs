//! Writes a plan into the graph: integers in the tensors' places, conversions where integers and floats meet, weights and biases.

use std::collections::HashMap;

use super::operators::Layer;
use super::plan::Given;
use super::plan::Step;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::DequantizeOptions;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::QuantizationParameters;
use crate::model::tflite::schema::QuantizeOptions;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::quantize::Params;
use crate::variant::quantize::bias;
use crate::variant::tflite::edit;
use crate::variant::tflite::edit::Additions;
use crate::variant::tflite::edit::Names;
use crate::variant::tflite::quantized;

/// Versions of the conversions that take and make 8-bit integers.
const QUANTIZE: i32 = 1;
const DEQUANTIZE: i32 = 2;

/// From this product of scales on multiplication needs its version 3.
const LARGE_PRODUCT: f32 = 1.0;

/// A scale, to the bit.
type Key = (u32, i32);

fn key(params: Params) -> Key {
    (params.scale.to_bits(), params.zero_point)
}

/// What a stored constant is told by: buffer, scales, axis.
type ConstantKey = (u32, Vec<Key>, Option<usize>, TensorType);

/// A graph on its way into integers.
pub(super) struct Emitter<'a> {
    pub(super) model: &'a mut Model,
    pub(super) graph: SubGraph,
    /// Its number.
    entry: usize,
    additions: Additions,
    names: Names,
    /// Tensors that hold integers, by their own places.
    integers: HashMap<i32, Params>,
    /// The same values as integers of another scale, or out of floats.
    converted: HashMap<(i32, Key), i32>,
    /// The same values in floats.
    floats: HashMap<i32, i32>,
    constants: HashMap<ConstantKey, i32>,
    operators: Vec<Operator>,
}

impl<'a> Emitter<'a> {
    pub(super) fn new(model: &'a mut Model, graph: SubGraph, entry: usize) -> Self {
        Self {
            names: Names::of(&graph),
            model,
            graph,
            entry,
            additions: Additions::new(),
            integers: HashMap::new(),
            converted: HashMap::new(),
            floats: HashMap::new(),
            constants: HashMap::new(),
            operators: Vec::new(),
        }
    }

    /// Writes the plan, a step or none for each operator.
    pub(super) fn write(&mut self, plan: &[Option<Step>]) {
        for (mut operator, step) in self.graph.operators.take().unwrap_or_default().into_iter().zip(plan) {
            match step {
                Some(step) => self.integers(&mut operator, step),
                None => {
                    for index in operator.inputs.iter_mut().flatten() {
                        *index = self.in_floats(*index);
                    }
                }
            }
            self.operators.push(operator);
        }
        self.outputs();
        self.graph.operators = Some(std::mem::take(&mut self.operators));
    }

    /// Has a tensor hold integers, in its own place.
    fn turn(&mut self, index: i32, params: Params) {
        if let Some(tensor) = edit::tensor_mut(&mut self.graph, index) {
            tensor.r#type = TensorType::INT8;
            tensor.quantization = Some(quantized::parameters(&[params], None));
            self.integers.insert(index, params);
        }
    }

    fn integers(&mut self, operator: &mut Operator, step: &Step) {
        let mut version = step.kernel.version;
        let kind = self.model.operator(operator);
        let before = operator.inputs().to_vec();
        for (index, given) in operator.inputs.iter_mut().flatten().zip(&step.inputs) {
            if let Given::At(params) = given {
                *index = self.at(*index, *params);
            }
        }
        if let Some(layer) = step.kernel.layer {
            self.layer(operator, &before, layer, step);
        }
        if kind == BuiltinOperator::MUL && is_large_product(step) {
            version = version.max(3);
        }
        if kind == BuiltinOperator::TRANSPOSE_CONV && before.get(3).is_some_and(|index| *index >= 0) {
            version = version.max(3);
        }
        for (index, params) in operator.outputs.clone().iter().flatten().zip(&step.outputs) {
            self.turn(*index, *params);
        }
        edit::raise(self.model, operator, version);
    }

    /// Weight and bias of a layer.
    fn layer(&mut self, operator: &mut Operator, before: &[i32], layer: Layer, step: &Step) {
        let Some(Given::At(input)) = step.inputs.get(layer.input).copied() else {
            return;
        };
        let at = |place: usize| before.get(place).copied().unwrap_or(-1);
        let tensor = |emitter: &Self, index: i32| edit::tensor(&emitter.graph, index).cloned();
        let Some(weight) = tensor(self, at(layer.weight)) else {
            return;
        };
        let Some(values) = edit::floats(self.model, &weight) else {
            return;
        };
        let shape = edit::shape(&weight);
        let axis = Some(layer.axis);
        let mut params = quantized::weight_params(&values, &shape, axis);
        let bias = tensor(self, at(layer.bias));
        let offsets = bias.as_ref().and_then(|bias| edit::floats(self.model, bias));
        if let Some(offsets) = &offsets {
            bias::make_room(&mut params, offsets, input.scale);
        }
        let made = self.constant(&weight, TensorType::INT8, &params, axis, || {
            (
                quantized::weight_bytes(&values, &shape, axis, &params),
                quantized::parameters(&params, axis),
            )
        });
        put(operator, layer.weight, made);
        if let (Some(bias), Some(offsets)) = (bias, offsets) {
            let sums = bias::quantize(&offsets, 1.0, input.scale, &params);
            let scales: Vec<Params> = sums
                .scales
                .iter()
                .map(|scale| Params {
                    scale: *scale,
                    zero_point: 0,
                })
                .collect();
            let made = self.constant(&bias, TensorType::INT32, &scales, axis, || {
                let bytes: Vec<u8> = sums.integers.iter().flat_map(|sum| sum.to_le_bytes()).collect();
                (bytes.into(), quantized::parameters(&scales, None))
            });
            put(operator, layer.bias, made);
        }
    }

    /// A constant in integers; one tensor for equal ones.
    fn constant(
        &mut self,
        from: &Tensor,
        kind: TensorType,
        params: &[Params],
        axis: Option<usize>,
        make: impl FnOnce() -> (bytes::Bytes, QuantizationParameters),
    ) -> i32 {
        let told_by = (
            from.buffer,
            params.iter().map(|params| key(*params)).collect(),
            axis,
            kind,
        );
        if let Some(index) = self
            .constants
            .get(&told_by)
            .filter(|index| self.has_shape(**index, from))
        {
            return *index;
        }
        let (bytes, quantization) = make();
        let tensor = Tensor {
            r#type: kind,
            buffer: self.additions.buffer(self.model, bytes),
            name: Some(self.names.fresh(format!("{}_{}", from.name(), suffix(kind)))),
            quantization: Some(quantization),
            ..from.clone()
        };
        let index = edit::add_tensor(&mut self.graph, tensor);
        self.constants.insert(told_by, index);
        index
    }

    fn has_shape(&self, index: i32, other: &Tensor) -> bool {
        edit::tensor(&self.graph, index).is_some_and(|tensor| tensor.shape() == other.shape())
    }

    /// The place of a tensor's values as integers of that scale.
    fn at(&mut self, index: i32, params: Params) -> i32 {
        if self.integers.get(&index) == Some(&params) {
            return index;
        }
        let Some(from) = edit::tensor(&self.graph, index).cloned() else {
            return index;
        };
        if let Some(values) = edit::floats(self.model, &from) {
            return self.constant(&from, TensorType::INT8, &[params], None, || {
                (
                    quantized::plain(&values, params).into(),
                    quantized::parameters(&[params], None),
                )
            });
        }
        let told_by = (index, key(params));
        if let Some(place) = self.converted.get(&told_by) {
            return *place;
        }
        let place = self.beside(&from, TensorType::INT8, Some(params));
        self.convert(index, place, true);
        self.converted.insert(told_by, place);
        place
    }

    /// The place of a tensor's values in floats.
    fn in_floats(&mut self, index: i32) -> i32 {
        if !self.integers.contains_key(&index) {
            return index;
        }
        if let Some(place) = self.floats.get(&index) {
            return *place;
        }
        let Some(from) = edit::tensor(&self.graph, index).cloned() else {
            return index;
        };
        let place = self.beside(&from, TensorType::FLOAT32, None);
        self.convert(index, place, false);
        self.floats.insert(index, place);
        place
    }

    /// A tensor like `from` of another type.
    fn beside(&mut self, from: &Tensor, kind: TensorType, params: Option<Params>) -> i32 {
        let tensor = Tensor {
            r#type: kind,
            buffer: 0,
            name: Some(self.names.fresh(format!("{}_{}", from.name(), suffix(kind)))),
            quantization: params.map(|params| quantized::parameters(&[params], None)),
            ..from.clone()
        };
        edit::add_tensor(&mut self.graph, tensor)
    }

    fn convert(&mut self, from: i32, to: i32, into_integers: bool) {
        let (kind, version, options) = if into_integers {
            (BuiltinOperator::QUANTIZE, QUANTIZE, QuantizeOptions::default().into())
        } else {
            (
                BuiltinOperator::DEQUANTIZE,
                DEQUANTIZE,
                DequantizeOptions::default().into(),
            )
        };
        self.operators.push(Operator {
            opcode_index: edit::code(self.model, kind, version),
            inputs: Some(vec![from]),
            outputs: Some(vec![to]),
            builtin_options: Some(options),
            ..Operator::default()
        });
    }

    /// Has the model's outputs be what callers expect, under the names that they know.
    fn outputs(&mut self) {
        let before = self.graph.outputs().to_vec();
        let mut after = Vec::with_capacity(before.len());
        for index in &before {
            let place = self.in_floats(*index);
            if place != *index {
                self.swap_names(*index, place);
                let signatures = self.model.signature_defs.iter_mut().flatten();
                for signature in signatures.filter(|signature| signature.subgraph_index as usize == self.entry) {
                    for entry in signature.outputs.iter_mut().flatten() {
                        if entry.tensor_index as i32 == *index {
                            entry.tensor_index = place as u32;
                        }
                    }
                }
            }
            after.push(place);
        }
        self.graph.outputs = Some(after);
    }

    /// The output has the name that it had, unless the tensor is an input too.
    fn swap_names(&mut self, one: i32, other: i32) {
        if self.graph.inputs().contains(&one) {
            return;
        }
        let name = |graph: &SubGraph, index| edit::tensor(graph, index).and_then(|tensor| tensor.name.clone());
        let (first, second) = (name(&self.graph, one), name(&self.graph, other));
        // A tensor that is an output twice has its names right already.
        if first
            .as_ref()
            .is_some_and(|name| second.as_ref().is_some_and(|other| other.len() > name.len()))
        {
            if let Some(tensor) = edit::tensor_mut(&mut self.graph, one) {
                tensor.name = second;
            }
            if let Some(tensor) = edit::tensor_mut(&mut self.graph, other) {
                tensor.name = first;
            }
        }
    }
}

fn suffix(kind: TensorType) -> &'static str {
    match kind {
        TensorType::INT8 => "int8",
        TensorType::INT32 => "int32",
        _ => "fp32",
    }
}

fn put(operator: &mut Operator, place: usize, index: i32) {
    if let Some(input) = operator.inputs.iter_mut().flatten().nth(place) {
        *input = index;
    }
}

/// True of a multiplication whose result is scaled up.
fn is_large_product(step: &Step) -> bool {
    let scales = step.inputs.iter().filter_map(|given| match given {
        Given::At(params) => Some(params.scale),
        _ => None,
    });
    let product: f32 = scales.product();
    let output = step.outputs.first().map_or(1.0, |params| params.scale);
    product / output >= LARGE_PRODUCT
}
