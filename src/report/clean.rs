//! Takes out of hostile text what is not seen or reorders what is seen: control, bidirectional and invisible characters.

/// The longest name that a report shows, in characters.
pub const NAME_LENGTH: usize = 100;

/// The longest sentence that a report shows, in characters.
pub const PROSE_LENGTH: usize = 600;

/// One line of visible text of at most `length` characters: runs of white space become one space, characters that are not seen
/// vanish, what is cut ends in `…`.
pub fn line(raw: &str, length: usize) -> String {
    let mut cleaned = String::new();
    // Nothing past this matters, however long the text is.
    for character in raw.chars().take(16 * length) {
        if character.is_whitespace() {
            if !cleaned.is_empty() && !cleaned.ends_with(' ') {
                cleaned.push(' ');
            }
        } else if !is_unseen(character) {
            cleaned.push(character);
        }
    }
    cut(cleaned.trim_end(), length)
}

/// At most `length` characters; what is cut ends in `…`.
pub fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(length.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// [`line`] for a sentence with names in backticks: where the cut falls into a name, the name is closed.
pub fn sentence(raw: &str, length: usize) -> String {
    let whole = line(raw, 4 * length);
    let mut shown = cut(&whole, length);
    let backticks = |text: &str| text.matches('`').count();
    if backticks(&whole) % 2 == 0 && backticks(&shown) % 2 == 1 {
        shown.push('`');
    }
    shown
}

/// Characters that take no room, steer the direction of text or the terminal.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}' // soft hyphen
            | '\u{034F}' // combining grapheme joiner
            | '\u{061C}' // Arabic letter mark
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers
            | '\u{17B4}' | '\u{17B5}' // Khmer inherent vowels
            | '\u{180B}'..='\u{180F}' // Mongolian selectors
            | '\u{200B}'..='\u{200F}' // zero-width characters and direction marks
            | '\u{202A}'..='\u{202E}' // embeddings and overrides
            | '\u{2060}'..='\u{206F}' // joiners, invisible operators, isolates
            | '\u{FE00}'..='\u{FE0F}' // variation selectors
            | '\u{FEFF}' // byte-order mark
            | '\u{FFF9}'..='\u{FFFB}' // interlinear annotations
            | '\u{1D173}'..='\u{1D17A}' // musical formatting
            | '\u{E0000}'..='\u{E0FFF}' // tags and more selectors
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_out_what_is_not_seen() {
        assert_eq!(line("a\u{202E}b\u{200B}c\r\n\t d\u{7}", 100), "abc d");
        assert_eq!(line("  mobile\u{2028}net  ", 100), "mobile net");
        assert_eq!(line("\u{1b}[31mred", 100), "[31mred");
    }

    #[test]
    fn a_sentence_closes_the_name_that_it_cuts() {
        assert_eq!(sentence("see `models/mobilenet.onnx` first", 15), "see `models/mo…`");
        assert_eq!(sentence("see `m` first", 9), "see `m`…");
        assert_eq!(sentence("an odd ` one", 100), "an odd ` one");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(line("äöüß", 4), "äöüß");
        assert_eq!(line("äöüßé", 4), "äöü…");
    }

    proptest! {
        #[test]
        fn one_short_line(raw in "\\PC*|[\\x00-\\x20\u{200B}-\u{202F}a-b]*", length in 1_usize..40) {
            let cleaned = line(&raw, length);
            prop_assert!(cleaned.chars().count() <= length);
            prop_assert!(!cleaned.chars().any(is_unseen));
            prop_assert_eq!(line(&cleaned, length), cleaned.clone());
        }
    }
}
