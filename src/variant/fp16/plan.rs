//! Decides which nodes of a model become 16 bits wide, and who reads each tensor at which width.
//!
//! Forward through each graph: the kind of every tensor, hence which nodes could be converted. A node is left in 32 bits where its
//! operator has no 16-bit form, where it touches a tensor of unknown type, and where it computes sizes (whole numbers above 2 048 are
//! not exact in 16 bits). Backward: the widths at which its consumers want each tensor. Nothing is changed here.

use std::collections::HashMap;

use super::kinds;
use super::kinds::Kind;
use super::section::Section;
use super::section::bodies;
use super::section::element_count;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::variant::VariantError;

/// Constants with more elements are data, whatever is computed with them.
const SMALL: u64 = 64;

/// Functions that call each other deeper than this are left as they are.
const MAX_CALL_DEPTH: usize = 32;

/// The most pairs of a function and the kinds of its inputs that are looked at.
const MAX_CALLS: usize = 4096;

/// What is decided about one graph or function body.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The kind of every tensor that is defined in it.
    pub(super) kinds: HashMap<String, Kind>,
    /// One entry a node.
    pub(super) nodes: Vec<NodePlan>,
    /// Who reads the tensors that are defined in it.
    pub(super) uses: HashMap<String, Uses>,
}

/// What is decided about one node.
#[derive(Debug, Default)]
pub(super) struct NodePlan {
    /// True where its floats become 16 bits wide.
    pub(super) convert: bool,
    /// True where what it computes are sizes of tensors.
    pub(super) sizes: bool,
    /// Its subgraphs, in the order of [`bodies`].
    pub(super) bodies: Vec<Plan>,
    /// The entry of [`Planner::calls`], where it calls a function of the model.
    pub(super) call: Option<usize>,
}

/// The widths at which a tensor is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// By a converted node.
    pub(super) half: bool,
    /// By a node left alone, or as the model's output.
    pub(super) full: bool,
}

impl Uses {
    fn add(&mut self, width: Width) {
        match width {
            Width::Half => self.half = true,
            Width::Full => self.full = true,
        }
    }
}

/// 16 or 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// 16 bits.
    Half,
    /// 32 bits.
    Full,
}

/// A function, called with inputs of certain kinds.
#[derive(Debug)]
pub(super) struct Call {
    /// The function's place in the model.
    pub(super) function: usize,
    /// Its body's plan; `None` while it is being made, which means that the function calls itself.
    pub(super) plan: Option<Plan>,
    outputs: Vec<Kind>,
    decided: bool,
}

/// Plans a model: its graph, and its functions as they are called.
pub(super) struct Planner<'m> {
    functions: &'m [FunctionProto],
    by_name: HashMap<(&'m str, &'m str, &'m str), usize>,
    /// Every function with every combination of input kinds that it is called with.
    pub(super) calls: Vec<Call>,
    known_calls: HashMap<(usize, Vec<Kind>), usize>,
    depth: usize,
}

/// Where the values of a tensor come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From few constants.
    Constant,
    /// From shapes of tensors, and few constants.
    Sizes,
    /// From weights or the model's inputs.
    Data,
}

/// The tensors of one graph, before those of the graphs around it.
struct Frame<'a> {
    outer: Option<&'a Frame<'a>>,
    values: HashMap<String, (Kind, Origin)>,
}

impl Frame<'_> {
    fn find(&self, name: &str) -> Option<(Kind, Origin)> {
        let own = self.values.get(name).copied();
        own.or_else(|| self.outer.and_then(|outer| outer.find(name)))
    }
}

impl<'m> Planner<'m> {
    /// A planner for a model with these functions.
    pub(super) fn new(functions: &'m [FunctionProto]) -> Self {
        let by_name = functions
            .iter()
            .enumerate()
            .map(|(index, function)| ((function.domain(), function.name(), function.overload()), index))
            .collect();
        Self {
            functions,
            by_name,
            calls: Vec::new(),
            known_calls: HashMap::new(),
            depth: 0,
        }
    }

    /// The plan of the main graph.
    pub(super) fn plan(&mut self, graph: &Section<'_>, opset: i64) -> Result<Plan, VariantError> {
        let (mut plan, _) = self.infer(graph, None, None, opset)?;
        self.decide(graph, &mut plan, true, Width::Full);
        Ok(plan)
    }

