//! `mlbuild trend`: how the default branch developed.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::BaselineStore;
use crate::config::load::Loaded;
use crate::files;
use crate::github::Client;
use crate::github::identity;
use crate::github::workflow_run;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::resolve;
use crate::pipeline::trend;
use crate::pipeline::trend::Found;
use crate::pipeline::trend::Request;
use crate::pipeline::trend::TrendError;
use crate::pipeline::workspace::Workspace;
use crate::report::document;
use crate::report::trend as view;

/// How did the default branch develop? The history of its baselines as a chart, with changes that are beyond noise called out.
///
/// Reads the baseline releases of the repository where `GITHUB_REPOSITORY` and `GITHUB_TOKEN` say which, the config's folder store, and this
/// desk's own baseline. A change is called only among baselines of one machine, where two or more on each side are farther apart than
/// they scatter.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild trend
  mlbuild trend mobilenet --variant int8-static --metric size
  mlbuild trend mobilenet --limit 200 --output trend.html
  mlbuild trend --json")]
pub struct Args {
    /// A model's name in the config, or its path; all models otherwise.
    #[arg(value_name = "MODEL")]
    model: Option<String>,
    /// This recipe alone: `fp32`, `int8-static`.
    #[arg(long, value_name = "RECIPE")]
    variant: Option<String>,
    /// This target alone, such as `onnxruntime_cpu`.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// What to follow.
    #[arg(long, value_name = "METRIC", value_enum, default_value_t = Metric::P50)]
    metric: Metric,
    /// Baselines of each history, at most: the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// The gate's key, where the repository has several: its config's folder, or the Action's input `key`.
    #[arg(long, value_name = "KEY", default_value = desk::KEY)]
    key: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write one HTML page, too.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Metric {
    /// Median latency.
    P50,
    /// 95th percentile of latency.
    P95,
    /// Bytes on disk.
    Size,
    /// Peak memory.
    Memory,
}

impl From<Metric> for view::Metric {
    fn from(metric: Metric) -> Self {
        match metric {
            Metric::P50 => Self::P50,
            Metric::P95 => Self::P95,
            Metric::Size => Self::Size,
            Metric::Memory => Self::Memory,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let loaded = context.load_config()?;
    let github = desk::github(context)?;
    let found = find(args, &loaded, github.as_ref())?;
    if found.manifests.is_empty() {
        let mut hints = vec![format!(
            "`mlbuild baseline refresh` makes `{}`; the Action publishes releases from the default branch",
            resolve::LOCAL_NAME
        )];
        if github.is_none() {
            hints.push(
                "set `GITHUB_REPOSITORY` to `owner/name` and `GITHUB_TOKEN` to read a repository's releases".to_owned(),
            );
        }
        for warning in &found.warnings {
            context.ui.warning(warning);
        }
        return Err(TrendError::NoBaseline(hints).into());
    }
    let model = args.model.as_deref().map(|text| name_of(text, &loaded, context));
    let trend = trend::gather(
        found,
        &Request {
            model: model.as_deref(),
            variant: args.variant.as_deref(),
            target: args.target.as_deref(),
            metric: args.metric.into(),
            limit: usize::from(args.limit),
            now: &clock::now(),
        },
    )?;
    for warning in &trend.warnings {
        context.ui.warning(warning);
    }
    if let Some(output) = &args.output {
        let page = document::render_html(&view::document(&trend))?;
        let path = context.working_folder.join(output);
        files::write_atomic(&path, page.as_bytes())?;
        context
            .ui
            .status(&format!("wrote {}", context.relative(&path).display()));
    }
    if args.json {
        context.ui.json(&trend)?;
    } else {
        let mut text = Vec::new();
        view::write(&trend, context.ui.width(), &mut text)?;
        context.ui.data(&String::from_utf8_lossy(&text))?;
    }
    Ok(Exit::Pass)
}

fn find(args: &Args, loaded: &Loaded, github: Option<&Client>) -> Result<Found, CliError> {
    let mut found = Found::default();
    if let Some(client) = github {
        let facts = workflow_run::repository(client)?;
        let mut branches = loaded.config.baseline.branches.clone();
        if branches.is_empty() {
            branches.push(facts.default_branch.clone());
        }
        let trust = Trust {
            own: identity::own(client).ok(),
            repository_id: facts.id,
            branches,
        };
        found.add_releases(client, &args.key, &trust, usize::from(args.limit))?;
    }
    if let BaselineStore::Dir(path) = &loaded.config.baseline.store
        && let Some(manifest) = dir::read(&files::beneath(&loaded.folder, path))?
    {
        found.add(manifest, format!("the folder `{}`", path.display()));
    }
    if let Some(manifest) = dir::read(&Workspace::local_baseline_in(&Workspace::folder_in(&loaded.folder)))? {
        found.add(manifest, format!("this desk's `{}`", resolve::LOCAL_NAME));
    }
    Ok(found)
}

/// A path of the config means the model that has it.
fn name_of(text: &str, loaded: &Loaded, context: &Context) -> String {
    let whole = context.working_folder.join(text).canonicalize().ok();
    loaded
        .config
        .models
        .iter()
        .find(|model| {
            model.name == text || (whole.is_some() && loaded.folder.join(&model.path).canonicalize().ok() == whole)
        })
        .map_or_else(|| text.to_owned(), |model| model.name.clone())
}
