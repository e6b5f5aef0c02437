//! `mlbuild init`: a config and a workflow for the models in this repository.

use std::path::Path;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::error::Kind;
use crate::cli::exit::Exit;
use crate::config::discover;
use crate::config::load;
use crate::config::starter;
use crate::files;

/// The workflow's place in a repository.
const WORKFLOW: &str = ".github/workflows/mlbuild.yml";
/// The place of the workflow that reports on pull requests from forks.
const REPORT: &str = ".github/workflows/mlbuild-report.yml";
/// More models than this are better named by a person.
const MOST_MODELS: usize = 20;

/// Write a config and a workflow for the models in this repository; files that exist are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild init --dry-run
  mlbuild init
  mlbuild init --forks
  mlbuild init --model models/mobilenet.onnx")]
pub struct Args {
    /// A model to gate, whether it exists yet or not; without, the repository's `.onnx` files are.
    #[arg(long = "model", value_name = "PATH")]
    models: Vec<PathBuf>,
    /// Write a second workflow too, which comments on pull requests from forks; for public repositories.
    #[arg(long)]
    forks: bool,
    /// Show what would be written, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// One of the files.
struct Plan {
    name: &'static str,
    content: String,
    /// True where the file exists already.
    kept: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let repository = discover::repository(&context.working_folder);
    let root = repository.clone().unwrap_or_else(|| context.working_folder.clone());
    let (paths, pointers) = models(args, context, &root)?;
    let lfs = !pointers.is_empty() || discover::stores_in_lfs(&root);
    let branch = discover::default_branch(&root);
    let plans: Vec<Plan> = [
        (load::FILE_NAME, starter::config(&paths)?),
        (WORKFLOW, starter::workflow(&branch, lfs)?),
    ]
    .into_iter()
    .chain(args.forks.then(|| (REPORT, starter::REPORT.to_owned())))
    .map(|(name, content)| Plan {
        name,
        content,
        kept: root.join(name).symlink_metadata().is_ok(),
    })
    .collect();
    for plan in plans.iter().filter(|plan| !plan.kept && !args.dry_run) {
        files::write_atomic(&root.join(plan.name), plan.content.as_bytes())?;
    }
    if let Some(first) = pointers.first() {
        context.ui.warning(&format!(
            "`{first}` is a Git LFS pointer here: run `git lfs pull` before measuring; the workflow checks out with `lfs: true`"
        ));
    }
    if repository.is_none() {
        context
            .ui
            .warning("this is no git repository: GitHub reads the workflow at the root of one only");
    }
    if args.json {
        let names = |kept: bool| {
            plans
                .iter()
                .filter(|plan| plan.kept == kept)
                .map(|plan| plan.name)
                .collect::<Vec<_>>()
        };
        context.ui.json(&json!({
            "schema": 1,
            "folder": root,
            "dry_run": args.dry_run,
            "models": paths,
            "lfs": lfs,
            "written": names(false),
            "kept": names(true),
        }))?;
        return Ok(Exit::Pass);
    }
    show(args, context, &root, &plans, &paths)
}

/// The models to name, relative to `root`, and those of them that are Git LFS pointers.
fn models(args: &Args, context: &Context, root: &Path) -> Result<(Vec<String>, Vec<String>), CliError> {
    if !args.models.is_empty() {
        let mut paths = Vec::new();
        for model in &args.models {
            let path = context.working_folder.join(model);
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let text = relative.to_str().ok_or_else(|| {
                CliError::usage(format!("`{}` is not UTF-8, so no config can name it", model.display()))
            })?;
            let text = text
                .strip_prefix("./")
                .unwrap_or(text)
                .replace(std::path::MAIN_SEPARATOR, "/");
            if !paths.contains(&text) {
                paths.push(text);
            }
        }
        let pointers = paths
            .iter()
            .filter(|path| discover::is_pointer(&root.join(path)))
            .cloned()
            .collect();
        return Ok((paths, pointers));
    }
    let mut found = discover::models(root);
    if found.is_empty() {
        return Err(
            CliError::new(Kind::Config, format!("no `.onnx` file in `{}`", root.display()))
                .hint("name one with `--model`, even if it is yet to be built"),
        );
    }
    if found.len() > MOST_MODELS {
        context.ui.warning(&format!(
            "{} models found, only the first {MOST_MODELS} are named; the others can be added by hand",
            found.len()
        ));
        found.truncate(MOST_MODELS);
    }
    let pointers = found
        .iter()
        .filter(|model| model.pointer)
        .map(|model| model.path.clone())
        .collect();
    Ok((found.into_iter().map(|model| model.path).collect(), pointers))
}

fn show(args: &Args, context: &Context, root: &Path, plans: &[Plan], paths: &[String]) -> Result<Exit, CliError> {
    let mut lines = Vec::new();
    for plan in plans {
        let shown = context.relative(&root.join(plan.name));
        let shown = shown.display();
        match (plan.kept, args.dry_run) {
            (true, _) => lines.push(format!("kept {shown}: it exists already")),
            (false, false) => lines.push(format!("wrote {shown}")),
            (false, true) => lines.push(format!("would write {shown}:\n\n{}", plan.content)),
        }
    }
    context.ui.data(&lines.join("\n"))?;
    if plans.iter().all(|plan| plan.kept) {
        context.ui.status("nothing to do");
    } else if !args.dry_run {
        let count = if paths.len() == 1 {
            "1 model".to_owned()
        } else {
            format!("{} models", paths.len())
        };
        context.ui.status(&format!(
            "{count} to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first"
        ));
    }
    Ok(Exit::Pass)
}
