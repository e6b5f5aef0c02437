//! From ONNX's layout to the format's: takes out the transposes that the converters put in.
//!
//! Every tensor is seen as another one, its base, with the axes in some order. A TRANSPOSE only changes the view; operators that do not
//! care about the order work on the base, with their axes, pads and constants reordered; the others get a TRANSPOSE of what they need,
//! one for all of them, and only where it moves data: where all but one of the axes that move have size 1, a RESHAPE says the same. So a
//! convolutional network gets one TRANSPOSE at its input and none within.

mod align;
mod flatten;

use std::collections::HashMap;

use super::super::graph::Graph;
use super::super::graph::Node;
use super::super::graph::Tensor;
use super::super::graph::TensorId;
use super::super::graph::transposed;
use super::super::op::Op;

/// How ONNX's NCHW is written as NHWC, and the way back.
const TO_NHWC: [usize; 4] = [0, 2, 3, 1];
const TO_NCHW: [usize; 4] = [0, 3, 1, 2];

/// The axes of `base` in the order `order`: axis `i` of the view is axis `order[i]` of the base.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    base: TensorId,
    order: Vec<usize>,
}

/// The same computation with as few transposes as can be. `nhwc` says that inputs and outputs of four dimensions are to be NHWC.
pub(in super::super) fn layout(old: &Graph, nhwc: bool) -> Result<Graph, String> {
    let mut layout = Layout {
        old,
        new: Graph::default(),
        views: HashMap::new(),
        made: HashMap::new(),
        reshaped: HashMap::new(),
        flattened: HashMap::new(),
    };
    for input in &old.inputs {
        let mut tensor = old.tensor(*input).clone();
        let turned = nhwc && tensor.rank() == 4;
        if turned {
            tensor.shape = picked(&tensor.shape, &TO_NHWC).ok_or("an input has no four dimensions")?;
        }
        let order = if turned {
            TO_NCHW.to_vec()
        } else {
            (0..tensor.rank()).collect()
        };
        let base = layout.new.add(tensor)?;
        layout.new.inputs.push(base);
        layout.views.insert(*input, View { base, order });
    }
    for node in &old.nodes {
        layout.node(node)?;
    }
    for (name, id) in &old.outputs {
        let mut view = layout.view(*id)?;
        if nhwc && view.order.len() == 4 {
            view.order = picked(&view.order, &TO_NHWC).ok_or("an output has no four dimensions")?;
        }
        let id = layout.materialized(&view, name)?;
        layout.new.outputs.push((name.clone(), id));
    }
    let mut new = layout.new;
    new.drop_dead();
    Ok(new)
}

struct Layout<'g> {
    old: &'g Graph,
    new: Graph,
    views: HashMap<TensorId, View>,
    /// Bases that are there in another order already.
    made: HashMap<(TensorId, Vec<usize>), TensorId>,
    /// What a RESHAPE was made of.
    reshaped: HashMap<TensorId, TensorId>,
    /// Matrices that are a view flattened: the view before.
    flattened: HashMap<TensorId, View>,
}

/// The entries at `order`.
fn picked<T: Copy>(values: &[T], order: &[usize]) -> Option<Vec<T>> {
    order.iter().map(|axis| values.get(*axis).copied()).collect()
}

/// `spread(values, order)[order[i]] = values[i]`: an option of a view's axes as one of its base's.
fn spread<T: Copy>(values: &[T], order: &[usize]) -> Option<Vec<T>> {
    picked(values, &inverse(order)?)
}

fn inverse(order: &[usize]) -> Option<Vec<usize>> {
    let mut back = vec![0; order.len()];
    for (place, axis) in order.iter().enumerate() {
        *back.get_mut(*axis)? = place;
    }
    Some(back)
}

fn is_identity(order: &[usize]) -> bool {
    order.iter().copied().eq(0..order.len())
}

/// True where putting the axes of `shape` into that order moves no data.
fn is_free(shape: &[usize], order: &[usize]) -> bool {
    let moving: Vec<usize> = order
        .iter()
        .copied()
        .filter(|axis| shape.get(*axis) != Some(&1))
        .collect();
    moving.is_sorted()
}

/// The order that is left of `order` once the view's axes `gone` are.
fn without(order: &[usize], gone: &[usize]) -> Vec<usize> {
    let kept: Vec<usize> = order
        .iter()
        .enumerate()
        .filter(|(at, _)| !gone.contains(at))
        .map(|(_, axis)| *axis)
        .collect();
    kept.iter()
        .map(|axis| kept.iter().filter(|other| *other < axis).count())
        .collect()
}

