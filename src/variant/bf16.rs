//! `bf16`: weights stored in 16 bits (bfloat16: the upper half of a 32-bit float), each turned back into 32 bits by one `Cast`.
//!
//! Half the size and the whole range of 32-bit floats, at 8 bits of precision. Computation stays in 32 bits: ONNX Runtime 1.31.1's CPU
//! provider casts, copies and normalizes bfloat16, but has no `MatMul`, `Gemm`, `Conv` or activation for it. It works the casts out while
//! it loads a model, so that inference takes as long as before.
//!
//! - A weight keeps its name where it is read; what is stored is called otherwise. Subgraphs are changed like the main graph.
//! - Numbers are rounded to nearest even. NaN and infinities stay; finite numbers that would become infinite are clamped, and counted.

use std::collections::HashSet;
use std::sync::Arc;

use half::bf16;

use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::constants;
use super::edit;
use super::edit::MICROSOFT;
use super::edit::Names;
use super::opset;
use super::quantize::already_quantized;
use super::recipe::no_settings;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::elements;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::model::onnx::visit;

/// `Cast` knows bfloat16 since this opset.
const OLDEST_OPSET: i64 = 13;

/// The cast of a smaller tensor would take more room than is saved.
const FEWEST_ELEMENTS: u64 = 64;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "bf16",
    usage: "bf16",
    about: "weights stored in 16 bits (bfloat16), computation in 32 bits",
    parse: |settings| {
        no_settings(settings)?;
        Ok(Arc::new(Bf16))
    },
};

/// The pass; there is nothing to set.
#[derive(Debug)]
struct Bf16;

impl Pass for Bf16 {
    fn name(&self) -> String {
        TRANSFORM.name.to_owned()
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        if edit::opset(model) < OLDEST_OPSET {
            opset::raise(model, OLDEST_OPSET)?;
            account.note(format!(
                "bf16: the model's operators were raised to opset {OLDEST_OPSET}"
            ));
        }
        constants::unlist(model);
        if !model.training_info.is_empty() {
            model.training_info.clear();
            account.note("bf16: the graphs for training were left out");
        }
        let mut narrowing = Narrowing {
            names: Names::of(model),
            scales: scales(model),
            quantized: already_quantized(model).is_some(),
            narrowed: 0,
            clamped: 0,
        };
        visit::graphs_mut(model, &mut |graph, _| narrowing.graph(graph))?;
        for function in &model.functions {
            for node in function.node.iter().filter(|node| large_constant(node).is_some()) {
                let reason = format!(
                    "it stands in function {}, which is left as it is",
                    shown(function.name())
                );
                account.leave(node, reason);
            }
        }
        account.changed += narrowing.narrowed;
        if narrowing.narrowed == 0 {
            account.note("bf16: there are no 32-bit weights to narrow");
            return Ok(());
        }
        account.note(format!(
            "bf16: {} weights are stored in 16 bits; computation stays in 32 bits",
            narrowing.narrowed
        ));
        if narrowing.clamped > 0 {
            account.note(format!(
                "bf16: clamped to ±3.39e38, beyond which there are no finite bfloat16: {} values",
                narrowing.clamped
            ));
        }
        Ok(())
    }
}

/// Names that say how integers are meant: they must stay exact.
fn scales(model: &ModelProto) -> HashSet<String> {
    let reads_scales = |node: &NodeProto| node.domain() == MICROSOFT || node.op_type().contains("uantize");
    visit::nodes(&visit::scopes(model))
        .filter(|(_, node)| reads_scales(node))
        .flat_map(|(_, node)| node.input.iter().cloned())
        .collect()
}

/// The pass at work on one model.
struct Narrowing {
    names: Names,
    scales: HashSet<String>,
    quantized: bool,
    narrowed: usize,
    clamped: u64,
}

impl Narrowing {
    fn graph(&mut self, graph: &mut GraphProto) -> Result<(), VariantError> {
        let mut casts = Vec::new();
        let inputs: HashSet<String> = graph.input.iter().map(|input| input.name().to_owned()).collect();
        for tensor in &mut graph.initializer {
            // A caller may give another value to what is an input as well.
            if inputs.contains(tensor.name()) || !self.is_wanted(tensor, tensor.name()) {
                continue;
            }
            let name = tensor.name().to_owned();
            let stored = self.names.fresh(&format!("{name}_bf16"));
            self.narrow(tensor, &name)?;
            tensor.name = Some(stored.clone());
            casts.push(cast(&stored, &name));
        }
        for mut node in std::mem::take(&mut graph.node) {
            let output = node.output.first().cloned().unwrap_or_default();
            let wanted = large_constant(&node).is_some_and(|tensor| self.is_wanted(tensor, &output));
            if !wanted {
                casts.push(node);
                continue;
            }
            let stored = self.names.fresh(&format!("{output}_bf16"));
            let value = node.attribute.iter_mut().find(|attribute| attribute.name() == "value");
            if let Some(tensor) = value.and_then(|value| value.t.as_mut()) {
                self.narrow(tensor, &output)?;
            }
            node.output = vec![stored.clone()];
            casts.extend([node, cast(&stored, &output)]);
        }
        graph.node = casts;
        Ok(())
    }

