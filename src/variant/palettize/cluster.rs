//! Clusters numbers on a line: k-means by Lloyd's iteration (S. Lloyd, Least squares quantization in PCM, 1982), on sorted numbers with
//! prefix sums, so that a round costs a few searches a centre and no walk over the numbers.

/// Lloyd's iteration ends here where it has not converged before.
const MAX_ROUNDS: usize = 300;

/// Bins by which the first centres are placed.
const BINS: usize = 2048;

/// At most `count` centres for `values`, ascending and distinct, near the least sum of squared distances. Where that many distinct values
/// are there, or fewer, they are the centres. Where more values than a fair share are 0, so is a centre: what was pruned stays pruned.
/// `values` are finite, and are sorted here.
pub(super) fn centres(values: &mut [f32], count: usize) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let mut distinct: Vec<f32> = Vec::new();
    for value in values.iter() {
        if distinct.last() != Some(value) {
            distinct.push(*value);
        }
        if distinct.len() > count {
            break;
        }
    }
    if distinct.len() <= count {
        return distinct;
    }
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    let keeps_zero = zeros > values.len() / count;
    let mut centres: Vec<f64> = if keeps_zero {
        let others: Vec<f32> = values.iter().copied().filter(|value| *value != 0.0).collect();
        let mut centres = first(&others, count - 1);
        centres.push(0.0);
        centres.sort_unstable_by(f64::total_cmp);
        centres
    } else {
        first(values, count)
    };
    let sums = prefix_sums(values);
    for _ in 0..MAX_ROUNDS {
        if !moved(values, &sums, &mut centres, keeps_zero) {
            break;
        }
    }
    let mut rounded: Vec<f32> = centres.into_iter().map(|centre| centre as f32).collect();
    rounded.sort_unstable_by(f32::total_cmp);
    rounded.dedup();
    rounded
}

/// For each value the place of the nearest of `centres`, which are ascending; the lower one of two that are as near.
pub(super) fn nearest(values: &[f32], centres: &[f32]) -> Vec<u8> {
    let borders = borders(&centres.iter().copied().map(f64::from).collect::<Vec<f64>>());
    let place = |value: &f32| borders.partition_point(|border| *border < f64::from(*value)) as u8;
    values.iter().map(place).collect()
}

/// Where each centre's region ends and the next one's begins.
fn borders(centres: &[f64]) -> Vec<f64> {
    centres.windows(2).map(|pair| pair.iter().sum::<f64>() / 2.0).collect()
}

/// The first centres: dense where values are, by the cube root of their density, which is best for many centres (P. Panter and W. Dite,
/// Quantization distortion in pulse-count modulation, 1951).
fn first(sorted: &[f32], count: usize) -> Vec<f64> {
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else {
        return vec![0.0; count.min(1)];
    };
    let (least, greatest) = (f64::from(*least), f64::from(*greatest));
    let width = (greatest - least) / BINS as f64;
    let mut begin = 0;
    let mut weights = Vec::with_capacity(BINS);
    for bin in 1..=BINS {
        let end = sorted.partition_point(|value| f64::from(*value) <= least + width * bin as f64);
        weights.push(((end - begin.min(end)) as f64).cbrt());
        begin = end;
    }
    let total: f64 = weights.iter().sum();
    let mut centres = Vec::with_capacity(count);
    let mut reached = 0.0;
    for (bin, weight) in weights.into_iter().enumerate() {
        let wanted = |placed: usize| total * (placed as f64 + 0.5) / count as f64;
        while centres.len() < count && weight > 0.0 && wanted(centres.len()) <= reached + weight {
            let within = (wanted(centres.len()) - reached) / weight;
            centres.push(least + width * (bin as f64 + within));
        }
        reached += weight;
    }
    while centres.len() < count {
        centres.push(greatest);
    }
    centres
}

/// The sum of the first 0, 1, 2 … values.
fn prefix_sums(sorted: &[f32]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums = Vec::with_capacity(sorted.len() + 1);
    sums.push(0.0);
    for value in sorted {
        sum += f64::from(*value);
        sums.push(sum);
    }
    sums
}

