//! What `benchmark_model` prints, in all the ways that its versions have.
//!
//! Two lines of statistics in microseconds, one of the warm-up and one of the timed runs, after an announcement each where the level of
//! logging lets it through; then a summary:
//!
//! ```text
//! Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
//! count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 std=36489
//! count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419 p5=265900 median=266470 p95=267800
//! Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473
//! Memory footprint delta from the start of the tool (MB): init=18.3 overall=24.1
//! Overall peak memory footprint (MB) via periodic monitoring: 31.2
//! ```
//!
//! A single run, or several of equal length, print `count=1 curr=266601` and `count=3 curr=40(all same)`. Older releases print
//! no percentiles. `avg` has six digits, as C++ prints floating point.

use serde::Deserialize;
use serde::Serialize;

const MICROSECOND: f64 = 1e-6;

/// Lines of an operator profile look the same and start with these.
const OTHER_STATISTICS: [&str; 3] = ["Timings", "Memory", "nodes observed"];

/// The summary's mean and that of the statistics are the same number printed twice, with six digits.
const SAME: f64 = 1e-3;

/// One run of `benchmark_model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Seconds from start to a session that can run.
    pub init_seconds: f64,
    /// Seconds of the very first inference.
    pub first_seconds: f64,
    /// The warm-up's inferences, the first one included.
    pub warmup: Statistics,
    /// The timed inferences.
    pub timed: Statistics,
    /// Megabytes that the process grew by in all; `None` where the system doesn't tell.
    pub grown_megabytes: Option<f64>,
    /// The process' peak in megabytes, where it was asked for.
    pub peak_megabytes: Option<f64>,
}

/// What is told of some inferences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// How many.
    pub count: u32,
    /// Seconds of the first.
    pub first: f64,
    /// Seconds of the last.
    pub last: f64,
    /// Seconds of the fastest.
    pub least: f64,
    /// Seconds of the slowest.
    pub most: f64,
    /// Their mean in seconds.
    pub mean: f64,
    /// Their standard deviation in seconds.
    pub deviation: f64,
    /// Their median in seconds, where this version tells it.
    pub median: Option<f64>,
}

/// What a run's sample is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The median of its inferences.
    Median,
    /// Their mean, as this version tells no median.
    Mean,
}

impl Statistics {
    /// The run's one sample, in seconds.
    pub fn typical(&self) -> f64 {
        self.median.unwrap_or(self.mean)
    }

    /// What [`Self::typical`] is.
    pub fn statistic(&self) -> Statistic {
        if self.median.is_some() {
            Statistic::Median
        } else {
            Statistic::Mean
        }
    }
}

/// Why a text is not that of a whole run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// There are not both lines of statistics.
    #[error("{found} of the 2 lines `count=… avg=…` that `benchmark_model` prints")]
    Statistics {
        /// How many there are.
        found: usize,
    },
    /// A line of statistics contradicts itself.
    #[error("its statistics make no sense: `{line}`")]
    Nonsense {
        /// The line.
        line: String,
    },
    /// The summary is missing: the run was cut off.
    #[error("no line `Inference timings in us: …` at its end")]
    NoSummary,
    /// The summary says something else than the statistics.
    #[error("it says two different means: {statistics} and {summary} µs")]
    Contradiction {
        /// Of the statistics.
        statistics: String,
        /// Of the summary.
        summary: String,
    },
}

/// Reads the output of one run, both streams together, whatever else stands in it.
pub fn parse(text: &str) -> Result<Run, OutputError> {
    let mut lines = Vec::new();
    for line in text.lines().filter_map(statistics_in) {
        lines.push(Statistics::parse(line).ok_or_else(|| OutputError::Nonsense {
            line: line.chars().take(200).collect(),
        })?);
    }
    let [warmup, timed] = lines.as_slice() else {
        return Err(OutputError::Statistics { found: lines.len() });
    };
    let (warmup, timed) = (*warmup, *timed);
    if timed.count == 0 {
        return Err(OutputError::Nonsense {
            line: "count=0".to_owned(),
        });
    }
    let summary = text
        .lines()
        .find_map(|line| line.split_once("Inference timings in us:"))
        .ok_or(OutputError::NoSummary)?
        .1;
    let told = |key: &str| {
        summary
            .split(',')
            .find_map(|part| part.trim().strip_prefix(key)?.trim().strip_prefix(':'))
            .and_then(|number| microseconds(number.trim()))
    };
    let init = told("Init").ok_or(OutputError::NoSummary)?;
    let mean = told("Inference (avg)").ok_or(OutputError::NoSummary)?;
    if (mean - timed.mean).abs() > SAME * timed.mean.max(mean) {
        return Err(OutputError::Contradiction {
            statistics: (timed.mean / MICROSECOND).to_string(),
            summary: (mean / MICROSECOND).to_string(),
        });
    }
    Ok(Run {
        init_seconds: init,
        // Without a warm-up the first timed inference is the very first.
        first_seconds: if warmup.count > 0 { warmup.first } else { timed.first },
        warmup,
        timed,
        grown_megabytes: footprint(text),
        peak_megabytes: text
            .lines()
            .find_map(|line| line.split_once("Overall peak memory footprint (MB) via periodic monitoring:"))
            .and_then(|(_, number)| positive(number.trim())),
    })
}

