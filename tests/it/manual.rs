//! The committed manual is the parser's: `docs/commands.md`, the help of every command, pages for `man`, completions.
//!
//! `MLBUILD_BLESS=1 cargo test --test it manual::` writes page and help texts anew.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use clap::CommandFactory as _;
use mlbuild::cli::args::Args;
use mlbuild::cli::manual;

use crate::support::env::TestEnv;

const BLESS: &str = "MLBUILD_BLESS=1 cargo test --test it manual::";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_blessing() -> bool {
    std::env::var_os("MLBUILD_BLESS").is_some_and(|value| value == "1")
}

/// The first line that differs, as both have it.
fn difference(committed: &str, now: &str) -> String {
    let mut lines = committed.lines().zip(now.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((at, (old, new))) => format!("line {}:\n- {old}\n+ {new}", at + 1),
        None => format!("{} lines, now {}", committed.lines().count(), now.lines().count()),
    }
}

#[test]
fn the_page_of_commands_is_the_parsers() {
    let now = manual::markdown::render(&manual::tree());
    let path = root().join("docs/commands.md");
    if is_blessing() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == now,
        "docs/commands.md is not what the commands say any more, {}\nrun: {BLESS}",
        difference(&committed, &now)
    );
}

/// What `--help` prints, by the command's path: `baseline refresh`.
fn helps() -> BTreeMap<String, String> {
    let tree = manual::tree();
    let pages = manual::pages(&tree);
    let help = |page: &manual::Page<'_>| {
        let words = page.title();
        let arguments = words.split(' ').chain(["--help"]);
        let shown = Args::command().term_width(100).try_get_matches_from(arguments);
        (page.path.clone(), shown.unwrap_err().to_string())
    };
    pages.iter().map(help).collect()
}

#[test]
fn the_help_of_every_command_is_as_committed() {
    let folder = root().join("tests/it/snapshots/help");
    let now: BTreeMap<String, String> = helps()
        .into_iter()
        .map(|(path, help)| {
            (
                format!("mlbuild-{path}").trim_end_matches('-').replace(' ', "-") + ".txt",
                help,
            )
        })
        .collect();
    if is_blessing() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, help) in &now {
            fs::write(folder.join(name), help).unwrap();
        }
    }
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    let committed: BTreeMap<String, String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| read(entry.unwrap().path()))
        .collect();
    let mut differing = Vec::new();
    for name in now.keys().chain(committed.keys()).collect::<BTreeSet<_>>() {
        match (committed.get(name), now.get(name)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => differing.push(format!("{name}, {}", difference(old, new))),
            (Some(_), None) => differing.push(format!("{name}: no such command any more")),
            (None, _) => differing.push(format!("{name}: not committed")),
        }
    }
    assert!(
        differing.is_empty(),
        "help texts in tests/it/snapshots/help are not the commands' any more:\n{}\nrun: {BLESS}",
        differing.join("\n")
    );
}

#[test]
fn the_binary_says_what_the_snapshots_say() {
    let helps = helps();
    let env = TestEnv::new();
    for path in ["", "compare", "budget set"] {
        let arguments: Vec<&str> = path
            .split(' ')
            .filter(|word| !word.is_empty())
            .chain(["--help"])
            .collect();
        let output = env.run(&arguments).expect_code(0);
        assert_eq!(output.stdout, helps[path], "{path}");
        assert_eq!(output.stderr, "", "{path}");
    }
}

#[test]
fn every_command_says_what_it_is_for_and_shows_how() {
    let tree = manual::tree();
    let mut poor = Vec::new();
    for page in manual::pages(&tree) {
        if manual::purpose(page.command).is_empty() {
            poor.push(format!("{}: no purpose", page.title()));
        }
        // Those below another one are shown by its examples; the Action is not for people.
        if !page.path.is_empty() && !page.path.contains(' ') && page.path != "action" && page.examples.is_empty() {
            poor.push(format!("{}: no examples", page.title()));
        }
        for arg in page.arguments().into_iter().chain(page.options()) {
            if manual::meaning(arg).is_empty() {
                poor.push(format!("{}: {} has no help", page.title(), manual::spelling(arg)));
            }
        }
        for example in &page.examples {
            if !example.starts_with("mlbuild ") {
                poor.push(format!("{}: an example of something else: {example}", page.title()));
            }
        }
    }
    assert!(poor.is_empty(), "{}", poor.join("\n"));
}

