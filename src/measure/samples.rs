//! Raw samples as they are kept: what each restart measured, nothing trimmed, nothing averaged.

use serde::Deserialize;
use serde::Serialize;

use crate::machine::Activity;
use crate::runtime::Timed;

/// One of the two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// What is compared with.
    Baseline,
    /// What is judged.
    Candidate,
}

impl Which {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Candidate => "candidate",
        }
    }
}

/// What a fresh process told about starting up and about its memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Seconds from the model's bytes to a session ready to run.
    pub load_seconds: f64,
    /// Seconds of the very first inference.
    pub first_seconds: f64,
    /// Seconds of the inferences right after it, before any that count.
    #[serde(with = "nanoseconds")]
    pub warmup: Vec<f64>,
    /// The most memory that the process held at any time, in bytes; `None` where the system doesn't tell.
    pub peak_bytes: Option<u64>,
    /// The memory that the process held with the session built and before the first inference, in bytes; `None` where the system
    /// doesn't tell.
    pub loaded_bytes: Option<u64>,
}

/// A run of inferences without a pause. Stored in whole nanoseconds, the clock's own grain and a third of the text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Block {
    /// Seconds of each inference on the wall clock.
    #[serde(with = "nanoseconds")]
    pub wall: Vec<f64>,
    /// Seconds of each in which other processes had its core; empty where there were none, or where the system doesn't tell.
    #[serde(with = "nanoseconds", default, skip_serializing_if = "Vec::is_empty")]
    pub stolen: Vec<f64>,
}

impl Block {
    /// Out of what the worker's clock told.
    pub fn of(timed: &[Timed]) -> Self {
        let stolen = if timed.iter().any(|timed| timed.stolen > 0.0) {
            timed.iter().map(|timed| timed.stolen).collect()
        } else {
            Vec::new()
        };
        Self {
            wall: timed.iter().map(|timed| timed.wall).collect(),
            stolen,
        }
    }

    /// Seconds of each inference without what other processes took: the model's latency, which all figures are made of.
    pub fn own(&self) -> impl Iterator<Item = f64> + '_ {
        let stolen = self.stolen.iter().copied().chain(std::iter::repeat(0.0));
        self.wall.iter().zip(stolen).map(|(wall, stolen)| wall - stolen)
    }
}

/// One block of each side, one right after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Whose block came first; drawn at random.
    pub first: Which,
    /// The baseline's inferences.
    pub baseline: Block,
    /// The candidate's inferences.
    pub candidate: Block,
}

/// One pair of fresh processes: the unit of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// The baseline's process.
    pub baseline: Process,
    /// The candidate's process.
    pub candidate: Process,
    /// The rounds that were measured in it.
    pub rounds: Vec<Round>,
}

impl Restart {
    /// One side's process.
    pub fn process(&self, which: Which) -> &Process {
        match which {
            Which::Baseline => &self.baseline,
            Which::Candidate => &self.candidate,
        }
    }
}

impl Round {
    /// One side's block.
    pub fn block(&self, which: Which) -> &Block {
        match which {
            Which::Baseline => &self.baseline,
            Which::Candidate => &self.candidate,
        }
    }
}

/// Why measuring ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// Every limit was decided at a planned look.
    Decided,
    /// All planned restarts were made.
    Planned,
    /// The time was up.
    Budget,
}

/// How often was looked, which the error of each look depends on; see [`crate::stats::sequential`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// Restarts seen at each look, rising.
    pub taken: Vec<usize>,
    /// Restarts that were planned.
    pub planned: usize,
    /// True where no further look was to come after the last one taken.
    pub last_is_final: bool,
    /// Over how many limits of the whole run the error of calling a regression is shared.
    pub family: usize,
}

/// Baseline and candidate, measured side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairMeasurement {
    /// Everything that was measured, in order.
    pub restarts: Vec<Restart>,
    /// The looks that were taken.
    pub looks: Looks,
    /// Why measuring ended.
    pub stopped: StopReason,
    /// How long it all took, in seconds.
    pub seconds: f64,
    /// The logical cores that the processes were pinned to; `None` where they ran wherever the system put them.
    pub cores: Option<Vec<usize>>,
    /// The engine's version, as it says itself.
    pub runtime_version: String,
    /// The peak memory of a process with a session that does next to nothing, in bytes.
    pub empty_session_bytes: Option<u64>,
    /// The machine's load average over a minute, before measuring.
    pub load_average: Option<f64>,
    /// What the machine was busy with meanwhile.
    #[serde(default)]
    pub activity: Activity,
    /// What a reader should know about the circumstances.
    pub warnings: Vec<String>,
}

/// One side measured alone, where there is nothing to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SideMeasurement {
    /// Everything that was measured, in order.
    pub restarts: Vec<LoneRestart>,
    /// The looks that were taken.
    pub looks: Looks,
    /// Why measuring ended.
    pub stopped: StopReason,
    /// How long it all took, in seconds.
    pub seconds: f64,
    /// The logical cores that the processes were pinned to; `None` where they ran wherever the system put them.
    pub cores: Option<Vec<usize>>,
    /// The engine's version, as it says itself.
    pub runtime_version: String,
    /// The peak memory of a process with a session that does next to nothing, in bytes.
    pub empty_session_bytes: Option<u64>,
    /// The machine's load average over a minute, before measuring.
    pub load_average: Option<f64>,
    /// What the machine was busy with meanwhile.
    #[serde(default)]
    pub activity: Activity,
    /// What a reader should know about the circumstances.
    pub warnings: Vec<String>,
}

/// One fresh process of a side measured alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoneRestart {
    /// The process.
    pub process: Process,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// Seconds as whole nanoseconds.
mod nanoseconds {
    use serde::Deserialize as _;
    use serde::Deserializer;
    use serde::Serializer;

    pub(super) fn serialize<S: Serializer>(seconds: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(seconds.iter().map(|second| (second * 1e9).round() as u64))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let whole = Vec::<u64>::deserialize(deserializer)?;
        Ok(whole.into_iter().map(|count| count as f64 / 1e9).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_kept_to_the_nanosecond() {
        let round = Round {
            first: Which::Candidate,
            baseline: Block {
                wall: vec![0.000_040_123],
                stolen: Vec::new(),
            },
            candidate: Block {
                wall: vec![1.5, 0.25],
                stolen: vec![0.5, 0.0],
            },
        };
        let text = serde_json::to_string(&round).unwrap();
        assert_eq!(
            text,
            r#"{"first":"candidate","baseline":{"wall":[40123]},"candidate":{"wall":[1500000000,250000000],"stolen":[500000000,0]}}"#
        );
        assert_eq!(serde_json::from_str::<Round>(&text).unwrap(), round);
        assert_eq!(round.candidate.own().collect::<Vec<_>>(), [1.0, 0.25]);
        assert_eq!(round.baseline.own().collect::<Vec<_>>(), [0.000_040_123]);
    }

    #[test]
    fn what_others_took_is_kept_only_where_they_took_any() {
        let timed = |stolen| Timed { wall: 0.004, stolen };
        assert_eq!(Block::of(&[timed(0.0), timed(0.0)]).stolen, Vec::<f64>::new());
        assert_eq!(Block::of(&[timed(0.0), timed(0.003)]).stolen, [0.0, 0.003]);
    }
}
