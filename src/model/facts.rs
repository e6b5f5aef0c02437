//! What is known about a model without running it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::model::tensor::TensorSpec;

/// A model's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The program that wrote the file and its version, as the file says; empty where it does not.
    pub producer: String,
    /// The version of the file format; 0 where the file does not say.
    pub ir_version: i64,
    /// Operator sets by domain, in the file's order; the default domain is written `ai.onnx`.
    pub opsets: Vec<(String, i64)>,
    /// What must be fed: inputs of the graph without those that an initializer fills.
    pub inputs: Vec<TensorSpec>,
    /// What comes out.
    pub outputs: Vec<TensorSpec>,
    /// How often each operator stands in the file, in graph, subgraphs and functions alike; operators outside the default domain
    /// are written with theirs, `com.microsoft.Gelu`.
    pub op_histogram: BTreeMap<String, u64>,
    /// Domains of operators that are neither ONNX's, nor ONNX Runtime's, nor functions of the model: they need a library that
    /// the engine may not have.
    pub custom_domains: Vec<String>,
    /// Elements of the main graph's initializers, of whatever type; sparse ones by the elements that they store. `Constant`
    /// nodes do not count: exporters put shapes and axes there.
    pub parameters: u64,
    /// The same for initializers within the bodies of `If`, `Loop`, `Scan` and functions.
    pub body_parameters: u64,
    /// Multiply-accumulate operations of one inference; `None` where they depend on unknown shapes.
    pub macs: Option<u64>,
    /// Bytes of all tensors that the main graph's nodes write in one inference, constants left out; `None` where some shape is
    /// unknown.
    pub activation_bytes: Option<u64>,
    /// The most bytes of activations that live at once when the main graph runs one node after the other; `None` where some shape is
    /// unknown.
    pub activation_peak: Option<u64>,
}
