//! Walks every graph, node and tensor of a model: the main graph, training graphs, functions, and the subgraphs and tensors
//! that hide in the attributes of nodes, at any depth.
//!
//! Reading: [`scopes`] lists the places that hold nodes, parents before children, and [`tensors`] the tensors in them.
//! Changing: [`graphs_mut`], [`nodes_mut`], [`tensors_mut`] call a closure on each, and stop at its first error.

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::SparseTensorProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;

/// What holds nodes.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// The main graph, a training graph or a subgraph.
    Graph(&'a GraphProto),
    /// A function of the model.
    Function(&'a FunctionProto),
}

/// One graph or function, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The nodes' holder.
    pub body: Body<'a>,
    /// Index in [`scopes`] of the scope around it; `None` for the main graph, training graphs and functions.
    pub parent: Option<usize>,
    /// The node and attribute that carry a subgraph.
    pub owner: Option<(&'a NodeProto, &'a AttributeProto)>,
    /// 0 for graphs and functions of the model itself, one more for each subgraph around.
    pub depth: usize,
}

impl<'a> Scope<'a> {
    /// The nodes, in the order of the file.
    pub fn nodes(&self) -> &'a [NodeProto] {
        match self.body {
            Body::Graph(graph) => &graph.node,
            Body::Function(function) => &function.node,
        }
    }

    /// The graph; `None` for a function.
    pub fn graph(&self) -> Option<&'a GraphProto> {
        match self.body {
            Body::Graph(graph) => Some(graph),
            Body::Function(_) => None,
        }
    }

    /// For messages: empty for a graph of the model itself, else `` in `body` of node `loop0` (Loop) `` and the like.
    pub fn describe(&self) -> String {
        match (self.body, self.owner) {
            (_, Some((node, attribute))) => format!(" in {} of {}", shown(attribute.name()), shown_node(node)),
            (Body::Function(function), None) => format!(" in function {}", shown(function.name())),
            (Body::Graph(_), None) => String::new(),
        }
    }
}

/// What a tensor is to the graph or function that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A graph's initializer.
    Initializer,
    /// The values of a sparse tensor, initializer or attribute.
    SparseValues,
    /// The indices of a sparse tensor, initializer or attribute.
    SparseIndices,
    /// An attribute's value: a `Constant` node's, most often.
    Attribute,
}

/// One tensor, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct TensorSite<'a> {
    /// The tensor.
    pub tensor: &'a TensorProto,
    /// What it is.
    pub role: Role,
    /// The dimensions of the sparse tensor that it is a part of.
    pub sparse_dims: Option<&'a [i64]>,
    /// Index in [`scopes`] of the graph or function that holds it.
    pub scope: usize,
    /// The attribute that carries it, and its node (none for a function's default value).
    pub attribute: Option<(&'a AttributeProto, Option<&'a NodeProto>)>,
}

impl TensorSite<'_> {
    /// For messages: `` initializer `W` ``, `` attribute `value` of node `c0` (Constant) in function `local` ``.
    pub fn describe(&self, scopes: &[Scope<'_>]) -> String {
        let part = match self.role {
            Role::SparseValues => "values of sparse ",
            Role::SparseIndices => "indices of sparse ",
            Role::Initializer | Role::Attribute => "",
        };
        let holder = match self.attribute {
            None => format!("initializer {}", shown(self.tensor.name())),
            Some((attribute, None)) => format!("default of attribute {}", shown(attribute.name())),
            Some((attribute, Some(node))) => {
                format!("attribute {} of {}", shown(attribute.name()), shown_node(node))
            }
        };
        let around = scopes.get(self.scope).map(Scope::describe).unwrap_or_default();
        format!("{part}{holder}{around}")
    }
}

