//! Which channels go: those of least importance, so many that what is left suits vector instructions.

use std::collections::BTreeMap;

use super::layout::Part;
use super::walk::Cut;
use super::walk::Role;
use super::walk::Walk;
use crate::model::onnx::tensor_view::TensorView;
use crate::variant::VariantError;
use crate::variant::share::Share;

/// Of so many channels or more, a multiple of so many is kept, by the first line that leaves any to be removed. Measured with ONNX Runtime
/// 1.31.1 on x86 at a ratio of 0.30, times those of the model before: mobilenetv2_like 0.81 in multiples of 4, 8 or 16, and 1.27 without;
/// digits_cnn 0.85, 0.85, 0.83 and 1.62; squeezenet 0.79, 0.75, 0.74 and 0.87. Its fast convolutions take multiples of 4 only.
const ALIGNMENTS: [(usize, usize); 2] = [(32, 8), (8, 4)];

/// How many of `size` channels stay, at least one: all but the share, rounded down, and then up to a multiple. All of them, where no
/// multiple is less.
pub(super) fn kept(size: usize, ratio: Share) -> usize {
    let least = size.saturating_sub(ratio.of(size)).max(1).min(size);
    let multiples = ALIGNMENTS.into_iter().filter(|(from, _)| size >= *from);
    multiples
        .map(|(_, multiple)| least.next_multiple_of(multiple))
        .find(|kept| *kept < size)
        .unwrap_or(if size < 8 { least } else { size })
}

/// The channels that stay, ascending, of every set of which any go. A channel matters by what makes and filters it, times what reads it.
pub(super) fn choose(walk: &Walk<'_>, ratio: Share, all: bool) -> Result<BTreeMap<usize, Vec<usize>>, VariantError> {
    let mut weights: BTreeMap<usize, Vec<Weight>> = walk
        .channels
        .roots()
        .filter(|set| walk.channels.blocked(*set).is_none() && (all || !walk.channels.is_sum(*set)))
        .map(|set| (set, vec![Weight::default(); walk.channels.size(set)]))
        .collect();
    for ((index, place), cuts) in &walk.cuts {
        for cut in cuts.iter().filter(|cut| cut.role != Role::Follows) {
            let is_open = |part: &Part| weights.contains_key(&walk.channels.root(part.set));
            if !cut.parts.iter().any(is_open) {
                continue;
            }
            let means = means(walk, *index, *place, cut)?;
            let mut means = means.iter();
            for part in &cut.parts {
                let mut sets = weights.get_mut(&walk.channels.root(part.set));
                for channel in 0..part.size {
                    let mean = means.by_ref().take(part.repeat).sum::<f64>() / part.repeat.max(1) as f64;
                    if let Some(weight) = sets.as_mut().and_then(|set| set.get_mut(channel)) {
                        weight.add(cut.role, mean);
                    }
                }
            }
        }
    }
    let mut chosen = BTreeMap::new();
    for (set, weights) in weights {
        let kept = kept(weights.len(), ratio);
        if kept < weights.len() {
            let importance: Vec<f64> = weights.iter().map(|weight| weight.made * weight.read).collect();
            chosen.insert(set, greatest(&importance, kept));
        }
    }
    Ok(chosen)
}

/// The mean magnitudes of the weights along a channel, summed over the layers.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    /// Of those that make or filter it.
    made: f64,
    /// Of those that read it.
    read: f64,
}

impl Weight {
    fn add(&mut self, role: Role, mean: f64) {
        match role {
            Role::Makes | Role::Filters => self.made += mean,
            Role::Reads => self.read += mean,
            Role::Follows => {}
        }
    }
}

/// The places of the `count` greatest, ascending; of equal ones the first.
fn greatest(importance: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<(usize, &f64)> = importance.iter().enumerate().collect();
    places.sort_by(|one, other| other.1.total_cmp(one.1));
    let mut kept: Vec<usize> = places.into_iter().take(count).map(|(place, _)| place).collect();
    kept.sort_unstable();
    kept
}

/// The mean magnitude at each index along the axis of a cut (the L1 norm by the number of weights: H. Li et al., Pruning filters for
/// efficient ConvNets, 2017); empty where there are no floats.
fn means(walk: &Walk<'_>, index: usize, place: usize, cut: &Cut) -> Result<Vec<f64>, VariantError> {
    let constant = walk.graph.node.get(index).and_then(|node| walk.constant(node, place));
    let Some(constant) = constant else {
        return Ok(Vec::new());
    };
    let view = TensorView::of(constant.tensor, &[]).map_err(|source| VariantError::Tensor {
        name: constant.tensor.name().to_owned(),
        source,
    })?;
    let values = view.to_f32().unwrap_or_default();
    let dims = constant.dims();
    let length = dims.get(cut.axis).copied().unwrap_or(0);
    let inner: usize = dims.iter().skip(cut.axis + 1).product();
    if length == 0 || inner == 0 || values.is_empty() {
        return Ok(Vec::new());
    }
    let mut sums = vec![0.0_f64; length];
    for (run, sum) in values.chunks(inner).zip((0..length).cycle()) {
        if let Some(sum) = sums.get_mut(sum) {
            *sum += run.iter().map(|value| f64::from(value.abs())).sum::<f64>();
        }
    }
    let count = (values.len() / length) as f64;
    Ok(sums.into_iter().map(|sum| sum / count).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(text: &str) -> Share {
        Share::parse(text, "ratio").unwrap()
    }

    #[test]
    fn large_sets_keep_a_multiple() {
        for (size, ratio, expected) in [
            (128, "0.25", 96),
            (144, "0.25", 112),
            (24, "0.25", 20),
            (10, "0.25", 8),
            (8, "0.25", 8),
            (7, "0.25", 6),
            (1, "0.9", 1),
            (64, "0.99", 8),
            (8, "0.99", 4),
            // 58 are 64 by eights.
            (64, "0.10", 60),
            (64, "0.05", 64),
            (3, "0.25", 3),
        ] {
            assert_eq!(kept(size, share(ratio)), expected, "{size} {ratio}");
        }
    }

    #[test]
    fn the_greatest_stay_in_their_order() {
        assert_eq!(greatest(&[1.0, 3.0, 2.0, 3.0], 2), [1, 3]);
        assert_eq!(greatest(&[1.0, 1.0, 1.0], 2), [0, 1]);
    }

    proptest! {
        #[test]
        fn no_more_go_than_the_ratio(size in 1_usize..2000, hundredths in 1_u64..100) {
            let ratio = share(&format!("0.{hundredths:02}"));
            let kept = kept(size, ratio);
            prop_assert!(kept >= 1 && kept <= size && size - kept <= ratio.of(size));
        }
    }
}
