//! What became of each node of the model in the optimized graph, by structure: a kernel that writes tensor T and reads tensors S
//! computes the model's nodes between S and T.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::measure::profile::classes::Classes;
use crate::measure::profile::origins::Original;
use crate::measure::profile::origins::inserted_layout;
use crate::measure::profile::origins::origins;
use crate::measure::profile::types::Fate;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;

/// Graphs within graphs are followed this deep.
const MAX_DEPTH: usize = 16;

/// Steps through the model's graph; a graph that takes more is traced in part.
const MAX_STEPS: usize = 20_000_000;

/// A graph of the model and what the engine made of it.
#[derive(Debug)]
pub(super) struct Trace<'a> {
    /// The model's graph.
    pub(super) original: &'a GraphProto,
    /// The optimized one.
    pub(super) optimized: &'a GraphProto,
    /// Of each of the model's nodes: what became of it, and the optimized node that computes it.
    pub(super) fates: Vec<(Fate, Option<usize>)>,
    /// Of each optimized node: the model's nodes that it computes, in their order.
    pub(super) claims: Vec<Vec<usize>>,
    /// Loop bodies and branches.
    pub(super) bodies: Vec<Body<'a>>,
}

/// A graph within a node.
#[derive(Debug)]
pub(super) struct Body<'a> {
    /// The optimized node around it.
    pub(super) owner: usize,
    /// The graph.
    pub(super) trace: Trace<'a>,
}

/// Follows every node of `original` into `optimized`.
pub(super) fn trace<'a>(original: &'a GraphProto, optimized: &'a GraphProto) -> Trace<'a> {
    follow(original, optimized, 0, &mut MAX_STEPS.clone())
}

fn follow<'a>(original: &'a GraphProto, optimized: &'a GraphProto, depth: usize, steps: &mut usize) -> Trace<'a> {
    let source = Original::new(original);
    let mut tracer = Tracer::new(&source, optimized);
    tracer.match_alike();
    tracer.walk_back(steps);
    tracer.settle_the_rest();
    let Tracer { fates, claims, .. } = tracer;
    let fates: Vec<(Fate, Option<usize>)> = fates
        .into_iter()
        .map(|fate| fate.unwrap_or((Fate::Untraced, None)))
        .collect();
    let mut bodies = Vec::new();
    for (index, (fate, owner)) in fates.iter().enumerate() {
        let (Fate::Executed, Some(owner)) = (fate, owner) else {
            continue;
        };
        let (Some(before), Some(after)) = (original.node.get(index), optimized.node.get(*owner)) else {
            continue;
        };
        for (before, after) in graphs(before, after) {
            if depth < MAX_DEPTH {
                bodies.push(Body {
                    owner: *owner,
                    trace: follow(before, after, depth + 1, steps),
                });
            }
        }
    }
    Trace {
        original,
        optimized,
        fates,
        claims,
        bodies,
    }
}

/// The graphs of two nodes, attribute by attribute.
fn graphs<'a>(before: &'a NodeProto, after: &'a NodeProto) -> Vec<(&'a GraphProto, &'a GraphProto)> {
    let attributes = before.attribute.iter();
    attributes
        .filter_map(|one| {
            let other = after.attribute.iter().find(|other| other.name() == one.name())?;
            one.g.as_ref().zip(other.g.as_ref())
        })
        .collect()
}

struct Tracer<'s, 'a> {
    source: &'s Original<'a>,
    optimized: &'a GraphProto,
    origins: HashMap<&'a str, usize>,
    /// The optimized node that first writes a class.
    makers: HashMap<usize, usize>,
    /// Names that are constants of the optimized graph.
    constants: HashSet<&'a str>,
    fates: Vec<Option<(Fate, Option<usize>)>>,
    claims: Vec<Vec<usize>>,
}

impl<'s, 'a> Tracer<'s, 'a> {
    fn new(source: &'s Original<'a>, optimized: &'a GraphProto) -> Self {
        let origins = origins(source, optimized);
        let mut makers = HashMap::new();
        for (index, node) in optimized.node.iter().enumerate() {
            if inserted_layout(source, node).is_some() {
                continue;
            }
            for output in &node.output {
                if let Some(class) = origins.get(output.as_str()) {
                    makers.entry(*class).or_insert(index);
                }
            }
        }
        Self {
            source,
            optimized,
            origins,
            makers,
            constants: optimized.initializer.iter().map(|tensor| tensor.name()).collect(),
            fates: vec![None; source.graph.node.len()],
            claims: vec![Vec::new(); optimized.node.len()],
        }
    }

