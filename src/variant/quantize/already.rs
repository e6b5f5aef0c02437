//! Finds out whether a model computes in integers already: quantizing it once more would lose accuracy and gain nothing.

use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::visit;

/// Operators of any domain that read, make or carry quantized tensors, and that an exporter of a model in floats never writes.
const QUANTIZED: &[&str] = &[
    "ConvInteger",
    "DequantizeBFP",
    "DequantizeLinear",
    "DynamicQuantizeLSTM",
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "GatherBlockQuantized",
    "MatMulBnb4",
    "MatMulFpQ4",
    "MatMulInteger",
    "MatMulInteger16",
    "MatMulIntegerToFloat",
    "MatMulNBits",
    "QAttention",
    "QEmbedLayerNormalization",
    "QGemm",
    "QMoE",
    "QOrderedAttention",
    "QOrderedGelu",
    "QOrderedLayerNormalization",
    "QOrderedLongformerAttention",
    "QOrderedMatMul",
    "QuantizeBFP",
    "QuantizeLinear",
];

/// How the names of operators begin that compute on quantized tensors: `QLinearConv`, `QLinearMatMul`, `QLinearAdd` and so on.
const PREFIX: &str = "QLinear";

/// The first node that shows that `model` is quantized already: in its main graph, then in subgraphs and functions; `None` for a
/// model in floats.
pub(in crate::variant) fn already_quantized(model: &ModelProto) -> Option<&NodeProto> {
    visit::nodes(&visit::scopes(model))
        .map(|(_, node)| node)
        .find(|node| QUANTIZED.contains(&node.op_type()) || node.op_type().starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::model::onnx::proto::GraphProto;
    use crate::variant::edit::node;

    fn model(nodes: Vec<NodeProto>) -> ModelProto {
        ModelProto {
            graph: Some(GraphProto {
                node: nodes,
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        }
    }

    #[test]
    fn finds_integers_at_any_depth() {
        assert!(QUANTIZED.is_sorted());
        assert_eq!(already_quantized(&model(vec![node("Conv", &["x", "w"], &["y"])])), None);
        for op in ["QLinearConv", "DequantizeLinear", "MatMulNBits"] {
            let model = model(vec![node("Relu", &["x"], &["r"]), node(op, &["r"], &["y"])]);
            assert_eq!(already_quantized(&model).unwrap().op_type(), op);
        }
        let mut outer = node("If", &["c"], &["y"]);
        outer.attribute.push(AttributeProto {
            name: Some("then_branch".to_owned()),
            g: model(vec![node("MatMulInteger", &["a", "b"], &["y"])]).graph,
            ..AttributeProto::default()
        });
        assert_eq!(
            already_quantized(&model(vec![outer])).unwrap().op_type(),
            "MatMulInteger"
        );
    }
}
