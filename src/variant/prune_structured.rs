//! `prune-structured-<ratio>[-all]`: removes whole channels, so that the model becomes smaller and faster on any engine.
//!
//! Channels are followed through the main graph from the layers that make them (`Conv`, `ConvTranspose`, `Gemm`, `MatMul` with constant
//! weights) through norms, activations, pooling, `Flatten`, `Concat`, depthwise convolutions and the like to the layers that read them.
//! Layers whose outputs are added or multiplied make their channels together. Of each such set, the channels with the least mean magnitude of
//! weights go, in the layers that make them times in those that read them: the ratio of them, rounded down, fewer where the rest would
//! be no multiple of 8 (from 32 channels on) or of 4 (from 8 on): engines compute that many at a time, and with other numbers are slower
//! than before.
//!
//! Channels that several layers are added up in, the trunks of residual networks, stay without `-all`: on small trained networks a
//! quarter of them costs half of the right answers, a quarter of the others some percent.
//!
//! A set stays whole where anything reads it that is not followed: outputs of the model, bodies, functions, `Reshape` of other forms,
//! `Softmax`, products of two computed matrices (attention), normalization over the channels, grouped convolutions; the reason names the node.

mod choose;
mod cut;
mod elementwise;
mod layers;
mod layout;
mod moves;
mod walk;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use self::layout::Part;
use self::walk::Walk;
use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::edit;
use super::edit::Names;
use super::share::Share;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_shape_proto::dimension::Value;
use crate::model::onnx::proto::type_proto;

/// Before this version of the format, every initializer had to be listed as an input.
const OPTIONAL_LISTING: i64 = 4;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "prune-structured",
    usage: "prune-structured-<ratio>[-all]",
    about: "the least important channels are removed",
    parse: |settings| {
        let (ratio, all) = match settings.strip_suffix("-all") {
            Some(ratio) => (ratio, true),
            None => (settings, false),
        };
        let ratio = Share::parse(ratio, "ratio")?;
        Ok(Arc::new(PruneStructured { ratio, all }))
    },
};

/// The pass and its settings.
#[derive(Debug)]
struct PruneStructured {
    ratio: Share,
    /// Whether channels that several layers are added up in go too.
    all: bool,
}

impl Pass for PruneStructured {
    fn name(&self) -> String {
        let all = if self.all { "-all" } else { "" };
        format!("{}-{}{all}", TRANSFORM.name, self.ratio)
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let Some(graph) = &model.graph else { return Ok(()) };
        let changes = self.changes(graph, account)?;
        if changes.tensors.is_empty() {
            return Ok(());
        }
        if !model.training_info.is_empty() {
            model.training_info.clear();
            account.note("prune-structured: the graphs for training were left out");
        }
        let mut names = Names::of(model);
        let listed = model.ir_version() < OPTIONAL_LISTING;
        if let Some(graph) = &mut model.graph {
            changes.make(graph, &mut names, listed);
        }
        Ok(())
    }
}

impl PruneStructured {
    /// What changes in the graph.
    fn changes(&self, graph: &GraphProto, account: &mut Account) -> Result<Changes, VariantError> {
        let walk = Walk::of(graph)?;
        let kept = choose::choose(&walk, self.ratio, self.all)?;
        let mut changes = Changes::default();
        for ((index, place), cuts) in &walk.cuts {
            let cuts: Vec<(usize, Vec<usize>)> = cuts
                .iter()
                .filter(|cut| is_cut(&walk, &kept, &cut.parts))
                .map(|cut| (cut.axis, indices(&walk, &kept, &cut.parts)))
                .collect();
            let node = graph.node.get(*index);
            if let (Some(constant), false) = (node.and_then(|node| walk.constant(node, *place)), cuts.is_empty()) {
                let tensor = cut::cut(constant.tensor, &cuts).map_err(|source| VariantError::Tensor {
                    name: constant.tensor.name().to_owned(),
                    source,
                })?;
                let size = |tensor: &TensorProto| tensor.dims.iter().product::<i64>();
                if constant.alone {
                    changes.fewer += size(constant.tensor) - size(&tensor);
                }
                changes.tensors.insert((*index, *place), (constant.alone, tensor));
            }
        }
        for (index, parts) in walk.grouped.iter().filter(|(_, parts)| is_cut(&walk, &kept, parts)) {
            changes.groups.insert(*index, indices(&walk, &kept, parts).len() as i64);
        }
        for (name, layout) in &walk.layouts {
            if is_cut(&walk, &kept, &layout.parts) {
                changes.stale.insert((*name).to_owned());
            }
        }
        self.account(&walk, &kept, &changes, account);
        Ok(changes)
    }