/// The part of a line that holds statistics of inferences.
fn statistics_in(line: &str) -> Option<&str> {
    let at = line.find("count=")?;
    let (before, statistics) = line.split_at_checked(at)?;
    let is_other = OTHER_STATISTICS.iter().any(|other| before.contains(other));
    let digits = statistics.trim_start_matches("count=");
    (!is_other && digits.starts_with(|character: char| character.is_ascii_digit())).then(|| statistics.trim())
}

impl Statistics {
    fn parse(line: &str) -> Option<Self> {
        let line = line.replace("(all same)", "");
        let text = |key: &str| {
            line.split_whitespace()
                .find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
        };
        let time = |key: &str| text(key).map(microseconds);
        let count: u32 = text("count")?.parse().ok()?;
        if count == 0 {
            return Some(Self {
                count,
                first: 0.0,
                last: 0.0,
                least: 0.0,
                most: 0.0,
                mean: 0.0,
                deviation: 0.0,
                median: None,
            });
        }
        let last = time("curr")??;
        // Where all are the same, only one is printed.
        let or_last = |key: &str| time(key).unwrap_or(Some(last));
        let whole = Self {
            count,
            first: or_last("first")?,
            last,
            least: or_last("min")?,
            most: or_last("max")?,
            mean: or_last("avg")?,
            deviation: time("std").unwrap_or(Some(0.0))?,
            median: match time("median") {
                Some(median) => Some(median?),
                // One inference is its own median, and so are equal ones.
                None if text("avg").is_none() => Some(last),
                None => None,
            },
        };
        whole.is_sensible().then_some(whole)
    }

    /// Everything lies within the least and the most, as far as the digits go.
    fn is_sensible(&self) -> bool {
        let slack = 1.0 + SAME;
        let within = |value: f64| value * slack >= self.least && value <= self.most * slack;
        self.most > 0.0
            && self.least <= self.most
            && [Some(self.first), Some(self.last), Some(self.mean), self.median]
                .into_iter()
                .flatten()
                .all(within)
    }
}

/// `Memory footprint delta from the start of the tool (MB): init=18.3 overall=24.1`.
fn footprint(text: &str) -> Option<f64> {
    let (_, sizes) = text
        .lines()
        .find_map(|line| line.split_once("from the start of the tool (MB):"))?;
    let overall = sizes
        .split_whitespace()
        .find_map(|part| part.strip_prefix("overall="))?;
    positive(overall)
}

/// A number of microseconds, as seconds.
fn microseconds(text: &str) -> Option<f64> {
    positive(text).map(|number| number * MICROSECOND)
}

