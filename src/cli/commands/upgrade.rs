//! `mlbuild upgrade`: a newer release in this program's place.

use std::path::PathBuf;

use semver::Version;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::error::Kind;
use crate::cli::exit::Exit;
use crate::pipeline::upgrade;
use crate::pipeline::upgrade::Found;
use crate::pipeline::upgrade::Place;
use crate::pipeline::upgrade::Standing;
use crate::pipeline::upgrade::UpgradeError;
use crate::report::numbered::Numbered;

/// Replace this program by a newer release, once that is verified; never by an older one.
///
/// The release's manifest, as committed at its tag, names the binary's SHA-256. What is downloaded must have it, and must start and say its
/// version, before it takes this file's place in one step; whatever fails, the old program stays. A program that cargo, a package manager
/// or the Action installed is not touched.
///
/// Nothing else of mlbuild ever looks for releases. `GITHUB_TOKEN` is used where it is set; without, GitHub answers sixty questions an
/// hour.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild upgrade --check
  mlbuild upgrade
  mlbuild upgrade --version 1.2.3 --json")]
pub struct Args {
    /// Only say whether there is a newer release.
    #[arg(long)]
    check: bool,
    /// The version to upgrade to, also a prerelease; by default the newest release.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: Option<Version>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|error| format!("{error}; expected such as 1.2.3"))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown {
    /// `upgraded`, `available`, `up-to-date`, or `ahead` where no release is as new as this program.
    state: &'static str,
    running: String,
    release: String,
    url: String,
    /// The file that was replaced.
    path: Option<PathBuf>,
    sha256: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let client = desk::releases(context, upgrade::REPOSITORY)?;
    // Whoever cannot upgrade here is told before anything is asked for.
    let place = if args.check { None } else { Some(place()?) };
    let found = upgrade::find(&client, args.version.as_ref())?;
    let running = upgrade::running()?;
    let shown = |state| Shown {
        state,
        running: running.to_string(),
        release: found.version.to_string(),
        url: found.release.html_url.clone(),
        path: None,
        sha256: None,
    };
    let (shown, text) = match (found.standing, place) {
        (Standing::Same, _) => (shown("up-to-date"), format!("mlbuild {running} is up to date")),
        (Standing::Older, None) if args.version.is_some() => (
            shown("ahead"),
            format!("mlbuild {} is older than this program, {running}", found.version),
        ),
        (Standing::Older, _) if args.version.is_some() => return Err(downgrade(&found)?),
        (Standing::Older, _) => (
            shown("ahead"),
            format!("mlbuild {running} is newer than the newest release, {}", found.version),
        ),
        (Standing::Newer, None) => (
            shown("available"),
            format!(
                "mlbuild {} is there, this is {running}: `mlbuild upgrade` installs it\n{}",
                found.version, found.release.html_url
            ),
        ),
        (Standing::Newer, Some(place)) => {
            let platform = upgrade::platform().ok_or_else(|| UpgradeError::NoBinary {
                tag: found.release.tag_name.clone(),
                platform: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
                there: Vec::new(),
            })?;
            let binary = upgrade::binary(&client, &found, platform)?;
            context.ui.status(&format!("downloading mlbuild {}", found.version));
            let installed = upgrade::install(&client, &found, &binary, &place)?;
            let text = format!(
                "upgraded mlbuild {running} to {}: {}",
                found.version,
                place.path().display()
            );
            let shown = Shown {
                path: Some(place.path().to_owned()),
                sha256: Some(installed.digest.to_string()),
                ..shown("upgraded")
            };
            (shown, text)
        }
    };
    if args.json {
        context.ui.json(&Numbered::of(&shown))?;
    } else {
        context.ui.data(&text)?;
    }
    Ok(Exit::Pass)
}

fn place() -> Result<Place, CliError> {
    let path = std::env::current_exe().map_err(|error| {
        CliError::new(
            Kind::Infrastructure,
            format!("cannot tell where this program lies: {error}"),
        )
        .hint("download the new release by hand")
    })?;
    Ok(Place::of(&path)?)
}

fn downgrade(found: &Found) -> Result<CliError, CliError> {
    Ok(UpgradeError::Downgrade {
        version: found.version.clone(),
        running: upgrade::running()?,
        url: found.release.html_url.clone(),
    }
    .into())
}
