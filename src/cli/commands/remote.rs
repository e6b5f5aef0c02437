//! `mlbuild remote`: where builds are shared.

use std::path::PathBuf;

use clap::Subcommand;
use clap::ValueEnum;
use serde::Serialize;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::transfer;
use crate::pipeline::remote::settings_of;
use crate::registry::RemoteFacts;
use crate::report::numbered::Numbered;
use crate::report::remotes;
use crate::report::remotes::RemoteView;
use crate::store::remote::DEFAULT_PREFIX;

/// Set up the remotes that builds are pushed to and pulled from.
///
/// Credentials are no part of a remote: they are looked up when they are needed, in the environment (AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY, AWS_PROFILE), in `~/.aws`, or from the machine's own identity.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild remote add team --backend s3 --bucket team-models --region eu-central-1
  mlbuild remote add r2 --backend s3 --bucket models --endpoint https://ACCOUNT.r2.cloudflarestorage.com
  mlbuild remote add share --backend local --path /mnt/share/models --default
  mlbuild remote list")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a remote. The first one is the default.
    Add(AddArgs),
    /// Show all remotes.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one remote.
    Show {
        /// Its name; the default one where none is given.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Forget a remote. What it holds stays there.
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a remote the one that is meant where none is named.
    SetDefault {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// What to call it.
    #[arg(value_name = "NAME")]
    name: String,
    /// `s3` for AWS S3, Cloudflare R2, Backblaze B2, MinIO and their like; `local` for a folder.
    #[arg(long, value_name = "BACKEND", value_enum, hide_possible_values = true)]
    backend: Backend,
    /// The bucket.
    #[arg(long, value_name = "NAME", required_if_eq("backend", "s3"), conflicts_with = "path")]
    bucket: Option<String>,
    /// The bucket's region; that of the environment or the profile where it is not given.
    #[arg(long, value_name = "REGION", conflicts_with = "path")]
    region: Option<String>,
    /// The server's address, where it is not AWS. Without credentials.
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    endpoint: Option<String>,
    /// What everything is kept beneath.
    #[arg(long, value_name = "PREFIX", default_value = DEFAULT_PREFIX)]
    prefix: String,
    /// The folder.
    #[arg(long, value_name = "FOLDER", required_if_eq("backend", "local"))]
    path: Option<PathBuf>,
    /// Make it the default.
    #[arg(long)]
    default: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// A bucket.
    S3,
    /// A folder.
    Local,
}

/// What `list --json` prints.
#[derive(Serialize)]
struct Remotes<'a> {
    remotes: &'a [RemoteView],
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Add(args) => add(args, context),
        Command::List { json } => {
            let (_, registry) = transfer::registry(context)?;
            let views: Vec<RemoteView> = registry.remotes()?.into_iter().map(view).collect();
            match json {
                true => context.ui.json(&Numbered::of(Remotes { remotes: &views }))?,
                false => context.ui.data(&remotes::list(&views))?,
            }
            Ok(Exit::Pass)
        }
        Command::Show { name, json } => show(context, name.as_deref(), *json),
        Command::Remove { name, json } => {
            let (_, mut registry) = transfer::registry(context)?;
            let view = view(registry.remote(Some(name))?);
            registry.remove_remote(name)?;
            done(
                context,
                &view,
                *json,
                &format!("forgot the remote {name}; what it holds stays there"),
            )
        }
        Command::SetDefault { name, json } => {
            let (_, mut registry) = transfer::registry(context)?;
            registry.set_default_remote(name)?;
            let view = view(registry.remote(Some(name))?);
            done(context, &view, *json, &format!("{name} is the default remote"))
        }
    }
}

fn add(args: &AddArgs, context: &Context) -> Result<Exit, CliError> {
    check_name(&args.name)?;
    if args.backend == Backend::S3 && args.path.is_some() {
        return Err(CliError::usage("`--path` is for `--backend local`"));
    }
    let path = args.path.as_ref().map(|path| context.working_folder.join(path));
    let path = match path {
        // An absolute path means the same wherever the command is run from.
        Some(path) => Some(
            path.to_str()
                .map(str::to_owned)
                .ok_or_else(|| CliError::usage(format!("`{}` is not UTF-8", path.display())))?,
        ),
        None => None,
    };
    let mut facts = RemoteFacts {
        name: args.name.clone(),
        backend: match args.backend {
            Backend::S3 => "s3".to_owned(),
            Backend::Local => "local".to_owned(),
        },
        bucket: args.bucket.clone(),
        prefix: Some(args.prefix.clone()),
        region: args.region.clone(),
        endpoint: args.endpoint.clone(),
        path,
        is_default: args.default,
        created_at: clock::now(),
    };
    facts.prefix = Some(settings_of(&facts)?.prefix);
    let (_, mut registry) = transfer::registry(context)?;
    registry.add_remote(&facts)?;
    let view = view(registry.remote(Some(&args.name))?);
    let default = if view.default { ", the default" } else { "" };
    done(
        context,
        &view,
        args.json,
        &format!("added the remote {}{default}", args.name),
    )
}

fn show(context: &Context, name: Option<&str>, json: bool) -> Result<Exit, CliError> {
    let (_, registry) = transfer::registry(context)?;
    let view = view(registry.remote(name)?);
    let text = remotes::show(&view);
    done(context, &view, json, &text)
}

fn done(context: &Context, view: &RemoteView, json: bool, text: &str) -> Result<Exit, CliError> {
    match json {
        true => context.ui.json(&Numbered::of(view))?,
        false => context.ui.data(text)?,
    }
    Ok(Exit::Pass)
}

fn check_name(name: &str) -> Result<(), CliError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=100).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with(['-', '.']) {
        return Ok(());
    }
    Err(
        CliError::usage(format!("`{}` cannot be the name of a remote", name.escape_debug()))
            .hint("names are letters, digits, `.`, `_` and `-`, and start with a letter or digit"),
    )
}

fn view(facts: RemoteFacts) -> RemoteView {
    RemoteView {
        name: facts.name,
        backend: facts.backend,
        bucket: facts.bucket,
        prefix: facts.prefix,
        region: facts.region,
        endpoint: facts.endpoint,
        path: facts.path,
        default: facts.is_default,
        created_at: facts.created_at,
    }
}
