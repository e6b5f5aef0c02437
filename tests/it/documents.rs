//! What the compiler does not see: links and paths in the documents, the action's metadata, words that must stand in the docs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap::Parser as _;
use mlbuild::cli::args::Args;
use mlbuild::config::Target;
use mlbuild::verdict::types::Metric;
use mlbuild::verdict::types::Verdict;
use serde_yaml::Value;

const WORKFLOWS: &[&str] = &[
    ".github/workflows/audit.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/container.yml",
    ".github/workflows/fuzz.yml",
    ".github/workflows/release.yml",
    "action.yml",
    "examples/workflows/mlbuild.yml",
    "examples/workflows/mlbuild-report.yml",
    "report/action.yml",
    "examples/workflows/mlbuild-commands.yml",
    "command/action.yml",
];

const FOLDERS_WITHOUT_DOCUMENTS: &[&str] = &["target", ".git", ".mlbuild"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn find_documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !FOLDERS_WITHOUT_DOCUMENTS.contains(&name.as_str()) {
                find_documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Every Markdown file with its text, fenced code left out.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    find_documents(root(), &mut found);
    assert!(found.len() > 5, "too few documents: {found:?}");
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let prose = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
            (path, prose)
        })
        .collect()
}

/// What stands between each `](` and its `)`.
fn link_targets(prose: &str) -> impl Iterator<Item = &str> {
    prose
        .match_indices("](")
        .filter_map(|(at, _)| prose[at + 2..].split_once(')').map(|(target, _)| target))
}

/// Runs `visit` on every mapping of a YAML document.
fn mappings(value: &Value, visit: &mut dyn FnMut(&serde_yaml::Mapping)) {
    match value {
        Value::Mapping(mapping) => {
            visit(mapping);
            mapping.values().for_each(|value| mappings(value, visit));
        }
        Value::Sequence(values) => values.iter().for_each(|value| mappings(value, visit)),
        _ => {}
    }
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_mapping()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap())
        .collect()
}

