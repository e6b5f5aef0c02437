//! Which builds a list shows: the flags that `log` and `search` share, and times as people write them.

use jiff::Timestamp;

use crate::registry::Filter;
use crate::when;

/// Reads the beginning of a period; ISO 8601 in UTC.
pub(crate) fn since(text: &str) -> Result<String, String> {
    when::parse_since(text, Timestamp::now())
        .map(when::iso)
        .map_err(|error| error.to_string())
}

/// Reads the end of a period; ISO 8601 in UTC.
pub(crate) fn until(text: &str) -> Result<String, String> {
    when::parse_until(text, Timestamp::now())
        .map(when::iso)
        .map_err(|error| error.to_string())
}

/// Filters by what builds are.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FilterArgs {
    /// Only builds of this format: `onnx`, `tflite` or `coreml`.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Only builds for this target, or measured on it, such as `onnxruntime_cpu`.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Only builds of models of this kind: `vision`, `nlp`, `audio`, `tabular` or `unknown`.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Only the build with this tag; `mlbuild-pinned` for all that are pinned.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only builds made since then: `yesterday`, `7 days ago`, `30d`, `2026-03-01`.
    #[arg(long, visible_alias = "date-from", value_name = "TIME", value_parser = since)]
    since: Option<String>,
    /// Only builds made before then; a day counts to its end.
    #[arg(long, visible_alias = "date-to", value_name = "TIME", value_parser = until)]
    until: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    limit: u64,
}

impl FilterArgs {
    /// The same as the registry asks.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            format: self.format.clone(),
            target: self.target.clone(),
            task: self.task.clone(),
            tag: self.tag.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            limit: Some(self.limit),
            ..Filter::default()
        }
    }
}
