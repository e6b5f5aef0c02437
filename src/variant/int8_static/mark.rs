//! Decides which nodes compute in integers, and hence which tensors are quantized, how.
//!
//! Forward, in the order of the graph: a node with a rule marks its tensors. Elementwise nodes follow only where all that they
//! compute with is quantized already. Backward: a node whose results only floats read is taken back where what it reads could be had
//! in floats for nothing, which products of matrices give and convolutions don't. So a residual region is quantized as a whole, and
//! the arithmetic of a layer normalization, a GELU or a mask is left alone. Both are repeated until nothing changes.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::graph::Graph;
use super::graph::key;
use super::operators::Rule;
use super::operators::clamps_around_zero;
use super::operators::pads_within_range;
use super::operators::rule;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shown::shown;
use crate::variant::Range;
use crate::variant::edit::attribute;
use crate::variant::kinds::Kind;

/// Tables with fewer elements cost more in nodes than they save.
const SMALLEST_TABLE: usize = 1024;

/// How a tensor is quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// By its own range.
    Activation,
    /// By scale and zero point of another tensor.
    Shared(&'a str),
    /// A constant in signed integers, symmetric, with one scale for each index along an axis or for all.
    Weight(Option<usize>),
    /// A constant that takes an activation's place.
    Table,
}

/// A bias, in 32-bit integers at the scale of the sums that it is added to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bias<'a> {
    /// The tensor's own name.
    pub(super) name: &'a str,
    /// The activation whose scale counts.
    pub(super) input: &'a str,
    /// The weight whose scales count.
    pub(super) weight: &'a str,
    /// What it is multiplied by.
    pub(super) beta: f32,
}

/// The range of a tensor, or why there is none, as a sentence fragment.
pub(super) type Ranges<'r> = &'r dyn Fn(&str) -> Result<Range, String>;

/// Where a tensor's range comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source<'a> {
    /// It needs no observation.
    Known(Range),
    /// That tensor's.
    Tensor(&'a str),
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Marks<'a> {
    /// Quantized tensors, by their own names where constant.
    pub(super) tensors: HashMap<&'a str, Mark<'a>>,
    /// The same names in the order in which they were marked.
    pub(super) order: Vec<&'a str>,
    /// Biases by node.
    pub(super) biases: BTreeMap<usize, Bias<'a>>,
    /// Nodes that compute in integers, by place.
    pub(super) quantized: Vec<bool>,
    /// Nodes to take out, whose output takes the place of their input.
    pub(super) absorbed: Vec<bool>,
    /// Why nodes with a rule stay in floats, by place.
    pub(super) left: BTreeMap<usize, String>,
}

/// Marks a graph. `in_float` has reasons by [`key`]; `ranges` knows what was observed.
pub(super) fn mark<'a>(graph: &Graph<'a>, in_float: &BTreeMap<String, String>, ranges: Ranges<'_>) -> Marks<'a> {
    let mut taken_back: HashSet<usize> = HashSet::new();
    loop {
        let mut marker = Marker {
            graph,
            in_float,
            ranges,
            taken_back: &taken_back,
            marks: Marks {
                quantized: vec![false; graph.nodes.len()],
                absorbed: vec![false; graph.nodes.len()],
                ..Marks::default()
            },
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            marker.node(index, node);
        }
        let mut marks = marker.marks;
        let useless = useless(graph, &mut marks);
        if useless.is_empty() {
            return marks;
        }
        taken_back.extend(useless);
    }
}

