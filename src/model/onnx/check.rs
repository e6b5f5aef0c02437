//! The structural rules that a model must keep so that engines read it as one program: versions, names, order, types and data.
//!
//! The rules are those of ONNX's own checker (`onnx.checker.check_model`, onnx 1.23) as far as they concern structure; whether an
//! operator exists and takes these inputs and attributes is left to the engine, which knows its operators. Beyond that checker, an
//! opset that is imported twice, data longer than its shape, and a model that fits no message are refused. Every name and tensor is
//! looked at once.

mod attribute;
mod names;
mod value;

use std::collections::HashMap;
use std::collections::HashSet;

use prost::Message as _;

use self::names::Names;
use super::calls;
use super::external::ExternalFile;
use super::proto::FunctionProto;
use super::proto::GraphProto;
use super::proto::ModelProto;
use super::proto::NodeProto;
use super::proto::OperatorSetIdProto;
use super::proto::TensorProto;
use super::proto::Version;
use super::proto::tensor_proto::DataLocation;
use super::scan::Violation;
use super::scan::scan_sparse;
use super::shown::shown;
use super::shown::shown_node;
use super::tensor_view;
use super::tensor_view::DataReference;
use super::visit::Body;
use super::visit::Scope;
use crate::hint::Hint;

/// Since this version of the format a model says which operators it means.
const IMPORTS: i64 = 3;
/// Since this version initializers need not be inputs.
const UNLISTED: i64 = 4;
/// Since this version a model may have functions.
const FUNCTIONS: i64 = 8;
/// The newest version of the format.
const NEWEST: i64 = Version::IrVersion as i64;
/// What one message may hold, in bytes.
const MAX_MESSAGE: usize = (1 << 31) - 1;

/// A rule that a model breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {problem}")]
pub struct CheckError {
    /// The node, tensor, graph or model.
    pub place: String,
    /// What is wrong with it and what was expected, as a verb phrase.
    pub problem: String,
    /// What to do.
    advice: &'static str,
}

/// What there is to do about most faults.
const EXPORT: &str = "export the model again";
const SORT: &str = "sort the model's nodes so that each stands after those whose outputs it reads";
const RENAME: &str = "give every tensor a name of its own";

impl CheckError {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            problem: problem.into(),
            advice: EXPORT,
        }
    }

    fn advise(self, advice: &'static str) -> Self {
        Self { advice, ..self }
    }
}

impl Hint for CheckError {
    fn hints(&self) -> Vec<String> {
        vec![self.advice.to_owned()]
    }
}

impl From<Violation> for CheckError {
    fn from(violation: Violation) -> Self {
        Self::new(violation.place, violation.problem)
    }
}

/// Checks `model`, external data apart: where it is described, its description must be complete. Stops at the first broken rule.
pub fn check(model: &ModelProto) -> Result<(), CheckError> {
    let format = model.ir_version();
    let wrong = |problem: String| Err(CheckError::new("the model", problem));
    if !(1..=NEWEST).contains(&format) {
        return wrong(format!(
            "is of format version {format}; versions 1 to {NEWEST} are known"
        ));
    }
    let mut keys = HashSet::new();
    if let Some(entry) = model.metadata_props.iter().find(|entry| !keys.insert(entry.key())) {
        return wrong(format!("has the metadata key {} twice", shown(entry.key())));
    }
    match (format < IMPORTS, model.opset_import.is_empty()) {
        (true, false) => return wrong(format!("imports operators, which format version {format} cannot")),
        (false, true) => return wrong("imports no operators; one opset or more was expected".to_owned()),
        _ => {}
    }
    let Some(graph) = &model.graph else {
        return wrong("has no graph".to_owned());
    };
    let mut imports = imports(&model.opset_import, "the model")?;
    if format < IMPORTS {
        imports.insert("", 1);
    }
    let main = Rules {
        format,
        imports: &imports,
        inner: false,
    };
    let scope = Scope {
        body: Body::Graph(graph),
        parent: None,
        owner: None,
        depth: 0,
    };
    main.graph(graph, &scope, None)?;
    if format >= FUNCTIONS {
        calls::check(model)?;
        for function in &model.functions {
            check_function(function, format)?;
        }
    }
    match model.encoded_len() {
        size if size > MAX_MESSAGE => Err(CheckError::new(
            "the model",
            format!("takes {size} bytes in one message, which holds {MAX_MESSAGE} at most"),
        )
        .advise("store large tensors as external data")),
        _ => Ok(()),
    }
}

