//! Shell scripts of steps, read as far as it takes to see that a check's failure goes nowhere.

/// A command of a line, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece<'a> {
    text: &'a str,
    /// Where it starts in the line, in bytes.
    start: usize,
    /// `||`, `&&`, `|`, `;`, `&`; empty at the end.
    then: &'static str,
}

/// How a check's failure is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// `|| true` and its like.
    Or,
    /// `set +e`, and nobody asks afterwards.
    Unset,
    /// A pipe without `pipefail`: the last command decides.
    Pipe,
}

/// A lost failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost<'a> {
    pub(super) how: Loss,
    /// The whole line, trimmed.
    pub(super) line: &'a str,
    /// The piece that loses it.
    pub(super) piece: &'a str,
    /// The check's own words.
    pub(super) check: &'a str,
}

/// Words that make a command a check, wherever they stand in it.
const CHECKS: &[&str] = &[
    "pytest",
    "tox",
    "nox",
    "ctest",
    "unittest",
    "mypy",
    "pyright",
    "ruff",
    "flake8",
    "pylint",
    "clippy",
    "nextest",
    "eslint",
    "tsc",
    "jest",
    "vitest",
    "mocha",
    "rspec",
    "phpunit",
    "shellcheck",
    "actionlint",
    "zizmor",
    "test",
    "tests",
    "lint",
    "check",
    "typecheck",
    "verify",
    "validate",
    "deny",
    "audit",
];

/// Commands of which those words are only arguments.
const PLAIN: &[&str] = &[
    "echo", "printf", "cd", "mkdir", "rm", "cp", "mv", "cat", "ls", "grep", "export", "set", "for", "git", "gh",
    "curl", "wget", "kill", "pkill", "test", "[", "[[", "apt", "apt-get", "brew", "pip", "pip3", "tee", "touch",
    "source", ".", "chmod", "docker", "find", "sed", "awk", "jq", "tar", "unzip", "which", "command", "type", "read",
    "if", "while", "until",
];

/// What mlbuild's subcommands end in when something is wrong.
const JUDGING: &[&str] = &["ci", "ci-check", "compare", "validate", "accuracy", "verify"];

/// Every loss in a script. `pipefail`: the shell that runs it counts every command of a pipe.
pub(super) fn losses(script: &str, pipefail: bool) -> Vec<Lost<'_>> {
    let pipefail = pipefail || script.contains("pipefail");
    let mut found = Vec::new();
    let mut unset: Option<&str> = None;
    for (index, line) in script.lines().enumerate() {
        let line = without_comment(line).trim();
        let pieces = pieces(line);
        for (place, piece) in pieces.iter().enumerate() {
            let words: Vec<&str> = piece.text.split_whitespace().collect();
            match words.as_slice() {
                ["set", "+e", ..] | ["set", "+o", "errexit", ..] => unset = Some(piece.text),
                ["set", "-e", ..] | ["set", "-o", "errexit", ..] => unset = None,
                _ => {}
            }
            if !is_check(&words) {
                continue;
            }
            let rest = line.get(piece.start..).unwrap_or_default();
            let behind = rest.get(piece.text.len()..).unwrap_or_default().trim();
            let lost = |how, piece| Lost {
                how,
                line,
                piece,
                check: words_of_check(line, &pieces, place),
            };
            if piece.then == "||" && swallows(behind.trim_start_matches('|').trim_start()) {
                found.push(lost(Loss::Or, behind));
            } else if piece.then == "|" && !pipefail {
                found.push(lost(Loss::Pipe, behind));
            } else if let Some(set) = unset
                && !asks(script, index)
            {
                found.push(Lost {
                    how: Loss::Unset,
                    line: set,
                    piece: set,
                    check: piece.text,
                });
                unset = None;
            }
        }
    }
    found
}

/// The commands of a script that are mlbuild's: subcommand and arguments.
pub(super) fn calls(script: &str) -> Vec<Vec<&str>> {
    script
        .lines()
        .flat_map(|line| pieces(without_comment(line).trim()))
        .filter_map(|piece| {
            let words: Vec<&str> = piece.text.split_whitespace().collect();
            let at = words.iter().position(|word| base(word) == "mlbuild")?;
            words.get(at + 1..).map(<[&str]>::to_vec)
        })
        .collect()
}

/// True where a script holds a command that checks something.
pub(super) fn checks_something(script: &str) -> bool {
    script
        .lines()
        .flat_map(|line| pieces(without_comment(line).trim()))
        .any(|piece| is_check(&piece.text.split_whitespace().collect::<Vec<&str>>()))
}