/// Every graph and function of the model: the main graph first, parents before their subgraphs.
pub fn scopes(model: &ModelProto) -> Vec<Scope<'_>> {
    let root = |body| Scope {
        body,
        parent: None,
        owner: None,
        depth: 0,
    };
    let mut found: Vec<Scope<'_>> = Vec::new();
    found.extend(model.graph.iter().map(|graph| root(Body::Graph(graph))));
    for training in &model.training_info {
        let graphs = training.initialization.iter().chain(&training.algorithm);
        found.extend(graphs.map(|graph| root(Body::Graph(graph))));
    }
    found.extend(model.functions.iter().map(|function| root(Body::Function(function))));
    let mut next = 0;
    while let Some(scope) = found.get(next).copied() {
        for node in scope.nodes() {
            for attribute in &node.attribute {
                found.extend(attribute.g.iter().chain(&attribute.graphs).map(|graph| Scope {
                    body: Body::Graph(graph),
                    parent: Some(next),
                    owner: Some((node, attribute)),
                    depth: scope.depth + 1,
                }));
            }
        }
        if let Body::Function(function) = scope.body {
            for attribute in &function.attribute_proto {
                found.extend(attribute.g.iter().chain(&attribute.graphs).map(|graph| Scope {
                    body: Body::Graph(graph),
                    parent: Some(next),
                    owner: None,
                    depth: scope.depth + 1,
                }));
            }
        }
        next += 1;
    }
    found
}

/// Every node of every scope, with its scope's index.
pub fn nodes<'a>(scopes: &[Scope<'a>]) -> impl Iterator<Item = (usize, &'a NodeProto)> {
    scopes
        .iter()
        .enumerate()
        .flat_map(|(index, scope)| scope.nodes().iter().map(move |node| (index, node)))
}

/// Every tensor of every scope: initializers, sparse initializers, and the tensors in attributes.
pub fn tensors<'a>(scopes: &[Scope<'a>]) -> Vec<TensorSite<'a>> {
    let mut found = Vec::new();
    for (index, scope) in scopes.iter().enumerate() {
        if let Some(graph) = scope.graph() {
            found.extend(graph.initializer.iter().map(|tensor| TensorSite {
                tensor,
                role: Role::Initializer,
                sparse_dims: None,
                scope: index,
                attribute: None,
            }));
            for sparse in &graph.sparse_initializer {
                add_sparse(&mut found, sparse, index, None);
            }
        }
        for node in scope.nodes() {
            for attribute in &node.attribute {
                add_attribute(&mut found, attribute, Some(node), index);
            }
        }
        if let Body::Function(function) = scope.body {
            for attribute in &function.attribute_proto {
                add_attribute(&mut found, attribute, None, index);
            }
        }
    }
    found
}

fn add_attribute<'a>(
    found: &mut Vec<TensorSite<'a>>,
    attribute: &'a AttributeProto,
    node: Option<&'a NodeProto>,
    scope: usize,
) {
    found.extend(attribute.t.iter().chain(&attribute.tensors).map(|tensor| TensorSite {
        tensor,
        role: Role::Attribute,
        sparse_dims: None,
        scope,
        attribute: Some((attribute, node)),
    }));
    for sparse in attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors) {
        add_sparse(found, sparse, scope, Some((attribute, node)));
    }
}

fn add_sparse<'a>(
    found: &mut Vec<TensorSite<'a>>,
    sparse: &'a SparseTensorProto,
    scope: usize,
    attribute: Option<(&'a AttributeProto, Option<&'a NodeProto>)>,
) {
    let parts = [
        (&sparse.values, Role::SparseValues),
        (&sparse.indices, Role::SparseIndices),
    ];
    for (part, role) in parts {
        found.extend(part.iter().map(|tensor| TensorSite {
            tensor,
            role,
            sparse_dims: Some(&sparse.dims),
            scope,
            attribute,
        }));
    }
}