    fn account(&self, walk: &Walk<'_>, kept: &BTreeMap<usize, Vec<usize>>, changes: &Changes, account: &mut Account) {
        let mut left: Vec<(usize, String)> = walk.refused.clone();
        let (mut before, mut after) = (0, 0);
        for (index, set) in &walk.made {
            let size = walk.channels.size(*set);
            if let Some(kept) = kept.get(&walk.channels.root(*set)) {
                account.changed += 1;
                before += size;
                after += kept.len();
            } else if let Some(reason) = walk.channels.blocked(*set) {
                left.push((*index, reason.to_owned()));
            } else if walk.channels.is_sum(*set) && !self.all {
                let reason = "its channels are added to other layers' (a residual connection), which accuracy depends on; `-all` \
                              prunes these too";
                left.push((*index, reason.to_owned()));
            } else {
                left.push((
                    *index,
                    format!("{} of its {size} channels, in multiples of 4, are none", self.ratio),
                ));
            }
        }
        left.sort();
        for (index, reason) in left {
            if let Some(node) = walk.graph.node.get(index) {
                account.leave(node, reason);
            }
        }
        if account.changed > 0 {
            account.note(format!(
                "prune-structured: {} of {before} channels of {} layers were removed, and {} weights with them",
                before - after,
                account.changed,
                changes.fewer,
            ));
            account.note(
                "prune-structured: accuracy usually needs fine-tuning above 0.25, and often below; check it on labelled data",
            );
        }
    }
}

/// True where any of the channels go.
fn is_cut(walk: &Walk<'_>, kept: &BTreeMap<usize, Vec<usize>>, parts: &[Part]) -> bool {
    parts
        .iter()
        .any(|part| kept.contains_key(&walk.channels.root(part.set)))
}

/// The indices that stay along an axis with these channels.
fn indices(walk: &Walk<'_>, kept: &BTreeMap<usize, Vec<usize>>, parts: &[Part]) -> Vec<usize> {
    let mut indices = Vec::new();
    let mut begin = 0;
    for part in parts {
        let run = |channel: usize| {
            let first = begin + channel * part.repeat;
            first..first + part.repeat
        };
        match kept.get(&walk.channels.root(part.set)) {
            Some(kept) => indices.extend(kept.iter().copied().flat_map(run)),
            None => indices.extend((0..part.size).flat_map(run)),
        }
        begin += part.size * part.repeat;
    }
    indices
}

/// What changes in a graph.
#[derive(Debug, Default)]
struct Changes {
    /// Smaller constants, by node and place among its inputs; whether the old one is read by nothing else.
    tensors: BTreeMap<(usize, usize), (bool, TensorProto)>,
    /// The number of groups of depthwise convolutions.
    groups: BTreeMap<usize, i64>,
    /// Values with fewer channels than before.
    stale: HashSet<String>,
    /// How many weights fewer there are.
    fewer: i64,
}

impl Changes {
    /// Makes the changes. `listed` tells that initializers must be listed as inputs.
    fn make(self, graph: &mut GraphProto, names: &mut Names, listed: bool) {
        for (index, group) in self.groups {
            let attributes = graph
                .node
                .get_mut(index)
                .into_iter()
                .flat_map(|node| &mut node.attribute);
            for attribute in attributes.filter(|attribute| attribute.name() == "group") {
                attribute.i = Some(group);
            }
        }
        let mut replaced: HashMap<String, TensorProto> = HashMap::new();
        let mut added = Vec::new();
        let mut abandoned = BTreeSet::new();
        for ((index, place), (alone, mut tensor)) in self.tensors {
            let Some(input) = graph.node.get_mut(index).and_then(|node| node.input.get_mut(place)) else {
                continue;
            };
            if alone {
                replaced.insert(input.clone(), tensor);
            } else {
                abandoned.insert(input.clone());
                *input = names.fresh(input);
                tensor.name = Some(input.clone());
                added.push(tensor);
            }
        }
        for input in &mut graph.input {
            if let Some(tensor) = replaced.get(input.name()) {
                set_dims(input, &tensor.dims);
            }
        }
        for tensor in &mut graph.initializer {
            if let Some(smaller) = replaced.remove(tensor.name()) {
                *tensor = TensorProto {
                    name: tensor.name.take(),
                    ..smaller
                };
            }
        }
        for node in graph.node.iter_mut().filter(|node| node.op_type() == "Constant") {
            let smaller = node.output.first().and_then(|output| replaced.remove(output));
            let value = node.attribute.iter_mut().find(|attribute| attribute.name() == "value");
            if let (Some(smaller), Some(value)) = (smaller, value) {
                value.t = Some(smaller);
            }
        }
        graph.value_info.retain(|value| !self.stale.contains(value.name()));
        drop_unread(graph, &abandoned);
        if listed {
            let constants = added.into_iter().map(|tensor| {
                let mut constant = edit::node("Constant", &[], &[tensor.name()]);
                constant.attribute.push(edit::tensor_attribute("value", tensor));
                constant
            });
            graph.node.splice(0..0, constants.collect::<Vec<_>>());
        } else {
            graph.initializer.extend(added);
        }
    }
}

/// Drops those of the initializers that nothing reads any more.
fn drop_unread(graph: &mut GraphProto, abandoned: &BTreeSet<String>) {
    let read: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(edit::reads)
        .chain(graph.output.iter().map(|output| output.name()))
        .chain(graph.input.iter().map(|input| input.name()))
        .collect();
    let unread: HashSet<String> = abandoned
        .iter()
        .filter(|name| !read.contains(name.as_str()))
        .cloned()
        .collect();
    graph.initializer.retain(|tensor| !unread.contains(tensor.name()));
}

/// Declares these dimensions.
fn set_dims(value: &mut crate::model::onnx::proto::ValueInfoProto, dims: &[i64]) {
    let held = value.r#type.as_mut().and_then(|held| held.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = held
        && let Some(shape) = &mut tensor.shape
    {
        for (declared, dim) in shape.dim.iter_mut().zip(dims) {
            declared.value = Some(Value::DimValue(*dim));
        }
    }
}
