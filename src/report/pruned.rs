//! What pruning did, or would do: for people and for programs.

use serde::Serialize;

use crate::report::desk;
use crate::report::desk::BuildRow;
use crate::report::desk::ROWS_SHOWN;
use crate::report::desk::count;
use crate::units::Bytes;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// A build that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The build.
    pub build: BuildRow,
    /// Why.
    pub reason: String,
}

/// What pruning did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Nothing was done.
    pub dry_run: bool,
    /// Builds that were hidden.
    pub removed: Vec<BuildRow>,
    /// Builds that are gone for good.
    pub purged: Vec<BuildRow>,
    /// Builds that the rules meet and that stay all the same.
    pub protected: Vec<Kept>,
    /// How many builds there are afterwards.
    pub staying: usize,
    /// What was freed on the disk.
    pub freed_bytes: u64,
    /// Another process uses files of the workspace: builds were hidden, and not purged.
    pub postponed: bool,
}

impl Pruned {
    /// Nothing.
    pub fn new() -> Self {
        Self {
            schema: SCHEMA,
            dry_run: false,
            removed: Vec::new(),
            purged: Vec::new(),
            protected: Vec::new(),
            staying: 0,
            freed_bytes: 0,
            postponed: false,
        }
    }
}

impl Default for Pruned {
    fn default() -> Self {
        Self::new()
    }
}

/// For people.
pub fn text(pruned: &Pruned) -> String {
    let mut text = String::new();
    let would = if pruned.dry_run { "would be " } else { "" };
    let bytes = |rows: &[BuildRow]| Bytes(rows.iter().map(|row| row.size_bytes).sum());
    if pruned.removed.is_empty() && pruned.purged.is_empty() {
        text.push_str("nothing to prune\n");
    }
    if !pruned.removed.is_empty() {
        text.push_str(&format!(
            "{} {would}removed ({}):\n",
            count(pruned.removed.len(), "build"),
            bytes(&pruned.removed)
        ));
        text.push_str(&desk::builds(&pruned.removed, |_| String::new(), ROWS_SHOWN));
    }
    if !pruned.purged.is_empty() {
        let freed = if pruned.dry_run {
            format!("at most {}", bytes(&pruned.purged))
        } else {
            format!("{} freed", Bytes(pruned.freed_bytes))
        };
        text.push_str(&format!(
            "{} {would}purged for good ({freed}):\n",
            count(pruned.purged.len(), "build")
        ));
        text.push_str(&desk::builds(&pruned.purged, |_| String::new(), ROWS_SHOWN));
    }
    if !pruned.protected.is_empty() {
        text.push_str("\nSkipped (protected):\n");
        let rows: Vec<BuildRow> = pruned.protected.iter().map(|kept| kept.build.clone()).collect();
        let reason = |index: usize| {
            let kept = pruned.protected.get(index);
            kept.map(|kept| kept.reason.clone()).unwrap_or_default()
        };
        text.push_str(&desk::builds(&rows, reason, ROWS_SHOWN));
    }
    let stay = if pruned.staying == 1 { "stays" } else { "stay" };
    text.push_str(&format!("\n{} {stay}", count(pruned.staying, "build")));
    text.push_str(match (pruned.dry_run, pruned.removed.is_empty()) {
        (true, _) => "; nothing was changed\n",
        (false, true) => "\n",
        (false, false) => {
            "; removed ones are hidden, and nothing of them is lost: `--restore BUILD` brings one back, `--purge` frees its disk\n"
        }
    });
    text
}
