//! Escaping for GitHub's Markdown, and the template environment in which every value is escaped unless a filter says how.
//!
//! What comes out stands in a paragraph, list item, heading or table cell alike: it starts nothing, ends nothing, mentions nobody
//! and links nowhere. The rules are those of the GitHub Flavored Markdown specification (0.29, §6 and its autolink extension) and
//! of the filters that run after it: mentions, references to issues, mathematics.

use std::borrow::Cow;

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::report::clean;
use crate::report::headline;

/// A word joiner as an entity: takes no room and breaks no line, but keeps `@` from the name after it.
const JOINER: &str = "&#8288;";

/// The templates, by name.
const TEMPLATES: &[(&str, &str)] = &[
    ("comment.md", include_str!("../../templates/comment.md")),
    ("summary.md", include_str!("../../templates/summary.md")),
    ("findings.md", include_str!("../../templates/findings.md")),
    ("folds.md", include_str!("../../templates/folds.md")),
    ("table.md", include_str!("../../templates/table.md")),
    ("figures.md", include_str!("../../templates/figures.md")),
];

/// Inline text: shows exactly the visible characters of `raw`, whatever they are.
pub fn text(raw: &str) -> String {
    escape(&clean::line(raw, clean::PROSE_LENGTH))
}

/// A code span with a name or path in it.
pub fn code(raw: &str) -> String {
    span(&clean::line(raw, clean::NAME_LENGTH))
}

/// Inline text in which pairs of backticks make code spans, as errors and hints are written.
pub fn prose(raw: &str) -> String {
    let cleaned = clean::sentence(raw, clean::PROSE_LENGTH);
    let pieces: Vec<&str> = cleaned.split('`').collect();
    // An odd number of backticks leaves the last one without a partner: it is shown as it is.
    let paired = if pieces.len() % 2 == 1 {
        pieces.len()
    } else {
        pieces.len() - 1
    };
    let mut shown = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index >= paired {
            shown.push_str("\\`");
        }
        if index % 2 == 1 && index < paired && !piece.is_empty() {
            shown.push_str(&span(piece));
        } else {
            shown.push_str(&escape(piece));
        }
    }
    shown
}

/// One of the verdicts' icons as it is, whose last character may be one that other texts lose.
fn icon(raw: &str) -> String {
    if headline::ICONS.contains(&raw) {
        raw.to_owned()
    } else {
        text(raw)
    }
}

/// A figure with its unit, which no line break parts.
pub fn figure(raw: &str) -> String {
    text(raw).replace(' ', "&nbsp;").replace('-', "&#8209;")
}

/// A fenced block of shell lines.
pub fn fence(lines: &[String]) -> String {
    // Lines are capped far beyond any command that is typed.
    let cleaned: Vec<String> = lines.iter().map(|line| clean::line(line, 1000)).collect();
    let longest = cleaned.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    format!("{ticks}sh\n{}\n{ticks}", cleaned.join("\n"))
}

/// A link to an address of the forge; only the label where the address is none.
pub fn link(label: &str, address: &str) -> String {
    match web_address(address) {
        Some(address) => format!("[{label}](<{address}>)"),
        None => label.to_owned(),
    }
}

/// `address` where it is an http(s) address of plain visible ASCII, safe between `<` and `>`.
fn web_address(address: &str) -> Option<&str> {
    let plain = |character: char| {
        character.is_ascii_graphic() && !matches!(character, '<' | '>' | '"' | '\\' | '`' | '|' | '[' | ']')
    };
    let web = address.starts_with("https://") || address.starts_with("http://");
    (web && address.len() <= 2000 && address.chars().all(plain)).then_some(address)
}

/// A code span with `cleaned` in it.
fn span(cleaned: &str) -> String {
    // A backtick would end the span and a pipe the cell; inside an element, escapes and entities work in both.
    // `##[` steers a runner, should the text be shown in its log.
    if cleaned.contains(['`', '|', '<', '>', '&', '\\']) || cleaned.contains("##[") {
        format!("<code>{}</code>", escape(cleaned))
    } else if cleaned.is_empty() {
        "(empty)".to_owned()
    } else {
        format!("`{cleaned}`")
    }
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|character| character != wanted)
        .map(str::len)
        .max()
        .unwrap_or(0)
}

