//! `simplify`: what can be computed beforehand is, and what is not needed goes; the results stay the same but for rounding.
//!
//! - Nodes whose results are known become initializers: constants, arithmetic on shapes, exact operations on constants. None whose
//!   result would make the file much larger, and none that engines round differently.
//! - Nodes that change nothing go; equal nodes and equal initializers become one; unused nodes, initializers and functions go.
//! - `BatchNormalization`, and factors and summands of channels, go into the weights of the `Conv`, `ConvTranspose` or `Gemm` before
//!   them, where nothing else reads what that makes. Weights that others read too are copied.
//! - Types and shapes of tensors are written down where they follow from the inputs.
//!
//! In subgraphs too; bodies of local functions stay as they are. Inputs and outputs stay, with their names. Random operators, other
//! domains' operators and what annotations name are not touched.

mod absorb;
mod bypass;
pub(super) mod evaluate;
mod fold;
mod scope;
mod share;
pub(super) mod value;

use std::collections::HashSet;
use std::sync::Arc;

use self::fold::Constants;
use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::edit;
use super::edit::Names;
use super::fp16::drop_unused_functions;
use super::opset::Facts;
use super::opset::main_facts;
use super::recipe::no_settings;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::TensorShapeProto;
use crate::model::onnx::proto::TypeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_shape_proto::Dimension;
use crate::model::onnx::proto::tensor_shape_proto::dimension;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::visit;

/// Before this version of the format, every initializer was listed as an input too; since then a listed one is a default.
const OPTIONAL_LISTING: i64 = 4;

/// So often at most everything is done again, because one step makes way for another.
const MAX_ROUNDS: usize = 16;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "simplify",
    usage: "simplify",
    about: "computes beforehand what can be, and drops what is not needed",
    parse: |settings| {
        no_settings(settings)?;
        Ok(Arc::new(Simplify))
    },
};

/// The pass; there is nothing to set.
#[derive(Debug)]
pub(super) struct Simplify;

/// How much was done, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    folded: usize,
    bypassed: usize,
    absorbed: usize,
    shared: usize,
    dead: usize,
    merged: usize,
    unused: usize,
    functions: usize,
}

impl Tally {
    fn parts(self) -> [(usize, &'static str, &'static str); 8] {
        [
            (self.folded, "node computed beforehand", "nodes computed beforehand"),
            (
                self.absorbed,
                "node taken into the weights before it",
                "nodes taken into the weights before them",
            ),
            (self.bypassed, "node that changed nothing", "nodes that changed nothing"),
            (self.shared, "repeated node", "repeated nodes"),
            (self.dead, "unused node", "unused nodes"),
            (self.merged, "repeated weight", "repeated weights"),
            (self.unused, "unused weight", "unused weights"),
            (self.functions, "unused function", "unused functions"),
        ]
    }

    fn total(self) -> usize {
        self.parts().iter().map(|(count, ..)| count).sum()
    }
}

impl Pass for Simplify {
    fn name(&self) -> String {
        TRANSFORM.name.to_owned()
    }

    fn prepares(&self) -> bool {
        true
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let mut simplifier = Simplifier::of(model, account);
        let mut rounds = 0;
        loop {
            let before = simplifier.tally;
            let facts = main_facts(model);
            if let Some(graph) = &mut model.graph {
                simplifier.graph(graph, None, facts);
            }
            let functions = model.functions.len();
            drop_unused_functions(model);
            simplifier.tally.functions += functions - model.functions.len();
            rounds += 1;
            if simplifier.tally == before || rounds == MAX_ROUNDS {
                break;
            }
        }
        let tally = simplifier.tally;
        account.changed += tally.total();
        let stated = state_shapes(model);
        if tally.total() > 0 {
            let parts = tally.parts().into_iter().filter(|(count, ..)| *count > 0);
            let parts: Vec<String> = parts
                .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
                .collect();
            account.note(format!("simplify: {}", parts.join(", ")));
        }
        if stated > 0 {
            account.note(format!("simplify: shapes of {stated} tensors written down"));
        }
        Ok(())
    }
}

