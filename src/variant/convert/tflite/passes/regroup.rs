//! Whether a change of shape can be made before a change of the axes' order instead of after it.

/// For a tensor that is `base` with its axes in the order `order` and is then given the shape `to`: the shape to give `base`, and the
/// order in which its axes then make the same tensor. `None` where axes that are apart in `base` would have to be one.
pub(super) fn before_order(base: &[usize], order: &[usize], to: &[usize]) -> Option<(Vec<usize>, Vec<usize>)> {
    let from: Vec<usize> = order
        .iter()
        .map(|axis| base.get(*axis).copied())
        .collect::<Option<_>>()?;
    if from.contains(&0) || to.contains(&0) {
        return None;
    }
    // Blocks of axes before and after that hold the same elements, each with the place of its first axis in `base`.
    let mut blocks: Vec<(usize, Vec<usize>)> = Vec::new();
    let (mut at, mut next) = (0, 0);
    while at < from.len() || next < to.len() {
        let (start, first) = (at, next);
        let (mut old, mut new) = (1_usize, 1_usize);
        loop {
            if old == new && (at > start || next > first) {
                break;
            }
            if old <= new && at < from.len() {
                old = old.checked_mul(*from.get(at)?)?;
                at += 1;
            } else {
                new = new.checked_mul(*to.get(next)?)?;
                next += 1;
            }
        }
        let axes: Vec<usize> = order
            .get(start..at)?
            .iter()
            .copied()
            .filter(|axis| base.get(*axis) != Some(&1))
            .collect();
        let apart = axes.windows(2).any(|pair| match *pair {
            [one, other] => {
                other < one
                    || base
                        .get(one + 1..other)
                        .is_none_or(|between| between.iter().any(|dim| *dim != 1))
            }
            _ => false,
        });
        if apart {
            return None;
        }
        // What has no elements of its own stays with the block before it.
        let place = axes
            .first()
            .copied()
            .or_else(|| blocks.last().map(|(place, _)| *place))
            .unwrap_or(0);
        blocks.push((place, (first..next).collect()));
    }
    let mut sorted: Vec<&(usize, Vec<usize>)> = blocks.iter().collect();
    sorted.sort_by_key(|(place, _)| *place);
    let axes: Vec<usize> = sorted.iter().flat_map(|(_, axes)| axes.iter().copied()).collect();
    let shape = axes
        .iter()
        .map(|axis| to.get(*axis).copied())
        .collect::<Option<Vec<_>>>()?;
    let mut back = vec![0; axes.len()];
    for (place, axis) in axes.iter().enumerate() {
        *back.get_mut(*axis)? = place;
    }
    Some((shape, back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spatial_axes_that_stay_together_can_be_merged_first() {
        // NHWC seen as NCHW, flattened to N, C, HW.
        assert_eq!(
            before_order(&[2, 4, 5, 3], &[0, 3, 1, 2], &[2, 3, 20]),
            Some((vec![2, 20, 3], vec![0, 2, 1]))
        );
        // Flattened whole, C would have to stand between.
        assert_eq!(before_order(&[2, 4, 5, 3], &[0, 3, 1, 2], &[2, 60]), None);
        // C split into groups.
        assert_eq!(
            before_order(&[2, 4, 5, 6], &[0, 3, 1, 2], &[2, 2, 3, 4, 5]),
            Some((vec![2, 4, 5, 2, 3], vec![0, 3, 4, 1, 2]))
        );
        assert_eq!(
            before_order(&[1, 1, 1, 8], &[0, 3, 1, 2], &[1, 8]).map(|(shape, _)| shape),
            Some(vec![1, 8])
        );
    }
}
