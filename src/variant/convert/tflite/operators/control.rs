//! If and Loop, where what they do is known beforehand or can be computed both ways.
//!
//! A constant condition takes its branch. For any other, both branches are computed (ONNX's operators have no side effects) and
//! SELECT_V2 takes the result, where both have the same shape. A Loop whose count and condition are constant is written out.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::error::ConvertError;
use super::super::error::Refusal;
use super::super::lower::Builder;
use super::super::lower::unsupported;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::edit;
use crate::variant::simplify::value::Value;

/// More rounds than this are not written out.
const MAX_ROUNDS: i64 = 1024;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "If",
        "both branches and SELECT_V2, or one branch",
        "branches of equal shapes, or a constant condition",
        elsewhere,
    ),
    Converter::new(
        "Loop",
        "its body, as often as it runs",
        "a constant count of at most 1024 and a constant condition",
        elsewhere,
    ),
];

fn elsewhere(_: &mut Builder<'_>, _: &Call<'_>) -> Outcome {
    Err("its bodies cannot be seen".into())
}

fn body<'m>(node: &'m NodeProto, name: &str) -> Result<&'m GraphProto, ConvertError> {
    let graph = edit::attribute(node, name).and_then(|attribute| attribute.g.as_ref());
    graph.ok_or_else(|| unsupported(node, Refusal::from(format!("it lacks its `{name}`"))))
}

/// The truth of a constant.
fn truth(slot: Option<&Slot>) -> Option<bool> {
    match slot {
        None => Some(true),
        Some(Slot::Constant(value)) => value.to_ints()?.first().map(|value| *value != 0),
        Some(Slot::Tensor(_)) => None,
    }
}

/// If.
pub(in super::super) fn conditional<'m>(
    b: &mut Builder<'m>,
    node: &'m NodeProto,
    call: &Call<'_>,
) -> Result<Vec<Slot>, ConvertError> {
    let (then, other) = (body(node, "then_branch")?, body(node, "else_branch")?);
    let refuse = |refusal| unsupported(node, refusal);
    let stem = node.output.first().map_or("if", String::as_str);
    let condition = call.inputs.first().and_then(Option::as_ref);
    match truth(condition) {
        Some(true) => return b.inside(then, Vec::new(), &format!("{stem}/then")),
        Some(false) => return b.inside(other, Vec::new(), &format!("{stem}/else")),
        None => {}
    }
    let condition = b.input(call, 0).map_err(refuse)?;
    let yes = b.inside(then, Vec::new(), &format!("{stem}/then"))?;
    let no = b.inside(other, Vec::new(), &format!("{stem}/else"))?;
    let mut made = Vec::with_capacity(yes.len());
    for ((yes, no), name) in yes.iter().zip(&no).zip(&node.output) {
        let (yes, no) = (
            b.tensor(yes, name).map_err(refuse)?,
            b.tensor(no, name).map_err(refuse)?,
        );
        if b.shape(yes) != b.shape(no) || b.kind(yes) != b.kind(no) {
            let reason = format!("its branches make {:?} and {:?}", b.shape(yes), b.shape(no));
            return Err(refuse(Refusal::new(
                reason,
                "branches of equal shapes and types are supported",
            )));
        }
        let flag = b.reshape(condition, &[]).map_err(refuse)?;
        b.named(name);
        made.push(Slot::Tensor(b.push(Op::Select, &[flag, yes, no]).map_err(refuse)?));
    }
    Ok(made)
}

/// Loop.
pub(in super::super) fn repeated<'m>(
    b: &mut Builder<'m>,
    node: &'m NodeProto,
    call: &Call<'_>,
) -> Result<Vec<Slot>, ConvertError> {
    let body = body(node, "body")?;
    let refuse = |refusal| unsupported(node, refusal);
    let supported = "a Loop with a constant count and a constant condition is supported";
    let count = match call.inputs.first().and_then(Option::as_ref) {
        Some(Slot::Constant(value)) => value.to_ints().and_then(|count| count.first().copied()),
        _ => None,
    };
    let count =
        count.ok_or_else(|| refuse(Refusal::new("its count depends on the data, or is left out", supported)))?;
    if count > MAX_ROUNDS {
        return Err(refuse(Refusal::new(
            format!("it runs {count} times"),
            format!("at most {MAX_ROUNDS} rounds are written out"),
        )));
    }
    let mut condition = call.inputs.get(1).cloned().flatten();
    let mut carried: Vec<Slot> = call.inputs.iter().skip(2).flatten().cloned().collect();
    let width = carried.len();
    let mut scans: Vec<Vec<Slot>> = vec![Vec::new(); node.output.len().saturating_sub(width)];
    let stem = node.output.first().map_or("loop", String::as_str);
    for round in 0..count {
        match truth(condition.as_ref()) {
            Some(true) => {}
            Some(false) => break,
            None => return Err(refuse(Refusal::new("its condition depends on the data", supported))),
        }
        let number = |data_type, value| Value::ints(data_type, Vec::new(), &[value]).map(Slot::Constant);
        let (Some(place), Some(holds)) = (number(DataType::Int64, round), number(DataType::Bool, 1)) else {
            break;
        };
        let inputs = [place, holds].into_iter().chain(carried.iter().cloned()).collect();
        let mut outputs = b.inside(body, inputs, &format!("{stem}/{round}"))?.into_iter();
        condition = outputs.next();
        carried = outputs.by_ref().take(width).collect();
        for (scan, slot) in scans.iter_mut().zip(outputs) {
            scan.push(slot);
        }
    }
    let mut made = carried;
    let names = node.output.iter().skip(width);
    for (scan, name) in scans.iter().zip(names).filter(|(_, name)| !name.is_empty()) {
        made.push(Slot::Tensor(stacked(b, scan, name).map_err(refuse)?));
    }
    Ok(made)
}

/// The results of all rounds, along a new first axis.
fn stacked(b: &mut Builder<'_>, rounds: &[Slot], name: &str) -> Result<super::super::graph::TensorId, Refusal> {
    b.named(name);
    let mut parts = Vec::with_capacity(rounds.len());
    for slot in rounds {
        let id = b.tensor(slot, name)?;
        let shape: Vec<usize> = std::iter::once(1).chain(b.shape(id)).collect();
        parts.push(b.reshape(id, &shape)?);
    }
    match parts.as_slice() {
        [] => Err("it never runs, and the results of its rounds are asked for".into()),
        [part] => Ok(*part),
        parts => b.push(Op::Concat { axis: 0 }, parts),
    }
}
