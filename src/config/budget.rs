//! `.mlbuild/budget.toml`: the absolute limits that a team commits, beside the config.
//!
//! ```toml
//! version = 1
//!
//! [constraints]
//! max_latency_ms = 10.0
//! max_p95_ms = 15.0
//! max_memory_mb = 50.0
//! max_size_mb = 8.0
//! ```
//!
//! A megabyte is 10⁶ bytes. What is not limited is left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use toml_edit::Document;
use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::Table;
use toml_edit::Value;

use crate::files;
use crate::files::FileError;
use crate::units::Bytes;
use crate::units::Millis;

use super::constraint::Bound;
use super::constraint::Constraint;
use super::constraint::Constraints;
use super::constraint::Source;
use super::error::ConfigError;
use super::error::Problem;
use super::load::LARGEST;
use super::nearest::nearest;
use super::nearest::quoted;
use super::source::Source as Text;

/// The file's place, relative to the folder of the config.
pub const PLACE: &str = ".mlbuild/budget.toml";
/// The only version of the format so far.
const VERSION: i64 = 1;
/// Bytes of a megabyte.
const MEGABYTE: f64 = 1e6;
/// Above this a float no longer holds every number of bytes, and no file or process is that large.
const MOST_BYTES: f64 = 9e15;

/// What must not be exceeded, whatever the baseline.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Budget {
    /// Of the median latency.
    pub max_latency: Option<Millis>,
    /// Of the 95th percentile of latency.
    pub max_p95: Option<Millis>,
    /// Of peak memory beyond an empty session.
    pub max_memory: Option<Bytes>,
    /// Of bytes on disk.
    pub max_size: Option<Bytes>,
}

/// A budget and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The limits.
    pub budget: Budget,
    /// The text that was read; edits start from it.
    pub text: String,
    lines: BTreeMap<Bound, u32>,
}

impl Budget {
    /// One limit in milliseconds or bytes.
    pub fn get(&self, bound: Bound) -> Option<f64> {
        match bound {
            Bound::MaxLatency => self.max_latency.map(|limit| limit.0),
            Bound::MaxP95 => self.max_p95.map(|limit| limit.0),
            Bound::MaxMemory => self.max_memory.map(|limit| limit.0 as f64),
            Bound::MaxSize => self.max_size.map(|limit| limit.0 as f64),
        }
    }

    /// Sets one limit, in milliseconds or bytes, or takes it away.
    pub fn set(&mut self, bound: Bound, limit: Option<f64>) {
        let bytes = limit.map(|limit| Bytes(limit.round() as u64));
        match bound {
            Bound::MaxLatency => self.max_latency = limit.map(Millis),
            Bound::MaxP95 => self.max_p95 = limit.map(Millis),
            Bound::MaxMemory => self.max_memory = bytes,
            Bound::MaxSize => self.max_size = bytes,
        }
    }

    /// True where nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Loaded {
    /// The line of a limit, from 1.
    pub fn line(&self, bound: Bound) -> Option<u32> {
        self.lines.get(&bound).copied()
    }

    /// The limits with their places.
    pub fn constraints(&self) -> Constraints {
        fn at<T>(limit: Option<T>, line: Option<u32>) -> Option<Constraint<T>> {
            limit.map(|limit| Constraint {
                limit,
                source: Source::Budget(match line {
                    Some(line) => format!("{PLACE}:{line}"),
                    None => PLACE.to_owned(),
                }),
            })
        }
        Constraints {
            max_latency: at(self.budget.max_latency, self.line(Bound::MaxLatency)),
            max_p95: at(self.budget.max_p95, self.line(Bound::MaxP95)),
            max_memory: at(self.budget.max_memory, self.line(Bound::MaxMemory)),
            max_size: at(self.budget.max_size, self.line(Bound::MaxSize)),
        }
    }
}

/// The budget of the project in `folder`, the config's; `None` where there is none.
pub fn load(folder: &Path) -> Result<Option<Loaded>, ConfigError> {
    let path = files::beneath(folder, Path::new(PLACE));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConfigError::file(&FileError::at("read", &path)(error))),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ConfigError::file(&FileError::at("read", &path)(error)))?;
    if bytes.len() as u64 > LARGEST {
        let problem = Problem::whole(format!("the budget is larger than {} KiB", LARGEST / 1024));
        let problem = problem.hint("is this the right file? a budget is a few lines of TOML");
        return Err(ConfigError::new(&path, problem, []));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        let problem = Problem::whole("the budget is not UTF-8 text").hint("save it as UTF-8");
        ConfigError::new(&path, problem, [])
    })?;
    parse(&text, &path).map(Some)
}

