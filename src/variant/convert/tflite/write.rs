//! The finished graph as a TensorFlow Lite file: the same graph gives the same bytes.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;

use super::flat;
use super::flat::Flat;
use super::graph::Graph;
use super::graph::Kind;
use super::graph::Tensor;
use super::graph::TensorId;
use super::graph::pack_floats;
use super::graph::pack_ints;
use super::op::Op;
use super::options::Extra;
use super::options::stored;
use super::options::tensor_type;

/// The version of the format.
const SCHEMA: i32 = 3;

/// The length that the metadata entry has in other converters' files.
const VERSION_BYTES: usize = 16;

#[derive(Default)]
struct Writer {
    tensors: Vec<Flat>,
    buffers: Vec<Flat>,
    /// Constants by their bytes: equal ones are stored once.
    stored: HashMap<Bytes, usize>,
    /// Constants of options by type, shape and bytes.
    extras: HashMap<(Kind, Vec<usize>, Bytes), usize>,
    places: HashMap<TensorId, usize>,
    names: HashSet<String>,
}

/// The file; an error where it would be 2 GB or more. `inputs` are the names that callers know the inputs by.
pub(super) fn write(graph: &Graph) -> Result<Vec<u8>, String> {
    let mut writer = Writer {
        buffers: vec![Flat::Table(Vec::new())],
        ..Writer::default()
    };
    let outputs: HashMap<TensorId, &str> = graph.outputs.iter().map(|(name, id)| (*id, name.as_str())).collect();
    writer.names = outputs.values().map(|name| (*name).to_owned()).collect();
    let mut names: HashMap<TensorId, String> = outputs.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
    for id in &graph.inputs {
        let name = graph.tensor(*id).name.clone();
        writer.names.insert(name.clone());
        names.insert(*id, name);
    }
    let ids = graph.inputs.iter().chain(
        graph
            .nodes
            .iter()
            .flat_map(|node| node.inputs.iter().chain(&node.outputs)),
    );
    for id in ids {
        if !names.contains_key(id) {
            let name = writer.fresh(&graph.tensor(*id).name);
            names.insert(*id, name);
        }
        writer.place(*id, graph.tensor(*id), names.get(id).map_or("", String::as_str));
    }
    let mut codes: Vec<(i32, i32)> = Vec::new();
    let mut operators = Vec::with_capacity(graph.nodes.len());
    let mut since = (1, 14);
    for node in &graph.nodes {
        let first = node
            .inputs
            .first()
            .map(|id| graph.tensor(*id))
            .ok_or("an operator reads nothing")?;
        let output = node
            .outputs
            .first()
            .map(|id| graph.tensor(*id))
            .ok_or("an operator makes nothing")?;
        let depth = node.inputs.get(1).and_then(|id| graph.shape(*id).last());
        let grouped = matches!(node.op, Op::Conv { .. }) && depth != first.shape.last();
        let form = stored(&node.op, node.inputs.len(), first.rank(), first.kind, grouped);
        since = since.max(form.since);
        let code = codes
            .iter()
            .position(|known| *known == (form.code, form.version))
            .unwrap_or_else(|| {
                codes.push((form.code, form.version));
                codes.len() - 1
            });
        let mut inputs = Vec::with_capacity(form.inputs.len());
        for extra in &form.inputs {
            let extra = match (extra, &node.op) {
                (Extra::List(_), Op::TransposeConv { .. }) => {
                    Extra::List(output.shape.iter().map(|dim| *dim as i32).collect())
                }
                (extra, _) => extra.clone(),
            };
            inputs.push(match &extra {
                Extra::Input(index) => {
                    let id = node.inputs.get(*index).ok_or("an operator lacks an input")?;
                    writer.places.get(id).copied().ok_or("a tensor has no place")?
                }
                Extra::List(values) => writer.extra(Kind::I32, &[values.len()], pack_ints(values), &output.name),
                Extra::Number(value) => writer.extra(Kind::I32, &[], pack_ints(&[*value]), &output.name),
                Extra::Pairs(values) => {
                    writer.extra(Kind::I32, &[values.len() / 2, 2], pack_ints(values), &output.name)
                }
                Extra::Float(value) => writer.extra(Kind::F32, &[], pack_floats(&[*value]), &output.name),
            } as i32);
        }
        let made = node
            .outputs
            .iter()
            .map(|id| writer.places.get(id).copied().unwrap_or(0) as i32)
            .collect();
        let mut fields = vec![
            (0, Flat::Int(code as i32)),
            (1, Flat::Ints(inputs)),
            (2, Flat::Ints(made)),
        ];
        if let Some((kind, options)) = form.options {
            fields.extend([(3, Flat::Byte(kind)), (4, options)]);
        }
        operators.push(Flat::Table(fields));
    }
    let place = |id: &TensorId| writer.places.get(id).copied().unwrap_or(0) as i32;
    let inputs: Vec<(String, i32)> = graph
        .inputs
        .iter()
        .map(|id| (graph.tensor(*id).name.clone(), place(id)))
        .collect();
    let outputs: Vec<(String, i32)> = graph
        .outputs
        .iter()
        .map(|(name, id)| (name.clone(), place(id)))
        .collect();
    let Writer {
        tensors, mut buffers, ..
    } = writer;
    let mut version = format!("{}.{}.0", since.0, since.1).into_bytes();
    version.resize(VERSION_BYTES, 0);
    buffers.push(Flat::Table(vec![(0, Flat::Bytes(version.into()))]));
    let metadata = buffers.len() as i32 - 1;
    let subgraph = Flat::Table(vec![
        (0, Flat::Tables(tensors)),
        (1, Flat::Ints(inputs.iter().map(|(_, place)| *place).collect())),
        (2, Flat::Ints(outputs.iter().map(|(_, place)| *place).collect())),
        (3, Flat::Tables(operators)),
        (4, Flat::Text("main".to_owned())),
    ]);
    let signature = Flat::Table(vec![
        (0, mapped(inputs)),
        (1, mapped(outputs)),
        (2, Flat::Text("serving_default".to_owned())),
        (4, Flat::Int(0)),
    ]);
    let codes = codes.into_iter().map(|(code, version)| {
        // Readers of the first days know one byte of the code.
        Flat::Table(vec![
            (0, Flat::Byte(code.min(127) as u8)),
            (2, Flat::Int(version)),
            (3, Flat::Int(code)),
        ])
    });
    let root = Flat::Table(vec![
        (0, Flat::Int(SCHEMA)),
        (1, Flat::Tables(codes.collect())),
        (2, Flat::Tables(vec![subgraph])),
        (
            3,
            Flat::Text(format!("converted from ONNX by mlbuild {}", crate::VERSION)),
        ),
        (4, Flat::Tables(buffers)),
        (
            6,
            Flat::Tables(vec![Flat::Table(vec![
                (0, Flat::Text("min_runtime_version".to_owned())),
                (1, Flat::Int(metadata)),
            ])]),
        ),
        (7, Flat::Tables(vec![signature])),
    ]);
    flat::file(&root, *b"TFL3").ok_or_else(|| "it would be larger than 2 GB".to_owned())
}

