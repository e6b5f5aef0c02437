//! What must hold of every HTML page that this tool writes, checked without a browser, and in one where there is one.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Elements without content.
const VOID: [&str; 3] = ["br", "meta", "link"];

/// An element's opening tag: its name and attributes.
#[derive(Debug)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads the page, strictly: every element is closed in order, every attribute is quoted, no bracket stands alone. Fails otherwise.
pub fn parse(page: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(start) = rest.find(['<', '>']) {
        assert!(
            rest[start..].starts_with('<'),
            "a lone bracket: {}",
            &rest[..rest.len().min(start + 40)]
        );
        rest = &rest[start + 1..];
        let end = end_of_tag(rest);
        let inner = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is not open");
            continue;
        }
        let (inner, closes_itself) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, attributes) = inner.split_once([' ', '\n']).unwrap_or((inner, ""));
        assert!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "no name of an element: {inner}"
        );
        tags.push(Tag {
            name: name.to_owned(),
            attributes: read_attributes(attributes),
        });
        if name == "style" {
            let end = rest.find("</style>").expect("the style sheet ends");
            assert!(!rest[..end].contains(['<']), "markup in the style sheet");
            rest = &rest[end..];
        }
        if !closes_itself && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    tags
}

/// Where the tag ends; a bracket in quotes ends nothing.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (index, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return index,
            _ => {}
        }
    }
    panic!("a tag without an end: {}", &text[..text.len().min(80)]);
}

fn read_attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let value = if let Some(after) = rest.strip_prefix("=\"") {
            let end = after.find('"').expect("an attribute's end");
            rest = &after[end + 1..];
            after[..end].to_owned()
        } else {
            assert!(!rest.starts_with('='), "an attribute without quotes: {text}");
            String::new()
        };
        assert!(!found.iter().any(|(other, _)| *other == name), "twice: {name}");
        found.push((name, value));
        rest = rest.trim_start();
    }
    found
}

/// Everything that can be told from the text.
pub fn check(page: &str) {
    let tags = parse(page);
    for name in ["script", "img", "iframe", "object", "embed", "form", "base"] {
        assert!(!tags.iter().any(|tag| tag.name == name), "{name}");
    }
    let lower = page.to_lowercase();
    for outside in ["http://", "https://", "url(", "@import", "javascript:", "//cdn"] {
        assert!(!lower.contains(outside), "{outside}");
    }
    for tag in &tags {
        assert!(
            !tag.attributes
                .iter()
                .any(|(name, _)| name.starts_with("on") || name == "src"),
            "{tag:?}"
        );
    }
    let policy = tags
        .iter()
        .find(|tag| tag.get("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|tag| tag.get("content"));
    assert_eq!(policy, Some("default-src 'none'; style-src 'unsafe-inline'"));
    assert_eq!(tags[0].get("lang"), Some("en"));

    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.get("id")) {
        assert!(ids.insert(id), "two elements are `{id}`");
    }
    for tag in &tags {
        if let Some(anchor) = tag.get("href") {
            assert!(
                ids.contains(anchor.strip_prefix('#').expect("a place of this page")),
                "{anchor}"
            );
        }
        for id in tag
            .get("aria-labelledby")
            .unwrap_or_default()
            .split(' ')
            .filter(|id| !id.is_empty())
        {
            assert!(ids.contains(id), "{id}");
        }
    }
    let levels: Vec<u32> = tags
        .iter()
        .filter_map(|tag| tag.name.strip_prefix('h')?.parse().ok())
        .collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{levels:?}");
    for pair in levels.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "headings out of order: {levels:?}");
    }
    for tag in &tags {
        match tag.name.as_str() {
            "th" => assert!(matches!(tag.get("scope"), Some("col" | "row")), "{tag:?}"),
            "svg" => assert_eq!(tag.get("role"), Some("img"), "{tag:?}"),
            _ => {}
        }
    }
}

/// What a browser says of the page at 390 points of width: how wide it is, and what it complains about. `None` where there is no browser.
pub fn in_a_browser(page: &Path, folder: &Path) -> Option<(String, Vec<String>)> {
    let browser = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())?;
    let wrapper = folder.join("wrapper.html");
    // The page itself runs no script, so another one looks at it.
    fs::write(
        &wrapper,
        format!(
            "<!doctype html><title>none</title><iframe id=\"f\" src=\"file://{}\" width=\"390\" height=\"900\" style=\"border:0\"></iframe>\
             <script>addEventListener('load', () => {{ const root = document.getElementById('f').contentDocument.documentElement; \
             document.title = 'wide ' + root.scrollWidth + ' of ' + root.clientWidth; }});</script>",
            page.display()
        ),
    )
    .unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .arg(format!("file://{}", wrapper.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let title = dom
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next());
    let complaints = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(str::to_owned)
        .collect();
    Some((title.unwrap_or(&dom).to_owned(), complaints))
}

/// Fails where the page is wider than a telephone, or a browser complains; says so where there is none.
pub fn assert_fits_a_telephone(page: &Path, folder: &Path) {
    let Some((title, complaints)) = in_a_browser(page, folder) else {
        eprintln!("no chromium here: how the page looks at 390 points was not checked");
        return;
    };
    assert_eq!(complaints, Vec::<String>::new());
    let sizes: Vec<u32> = title.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [wide, room] = sizes.as_slice() else {
        panic!("the browser says {title}")
    };
    assert!(*room > 300 && wide <= room, "{title}");
}
