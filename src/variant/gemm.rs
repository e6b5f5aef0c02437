//! `Gemm` as a plain product: what it does beside multiplying is folded into constants, or stands in nodes around the product.

use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::edit;
use crate::variant::edit::Names;

/// What a `Gemm` computes: alpha · A′ · B′ + beta · C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gemm {
    /// Factor of the product: for the weights.
    pub(super) alpha: f32,
    /// Factor of the bias.
    pub(super) beta: f32,
    /// A′ is A transposed.
    pub(super) transpose_a: bool,
    /// B′ is B transposed.
    pub(super) transpose_b: bool,
}

/// What stands around the product.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Around {
    /// The name of A′.
    pub(super) left: String,
    /// What the product must be called.
    pub(super) product: String,
    /// What follows it.
    pub(super) behind: Vec<NodeProto>,
}

impl Gemm {
    /// Reads a node's attributes.
    pub(super) fn of(node: &NodeProto) -> Self {
        let number = |name: &str| edit::attribute(node, name).map_or(1.0, |attribute| attribute.f());
        let flag = |name: &str| edit::attribute(node, name).is_some_and(|attribute| attribute.i() != 0);
        Self {
            alpha: number("alpha"),
            beta: number("beta"),
            transpose_a: flag("transA"),
            transpose_b: flag("transB"),
        }
    }

    /// Appends what must stand before the product of A′ and alpha · B′, and returns what must stand behind it.
    pub(super) fn around(
        self,
        node: &NodeProto,
        names: &mut Names,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Around, VariantError> {
        let output = node.output.first().map_or("", String::as_str);
        let mut left = node.input.first().cloned().unwrap_or_default();
        if self.transpose_a {
            let flipped = names.fresh(&format!("{left}_transposed"));
            let mut transpose = edit::node("Transpose", &[&left], &[&flipped]);
            transpose.attribute.push(edit::ints_attribute("perm", &[1, 0]));
            nodes.push(transpose);
            left = flipped;
        }
        let bias = node.input.get(2).filter(|name| !name.is_empty() && self.beta != 0.0);
        let Some(bias) = bias else {
            return Ok(Around {
                left,
                product: output.to_owned(),
                behind: Vec::new(),
            });
        };
        let bias = if self.beta == 1.0 {
            bias.clone()
        } else {
            self.scaled(bias, names, constants, nodes)?
        };
        let product = names.fresh(&format!("{output}_product"));
        let add = edit::node("Add", &[&product, &bias], &[output]);
        Ok(Around {
            left,
            product,
            behind: vec![add],
        })
    }

    /// The name of beta · C.
    fn scaled(
        self,
        bias: &str,
        names: &mut Names,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<String, VariantError> {
        let scaled = names.fresh(&format!("{bias}_scaled"));
        if let Ok(found) = constants.find(bias)
            && !found.transposed
            && constants.check_floats(&found).is_ok()
        {
            let floats = constants.floats(&found)?;
            let bytes: Vec<u8> = floats
                .values
                .iter()
                .flat_map(|value| (value * self.beta).to_le_bytes())
                .collect();
            let mut tensor: TensorProto = constants.tensor(&found).cloned().unwrap_or_default();
            tensor.name = Some(scaled.clone());
            set_raw_data(&mut tensor, DataType::Float, bytes.into());
            constants.add(&found, tensor);
            constants.retire(&found);
            return Ok(scaled);
        }
        let beta = names.fresh(&format!("{scaled}_beta"));
        constants.add_here(edit::floats(&beta, &[], &[self.beta]));
        nodes.push(edit::node("Mul", &[bias, &beta], &[&scaled]));
        Ok(scaled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::GraphProto;
    use crate::variant::constants::rewrite;

    fn around(node: NodeProto, constant: bool) -> (GraphProto, Vec<Around>) {
        let mut graph = GraphProto {
            node: vec![node],
            initializer: constant
                .then(|| edit::floats("c", &[2], &[1.0, 2.0]))
                .into_iter()
                .collect(),
            ..GraphProto::default()
        };
        let mut found = Vec::new();
        let mut names = Names::of(&crate::model::onnx::proto::ModelProto::default());
        rewrite(&mut graph, &mut Constants::default(), &mut |node, constants, nodes| {
            found.push(Gemm::of(&node).around(&node, &mut names, constants, nodes)?);
            Ok(())
        })
        .unwrap();
        (graph, found)
    }

    fn gemm(inputs: &[&str], beta: f32) -> NodeProto {
        let mut node = edit::node("Gemm", inputs, &["y"]);
        node.attribute.push(edit::float_attribute("beta", beta));
        node.attribute.push(edit::int_attribute("transA", 1));
        node
    }

    #[test]
    fn beta_goes_into_a_copy_of_the_bias() {
        let (graph, found) = around(gemm(&["a", "b", "c"], 0.5), true);
        assert_eq!(graph.node.len(), 1);
        assert_eq!((found[0].left.as_str(), found[0].behind.len()), ("a_transposed", 1));
        assert_eq!(found[0].behind[0].input, [found[0].product.as_str(), "c_scaled"]);
        assert_eq!(graph.initializer[0], edit::floats("c_scaled", &[2], &[0.5, 1.0]));
    }

    #[test]
    fn beta_multiplies_a_computed_bias() {
        let (graph, found) = around(gemm(&["a", "b", "c"], 0.5), false);
        let operators: Vec<&str> = graph.node.iter().map(NodeProto::op_type).collect();
        assert_eq!(operators, ["Transpose", "Mul"]);
        assert_eq!(found[0].behind[0].input[1], "c_scaled");
    }

    #[test]
    fn no_bias_adds_nothing() {
        for node in [gemm(&["a", "b"], 1.0), gemm(&["a", "b", "c"], 0.0)] {
            let (_, found) = around(node, false);
            assert_eq!((found[0].product.as_str(), found[0].behind.len()), ("y", 0));
        }
    }
}