/// A plain number that is not negative, and no `inf` or `nan`, which Rust would read.
fn positive(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = "INFO: STARTING!\nINFO: Num threads: [1]\nINFO: Graph: [candidate.tflite]\n\
        INFO: Loaded model candidate.tflite\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n\
        INFO: The input model file size (MB): 11.983\nINFO: Initialized session in 20.283ms.\n\
        INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.\n\
        INFO: count=2 first=339304 curr=266325 min=266325 max=339304 avg=302814 std=36489\n\n\
        INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.\n\
        INFO: count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419\n\n\
        INFO: Inference timings in us: Init: 20283, First inference: 339304, Warmup (avg): 302814, Inference (avg): 266473\n\
        INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual memory footprint of the model at runtime. Take the information at your discretion.\n\
        INFO: Memory footprint delta from the start of the tool (MB): init=18.3516 overall=24.1484\n";

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} {other}");
    }

    #[test]
    fn reads_a_whole_run() {
        let run = parse(WHOLE).unwrap();
        close(run.init_seconds, 0.020_283);
        close(run.first_seconds, 0.339_304);
        assert_eq!((run.warmup.count, run.timed.count), (2, 50));
        close(run.timed.typical(), 0.266_473);
        assert_eq!(run.timed.statistic(), Statistic::Mean);
        close(run.timed.least, 0.265_837);
        close(run.timed.deviation, 0.000_419);
        assert_eq!(run.grown_megabytes, Some(24.1484));
        assert_eq!(run.peak_megabytes, None);
    }

    #[test]
    fn newer_versions_tell_the_median() {
        let newer = WHOLE.replace("std=419", "std=419 p5=265900 median=266400 p95=267800")
            + "INFO: Overall peak memory footprint (MB) via periodic monitoring: 31.25\n";
        let run = parse(&newer).unwrap();
        close(run.timed.typical(), 0.266_4);
        assert_eq!(run.timed.statistic(), Statistic::Median);
        assert_eq!(run.peak_megabytes, Some(31.25));
    }

    #[test]
    fn single_and_equal_runs_are_short() {
        let line = "count=50 first=266601 curr=266931 min=265837 max=268116 avg=266473 std=419";
        let one = WHOLE.replace(line, "count=1 curr=266473");
        let run = parse(&one).unwrap();
        close(run.timed.typical(), 0.266_473);
        assert_eq!((run.timed.count, run.timed.statistic()), (1, Statistic::Median));
        let equal = WHOLE.replace(line, "count=3 curr=266473(all same)");
        assert_eq!(parse(&equal).unwrap().timed.count, 3);
        close(parse(&equal).unwrap().timed.most, 0.266_473);
    }

    #[test]
    fn logs_of_the_system_hold_the_same_lines() {
        let log: String = WHOLE
            .replace("INFO: ", "07-14 13:14:52.099 22838 22838 I tflite  : ")
            .lines()
            .filter(|line| !line.contains("Running benchmark"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        assert_eq!(parse(&log).unwrap(), parse(WHOLE).unwrap());
    }

    #[test]
    fn a_profile_is_no_run() {
        let profiled = format!(
            "{WHOLE}Timings (microseconds): count=50 first=1 curr=1 min=1 max=1 avg=1 std=0\nMemory (bytes): count=0\n31 nodes observed\n"
        );
        assert_eq!(parse(&profiled).unwrap(), parse(WHOLE).unwrap());
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(
            error(""),
            "0 of the 2 lines `count=… avg=…` that `benchmark_model` prints"
        );
        assert!(error(WHOLE.split("count=50").next().unwrap()).starts_with("1 of the 2"));
        assert!(error(WHOLE.split("Inference timings").next().unwrap()).starts_with("no line `Inference"));
        assert_eq!(
            error(&WHOLE.replace("Inference (avg): 266473", "Inference (avg): 99")),
            "it says two different means: 266473 and 99 µs"
        );
        for (from, to) in [
            ("avg=266473", "avg=nan"),
            ("avg=266473", "avg=1"),
            ("min=265837", "min=-5"),
            ("max=268116", "max=inf"),
        ] {
            assert!(
                error(&WHOLE.replace(from, to)).starts_with("its statistics make no sense"),
                "{to}"
            );
        }
        assert!(error(&WHOLE.replace("count=50 first", "count=0 first")).starts_with("its statistics"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(count in 2_u32..1000, least in 1_u64..10_000_000, spread in 1_u64..1_000_000, share in 0.0_f64..=1.0) {
            let (most, mean) = (least + spread, least as f64 + share * spread as f64);
            // As C++ prints it: six digits.
            let digits = (5 - mean.log10().floor() as i32).max(0) as usize;
            let mean = format!("{mean:.digits$}");
            let text = format!(
                "count=1 curr=77\ncount={count} first={most} curr={least} min={least} max={most} avg={mean} std=1\n\
                 Inference timings in us: Init: 5, First inference: 77, Warmup (avg): 77, Inference (avg): {mean}\n"
            );
            let run = parse(&text).unwrap();
            prop_assert_eq!(run.timed.count, count);
            prop_assert!((run.timed.mean * 1e6 - mean.parse::<f64>().unwrap()).abs() < 1e-6);
            prop_assert!((run.first_seconds - 77e-6).abs() < 1e-15);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(count=[0-9]{0,3}|(first|curr|min|max|avg|std|median)=[0-9.e+-]{0,8}|Inference timings in us:|Init: 5,|\\PC{0,5}|[ \n]){0,24}") {
            if let Ok(run) = parse(&text) {
                prop_assert!(run.timed.typical() >= 0.0 && run.timed.count > 0);
            }
        }

        #[test]
        fn a_text_that_is_cut_off_never_passes(at in 0..WHOLE.find("Inference (avg)").unwrap()) {
            prop_assert!(parse(&WHOLE[..at]).is_err());
        }
    }
}
