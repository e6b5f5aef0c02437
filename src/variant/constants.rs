//! The constants of a model, found by name from wherever a node reads them, while its graphs are rewritten node by node.
//!
//! A name means what the innermost graph around says that it means. What a pass stores goes to the graph that defines the constant
//! it was made of, so that every reader finds it; what nobody reads any more is dropped. Functions are no part of this.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types::type_name;
use crate::variant::VariantError;
use crate::variant::edit;

/// As many `Identity` and `Transpose` nodes are followed from a reader to the constant; a longer chain may be a circle.
const LONGEST_CHAIN: usize = 16;

/// Smaller tensors stay as they are: the nodes around them would cost more than they save.
const FEWEST_ELEMENTS: usize = 1024;

/// Before this version of the format, every initializer was listed as an input too.
const OPTIONAL_LISTING: i64 = 4;

/// The constant that a node reads at `place`, if it holds 32-bit floats and enough of them; else why not.
pub(super) fn weight(node: &NodeProto, place: usize, constants: &Constants) -> Result<Found, String> {
    let name = node.input.get(place).map_or("", String::as_str);
    let found = constants.find(name).map_err(|reason| format!("its weights {reason}"))?;
    constants
        .check_floats(&found)
        .map_err(|reason| format!("its weights {reason}"))?;
    let shape = constants.shape(&found).unwrap_or_default();
    let elements = shape.iter().fold(1, |product: usize, dim| product.saturating_mul(*dim));
    if found.transposed && shape.len() != 2 {
        return Err("its weights are computed, no constant".to_owned());
    }
    if elements < FEWEST_ELEMENTS {
        return Err(format!(
            "its {elements} weights are too few to be worth the nodes around them"
        ));
    }
    Ok(found)
}

/// Makes every initializer of an old model one that nothing can replace, as engines of its time took it: newer formats don't list
/// initializers as inputs.
pub(super) fn unlist(model: &mut ModelProto) {
    if model.ir_version() >= OPTIONAL_LISTING {
        return;
    }
    if let Some(graph) = &mut model.graph {
        let constants: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        graph.input.retain(|input| !constants.contains(input.name()));
    }
    model.ir_version = Some(OPTIONAL_LISTING);
}

/// The graphs around a node, innermost last.
#[derive(Debug, Default)]
pub(super) struct Constants {
    scopes: Vec<Scope>,
    entered: usize,
}

#[derive(Debug)]
struct Scope {
    id: usize,
    initializers: Vec<TensorProto>,
    values: HashMap<String, Value>,
    added: Vec<TensorProto>,
    retired: HashSet<String>,
}

/// What a graph's name stands for.
#[derive(Debug)]
enum Value {
    Initializer(usize),
    Constant(Box<TensorProto>),
    /// What `Identity`, or `Transpose` of a matrix, makes of another.
    Through {
        input: String,
        transposes: bool,
    },
    /// An initializer that a caller of the model may replace.
    Replaceable,
    Computed,
}

/// A constant, and how a reader comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The number of the graph that defines it, the same in every walk over an unchanged model.
    pub(super) scope: usize,
    /// Its name there.
    pub(super) name: String,
    /// The reader sees it transposed.
    pub(super) transposed: bool,
    /// Places in the stack of graphs, and names there, from the reader to the constant.
    path: Vec<(usize, String)>,
}

/// A constant's 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Floats {
    /// Its dimensions.
    pub(super) shape: Vec<usize>,
    /// Its elements, row-major.
    pub(super) values: Vec<f32>,
}

impl Floats {
    /// Of a matrix: rows become columns.
    pub(super) fn transposed(self) -> Self {
        let [rows, columns] = self.shape[..] else { return self };
        Self {
            shape: vec![columns, rows],
            values: transposed(&self.values, rows, columns),
        }
    }

    /// True where no value is infinite or NaN.
    pub(super) fn finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }
}

/// Elements of a matrix of `rows` and `columns`, column by column.
pub(super) fn transposed<T: Copy>(values: &[T], rows: usize, columns: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(values.len());
    for column in 0..columns {
        result.extend(values.iter().skip(column).step_by(columns).take(rows).copied());
    }
    result
}