    /// Finds the kind of every tensor, and marks every node that could be converted. Returns the kinds of the outputs too.
    fn infer(
        &mut self,
        section: &Section<'_>,
        inputs: Option<&[Kind]>,
        outer: Option<&Frame<'_>>,
        opset: i64,
    ) -> Result<(Plan, Vec<Kind>), VariantError> {
        let mut frame = Frame {
            outer,
            values: HashMap::new(),
        };
        for (index, (name, declared)) in section.inputs.iter().enumerate() {
            let kind = inputs
                .and_then(|inputs| inputs.get(index))
                .filter(|kind| **kind != Kind::Unknown);
            frame
                .values
                .insert((*name).to_owned(), (*kind.unwrap_or(declared), Origin::Data));
        }
        for tensor in &section.initializers {
            let origin = origin_of_constant(tensor.elements);
            frame.values.insert(tensor.name.to_owned(), (tensor.kind, origin));
        }
        let mut nodes = Vec::with_capacity(section.nodes.len());
        for node in section.nodes {
            let read: Vec<(Kind, Origin)> = node
                .input
                .iter()
                .map(|name| match name.as_str() {
                    "" => Ok((Kind::Other, Origin::Constant)),
                    name => frame.find(name).ok_or_else(|| unmade(node, name)),
                })
                .collect::<Result<_, _>>()?;
            let kinds: Vec<Kind> = read.iter().map(|(kind, _)| *kind).collect();
            let (mut made, mut plan) = self.infer_node(node, &kinds, &frame, opset)?;
            for (kind, name) in made.iter_mut().zip(&node.output) {
                if *kind == Kind::Unknown {
                    *kind = section.declared.get(name.as_str()).copied().unwrap_or(Kind::Unknown);
                    plan.convert &= *kind != Kind::Unknown;
                }
            }
            let origin = origin(node, &read);
            let computes_sizes = origin == Origin::Sizes && !measures(node);
            plan.sizes = computes_sizes;
            plan.convert &= !computes_sizes && !kinds.contains(&Kind::Unknown);
            for (name, kind) in node.output.iter().zip(&made).filter(|(name, _)| !name.is_empty()) {
                frame.values.insert(name.clone(), (*kind, origin));
            }
            nodes.push(plan);
        }
        let outputs = section
            .outputs
            .iter()
            .map(|name| frame.find(name).map_or(Kind::Unknown, |(kind, _)| kind))
            .collect();
        let kinds = frame.values.into_iter().map(|(name, (kind, _))| (name, kind)).collect();
        let plan = Plan {
            kinds,
            nodes,
            uses: HashMap::new(),
        };
        Ok((plan, outputs))
    }

    /// The kinds of a node's outputs, and whether its operator and subgraphs allow to convert it.
    fn infer_node(
        &mut self,
        node: &NodeProto,
        inputs: &[Kind],
        frame: &Frame<'_>,
        opset: i64,
    ) -> Result<(Vec<Kind>, NodePlan), VariantError> {
        let unknown = || vec![Kind::Unknown; node.output.len()];
        let name = (node.domain(), node.op_type(), node.overload());
        if let Some(&function) = self.by_name.get(&name) {
            let Some(call) = self.infer_call(function, inputs)? else {
                return Ok((unknown(), NodePlan::default()));
            };
            let mut outputs = self.calls[call].outputs.clone();
            outputs.resize(node.output.len(), Kind::Unknown);
            let plan = NodePlan {
                convert: inputs.iter().chain(&outputs).any(|kind| *kind == Kind::Float),
                call: Some(call),
                ..NodePlan::default()
            };
            return Ok((outputs, plan));
        }
        if bodies(node).next().is_some() {
            return self.infer_bodies(node, inputs, frame, opset);
        }
        let outputs = kinds::outputs(node, inputs, opset);
        let plan = NodePlan {
            convert: outputs.is_some() && kinds::has_half_form(node),
            ..NodePlan::default()
        };
        Ok((outputs.unwrap_or_else(unknown), plan))
    }

    /// As [`Self::infer_node`], for nodes with subgraphs.
    fn infer_bodies(
        &mut self,
        node: &NodeProto,
        inputs: &[Kind],
        frame: &Frame<'_>,
        opset: i64,
    ) -> Result<(Vec<Kind>, NodePlan), VariantError> {
        let op = if kinds::is_standard(node.domain()) {
            node.op_type()
        } else {
            ""
        };
        let given: Option<Vec<Kind>> = match op {
            // A loop's body takes the iteration and the condition, then what is carried around.
            "Loop" => Some([&[Kind::Other; 2], inputs.get(2..).unwrap_or_default()].concat()),
            // Opset 8 had the lengths of sequences in front.
            "Scan" if opset < 9 => Some(inputs.get(1..).unwrap_or_default().to_vec()),
            "Scan" => Some(inputs.to_vec()),
            _ => None,
        };
        let mut plans = Vec::new();
        let mut results = Vec::new();
        for body in bodies(node) {
            let (plan, outputs) = self.infer(&Section::of_graph(body), given.as_deref(), Some(frame), opset)?;
            plans.push(plan);
            results.push(outputs);
        }
        let results: Option<Vec<Kind>> = match (op, results.as_slice()) {
            ("If", [one, other]) if one == other => Some(one.clone()),
            ("Loop", [body]) => {
                let carried = inputs.get(2..).unwrap_or_default();
                let returned = body.get(1..).unwrap_or_default();
                returned.starts_with(carried).then(|| returned.to_vec())
            }
            ("Scan", [body]) => {
                let states = given.as_deref().unwrap_or_default();
                let scanned = kinds::attribute(node, "num_scan_inputs")
                    .and_then(|count| count.i)
                    .unwrap_or(0);
                let carried = states.len().checked_sub(usize::try_from(scanned).unwrap_or(usize::MAX));
                carried
                    .and_then(|carried| states.get(..carried))
                    .filter(|carried| body.starts_with(carried))
                    .map(|_| body.clone())
            }
            _ => None,
        };
        let results = results.filter(|results| results.len() == node.output.len());
        let plan = NodePlan {
            convert: results.is_some(),
            bodies: plans,
            ..NodePlan::default()
        };
        Ok((results.unwrap_or_else(|| vec![Kind::Unknown; node.output.len()]), plan))
    }

