//! Finds the activations that can be divided by factors of their channels, and the products that can be multiplied by them.

use std::collections::HashMap;

use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::variant::Account;
use crate::variant::VariantError;
use crate::variant::constants;
use crate::variant::constants::Constants;
use crate::variant::constants::weight;
use crate::variant::gemm::Gemm;

/// Products that read the same activation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// The activation.
    pub(super) input: String,
    /// The first output of the node that makes it.
    pub(super) producer: String,
    /// The nodes that take the division in, by first output, with the places of their constants; none where a node of its own divides.
    pub(super) folds: Vec<(String, Vec<usize>)>,
    /// The products.
    pub(super) readers: Vec<Reader>,
    /// The largest magnitude of the weights of each channel, over all products.
    pub(super) weights: Vec<f32>,
}

/// One product.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reader {
    /// Its first output.
    pub(super) output: String,
    /// The weight's axis that is summed over.
    pub(super) axis: usize,
}

/// What happens to a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Its constants at these places are divided.
    Fold(Vec<usize>),
    /// Behind it, the first tensor is divided and called like the second.
    Divide(String, String),
    /// It reads that activation, and its weight is multiplied.
    Read(String, Reader),
}

/// A node that makes a tensor of the main graph, and its constants of channels: place and number of elements.
struct Maker {
    op_type: String,
    inputs: Vec<String>,
    first_output: String,
    channels: Vec<(usize, usize)>,
}

/// The groups of a model, in the order of its nodes; `account` is told what is left.
pub(super) fn plan(model: &mut ModelProto, account: &mut Account) -> Result<Vec<Group>, VariantError> {
    let Some(graph) = &mut model.graph else {
        return Ok(Vec::new());
    };
    let mut readers = HashMap::new();
    count_readers(graph, &mut readers);
    let mut makers: HashMap<String, Maker> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    constants::rewrite(graph, &mut Constants::default(), &mut |node, constants, nodes| {
        if constants.here() == 0 {
            if is_product(&node) {
                match product(&node, constants, &makers, &readers, &mut groups)? {
                    Ok(()) => {}
                    Err(reason) => account.leave(&node, reason),
                }
            }
            for output in &node.output {
                makers.insert(output.clone(), maker(&node, constants));
            }
        } else if is_product(&node) {
            account.leave(&node, "it stands in a subgraph, whose activations are not observed");
        }
        nodes.push(node);
        Ok(())
    })?;
    for group in &mut groups {
        let read = readers.get(&group.input).copied().unwrap_or(0);
        // Someone reads it as it is.
        if read > group.readers.len() {
            group.folds.clear();
        }
    }
    Ok(groups)
}

fn is_product(node: &NodeProto) -> bool {
    matches!(node.domain(), "" | "ai.onnx") && matches!(node.op_type(), "MatMul" | "Gemm")
}

