//! The statistics against recorded noise: false alarms, coverage, power. No clock, fixed seeds.

use std::fs;
use std::path::Path;

use mlbuild::measure::plan::LOOKS;
use mlbuild::stats::interval::Estimate;
use mlbuild::stats::sequential::TAIL;
use mlbuild::stats::sequential::tail_at_last_look;
use mlbuild::stats::summary::mean;
use mlbuild::stats::summary::median;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

/// The limit of the default gate.
const LIMIT: f64 = 0.05;

const DRAWS: usize = 1000;

/// One value a restart: the median over its first sixteen rounds.
struct Corpus {
    name: String,
    restarts: Vec<f64>,
}

fn corpora() -> Vec<Corpus> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/noise");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 8);
    paths
        .into_iter()
        .map(|path| Corpus {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            restarts: fs::read_to_string(&path)
                .unwrap()
                .lines()
                .map(|line| {
                    let rounds: Vec<f64> = line.split(',').take(16).map(|number| number.parse().unwrap()).collect();
                    median(&rounds).unwrap()
                })
                .collect(),
        })
        .collect()
}

impl Corpus {
    /// Restarts drawn with replacement. Which side is called the first is an accident, so each draw's sign is too; that makes the
    /// truth exactly `shift`.
    fn draw(&self, count: usize, shift: f64, random: &mut Pcg64) -> Vec<f64> {
        (0..count)
            .map(|_| {
                let value = self.restarts[random.random_range(0..self.restarts.len())];
                shift + if random.random_bool(0.5) { value } else { -value }
            })
            .collect()
    }
}

#[derive(Debug, PartialEq)]
enum Call {
    Regression,
    Pass,
    Undecided,
}

/// Looks by plan until the limit is decided; how many restarts that took.
fn call(values: &[f64], tails: &[f64], limit: f64) -> (Call, usize) {
    for (look, tail) in LOOKS.iter().zip(tails) {
        let interval = Estimate::of(&values[..*look]).unwrap().interval(*tail);
        if interval.lower > limit {
            return (Call::Regression, *look);
        }
        if interval.upper <= limit {
            return (Call::Pass, *look);
        }
    }
    (Call::Undecided, LOOKS[LOOKS.len() - 1])
}

fn tails(alpha: f64) -> Vec<f64> {
    (1..=LOOKS.len())
        .map(|taken| tail_at_last_look(&LOOKS[..taken], 60, taken == LOOKS.len(), alpha))
        .collect()
}

/// Shares of regression and pass, and the mean number of restarts.
fn study(corpus: &Corpus, true_ratio: f64, alpha: f64) -> (f64, f64, f64) {
    let mut random = Pcg64::seed_from_u64(20);
    let tails = tails(alpha);
    let calls: Vec<(Call, usize)> = (0..DRAWS)
        .map(|_| {
            call(
                &corpus.draw(60, true_ratio.ln(), &mut random),
                &tails,
                (1.0 + LIMIT).ln(),
            )
        })
        .collect();
    let share = |wanted: Call| calls.iter().filter(|(call, _)| *call == wanted).count() as f64 / DRAWS as f64;
    let restarts: Vec<f64> = calls.iter().map(|(_, restarts)| *restarts as f64).collect();
    (share(Call::Regression), share(Call::Pass), mean(&restarts).unwrap())
}

#[test]
fn the_same_model_is_never_a_regression() {
    for corpus in corpora() {
        let (regression, pass, restarts) = study(&corpus, 1.0, TAIL);
        assert!(regression <= 0.002, "{}: {regression}", corpus.name);
        assert!(pass >= 0.98, "{}: passes {pass}", corpus.name);
        assert!(restarts < 30.0, "{}: {restarts} restarts", corpus.name);
    }
}

#[test]
fn ten_per_cent_more_is_a_regression() {
    for corpus in corpora() {
        let (regression, pass, restarts) = study(&corpus, 1.10, TAIL);
        assert!(regression >= 0.98, "{}: {regression}", corpus.name);
        assert!(pass <= 0.002, "{}: passes {pass}", corpus.name);
        assert!(restarts < 32.0, "{}: {restarts} restarts", corpus.name);
        // With eight hypotheses in the family, each at first at an eighth of the error.
        let (regression, _, _) = study(&corpus, 1.10, TAIL / 8.0);
        assert!(regression >= 0.95, "{}: {regression} in a family of eight", corpus.name);
    }
}

