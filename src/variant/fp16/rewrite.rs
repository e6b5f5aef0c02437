//! Carries out a plan: narrows weights and nodes, and puts a `Cast` wherever a tensor is wanted at the other width.
//!
//! A tensor keeps its name at the width at which it is made. Its other width is one `Cast`, right behind what makes it, however
//! many read it. Nodes stay in their order, so that what is made stands before what reads it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;

use bytes::Bytes;

use super::kinds;
use super::kinds::Kind;
use super::numbers::Clamped;
use super::numbers::half_of;
use super::numbers::halves;
use super::plan::Call;
use super::plan::NodePlan;
use super::plan::Plan;
use super::plan::Width;
use super::scope::Scope;
use super::scope::narrow_type;
use super::section::bodies_mut;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::SparseTensorProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::variant::Left;
use crate::variant::VariantError;
use crate::variant::edit::Names;
use crate::variant::edit::tensor_attribute;

/// What a rewrite did.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Weights with numbers that 16 bits cannot hold.
    pub(super) clamped: Vec<(String, Clamped)>,
    /// How many weights became 16 bits wide.
    pub(super) narrowed: usize,
    /// How many nodes compute in 16 bits now.
    pub(super) converted: usize,
    /// Nodes that read or make floats and were left in 32 bits.
    pub(super) left: Vec<Left>,
}

/// Rewrites graphs and functions.
pub(super) struct Rewriter {
    scopes: Vec<Scope>,
    names: Names,
    /// Names of narrowed functions, by call; filled on first use.
    narrowed_functions: BTreeMap<usize, String>,
    /// Calls whose functions are still to be rewritten.
    pending: BTreeSet<usize>,
    lists_initializers: bool,
    /// What has been done so far.
    pub(super) outcome: Outcome,
}

/// How a graph stands to what is around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    /// A subgraph that takes and returns floats at this width.
    Body(Width),
}

impl Rewriter {
    /// A rewriter for a model with these `names`. `lists_initializers`: every initializer must be listed as an input (IR before
    /// version 4).
    pub(super) fn new(names: Names, lists_initializers: bool) -> Self {
        Self {
            scopes: Vec::new(),
            names,
            narrowed_functions: BTreeMap::new(),
            pending: BTreeSet::new(),
            lists_initializers,
            outcome: Outcome::default(),
        }
    }

    /// Rewrites the main graph. Its inputs and outputs keep their names and types.
    pub(super) fn main(&mut self, graph: &mut GraphProto, plan: &Plan) -> Result<(), VariantError> {
        self.graph(graph, plan, Role::Main)
    }

    /// Rewrites the functions that converted nodes call, as copies under new names, and returns them.
    pub(super) fn functions(
        &mut self,
        calls: &[Call],
        functions: &[FunctionProto],
        opset: i64,
    ) -> Result<Vec<FunctionProto>, VariantError> {
        let mut made = Vec::new();
        while let Some(call) = self.pending.pop_first() {
            let (Some(plan), Some(name)) = (&calls[call].plan, self.narrowed_functions.get(&call)) else {
                continue;
            };
            let mut function = functions[calls[call].function].clone();
            function.name = Some(name.clone());
            self.function(&mut function, plan, opset)?;
            made.push(function);
        }
        Ok(made)
    }