/// The simplification of one model.
struct Simplifier<'a> {
    opset: i64,
    /// True where initializers are listed as inputs, as the oldest formats demand.
    listed: bool,
    names: Names,
    /// Operators of the standard domain that the model defines itself.
    local: HashSet<String>,
    /// Functions of the model, by domain and name.
    functions: HashSet<(String, String)>,
    /// Tensors that annotations or graphs for training name.
    annotated: HashSet<String>,
    /// Nodes that the account speaks of already, by what they make.
    left: HashSet<String>,
    tally: Tally,
    account: &'a mut Account,
}

impl<'a> Simplifier<'a> {
    fn of(model: &ModelProto, account: &'a mut Account) -> Self {
        let standard = |function: &&FunctionProto| matches!(function.domain(), "" | "ai.onnx");
        let local = model.functions.iter().filter(standard);
        Self {
            opset: edit::opset(model),
            listed: model.ir_version() < OPTIONAL_LISTING,
            names: Names::of(model),
            local: local.map(|function| function.name().to_owned()).collect(),
            functions: model
                .functions
                .iter()
                .map(|function| (function.domain().to_owned(), function.name().to_owned()))
                .collect(),
            annotated: annotated(model),
            left: HashSet::new(),
            tally: Tally::default(),
            account,
        }
    }

    fn is_local(&self, node: &NodeProto) -> bool {
        let key = (node.domain().to_owned(), node.op_type().to_owned());
        self.functions.contains(&key)
    }

    // Recursion is safe here: the decoder refuses messages nested deeper than 100 levels.
    fn graph(&mut self, graph: &mut GraphProto, outer: Option<&Constants<'_>>, mut facts: Facts<'_>) {
        facts.declared(graph);
        let mut constants = Constants::of(graph, !self.listed, outer);
        self.fold(graph, &mut constants, &mut facts);
        self.bypass(graph, &constants, &facts);
        self.absorb(graph, &constants);
        self.merge_constants(graph);
        self.merge_nodes(graph);
        self.drop_dead(graph);
    }
}

/// Names that something other than nodes reads.
fn annotated(model: &ModelProto) -> HashSet<String> {
    let mut names = HashSet::new();
    for graph in visit::scopes(model).iter().filter_map(visit::Scope::graph) {
        for annotation in &graph.quantization_annotation {
            names.insert(annotation.tensor_name().to_owned());
            let parameters = &annotation.quant_parameter_tensor_names;
            names.extend(parameters.iter().map(|entry| entry.value().to_owned()));
        }
    }
    for training in &model.training_info {
        for graph in training.initialization.iter().chain(&training.algorithm) {
            names.extend(scope::reads(graph).into_keys());
        }
        for binding in training.initialization_binding.iter().chain(&training.update_binding) {
            names.extend([binding.key().to_owned(), binding.value().to_owned()]);
        }
    }
    names
}

/// Writes down the types of the main graph's tensors that follow from its inputs; says of how many.
fn state_shapes(model: &mut ModelProto) -> usize {
    let mut facts = main_facts(model);
    let Some(graph) = &mut model.graph else { return 0 };
    facts.declared(graph);
    for node in &graph.node {
        facts.learn(node);
    }
    let mut stated: HashSet<&str> = graph
        .value_info
        .iter()
        .chain(&graph.output)
        .map(|info| info.name())
        .collect();
    let mut found = Vec::new();
    for name in graph.node.iter().flat_map(|node| &node.output) {
        if let (Some(data_type), Some(dims)) = (facts.data_type(name), facts.dims(name))
            && !name.is_empty()
            && stated.insert(name)
        {
            let dims: Vec<Option<i64>> = dims.iter().map(|dim| i64::try_from((*dim)?).ok()).collect();
            found.push(described(name, data_type as i32, &dims));
        }
    }
    let count = found.len();
    graph.value_info.extend(found);
    count
}

/// An initializer as the input that the oldest formats want it to be.
fn listing(tensor: &TensorProto) -> ValueInfoProto {
    let dims: Vec<Option<i64>> = tensor.dims.iter().copied().map(Some).collect();
    described(tensor.name(), tensor.data_type(), &dims)
}

fn described(name: &str, data_type: i32, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = dims.iter().map(|size| Dimension {
        denotation: None,
        value: size.map(dimension::Value::DimValue),
    });
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            denotation: None,
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: Some(data_type),
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            })),
        }),
        ..ValueInfoProto::default()
    }
}