/// Escapes a cleaned line.
fn escape(cleaned: &str) -> String {
    let characters: Vec<char> = cleaned.chars().collect();
    let at = |index: usize| characters.get(index).copied();
    let letter = |index: usize, wanted: char| at(index).is_some_and(|found| found.eq_ignore_ascii_case(&wanted));
    let ordinal = ordinal_mark(&characters);
    let mut escaped = String::with_capacity(cleaned.len() + 16);
    for (index, &character) in characters.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(at);
        let next = at(index + 1);
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' => escaped.push_str("&#124;"),
            '$' => escaped.push_str("&#36;"),
            '@' => escaped += &format!("@{JOINER}"),
            '#' => escaped += &format!("#{JOINER}"),
            '\\' | '`' | '*' | '[' | ']' | '~' | '^' => escaped.extend(['\\', character]),
            // Between letters an underscore never is emphasis.
            '_' if !(previous.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric)) => {
                escaped.push_str("\\_");
            }
            '-' | '+' | '=' if index == 0 && !next.is_some_and(|next| next.is_ascii_digit()) => {
                escaped.extend(['\\', character]);
            }
            '.' | ')' if Some(index) == ordinal => escaped.extend(['\\', character]),
            ':' if letter(index + 1, '/') => escaped += &format!(":{JOINER}"),
            '.' if index >= 3 && (1..=3).all(|back| letter(index - back, 'w')) => {
                escaped += &format!("{JOINER}.");
            }
            '-' if index >= 2 && letter(index - 2, 'g') && letter(index - 1, 'h') => {
                escaped += &format!("-{JOINER}");
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Where a line would start an ordered list: the mark after its first digits.
fn ordinal_mark(characters: &[char]) -> Option<usize> {
    let digits = characters
        .iter()
        .take_while(|character| character.is_ascii_digit())
        .count();
    let ends = characters.get(digits + 1).is_none_or(|next| *next == ' ');
    (digits > 0 && matches!(characters.get(digits), Some('.' | ')')) && ends).then_some(digits)
}

/// Renders a template; every value in it goes through [`text`] unless a filter made it Markdown.
pub(crate) fn render(name: &str, context: impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom(Cow::Borrowed("markdown")));
    environment.set_formatter(|out, _state, value| {
        let shown = if value.is_safe() {
            value.to_string()
        } else {
            text(&value.to_string())
        };
        out.write_str(&shown).map_err(minijinja::Error::from)
    });
    environment.add_filter("code", |raw: String| Value::from_safe_string(code(&raw)));
    environment.add_filter("prose", |raw: String| Value::from_safe_string(prose(&raw)));
    environment.add_filter("icon", |raw: String| Value::from_safe_string(icon(&raw)));
    environment.add_filter("figure", |raw: String| Value::from_safe_string(figure(&raw)));
    environment.add_filter("fence", |lines: Vec<String>| Value::from_safe_string(fence(&lines)));
    environment.add_filter("link", |label: String, address: String| {
        Value::from_safe_string(link(&text(&label), &address))
    });
    environment.add_filter("code_link", |label: String, address: String| {
        Value::from_safe_string(link(&code(&label), &address))
    });
    // Two ways round the escaping that no template here may take.
    environment.remove_filter("safe");
    environment.remove_filter("escape");
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    environment.get_template(name)?.render(Value::from(Serde(context)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_shows_itself_and_nothing_else() {
        assert_eq!(text("a|b<img src=x>"), "a&#124;b&lt;img src=x&gt;");
        assert_eq!(text("@everyone #12 GH-7"), "@&#8288;everyone #&#8288;12 GH-&#8288;7");
        assert_eq!(
            text("http://evil.test www.evil.test"),
            "http:&#8288;//evil.test www&#8288;.evil.test"
        );
        assert_eq!(
            text("[x](y) **b** `c` _d_ e_f"),
            "\\[x\\](y) \\*\\*b\\*\\* \\`c\\` \\_d\\_ e_f"
        );
        assert_eq!(text("- item"), "\\- item");
        assert_eq!(text("-5 %"), "-5 %");
        assert_eq!(text("1. item"), "1\\. item");
        assert_eq!(text("1.5 ms"), "1.5 ms");
        assert_eq!(text("&lt;"), "&amp;lt;");
    }

    #[test]
    fn code_keeps_names_readable() {
        assert_eq!(code("models/a_b.onnx"), "`models/a_b.onnx`");
        assert_eq!(code("a`b"), "<code>a\\`b</code>");
        assert_eq!(code("a|b\n<c>"), "<code>a&#124;b &lt;c&gt;</code>");
        assert_eq!(code(" "), "(empty)");
    }

    #[test]
    fn prose_turns_pairs_of_backticks_into_code() {
        assert_eq!(prose("set `gate.latency` to *5*"), "set `gate.latency` to \\*5\\*");
        assert_eq!(prose("an `odd one"), "an \\`odd one");
        assert_eq!(prose("`a|b` and `c`, `d"), "<code>a&#124;b</code> and `c`, \\`d");
        assert_eq!(prose("``"), "");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fence(&["a ```` b".to_owned()]), "`````sh\na ```` b\n`````");
        assert_eq!(fence(&["a\n```\nb".to_owned()]), "````sh\na ``` b\n````");
    }

    #[test]
    fn links_only_to_web_addresses() {
        assert_eq!(
            link("check", "https://github.com/o/r/runs/1"),
            "[check](<https://github.com/o/r/runs/1>)"
        );
        assert_eq!(link("check", "javascript:alert(1)"), "check");
        assert_eq!(link("check", "https://x>) [y](z"), "check");
    }

    #[test]
    fn every_template_compiles() {
        let mut environment = Environment::new();
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).unwrap();
        }
    }

    /// Characters that mean something somewhere.
    fn hostile() -> impl Strategy<Value = String> {
        let atom = prop_oneof![
            "[\\\\`*_\\[\\]<>()#+.!|~$&:@=^'\"/ \\n\\r\\t{}%-]",
            "[a-z0-9]{1,3}",
            Just("www.".to_owned()),
            Just("http://".to_owned()),
            Just("\u{2060}".to_owned()),
            Just("\u{202E}".to_owned()),
            Just("<!--".to_owned()),
            Just("GH-1".to_owned()),
        ];
        prop::collection::vec(atom, 0..24).prop_map(|atoms| atoms.concat())
    }

    /// True where `wanted` stands in `markdown` without a backslash of its own before it.
    fn unescaped(markdown: &str, wanted: char) -> bool {
        let mut escaped = false;
        markdown.chars().any(|character| {
            let found = character == wanted && !escaped;
            escaped = character == '\\' && !escaped;
            found
        })
    }

    proptest! {
        #[test]
        fn text_holds_no_live_character(raw in hostile()) {
            let shown = text(&raw).replace("&#124;", "").replace("&#36;", "").replace(JOINER, "\u{2060}");
            for wanted in ['<', '>', '|', '`', '*', '[', ']', '~', '$', '\n'] {
                prop_assert!(!unescaped(&shown, wanted), "{wanted:?} in {shown:?}");
            }
            for (index, _) in shown.match_indices(['@', '#']) {
                prop_assert!(shown[index + 1..].starts_with('\u{2060}'), "{shown:?}");
            }
            prop_assert!(!shown.contains("://"), "{shown:?}");
            prop_assert!(!shown.to_lowercase().contains("www."), "{shown:?}");
        }

        #[test]
        fn code_is_one_span(raw in hostile()) {
            let shown = code(&raw);
            let inner = shown
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'))
                .or_else(|| shown.strip_prefix("<code>").and_then(|rest| rest.strip_suffix("</code>")))
                .unwrap_or("");
            for wanted in ['`', '<', '>', '|', '\n'] {
                prop_assert!(!unescaped(inner, wanted), "{wanted:?} in {shown:?}");
            }
        }

        #[test]
        fn prose_opens_no_element_of_its_own(raw in hostile()) {
            let shown = prose(&raw).replace("<code>", "").replace("</code>", "");
            prop_assert!(!shown.contains(['<', '>', '|', '\n']), "{shown:?}");
        }
    }
}