    fn graph(&mut self, graph: &mut GraphProto, plan: &Plan, role: Role) -> Result<(), VariantError> {
        let mut scope = Scope::default();
        let inner = match role {
            Role::Main => Width::Full,
            Role::Body(width) => width,
        };
        for input in &mut graph.input {
            let name = input.name().to_owned();
            scope.define(plan, &name, &name, inner, 0);
            if inner == Width::Half && plan.kinds.get(&name) == Some(&Kind::Float) {
                narrow_type(&mut input.r#type);
            }
        }
        self.initializers(graph, plan, &mut scope)?;
        let kept: HashSet<String> = match role {
            Role::Main => graph.output.iter().map(|output| output.name().to_owned()).collect(),
            Role::Body(_) => HashSet::new(),
        };
        self.scopes.push(scope);
        self.nodes(&mut graph.node, plan, &kept)?;
        for output in &mut graph.output {
            if let Role::Body(width) = role
                && plan.kinds.get(output.name()) == Some(&Kind::Float)
            {
                output.name = Some(self.resolve(output.name(), width));
                if width == Width::Half {
                    narrow_type(&mut output.r#type);
                }
            }
        }
        if let Some(scope) = self.scopes.pop() {
            scope.declare(&mut graph.value_info);
            graph.node = scope.assemble(std::mem::take(&mut graph.node));
        }
        Ok(())
    }

    fn function(&mut self, function: &mut FunctionProto, plan: &Plan, opset: i64) -> Result<(), VariantError> {
        let mut scope = Scope::default();
        for input in &function.input {
            scope.define(plan, input, input, Width::Half, 0);
        }
        // A function does not see the graph that calls it.
        let around = std::mem::replace(&mut self.scopes, vec![scope]);
        self.nodes(&mut function.node, plan, &HashSet::new())?;
        for output in &mut function.output {
            *output = self.resolve(output, Width::Half);
        }
        if let Some(scope) = std::mem::replace(&mut self.scopes, around).pop() {
            scope.declare(&mut function.value_info);
            function.node = scope.assemble(std::mem::take(&mut function.node));
        }
        if super::section::standard_opset(&function.opset_import).is_none() {
            function.opset_import.push(super::import(opset));
        }
        Ok(())
    }

    /// Narrows the initializers that converted nodes read; one that others read too is kept twice.
    fn initializers(&mut self, graph: &mut GraphProto, plan: &Plan, scope: &mut Scope) -> Result<(), VariantError> {
        let mut copies = Vec::new();
        for tensor in &mut graph.initializer {
            copies.extend(self.initializer(tensor, &mut graph.input, plan, scope)?);
        }
        graph.initializer.extend(copies);
        let mut copies = Vec::new();
        for sparse in &mut graph.sparse_initializer {
            let Some(values) = &mut sparse.values else { continue };
            if let Some(copy) = self.initializer(values, &mut graph.input, plan, scope)? {
                copies.push(SparseTensorProto {
                    values: Some(copy),
                    ..sparse.clone()
                });
            }
        }
        graph.sparse_initializer.extend(copies);
        Ok(())
    }

    /// Narrows one initializer, or returns a narrow copy under another name. `inputs` are the graph's, which may list it.
    fn initializer(
        &mut self,
        tensor: &mut TensorProto,
        inputs: &mut Vec<ValueInfoProto>,
        plan: &Plan,
        scope: &mut Scope,
    ) -> Result<Option<TensorProto>, VariantError> {
        let name = tensor.name().to_owned();
        let uses = plan.uses.get(&name).copied().unwrap_or_default();
        if plan.kinds.get(&name) != Some(&Kind::Float) || !uses.half {
            scope.define(plan, &name, &name, Width::Full, 0);
            return Ok(None);
        }
        let listed = inputs.iter().position(|input| input.name() == name);
        if !uses.full {
            self.narrow(tensor, &name)?;
            scope.define(plan, &name, &name, Width::Half, 0);
            if let Some(listed) = listed {
                narrow_type(&mut inputs[listed].r#type);
            }
            return Ok(None);
        }
        let copy_name = self.fresh(&name, "_fp16");
        let mut copy = tensor.clone();
        copy.name = Some(copy_name.clone());
        self.narrow(&mut copy, &name)?;
        scope.define(plan, &name, &name, Width::Full, 0);
        scope.also(&name, Width::Half, &copy_name);
        if let Some(listed) = listed.filter(|_| self.lists_initializers) {
            let mut input = inputs[listed].clone();
            input.name = Some(copy_name);
            narrow_type(&mut input.r#type);
            inputs.push(input);
        }
        Ok(Some(copy))
    }

    /// Rewrites nodes in order. `kept` are names that must stay 32 bits wide: the model's outputs.
    fn nodes(&mut self, nodes: &mut [NodeProto], plan: &Plan, kept: &HashSet<String>) -> Result<(), VariantError> {
        for (index, (node, decision)) in nodes.iter_mut().zip(&plan.nodes).enumerate() {
            let home = index + 1;
            if let Some(name) = constant_wanted_twice(node, decision, plan) {
                self.keep_constant_twice(node, plan, &name, home)?;
                continue;
            }
            let original = node.clone();
            let width = if decision.convert { Width::Half } else { Width::Full };
            for (input, name) in node.input.iter_mut().enumerate() {
                let width = if kinds::is_pinned_input(&original, input) {
                    Width::Full
                } else {
                    width
                };
                *name = self.resolve(name, width);
            }
            for (body, body_plan) in bodies_mut(node).zip(&decision.bodies) {
                self.graph(body, body_plan, Role::Body(width))?;
            }
            let makes_float = node
                .output
                .iter()
                .any(|name| plan.kinds.get(name) == Some(&Kind::Float));
            if decision.convert {
                self.outcome.converted += usize::from(makes_float);
                self.narrow_node(node, decision, makes_float)?;
            } else {
                self.note_left(&original, decision, plan, makes_float);
            }
            for (output, name) in node.output.iter_mut().enumerate() {
                let made = name.clone();
                let width = if kinds::is_pinned_output(&original, output) {
                    Width::Full
                } else {
                    width
                };
                let float = plan.kinds.get(&made) == Some(&Kind::Float);
                if float && width == Width::Half && kept.contains(&made) {
                    *name = self.fresh(&made, "_fp16");
                    self.define(plan, &made, name, Width::Half, home);
                    self.add_cast(&made, Width::Full, made.clone());
                } else {
                    self.define(plan, &made, &made, width, home);
                }
            }
        }
        Ok(())
    }

    /// Keeps a constant that is read at both widths at both: one that is cast back would have lost its precision.
    fn keep_constant_twice(
        &mut self,
        node: &NodeProto,
        plan: &Plan,
        name: &str,
        home: usize,
    ) -> Result<(), VariantError> {
        let mut twin = node.clone();
        let half = self.fresh(name, "_fp16");
        twin.output = vec![half.clone()];
        twin.name = Some(self.fresh(&half, "_constant"));
        for attribute in &mut twin.attribute {
            self.narrow_constant(attribute, name)?;
        }
        self.define(plan, name, name, Width::Full, home);
        if let Some(scope) = self.scopes.last_mut() {
            scope.also(name, Width::Half, &half);
            scope.casts.entry(home).or_default().push(twin);
        }
        Ok(())
    }

    /// Changes what a converted node says of types itself.
    fn narrow_node(
        &mut self,
        node: &mut NodeProto,
        decision: &NodePlan,
        makes_float: bool,
    ) -> Result<(), VariantError> {
        if let Some(call) = decision.call {
            if !self.narrowed_functions.contains_key(&call) {
                let name = self.fresh(node.op_type(), "_fp16");
                self.narrowed_functions.insert(call, name);
                self.pending.insert(call);
            }
            node.op_type = self.narrowed_functions.get(&call).cloned();
            return Ok(());
        }
        if !makes_float || !kinds::is_standard(node.domain()) {
            return Ok(());
        }
        let label = node.output.first().cloned().unwrap_or_default();
        match node.op_type() {
            "Cast" => {
                for attribute in node.attribute.iter_mut().filter(|attribute| attribute.name() == "to") {
                    attribute.i = Some(DataType::Float16 as i64);
                }
            }
            "Constant" => {
                for attribute in &mut node.attribute {
                    self.narrow_constant(attribute, &label)?;
                }
            }
            "ConstantOfShape" => {
                match node.attribute.iter_mut().find(|attribute| attribute.name() == "value") {
                    Some(attribute) => self.narrow_constant(attribute, &label)?,
                    // Without a value it is a 32-bit zero.
                    None => node
                        .attribute
                        .push(tensor_attribute("value", half_tensor(&[1], &[0, 0]))),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn narrow_constant(&mut self, attribute: &mut AttributeProto, label: &str) -> Result<(), VariantError> {
        let mut clamped = Clamped::default();
        match attribute.name() {
            "value" => {
                if let Some(tensor) = &mut attribute.t {
                    self.narrow(tensor, label)?;
                }
                return Ok(());
            }
            "sparse_value" => {
                if let Some(values) = attribute
                    .sparse_tensor
                    .as_mut()
                    .and_then(|sparse| sparse.values.as_mut())
                {
                    self.narrow(values, label)?;
                }
                return Ok(());
            }
            "value_float" => {
                let half = half_of(attribute.f(), &mut clamped).to_le_bytes();
                *attribute = tensor_attribute("value", half_tensor(&[], &half));
            }
            "value_floats" => {
                let singles: Vec<u8> = attribute.floats.iter().flat_map(|value| value.to_le_bytes()).collect();
                let length = attribute.floats.len() as i64;
                *attribute = tensor_attribute("value", half_tensor(&[length], &halves(&singles, &mut clamped)));
            }
            _ => return Ok(()),
        }
        self.report(label, clamped);
        Ok(())
    }

    /// Narrows a dense tensor of 32-bit floats in place.
    fn narrow(&mut self, tensor: &mut TensorProto, label: &str) -> Result<(), VariantError> {
        let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
            name: label.to_owned(),
            source,
        })?;
        let mut clamped = Clamped::default();
        let bytes = halves(&view.bytes, &mut clamped);
        set_raw_data(tensor, DataType::Float16, Bytes::from(bytes));
        self.report(label, clamped);
        Ok(())
    }

    fn report(&mut self, label: &str, clamped: Clamped) {
        self.outcome.narrowed += 1;
        if clamped != Clamped::default() {
            self.outcome.clamped.push((label.to_owned(), clamped));
        }
    }

    fn note_left(&mut self, node: &NodeProto, decision: &NodePlan, plan: &Plan, makes_float: bool) {
        let reads_float = node.input.iter().any(|name| {
            self.scopes
                .iter()
                .rev()
                .find_map(|scope| scope.values.get(name))
                .is_some_and(Option::is_some)
        });
        let chose = kinds::is_free(node)
            && !node
                .output
                .iter()
                .any(|name| plan.uses.get(name).is_some_and(|uses| uses.half));
        if (reads_float || makes_float) && !chose {
            self.outcome.left.push(Left {
                node: shown_node(node),
                op_type: node.op_type().to_owned(),
                reason: why_left(node, decision).to_owned(),
            });
        }
    }

    /// The name under which `name` can be read at `width`, with a cast where there is none yet.
    fn resolve(&mut self, name: &str, width: Width) -> String {
        let versions = self.scopes.iter().rev().find_map(|scope| scope.values.get(name));
        let Some(Some(versions)) = versions else {
            return name.to_owned();
        };
        if let Some(existing) = versions.clone().at(width) {
            return existing.clone();
        }
        let to = self.fresh(name, if width == Width::Half { "_fp16" } else { "_fp32" });
        self.add_cast(name, width, to.clone());
        to
    }

    /// Adds the cast that makes `name` readable at `width` as `to`, behind what makes it.
    fn add_cast(&mut self, name: &str, width: Width, to: String) {
        let node_name = self.fresh(&to, "_cast");
        let Some(scope) = self
            .scopes
            .iter_mut()
            .rev()
            .find(|scope| scope.values.contains_key(name))
        else {
            return;
        };
        let Some(Some(versions)) = scope.values.get_mut(name) else {
            return;
        };
        let (from, data_type) = match width {
            Width::Half => (versions.full.clone(), DataType::Float16),
            Width::Full => (versions.half.clone(), DataType::Float),
        };
        *versions.at(width) = Some(to.clone());
        let cast = NodeProto {
            name: Some(node_name),
            op_type: Some("Cast".to_owned()),
            input: from.into_iter().collect(),
            output: vec![to],
            attribute: vec![AttributeProto {
                name: Some("to".to_owned()),
                r#type: Some(AttributeType::Int as i32),
                i: Some(data_type as i64),
                ..AttributeProto::default()
            }],
            ..NodeProto::default()
        };
        scope.casts.entry(versions.home).or_default().push(cast);
    }

    fn define(&mut self, plan: &Plan, name: &str, as_name: &str, width: Width, home: usize) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.define(plan, name, as_name, width, home);
        }
    }

    /// A name that stands nowhere in the model yet.
    fn fresh(&mut self, base: &str, suffix: &str) -> String {
        self.names.fresh(&format!("{base}{suffix}"))
    }
}

/// Why a node computes in 32 bits still, as a sentence fragment.
fn why_left(node: &NodeProto, decision: &NodePlan) -> &'static str {
    if decision.sizes {
        "it computes sizes of tensors, which 16 bits do not hold exactly"
    } else if !kinds::is_standard(node.domain()) {
        "its operator is not known, and so neither are the types of its outputs"
    } else if !kinds::has_half_form(node) {
        "its operator has no 16-bit form, or loses too much in it"
    } else {
        "it reads a tensor of unknown type, or nothing in 16 bits is around it"
    }
}

/// The name of a constant of floats that is read at both widths; `None` for every other node.
fn constant_wanted_twice(node: &NodeProto, decision: &NodePlan, plan: &Plan) -> Option<String> {
    let name = node.output.first()?;
    let both = plan.uses.get(name).is_some_and(|uses| uses.half && uses.full);
    let float = plan.kinds.get(name) == Some(&Kind::Float);
    (decision.convert && node.op_type() == "Constant" && kinds::is_standard(node.domain()) && both && float)
        .then(|| name.clone())
}

fn half_tensor(dims: &[i64], bytes: &[u8]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(DataType::Float16 as i32),
        raw_data: Some(Bytes::copy_from_slice(bytes)),
        ..TensorProto::default()
    }
}