/// Reads the text of a budget; `path` names it in errors. Touches no file.
pub fn parse(text: &str, path: &Path) -> Result<Loaded, ConfigError> {
    let source = Arc::new(Text::new(path, text));
    let document = Document::parse(text).map_err(|error| {
        let message = format!("not valid TOML: {}", error.message().lines().next().unwrap_or_default());
        let problem = match error.span() {
            Some(span) => source.problem_at(span.start, message),
            None => Problem::whole(message),
        };
        ConfigError::new(path, problem.hint(SHAPE), [])
    })?;
    let mut reader = Reader {
        source: &source,
        problems: Vec::new(),
        loaded: Loaded {
            budget: Budget::default(),
            text: text.to_owned(),
            lines: BTreeMap::new(),
        },
    };
    reader.document(document.as_table());
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.location);
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(reader.loaded),
        Some(first) => Err(ConfigError::new(path, first, problems)),
    }
}

/// Writes `budget` into the budget file of the project in `folder`, in place of what `before` says. Comments and order stay.
pub fn save(folder: &Path, before: Option<&Loaded>, budget: &Budget) -> Result<PathBuf, FileError> {
    let path = files::beneath(folder, Path::new(PLACE));
    let text = edited(before.map(|loaded| loaded.text.as_str()), budget);
    files::write_atomic(&path, text.as_bytes())?;
    Ok(path)
}

/// How such a file looks, as a hint.
const SHAPE: &str = "write `version = 1`, then `[constraints]` with lines such as `max_latency_ms = 10.0`";

/// The keys of a budget file, read one after the other.
struct Reader<'a> {
    source: &'a Text,
    problems: Vec<Problem>,
    loaded: Loaded,
}

impl Reader<'_> {
    fn document(&mut self, root: &Table) {
        match root.get("version").map(|item| (item, item.as_integer())) {
            Some((_, Some(VERSION))) => {}
            Some((item, _)) => {
                let message = format!("version {} of the budget format is not known", quoted(&written(item)));
                let problem = self.at(item.span(), message).label("expected 1").hint(format!(
                    "mlbuild {} reads version 1; a newer mlbuild may read this file",
                    crate::VERSION
                ));
                // Everything else may mean something else.
                self.problems.push(problem);
                return;
            }
            None => {
                let problem = Problem::whole("the budget lacks the key `version`");
                self.problems.push(problem.hint("add `version = 1` as its first line"));
            }
        }
        for (key, item) in root.iter() {
            match key {
                "version" => {}
                "constraints" => self.constraints(item),
                _ => self.unknown(
                    root.key(key).and_then(toml_edit::Key::span),
                    key,
                    &["version", "constraints"],
                ),
            }
        }
    }

    fn constraints(&mut self, item: &Item) {
        let Some(table) = item.as_table_like() else {
            let problem = self.at(item.span(), "`constraints` is not a table".to_owned());
            self.problems
                .push(problem.label("expected `[constraints]`").hint(SHAPE));
            return;
        };
        let known = Bound::ALL.map(Bound::key);
        for (key, item) in table.iter() {
            let place = table.key(key).and_then(toml_edit::Key::span);
            let Some(bound) = Bound::ALL.into_iter().find(|bound| bound.key() == key) else {
                self.unknown(place, key, &known);
                continue;
            };
            if let Some(limit) = self.limit(bound, item) {
                self.loaded.budget.set(bound, Some(limit));
                if let Some(place) = place {
                    self.loaded.lines.insert(bound, self.source.location(place.start).line);
                }
            }
        }
    }

    /// A limit in milliseconds or bytes.
    fn limit(&mut self, bound: Bound, item: &Item) -> Option<f64> {
        let key = bound.key();
        let (what, example) = if bound.is_time() {
            ("milliseconds", "10.0")
        } else {
            ("megabytes", "8.0")
        };
        let number = item.as_float().or(item.as_integer().map(|number| number as f64));
        let fault = match number {
            None => format!("`{key}` is not a number"),
            Some(number) if !number.is_finite() => format!("`{key}` is not a finite number"),
            Some(number) if number < 0.0 => format!("`{key}` is negative"),
            Some(number) => match self::limit(bound, number) {
                Some(limit) => return Some(limit),
                None if number > 1.0 => format!("`{key}` is more than any machine has"),
                None => format!("`{key}` is zero"),
            },
        };
        let problem = self
            .at(item.span(), fault)
            .label(format!("expected a number of {what}, such as `{example}`"))
            .hint("leave the line out where it should not limit anything");
        self.problems.push(problem);
        None
    }

    fn unknown(&mut self, place: Option<std::ops::Range<usize>>, key: &str, known: &[&str]) {
        let mut problem = self.at(place, format!("unknown key {} in the budget", quoted(key)));
        match nearest(key, known.iter().copied()) {
            Some(meant) => problem = problem.label(format!("did you mean `{meant}`?")),
            None => problem = problem.label("not a key of this table"),
        }
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        self.problems
            .push(problem.hint(format!("known here: {}", names.join(", "))));
    }

    fn at(&self, place: Option<std::ops::Range<usize>>, message: String) -> Problem {
        match place {
            Some(place) => self.source.problem_at(place.start, message),
            None => Problem::whole(message),
        }
    }
}

