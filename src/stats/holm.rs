//! Several comparisons in one run: Holm's step-down.
//!
//! S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979): with `m`
//! hypotheses, reject those that stand up at `alpha / m`; with `k` of them left, those that stand up at `alpha / k`; go on until none
//! is left or none stands up. The chance that even one of the true ones is rejected stays below `alpha`, whatever their dependence.
//!
//! Written over "does hypothesis i stand up at this level" instead of p values, because a decision at one of several planned looks
//! has no handy p value; both say the same as long as what is rejected at a level is rejected at every larger one.

/// Which of `count` hypotheses are rejected at a family-wise error rate of `alpha`; `rejected(i, level)` tests one of them alone.
pub fn step_down(count: usize, alpha: f64, mut rejected: impl FnMut(usize, f64) -> bool) -> Vec<bool> {
    let mut decided = vec![false; count];
    loop {
        let left = decided.iter().filter(|done| !**done).count();
        if left == 0 {
            return decided;
        }
        let level = alpha / left as f64;
        let before = left;
        for (index, done) in decided.iter_mut().enumerate() {
            *done = *done || rejected(index, level);
        }
        if decided.iter().filter(|done| !**done).count() == before {
            return decided;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Holm's procedure as the paper has it: sorted p values against alpha / (m − rank).
    fn by_p_values(p_values: &[f64], alpha: f64) -> Vec<bool> {
        let mut order: Vec<usize> = (0..p_values.len()).collect();
        order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
        let mut decided = vec![false; p_values.len()];
        for (rank, index) in order.into_iter().enumerate() {
            if p_values[index] > alpha / (p_values.len() - rank) as f64 {
                break;
            }
            decided[index] = true;
        }
        decided
    }

    #[test]
    fn the_second_gets_a_larger_share() {
        let p_values = [0.01, 0.02, 0.3];
        let decided = step_down(3, 0.05, |index, level| p_values[index] <= level);
        assert_eq!(decided, [true, true, false]);
        // Alone against alpha / 3 = 0.0167 the second would not stand up.
        let decided = step_down(3, 0.05, |index, level| [0.02, 0.02, 0.3][index] <= level);
        assert_eq!(decided, [false, false, false]);
    }

    #[test]
    fn nothing_of_nothing() {
        assert!(step_down(0, 0.05, |_, _| true).is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_the_procedure_on_p_values(p_values in prop::collection::vec(0.0_f64..0.1, 0..12)) {
            let decided = step_down(p_values.len(), 0.05, |index, level| p_values[index] <= level);
            prop_assert_eq!(decided, by_p_values(&p_values, 0.05));
        }
    }
}
