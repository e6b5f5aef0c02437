//! What the verdict is worth on a noisy machine: models against themselves, and against themselves with a little more work.
//!
//! `cargo bench --bench noise -- [STUDY …] [--litert] [--busy] [--runs N] [--model NAME …] [--budget SECONDS]` adds to `target/noise.jsonl`, a line a
//! comparison; `cargo bench --bench noise -- tables` prints the tables of `docs/benchmarks.md` from it and draws `docs/noise.svg`.
//! With `--litert` every model is converted and runs in LiteRT, into a notebook of its own, `target/noise-litert.jsonl`.
//! `--busy` keeps every core busy with an endless loop meanwhile. Every comparison is the product's own, with real workers and
//! default settings.
//!
//! | study | what is compared | limit |
//! |---|---|---|
//! | `same` | each model with itself, and the peers' sequential way in the same minutes | 5 % |
//! | `two`, `five`, `ten` | with 2, 5, 10 % more work | 1, 2.5, 5 % |
//! | `truth` | the same pairs, 100 restarts each, never stopping early | |
//! | `width` | each model with itself, over the whole budget | 0 % |
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit
)]

mod load;
mod models;
mod plot;
mod tables;
mod trial;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::config::Engine;
use mlbuild::measure::Side;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::library;

use load::Load;
use models::Runtime;
use models::Subject;
use trial::Notebook;
use trial::Setting;
use trial::Trial;

/// Restarts that tell the true ratio.
const TRUTH: usize = 100;

struct Options {
    studies: Vec<String>,
    runs: usize,
    busy: bool,
    litert: bool,
    models: Vec<String>,
    budget: f64,
}

/// What every study needs.
struct Bench {
    options: Options,
    runtime: Runtime,
    command: WorkerCommand,
    notebook: Notebook,
}

