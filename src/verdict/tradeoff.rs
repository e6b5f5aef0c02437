//! Which variant of a model is worth having: a score over latency and size, one of four words for each, and the Pareto front over
//! latency, size and accuracy. Pure: what was measured comes in, what it means goes out.
//!
//! The score is `0.6 × (baseline's latency / variant's) + 0.4 × (baseline's size / variant's)`; above 1 a variant is a candidate. Noise is no
//! gain: the score must stay above 1 at the unfavourable end of the latency's interval too, and a variant whose whole interval is slower
//! than the baseline is never a candidate, however small it is.

use std::fmt;

use crate::stats::interval::Interval;

/// What the gain in latency counts in the score.
pub const LATENCY_WEIGHT: f64 = 0.6;

/// What the gain in size counts in the score.
pub const SIZE_WEIGHT: f64 = 0.4;

/// Cosines are compared as they are shown: in steps of a ten-thousandth.
const COSINE_STEPS: f64 = 1e4;

/// What variants are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Its name in reasons: `fp32`.
    pub name: String,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
}

/// What became of a variant.
#[derive(Debug, Clone, PartialEq)]
pub enum Tried {
    /// It works and was measured beside the baseline.
    Measured(Candidate),
    /// It could not be made, does not run, or was not measured; why, as a sentence fragment.
    Failed(String),
}

/// A variant that works.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name in reasons.
    pub name: String,
    /// Its latency over the baseline's, measured in pairs: 1 is equally fast, 0.5 twice as fast.
    pub latency: Interval,
    /// Bytes on disk, external data included; above zero.
    pub size_bytes: u64,
    /// The cosine similarity of its outputs and the baseline's, −1 to 1.
    pub cosine: f64,
}

/// One of the four words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// What the others are compared with.
    Baseline,
    /// The highest score.
    Recommended,
    /// The smallest of the other candidates.
    Aggressive,
    /// Not worth having, with a reason.
    Skip,
}

impl Word {
    /// As it stands in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Recommended => "recommended",
            Self::Aggressive => "aggressive",
            Self::Skip => "skip",
        }
    }
}

/// Why a variant is skipped.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// It does not work.
    Failed(String),
    /// Its outputs are too far from the baseline's.
    Inaccurate {
        /// Its cosine similarity.
        cosine: f64,
        /// The least that is accepted.
        least: f64,
    },
    /// Its whole interval is slower than the baseline.
    Slower {
        /// The baseline.
        than: String,
        /// Its latency over the baseline's.
        latency: Interval,
    },
    /// It is neither small nor fast enough to make up for what it costs.
    NoGain {
        /// The score, at most 1.
        score: f64,
    },
    /// What it seems to gain may be noise.
    Noise {
        /// The score, above 1.
        score: f64,
    },
    /// Another one is as good in everything and better in something.
    Dominated {
        /// The other one.
        by: String,
        /// In what it is better, as it follows a name: `is smaller and faster`.
        how: String,
    },
    /// A candidate like the recommended one, with a lower score, and not the smallest.
    LowerScore {
        /// Its score.
        score: f64,
        /// The recommended one.
        best: String,
        /// The recommended one's score.
        best_score: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Inaccurate { cosine, least } => {
                // Enough digits that it does not look like the limit that it misses.
                let digits = (4..9).find(|digits| format!("{cosine:.digits$}") != format!("{least:.digits$}"));
                let digits = digits.unwrap_or(9);
                write!(f, "cosine {cosine:.digits$} is below {least}")
            }
            Self::Slower { than, latency } => {
                let percent = |ratio: f64| 100.0 * (ratio - 1.0);
                write!(
                    f,
                    "slower than {than}: +{:.1} % (at least +{:.1} %)",
                    percent(latency.center),
                    percent(latency.lower)
                )
            }
            Self::NoGain { score } => write!(f, "no gain: score {score:.2}"),
            Self::Noise { score } => write!(f, "no gain beyond noise: score {score:.2}"),
            Self::Dominated { by, how } => write!(f, "{by} {how}"),
            Self::LowerScore {
                score,
                best,
                best_score,
            } => write!(f, "score {score:.2} is below the {best_score:.2} of {best}"),
        }
    }
}

