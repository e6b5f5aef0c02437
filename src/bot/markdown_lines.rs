//! The lines of a comment that a person says himself: code blocks, quotes and hidden text are left out.

/// A fence that is open: its character and how often it stands there.
type Fence = (char, usize);

/// The lines of `body` that stand outside of fenced code and HTML comments, each as it is written. Quotes and indented code start with another
/// character than what is said, so that whoever looks at the first character passes them over.
pub(super) fn spoken(body: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<Fence> = None;
    let mut hidden = false;
    body.lines().filter(move |line| {
        if let Some(open) = fence {
            if closes(line, open) {
                fence = None;
            }
            return false;
        }
        if hidden {
            hidden = !line.contains("-->");
            return false;
        }
        if let Some(open) = opens(line) {
            fence = Some(open);
            return false;
        }
        if let Some((_, rest)) = line.rsplit_once("<!--") {
            hidden = !rest.contains("-->");
        }
        true
    })
}

/// The fence that `line` opens, within block quotes and lists as well: what looks like code is no command.
fn opens(line: &str) -> Option<Fence> {
    let line = line.trim_start_matches([' ', '\t', '>', '-', '*', '+']);
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.chars().take_while(|character| *character == mark).count();
    // Backticks behind backticks are a code span in a line.
    let span = mark == '`' && line.get(length..).is_some_and(|rest| rest.contains('`'));
    (length >= 3 && !span).then_some((mark, length))
}

fn closes(line: &str, (mark, length): Fence) -> bool {
    let line = line.trim_matches([' ', '\t', '>']);
    line.chars().count() >= length && line.chars().all(|character| character == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Vec<&str> {
        spoken(body).collect()
    }

    #[test]
    fn code_and_hidden_text_are_not_said() {
        assert_eq!(said("a\n```\n/mlbuild run\n```\nb"), ["a", "b"]);
        assert_eq!(said("~~~~sh\nx\n~~~\ny\n~~~~\nb"), ["b"]);
        assert_eq!(said("> ```\n> x\n> ```\nb"), ["b"]);
        assert_eq!(
            said("a <!-- x -->\nb\n<!--\nc\n--> d\ne"),
            ["a <!-- x -->", "b", "<!--", "e"]
        );
        assert_eq!(said("a ``` b\n/mlbuild"), ["a ``` b", "/mlbuild"]);
        assert_eq!(said("```x```\nb"), ["```x```", "b"]);
        // What is never closed hides the rest, as GitHub shows it.
        assert_eq!(said("```\n/mlbuild run"), Vec::<&str>::new());
    }
}