    fn classes(&self) -> &'s Classes<'a> {
        &self.source.classes
    }

    /// Nodes that stand in the optimized graph with their operator, under their name or by what they write.
    fn match_alike(&mut self) {
        for (index, node) in self.optimized.node.iter().enumerate() {
            let by_name = self.source.namesake(node).filter(|own| self.fates[*own].is_none());
            let by_output = || {
                let written = node.output.iter().filter_map(|output| self.classes().producer(output));
                let named = written.clone().next().or_else(|| self.written_class(node));
                named.filter(|own| {
                    self.fates[*own].is_none()
                        && self
                            .source
                            .node(*own)
                            .is_some_and(|own| own.op_type() == node.op_type())
                })
            };
            if let Some(own) = by_name.or_else(by_output) {
                self.fates[own] = Some((Fate::Executed, Some(index)));
                self.claims[index].push(own);
            }
        }
    }

    /// A node of the model that writes what the optimized `node` writes under another name.
    fn written_class(&self, node: &NodeProto) -> Option<usize> {
        if inserted_layout(self.source, node).is_some() {
            return None;
        }
        let class = self.origins.get(node.output.first()?.as_str())?;
        self.classes().first_producer(*class)
    }

    /// Gives each optimized node what lies between what it writes and what others have written.
    fn walk_back(&mut self, steps: &mut usize) {
        for (index, node) in self.optimized.node.iter().enumerate() {
            if inserted_layout(self.source, node).is_some() {
                continue;
            }
            let classes = node
                .output
                .iter()
                .filter_map(|output| self.origins.get(output.as_str()));
            let classes: Vec<usize> = classes
                .filter(|class| self.makers.get(*class) == Some(&index))
                .copied()
                .collect();
            let exact = node.output.iter().filter_map(|output| self.classes().producer(output));
            let mut roots: Vec<usize> = exact.collect();
            if roots.is_empty() {
                roots.extend(classes.iter().filter_map(|class| self.classes().first_producer(*class)));
            }
            roots.extend(self.claims[index].first());
            let main = self.claims[index].first().copied();
            let unchanged = main.filter(|main| self.is_unchanged(*main, node));
            let mut seen: HashSet<usize> = HashSet::new();
            // Of each node on the way: whether it lies behind an input that has become a constant.
            let mut waiting: Vec<(usize, bool)> = roots.into_iter().map(|root| (root, false)).collect();
            while let Some((own, behind_constant)) = waiting.pop() {
                let elsewhere = matches!(self.fates[own], Some((Fate::Executed, Some(other))) if other != index);
                if *steps == 0 || elsewhere || !seen.insert(own) {
                    continue;
                }
                *steps -= 1;
                let Some(reached) = self.source.node(own) else { continue };
                if reached.output.iter().all(|output| self.classes().is_constant(output)) && main != Some(own) {
                    continue;
                }
                self.claim(own, index, unchanged, behind_constant);
                for (number, input) in reached.input.iter().enumerate().filter(|(_, input)| !input.is_empty()) {
                    let constant = behind_constant
                        || (unchanged == Some(own)
                            && node
                                .input
                                .get(number)
                                .is_some_and(|input| self.constants.contains(input.as_str())));
                    if let Some(producer) = self.beyond(input, index) {
                        waiting.push((producer, constant));
                    }
                }
            }
            self.claims[index].sort_unstable();
            self.claims[index].dedup();
        }
    }

    fn claim(&mut self, own: usize, index: usize, unchanged: Option<usize>, behind_constant: bool) {
        if unchanged.is_none_or(|main| main == own) {
            self.fates[own].get_or_insert((Fate::Fused, Some(index)));
            self.claims[index].push(own);
        } else if behind_constant {
            self.fates[own].get_or_insert((Fate::Folded, None));
        } else {
            self.fates[own].get_or_insert((Fate::Eliminated, None));
        }
    }

    /// The node to go on with behind `input`; `None` where another kernel has written it, or nothing has.
    fn beyond(&self, input: &str, index: usize) -> Option<usize> {
        let class = self.classes().class(input)?;
        let known = self.makers.get(&class).is_some_and(|maker| *maker != index);
        if known || self.classes().is_constant(input) || self.constants.contains(input) {
            return None;
        }
        self.classes().producer(input)
    }

