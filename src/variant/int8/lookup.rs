//! Tables that `Gather` reads, embeddings most often: stored in unsigned 8 bits under one scale, as activations are.

use super::quantizer::Quantizer;
use super::stored::Way;
use crate::model::onnx::proto::NodeProto;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::constants::weight;
use crate::variant::edit;

impl Quantizer<'_> {
    /// `Gather` of the integers, and back to floats. A reason without words: what it reads is no table of floats.
    pub(super) fn table(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let data = node.input.first().map_or("", String::as_str);
        // Most `Gather` nodes pick from shapes and activations.
        if constants
            .find(data)
            .map_err(str::to_owned)
            .and_then(|found| constants.check_floats(&found))
            .is_err()
        {
            return Ok(Err(String::new()));
        }
        let found = match weight(node, 0, constants) {
            Ok(found) if found.transposed => return Ok(Err("it reads its table transposed".to_owned())),
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let way = if self.is_tied(&found) {
            Way::TiedTable
        } else {
            Way::Table
        };
        let stored = match self.store(&found, way, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        let output = node.output.first().map_or("", String::as_str);
        let integers = self.names.fresh(&format!("{output}_quantized"));
        let mut gather = node.clone();
        if let Some(data) = gather.input.first_mut() {
            data.clone_from(&stored.integers);
        }
        gather.output = vec![integers.clone()];
        nodes.push(gather);
        let zero_point = stored.zero_point.unwrap_or_default();
        nodes.push(edit::node(
            "DequantizeLinear",
            &[&integers, &stored.scale, &zero_point],
            &[output],
        ));
        Ok(Ok(()))
    }
}
