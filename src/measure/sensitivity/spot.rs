//! A tensor within a build: what makes it, where it is found, and how its numbers are read.

use super::dequantized::Scale;
use crate::model::onnx::proto::NodeProto;
use crate::model::tensor::Tensor;

/// A tensor that a node makes out of others by work, and not by moving them about.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Its name.
    pub(super) tensor: String,
    /// The node, as profiles call it.
    pub(super) node: String,
    /// The node's operator.
    pub(super) op_type: String,
    /// Its bytes, where its shape can be told.
    pub(super) bytes: Option<u64>,
    /// True of an operator that is compared first where there are too many.
    pub(super) is_heavy: bool,
    /// Where it is.
    pub(super) spot: Spot,
}

/// Where a tensor is, and how to read it.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    /// What the copy's output is called.
    pub(super) output: String,
    /// How a copy comes to have it as an output.
    pub(super) way: Way,
}

/// How a copy of a build comes to have a tensor as an output.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// By its name, once this node is added, where one must be.
    Onnx(Option<Box<NodeProto>>),
    /// By its place in the graph that is run; integers stand for other numbers by this scale.
    TfLite(usize, Option<Scale>),
}

impl Spot {
    /// The numbers of `outputs`' tensor for this spot, and its shape; `None` where it is missing or holds none.
    pub(super) fn read<'t>(&self, outputs: &'t [Tensor]) -> Option<(Vec<f64>, &'t [u64])> {
        let tensor = outputs.iter().find(|output| output.name == self.output)?;
        let values = match &self.way {
            Way::TfLite(_, Some(scale)) => scale.numbers(tensor)?,
            Way::Onnx(_) | Way::TfLite(_, None) if tensor.element.is_float() => tensor.to_f64()?,
            _ => return None,
        };
        // An engine that yields fewer elements than it says yields nothing.
        (values.len() == tensor.len()).then_some((values, tensor.shape.as_slice()))
    }
}

/// A tensor of the first build, and what it is compared with in the second.
#[derive(Debug)]
pub(super) struct Pair {
    /// In the first.
    pub(super) before: Made,
    /// What it is called in the second.
    pub(super) matched: String,
    /// Where it is in the second.
    pub(super) after: Spot,
}

/// All tensors that can be compared, in the order of the first build's nodes.
#[derive(Debug)]
pub(super) struct Pairs {
    /// Those with a counterpart.
    pub(super) pairs: Vec<Pair>,
    /// How many have none.
    pub(super) unmatched: usize,
    /// How many cannot be looked at.
    pub(super) left_out: usize,
}