/// What is done to a node: the nodes that it appends take the node's place.
pub(super) type Visit<'a> =
    &'a mut dyn FnMut(NodeProto, &mut Constants, &mut Vec<NodeProto>) -> Result<(), VariantError>;

/// Calls `visit` on every node of `graph` and of the graphs within it, innermost first.
pub(super) fn rewrite(graph: &mut GraphProto, constants: &mut Constants, visit: Visit<'_>) -> Result<(), VariantError> {
    constants.enter(graph);
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node) {
        for attribute in &mut node.attribute {
            // Recursion is safe here: the decoder refuses messages nested deeper than 100 levels.
            for body in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                rewrite(body, constants, visit)?;
            }
        }
        visit(node, constants, &mut nodes)?;
    }
    graph.node = nodes;
    constants.leave(graph);
    Ok(())
}

impl Constants {
    fn enter(&mut self, graph: &mut GraphProto) {
        let mut values: HashMap<String, Value> = HashMap::new();
        let sparse = graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| sparse.values.as_ref());
        values.extend(sparse.map(|tensor| (tensor.name().to_owned(), Value::Computed)));
        let initializers = std::mem::take(&mut graph.initializer);
        for (index, tensor) in initializers.iter().enumerate() {
            values.insert(tensor.name().to_owned(), Value::Initializer(index));
        }
        for input in &graph.input {
            let value = match values.get(input.name()) {
                Some(Value::Initializer(_)) => Value::Replaceable,
                _ => Value::Computed,
            };
            values.insert(input.name().to_owned(), value);
        }
        for node in &graph.node {
            for output in &node.output {
                values.insert(output.clone(), made_by(node));
            }
        }
        self.scopes.push(Scope {
            id: self.entered,
            initializers,
            values,
            added: Vec::new(),
            retired: HashSet::new(),
        });
        self.entered += 1;
    }

    fn leave(&mut self, graph: &mut GraphProto) {
        let Some(scope) = self.scopes.pop() else { return };
        graph.initializer = scope.initializers;
        if !scope.retired.is_empty() {
            drop_unread(graph, &scope.retired);
        }
        graph.initializer.extend(scope.added);
    }

    /// The number of the innermost graph.
    pub(super) fn here(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.id)
    }

    /// The constant that a node of the innermost graph reads as `name`, or what is in the way, as the end of "its weights …".
    pub(super) fn find(&self, name: &str) -> Result<Found, &'static str> {
        let mut found = Found {
            scope: 0,
            name: name.to_owned(),
            transposed: false,
            path: Vec::new(),
        };
        let mut depth = self.scopes.len();
        for _ in 0..LONGEST_CHAIN {
            let defining = self.scopes.iter().take(depth).enumerate().rev();
            let defining = defining
                .filter_map(|(index, scope)| Some((index, scope, scope.values.get(&found.name)?)))
                .next();
            let Some((index, scope, value)) = defining else {
                return Err("are defined nowhere");
            };
            found.path.push((index, found.name.clone()));
            match value {
                Value::Initializer(_) | Value::Constant(_) => {
                    found.scope = scope.id;
                    return Ok(found);
                }
                Value::Through { input, transposes } => {
                    found.transposed ^= transposes;
                    found.name.clone_from(input);
                    depth = index + 1;
                }
                Value::Replaceable => return Err("may be replaced by an input of the model"),
                Value::Computed => return Err("are computed, no constant"),
            }
        }
        Err("are computed, no constant")
    }

    /// The constant as it is stored.
    pub(super) fn tensor(&self, found: &Found) -> Option<&TensorProto> {
        let (index, name) = found.path.last()?;
        let scope = self.scopes.get(*index)?;
        match scope.values.get(name)? {
            Value::Initializer(index) => scope.initializers.get(*index),
            Value::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Its dimensions as stored; `None` where one is negative.
    pub(super) fn shape(&self, found: &Found) -> Option<Vec<usize>> {
        let dims = &self.tensor(found)?.dims;
        dims.iter().map(|dim| usize::try_from(*dim).ok()).collect()
    }

    /// What keeps a constant from being taken for 32-bit floats, as the end of "its weights …".
    pub(super) fn check_floats(&self, found: &Found) -> Result<(), String> {
        match self.tensor(found).map(TensorProto::data_type) {
            Some(code) if code == DataType::Float as i32 => Ok(()),
            code => Err(format!("are {}, no 32-bit floats", type_name(code.unwrap_or_default()))),
        }
    }

    /// Its elements, as stored: [`Found::transposed`] is up to the caller.
    pub(super) fn floats(&self, found: &Found) -> Result<Floats, VariantError> {
        let tensor = self.tensor(found).cloned().unwrap_or_default();
        let view = TensorView::of(&tensor, &[]).map_err(|source| VariantError::Tensor {
            name: found.name.clone(),
            source,
        })?;
        Ok(Floats {
            shape: view.shape.iter().map(|dim| *dim as usize).collect(),
            values: view.to_f32().unwrap_or_default(),
        })
    }

    /// Adds an initializer to the graph that defines `beside`.
    pub(super) fn add(&mut self, beside: &Found, tensor: TensorProto) {
        let index = beside.path.last().map_or(0, |(index, _)| *index);
        if let Some(scope) = self.scopes.get_mut(index) {
            scope.added.push(tensor);
        }
    }

    /// Adds an initializer to the innermost graph.
    pub(super) fn add_here(&mut self, tensor: TensorProto) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.added.push(tensor);
        }
    }

    /// Notes that a reader no longer needs it: it goes where no other reader is left.
    pub(super) fn retire(&mut self, found: &Found) {
        for (index, name) in &found.path {
            if let Some(scope) = self.scopes.get_mut(*index) {
                scope.retired.insert(name.clone());
            }
        }
    }
}

