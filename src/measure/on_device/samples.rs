//! What was measured on a phone, as it is kept: every run's own summary, in order.

use serde::Deserialize;
use serde::Serialize;

use crate::device::facts::Condition;
use crate::machine::Activity;
use crate::measure::on_device::heat::Heat;
use crate::measure::on_device::output::Run;
use crate::measure::on_device::output::Statistic;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Process;
use crate::measure::samples::Restart;
use crate::measure::samples::Round;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::StopReason;
use crate::measure::samples::Which;

/// One run of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Whose.
    pub side: Which,
    /// What it told.
    pub run: Run,
}

/// Some runs with nothing but each other in between, and how the phone was before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceRestart {
    /// The runs in order: A B B A or B A A B; two of one side where it is measured alone.
    pub turns: Vec<Turn>,
    /// Before the first.
    pub before: Condition,
    /// After the last.
    pub after: Condition,
    /// What its heat means.
    pub heat: Heat,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceMeasurement {
    /// All restarts in order, those that do not count too.
    pub restarts: Vec<DeviceRestart>,
    /// The looks that were taken, in restarts that count.
    pub looks: Looks,
    /// Why it ended.
    pub stopped: StopReason,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Inferences of each run: warm-up and timed.
    pub inferences: (u32, u32),
    /// What a reader should know.
    pub warnings: Vec<String>,
}

impl DeviceRestart {
    /// True where it was not too warm.
    pub fn counts(&self) -> bool {
        !matches!(self.heat, Heat::TooWarm(_))
    }

    /// One side's runs.
    pub fn of(&self, side: Which) -> impl Iterator<Item = &Run> + '_ {
        self.turns
            .iter()
            .filter(move |turn| turn.side == side)
            .map(|turn| &turn.run)
    }

    /// As a restart of the desk, whose blocks hold one sample a run; `None` where a side has no run.
    pub(super) fn as_pair(&self) -> Option<Restart> {
        let rounds = self.turns.chunks_exact(2).map(|turns| {
            let first = turns.first()?.side;
            let block = |side| turns.iter().find(|turn| turn.side == side).map(|turn| block(&turn.run));
            Some(Round {
                first,
                baseline: block(Which::Baseline)?,
                candidate: block(Which::Candidate)?,
            })
        });
        Some(Restart {
            baseline: process(self.of(Which::Baseline))?,
            candidate: process(self.of(Which::Candidate))?,
            rounds: rounds.collect::<Option<_>>()?,
        })
    }

    /// The same of a side measured alone.
    pub(super) fn as_lone(&self) -> Option<LoneRestart> {
        Some(LoneRestart {
            process: process(self.of(Which::Candidate))?,
            blocks: self.of(Which::Candidate).map(block).collect(),
        })
    }
}

fn block(run: &Run) -> Block {
    Block {
        wall: vec![run.timed.typical()],
        stolen: Vec::new(),
    }
}

/// Start-up figures are the means over its runs.
fn process<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<Process> {
    let (mut load, mut first, mut count) = (0.0, 0.0, 0_u32);
    for run in runs {
        load += run.init_seconds;
        first += run.first_seconds;
        count += 1;
    }
    (count > 0).then(|| Process {
        load_seconds: load / f64::from(count),
        first_seconds: first / f64::from(count),
        warmup: Vec::new(),
        peak_bytes: None,
        loaded_bytes: None,
    })
}

impl DeviceMeasurement {
    /// Restarts that count.
    pub fn counted(&self) -> usize {
        self.restarts.iter().filter(|restart| restart.counts()).count()
    }

    /// What a sample is, where there is any and all runs tell the same.
    pub fn statistic(&self) -> Option<Statistic> {
        let runs = || self.restarts.iter().flat_map(|restart| &restart.turns);
        let of = |turn: &crate::measure::on_device::samples::Turn| turn.run.timed.statistic();
        let first = of(runs().next()?);
        if runs().all(|turn| of(turn) == first) {
            Some(first)
        } else {
            // Equal inferences have a median even where the version tells none.
            Some(Statistic::Mean)
        }
    }

    /// As a measurement of the desk, for what reads those: a sample a run, so that nothing but the centre means anything.
    pub fn as_pair(&self) -> PairMeasurement {
        let counting = self.restarts.iter().filter(|restart| restart.counts());
        PairMeasurement {
            restarts: counting.filter_map(DeviceRestart::as_pair).collect(),
            looks: self.looks.clone(),
            stopped: self.stopped,
            seconds: self.seconds,
            cores: None,
            runtime_version: String::new(),
            empty_session_bytes: None,
            load_average: None,
            activity: Activity::default(),
            warnings: self.warnings.clone(),
        }
    }

    /// The same where one side was measured alone.
    pub fn as_side(&self) -> SideMeasurement {
        let counting = self.restarts.iter().filter(|restart| restart.counts());
        SideMeasurement {
            restarts: counting.filter_map(DeviceRestart::as_lone).collect(),
            looks: self.looks.clone(),
            stopped: self.stopped,
            seconds: self.seconds,
            cores: None,
            runtime_version: String::new(),
            empty_session_bytes: None,
            load_average: None,
            activity: Activity::default(),
            warnings: self.warnings.clone(),
        }
    }
}
