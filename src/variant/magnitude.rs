//! The smallest weights of a model, by magnitude: that share of them exactly, ties broken by position. What the weights belong to is the
//! callers' matter.

use std::fmt;

use bytes::Bytes;

use super::share::Share;

/// Smaller weights are left alone.
pub(super) const MIN_ELEMENTS: usize = 256;

/// What the share is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threshold {
    /// Of all weights that are pruned.
    Global,
    /// Of each weight.
    PerTensor,
}

/// How many weights become zero: a recipe's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruning {
    sparsity: Share,
    scope: Threshold,
}

impl Pruning {
    /// Reads `0.50` or `0.50-tensor`: a share of all weights together, or of each of them. The error says what was expected, as a
    /// sentence fragment.
    pub fn parse(settings: &str) -> Result<Self, String> {
        let (sparsity, scope) = match settings.strip_suffix("-tensor") {
            Some(sparsity) => (sparsity, Threshold::PerTensor),
            None => (settings, Threshold::Global),
        };
        Ok(Self {
            sparsity: Share::parse(sparsity, "sparsity")?,
            scope,
        })
    }

    /// What is left of each of `weights`, in their order.
    pub(super) fn cut(self, weights: &[Magnitudes]) -> Vec<Cutting> {
        match self.scope {
            Threshold::Global => {
                let total = weights.iter().map(Magnitudes::len).sum();
                let all: Vec<&Magnitudes> = weights.iter().collect();
                let mut cut = Cut::of(&all, self.sparsity.of(total));
                weights.iter().map(|weight| weight.cut(&mut cut)).collect()
            }
            Threshold::PerTensor => weights
                .iter()
                .map(|weight| weight.cut(&mut Cut::of(&[weight], self.sparsity.of(weight.len()))))
                .collect(),
        }
    }
}

impl fmt::Display for Pruning {
    /// The one way of writing it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Threshold::Global => "",
            Threshold::PerTensor => "-tensor",
        };
        write!(f, "{}{scope}", self.sparsity)
    }
}

/// What is left of a weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cutting {
    /// Its elements, where any of them changes.
    pub(super) bytes: Option<Bytes>,
    /// How many of them are zero now.
    pub(super) zeros: usize,
}

/// How elements are stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Binary32.
    Single,
    /// Binary16.
    Half,
    /// The upper half of binary32.
    Brain,
}

/// The elements of a weight.
#[derive(Debug, Clone)]
pub(super) struct Magnitudes {
    /// Their type.
    pub(super) width: Width,
    /// They themselves.
    pub(super) bytes: Bytes,
}

impl Magnitudes {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.size()
    }

    fn size(&self) -> usize {
        if self.width == Width::Single { 4 } else { 2 }
    }

    /// Calls `see` with the magnitude of each element: the bits of a 32-bit float, which are ordered like the floats; NaN is greatest.
    fn each(&self, see: &mut dyn FnMut(u32)) {
        const MAGNITUDE: u32 = 0x7fff_ffff;
        match self.width {
            Width::Single => {
                for bytes in self.bytes.as_chunks().0 {
                    see(u32::from_le_bytes(*bytes) & MAGNITUDE);
                }
            }
            Width::Brain => {
                for bytes in self.bytes.as_chunks().0 {
                    see((u32::from(u16::from_le_bytes(*bytes)) << 16) & MAGNITUDE);
                }
            }
            Width::Half => {
                for bytes in self.bytes.as_chunks().0 {
                    see(half::f16::from_le_bytes(*bytes).to_f32().to_bits() & MAGNITUDE);
                }
            }
        }
    }

    /// The elements with everything below the cut at zero.
    fn cut(&self, cut: &mut Cut) -> Cutting {
        let size = self.size();
        let mut bytes: Option<Vec<u8>> = None;
        let mut zeros = 0;
        let mut at = 0;
        self.each(&mut |magnitude| {
            let goes = cut.takes(magnitude);
            zeros += usize::from(goes || magnitude == 0);
            if goes && magnitude > 0 {
                let bytes = bytes.get_or_insert_with(|| self.bytes.to_vec());
                if let Some(element) = bytes.get_mut(at..at + size) {
                    element.fill(0);
                }
            }
            at += size;
        });
        Cutting {
            bytes: bytes.map(Bytes::from),
            zeros,
        }
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

    /// What is left of `values` when the `count` smallest go.
    fn cut(values: &[f32], count: usize) -> Vec<f32> {
        let weight = Magnitudes {
            width: Width::Single,
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        let cutting = weight.cut(&mut Cut::of(&[&weight], count));
        let bytes = cutting.bytes.unwrap_or(weight.bytes);
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
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
