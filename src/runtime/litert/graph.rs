//! What the library says of a model: signatures, inputs and outputs, and the names around an operator.

use std::ffi::CStr;
use std::ffi::c_char;

use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;

use super::abi::Interface;
use super::abi::Layout;
use super::abi::Model;
use super::abi::Op;
use super::abi::Signature;
use super::abi::Status;
use super::abi::Subgraph;
use super::abi::Tensor;
use super::abi::TensorType;
use super::abi::fetch;
use super::failure;
use super::failure::Stage;
use super::tensors::element;

/// An input or output.
#[derive(Debug, Clone)]
pub(super) struct Port {
    /// Its name in the signature.
    pub(super) name: String,
    /// Its tensor's name in the graph; the same where the model has no signature.
    pub(super) tensor: String,
    /// As the file has it.
    pub(super) kind: TensorType,
}

impl Port {
    /// True where `name` means this one.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.tensor == name
    }

    /// As other layers know it.
    pub(super) fn spec(&self) -> TensorSpec {
        let dims = self.kind.layout.dimensions().iter();
        TensorSpec {
            name: self.tensor.clone(),
            element: element(self.kind.element),
            dims: Some(
                dims.map(|dim| u64::try_from(*dim).map_or(Dim::Unknown, Dim::Fixed))
                    .collect(),
            ),
        }
    }
}

/// One signature of a model: what it takes and yields.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    /// The signature's index.
    pub(super) signature: usize,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
}

/// Reads the signature called `wanted`, or the first one, which a model without signatures has too.
pub(super) fn read(interface: &Interface, model: Model, wanted: Option<&str>) -> Result<Graph, Failure> {
    let odd = |status: Status| failure::failure(Stage::Reading, status, "");
    let count = fetch!(interface, signatures(model), 0).map_err(odd)?;
    let mut keys = Vec::with_capacity(count);
    for index in 0..count {
        let signature = fetch!(interface, signature(model, index), Signature::NULL).map_err(odd)?;
        let key = fetch!(interface, signature_key(signature), std::ptr::null()).map_err(odd)?;
        let key = text(key);
        if wanted.is_none_or(|wanted| wanted == key) {
            return Ok(Graph {
                signature: index,
                inputs: inputs(interface, signature).map_err(odd)?,
                outputs: outputs(interface, signature).map_err(odd)?,
            });
        }
        keys.push(format!("`{key}`"));
    }
    Err(Failure {
        kind: FailureKind::Input,
        message: match wanted {
            Some(wanted) => format!("the model has no signature `{wanted}`; it has {}", keys.join(", ")),
            None => "the model has nothing that could be run".to_owned(),
        },
    })
}

fn inputs(interface: &Interface, signature: Signature) -> Result<Vec<Port>, Status> {
    (0..fetch!(interface, signature_inputs(signature), 0)?)
        .map(|index| {
            let name = fetch!(interface, signature_input_name(signature, index), std::ptr::null())?;
            let tensor = fetch!(interface, signature_input(signature, index), Tensor::NULL)?;
            port(interface, name, tensor)
        })
        .collect()
}

fn outputs(interface: &Interface, signature: Signature) -> Result<Vec<Port>, Status> {
    (0..fetch!(interface, signature_outputs(signature), 0)?)
        .map(|index| {
            let name = fetch!(interface, signature_output_name(signature, index), std::ptr::null())?;
            let tensor = fetch!(interface, signature_output(signature, index), Tensor::NULL)?;
            port(interface, name, tensor)
        })
        .collect()
}

fn port(interface: &Interface, name: *const c_char, tensor: Tensor) -> Result<Port, Status> {
    let name = text(name);
    let in_graph = tensor_name(interface, tensor);
    Ok(Port {
        tensor: if in_graph.is_empty() { name.clone() } else { in_graph },
        name,
        kind: fetch!(interface, tensor_type(tensor), TensorType::default())?,
    })
}

/// The names of the tensors that an operator reads and writes; nothing where the library doesn't tell.
pub(super) struct Around {
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
}

/// The names around operator `index` of subgraph `subgraph`.
pub(super) fn around(interface: &Interface, model: Model, subgraph: usize, index: usize) -> Option<Around> {
    if subgraph >= fetch!(interface, subgraphs(model), 0).ok()? {
        return None;
    }
    let subgraph = fetch!(interface, subgraph(model, subgraph), Subgraph::NULL).ok()?;
    if index >= fetch!(interface, subgraph_ops(subgraph), 0).ok()? {
        return None;
    }
    let op = fetch!(interface, subgraph_op(subgraph, index), Op::NULL).ok()?;
    let reads = (0..fetch!(interface, op_inputs(op), 0).ok()?)
        .filter_map(|at| fetch!(interface, op_input(op, at), Tensor::NULL).ok())
        .map(|tensor| tensor_name(interface, tensor));
    let writes = (0..fetch!(interface, op_outputs(op), 0).ok()?)
        .filter_map(|at| fetch!(interface, op_output(op, at), Tensor::NULL).ok())
        .map(|tensor| tensor_name(interface, tensor));
    Some(Around {
        reads: reads.filter(|name| !name.is_empty()).collect(),
        writes: writes.filter(|name| !name.is_empty()).collect(),
    })
}

fn tensor_name(interface: &Interface, tensor: Tensor) -> String {
    fetch!(interface, tensor_name(tensor), std::ptr::null()).map_or_else(|_| String::new(), text)
}

/// A text of the library's; empty where there is none.
pub(super) fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: the library's texts end with a zero and belong to what they were asked of, which lives as long as this call.
    #[expect(unsafe_code, reason = "a text of LiteRT's C interface")]
    let text = unsafe { CStr::from_ptr(start) };
    text.to_string_lossy().into_owned()
}

/// `float [1, 16, 16, 3]` of a layout.
pub(super) fn sizes(layout: &Layout) -> Vec<u64> {
    let dimensions = layout.dimensions().iter();
    dimensions.map(|dim| u64::try_from(*dim).unwrap_or(0)).collect()
}
