//! The finished graph as the tables of a TensorFlow Lite file: the same graph gives the same tables.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;

use super::graph::Graph;
use super::graph::Kind;
use super::graph::Node;
use super::graph::Tensor;
use super::graph::TensorId;
use super::graph::pack_floats;
use super::graph::pack_ints;
use super::op::Op;
use super::options::Extra;
use super::options::Site;
use super::options::Stored;
use super::options::ints;
use super::options::stored;
use super::options::tensor_type;
use crate::model::tflite::schema;
use crate::model::tflite::schema::BuiltinOperator;

/// The version of the format.
const SCHEMA: u32 = 3;

/// The length that the metadata entry has in other converters' files.
const VERSION_BYTES: usize = 16;

/// The name that engines look for where a caller names no signature.
const SIGNATURE: &str = "serving_default";

#[derive(Default)]
struct Tables {
    tensors: Vec<schema::Tensor>,
    buffers: Vec<schema::Buffer>,
    /// Constants by their bytes: equal ones are stored once.
    stored: HashMap<Bytes, u32>,
    /// Constants of options by type, shape and bytes.
    extras: HashMap<(Kind, Vec<usize>, Bytes), u32>,
    places: HashMap<TensorId, u32>,
    names: HashSet<String>,
}

/// The tables, with one signature that has the graph's own names. Constants share memory with the graph's.
pub(super) fn write(graph: &Graph) -> Result<schema::Model, String> {
    let mut tables = Tables {
        // The format keeps the first buffer empty, for tensors without data.
        buffers: vec![schema::Buffer::default()],
        ..Tables::default()
    };
    tables.place_all(graph);
    let mut codes: Vec<(BuiltinOperator, i32)> = Vec::new();
    let mut operators = Vec::with_capacity(graph.nodes.len());
    let mut since = (1, 14);
    for node in &graph.nodes {
        let (form, output) = formed(graph, node)?;
        since = since.max(form.since);
        let code = (form.code, form.version);
        let known = codes.iter().position(|known| *known == code);
        let opcode_index = known.unwrap_or_else(|| {
            codes.push(code);
            codes.len() - 1
        });
        operators.push(schema::Operator {
            opcode_index: opcode_index as u32,
            inputs: Some(tables.inputs(node, &form.inputs, output)?),
            outputs: Some(node.outputs.iter().map(|id| tables.at(*id) as i32).collect()),
            builtin_options: form.options,
            ..schema::Operator::default()
        });
    }
    let inputs = graph
        .inputs
        .iter()
        .map(|id| tables.mapped(&graph.tensor(*id).name, *id));
    let inputs: Vec<schema::TensorMap> = inputs.collect();
    let outputs = graph.outputs.iter().map(|(name, id)| tables.mapped(name, *id));
    let outputs: Vec<schema::TensorMap> = outputs.collect();
    let indices = |maps: &[schema::TensorMap]| Some(maps.iter().map(|map| map.tensor_index as i32).collect());
    let mut version = format!("{}.{}.0", since.0, since.1).into_bytes();
    version.resize(VERSION_BYTES, 0);
    let version = tables.buffer(&version.into());
    let metadata = schema::Metadata {
        name: Some("min_runtime_version".to_owned()),
        buffer: version,
    };
    let subgraph = schema::SubGraph {
        tensors: Some(tables.tensors),
        inputs: indices(&inputs),
        outputs: indices(&outputs),
        operators: Some(operators),
        name: Some("main".to_owned()),
        ..schema::SubGraph::default()
    };
    let signature = schema::SignatureDef {
        inputs: Some(inputs),
        outputs: Some(outputs),
        signature_key: Some(SIGNATURE.to_owned()),
        subgraph_index: 0,
    };
    Ok(schema::Model {
        version: SCHEMA,
        operator_codes: Some(codes.into_iter().map(listed).collect()),
        subgraphs: Some(vec![subgraph]),
        description: Some(format!("converted from ONNX by mlbuild {}", crate::VERSION)),
        buffers: Some(tables.buffers),
        metadata: Some(vec![metadata]),
        signature_defs: Some(vec![signature]),
        ..schema::Model::default()
    })
}

