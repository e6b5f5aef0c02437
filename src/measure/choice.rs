//! Which groups of a model's nodes to keep in floats, so that the rest can be integers and the outputs still say the same.
//!
//! Accuracy is not monotone in what is kept: keeping the worst two nodes of a network in floats may be worse than keeping none, as each
//! island of floats rounds at both ends. So nothing is deduced and every choice is tried, guided by what each group does alone: first runs of
//! neighbouring groups, which need few conversions, and the worst ones by rank; then what was good enough is narrowed from its ends.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How many neighbours are kept together at first.
const LENGTHS: &[usize] = &[1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/// How many of the worst groups are kept at first, wherever they lie.
const WORST: &[usize] = &[2, 3, 5, 8, 12, 16, 24];

/// Runs of each length that are tried.
const STARTS: usize = 3;

/// Runs that are put together at most.
const MOST_RUNS: usize = 4;

/// Choices that are narrowed.
const NARROWED: usize = 3;

/// Trials that narrowing one choice may take.
const NARROWING: usize = 40;

/// Choices that come out at most.
const MOST_CHOICES: usize = 5;

/// What a run costs beside its nodes, as a share of the whole model's: conversions at both ends.
const RUN_COST: f64 = 0.01;

/// Groups by number, rising.
pub type Kept = BTreeSet<usize>;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// Of each group: how well the outputs agree with only this group in integers; empty where that was not needed.
    pub alone: Vec<f64>,
    /// Choices that are good enough, the ones expected to be fastest first.
    pub good: Vec<Kept>,
    /// Everything that was tried, in order, with its agreement.
    pub tried: Vec<(Kept, f64)>,
}

/// Tries choices until some agree by `floor` or better. `costs` are each group's share of the model's work; `agreement` tries one; once
/// `goes_on` says no, nothing more is tried.
pub fn choose<E>(
    costs: &[f64],
    floor: f64,
    agreement: &mut dyn FnMut(&Kept) -> Result<f64, E>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Choices, E> {
    let mut trials = Trials {
        costs,
        floor,
        agreement,
        goes_on,
        known: BTreeMap::new(),
        tried: Vec::new(),
    };
    let all: Kept = (0..costs.len()).collect();
    let mut alone = Vec::new();
    let enough = trials.good_enough(&Kept::new())?;
    if !enough && trials.good_enough(&all)? {
        for group in 0..costs.len() {
            let others = all.iter().copied().filter(|other| *other != group).collect();
            alone.push(trials.of(&others)?.unwrap_or(1.0));
        }
        let harm: Vec<f64> = alone.iter().map(|agreement| (1.0 - agreement).max(0.0)).collect();
        trials.runs(&harm)?;
        trials.narrow_all()?;
    }
    let mut good = trials.good();
    good.truncate(MOST_CHOICES);
    Ok(Choices {
        alone,
        good,
        tried: trials.tried,
    })
}

struct Trials<'a, E> {
    costs: &'a [f64],
    floor: f64,
    agreement: &'a mut dyn FnMut(&Kept) -> Result<f64, E>,
    goes_on: &'a mut dyn FnMut() -> bool,
    known: BTreeMap<Kept, f64>,
    tried: Vec<(Kept, f64)>,
}

impl<E> Trials<'_, E> {
    /// How well a choice agrees; `None` where there was no more time to try it.
    fn of(&mut self, kept: &Kept) -> Result<Option<f64>, E> {
        if let Some(known) = self.known.get(kept) {
            return Ok(Some(*known));
        }
        if !(self.goes_on)() {
            return Ok(None);
        }
        let found = (self.agreement)(kept)?;
        self.known.insert(kept.clone(), found);
        self.tried.push((kept.clone(), found));
        Ok(Some(found))
    }

    fn good_enough(&mut self, kept: &Kept) -> Result<bool, E> {
        Ok(self.of(kept)?.is_some_and(|agreement| agreement >= self.floor))
    }

    /// What keeping these in floats is expected to cost, as a share of the whole model's work.
    fn cost(&self, kept: &Kept) -> f64 {
        let work: f64 = kept.iter().filter_map(|group| self.costs.get(*group)).sum();
        work + RUN_COST * runs(kept).len() as f64
    }

    /// Everything that is good enough, cheapest first.
    fn good(&self) -> Vec<Kept> {
        // With everything in floats there is nothing left of the integers.
        let whole = |kept: &Kept| !kept.is_empty() && kept.len() == self.costs.len();
        let good = self
            .known
            .iter()
            .filter(|(kept, agreement)| **agreement >= self.floor && !whole(kept));
        let mut good: Vec<Kept> = good.map(|(kept, _)| kept.clone()).collect();
        good.sort_by(|one, other| self.cost(one).total_cmp(&self.cost(other)));
        good
    }

    /// Puts runs together until some choice is good enough.
    fn runs(&mut self, harm: &[f64]) -> Result<(), E> {
        let mut base = Kept::new();
        let mut ranked: Vec<usize> = (0..harm.len()).collect();
        ranked.sort_by(|one, other| harm_of(harm, *other).total_cmp(&harm_of(harm, *one)));
        for count in WORST.iter().filter(|count| **count < harm.len()) {
            let worst = ranked.iter().take(*count).copied().collect();
            self.of(&worst)?;
        }
        for _ in 0..MOST_RUNS {
            let before = self.of(&base)?.unwrap_or(0.0);
            let mut found: Vec<(f64, Kept)> = Vec::new();
            for length in LENGTHS.iter().filter(|length| **length < harm.len()) {
                for start in starts(harm, &base, *length) {
                    let kept: Kept = base.iter().copied().chain(start..start + length).collect();
                    if let Some(agreement) = self.of(&kept)? {
                        found.push((agreement, kept));
                    }
                }
            }
            // Some other choice may be good enough and cost more than half of the model.
            let cheap = |trials: &Self| trials.good().first().is_some_and(|kept| trials.cost(kept) < 0.5);
            if cheap(self) {
                return Ok(());
            }
            let paid = self.cost(&base);
            let worth = |(agreement, kept): &(f64, Kept)| (agreement - before) / (self.cost(kept) - paid).max(RUN_COST);
            let best = found
                .into_iter()
                .max_by(|one, other| worth(one).total_cmp(&worth(other)));
            match best {
                Some((agreement, kept)) if agreement > before => base = kept,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// A choice without half, a quarter or one group at either end of its runs, cheapest first.
    fn narrower(&self, kept: &Kept) -> Vec<Kept> {
        let mut narrower = Vec::new();
        for (first, last) in runs(kept) {
            let length = last - first + 1;
            let mut cuts = vec![length / 2, length / 4, 1];
            cuts.dedup();
            for cut in cuts.into_iter().filter(|cut| *cut > 0) {
                for given in [first..first + cut, last + 1 - cut..last + 1] {
                    narrower.push(
                        kept.iter()
                            .copied()
                            .filter(|group| !given.contains(group))
                            .collect::<Kept>(),
                    );
                }
            }
        }
        narrower.sort_by(|one, other| self.cost(one).total_cmp(&self.cost(other)));
        narrower.dedup();
        narrower
    }

    /// Gives the ends of runs back to the integers, as far as the rest stays good enough.
    fn narrow_all(&mut self) -> Result<(), E> {
        for start in self.good().into_iter().take(NARROWED) {
            let mut kept = start;
            let mut left = NARROWING;
            'narrower: loop {
                for fewer in self.narrower(&kept) {
                    if left == 0 {
                        break 'narrower;
                    }
                    left -= 1;
                    if self.good_enough(&fewer)? {
                        kept = fewer;
                        continue 'narrower;
                    }
                }
                break;
            }
        }
        Ok(())
    }
}

fn harm_of(harm: &[f64], group: usize) -> f64 {
    harm.get(group).copied().unwrap_or(0.0)
}

/// The runs of neighbours in a choice, by their first and last group.
fn runs(kept: &Kept) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for group in kept {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *group => *last = *group,
            _ => runs.push((*group, *group)),
        }
    }
    runs
}