/// Where the range of a marked tensor comes from: what only a `Relu` or `Clip` reads is quantized in the range that this leaves of it.
pub(super) fn source<'a>(graph: &Graph<'a>, in_float: &BTreeMap<String, String>, tensor: &'a str) -> Source<'a> {
    let mut tensor = tensor;
    // A way through the graph is no longer than the graph.
    for _ in 0..=graph.nodes.len() {
        let [reader] = graph.readers(tensor) else { break };
        let Some(node) = graph.nodes.get(*reader) else { break };
        let fixed = !graph.is_output(tensor)
            && !graph.is_captured(tensor)
            && rule(node) == Some(Rule::Clamp)
            && node.input.first().is_some_and(|input| input == tensor)
            && !in_float.contains_key(key(node));
        let (true, Some(output)) = (fixed, node.output.first()) else {
            break;
        };
        tensor = output;
    }
    let maker = graph.maker(tensor).and_then(|maker| graph.nodes.get(maker));
    if maker.is_some_and(|maker| maker.op_type() == "Softmax" && rule(maker).is_some()) {
        return Source::Known(Range { min: 0.0, max: 1.0 });
    }
    Source::Tensor(tensor)
}

struct Marker<'g, 'a> {
    graph: &'g Graph<'a>,
    in_float: &'g BTreeMap<String, String>,
    ranges: Ranges<'g>,
    taken_back: &'g HashSet<usize>,
    marks: Marks<'a>,
}

