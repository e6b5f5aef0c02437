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
use super::share::Share;
use super::weights;
use super::weights::Constant;
use super::weights::Use;
use super::weights::Weights;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::model::onnx::visit;

/// Smaller weights are left alone.
const MIN_ELEMENTS: usize = 256;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "prune",
    usage: "prune-<sparsity>[-tensor]",
    about: "the smallest weights become zero",
    parse: |settings| {
        let (sparsity, scope) = match settings.strip_suffix("-tensor") {
            Some(sparsity) => (sparsity, Threshold::PerTensor),
            None => (settings, Threshold::Global),
        };
        let sparsity = Share::parse(sparsity, "sparsity")?;
        Ok(Arc::new(Prune { sparsity, scope }))
    },
};

/// What the share is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threshold {
    /// Of all weights that are pruned.
    Global,
    /// Of each weight.
    PerTensor,
}

/// The pass and its settings.
#[derive(Debug)]
struct Prune {
    sparsity: Share,
    scope: Threshold,
}

impl Pass for Prune {
    fn name(&self) -> String {
        let scope = match self.scope {
            Threshold::Global => "",
            Threshold::PerTensor => "-tensor",
        };
        format!("{}-{}{scope}", TRANSFORM.name, self.sparsity)
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
        let mut chosen: Vec<(&Constant<'_>, Magnitudes)> = Vec::new();
        let mut others = 0;
        for constant in &all.constants {
            match left(constant, &all) {
                Choice::Prune => chosen.push((constant, Magnitudes::of(constant)?)),
                Choice::Leave(reason) => {
                    for node in constant.users() {
                        account.leave(node, reason);
                    }
                }
                Choice::None if constant.unreadable().is_none() => others += constant.elements(),
                Choice::None => {}
            }
        }
        let total: usize = chosen.iter().map(|(_, weight)| weight.len()).sum();
        let mut pruned = HashMap::new();
        let mut zeros = 0;
        match self.scope {
            Threshold::Global => {
                let weights: Vec<&Magnitudes> = chosen.iter().map(|(_, weight)| weight).collect();
                let mut cut = Cut::of(&weights, self.sparsity.of(total));
                for (constant, weight) in &chosen {
                    zeros += weight.cut(&mut cut, constant, &mut pruned);
                }
            }
            Threshold::PerTensor => {
                for (constant, weight) in &chosen {
                    let mut cut = Cut::of(&[weight], self.sparsity.of(weight.len()));
                    zeros += weight.cut(&mut cut, constant, &mut pruned);
                }
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

/// The elements of a weight.
struct Magnitudes {
    data_type: DataType,
    bytes: Bytes,
}

impl Magnitudes {
    fn of(constant: &Constant<'_>) -> Result<Self, VariantError> {
        let tensor = constant.site.tensor;
        let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
            name: tensor.name().to_owned(),
            source,
        })?;
        Ok(Self {
            data_type: DataType::try_from(view.data_type).unwrap_or(DataType::Undefined),
            bytes: view.bytes,
        })
    }

    fn len(&self) -> usize {
        self.bytes.len() / self.width()
    }

    fn width(&self) -> usize {
        if self.data_type == DataType::Float { 4 } else { 2 }
    }

    /// Calls `see` with the magnitude of each element: the bits of a 32-bit float, which are ordered like the floats; NaN is greatest.
    fn each(&self, see: &mut dyn FnMut(u32)) {
        const MAGNITUDE: u32 = 0x7fff_ffff;
        match self.data_type {
            DataType::Float => {
                for bytes in self.bytes.as_chunks().0 {
                    see(u32::from_le_bytes(*bytes) & MAGNITUDE);
                }
            }
            DataType::Bfloat16 => {
                for bytes in self.bytes.as_chunks().0 {
                    see((u32::from(u16::from_le_bytes(*bytes)) << 16) & MAGNITUDE);
                }
            }
            _ => {
                for bytes in self.bytes.as_chunks().0 {
                    see(half::f16::from_le_bytes(*bytes).to_f32().to_bits() & MAGNITUDE);
                }
            }
        }
    }

    /// Puts the elements with everything below the cut at zero into `pruned`, where that changes any; gives the number of zeros.
    fn cut(&self, cut: &mut Cut, constant: &Constant<'_>, pruned: &mut HashMap<usize, (DataType, Bytes)>) -> usize {
        let width = self.width();
        let mut bytes: Option<Vec<u8>> = None;
        let mut zeros = 0;
        let mut at = 0;
        self.each(&mut |magnitude| {
            let goes = cut.takes(magnitude);
            zeros += usize::from(goes || magnitude == 0);
            if goes && magnitude > 0 {
                let bytes = bytes.get_or_insert_with(|| self.bytes.to_vec());
                if let Some(element) = bytes.get_mut(at..at + width) {
                    element.fill(0);
                }
            }
            at += width;
        });
        if let Some(bytes) = bytes {
            pruned.insert(constant.address(), (self.data_type, bytes.into()));
        }
        zeros
    }
}

/// Where the smallest elements end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// Everything below goes.
    magnitude: u32,
    /// As many of those that equal it go, the first ones.
    equal: usize,
}

impl Cut {
    /// Below it lie the `count` smallest elements of `weights`. Counts them by their upper and then by their lower bits, so that nothing
    /// need be sorted or kept.
    fn of(weights: &[&Magnitudes], count: usize) -> Self {
        const LOWER: u32 = 15;
        let mut upper = vec![0_usize; 1 << 16];
        for weight in weights {
            weight.each(&mut |magnitude| add(&mut upper, magnitude >> LOWER));
        }
        let (bucket, rest) = reach(&upper, count);
        let mut lower = vec![0_usize; 1 << LOWER];
        for weight in weights {
            weight.each(&mut |magnitude| {
                if magnitude >> LOWER == bucket {
                    add(&mut lower, magnitude & ((1 << LOWER) - 1));
                }
            });
        }
        let (remainder, equal) = reach(&lower, rest);
        Self {
            magnitude: (bucket << LOWER) | remainder,
            equal,
        }
    }

    fn takes(&mut self, magnitude: u32) -> bool {
        if magnitude == self.magnitude && self.equal > 0 {
            self.equal -= 1;
            return true;
        }
        magnitude < self.magnitude
    }
}

fn add(counts: &mut [usize], bucket: u32) {
    if let Some(count) = counts.get_mut(bucket as usize) {
        *count += 1;
    }
}

/// The bucket in which `count` elements are reached, and how many of that bucket it takes.
fn reach(counts: &[usize], count: usize) -> (u32, usize) {
    let mut rest = count;
    for (bucket, size) in (0..).zip(counts) {
        if rest <= *size {
            return (bucket, rest);
        }
        rest -= size;
    }
    (u32::MAX >> 16, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::ValueInfoProto;
    use crate::variant::Recipe;
    use crate::variant::edit;
    use crate::variant::testing::apply;
    use crate::variant::testing::of;

    fn magnitudes(values: &[f32]) -> Magnitudes {
        Magnitudes {
            data_type: DataType::Float,
            bytes: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
                .into(),
        }
    }

    /// What is left of `values` when the `count` smallest go.
    fn cut(values: &[f32], count: usize) -> Vec<f32> {
        let tensor = edit::floats("w", &[values.len() as i64], values);
        let model = of(vec![edit::node("MatMul", &["x", "w"], &["y"])], vec![tensor]);
        let weights = Weights::of(&model);
        let weight = magnitudes(values);
        let mut pruned = HashMap::new();
        weight.cut(&mut Cut::of(&[&weight], count), &weights.constants[0], &mut pruned);
        let bytes = pruned.into_values().next().map_or(weight.bytes, |(_, bytes)| bytes);
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }

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

    #[test]
    fn ties_are_broken_by_position() {
        assert_eq!(cut(&[1.0, -1.0, 1.0, 0.5, -1.0], 3), [0.0, 0.0, 1.0, 0.0, -1.0]);
        assert_eq!(cut(&[2.0, -0.0, f32::NAN, f32::INFINITY], 3)[..2], [0.0, 0.0]);
        assert!(cut(&[2.0, f32::NAN], 1)[1].is_nan());
        assert_eq!(cut(&[1.0, 2.0], 0), [1.0, 2.0]);
    }

    proptest! {
        #[test]
        fn the_smallest_go_and_exactly_that_many(
            values in prop::collection::vec(prop_oneof![any::<f32>(), (-4_i8..4).prop_map(f32::from)], 1..200),
            share in 0.0..1.0_f64
        ) {
            let count = (share * values.len() as f64) as usize;
            let after = cut(&values, count);
            let kept: Vec<usize> = (0..values.len()).filter(|at| after[*at].to_bits() & 0x7fff_ffff != 0).collect();
            let zeros = values.iter().filter(|value| **value == 0.0).count();
            prop_assert_eq!(values.len() - kept.len(), count.max(zeros));
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by_key(|at| values[*at].to_bits() & 0x7fff_ffff);
            let mut largest: Vec<usize> = order[count.max(zeros)..].to_vec();
            largest.sort_unstable();
            prop_assert_eq!(&kept, &largest);
            prop_assert!(kept.iter().all(|at| after[*at].to_bits() == values[*at].to_bits()));
        }
    }
}
