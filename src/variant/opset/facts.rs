//! What is known of tensors by name, as far as conversions need it: element types, dimensions, and the values of small constants.

use std::collections::HashMap;

use crate::model::onnx::facts::spec;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::shape::is_standard;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::tensor::Dim;
use crate::variant::edit;

/// Constants of more elements than this are not looked into.
const MAX_VALUES: i64 = 64;

/// One tensor.
#[derive(Debug, Clone, Default)]
struct Fact {
    data_type: Option<i32>,
    /// `None` where even the rank is unknown; each dimension `None` where it is open.
    dims: Option<Vec<Option<u64>>>,
    floats: Option<Vec<f32>>,
}

/// The tensors of a graph, and those of the graphs around it.
#[derive(Debug, Default)]
pub(in crate::variant) struct Facts<'o> {
    own: HashMap<String, Fact>,
    outer: Option<&'o Facts<'o>>,
}

impl<'o> Facts<'o> {
    /// Nothing yet, in a graph within one of which `outer` is known.
    pub(in crate::variant) fn within(outer: &'o Facts<'o>) -> Self {
        Self {
            own: HashMap::new(),
            outer: Some(outer),
        }
    }

    /// The code of a tensor's element type.
    pub(in crate::variant) fn data_type(&self, name: &str) -> Option<DataType> {
        DataType::try_from(self.find(name)?.data_type?).ok()
    }

    /// A tensor's dimensions; the outer `None` where its rank is unknown.
    pub(in crate::variant) fn dims(&self, name: &str) -> Option<&[Option<u64>]> {
        self.find(name)?.dims.as_deref()
    }

    /// The values of a small constant of floats.
    pub(in crate::variant) fn floats(&self, name: &str) -> Option<&[f32]> {
        self.find(name)?.floats.as_deref()
    }

    fn find(&self, name: &str) -> Option<&Fact> {
        let own = self.own.get(name);
        own.or_else(|| self.outer.and_then(|outer| outer.find(name)))
    }

    /// What shape inference found out.
    pub(in crate::variant) fn inferred(&mut self, name: &str, data_type: i32, dims: &[u64]) {
        let fact = self.own.entry(name.to_owned()).or_default();
        fact.data_type = Some(data_type);
        fact.dims = Some(dims.iter().copied().map(Some).collect());
    }

    /// Takes in what `graph` declares: inputs, initializers, and types of its other tensors.
    pub(in crate::variant) fn declared(&mut self, graph: &GraphProto) {
        for value in graph.value_info.iter().chain(&graph.output).chain(&graph.input) {
            let (data_type, dims) = stated(value);
            let fact = self.own.entry(value.name().to_owned()).or_default();
            fact.data_type = fact.data_type.or(data_type);
            if fact.dims.is_none() {
                fact.dims = dims;
            }
        }
        for tensor in &graph.initializer {
            self.own.insert(tensor.name().to_owned(), constant(tensor));
        }
    }

    /// Takes in the types of what `node` makes, where operators of its kind have a plain rule.
    pub(in crate::variant) fn learn(&mut self, node: &NodeProto) {
        if !is_standard(node) {
            return;
        }
        for (index, output) in node.output.iter().enumerate() {
            if self.own.get(output).is_some_and(|fact| fact.data_type.is_some()) {
                continue;
            }
            let fact = match node.op_type() {
                "Constant" => edit::attribute(node, "value")
                    .and_then(|value| value.t.as_ref())
                    .map(constant),
                _ => self.output_type(node, index).map(|data_type| Fact {
                    data_type: Some(data_type),
                    dims: self.own.get(output).and_then(|fact| fact.dims.clone()),
                    floats: None,
                }),
            };
            if let Some(fact) = fact {
                self.own.insert(output.clone(), fact);
            }
        }
    }

    fn output_type(&self, node: &NodeProto, index: usize) -> Option<i32> {
        let of_input = |index: usize| self.find(node.input.get(index)?)?.data_type;
        let same = match (node.op_type(), index) {
            ("Cast", _) => return i32::try_from(edit::attribute(node, "to")?.i()).ok(),
            ("Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "NonMaxSuppression", _) | ("TopK", 1) => {
                return Some(DataType::Int64 as i32);
            }
            ("Equal" | "Less" | "Greater" | "Not" | "And" | "Or" | "Xor" | "IsNaN" | "IsInf", _) => {
                return Some(DataType::Bool as i32);
            }
            ("ConstantOfShape", _) => {
                let value = edit::attribute(node, "value").and_then(|value| value.t.as_ref());
                return Some(value.map_or(DataType::Float as i32, TensorProto::data_type));
            }
            ("Where", _) => 1,
            ("OneHot", _) => 2,
            ("If" | "Loop" | "Scan" | "QuantizeLinear" | "DequantizeLinear" | "SequenceAt", _)
            | ("ConvInteger" | "MatMulInteger" | "QLinearConv" | "QLinearMatMul" | "DynamicQuantizeLinear", _) => {
                return None;
            }
            (_, 0) => 0,
            ("Split" | "LSTM" | "GRU" | "RNN", _) => 0,
            _ => return None,
        };
        of_input(same)
    }
}

fn stated(value: &ValueInfoProto) -> (Option<i32>, Option<Vec<Option<u64>>>) {
    let data_type = match value.r#type.as_ref().and_then(|stated| stated.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor.elem_type,
        _ => None,
    };
    let dims = spec(value).dims.map(|dims| {
        dims.into_iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => Some(size),
                Dim::Symbol(_) | Dim::Unknown => None,
            })
            .collect()
    });
    (data_type, dims)
}

fn constant(tensor: &TensorProto) -> Fact {
    let small = tensor
        .dims
        .iter()
        .try_fold(1_i64, |product, dim| product.checked_mul(*dim));
    let view = small
        .filter(|count| *count <= MAX_VALUES)
        .and_then(|_| TensorView::of(tensor, &[]).ok());
    Fact {
        data_type: tensor.data_type,
        dims: Some(tensor.dims.iter().map(|dim| u64::try_from(*dim).ok()).collect()),
        floats: view.and_then(|view| view.to_f32()),
    }
}
