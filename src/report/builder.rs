//! Collects the parts of a [`Report`] and refuses one that is incomplete or contradicts itself.

use std::collections::BTreeSet;

use crate::report::types::Context;
use crate::report::types::Detail;
use crate::report::types::Environment;
use crate::report::types::Report;
use crate::report::types::Thresholds;
use crate::report::types::VariantRow;
use crate::verdict::Verdict;
use crate::verdict::roll_up;

/// A report that lacks a part or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A part was never given.
    #[error("the report lacks its {0}")]
    Missing(&'static str),
    /// A verdict that explains nothing.
    #[error("the comparison `{0}` is `{1}` without a reason")]
    NoReason(String, &'static str),
    /// Two verdicts on one thing.
    #[error("the comparison `{0}` stands twice in the report")]
    Twice(String),
    /// The whole is better than its worst part.
    #[error("the result is `{result}` although a comparison is `{worst}`")]
    TooGood {
        /// What was claimed.
        result: &'static str,
        /// What is there.
        worst: &'static str,
    },
    /// A failure that the process would not report.
    #[error("the result is `{0}` and the exit code 0")]
    SilentFailure(&'static str),
    /// A pass over nothing.
    #[error("the result is `{0}` and nothing was compared")]
    NothingMeasured(&'static str),
}

impl crate::hint::Hint for ReportError {
    fn hints(&self) -> Vec<String> {
        vec!["this is a defect of mlbuild: please report it with the command that you ran".to_owned()]
    }
}

/// Collects the parts of a [`Report`].
#[derive(Debug, Clone, Default)]
pub struct ReportBuilder {
    generated_at: Option<String>,
    context: Option<Context>,
    comparisons: Vec<Detail>,
    variants: Vec<VariantRow>,
    environment: Option<Environment>,
    thresholds: Option<Thresholds>,
    config_changes: Vec<String>,
    drift: Vec<String>,
    notices: Vec<String>,
    outcome: Option<(Verdict, i32)>,
}

impl Report {
    /// An empty builder.
    pub fn builder() -> ReportBuilder {
        ReportBuilder::default()
    }
}

impl ReportBuilder {
    /// When, ISO 8601 in UTC.
    pub fn generated_at(mut self, time: impl Into<String>) -> Self {
        self.generated_at = Some(time.into());
        self
    }

    /// What was compared with what.
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Adds one comparison.
    pub fn comparison(mut self, detail: Detail) -> Self {
        self.comparisons.push(detail);
        self
    }

    /// Adds several comparisons.
    pub fn comparisons(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.comparisons.extend(details);
        self
    }

    /// What the variants gain over `fp32`; [`gains_over_fp32`] finds it in the comparisons.
    pub fn variants(mut self, rows: Vec<VariantRow>) -> Self {
        self.variants = rows;
        self
    }

    /// The machine and the engine.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The limits that were used.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// What the pull request changes in the gate's settings.
    pub fn config_changes(mut self, changes: Vec<String>) -> Self {
        self.config_changes = changes;
        self
    }

    /// What a new tool or runtime changed.
    pub fn drift(mut self, drift: Vec<String>) -> Self {
        self.drift = drift;
        self
    }

    /// What the reader should know about this run.
    pub fn notices(mut self, notices: Vec<String>) -> Self {
        self.notices = notices;
        self
    }

    /// The verdict over all comparisons and the exit code, policies applied.
    pub fn outcome(mut self, result: Verdict, exit_code: i32) -> Self {
        self.outcome = Some((result, exit_code));
        self
    }

    /// The report, or what is missing or contradictory in it.
    pub fn build(self) -> Result<Report, ReportError> {
        let (result, exit_code) = self.outcome.ok_or(ReportError::Missing("outcome"))?;
        check_comparisons(&self.comparisons)?;
        check_outcome(&self.comparisons, result, exit_code)?;
        Ok(Report {
            tool_version: crate::VERSION.to_owned(),
            generated_at: self.generated_at.ok_or(ReportError::Missing("time"))?,
            context: self.context.ok_or(ReportError::Missing("context"))?,
            comparisons: self.comparisons,
            variants: self.variants,
            environment: self.environment.ok_or(ReportError::Missing("environment"))?,
            thresholds: self.thresholds.ok_or(ReportError::Missing("thresholds"))?,
            config_changes: self.config_changes,
            drift: self.drift,
            notices: self.notices,
            result,
            exit_code,
        })
    }
}

/// Every comparison stands once, and explains itself where figures don't.
pub(crate) fn check_comparisons(comparisons: &[Detail]) -> Result<(), ReportError> {
    let mut seen = BTreeSet::new();
    for Detail { comparison, .. } in comparisons {
        let name = || {
            format!(
                "{} {} {}",
                comparison.key.model,
                comparison.key.target,
                comparison.key.variant_label()
            )
        };
        if !seen.insert(&comparison.key) {
            return Err(ReportError::Twice(name()));
        }
        let unexplained = comparison
            .reason
            .as_deref()
            .is_none_or(|reason| reason.trim().is_empty());
        let needs_reason = matches!(
            comparison.verdict,
            Verdict::Skipped | Verdict::Removed | Verdict::NoBaseline | Verdict::Error
        );
        if needs_reason && unexplained {
            return Err(ReportError::NoReason(name(), comparison.verdict.word()));
        }
    }
    Ok(())
}

/// Only measured things pass, and no failure is silent.
pub(crate) fn check_outcome(comparisons: &[Detail], result: Verdict, exit_code: i32) -> Result<(), ReportError> {
    let worst = roll_up(comparisons.iter().map(|detail| detail.comparison.verdict));
    if result < worst {
        return Err(ReportError::TooGood {
            result: result.word(),
            worst: worst.word(),
        });
    }
    if exit_code == 0 && matches!(result, Verdict::Regression | Verdict::Error) {
        return Err(ReportError::SilentFailure(result.word()));
    }
    if comparisons.is_empty() && matches!(result, Verdict::Pass | Verdict::Improvement) {
        return Err(ReportError::NothingMeasured(result.word()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::types::SideFacts;
    use crate::report::types::gains_over_fp32;
    use crate::verdict::Comparison;
    use crate::verdict::ComparisonKey;
    use crate::verdict::Metric;

    fn detail(variant: &str, verdict: Verdict, reason: Option<&str>) -> Detail {
        Detail::without_figures(Comparison {
            key: ComparisonKey {
                model: "m".to_owned(),
                target: "t".to_owned(),
                variant: variant.to_owned(),
                sequence: None,
            },
            metrics: Vec::new(),
            verdict,
            reason: reason.map(str::to_owned),
            hints: Vec::new(),
        })
    }

    fn thresholds() -> Thresholds {
        Thresholds {
            latency_metric: Metric::LatencyP50,
            latency_regression_percent: 5.0,
            size_regression_percent: 5.0,
            memory_regression_percent: 10.0,
            latency_budget_ms: None,
            size_budget_bytes: None,
            memory_budget_bytes: None,
            cosine: 0.99,
            top1: 0.99,
            max_drop_points: 1.0,
        }
    }

    fn complete() -> ReportBuilder {
        Report::builder()
            .generated_at("2026-01-02T03:04:05Z")
            .context(Context::default())
            .environment(Environment::default())
            .thresholds(thresholds())
    }

    #[test]
    fn names_the_part_that_is_missing() {
        let error = Report::builder().outcome(Verdict::Skipped, 0).build().unwrap_err();
        assert_eq!(error, ReportError::Missing("time"));
        assert_eq!(complete().build().unwrap_err(), ReportError::Missing("outcome"));
        assert!(complete().outcome(Verdict::Skipped, 0).build().is_ok());
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let refused =
            |builder: ReportBuilder, result, exit_code| builder.outcome(result, exit_code).build().unwrap_err();
        let regressed = || complete().comparison(detail("fp32", Verdict::Regression, None));
        assert!(matches!(
            refused(regressed(), Verdict::Pass, 0),
            ReportError::TooGood {
                worst: "regression",
                ..
            }
        ));
        assert!(matches!(
            refused(regressed(), Verdict::Regression, 0),
            ReportError::SilentFailure("regression")
        ));
        assert!(matches!(
            refused(complete(), Verdict::Pass, 0),
            ReportError::NothingMeasured("pass")
        ));
        assert!(matches!(
            refused(
                regressed().comparison(detail("fp32", Verdict::Pass, None)),
                Verdict::Regression,
                1
            ),
            ReportError::Twice(_)
        ));
        assert!(matches!(
            refused(
                complete().comparison(detail("fp32", Verdict::Error, None)),
                Verdict::Error,
                2
            ),
            ReportError::NoReason(_, "error")
        ));
    }

    #[test]
    fn gains_need_an_fp32_of_the_same_model() {
        let mut details = [detail("fp32", Verdict::Pass, None), detail("fp16", Verdict::Pass, None)];
        for (index, entry) in details.iter_mut().enumerate() {
            entry.candidate = Some(SideFacts {
                size_bytes: 100 - 40 * index as u64,
                ..SideFacts::default()
            });
        }
        let rows = gains_over_fp32(&details);
        assert_eq!((rows[0].size_bytes, rows[0].fp32_size_bytes), (60, 100));
        assert!(gains_over_fp32(&details[1..]).is_empty());
    }
}
