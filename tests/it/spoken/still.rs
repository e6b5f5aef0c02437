//! What of an output is the same on every machine and in every run: the one place where the rest is taken out.
//!
//! Whatever stands in a column keeps its width, so that a snapshot shows whether columns are straight; but for figures that were
//! measured, whose width differs too.

use std::collections::BTreeMap;

use serde_json::Number;
use serde_json::Value;

use super::stage::Kind;
use crate::support::env::TestEnv;

/// A text without ids, digests, times and, where it was measured, figures. `names` are those of builds, by id.
pub fn text(text: &str, kind: Kind, names: &BTreeMap<String, String>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut line = ago(&words(line, names));
        if kind == Kind::Timed {
            line = without_durations(&line);
        }
        if kind == Kind::Measured && !line.starts_with("exit code: ") {
            if is_of_the_run(&line) {
                continue;
            }
            line = rows(of_the_machine(&without_figures(&line)));
            // As many classes of a histogram, points of a chart or rows of a table, as there were.
            if line == ROWS && shown.last().is_some_and(|last| last == ROWS) {
                continue;
            }
        }
        shown.push(line);
    }
    if shown.last().is_some_and(|last| last == "----- stderr -----") {
        shown.pop();
    }
    shown.join("\n")
}

/// What stands for lines whose number and order a measurement decides.
const ROWS: &str = "[ROWS]";

fn rows(line: String) -> String {
    const BEGIN: [&str; 8] = [
        "  fp16  #",
        "  slower than",
        "  operators  Fused",
        "  cold start",
        "nothing is worth",
        "Pareto front",
        "  peak memory: the interval",
        "  p50: the interval",
    ];
    // What else is beyond its limit, or cannot be told.
    if line.starts_with("regression: ") {
        return line.split(';').next().unwrap_or_default().to_owned();
    }
    if line.contains(['█', '│']) || BEGIN.iter().any(|begin| line.starts_with(begin)) {
        return ROWS.to_owned();
    }
    line
}

/// `# ms` for every duration, and columns two spaces apart, as wide as they are.
fn without_durations(line: &str) -> String {
    let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    let still = cells.map(|cell| match cell.split_once(' ') {
        Some((number, "ms" | "s" | "min" | "µs")) if number.parse::<f64>().is_ok() => "# ms",
        _ => cell,
    });
    still.collect::<Vec<_>>().join("  ")
}

/// What is said of one run, or of a machine that is busy, and not of all.
fn is_of_the_run(line: &str) -> bool {
    const BEGIN: [&str; 4] = ["warning: ", "note: ", "hint: ", "  → "];
    const OF: [&str; 11] = [
        "would decide",
        "other processes",
        "latency",
        "processor",
        "machine",
        "busy",
        "noise",
        "governed",
        "core",
        "levels",
        "drift",
    ];
    line.starts_with("  note ")
        || BEGIN.iter().any(|begin| line.starts_with(begin)) && OF.iter().any(|part| line.contains(part))
}

/// `[MACHINE]` in the place of what is said of it.
fn of_the_machine(line: &str) -> String {
    const BEGIN: [&str; 8] = [
        "engine",
        "pip",
        "git",
        "pinning",
        "confinement",
        "machine",
        "clock",
        "workspace",
    ];
    let bare = line.trim_start_matches(['✓', '!', ' ']);
    if let Some(begin) = BEGIN.iter().find(|begin| bare.starts_with(*begin) && bare != line) {
        return format!("? {begin}  [MACHINE]");
    }
    if let Some(begin) = ["  on  ", "  measured  ", "  ● machine", "use A", "use B"]
        .iter()
        .find(|begin| line.starts_with(*begin))
    {
        return format!("{begin}[MACHINE]");
    }
    line.to_owned()
}

/// JSON, indented, its keys sorted, without the same.
pub fn json(env: &TestEnv, value: &Value, kind: Kind, names: &BTreeMap<String, String>) -> String {
    let mut value = value.clone();
    still(env, &mut value, "", kind, names);
    serde_json::to_string_pretty(&value).unwrap()
}

