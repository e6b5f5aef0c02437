//! Whether a repository answers commands in comments, so that the pull request's comment may name them, and something may have been
//! accepted.

use std::fs;
use std::io::Read as _;
use std::path::Path;

/// No repository has more workflows than are looked at.
const MOST: usize = 200;

/// Of each as much as this is read.
const BYTES: u64 = 64 * 1024;

/// Whether a workflow of the checkout listens to comments and names the sub-action that answers them.
pub(super) fn are_answered(workspace: &Path) -> bool {
    let Ok(entries) = fs::read_dir(workspace.join(".github/workflows")) else {
        return false;
    };
    entries.flatten().take(MOST).any(|entry| {
        let mut text = String::new();
        let read = fs::File::open(entry.path()).and_then(|file| file.take(BYTES).read_to_string(&mut text));
        read.is_ok() && text.contains("issue_comment") && text.contains("/command@")
    })
}