/// What one variant is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The word.
    pub word: Word,
    /// The score; `None` where nothing was measured.
    pub score: Option<f64>,
    /// Why it is skipped; `None` where it is not.
    pub reason: Option<Reason>,
    /// True where no other accurate one is as good in everything and better in something.
    pub on_front: bool,
}

/// All variants, and whether the baseline itself is on the front.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// One entry a variant, in their order.
    pub variants: Vec<Judgement>,
    /// True where no variant is as good as the baseline in everything and better in something.
    pub baseline_on_front: bool,
}

/// The score of a variant with `latency` and `size` relative to the baseline's; 1 each is the baseline itself.
pub fn score(latency: f64, size: f64) -> f64 {
    LATENCY_WEIGHT / latency + SIZE_WEIGHT / size
}

impl Candidate {
    fn score_at(&self, latency: f64, reference: &Reference) -> f64 {
        score(latency, self.size_bytes as f64 / reference.size_bytes.max(1) as f64)
    }

    /// Its score.
    pub fn score(&self, reference: &Reference) -> f64 {
        self.score_at(self.latency.center, reference)
    }

    /// True where all of its interval is slower than the baseline.
    pub fn is_slower(&self) -> bool {
        self.latency.lower > 1.0
    }

    /// In what it is better than `other`, where it is as good in everything and better in something. Latencies whose intervals overlap
    /// are equal: neither dominates by them.
    pub fn dominates(&self, other: &Self) -> Option<String> {
        let shown = |cosine: f64| (cosine * COSINE_STEPS).round();
        let is_slower = self.latency.lower > other.latency.upper;
        let is_larger = self.size_bytes > other.size_bytes;
        let is_less_accurate = shown(self.cosine) < shown(other.cosine);
        if is_slower || is_larger || is_less_accurate {
            return None;
        }
        let better = [
            ("smaller", self.size_bytes < other.size_bytes),
            ("faster", self.latency.upper < other.latency.lower),
            ("more accurate", shown(self.cosine) > shown(other.cosine)),
        ];
        let better: Vec<&str> = better
            .into_iter()
            .filter_map(|(word, holds)| holds.then_some(word))
            .collect();
        let (last, before) = better.split_last()?;
        Some(match before {
            [] => format!("is {last}"),
            before => format!("is {} and {last}", before.join(", ")),
        })
    }

    /// The baseline as one of the points.
    fn of(reference: &Reference) -> Self {
        Self {
            name: reference.name.clone(),
            latency: Interval {
                center: 1.0,
                lower: 1.0,
                upper: 1.0,
            },
            size_bytes: reference.size_bytes,
            cosine: 1.0,
        }
    }
}

/// Judges every variant against the baseline; outputs must reach a cosine similarity of `least_cosine`.
pub fn judge(reference: &Reference, tried: &[Tried], least_cosine: f64) -> Judged {
    let baseline = Candidate::of(reference);
    let accurate: Vec<&Candidate> = tried
        .iter()
        .filter_map(measured)
        .filter(|candidate| candidate.cosine >= least_cosine)
        .collect();
    let on_front = |candidate: &Candidate| {
        std::iter::once(&baseline)
            .chain(accurate.iter().copied())
            .all(|other| other.dominates(candidate).is_none())
    };
    let mut variants: Vec<Judgement> = tried
        .iter()
        .map(|tried| Judgement {
            word: Word::Skip,
            score: measured(tried).map(|candidate| candidate.score(reference)),
            reason: flaw(tried, reference, least_cosine),
            on_front: measured(tried).is_some_and(|candidate| candidate.cosine >= least_cosine && on_front(candidate)),
        })
        .collect();
    skip_dominated(tried, &mut variants);
    choose(reference, tried, &mut variants);
    Judged {
        variants,
        baseline_on_front: on_front(&baseline),
    }
}

