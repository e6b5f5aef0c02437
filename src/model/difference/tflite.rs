//! A TensorFlow Lite model taken apart.

use std::collections::BTreeMap;

use super::parts::Data;
use super::parts::Elements;
use super::parts::NodePart;
use super::parts::Parts;
use super::parts::Scales;
use super::parts::TensorPart;
use super::parts::keyed;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::view::element;

/// Takes a model apart, all graphs.
pub(super) fn parts(model: &Model) -> Parts<'_> {
    Parts {
        metadata: metadata(model),
        nodes: nodes(model),
        tensors: tensors(model),
    }
}

fn metadata(model: &Model) -> BTreeMap<String, String> {
    let mut metadata: BTreeMap<String, String> = model
        .signature_defs()
        .iter()
        .map(|signature| {
            let maps = |maps: &[crate::model::tflite::schema::TensorMap]| {
                let names: Vec<&str> = maps.iter().map(|map| map.name()).collect();
                names.join(", ")
            };
            let text = format!("({}) → ({})", maps(signature.inputs()), maps(signature.outputs()));
            (format!("signature {}", signature.signature_key()), text)
        })
        .collect();
    for entry in model.metadata() {
        let data = model
            .buffers()
            .get(entry.buffer as usize)
            .map_or(&[][..], |buffer| buffer.data());
        let text = match std::str::from_utf8(data) {
            Ok(text) if text.len() <= 80 => text.trim_end_matches('\0').to_owned(),
            _ => format!("{} bytes", data.len()),
        };
        metadata.insert(format!("metadata {}", entry.name()), text);
    }
    metadata
}

/// A place behind a name: the graph, where it is not the first.
fn place(graph: usize) -> String {
    match graph {
        0 => String::new(),
        graph => format!(" in graph {graph}"),
    }
}

fn nodes(model: &Model) -> BTreeMap<String, NodePart> {
    let all = model.subgraphs().iter().enumerate().flat_map(|(number, graph)| {
        graph.operators().iter().map(move |operator| {
            let names = |indices: &[i32]| -> Vec<String> {
                let name = |index: &i32| {
                    let tensor = usize::try_from(*index)
                        .ok()
                        .and_then(|index| graph.tensors().get(index));
                    tensor.map(|tensor| tensor.name().to_owned()).unwrap_or_default()
                };
                indices.iter().map(name).collect()
            };
            let outputs = names(operator.outputs());
            let name = outputs
                .iter()
                .find(|output| !output.is_empty())
                .cloned()
                .unwrap_or_default();
            let mut attributes = BTreeMap::new();
            // Every part of the options is a plain value, so that what is written alike is alike.
            if let Some(options) = &operator.builtin_options {
                attributes.insert("options".to_owned(), format!("{options:?}").into_bytes());
            }
            if let Some(options) = &operator.builtin_options_2 {
                attributes.insert("options".to_owned(), format!("{options:?}").into_bytes());
            }
            if let Some(options) = &operator.custom_options {
                attributes.insert("custom options".to_owned(), options.to_vec());
            }
            let part = NodePart {
                operator: model.operator_name(operator),
                inputs: names(operator.inputs()),
                outputs,
                attributes,
            };
            (format!("→ {name}{}", place(number)), part)
        })
    });
    keyed(all)
}

fn tensors(model: &Model) -> BTreeMap<String, TensorPart<'_>> {
    let all = model.subgraphs().iter().enumerate().flat_map(|(number, graph)| {
        let constants = SubGraph::tensors(graph).iter();
        constants.filter_map(move |tensor| {
            let data = model.constant(tensor)?;
            let part = TensorPart {
                element: tensor.r#type.to_string().to_lowercase(),
                dims: tensor.shape().iter().map(|size| i64::from(*size)).collect(),
                data: Data::Plain(Elements {
                    bytes: data.clone(),
                    kind: element(tensor.r#type),
                    scales: scales(tensor),
                }),
            };
            Some((format!("{}{}", tensor.name(), place(number)), part))
        })
    });
    keyed(all)
}

fn scales(tensor: &Tensor) -> Option<Scales> {
    let quantization = tensor.quantization.as_ref()?;
    if quantization.scale().is_empty() {
        return None;
    }
    let sizes: Vec<usize> = tensor
        .shape()
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(0))
        .collect();
    let axis = usize::try_from(quantization.quantized_dimension).unwrap_or(0);
    let inner = sizes.iter().skip(axis + 1).product();
    Some(Scales {
        scales: quantization.scale().to_vec(),
        zeros: quantization.zero_point().to_vec(),
        axis: (sizes.get(axis).copied().unwrap_or(1), inner),
    })
}