/// Calls `visit` on every graph, parents before their subgraphs, with the graph's depth (0 for graphs of the model itself, 1 for
/// their subgraphs and for those of functions). What `visit` adds to a graph is visited too.
pub fn graphs_mut<E>(
    model: &mut ModelProto,
    visit: &mut dyn FnMut(&mut GraphProto, usize) -> Result<(), E>,
) -> Result<(), E> {
    for graph in root_graphs_mut(model) {
        visit_graph(graph, 0, visit)?;
    }
    for function in &mut model.functions {
        let attributes = function.node.iter_mut().flat_map(|node| &mut node.attribute);
        for graph in attributes.chain(&mut function.attribute_proto).flat_map(subgraphs_mut) {
            visit_graph(graph, 1, visit)?;
        }
    }
    Ok(())
}

/// Calls `visit` on every node of every graph and function.
pub fn nodes_mut<E>(model: &mut ModelProto, visit: &mut dyn FnMut(&mut NodeProto) -> Result<(), E>) -> Result<(), E> {
    for node in model.functions.iter_mut().flat_map(|function| &mut function.node) {
        visit(node)?;
    }
    graphs_mut(model, &mut |graph, _| graph.node.iter_mut().try_for_each(&mut *visit))
}

/// Calls `visit` on every tensor: initializers, the parts of sparse tensors, and attribute values.
pub fn tensors_mut<E>(
    model: &mut ModelProto,
    visit: &mut dyn FnMut(&mut TensorProto, Role) -> Result<(), E>,
) -> Result<(), E> {
    for function in &mut model.functions {
        let attributes = function.node.iter_mut().flat_map(|node| &mut node.attribute);
        for attribute in attributes.chain(&mut function.attribute_proto) {
            visit_attribute_tensors(attribute, visit)?;
        }
    }
    graphs_mut(model, &mut |graph, _| {
        for tensor in &mut graph.initializer {
            visit(tensor, Role::Initializer)?;
        }
        for sparse in &mut graph.sparse_initializer {
            visit_sparse(sparse, visit)?;
        }
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            visit_attribute_tensors(attribute, visit)?;
        }
        Ok(())
    })
}

fn root_graphs_mut(model: &mut ModelProto) -> impl Iterator<Item = &mut GraphProto> {
    let training = model
        .training_info
        .iter_mut()
        .flat_map(|training| training.initialization.iter_mut().chain(&mut training.algorithm));
    model.graph.iter_mut().chain(training)
}

fn subgraphs_mut(attribute: &mut AttributeProto) -> impl Iterator<Item = &mut GraphProto> {
    attribute.g.iter_mut().chain(&mut attribute.graphs)
}

// Recursion is safe here: the decoder refuses messages nested deeper than 100 levels.
fn visit_graph<E>(
    graph: &mut GraphProto,
    depth: usize,
    visit: &mut dyn FnMut(&mut GraphProto, usize) -> Result<(), E>,
) -> Result<(), E> {
    visit(graph, depth)?;
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    for subgraph in attributes.flat_map(subgraphs_mut) {
        visit_graph(subgraph, depth + 1, visit)?;
    }
    Ok(())
}

fn visit_attribute_tensors<E>(
    attribute: &mut AttributeProto,
    visit: &mut dyn FnMut(&mut TensorProto, Role) -> Result<(), E>,
) -> Result<(), E> {
    for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
        visit(tensor, Role::Attribute)?;
    }
    for sparse in attribute.sparse_tensor.iter_mut().chain(&mut attribute.sparse_tensors) {
        visit_sparse(sparse, visit)?;
    }
    Ok(())
}