    /// True where the optimized `node` is the model's, attribute by attribute: nothing can have been fused into it.
    fn is_unchanged(&self, main: usize, node: &NodeProto) -> bool {
        let Some(own) = self.source.node(main) else {
            return false;
        };
        let standard = |node: &NodeProto| matches!(node.domain(), "" | "ai.onnx");
        let same_domain = own.domain() == node.domain() || (standard(own) && standard(node));
        let plain = |attribute: &&AttributeProto| attribute.g.is_none();
        let inputs = |node: &NodeProto| node.input.iter().filter(|input| !input.is_empty()).count();
        same_domain
            && own.output.first() == node.output.first()
            && inputs(own) == inputs(node)
            && own.attribute.iter().filter(plain).all(|attribute| {
                let other = node.attribute.iter().find(|other| other.name() == attribute.name());
                other.is_none_or(|other| other == attribute)
            })
    }

    /// Constants, twins, and what only those needed.
    fn settle_the_rest(&mut self) {
        for (index, node) in self.source.graph.node.iter().enumerate() {
            if self.fates[index].is_some() {
                continue;
            }
            let mut outputs = node.output.iter().filter(|output| !output.is_empty());
            let constant = outputs
                .clone()
                .all(|output| self.classes().is_constant(output) || self.constants.contains(output.as_str()));
            let made = outputs.any(|output| {
                let class = self.classes().class(output);
                class.is_some_and(|class| self.makers.contains_key(&class)) || self.is_handed_through(output)
            });
            if constant {
                self.fates[index] = Some((Fate::Folded, None));
            } else if made {
                self.fates[index] = Some((Fate::Eliminated, None));
            }
        }
        let outputs: HashSet<&str> = self.source.graph.output.iter().map(|output| output.name()).collect();
        for (index, node) in self.source.graph.node.iter().enumerate().rev() {
            if self.fates[index].is_some() {
                continue;
            }
            let readers = node
                .output
                .iter()
                .filter_map(|output| self.source.consumers.get(output.as_str()));
            let fates: Vec<Option<Fate>> = readers
                .flatten()
                .map(|reader| self.fates.get(*reader).copied().flatten().map(|(fate, _)| fate))
                .collect();
            let needed = node.output.iter().any(|output| outputs.contains(output.as_str()));
            let gone = |fate: &Option<Fate>| matches!(fate, Some(Fate::Folded | Fate::Eliminated));
            if !needed && fates.iter().all(gone) {
                let folded = !fates.is_empty() && fates.iter().all(|fate| *fate == Some(Fate::Folded));
                let fate = if folded { Fate::Folded } else { Fate::Eliminated };
                self.fates[index] = Some((fate, None));
            }
        }
    }