impl<'a> Marker<'_, 'a> {
    fn node(&mut self, index: usize, node: &'a NodeProto) {
        let Some(rule) = rule(node).filter(|_| !self.graph.is_call(node)) else {
            return;
        };
        if let Some(reason) = self.in_float.get(key(node)) {
            self.marks.left.insert(index, reason.clone());
            return;
        }
        if self.taken_back.contains(&index) {
            return;
        }
        let decided = match rule {
            Rule::Convolution => self.convolution(index, node),
            Rule::Gemm => self.gemm(index, node),
            Rule::MatMul => self.mat_mul(node),
            Rule::Elementwise => self.elementwise(node),
            Rule::Clamp => self.clamp(index, node),
            Rule::Carry => self.carry(node, true),
            Rule::Gather => self.gather(node),
            Rule::Pad => self.pad(node),
            Rule::Where => self.choice(node),
        };
        match decided {
            Ok(quantized) => self.set(index, quantized),
            Err(reason) => {
                self.marks.left.insert(index, reason);
            }
        }
    }

    fn set(&mut self, index: usize, quantized: bool) {
        if let Some(entry) = self.marks.quantized.get_mut(index) {
            *entry = quantized;
        }
    }

    /// Marks a tensor, unless it is marked already.
    fn put(&mut self, tensor: &'a str, mark: Mark<'a>) {
        if let std::collections::hash_map::Entry::Vacant(entry) = self.marks.tensors.entry(tensor) {
            entry.insert(mark);
            self.marks.order.push(tensor);
        }
    }

    fn is_marked(&self, tensor: &str) -> bool {
        self.marks.tensors.contains_key(tensor)
    }

    /// The input of that index; an error where it is not there.
    fn input(&self, node: &'a NodeProto, index: usize) -> Result<&'a str, String> {
        optional(node, index).ok_or_else(|| format!("it has no input {index}"))
    }

    fn output(&self, node: &'a NodeProto) -> Result<&'a str, String> {
        let output = node.output.first().map(String::as_str);
        output
            .filter(|output| !output.is_empty())
            .ok_or_else(|| "nothing reads it".to_owned())
    }

    /// Finds out that an activation could be marked: its type, and its range where it would need one.
    fn check(&self, tensor: &'a str) -> Result<(), String> {
        match self.graph.kind(tensor) {
            Kind::Float => {}
            Kind::Other => return Err(format!("{} holds no 32-bit floats", shown(tensor))),
            Kind::Unknown => return Err(format!("the type of {} cannot be told", shown(tensor))),
        }
        if matches!(self.marks.tensors.get(tensor), Some(Mark::Shared(_))) {
            return Ok(());
        }
        self.range(tensor).map(|_| ())
    }

    fn range(&self, tensor: &'a str) -> Result<Range, String> {
        match source(self.graph, self.in_float, tensor) {
            Source::Known(range) => Ok(range),
            Source::Tensor(tensor) => (self.ranges)(tensor),
        }
    }

    fn convolution(&mut self, index: usize, node: &'a NodeProto) -> Result<bool, String> {
        let axis = usize::from(node.op_type() == "ConvTranspose");
        self.weighted(index, node, axis, 1.0)
    }

    fn gemm(&mut self, index: usize, node: &'a NodeProto) -> Result<bool, String> {
        let factor = |name: &str| attribute(node, name).map_or(1.0, |factor| factor.f());
        let bias = optional(node, 2);
        if factor("alpha") != 1.0 && bias.is_some() {
            return Err("it scales its product before it adds its bias (`alpha`)".to_owned());
        }
        if !factor("beta").is_finite() {
            return Err("it scales its bias by no number (`beta`)".to_owned());
        }
        let transposed = attribute(node, "transB").is_some_and(|flag| flag.i() != 0);
        self.weighted(index, node, usize::from(!transposed), factor("beta"))
    }

    /// What multiplies by constant weights and adds a constant bias.
    fn weighted(&mut self, index: usize, node: &'a NodeProto, axis: usize, beta: f32) -> Result<bool, String> {
        let (input, output) = (self.input(node, 0)?, self.output(node)?);
        let weight = self.weight(self.input(node, 1)?)?;
        let channels = {
            let constant = self.constant(weight)?;
            constant
                .dims
                .get(axis)
                .copied()
                .ok_or("its weights have no axis of channels")?
        };
        let groups = attribute(node, "group").map_or(1, |groups| groups.i());
        // The second axis of a transposed convolution's weights has the channels of one group.
        let axis = (node.op_type() != "ConvTranspose" || groups == 1).then_some(axis);
        match self.marks.tensors.get(weight) {
            Some(Mark::Weight(other)) if *other != axis && other.is_some() => {
                return Err("its weights are another node's too, which has its channels along another axis".to_owned());
            }
            _ => {}
        }
        let bias = match optional(node, 2) {
            None => None,
            Some(bias) => {
                let constant = self
                    .graph
                    .constants
                    .get(bias)
                    .ok_or("its bias is no constant in 32-bit floats")?;
                if !constant.usable {
                    return Err("its bias is not all finite".to_owned());
                }
                let along = constant.dims.last().copied().unwrap_or(1);
                if constant.elements() != along || axis.is_some() && along != 1 && along != channels {
                    return Err("its bias has more than one value for each channel".to_owned());
                }
                Some(constant.name)
            }
        };
        if !self.graph.constants.contains_key(input) {
            self.check(input)?;
        }
        if node.op_type() != "Gemm" {
            self.check(output)?;
        }
        self.activation(input)?;
        self.product(output);
        self.put(weight, Mark::Weight(axis));
        if let Some(name) = bias {
            let bias = Bias {
                name,
                input: self.own_name(input),
                weight,
                beta,
            };
            self.marks.biases.insert(index, bias);
        }
        Ok(true)
    }

    fn mat_mul(&mut self, node: &'a NodeProto) -> Result<bool, String> {
        let (left, right, output) = (self.input(node, 0)?, self.input(node, 1)?, self.output(node)?);
        let is_constant = |tensor: &str| self.graph.constants.contains_key(tensor);
        if is_constant(left) && is_constant(right) {
            return Err("all that it reads is constant; `simplify` computes it once and for all".to_owned());
        }
        let weight = if is_constant(right) {
            Some(self.weight(right)?)
        } else {
            None
        };
        for tensor in [left, right].into_iter().filter(|tensor| !is_constant(tensor)) {
            self.check(tensor)?;
        }
        if is_constant(left) {
            self.weight(left)?;
        }
        self.activation(left)?;
        match weight {
            // Engines take one scale a column, of matrices.
            Some(weight) => {
                let axis = (self.constant(weight)?.dims.len() == 2).then_some(1);
                self.put(weight, Mark::Weight(axis));
            }
            None => self.activation(right)?,
        }
        self.product(output);
        Ok(true)
    }

    /// Marks the output of a node that gives floats as well, where its range is known.
    fn product(&mut self, output: &'a str) {
        if self.check(output).is_ok() {
            self.put(output, Mark::Activation);
        }
    }

    /// Sums, products and functions of each element: only where what they read is quantized already.
    fn elementwise(&mut self, node: &'a NodeProto) -> Result<bool, String> {
        let read: Vec<&'a str> = node
            .input
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        let (constant, computed): (Vec<&str>, Vec<&str>) = read
            .into_iter()
            .partition(|tensor| self.graph.constants.contains_key(tensor));
        let ready = |tensor: &&str| self.is_marked(tensor) || self.graph.is_input(tensor);
        let floats = computed.iter().all(|tensor| self.graph.kind(tensor) == Kind::Float);
        if computed.is_empty() || !floats || !computed.iter().all(ready) {
            return Ok(false);
        }
        for tensor in &constant {
            if !self.constant(tensor)?.usable {
                return Ok(false);
            }
        }
        let made: Vec<&'a str> = node
            .output
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        let made = made.into_iter().filter(|tensor| self.graph.kind(tensor) == Kind::Float);
        let made: Vec<&'a str> = made.collect();
        if computed.iter().chain(&made).any(|tensor| self.check(tensor).is_err()) {
            return Ok(false);
        }
        for tensor in computed.into_iter().chain(constant) {
            self.activation(tensor)?;
        }
        for tensor in made {
            self.put(tensor, Mark::Activation);
        }
        Ok(true)
    }

    fn clamp(&mut self, index: usize, node: &'a NodeProto) -> Result<bool, String> {
        let (input, output) = (self.input(node, 0)?, self.output(node)?);
        if !self.is_marked(input) || self.graph.constants.contains_key(input) || self.check(output).is_err() {
            return Ok(false);
        }
        let alone = self.graph.readers(input).len() == 1
            && !self.graph.is_input(input)
            && !self.graph.is_output(input)
            && !self.graph.is_captured(input);
        if alone && clamps_around_zero(node, |limit| self.graph.only_element(limit)) {
            if let Some(absorbed) = self.marks.absorbed.get_mut(index) {
                *absorbed = true;
            }
            self.marks.tensors.remove(input);
        }
        self.put(output, Mark::Activation);
        Ok(true)
    }

    /// What moves values, where those are quantized already. `all`: every output has them, not only the first.
    fn carry(&mut self, node: &'a NodeProto, all: bool) -> Result<bool, String> {
        let input = self.input(node, 0)?;
        let outputs: Vec<&'a str> = node
            .output
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        // Places and masks have no integer form.
        let several = outputs.len() > 1 && matches!(node.op_type(), "MaxPool" | "Dropout");
        let floats = outputs.iter().filter(|tensor| self.graph.is_activation(tensor)).count();
        if !self.is_marked(input) || self.graph.constants.contains_key(input) || several || floats == 0 {
            return Ok(false);
        }
        let outputs = outputs.into_iter().take(if all { usize::MAX } else { 1 });
        let outputs: Vec<&'a str> = outputs.filter(|tensor| self.graph.is_activation(tensor)).collect();
        for output in outputs {
            self.put(output, Mark::Shared(input));
        }
        Ok(true)
    }

    fn gather(&mut self, node: &'a NodeProto) -> Result<bool, String> {
        let (table, output) = (self.input(node, 0)?, self.output(node)?);
        let Some(constant) = self.graph.constants.get(table) else {
            return self.carry(node, false);
        };
        let name = constant.name;
        if !constant.usable || constant.elements() < SMALLEST_TABLE || !self.graph.is_activation(output) {
            return Ok(false);
        }
        self.put(name, Mark::Table);
        // A table that is a weight elsewhere may have a scale for each row, which what is gathered has not.
        if self.marks.tensors.get(name) != Some(&Mark::Table) {
            return Ok(false);
        }
        self.put(output, Mark::Shared(name));
        Ok(true)
    }

    fn pad(&mut self, node: &'a NodeProto) -> Result<bool, String> {
        if pads_within_range(node, |value| self.graph.only_element(value)) {
            return self.carry(node, false);
        }
        Ok(false)
    }

    fn choice(&mut self, node: &'a NodeProto) -> Result<bool, String> {
        let (one, other, output) = (self.input(node, 1)?, self.input(node, 2)?, self.output(node)?);
        if !self.is_marked(one) || !self.is_marked(other) || self.check(output).is_err() {
            return Ok(false);
        }
        self.put(output, Mark::Activation);
        Ok(true)
    }

    /// Marks what takes the place of an activation, constant or not.
    fn activation(&mut self, tensor: &'a str) -> Result<(), String> {
        match self.graph.constants.get(tensor) {
            Some(constant) if !constant.usable => Err(format!("{} is not all finite", shown(tensor))),
            Some(constant) => {
                self.put(constant.name, Mark::Table);
                Ok(())
            }
            None => {
                self.put(tensor, Mark::Activation);
                Ok(())
            }
        }
    }

    fn constant(&self, tensor: &str) -> Result<&super::graph::Constant<'a>, String> {
        let found = self.graph.constants.get(tensor);
        found.ok_or_else(|| format!("{} is no constant in 32-bit floats", shown(tensor)))
    }

    /// A constant's own name, once it is known to be fit for weights.
    fn weight(&self, tensor: &str) -> Result<&'a str, String> {
        let Some(constant) = self.graph.constants.get(tensor) else {
            return Err("its weights are no constants in 32-bit floats".to_owned());
        };
        if !constant.usable {
            return Err("its weights are not all finite".to_owned());
        }
        Ok(constant.name)
    }

    fn own_name(&self, tensor: &'a str) -> &'a str {
        self.graph
            .constants
            .get(tensor)
            .map_or(tensor, |constant| constant.name)
    }
}

