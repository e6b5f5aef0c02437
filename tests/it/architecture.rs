//! The house rules that the compiler does not know: imports point downward, every file says its duty, no file grows too long.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Rows of `src/lib.rs`, lowest first; a module imports only from rows strictly below its own.
const ROWS: &[&[&str]] = &[
    &["digest", "hint", "stats", "units", "when"],
    &["chance", "files"],
    &["config", "device", "github", "machine", "store"],
    &["model"],
    &["runtime", "variant"],
    &["measure"],
    &["verdict"],
    &["registry", "report"],
    &["pipeline"],
    &["bot"],
    &["action", "server"],
    &["cli"],
];

/// Past this many non-test lines a file is two things.
const MAX_LINES: usize = 600;

/// Written by a generator, so of any length.
const GENERATED: &[&str] = &["src/model/onnx/proto.rs", "src/model/tflite/schema.rs"];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no source found in {folder}");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| !GENERATED.contains(&name.as_str()))
        .collect()
}

/// The source without its trailing test module.
fn without_tests(source: &str) -> &str {
    source
        .find("#[cfg(test)]\nmod tests")
        .map_or(source, |start| &source[..start])
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Top-level modules named after `crate::` in code (comments left out).
fn imports(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| {
            line.match_indices("crate::")
                .map(|(at, _)| &line[at + "crate::".len()..])
        })
        .map(|rest| {
            rest.split(|character: char| !character.is_alphanumeric() && character != '_')
                .next()
                .unwrap()
        })
}

#[test]
fn imports_point_downward() {
    let mut wrong = Vec::new();
    for (name, source) in sources("src") {
        let module = name.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        if module == "lib" || module == "main" {
            continue;
        }
        let own = row(module).unwrap_or_else(|| panic!("{name}: module `{module}` stands in no row"));
        for import in imports(without_tests(&source)).filter(|import| *import != module && *import != "VERSION") {
            assert!(
                !import.is_empty(),
                "{name}: `crate::{{…}}` hides its edges; write one path a line"
            );
            match row(import) {
                Some(other) if other < own => {}
                _ => wrong.push(format!("{name} imports `{import}`")),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that do not point downward:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_module_of_the_crate_stands_in_a_row() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(!modules.is_empty());
    for module in modules {
        assert!(row(module).is_some(), "`{module}` stands in no row");
    }
}

#[test]
fn every_file_says_its_duty() {
    for folder in ["src", "tests/it", "benches"] {
        if !Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).exists() {
            continue;
        }
        for (name, source) in sources(folder) {
            assert!(
                source.starts_with("//! "),
                "{name} does not open with `//!` and its duty"
            );
        }
    }
}

#[test]
fn no_file_is_two_things() {
    let long: Vec<String> = sources("src")
        .into_iter()
        .map(|(name, source)| (name, without_tests(&source).lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(
        long.is_empty(),
        "files past {MAX_LINES} lines; which two things is each?\n{}",
        long.join("\n")
    );
}
