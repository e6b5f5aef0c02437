//! Addresses without the names and passwords in them.

/// `text` with `***` for what stands between `://` and `@` in every address, and whether there was any.
pub(super) fn without(text: &str) -> (String, bool) {
    let mut shown = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end =
            after.find(|character: char| character == '/' || character.is_whitespace() || "\"'".contains(character));
        let authority = &after[..end.unwrap_or(after.len())];
        rest = after;
        if let Some(at) = authority.rfind('@') {
            found = true;
            shown.push_str("***");
            rest = &after[at..];
        }
    }
    shown.push_str(rest);
    (shown, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_go() {
        for (text, expected) in [
            ("https://key:secret@s3.example.com/x", "https://***@s3.example.com/x"),
            ("a https://b@c d http://e:f@g", "a https://***@c d http://***@g"),
            ("https://s3.example.com/a@b", "https://s3.example.com/a@b"),
            ("mail a@b", "mail a@b"),
            ("https://k:p@ss@host", "https://***@host"),
        ] {
            assert_eq!(without(text).0, expected);
            assert_eq!(without(text).1, expected != text);
        }
    }
}
