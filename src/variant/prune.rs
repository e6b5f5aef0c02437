//! `prune-<sparsity>[-tensor]`: magnitude pruning. The smallest weights become zero, that share of them exactly; ties are broken by
//! position.
//!
//! The threshold is one for all layers together, so that layers with large weights keep more of them, or with `-tensor` one for each
//! weight. Pruned are the weights of convolutions, matrix products and recurrent layers, in 32-bit and 16-bit floats, wherever they are
//! stored, also those of bodies and functions; a shared weight is pruned once.
//!
//! Left alone are what networks do not recover from: the first and last layers, depthwise convolutions, embeddings; and what is too small
//! to matter: biases, norms, tensors below 256 elements. The model's file stays as large and as fast as it was, since engines store and
//! multiply zeros like other numbers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;

use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::magnitude::MIN_ELEMENTS;
use super::magnitude::Magnitudes;
use super::magnitude::Pruning;
use super::magnitude::Width;
use super::weights;
use super::weights::Constant;
use super::weights::Use;
use super::weights::Weights;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::model::onnx::visit;
use crate::model::tflite::schema::Model as Tables;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "prune",
    usage: "prune-<sparsity>[-tensor]",
    about: "the smallest weights become zero",
    parse: |settings| Ok(Arc::new(Prune(Pruning::parse(settings)?))),
};

/// The pass and its settings.
#[derive(Debug)]
struct Prune(Pruning);

impl Pass for Prune {
    fn name(&self) -> String {
        format!("{}-{}", TRANSFORM.name, self.0)
    }

    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Onnx | Format::TfLite)
    }

    fn apply_tflite(&self, model: &mut Tables, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        super::tflite::prune(model, self.0, account)
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        let pruned = self.prune(model, account)?;
        let done: Result<(), Infallible> = visit::tensors_mut(model, &mut |tensor, _| {
            if let Some((data_type, bytes)) = pruned.get(&weights::address(tensor)) {
                set_raw_data(tensor, *data_type, bytes.clone());
            }
            Ok(())
        });
        let Ok(()) = done;
        Ok(())
    }
}

impl Prune {
    /// The new elements of the weights that change, by [`weights::address`].
    fn prune(
        &self,
        model: &ModelProto,
        account: &mut Account,
    ) -> Result<HashMap<usize, (DataType, Bytes)>, VariantError> {
        let all = Weights::of(model);
        for node in &all.computed {
            account.leave(node, "its weights are no constants");
        }
        let mut chosen = Vec::new();
        let mut magnitudes = Vec::new();
        let mut others = 0;
        for constant in &all.constants {
            match left(constant, &all) {
                Choice::Prune => {
                    let (data_type, elements) = elements(constant)?;
                    chosen.push((constant, data_type));
                    magnitudes.push(elements);
                }
                Choice::Leave(reason) => {
                    for node in constant.users() {
                        account.leave(node, reason);
                    }
                }
                Choice::None if constant.unreadable().is_none() => others += constant.elements(),
                Choice::None => {}
            }
        }
        let total: usize = magnitudes.iter().map(Magnitudes::len).sum();
        let mut pruned = HashMap::new();
        let mut zeros = 0;
        for ((constant, data_type), cutting) in chosen.iter().zip(self.0.cut(&magnitudes)) {
            zeros += cutting.zeros;
            if let Some(bytes) = cutting.bytes {
                pruned.insert(constant.address(), (*data_type, bytes));
            }
        }
        account.changed += pruned.len();
        if total > 0 {
            account.note(format!(
                "prune: {zeros} of {total} weights ({:.1} %) in {} tensors are zero; {others} other constants (biases, norms and \
                 the like) stay as they are",
                100.0 * zeros as f64 / total as f64,
                chosen.len(),
            ));
            account.note(
                "prune: zeros are stored and multiplied like other weights, so that neither the size on disk nor the latency \
                 changes, only the size of a compressed download",
            );
        }
        Ok(pruned)
    }
}

