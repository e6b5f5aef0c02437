//! Weights in 16-bit floats. The format's way of saying so is a constant of type `FLOAT16` and a `DEQUANTIZE` before whatever reads it;
//! engines widen it once, as they load the model, and compute as before: half the file, the same speed.

use std::collections::HashMap;

use super::edit;
use super::edit::Additions;
use super::edit::Names;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::DequantizeOptions;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Account;
use crate::variant::VariantError;
use crate::variant::fp16::numbers::Clamped;
use crate::variant::fp16::numbers::halves;

/// Smaller constants stay: a widening operator would take more room than it saves.
const MIN_ELEMENTS: usize = 64;

/// The version of `DEQUANTIZE` that widens.
const VERSION: i32 = 3;

/// Operators that must see their constants as they stand, or of which nobody knows.
const OPAQUE: &[BuiltinOperator] = &[
    BuiltinOperator::CUSTOM,
    BuiltinOperator::DELEGATE,
    BuiltinOperator::DEQUANTIZE,
    BuiltinOperator::QUANTIZE,
    BuiltinOperator::SVDF,
    BuiltinOperator::STABLEHLO_COMPOSITE,
];

/// Stores the constants of 32-bit floats of `model` in 16 bits, in all subgraphs. Left are those with values beyond ±65 504, those below
/// 64 elements, and those that are outputs of the model.
///
/// Errors: a model whose tables contradict each other.
pub fn fp16(model: &mut Model, account: &mut Account) -> Result<(), VariantError> {
    edit::check(model)?;
    let mut additions = Additions::new();
    let mut done = 0;
    let mut graphs = model.subgraphs.take().unwrap_or_default();
    for graph in &mut graphs {
        let mut maker = Maker {
            names: Names::of(graph),
            made: HashMap::new(),
        };
        let mut operators = Vec::with_capacity(graph.operators().len());
        for mut operator in graph.operators.take().unwrap_or_default() {
            let opaque = OPAQUE.contains(&model.operator(&operator));
            let mut reason = None;
            for index in operator.inputs.iter_mut().flatten() {
                let found = edit::tensor(graph, *index).filter(|_| !graph.outputs().contains(index));
                let Some(constant) = found.filter(|tensor| is_large(model, tensor)).cloned() else {
                    continue;
                };
                if opaque {
                    reason = Some("what it does with its constants is not known");
                    continue;
                }
                match maker.widened(model, graph, &mut additions, &constant, &mut operators) {
                    Some(place) => {
                        *index = place;
                    }
                    None => reason = Some("its weights reach beyond ±65504, the largest 16-bit float"),
                }
            }
            if let Some(reason) = reason {
                edit::leave(account, model, graph, &operator, reason);
            }
            operators.push(operator);
        }
        graph.operators = Some(operators);
        done += maker.made.values().filter(|made| made.is_some()).count();
    }
    model.subgraphs = Some(graphs);
    if done > 0 {
        edit::drop_unread(model);
        edit::sweep(model);
        account.changed += done;
        account.note("fp16: weights are widened as the model is loaded; the file is smaller, the speed the same");
    }
    Ok(())
}

fn is_large(model: &Model, tensor: &Tensor) -> bool {
    edit::singles(model, tensor).is_some() && edit::elements(tensor).is_some_and(|count| count >= MIN_ELEMENTS)
}

/// What is widened already, by buffer and shape: the place of the 32-bit tensor, `None` where it cannot be.
struct Maker {
    names: Names,
    made: HashMap<(u32, Vec<i32>), Option<i32>>,
}

