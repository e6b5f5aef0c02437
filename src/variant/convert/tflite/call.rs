//! One node of an ONNX graph as its converter sees it: attributes, constant inputs, tensors.

use super::error::Refusal;
use super::graph::TensorId;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::variant::edit;
use crate::variant::simplify::value::Value;
use crate::variant::simplify::value::axis_of;

/// A constant that is made from attributes and sizes alone has no more elements than this.
const MAX_MADE: usize = 1 << 24;

/// What a name of the ONNX graph stands for.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// Known before the model is run; becomes a tensor where an operator reads it.
    Constant(Value),
    /// Computed when the model is run.
    Tensor(TensorId),
}

/// A node and what its inputs stand for.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) inputs: Vec<Option<Slot>>,
}

impl Call<'_> {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        edit::attribute(self.node, name)
    }

    /// True where the attribute is there.
    pub(super) fn states(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// An integer attribute, or its default.
    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name)
            .and_then(|attribute| attribute.i)
            .unwrap_or(default)
    }

    /// A float attribute, or its default.
    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name)
            .and_then(|attribute| attribute.f)
            .unwrap_or(default)
    }

    /// A list attribute.
    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A list of sizes.
    pub(super) fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>, Refusal> {
        let Some(ints) = self.ints(name) else { return Ok(None) };
        // The format counts in 32 bits.
        let size = |size: &i64| u32::try_from(*size).ok().filter(|size| *size <= i32::MAX as u32);
        let sizes: Option<Vec<usize>> = ints.iter().map(|value| size(value).map(|size| size as usize)).collect();
        sizes
            .map(Some)
            .ok_or_else(|| format!("its `{name}` has an entry that is negative or beyond 32 bits").into())
    }

    /// A text attribute, or its default.
    pub(super) fn text(&self, name: &str, default: &str) -> String {
        let bytes = self.attribute(name).and_then(|attribute| attribute.s.as_deref());
        bytes.map_or_else(
            || default.to_owned(),
            |bytes| String::from_utf8_lossy(bytes).into_owned(),
        )
    }

    /// A list of texts; empty where it is left out.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let strings = self.attribute(name).map(|attribute| attribute.strings.as_slice());
        let strings = strings.unwrap_or_default().iter();
        strings
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect()
    }

    /// True where an optional input is given.
    pub(super) fn has(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(Option::is_some)
    }

    /// True where a further output is asked for.
    pub(super) fn wants(&self, index: usize) -> bool {
        self.node.output.get(index).is_some_and(|name| !name.is_empty())
    }

    /// An input that is known beforehand.
    pub(super) fn constant(&self, index: usize) -> Option<&Value> {
        match self.inputs.get(index)?.as_ref()? {
            Slot::Constant(value) => Some(value),
            Slot::Tensor(_) => None,
        }
    }

    /// What is an attribute in early versions and a constant input in later ones; the inner `None` where it is left out.
    pub(super) fn list(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>, Refusal> {
        if let Some(ints) = self.ints(name) {
            return Ok(Some(ints.to_vec()));
        }
        if !self.has(index) {
            return Ok(None);
        }
        let ints = self.constant(index).and_then(Value::to_ints);
        ints.map(Some).ok_or_else(|| {
            Refusal::new(
                format!("its `{name}` depend on the data"),
                format!("`{name}` that follow from the inputs' shapes are supported"),
            )
        })
    }

    /// As [`Call::list`], for what must be there.
    pub(super) fn needed(&self, name: &str, index: usize) -> Result<Vec<i64>, Refusal> {
        self.list(name, index)?
            .ok_or_else(|| format!("it lacks `{name}`").into())
    }

    /// Axes of a tensor of `rank` dimensions, each once, in ascending order.
    pub(super) fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>, Refusal> {
        let mut axes: Vec<usize> = axes.iter().map(|value| axis(*value, rank)).collect::<Result<_, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// The axis attribute.
    pub(super) fn axis(&self, default: i64, rank: usize) -> Result<usize, Refusal> {
        axis(self.int("axis", default), rank)
    }

    /// A constant input of one float.
    pub(super) fn scalar(&self, index: usize) -> Option<f32> {
        let value = self.constant(index)?;
        match (super::lower::floats(value), value.to_ints()) {
            (Some(floats), _) => floats.first().copied(),
            (None, Some(ints)) => ints.first().map(|value| *value as f32),
            (None, None) => None,
        }
    }
}

/// The number of elements of a constant that is made from sizes alone; an error where no model would need as many.
pub(super) fn bounded(count: Option<usize>) -> Result<usize, Refusal> {
    count
        .filter(|count| *count <= MAX_MADE)
        .ok_or_else(|| format!("it would need a constant of more than {MAX_MADE} elements").into())
}

/// An axis of a tensor of `rank` dimensions, counted from the end where negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, Refusal> {
    axis_of(axis, rank).ok_or_else(|| format!("its axis {axis} lies outside a tensor of {rank} dimensions").into())
}