/// What happens to a constant.
enum Choice {
    Prune,
    Leave(&'static str),
    /// It is no layer's weight.
    None,
}

fn left(constant: &Constant<'_>, all: &Weights<'_>) -> Choice {
    let is_table = constant.uses.iter().any(|(way, _)| *way == Use::Table);
    let is_weight = constant.uses.iter().any(|(way, _)| *way == Use::Weight);
    // Lists of integers are looked up too, in computing shapes; they are no embeddings.
    let is_embedding = is_table && constant.unreadable().is_none() && constant.site.tensor.dims.len() > 1;
    if !(is_weight || is_embedding) {
        return Choice::None;
    }
    if let Some(reason) = constant.unreadable() {
        return Choice::Leave(reason);
    }
    if is_table {
        return Choice::Leave("its weights are an embedding, rows that are looked up");
    }
    if !constant.is_only(&[Use::Weight]) {
        return Choice::Leave("its weights are used for something else too");
    }
    if constant.site.tensor.dims.len() < 2 {
        return Choice::Leave("its weights are a single row");
    }
    if constant.elements() < MIN_ELEMENTS {
        return Choice::Leave("it has fewer than 256 weights");
    }
    if constant.is_depthwise() {
        return Choice::Leave("it is a depthwise convolution: it has few weights and needs them");
    }
    if constant.users().into_iter().any(|node| all.is_end(node)) {
        return Choice::Leave("it is a first or last layer, which accuracy depends on most");
    }
    Choice::Prune
}

/// The elements of a weight of floats.
fn elements(constant: &Constant<'_>) -> Result<(DataType, Magnitudes), VariantError> {
    let tensor = constant.site.tensor;
    let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
        name: tensor.name().to_owned(),
        source,
    })?;
    let data_type = DataType::try_from(view.data_type).unwrap_or(DataType::Undefined);
    let width = match data_type {
        DataType::Float => Width::Single,
        DataType::Bfloat16 => Width::Brain,
        _ => Width::Half,
    };
    let bytes = view.bytes;
    Ok((data_type, Magnitudes { width, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::ValueInfoProto;
    use crate::variant::Recipe;
    use crate::variant::edit;
    use crate::variant::testing::apply;
    use crate::variant::testing::of;

    fn weight(name: &str, dims: &[i64]) -> TensorProto {
        let count: i64 = dims.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|at| ((at * 7919) % 1009) as f32 / 1009.0 - 0.5)
            .collect();
        edit::floats(name, dims, &values)
    }

    fn zeros(model: &ModelProto, name: &str) -> usize {
        let graph = model.graph.as_ref().unwrap();
        let tensor = graph.initializer.iter().find(|tensor| tensor.name() == name).unwrap();
        let values = TensorView::of(tensor, &[]).unwrap().to_f32().unwrap();
        values.iter().filter(|value| **value == 0.0).count()
    }

    /// Four layers in a row, the weights `a` to `d`.
    fn four() -> ModelProto {
        let nodes = ["x", "1", "2", "3", "y"]
            .windows(2)
            .zip(["a", "b", "c", "d"])
            .map(|(ends, weight)| edit::node("MatMul", &[ends[0], weight], &[ends[1]]))
            .collect();
        of(nodes, ["a", "b", "c", "d"].map(|name| weight(name, &[20, 20])).to_vec())
    }

    #[test]
    fn has_one_name() {
        for (text, name) in [
            ("prune-0.5", "prune-0.50"),
            ("prune-0.50-tensor", "prune-0.50-tensor"),
            ("prune-0.125", "prune-0.125"),
        ] {
            assert_eq!(Recipe::parse(text).unwrap().name(), name);
        }
        for text in [
            "prune",
            "prune-",
            "prune-0",
            "prune-1.0",
            "prune-tensor",
            "prune-0.5-layer",
            "prune-0.5-tensor-tensor",
        ] {
            assert!(Recipe::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn first_and_last_layers_are_left() {
        let mut model = four();
        let account = apply("prune-0.25", &mut model);
        assert_eq!(
            ["a", "b", "c", "d"]
                .map(|name| zeros(&model, name))
                .map(|zeros| zeros > 50),
            [false, true, true, false]
        );
        assert_eq!((account.changed, account.left.len()), (2, 2));
        assert!(
            account
                .left
                .iter()
                .all(|left| left.reason.contains("first or last layer"))
        );
        assert!(
            account.notes[0].starts_with("prune: 200 of 800 weights (25.0 %) in 2 tensors"),
            "{}",
            account.notes[0]
        );
        let mut model = four();
        apply("prune-0.25-tensor", &mut model);
        assert_eq!((zeros(&model, "b"), zeros(&model, "c")), (100, 100));
    }

    #[test]
    fn what_is_no_weight_is_left() {
        let mut model = four();
        let graph = model.graph.as_mut().unwrap();
        graph.node[1].input[1] = "tiny".to_owned();
        graph.initializer[1] = weight("tiny", &[15, 17]);
        graph.node[2] = edit::node("Gather", &["c", "2"], &["3"]);
        let before = model.clone();
        let account = apply("prune-0.50", &mut model);
        assert_eq!((&model, account.changed), (&before, 0));
        let reasons: Vec<&str> = account.left.iter().map(|left| left.reason.as_str()).collect();
        assert!(reasons.contains(&"it has fewer than 256 weights"), "{reasons:?}");
        assert!(
            reasons.contains(&"its weights are an embedding, rows that are looked up"),
            "{reasons:?}"
        );
    }

    #[test]
    fn depthwise_convolutions_are_left() {
        let mut model = four();
        let graph = model.graph.as_mut().unwrap();
        let mut depthwise = edit::node("Conv", &["1", "b"], &["2"]);
        depthwise.attribute.push(edit::int_attribute("group", 64));
        graph.node[1] = depthwise;
        graph.initializer[1] = weight("b", &[64, 1, 3, 3]);
        let account = apply("prune-0.50", &mut model);
        assert_eq!(account.changed, 1);
        assert!(account.left.iter().any(|left| left.reason.contains("depthwise")));
    }

    #[test]
    fn a_shared_weight_is_pruned_once_and_one_that_is_returned_not_at_all() {
        let mut model = four();
        let graph = model.graph.as_mut().unwrap();
        graph.node[2].input[1] = "b".to_owned();
        let account = apply("prune-0.25", &mut model);
        assert_eq!((account.changed, zeros(&model, "b")), (1, 100));
        let mut model = four();
        let graph = model.graph.as_mut().unwrap();
        graph.output.push(ValueInfoProto {
            name: Some("b".to_owned()),
            ..ValueInfoProto::default()
        });
        let account = apply("prune-0.25", &mut model);
        assert!(
            account
                .left
                .iter()
                .any(|left| left.reason.contains("something else too"))
        );
        assert_eq!(account.changed, 1);
    }

    #[test]
    fn weights_are_found_behind_transpositions_and_in_constants() {
        let mut model = four();
        let graph = model.graph.as_mut().unwrap();
        let mut constant = edit::node("Constant", &[], &["stored"]);
        constant
            .attribute
            .push(edit::tensor_attribute("value", weight("", &[20, 20])));
        graph.node[1].input[1] = "turned".to_owned();
        graph.node.insert(0, edit::node("Transpose", &["stored"], &["turned"]));
        graph.node.insert(0, constant);
        graph.initializer.remove(1);
        let account = apply("prune-0.25", &mut model);
        assert_eq!(account.changed, 2);
        let tensor = model.graph.unwrap().node[0].attribute[0].t.clone().unwrap();
        let values = TensorView::of(&tensor, &[]).unwrap().to_f32().unwrap();
        assert!(values.iter().filter(|value| **value == 0.0).count() > 50);
    }

    #[test]
    fn sixteen_bit_floats_are_pruned_as_such() {
        let mut model = four();
        let tensor = &mut model.graph.as_mut().unwrap().initializer[1];
        let values = TensorView::of(tensor, &[]).unwrap().to_f32().unwrap();
        let halves: Vec<u8> = values
            .iter()
            .flat_map(|value| half::f16::from_f32(*value).to_le_bytes())
            .collect();
        set_raw_data(tensor, DataType::Float16, halves.into());
        apply("prune-0.25-tensor", &mut model);
        assert_eq!((zeros(&model, "b"), zeros(&model, "c")), (100, 100));
        assert_eq!(
            model.graph.unwrap().initializer[1].data_type(),
            DataType::Float16 as i32
        );
    }
}
