//! Carries out what was decided: quantizes constants and writes `QuantizeLinear` and `DequantizeLinear` into the graph.
//!
//! A constant keeps its name at the output of its `DequantizeLinear`, so that everything that reads it, in subgraphs too, reads on,
//! and no second copy stays. An activation `x` that comes out of integers is read as `x_DequantizeLinear_Output` by all; where the
//! model gives it back, or a subgraph reads it, it keeps its name there and `x_QuantizeLinear_Input` is what was made. One that comes
//! out of floats, or from outside, is read in integers by nodes in integers only. Rows of a table are gathered as they are stored.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::graph::Graph;
use super::mark::Bias;
use super::mark::Mark;
use super::mark::Marks;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::Range;
use crate::variant::VariantError;
use crate::variant::edit;
use crate::variant::edit::Names;
use crate::variant::quantize::Integer;
use crate::variant::quantize::Params;
use crate::variant::quantize::Scheme;
use crate::variant::quantize::bias;
use crate::variant::quantize::tensor;

/// What takes the place of the main graph's content.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// All nodes.
    nodes: Vec<NodeProto>,
    /// New initializers.
    initializers: Vec<TensorProto>,
    /// Constants that are no longer stored in floats.
    replaced: HashSet<String>,
    /// Tensors that nothing makes any more.
    gone: HashSet<String>,
}

/// Names of scale and zero point in the graph.
#[derive(Debug, Clone)]
struct Scaled {
    scale: String,
    zero_point: String,
}

/// How an activation is quantized and read.
#[derive(Debug, Clone)]
struct Pair {
    scaled: Scaled,
    /// What is quantized.
    input: String,
    /// The integers.
    quantized: String,
    /// What is read.
    output: String,
    /// Everything reads that, not only nodes in integers.
    for_all: bool,
}

/// Writes the graph anew. `range` gives the range of every tensor that is marked as an activation.
pub(super) fn emit<'a>(
    graph: &Graph<'a>,
    marks: &Marks<'a>,
    names: Names,
    range: &dyn Fn(&'a str) -> Option<Range>,
) -> Result<Rewritten, VariantError> {
    let mut emitter = Emitter {
        graph,
        marks,
        names,
        scaled: HashMap::new(),
        activations: HashMap::new(),
        constants: HashMap::new(),
        stored: HashMap::new(),
        front: Vec::new(),
        limits: HashSet::new(),
        bias_inputs: BTreeMap::new(),
        rewritten: Rewritten::default(),
    };
    emitter.activations(range);
    emitter.constants()?;
    emitter.biases()?;
    emitter.nodes();
    Ok(emitter.rewritten)
}

impl Rewritten {
    /// Puts the content in its place.
    pub(super) fn apply(self, model: &mut ModelProto) {
        let Some(graph) = &mut model.graph else { return };
        graph.node = self.nodes;
        graph
            .initializer
            .retain(|tensor| !self.replaced.contains(tensor.name()));
        graph.input.retain(|input| !self.replaced.contains(input.name()));
        graph.value_info.retain(|info| !self.gone.contains(info.name()));
        if model.ir_version.is_some_and(|version| version < OPTIONAL_LISTING) {
            list(graph, &self.initializers);
        }
        graph.initializer.extend(self.initializers);
    }
}

/// Of a channel without values.
const NOTHING: Params = Params {
    scale: 1.0,
    zero_point: 0,
};

/// Before this version of the format, every initializer was listed as an input too.
const OPTIONAL_LISTING: i64 = 4;

fn list(graph: &mut GraphProto, initializers: &[TensorProto]) {
    use crate::model::onnx::proto::TensorShapeProto;
    use crate::model::onnx::proto::TypeProto;
    use crate::model::onnx::proto::ValueInfoProto;
    use crate::model::onnx::proto::tensor_shape_proto::Dimension;
    use crate::model::onnx::proto::tensor_shape_proto::dimension;
    use crate::model::onnx::proto::type_proto;
    graph.input.extend(initializers.iter().map(|tensor| {
        let dims = tensor.dims.iter().map(|dim| Dimension {
            value: Some(dimension::Value::DimValue(*dim)),
            ..Dimension::default()
        });
        let described = type_proto::Tensor {
            elem_type: tensor.data_type,
            shape: Some(TensorShapeProto { dim: dims.collect() }),
        };
        ValueInfoProto {
            name: tensor.name.clone(),
            r#type: Some(TypeProto {
                value: Some(type_proto::Value::TensorType(described)),
                ..TypeProto::default()
            }),
            ..ValueInfoProto::default()
        }
    }));
}

