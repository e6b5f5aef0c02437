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
