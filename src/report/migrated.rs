//! What came over from the Python tool's workspace, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::clean;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// How many notices the text shows of one kind; the JSON has all.
const SHOWN: usize = 20;

/// One kind of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// `builds`, `tags`, `history`, …
    pub kind: &'static str,
    /// How many their workspace has.
    pub found: u64,
    /// How many came over now.
    pub imported: u64,
    /// How many had come over before, or were here.
    pub present: u64,
    /// How many stay behind; a notice says why.
    pub left_out: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            found: 0,
            imported: 0,
            present: 0,
            left_out: 0,
        }
    }
}

/// The whole move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Their workspace.
    pub from: String,
    /// The version of their registry's schema.
    pub from_schema: i64,
    /// Our workspace.
    pub into: String,
    /// Nothing was written.
    pub dry_run: bool,
    /// In a fixed order.
    pub records: Vec<Tally>,
    /// What is different here, could not be found or stays behind, a sentence each.
    pub notices: Vec<String>,
    /// Their `config.toml` as a `.mlbuild.yml`; `None` where it says nothing that one has a key for.
    pub config: Option<String>,
    /// The file that the config was written to.
    pub config_written: Option<String>,
}

impl Migrated {
    /// Lines for the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let verb = if self.dry_run { "would come" } else { "came" };
        let _ = writeln!(
            text,
            "{verb} from {} (the Python tool's, schema {}) into {}",
            clean::line(&self.from, clean::PROSE_LENGTH),
            self.from_schema,
            clean::line(&self.into, clean::PROSE_LENGTH)
        );
        let _ = writeln!(
            text,
            "\n  {:<16} {:>6} {:>9} {:>9} {:>9}",
            "", "found", "imported", "present", "left out"
        );
        for tally in self.records.iter().filter(|tally| tally.found > 0) {
            let _ = writeln!(
                text,
                "  {:<16} {:>6} {:>9} {:>9} {:>9}",
                tally.kind, tally.found, tally.imported, tally.present, tally.left_out
            );
        }
        if !self.notices.is_empty() {
            text.push_str("\nworth knowing:\n");
            for notice in self.notices.iter().take(SHOWN) {
                let _ = writeln!(text, "  - {}", clean::sentence(notice, clean::PROSE_LENGTH));
            }
            if let Some(more) = self.notices.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                let _ = writeln!(text, "  … and {more} more: `--json` has them all");
            }
        }
        match (&self.config_written, &self.config) {
            (Some(path), _) => {
                let _ = writeln!(
                    text,
                    "\nwrote {path} from their config.toml: `mlbuild config check` reads it"
                );
            }
            (None, Some(config)) => {
                let _ = writeln!(text, "\ntheir config.toml as a .mlbuild.yml:\n\n{}", config.trim_end());
            }
            (None, None) => {}
        }
        text
    }
}
