//! The command line of `benchmark_model`, and which arguments of a person may stand in it.

use crate::device::quoted;

/// Arguments that mlbuild gives itself, so that both sides are run alike.
const OURS: [&str; 9] = [
    "graph",
    "num_threads",
    "num_runs",
    "min_secs",
    "max_secs",
    "warmup_runs",
    "warmup_min_secs",
    "run_delay",
    "run_frequency",
];

/// Arguments that spoil the timing or print other statistics.
const SPOILING: [&str; 3] = ["enable_op_profiling", "dry_run", "help"];

/// How a run is made, besides the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Threads of the interpreter.
    pub threads: u16,
    /// Cores to stay on, as bits (`f0`: the cores 4 to 7); `None` where the system decides.
    pub cores: Option<u64>,
    /// Further arguments: `--use_gpu=true`.
    pub further: Vec<String>,
}

impl Arguments {
    /// The command that runs `program` on `model`, both inside the working folder: `warmup` inferences and then `runs`.
    pub fn command(&self, program: &str, model: &str, warmup: u32, runs: u32) -> String {
        let mut command = match self.cores {
            Some(mask) => format!("taskset {mask:x} "),
            None => String::new(),
        };
        command += &quoted(&format!("./{program}"));
        let own = [
            format!("--graph={model}"),
            format!("--num_threads={}", self.threads),
            format!("--warmup_runs={warmup}"),
            "--warmup_min_secs=0".to_owned(),
            format!("--num_runs={runs}"),
            "--min_secs=0".to_owned(),
        ];
        for argument in own.iter().chain(&self.further) {
            command.push(' ');
            command += &quoted(argument);
        }
        command
    }
}

/// Accepts `--name=value`; says why another argument is refused.
pub fn further(text: &str) -> Result<String, String> {
    let refused = |why: &str| Err(format!("`{text}`: {why}"));
    let Some(rest) = text.strip_prefix("--") else {
        return refused("an argument of `benchmark_model` starts with `--`, as in `--use_gpu=true`");
    };
    let name = rest.split('=').next().unwrap_or(rest);
    let is_plain = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_plain || text.chars().any(char::is_control) {
        return refused("its name may hold letters, digits and `_`");
    }
    if OURS.contains(&name) {
        return refused("mlbuild sets this one itself, the same for both sides");
    }
    if SPOILING.contains(&name) {
        return refused("nothing can be timed with it");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_quoted() {
        let arguments = Arguments {
            threads: 4,
            cores: Some(0xf0),
            further: vec!["--input_layer=it's; reboot".to_owned()],
        };
        assert_eq!(
            arguments.command("benchmark_model", "candidate.tflite", 2, 50),
            r"taskset f0 './benchmark_model' '--graph=candidate.tflite' '--num_threads=4' '--warmup_runs=2' '--warmup_min_secs=0' '--num_runs=50' '--min_secs=0' '--input_layer=it'\''s; reboot'"
        );
    }

    #[test]
    fn what_would_make_the_sides_unlike_is_refused() {
        assert!(further("--use_gpu=true").is_ok());
        assert!(further("--use_xnnpack=false").is_ok());
        for bad in [
            "use_gpu",
            "--",
            "--a b=1",
            "--num_runs=3",
            "--graph=x",
            "--dry_run=true",
            "--x=\n",
        ] {
            assert!(further(bad).is_err(), "{bad}");
        }
    }
}
