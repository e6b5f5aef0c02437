//! The graph between ONNX and TensorFlow Lite: tensors with concrete shapes, operators in an order in which they can run.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;

use super::infer::infer;
use super::op::Op;

/// More elements than this are in no tensor: the format counts them in 32 bits.
const MAX_ELEMENTS: usize = i32::MAX as usize;

/// The type of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    F32,
    I32,
    /// Only at the model's border: within, integers have 32 bits.
    I64,
    I8,
    U8,
    Bool,
}

impl Kind {
    /// Bytes of an element.
    pub(super) fn width(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// Names a tensor of one graph; made by that graph alone, so always valid in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TensorId(usize);

/// A tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// The elements of a constant, row-major, little-endian.
    pub(super) data: Option<Bytes>,
}

impl Tensor {
    /// The number of elements.
    pub(super) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of dimensions.
    pub(super) fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The elements of a constant of floats.
    pub(super) fn floats(&self) -> Option<Vec<f32>> {
        let data = self.data.as_ref().filter(|_| self.kind == Kind::F32)?;
        let floats = data
            .chunks_exact(4)
            .filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)));
        Some(floats.collect())
    }

    /// The one element of a constant of floats that has only one.
    pub(super) fn scalar(&self) -> Option<f32> {
        if self.elements() != 1 {
            return None;
        }
        self.floats()?.first().copied()
    }
}

/// An operator at its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) op: Op,
    pub(super) inputs: Vec<TensorId>,
    pub(super) outputs: Vec<TensorId>,
}

/// The graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Graph {
    tensors: Vec<Tensor>,
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: Vec<TensorId>,
    /// With the names that callers know them by.
    pub(super) outputs: Vec<(String, TensorId)>,
}

impl Graph {
    /// The tensor of that id.
    pub(super) fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// As [`Graph::tensor`], to change it.
    pub(super) fn tensor_mut(&mut self, id: TensorId) -> &mut Tensor {
        &mut self.tensors[id.0]
    }

    /// Its shape.
    pub(super) fn shape(&self, id: TensorId) -> &[usize] {
        &self.tensor(id).shape
    }

    /// Adds a tensor; an error where it is too large for the format.
    pub(super) fn add(&mut self, tensor: Tensor) -> Result<TensorId, String> {
        let count = tensor
            .shape
            .iter()
            .try_fold(1_usize, |product, dim| product.checked_mul((*dim).max(1)));
        if count.is_none_or(|count| count > MAX_ELEMENTS) {
            return Err(format!(
                "it makes a tensor of shape {:?}, too large for the format",
                tensor.shape
            ));
        }
        self.tensors.push(tensor);
        Ok(TensorId(self.tensors.len() - 1))
    }

    /// Adds an operator behind the others, and the tensors that it makes, called `name` (`name:1` the second).
    pub(super) fn push(&mut self, op: Op, inputs: &[TensorId], name: &str) -> Result<Vec<TensorId>, String> {
        let known: Vec<&Tensor> = inputs.iter().map(|id| self.tensor(*id)).collect();
        let made = infer(&op, &known)?;
        let mut outputs = Vec::with_capacity(made.len());
        for (number, (kind, shape)) in made.into_iter().enumerate() {
            let name = if number == 0 {
                name.to_owned()
            } else {
                format!("{name}:{number}")
            };
            outputs.push(self.add(Tensor {
                name,
                kind,
                shape,
                data: None,
            })?);
        }
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
        });
        Ok(outputs)
    }

    /// Which operator makes each tensor, by its place in `nodes`.
    pub(super) fn producers(&self) -> HashMap<TensorId, usize> {
        let outputs = self.nodes.iter().enumerate();
        outputs
            .flat_map(|(place, node)| node.outputs.iter().map(move |id| (*id, place)))
            .collect()
    }

    /// How often each tensor is read; a graph's output counts as read.
    pub(super) fn uses(&self) -> HashMap<TensorId, usize> {
        let mut uses = HashMap::new();
        let outputs = self.outputs.iter().map(|(_, id)| id);
        for id in self.nodes.iter().flat_map(|node| &node.inputs).chain(outputs) {
            *uses.entry(*id).or_default() += 1;
        }
        uses
    }

    /// Drops operators that nothing needs.
    pub(super) fn drop_dead(&mut self) {
        let mut needed: HashSet<TensorId> = self.outputs.iter().map(|(_, id)| *id).collect();
        let mut keep = vec![false; self.nodes.len()];
        for (node, keep) in self.nodes.iter().zip(&mut keep).rev() {
            *keep = node.outputs.iter().any(|id| needed.contains(id));
            if *keep {
                needed.extend(&node.inputs);
            }
        }
        let mut keep = keep.into_iter();
        self.nodes.retain(|_| keep.next().unwrap_or(true));
    }

    /// Has everything read another tensor in the place of each of these.
    pub(super) fn replace(&mut self, instead: &HashMap<TensorId, TensorId>) {
        if instead.is_empty() {
            return;
        }
        let resolve = |id: &mut TensorId| {
            while let Some(other) = instead.get(id) {
                *id = *other;
            }
        };
        self.nodes
            .iter_mut()
            .flat_map(|node| &mut node.inputs)
            .for_each(resolve);
        self.outputs.iter_mut().map(|(_, id)| id).for_each(resolve);
    }
}

/// The number of elements of a shape that a model states; `None` where it is beyond counting.
pub(super) fn counted(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim))
}

/// The bytes of floats.
pub(super) fn pack_floats(values: &[f32]) -> Bytes {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect::<Vec<u8>>()
        .into()
}

/// The bytes of integers.
pub(super) fn pack_ints(values: &[i32]) -> Bytes {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect::<Vec<u8>>()
        .into()
}

/// The elements of a tensor of `shape`, each `width` bytes, in the order of the axes `order`.
pub(super) fn transposed(data: &Bytes, shape: &[usize], width: usize, order: &[usize]) -> Option<Bytes> {
    let mut strides = vec![width; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides.get(axis)?.checked_mul(*shape.get(axis)?)?;
    }
    let dims: Vec<usize> = order
        .iter()
        .map(|axis| shape.get(*axis).copied())
        .collect::<Option<_>>()?;
    let steps: Vec<usize> = order
        .iter()
        .map(|axis| strides.get(*axis).copied())
        .collect::<Option<_>>()?;
    let mut place = vec![0_usize; dims.len()];
    let mut at = 0_usize;
    let mut bytes = Vec::with_capacity(data.len());
    for _ in 0..dims.iter().product() {
        bytes.extend_from_slice(data.get(at..at + width)?);
        for ((index, dim), step) in place.iter_mut().zip(&dims).zip(&steps).rev() {
            *index += 1;
            at += step;
            if *index < *dim {
                break;
            }
            at -= step * dim;
            *index = 0;
        }
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_data() {
        let data = pack_ints(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(
            transposed(&data, &[2, 3], 4, &[1, 0]).unwrap(),
            pack_ints(&[0, 3, 1, 4, 2, 5])
        );
        assert_eq!(transposed(&data, &[1, 6], 4, &[1, 0]).unwrap(), data);
    }
}
