//! What a tensor of a model is called in a quantized build of it, by the names that quantizers give.
//!
//! | first build | second build | how it was made |
//! |---|---|---|
//! | `X` | `X_DequantizeLinear_Output` | ONNX Runtime, QDQ: quantized and back again, as later layers read it |
//! | `X` | `X` | 16-bit floats, dynamic quantization, layers left in float |
//! | `X` | `X_quantized` with `X_scale` and `X_zero_point` | ONNX Runtime, `QLinear…` operators; dequantized here |

use std::collections::HashSet;

use crate::model::onnx::facts::initializer_names;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;

/// Names in a second build.
#[derive(Debug)]
pub(super) struct Counterparts<'a> {
    made: HashSet<&'a str>,
    constant: HashSet<&'a str>,
}

impl<'a> Counterparts<'a> {
    /// The names of `model`'s main graph.
    pub(super) fn of(model: &'a ModelProto) -> Self {
        let graph = model.graph.as_ref();
        let nodes = graph.map_or(&[][..], |graph| &graph.node);
        Self {
            made: nodes.iter().flat_map(|node| &node.output).map(String::as_str).collect(),
            constant: graph.into_iter().flat_map(initializer_names).collect(),
        }
    }

    /// What `name` is called, and the node that must be added to make it, where one must.
    pub(super) fn find(&self, name: &str) -> Option<(String, Option<NodeProto>)> {
        let dequantized = format!("{name}_DequantizeLinear_Output");
        if self.made.contains(dequantized.as_str()) {
            return Some((dequantized, None));
        }
        if self.made.contains(name) {
            return Some((name.to_owned(), None));
        }
        let [quantized, scale, zero_point] =
            ["quantized", "scale", "zero_point"].map(|suffix| format!("{name}_{suffix}"));
        let is_known = |name: &str| self.made.contains(name) || self.constant.contains(name);
        if !self.made.contains(quantized.as_str()) || !is_known(&scale) || !is_known(&zero_point) {
            return None;
        }
        // A name of its own, so that nothing else in the graph can have it.
        let output = (0..)
            .map(|number| format!("{name}_dequantized_{number}"))
            .find(|output| !is_known(output))?;
        let node = NodeProto {
            op_type: Some("DequantizeLinear".to_owned()),
            input: vec![quantized, scale, zero_point],
            output: vec![output.clone()],
            ..NodeProto::default()
        };
        Some((output, Some(node)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::GraphProto;
    use crate::model::onnx::proto::TensorProto;

    fn model(outputs: &[&str], initializers: &[&str]) -> ModelProto {
        ModelProto {
            graph: Some(GraphProto {
                node: vec![NodeProto {
                    output: outputs.iter().map(|name| (*name).to_owned()).collect(),
                    ..NodeProto::default()
                }],
                initializer: initializers
                    .iter()
                    .map(|name| TensorProto {
                        name: Some((*name).to_owned()),
                        ..TensorProto::default()
                    })
                    .collect(),
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        }
    }

    #[test]
    fn names_of_quantizers_are_found() {
        let model = model(
            &["a", "a_DequantizeLinear_Output", "b", "c_quantized", "d_quantized"],
            &["c_scale", "c_zero_point"],
        );
        let counterparts = Counterparts::of(&model);
        let name = |name: &str| counterparts.find(name).map(|(name, _)| name);
        assert_eq!(name("a").as_deref(), Some("a_DequantizeLinear_Output"));
        assert_eq!(name("b").as_deref(), Some("b"));
        assert_eq!(name("d"), None);
        assert_eq!(name("e"), None);
        let (output, node) = counterparts.find("c").unwrap();
        assert_eq!(output, "c_dequantized_0");
        assert_eq!(node.unwrap().input, ["c_quantized", "c_scale", "c_zero_point"]);
    }
}
