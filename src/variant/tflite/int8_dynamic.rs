//! Weights in 8-bit integers, symmetric, each output channel with its own scale; activations stay floats between operators, and engines
//! quantize them as they come: a quarter of the file. On x86 it can be slower than floats, which whoever reports it must say.

use std::collections::HashMap;

use super::edit;
use super::edit::Additions;
use super::edit::Names;
use super::quantized;
use crate::model::onnx::shown::shown;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::BuiltinOptions;
use crate::model::tflite::schema::DequantizeOptions;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::Account;
use crate::variant::VariantError;

/// Smaller weights stay, as in files of TensorFlow's own converter.
const MIN_ELEMENTS: usize = 1024;

/// The version of `DEQUANTIZE` that takes 8-bit integers.
const DEQUANTIZE: i32 = 2;

/// Stores the weights of `model` in 8-bit integers, in all subgraphs. Left are weights below 1024 elements, computed ones, and those of
/// operators without a kernel that takes them.
///
/// Errors: a model that is quantized already, or whose tables contradict each other.
pub fn int8_dynamic(model: &mut Model, account: &mut Account) -> Result<(), VariantError> {
    edit::check(model)?;
    refuse_quantized(model, "int8")?;
    let mut changed = model.clone();
    edit::widen(&mut changed);
    let mut pass = Pass {
        additions: Additions::new(),
        done: 0,
    };
    let mut graphs = changed.subgraphs.take().unwrap_or_default();
    for graph in &mut graphs {
        pass.graph(&mut changed, graph, account);
    }
    changed.subgraphs = Some(graphs);
    if pass.done > 0 {
        edit::drop_unread(&mut changed);
        edit::sweep(&mut changed);
        *model = changed;
        account.changed += pass.done;
        account.note(
            "int8: activations are quantized anew at every run; on x86 that can cost more than integer products save. Measure it, or \
             give calibration data to quantize them beforehand",
        );
    }
    Ok(())
}

/// Refuses a model with a tensor in quantized integers.
pub(super) fn refuse_quantized(model: &Model, step: &str) -> Result<(), VariantError> {
    let tensors = model.subgraphs().iter().flat_map(SubGraph::tensors);
    let quantized = |tensor: &&Tensor| {
        let integers = matches!(
            tensor.r#type,
            TensorType::INT8 | TensorType::UINT8 | TensorType::INT16 | TensorType::INT4 | TensorType::INT2
        );
        let scaled = |found: &crate::model::tflite::schema::QuantizationParameters| {
            !found.scale().is_empty() || found.details.is_some()
        };
        integers && tensor.quantization.as_ref().is_some_and(scaled)
    };
    match tensors.into_iter().find(quantized) {
        Some(tensor) => Err(VariantError::AlreadyQuantized {
            step: step.to_owned(),
            node: format!("tensor {}", shown(tensor.name())),
        }),
        None => Ok(()),
    }
}

/// What an operator takes.
struct Takes {
    /// The weight's place among its inputs.
    weight: usize,
    /// The input that it is multiplied with; none where rows are looked up.
    input: Option<usize>,
    /// The axis of the channels with scales of their own.
    axis: Option<usize>,
    /// The version that takes it.
    version: i32,
}

fn takes(kind: BuiltinOperator) -> Option<Takes> {
    let of = |weight, input, axis, version| Takes {
        weight,
        input,
        axis,
        version,
    };
    Some(match kind {
        BuiltinOperator::CONV_2D => of(1, Some(0), Some(0), 5),
        BuiltinOperator::DEPTHWISE_CONV_2D => of(1, Some(0), Some(3), 6),
        BuiltinOperator::FULLY_CONNECTED => of(1, Some(0), Some(0), 12),
        BuiltinOperator::BATCH_MATMUL => of(1, Some(0), None, 4),
        BuiltinOperator::EMBEDDING_LOOKUP => of(1, None, Some(0), 4),
        BuiltinOperator::GATHER => of(0, None, None, 2),
        _ => return None,
    })
}

struct Pass {
    additions: Additions,
    done: usize,
}

