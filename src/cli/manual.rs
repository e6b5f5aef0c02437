//! The manual of the command line, made out of the argument parser alone: what `docs/commands.md` and the pages for `man` have in
//! common. A new command needs nothing but its help; where it stands in [`GROUPS`] decides its chapter.

pub mod markdown;
pub mod roff;

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use clap::CommandFactory as _;

use super::args::Args;

/// A chapter: what people want to do, and the commands for it in the order in which they are met.
pub struct Group {
    /// The headline.
    pub title: &'static str,
    /// Pages of `docs/` that explain the task, as title and file name.
    pub pages: &'static [(&'static str, &'static str)],
    /// Names of commands; names that this version does not have are passed over.
    pub commands: &'static [&'static str],
}

/// The chapters. A visible command that stands in none comes last, under "More".
pub const GROUPS: &[Group] = &[
    Group {
        title: "Gate a pull request",
        pages: &[
            ("Gate a pull request", "gate-a-pull-request.md"),
            ("Find a regression's commit", "find-a-regressions-commit.md"),
            ("Budgets", "budgets.md"),
            ("Sharding", "sharding.md"),
            ("Configuration", "configuration.md"),
        ],
        commands: &[
            "init", "ci", "plan", "ci-check", "compare", "validate", "budget", "baseline", "config", "action",
        ],
    },
    Group {
        title: "Measure",
        pages: &[
            ("Noise", "noise.md"),
            ("Profile", "profile.md"),
            ("Devices", "devices.md"),
            ("Inputs", "inputs.md"),
            ("Datasets", "datasets.md"),
        ],
        commands: &["benchmark", "profile", "accuracy", "compare-compute-units", "device"],
    },
    Group {
        title: "Optimize",
        pages: &[
            ("Choose a variant", "choose-a-variant.md"),
            ("Optimizing", "optimizing.md"),
            ("Explore", "explore.md"),
        ],
        commands: &["explore", "optimize", "compare-quantization", "sensitivity"],
    },
    Group {
        title: "Keep builds",
        pages: &[],
        commands: &[
            "import",
            "build",
            "tag",
            "rename",
            "note",
            "pin",
            "unpin",
            "prune",
            "experiment",
            "run",
        ],
    },
    Group {
        title: "Share builds",
        pages: &[("Sharing builds", "sharing-builds.md")],
        commands: &["remote", "push", "pull", "sync", "export"],
    },
    Group {
        title: "Look at what is there",
        pages: &[("Reports", "reports.md")],
        commands: &[
            "status", "log", "inspect", "diff", "search", "history", "report", "trend",
        ],
    },
    Group {
        title: "Set up",
        pages: &[("Coming from the Python tool", "coming-from-the-python-tool.md")],
        commands: &["doctor", "runtime", "migrate", "upgrade", "completions", "man"],
    },
];

/// What exit code 1 says of a command, for those that can end in it.
const JUDGING: &[(&str, &str)] = &[
    ("accuracy", "a threshold is violated"),
    ("action", "a regression, or a budget or accuracy limit is violated"),
    ("benchmark", "with `--strict-output`: outputs are implausible"),
    ("budget validate", "the model is larger than its budget"),
    ("ci", "a regression, or a budget or accuracy limit is violated"),
    ("ci-check", "B is worse than A by more than a limit"),
    ("compare", "B is worse than A by more than a limit"),
    (
        "device benchmark",
        "with `--against`: the model is slower by more than the limit",
    ),
    ("diff", "the two builds differ"),
    (
        "doctor",
        "something that a run needs is missing, or a workflow has an error, unless `--soft`",
    ),
    ("validate", "a limit is violated, or not shown to hold"),
];

/// One command of the tree.
pub struct Page<'a> {
    /// Its names below the program's: `baseline refresh`; empty for the program itself.
    pub path: String,
    /// The command, built.
    pub command: &'a Command,
    /// Command lines that show its use.
    pub examples: Vec<String>,
    /// What its help says below the examples, a paragraph an entry.
    pub remarks: Vec<String>,
}

impl Page<'_> {
    /// `mlbuild baseline refresh`.
    pub fn title(&self) -> String {
        format!("mlbuild {}", self.path).trim_end().to_owned()
    }

    /// What the exit codes 0, 1 and 2 say; 1 only where it can happen.
    pub fn exit_codes(&self) -> Vec<(u8, &'static str)> {
        let judging = JUDGING.iter().find(|(path, _)| *path == self.path);
        let mut codes = match judging {
            Some((_, violated)) => vec![(0, "passed or skipped"), (1, *violated)],
            None => vec![(0, "done")],
        };
        codes.push((2, "an error"));
        codes
    }

    /// What it takes besides options: visible positional arguments, in order.
    pub fn arguments(&self) -> Vec<&Arg> {
        let shown = self.command.get_positionals().filter(|arg| !arg.is_hide_set());
        shown.collect()
    }

    /// Its own visible options, without those that every command has.
    pub fn options(&self) -> Vec<&Arg> {
        options(self.command, false)
    }
}