    /// True where a tensor is the graph's input under another name.
    fn is_handed_through(&self, tensor: &str) -> bool {
        let class = self.classes().class(tensor);
        let mut inputs = self.source.graph.input.iter();
        class.is_some() && inputs.any(|input| self.classes().class(input.name()) == class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::ValueInfoProto;

    fn node(op_type: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
        NodeProto {
            op_type: Some(op_type.to_owned()),
            name: Some(name.to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: outputs.iter().map(|name| (*name).to_owned()).collect(),
            ..NodeProto::default()
        }
    }

    fn graph(nodes: Vec<NodeProto>, weights: &[&str], output: &str) -> GraphProto {
        let value = |name: &str| ValueInfoProto {
            name: Some(name.to_owned()),
            ..ValueInfoProto::default()
        };
        let weight = |name: &&str| TensorProto {
            name: Some((*name).to_owned()),
            data_type: Some(1),
            // Each another shape, so that no two are twins.
            dims: vec![name.len() as i64, i64::from(name.bytes().map(u16::from).sum::<u16>())],
            ..TensorProto::default()
        };
        GraphProto {
            node: nodes,
            input: vec![value("x")],
            output: vec![value(output)],
            initializer: weights.iter().map(weight).collect(),
            ..GraphProto::default()
        }
    }

    fn fates(trace: &Trace<'_>) -> Vec<(Fate, Option<usize>)> {
        trace.fates.clone()
    }

    #[test]
    fn what_lies_between_two_kernels_is_fused_into_the_second() {
        let original = graph(
            vec![
                node("MatMul", "mm", &["x", "w"], &["a"]),
                node("Add", "add", &["a", "bias"], &["b"]),
                node("Erf", "erf", &["b"], &["c"]),
                node("Mul", "mul", &["b", "c"], &["y"]),
            ],
            &["w", "bias"],
            "y",
        );
        let optimized = graph(
            vec![
                node("MatMul", "mm", &["x", "w"], &["a"]),
                node("BiasGelu", "made up", &["a", "bias"], &["y"]),
            ],
            &["w", "bias"],
            "y",
        );
        let trace = trace(&original, &optimized);
        let fused = (Fate::Fused, Some(1));
        assert_eq!(fates(&trace), [(Fate::Executed, Some(0)), fused, fused, fused]);
        assert_eq!(trace.claims, [vec![0], vec![1, 2, 3]]);
    }

    #[test]
    fn constants_twins_and_identities_are_told_apart() {
        let original = graph(
            vec![
                node("Transpose", "t", &["w"], &["wt"]),
                node("Identity", "i", &["x"], &["x2"]),
                node("Shape", "s1", &["x2"], &["shape1"]),
                node("Shape", "s2", &["x"], &["shape2"]),
                node("Reshape", "r1", &["x", "shape1"], &["p"]),
                node("Reshape", "r2", &["x", "shape2"], &["q"]),
                node("Concat", "c", &["p", "q", "wt"], &["y"]),
                node("Relu", "dead", &["p"], &["nobody"]),
            ],
            &["w"],
            "y",
        );
        let optimized = graph(
            vec![
                node("Shape", "s2", &["x"], &["shape2"]),
                node("Reshape", "r2", &["x", "shape2"], &["q"]),
                node("Concat", "c", &["q", "q", "wt"], &["y"]),
            ],
            &["wt"],
            "y",
        );
        let expected = [
            (Fate::Folded, None),
            (Fate::Eliminated, None),
            (Fate::Eliminated, None),
            (Fate::Executed, Some(0)),
            (Fate::Eliminated, None),
            (Fate::Executed, Some(1)),
            (Fate::Executed, Some(2)),
            (Fate::Eliminated, None),
        ];
        assert_eq!(fates(&trace(&original, &optimized)), expected);
    }

    #[test]
    fn renamed_tensors_are_followed_through_changes_of_layout() {
        let original = graph(
            vec![
                node("Conv", "c1", &["x", "w1"], &["a"]),
                node("Relu", "r1", &["a"], &["b"]),
                node("Mul", "m", &["b", "b"], &["c"]),
                node("Conv", "c2", &["c", "w2"], &["d"]),
                node("Add", "add", &["d", "b"], &["e"]),
                node("Relu", "r2", &["e"], &["y"]),
            ],
            &["w1", "w2"],
            "y",
        );
        let blocked = |name: &str, inputs: &[&str], output: &str, activation: Option<&str>| {
            let attribute = activation.map(|activation| AttributeProto {
                name: Some("activation".to_owned()),
                s: Some(bytes::Bytes::copy_from_slice(activation.as_bytes())),
                ..AttributeProto::default()
            });
            NodeProto {
                domain: Some("com.microsoft.nchwc".to_owned()),
                attribute: attribute.into_iter().collect(),
                ..node("Conv", name, inputs, &[output])
            }
        };
        let optimized = graph(
            vec![
                blocked("b_nchwc", &["x", "w1'"], "token0", Some("Relu")),
                node("Mul", "squared", &["token0", "token0"], &["token1"]),
                blocked("d_nchwc", &["token1", "w2'", "", "token0"], "token2", Some("Relu")),
                node("ReorderOutput", "reorder", &["token2"], &["y"]),
            ],
            &["w1'", "w2'"],
            "y",
        );
        let trace = trace(&original, &optimized);
        assert_eq!(trace.claims, [vec![0, 1], vec![2], vec![3, 4, 5], vec![]]);
        assert!(trace.fates.iter().all(|(fate, _)| *fate != Fate::Untraced));
    }

    #[test]
    fn without_an_optimized_graph_nothing_is_traced() {
        let original = graph(vec![node("Relu", "r", &["x"], &["y"])], &[], "y");
        let nothing = GraphProto::default();
        assert_eq!(fates(&trace(&original, &nothing)), [(Fate::Untraced, None)]);
    }
}