fn mapped(names: Vec<(String, i32)>) -> Flat {
    let entry = |(name, place)| Flat::Table(vec![(0, Flat::Text(name)), (1, Flat::Int(place))]);
    Flat::Tables(names.into_iter().map(entry).collect())
}

impl Writer {
    fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            name = format!("{wanted};{number}");
            number += 1;
        }
        name
    }

    fn place(&mut self, id: TensorId, tensor: &Tensor, name: &str) {
        if !self.places.contains_key(&id) {
            let place = self.tensor(tensor.kind, &tensor.shape, tensor.data.as_ref(), name);
            self.places.insert(id, place);
        }
    }

    fn tensor(&mut self, kind: Kind, shape: &[usize], data: Option<&Bytes>, name: &str) -> usize {
        let buffer = data.map_or(0, |data| match self.stored.get(data) {
            Some(place) => *place,
            None => {
                self.buffers.push(Flat::Table(vec![(0, Flat::Bytes(data.clone()))]));
                self.stored.insert(data.clone(), self.buffers.len() - 1);
                self.buffers.len() - 1
            }
        });
        self.tensors.push(Flat::Table(vec![
            (0, Flat::Ints(shape.iter().map(|dim| *dim as i32).collect())),
            (1, Flat::Byte(tensor_type(kind))),
            (2, Flat::Int(buffer as i32)),
            (3, Flat::Text(name.to_owned())),
            (8, Flat::Bool(true)),
        ]));
        self.tensors.len() - 1
    }

    /// A constant out of an operator's options; one tensor for equal ones.
    fn extra(&mut self, kind: Kind, shape: &[usize], data: Bytes, maker: &str) -> usize {
        let key = (kind, shape.to_vec(), data);
        if let Some(place) = self.extras.get(&key) {
            return *place;
        }
        let name = self.fresh(&format!("{maker}/option"));
        let place = self.tensor(kind, shape, Some(&key.2), &name);
        self.extras.insert(key, place);
        place
    }
}
