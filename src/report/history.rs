//! The history of commands, as table and JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::report::clean;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::report::listing::short;
use crate::report::table::terminal;
use crate::units::Span;
use crate::when;

/// One command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The command and subcommand.
    pub command: String,
    /// What was typed after the program's name, secrets masked.
    pub arguments: Vec<String>,
    /// When it began, ISO 8601 in UTC.
    pub started_at: String,
    /// When it ended; `None` where it was killed, or still runs.
    pub ended_at: Option<String>,
    /// How it ended.
    pub exit_code: Option<i32>,
    /// A digest that tells machines apart.
    pub machine: String,
    /// The machine's name.
    pub host: String,
    /// The version of mlbuild.
    pub version: String,
    /// The builds that it was about; they may be gone.
    pub builds: Vec<String>,
}

/// The longest command line in a table.
const TYPED: usize = 70;

/// The newest first.
pub fn table(entries: &[Entry], now: Timestamp) -> String {
    let columns = [
        ("id", Side::Left),
        ("age", Side::Left),
        ("exit", Side::Right),
        ("took", Side::Right),
        ("host", Side::Left),
        ("command", Side::Left),
    ];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![
                short(&entry.id),
                when::ago(&entry.started_at, now),
                entry.exit_code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
                took(entry).unwrap_or_else(|| "–".to_owned()),
                clean::cut(&terminal(&entry.host), 30),
                clean::cut(&terminal(&typed(&entry.arguments)), TYPED),
            ]
        })
        .collect();
    grid(&columns, &rows)
}

/// The arguments as a shell would take them.
fn typed(arguments: &[String]) -> String {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|character| character.is_alphanumeric() || "-_./:=+,@%*".contains(character))
    };
    let words: Vec<String> = arguments
        .iter()
        .map(|argument| {
            if is_plain(argument) {
                argument.clone()
            } else {
                format!("'{}'", argument.replace('\'', r"'\''"))
            }
        })
        .collect();
    words.join(" ")
}

fn took(entry: &Entry) -> Option<String> {
    let begin: Timestamp = entry.started_at.parse().ok()?;
    let end: Timestamp = entry.ended_at.as_deref()?.parse().ok()?;
    let milliseconds = u64::try_from(end.as_millisecond().saturating_sub(begin.as_millisecond())).ok()?;
    Some(Span(std::time::Duration::from_millis(milliseconds)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_commands() {
        let entry = |command: &[&str], code| Entry {
            id: "0123456789abcdef0123456789abcdef".to_owned(),
            command: command[0].to_owned(),
            arguments: command.iter().map(|word| (*word).to_owned()).collect(),
            started_at: "2026-11-20T14:00:00.000Z".to_owned(),
            ended_at: Some("2026-11-20T14:00:02.500Z".to_owned()).filter(|_| code != -1),
            exit_code: Some(code).filter(|code| *code != -1),
            machine: "m".to_owned(),
            host: "desk".to_owned(),
            version: "0.1.0".to_owned(),
            builds: Vec::new(),
        };
        let entries = [
            entry(&["validate", "my model.onnx", "--max-latency", "10"], 1),
            entry(&["build", "--name", "it's\n\u{1b}[31m"], -1),
        ];
        insta::assert_snapshot!(table(&entries, "2026-11-20T16:30:00Z".parse().unwrap()), @r"
        id            age      exit    took  host  command
        0123456789ab  2 h ago     1  2.50 s  desk  validate 'my model.onnx' --max-latency 10
        0123456789ab  2 h ago     –       –  desk  build --name 'it'\''s [31m'
        ");
    }
}
