//! What is kept of a stream of 32-bit floats: extremes, a histogram that grows with them, the largest magnitude of each channel.
//!
//! Bins are a power of two wide, and neighbours are joined when a value is beyond the last one, so that what has been counted at the
//! end depends on the values alone: not on their order, nor on how they were cut into pieces. [`ranges`] reads ranges out of it.

pub mod ranges;

/// Magnitudes beyond this stand for "nothing here" (attention masks add −3.4e38 or −∞) and belong to no range.
pub const MASK: f32 = 1e30;

/// Bins for the magnitudes of either sign. The largest magnitude always falls into the upper half of them.
pub const BINS: usize = 4096;

/// 2 to this power is [`BINS`].
const BINS_LOG2: i32 = 12;

/// Bins are at least 2 to this power wide, so that the reciprocal is a finite `f32`.
const NARROWEST: i32 = -126;

/// How many values are looked at together, so that the compiler can do so at once.
const LANES: usize = 16;

/// The least and the greatest of all values, and how many counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// The least value that counts; infinite where none does.
    pub min: f32,
    /// The greatest value that counts; minus infinity where none does.
    pub max: f32,
    /// Values that count: finite, and within ±[`MASK`].
    pub counted: u64,
    /// All others: NaN, infinities, masks.
    pub ignored: u64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self {
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            counted: 0,
            ignored: 0,
        }
    }
}

impl Extremes {
    /// Adds values.
    pub fn add(&mut self, values: &[f32]) {
        let mut min = [self.min; LANES];
        let mut max = [self.max; LANES];
        let mut counted = 0_u64;
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            let mut here = [0_u32; LANES];
            for ((value, count), (low, high)) in chunk.iter().zip(&mut here).zip(min.iter_mut().zip(&mut max)) {
                let counts = value.abs() <= MASK;
                let (below, above) = (counts & (*value < *low), counts & (*value > *high));
                *low = if below { *value } else { *low };
                *high = if above { *value } else { *high };
                *count = u32::from(counts);
            }
            counted += u64::from(here.iter().sum::<u32>());
        }
        for value in rest.iter().copied().filter(counts) {
            min[0] = min[0].min(value);
            max[0] = max[0].max(value);
            counted += 1;
        }
        self.min = min.into_iter().fold(f32::INFINITY, f32::min);
        self.max = max.into_iter().fold(f32::NEG_INFINITY, f32::max);
        self.counted += counted;
        self.ignored += values.len() as u64 - counted;
    }

    /// Least and greatest value; `None` where none counts.
    pub fn range(&self) -> Option<(f32, f32)> {
        (self.min <= self.max).then_some((self.min, self.max))
    }

    /// The largest magnitude; 0 where no value counts.
    fn magnitude(&self) -> f32 {
        self.range().map_or(0.0, |(min, max)| max.abs().max(min.abs()))
    }
}

/// True for values that belong to a range.
fn counts(value: &f32) -> bool {
    value.abs() <= MASK
}

/// Counts of values by sign and magnitude.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Bins are 2 to this power wide.
    exponent: i32,
    /// Of both signs, negative ones last; then zeros, which need no bin, and what is ignored.
    bins: Vec<u64>,
    extremes: Extremes,
}

/// Where zeros are counted.
const ZEROS: usize = 2 * BINS;

/// Where everything is counted that belongs to no range.
const IGNORED: usize = 2 * BINS + 1;

impl Default for Histogram {
    fn default() -> Self {
        Self {
            exponent: NARROWEST,
            bins: vec![0; IGNORED + 1],
            extremes: Extremes::default(),
        }
    }
}

impl Histogram {
    /// A histogram out of its parts: as [`Histogram::exponent`], [`Histogram::extremes`] and [`Histogram::counts`] gave them. `None`
    /// where they are no histogram's.
    pub fn from_parts(exponent: i32, extremes: Extremes, counts: &[u64]) -> Option<Self> {
        let fits = (NARROWEST..=128).contains(&exponent) && counts.len() <= IGNORED + 1;
        let mut bins = counts.to_vec();
        bins.resize(IGNORED + 1, 0);
        fits.then_some(Self {
            exponent,
            bins,
            extremes,
        })
    }

