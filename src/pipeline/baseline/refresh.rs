//! Making a baseline: every comparison of the config measured alone, its files kept, its manifest written. All or nothing: what
//! could not be measured is no baseline.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Config;
use crate::hint::Hint;
use crate::machine::fingerprint::Fingerprint;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::Origin;
use crate::pipeline::event::Observer;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::found::Evidence;
use crate::pipeline::gate;
use crate::pipeline::gate::Done;
use crate::pipeline::gate::Interrupted;
use crate::pipeline::gate::Machinery;
use crate::pipeline::gate::Setting;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::plan;
use crate::pipeline::plan::Job;
use crate::store::Objects;
use crate::verdict::Acceptance;

/// What a refresh needs to know.
pub struct Request<'a> {
    /// What to measure.
    pub config: &'a Config,
    /// The config's folder.
    pub folder: &'a Path,
    /// Tells this gate's baselines from others'.
    pub key: &'a str,
    /// The commit and run, where there are any.
    pub origin: Option<Origin>,
    /// The baseline before, whose history goes on.
    pub previous: Option<&'a Manifest>,
    /// What executes models.
    pub machinery: &'a Machinery,
    /// Where files are kept.
    pub objects: &'a Objects,
    /// The environment that `build:` commands start from.
    pub environment: &'a BTreeMap<String, String>,
    /// Asked between steps.
    pub interrupt: &'a Interrupt,
    /// When, ISO 8601.
    pub now: String,
    /// What people took as it is in the pull request that was merged.
    pub accepted: &'a [Acceptance],
}

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Something could not be measured.
    #[error("no baseline: `{model}` · {variant}: {reason}")]
    NotMeasured {
        /// The model.
        model: String,
        /// The variant.
        variant: String,
        /// Why.
        reason: String,
        /// What to do.
        hints: Vec<String>,
    },
    /// Somebody asked the run to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Hint for RefreshError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotMeasured { hints, .. } => hints.clone(),
            Self::Interrupted(error) => error.hints(),
        }
    }
}

/// What a refresh came to.
#[derive(Debug)]
pub enum Made {
    /// A new baseline, whose files lie in the object store.
    New(Box<Manifest>),
    /// Models, datasets, settings and tool are those of the previous baseline.
    Unchanged,
}

/// Measures everything that the config names, unless nothing differs from the previous baseline.
pub fn make(request: &Request<'_>, observer: &mut Observer<'_>) -> Result<Made, RefreshError> {
    let nothing = Baselines::never("nothing", "a baseline is being made");
    let context = plan::Context {
        config: request.config,
        folder: request.folder,
        baselines: &nothing,
        judge_unchanged: false,
        objects: request.objects,
        machinery: request.machinery,
        known: request.previous.map_or(&[], |previous| &previous.entries),
        stored: &BTreeMap::new(),
        environment: request.environment,
        interrupt: request.interrupt,
        shapes: ShapeSource::Config,
        part: None,
    };
    let jobs = plan::jobs(&context, observer);
    if request
        .previous
        .is_some_and(|previous| is_unchanged(&jobs, previous, request.key) && knows(previous, request.accepted))
    {
        return Ok(Made::Unchanged);
    }
    let setting = Setting {
        config: request.config,
        gate: &request.config.gate,
        machinery: request.machinery,
        interrupt: request.interrupt,
        cache: None,
        elsewhere: 0,
        folder: request.folder,
    };
    let done = gate::run(jobs, &setting, observer)?;
    let entries = done.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(Made::New(Box::new(Manifest {
        schema: manifest::SCHEMA,
        key: request.key.to_owned(),
        origin: request.origin.clone(),
        tool_version: crate::VERSION.to_owned(),
        created_at: request.now.clone(),
        machine: Fingerprint::of_this_machine().with_environment(request.environment),
        entries,
        history: request
            .previous
            .map(Manifest::history_for_successor)
            .unwrap_or_default(),
        accepted: match request.previous {
            Some(previous) => previous.accepted_for_successor(request.accepted),
            None => request.accepted.to_vec(),
        },
    })))
}

/// Whether a baseline says already what was accepted.
fn knows(previous: &Manifest, accepted: &[Acceptance]) -> bool {
    accepted.iter().all(|acceptance| previous.accepted.contains(acceptance))
}

/// Every job has an entry of the same content and settings, and there are no others.
fn is_unchanged(jobs: &[Job], previous: &Manifest, key: &str) -> bool {
    previous.key == key
        && previous.tool_version == crate::VERSION
        && previous.entries.len() == jobs.len()
        && jobs.iter().all(|job| {
            let Some(candidate) = &job.candidate else { return false };
            previous.entry(&job.key).is_some_and(|entry| {
                entry.source == candidate.source
                    && entry.settings == job.settings
                    && entry.dataset == job.dataset
                    && entry.calibration == job.calibration
            })
        })
}

fn entry(done: Done) -> Result<Entry, RefreshError> {
    let (Evidence::Alone { measurement, top1, .. }, Some(candidate)) = (done.found.evidence, &done.job.candidate)
    else {
        return Err(RefreshError::NotMeasured {
            variant: done.job.key.variant_label(),
            model: done.job.key.model,
            reason: done
                .comparison
                .reason
                .unwrap_or_else(|| "it was not measured".to_owned()),
            hints: done.comparison.hints,
        });
    };
    Ok(Entry {
        key: done.job.key.clone(),
        variant_id: candidate.id.clone(),
        source: candidate.source.clone(),
        source_files: done.job.source_files.clone(),
        artifact_files: candidate.files.clone(),
        settings: done.job.settings.clone(),
        calibration: done.job.calibration.clone(),
        evidence: candidate.evidence.clone(),
        dataset: done.job.dataset.clone(),
        runtime_version: measurement.runtime_version.clone(),
        size_bytes: candidate.size_bytes(),
        measurement: *measurement,
        top1_accuracy: top1,
    })
}
