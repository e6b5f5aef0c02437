//! Splits as slices, where the delegate knows no split: parts of different sizes, or many. Parts that nothing reads are then gone, too.

use super::super::graph::Graph;
use super::super::graph::Node;
use super::super::op::Op;
use super::super::op::alike;

/// XNNPACK splits into this many parts at most, of one size.
const MOST: usize = 4;

/// Puts slices in the place of splits that the delegate lacks.
pub(in super::super) fn split(graph: &mut Graph) {
    let uses = graph.uses();
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        let (&[data], Op::Split { axis, sizes }) = (node.inputs.as_slice(), &node.op) else {
            nodes.push(node);
            continue;
        };
        if alike(sizes) && sizes.len() <= MOST {
            nodes.push(node);
            continue;
        }
        let rank = graph.shape(data).len();
        let mut start = 0;
        for (part, length) in node.outputs.iter().zip(sizes) {
            let mut begin = vec![0; rank];
            if let Some(begin) = begin.get_mut(*axis) {
                *begin = start;
            }
            start += length;
            if uses.contains_key(part) {
                let size = graph.shape(*part).to_vec();
                nodes.push(Node {
                    op: Op::Slice { begin, size },
                    inputs: vec![data],
                    outputs: vec![*part],
                });
            }
        }
    }
    graph.nodes = nodes;
}

#[cfg(test)]
mod tests {
    use super::super::super::graph::Kind;
    use super::super::super::graph::Tensor;
    use super::super::super::op::Unary;
    use super::*;

    /// A split of eight columns, of whose parts the last is read.
    fn made(sizes: &[usize]) -> Graph {
        let mut graph = Graph::default();
        let tensor = Tensor {
            name: "x".to_owned(),
            kind: Kind::F32,
            shape: vec![2, 8],
            data: None,
        };
        let x = graph.add(tensor).unwrap();
        graph.inputs.push(x);
        let op = Op::Split {
            axis: 1,
            sizes: sizes.to_vec(),
        };
        let last = *graph.push(op, &[x], "p").unwrap().last().unwrap();
        let y = graph.push(Op::Unary(Unary::Abs), &[last], "y").unwrap()[0];
        graph.outputs.push(("y".to_owned(), y));
        split(&mut graph);
        graph
    }

    #[test]
    fn few_alike_parts_stay_a_split() {
        assert_eq!(made(&[2; 4]).nodes[0].op.name(), "SPLIT");
    }

    #[test]
    fn others_are_slices_of_what_is_read() {
        for sizes in [vec![1; 8], vec![3, 4, 1]] {
            let graph = made(&sizes);
            let ops: Vec<&Op> = graph.nodes.iter().map(|node| &node.op).collect();
            let slice = Op::Slice {
                begin: vec![0, 7],
                size: vec![2, 1],
            };
            assert_eq!(ops, [&slice, &Op::Unary(Unary::Abs)]);
        }
    }
}
