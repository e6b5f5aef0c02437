//! What `push`, `pull` and `sync` share: both ends, a bar in bytes, and how a transfer is shown.

use indicatif::ProgressBar;
use serde::Serialize;

use crate::pipeline::remote;
use crate::pipeline::remote::Ends;
use crate::pipeline::remote::Event;
use crate::pipeline::remote::Options;
use crate::pipeline::remote::RemotesError;
use crate::pipeline::remote::Selection;
use crate::pipeline::workspace::Workspace;
use crate::registry::Registry;
use crate::report::numbered::Numbered;
use crate::report::remotes;
use crate::report::remotes::State;
use crate::report::remotes::Transfer;

use super::clock;
use super::context::Context;
use super::desk;
use super::error::CliError;
use super::exit::Exit;
use super::ui::Ui;

/// Which builds, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct TransferArgs {
    /// The build, by the beginning of its id, a tag or a name. What it was derived from goes with it.
    #[arg(value_name = "BUILD", required_unless_present_any = ["all", "tag"], conflicts_with_all = ["all", "tag"])]
    build: Option<String>,
    /// The remote; the default one where none is named.
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// All builds.
    #[arg(long, conflicts_with = "tag")]
    all: bool,
    /// The builds with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl TransferArgs {
    fn selection(&self) -> Selection<'_> {
        match (&self.build, &self.tag) {
            (Some(build), _) => Selection::Build(build),
            (None, Some(tag)) => Selection::Tag(tag),
            (None, None) => Selection::All,
        }
    }
}

/// Pushes or pulls with `go`, and shows what came of it.
pub(crate) fn run(
    args: &TransferArgs,
    force: bool,
    context: &Context,
    go: impl FnOnce(&mut Ends<'_>, Selection<'_>, Options, &mut remote::Observer<'_>) -> Result<Transfer, RemotesError>,
) -> Result<Exit, CliError> {
    let options = Options {
        replace: force,
        again: force,
        dry_run: args.dry_run,
    };
    let transfer = with_ends(context, args.remote.as_deref(), |ends, observe| {
        Ok(go(ends, args.selection(), options, observe)?)
    })?;
    if args.json {
        context.ui.json(&Numbered::of(&transfer))?;
    } else {
        context.ui.data(&remotes::text(&transfer))?;
    }
    Ok(conclude(&context.ui, &[&transfer]))
}

/// Opens the workspace, its registry and a remote, and draws a bar while `go` works.
pub(crate) fn with_ends<T>(
    context: &Context,
    name: Option<&str>,
    go: impl FnOnce(&mut Ends<'_>, &mut remote::Observer<'_>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let workspace = desk::lasting_place(context)?;
    let mut registry = Registry::open(&workspace.registry_path())?;
    let facts = registry.remote(name)?;
    let remote = remote::open(&facts, &context.environment)?;
    let now = clock::now();
    let mut ends = Ends {
        registry: &mut registry,
        objects: workspace.objects(),
        remote: &remote,
        name: &facts.name,
        now: &now,
    };
    let mut bar = Bar::new(&context.ui);
    let outcome = go(&mut ends, &mut |event| bar.show(event));
    drop(bar);
    outcome
}

/// The registry of the workspace around the working folder.
pub(crate) fn registry(context: &Context) -> Result<(Workspace, Registry), CliError> {
    let workspace = desk::lasting_place(context)?;
    let registry = Registry::open(&workspace.registry_path())?;
    Ok((workspace, registry))
}

/// Says what did not go as it should, and decides the exit code.
pub(crate) fn conclude(ui: &Ui, transfers: &[&Transfer]) -> Exit {
    let mut exit = Exit::Pass;
    for transfer in transfers {
        for build in transfer.builds.iter().filter(|build| build.state == State::Failed) {
            exit = Exit::Error;
            let short = build.id.get(..12).unwrap_or(&build.id);
            ui.error(&format!("{short}: {}", build.reason.as_deref().unwrap_or_default()));
            build.hints.iter().for_each(|hint| ui.hint(hint));
        }
        for conflict in &transfer.conflicts {
            exit = Exit::Error;
            ui.error(&remotes::conflict(conflict));
        }
        if !transfer.conflicts.is_empty() {
            ui.hint("`push --force` moves the remote's tag, `pull --force` the one here");
        }
        transfer.notices.iter().for_each(|notice| ui.warning(notice));
    }
    exit
}

/// Both halves of a sync, as JSON.
#[derive(Serialize)]
pub(crate) struct SyncedView<'a> {
    /// From the remote to here.
    pub(crate) pulled: Option<&'a Transfer>,
    /// From here to the remote.
    pub(crate) pushed: Option<&'a Transfer>,
}

/// A bar over the bytes that go.
struct Bar<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
}

impl<'a> Bar<'a> {
    fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: None }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Planned { bytes: 0, .. } => self.clear(),
            Event::Planned { blobs, bytes, .. } => {
                self.clear();
                let plural = if blobs == 1 { "" } else { "s" };
                self.bar = Some(self.ui.byte_bar(bytes, &format!("{blobs} file{plural}")));
            }
            Event::Moved(bytes) => {
                if let Some(bar) = &self.bar {
                    bar.inc(bytes);
                }
            }
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}