    /// Adds values.
    pub fn add(&mut self, values: &[f32]) {
        self.extremes.add(values);
        self.widen(exponent_for(self.extremes.magnitude()));
        // Exact: a power of two whose reciprocal is normal.
        let scale = (-f64::from(self.exponent)).exp2() as f32;
        for value in values {
            let magnitude = value.abs();
            let bin = ((magnitude * scale) as usize).min(BINS - 1) + if *value < 0.0 { BINS } else { 0 };
            let place = match magnitude {
                0.0 => ZEROS,
                _ if magnitude <= MASK => bin,
                _ => IGNORED,
            };
            if let Some(count) = self.bins.get_mut(place) {
                *count += 1;
            }
        }
    }

    /// The binary logarithm of the width of bins.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// The least and greatest value, and how many counted.
    pub fn extremes(&self) -> &Extremes {
        &self.extremes
    }

    /// The counts: of positive magnitudes, of negative ones, of zeros, of what is ignored.
    pub fn counts(&self) -> &[u64] {
        &self.bins
    }

    /// The width of a bin.
    fn width(&self) -> f64 {
        f64::from(self.exponent).exp2()
    }

    /// Counts of positive and of negative values by magnitude: bin k holds those from k to k + 1 widths.
    fn signs(&self) -> (&[u64], &[u64]) {
        let (positive, rest) = self.bins.split_at(BINS.min(self.bins.len()));
        (positive, rest.get(..BINS).unwrap_or_default())
    }

    /// How many values are zero, of either sign.
    fn zeros(&self) -> u64 {
        self.bins.get(ZEROS).copied().unwrap_or(0)
    }

    /// Joins neighbours until bins are 2 to the power of `exponent` wide.
    fn widen(&mut self, exponent: i32) {
        if exponent <= self.exponent {
            return;
        }
        let shift = u32::try_from(exponent - self.exponent).unwrap_or(0).min(31);
        for sign in self.bins.chunks_mut(BINS).take(2) {
            for bin in 1..sign.len() {
                let count = std::mem::take(&mut sign[bin]);
                sign[bin >> shift] += count;
            }
        }
        self.exponent = exponent;
    }
}

/// The least exponent with which `magnitude` is within the bins.
fn exponent_for(magnitude: f32) -> i32 {
    if magnitude == 0.0 {
        return NARROWEST;
    }
    // The exponent field; that of subnormal numbers is 0 and far below the narrowest bins.
    let floor_log2 = (magnitude.to_bits() >> 23) as i32 - 127;
    (floor_log2 - BINS_LOG2 + 1).max(NARROWEST)
}

/// The largest magnitude along one axis of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMaxima {
    axis: i64,
    maxima: Option<Vec<f32>>,
    /// True once tensors came whose channels differ in number.
    unlike: bool,
}

impl ChannelMaxima {
    /// Nothing seen yet; `axis` counts from the end where it is negative.
    pub fn along(axis: i64) -> Self {
        Self {
            axis,
            maxima: None,
            unlike: false,
        }
    }