    /// The entry of [`Self::calls`] for a function called with inputs of these kinds; `None` where it cannot be planned.
    fn infer_call(&mut self, function: usize, inputs: &[Kind]) -> Result<Option<usize>, VariantError> {
        let key = (function, inputs.to_vec());
        if let Some(&known) = self.known_calls.get(&key) {
            return Ok(self.calls[known].plan.is_some().then_some(known));
        }
        if inputs.contains(&Kind::Unknown) || self.depth >= MAX_CALL_DEPTH || self.calls.len() >= MAX_CALLS {
            return Ok(None);
        }
        let entry = self.calls.len();
        self.known_calls.insert(key, entry);
        self.calls.push(Call {
            function,
            plan: None,
            outputs: Vec::new(),
            decided: false,
        });
        let proto = &self.functions[function];
        self.depth += 1;
        let section = Section::of_function(proto);
        let opset = section.opset.unwrap_or(0);
        let outcome = self.infer(&section, Some(inputs), None, opset);
        self.depth -= 1;
        let (plan, outputs) = outcome?;
        self.calls[entry].plan = Some(plan);
        self.calls[entry].outputs = outputs;
        Ok(Some(entry))
    }

    /// Fills in who reads what, last node first, and settles the nodes that may choose. Returns the uses of names from outside.
    fn decide(
        &mut self,
        section: &Section<'_>,
        plan: &mut Plan,
        convert: bool,
        results: Width,
    ) -> HashMap<String, Uses> {
        let mut uses: HashMap<String, Uses> = HashMap::new();
        for name in &section.outputs {
            uses.entry((*name).to_owned()).or_default().add(results);
        }
        for (node, decision) in section.nodes.iter().zip(&mut plan.nodes).rev() {
            decision.convert &= convert;
            if decision.convert && kinds::is_free(node) {
                let wanted = |name: &String| {
                    plan.kinds.get(name) != Some(&Kind::Float) || uses.get(name).is_some_and(|uses| uses.half)
                };
                decision.convert = node.output.iter().any(wanted);
            }
            let width = if decision.convert { Width::Half } else { Width::Full };
            for (body, body_plan) in bodies(node).zip(&mut decision.bodies) {
                let outside = self.decide(&Section::of_graph(body), body_plan, decision.convert, width);
                for (name, use_outside) in outside {
                    let entry = uses.entry(name).or_default();
                    entry.half |= use_outside.half;
                    entry.full |= use_outside.full;
                }
            }
            if let Some(call) = decision.call.filter(|_| decision.convert) {
                self.decide_call(call);
            }
            for (index, name) in node.input.iter().enumerate() {
                let width = if kinds::is_pinned_input(node, index) {
                    Width::Full
                } else {
                    width
                };
                uses.entry(name.clone()).or_default().add(width);
            }
        }
        let (own, outside) = uses.into_iter().partition(|(name, _)| plan.kinds.contains_key(name));
        plan.uses = own;
        outside
    }

    fn decide_call(&mut self, call: usize) {
        if std::mem::replace(&mut self.calls[call].decided, true) {
            return;
        }
        if let Some(mut plan) = self.calls[call].plan.take() {
            let proto = &self.functions[self.calls[call].function];
            self.decide(&Section::of_function(proto), &mut plan, true, Width::Half);
            self.calls[call].plan = Some(plan);
        }
    }
}

fn origin_of_constant(elements: u64) -> Origin {
    if elements <= SMALL {
        Origin::Constant
    } else {
        Origin::Data
    }
}

/// True for operators that read nothing of a tensor but its shape.
fn measures(node: &NodeProto) -> bool {
    kinds::is_standard(node.domain()) && matches!(node.op_type(), "Shape" | "Size")
}

fn origin(node: &NodeProto, inputs: &[(Kind, Origin)]) -> Origin {
    let standard = kinds::is_standard(node.domain());
    match node.op_type() {
        _ if measures(node) => Origin::Sizes,
        "Constant" if standard => {
            let tensor = kinds::attribute(node, "value").and_then(|value| value.t.as_ref());
            origin_of_constant(tensor.map_or(0, |tensor| element_count(&tensor.dims)))
        }
        _ if !standard || inputs.is_empty() || bodies(node).next().is_some() => Origin::Data,
        _ if inputs.iter().any(|(_, origin)| *origin == Origin::Data) => Origin::Data,
        _ if inputs.iter().any(|(_, origin)| *origin == Origin::Sizes) => Origin::Sizes,
        _ => Origin::Constant,
    }
}

fn unmade(node: &NodeProto, name: &str) -> VariantError {
    VariantError::Unordered {
        node: shown_node(node),
        tensor: shown(name),
    }
}