fn words_of_check<'a>(line: &'a str, pieces: &[Piece<'a>], place: usize) -> &'a str {
    pieces.get(place).map_or(line, |piece| piece.text)
}

/// The file's name of a command, without `.exe` and `.sh`.
fn base(word: &str) -> &str {
    let name = word
        .trim_matches(['"', '\''])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(word);
    name.strip_suffix(".exe")
        .or_else(|| name.strip_suffix(".sh"))
        .unwrap_or(name)
}

fn is_check(words: &[&str]) -> bool {
    let mut words = words
        .iter()
        .copied()
        .skip_while(|word| word.contains('=') || ["sudo", "time", "env", "exec", "!", "{", "("].contains(word));
    let Some(first) = words.next() else {
        return false;
    };
    if base(first) == "mlbuild" {
        return words.next().is_some_and(|command| JUDGING.contains(&command));
    }
    if PLAIN.contains(&base(first)) {
        return false;
    }
    std::iter::once(first)
        .chain(words)
        .take_while(|word| *word != "--")
        .flat_map(|word| base(word).split([':', '-', '_', '.']))
        .any(|word| CHECKS.contains(&word))
}

/// True where what stands behind `||` ends well and makes nothing of the failure.
fn swallows(behind: &str) -> bool {
    let inner = behind.trim_start_matches(['{', '(']).trim_start();
    let first = inner.split([' ', ';', ')', '}', '|', '&']).next().unwrap_or_default();
    let quiet = ["true", ":", "/bin/true", "echo", "printf", "continue"].contains(&first)
        || inner.starts_with("exit 0")
        || inner.starts_with("return 0");
    let fails = |word: &str| {
        inner.match_indices(word).any(|(at, _)| {
            let next = inner.get(at + word.len()..).unwrap_or_default().trim_start();
            !next.starts_with('0')
        })
    };
    quiet && !fails("exit ") && !fails("return ") && !inner.contains("false") && !inner.contains("GITHUB_OUTPUT")
}

/// True where something asks for the exit code after this line.
fn asks(script: &str, after: usize) -> bool {
    script
        .lines()
        .skip(after)
        .any(|line| ["$?", "PIPESTATUS", "${?}"].iter().any(|ask| line.contains(ask)))
}

/// The line up to its comment; a `#` in quotes or inside a word is none.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '\'' || character == '"' => quote = Some(character),
            None if character == '#' && before.is_whitespace() => return line.get(..at).unwrap_or(line),
            None => {}
        }
        before = character;
    }
    line
}

/// The commands of a line; what stands in quotes is never an operator.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    const OPERATORS: &[&str] = &["||", "&&", "|", ";"];
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut quote = None;
    let mut push = |start: usize, end: usize, then: &'static str| {
        let text = line.get(start..end).unwrap_or_default();
        let trimmed = text.trim_start();
        if !trimmed.trim_end().is_empty() {
            found.push(Piece {
                start: start + text.len() - trimmed.len(),
                text: trimmed.trim_end(),
                then,
            });
        }
    };
    while let Some(character) = line.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = line.get(at..).unwrap_or_default();
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        match (quote, operator) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, _) if character == '\'' || character == '"' => quote = Some(character),
            (None, Some(operator)) => {
                push(start, at, operator);
                at += operator.len();
                start = at;
                continue;
            }
            (None, None) => {}
        }
        at += character.len_utf8();
    }
    push(start, line.len(), "");
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(script: &str) -> Vec<(Loss, &str)> {
        losses(script, false)
            .into_iter()
            .map(|lost| (lost.how, lost.piece))
            .collect()
    }

    #[test]
    fn a_lost_failure_is_seen() {
        for (script, how, piece) in [
            ("cargo test || true", Loss::Or, "|| true"),
            (
                "python -m pytest -q || echo \"tests failed\"",
                Loss::Or,
                "|| echo \"tests failed\"",
            ),
            ("npm run test:unit || exit 0", Loss::Or, "|| exit 0"),
            ("make lint ||:", Loss::Or, "||:"),
            ("cd x && tox || { echo no; }", Loss::Or, "|| { echo no; }"),
            ("RUST_LOG=debug ./scripts/run-tests.sh || true", Loss::Or, "|| true"),
            ("mlbuild ci || true", Loss::Or, "|| true"),
            ("pytest | tee log.txt", Loss::Pipe, "| tee log.txt"),
            ("set +e\npytest\necho done", Loss::Unset, "set +e"),
        ] {
            assert_eq!(found(script), [(how, piece)], "{script}");
        }
    }

    #[test]
    fn what_fails_or_checks_nothing_is_left_alone() {
        for script in [
            "cargo test",
            "cargo test || exit 1",
            "pytest || { echo 'failed'; exit 1; }",
            "pytest || (cat log; false)",
            "rm -rf build || true",
            "docker rm -f test || true",
            "test -f model.onnx || echo none",
            "echo 'cargo test || true'",
            "# cargo test || true",
            "set -o pipefail\npytest | tee log.txt",
            "set +e\npytest\ncode=$?\nexit $code",
            "set +e\nrm x\nset -e\npytest",
            "mlbuild doctor || true",
            "pytest \"a|b\" -k 'x || true'",
            "pkill -f test || true",
        ] {
            assert_eq!(found(script), [], "{script}");
        }
        assert_eq!(losses("pytest | tee log", true), []);
    }

    #[test]
    fn calls_of_mlbuild() {
        assert_eq!(
            calls("cd x && ./bin/mlbuild ci --config a.yml; echo"),
            [vec!["ci", "--config", "a.yml"]]
        );
        assert_eq!(calls("echo hello"), Vec::<Vec<&str>>::new());
        assert!(checks_something("a && cargo test") && !checks_something("echo test"));
    }

    proptest! {
        #[test]
        fn no_script_makes_it_panic(script in "(?s)[ a-z|&;'\"#{}()+\n$?é-]{0,80}(set \\+e|pytest)?[ |&;'\n]{0,9}") {
            let _ = losses(&script, false);
            let _ = calls(&script);
        }
    }
}