fn measured(tried: &Tried) -> Option<&Candidate> {
    match tried {
        Tried::Measured(candidate) => Some(candidate),
        Tried::Failed(_) => None,
    }
}

/// What speaks against a variant by itself.
fn flaw(tried: &Tried, reference: &Reference, least_cosine: f64) -> Option<Reason> {
    let candidate = match tried {
        Tried::Failed(why) => return Some(Reason::Failed(why.clone())),
        Tried::Measured(candidate) => candidate,
    };
    let score = candidate.score(reference);
    // What is no number is no cosine that suffices either.
    if candidate.cosine.is_nan() || candidate.cosine < least_cosine {
        return Some(Reason::Inaccurate {
            cosine: candidate.cosine,
            least: least_cosine,
        });
    }
    if candidate.is_slower() {
        return Some(Reason::Slower {
            than: reference.name.clone(),
            latency: candidate.latency,
        });
    }
    if score.is_nan() || score <= 1.0 {
        return Some(Reason::NoGain { score });
    }
    let at_worst = candidate.score_at(candidate.latency.upper, reference);
    (at_worst.is_nan() || at_worst <= 1.0).then_some(Reason::Noise { score })
}

/// Skips candidates that another candidate dominates; what dominates has no cycle, so one is always left.
fn skip_dominated(tried: &[Tried], variants: &mut [Judgement]) {
    let candidates: Vec<&Candidate> = tried
        .iter()
        .zip(variants.iter())
        .filter(|(_, judgement)| judgement.reason.is_none())
        .filter_map(|(tried, _)| measured(tried))
        .collect();
    for (tried, judgement) in tried.iter().zip(variants) {
        let Some(candidate) = measured(tried).filter(|_| judgement.reason.is_none()) else {
            continue;
        };
        judgement.reason = candidates.iter().find_map(|other| {
            let how = other.dominates(candidate)?;
            Some(Reason::Dominated {
                by: other.name.clone(),
                how,
            })
        });
    }
}

/// Gives the words to what is left: the highest score, the smallest of the others that is smaller than the baseline, and a reason to the
/// rest. Of equals the first counts.
fn choose(reference: &Reference, tried: &[Tried], variants: &mut [Judgement]) {
    let left: Vec<(usize, &Candidate)> = tried
        .iter()
        .enumerate()
        .filter(|(index, _)| variants.get(*index).is_some_and(|judgement| judgement.reason.is_none()))
        .filter_map(|(index, tried)| Some((index, measured(tried)?)))
        .collect();
    let highest = left.iter().copied().reduce(|best, next| {
        if next.1.score(reference) > best.1.score(reference) {
            next
        } else {
            best
        }
    });
    let Some((recommended, best)) = highest else {
        return;
    };
    let smallest = left
        .iter()
        .filter(|(index, candidate)| *index != recommended && candidate.size_bytes < reference.size_bytes)
        .min_by_key(|(_, candidate)| candidate.size_bytes)
        .map(|(index, _)| *index);
    for (index, candidate) in &left {
        let Some(judgement) = variants.get_mut(*index) else {
            continue;
        };
        if *index == recommended {
            judgement.word = Word::Recommended;
        } else if Some(*index) == smallest {
            judgement.word = Word::Aggressive;
        } else {
            judgement.reason = Some(Reason::LowerScore {
                score: candidate.score(reference),
                best: best.name.clone(),
                best_score: best.score(reference),
            });
        }
    }
}

/// What an interval of a latency over another says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// All of it is below 1.
    Faster,
    /// It holds 1.
    Same,
    /// All of it is above 1.
    Slower,
}