/// A number of the file, in milliseconds or megabytes, as a limit in milliseconds or bytes; `None` where it limits nothing that
/// could ever be.
pub fn limit(bound: Bound, number: f64) -> Option<f64> {
    let limit = if bound.is_time() {
        number
    } else {
        (number * MEGABYTE).round()
    };
    (limit > 0.0 && limit <= MOST_BYTES).then_some(limit)
}

/// A limit in the unit of its key: milliseconds or megabytes.
pub fn in_unit(bound: Bound, limit: f64) -> f64 {
    if bound.is_time() { limit } else { limit / MEGABYTE }
}

fn written(item: &Item) -> String {
    item.to_string().trim().to_owned()
}

/// The text of `budget`, made of what the file says now.
fn edited(before: Option<&str>, budget: &Budget) -> String {
    // What was read once is valid; a file that does not exist yet starts from its version.
    let mut document: DocumentMut = before.and_then(|text| text.parse().ok()).unwrap_or_default();
    if !document.contains_key("version") {
        document.insert("version", toml_edit::value(VERSION));
    }
    let constraints = document.entry("constraints").or_insert_with(toml_edit::table);
    let Some(table) = constraints.as_table_like_mut() else {
        return document.to_string();
    };
    for bound in Bound::ALL {
        let key = bound.key();
        let Some(limit) = budget.get(bound) else {
            table.remove(key);
            continue;
        };
        let number = in_unit(bound, limit);
        match table.get_mut(key) {
            Some(Item::Value(value)) => {
                let same = value.as_float().or(value.as_integer().map(|number| number as f64)) == Some(number);
                if !same {
                    let decor = value.decor().clone();
                    *value = Value::from(number);
                    *value.decor_mut() = decor;
                }
            }
            _ => {
                table.insert(key, toml_edit::value(number));
            }
        }
    }
    document.to_string()
}

