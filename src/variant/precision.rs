//! What numbers a model computes with, read off its graph.

use super::quantize::already_quantized;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataType;

/// `fp32`, `fp16`, or the width of integers: `int8`, `int4`. The main graph's weights decide between floats; one quantized operator makes it
/// integers. A model without weights counts as `fp32`.
pub fn precision(model: &ModelProto) -> &'static str {
    let weights = model.graph.iter().flat_map(|graph| &graph.initializer);
    let (mut single, mut half, mut narrow) = (0_u64, 0_u64, 0_u64);
    for tensor in weights {
        let elements = tensor
            .dims
            .iter()
            .try_fold(1_u64, |product, dim| product.checked_mul(u64::try_from(*dim).ok()?))
            .unwrap_or(0);
        let code = tensor.data_type();
        let sum = if code == DataType::Float as i32 || code == DataType::Double as i32 {
            &mut single
        } else if code == DataType::Float16 as i32 {
            &mut half
        } else if code == DataType::Int4 as i32 || code == DataType::Uint4 as i32 {
            &mut narrow
        } else {
            continue;
        };
        *sum = sum.saturating_add(elements);
    }
    match already_quantized(model) {
        Some(node) if narrow > 0 || node.op_type() == "MatMulNBits" => "int4",
        Some(_) => "int8",
        None if half > single => "fp16",
        None => "fp32",
    }
}
