//! `palettize-<bits>`: weight clustering. Each weight holds at most 2^bits different values, chosen by k-means, and is stored as one byte
//! an element that says which.
//!
//! A weight `w` becomes `w_indices` (8 bits an element), `w_palette` (its values), and `Gather(w_palette, Cast(w_indices))`, which is still
//! called `w`. ONNX Runtime computes that once, when it loads the model: with 8 bits mobilenetv2_like takes 0.26 of the size on disk,
//! the same time to run, and about 0.1 s and 8 MB more to load. Without its optimizations (`ORT_DISABLE_ALL`) the weights are looked up
//! anew in every run, which takes twice the time. There are no indices of fewer bits in the file, but a compressed download has them.
//!
//! Palettized are the weights of convolutions, matrix products, recurrent layers and embeddings with 256 elements or more, in 32-bit and
//! 16-bit floats, at any depth. What callers may replace (initializers that are listed among the inputs), and what would not get
//! smaller, keeps its floats, with the values of its palette. Passes that need constant weights belong before this one.

mod cluster;

use std::collections::HashMap;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;

use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::edit;
use super::edit::Names;
use super::weights;
use super::weights::Constant;
use super::weights::Use;
use super::weights::Weights;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::model::onnx::visit;
use crate::model::onnx::visit::Role;

/// Smaller weights are left alone.
const MIN_ELEMENTS: usize = 256;

/// Before this opset, `Cast` named its type by text.
const OLDEST_OPSET: i64 = 7;

/// What two nodes and two names take in a file, roughly.
const OVERHEAD: usize = 256;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "palettize",
    usage: "palettize-<bits>",
    about: "weights out of a palette of 2^bits values each, stored as indices",
    parse: |settings| {
        let bits = settings.parse().ok().filter(|bits| (1..=8).contains(bits));
        match bits {
            Some(bits) if settings.len() == 1 => Ok(Arc::new(Palettize { bits })),
            _ => Err(format!("`{settings}` is no number of bits from 1 to 8")),
        }
    },
};

/// The pass and its setting.
#[derive(Debug)]
struct Palettize {
    bits: u32,
}

impl Pass for Palettize {
    fn name(&self) -> String {
        format!("{}-{}", TRANSFORM.name, self.bits)
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let opset = edit::opset(model);
        if opset < OLDEST_OPSET {
            return Err(VariantError::OldOpset {
                transform: TRANSFORM.name,
                opset,
                oldest: OLDEST_OPSET,
            });
        }
        let mut palettized = self.palettize(model, account)?;
        let in_place: Result<(), Infallible> = visit::tensors_mut(model, &mut |tensor, _| {
            if let Some(Form::Floats(data_type, bytes)) = palettized.get(&weights::address(tensor)) {
                set_raw_data(tensor, *data_type, bytes.clone());
            }
            Ok(())
        });
        let Ok(()) = in_place;
        let mut names = Names::of(model);
        for function in &mut model.functions {
            replace_constants(&mut function.node, &mut palettized, &mut names);
        }
        let replaced: Result<(), Infallible> = visit::graphs_mut(model, &mut |graph, _| {
            replace_constants(&mut graph.node, &mut palettized, &mut names);
            let mut lookups = Vec::new();
            let found: Vec<Option<Form>> = graph
                .initializer
                .iter()
                .map(|tensor| take(&mut palettized, tensor))
                .collect();
            for (tensor, form) in std::mem::take(&mut graph.initializer).into_iter().zip(found) {
                let Some(Form::Indices(indices, palette)) = form else {
                    graph.initializer.push(tensor);
                    continue;
                };
                let parts = Parts::of(tensor.name(), &tensor, indices, palette, &mut names);
                graph.initializer.extend([parts.indices, parts.palette]);
                lookups.extend(parts.nodes);
            }
            graph.node.splice(0..0, lookups);
            Ok(())
        });
        let Ok(()) = replaced;
        Ok(())
    }
}

/// What becomes of a weight.
#[derive(Debug)]
enum Form {
    /// Its elements, of that type.
    Floats(DataType, Bytes),
    /// A byte an element, and the palette's packed values.
    Indices(Vec<u8>, Vec<u8>),
}