/// Every limit that differs, as a sentence: "`.mlbuild/budget.toml` `max_latency_ms`: 10.0 ms → 20.0 ms".
pub fn changes(base: &Budget, head: &Budget) -> Vec<String> {
    let text = |bound: Bound, limit: Option<f64>| limit.map_or_else(|| "none".to_owned(), |limit| bound.text(limit));
    Bound::ALL
        .into_iter()
        .filter(|bound| base.get(*bound) != head.get(*bound))
        .map(|bound| {
            format!(
                "`{PLACE}` `{}`: {} → {}",
                bound.key(),
                text(bound, base.get(bound)),
                text(bound, head.get(bound))
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "version = 1\n\n[constraints]\nmax_latency_ms = 10.0\nmax_p95_ms = 15.0\nmax_memory_mb = 50.0\nmax_size_mb = 8.0\n";

    fn read(text: &str) -> Result<Loaded, String> {
        parse(text, Path::new(PLACE)).map_err(|error| error.to_string())
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err()
    }

    #[test]
    fn reads_all_four_with_their_lines() {
        let loaded = read(PEER).unwrap();
        assert_eq!(
            loaded.budget,
            Budget {
                max_latency: Some(Millis(10.0)),
                max_p95: Some(Millis(15.0)),
                max_memory: Some(Bytes(50_000_000)),
                max_size: Some(Bytes(8_000_000)),
            }
        );
        let places: Vec<String> = loaded
            .constraints()
            .iter()
            .map(|(_, _, source)| source.to_string())
            .collect();
        assert_eq!(places, [4, 5, 6, 7].map(|line| format!(".mlbuild/budget.toml:{line}")));
    }

    #[test]
    fn other_ways_of_writing_it() {
        for text in [
            "version = 1\nconstraints = { max_latency_ms = 10 }\n",
            "version = 1\nconstraints.max_latency_ms = 10\n",
            "constraints.max_latency_ms = 1e1 # fast\nversion = 1\n",
        ] {
            assert_eq!(read(text).unwrap().budget.max_latency, Some(Millis(10.0)), "{text}");
        }
        assert!(read("version = 1\n").unwrap().budget.is_empty());
        assert!(read("version = 1\n[constraints]\n").unwrap().budget.is_empty());
    }

    #[test]
    fn bad_files_are_refused_with_their_place() {
        for (text, expected) in [
            ("", ".mlbuild/budget.toml: the budget lacks the key `version`"),
            (
                "version = 2\n[constraints]\nx = 1\n",
                ".mlbuild/budget.toml:1:11: version `2` of the budget format is not known (expected 1)",
            ),
            (
                "version = 1\n[constraints]\nmax_latency = 1\n",
                ".mlbuild/budget.toml:3:1: unknown key `max_latency` in the budget (did you mean `max_latency_ms`?)",
            ),
            (
                "version = 1\n[constraint]\nmax_latency_ms = 1\n",
                ".mlbuild/budget.toml:2:2: unknown key `constraint` in the budget (did you mean `constraints`?)",
            ),
            (
                "version = 1\n[constraints]\nmax_latency_ms = 0\n",
                ".mlbuild/budget.toml:3:18: `max_latency_ms` is zero (expected a number of milliseconds, such as `10.0`)",
            ),
            (
                "version = 1\n[constraints]\nmax_size_mb = -1.5\n",
                ".mlbuild/budget.toml:3:15: `max_size_mb` is negative (expected a number of megabytes, such as `8.0`)",
            ),
            (
                "version = 1\n[constraints]\nmax_memory_mb = nan\n",
                ".mlbuild/budget.toml:3:17: `max_memory_mb` is not a finite number (expected a number of megabytes, such as `8.0`)",
            ),
            (
                "version = 1\n[constraints]\nmax_p95_ms = '15 ms'\n",
                ".mlbuild/budget.toml:3:14: `max_p95_ms` is not a number (expected a number of milliseconds, such as `10.0`)",
            ),
            (
                "version = 1\n[constraints]\nmax_size_mb = 1e300\n",
                ".mlbuild/budget.toml:3:15: `max_size_mb` is more than any machine has (expected a number of megabytes, such as `8.0`)",
            ),
            (
                "version = 1\nconstraints = 3\n",
                ".mlbuild/budget.toml:2:15: `constraints` is not a table (expected `[constraints]`)",
            ),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
        assert!(refused("version = 1\n[constraints\n").starts_with(".mlbuild/budget.toml:2:"));
        let two = refused("version = 1\n[constraints]\nmax_p95_ms = 0\nmax_size_mb = 0\n");
        assert_eq!(two.lines().count(), 2, "{two}");
    }

    #[test]
    fn edits_keep_comments_and_order() {
        let text = "# agreed in May\nversion = 1 # the format\n\n[constraints]\n# phones\nmax_size_mb = 8 # as the store asks\nmax_latency_ms = 10.0\n";
        let mut budget = read(text).unwrap().budget;
        budget.set(Bound::MaxSize, Some(9_500_000.0));
        budget.set(Bound::MaxP95, Some(15.0));
        assert_eq!(
            edited(Some(text), &budget),
            "# agreed in May\nversion = 1 # the format\n\n[constraints]\n# phones\nmax_size_mb = 9.5 # as the store asks\nmax_latency_ms = 10.0\nmax_p95_ms = 15.0\n"
        );
        budget.set(Bound::MaxSize, None);
        assert!(!edited(Some(text), &budget).contains("max_size_mb"));
    }

    #[test]
    fn a_new_file_looks_as_described() {
        let budget = read(PEER).unwrap().budget;
        assert_eq!(edited(None, &budget), PEER);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap(), None);
        save(folder.path(), None, &budget).unwrap();
        assert_eq!(load(folder.path()).unwrap().unwrap().budget, budget);
    }

    #[test]
    fn says_what_changed() {
        let base = read("version = 1\nconstraints = { max_latency_ms = 10, max_size_mb = 8 }\n").unwrap();
        let head =
            read("version = 1\nconstraints = { max_latency_ms = 20.5, max_p95_ms = 15, max_size_mb = 8 }\n").unwrap();
        assert_eq!(
            changes(&base.budget, &head.budget),
            [
                "`.mlbuild/budget.toml` `max_latency_ms`: 10.0 ms → 20.5 ms",
                "`.mlbuild/budget.toml` `max_p95_ms`: none → 15.0 ms"
            ]
        );
        assert!(changes(&base.budget, &base.budget).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(version = 1\n)?(\\[constraints\\]\n)?(max_(size_mb|p95_ms) ?= ?[-0-9a-z.'\"]{0,6}\n)?\\PC{0,40}") {
            match read(&text) {
                Ok(loaded) => prop_assert!(Bound::ALL.iter().all(|bound| loaded.budget.get(*bound).is_none_or(|limit| limit > 0.0))),
                Err(message) => prop_assert!(!message.is_empty()),
            }
        }

        #[test]
        fn what_is_written_reads_back(latency in 1e-6_f64..1e6, size in 1_u64..1_000_000_000_000) {
            let budget = Budget { max_latency: Some(Millis(latency)), max_size: Some(Bytes(size)), ..Budget::default() };
            prop_assert_eq!(read(&edited(Some(PEER), &budget)).unwrap().budget, budget);
        }
    }
}
