//! Finding and reading `.mlbuild.yml`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::digest::Digest;
use crate::files::FileError;

use super::decode;
use super::error::ConfigError;
use super::error::MOST_PROBLEMS;
use super::error::Problem;
use super::nearest::quoted;
use super::raw;
use super::resolve;
use super::source::Source;
use super::spans::Spans;
use super::tree;
use super::tree::Node;
use super::tree::Value;
use super::types::Config;

/// The file's name.
pub const FILE_NAME: &str = ".mlbuild.yml";
/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 256 * 1024;
/// The only version of the format so far.
const VERSION: f64 = 1.0;

/// A config and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings, defaults filled in.
    pub config: Config,
    /// The line of every setting; empty where there is no file.
    pub spans: Spans,
    /// The file, as it was named; `None` for a config that flags made.
    pub path: Option<PathBuf>,
    /// Of the file's bytes; of nothing where there is no file.
    pub digest: Digest,
    /// What relative paths in the config are relative to.
    pub folder: PathBuf,
}

impl Loaded {
    /// A config without a file: the model at `path`, which is relative to `folder`, and defaults.
    pub fn for_model(path: &Path, folder: &Path) -> Self {
        Self {
            config: Config::for_model(path),
            spans: Spans::default(),
            path: None,
            digest: Digest::of(b""),
            folder: folder.to_owned(),
        }
    }
}

/// The config in `start` or the nearest folder above it, as git finds its repository.
pub fn find(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .map(|folder| folder.join(FILE_NAME))
        .find(|path| path.is_file())
}

