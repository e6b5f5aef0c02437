//! `int8[-conv][-tensor]`: weights in 8 bits; activations are quantized while the model runs, by the range that they happen to have
//! ("dynamic quantization"), so nothing has to be known of its data.
//!
//! - Matrix products (`MatMul`, `Gemm`, `com.microsoft.Attention`) by a constant compute in integers: signed weights, one scale for each
//!   output channel (`-tensor`: one for the whole), unsigned activations. What else such a node does (scaling, transposing, adding a
//!   bias) is folded into the weights or follows in floats.
//! - `LSTM` becomes `com.microsoft.DynamicQuantizeLSTM`.
//! - Tables that `Gather` reads are stored in 8 bits, and what is read of them is turned back into floats.
//! - `Conv` only with `-conv`: without a fused operator for it, engines are slower at it than in floats.
//!
//! Weights, scales and zero points equal those of `onnxruntime.quantization.quantize_dynamic` 1.31.1 with `per_channel=True`, and with
//! `-tensor` those of its default, subgraphs included; `tests/reference/int8_dynamic_check.py` compares.

mod lookup;
mod lstm;
mod product;
mod quantizer;
mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::quantizer::Quantizer;
use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::constants;
use super::constants::Constants;
use super::edit;
use super::edit::MICROSOFT;
use super::edit::Names;
use super::opset;
use super::quantize::already_quantized;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::model::tflite::schema::Model as Tables;

/// `DynamicQuantizeLinear` exists since this opset.
const OLDEST_OPSET: i64 = 11;

/// What older models are raised to.
const RAISED_OPSET: i64 = 13;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "int8",
    usage: "int8[-conv][-tensor]",
    about: "weights in 8 bits, activations quantized while the model runs",
    parse: |settings| Ok(Arc::new(Int8::parse(settings)?)),
};

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Int8 {
    /// Convolutions too.
    conv: bool,
    /// One scale for a whole weight.
    per_tensor: bool,
}

impl Int8 {
    fn parse(settings: &str) -> Result<Self, String> {
        let mut read = Self::default();
        for word in settings.split('-').filter(|_| !settings.is_empty()) {
            let setting = match word {
                "conv" => &mut read.conv,
                "tensor" => &mut read.per_tensor,
                _ => return Err(format!("`conv` or `tensor` may follow, not {}", shown(word))),
            };
            if std::mem::replace(setting, true) {
                return Err(format!("`{word}` stands twice"));
            }
        }
        Ok(read)
    }
}

impl Pass for Int8 {
    fn name(&self) -> String {
        let conv = if self.conv { "-conv" } else { "" };
        let tensor = if self.per_tensor { "-tensor" } else { "" };
        format!("int8{conv}{tensor}")
    }

    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Onnx | Format::TfLite)
    }

    fn apply_tflite(&self, model: &mut Tables, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        if self.per_tensor {
            return Err(VariantError::OnlyOnnx { step: self.name() });
        }
        super::tflite::int8_dynamic(model, account)
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        if let Some(node) = already_quantized(model) {
            return Err(VariantError::AlreadyQuantized {
                step: self.name(),
                node: shown_node(node),
            });
        }
        if edit::opset(model) < OLDEST_OPSET {
            opset::raise(model, RAISED_OPSET)?;
            account.note(format!(
                "int8: the model's operators were raised to opset {RAISED_OPSET}"
            ));
        }
        constants::unlist(model);
        let mut quantizer = Quantizer::new(*self, Names::of(model), account);
        let Some(graph) = &mut model.graph else {
            return Ok(());
        };
        constants::rewrite(graph, &mut Constants::default(), &mut |node, constants, nodes| {
            quantizer.survey(&node, constants);
            nodes.push(node);
            Ok(())
        })?;
        constants::rewrite(graph, &mut Constants::default(), &mut |node, constants, nodes| {
            quantizer.node(node, constants, nodes)
        })?;
        let (changed, microsoft) = (quantizer.changed, quantizer.microsoft);
        if microsoft {
            edit::import(model, MICROSOFT, 1);
        }
        for function in &model.functions {
            for node in function
                .node
                .iter()
                .filter(|node| quantizer::is_candidate(node, self.conv))
            {
                let reason = format!(
                    "it stands in function {}, which is left as it is",
                    shown(function.name())
                );
                account.leave(node, reason);
            }
        }
        describe(&changed, account);
        Ok(())
    }
}

/// Says what was done; `changed` counts nodes by operator.
fn describe(changed: &BTreeMap<String, usize>, account: &mut Account) {
    account.changed += changed.values().sum::<usize>();
    if let Some(count) = changed.get("Conv") {
        account.note(format!(
            "int8: {count} Conv nodes compute in dynamic 8 bits, which was 2.5 to 19 times slower than 32-bit floats on x86: engines \
             have no fused operator for it; `int8-static` is the fast way to quantize convolutions"
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::variant::Recipe;

    #[test]
    fn settings_have_one_spelling() {
        for (text, name) in [
            ("int8", "int8"),
            ("int8-conv", "int8-conv"),
            ("int8-tensor-conv", "int8-conv-tensor"),
            ("int8-tensor", "int8-tensor"),
        ] {
            assert_eq!(Recipe::parse(text).unwrap().name(), name);
        }
        for (text, problem) in [
            ("int8-conv-conv", "stands twice"),
            ("int8-row", "`conv` or `tensor` may follow, not `row`"),
        ] {
            let error = Recipe::parse(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
}
