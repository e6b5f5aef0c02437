//! `LSTM` to `com.microsoft.DynamicQuantizeLSTM`.

use super::quantizer::Quantizer;
use super::stored::Way;
use crate::model::onnx::proto::NodeProto;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::constants::weight;
use crate::variant::edit;
use crate::variant::edit::MICROSOFT;

/// Where the scales begin among its inputs.
const BEFORE_SCALES: usize = 8;

impl Quantizer<'_> {
    /// Both weights are quantized, or neither.
    pub(super) fn lstm(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        if edit::attribute(node, "layout").is_some_and(|layout| layout.i() != 0) {
            return Ok(Err(
                "DynamicQuantizeLSTM takes sequences first, and this one batches".to_owned()
            ));
        }
        let mut stored = Vec::new();
        let mut weights = Vec::new();
        for place in [1, 2] {
            let found = match weight(node, place, constants) {
                Ok(found) => found,
                Err(reason) => return Ok(Err(reason)),
            };
            if found.transposed || constants.shape(&found).is_none_or(|shape| shape.len() != 3) {
                return Ok(Err(
                    "its weights have a shape that the operator does not take".to_owned()
                ));
            }
            if !constants.floats(&found)?.finite() {
                return Ok(Err(super::stored::NOT_FINITE.to_owned()));
            }
            weights.push(found);
        }
        for found in &weights {
            match self.store(found, Way::Lstm, constants)? {
                Ok(names) => stored.push(names),
                Err(reason) => return Ok(Err(reason)),
            }
            constants.retire(found);
        }
        let mut quantized = node.clone();
        quantized.op_type = Some("DynamicQuantizeLSTM".to_owned());
        quantized.domain = Some(MICROSOFT.to_owned());
        quantized.attribute.retain(|attribute| attribute.name() != "layout");
        quantized.input.resize(BEFORE_SCALES, String::new());
        for (place, names) in quantized.input.iter_mut().skip(1).zip(&stored) {
            place.clone_from(&names.integers);
        }
        for names in stored {
            quantized.input.push(names.scale);
            quantized.input.push(names.zero_point.unwrap_or_default());
        }
        nodes.push(quantized);
        self.microsoft = true;
        Ok(Ok(()))
    }
}
