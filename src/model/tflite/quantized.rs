//! The quantized tensors of a TensorFlow Lite model, which carry their parameters.

use crate::model::quantized::QuantizedTensor;
use crate::model::quantized::Role;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::view::places;

/// Every tensor with scales, graph by graph.
pub(in crate::model) fn quantized(model: &Model) -> Vec<QuantizedTensor> {
    let graphs = model.subgraphs().iter();
    graphs.flat_map(|graph| of_graph(model, graph)).collect()
}

fn of_graph<'a>(model: &'a Model, graph: &'a SubGraph) -> impl Iterator<Item = QuantizedTensor> + 'a {
    let tensors = graph.tensors().iter().enumerate();
    tensors.filter_map(move |(index, tensor)| {
        let parameters = tensor.quantization.as_ref()?;
        if parameters.scale().is_empty() {
            return None;
        }
        Some(QuantizedTensor {
            name: tensor.name().to_owned(),
            element: tensor.r#type.to_string().to_lowercase(),
            role: role(model, graph, index, tensor),
            scales: parameters.scale().to_vec(),
            zero_points: parameters.zero_point().to_vec(),
            axis: (parameters.scale().len() > 1).then_some(i64::from(parameters.quantized_dimension)),
        })
    })
}

fn role(model: &Model, graph: &SubGraph, index: usize, tensor: &Tensor) -> Role {
    if places(graph.inputs()).any(|place| place == index) {
        Role::Input
    } else if places(graph.outputs()).any(|place| place == index) {
        Role::Output
    } else if model.constant(tensor).is_some() {
        Role::Constant
    } else {
        Role::Activation
    }
}
