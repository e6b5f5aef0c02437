//! What a disturbance is called, the sentence that says it, and what to do about it.

use std::fmt;

use super::Disturbance;

impl Disturbance {
    /// The kind's name in stored and printed data.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Load { .. } => "load",
            Self::Steal { .. } => "steal",
            Self::Quota { .. } => "quota",
            Self::Throttling { .. } => "throttling",
            Self::Drift { .. } => "drift",
            Self::RatioDrift { .. } => "ratio-drift",
            Self::Outliers { .. } => "outliers",
            Self::TwoLevels { .. } => "two-levels",
        }
    }

    /// What to do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Load { .. } => "run it alone: stop other jobs on this machine, or give the gate a job of its own",
            Self::Steal { .. } => {
                "the neighbours on this virtual machine's host cannot be stopped; use a larger or a dedicated runner"
            }
            Self::Quota { .. } => "raise the container's CPU limit to at least the threads that are measured with",
            Self::Throttling { .. } => {
                "let the machine cool down, fix its clock (governor `performance`, turbo off), or measure on another"
            }
            Self::Drift { .. } | Self::RatioDrift { .. } => {
                "something changed while measuring: run it again, and look for what starts or ends beside it"
            }
            Self::Outliers { .. } => "a longer `measure.time_budget` makes single restarts count for less",
            Self::TwoLevels { .. } => {
                "pin the clock where you can; a longer `measure.time_budget` averages over both levels"
            }
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |share: f64| Shown(100.0 * share);
        match self {
            Self::Load { share: part } => write!(formatter, "other processes took {} of the time", share(*part)),
            Self::Steal { share: part } => write!(
                formatter,
                "the host of this virtual machine gave {} of its cores' time to others",
                share(*part)
            ),
            Self::Quota { share: part } => write!(
                formatter,
                "the container's CPU quota stopped the processes for {} of the time",
                share(*part)
            ),
            Self::Throttling { percent, events, clock } => {
                match percent {
                    Some(percent) => write!(
                        formatter,
                        "the processor slowed down: both sides lost {} while measuring",
                        Shown(*percent)
                    )?,
                    None => formatter.write_str("the processor slowed itself down")?,
                }
                if let Some((before, after)) = clock {
                    write!(formatter, ", its clock fell from {before:.0} to {after:.0} MHz")?;
                }
                match events {
                    Some(1) => formatter.write_str(", too hot once"),
                    Some(events) => write!(formatter, ", too hot {events} times"),
                    None => Ok(()),
                }
            }
            Self::Drift {
                percent,
                restarts,
                inside,
            } => {
                let way = if *percent > 0.0 { "slower" } else { "faster" };
                let moved = Shown(percent.abs());
                if *inside {
                    write!(formatter, "inside each restart everything got {way}, by {moved}")
                } else {
                    write!(
                        formatter,
                        "everything got {way} while measuring, by {moved} over {restarts} restarts"
                    )
                }
            }
            Self::RatioDrift { percent, restarts } => write!(
                formatter,
                "the difference between the sides moved by {} over {restarts} restarts",
                Shown(percent.abs())
            ),
            Self::Outliers { restarts, of, percent } => write!(
                formatter,
                "{} of {of} restarts {} apart from the others, by up to {}",
                restarts.len(),
                if restarts.len() == 1 { "stands" } else { "stand" },
                Shown(percent.abs())
            ),
            Self::TwoLevels {
                side,
                percent,
                slow_share,
                whole_restarts,
            } => {
                let whose = side.map(|side| format!("the {}'s ", side.word())).unwrap_or_default();
                let unit = if *whole_restarts { "restarts" } else { "blocks" };
                write!(
                    formatter,
                    "{whose}latency has two levels {} apart: {} of the {unit} are slow",
                    Shown(*percent),
                    share(*slow_share)
                )
            }
        }
    }
}

/// Per cent with as many digits as make sense: `48 %`, `3.2 %`.
struct Shown(f64);

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() < 9.95 {
            write!(formatter, "{:.1} %", self.0)
        } else {
            write!(formatter, "{:.0} %", self.0)
        }
    }
}