    /// True for weights; scales of integers, which products multiply by, are vectors.
    fn is_wanted(&self, tensor: &TensorProto, name: &str) -> bool {
        is_large(tensor) && !self.scales.contains(name) && (!self.quantized || tensor.dims.len() > 1)
    }

    fn narrow(&mut self, tensor: &mut TensorProto, name: &str) -> Result<(), VariantError> {
        let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
            name: name.to_owned(),
            source,
        })?;
        let mut bytes = Vec::with_capacity(view.bytes.len() / 2);
        for single in view.bytes.as_chunks().0 {
            let single = f32::from_le_bytes(*single);
            let mut narrow = bf16::from_f32(single);
            if narrow.is_infinite() && single.is_finite() {
                narrow = if single < 0.0 { bf16::MIN } else { bf16::MAX };
                self.clamped += 1;
            }
            bytes.extend(narrow.to_le_bytes());
        }
        set_raw_data(tensor, DataType::Bfloat16, bytes.into());
        self.narrowed += 1;
        Ok(())
    }
}

fn is_large(tensor: &TensorProto) -> bool {
    tensor.data_type() == DataType::Float as i32
        && elements(&tensor.dims).is_ok_and(|elements| elements >= FEWEST_ELEMENTS)
}

/// The value of a `Constant` that is worth narrowing.
fn large_constant(node: &NodeProto) -> Option<&TensorProto> {
    if node.op_type() != "Constant" || !matches!(node.domain(), "" | "ai.onnx") {
        return None;
    }
    edit::attribute(node, "value")?
        .t
        .as_ref()
        .filter(|tensor| is_large(tensor))
}

fn cast(stored: &str, name: &str) -> NodeProto {
    let mut cast = edit::node("Cast", &[stored], &[name]);
    cast.attribute.push(edit::int_attribute("to", DataType::Float as i64));
    cast
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(values: &[f32]) -> (Vec<f32>, u64) {
        let mut narrowing = Narrowing {
            names: Names::of(&ModelProto::default()),
            scales: HashSet::new(),
            quantized: false,
            narrowed: 0,
            clamped: 0,
        };
        let mut tensor = edit::floats("w", &[values.len() as i64], values);
        narrowing.narrow(&mut tensor, "w").unwrap();
        let view = TensorView::of(&tensor, &[]).unwrap();
        assert_eq!(view.data_type, DataType::Bfloat16 as i32);
        (view.to_f32().unwrap(), narrowing.clamped)
    }

    #[test]
    fn rounds_to_even_and_keeps_what_has_no_size() {
        // 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷, 1 + 3 · 2⁻⁸ between 1 + 2⁻⁷ and 1 + 2⁻⁶.
        let (values, clamped) = narrowed(&[1.003_906_3, 1.011_718_8, -0.0, f32::NEG_INFINITY, f32::NAN, 1e-40]);
        assert_eq!(values[..2], [1.0, 1.015_625]);
        assert_eq!(values[2].to_bits(), (-0.0_f32).to_bits());
        assert_eq!(values[3], f32::NEG_INFINITY);
        assert!(values[4].is_nan() && values[5] > 0.0);
        assert_eq!(clamped, 0);
    }

    #[test]
    fn masks_stay_finite() {
        let (values, clamped) = narrowed(&[f32::MIN, f32::MAX, 3.38e38]);
        assert!(values.iter().all(|value| value.is_finite()) && values[0] < -3.3e38);
        assert_eq!(clamped, 2);
    }

    #[test]
    fn small_ones_and_replaceable_ones_stay() {
        let mut graph = GraphProto {
            initializer: vec![
                edit::floats("small", &[63], &[1.0; 63]),
                edit::floats("open", &[64], &[1.0; 64]),
                edit::floats("w", &[8, 8], &[1.0; 64]),
            ],
            input: vec![crate::model::onnx::proto::ValueInfoProto {
                name: Some("open".to_owned()),
                ..Default::default()
            }],
            ..GraphProto::default()
        };
        let mut narrowing = Narrowing {
            names: Names::of(&ModelProto::default()),
            scales: HashSet::new(),
            quantized: false,
            narrowed: 0,
            clamped: 0,
        };
        narrowing.graph(&mut graph).unwrap();
        let names: Vec<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        assert_eq!(names, ["small", "open", "w_bf16"]);
        assert_eq!((&*graph.node[0].input[0], &*graph.node[0].output[0]), ("w_bf16", "w"));
    }
}
