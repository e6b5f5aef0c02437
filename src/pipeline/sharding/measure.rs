//! One shard's part, measured and written down. Nothing is judged: a limit that is missed here ends nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Engine;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::pipeline::assemble::Entry;
use crate::pipeline::ci;
use crate::pipeline::event::Observer;
use crate::pipeline::gate::Done;
use crate::pipeline::gate::Interrupted;
use crate::pipeline::sharding::partial;
use crate::pipeline::sharding::partial::BaselineLabel;
use crate::pipeline::sharding::partial::Partial;
use crate::pipeline::sharding::partial::PartialError;
use crate::pipeline::sharding::plan;
use crate::pipeline::sharding::plan::PlanError;
use crate::pipeline::sharding::plan::ShardPlan;

/// Which part, of what.
pub struct Request<'a> {
    /// What a whole run would be asked.
    pub run: ci::Request<'a>,
    /// Which shard, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// The plan, where one was made beforehand; otherwise it is worked out here, out of config and baseline.
    pub plan: Option<ShardPlan>,
    /// The commit that is measured, where it is known.
    pub commit: Option<String>,
    /// The workflow run, where there is one.
    pub workflow_run: Option<String>,
    /// Where the file goes; beside the report where it is `None`.
    pub output: Option<&'a Path>,
}

/// What a shard came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was written.
    pub partial: Partial,
    /// Where.
    pub path: PathBuf,
    /// What was measured, with its models.
    pub done: Vec<Done>,
}

/// Why there is no shard's file.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// No plan, or none that has this shard.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Somebody asked the run to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// What was measured cannot be stored.
    #[error(transparent)]
    Partial(#[from] PartialError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for ShardError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Plan(error) => error.hints(),
            Self::Interrupted(error) => error.hints(),
            Self::Partial(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// Measures the shard's part and writes its file.
pub fn run(request: &Request<'_>, observer: &mut Observer<'_>) -> Result<Outcome, ShardError> {
    let run = &request.run;
    let path = match request.output {
        Some(path) => path.to_owned(),
        None => run.workspace.root().join(partial::file_name(request.shard, request.of)),
    };
    // What an earlier run left there must not be taken for this one's, should this one fail.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(FileError::at("remove", &path)(error).into());
        }
        _ => {}
    }
    let wanted = plan::Request {
        config: run.config,
        gate: run.gate,
        folder: run.folder,
        baselines: run.baselines,
        // Another machine remembers something else.
        registry: None,
    };
    let plan = match &request.plan {
        Some(plan) => plan.clone(),
        None => ShardPlan::make(&wanted, request.of)?,
    };
    plan.check_for(&wanted, request.shard, request.of)?;
    let part = plan.part(request.shard);
    let done = ci::measure(run, Some(&part), plan.elsewhere(request.shard), observer)?;
    let partial = written_down(request, plan, &done)?;
    let bytes = partial.to_bytes()?;
    // What this very version would refuse is better not written.
    Partial::parse(&bytes)?;
    files::write_atomic(&path, &bytes)?;
    Ok(Outcome { partial, path, done })
}

fn written_down(request: &Request<'_>, plan: ShardPlan, done: &[Done]) -> Result<Partial, ShardError> {
    let run = &request.run;
    let machine = Fingerprint::of_this_machine().with_environment(run.environment);
    let entries: Vec<Entry<'_>> = done.iter().map(Entry::from).collect();
    let mut engines = BTreeMap::new();
    for engine in Engine::ALL {
        let is_used = entries.iter().any(|entry| entry.found.target.engine() == engine);
        let version = ci::said(&entries, engine).or_else(|| {
            let known = run.machinery.library_of(engine).version.clone();
            known.filter(|_| is_used)
        });
        if let Some(version) = version {
            engines.insert(engine.name().to_owned(), version);
        }
    }
    let baselines = run.baselines;
    let mut notices = run.notices.clone();
    notices.extend(baselines.notices.iter().cloned());
    notices.extend(ci::proxies(run.config));
    Ok(Partial {
        schema: partial::SCHEMA.to_owned(),
        version: partial::VERSION,
        tool_version: crate::VERSION.to_owned(),
        shard: request.shard,
        of: request.of,
        plan_digest: plan.digest()?,
        plan,
        commit: request.commit.clone(),
        run: request.workflow_run.clone(),
        key: run.context.key.clone(),
        created_at: run.now.clone(),
        history: baselines.history(&machine),
        machine,
        engines,
        baseline: BaselineLabel {
            label: baselines.label.clone(),
            tag: baselines.tag.clone(),
            commit: baselines.commit.clone(),
        },
        notices,
        drift: ci::drift(done, baselines),
        comparisons: done.iter().map(|entry| entry.found.clone()).collect(),
    })
}