fn still(env: &TestEnv, value: &mut Value, key: &str, kind: Kind, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(_) | Value::Array(_) if OF_A_MACHINE.contains(&key) => *value = "[MACHINE]".into(),
        Value::Object(map) => {
            let is_metric = map.contains_key("metric");
            if kind == Kind::Measured && key == "histogram" {
                *value = "[OF THE RUN]".into();
                return;
            }
            if kind == Kind::Measured && map.contains_key("lower") && map.contains_key("upper") {
                *value = "[INTERVAL]".into();
                return;
            }
            for (key, value) in map.iter_mut() {
                // Whether a limit is kept for certain, where the limit is not the test's own.
                if kind == Kind::Measured && ["result", "reason"].contains(&key.as_str()) && is_metric {
                    *value = "[RESULT]".into();
                }
                still(env, value, key, kind, names);
            }
        }
        Value::Array(items) => {
            if kind == Kind::Measured && OF_A_RUN.contains(&key) {
                *value = "[OF THE RUN]".into();
                return;
            }
            let are_figures = items.len() > 1 && items.iter().all(Value::is_number);
            if are_figures && kind == Kind::Measured {
                *value = "[FIGURES]".into();
                return;
            }
            for item in items {
                still(env, item, key, kind, names);
            }
        }
        Value::String(string) => {
            let redacted = env.redacted(string);
            *string = self::text(&redacted, Kind::Steady, names);
            if OF_A_MACHINE.contains(&key) {
                *string = "[MACHINE]".to_owned();
            }
            if kind == Kind::Measured && ["summary", "reason", "text"].contains(&key) {
                *string = "[OF THE RUN]".to_owned();
            }
        }
        Value::Number(number) if is_computed(number, kind) || is_figure(key, kind) => *value = "[FIGURE]".into(),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

const OF_A_MACHINE: [&str; 10] = [
    "environment",
    "machines",
    "cores",
    "machine",
    "fingerprint",
    "host",
    "hostname",
    "machine_id",
    "cpu_model",
    "cpu",
];

/// What is computed with fractions may differ in its last digits; what a person wrote has few.
fn is_computed(number: &Number, kind: Kind) -> bool {
    let fraction = number.to_string();
    let fraction = fraction.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    number.is_f64() && (kind == Kind::Measured || fraction > 4)
}

const OF_A_RUN: [&str; 8] = [
    "violations",
    "hints",
    "anomalies",
    "disturbances",
    "warnings",
    "notices",
    "notes",
    "checks",
];

fn is_figure(key: &str, kind: Kind) -> bool {
    const ALWAYS: [&str; 2] = ["pid", "duration_ms"];
    const MEASURED: [&str; 14] = [
        "_ms",
        "_us",
        "_ns",
        "memory_bytes",
        "_memory",
        "inferences",
        "rounds",
        "pairs",
        "peak_bytes",
        "samples",
        "runs",
        "bytes_per_second",
        "processes",
        "restarts",
    ];
    ALWAYS.contains(&key) || (kind == Kind::Measured && MEASURED.iter().any(|end| key.ends_with(end)))
}

/// Puts what stands for ids, digests and times in their place, as wide as they were.
fn words(line: &str, names: &BTreeMap<String, String>) -> String {
    let mut shown = String::new();
    let mut word = String::new();
    for character in line.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || matches!(character, ':' | '-' | '.' | '+') {
            word.push(character);
            continue;
        }
        let tail = word.len() - word.trim_end_matches([':', '-', '.', '+']).len();
        let (bare, tail) = word.split_at(word.len() - tail);
        shown.push_str(&one(bare, names));
        shown.push_str(tail);
        word.clear();
        shown.push(character);
    }
    shown.pop();
    shown
}

