//! A model that was brought in: for people and for programs.

use serde::Serialize;

use crate::report::clean;
use crate::report::desk;
use crate::report::desk::BuildRow;
use crate::units::Bytes;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// A model that was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The build.
    pub build: BuildRow,
    /// What kind of data it takes, where known.
    pub task: Option<String>,
    /// The name of its file when it was first seen.
    pub file: Option<String>,
    /// True where it was brought in, and not made here.
    pub imported: bool,
    /// The blob of the ONNX graph that it came from.
    pub graph: Option<String>,
    /// Its files, the model first.
    pub artifacts: Vec<FileRow>,
    /// False where the registry had it already.
    pub new: bool,
    /// What was changed of a build that was there.
    pub changes: Vec<String>,
    /// True where this version can run it.
    pub runnable: bool,
    /// True where the engine has loaded and run it.
    pub verified: bool,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// For people, without the warnings.
pub fn text(imported: &Imported) -> String {
    let row = &imported.build;
    let mut text = if imported.new {
        format!("imported {}\n\n", row.label())
    } else {
        format!("{} is in the registry already\n", row.label())
    };
    for change in &imported.changes {
        text.push_str(&format!("  {}\n", clean::sentence(change, clean::PROSE_LENGTH)));
    }
    if !imported.new {
        if imported.changes.is_empty() {
            text.push_str("  nothing was changed\n");
        }
        return text;
    }
    let format = match imported.artifacts.len() {
        1 => row.format.clone(),
        files => format!("{}, {files} files", row.format),
    };
    let mut rows = vec![
        ("size", Bytes(row.size_bytes).to_string()),
        ("format", format),
        ("target", row.target.clone().unwrap_or_default()),
        ("task", imported.task.clone().unwrap_or_else(|| "not known".to_owned())),
    ];
    if imported.verified {
        rows.push(("checked", "loaded and run once by the engine".to_owned()));
    }
    let cells: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    text.push_str(&desk::table(&cells, &[]));
    if imported.runnable {
        text.push_str(&format!("\nnext: mlbuild benchmark {}\n", row.short()));
    }
    text
}
