//! The file's own shape, version 1. Its parts are those of the stored report, version 2: a change there is a new version here.

use serde::Deserialize;
use serde::Serialize;

use super::Content;
use super::Failure;
use super::Handover;
use super::HandoverError;
use super::Judged;
use super::SCHEMA;
use super::VERSION;
use crate::report;
use crate::report::Report;
use crate::report::json::v2_parts as parts;
use crate::verdict;

/// What tells the file from others, whatever its version.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) schema: String,
    pub(super) version: u32,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    schema: String,
    version: u32,
    repository: String,
    run_id: u64,
    run_attempt: u64,
    pull_request: Option<u64>,
    key: String,
    head_commit: String,
    base_commit: Option<String>,
    content: Said,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Said {
    Judged(Box<Verdicts>),
    Failed(Reason),
}

/// The report without what only GitHub or the reader can know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdicts {
    tool_version: String,
    generated_at: String,
    outcome: Outcome,
    result: parts::Verdict,
    exit_code: i32,
    config_path: String,
    baseline_label: String,
    baseline_tag: Option<String>,
    comparisons: Vec<parts::Comparison>,
    variants: Vec<parts::Variant>,
    environment: parts::Environment,
    limits: parts::Limits,
    config_changes: Vec<String>,
    drift: Vec<String>,
    notices: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
    hints: Vec<String>,
    cancelled: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Skipped,
    Passed,
    Neutral,
    Failed,
    Broken,
}

impl From<verdict::Outcome> for Outcome {
    fn from(outcome: verdict::Outcome) -> Self {
        match outcome {
            verdict::Outcome::Skipped => Self::Skipped,
            verdict::Outcome::Passed => Self::Passed,
            verdict::Outcome::Neutral => Self::Neutral,
            verdict::Outcome::Failed => Self::Failed,
            verdict::Outcome::Broken => Self::Broken,
        }
    }
}

impl From<Outcome> for verdict::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Skipped => Self::Skipped,
            Outcome::Passed => Self::Passed,
            Outcome::Neutral => Self::Neutral,
            Outcome::Failed => Self::Failed,
            Outcome::Broken => Self::Broken,
        }
    }
}

impl From<&Handover> for File {
    fn from(handover: &Handover) -> Self {
        let Handover {
            repository,
            run_id,
            attempt,
            pull,
            key,
            head,
            base,
            content,
        } = handover;
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            repository: repository.to_string(),
            run_id: *run_id,
            run_attempt: *attempt,
            pull_request: pull.map(u64::from),
            key: key.clone(),
            head_commit: head.as_str().to_owned(),
            base_commit: base.as_ref().map(|base| base.as_str().to_owned()),
            content: match content {
                Content::Judged(judged) => Said::Judged(Box::new(Verdicts::from(judged.as_ref()))),
                Content::Failed(failure) => Said::Failed(Reason {
                    reason: failure.reason.clone(),
                    hints: failure.hints.iter().take(super::MAX_HINTS).cloned().collect(),
                    cancelled: failure.cancelled,
                }),
            },
        }
    }
}

impl From<&Judged> for Verdicts {
    fn from(judged: &Judged) -> Self {
        let Report {
            tool_version,
            generated_at,
            context,
            comparisons,
            variants,
            environment,
            thresholds,
            config_changes,
            drift,
            notices,
            result,
            exit_code,
        } = &judged.report;
        Self {
            tool_version: tool_version.clone(),
            generated_at: generated_at.clone(),
            outcome: judged.outcome.into(),
            result: (*result).into(),
            exit_code: *exit_code,
            config_path: context.config_path.clone(),
            baseline_label: context.baseline_label.clone(),
            baseline_tag: context.baseline_tag.clone(),
            comparisons: comparisons.iter().map(parts::Comparison::from).collect(),
            variants: variants.iter().map(parts::Variant::from).collect(),
            environment: environment.into(),
            limits: thresholds.into(),
            config_changes: config_changes.clone(),
            drift: drift.clone(),
            notices: notices.clone(),
        }
    }
}

impl File {
    /// What the file says, its names parsed.
    pub(super) fn into_handover(self) -> Result<Handover, HandoverError> {
        let head = self.head_commit.parse()?;
        let base = self.base_commit.map(|base| base.parse()).transpose()?;
        let content = match self.content {
            Said::Failed(reason) => Content::Failed(Failure {
                reason: reason.reason,
                hints: reason.hints,
                cancelled: reason.cancelled,
            }),
            Said::Judged(verdicts) => {
                let context = report::Context {
                    base_commit: base
                        .as_ref()
                        .map(|base: &crate::github::CommitSha| base.as_str().to_owned()),
                    head_commit: Some(self.head_commit.clone()),
                    key: self.key.clone(),
                    config_path: verdicts.config_path,
                    baseline_label: verdicts.baseline_label,
                    baseline_tag: verdicts.baseline_tag,
                    ..report::Context::default()
                };
                Content::Judged(Box::new(Judged {
                    outcome: verdicts.outcome.into(),
                    report: Report {
                        tool_version: verdicts.tool_version,
                        generated_at: verdicts.generated_at,
                        context,
                        comparisons: verdicts.comparisons.into_iter().map(report::Detail::from).collect(),
                        variants: verdicts.variants.into_iter().map(report::VariantRow::from).collect(),
                        environment: verdicts.environment.into(),
                        thresholds: verdicts.limits.into(),
                        config_changes: verdicts.config_changes,
                        drift: verdicts.drift,
                        notices: verdicts.notices,
                        result: verdicts.result.into(),
                        exit_code: verdicts.exit_code,
                    },
                }))
            }
        };
        Ok(Handover {
            repository: self.repository.parse()?,
            run_id: self.run_id,
            attempt: self.run_attempt,
            pull: self.pull_request.map(crate::github::PrNumber::try_from).transpose()?,
            key: self.key,
            head,
            base,
            content,
        })
    }
}