fn made_by(node: &NodeProto) -> Value {
    if !matches!(node.domain(), "" | "ai.onnx") {
        return Value::Computed;
    }
    match (node.op_type(), node.input.first()) {
        ("Constant", _) => edit::attribute(node, "value")
            .and_then(|value| value.t.clone())
            .map_or(Value::Computed, |tensor| Value::Constant(Box::new(tensor))),
        ("Identity", Some(input)) => Value::Through {
            input: input.clone(),
            transposes: false,
        },
        ("Transpose", Some(input)) => {
            let perm = edit::attribute(node, "perm").map(|perm| perm.ints.as_slice());
            match perm {
                // Without the attribute all axes are reversed, whatever the rank; readers of transposed constants check that it is 2.
                None | Some([1, 0]) => Value::Through {
                    input: input.clone(),
                    transposes: true,
                },
                _ => Value::Computed,
            }
        }
        _ => Value::Computed,
    }
}

/// Drops retired constants that nothing reads, and the nodes that only handed them on.
fn drop_unread(graph: &mut GraphProto, retired: &HashSet<String>) {
    loop {
        let read = names_read(graph);
        let dead = |name: &String| retired.contains(name) && !read.contains(name);
        let before = graph.node.len();
        graph.node.retain(|node| {
            let passive = matches!(node.op_type(), "Constant" | "Identity" | "Transpose");
            !(passive && !node.output.is_empty() && node.output.iter().all(dead))
        });
        graph
            .initializer
            .retain(|tensor| !tensor.name.as_ref().is_some_and(dead));
        graph.value_info.retain(|info| !info.name.as_ref().is_some_and(dead));
        if graph.node.len() == before {
            return;
        }
    }
}