fn check_function(function: &FunctionProto, format: i64) -> Result<(), CheckError> {
    let place = || format!("function {}", shown(function.name()));
    if function.name().is_empty() {
        return Err(CheckError::new("a function", "has no name"));
    }
    if function.domain.is_none() {
        return Err(CheckError::new(place(), "has no domain"));
    }
    for (what, values) in [
        ("input", &function.input),
        ("output", &function.output),
        ("attribute", &function.attribute),
    ] {
        let mut seen = HashSet::new();
        if let Some(value) = values.iter().find(|value| !seen.insert(value.as_str())) {
            let problem = format!("has the {what} {} twice", shown(value));
            return Err(CheckError::new(place(), problem).advise(RENAME));
        }
    }
    let imports = imports(&function.opset_import, &place())?;
    let rules = Rules {
        format,
        imports: &imports,
        inner: true,
    };
    let scope = Scope {
        body: Body::Function(function),
        parent: None,
        owner: None,
        depth: 0,
    };
    let mut names = Names::within(None);
    names.extend(function.input.iter().map(String::as_str));
    rules.nodes(&scope, &mut names)
}

/// The imported versions by domain.
fn imports<'a>(imports: &'a [OperatorSetIdProto], place: &str) -> Result<HashMap<&'a str, i64>, CheckError> {
    let mut versions = HashMap::new();
    for import in imports {
        let version = import.version();
        if i32::try_from(version).is_err() {
            let problem = format!(
                "imports version {version} of {}, which cannot be",
                domain(import.domain())
            );
            return Err(CheckError::new(place, problem));
        }
        if versions.insert(import.domain(), version).is_some() {
            let problem = format!("imports {} twice", domain(import.domain()));
            return Err(CheckError::new(place, problem).advise("leave one import a domain"));
        }
    }
    Ok(versions)
}

fn domain(name: &str) -> String {
    match name {
        "" => "ONNX's operators".to_owned(),
        name => format!("the operators of {}", shown(name)),
    }
}

/// What holds for a graph or function and everything within it.
#[derive(Clone, Copy)]
struct Rules<'r> {
    format: i64,
    imports: &'r HashMap<&'r str, i64>,
    /// True in functions and subgraphs, where inputs and outputs may leave their types open.
    inner: bool,
}