const ODD: &str = "an operator's options do not go with its tensors";

impl Layout<'_> {
    fn view(&mut self, old: TensorId) -> Result<View, String> {
        if let Some(view) = self.views.get(&old) {
            return Ok(view.clone());
        }
        let tensor = self.old.tensor(old).clone();
        let order = (0..tensor.rank()).collect();
        let view = View {
            base: self.new.add(tensor)?,
            order,
        };
        self.views.insert(old, view.clone());
        Ok(view)
    }

    /// The tensor itself.
    fn plain(&mut self, old: TensorId) -> Result<TensorId, String> {
        let view = self.view(old)?;
        let name = self.old.tensor(old).name.clone();
        self.materialized(&view, &name)
    }

    fn materialized(&mut self, view: &View, name: &str) -> Result<TensorId, String> {
        if is_identity(&view.order) {
            return Ok(view.base);
        }
        let key = (view.base, view.order.clone());
        if let Some(id) = self.made.get(&key) {
            return Ok(*id);
        }
        let base = self.new.tensor(view.base);
        let shape = picked(&base.shape, &view.order).ok_or(ODD)?;
        let id = if let Some(data) = &base.data {
            let data = transposed(data, &base.shape, base.kind.width(), &view.order);
            self.new.add(Tensor {
                shape,
                data,
                ..base.clone()
            })?
        } else if is_free(&base.shape, &view.order) {
            self.reshaped(view.base, &shape, name)?
        } else {
            self.push(Op::Transpose(view.order.clone()), &[view.base], name)?
        };
        self.made.insert(key, id);
        Ok(id)
    }

    fn push(&mut self, op: Op, inputs: &[TensorId], name: &str) -> Result<TensorId, String> {
        let outputs = self.new.push(op, inputs, name)?;
        outputs.first().copied().ok_or_else(|| ODD.to_owned())
    }

    fn reshaped(&mut self, id: TensorId, shape: &[usize], name: &str) -> Result<TensorId, String> {
        let id = self.reshaped.get(&id).copied().unwrap_or(id);
        let tensor = self.new.tensor(id);
        if tensor.shape == shape {
            return Ok(id);
        }
        if tensor.data.is_some() {
            let tensor = Tensor {
                shape: shape.to_vec(),
                ..tensor.clone()
            };
            return self.new.add(tensor);
        }
        let made = self.push(Op::Reshape(shape.to_vec()), &[id], name)?;
        self.reshaped.insert(made, id);
        Ok(made)
    }

    fn node(&mut self, node: &Node) -> Result<(), String> {
        let name = node
            .outputs
            .first()
            .map(|id| self.old.tensor(*id).name.clone())
            .unwrap_or_default();
        let first = *node.inputs.first().ok_or(ODD)?;
        match &node.op {
            Op::Transpose(order) => {
                let view = self.view(first)?;
                let order = picked(&view.order, order).ok_or(ODD)?;
                self.see(node, &[View { base: view.base, order }]);
            }
            Op::Reshape(shape) => self.reshape(node, first, shape, &name)?,
            Op::Arithmetic(..) | Op::Binary(_) | Op::Select => {
                let (inputs, order) = self.aligned(node)?;
                let base = self.push(node.op.clone(), &inputs, &name)?;
                self.see(node, &[View { base, order }]);
            }
            Op::Concat { axis } => {
                let (inputs, order) = self.aligned(node)?;
                let axis = *order.get(*axis).ok_or(ODD)?;
                let base = self.push(Op::Concat { axis }, &inputs, &name)?;
                self.see(node, &[View { base, order }]);
            }
            Op::FullyConnected { .. } => self.fully_connected(node, &name)?,
            Op::BatchMatMul { adj_x, adj_y } => {
                let second = *node.inputs.get(1).ok_or(ODD)?;
                let view = self.view(second)?;
                let mut swapped = view.order.clone();
                let rank = swapped.len();
                swapped.swap(rank.saturating_sub(2), rank.saturating_sub(1));
                let x = self.plain(first)?;
                let (y, adj_y) = if is_identity(&swapped) {
                    (view.base, !adj_y)
                } else {
                    (self.plain(second)?, *adj_y)
                };
                let base = self.push(Op::BatchMatMul { adj_x: *adj_x, adj_y }, &[x, y], &name)?;
                self.see_plain(node, &[base]);
            }
            op => match self.carried(op, first)? {
                Some((op, order)) => {
                    let view = self.view(first)?;
                    let mut inputs = vec![view.base];
                    for other in node.inputs.iter().skip(1) {
                        inputs.push(self.plain(*other)?);
                    }
                    let bases = self.new.push(op, &inputs, &name)?;
                    let views: Vec<View> = bases
                        .into_iter()
                        .map(|base| View {
                            base,
                            order: order.clone(),
                        })
                        .collect();
                    self.see(node, &views);
                }
                None => {
                    let inputs = node
                        .inputs
                        .iter()
                        .map(|id| self.plain(*id))
                        .collect::<Result<Vec<_>, _>>()?;
                    let bases = self.new.push(op.clone(), &inputs, &name)?;
                    self.see_plain(node, &bases);
                }
            },
        }
        Ok(())
    }

    fn see(&mut self, node: &Node, views: &[View]) {
        self.views
            .extend(node.outputs.iter().copied().zip(views.iter().cloned()));
    }

    fn see_plain(&mut self, node: &Node, bases: &[TensorId]) {
        let views: Vec<View> = bases
            .iter()
            .map(|base| View {
                base: *base,
                order: (0..self.new.tensor(*base).rank()).collect(),
            })
            .collect();
        self.see(node, &views);
    }

    /// The operator on the base of its first input, and the order in which its outputs are then to be seen; `None` where it wants the
    /// tensor itself.
    fn carried(&mut self, op: &Op, first: TensorId) -> Result<Option<(Op, Vec<usize>)>, String> {
        let order = self.view(first)?.order;
        let last_stays = order.last().copied() == order.len().checked_sub(1);
        let of = |axis: &usize| order.get(*axis).copied().ok_or_else(|| ODD.to_owned());
        let all = |values: &[usize]| spread(values, &order).ok_or_else(|| ODD.to_owned());
        let carried = match op {
            Op::Unary(_) | Op::LeakyRelu { .. } | Op::Gelu { .. } | Op::Erf | Op::Cast(_) => (op.clone(), order),
            Op::Softmax | Op::LogSoftmax | Op::TopK { .. } if last_stays => (op.clone(), order),
            Op::Reduce { kind, axes, keep } => {
                let mut of_base = axes.iter().map(of).collect::<Result<Vec<_>, _>>()?;
                of_base.sort_unstable();
                let left = if *keep { order.clone() } else { without(&order, axes) };
                (
                    Op::Reduce {
                        kind: *kind,
                        axes: of_base,
                        keep: *keep,
                    },
                    left,
                )
            }
            Op::ArgExtreme { max, axis } => (
                Op::ArgExtreme {
                    max: *max,
                    axis: of(axis)?,
                },
                without(&order, &[*axis]),
            ),
            Op::Split { axis, sizes } => (
                Op::Split {
                    axis: of(axis)?,
                    sizes: sizes.clone(),
                },
                order,
            ),
            Op::Slice { begin, size } => (
                Op::Slice {
                    begin: all(begin)?,
                    size: all(size)?,
                },
                order,
            ),
            Op::StridedSlice { begin, strides, size } => {
                let (begin, strides) = (spread(begin, &order).ok_or(ODD)?, spread(strides, &order).ok_or(ODD)?);
                (
                    Op::StridedSlice {
                        begin,
                        strides,
                        size: all(size)?,
                    },
                    order,
                )
            }
            Op::Pad { before, after, value } => (
                Op::Pad {
                    before: all(before)?,
                    after: all(after)?,
                    value: *value,
                },
                order,
            ),
            Op::MirrorPad { before, after, reflect } => (
                Op::MirrorPad {
                    before: all(before)?,
                    after: all(after)?,
                    reflect: *reflect,
                },
                order,
            ),
            Op::Tile(times) => (Op::Tile(all(times)?), order),
            Op::BroadcastTo(to) if to.len() == order.len() => (Op::BroadcastTo(all(to)?), order),
            Op::Cumsum {
                axis,
                exclusive,
                reverse,
            } => (
                Op::Cumsum {
                    axis: of(axis)?,
                    exclusive: *exclusive,
                    reverse: *reverse,
                },
                order,
            ),
            _ => return Ok(None),
        };
        Ok(Some(carried))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::graph::Kind;
    use super::super::super::graph::pack_floats;
    use super::super::super::op::Activation;
    use super::super::super::op::Arithmetic;
    use super::super::super::op::Reduction;
    use super::super::super::op::Unary;
    use super::*;

    fn input(graph: &mut Graph, shape: &[usize]) -> TensorId {
        let tensor = Tensor {
            name: "x".to_owned(),
            kind: Kind::F32,
            shape: shape.to_vec(),
            data: None,
        };
        let id = graph.add(tensor).unwrap();
        graph.inputs.push(id);
        id
    }

    fn names(graph: &Graph) -> Vec<&'static str> {
        graph.nodes.iter().map(|node| node.op.name()).collect()
    }

    #[test]
    fn transposes_that_cancel_are_gone_and_constants_follow() {
        let mut graph = Graph::default();
        let x = input(&mut graph, &[1, 4, 5, 3]);
        let seen = graph.push(Op::Transpose(TO_NCHW.to_vec()), &[x], "a").unwrap()[0];
        let factors = Tensor {
            name: "c".to_owned(),
            kind: Kind::F32,
            shape: vec![3, 1, 1],
            data: Some(pack_floats(&[1.0, 2.0, 3.0])),
        };
        let factors = graph.add(factors).unwrap();
        let op = Op::Arithmetic(Arithmetic::Mul, Activation::None);
        let scaled = graph.push(op, &[factors, seen], "b").unwrap()[0];
        let positive = graph.push(Op::Unary(Unary::Relu), &[scaled], "c").unwrap()[0];
        let back = graph.push(Op::Transpose(TO_NHWC.to_vec()), &[positive], "y").unwrap()[0];
        graph.outputs.push(("y".to_owned(), back));
        let made = layout(&graph, false).unwrap();
        assert_eq!(names(&made), ["MUL", "RELU"]);
        assert_eq!(made.shape(made.nodes[0].inputs[0]), [3]);
    }

    #[test]
    fn a_mean_over_height_and_width_leaves_no_order() {
        let mut graph = Graph::default();
        let x = input(&mut graph, &[2, 4, 5, 3]);
        let seen = graph.push(Op::Transpose(TO_NCHW.to_vec()), &[x], "a").unwrap()[0];
        let op = Op::Reduce {
            kind: Reduction::Mean,
            axes: vec![2, 3],
            keep: false,
        };
        let mean = graph.push(op, &[seen], "y").unwrap()[0];
        graph.outputs.push(("y".to_owned(), mean));
        let made = layout(&graph, false).unwrap();
        assert_eq!(
            made.nodes[0].op,
            Op::Reduce {
                kind: Reduction::Mean,
                axes: vec![1, 2],
                keep: false
            }
        );
        assert_eq!(names(&made), ["MEAN"]);
    }

    #[test]
    fn borders_keep_their_layout_or_are_nhwc_where_asked() {
        let mut graph = Graph::default();
        let x = input(&mut graph, &[1, 3, 4, 5]);
        let inner = graph.push(Op::Transpose(TO_NHWC.to_vec()), &[x], "a").unwrap()[0];
        let deep = graph.push(Op::SpaceToDepth { block: 1 }, &[inner], "b").unwrap()[0];
        let back = graph.push(Op::Transpose(TO_NCHW.to_vec()), &[deep], "y").unwrap()[0];
        graph.outputs.push(("y".to_owned(), back));
        assert_eq!(
            names(&layout(&graph, false).unwrap()),
            ["TRANSPOSE", "SPACE_TO_DEPTH", "TRANSPOSE"]
        );
        let nhwc = layout(&graph, true).unwrap();
        assert_eq!(names(&nhwc), ["SPACE_TO_DEPTH"]);
        assert_eq!(nhwc.shape(nhwc.inputs[0]), [1, 4, 5, 3]);
    }

    #[test]
    fn flattening_goes_into_the_weights() {
        let mut graph = Graph::default();
        let x = input(&mut graph, &[1, 2, 1, 2]);
        let seen = graph.push(Op::Transpose(TO_NCHW.to_vec()), &[x], "a").unwrap()[0];
        let flat = graph.push(Op::Reshape(vec![1, 4]), &[seen], "b").unwrap()[0];
        let weights = Tensor {
            name: "w".to_owned(),
            kind: Kind::F32,
            shape: vec![1, 4],
            data: Some(pack_floats(&[0.0, 1.0, 2.0, 3.0])),
        };
        let weights = graph.add(weights).unwrap();
        let made = graph
            .push(
                Op::FullyConnected {
                    activation: Activation::None,
                },
                &[flat, weights],
                "y",
            )
            .unwrap()[0];
        graph.outputs.push(("y".to_owned(), made));
        let made = layout(&graph, false).unwrap();
        assert_eq!(names(&made), ["RESHAPE", "FULLY_CONNECTED"]);
        // Channels before height before, after it now.
        assert_eq!(
            made.tensor(made.nodes[1].inputs[1]).floats().unwrap(),
            [0.0, 2.0, 1.0, 3.0]
        );
    }
}