#[test]
fn a_change_of_just_the_limit_is_called_wrongly_as_seldom_as_promised() {
    let mut wrong = Vec::new();
    for corpus in corpora() {
        let (regression, pass, _) = study(&corpus, 1.0 + LIMIT, TAIL);
        // Three standard errors of a share of 0.025 among the draws, for single corpora.
        let slack = 3.0 * (TAIL * (1.0 - TAIL) / DRAWS as f64).sqrt();
        assert!(regression <= TAIL + slack, "{}: regression {regression}", corpus.name);
        assert!(pass <= TAIL + slack, "{}: pass {pass}", corpus.name);
        wrong.extend([regression, pass]);
    }
    let average = mean(&wrong).unwrap();
    assert!(average <= TAIL, "{average}");
    assert!(average >= 0.01, "{average}: so careful that power is given away");
}

#[test]
fn intervals_of_a_fixed_number_of_restarts_hold_the_truth() {
    for corpus in corpora() {
        for restarts in [5, 8, 12, 20] {
            let mut random = Pcg64::seed_from_u64(restarts as u64);
            let held = (0..DRAWS)
                .filter(|_| {
                    let interval = Estimate::of(&corpus.draw(restarts, 0.0, &mut random))
                        .unwrap()
                        .interval(TAIL);
                    interval.lower <= 0.0 && interval.upper >= 0.0
                })
                .count() as f64
                / DRAWS as f64;
            assert!((0.93..=0.99).contains(&held), "{} at {restarts}: {held}", corpus.name);
        }
    }
}

#[test]
fn a_thousand_draws_hold_the_truth_as_often_as_promised() {
    let corpora = corpora();
    let mut random = Pcg64::seed_from_u64(95);
    let mut held = 0;
    for draw in 0..DRAWS {
        let restarts = [5, 8, 13, 22][draw % 4];
        let values = corpora[draw % corpora.len()].draw(restarts, 0.0, &mut random);
        let interval = Estimate::of(&values).unwrap().interval(TAIL);
        held += usize::from(interval.lower <= 0.0 && interval.upper >= 0.0);
    }
    let held = held as f64 / DRAWS as f64;
    assert!((0.93..=0.97).contains(&held), "{held} of fixed numbers of restarts");
}

#[test]
fn intervals_hold_the_truth_however_measuring_stopped() {
    let corpora = corpora();
    let mut random = Pcg64::seed_from_u64(96);
    let tails = tails(TAIL);
    for (limit, shift) in [(LIMIT, 0.0), (LIMIT, 0.05), (LIMIT, 0.10), (0.025, 0.05)] {
        let mut held = 0;
        for draw in 0..DRAWS {
            let truth = f64::ln(1.0 + shift);
            let values = corpora[draw % corpora.len()].draw(60, truth, &mut random);
            let (_, restarts) = call(&values, &tails, f64::ln(1.0 + limit));
            let look = LOOKS.iter().position(|look| *look == restarts).unwrap();
            let interval = Estimate::of(&values[..restarts]).unwrap().interval(tails[look]);
            held += usize::from(interval.lower <= truth && interval.upper >= truth);
        }
        let held = held as f64 / DRAWS as f64;
        assert!(held >= 0.93, "{held} at a change of {shift}, limit {limit}");
    }
}

#[test]
fn pooling_rounds_would_lie() {
    // Why the restart is the unit: the interval from all rounds of five restarts is too narrow to hold the truth.
    let corpus = corpora()
        .into_iter()
        .find(|corpus| corpus.name == "digits_cnn_quiet")
        .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/noise/digits_cnn_quiet.csv");
    let rounds: Vec<Vec<f64>> = fs::read_to_string(folder)
        .unwrap()
        .lines()
        .map(|line| line.split(',').map(|number| number.parse().unwrap()).collect())
        .collect();
    assert_eq!(rounds.len(), corpus.restarts.len());
    let mut random = Pcg64::seed_from_u64(5);
    let held = (0..DRAWS)
        .filter(|_| {
            let pooled: Vec<f64> = (0..5)
                .flat_map(|_| {
                    let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
                    let restart = &rounds[random.random_range(0..rounds.len())];
                    restart.iter().map(move |round| sign * round)
                })
                .collect();
            let interval = Estimate::of(&pooled).unwrap().interval(TAIL);
            interval.lower <= 0.0 && interval.upper >= 0.0
        })
        .count() as f64
        / DRAWS as f64;
    assert!(held < 0.6, "{held}");
}
