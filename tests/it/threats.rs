//! What attackers try: `docs/threats.md` names a test for every defence, and these are the ones that stood nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::GraphProto;
use mlbuild::model::onnx::proto::attribute_proto::AttributeType;
use mlbuild::model::onnx::proto::tensor_proto::DataType;

use crate::support::desk;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::onnx::graph;
use crate::support::onnx::integers;
use crate::support::onnx::model;
use crate::support::onnx::node;
use crate::support::onnx::value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `topic::name` of every test: the file's path beneath `tests/it`, or beneath `src` with that before it, and the function.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (folder, before) in [("tests/it", ""), ("src", "src::")] {
        let folder = root().join(folder);
        let mut files = Vec::new();
        sources(&folder, &mut files);
        for file in files {
            let topic = file.strip_prefix(&folder).unwrap().with_extension("");
            let topic = topic.to_str().unwrap().replace(['/', '\\'], "::");
            let topic = topic.strip_suffix("::mod").unwrap_or(&topic).to_owned();
            let mut is_test = false;
            for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
                match line.strip_prefix("fn ") {
                    Some(rest) if is_test => {
                        let name = rest.split('(').next().unwrap();
                        names.insert(format!("{before}{topic}::{name}"));
                        is_test = false;
                    }
                    _ if line.starts_with("#[test]") => is_test = true,
                    _ if line.starts_with('#') || line.starts_with("//") || line.is_empty() => {}
                    _ => is_test = false,
                }
            }
        }
    }
    names
}

/// The rows of the page's table: threat, defence, tests.
fn rows() -> Vec<[String; 3]> {
    let page = fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let rows: Vec<[String; 3]> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| threat "))
        .map(|line| {
            let cells: Vec<String> = line
                .trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect();
            cells.try_into().unwrap_or_else(|_| panic!("no three cells: {line}"))
        })
        .collect();
    assert!(rows.len() >= 16, "{} rows", rows.len());
    rows
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_threat_names_tests_that_there_are() {
    let tests = tests();
    assert!(tests.len() > 1000, "{}", tests.len());
    for [threat, defence, named] in rows() {
        assert!(!threat.is_empty() && defence.len() > 20, "{threat}: {defence}");
        let mut count = 0;
        for name in quoted(&named) {
            assert!(tests.contains(name), "`{name}`, named for “{threat}”, is no test");
            count += 1;
        }
        // What cannot be attacked yet needs no defence.
        assert!(count > 0 || named == "no server yet", "{threat} names no test: {named}");
    }
}

/// Asks for `elements` floats, as an output that the engine has to make.
fn enormous(elements: i64) -> Vec<u8> {
    model(
        17,
        graph(
            vec![value("x", DataType::Float, &[1])],
            vec![node("Expand", &["x", "shape"], &["y"])],
            vec![integers("shape", &[1], &[elements])],
            vec![value("y", DataType::Float, &[elements])],
        ),
    )
}

/// A branch in a branch in a branch.
fn deep(levels: usize) -> Vec<u8> {
    let mut inner = GraphProto::default();
    for _ in 0..levels {
        let branch = |name: &str| AttributeProto {
            name: Some(name.to_owned()),
            r#type: Some(AttributeType::Graph as i32),
            g: Some(inner.clone()),
            ..AttributeProto::default()
        };
        let mut choice = node("If", &["c"], &["y"]);
        choice.attribute.push(branch("then_branch"));
        inner = graph(Vec::new(), vec![choice], Vec::new(), Vec::new());
    }
    model(17, inner)
}

#[test]
fn models_that_take_everything_end_their_own_comparison_and_no_other() {
    let env = desk::empty();
    desk::put(&env, "model.onnx", "digits_mlp.onnx");
    env.write("endless.onnx", desk::endless());
    env.write("terabyte.onnx", enormous(1 << 38));
    env.write("deep.onnx", deep(20));
    env.write("deeper.onnx", deep(60));
    desk::put(&env, "last.onnx", "digits_cnn.onnx");
    let more: String = ["endless", "terabyte", "deep", "deeper", "last"]
        .iter()
        .map(|name| format!("  - path: {name}.onnx\n"))
        .collect();
    let config = desk::config(&more).replace("300 ms }", "300 ms, worker_timeout: 3 s }");
    env.write(".mlbuild.yml", config);
    let output = env.run(&["ci", "-q"]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    let report = report(&env);
    assert_eq!(
        verdicts(&report),
        [
            "digits fp32 no-baseline",
            "endless fp32 error",
            "terabyte fp32 error",
            "deep fp32 error",
            "deeper fp32 error",
            "last fp32 no-baseline",
        ]
    );
    let text = format!("{}{}", output.stdout, output.stderr);
    for said in [
        "no answer after 3s",
        "memory ran out while loading the model",
        "lies more than 16 subgraphs deep",
        "nest deeper than 64",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    desk::assert_no_leftovers(&env);
}

/// Every YAML file of the action, its workflows and the examples.
fn workflows() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned(), root().join(".github"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && folder != root() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yml" || extension == "yaml")
            {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let report = root().join("report/action.yml");
    if let Ok(text) = fs::read_to_string(&report) {
        found.push((report.display().to_string(), text));
    }
    found.sort();
    assert!(found.iter().any(|(name, _)| name.ends_with("action.yml")));
    found
}

#[test]
fn nothing_of_a_baseline_comes_out_of_a_cache() {
    let mut caches = 0;
    for (name, text) in workflows() {
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains("uses: actions/cache"))
        {
            let step: Vec<&str> = text.lines().skip(number).take(6).collect();
            let paths = step.iter().filter(|line| {
                let line = line.trim_start();
                line.starts_with("path:") || line.starts_with("key:")
            });
            for path in paths {
                assert!(
                    !path.contains("baseline") && !path.contains(".mlbuild"),
                    "{name}: {line}: {path}"
                );
            }
            caches += 1;
        }
    }
    assert!(caches >= 2, "{caches}");
    // The action's own two steps keep what was built of sources whose digest is the key, and only pushes to the default branch write it.
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let save = action.find("actions/cache/save").unwrap();
    let before = &action[action[..save].rfind("- name:").unwrap()..save];
    for condition in [
        "source == 'build'",
        "github.event_name == 'push'",
        "github.ref_name == github.event.repository.default_branch",
    ] {
        assert!(before.contains(condition), "{condition}: {before}");
    }
}

#[test]
fn every_action_that_is_used_is_pinned() {
    let mut pinned = 0;
    for (name, text) in workflows() {
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("- ");
            let Some(used) = line.strip_prefix("uses: ") else {
                continue;
            };
            let used = used.split_whitespace().next().unwrap().trim_matches(['"', '\'']);
            if used.starts_with("./") {
                continue;
            }
            let (action, reference) = used.split_once('@').unwrap_or((used, ""));
            // This repository's own releases are immutable, and the examples are read by people.
            if action.starts_with("org/mlbuild-action") {
                continue;
            }
            assert!(
                reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{name}: `{used}` is pinned by no commit"
            );
            pinned += 1;
        }
    }
    assert!(pinned >= 2, "{pinned}");
}

#[test]
fn no_answer_of_the_api_is_kept() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut clients = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        clients += usize::from(text.contains("Octocrab::builder") || text.contains("OctocrabBuilder"));
        for sign in [
            "InMemoryCache",
            "CacheStorage",
            ".cache(",
            "if-none-match",
            "IF_NONE_MATCH",
        ] {
            assert!(!text.contains(sign), "{}: `{sign}`", file.display());
        }
    }
    assert!(clients > 0, "no client is built");
}
