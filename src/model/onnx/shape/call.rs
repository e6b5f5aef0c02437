//! One call of an operator: its node, its attributes, and what is known about its inputs.

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::Shapes;

/// One call.
pub(crate) struct Call<'a> {
    /// The node.
    pub(crate) node: &'a NodeProto,
    /// The version of the default operator set.
    pub(crate) opset: i64,
    inputs: Vec<Option<&'a Known>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(node: &'a NodeProto, opset: i64, shapes: &'a Shapes<'_>) -> Self {
        let known = |name: &String| shapes.get(name.as_str()).filter(|_| !name.is_empty());
        let inputs = node.input.iter().map(known).collect();
        Self { node, opset, inputs }
    }

    /// What is known about an input; `None` where nothing is, or it is left out.
    pub(crate) fn input(&self, index: usize) -> Option<&'a Known> {
        self.inputs.get(index).copied().flatten()
    }

    /// All inputs, if all are known.
    pub(crate) fn all_inputs(&self) -> Option<Vec<&'a Known>> {
        self.inputs.iter().copied().collect()
    }

    /// True where an optional input is given.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.node.input.get(index).is_some_and(|name| !name.is_empty())
    }

    /// True where a further output is asked for.
    pub(crate) fn wants(&self, index: usize) -> bool {
        self.node.output.get(index).is_some_and(|name| !name.is_empty())
    }

    /// An attribute by name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// An integer attribute, or its default. An attribute that a function's caller fills is not here.
    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name)
            .and_then(|attribute| attribute.i)
            .unwrap_or(default)
    }

    /// A list attribute; `None` where it is left out.
    pub(crate) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A text attribute, or empty.
    pub(crate) fn text(&self, name: &str) -> &'a [u8] {
        self.attribute(name)
            .and_then(|attribute| attribute.s.as_deref())
            .unwrap_or_default()
    }

    /// What became an input in a later operator set: the attribute `name`, or the values of the input `index`. The outer `None`
    /// means that it is there and not known, the inner that it is left out.
    pub(crate) fn list(&self, name: &str, index: usize) -> Option<Option<Vec<i64>>> {
        if let Some(ints) = self.ints(name) {
            return Some(Some(ints.to_vec()));
        }
        if !self.has(index) {
            return Some(None);
        }
        self.input(index)?.ints.clone().map(Some)
    }
}