    /// Adds a tensor: its elements in row-major order, as many as `shape` says.
    pub fn add(&mut self, values: &[f32], shape: &[u64]) {
        let rank = shape.len() as i64;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis };
        let axis = usize::try_from(axis).ok().filter(|axis| *axis < shape.len());
        let Some((axis, channels)) = axis.and_then(|axis| Some((axis, usize::try_from(*shape.get(axis)?).ok()?)))
        else {
            self.unlike = true;
            return;
        };
        let inner = shape.iter().skip(axis + 1).product::<u64>();
        let inner = usize::try_from(inner).unwrap_or(usize::MAX);
        let maxima = self.maxima.get_or_insert_with(|| vec![0.0; channels]);
        if maxima.len() != channels {
            self.unlike = true;
            return;
        }
        if channels == 0 || inner == 0 {
            return;
        }
        for (run, maximum) in values.chunks(inner).zip((0..channels).cycle()) {
            if let Some(maximum) = maxima.get_mut(maximum) {
                let largest = run
                    .iter()
                    .filter(|value| counts(value))
                    .fold(0.0_f32, |most, value| most.max(value.abs()));
                *maximum = maximum.max(largest);
            }
        }
    }

    /// One entry a channel; `None` where nothing was seen, or tensors whose channels differ in number or have no such axis.
    pub fn maxima(&self) -> Option<&[f32]> {
        self.maxima.as_deref().filter(|_| !self.unlike)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        histogram.add(values);
        histogram
    }

    #[test]
    fn what_is_no_value_is_ignored() {
        let values = [
            1.0,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            -3.4e38,
            2e30,
            -2.0,
            0.0,
            -0.0,
        ];
        let histogram = whole(&values);
        assert_eq!(histogram.extremes().range(), Some((-2.0, 1.0)));
        assert_eq!((histogram.extremes().counted, histogram.extremes().ignored), (4, 5));
        assert_eq!((histogram.zeros(), histogram.counts()[IGNORED]), (2, 5));
        assert_eq!(histogram.counts().iter().sum::<u64>(), 9);
        assert_eq!(whole(&[f32::NAN; 40]).extremes().range(), None);
        assert_eq!(whole(&[]).extremes().range(), None);
        let (positive, negative) = histogram.signs();
        assert_eq!((positive[1024], negative[2048]), (1, 1));
    }

    #[test]
    fn channels_are_told_apart() {
        let values = [1.0, -2.0, 3.0, 4.0, 5.0, f32::NAN];
        let maxima = |axis, shape: &[u64]| {
            let mut maxima = ChannelMaxima::along(axis);
            maxima.add(&values, shape);
            maxima.add(&values, shape);
            maxima.maxima().map(<[f32]>::to_vec)
        };
        assert_eq!(maxima(-1, &[2, 3]), Some(vec![4.0, 5.0, 3.0]));
        assert_eq!(maxima(0, &[2, 3]), Some(vec![3.0, 5.0]));
        assert_eq!(maxima(1, &[1, 3, 2]), Some(vec![2.0, 4.0, 5.0]));
        assert_eq!(maxima(2, &[2, 3]), None);
        let mut unlike = ChannelMaxima::along(-1);
        unlike.add(&values, &[2, 3]);
        unlike.add(&values, &[3, 2]);
        assert_eq!(unlike.maxima(), None);
    }

    proptest! {
        #[test]
        fn pieces_and_order_do_not_matter(
            bits in prop::collection::vec(any::<u32>(), 0..200), cut in 0_usize..200, turn in 0_usize..200
        ) {
            let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
            let (first, second) = values.split_at(cut.min(values.len()));
            let mut pieces = whole(first);
            pieces.add(second);
            let mut turned = values.clone();
            turned.rotate_left(turn % values.len().max(1));
            prop_assert_eq!(&pieces, &whole(&values));
            prop_assert_eq!(&whole(&turned), &pieces);
            let back = Histogram::from_parts(pieces.exponent(), *pieces.extremes(), pieces.counts()).unwrap();
            prop_assert_eq!(back, pieces);
        }

        #[test]
        fn every_value_lies_in_its_bin(values in prop::collection::vec(-1e6_f32..1e6, 1..50)) {
            let histogram = whole(&values);
            let (positive, negative) = histogram.signs();
            for value in values.iter().filter(|value| **value != 0.0) {
                let bin = (f64::from(value.abs()) / histogram.width()) as usize;
                prop_assert!(bin < BINS);
                let count = if *value < 0.0 { negative[bin] } else { positive[bin] };
                prop_assert!(count > 0);
            }
            let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            prop_assert!(largest < 1e-30 || f64::from(largest) / histogram.width() >= (BINS / 2) as f64);
        }

        #[test]
        fn extremes_are_those_of_sorting(values in prop::collection::vec(-1e3_f32..1e3, 1..80)) {
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let mut extremes = Extremes::default();
            extremes.add(&values);
            prop_assert_eq!(extremes.range(), Some((sorted[0], sorted[sorted.len() - 1])));
        }
    }
}