impl Pass {
    fn graph(&mut self, model: &mut Model, graph: &mut SubGraph, account: &mut Account) {
        let mut names = Names::of(graph);
        let mut made: HashMap<(u32, Vec<i32>, Option<usize>), i32> = HashMap::new();
        let mut operators = Vec::with_capacity(graph.operators().len());
        for mut operator in graph.operators.take().unwrap_or_default() {
            let kind = model.operator(&operator);
            let found = takes(kind).and_then(|takes| Some((values(model, graph, &operator, &takes)?, takes)));
            let Some((found, takes)) = found else {
                if kind == BuiltinOperator::TRANSPOSE_CONV {
                    let reason = "its kernels take no 8-bit weights with activations in floats";
                    edit::leave(account, model, graph, &operator, reason);
                }
                operators.push(operator);
                continue;
            };
            let (weight, values) = match found {
                Ok(found) => found,
                Err(reason) => {
                    edit::leave(account, model, graph, &operator, reason);
                    operators.push(operator);
                    continue;
                }
            };
            let key = (weight.buffer, weight.shape().to_vec(), takes.axis);
            let place = made.get(&key).copied().unwrap_or_else(|| {
                let shape = edit::shape(&weight);
                let params = quantized::weight_params(&values, &shape, takes.axis);
                let bytes = quantized::weight_bytes(&values, &shape, takes.axis, &params);
                let tensor = Tensor {
                    r#type: TensorType::INT8,
                    buffer: self.additions.buffer(model, bytes),
                    name: Some(names.fresh(format!("{}_int8", weight.name()))),
                    quantization: Some(quantized::parameters(&params, takes.axis)),
                    ..weight.clone()
                };
                edit::add_tensor(graph, tensor)
            });
            made.insert(key, place);
            if let Some(index) = operator.inputs.iter_mut().flatten().nth(takes.weight) {
                *index = place;
            }
            ask_for_zero_points(&mut operator);
            edit::raise(model, &mut operator, takes.version);
            self.done += 1;
            let widening =
                (kind == BuiltinOperator::GATHER).then(|| widen_output(model, graph, &mut names, &mut operator));
            operators.push(operator);
            operators.extend(widening.flatten());
        }
        graph.operators = Some(operators);
    }
}

/// The weight and its values, or why it stays; `None` where there is nothing to speak of.
#[allow(clippy::type_complexity)]
fn values(
    model: &Model,
    graph: &SubGraph,
    operator: &Operator,
    takes: &Takes,
) -> Option<Result<(Tensor, Vec<f32>), &'static str>> {
    let at = |place: usize| edit::tensor(graph, *operator.inputs().get(place)?);
    let weight = at(takes.weight).filter(|weight| weight.r#type == TensorType::FLOAT32)?;
    let Some(values) = edit::floats(model, weight) else {
        let looks_up = takes.input.is_none() || model.operator(operator) == BuiltinOperator::BATCH_MATMUL;
        return (!looks_up).then_some(Err("its weights are no plain constants"));
    };
    if values.len() < MIN_ELEMENTS {
        return takes.input.map(|_| Err("it has fewer than 1024 weights"));
    }
    if !quantized::are_plain(&values) {
        return Some(Err("its weights are not finite, or masks beyond 1e9"));
    }
    if let Some(input) = takes.input {
        let input = at(input)?;
        if input.r#type != TensorType::FLOAT32 {
            return Some(Err("its input is not in 32-bit floats"));
        }
        let grouped =
            model.operator(operator) == BuiltinOperator::CONV_2D && input.shape().last() != weight.shape().last();
        if grouped {
            return Some(Err(
                "its kernels take no 8-bit weights in groups with activations in floats",
            ));
        }
    }
    Some(Ok((weight.clone(), values)))
}

/// Has activations quantized with a zero point of their own, where an operator leaves the choice.
fn ask_for_zero_points(operator: &mut Operator) {
    match &mut operator.builtin_options {
        Some(BuiltinOptions::FullyConnectedOptions(options)) => options.asymmetric_quantize_inputs = true,
        Some(BuiltinOptions::BatchMatMulOptions(options)) => options.asymmetric_quantize_inputs = true,
        _ => {}
    }
}