#[test]
fn there_is_a_page_for_man_for_every_command() {
    let env = TestEnv::new();
    let output = env.run(&["man", "--output", "share/man1"]).expect_code(0);
    let tree = manual::tree();
    let expected: BTreeSet<String> = manual::pages(&tree)
        .iter()
        .map(|page| format!("{}.1", page.title().replace(' ', "-")))
        .collect();
    let written: BTreeSet<String> = fs::read_dir(env.path("share/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(written, expected);
    assert_eq!(output.stdout, format!("wrote {} pages to share/man1\n", expected.len()));
    for name in &written {
        let page = env.read(&format!("share/man1/{name}"));
        for section in [".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"] {
            assert!(page.contains(section), "{name} has no {section}:\n{page}");
        }
    }
    let refresh = env.read("share/man1/mlbuild-baseline-refresh.1");
    assert!(
        refresh.contains(".SH \"EXIT STATUS\"") && refresh.contains(".SH EXAMPLES"),
        "{refresh}"
    );
    // Twice is once.
    let before = env.tree();
    env.run(&["man", "--output", "share/man1"]).expect_code(0);
    assert_eq!(env.tree(), before);
}

#[test]
fn a_page_for_man_goes_to_stdout() {
    let env = TestEnv::new();
    env.run(&["man", "--output", "pages"]).expect_code(0);
    let printed = env.run(&["man", "baseline", "refresh"]).expect_code(0).stdout;
    assert_eq!(printed, env.read("pages/mlbuild-baseline-refresh.1"));
    assert_eq!(env.run(&["man"]).expect_code(0).stdout, env.read("pages/mlbuild.1"));
    insta::assert_snapshot!(env.run(&["man", "basline"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no command `basline`
    hint: `mlbuild --help` lists the commands
    ");
}

#[test]
fn pages_for_man_have_no_fault_that_man_sees() {
    // mandoc or groff, where this machine has one.
    let has = |tool: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(tool).is_file())
    };
    let linter: &[&str] = if has("mandoc") {
        &["mandoc", "-T", "lint", "-W", "error"]
    } else if has("groff") {
        &["groff", "-man", "-T", "utf8", "-z", "-ww"]
    } else {
        eprintln!("skipped: neither mandoc nor groff is here");
        return;
    };
    let env = TestEnv::new();
    env.run(&["man", "--output", "pages"]).expect_code(0);
    for entry in fs::read_dir(env.path("pages")).unwrap() {
        let path = entry.unwrap().path();
        let output = Command::new(linter[0]).args(&linter[1..]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.trim().is_empty(),
            "{}: {said}",
            path.display()
        );
    }
}

#[test]
fn every_shell_has_a_script_that_knows_every_command() {
    let env = TestEnv::new();
    let tree = manual::tree();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = env.run(&["completions", shell]).expect_code(0).stdout;
        for page in manual::pages(&tree) {
            let name = page.path.rsplit(' ').next().unwrap();
            assert!(script.contains(name), "{shell} does not know `{}`", page.title());
        }
        assert!(script.contains("time-budget"), "{shell} knows no options");
        if shell != "bash" {
            // Bash shows no descriptions.
            assert!(
                script.contains("Print the tab completion script"),
                "{shell} shows no help"
            );
        }
    }
}

/// What bash offers for the last of these words.
#[cfg(unix)]
fn offered(words: &[&str]) -> Option<Vec<String>> {
    let bash = Path::new("/bin/bash");
    if !bash.is_file() {
        eprintln!("skipped: no bash here");
        return None;
    }
    let env = TestEnv::new();
    let script = env.run(&["completions", "bash"]).expect_code(0).stdout;
    env.write("script.bash", script);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = (quoted.last().unwrap(), &quoted[quoted.len() - 2]);
    let program = format!(
        "set -e; source ./script.bash; COMP_WORDS=({}); COMP_CWORD={}; _mlbuild mlbuild {last} {before}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    let output = Command::new(bash)
        .args(["--norc", "--noprofile", "-c", &program])
        .current_dir(env.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let offered = String::from_utf8(output.stdout).unwrap();
    Some(offered.lines().map(str::to_owned).collect())
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_subcommands_and_options() {
    for (words, expected) in [
        (&["mlbuild", "compl"][..], "completions"),
        (&["mlbuild", "budget", "va"], "validate"),
        (&["mlbuild", "ci-check", "--latency-t"], "--latency-threshold"),
        (&["mlbuild", "completions", "fi"], "fish"),
    ] {
        let Some(offered) = offered(words) else { return };
        assert_eq!(offered, [expected], "{words:?}");
    }
}