/// Visible options that all commands share (`global`) or that the command alone has; help and version are left out.
fn options(command: &Command, global: bool) -> Vec<&Arg> {
    let shown = command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !arg.is_hide_set() && arg.is_global_set() == global)
        .filter(|arg| {
            !matches!(
                arg.get_action(),
                ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
            )
        });
    shown.collect()
}

/// The command line as the parser has it, complete: names of subcommands in usages, global options everywhere.
pub fn tree() -> Command {
    let mut command = Args::command().disable_help_subcommand(true).term_width(100);
    command.build();
    command
}

/// The program's page and that of every visible command, in the order of the chapters, subcommands after their command.
pub fn pages(tree: &Command) -> Vec<Page<'_>> {
    let mut pages = vec![page("", tree, None)];
    for (_, commands) in chapters(tree) {
        for command in commands {
            visit(command.get_name(), command, None, &mut pages);
        }
    }
    pages
}

/// Chapters with the commands that this version has.
pub fn chapters(tree: &Command) -> Vec<(&'static Group, Vec<&Command>)> {
    const MORE: &Group = &Group {
        title: "More",
        pages: &[],
        commands: &[],
    };
    let visible: Vec<&Command> = tree
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .collect();
    let mut chapters: Vec<(&Group, Vec<&Command>)> = Vec::new();
    for group in GROUPS {
        let named = group
            .commands
            .iter()
            .filter_map(|name| visible.iter().find(|command| command.get_name() == *name));
        chapters.push((group, named.copied().collect()));
    }
    let is_placed = |command: &&Command| GROUPS.iter().any(|group| group.commands.contains(&command.get_name()));
    chapters.push((
        MORE,
        visible.into_iter().filter(|command| !is_placed(command)).collect(),
    ));
    chapters.retain(|(_, commands)| !commands.is_empty());
    chapters
}

fn visit<'a>(path: &str, command: &'a Command, parent: Option<&[String]>, pages: &mut Vec<Page<'a>>) {
    let page = page(path, command, parent);
    let examples = page.examples.clone();
    pages.push(page);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        visit(&format!("{path} {}", inner.get_name()), inner, Some(&examples), pages);
    }
}

fn page<'a>(path: &str, command: &'a Command, parent: Option<&[String]>) -> Page<'a> {
    let text = command
        .get_after_long_help()
        .or(command.get_after_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    let (mut examples, mut remarks) = (Vec::new(), Vec::new());
    for paragraph in text.split("\n\n") {
        match paragraph.trim().strip_prefix("Examples:") {
            Some(lines) => examples.extend(lines.lines().map(|line| line.trim().to_owned())),
            // The manual has its own words for exit codes, for each command.
            None if paragraph.starts_with("Exit codes:") => {}
            None => remarks.push(paragraph.trim().to_owned()),
        }
    }
    examples.retain(|line| !line.is_empty());
    remarks.retain(|line| !line.is_empty());
    if examples.is_empty() {
        // The examples of `mlbuild budget` show its subcommands.
        let start = format!("mlbuild {path}");
        let shows = |line: &&String| {
            line.strip_prefix(&start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        examples = parent.unwrap_or_default().iter().filter(shows).cloned().collect();
    }
    Page {
        path: path.to_owned(),
        command,
        examples,
        remarks,
    }
}

/// What the command is for, in one sentence without a full stop.
pub fn purpose(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The paragraphs that describe the command; the first is its purpose, where it has no longer help.
pub fn description(command: &Command) -> Vec<String> {
    let text = command
        .get_long_about()
        .or(command.get_about())
        .map(ToString::to_string);
    paragraphs(&text.unwrap_or_default())
}

/// What the argument means, a paragraph an entry.
pub fn meaning(arg: &Arg) -> Vec<String> {
    let text = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
    paragraphs(&text.unwrap_or_default())
}

fn paragraphs(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.trim().replace('\n', " "));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect()
}

/// `-q`, `--quiet`, `--runs NUMBER` or `A`: as people type it.
pub fn spelling(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let values: Vec<String> = match arg.get_value_names() {
        Some(names) if takes => names.iter().map(ToString::to_string).collect(),
        _ if takes => vec![arg.get_id().as_str().to_uppercase()],
        _ => Vec::new(),
    };
    let mut value = values.join(" ");
    let range = arg.get_num_args();
    if takes && range.is_some_and(|range| range.max_values() > 1) {
        value.push('…');
    }
    if arg.is_positional() {
        return value;
    }
    if takes && range.is_some_and(|range| range.min_values() == 0) {
        value = format!("[{value}]");
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    format!("{} {value}", names.join(", ")).trim_end().to_owned()
}

/// Values that it takes when none is given, where that is worth saying.
pub fn default(arg: &Arg) -> Option<String> {
    if !arg.get_action().takes_values() || arg.is_hide_default_value_set() {
        return None;
    }
    let values: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    (!values.is_empty()).then(|| values.join(" "))
}

/// The values that are accepted, each with what it means, where there is a list of them and the help does not say it already.
pub fn choices(arg: &Arg) -> Vec<(String, Option<String>)> {
    if !arg.get_action().takes_values() || arg.is_hide_possible_values_set() {
        return Vec::new();
    }
    arg.get_possible_values()
        .into_iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| (value.get_name().to_owned(), value.get_help().map(ToString::to_string)))
        .collect()
}
