//! The tensors that a graph's nodes make, with what is known of each.

use std::collections::BTreeMap;

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::shape;
use crate::model::onnx::types::element_type;
use crate::model::tensor::ElementType;

/// A tensor that a node of the main graph makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTensor {
    /// Its name.
    pub name: String,
    /// The node; for one without a name, its operator and its place, such as `Relu #12`.
    pub node: String,
    /// The node's operator.
    pub op_type: String,
    /// The type of its elements, where that can be told.
    pub element: Option<ElementType>,
    /// Its bytes, where its shape can be told.
    pub bytes: Option<u64>,
}

/// Every named tensor that the main graph's nodes make, in their order; `inputs` gives shapes of inputs that the model leaves open,
/// by name.
pub fn made(model: &ModelProto, external: &[ExternalFile], inputs: &BTreeMap<String, Vec<u64>>) -> Vec<MadeTensor> {
    let mut tensors = Vec::new();
    let mut place = 0_usize;
    shape::propagate(model, external, inputs, &mut |call, outputs| {
        let node = match call.node.name() {
            "" => format!("{} #{place}", call.node.op_type()),
            name => name.to_owned(),
        };
        place += 1;
        for (name, known) in call
            .node
            .output
            .iter()
            .zip(outputs)
            .filter(|(name, _)| !name.is_empty())
        {
            tensors.push(MadeTensor {
                name: name.clone(),
                node: node.clone(),
                op_type: call.node.op_type().to_owned(),
                element: known.as_ref().map(|known| element_type(known.data_type)),
                bytes: known.as_ref().and_then(|known| known.bytes()),
            });
        }
    });
    tensors
}
