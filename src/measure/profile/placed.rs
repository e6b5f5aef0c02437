//! Which node of the optimized graph each kernel is.

use std::collections::HashMap;

use crate::measure::profile::totals::Total;
use crate::measure::profile::trace::Trace;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;

/// A node of the optimized graph, with the graphs around it.
#[derive(Clone)]
pub(super) struct Place<'t, 'a> {
    /// The graph that holds it, and what became of the model's.
    pub(super) trace: &'t Trace<'a>,
    /// Its index there.
    pub(super) index: usize,
    /// The graphs around that one, the innermost first.
    around: Vec<&'a GraphProto>,
}

impl<'a> Place<'_, 'a> {
    pub(super) fn node(&self) -> Option<&'a NodeProto> {
        self.trace.optimized.node.get(self.index)
    }

    /// A constant by its name, from here outwards.
    pub(super) fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        let graphs = std::iter::once(self.trace.optimized).chain(self.around.iter().copied());
        let mut found = graphs.flat_map(|graph| graph.initializer.iter().filter(|tensor| tensor.name() == name));
        found.next()
    }
}

/// The place of every kernel of `kernels`; `None` where its node cannot be found.
pub(super) fn place<'t, 'a>(kernels: &[Total], trace: &'t Trace<'a>) -> Vec<Option<Place<'t, 'a>>> {
    let main = Names::of(trace);
    let mut unnamed: HashMap<&str, usize> = HashMap::new();
    let mut bodies: HashMap<*const Trace<'a>, Names<'t>> = HashMap::new();
    let mut places: Vec<Option<Place<'t, 'a>>> = Vec::with_capacity(kernels.len());
    for kernel in kernels {
        let place = match kernel.parent {
            None => {
                let index = main.named(kernel, kernel.occurrence).or_else(|| {
                    let nth = unnamed.entry(kernel.op_type.as_str()).or_default();
                    *nth += 1;
                    main.unnamed(kernel, *nth - 1)
                });
                index.map(|index| Place {
                    trace,
                    index,
                    around: Vec::new(),
                })
            }
            Some(parent) => places.get(parent).cloned().flatten().and_then(|owner: Place<'t, 'a>| {
                let within = owner.trace.bodies.iter().filter(|body| body.owner == owner.index);
                within
                    .filter_map(|body| {
                        let trace = &body.trace;
                        let names = bodies.entry(trace as *const _).or_insert_with(|| Names::of(trace));
                        let index = names.named(kernel, 0).or_else(|| names.by_engine_number(kernel))?;
                        let mut around = vec![owner.trace.optimized];
                        around.extend(&owner.around);
                        Some(Place { trace, index, around })
                    })
                    .next()
            }),
        };
        places.push(place);
    }
    places
}

/// Nodes of one graph by name and operator.
struct Names<'t> {
    named: HashMap<(&'t str, &'t str), Vec<usize>>,
    unnamed: HashMap<&'t str, Vec<usize>>,
}

impl<'t> Names<'t> {
    fn of(trace: &'t Trace<'_>) -> Self {
        let mut names = Self {
            named: HashMap::new(),
            unnamed: HashMap::new(),
        };
        for (index, node) in trace.optimized.node.iter().enumerate() {
            if node.name().is_empty() {
                names.unnamed.entry(node.op_type()).or_default().push(index);
            } else {
                names
                    .named
                    .entry((node.name(), node.op_type()))
                    .or_default()
                    .push(index);
            }
        }
        names
    }

    fn named(&self, kernel: &Total, nth: usize) -> Option<usize> {
        self.named
            .get(&(kernel.name.as_str(), kernel.op_type.as_str()))?
            .get(nth)
            .copied()
    }

    /// The engine calls a node without a name by its operator and its own number for it, which the graph does not tell: the nodes
    /// without names run in the graph's order.
    fn unnamed(&self, kernel: &Total, nth: usize) -> Option<usize> {
        is_engine_name(kernel).then(|| self.unnamed.get(kernel.op_type.as_str())?.get(nth).copied())?
    }

    /// The only node without a name and with this operator.
    fn by_engine_number(&self, kernel: &Total) -> Option<usize> {
        match &self.unnamed.get(kernel.op_type.as_str())?[..] {
            [only] if is_engine_name(kernel) => Some(*only),
            _ => None,
        }
    }
}

fn is_engine_name(kernel: &Total) -> bool {
    let number = kernel
        .name
        .strip_prefix(&kernel.op_type)
        .and_then(|rest| rest.strip_prefix('_'));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}