impl Palettize {
    fn palettize(&self, model: &ModelProto, account: &mut Account) -> Result<HashMap<usize, Form>, VariantError> {
        let all = Weights::of(model);
        for node in &all.computed {
            account.leave(node, "its weights are no constants");
        }
        let inputs: HashSet<&str> = visit::scopes(model)
            .iter()
            .filter_map(visit::Scope::graph)
            .flat_map(|graph| graph.input.iter().map(|input| input.name()))
            .collect();
        let mut palettized = HashMap::new();
        let mut totals = Totals::default();
        for constant in &all.constants {
            if !constant.uses.iter().any(|(way, _)| *way != Use::Other) {
                continue;
            }
            if let Some(reason) = left(constant) {
                for node in constant.users() {
                    account.leave(node, reason);
                }
                continue;
            }
            let tensor = constant.site.tensor;
            let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
                name: tensor.name().to_owned(),
                source,
            })?;
            let values = view.to_f32().unwrap_or_default();
            if !values.iter().all(|value| value.is_finite()) {
                for node in constant.users() {
                    account.leave(node, "its weights are not all finite");
                }
                continue;
            }
            let data_type = DataType::try_from(view.data_type).unwrap_or(DataType::Undefined);
            let is_input = constant.site.role == Role::Initializer && inputs.contains(tensor.name());
            let form = self.form(&values, data_type, is_input);
            totals.add(&form, view.bytes.len(), values.len());
            palettized.insert(constant.address(), form);
        }
        account.changed += palettized.len();
        totals.describe(self.bits, account);
        Ok(palettized)
    }

    fn form(&self, values: &[f32], data_type: DataType, is_input: bool) -> Form {
        let rounded: Vec<f32> = cluster::centres(&mut values.to_vec(), 1 << self.bits)
            .into_iter()
            .map(|centre| stored(centre, data_type).1)
            .collect();
        let mut palette = rounded;
        palette.dedup();
        let indices = cluster::nearest(values, &palette);
        let entries: Vec<Vec<u8>> = palette.iter().map(|centre| stored(*centre, data_type).0).collect();
        let width = entries.first().map_or(0, Vec::len);
        if !is_input && values.len() + width * entries.len() + OVERHEAD < width * values.len() {
            return Form::Indices(indices, entries.concat());
        }
        let entry = |index: &u8| entries.get(usize::from(*index)).map(Vec::as_slice).unwrap_or_default();
        let bytes: Vec<u8> = indices.iter().flat_map(entry).copied().collect();
        Form::Floats(data_type, bytes.into())
    }
}

/// A value's bytes in that type, and the value that they stand for.
fn stored(value: f32, data_type: DataType) -> (Vec<u8>, f32) {
    match data_type {
        DataType::Float16 => {
            let half = half::f16::from_f32(value);
            (half.to_le_bytes().to_vec(), half.to_f32())
        }
        DataType::Bfloat16 => {
            let half = half::bf16::from_f32(value);
            (half.to_le_bytes().to_vec(), half.to_f32())
        }
        _ => (value.to_le_bytes().to_vec(), value),
    }
}

