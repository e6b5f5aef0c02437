//! `told.json`: a table on its way from a job that may not write to GitHub to one that may. Texts and nothing else, few and short; whoever reads
//! the file did not write it, so every text is escaped when it is shown.

use serde::Deserialize;
use serde::Serialize;

use crate::report::clean;
use crate::report::markdown;

/// What kind of file it is.
pub const SCHEMA: &str = "mlbuild-table";

/// The version that is written and read.
pub const VERSION: u32 = 1;

/// A longer file is neither written nor read.
pub const MAX_BYTES: usize = 256 * 1024;

const MAX_COLUMNS: usize = 10;
const MAX_ROWS: usize = 40;
const MAX_NOTES: usize = 12;
const MAX_TEXT: usize = 600;

/// A table, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    schema: String,
    version: u32,
    /// The run that made it.
    pub run_id: u64,
    /// The comment that asked for it.
    pub comment: u64,
    /// The commit that it is of.
    pub head_commit: String,
    content: Said,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Said {
    Table(Table),
    Failed { reason: String, hints: Vec<String> },
}

/// A table with a heading and remarks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What it is of.
    pub title: String,
    /// Headings; the first column's cells are names.
    pub columns: Vec<String>,
    /// As many cells as there are headings.
    pub rows: Vec<Vec<String>>,
    /// Below it.
    pub notes: Vec<String>,
}

/// Why a file is none.
#[derive(Debug, thiserror::Error)]
pub enum ToldError {
    /// Too long.
    #[error("the table has {0} bytes, expected at most {MAX_BYTES}")]
    TooLong(usize),
    /// Another shape.
    #[error("the table cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another kind or version.
    #[error("the table is of another kind or version, expected version {VERSION}")]
    Other,
    /// Too much of something, or texts that cannot be seen.
    #[error("the table has {0}")]
    Beyond(&'static str),
}

impl Told {
    /// A table. What is too much is left out and said.
    pub fn table(run_id: u64, comment: u64, head_commit: &str, mut table: Table) -> Self {
        let tidy = |text: &mut String| *text = clean::line(text, MAX_TEXT);
        if table.rows.len() > MAX_ROWS {
            table.notes.insert(
                0,
                format!("{} more rows are in the artifact", table.rows.len() - MAX_ROWS),
            );
        }
        table.rows.truncate(MAX_ROWS);
        table.notes.truncate(MAX_NOTES);
        table.columns.truncate(MAX_COLUMNS);
        for row in &mut table.rows {
            row.resize(table.columns.len(), String::new());
        }
        let texts = table
            .rows
            .iter_mut()
            .flatten()
            .chain(&mut table.columns)
            .chain(&mut table.notes);
        texts.chain([&mut table.title]).for_each(tidy);
        Self::new(run_id, comment, head_commit, Said::Table(table))
    }

    /// That there is none.
    pub fn failed(run_id: u64, comment: u64, head_commit: &str, reason: &str, hints: &[String]) -> Self {
        let hints = hints
            .iter()
            .take(MAX_NOTES)
            .map(|hint| clean::line(hint, MAX_TEXT))
            .collect();
        let reason = clean::line(reason, MAX_TEXT);
        Self::new(run_id, comment, head_commit, Said::Failed { reason, hints })
    }

    fn new(run_id: u64, comment: u64, head_commit: &str, content: Said) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            run_id,
            comment,
            head_commit: head_commit.to_owned(),
            content,
        }
    }

    /// The file.
    pub fn to_text(&self) -> Result<String, ToldError> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        if text.len() > MAX_BYTES {
            return Err(ToldError::TooLong(text.len()));
        }
        Ok(text)
    }

    /// Reads a file that somebody else wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ToldError> {
        if bytes.len() > MAX_BYTES {
            return Err(ToldError::TooLong(bytes.len()));
        }
        let told: Self = serde_json::from_slice(bytes)?;
        if told.schema != SCHEMA || told.version != VERSION {
            return Err(ToldError::Other);
        }
        let mut texts: Vec<&String> = vec![&told.head_commit];
        match &told.content {
            Said::Table(table) => {
                if table.columns.is_empty() || table.columns.len() > MAX_COLUMNS || table.rows.len() > MAX_ROWS {
                    return Err(ToldError::Beyond("too many columns or rows"));
                }
                if table.rows.iter().any(|row| row.len() != table.columns.len()) {
                    return Err(ToldError::Beyond("a row that does not fit its columns"));
                }
                if table.notes.len() > MAX_NOTES {
                    return Err(ToldError::Beyond("too many notes"));
                }
                texts.extend(table.rows.iter().flatten().chain(&table.columns).chain(&table.notes));
                texts.push(&table.title);
            }
            Said::Failed { reason, hints } => {
                if hints.len() > MAX_NOTES {
                    return Err(ToldError::Beyond("too many hints"));
                }
                texts.extend(hints);
                texts.push(reason);
            }
        }
        if texts.iter().any(|text| clean::line(text, MAX_TEXT) != **text) {
            return Err(ToldError::Beyond("a text that is too long or cannot be seen"));
        }
        Ok(told)
    }

    /// Why there is no table, where there is none.
    pub fn failure(&self) -> Option<&str> {
        match &self.content {
            Said::Failed { reason, .. } => Some(reason),
            Said::Table(_) => None,
        }
    }

    /// For a comment: what was asked for, of which commit, and the table.
    pub fn markdown(&self, asked: &str, commit: &str) -> String {
        let head = format!("{} on {}", markdown::code(asked), markdown::code(commit));
        match &self.content {
            Said::Failed { reason, hints } => {
                let mut text = format!("⛔ {head}: {}\n", markdown::prose(reason));
                for hint in hints {
                    text.push_str(&format!("\n- {}", markdown::prose(hint)));
                }
                text + "\n"
            }
            Said::Table(table) => {
                let mut text = format!("{head}: **{}**\n\n", markdown::text(&table.title));
                let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
                text.push_str(&row(table.columns.iter().map(|cell| markdown::text(cell)).collect()));
                text.push_str(&row(vec!["---".to_owned(); table.columns.len()]));
                for cells in &table.rows {
                    let cells = cells.iter().enumerate();
                    text.push_str(&row(cells
                        .map(|(place, cell)| {
                            if place == 0 {
                                markdown::code(cell)
                            } else {
                                markdown::text(cell)
                            }
                        })
                        .collect()));
                }
                for note in &table.notes {
                    text.push_str(&format!("\n- {}", markdown::prose(note)));
                }
                text + "\n"
            }
        }
    }
}
