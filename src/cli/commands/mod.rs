//! The commands, one file each: arguments, help and `run`. A new one is a file, a `mod` line, a variant and an arm.

mod accuracy;
mod action;
mod baseline;
mod benchmark;
mod budget;
mod build;
mod ci;
mod ci_check;
mod compare;
mod compare_compute_units;
mod compare_quantization;
mod completions;
mod config;
mod device;
mod diff;
mod doctor;
mod experiment;
mod explore;
mod export;
mod history;
mod import;
mod init;
mod inspect;
mod log;
mod man;
mod migrate;
mod optimize;
mod pin;
mod plan;
mod profile;
mod prune;
mod pull;
mod push;
mod remote;
mod rename;
mod report;
mod run;
mod runtime;
mod search;
mod sensitivity;
mod status;
mod sync;
mod tag;
mod trend;
mod upgrade;
mod validate;
mod worker;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Init(init::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Ci(Box<ci::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Plan(Box<plan::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Build(Box<build::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Import(Box<import::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Optimize(Box<optimize::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Benchmark(benchmark::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Compare(Box<compare::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    CompareComputeUnits(Box<compare_compute_units::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    CompareQuantization(Box<compare_quantization::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Sensitivity(Box<sensitivity::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    CiCheck(Box<ci_check::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Profile(Box<profile::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Explore(Box<explore::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Report(report::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Trend(trend::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Baseline(baseline::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Accuracy(accuracy::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Validate(Box<validate::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Experiment(experiment::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Run(run::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Tag(tag::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Rename(rename::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Pin(pin::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Unpin(pin::UnpinArgs),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Prune(prune::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Budget(budget::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Log(Box<log::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Inspect(inspect::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Diff(diff::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Search(Box<search::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Export(export::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    History(history::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Status(status::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Config(config::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Device(Box<device::Args>),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Remote(remote::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Push(push::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Pull(pull::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Sync(sync::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Runtime(runtime::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Doctor(doctor::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Migrate(migrate::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Upgrade(upgrade::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Completions(completions::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Man(man::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Action(action::Args),
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    #[command(hide = true)]
    Worker(worker::Args),
}

impl Command {
    /// Runs it.
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Init(args) => init::run(&args, context),
            Self::Ci(args) => ci::run(&args, context),
            Self::Plan(args) => plan::run(&args, context),
            Self::Build(args) => build::run(&args, context),
            Self::Import(args) => import::run(&args, context),
            Self::Optimize(args) => optimize::run(&args, context),
            Self::Benchmark(args) => benchmark::run(&args, context),
            Self::CiCheck(args) => ci_check::run(&args, context),
            Self::CompareComputeUnits(args) => compare_compute_units::run(&args, context),
            Self::CompareQuantization(args) => compare_quantization::run(&args, context),
            Self::Sensitivity(args) => sensitivity::run(&args, context),
            Self::Compare(args) => compare::run(&args, context),
            Self::Profile(args) => profile::run(&args, context),
            Self::Report(args) => report::run(&args, context),
            Self::Trend(args) => trend::run(&args, context),
            Self::Baseline(args) => baseline::run(&args, context),
            Self::Accuracy(args) => accuracy::run(&args, context),
            Self::Validate(args) => validate::run(&args, context),
            Self::Budget(args) => budget::run(&args, context),
            Self::Action(args) => action::run(&args, context),
            Self::Config(args) => config::run(&args, context),
            Self::Device(args) => device::run(&args, context),
            Self::Completions(args) => completions::run(&args, context),
            Self::Man(args) => man::run(&args, context),
            Self::Migrate(args) => migrate::run(&args, context),
            Self::Upgrade(args) => upgrade::run(&args, context),
            Self::Explore(args) => explore::run(&args, context),
            Self::Log(args) => log::run(&args, context),
            Self::Inspect(args) => inspect::run(&args, context),
            Self::Diff(args) => diff::run(&args, context),
            Self::Search(args) => search::run(&args, context),
            Self::Export(args) => export::run(&args, context),
            Self::History(args) => history::run(&args, context),
            Self::Status(args) => status::run(&args, context),
            Self::Doctor(args) => doctor::run(&args, context),
            Self::Remote(args) => remote::run(&args, context),
            Self::Push(args) => push::run(&args, context),
            Self::Pull(args) => pull::run(&args, context),
            Self::Sync(args) => sync::run(&args, context),
            Self::Runtime(args) => runtime::run(&args, context),
            Self::Experiment(args) => experiment::run(&args, context),
            Self::Run(args) => run::run(&args, context),
            Self::Tag(args) => tag::run(&args, context),
            Self::Rename(args) => rename::run(&args, context),
            Self::Pin(args) => pin::run(&args, context),
            Self::Unpin(args) => pin::unpin(&args, context),
            Self::Prune(args) => prune::run(&args, context),
            Self::Worker(args) => worker::run(&args, context),
        }
    }
}
