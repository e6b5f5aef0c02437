//! What the step leaves behind: outputs, job summary, annotations in the log.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::chance;
use crate::files::FileError;

/// GitHub shows at most 1 MiB of summary a step; what comes after is dropped whole.
const SUMMARY_BYTES: usize = 1_000_000;

/// Appends `name=value` to the file at `GITHUB_OUTPUT`, with a delimiter that no value can hold.
pub fn set(path: Option<&Path>, name: &str, value: &str) -> Result<(), FileError> {
    let Some(path) = path else { return Ok(()) };
    let delimiter = format!("mlbuild-{}", chance::word());
    append(path, &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// Appends Markdown to the job summary.
pub fn summarize(path: Option<&Path>, markdown: &str) -> Result<(), FileError> {
    let Some(path) = path else { return Ok(()) };
    let mut text = markdown.to_owned();
    if text.len() > SUMMARY_BYTES {
        let mut end = SUMMARY_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text.push('\n');
    append(path, &text)
}

fn append(path: &Path, text: &str) -> Result<(), FileError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(FileError::at("append to", path))
}

/// The escape of a workflow command's message, by GitHub's documentation.
pub fn escape(message: &str) -> String {
    message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The escape of a workflow command's property.
pub fn escape_property(value: &str) -> String {
    escape(value).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_end_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        set(Some(&path), "result", "pass\nresult=fail").unwrap();
        set(Some(&path), "other", "x").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let delimiter = lines[0].strip_prefix("result<<").unwrap();
        assert_eq!(lines[1..4], ["pass", "result=fail", delimiter]);
        assert_ne!(lines[4].strip_prefix("other<<").unwrap(), delimiter);
    }

    #[test]
    fn commands_stay_on_one_line() {
        assert_eq!(escape("50%\n::error::x"), "50%25%0A::error::x");
        assert_eq!(escape_property("a,b:c"), "a%2Cb%3Ac");
    }
}
