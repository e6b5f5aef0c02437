//! The gate as a job: check run opened, everything measured, verdict published, check run completed, whatever happens between.

use std::collections::BTreeMap;

use crate::action::aside;
use crate::action::commands;
use crate::action::dispatch;
use crate::action::dispatch::Proposal;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::finalize;
use crate::action::handing_over;
use crate::action::inputs::Inputs;
use crate::action::inputs::Sharding;
use crate::action::outputs;
use crate::action::selection::Selection;
use crate::action::settings::Settings;
use crate::action::shards;
use crate::config::BaselineStore;
use crate::config::CommentWhen;
use crate::config::Config;
use crate::config::load;
use crate::github::Client;
use crate::github::identity;
use crate::github::sticky::RunStamp;
use crate::github::workflow_run::RepositoryFacts;
use crate::hint::Hint;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::committed;
use crate::pipeline::baseline::for_commit;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::resolve::Desk;
use crate::pipeline::baseline::search::Search;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::publish;
use crate::pipeline::publish::Announced;
use crate::pipeline::publish::OpenCheck;
use crate::pipeline::publish::Thread;
use crate::pipeline::publish::Tried;
use crate::pipeline::trouble::chain;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::report::Report;
use crate::verdict;
use crate::verdict::Comparison;

/// How many characters of a failure's reason are shown.
const MAX_REASON: usize = 4000;

/// What stays the same through one gate.
pub(super) struct Gate<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) client: &'a Client,
    pub(super) proposal: &'a Proposal,
    pub(super) key: String,
    repository: &'a dyn Fn() -> Result<RepositoryFacts, ActionError>,
    pub(super) only: Selection,
}

/// What was measured, before it is published.
struct Judged {
    report: Report,
    outcome: verdict::Outcome,
    workspace: Workspace,
    comment: CommentWhen,
}

/// Gates `proposal` and returns the exit code.
pub fn run(
    inputs: &Inputs,
    client: &Client,
    proposal: &Proposal,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    let gate = Gate::new(inputs, client, proposal, repository);
    let mut notices = Vec::new();
    // What this token may not do is no news to who publishes the result with another one.
    let mut denied = Vec::new();
    let check = match gate.open_check() {
        Ok(tried) => tried.or_note(&mut denied),
        Err(error) => {
            gate.fail(None, &error, surroundings)?;
            return Err(error);
        }
    };
    match gate.judge(check.as_ref(), &mut notices, surroundings) {
        Ok(judged) => gate.conclude(check.as_ref(), judged, denied, surroundings),
        Err(error) => {
            gate.fail(check.as_ref(), &error, surroundings)?;
            Err(error)
        }
    }
}

/// Measures and judges what `only` selects of `proposal`, and writes nothing to GitHub.
pub(super) fn judge(
    inputs: &Inputs,
    client: &Client,
    proposal: &Proposal,
    key: &str,
    only: Selection,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<(Report, verdict::Outcome), ActionError> {
    let gate = Gate {
        key: key.to_owned(),
        only,
        ..Gate::new(inputs, client, proposal, repository)
    };
    let judged = gate.judge(None, &mut Vec::new(), surroundings)?;
    aside::log(&judged.report, surroundings);
    Ok((judged.report, judged.outcome))
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        inputs: &'a Inputs,
        client: &'a Client,
        proposal: &'a Proposal,
        repository: &'a dyn Fn() -> Result<RepositoryFacts, ActionError>,
    ) -> Self {
        let key = match dispatch::config_path(inputs) {
            Ok(path) => inputs.gate_key(&path),
            Err(_) => inputs.gate_key(&inputs.run.workspace.join(load::FILE_NAME)),
        };
        Self {
            inputs,
            client,
            proposal,
            key,
            repository,
            only: Selection::default(),
        }
    }
}

