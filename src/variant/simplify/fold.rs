//! Nodes whose results are known before anything is run become initializers.

use std::collections::HashMap;
use std::collections::HashSet;

use super::Simplifier;
use super::evaluate::Call;
use super::evaluate::evaluate;
use super::evaluate::shape_part;
use super::scope::bodies_mut;
use super::scope::outputs;
use super::scope::reads;
use super::value::Value;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::is_standard;
use crate::units::Bytes;
use crate::variant::edit;
use crate::variant::opset::Facts;

/// A result up to this size, in bytes, is stored in any case; a larger one only where what it was made of goes.
const SMALL: usize = 64 << 10;

/// The constants of a graph, and those of the graphs around it.
#[derive(Default)]
pub(super) struct Constants<'o> {
    own: HashMap<String, TensorProto>,
    /// Other tensors of the graph, which hide constants of the same name around it.
    hidden: HashSet<String>,
    outer: Option<&'o Constants<'o>>,
}

impl<'o> Constants<'o> {
    /// The constants of `graph` as it is.
    pub(super) fn of(graph: &GraphProto, replaceable: bool, outer: Option<&'o Constants<'o>>) -> Self {
        let inputs: HashSet<&str> = graph.input.iter().map(|input| input.name()).collect();
        let fixed = |tensor: &&TensorProto| !replaceable || !inputs.contains(tensor.name());
        let own = graph.initializer.iter().filter(fixed);
        let made = graph.node.iter().flat_map(|node| &node.output).cloned();
        Self {
            own: own.map(|tensor| (tensor.name().to_owned(), tensor.clone())).collect(),
            hidden: inputs.iter().map(|name| (*name).to_owned()).chain(made).collect(),
            outer,
        }
    }

    /// The constant of that name.
    pub(super) fn find(&self, name: &str) -> Option<&TensorProto> {
        if let Some(tensor) = self.own.get(name) {
            return Some(tensor);
        }
        if self.hidden.contains(name) {
            return None;
        }
        self.outer.and_then(|outer| outer.find(name))
    }

    /// The constant of that name, to be computed with.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        Value::of(self.find(name)?)
    }
}

