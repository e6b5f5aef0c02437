//! Why something of one comparison failed, reduced to what its reader needs: a reason on one line, and what to do.

use std::path::Path;

use crate::hint::Hint;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Verdict;
use crate::verdict::undecided;

/// What went wrong with something that all comparisons of a model share, or with one of them.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Why, on one line.
    pub(super) reason: String,
    /// What to do.
    pub(super) hints: Vec<String>,
}

impl Trouble {
    pub(super) fn of(error: &(impl std::error::Error + Hint)) -> Self {
        Self {
            reason: chain(error),
            hints: error.hints(),
        }
    }

    /// The same, with files beneath `folder` named as its config names them: a runner's own folders say nothing to who reads a comment.
    pub(super) fn within(self, folder: &Path) -> Self {
        Self {
            reason: relative(&self.reason, folder),
            hints: self.hints.iter().map(|hint| relative(hint, folder)).collect(),
        }
    }

    pub(super) fn comparison(self, key: &ComparisonKey) -> Comparison {
        undecided(key, Verdict::Error, self.reason, self.hints)
    }
}

/// `text` with files beneath `folder` named relative to it.
pub(super) fn relative(text: &str, folder: &Path) -> String {
    // Of a relative folder's name, or of the root alone, more than paths may begin with it.
    if !folder.is_absolute() || folder.parent().is_none() {
        return text.to_owned();
    }
    let beginning = folder.join("").display().to_string();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&beginning) {
        shown.push_str(before);
        // The end of a longer path is no path beneath the folder.
        let starts = !shown.ends_with(|last: char| last.is_alphanumeric() || "._-/\\".contains(last));
        if !starts {
            shown.push_str(&beginning);
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_the_config_names_them() {
        let shown = |text: &str, folder: &str| relative(text, Path::new(folder));
        assert_eq!(
            shown(
                "`/runner/work/models/a.onnx` and `/runner/work/b.npz` differ",
                "/runner/work"
            ),
            "`models/a.onnx` and `b.npz` differ"
        );
        assert_eq!(
            shown("cannot read /runner/work/a.onnx: denied", "/runner/work/"),
            "cannot read a.onnx: denied"
        );
        for (text, folder) in [
            ("`/runner/workshop/a.onnx` is missing", "/runner/work"),
            ("`/mnt/runner/work/a.onnx` is missing", "/runner/work"),
            ("`/a.onnx` is missing", "/"),
            ("`work/a.onnx` is missing", "work"),
            ("`./a.onnx` is missing", "."),
            ("nothing", "/runner/work"),
        ] {
            assert_eq!(shown(text, folder), text);
        }
    }
}