/// Adds a product to the group of its input, or says why it is left.
fn product(
    node: &NodeProto,
    constants: &Constants,
    makers: &HashMap<String, Maker>,
    readers: &HashMap<String, usize>,
    groups: &mut Vec<Group>,
) -> Result<Result<(), String>, VariantError> {
    let found = match weight(node, 1, constants) {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let gemm = (node.op_type() == "Gemm").then(|| Gemm::of(node));
    if gemm.is_some_and(|gemm| gemm.transpose_a) {
        return Ok(Err("it reads its input transposed".to_owned()));
    }
    let input = node.input.first().map_or("", String::as_str);
    let Some(maker) = makers
        .get(input)
        .filter(|maker| !maker.channels.is_empty() && maker.first_output == input)
    else {
        return Ok(Err(
            "what makes its input does not end in a constant for each channel".to_owned()
        ));
    };
    let mut floats = constants.floats(&found)?;
    if found.transposed {
        floats = floats.transposed();
    }
    let [rows, columns] = floats.shape[..] else {
        return Ok(Err("its weights are no matrix".to_owned()));
    };
    if !floats.finite() {
        return Ok(Err("its weights hold infinities or NaN".to_owned()));
    }
    let axis = usize::from(gemm.is_some_and(|gemm| gemm.transpose_b));
    let channels = if axis == 0 { rows } else { columns };
    let Some(folds) = folds(maker, makers, readers, channels) else {
        return Ok(Err(
            "what makes its input does not end in a constant for each channel".to_owned()
        ));
    };
    let group = match groups.iter_mut().find(|group| group.input == input) {
        Some(group) => group,
        None => {
            groups.push(Group {
                input: input.to_owned(),
                producer: maker.first_output.clone(),
                folds,
                readers: Vec::new(),
                weights: vec![0.0; channels],
            });
            let Some(group) = groups.last_mut() else {
                return Ok(Ok(()));
            };
            group
        }
    };
    if group.weights.len() != channels {
        return Ok(Err(format!(
            "its sum has {channels} terms, that of another product of the same input has not"
        )));
    }
    for (row, values) in floats.values.chunks(columns.max(1)).enumerate() {
        for (column, value) in values.iter().enumerate() {
            let channel = if axis == 0 { row } else { column };
            if let Some(largest) = group.weights.get_mut(channel) {
                *largest = largest.max(value.abs());
            }
        }
    }
    group.readers.push(Reader {
        output: node.output.first().cloned().unwrap_or_default(),
        axis,
    });
    Ok(Ok(()))
}

/// The nodes whose constants can be divided to divide what `maker` makes.
fn folds(
    maker: &Maker,
    makers: &HashMap<String, Maker>,
    readers: &HashMap<String, usize>,
    channels: usize,
) -> Option<Vec<(String, Vec<usize>)>> {
    // One number for all channels could be written out for each, but engines look for it: the half in GELU, for one.
    let fits = |maker: &Maker| maker.channels.iter().all(|(_, count)| *count == channels);
    let places = |maker: &Maker| -> Vec<usize> { maker.channels.iter().map(|(place, _)| *place).collect() };
    if !fits(maker) {
        return None;
    }
    let this = (maker.first_output.clone(), places(maker));
    if maker.op_type != "Add" {
        return Some(vec![this]);
    }
    // What is added to must be divided as well.
    let added = maker.channels.first()?.0;
    let other = maker.inputs.get(1 - added.min(1))?;
    let before = makers.get(other)?;
    let alone = readers.get(other) == Some(&1);
    (before.op_type == "Mul" && alone && !before.channels.is_empty() && fits(before))
        .then(|| vec![(before.first_output.clone(), places(before)), this])
}

fn maker(node: &NodeProto, constants: &Constants) -> Maker {
    let of_channels = |place: usize| -> Option<(usize, usize)> {
        let found = constants.find(node.input.get(place)?).ok()?;
        constants.check_floats(&found).ok()?;
        let shape = constants.shape(&found).filter(|_| !found.transposed)?;
        let (last, before) = shape.split_last().unwrap_or((&1, &[]));
        before.iter().all(|dim| *dim == 1).then_some((place, *last))
    };
    let standard = matches!(node.domain(), "" | "ai.onnx");
    let channels = match node.op_type() {
        "LayerNormalization" if standard => {
            let scale = of_channels(1);
            let bias = node.input.get(2).filter(|name| !name.is_empty());
            match (scale, bias.map(|_| of_channels(2))) {
                (Some(scale), None) => vec![scale],
                (Some(scale), Some(Some(bias))) => vec![scale, bias],
                _ => Vec::new(),
            }
        }
        "RMSNormalization" if standard => of_channels(1).into_iter().collect(),
        // Of two constants nothing would be left to observe.
        "Mul" | "Add" if standard => match (of_channels(0), of_channels(1)) {
            (Some(one), None) | (None, Some(one)) => vec![one],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    Maker {
        op_type: node.op_type().to_owned(),
        inputs: node.input.clone(),
        first_output: node.output.first().cloned().unwrap_or_default(),
        channels,
    }
}

/// How often each name is read, at any depth; outputs read too.
fn count_readers(graph: &GraphProto, readers: &mut HashMap<String, usize>) {
    let mut read = |name: &str| *readers.entry(name.to_owned()).or_default() += 1;
    graph.output.iter().for_each(|output| read(output.name()));
    graph
        .node
        .iter()
        .flat_map(|node| &node.input)
        .for_each(|name| read(name));
    for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
        for body in attribute.g.iter().chain(&attribute.graphs) {
            count_readers(body, readers);
        }
    }
}