impl Simplifier<'_> {
    /// Folds the nodes of `graph`, simplifies the graphs within it, and learns what its nodes make.
    pub(super) fn fold(&mut self, graph: &mut GraphProto, constants: &mut Constants<'_>, facts: &mut Facts<'_>) {
        let given = outputs(graph);
        let counts = reads(graph);
        let mut measured: HashMap<String, String> = HashMap::new();
        for mut node in std::mem::take(&mut graph.node) {
            if !self.listed {
                for body in bodies_mut(&mut node) {
                    self.graph(body, Some(constants), Facts::within(facts));
                }
            }
            facts.learn(&node);
            let is_ours = is_standard(&node) && !self.local.contains(node.op_type());
            let single = match node.output.as_slice() {
                [output, rest @ ..] if rest.iter().all(String::is_empty) => Some(output.clone()),
                _ => None,
            };
            let folded = single
                .filter(|output| is_ours && !output.is_empty() && !given.contains(output))
                .and_then(|output| {
                    let mut tensor = self.constant(&node, constants, facts, &measured, &counts)?;
                    tensor.name = Some(output);
                    Some(tensor)
                });
            let Some(tensor) = folded else {
                if is_ours && node.op_type() == "Shape" && node.attribute.is_empty() {
                    let pair = node.output.first().cloned().zip(node.input.first().cloned());
                    measured.extend(pair);
                }
                graph.node.push(node);
                continue;
            };
            self.tally.folded += 1;
            constants.own.insert(tensor.name().to_owned(), tensor.clone());
            self.store(graph, tensor);
        }
    }

    /// What `node` gives, where that is known; without a name.
    fn constant(
        &mut self,
        node: &NodeProto,
        constants: &Constants<'_>,
        facts: &Facts<'_>,
        measured: &HashMap<String, String>,
        counts: &HashMap<String, usize>,
    ) -> Option<TensorProto> {
        match node.op_type() {
            "Constant" => {
                if let [attribute] = node.attribute.as_slice()
                    && attribute.name() == "value"
                {
                    return attribute.t.clone();
                }
                return Some(Value::of_constant(node)?.tensor(""));
            }
            "Shape" => {
                if let Some(dims) = facts.dims(node.input.first()?)
                    && let Some(dims) = dims
                        .iter()
                        .map(|dim| i64::try_from((*dim)?).ok())
                        .collect::<Option<Vec<_>>>()
                {
                    return Some(shape_part(node, &dims)?.tensor(""));
                }
            }
            // One size of a tensor of which others are open.
            "Gather" => {
                if let [shape, index] = node.input.as_slice()
                    && let Some(dims) = measured.get(shape).and_then(|data| facts.dims(data))
                {
                    let index = constants.value(index)?;
                    let picks: Option<Vec<i64>> = index
                        .to_ints()?
                        .iter()
                        .map(|pick| i64::try_from((*dims.get(super::value::axis_of(*pick, dims.len())?)?)?).ok())
                        .collect();
                    return Some(Value::ints(DataType::Int64, index.dims, &picks?)?.tensor(""));
                }
            }
            _ => {}
        }
        let mut inputs = Vec::new();
        for name in &node.input {
            inputs.push(match name.as_str() {
                "" => None,
                name => Some(constants.value(name)?),
            });
        }
        if inputs.is_empty() {
            return None;
        }
        // Values that the engine is given small become large here; that is known before anything is computed.
        let wanted = wanted_bytes(node, &inputs);
        let freed: usize = node
            .input
            .iter()
            .zip(&inputs)
            .filter(|(name, _)| counts.get(*name) == Some(&1))
            .filter_map(|(_, value)| value.as_ref().map(|value| value.bytes.len()))
            .sum();
        let limit = SMALL.max(freed);
        let too_large = |size: usize| size > limit;
        if let Some(size) = wanted.filter(|size| too_large(*size)) {
            self.leave_large(node, size);
            return None;
        }
        let result = evaluate(&Call { node, inputs })?;
        if too_large(result.bytes.len()) {
            self.leave_large(node, result.bytes.len());
            return None;
        }
        Some(result.tensor(""))
    }

    fn leave_large(&mut self, node: &NodeProto, size: usize) {
        if self.left.insert(node.output.first().cloned().unwrap_or_default()) {
            let reason = format!(
                "its result is constant, but would take {} more in the file",
                Bytes(size as u64)
            );
            self.account.leave(node, reason);
        }
    }

    /// Adds an initializer; the oldest formats list it as an input too.
    pub(super) fn store(&self, graph: &mut GraphProto, tensor: TensorProto) {
        if self.listed {
            graph.input.push(super::listing(&tensor));
        }
        graph.initializer.push(tensor);
    }
}

/// The size of what operators that make much out of little will make, in bytes.
fn wanted_bytes(node: &NodeProto, inputs: &[Option<Value>]) -> Option<usize> {
    let ints = |index: usize| inputs.get(index)?.as_ref()?.to_ints();
    let elements = match node.op_type() {
        "ConstantOfShape" => ints(0)?,
        "Expand" => ints(1)?,
        "Range" => {
            let (start, limit, delta) = (*ints(0)?.first()?, *ints(1)?.first()?, *ints(2)?.first()?);
            vec![limit.saturating_sub(start).checked_div(delta).unwrap_or(0).max(0)]
        }
        _ => return None,
    };
    let count = elements.iter().fold(1_usize, |product, dim| {
        product.saturating_mul(usize::try_from(*dim).unwrap_or(0))
    });
    let width = match node.op_type() {
        "ConstantOfShape" => edit::attribute(node, "value")
            .and_then(|value| Value::of(value.t.as_ref()?))
            .map_or(4, |value| value.width()),
        _ => inputs.first()?.as_ref()?.width(),
    };
    Some(count.saturating_mul(width))
}