/// A node's form in the format, and the name of what it makes.
fn formed<'g>(graph: &'g Graph, node: &Node) -> Result<(Stored, &'g str), String> {
    let first = node.inputs.first().map(|id| graph.tensor(*id));
    let first = first.ok_or("an operator reads nothing")?;
    let output = node.outputs.first().map(|id| graph.tensor(*id));
    let output = output.ok_or("an operator makes nothing")?;
    let depth = node.inputs.get(1).and_then(|id| graph.shape(*id).last());
    let site = Site {
        count: node.inputs.len(),
        rank: first.rank(),
        kind: first.kind,
        grouped: matches!(node.op, Op::Conv { .. }) && depth != first.shape.last(),
        made: &output.shape,
    };
    let form = stored(&node.op, &site).ok_or_else(|| format!("the format has no {}", node.op.name()))?;
    Ok((form, &output.name))
}

fn listed((builtin_code, version): (BuiltinOperator, i32)) -> schema::OperatorCode {
    let most = BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES.0;
    schema::OperatorCode {
        // Readers of the first days know one byte of the code.
        deprecated_builtin_code: builtin_code.0.min(most) as i8,
        version,
        builtin_code,
        ..schema::OperatorCode::default()
    }
}

impl Tables {
    /// Gives every tensor of the graph its place and a name of its own; inputs and outputs keep theirs.
    fn place_all(&mut self, graph: &Graph) {
        let inputs = graph.inputs.iter().map(|id| (*id, graph.tensor(*id).name.as_str()));
        let outputs = graph.outputs.iter().map(|(name, id)| (*id, name.as_str()));
        let known: HashMap<TensorId, &str> = outputs.chain(inputs).collect();
        self.names = known.values().map(|name| (*name).to_owned()).collect();
        let nodes = graph.nodes.iter();
        let ids = nodes.flat_map(|node| node.inputs.iter().chain(&node.outputs));
        for id in graph.inputs.iter().chain(ids) {
            if self.places.contains_key(id) {
                continue;
            }
            let tensor = graph.tensor(*id);
            let name = match known.get(id) {
                Some(name) => (*name).to_owned(),
                None => self.fresh(&tensor.name),
            };
            let place = self.tensor(tensor, name);
            self.places.insert(*id, place);
        }
    }

    fn at(&self, id: TensorId) -> u32 {
        self.places.get(&id).copied().unwrap_or(0)
    }

    fn mapped(&self, name: &str, id: TensorId) -> schema::TensorMap {
        schema::TensorMap {
            name: Some(name.to_owned()),
            tensor_index: self.at(id),
        }
    }

    /// The places of what an operator reads; constants out of its options are added.
    fn inputs(&mut self, node: &Node, extras: &[Extra], maker: &str) -> Result<Vec<i32>, String> {
        let mut inputs = Vec::with_capacity(extras.len());
        for extra in extras {
            let place = match extra {
                Extra::Input(index) => self.at(*node.inputs.get(*index).ok_or("an operator lacks an input")?),
                Extra::List(values) => self.extra(Kind::I32, &[values.len()], pack_ints(values), maker),
                Extra::Number(value) => self.extra(Kind::I32, &[], pack_ints(&[*value]), maker),
                Extra::Pairs(values) => self.extra(Kind::I32, &[values.len() / 2, 2], pack_ints(values), maker),
                Extra::Float(value) => self.extra(Kind::F32, &[], pack_floats(&[*value]), maker),
            };
            inputs.push(place as i32);
        }
        Ok(inputs)
    }

    fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            name = format!("{wanted};{number}");
            number += 1;
        }
        name
    }

    /// The place of a buffer with these bytes.
    fn buffer(&mut self, data: &Bytes) -> u32 {
        if let Some(place) = self.stored.get(data) {
            return *place;
        }
        let place = self.buffers.len() as u32;
        self.buffers.push(schema::Buffer {
            data: Some(data.clone()),
            ..schema::Buffer::default()
        });
        self.stored.insert(data.clone(), place);
        place
    }

    fn tensor(&mut self, tensor: &Tensor, name: String) -> u32 {
        let buffer = tensor.data.as_ref().map_or(0, |data| self.buffer(data));
        self.tensors.push(schema::Tensor {
            shape: Some(ints(&tensor.shape)),
            r#type: tensor_type(tensor.kind),
            buffer,
            name: Some(name),
            has_rank: true,
            ..schema::Tensor::default()
        });
        self.tensors.len() as u32 - 1
    }

    /// A constant out of an operator's options; one tensor for equal ones.
    fn extra(&mut self, kind: Kind, shape: &[usize], data: Bytes, maker: &str) -> u32 {
        let key = (kind, shape.to_vec(), data);
        if let Some(place) = self.extras.get(&key) {
            return *place;
        }
        let name = self.fresh(&format!("{maker}/option"));
        let tensor = Tensor {
            name: String::new(),
            kind,
            shape: shape.to_vec(),
            data: Some(key.2.clone()),
        };
        let place = self.tensor(&tensor, name);
        self.extras.insert(key, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::super::op::Unary;
    use super::*;

    #[test]
    fn equal_constants_are_stored_once_and_names_are_unique() {
        let mut graph = Graph::default();
        let tensor = |name: &str, data: Option<Bytes>| Tensor {
            name: name.to_owned(),
            kind: Kind::F32,
            shape: vec![2],
            data,
        };
        let x = graph.add(tensor("x", None)).unwrap();
        graph.inputs.push(x);
        let data = || Some(pack_floats(&[1.0, 2.0]));
        let one = graph.add(tensor("y", data())).unwrap();
        let other = graph.add(tensor("y", data())).unwrap();
        let larger = graph
            .push(Op::Binary(super::super::op::Binary::Maximum), &[x, one], "a")
            .unwrap()[0];
        let smaller = graph
            .push(Op::Binary(super::super::op::Binary::Minimum), &[larger, other], "a")
            .unwrap()[0];
        let last = graph.push(Op::Unary(Unary::Abs), &[smaller], "b").unwrap()[0];
        graph.outputs.push(("y".to_owned(), last));
        let model = write(&graph).unwrap();
        let [subgraph] = model.subgraphs() else {
            panic!("one graph")
        };
        let names: Vec<&str> = subgraph.tensors().iter().map(schema::Tensor::name).collect();
        assert_eq!(names, ["x", "y;1", "a", "y;2", "a;1", "y"]);
        let buffers: Vec<u32> = subgraph.tensors().iter().map(|tensor| tensor.buffer).collect();
        assert_eq!(buffers, [0, 1, 0, 1, 0, 0]);
        let [signature] = model.signature_defs() else {
            panic!("one signature")
        };
        assert_eq!(signature.signature_key(), "serving_default");
        assert_eq!(
            (signature.inputs()[0].name(), signature.inputs()[0].tensor_index),
            ("x", 0)
        );
        assert_eq!(
            (signature.outputs()[0].name(), signature.outputs()[0].tensor_index),
            ("y", 5)
        );
        assert_eq!(&model.buffers()[2].data()[..7], b"1.14.0\0");
    }

    #[test]
    fn what_the_format_lacks_is_said() {
        let mut graph = Graph::default();
        let x = graph
            .add(Tensor {
                name: "x".to_owned(),
                kind: Kind::F32,
                shape: vec![2],
                data: None,
            })
            .unwrap();
        graph.inputs.push(x);
        let y = graph.push(Op::Erf, &[x], "y").unwrap()[0];
        graph.outputs.push(("y".to_owned(), y));
        assert_eq!(write(&graph).unwrap_err(), "the format has no ERF");
    }
}