/// Has the rows that an operator looks up come out in 8-bit integers; gives the operator that widens them.
fn widen_output(
    model: &mut Model,
    graph: &mut SubGraph,
    names: &mut Names,
    operator: &mut Operator,
) -> Option<Operator> {
    let table = edit::tensor(graph, *operator.inputs().first()?)?.quantization.clone();
    let output = operator.outputs.as_mut()?.first_mut()?;
    let floats = edit::tensor(graph, *output)?;
    let rows = Tensor {
        r#type: TensorType::INT8,
        name: Some(names.fresh(format!("{}_int8", floats.name()))),
        quantization: table,
        ..floats.clone()
    };
    let rows = edit::add_tensor(graph, rows);
    let widened = std::mem::replace(output, rows);
    Some(Operator {
        opcode_index: edit::code(model, BuiltinOperator::DEQUANTIZE, DEQUANTIZE),
        inputs: Some(vec![rows]),
        outputs: Some(vec![widened]),
        builtin_options: Some(DequantizeOptions::default().into()),
        ..Operator::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variant::tflite::testing::Small;
    use crate::variant::tflite::testing::kinds;
    use crate::variant::tflite::testing::named;
    use crate::variant::tflite::testing::reread;

    fn apply(model: &mut Model) -> Account {
        let mut account = Account::default();
        int8_dynamic(model, &mut account).unwrap();
        account
    }

    fn version(model: &Model, number: usize) -> i32 {
        let operator = &model.subgraphs()[0].operators()[number];
        model.operator_codes()[operator.opcode_index as usize].version
    }

    #[test]
    fn weights_have_a_scale_for_each_channel() {
        let mut small = Small::new();
        let x = small.input("x", &[1, 8, 8, 16]);
        let conv = small.weight("conv", &[32, 3, 3, 16]);
        let depthwise = small.weight("depthwise", &[1, 6, 6, 32]);
        let tiny = small.weight("tiny", &[4, 1, 1, 32]);
        let kind = BuiltinOperator::CONV_2D;
        let a = small.operator(kind, None, &[x, conv, -1], ("a", &[1, 8, 8, 32]));
        let b = small.operator(
            BuiltinOperator::DEPTHWISE_CONV_2D,
            None,
            &[a, depthwise, -1],
            ("b", &[1, 8, 8, 32]),
        );
        let c = small.operator(kind, None, &[b, tiny, -1], ("c", &[1, 8, 8, 4]));
        let mut model = small.finish(&[c]);
        let account = apply(&mut model);
        assert_eq!(account.changed, 2);
        assert_eq!(account.left[0].reason, "it has fewer than 1024 weights");
        assert!(account.notes[0].contains("x86"));
        let quantization = |name| named(&model, name).quantization.clone().unwrap();
        assert_eq!(quantization("conv_int8").scale().len(), 32);
        assert_eq!(quantization("conv_int8").quantized_dimension, 0);
        assert_eq!(quantization("depthwise_int8").quantized_dimension, 3);
        assert!(
            quantization("depthwise_int8")
                .zero_point()
                .iter()
                .all(|zero| *zero == 0)
        );
        assert_eq!([0, 1, 2].map(|number| version(&model, number)), [5, 6, 1]);
        reread(&model);
    }

    #[test]
    fn tables_give_rows_that_are_widened() {
        let mut small = Small::new();
        let ids = small.constant("ids", &[2], TensorType::INT32, vec![0, 0, 0, 0, 3, 0, 0, 0].into());
        let table = small.weight("table", &[64, 32]);
        let rows = small.operator(BuiltinOperator::GATHER, None, &[table, ids], ("rows", &[2, 32]));
        let mut model = small.finish(&[rows]);
        assert_eq!(apply(&mut model).changed, 1);
        assert_eq!(kinds(&model), ["GATHER", "DEQUANTIZE"]);
        let (table, rows) = (named(&model, "table_int8"), named(&model, "rows_int8"));
        assert_eq!(table.quantization, rows.quantization);
        assert_eq!(named(&model, "rows").r#type, TensorType::FLOAT32);
        reread(&model);
    }

    #[test]
    fn a_weight_that_something_else_reads_stays_beside_its_integers() {
        let mut small = Small::new();
        let x = small.input("x", &[1, 32]);
        let weight = small.weight("w", &[32, 32]);
        let product = small.operator(
            BuiltinOperator::FULLY_CONNECTED,
            None,
            &[x, weight, -1],
            ("y", &[1, 32]),
        );
        let sum = small.operator(BuiltinOperator::ADD, None, &[product, weight], ("z", &[32, 32]));
        let mut model = small.finish(&[sum]);
        apply(&mut model);
        assert_eq!(named(&model, "w").r#type, TensorType::FLOAT32);
        assert_eq!(named(&model, "w_int8").r#type, TensorType::INT8);
    }

    #[test]
    fn once_is_enough() {
        let mut small = Small::new();
        let x = small.input("x", &[1, 32]);
        let weight = small.weight("w", &[32, 32]);
        let y = small.operator(
            BuiltinOperator::FULLY_CONNECTED,
            None,
            &[x, weight, -1],
            ("y", &[1, 32]),
        );
        let mut model = small.finish(&[y]);
        apply(&mut model);
        let error = int8_dynamic(&mut model, &mut Account::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "int8 needs a model in floats, and tensor `w_int8` is quantized already"
        );
    }
}
