//! GitHub's length limits, and cutting text to them.

/// The longest body of a comment, in bytes (GitHub counts 65 536 characters; bytes are the safe reading).
pub const COMMENT_BYTES: usize = 65_536;
/// The longest `summary` and the longest `text` of a check run, in bytes each.
pub const CHECK_TEXT_BYTES: usize = 65_535;
/// The longest title of a check run or an annotation, in bytes.
pub const TITLE_BYTES: usize = 255;
/// The longest message of an annotation, in bytes (64 KB).
pub const ANNOTATION_BYTES: usize = 64_000;

const MARK: &str = "…";

/// `text` within `limit` bytes, cut between two characters and ended by `…` where something is missing.
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
    let mut short = text[..end].to_owned();
    if limit >= MARK.len() {
        short.push_str(MARK);
    }
    short
}

/// `text` as one part of a URL's path or as a query value: everything but unreserved characters (RFC 3986 §2.3) is escaped.
pub(super) fn escape(text: &str) -> String {
    escape_but(text, b"")
}

/// `text` as several parts of a URL's path: slashes stay.
pub(super) fn escape_path(text: &str) -> String {
    escape_but(text, b"/")
}

fn escape_but(text: &str, keep: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_longer_than_asked_and_a_prefix(text in any::<String>(), limit in 0_usize..40) {
            let short = cut(&text, limit);
            prop_assert!(short.len() <= limit);
            prop_assert!(text.starts_with(short.trim_end_matches(MARK)) || text == short);
        }
    }

    #[test]
    fn what_fits_stays() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüß", 7), "äö…");
    }

    #[test]
    fn escapes_what_would_end_a_path() {
        assert_eq!(escape("a/b?c#d é"), "a%2Fb%3Fc%23d%20%C3%A9");
        assert_eq!(escape_path("models/a b.onnx"), "models/a%20b.onnx");
    }
}