struct Emitter<'g, 'a> {
    graph: &'g Graph<'a>,
    marks: &'g Marks<'a>,
    names: Names,
    /// Scale and zero point of every tensor that has its own.
    scaled: HashMap<&'a str, Scaled>,
    /// Parameters of activations.
    activations: HashMap<&'a str, Params>,
    /// Parameters of constants.
    constants: HashMap<&'a str, Vec<Params>>,
    /// Names of constants' integers.
    stored: HashMap<&'a str, String>,
    /// Nodes to stand before all others.
    front: Vec<NodeProto>,
    /// Limits of clamps that were taken out.
    limits: HashSet<&'a str>,
    /// What nodes read as their bias.
    bias_inputs: BTreeMap<usize, String>,
    rewritten: Rewritten,
}

impl<'a> Emitter<'_, 'a> {
    /// Scale and zero point of every activation.
    fn activations(&mut self, range: &dyn Fn(&'a str) -> Option<Range>) {
        let marks = self.marks;
        for name in &marks.order {
            if self.marks.tensors.get(name) != Some(&Mark::Activation) || self.activations.contains_key(name) {
                continue;
            }
            let Some(range) = range(name) else { continue };
            let params = Scheme::ACTIVATION.params(range.min, range.max);
            self.activations.insert(name, params);
            self.add_scaled(name, &[params], Integer::UInt8, None);
        }
    }

    /// Stores scale and zero point; `channels` where there is one for each.
    fn add_scaled(&mut self, name: &'a str, params: &[Params], integer: Integer, channels: Option<usize>) {
        let dims: Vec<i64> = channels.iter().map(|channels| *channels as i64).collect();
        let scale = self.names.fresh(&format!("{name}_scale"));
        let zero_point = self.names.fresh(&format!("{name}_zero_point"));
        let scales: Vec<f32> = params.iter().map(|params| params.scale).collect();
        let zero_points: Vec<u8> = params.iter().map(|params| params.zero_point as u8).collect();
        let initializers = &mut self.rewritten.initializers;
        initializers.push(edit::floats(&scale, &dims, &scales));
        initializers.push(edit::tensor(&zero_point, &dims, integer.data_type(), zero_points));
        self.scaled.insert(name, Scaled { scale, zero_point });
    }

    /// Quantizes every marked constant.
    fn constants(&mut self) -> Result<(), VariantError> {
        let mut biases: HashMap<&str, Vec<&Bias<'a>>> = HashMap::new();
        for bias in self.marks.biases.values() {
            biases.entry(bias.weight).or_default().push(bias);
        }
        let (graph, marks) = (self.graph, self.marks);
        for name in &marks.order {
            let (axis, scheme) = match self.marks.tensors.get(name) {
                Some(Mark::Weight(axis)) => (*axis, Scheme::WEIGHT),
                Some(Mark::Table) => (None, Scheme::ACTIVATION),
                _ => continue,
            };
            let Some(constant) = graph.constants.get(name).filter(|_| !self.stored.contains_key(name)) else {
                continue;
            };
            let values = constant.values()?;
            let mut params = match axis {
                None => vec![tensor::of_values(&values, scheme)],
                Some(axis) => tensor::channel_extremes(&values, &constant.dims, axis)
                    .into_iter()
                    .map(|extremes| extremes.map_or(NOTHING, |(min, max)| scheme.params(min, max)))
                    .collect(),
            };
            if scheme == Scheme::WEIGHT {
                for bias in biases.get(name).into_iter().flatten() {
                    if let (Some(input), Some(constant)) =
                        (self.scale_of(bias.input), self.graph.constants.get(bias.name))
                    {
                        bias::make_room(&mut params, &scaled_by(constant.values()?, bias.beta), input);
                    }
                }
            }
            let integers = match (axis, params.as_slice()) {
                (None, [params]) => {
                    let mut integers = Vec::with_capacity(values.len());
                    tensor::quantize(&values, *params, scheme.integer, &mut integers);
                    integers
                }
                (axis, params) => {
                    tensor::with_params(&values, &constant.dims, axis.unwrap_or(0), params, scheme.integer)
                }
            };
            let dims: Vec<i64> = constant.dims.iter().map(|dim| *dim as i64).collect();
            let stored = self.names.fresh(&format!("{name}_quantized"));
            let data_type = scheme.integer.data_type();
            self.add_scaled(name, &params, scheme.integer, axis.map(|_| params.len()));
            self.rewritten
                .initializers
                .push(edit::tensor(&stored, &dims, data_type, integers));
            self.rewritten.replaced.insert((*name).to_owned());
            if let Some(scaled) = self.scaled.get(name).cloned() {
                let node = self.dequantize(&stored, &scaled, name, axis);
                self.front.push(node);
            }
            self.stored.insert(name, stored);
            self.constants.insert(name, params);
        }
        Ok(())
    }

    /// True for a `Gather` that reads rows of a constant in integers.
    fn gathers(&self, index: usize, table: &str) -> bool {
        let Some(node) = self.graph.nodes.get(index) else {
            return false;
        };
        let own = self.graph.constants.get(table).map(|constant| constant.name);
        let output = node
            .output
            .first()
            .and_then(|output| self.marks.tensors.get(output.as_str()));
        matches!(node.op_type(), "Gather" | "GatherElements")
            && self.is_quantized(index)
            && node.input.first().is_some_and(|input| input == table)
            && own.is_some_and(|own| output == Some(&Mark::Shared(own)))
    }

    fn is_stored_in_integers(&self, name: &str) -> bool {
        matches!(self.marks.tensors.get(name), Some(Mark::Weight(_) | Mark::Table))
    }

    fn is_quantized(&self, index: usize) -> bool {
        self.marks.quantized.get(index) == Some(&true)
    }

    /// The scale of a marked tensor.
    fn scale_of(&self, tensor: &str) -> Option<f32> {
        let root = self.root(tensor);
        let of_constant = || self.constants.get(root).and_then(|params| params.first());
        self.activations
            .get(root)
            .or_else(of_constant)
            .map(|params| params.scale)
    }

    /// The tensor whose scale and zero point a tensor has.
    fn root<'t>(&self, tensor: &'t str) -> &'t str
    where
        'a: 't,
    {
        let mut root = tensor;
        // Each step goes up the graph.
        for _ in 0..=self.graph.nodes.len() {
            match self.marks.tensors.get(root) {
                Some(Mark::Shared(other)) => root = other,
                _ => break,
            }
        }
        root
    }

    fn biases(&mut self) -> Result<(), VariantError> {
        let marks = self.marks;
        for (index, bias) in &marks.biases {
            let (Some(constant), Some(input), Some(params)) = (
                self.graph.constants.get(bias.name),
                self.scale_of(bias.input),
                self.constants.get(bias.weight),
            ) else {
                continue;
            };
            let quantized = bias::quantize(&constant.values()?, bias.beta, input, params);
            let stored = self.names.fresh(&format!("{}_quantized", bias.name));
            let scale = self.names.fresh(&format!("{stored}_scale"));
            let zero_point = self.names.fresh(&format!("{stored}_zero_point"));
            let output = self.names.fresh(&format!("{}_DequantizeLinear_Output", bias.name));
            let integers: Vec<u8> = quantized
                .integers
                .iter()
                .flat_map(|integer| integer.to_le_bytes())
                .collect();
            let single = quantized.scales.len() == 1 && quantized.integers.len() != 1;
            let dims: Vec<i64> = if single {
                Vec::new()
            } else {
                vec![quantized.scales.len() as i64]
            };
            let zeros = vec![0; 4 * quantized.scales.len()];
            let initializers = &mut self.rewritten.initializers;
            let length = quantized.integers.len() as i64;
            initializers.push(edit::tensor(&stored, &[length], DataType::Int32, integers));
            initializers.push(edit::floats(&scale, &dims, &quantized.scales));
            initializers.push(edit::tensor(&zero_point, &dims, DataType::Int32, zeros));
            let node = self.dequantize(&stored, &Scaled { scale, zero_point }, &output, (!single).then_some(0));
            self.front.push(node);
            self.bias_inputs.insert(*index, output);
        }
        Ok(())
    }

    fn dequantize(&mut self, stored: &str, scaled: &Scaled, output: &str, axis: Option<usize>) -> NodeProto {
        let inputs = [stored, scaled.scale.as_str(), scaled.zero_point.as_str()];
        let mut node = edit::node("DequantizeLinear", &inputs, &[output]);
        let base = output.strip_suffix("_DequantizeLinear_Output").unwrap_or(output);
        node.name = Some(self.names.fresh(&format!("{base}_DequantizeLinear")));
        node.attribute
            .extend(axis.map(|axis| edit::int_attribute("axis", axis as i64)));
        node
    }

    /// How the activation `name` is quantized; `None` where it is not.
    fn pair(&mut self, name: &'a str) -> Option<Pair> {
        match self.marks.tensors.get(name) {
            Some(Mark::Activation | Mark::Shared(_)) => {}
            _ => return None,
        }
        let scaled = self.scaled.get(self.root(name)).cloned()?;
        let for_all = self.graph.maker(name).is_some_and(|maker| self.is_quantized(maker));
        let keeps_name = for_all && (self.graph.is_output(name) || self.graph.is_captured(name));
        let (input, output) = if keeps_name {
            (
                self.names.fresh(&format!("{name}_QuantizeLinear_Input")),
                name.to_owned(),
            )
        } else {
            (
                name.to_owned(),
                self.names.fresh(&format!("{name}_DequantizeLinear_Output")),
            )
        };
        Some(Pair {
            scaled,
            input,
            quantized: self.names.fresh(&format!("{name}_QuantizeLinear_Output")),
            output,
            for_all,
        })
    }

    fn write_pair(&mut self, name: &str, pair: &Pair, nodes: &mut Vec<NodeProto>) {
        let scaled = [pair.scaled.scale.as_str(), pair.scaled.zero_point.as_str()];
        let [scale, zero_point] = scaled;
        let mut quantize = edit::node("QuantizeLinear", &[&pair.input, scale, zero_point], &[&pair.quantized]);
        quantize.name = Some(self.names.fresh(&format!("{name}_QuantizeLinear")));
        let mut dequantize = edit::node(
            "DequantizeLinear",
            &[&pair.quantized, scale, zero_point],
            &[&pair.output],
        );
        dequantize.name = Some(self.names.fresh(&format!("{name}_DequantizeLinear")));
        nodes.push(quantize);
        nodes.push(dequantize);
    }

    fn nodes(&mut self) {
        let (graph, marks) = (self.graph, self.marks);
        let mut nodes = std::mem::take(&mut self.front);
        let mut pairs: HashMap<&'a str, Pair> = HashMap::new();
        for name in &graph.inputs {
            if let Some(pair) = self.pair(name) {
                self.write_pair(name, &pair, &mut nodes);
                pairs.insert(name, pair);
            }
        }
        let absorbed = |index: &usize| marks.absorbed.get(*index) == Some(&true);
        for (index, original) in graph.nodes.iter().enumerate() {
            // Its `DequantizeLinear` makes it now.
            if original.op_type() == "Constant"
                && original
                    .output
                    .iter()
                    .any(|name| self.stored.contains_key(name.as_str()))
            {
                continue;
            }
            if absorbed(&index) {
                self.rewritten.gone.extend(original.input.first().cloned());
                self.limits.extend(original.input.iter().skip(1).map(String::as_str));
                continue;
            }
            let mut node = original.clone();
            self.rewire(index, &mut node, &pairs);
            let mut behind = Vec::new();
            for (place, made) in original.output.iter().enumerate() {
                // What a clamp made of it comes out in its place.
                let made = finally(graph, made, &absorbed);
                let Some(pair) = self.pair(made) else {
                    if let Some(output) = node.output.get_mut(place) {
                        *output = made.to_owned();
                    }
                    continue;
                };
                let table = original
                    .input
                    .first()
                    .filter(|table| self.gathers(index, table.as_str()));
                let table = table.and_then(|table| graph.constants.get(table.as_str()));
                let rows = table.and_then(|table| self.stored.get(table.name)).cloned();
                let written = match rows {
                    Some(rows) => {
                        if let Some(input) = node.input.first_mut() {
                            *input = rows;
                        }
                        let dequantize = self.dequantize(&pair.quantized, &pair.scaled, &pair.output, None);
                        behind.push(dequantize);
                        pair.quantized.clone()
                    }
                    None => {
                        self.write_pair(made, &pair, &mut behind);
                        pair.input.clone()
                    }
                };
                if let Some(output) = node.output.get_mut(place) {
                    *output = written;
                }
                pairs.insert(made, pair);
            }
            nodes.push(node);
            nodes.append(&mut behind);
        }
        self.clean(&mut nodes);
        self.rewritten.nodes = nodes;
    }

    /// Takes out what only led to constants that are read in integers now.
    fn clean(&mut self, nodes: &mut Vec<NodeProto>) {
        let graph = self.graph;
        let biases: HashSet<&str> = self.marks.biases.values().map(|bias| bias.name).collect();
        let mut touched: HashSet<&str> = biases;
        touched.extend(self.limits.iter().copied());
        touched.extend(self.stored.keys().copied());
        let is_touched = |name: &str| {
            let constant = graph.constants.get(name);
            constant.is_some_and(|constant| touched.contains(constant.name))
        };
        let mut read: HashSet<String> = HashSet::new();
        let mut kept = Vec::with_capacity(nodes.len());
        for node in nodes.drain(..).rev() {
            let leads = matches!(node.op_type(), "Constant" | "Identity" | "DequantizeLinear");
            let unread = |name: &String| {
                is_touched(name) && !read.contains(name) && !graph.is_captured(name) && !graph.is_output(name)
            };
            if leads && node.output.iter().all(unread) {
                continue;
            }
            read.extend(node.input.iter().cloned());
            kept.push(node);
        }
        kept.reverse();
        *nodes = kept;
        let unread = |name: &&&str| {
            is_touched(name) && !read.contains(**name) && !graph.is_captured(name) && !graph.is_output(name)
        };
        let unread: Vec<String> = touched.iter().filter(unread).map(|name| (*name).to_owned()).collect();
        self.rewritten.replaced.extend(unread);
    }

    /// Has a node read what was quantized.
    fn rewire(&self, index: usize, node: &mut NodeProto, pairs: &HashMap<&'a str, Pair>) {
        let quantized = self.is_quantized(index);
        for input in &mut node.input {
            if let Some(pair) = pairs.get(input.as_str()) {
                if pair.for_all || quantized {
                    input.clone_from(&pair.output);
                }
            } else if let Some(constant) = self.graph.constants.get(input.as_str())
                && self.is_stored_in_integers(constant.name)
            {
                constant.name.clone_into(input);
            }
        }
        if let (Some(bias), Some(input)) = (self.bias_inputs.get(&index), node.input.get_mut(2)) {
            input.clone_from(bias);
        }
        if quantized && self.marks.biases.contains_key(&index) {
            node.attribute.retain(|attribute| attribute.name() != "beta");
        }
    }
}

/// The name under which a tensor arrives behind the clamps that only it goes through.
fn finally<'a>(graph: &Graph<'a>, tensor: &'a str, absorbed: &dyn Fn(&usize) -> bool) -> &'a str {
    let mut tensor = tensor;
    for _ in 0..=graph.nodes.len() {
        let [reader] = graph.readers(tensor) else { break };
        let clamp = graph.nodes.get(*reader).filter(|_| absorbed(reader));
        let clamp = clamp.filter(|clamp| clamp.input.first().is_some_and(|input| input == tensor));
        let Some(output) = clamp.and_then(|clamp| clamp.output.first()) else {
            break;
        };
        tensor = output;
    }
    tensor
}

fn scaled_by(mut values: Vec<f32>, factor: f32) -> Vec<f32> {
    if factor != 1.0 {
        values.iter_mut().for_each(|value| *value *= factor);
    }
    values
}
