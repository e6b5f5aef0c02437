//! The manual as one Markdown page, as GitHub shows it: `docs/commands.md`.

use std::fmt::Write as _;

use clap::Arg;
use clap::Command;

use super::Group;
use super::Page;

const HEAD: &str = "\
<!-- Made from the argument parser; `MLBUILD_BLESS=1 cargo test --test it manual::` writes it anew. -->

# Commands

Every command has `--help` with examples. Those that print data have `--json`: one document on stdout and nothing else. Progress, \
warnings and errors go to stderr. Nothing but `runtime install`, `upgrade`, the commands that share builds and the Action's own use the \
network; an engine that is missing is installed once, by the first command that runs a model.

Where a command takes a model or a build, it takes a **file**, a **tag**, or the **beginning of a build's id** (four digits or more, as \
long as one build has it). A file of that name comes first. Builds and tags are those of `.mlbuild/registry.db` beside the config, or \
in the nearest folder above that has one. A build is run as it was made: an `fp16` build is the 16-bit model.

Sizes, times and shares may carry units: `8 MB`, `250 us`, `5%`. 1 MB is 10⁶ bytes.

Exit codes are the same everywhere: **0** passed, skipped or done; **1** a limit is violated; **2** wrong usage, or something that could \
not be read, written, reached or measured. What could not be measured never passes.
";

/// The whole page; it ends with a line break and depends on nothing but the parser.
pub fn render(tree: &Command) -> String {
    let mut text = HEAD.to_owned();
    contents(&mut text, tree);
    global_options(&mut text, tree);
    let pages = super::pages(tree);
    for (group, commands) in super::chapters(tree) {
        let _ = write!(text, "\n## {}\n", group.title);
        further(&mut text, group);
        for command in commands {
            let name = command.get_name();
            let own = pages.iter().filter(|page| page.path.split(' ').next() == Some(name));
            own.for_each(|page| section(&mut text, page));
        }
    }
    text
}

fn contents(text: &mut String, tree: &Command) {
    text.push_str("\n## Contents\n");
    for (group, commands) in super::chapters(tree) {
        let _ = write!(text, "\n**[{}](#{})**\n\n", group.title, anchor(group.title));
        text.push_str("| command | |\n|---|---|\n");
        for command in commands {
            let title = format!("mlbuild {}", command.get_name());
            let _ = writeln!(
                text,
                "| [`{title}`](#{}) | {} |",
                anchor(&title),
                cell(&super::purpose(command))
            );
        }
    }
    text.push('\n');
    text.push_str("[Options of every command](#options-of-every-command)\n");
}

fn global_options(text: &mut String, tree: &Command) {
    text.push_str("\n## Options of every command\n\n");
    table(text, "option", &super::options(tree, true));
}

fn further(text: &mut String, group: &Group) {
    if !group.pages.is_empty() {
        let links: Vec<String> = group
            .pages
            .iter()
            .map(|(title, file)| format!("[{title}]({file})"))
            .collect();
        let _ = write!(text, "\nExplained in {}.\n", links.join(", "));
    }
}

fn section(text: &mut String, page: &Page<'_>) {
    let level = if page.path.contains(' ') { "####" } else { "###" };
    let _ = write!(text, "\n{level} `{}`\n", page.title());
    for paragraph in super::description(page.command) {
        let _ = write!(text, "\n{}\n", prose(&ended(&paragraph)));
    }
    let usage = page.command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let _ = write!(text, "\n```\n{usage}\n```\n");
    let arguments = page.arguments();
    if !arguments.is_empty() {
        text.push('\n');
        table(text, "argument", &arguments);
    }
    let options = page.options();
    if !options.is_empty() {
        text.push('\n');
        table(text, "option", &options);
    }
    if !page.examples.is_empty() {
        let _ = write!(text, "\nExamples:\n\n```sh\n{}\n```\n", page.examples.join("\n"));
    }
    for remark in &page.remarks {
        let _ = write!(text, "\n{}\n", linked(&prose(&ended(&remark.replace('\n', " ")))));
    }
    if page.command.get_subcommands().next().is_none() {
        let codes: Vec<String> = page
            .exit_codes()
            .iter()
            .map(|(code, meaning)| format!("**{code}** {meaning}"))
            .collect();
        let _ = write!(text, "\nExit codes: {}.\n", codes.join("; "));
    }
}

