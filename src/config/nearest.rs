//! "Did you mean …?"

/// The candidate that a typing error away might have been meant; `None` where nothing is close.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    if word.chars().count() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, candidate), candidate))
        // One slip in three letters; a single letter resembles everything.
        .filter(|(distance, candidate)| distance * 3 <= word.len().max(candidate.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Text of the file as it may stand in a message: shortened, nothing that a terminal would obey.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let keys = ["latency", "size", "memory", "max_regression"];
        assert_eq!(nearest("latancy", keys), Some("latency"));
        assert_eq!(nearest("max-regresion", keys), Some("max_regression"));
        assert_eq!(nearest("Size", keys), Some("size"));
        assert_eq!(nearest("accuracy", keys), None);
        assert_eq!(nearest("x", keys), None);
    }

    #[test]
    fn quotes_harmlessly() {
        assert_eq!(quoted("a\u{1b}[2Jb"), "`a\u{fffd}[2Jb`");
        assert_eq!(quoted(&"é".repeat(100)).chars().count(), 63);
    }
}