impl Rules<'_> {
    // Recursion is safe here and below: the decoder refuses messages nested deeper than 100 levels.
    fn graph(self, graph: &GraphProto, scope: &Scope<'_>, outer: Option<&Names<'_>>) -> Result<(), CheckError> {
        let place = || format!("the graph{}", scope.describe());
        if graph.name().is_empty() {
            return Err(CheckError::new(place(), "has no name"));
        }
        for (kind, values) in [("input", &graph.input), ("output", &graph.output)] {
            for (index, info) in values.iter().enumerate() {
                let place = || match info.name() {
                    "" => format!("{kind} {index} of {}", place()),
                    name => format!("{kind} {}{}", shown(name), scope.describe()),
                };
                value::check(info, self.inner).map_err(|problem| CheckError::new(place(), problem))?;
            }
        }
        let mut names = Names::within(outer);
        for input in &graph.input {
            if !names.insert(input.name()) {
                let place = format!("input {}{}", shown(input.name()), scope.describe());
                return Err(CheckError::new(place, "stands twice").advise(RENAME));
            }
        }
        self.initializers(graph, scope, &mut names)?;
        self.nodes(scope, &mut names)?;
        match graph.output.iter().find(|output| !names.here(output.name())) {
            Some(output) => Err(CheckError::new(
                format!("output {}{}", shown(output.name()), scope.describe()),
                "is made by no node, input or initializer of its graph",
            )),
            None => Ok(()),
        }
    }

    fn initializers<'a>(
        self,
        graph: &'a GraphProto,
        scope: &Scope<'_>,
        names: &mut Names<'a>,
    ) -> Result<(), CheckError> {
        let mut seen = HashSet::new();
        let mut claim = |name: &'a str, place: &str| match name {
            "" => Err(CheckError::new(place, "has no name")),
            name if !seen.insert(name) => Err(CheckError::new(place, "stands twice").advise(RENAME)),
            _ => Ok(()),
        };
        for tensor in &graph.initializer {
            let place = || format!("initializer {}{}", shown(tensor.name()), scope.describe());
            claim(tensor.name(), &place())?;
            check_tensor(tensor, &place)?;
            if self.format < UNLISTED && !names.here(tensor.name()) {
                let problem = format!("is no input, which format version {} demands", self.format);
                return Err(CheckError::new(place(), problem)
                    .advise("list it among the graph's inputs, or raise the model's `ir_version` to 4"));
            }
            names.insert(tensor.name());
        }
        for sparse in &graph.sparse_initializer {
            let name = sparse.values.as_ref().map(TensorProto::name).unwrap_or_default();
            let place = || format!("sparse initializer {}{}", shown(name), scope.describe());
            claim(name, &place())?;
            value::check_sparse(sparse, &place)?;
            names.insert(name);
        }
        Ok(())
    }

    fn nodes<'a>(self, scope: &Scope<'a>, names: &mut Names<'a>) -> Result<(), CheckError> {
        for node in scope.nodes() {
            let place = || format!("{}{}", shown_node(node), scope.describe());
            if let Some(input) = node
                .input
                .iter()
                .find(|input| !input.is_empty() && !names.visible(input))
            {
                let problem = format!("reads {}, which nothing before it makes", shown(input));
                return Err(CheckError::new(place(), problem).advise(SORT));
            }
            self.node(node, &place, names)?;
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                // A graph within must not take a name of the graphs around it either.
                if names.visible(output) || !names.insert(output) {
                    let problem = format!("makes {}, which is made before it", shown(output));
                    return Err(CheckError::new(place(), problem).advise(RENAME));
                }
            }
        }
        Ok(())
    }

    fn node(self, node: &NodeProto, place: &dyn Fn() -> String, names: &Names<'_>) -> Result<(), CheckError> {
        let wrong = |problem: String| Err(CheckError::new(place(), problem));
        if node.op_type().is_empty() {
            return wrong("has no operator type".to_owned());
        }
        if node.input.is_empty() && node.output.is_empty() {
            return wrong("has neither inputs nor outputs".to_owned());
        }
        let known = |name: &str| self.imports.contains_key(name);
        let imported = known(node.domain()) || (node.domain().is_empty() && known("ai.onnx"));
        if !imported {
            let problem = format!("uses {}, which are not imported", domain(node.domain()));
            return Err(CheckError::new(place(), problem).advise("import the domain in `opset_import`"));
        }
        let mut seen = HashSet::new();
        for attribute in &node.attribute {
            if !seen.insert(attribute.name()) {
                return wrong(format!("has the attribute {} twice", shown(attribute.name())));
            }
            self.attribute(attribute, node, place, names)?;
        }
        Ok(())
    }
}

/// A tensor's type, and that its data goes with its shape; of external data, only the reference.
fn check_tensor(tensor: &TensorProto, place: &dyn Fn() -> String) -> Result<(), CheckError> {
    const NO_FILES: &[ExternalFile] = &[];
    let checked = if tensor.data_location == Some(DataLocation::External as i32) {
        tensor_view::elements(&tensor.dims).and_then(|_| DataReference::of(tensor).map(|_| ()))
    } else {
        tensor_view::check(tensor, NO_FILES)
    };
    checked.map_err(|error| CheckError::new(place(), error.to_string()))
}