fn optional(node: &NodeProto, index: usize) -> Option<&str> {
    node.input
        .get(index)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
}

/// Nodes that compute in integers for nothing. Takes back the marks of what products of matrices make where only floats read it.
fn useless(graph: &Graph<'_>, marks: &mut Marks<'_>) -> Vec<usize> {
    let pinned = pinned(graph, marks);
    let mut alive = marks.quantized.clone();
    let mut useless = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let Some(rule) = rule(node).filter(|_| alive.get(index) == Some(&true)) else {
            continue;
        };
        let read = |output: &String| {
            graph.is_output(output)
                || graph
                    .readers(output)
                    .iter()
                    .any(|reader| alive.get(*reader) == Some(&true))
        };
        if node.output.iter().any(read) {
            continue;
        }
        match rule {
            Rule::Convolution => {}
            Rule::MatMul | Rule::Gemm => {
                if let Some(output) = node.output.first() {
                    marks.tensors.remove(output.as_str());
                }
            }
            Rule::Gather
                if node
                    .input
                    .first()
                    .is_some_and(|table| graph.constants.contains_key(table.as_str())) => {}
            _ if node.input.iter().any(|input| pinned.contains(input.as_str())) => {}
            _ => {
                useless.push(index);
                if let Some(alive) = alive.get_mut(index) {
                    *alive = false;
                }
            }
        }
    }
    useless
}

/// Tensors that come out of nodes in integers only: convolutions, and what is computed from them.
fn pinned<'a>(graph: &Graph<'a>, marks: &Marks<'_>) -> HashSet<&'a str> {
    let mut pinned: HashSet<&str> = HashSet::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(rule) = rule(node).filter(|_| marks.quantized.get(index) == Some(&true)) else {
            continue;
        };
        let pins = match rule {
            Rule::Convolution => true,
            Rule::Gemm | Rule::MatMul => false,
            _ => node.input.iter().any(|input| pinned.contains(input.as_str())),
        };
        if pins {
            pinned.extend(node.output.iter().map(String::as_str));
        }
    }
    pinned
}