fn one(word: &str, names: &BTreeMap<String, String>) -> String {
    if is_time(word) {
        return wide("TIME", word.len());
    }
    if is_long_fraction(word) {
        return "#".to_owned();
    }
    let is_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let is_id = word.len() >= 7
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_id && word.bytes().any(|byte| byte.is_ascii_digit()) && (!is_digits || word.len() == 12) {
        let known = names.iter().find(|(id, _)| id.starts_with(word));
        return match known {
            Some((_, name)) => wide(name, word.len().min(12)),
            None => wide("HEX", word.len().min(12)),
        };
    }
    // `2a76334-fp16.html`: an id within a name.
    if let Some((before, after)) = word.split_once(['-', '.', ':'])
        && !before.is_empty()
        && !after.is_empty()
    {
        let separator = &word[before.len()..=before.len()];
        return format!("{}{separator}{}", one(before, names), one(after, names));
    }
    word.to_owned()
}

/// Whose last digits differ from processor to processor.
fn is_long_fraction(word: &str) -> bool {
    let has_fraction = word.split_once('.').is_some_and(|(_, fraction)| fraction.len() >= 3);
    has_fraction && word.parse::<f64>().is_ok()
}

/// `2026-11-28T11:22:54Z`, with milliseconds or an offset, and dates alone.
fn is_time(word: &str) -> bool {
    let mask: String = word
        .chars()
        .map(|character| if character.is_ascii_digit() { '0' } else { character })
        .collect();
    word.starts_with("20") && (mask.starts_with("0000-00-00T00:00") || mask == "0000-00-00")
}

/// `<name····>`, so wide.
fn wide(name: &str, width: usize) -> String {
    format!("<{name:·<0$.0$}>", width.saturating_sub(2))
}

/// `3 min ago` is `just now` on a machine that is fast.
fn ago(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut shown: Vec<&str> = Vec::new();
    for word in words {
        let length = shown.len();
        let is_count = length > 1 && shown[length - 2].parse::<u32>().is_ok();
        if word.trim_end_matches([',', ')', ';']) == "ago" && is_count {
            shown.truncate(length - 2);
            shown.extend(["just", "now"]);
            continue;
        }
        shown.push(word);
    }
    shown.join(" ")
}

/// `#` for every number that stands alone, with its sign and fraction; at most two spaces in a row; bars and rules of one character.
fn without_figures(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or(' ');
    let mut shown = String::new();
    let mut index = 0;
    while index < characters.len() {
        let character = at(index);
        let before = index.checked_sub(1).map_or(' ', at);
        if character.is_ascii_digit() && !before.is_alphanumeric() && before != '_' {
            while at(index).is_ascii_digit()
                || (matches!(at(index), '.' | ',' | '\u{202f}') && at(index + 1).is_ascii_digit())
            {
                index += 1;
            }
            shown.push('#');
            continue;
        }
        let is_sign = matches!(character, '+' | '−' | '<' | '±' | '≈') && at(index + 1).is_ascii_digit();
        let again = (character == ' ' && shown.ends_with("  ")) || (is_drawn(character) && shown.ends_with(is_drawn));
        if !is_sign && !again {
            shown.push(character);
        }
        index += 1;
    }
    shown.push(' ');
    for (unit, of) in [("µs", "ms"), ("s", "ms"), ("KB", "MB"), ("B", "MB"), ("GB", "MB")] {
        for end in [" ", ",", ";", ")"] {
            shown = shown.replace(&format!("# {unit}{end}"), &format!("# {of}{end}"));
        }
    }
    // Both sides are the same, or an interval is too narrow to be shown.
    for (two, one) in [
        ("# → # ", "# "),
        ("# ms → # ms", "# ms"),
        ("# MB → # MB", "# MB"),
        ("# % # ", "# % "),
    ] {
        shown = shown.replace(two, one);
    }
    shown.trim_end().to_owned()
}

fn is_drawn(character: char) -> bool {
    ('\u{2500}'..='\u{259f}').contains(&character) || ('\u{2800}'..='\u{28ff}').contains(&character)
}