impl Maker {
    /// The place of the tensor that `constant` is widened to, with the operator that does it before those that follow.
    fn widened(
        &mut self,
        model: &mut Model,
        graph: &mut SubGraph,
        additions: &mut Additions,
        constant: &Tensor,
        operators: &mut Vec<Operator>,
    ) -> Option<i32> {
        let key = (constant.buffer, constant.shape().to_vec());
        if let Some(made) = self.made.get(&key) {
            return *made;
        }
        let mut clamped = Clamped::default();
        let data = edit::singles(model, constant).map(|data| halves(data, &mut clamped));
        let made = data.filter(|_| clamped.beyond == 0).map(|data| {
            let buffer = additions.buffer(model, data.into());
            let name = constant.name();
            let stored = Tensor {
                r#type: TensorType::FLOAT16,
                buffer,
                name: Some(self.names.fresh(format!("{name}_fp16"))),
                quantization: None,
                ..constant.clone()
            };
            let widened = Tensor {
                buffer: 0,
                name: Some(self.names.fresh(format!("{name}_fp32"))),
                quantization: None,
                ..constant.clone()
            };
            let from = edit::add_tensor(graph, stored);
            let to = edit::add_tensor(graph, widened);
            operators.push(Operator {
                opcode_index: edit::code(model, BuiltinOperator::DEQUANTIZE, VERSION),
                inputs: Some(vec![from]),
                outputs: Some(vec![to]),
                builtin_options: Some(DequantizeOptions::default().into()),
                ..Operator::default()
            });
            to
        });
        self.made.insert(key, made);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variant::tflite::testing::Small;
    use crate::variant::tflite::testing::kinds;
    use crate::variant::tflite::testing::named;
    use crate::variant::tflite::testing::reread;

    /// Two products with the same weight, one with another.
    fn three(values: Option<&[f32]>) -> Model {
        let mut small = Small::new();
        let x = small.input("x", &[1, 16]);
        let shared = small.weight("shared", &[16, 16]);
        let other = match values {
            Some(values) => small.floats("other", &[16, 16], values),
            None => small.weight("other", &[16, 16]),
        };
        let bias = small.weight("bias", &[16]);
        let kind = BuiltinOperator::FULLY_CONNECTED;
        let a = small.operator(kind, None, &[x, shared, bias], ("a", &[1, 16]));
        let b = small.operator(kind, None, &[a, shared, bias], ("b", &[1, 16]));
        let c = small.operator(kind, None, &[b, other, -1], ("c", &[1, 16]));
        small.finish(&[c])
    }

    #[test]
    fn a_weight_is_widened_once_before_its_first_reader() {
        let mut model = three(None);
        let mut account = Account::default();
        fp16(&mut model, &mut account).unwrap();
        // Equal values share a buffer, not a tensor: the file names both.
        assert_eq!(account.changed, 2);
        assert_eq!(
            kinds(&model),
            [
                "DEQUANTIZE",
                "FULLY_CONNECTED",
                "FULLY_CONNECTED",
                "DEQUANTIZE",
                "FULLY_CONNECTED"
            ]
        );
        let stored = named(&model, "shared_fp16");
        assert_eq!(stored.r#type, TensorType::FLOAT16);
        assert_eq!(stored.buffer, named(&model, "other_fp16").buffer);
        assert_eq!(model.buffers()[stored.buffer as usize].data().len(), 16 * 16 * 2);
        // Biases are too small to be worth it, and what was wide is gone.
        assert_eq!(named(&model, "bias").r#type, TensorType::FLOAT32);
        assert!(
            model.subgraphs()[0]
                .tensors()
                .iter()
                .all(|tensor| tensor.name() != "shared")
        );
        reread(&model);
    }

    #[test]
    fn what_is_out_of_reach_stays_and_is_told() {
        let mut values = vec![0.5; 256];
        values[77] = 7e4;
        let mut model = three(Some(&values));
        let mut account = Account::default();
        fp16(&mut model, &mut account).unwrap();
        assert_eq!(account.changed, 1);
        assert_eq!(account.left.len(), 1);
        assert!(account.left[0].reason.contains("65504"), "{:?}", account.left);
        assert_eq!(account.left[0].op_type, "FULLY_CONNECTED");
        assert_eq!(named(&model, "other").r#type, TensorType::FLOAT32);
    }

    #[test]
    fn there_may_be_nothing_to_do() {
        let mut model = three(None);
        let mut account = Account::default();
        fp16(&mut model, &mut account).unwrap();
        let (before, mut account) = (model.clone(), Account::default());
        fp16(&mut model, &mut account).unwrap();
        assert_eq!((account.changed, model), (0, before));
    }
}
