//! Gathers what a model file says of itself.

use crate::model::Facts;
use crate::model::Model;
use crate::model::compatible;
use crate::model::quantized::QuantizedTensor;
use crate::model::tensor::TensorSpec;
use crate::report::model_facts;
use crate::report::model_facts::ModelFacts;

/// The facts of a loaded model.
pub fn model_facts(model: &Model) -> ModelFacts {
    let facts: &Facts = &model.facts;
    ModelFacts {
        format: compatible::word(model.format).to_owned(),
        digest: model.digest.to_string(),
        size_bytes: model.size().0,
        producer: facts.producer.clone(),
        ir_version: facts.ir_version,
        opsets: facts
            .opsets
            .iter()
            .map(|(domain, version)| model_facts::Opset {
                domain: domain.clone(),
                version: *version,
            })
            .collect(),
        inputs: facts.inputs.iter().map(tensor).collect(),
        outputs: facts.outputs.iter().map(tensor).collect(),
        signatures: model
            .tflite()
            .map(|tables| {
                let all = tables.signature_defs().iter();
                all.map(|signature| signature.signature_key().to_owned()).collect()
            })
            .unwrap_or_default(),
        operators: facts.op_histogram.clone(),
        custom: facts.custom_domains.clone(),
        parameters: facts.parameters.saturating_add(facts.body_parameters),
        macs: facts.macs,
        activation_bytes: facts.activation_bytes,
        activation_peak: facts.activation_peak,
        quantized: model.quantized().into_iter().map(quantized).collect(),
    }
}

fn tensor(spec: &TensorSpec) -> model_facts::Tensor {
    model_facts::Tensor {
        name: spec.name.clone(),
        shape: spec.describe(),
    }
}

fn quantized(tensor: QuantizedTensor) -> model_facts::Quantized {
    model_facts::Quantized {
        name: tensor.name,
        element: tensor.element,
        role: tensor.role.word(),
        scales: tensor.scales,
        zero_points: tensor.zero_points,
        axis: tensor.axis,
    }
}
