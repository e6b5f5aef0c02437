//! What numbers a model computes with, read off its graph.

use super::quantize::already_quantized;
use crate::model::Decoded;
use crate::model::Model;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::tflite;
use crate::model::tflite::schema::TensorType;

/// `fp32`, `fp16`, or the width of integers: `int8`, `int4`. The main graph's weights decide between floats; one quantized operator makes it
/// integers. A model without weights counts as `fp32`.
pub fn precision(model: &Model) -> &'static str {
    match &model.decoded {
        Decoded::Onnx(proto) => of_onnx(proto),
        Decoded::TfLite(tables) => of_tflite(tables),
    }
}

/// One weight in integers with a scale makes it integers.
fn of_tflite(tables: &tflite::schema::Model) -> &'static str {
    let constants = tables
        .subgraphs()
        .iter()
        .flat_map(|graph| graph.tensors())
        .filter(|tensor| tables.constant(tensor).is_some());
    let (mut single, mut half) = (0_u64, 0_u64);
    let mut integers = None;
    for tensor in constants {
        let elements = tensor.elements().unwrap_or(0);
        match tensor.r#type {
            TensorType::FLOAT32 => single = single.saturating_add(elements),
            TensorType::FLOAT16 | TensorType::BFLOAT16 => half = half.saturating_add(elements),
            TensorType::INT4 if tensor.is_quantized() => return "int4",
            TensorType::INT8 | TensorType::UINT8 if tensor.is_quantized() => integers = Some("int8"),
            _ => {}
        }
    }
    integers.unwrap_or(if half > single { "fp16" } else { "fp32" })
}

fn of_onnx(model: &ModelProto) -> &'static str {
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