fn table(text: &mut String, kind: &str, args: &[&Arg]) {
    // A column that would be empty in every row is left out.
    let has_defaults = args.iter().any(|arg| super::default(arg).is_some());
    let (title, rule) = if has_defaults { (" default |", "---|") } else { ("", "") };
    let _ = write!(text, "| {kind} | meaning |{title}\n|---|---|{rule}\n");
    for arg in args {
        let _ = write!(text, "| {} | {} |", code(&super::spelling(arg)), what(arg));
        if has_defaults {
            let _ = write!(
                text,
                " {} |",
                super::default(arg).map(|value| code(&value)).unwrap_or_default()
            );
        }
        text.push('\n');
    }
}

/// Everything that is known of an argument, as one cell.
fn what(arg: &Arg) -> String {
    let meaning: Vec<String> = super::meaning(arg)
        .iter()
        .map(|paragraph| cell(&ended(paragraph)))
        .collect();
    let mut parts = vec![meaning.join("<br>")];
    let choices = super::choices(arg);
    if choices.iter().any(|(_, help)| help.is_some()) {
        let listed: Vec<String> = choices
            .iter()
            .map(|(name, help)| match help {
                Some(help) => format!("{}: {}", code(name), cell(help)),
                None => code(name),
            })
            .collect();
        parts.push(listed.join("<br>"));
    } else if !choices.is_empty() {
        let listed: Vec<String> = choices.iter().map(|(name, _)| code(name)).collect();
        parts.push(format!("One of {}.", listed.join(", ")));
    }
    if arg.is_required_set() && !arg.is_positional() {
        parts.push("Required.".to_owned());
    }
    if let Some(variable) = arg.get_env() {
        parts.push(format!("Environment: {}.", code(&variable.to_string_lossy())));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("<br>")
}

/// GitHub's anchor of a headline.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter_map(|character| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ => character.is_alphanumeric().then_some(character),
    });
    kept.collect()
}

/// As code, also inside a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// With a full stop where it ends without any.
fn ended(text: &str) -> String {
    if text.ends_with(['.', ':', '?', '!', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// Help text, whose backticks are Markdown already; the rest must not become any.
fn prose(text: &str) -> String {
    let mut shown = String::new();
    for (at, piece) in text.split('`').enumerate() {
        if at > 0 {
            shown.push('`');
        }
        if at % 2 == 1 {
            shown.push_str(piece);
            continue;
        }
        for character in piece.chars() {
            match character {
                '<' => shown.push_str("&lt;"),
                '>' => shown.push_str("&gt;"),
                '*' | '_' | '[' | ']' => {
                    shown.push('\\');
                    shown.push(character);
                }
                _ => shown.push(character),
            }
        }
    }
    shown
}

/// [`prose`] inside a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

/// Names of our own pages become links.
fn linked(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let plain = word.trim_end_matches(['.', ',', ';']);
        let tail = &word[plain.len()..];
        match plain.strip_prefix("docs/").filter(|file| file.ends_with(".md")) {
            Some(file) => format!("[{}]({file}){tail}", file.trim_end_matches(".md")),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(anchor("mlbuild baseline refresh"), "mlbuild-baseline-refresh");
        assert_eq!(anchor("Find a regression's commit"), "find-a-regressions-commit");
    }

    #[test]
    fn text_stays_text_and_code_stays_code() {
        assert_eq!(prose("a <b> of `c <d>`, *e*"), "a &lt;b&gt; of `c <d>`, \\*e\\*");
        assert_eq!(cell("`a|b` or c|d"), "`a\\|b` or c\\|d");
        assert_eq!(linked("more: docs/explore.md."), "more: [explore](explore.md).");
    }
}