/// A file in `start` or above that was probably meant to be a config, with a name that is not looked for.
pub fn find_misnamed(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .flat_map(|folder| [".mlbuild.yaml", "mlbuild.yml", "mlbuild.yaml"].map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// Reads a config.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| ConfigError::file(&FileError::at("read", path)(error)))?;
    if bytes.len() as u64 > LARGEST {
        let problem = Problem::whole(format!("the config is larger than {} KiB", LARGEST / 1024));
        return Err(ConfigError::new(
            path,
            problem.hint("is this the right file? a config is a few lines of YAML"),
            [],
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line = bytes[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
        let problem = Problem::whole(format!("the config is not UTF-8 text (byte {start}, line {line})"));
        ConfigError::new(
            path,
            problem.hint("save it as UTF-8, without UTF-16 or binary content"),
            [],
        )
    })?;
    parse(&text, path)
}

/// Reads the text of a config; `path` names it in errors, and its folder is what relative paths are relative to. Touches no file.
pub fn parse(text: &str, path: &Path) -> Result<Loaded, ConfigError> {
    let fail = |mut problems: Vec<Problem>| {
        let count = problems.len();
        problems.truncate(MOST_PROBLEMS);
        problems.sort_by_key(|problem| problem.location);
        let mut problems = problems.into_iter();
        let first = problems
            .next()
            .unwrap_or_else(|| Problem::whole("the config cannot be read"));
        let more = (count > MOST_PROBLEMS).then(|| Problem::whole(format!("{} more problems", count - MOST_PROBLEMS)));
        ConfigError::new(path, first, problems.chain(more))
    };
    let digest = Digest::of(text.as_bytes());
    // Editors of some systems put a byte order mark first; the parser takes it for content.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Arc::new(Source::new(path, text));
    let (root, duplicates) = tree::parse(text).map_err(|malformed| {
        let problem = match malformed.offset {
            Some(offset) => source.problem_at(offset, malformed.message),
            None => Problem::whole(malformed.message),
        };
        fail(vec![match malformed.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }])
    })?;
    if matches!(root.value, Value::Null) {
        let problem = Problem::whole("the config is empty");
        return Err(fail(vec![problem.hint(
            "write `version: 1` and `models:`, or run `mlbuild init` in an empty place",
        )]));
    }
    check_version(&root, &source).map_err(|problem| fail(vec![problem]))?;
    let duplicates: Vec<Problem> = duplicates
        .iter()
        .take(MOST_PROBLEMS)
        .map(|duplicate| {
            let line = source
                .offset_of(duplicate.first)
                .map_or(0, |offset| source.location(offset).line);
            source
                .problem(
                    duplicate.second,
                    format!("key {} stands here twice", quoted(&duplicate.key)),
                )
                .label("the second time")
                .hint(format!("the first one is on line {line}; keep one of them"))
        })
        .collect();
    if !duplicates.is_empty() {
        return Err(fail(duplicates));
    }
    let file: raw::File = decode::decode(&root, &source).map_err(fail)?;
    let spans = Spans::new(Arc::clone(&source), &root);
    let mut config = resolve::resolve(file, &source, &spans).map_err(fail)?;
    config.gate.sources = config.gate.placed(path, &spans);
    Ok(Loaded {
        config,
        spans,
        path: Some(path.to_owned()),
        digest,
        folder: path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
            .to_owned(),
    })
}

/// A file of another version is not read any further: everything else in it may mean something else.
fn check_version(root: &Node, source: &Source) -> Result<(), Problem> {
    let Value::Table(entries) = &root.value else {
        return Err(source
            .problem(root.id, "the config is not a table of keys")
            .label("expected keys such as `version:` and `models:`"));
    };
    let Some(entry) = entries.iter().find(|entry| entry.key == "version") else {
        return Ok(());
    };
    match entry.value.value {
        Value::Number(VERSION, _) => Ok(()),
        _ => {
            let written = match &entry.value.value {
                Value::Number(_, text) | Value::Bool(_, text) | Value::Text(text) => text,
                Value::Null | Value::List(_) | Value::Table(_) => "",
            };
            Err(source
                .problem(
                    entry.value.id,
                    format!("version {} of the config format is not known", quoted(written)),
                )
                .label("expected 1")
                .hint(format!(
                    "mlbuild {} reads version 1; a newer mlbuild may read this file",
                    crate::VERSION
                )))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Loaded, String> {
        parse(text, Path::new(".mlbuild.yml")).map_err(|error| error.to_string())
    }

    #[test]
    fn fills_in_defaults() {
        let loaded = read("version: 1\nmodels:\n  - path: models/mobilenet.onnx\n").unwrap();
        let expected = Config::for_model(Path::new("models/mobilenet.onnx"));
        assert_eq!(loaded.config, expected);
        assert_eq!(loaded.config.models[0].name, "mobilenet");
        assert_eq!(loaded.folder, Path::new("."));
    }

    #[test]
    fn knows_the_lines() {
        let loaded =
            read("version: 1\nmodels:\n  - path: a.onnx\ngate: { latency: { max_regression: 3% } }\n").unwrap();
        let line = |path: &str| loaded.spans.nearest_line(path).map(|at| (at.line, at.column));
        assert_eq!(line("models[0]"), Some((3, 5)));
        assert_eq!(line("gate.latency.max_regression"), Some((4, 20)));
        assert_eq!(line("gate.latency.budget"), Some((4, 9)));
        assert_eq!(line("measure.threads"), None);
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_are_fine() {
        let loaded = read("\u{feff}version: 1\r\nmodels:\r\n  - path: a.onnx\r\n").unwrap();
        assert_eq!(loaded.spans.line_of("models[0].path").unwrap().line, 3);
    }

    /// Texts made of what configs are made of, so that they get past the first line.
    fn config_like() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "version: 1\n",
            "models:\n",
            "  - path: a.onnx\n",
            "    name: x\n",
            "gate:",
            " latency:",
            " { ",
            " }",
            "\n",
            "  ",
            "max_regression: 5%",
            "budget: 10 ms",
            "[1, 2]",
            ", ",
            "&a ",
            "*a",
            "!t ",
            "'",
            "\"",
            "#",
            "\t",
            "- ",
            "? ",
            ": ",
            "|\n",
            ">-\n",
            "é",
            "\u{85}",
            "\u{2028}",
            "---\n",
            "...\n",
            "%YAML 1.2\n",
            "null",
            "1e999",
            "0x1f",
            ".nan",
            "<<: *a",
            "inputs: { x: { shape: [0] } }\n",
            "measure: { threads: 99999999999999999999 }\n",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in prop_oneof![config_like(), "\\PC{0,200}", "(?s).{0,200}"]) {
            match read(&text) {
                Ok(loaded) => prop_assert!(!loaded.config.models.is_empty()),
                Err(message) => prop_assert!(!message.is_empty()),
            }
        }
    }
}