fn main() {
    let mut options = Options {
        studies: Vec::new(),
        runs: 4,
        busy: false,
        litert: false,
        models: Vec::new(),
        budget: 20.0,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            load::SPIN => load::spin(),
            "--busy" => options.busy = true,
            "--litert" => options.litert = true,
            "--runs" => options.runs = arguments.next().unwrap().parse().unwrap(),
            "--model" => options.models.push(arguments.next().unwrap()),
            "--budget" => options.budget = arguments.next().unwrap().parse().unwrap(),
            "same" | "two" | "five" | "ten" | "truth" | "width" | "tables" => options.studies.push(argument),
            other => panic!("unknown argument {other}"),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let usual = if options.litert {
        "target/noise-litert.jsonl"
    } else {
        "target/noise.jsonl"
    };
    let notebook = Notebook::open(&std::env::var_os("MLBUILD_NOISE").map_or_else(|| root.join(usual), PathBuf::from));
    if options.studies.iter().any(|study| study == "tables") {
        let trials = notebook.read();
        print!("{}", tables::markdown(&trials));
        if !options.litert {
            mlbuild::files::write_atomic(&root.join("docs/noise.svg"), plot::svg(&trials).as_bytes()).unwrap();
        }
        return;
    }

    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let cache = library::cache_folder(&environment).unwrap();
    let engine = if options.litert {
        Engine::LiteRt
    } else {
        Engine::OnnxRuntime
    };
    let found = library::ensure(
        engine,
        engine.default_version(),
        None,
        &cache,
        &environment,
        library::DEFAULT_PYTHON,
        &mut |_| {},
    )
    .unwrap();
    let bench = Bench {
        options,
        runtime: Runtime {
            engine,
            library: found.path,
            folder: tempfile::tempdir().unwrap(),
        },
        command: WorkerCommand::of(env!("CARGO_BIN_EXE_mlbuild").into()),
        notebook,
    };
    let subjects = models::find(&bench.options.models);
    // How much more work is so many per cent is found out while the machine is left alone.
    let work: Vec<BTreeMap<&str, Side>> = subjects.iter().map(|subject| bench.candidates(subject)).collect();
    let _load = bench.options.busy.then(Load::start);
    for study in &bench.options.studies {
        for run in 0..bench.options.runs {
            for (subject, candidates) in subjects.iter().zip(&work) {
                bench.one(study, subject, candidates, run);
            }
        }
    }
}

/// Studies with more work: name, per cent of work, limit.
const MORE: [(&str, f64, f64); 3] = [("two", 2.0, 1.0), ("five", 5.0, 2.5), ("ten", 10.0, 5.0)];

impl Bench {
    /// The model with more work, for each of the studies that need it.
    fn candidates(&self, subject: &Subject) -> BTreeMap<&'static str, Side> {
        let wanted = |name: &str| {
            let studies = &self.options.studies;
            studies.iter().any(|study| study == name || study == "truth")
        };
        let needed = MORE.into_iter().filter(|(name, ..)| wanted(name));
        needed
            .map(|(name, percent, _)| (name, self.more_work(subject, percent)))
            .collect()
    }

    /// The model with so much more work that it takes about `percent` longer. What it was found to be is kept beside the notebook,
    /// so that studies of other days use the same.
    fn more_work(&self, subject: &Subject, percent: f64) -> Side {
        let baseline = subject.side(&self.runtime);
        let kept = self.notebook.beside(&format!(
            "{}-{percent}{}.amount",
            subject.name,
            if self.options.litert { "-litert" } else { "" }
        ));
        if let Ok(text) = std::fs::read_to_string(&kept) {
            return subject.with_more(text.trim().parse().unwrap(), &self.runtime);
        }
        let mut best: Option<(f64, usize)> = None;
        let (mut low, mut high) = (1_usize, 1_usize << 16);
        while low < high {
            let amount = ((low as f64) * (high as f64)).sqrt().round() as usize;
            let candidate = subject.with_more(amount, &self.runtime);
            let setting = self.setting(f64::from(u16::MAX), 1);
            let mut ratios = Vec::new();
            for _ in 0..3 {
                ratios.extend(trial::compare(&baseline, &candidate, &setting).ratios);
            }
            let change = trial::interval(&ratios)[0];
            eprintln!("{} with {amount} more: {change:+.2} %", subject.name);
            if best.is_none_or(|(other, _)| (change - percent).abs() < (other - percent).abs()) {
                best = Some((change, amount));
            }
            if (change - percent).abs() < 0.04 * percent {
                break;
            }
            if change < percent {
                low = amount + 1;
            } else {
                high = amount;
            }
        }
        let (_, amount) = best.unwrap();
        mlbuild::files::write_atomic(&kept, amount.to_string().as_bytes()).unwrap();
        subject.with_more(amount, &self.runtime)
    }

    fn setting(&self, limit: f64, seed: u64) -> Setting<'_> {
        Setting {
            command: &self.command,
            limit,
            budget: self.options.budget,
            seed,
        }
    }

    fn one(&self, study: &str, subject: &Subject, candidates: &BTreeMap<&str, Side>, run: usize) {
        let baseline = subject.side(&self.runtime);
        let seed = run as u64;
        match study {
            "same" => {
                let mut trial = trial::compare(&baseline, &baseline, &self.setting(5.0, seed));
                trial.sequential = Some(trial::sequential(&baseline, &baseline, &self.command));
                self.note(trial, study, subject);
            }
            "width" => {
                let trial = trial::compare(&baseline, &baseline, &self.setting(0.0, seed));
                self.note(trial, study, subject);
            }
            "truth" => {
                // A limit that is decided at the first look: few restarts each time, and none depends on the ones before.
                for (name, candidate) in candidates {
                    let mut all: Option<Trial> = None;
                    while all.as_ref().is_none_or(|trial| trial.ratios.len() < TRUTH) {
                        let next = trial::compare(&baseline, candidate, &self.setting(f64::from(u16::MAX), seed));
                        match &mut all {
                            None => all = Some(next),
                            Some(trial) => {
                                trial.ratios.extend(next.ratios);
                                trial.restarts += next.restarts;
                                trial.seconds += next.seconds;
                            }
                        }
                    }
                    let mut trial = all.unwrap();
                    trial.change = trial::interval(&trial.ratios);
                    self.note(trial, &format!("truth {name}"), subject);
                }
            }
            more => {
                let (_, _, limit) = MORE.into_iter().find(|(name, ..)| *name == more).unwrap();
                let trial = trial::compare(&baseline, &candidates[more], &self.setting(limit, seed));
                self.note(trial, study, subject);
            }
        }
    }

    fn note(&self, mut trial: Trial, study: &str, subject: &Subject) {
        trial.condition = if self.options.busy { "busy" } else { "quiet" }.to_owned();
        trial.study = study.to_owned();
        trial.model.clone_from(&subject.name);
        let [center, lower, upper] = trial.change;
        eprintln!(
            "{} {study} {}: {} {center:+.2} % ({lower:+.2} to {upper:+.2}), overall {}, {} restarts, {:.1} s{}",
            trial.condition,
            trial.model,
            trial.latency,
            trial.overall,
            trial.restarts,
            trial.seconds,
            trial
                .sequential
                .map_or(String::new(), |change| format!(", one after the other {change:+.2} %")),
        );
        self.notebook.add(&trial);
    }
}
