//! Reads a model's facts out of its tables.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::facts::Facts;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::TensorType;
use crate::model::tflite::work::work;

/// Metadata in which converters say which release of the runtime a model needs at least.
const MIN_RUNTIME: &str = "min_runtime_version";

/// Describes a scanned model; work is counted where the model itself fixes all shapes.
pub(in crate::model) fn facts(model: &Model) -> Facts {
    let mut op_histogram = BTreeMap::new();
    let mut custom = BTreeSet::new();
    let mut newest = 0_i64;
    for operator in model.subgraphs().iter().flat_map(SubGraph::operators) {
        *op_histogram.entry(model.operator_name(operator)).or_default() += 1;
        if let Some(code) = model.operator_codes().get(operator.opcode_index as usize) {
            newest = newest.max(i64::from(code.version));
            if code.builtin() == BuiltinOperator::CUSTOM {
                custom.insert(code.custom_code().to_owned());
            }
        }
    }
    let mut counted = BTreeSet::new();
    let mut by_graph = model
        .subgraphs()
        .iter()
        .map(|graph| parameters(model, graph, &mut counted));
    let parameters = by_graph.next().unwrap_or(0);
    let body_parameters = by_graph.fold(0, u64::saturating_add);
    let work = work(model, &BTreeMap::new());
    Facts {
        producer: producer(model),
        ir_version: i64::from(model.version),
        opsets: vec![("tflite".to_owned(), newest)],
        inputs: model.inputs(),
        outputs: model.outputs(),
        op_histogram,
        custom_domains: custom.into_iter().collect(),
        parameters,
        body_parameters,
        macs: work.macs,
        activation_bytes: work.activation_bytes,
        activation_peak: work.activation_peak,
    }
}

/// Elements of the constants that an engine computes with; axes, shapes and paddings are integers without a scale and don't count.
/// What several tensors share counts once.
fn parameters(model: &Model, graph: &SubGraph, counted: &mut BTreeSet<u32>) -> u64 {
    graph
        .tensors()
        .iter()
        .filter(|tensor| {
            let is_number = match tensor.r#type {
                TensorType::INT32 | TensorType::INT64 => tensor.is_quantized(),
                TensorType::BOOL | TensorType::STRING => false,
                _ => true,
            };
            is_number && model.constant(tensor).is_some() && counted.insert(tensor.buffer)
        })
        .filter_map(|tensor| tensor.elements())
        .fold(0, u64::saturating_add)
}

/// What the file says of who made it.
fn producer(model: &Model) -> String {
    let description = model.description().trim();
    let runtime = model
        .metadata()
        .iter()
        .find(|metadata| metadata.name() == MIN_RUNTIME)
        .and_then(|metadata| model.buffers().get(metadata.buffer as usize))
        .map(|buffer| {
            String::from_utf8_lossy(buffer.data())
                .trim_end_matches('\0')
                .trim()
                .to_owned()
        })
        .filter(|version| !version.is_empty() && version.len() <= 64);
    match runtime {
        Some(version) => format!("{description} (needs TensorFlow Lite {version} or newer)")
            .trim_start()
            .to_owned(),
        None => description.to_owned(),
    }
}
