//! Tags and their moves: for people and for programs.

use serde::Serialize;

use crate::report::desk;
use crate::report::desk::BuildRow;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// A tag with its build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagRow {
    /// Its name.
    pub tag: String,
    /// Since when, ISO 8601 in UTC, where known.
    pub since: Option<String>,
    /// True where it keeps its build from being pruned.
    pub protects: bool,
    /// What has it.
    pub build: BuildRow,
}

/// A time that a tag was set, moved or taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoveRow {
    /// The tag.
    pub tag: String,
    /// When, ISO 8601 in UTC.
    pub at: String,
    /// The id of what it was given to; `None` where it was taken away.
    pub build: Option<String>,
    /// That build's name and recipe; `None` where it is gone.
    pub label: Option<String>,
}

/// All tags, or those of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tags {
    /// [`SCHEMA`].
    pub schema: u32,
    /// How many there are, shown or not.
    pub total: usize,
    /// Them, sorted by name.
    pub tags: Vec<TagRow>,
}

/// One tag and where it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagHistory {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What has it now; `None` where nothing has.
    pub tag: Option<TagRow>,
    /// The newest first.
    pub moves: Vec<MoveRow>,
}

/// One tag a line.
pub fn list(tags: &Tags) -> String {
    if tags.tags.is_empty() {
        return "no tags; `mlbuild tag create BUILD TAG` makes one\n".to_owned();
    }
    let cells: Vec<Vec<String>> = tags.tags.iter().map(cells).collect();
    let mut text = desk::table(&cells, &[]);
    if tags.total > tags.tags.len() {
        text.push_str(&format!("  and {} more (`--limit`)\n", tags.total - tags.tags.len()));
    }
    text
}

fn cells(row: &TagRow) -> Vec<String> {
    vec![
        desk::name(&row.tag),
        row.build.short().to_owned(),
        desk::name(&row.build.name),
        row.build.recipe.clone(),
        row.since.clone().unwrap_or_else(|| "–".to_owned()),
        if row.protects { "protects" } else { "" }.to_owned(),
    ]
}

/// A tag and where it was.
pub fn shown(history: &TagHistory) -> String {
    let mut text = match &history.tag {
        Some(row) => desk::table(&[cells(row)], &[]),
        None => "  no build has it now\n".to_owned(),
    };
    if !history.moves.is_empty() {
        text.push_str("\nmoves, the newest first:\n");
        text.push_str(&moves(&history.moves));
    }
    text
}

/// Moves, one a line.
pub fn moves(moves: &[MoveRow]) -> String {
    let cells: Vec<Vec<String>> = moves
        .iter()
        .map(|row| {
            let to = match (&row.build, &row.label) {
                (None, _) => "taken away".to_owned(),
                (Some(id), Some(label)) => format!("{} {}", desk::short(id), desk::name(label)),
                (Some(id), None) => format!("{} (gone)", desk::short(id)),
            };
            vec![row.at.clone(), desk::name(&row.tag), to]
        })
        .collect();
    desk::table(&cells, &[])
}
