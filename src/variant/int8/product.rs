//! Products by constants: `MatMul`, `Gemm`, `Attention`, `Conv`.
//!
//! The integers of a product become floats by one `Cast` and one `Mul` by both scales. ONNX Runtime fuses exactly this pattern, with a
//! bias that is added behind it, into one operator (`DynamicQuantizeMatMul`, or `MatMulIntegerToFloat` where several products share an
//! activation).

use super::quantizer::Activation;
use super::quantizer::Quantizer;
use super::stored::Stored;
use super::stored::Way;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::constants::Found;
use crate::variant::constants::weight;
use crate::variant::edit;
use crate::variant::edit::MICROSOFT;
use crate::variant::gemm::Gemm;

/// What `QAttention` can be told of what `Attention` can.
const ATTENTION_ATTRIBUTES: &[&str] = &[
    "do_rotary",
    "mask_filter_value",
    "num_heads",
    "past_present_share_buffer",
    "unidirectional",
];

impl Quantizer<'_> {
    /// `MatMul` and `Gemm`.
    pub(super) fn product(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let found = match weight(node, 1, constants) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let rank = constants.shape(&found).map_or(0, |shape| shape.len());
        let gemm = (node.op_type() == "Gemm").then(|| Gemm::of(node));
        if rank < 2 || (gemm.is_some() && rank != 2) {
            return Ok(Err("its weights are no matrix".to_owned()));
        }
        let (flip, alpha) = gemm
            .as_ref()
            .map_or((false, 1.0), |gemm| (gemm.transpose_b, gemm.alpha));
        let stored = match self.factor(&found, flip, alpha, constants, nodes)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        let Some(gemm) = gemm else {
            let (a, y) = ends(node);
            self.multiply(node, a, &stored, y, constants, nodes);
            return Ok(Ok(()));
        };
        let parts = gemm.around(node, &mut self.names, constants, nodes)?;
        self.multiply(node, &parts.left, &stored, &parts.product, constants, nodes);
        nodes.extend(parts.behind);
        Ok(Ok(()))
    }

    /// The weight of a product; a table that is looked up as well is stored once for both uses.
    fn factor(
        &mut self,
        found: &Found,
        flip: bool,
        alpha: f32,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<Stored, String>, VariantError> {
        let flip = flip ^ found.transposed;
        if !self.is_tied(found) || alpha != 1.0 {
            return self.store(found, Way::Factor(flip, alpha.to_bits()), constants);
        }
        let mut stored = match self.store(found, Way::TiedTable, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        if flip {
            let key = (constants.here(), stored.integers.clone());
            if !self.views.contains_key(&key) {
                let view = self.names.fresh(&format!("{}_transposed", stored.integers));
                let mut transpose = edit::node("Transpose", &[&stored.integers], &[&view]);
                transpose.attribute.push(edit::ints_attribute("perm", &[1, 0]));
                nodes.push(transpose);
                self.views.insert(key.clone(), view);
            }
            if let Some(view) = self.views.get(&key) {
                stored.integers.clone_from(view);
            }
        }
        Ok(Ok(stored))
    }

    /// `output` = `a` times the weight; `node` lends its name and whatever is attached to it.
    fn multiply(
        &mut self,
        node: &NodeProto,
        a: &str,
        stored: &Stored,
        output: &str,
        constants: &Constants,
        nodes: &mut Vec<NodeProto>,
    ) {
        let activation = self.activation(a, constants, nodes);
        let mut inputs = vec![
            activation.integers.clone(),
            stored.integers.clone(),
            activation.zero_point.clone(),
        ];
        inputs.extend(stored.zero_point.clone());
        self.integers(
            "MatMulInteger",
            node,
            inputs,
            Vec::new(),
            (&activation, stored),
            output,
            nodes,
        );
    }

    /// An operator on integers, and back to floats.
    #[expect(clippy::too_many_arguments, reason = "the parts of one small pattern")]
    fn integers(
        &mut self,
        op_type: &str,
        node: &NodeProto,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
        (activation, stored): (&Activation, &Stored),
        output: &str,
        nodes: &mut Vec<NodeProto>,
    ) {
        let integers = self.names.fresh(&format!("{output}_integers"));
        let floats = self.names.fresh(&format!("{output}_floats"));
        let scale = self.names.fresh(&format!("{output}_scale"));
        nodes.push(NodeProto {
            op_type: Some(op_type.to_owned()),
            domain: None,
            input: inputs,
            output: vec![integers.clone()],
            attribute: attributes,
            ..node.clone()
        });
        let mut cast = edit::node("Cast", &[&integers], &[&floats]);
        cast.attribute.push(edit::int_attribute("to", DataType::Float as i64));
        nodes.push(cast);
        nodes.push(edit::node("Mul", &[&activation.scale, &stored.scale], &[&scale]));
        nodes.push(edit::node("Mul", &[&floats, &scale], &[output]));
    }

    /// `com.microsoft.Attention` to `com.microsoft.QAttention`.
    pub(super) fn attention(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let stranger = node
            .attribute
            .iter()
            .find(|attribute| !ATTENTION_ATTRIBUTES.contains(&attribute.name()));
        if let Some(stranger) = stranger {
            return Ok(Err(format!("QAttention has no attribute `{}`", stranger.name())));
        }
        if node.input.iter().skip(5).any(|name| !name.is_empty()) {
            return Ok(Err(
                "QAttention takes no bias for attention and no length of the past".to_owned()
            ));
        }
        let input = |place: usize| node.input.get(place).cloned().unwrap_or_default();
        if input(2).is_empty() {
            return Ok(Err("QAttention needs a bias, and it has none".to_owned()));
        }
        let found = match weight(node, 1, constants) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        if constants.shape(&found).is_none_or(|shape| shape.len() != 2) {
            return Ok(Err("its weights are no matrix".to_owned()));
        }
        let way = Way::Factor(found.transposed, 1.0_f32.to_bits());
        let stored = match self.store(&found, way, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        let activation = self.activation(&input(0), constants, nodes);
        let mut inputs = vec![
            activation.integers,
            stored.integers,
            input(2),
            activation.scale,
            stored.scale,
            input(3),
            activation.zero_point,
            String::new(),
            input(4),
        ];
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
        nodes.push(NodeProto {
            op_type: Some("QAttention".to_owned()),
            domain: Some(MICROSOFT.to_owned()),
            input: inputs,
            ..node.clone()
        });
        self.microsoft = true;
        Ok(Ok(()))
    }

    /// `Conv` to `ConvInteger`, whose bias follows in floats.
    pub(super) fn conv(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let found = match weight(node, 1, constants) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let rank = constants.shape(&found).map_or(0, |shape| shape.len());
        if rank < 3 || found.transposed {
            return Ok(Err(
                "its weights have a shape that the operator does not take".to_owned()
            ));
        }
        let stored = match self.store(&found, Way::Conv, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        let (x, y) = ends(node);
        let activation = self.activation(x, constants, nodes);
        let mut inputs = vec![
            activation.integers.clone(),
            stored.integers.clone(),
            activation.zero_point.clone(),
        ];
        inputs.extend(stored.zero_point.clone());
        let bias = node.input.get(2).filter(|name| !name.is_empty());
        let product = match bias {
            Some(_) => self.names.fresh(&format!("{y}_product")),
            None => y.to_owned(),
        };
        let pair = (&activation, &stored);
        self.integers(
            "ConvInteger",
            node,
            inputs,
            node.attribute.clone(),
            pair,
            &product,
            nodes,
        );
        if let Some(bias) = bias {
            let shape = self.names.fresh(&format!("{bias}_shape"));
            let column = self.names.fresh(&format!("{bias}_column"));
            let mut dims = vec![1; rank - 1];
            if let Some(first) = dims.first_mut() {
                *first = -1;
            }
            constants.add_here(edit::list(&shape, &dims));
            nodes.push(edit::node("Reshape", &[bias, &shape], &[&column]));
            nodes.push(edit::node("Add", &[&product, &column], &[y]));
        }
        Ok(Ok(()))
    }
}

/// The first input and the first output.
fn ends(node: &NodeProto) -> (&str, &str) {
    let (input, output) = (node.input.first(), node.output.first());
    (input.map_or("", String::as_str), output.map_or("", String::as_str))
}
