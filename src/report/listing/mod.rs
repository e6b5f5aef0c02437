//! Builds in lists: what a row knows, and the views of it as table, tree, CSV and JSON.

pub mod csv;
pub mod grid;
pub mod method;
pub mod table;
pub mod tree;

use serde::Serialize;

/// One build in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The model's name, which stays when the build is renamed.
    pub model: String,
    /// The file name of its source, where that is known.
    pub file: Option<String>,
    /// `onnx`, `tflite`, `coreml`.
    pub format: String,
    /// What it was made for or, where it was made for nothing in particular, last measured on.
    pub target: Option<String>,
    /// What kind of data it takes; `None` where nobody looked.
    pub task: Option<String>,
    /// Its recipe, as `mlbuild optimize --recipe` takes it.
    pub recipe: String,
    /// The same for people: `prune(0.50) → int8`.
    pub method: String,
    /// Bytes of all files.
    pub size_bytes: u64,
    /// Median latency when it was last measured, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95_ms: Option<f64>,
    /// Peak memory above an empty session's, bytes.
    pub peak_memory_bytes: Option<u64>,
    /// When it was last measured, ISO 8601 in UTC.
    pub measured_at: Option<String>,
    /// When it was made, ISO 8601 in UTC.
    pub created_at: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Brought in as it is.
    pub imported: bool,
    /// Protected from pruning.
    pub pinned: bool,
    /// What it was derived from.
    pub parent: Option<String>,
    /// The first build of its lineage.
    pub root: String,
}

/// A list of builds, as JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// The version of this form.
    pub schema: u32,
    /// How many builds the filters let through; in a tree, how many families.
    pub total: u64,
    /// How many of them were left out at the beginning.
    pub offset: u64,
    /// The builds.
    pub builds: Vec<Row>,
}

/// The version of [`Listing`].
pub const SCHEMA: u32 = 1;

/// The digits of an id that lists show.
pub const SHORT: usize = 12;

/// The beginning of an id.
pub fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Row;

    /// A build with the id made of one digit.
    pub(crate) fn row(digit: char, name: &str, recipe: &str, parent: Option<char>, root: char) -> Row {
        let id = |digit: char| digit.to_string().repeat(64);
        Row {
            id: id(digit),
            name: name.to_owned(),
            model: name.to_owned(),
            file: Some("net.onnx".to_owned()),
            format: "onnx".to_owned(),
            target: None,
            task: None,
            recipe: recipe.to_owned(),
            method: super::method::label(recipe),
            size_bytes: 13_390_000,
            p50_ms: None,
            p95_ms: None,
            peak_memory_bytes: None,
            measured_at: None,
            created_at: format!("2026-11-0{}T10:00:00Z", digit.to_digit(10).unwrap_or(9).max(1)),
            tags: Vec::new(),
            imported: false,
            pinned: false,
            parent: parent.map(id),
            root: id(root),
        }
    }
}
