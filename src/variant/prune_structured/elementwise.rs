//! Operators that compute each element alone, or with those at its place in other values.

use super::layout::Axis;
use super::layout::Layout;
use super::walk::Found;
use super::walk::Role;
use super::walk::Walk;
use crate::model::onnx::proto::NodeProto;

/// One value in, the same shape out; further inputs are numbers.
pub(super) const UNARY: &[&str] = &[
    "Abs",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "FastGelu",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "QuickGelu",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tanh",
    "ThresholdedRelu",
];

/// Several values of one shape, or made so by repeating.
pub(super) const BROADCASTING: &[&str] = &[
    "Add", "Div", "Equal", "Greater", "Less", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum",
];

/// Operators of [`UNARY`].
pub(super) fn unary(walk: &Walk<'_>, node: &NodeProto) -> Found {
    let others = node.input.iter().skip(1).filter(|input| !input.is_empty());
    if node.op_type() == "FastGelu" && others.clone().next().is_some() {
        return Err("needs all of them".to_owned());
    }
    for other in others {
        if walk.moving(other).is_some() {
            return Err("needs all of them".to_owned());
        }
    }
    walk.first(node)
}

/// Operators of [`BROADCASTING`]: values with channels have theirs joined, constants are cut along with them.
pub(super) fn broadcast(walk: &mut Walk<'_>, index: usize, node: &NodeProto) -> Found {
    let layouts: Vec<Layout> = node
        .input
        .iter()
        .filter_map(|input| walk.layouts.get(input.as_str()).cloned())
        .collect();
    let mut joined: Option<Layout> = None;
    let mut pairs = Vec::new();
    for layout in layouts {
        let Some(so_far) = joined.as_mut() else {
            joined = Some(layout);
            continue;
        };
        if so_far.axis.places_from_end() != layout.axis.places_from_end() {
            return Err("pairs them with values of another form".to_owned());
        }
        let axis = longer(so_far.axis, layout.axis);
        let is_one = |layout: &Layout| layout.length() == 1 && !layout.spread;
        if is_one(so_far) {
            *so_far = layout;
        } else if !is_one(&layout) {
            let same = |(one, other): (&super::layout::Part, &super::layout::Part)| {
                one.size == other.size && one.repeat == other.repeat
            };
            let alike = so_far.parts.len() == layout.parts.len() && so_far.parts.iter().zip(&layout.parts).all(same);
            if !alike || so_far.spread != layout.spread {
                return Err("pairs them with others in another order".to_owned());
            }
            pairs.extend(
                so_far
                    .parts
                    .iter()
                    .zip(&layout.parts)
                    .map(|(one, other)| (one.set, other.set)),
            );
            so_far.fixed &= layout.fixed;
        }
        so_far.axis = axis;
    }
    let Some(joined) = joined else {
        return Err("needs all of them".to_owned());
    };
    let mut cuts = Vec::new();
    for (place, input) in node.input.iter().enumerate() {
        if input.is_empty() || walk.layouts.contains_key(input.as_str()) {
            continue;
        }
        let Some(constant) = walk.constant(node, place) else {
            return Err("pairs them with something else".to_owned());
        };
        let dims = constant.dims();
        if let Axis::Of { rank, .. } = joined.axis
            && dims.len() > rank
        {
            return Err("pairs them with values of another form".to_owned());
        }
        let Some(axis) = dims.len().checked_sub(joined.axis.places_from_end()) else {
            continue;
        };
        match dims.get(axis) {
            None | Some(1) => {}
            Some(length) => match joined.expanded(*length) {
                Some(parts) => cuts.push((place, axis, parts)),
                None => return Err("pairs them with values of another form".to_owned()),
            },
        }
    }
    let is_sum = !matches!(node.op_type(), "Mul" | "Div");
    for (one, other) in pairs {
        walk.channels.join(one, other);
        if is_sum {
            walk.channels.sum(one);
        }
    }
    for (place, axis, parts) in cuts {
        walk.cut(index, place, axis, parts, Role::Follows);
    }
    Ok(Layout { fixed: false, ..joined })
}

/// The axis in the value with more axes.
fn longer(one: Axis, other: Axis) -> Axis {
    match (one, other) {
        (Axis::Of { rank: first, .. }, Axis::Of { rank: second, .. }) => {
            if first >= second {
                one
            } else {
                other
            }
        }
        _ => Axis::Last,
    }
}
