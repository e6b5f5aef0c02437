//! The text of a config and the places in it: node numbers become offsets, offsets become lines, both become problems.

use std::path::Path;
use std::sync::Arc;

use miette::NamedSource;
use miette::SourceSpan;

use super::error::Problem;
use super::spans::Location;
use super::tree;
use super::tree::NodeId;

/// A line longer than this is not shown: it would bury the message.
const LONGEST_LINE: usize = 400;

/// The text of one file.
#[derive(Debug)]
pub(super) struct Source {
    text: String,
    snippet: Arc<NamedSource<String>>,
}

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        // Byte for byte as long, so that offsets hold; a terminal must not obey what a file says.
        let harmless = text
            .chars()
            .flat_map(|character| {
                let obeyed = character.is_control() && !matches!(character, '\n' | '\t' | '\r');
                let count = if obeyed { character.len_utf8() } else { 1 };
                std::iter::repeat_n(if obeyed { '?' } else { character }, count)
            })
            .collect::<String>();
        Self {
            text: text.to_owned(),
            snippet: Arc::new(NamedSource::new(path.display().to_string(), harmless)),
        }
    }

    /// Where a node starts, in bytes; asks the parser again, as it gives places for errors only.
    pub(super) fn offset_of(&self, id: NodeId) -> Option<usize> {
        tree::offset_of(&self.text, id).map(|offset| self.clamp(offset))
    }

    /// Line and column of a byte offset.
    pub(super) fn location(&self, offset: usize) -> Location {
        let before = &self.text[..self.clamp(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        Location {
            line: count(before.matches('\n').count()),
            column: count(before[start..].chars().count()),
        }
    }

    /// A problem with what starts at this byte.
    pub(super) fn problem_at(&self, offset: usize, message: impl Into<String>) -> Problem {
        let offset = self.clamp(offset);
        let mut problem = Problem::whole(message);
        problem.location = Some(self.location(offset));
        let line_start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        if line.len() <= LONGEST_LINE {
            problem.span = Some(SourceSpan::new(offset.into(), self.token_length(offset)));
            problem.snippet = Some(Arc::clone(&self.snippet));
        }
        problem
    }

    /// A problem with what stands at this byte, so many bytes of it; never past the line.
    pub(super) fn problem_over(&self, offset: usize, length: usize, message: impl Into<String>) -> Problem {
        let offset = self.clamp(offset);
        let mut problem = self.problem_at(offset, message);
        if problem.span.is_some() {
            let line = self.text[offset..].split(['\n', '\r']).next().unwrap_or_default();
            problem.span = Some(SourceSpan::new(offset.into(), length.min(line.len())));
        }
        problem
    }

    /// A problem with a node.
    pub(super) fn problem(&self, id: NodeId, message: impl Into<String>) -> Problem {
        match self.offset_of(id) {
            Some(offset) => self.problem_at(offset, message),
            None => Problem::whole(message),
        }
    }

    /// The nearest start of a character at or before this byte, inside the text.
    fn clamp(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// How much to underline: a quoted text with its quotes, a bracket with what it holds, else up to what ends a plain scalar;
    /// never past the line.
    fn token_length(&self, offset: usize) -> usize {
        let line = self.text[offset..].split(['\n', '\r']).next().unwrap_or_default();
        let mut characters = line.char_indices();
        let end = match characters.next().map(|(_, character)| character) {
            None => 0,
            Some('\t') => return line.len() - line.trim_start_matches('\t').len(),
            Some(quote @ ('"' | '\'')) => line[1..].find(quote).map_or(line.len(), |end| end + 2),
            Some('[' | '{') => {
                let mut depth = 0_usize;
                line.char_indices()
                    .find(|(_, character)| {
                        match character {
                            '[' | '{' => depth += 1,
                            ']' | '}' => depth -= 1,
                            _ => {}
                        }
                        depth == 0
                    })
                    .map_or(line.len(), |(end, _)| end + 1)
            }
            Some(_) => line
                .char_indices()
                .find(|(at, character)| {
                    let rest = &line[at + character.len_utf8()..];
                    match character {
                        ',' | ']' | '}' => true,
                        ':' => rest.is_empty() || rest.starts_with([' ', '\t']),
                        ' ' | '\t' => rest.starts_with('#'),
                        _ => false,
                    }
                })
                .map_or(line.len(), |(end, _)| end),
        };
        line[..end].trim_end().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(line: &str) -> &str {
        let source = Source::new(Path::new("x"), line);
        &line[..source.token_length(0)]
    }

    #[test]
    fn underlines_one_token() {
        assert_eq!(token("latancy: { a: 1 }"), "latancy");
        assert_eq!(token("'it: is': 1"), "'it: is'");
        assert_eq!(token("5 MB, b: 1 }"), "5 MB");
        assert_eq!(token("10 ms   # why"), "10 ms");
        assert_eq!(token("[1, [0], 2] # why"), "[1, [0], 2]");
        assert_eq!(token("a:b"), "a:b");
        assert_eq!(token(""), "");
    }

    #[test]
    fn counts_lines_and_characters() {
        let source = Source::new(Path::new("x"), "ä: 1\nöü: 2\n");
        assert_eq!(source.location(0), Location { line: 1, column: 1 });
        assert_eq!(source.location("ä: 1\nöü".len()), Location { line: 2, column: 3 });
        assert_eq!(source.location(999), Location { line: 3, column: 1 });
    }
}
