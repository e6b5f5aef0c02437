//! The quantized tensors of an ONNX model: those that stand beside a scale at an operator that reads or writes integers.
//!
//! ONNX keeps scales and zero points as tensors of their own, at fixed places of the operators below (ONNX's and ONNX Runtime's
//! operator documentation). What `MatMulInteger` and `ConvInteger` read has no scale of its own: a multiplication behind them has it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::visit;
use crate::model::quantized::QuantizedTensor;
use crate::model::quantized::Role;

/// A tensor at an operator, and the places of its scale and zero point among the inputs.
#[derive(Clone, Copy)]
struct Site {
    tensor: Place,
    scale: usize,
    zero: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Input(usize),
    Output(usize),
}

const fn input(tensor: usize, scale: usize, zero: usize) -> Site {
    Site {
        tensor: Place::Input(tensor),
        scale,
        zero,
    }
}

const fn output(scale: usize, zero: usize) -> Site {
    Site {
        tensor: Place::Output(0),
        scale,
        zero,
    }
}

const QUANTIZE: &[Site] = &[output(1, 2)];
const DEQUANTIZE: &[Site] = &[input(0, 1, 2)];
const TWO_TO_ONE: &[Site] = &[input(0, 1, 2), input(3, 4, 5), output(6, 7)];
const ONE_TO_ONE: &[Site] = &[input(0, 1, 2), output(3, 4)];
const GEMM: &[Site] = &[input(0, 1, 2), input(3, 4, 5), output(7, 8)];
const BLOCKS: &[Site] = &[input(1, 2, 3)];

/// What an operator says of the tensors around it.
fn sites(operator: &str) -> &'static [Site] {
    match operator {
        "QuantizeLinear" => QUANTIZE,
        "DequantizeLinear" => DEQUANTIZE,
        "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => TWO_TO_ONE,
        "QLinearAveragePool"
        | "QLinearGlobalAveragePool"
        | "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearSoftmax" => ONE_TO_ONE,
        "QGemm" => GEMM,
        "MatMulNBits" => BLOCKS,
        _ => &[],
    }
}

/// Every tensor beside a scale, once for each graph, as operators come.
pub(in crate::model) fn quantized(model: &ModelProto, external: &[ExternalFile]) -> Vec<QuantizedTensor> {
    let scopes = visit::scopes(model);
    let mut known: BTreeMap<&str, &TensorProto> = BTreeMap::new();
    for graph in scopes.iter().filter_map(visit::Scope::graph) {
        known.extend(graph.initializer.iter().map(|tensor| (tensor.name(), tensor)));
    }
    let constants: Vec<(&str, &TensorProto)> = visit::nodes(&scopes).filter_map(|(_, node)| constant(node)).collect();
    known.extend(constants);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (scope, node) in visit::nodes(&scopes) {
        let graph = scopes.get(scope).and_then(visit::Scope::graph);
        for site in sites(node.op_type()) {
            let name = match site.tensor {
                Place::Input(place) => node.input.get(place),
                Place::Output(place) => node.output.get(place),
            };
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                continue;
            };
            if seen.insert((scope, name.as_str())) {
                found.push(tensor(node, *site, name, graph, &known, external));
            }
        }
    }
    found
}

fn tensor(
    node: &NodeProto,
    site: Site,
    name: &str,
    graph: Option<&GraphProto>,
    known: &BTreeMap<&str, &TensorProto>,
    external: &[ExternalFile],
) -> QuantizedTensor {
    let at = |place: usize| node.input.get(place).and_then(|name| known.get(name.as_str()));
    let view = |place: usize| at(place).and_then(|tensor| TensorView::of(tensor, external).ok());
    let scales = view(site.scale).and_then(|view| view.to_f32()).unwrap_or_default();
    let zero_points = view(site.zero).and_then(|view| view.to_i64()).unwrap_or_default();
    let own = known.get(name);
    let is_among =
        |values: &[crate::model::onnx::proto::ValueInfoProto]| values.iter().any(|value| value.name() == name);
    let role = match graph {
        _ if own.is_some() => Role::Constant,
        Some(graph) if is_among(&graph.input) => Role::Input,
        Some(graph) if is_among(&graph.output) => Role::Output,
        _ => Role::Activation,
    };
    let element = own
        .or(at(site.zero))
        .map(|tensor| element(tensor.data_type()))
        .unwrap_or_else(|| "uint8".to_owned());
    // Convolutions keep a scale for each output channel, which comes first; products for each column, which comes last of two.
    let axis = match node.op_type() {
        "QLinearConv" => 0,
        _ => attribute(node, "axis").unwrap_or(1),
    };
    QuantizedTensor {
        name: name.to_owned(),
        element,
        role,
        axis: (scales.len() > 1).then_some(axis),
        scales,
        zero_points,
    }
}

fn constant(node: &NodeProto) -> Option<(&str, &TensorProto)> {
    if node.op_type() != "Constant" {
        return None;
    }
    let value = node.attribute.iter().find(|attribute| attribute.name() == "value")?;
    Some((node.output.first()?, value.t.as_ref()?))
}

fn attribute(node: &NodeProto, name: &str) -> Option<i64> {
    let found = node.attribute.iter().find(|attribute| attribute.name() == name)?;
    Some(found.i())
}

fn element(data_type: i32) -> String {
    DataType::try_from(data_type).map_or_else(|_| data_type.to_string(), |known| known.as_str_name().to_lowercase())
}