/// Why a constant that a layer uses is left as it is.
fn left(constant: &Constant<'_>) -> Option<&'static str> {
    if let Some(reason) = constant.unreadable() {
        let is_weight = constant.uses.iter().any(|(way, _)| *way == Use::Weight);
        // Lists of integers are looked up too, in computing shapes; they are no embeddings.
        return Some(reason).filter(|_| is_weight);
    }
    if constant.site.tensor.dims.len() < 2 {
        return Some("its weights are a single row");
    }
    (constant.elements() < MIN_ELEMENTS).then_some("it has fewer than 256 weights")
}

/// What was done, in bytes.
#[derive(Debug, Default)]
struct Totals {
    tensors: usize,
    weights: usize,
    in_floats: usize,
    before: usize,
    after: usize,
}

impl Totals {
    fn add(&mut self, form: &Form, bytes: usize, elements: usize) {
        self.tensors += 1;
        self.weights += elements;
        self.before += bytes;
        match form {
            Form::Floats(_, bytes) => {
                self.in_floats += 1;
                self.after += bytes.len();
            }
            Form::Indices(indices, palette) => self.after += indices.len() + palette.len(),
        }
    }

    fn describe(&self, bits: u32, account: &mut Account) {
        if self.tensors == 0 {
            return;
        }
        let megabytes = |bytes: usize| bytes as f64 / 1e6;
        account.note(format!(
            "palettize: {} weights of {} tensors have at most {} values each; stored as 8-bit indices they take {:.2} MB instead of \
             {:.2} MB, and about {:.2} MB in a compressed download ({bits} bits each); the engine makes floats of them when it loads the \
             model, so that latency and memory stay as they were",
            self.weights,
            self.tensors,
            1_u32 << bits,
            megabytes(self.after),
            megabytes(self.before),
            megabytes(self.weights) * f64::from(bits) / 8.0,
        ));
        if self.in_floats > 0 {
            account.note(format!(
                "palettize: {} of these tensors are stored as floats still, since they are listed among the inputs or would not get \
                 smaller",
                self.in_floats
            ));
        }
    }
}

/// A palettized tensor, ready to be put into a graph.
struct Parts {
    indices: TensorProto,
    palette: TensorProto,
    nodes: [NodeProto; 2],
}

impl Parts {
    /// Of a tensor whose value is called `name`.
    fn of(name: &str, tensor: &TensorProto, indices: Vec<u8>, palette: Vec<u8>, names: &mut Names) -> Self {
        let [index, entries, wide] = ["indices", "palette", "wide"].map(|part| names.fresh(&format!("{name}_{part}")));
        let data_type = DataType::try_from(tensor.data_type()).unwrap_or(DataType::Undefined);
        let width = if data_type == DataType::Float { 4 } else { 2 };
        let length = (palette.len() / width) as i64;
        let mut cast = edit::node("Cast", &[&index], &[&wide]);
        cast.attribute.push(edit::int_attribute("to", DataType::Int32 as i64));
        let mut gather = edit::node("Gather", &[&entries, &wide], &[name]);
        gather.attribute.push(edit::int_attribute("axis", 0));
        let mut kept = edit::tensor(&index, &tensor.dims, DataType::Uint8, indices);
        kept.doc_string.clone_from(&tensor.doc_string);
        kept.metadata_props.clone_from(&tensor.metadata_props);
        Self {
            indices: kept,
            palette: edit::tensor(&entries, &[length], data_type, palette),
            nodes: [cast, gather],
        }
    }
}

fn take(palettized: &mut HashMap<usize, Form>, tensor: &TensorProto) -> Option<Form> {
    palettized.remove(&weights::address(tensor))
}

/// Puts lookups in the place of constants that are kept as indices.
fn replace_constants(nodes: &mut Vec<NodeProto>, palettized: &mut HashMap<usize, Form>, names: &mut Names) {
    let found: Vec<Option<Form>> = nodes
        .iter()
        .map(|node| {
            let mut tensors = node.attribute.iter().filter_map(|attribute| attribute.t.as_ref());
            let is_kept = node.op_type() == "Constant";
            tensors.find_map(|tensor| take(palettized, tensor).filter(|_| is_kept))
        })
        .collect();
    if found.iter().all(Option::is_none) {
        return;
    }
    let before = std::mem::take(nodes);
    for (node, form) in before.into_iter().zip(found) {
        let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
        let (Some(Form::Indices(indices, palette)), Some(tensor), Some(name)) = (form, tensor, node.output.first())
        else {
            nodes.push(node);
            continue;
        };
        let parts = Parts::of(name, tensor, indices, palette, names);
        for tensor in [parts.indices, parts.palette] {
            let mut constant = edit::node("Constant", &[], &[tensor.name()]);
            constant.attribute.push(edit::tensor_attribute("value", tensor));
            nodes.push(constant);
        }
        nodes.extend(parts.nodes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::ValueInfoProto;
    use crate::variant::Recipe;
    use crate::variant::testing::apply;
    use crate::variant::testing::of;

    fn weight(name: &str, dims: &[i64]) -> TensorProto {
        let count: i64 = dims.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|at| ((at * 7919) % 1009) as f32 / 1009.0 - 0.5)
            .collect();
        edit::floats(name, dims, &values)
    }

    fn operators(model: &ModelProto) -> Vec<&str> {
        model
            .graph
            .as_ref()
            .unwrap()
            .node
            .iter()
            .map(|node| node.op_type())
            .collect()
    }

    #[test]
    fn takes_one_to_eight_bits() {
        assert_eq!(Recipe::parse("palettize-4").unwrap().name(), "palettize-4");
        for text in [
            "palettize",
            "palettize-0",
            "palettize-9",
            "palettize-4.0",
            "palettize-+4",
            "palettize-04",
            "palettize--1",
        ] {
            assert!(Recipe::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_weight_becomes_indices_and_a_palette() {
        let mut model = of(
            vec![edit::node("MatMul", &["x", "w"], &["y"])],
            vec![weight("w", &[40, 40])],
        );
        let account = apply("palettize-3", &mut model);
        assert_eq!(operators(&model), ["Cast", "Gather", "MatMul"]);
        let graph = model.graph.unwrap();
        assert_eq!(
            (graph.initializer[0].name(), graph.initializer[0].dims.as_slice()),
            ("w_indices", &[40, 40][..])
        );
        assert_eq!(graph.initializer[0].raw_data().len(), 1600);
        assert_eq!(graph.initializer[1].dims, [8]);
        assert!(graph.initializer[0].raw_data().iter().all(|index| *index < 8));
        assert_eq!(account.changed, 1);
        assert!(
            account.notes[0].contains("1600 weights of 1 tensors have at most 8 values"),
            "{:?}",
            account.notes
        );
    }

    #[test]
    fn constants_are_replaced_where_they_stand() {
        let mut constant = edit::node("Constant", &[], &["w"]);
        constant
            .attribute
            .push(edit::tensor_attribute("value", weight("", &[40, 40])));
        let nodes = vec![
            edit::node("Relu", &["x"], &["r"]),
            constant,
            edit::node("MatMul", &["r", "w"], &["y"]),
        ];
        let mut model = of(nodes, vec![]);
        apply("palettize-2", &mut model);
        assert_eq!(
            operators(&model),
            ["Relu", "Constant", "Constant", "Cast", "Gather", "MatMul"]
        );
    }

    #[test]
    fn what_callers_may_replace_stays_floats() {
        let mut model = of(
            vec![edit::node("MatMul", &["x", "w"], &["y"])],
            vec![weight("w", &[40, 40])],
        );
        model.graph.as_mut().unwrap().input.push(ValueInfoProto {
            name: Some("w".to_owned()),
            ..ValueInfoProto::default()
        });
        let account = apply("palettize-2", &mut model);
        assert_eq!(operators(&model), ["MatMul"]);
        let tensor = &model.graph.as_ref().unwrap().initializer[0];
        let values = TensorView::of(tensor, &[]).unwrap().to_f32().unwrap();
        let distinct: HashSet<u32> = values.iter().map(|value| value.to_bits()).collect();
        assert_eq!((distinct.len(), account.notes.len()), (4, 2));
    }

    #[test]
    fn sixteen_bit_floats_have_sixteen_bit_palettes() {
        let mut tensor = weight("w", &[40, 40]);
        let values = TensorView::of(&tensor, &[]).unwrap().to_f32().unwrap();
        let halves: Vec<u8> = values
            .iter()
            .flat_map(|value| half::bf16::from_f32(*value).to_le_bytes())
            .collect();
        set_raw_data(&mut tensor, DataType::Bfloat16, halves.into());
        let mut model = of(vec![edit::node("MatMul", &["x", "w"], &["y"])], vec![tensor]);
        apply("palettize-4", &mut model);
        let graph = model.graph.unwrap();
        assert_eq!(
            (graph.initializer[1].data_type(), graph.initializer[1].raw_data().len()),
            (DataType::Bfloat16 as i32, 32)
        );
    }

    #[test]
    fn what_is_small_or_not_finite_is_left() {
        let mut model = of(
            vec![edit::node("MatMul", &["x", "w"], &["y"])],
            vec![weight("w", &[15, 17])],
        );
        let account = apply("palettize-4", &mut model);
        assert_eq!(
            (account.changed, account.left[0].reason.as_str()),
            (0, "it has fewer than 256 weights")
        );
        let mut values = vec![0.5; 400];
        values[7] = f32::NAN;
        let mut model = of(
            vec![edit::node("MatMul", &["x", "w"], &["y"])],
            vec![edit::floats("w", &[20, 20], &values)],
        );
        let account = apply("palettize-4", &mut model);
        assert_eq!(
            (account.changed, account.left[0].reason.as_str()),
            (0, "its weights are not all finite")
        );
    }
}
