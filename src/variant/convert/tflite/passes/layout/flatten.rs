//! Changes of shape, and matrices that read what was flattened.

use super::super::super::graph::Node;
use super::super::super::graph::Tensor;
use super::super::super::graph::TensorId;
use super::super::super::graph::transposed;
use super::super::regroup::before_order;
use super::Layout;
use super::ODD;
use super::View;
use super::inverse;
use super::is_free;
use super::picked;

impl Layout<'_> {
    /// A change of shape: of the base, where that is the same; of the tensor itself, else.
    pub(super) fn reshape(&mut self, node: &Node, first: TensorId, shape: &[usize], name: &str) -> Result<(), String> {
        let view = self.view(first)?;
        let base = self.new.shape(view.base).to_vec();
        if is_free(&base, &view.order) {
            let made = self.reshaped(view.base, shape, name)?;
            self.see_plain(node, &[made]);
            return Ok(());
        }
        if let Some((inner, order)) = before_order(&base, &view.order, shape) {
            let made = self.reshaped(view.base, &inner, name)?;
            self.see(node, &[View { base: made, order }]);
            return Ok(());
        }
        if let ([rows, _], Some(output)) = (shape, node.outputs.first())
            && view.order.first() == Some(&0)
            && base.first() == Some(rows)
        {
            self.flattened.insert(*output, view.clone());
        }
        let plain = self.plain(first)?;
        let made = self.reshaped(plain, shape, name)?;
        self.see_plain(node, &[made]);
        Ok(())
    }

    /// Where the data were flattened out of another order, the weights' columns are put into that order instead.
    pub(super) fn fully_connected(&mut self, node: &Node, name: &str) -> Result<(), String> {
        let [first, weights, bias @ ..] = node.inputs.as_slice() else {
            return Err(ODD.to_owned());
        };
        let view = self.view(*first)?;
        let mut order: Vec<usize> = (0..view.order.len()).collect();
        let constant = self.old.tensor(*weights).clone();
        let (data, weights) = if let (Some(before), Some(bytes)) = (self.flattened.get(first).cloned(), &constant.data)
        {
            let base = self.new.shape(before.base).to_vec();
            let seen = picked(&base, &before.order).ok_or(ODD)?;
            let &[outputs, depth] = constant.shape.as_slice() else {
                return Err(ODD.to_owned());
            };
            let columns: Vec<usize> = std::iter::once(outputs).chain(seen.into_iter().skip(1)).collect();
            let back = inverse(&before.order).ok_or(ODD)?;
            let bytes = transposed(bytes, &columns, constant.kind.width(), &back).ok_or(ODD)?;
            let rows = base.first().copied().unwrap_or(1);
            let data = self.reshaped(before.base, &[rows, depth], name)?;
            (
                data,
                self.new.add(Tensor {
                    data: Some(bytes),
                    ..constant
                })?,
            )
        } else if view.order.last().copied() == view.order.len().checked_sub(1) {
            order = view.order;
            (view.base, self.plain(*weights)?)
        } else {
            (self.plain(*first)?, self.plain(*weights)?)
        };
        let mut inputs = vec![data, weights];
        for id in bias {
            inputs.push(self.plain(*id)?);
        }
        let base = self.push(node.op.clone(), &inputs, name)?;
        self.see(node, &[View { base, order }]);
        Ok(())
    }
}
