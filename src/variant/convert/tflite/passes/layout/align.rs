//! Operators of several inputs, which must all be in one order.

use super::super::super::graph::Node;
use super::super::super::graph::TensorId;
use super::super::super::op::Op;
use super::Layout;
use super::ODD;
use super::View;
use super::inverse;
use super::is_free;
use super::is_identity;
use super::picked;

impl Layout<'_> {
    /// The inputs of an operator that broadcasts (or joins), all in one order, and that order: the one that leaves the fewest elements to be
    /// moved.
    pub(super) fn aligned(&mut self, node: &Node) -> Result<(Vec<TensorId>, Vec<usize>), String> {
        let output = *node.outputs.first().ok_or(ODD)?;
        let rank = self.old.tensor(output).rank();
        let mut known = Vec::with_capacity(node.inputs.len());
        for id in &node.inputs {
            let view = self.view(*id)?;
            let lacks = rank.checked_sub(view.order.len()).ok_or(ODD)?;
            let order: Vec<usize> = (0..lacks).chain(view.order.iter().map(|axis| axis + lacks)).collect();
            let base = self.new.tensor(view.base);
            let shape: Vec<usize> = std::iter::repeat_n(1, lacks)
                .chain(base.shape.iter().copied())
                .collect();
            let constant = base.data.is_some();
            known.push((*id, view, order, shape, constant));
        }
        let moved = |wanted: &[usize]| -> usize {
            let cost = |(_, view, order, shape, constant): &(TensorId, View, Vec<usize>, Vec<usize>, bool)| {
                let needed = relative(order, wanted).unwrap_or_default();
                let there = self.made.contains_key(&(view.base, needed.clone()));
                if *constant || there || is_free(shape, &needed) {
                    0
                } else {
                    shape.iter().product()
                }
            };
            known.iter().map(cost).sum()
        };
        let identity: Vec<usize> = (0..rank).collect();
        let mut best = (usize::MAX, identity.clone());
        let candidates = known
            .iter()
            .filter(|(.., constant)| !constant)
            .map(|(_, _, order, _, _)| order);
        for order in candidates.filter(|order| !is_identity(order)).chain([&identity]) {
            let cost = moved(order);
            if cost < best.0 {
                best = (cost, order.clone());
            }
        }
        let order = best.1;
        if is_identity(&order) {
            let inputs = node.inputs.iter().map(|id| self.plain(*id)).collect::<Result<_, _>>()?;
            return Ok((inputs, order));
        }
        let mut inputs = Vec::with_capacity(known.len());
        for (id, view, own, shape, constant) in known {
            let name = self.old.tensor(id).name.clone();
            if shape.iter().product::<usize>() == 1 && constant && !matches!(node.op, Op::Concat { .. }) {
                inputs.push(view.base);
                continue;
            }
            let full = self.reshaped(view.base, &shape, &name)?;
            let needed = relative(&own, &order).ok_or(ODD)?;
            let made = self.materialized(
                &View {
                    base: full,
                    order: needed,
                },
                &name,
            )?;
            // A constant vector over the last axis needs no more than that axis.
            let shape = self.new.shape(made).to_vec();
            let ones = shape
                .iter()
                .take_while(|dim| **dim == 1)
                .count()
                .min(shape.len().saturating_sub(1));
            let joins = matches!(node.op, Op::Concat { .. });
            inputs.push(if constant && !joins {
                self.reshaped(made, shape.get(ones..).unwrap_or_default(), &name)?
            } else {
                made
            });
        }
        Ok((inputs, order))
    }
}

/// The order that turns a base seen in the order `own` into one that would be seen in the order `wanted`.
fn relative(own: &[usize], wanted: &[usize]) -> Option<Vec<usize>> {
    picked(own, &inverse(wanted)?)
}