/// Where runs of that length take the most harm away that `base` leaves, apart from each other by half of it.
fn starts(harm: &[f64], base: &Kept, length: usize) -> Vec<usize> {
    let gain = |start: usize| -> f64 {
        let groups = (start..start + length).filter(|group| !base.contains(group));
        groups.map(|group| harm_of(harm, group)).sum()
    };
    let mut all: Vec<(f64, usize)> = (0..=harm.len().saturating_sub(length))
        .map(|start| (gain(start), start))
        .collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut taken: Vec<usize> = Vec::new();
    for (_, start) in all {
        if taken.len() < STARTS && taken.iter().all(|other| start.abs_diff(*other) * 2 >= length) {
            taken.push(start);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Noise of groups adds up, and every end of a run adds a little.
    fn model(noise: &[f64], kept: &Kept) -> f64 {
        let left: f64 = noise
            .iter()
            .enumerate()
            .filter(|(group, _)| !kept.contains(group))
            .map(|(_, noise)| noise)
            .sum();
        1.0 - left - 0.0005 * runs(kept).len() as f64
    }

    fn search(noise: &[f64], floor: f64, mut trials: usize) -> Choices {
        let costs = vec![1.0 / noise.len().max(1) as f64; noise.len()];
        let mut agreement = |kept: &Kept| Ok::<f64, Infallible>(model(noise, kept));
        let mut goes_on = || {
            trials = trials.saturating_sub(1);
            trials > 0
        };
        let Ok(found) = choose(&costs, floor, &mut agreement, &mut goes_on);
        found
    }

    #[test]
    fn nothing_is_kept_where_nothing_must_be() {
        let found = search(&[0.001; 10], 0.98, 1000);
        assert_eq!((found.good, found.tried.len()), (vec![Kept::new()], 1));
    }

    #[test]
    fn a_sensitive_region_is_found_and_not_more() {
        let mut noise = vec![0.0001; 50];
        noise[7..12].fill(0.01);
        let found = search(&noise, 0.985, 1000);
        let best = &found.good[0];
        assert!(
            best.len() <= 5 && best.iter().all(|group| (7..12).contains(group)),
            "{best:?}"
        );
        assert!(model(&noise, best) >= 0.985);
        assert_eq!(found.alone.len(), 50);
    }

    #[test]
    fn two_regions_are_put_together() {
        let mut noise = vec![0.0; 60];
        noise[5..8].fill(0.01);
        noise[40..43].fill(0.01);
        let found = search(&noise, 0.995, 1000);
        let best = &found.good[0];
        assert_eq!(best.len(), 6, "{best:?}");
    }

    #[test]
    fn what_cannot_be_reached_is_not_found() {
        assert!(search(&[0.01; 10], 0.9999, 1000).good.is_empty());
    }

    proptest! {
        #[test]
        fn only_what_is_good_enough_comes_out(
            noise in prop::collection::vec(0.0_f64..0.02, 0..40), floor in 0.5_f64..1.0, trials in 1_usize..300
        ) {
            let found = search(&noise, floor, trials);
            for kept in &found.good {
                prop_assert!(model(&noise, kept) >= floor);
                prop_assert!(kept.iter().all(|group| *group < noise.len()));
            }
            prop_assert!(found.tried.len() <= trials);
            prop_assert!(noise.is_empty() || found.good.iter().all(|kept| kept.len() < noise.len()));
            prop_assert_eq!(&search(&noise, floor, trials), &found);
        }
    }
}