#[test]
fn relative_links_lead_somewhere() {
    let mut broken = Vec::new();
    for (document, prose) in documents() {
        for target in link_targets(&prose) {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") && !document.parent().unwrap().join(path).exists() {
                broken.push(format!(
                    "{}: {target}",
                    document.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
}

#[test]
fn paths_named_in_prose_exist() {
    let mut gone = Vec::new();
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/security.md",
        "dist/README.md",
    ] {
        for quoted in read(name).split('`').skip(1).step_by(2) {
            let ours = ["src/", "tests/", "docs/", "dist/", "examples/", ".ci/", "templates/"];
            if ours.iter().any(|folder| quoted.starts_with(folder)) && !root().join(quoted).exists() {
                gone.push(format!("{name}: {quoted}"));
            }
        }
    }
    assert!(gone.is_empty(), "paths that are not there:\n{}", gone.join("\n"));
}

/// The lines of a document's shell blocks, continued ones joined, without comments.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        lines.extend(block.lines().map(|line| line.trim().to_owned()));
    }
    lines
}

/// The words of the `mlbuild` command in a shell line, as a shell would split them; `None` where there is none.
fn command_words(line: &str) -> Option<Vec<String>> {
    let start = if line.starts_with("mlbuild ") {
        0
    } else {
        line.find("&& mlbuild ").map(|at| at + 3)?
    };
    let (mut words, mut word, mut quote, mut quoted) = (Vec::new(), String::new(), None, false);
    for character in line[start..].chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => word.push(character),
            None if character == '\'' || character == '"' => (quote, quoted) = (Some(character), true),
            None if "#|><;&".contains(character) => break,
            None if character.is_whitespace() => {
                if !word.is_empty() || quoted {
                    words.push(std::mem::take(&mut word));
                    quoted = false;
                }
            }
            None => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some(words)
}

#[test]
fn every_command_line_shown_parses() {
    let mut found = Vec::new();
    find_documents(root(), &mut found);
    let (mut parsed, mut wrong) = (0, Vec::new());
    for path in found {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        for line in shell_lines(&fs::read_to_string(&path).unwrap()) {
            let Some(words) = command_words(&line) else { continue };
            parsed += 1;
            if let Err(error) = Args::try_parse_from(&words)
                && error.use_stderr()
            {
                wrong.push(format!(
                    "{shown}: {line}\n  {}",
                    error.to_string().lines().next().unwrap()
                ));
            }
        }
    }
    assert!(parsed > 50, "only {parsed} command lines found");
    assert!(
        wrong.is_empty(),
        "command lines that do not parse:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_command_named_in_prose_exists() {
    let tree = Args::command();
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let mut unknown = Vec::new();
    for (path, prose) in documents() {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        for quoted in prose.split('`').skip(1).step_by(2) {
            let Some(rest) = quoted.strip_prefix("mlbuild ") else {
                continue;
            };
            let name = rest.split(' ').next().unwrap();
            if is_word(name) && tree.find_subcommand(name).is_none() && name != "help" {
                unknown.push(format!("{shown}: `{quoted}`"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "commands that are not there:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn the_index_knows_every_page() {
    let index = read("docs/README.md");
    let mut missing = Vec::new();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        // Those for one method are named by the page about all of them.
        let is_detail = name.starts_with("reference-checks-");
        if name.ends_with(".md") && name != "README.md" && !is_detail && !index.contains(&format!("({name})")) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/README.md does not name {missing:?}");
}

#[test]
fn nothing_is_substituted_into_scripts() {
    let mut scripts = 0;
    for name in WORKFLOWS {
        let document: Value = serde_yaml::from_str(&read(name)).unwrap();
        mappings(&document, &mut |mapping| {
            if let Some(script) = mapping.get("run").and_then(Value::as_str) {
                scripts += 1;
                assert!(!script.contains("${{"), "{name}: a value becomes code in:\n{script}");
            }
        });
    }
    assert!(scripts > 0);
}

#[test]
fn every_input_is_documented_and_passed_on() {
    let action: Value = serde_yaml::from_str(&read("action.yml")).unwrap();
    let readme = read("README.md");
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let gate = steps.iter().find(|step| step["id"].as_str() == Some("gate")).unwrap();
    for input in names(&action["inputs"]) {
        assert!(
            action["inputs"][input]["description"].is_string(),
            "{input} has no description"
        );
        assert!(
            readme.contains(&format!("| `{input}` |")),
            "README.md does not say what `{input}` is"
        );
        let variable = format!("INPUT_{}", input.to_uppercase().replace('-', "_"));
        assert_eq!(
            gate["env"][variable.as_str()].as_str(),
            Some(format!("${{{{ inputs.{input} }}}}").as_str()),
            "the gate does not see `{input}`"
        );
    }
    for output in names(&action["outputs"]) {
        assert!(
            action["outputs"][output]["description"].is_string(),
            "{output} has no description"
        );
        assert!(
            readme.contains(&format!("`{output}`")),
            "README.md does not say what `{output}` is"
        );
        assert_eq!(
            action["outputs"][output]["value"].as_str(),
            Some(format!("${{{{ steps.gate.outputs.{output} }}}}").as_str())
        );
    }
}

#[test]
fn the_reporting_action_passes_every_input_on_and_says_what_it_is() {
    let action: Value = serde_yaml::from_str(&read("report/action.yml")).unwrap();
    let guide = read("docs/forks.md");
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let report = steps.iter().find(|step| step["id"].as_str() == Some("report")).unwrap();
    for input in names(&action["inputs"]) {
        assert!(action["inputs"][input]["description"].is_string());
        assert!(
            guide.contains(&format!("`{input}`")),
            "docs/forks.md does not name `{input}`"
        );
        let variable = format!("INPUT_{}", input.to_uppercase().replace('-', "_"));
        let expected = format!("${{{{ inputs.{input} }}}}");
        assert_eq!(report["env"][variable.as_str()].as_str(), Some(expected.as_str()));
    }
    // It may write, so it holds no file of a pull request.
    for name in [
        "report/action.yml",
        "examples/workflows/mlbuild-report.yml",
        "templates/init/report.yml",
    ] {
        assert!(!read(name).contains("actions/checkout"), "{name}");
    }
}

#[test]
fn every_script_starts_without_a_startup_file() {
    let steps = ["action.yml", "report/action.yml"].map(|name| {
        let action: Value = serde_yaml::from_str(&read(name)).unwrap();
        action["runs"]["steps"].as_sequence().unwrap().clone()
    });
    for step in steps.iter().flatten() {
        if step.get("run").is_some() {
            assert_eq!(step["shell"].as_str(), Some("bash"));
            for variable in ["BASH_ENV", "ENV"] {
                assert_eq!(
                    step["env"][variable].as_str(),
                    Some(""),
                    "{variable} of {:?}",
                    step["name"]
                );
            }
        }
    }
}

#[test]
fn every_use_of_another_action_is_pinned() {
    for name in WORKFLOWS {
        let document: Value = serde_yaml::from_str(&read(name)).unwrap();
        mappings(&document, &mut |mapping| {
            let Some(uses) = mapping.get("uses").and_then(Value::as_str) else {
                return;
            };
            let own = uses.starts_with("./")
                || uses.starts_with("org/mlbuild-action@")
                || uses.starts_with("org/mlbuild-action/");
            let pinned = uses.split_once('@').is_some_and(|(_, reference)| {
                reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            assert!(own || pinned, "{name}: {uses}");
        });
    }
}

#[test]
fn the_glossary_knows_every_word_of_a_report() {
    let glossary = read("docs/glossary.md");
    let verdicts = [
        Verdict::Skipped,
        Verdict::Improvement,
        Verdict::Pass,
        Verdict::NoBaseline,
        Verdict::Removed,
        Verdict::Inconclusive,
        Verdict::Regression,
        Verdict::Error,
    ];
    for word in verdicts.map(Verdict::word).iter().chain(&Metric::ALL.map(Metric::word)) {
        assert!(glossary.contains(&format!("| **{word}** |")), "no row for {word}");
    }
}

/// Every key that a config may have, wherever it stands.
fn config_keys(schema: &serde_json::Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) {
        found.extend(properties.keys().cloned());
    }
    if let Some(definitions) = schema.get("$defs").and_then(serde_json::Value::as_object) {
        definitions
            .values()
            .for_each(|definition| config_keys(definition, found));
    }
}

#[test]
fn every_key_of_the_config_is_documented() {
    let mut keys = BTreeSet::new();
    config_keys(
        &serde_json::from_str(&read("docs/mlbuild.schema.json")).unwrap(),
        &mut keys,
    );
    assert!(keys.len() > 20, "too few keys: {keys:?}");
    let reference = read("docs/configuration.md");
    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| !reference.contains(&format!("`{key}")) && !reference.contains(&format!(".{key}`")))
        .collect();
    assert!(missing.is_empty(), "docs/configuration.md does not explain {missing:?}");
}

#[test]
fn every_config_shown_is_valid() {
    let schema: serde_json::Value = serde_json::from_str(&read("docs/mlbuild.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut shown = vec![("quickstart".to_owned(), read("examples/quickstart/.mlbuild.yml"))];
    for name in ["README.md", "docs/configuration.md", "docs/choose-a-variant.md"] {
        let text = read(name);
        let blocks = text
            .split("```yaml\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap());
        shown.extend(
            blocks
                .filter(|block| block.contains("version: 1\n"))
                .map(|block| (name.to_owned(), block.to_owned())),
        );
    }
    assert_eq!(shown.len(), 4);
    for (name, text) in shown {
        let config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let faults: Vec<String> = validator.iter_errors(&config).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
    }
}

#[test]
fn every_target_is_documented() {
    for document in ["README.md", "docs/configuration.md"] {
        for target in Target::ALL {
            assert!(read(document).contains(target.name()), "{document}: {target}");
        }
    }
}

#[test]
fn the_changelog_knows_this_version() {
    assert!(read("CHANGELOG.md").contains(&format!("## [{}]", mlbuild::VERSION)));
}