/// The names that nodes at any depth, and the graph's outputs, read.
fn names_read(graph: &GraphProto) -> HashSet<String> {
    let mut names: HashSet<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
    for node in &graph.node {
        names.extend(node.input.iter().cloned());
        for attribute in &node.attribute {
            for body in attribute.g.iter().chain(&attribute.graphs) {
                names.extend(names_read(body));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::model::onnx::proto::ValueInfoProto;
    use crate::variant::edit::floats;
    use crate::variant::edit::ints_attribute;
    use crate::variant::edit::node;
    use crate::variant::edit::tensor_attribute;

    fn named(name: &str) -> ValueInfoProto {
        ValueInfoProto {
            name: Some(name.to_owned()),
            ..ValueInfoProto::default()
        }
    }

    fn with(mut node: NodeProto, attribute: AttributeProto) -> NodeProto {
        node.attribute.push(attribute);
        node
    }

    fn graph() -> GraphProto {
        let body = GraphProto {
            node: vec![
                with(node("Transpose", &["alias"], &["t"]), ints_attribute("perm", &[1, 0])),
                node("MatMul", &["x", "t"], &["y"]),
            ],
            initializer: vec![floats("hidden", &[1], &[9.0])],
            output: vec![named("y")],
            ..GraphProto::default()
        };
        let branch = AttributeProto {
            name: Some("then_branch".to_owned()),
            g: Some(body),
            ..AttributeProto::default()
        };
        let value = tensor_attribute("value", floats("", &[2], &[5.0, 6.0]));
        GraphProto {
            input: vec![named("x"), named("open")],
            node: vec![
                node("Identity", &["w"], &["alias"]),
                with(node("Constant", &[], &["c"]), value),
                with(node("If", &["cond"], &["z"]), branch),
            ],
            initializer: vec![
                floats("w", &[1, 2], &[1.0, 2.0]),
                floats("open", &[1], &[1.0]),
                floats("hidden", &[1], &[3.0]),
            ],
            output: vec![named("z")],
            ..GraphProto::default()
        }
    }

    #[test]
    fn constants_are_found_through_graphs_and_nodes() {
        let mut graph = graph();
        let before = graph.clone();
        let mut seen = 0;
        rewrite(&mut graph, &mut Constants::default(), &mut |node, constants, nodes| {
            if node.op_type() == "MatMul" {
                let found = constants.find("t").unwrap();
                assert_eq!((found.name.as_str(), found.transposed, found.scope), ("w", true, 0));
                assert_eq!(constants.shape(&found), Some(vec![1, 2]));
                assert_eq!(constants.floats(&found).unwrap().transposed().shape, [2, 1]);
                let inner = constants.find("hidden").unwrap();
                assert_eq!(constants.floats(&inner).unwrap().values, [9.0]);
                let made = constants.find("c").unwrap();
                assert_eq!(constants.floats(&made).unwrap().values, [5.0, 6.0]);
                assert_eq!(constants.find("open"), Err("may be replaced by an input of the model"));
                assert_eq!(constants.find("x"), Err("are computed, no constant"));
                assert_eq!(constants.find("nobody"), Err("are defined nowhere"));
                seen += 1;
            }
            nodes.push(node);
            Ok(())
        })
        .unwrap();
        assert_eq!((graph, seen), (before, 1));
    }

    #[test]
    fn what_nobody_reads_goes_and_what_is_added_stays_beside_it() {
        let mut graph = graph();
        rewrite(
            &mut graph,
            &mut Constants::default(),
            &mut |mut node, constants, nodes| {
                if node.op_type() == "MatMul" {
                    let found = constants.find("t").unwrap();
                    constants.add(&found, floats("w2", &[1], &[0.0]));
                    constants.add_here(floats("local", &[1], &[0.0]));
                    constants.retire(&found);
                    node.input[1] = "w2".to_owned();
                }
                nodes.push(node);
                Ok(())
            },
        )
        .unwrap();
        let names: Vec<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        assert_eq!(names, ["open", "hidden", "w2"]);
        let operators: Vec<&str> = graph.node.iter().map(NodeProto::op_type).collect();
        assert_eq!(operators, ["Constant", "If"]);
        let body = graph.node[1].attribute[0].g.as_ref().unwrap();
        assert_eq!((body.node.len(), body.initializer.len()), (1, 2));
    }

    #[test]
    fn circles_end() {
        let mut graph = GraphProto {
            node: vec![node("Identity", &["a"], &["b"]), node("Identity", &["b"], &["a"])],
            ..GraphProto::default()
        };
        rewrite(&mut graph, &mut Constants::default(), &mut |_, constants, _| {
            assert!(constants.find("a").is_err());
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn old_models_list_their_constants() {
        let mut model = ModelProto {
            ir_version: Some(3),
            graph: Some(graph()),
            ..ModelProto::default()
        };
        unlist(&mut model);
        assert_eq!(model.graph.unwrap().input, [named("x")]);
        assert_eq!(model.ir_version, Some(4));
    }
}
