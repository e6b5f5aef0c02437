//! A line cut into words, with quotes as people and their telephones write them. Nothing is ever handed to a shell.

/// A line that cannot be cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WordsError {
    /// A quote without its partner.
    #[error("a quote is opened and never closed")]
    Open,
    /// Too many.
    #[error("there are more than {MAX_WORDS} words")]
    Many,
}

/// More words are no command.
pub(super) const MAX_WORDS: usize = 256;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Whether it starts with a quote: then it is never an option.
    pub(super) quoted: bool,
}

/// The quote that closes what `character` opens. An apostrophe inside a word is none.
fn closing(character: char) -> Option<char> {
    match character {
        '"' => Some('"'),
        '\'' => Some('\''),
        '“' | '„' => Some('”'),
        '«' => Some('»'),
        _ => None,
    }
}

/// Cuts `line` at white space. In quotes, a backslash takes the next quote or backslash as it is.
pub(super) fn split(line: &str) -> Result<Vec<Word>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        // In the middle of a word only a straight double quote opens, as in `--until="…"`.
        let quote = closing(character).filter(|_| word.is_none() || character == '"');
        let current = word.get_or_insert(Word {
            text: String::new(),
            quoted: quote.is_some(),
        });
        let Some(close) = quote else {
            current.text.push(character);
            continue;
        };
        loop {
            match characters.next() {
                None => return Err(WordsError::Open),
                Some(end) if end == close => break,
                Some('\\') => match characters.next() {
                    None => return Err(WordsError::Open),
                    Some(plain) if plain == close || plain == '\\' => current.text.push(plain),
                    Some(other) => current.text.extend(['\\', other]),
                },
                Some(inside) => current.text.push(inside),
            }
        }
        if words.len() > MAX_WORDS {
            return Err(WordsError::Many);
        }
    }
    words.extend(word);
    if words.len() > MAX_WORDS {
        return Err(WordsError::Many);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(texts("a  b\tc"), ["a", "b", "c"]);
        assert_eq!(
            texts(r#"accept "it is fine" --days 3"#),
            ["accept", "it is fine", "--days", "3"]
        );
        assert_eq!(texts("accept “it is” 'so be it'"), ["accept", "it is", "so be it"]);
        assert_eq!(texts(r#"--until="1 day""#), ["--until=1 day"]);
        assert_eq!(texts(r#""a \"b\" \\ \n""#), [r#"a "b" \ \n"#]);
        // An apostrophe is no quote.
        assert_eq!(texts("it's the customer's wish"), ["it's", "the", "customer's", "wish"]);
        assert_eq!(split("a \"b"), Err(WordsError::Open));
        assert_eq!(split(&"a ".repeat(MAX_WORDS + 1)), Err(WordsError::Many));
    }
}