impl Gate<'_> {
    /// Opens the check run and remembers it for the step that completes it if this process is killed.
    fn open_check(&self) -> Result<Tried<OpenCheck>, ActionError> {
        let pull = self
            .proposal
            .pull
            .as_ref()
            .map_or_else(|| "-".to_owned(), |pull| pull.number.to_string());
        let external_id = format!(
            "v1:{pull}:{}:{}.{}",
            self.key, self.inputs.run.id, self.inputs.run.attempt
        );
        let announced = Announced {
            key: self.key.clone(),
            head: self.proposal.head.clone(),
            external_id,
        };
        finalize::announce(self.inputs, &announced)?;
        let tried = publish::open_check(self.client, &announced, Some(self.inputs.run.url()))?;
        match &tried {
            Tried::Done(check) => finalize::remember(self.inputs, check)?,
            Tried::NotAllowed(_) => finalize::forget(self.inputs),
        }
        Ok(tried)
    }

    /// Measures everything, or takes what shards measured, and writes the report.
    fn judge(
        &self,
        check: Option<&OpenCheck>,
        notices: &mut Vec<String>,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<Judged, ActionError> {
        let settings = self.settings(notices, surroundings)?;
        let context = report::Context {
            check_url: check.and_then(|check| check.url.clone()),
            ..self.context(&settings)
        };
        let report = match &self.inputs.sharding {
            Some(Sharding::Merge(folder)) => shards::merged(self, folder, &settings, context, notices, surroundings)?,
            _ => self.measured(&settings, context, notices, surroundings)?,
        };
        let comparisons: Vec<Comparison> = report
            .comparisons
            .iter()
            .map(|detail| detail.comparison.clone())
            .collect();
        let outcome = verdict::outcome(&comparisons, &settings.limits);
        Ok(Judged {
            report,
            outcome,
            comment: self.inputs.comment.unwrap_or(settings.located.loaded.config.comment),
            workspace: settings.workspace,
        })
    }

    /// What is compared with what.
    pub(super) fn context(&self, settings: &Settings) -> report::Context {
        report::Context {
            base_commit: self.proposal.base.as_ref().map(|base| base.as_str().to_owned()),
            head_commit: Some(self.head()),
            repository: Some(self.inputs.run.repository.to_string()),
            server_url: Some(self.inputs.run.server_url.clone()),
            report_url: Some(self.inputs.run.url()),
            key: self.key.clone(),
            config_path: settings.located.path.clone(),
            reproduce: aside::reproduce(self.proposal, &settings.located),
            answers_commands: commands::are_answered(&self.inputs.run.workspace),
            ..report::Context::default()
        }
    }

    /// The commit that is judged.
    pub(super) fn head(&self) -> String {
        self.proposal.head.as_str().to_owned()
    }

    /// Measures everything.
    fn measured(
        &self,
        settings: &Settings,
        context: report::Context,
        notices: &[String],
        surroundings: &mut Surroundings<'_>,
    ) -> Result<Report, ActionError> {
        let mut baselines = self.baselines(settings, surroundings.environment)?;
        if self.only != Selection::default() {
            baselines.narrow(&settings.located.loaded.config, &settings.config);
        }
        let machinery = dispatch::machinery(self.inputs, &settings.config, surroundings)?;
        let loaded = &settings.located.loaded;
        let outcome = ci::run(
            ci::Request {
                config: &settings.config,
                gate: &settings.limits,
                config_changes: settings.changes.clone(),
                folder: &loaded.folder,
                lines: loaded.lines(&settings.config),
                shapes: ShapeSource::Config,
                baselines: &baselines,
                machinery: &machinery,
                stored: BTreeMap::new(),
                workspace: &settings.workspace,
                environment: surroundings.environment,
                interrupt: surroundings.interrupt,
                cache: None,
                context,
                notices: notices.to_vec(),
                now: surroundings.now.clone(),
            },
            surroundings.observer,
        )?;
        Ok(outcome.report)
    }

    pub(super) fn baselines(
        &self,
        settings: &Settings,
        environment: &BTreeMap<String, String>,
    ) -> Result<Baselines, ActionError> {
        let Settings {
            located,
            workspace,
            base_config,
            ..
        } = settings;
        let config = &located.loaded.config;
        // The store and its branches are the base's too: a change must not choose what it is compared with.
        let trusted = &base_config.known().unwrap_or(config).baseline;
        if let Some(name) = &self.inputs.baseline {
            let config = Config {
                baseline: trusted.clone(),
                ..config.clone()
            };
            let desk = Desk {
                config: &config,
                folder: &located.loaded.folder,
                working_folder: &self.inputs.working_folder,
                workspace,
                github: Some((self.client, &self.key)),
                key: &self.key,
                environment,
            };
            return Ok(resolve::resolve(Some(name), &desk)?);
        }
        let facts = (self.repository)()?;
        let mut branches = trusted.branches.clone();
        if branches.is_empty() {
            branches.push(facts.default_branch);
        }
        let trust = Trust {
            own: identity::own(self.client).ok(),
            repository_id: facts.id,
            branches,
        };
        let search = Search {
            client: self.client,
            key: &self.key,
            trust: &trust,
            base: self.proposal.base.as_ref().unwrap_or(&self.proposal.head),
            config,
            base_config,
            folder: &located.folder,
            objects: workspace.objects(),
            is_base_exact: self.proposal.base.is_some(),
        };
        match &trusted.store {
            BaselineStore::Release => Ok(for_commit::find(&search, None)?),
            BaselineStore::S3(bucket) => {
                let bucket = Bucket::open(bucket, &self.key, environment).map_err(ReleaseError::from)?;
                Ok(for_commit::find(&search, Some(&bucket))?)
            }
            BaselineStore::Dir(path) => Ok(committed::find(&search, path)?),
        }
    }

    /// The pull request's comment, where there is a pull request.
    fn thread(&self, when: CommentWhen) -> Option<Thread<'_>> {
        let pull = self.proposal.pull.as_ref()?;
        Some(Thread {
            pull: pull.number,
            key: &self.key,
            run: RunStamp {
                run_id: self.inputs.run.id,
                attempt: self.inputs.run.attempt,
                head_sha: self.proposal.head.clone(),
            },
            when,
        })
    }

    /// Publishes the verdict everywhere that it may, and returns the exit code.
    fn conclude(
        &self,
        check: Option<&OpenCheck>,
        judged: Judged,
        mut notices: Vec<String>,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<i32, ActionError> {
        let Judged {
            mut report,
            mut outcome,
            workspace,
            comment,
        } = judged;
        let (key, proposal) = (&self.key, self.proposal);
        handing_over::judged(
            self.inputs,
            key,
            proposal,
            check.is_some(),
            (&report, outcome),
            surroundings,
        );
        outcome = aside::stand_by(self.client, proposal, outcome, &mut report, surroundings);
        let comment_url = aside::comment(self.client, self.thread(comment), &report, &mut notices);
        let mut check_failure = None;
        if let Some(check) = check {
            match publish::complete_check(self.client, check, &report, outcome) {
                Ok(note) => {
                    notices.extend(note);
                    finalize::forget(self.inputs);
                }
                // The step after this one tries again.
                Err(error) => check_failure = Some(error),
            }
        }
        if let Some(error) = &check_failure {
            notices.push(format!("the check run could not be completed: {}", chain(error)));
        }
        report.notices.extend(
            notices
                .into_iter()
                .filter(|notice| !report.notices.contains(notice))
                .collect::<Vec<_>>(),
        );
        ci::write(&report, &workspace)?;
        outputs::summarize(self.inputs.run.summary.as_deref(), &report::summary::render(&report))?;
        aside::log(&report, surroundings);
        let output = self.inputs.run.output.as_deref();
        outputs::set(output, "result", report.result.word())?;
        outputs::set(output, "report", &workspace.report_path().display().to_string())?;
        outputs::set(output, "comment-url", &comment_url)?;
        outputs::set(
            output,
            "check-url",
            check.and_then(|check| check.url.as_deref()).unwrap_or_default(),
        )?;
        outputs::set(
            output,
            "baseline",
            report
                .context
                .baseline_tag
                .as_deref()
                .unwrap_or(&report.context.baseline_label),
        )?;
        // The job must not look better than the check that could not be written.
        Ok(if check_failure.is_some() {
            report.exit_code.max(1)
        } else {
            report.exit_code
        })
    }

    /// Tells everybody who waits that there is no verdict, and why.
    fn fail(
        &self,
        check: Option<&OpenCheck>,
        error: &ActionError,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<(), ActionError> {
        let reason: String = chain(error).chars().take(MAX_REASON).collect();
        let (key, proposal) = (&self.key, self.proposal);
        handing_over::failed(
            self.inputs,
            key,
            proposal,
            check.is_some(),
            (&reason, error),
            surroundings,
        );
        let mut text = format!("⛔ mlbuild could not judge: {}\n", report::markdown::prose(&reason));
        for hint in error.hints() {
            text.push_str(&format!("\n- {}", report::markdown::prose(&hint)));
        }
        if let Some(check) = check {
            let closed = if error.is_interrupt() {
                publish::cancel_check(self.client, check)
            } else {
                publish::fail_check(self.client, check, "mlbuild could not judge", &text)
            };
            match closed {
                Ok(()) => finalize::forget(self.inputs),
                // The step after this one tries again.
                Err(closing) => {
                    (surroundings.log)(&format!("the check run could not be completed: {}", chain(&closing)))
                }
            }
        }
        if let Some(thread) = self.thread(CommentWhen::Never).filter(|_| !error.is_interrupt())
            && let Err(unsaid) = publish::comment_failure(self.client, &thread, &text)
        {
            (surroundings.log)(&format!(
                "the comment could not be brought up to date: {}",
                chain(&unsaid)
            ));
        }
        outputs::summarize(self.inputs.run.summary.as_deref(), &text)?;
        let output = self.inputs.run.output.as_deref();
        outputs::set(output, "result", "error")?;
        if let Some(url) = check.and_then(|check| check.url.as_deref()) {
            outputs::set(output, "check-url", url)?;
        }
        let place = match error.config_place() {
            Some((path, line)) => {
                let path = path.strip_prefix(&self.inputs.run.workspace).unwrap_or(path);
                format!(
                    " file={},line={line},",
                    outputs::escape_property(&path.display().to_string())
                )
            }
            _ => " ".to_owned(),
        };
        (surroundings.log)(&format!("::error{place}title=mlbuild::{}", outputs::escape(&reason)));
        Ok(())
    }
}