fn visit_sparse<E>(
    sparse: &mut SparseTensorProto,
    visit: &mut dyn FnMut(&mut TensorProto, Role) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(values) = &mut sparse.values {
        visit(values, Role::SparseValues)?;
    }
    if let Some(indices) = &mut sparse.indices {
        visit(indices, Role::SparseIndices)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn tensor(name: &str) -> TensorProto {
        TensorProto {
            name: Some(name.to_owned()),
            ..TensorProto::default()
        }
    }

    fn sparse(name: &str) -> SparseTensorProto {
        SparseTensorProto {
            values: Some(tensor(&format!("{name}.values"))),
            indices: Some(tensor(&format!("{name}.indices"))),
            dims: vec![4],
        }
    }

    fn constant(name: &str) -> NodeProto {
        let attribute = AttributeProto {
            name: Some("value".to_owned()),
            t: Some(tensor(name)),
            sparse_tensors: vec![sparse(name)],
            ..AttributeProto::default()
        };
        NodeProto {
            op_type: Some("Constant".to_owned()),
            name: Some(format!("make {name}")),
            attribute: vec![attribute],
            ..NodeProto::default()
        }
    }

    fn graph(name: &str, inner: Option<GraphProto>) -> GraphProto {
        let mut nodes = vec![constant(&format!("{name}.constant"))];
        if let Some(inner) = inner {
            nodes.push(NodeProto {
                op_type: Some("Loop".to_owned()),
                name: Some(format!("{name}.loop")),
                attribute: vec![AttributeProto {
                    name: Some("body".to_owned()),
                    g: Some(inner),
                    ..AttributeProto::default()
                }],
                ..NodeProto::default()
            });
        }
        GraphProto {
            name: Some(name.to_owned()),
            node: nodes,
            initializer: vec![tensor(&format!("{name}.weight"))],
            sparse_initializer: vec![sparse(&format!("{name}.sparse"))],
            ..GraphProto::default()
        }
    }

    fn model() -> ModelProto {
        let function = FunctionProto {
            name: Some("local".to_owned()),
            node: vec![constant("function.constant")],
            attribute_proto: vec![AttributeProto {
                name: Some("default".to_owned()),
                t: Some(tensor("function.default")),
                ..AttributeProto::default()
            }],
            ..FunctionProto::default()
        };
        ModelProto {
            graph: Some(graph("main", Some(graph("body", Some(graph("deep", None)))))),
            functions: vec![function],
            ..ModelProto::default()
        }
    }

    #[test]
    fn reading_and_changing_reach_the_same_tensors() {
        let mut model = model();
        let scopes = scopes(&model);
        assert_eq!(scopes.iter().map(|scope| scope.depth).max(), Some(2));
        let mut read: Vec<(String, Role)> = tensors(&scopes)
            .iter()
            .map(|site| (site.tensor.name().to_owned(), site.role))
            .collect();
        let mut changed = Vec::new();
        tensors_mut::<Infallible>(&mut model, &mut |tensor, role| {
            changed.push((tensor.name().to_owned(), role));
            Ok(())
        })
        .unwrap();
        read.sort_by(|one, other| one.0.cmp(&other.0));
        changed.sort_by(|one, other| one.0.cmp(&other.0));
        // Three graphs of one weight, one sparse initializer (two parts) and one constant (one tensor, two sparse parts), and
        // the function's constant and default.
        assert_eq!(read.len(), 3 * 6 + 3 + 1);
        assert_eq!(read, changed);
    }

    #[test]
    fn reading_and_changing_reach_the_same_nodes() {
        let mut model = model();
        let read = nodes(&scopes(&model)).count();
        let mut changed = 0;
        nodes_mut::<Infallible>(&mut model, &mut |_| {
            changed += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!((read, changed), (6, 6));
    }

    #[test]
    fn stops_at_the_first_error() {
        let mut seen = 0;
        let result = graphs_mut(&mut model(), &mut |_, depth| {
            seen += 1;
            if depth == 1 { Err("enough") } else { Ok(()) }
        });
        assert_eq!((result, seen), (Err("enough"), 2));
    }

    #[test]
    fn says_where_a_tensor_stands() {
        let model = model();
        let scopes = scopes(&model);
        let places: Vec<String> = tensors(&scopes).iter().map(|site| site.describe(&scopes)).collect();
        for expected in [
            "initializer `main.weight`",
            "indices of sparse initializer `main.sparse.indices`",
            "attribute `value` of node `make deep.constant` (Constant) in `body` of node `body.loop` (Loop)",
            "attribute `value` of node `make function.constant` (Constant) in function `local`",
            "default of attribute `default` in function `local`",
        ] {
            assert!(places.iter().any(|place| place == expected), "{expected}: {places:#?}");
        }
    }
}
