//! Raises a model to a newer version of ONNX's operators (opset 7 to 13, and on to 21), converting what changed in form or meaning.
//!
//! Where an operator kept its form, only the import changes. The rest is converted in the main graph, in graphs for training and in the
//! subgraphs of their nodes; local functions import operators of their own and stay as they are. What has no equal is an error that
//! names the node. Source of the changes: the operators' schemas in ONNX 1.23 (`onnx.defs`), all versions from 7 to 21.

mod convert;
mod facts;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

pub(super) use self::facts::Facts;
use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::edit;
use super::edit::Names;
use crate::model::onnx::facts::initializer_names;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::shape;
use crate::model::onnx::shape::is_standard;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::visit;

/// The oldest version that is read: before it, broadcasting and `Cast` had other forms.
const OLDEST: i64 = 7;

/// The oldest version that models are raised to: the first in which sizes and axes are inputs.
const LOWEST: i64 = 13;

/// The newest version that models are raised to.
const NEWEST: i64 = 21;

/// Since this version of the format, an initializer that is also an input is a default that callers may replace.
const REPLACEABLE: i64 = 4;

/// The version of the format that came with a version of the operators (`onnx.helper.VERSION_TABLE`), for those above opset 8.
const FORMATS: &[(i64, i64)] = &[(21, 10), (19, 9), (15, 8), (12, 7), (11, 6), (10, 5), (9, 4)];

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "opset",
    usage: "opset-<version>",
    about: "newer versions of ONNX's operators, 13 to 21, for steps and engines that need them",
    parse: |settings| {
        let version = settings
            .parse()
            .ok()
            .filter(|version| (LOWEST..=NEWEST).contains(version));
        let to =
            version.ok_or_else(|| format!("a version from {LOWEST} to {NEWEST} was expected, not `{settings}`"))?;
        Ok(Arc::new(Opset { to }))
    },
};

/// The pass.
#[derive(Debug)]
struct Opset {
    to: i64,
}

impl Pass for Opset {
    fn name(&self) -> String {
        format!("{}-{}", TRANSFORM.name, self.to)
    }

    fn prepares(&self) -> bool {
        true
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let from = edit::opset(model);
        raise(model, self.to)?;
        match edit::opset(model) {
            to if to == from => account.note(format!("opset: the model uses version {from} already")),
            to => {
                account.changed += 1;
                account.note(format!("opset: raised from {from} to {to}"));
            }
        }
        Ok(())
    }
}

/// Raises `model` to opset `to`, 13 to 21; one that is there already, or beyond, stays as it is.
///
/// Errors: a model older than opset 7, and a node that cannot be converted.
pub(super) fn raise(model: &mut ModelProto, to: i64) -> Result<(), VariantError> {
    let to = to.clamp(LOWEST, NEWEST);
    let from = edit::opset(model);
    if from >= to {
        return Ok(());
    }
    let imports_none = from == 0 && !uses_standard(model);
    if from < OLDEST && !imports_none {
        return Err(VariantError::OldOpset {
            transform: "a newer opset",
            opset: from,
            oldest: OLDEST,
        });
    }
    if imports_none {
        edit::import(model, "", to);
    } else {
        let mut raiser = Raiser::of(model, from, to);
        let facts = main_facts(model);
        if let Some(graph) = &mut model.graph {
            raiser.graph(graph, facts)?;
        }
        for training in &mut model.training_info {
            for graph in training.initialization.iter_mut().chain(&mut training.algorithm) {
                raiser.graph(graph, Facts::default())?;
            }
        }
        for import in &mut model.opset_import {
            if matches!(import.domain(), "" | "ai.onnx") {
                import.version = Some(to);
            }
        }
    }
    raise_format(model, to);
    Ok(())
}

/// Raises the version of the format to one that knows opset `opset`. Inputs that only listed initializers, as the oldest formats had
/// to, go: they were constants, and listed they would become replaceable.
fn raise_format(model: &mut ModelProto, opset: i64) {
    let needed = FORMATS
        .iter()
        .find(|(operators, _)| opset >= *operators)
        .map_or(0, |(_, format)| *format);
    if model.ir_version() >= needed {
        return;
    }
    if model.ir_version() < REPLACEABLE {
        let _ = visit::graphs_mut::<std::convert::Infallible>(model, &mut |graph, _| {
            let constants: HashSet<String> = initializer_names(graph).map(str::to_owned).collect();
            graph.input.retain(|input| !constants.contains(input.name()));
            Ok(())
        });
    }
    model.ir_version = Some(needed);
}

fn uses_standard(model: &ModelProto) -> bool {
    let scopes = visit::scopes(model);
    visit::nodes(&scopes).any(|(_, node)| is_standard(node))
}

/// What shape inference finds out about the main graph's tensors.
pub(super) fn main_facts(model: &ModelProto) -> Facts<'static> {
    let mut facts = Facts::default();
    shape::propagate(model, &[], &BTreeMap::new(), &mut |call, outputs| {
        for (name, known) in call.node.output.iter().zip(outputs) {
            if let Some(known) = known {
                facts.inferred(name, known.data_type, &known.dims);
            }
        }
    });
    facts
}

/// The conversion of one model.
struct Raiser {
    from: i64,
    to: i64,
    names: Names,
    /// Operators of the standard domain that the model defines itself.
    local: HashSet<String>,
    /// Every tensor that some node reads or some graph gives out.
    read: HashSet<String>,
}

/// What takes the place of the nodes of one graph.
#[derive(Default)]
struct Place {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Raiser {
    fn of(model: &ModelProto, from: i64, to: i64) -> Self {
        let scopes = visit::scopes(model);
        let mut read: HashSet<String> = visit::nodes(&scopes)
            .flat_map(|(_, node)| node.input.iter().cloned())
            .collect();
        for graph in scopes.iter().filter_map(visit::Scope::graph) {
            read.extend(graph.output.iter().map(|output| output.name().to_owned()));
        }
        let standard =
            |function: &&crate::model::onnx::proto::FunctionProto| matches!(function.domain(), "" | "ai.onnx");
        Self {
            from,
            to,
            names: Names::of(model),
            local: model
                .functions
                .iter()
                .filter(standard)
                .map(|function| function.name().to_owned())
                .collect(),
            read,
        }
    }

    // Recursion is safe here: the decoder refuses messages nested deeper than 100 levels.
    fn graph(&mut self, graph: &mut GraphProto, mut facts: Facts<'_>) -> Result<(), VariantError> {
        facts.declared(graph);
        let mut place = Place::default();
        for mut node in std::mem::take(&mut graph.node) {
            for attribute in &mut node.attribute {
                for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                    self.graph(inner, Facts::within(&facts))?;
                }
            }
            facts.learn(&node);
            if is_standard(&node) && !self.local.contains(node.op_type()) {
                self.convert(node, &facts, &mut place)?;
            } else {
                place.nodes.push(node);
            }
        }
        graph.node = place.nodes;
        graph.initializer.extend(place.constants);
        Ok(())
    }

    /// True where the model comes from before version `version` and goes there or beyond.
    fn crosses(&self, version: i64) -> bool {
        self.from < version && self.to >= version
    }

    fn refuse(&self, node: &NodeProto, reason: &str) -> VariantError {
        VariantError::NotRaised {
            node: shown_node(node),
            to: self.to,
            reason: reason.to_owned(),
        }
    }
}
