//! How a model's integers stand for other numbers: `number = (integer - zero point) × scale`.

use crate::model::Decoded;
use crate::model::Model;
use crate::model::onnx;
use crate::model::tflite;

/// A tensor of integers that stand for other numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedTensor {
    /// Its name in the graph; empty where the model gives none.
    pub name: String,
    /// How the integers are kept, as the format calls it, in lower case: `int8`.
    pub element: String,
    /// Where it is.
    pub role: Role,
    /// One, or one for each slice along `axis`, or one for each block of it. Empty where the model computes them while it runs.
    pub scales: Vec<f32>,
    /// As many as scales, or one for all; empty where it is zero.
    pub zero_points: Vec<i64>,
    /// The dimension that the scales go along; `None` where one scale stands for the whole tensor.
    pub axis: Option<i64>,
}

/// Where a quantized tensor is in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is fed.
    Input,
    /// It is what the model yields.
    Output,
    /// It is kept in the file.
    Constant,
    /// It is computed from others.
    Activation,
}

impl Role {
    /// For lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Constant => "constant",
            Self::Activation => "activation",
        }
    }
}

impl Model {
    /// Its quantized tensors, as they first stand in the file; graph, subgraphs and functions alike.
    pub fn quantized(&self) -> Vec<QuantizedTensor> {
        match &self.decoded {
            Decoded::Onnx(proto) => onnx::quantized::quantized(proto, &self.external),
            Decoded::TfLite(tables) => tflite::quantized::quantized(tables),
        }
    }
}