impl Speed {
    /// Of a latency over another.
    pub fn of(latency: &Interval) -> Self {
        if latency.upper < 1.0 {
            Self::Faster
        } else if latency.lower > 1.0 {
            Self::Slower
        } else {
            Self::Same
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference() -> Reference {
        Reference {
            name: "fp32".to_owned(),
            size_bytes: 13_400_000,
        }
    }

    fn candidate(name: &str, (center, half): (f64, f64), size_bytes: u64, cosine: f64) -> Tried {
        Tried::Measured(Candidate {
            name: name.to_owned(),
            latency: Interval {
                center,
                lower: center - half,
                upper: center + half,
            },
            size_bytes,
            cosine,
        })
    }

    fn told(tried: &[Tried]) -> Vec<String> {
        judge(&reference(), tried, 0.99)
            .variants
            .into_iter()
            .map(|judgement| {
                let reason = judgement.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{}{reason}", judgement.word.name())
            })
            .collect()
    }

    #[test]
    fn the_score_is_the_documented_one() {
        assert_eq!(score(1.0, 1.0), 1.0);
        assert!((score(0.5, 0.25) - (1.2 + 1.6)).abs() < 1e-12);
    }

    #[test]
    fn every_kind_of_variant_gets_its_word_and_reason() {
        let tried = [
            candidate("int8-static", (0.54, 0.01), 3_700_000, 0.9645),
            candidate("mixed", (0.60, 0.01), 5_100_000, 0.9912),
            candidate("fp16", (1.25, 0.01), 6_700_000, 1.0),
            candidate("palettize-4", (1.0, 0.02), 2_000_000, 0.9905),
            candidate("large-mixed", (0.70, 0.01), 5_200_000, 0.9912),
            candidate("prune-0.50", (1.0, 0.02), 13_400_000, 0.995),
            candidate("prune-structured-0.25", (0.80, 0.01), 8_000_000, 0.9995),
            candidate("simplify", (0.99, 0.02), 13_400_000, 1.0),
            Tried::Failed("no MatMul".to_owned()),
        ];
        // `palettize-4` is a quarter as large as `mixed` and as fast as fp32: its score is the highest.
        assert_eq!(
            told(&tried),
            [
                "skip: cosine 0.9645 is below 0.99",
                "aggressive",
                "skip: slower than fp32: +25.0 % (at least +24.0 %)",
                "recommended",
                "skip: mixed is smaller and faster",
                "skip: no gain: score 1.00",
                "skip: score 1.42 is below the 3.28 of palettize-4",
                "skip: no gain beyond noise: score 1.01",
                "skip: failed: no MatMul",
            ]
        );
        let judged = judge(&reference(), &tried, 0.99);
        let front: Vec<bool> = judged.variants.iter().map(|variant| variant.on_front).collect();
        assert_eq!(
            front,
            [false, true, true, true, false, false, true, true, false],
            "inaccurate, dominated and failed ones are not on the front"
        );
        assert!(judged.baseline_on_front);
    }

    #[test]
    fn a_cosine_never_looks_like_the_limit_that_it_misses() {
        let tried = [candidate("int8", (0.5, 0.01), 1_000, 0.989_999)];
        assert_eq!(told(&tried), ["skip: cosine 0.989999 is below 0.99"]);
        let tried = [candidate("int8", (0.5, 0.01), 1_000, f64::NAN)];
        assert_eq!(told(&tried), ["skip: cosine NaN is below 0.99"]);
    }

    #[test]
    fn overlapping_latencies_do_not_dominate() {
        let as_candidate = |tried: &Tried| measured(tried).cloned().unwrap();
        let one = as_candidate(&candidate("a", (0.60, 0.05), 5, 1.0));
        let other = as_candidate(&candidate("b", (0.62, 0.05), 5, 1.0));
        assert_eq!(one.dominates(&other), None);
        let smaller = Candidate { size_bytes: 4, ..other };
        assert_eq!(smaller.dominates(&one).as_deref(), Some("is smaller"));
    }

    #[test]
    fn what_is_no_smaller_is_not_aggressive() {
        let tried = [
            candidate("fast", (0.5, 0.01), 13_400_000, 1.0),
            candidate("less", (0.9, 0.01), 13_400_001, 1.0),
            candidate("small", (0.99, 0.02), 1_000_000, 0.995),
        ];
        assert_eq!(
            told(&tried),
            [
                "skip: score 1.60 is below the 5.97 of small",
                "skip: fast is smaller and faster",
                "recommended",
            ]
        );
    }

    #[test]
    fn intervals_say_which_is_faster() {
        let of = |center: f64, half: f64| {
            Speed::of(&Interval {
                center,
                lower: center - half,
                upper: center + half,
            })
        };
        assert_eq!(of(0.9, 0.05), Speed::Faster);
        assert_eq!(of(0.9, 0.2), Speed::Same);
        assert_eq!(of(1.3, 0.2), Speed::Slower);
    }

    fn any_tried() -> impl Strategy<Value = Vec<Tried>> {
        let one = (0.3_f64..2.0, 0.0_f64..0.2, 1_u64..20, 0.9_f64..=1.0, 0_u8..10);
        prop::collection::vec(one, 0..12).prop_map(|variants| {
            variants
                .into_iter()
                .enumerate()
                .map(|(index, (center, half, size, cosine, fate))| {
                    if fate == 0 {
                        Tried::Failed("broken".to_owned())
                    } else {
                        candidate(&format!("v{index}"), (center, half), size * 1_000_000, cosine)
                    }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_recommended_is_accurate_and_not_slower(tried in any_tried()) {
            let judged = judge(&reference(), &tried, 0.99);
            let chosen: Vec<_> = tried.iter().zip(&judged.variants).filter(|(_, judgement)| judgement.word != Word::Skip).collect();
            for (tried, judgement) in &chosen {
                let candidate = measured(tried).unwrap();
                prop_assert!(candidate.latency.lower <= 1.0);
                prop_assert!(candidate.cosine >= 0.99);
                prop_assert!(judgement.score.unwrap() > 1.0);
                prop_assert!(judgement.reason.is_none());
            }
            prop_assert!(chosen.iter().filter(|(_, judgement)| judgement.word == Word::Recommended).count() <= 1);
            prop_assert!(chosen.iter().filter(|(_, judgement)| judgement.word == Word::Aggressive).count() <= 1);
        }

        #[test]
        fn whatever_is_skipped_has_a_reason(tried in any_tried()) {
            for judgement in judge(&reference(), &tried, 0.99).variants {
                prop_assert_eq!(judgement.word == Word::Skip, judgement.reason.is_some());
            }
        }

        #[test]
        fn no_point_of_the_front_is_dominated_and_it_is_never_empty(tried in any_tried()) {
            let judged = judge(&reference(), &tried, 0.99);
            let mut points = vec![(Candidate::of(&reference()), judged.baseline_on_front)];
            for (tried, judgement) in tried.iter().zip(&judged.variants) {
                match measured(tried).filter(|candidate| candidate.cosine >= 0.99) {
                    Some(candidate) => points.push((candidate.clone(), judgement.on_front)),
                    None => prop_assert!(!judgement.on_front),
                }
            }
            prop_assert!(points.iter().any(|(_, on_front)| *on_front));
            for (candidate, on_front) in &points {
                let dominated = points.iter().any(|(other, _)| other.dominates(candidate).is_some());
                prop_assert_eq!(*on_front, !dominated);
            }
        }

        #[test]
        fn a_candidate_is_left_wherever_there_was_one(tried in any_tried()) {
            let judged = judge(&reference(), &tried, 0.99);
            let any = tried.iter().any(|tried| flaw(tried, &reference(), 0.99).is_none());
            prop_assert_eq!(any, judged.variants.iter().any(|judgement| judgement.word == Word::Recommended));
        }
    }
}