/// Moves each centre to the mean of the values nearest to it; one without values stays, and so does 0 where it is to be kept. False where
/// none moved.
fn moved(sorted: &[f32], sums: &[f64], centres: &mut [f64], keeps_zero: bool) -> bool {
    let ends = borders(centres);
    let mut begin = 0;
    let mut any = false;
    for (place, centre) in centres.iter_mut().enumerate() {
        let end = match ends.get(place) {
            Some(border) => sorted.partition_point(|value| f64::from(*value) <= *border),
            None => sorted.len(),
        };
        if let (Some(before), Some(through)) = (sums.get(begin), sums.get(end))
            && end > begin
            && !(keeps_zero && *centre == 0.0)
        {
            let mean = (through - before) / (end - begin) as f64;
            any |= (mean as f32).to_bits() != (*centre as f32).to_bits();
            *centre = mean;
        }
        begin = end.max(begin);
    }
    any
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn squares(values: &[f32], centres: &[f32]) -> f64 {
        let places = nearest(values, centres);
        let square = |(value, place): (&f32, u8)| (f64::from(*value) - f64::from(centres[place as usize])).powi(2);
        values.iter().zip(places).map(square).sum()
    }

    #[test]
    fn few_values_are_kept_exactly() {
        let mut values = [3.0, 1.0, 1.0, 2.5, 3.0];
        assert_eq!(centres(&mut values, 4), [1.0, 2.5, 3.0]);
        assert_eq!(nearest(&[3.0, 1.0, 2.5], &[1.0, 2.5, 3.0]), [2, 0, 1]);
        assert_eq!(centres(&mut [0.25], 2), [0.25]);
        assert_eq!(centres(&mut [], 2), [] as [f32; 0]);
    }

    #[test]
    fn two_heaps_have_two_centres() {
        let mut values = [1.0, 1.2, 0.8, 9.0, 9.5, 10.0];
        let found = centres(&mut values, 2);
        assert!(
            (found[0] - 1.0).abs() < 1e-6 && (found[1] - 9.5).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn zeros_stay_zero_where_there_are_many() {
        let mut values: Vec<f32> = (0..1000)
            .map(|at| if at % 2 == 0 { 0.0 } else { (at as f32).sin() })
            .collect();
        let original = values.clone();
        let found = centres(&mut values, 8);
        assert_eq!(found.len(), 8);
        let places = nearest(&original, &found);
        assert!(
            original
                .iter()
                .zip(places)
                .all(|(value, place)| *value != 0.0 || found[place as usize] == 0.0)
        );
    }

    #[test]
    fn a_bell_is_nearly_as_good_as_can_be() {
        // Sums of twelve uniform numbers are nearly normal; the least mean square for 16 levels and variance 1 is 0.00954 (J. Max, 1960).
        let mut state = 1_u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let values: Vec<f32> = (0..20_000)
            .map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0)
            .collect();
        let found = centres(&mut values.clone(), 16);
        let mean = squares(&values, &found) / values.len() as f64;
        assert!(mean < 0.00954 * 1.03, "{mean}");
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_every_value_is_at_its_nearest(
            values in prop::collection::vec(-1e3_f32..1e3, 1..300), bits in 1_u32..=8
        ) {
            let found = centres(&mut values.clone(), 1 << bits);
            let mut backwards: Vec<f32> = values.iter().rev().copied().collect();
            prop_assert_eq!(&centres(&mut backwards, 1 << bits), &found);
            prop_assert!(!found.is_empty() && found.len() <= 1 << bits);
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            for (value, place) in values.iter().zip(nearest(&values, &found)) {
                let distance = |centre: f32| (f64::from(centre) - f64::from(*value)).abs();
                let here = distance(found[place as usize]);
                prop_assert!(found.iter().all(|centre| here <= distance(*centre) + 1e-9));
            }
            let one = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
            prop_assert!(squares(&values, &found) <= squares(&values, &[one as f32]) + 1e-3);
        }

        #[test]
        fn extreme_numbers_do_no_harm(values in prop::collection::vec(any::<f32>(), 1..50), bits in 1_u32..=3) {
            let mut finite: Vec<f32> = values.into_iter().filter(|value| value.is_finite()).collect();
            let found = centres(&mut finite, 1 << bits);
            prop_assert!(found.len() <= 1 << bits && found.iter().all(|centre| centre.is_finite()));
        }
    }
}
