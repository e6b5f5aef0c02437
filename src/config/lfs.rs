//! Which files git attributes hand to Git LFS.

use std::fs;
use std::path::Path;

/// Longer files of attributes are cut off, in bytes.
const LONGEST: usize = 1 << 20;

/// True where git attributes between `root` and the file give `path`, which is relative to `root` with `/` between its parts, to Git LFS. The
/// last line that speaks of it counts, the nearest folder's before all others.
pub fn tracks(root: &Path, path: &str) -> bool {
    let mut decided = false;
    for (folder, rest) in ancestors(path) {
        let Ok(mut text) = fs::read_to_string(root.join(folder).join(".gitattributes")) else {
            continue;
        };
        text.truncate(text.floor_char_boundary(LONGEST));
        decided = says(&text, rest).unwrap_or(decided);
    }
    decided
}

/// Each folder on the way from the root, and the path from there.
fn ancestors(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let inner = path.match_indices('/').map(|(at, _)| path.split_at(at));
    std::iter::once(("", path)).chain(inner.map(|(folder, rest)| (folder, rest.trim_start_matches('/'))))
}

/// What one file of attributes says of a path relative to its folder.
fn says(text: &str, path: &str) -> Option<bool> {
    let mut said = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(pattern) = words.next() else { continue };
        let mut filter = words.filter_map(|word| match word {
            "filter=lfs" => Some(true),
            "-filter" | "!filter" => Some(false),
            _ if word.starts_with("filter=") => Some(false),
            _ => None,
        });
        if let Some(filter) = filter.next_back()
            && matches(pattern.trim_matches('"'), path)
        {
            said = Some(filter);
        }
    }
    said
}

/// A pattern without a slash is about the name, one with a slash about the path.
fn matches(pattern: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match pattern.trim_start_matches('/') {
        plain if !pattern.contains('/') => fits(plain.as_bytes(), name.as_bytes()),
        rooted => fits(rooted.as_bytes(), path.as_bytes()),
    }
}

/// Where to go on when a pattern does not fit: after the star, one byte further on.
#[derive(Clone, Copy)]
struct Retry {
    pattern: usize,
    text: usize,
    /// True for `**/`: only the beginning of a folder's or file's name will do.
    whole_names: bool,
}

/// `*` is within a folder, `**` across them. Only the last star of each kind is gone back to, so that time stays quadratic at worst.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    let (mut within, mut across): (Option<Retry>, Option<Retry>) = (None, None);
    while here < text.len() {
        let rest = pattern.get(at..).unwrap_or_default();
        if let Some(stars) = ["**/", "**", "*"]
            .iter()
            .find(|stars| rest.starts_with(stars.as_bytes()))
        {
            at += stars.len();
            let retry = Some(Retry {
                pattern: at,
                text: here,
                whole_names: *stars == "**/",
            });
            if *stars == "*" {
                within = retry;
            } else {
                (within, across) = (None, retry);
            }
            continue;
        }
        let character = text.get(here);
        if rest
            .first()
            .is_some_and(|byte| Some(byte) == character || *byte == b'?' && character != Some(&b'/'))
        {
            (at, here) = (at + 1, here + 1);
            continue;
        }
        let in_folder = within.filter(|retry| text.get(retry.text).is_some_and(|byte| *byte != b'/'));
        let mut retry = match (in_folder, across) {
            (Some(retry), _) => retry,
            (None, Some(retry)) => {
                within = None;
                retry
            }
            (None, None) => return false,
        };
        retry.text += 1;
        while retry.whole_names && text.get(retry.text - 1).is_some_and(|byte| *byte != b'/') {
            retry.text += 1;
        }
        if retry.text > text.len() {
            return false;
        }
        *(if in_folder.is_some() { &mut within } else { &mut across }) = Some(retry);
        (at, here) = (retry.pattern, retry.text);
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("*.onnx", "a/b/m.onnx", true),
            ("*.onnx", "m.onnx.txt", false),
            ("models/*.onnx", "models/m.onnx", true),
            ("models/*.onnx", "models/deep/m.onnx", false),
            ("models/**", "models/deep/m.onnx", true),
            ("/models/**/*.onnx", "models/a/b/m.onnx", true),
            ("**/m.onnx", "a/b/m.onnx", true),
            ("**/m.onnx", "m.onnx", true),
            ("**/m.onnx", "xm.onnx", false),
            ("models/**/*.onnx", "models/m.onnx", true),
            ("models/**/x/*.onnx", "models/a/x/b/x/m.onnx", true),
            ("models/**/x/*.onnx", "models/a/x/b/m.onnx", false),
            ("m?.onnx", "m1.onnx", true),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_line_and_the_nearest_folder_count() {
        let root = tempfile::tempdir().unwrap();
        let put =
            |path: &str, text: &str| crate::files::write_atomic(&root.path().join(path), text.as_bytes()).unwrap();
        put(
            ".gitattributes",
            "# filter=lfs\n*.onnx filter=lfs diff=lfs merge=lfs -text\nsmall/*.onnx -filter\n*.txt text\n",
        );
        put("own/.gitattributes", "m.onnx !filter\n");
        for (path, expected) in [
            ("m.onnx", true),
            ("small/m.onnx", false),
            ("own/m.onnx", false),
            ("own/n.onnx", true),
            ("a.txt", false),
        ] {
            assert_eq!(tracks(root.path(), path), expected, "{path}");
        }
        assert!(!tracks(&root.path().join("nowhere"), "m.onnx"));
    }
}
