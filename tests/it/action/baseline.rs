//! Which baseline is whose: keys of monorepos and matrices, committed folders, and the input that names one.

use std::fs;
use std::path::Path;

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::mlp;
use super::touched;

#[test]
fn two_configs_of_one_repository_do_not_mix() {
    let files: [(&str, &[u8]); 4] = [
        ("a/.mlbuild.yml", CONFIG.as_bytes()),
        ("a/models/digits.onnx", &mlp()),
        ("b/.mlbuild.yml", CONFIG.as_bytes()),
        ("b/models/digits.onnx", &touched()),
    ];
    let repository = Repository::with(&files);
    let tip = repository.fake.tip("main");
    let tags = ["a", "b"].map(|folder| {
        let job = repository.refresh_on("main", &tip).input("WORKING_DIRECTORY", folder);
        job.run().expect("pass", 0).output("baseline").to_owned()
    });
    assert_ne!(tags[0], tags[1]);
    let proposed = repository.propose(&[("a/models/digits.onnx", &bloated())]);
    for (folder, result, code, tag) in [("a", "regression", 1, &tags[0]), ("b", "skipped", 0, &tags[1])] {
        let job = repository
            .gate(&proposed)
            .input("CONFIG", &format!("{folder}/.mlbuild.yml"));
        let ran = job.run().expect(result, code);
        assert_eq!(ran.output("baseline"), tag);
    }
    let checks = repository.fake.edit(|state| state.checks.clone());
    let found: Vec<(&str, Option<&str>)> = checks
        .iter()
        .map(|check| (check.name.as_str(), check.conclusion.as_deref()))
        .collect();
    assert_eq!(
        found,
        [("mlbuild / a", Some("failure")), ("mlbuild / b", Some("skipped"))]
    );
    let bodies: Vec<String> = repository.comments().into_iter().map(|comment| comment.body).collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[0].starts_with("<!-- mlbuild:v1 id=a ") && bodies[1].starts_with("<!-- mlbuild:v1 id=b "));
    assert!(
        checks[0].annotations[0]["path"] == "a/.mlbuild.yml",
        "{:?}",
        checks[0].annotations
    );
}

#[test]
fn every_leg_of_a_matrix_has_a_check_and_a_baseline_of_its_own() {
    let repository = Repository::of_committed_model();
    let tip = repository.fake.tip("main");
    let leg = r#"{"os":"ubuntu-24.04","threads":1}"#;
    let refreshed = repository
        .refresh_on("main", &tip)
        .input("MATRIX", leg)
        .run()
        .expect("pass", 0);
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).input("MATRIX", leg).run().expect("pass", 0);
    assert_eq!(ran.output("baseline"), refreshed.output("baseline"));
    assert_eq!(repository.check().name, "mlbuild / default (ubuntu-24.04, 1)");
    let ran = repository
        .gate(&proposed)
        .input("MATRIX", "null")
        .run()
        .expect("pass", 0);
    assert!(
        ran.output("baseline").starts_with("the model at "),
        "the leg's is another's: {ran}"
    );
}

/// The files of a baseline folder made at a desk for `model`, beside `config`.
fn baseline_folder(repository: &Repository, config: &str, model: &[u8], name: &str) -> Vec<(String, Vec<u8>)> {
    repository.env.write(&format!("{name}/.mlbuild.yml"), config);
    repository.env.write(&format!("{name}/{MODEL_PATH}"), model);
    repository.env.run_in(name, &["baseline", "refresh"]).expect_code(0);
    let folder = repository.env.path(&format!("{name}/baseline"));
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (format!("baseline/{name}"), fs::read(&path).unwrap())
        })
        .collect()
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
        .collect()
}

#[test]
fn a_committed_baseline_is_the_bases_and_not_the_changes_own() {
    let config = format!("{CONFIG}baseline: {{ store: dir, path: baseline }}\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let honest = baseline_folder(&repository, &config, &mlp(), "honest");
    repository.push(&borrowed(&honest));
    let own = baseline_folder(&repository, &config, &bloated(), "own");
    let model = bloated();
    let mut changes = borrowed(&own);
    changes.push((MODEL_PATH, &model));
    let proposed = repository.propose(&changes);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert!(ran.output("baseline").starts_with("dir: baseline at "), "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert_eq!(repository.fake.count("GET", "/releases"), 0);
}

#[test]
fn a_committed_baseline_that_was_altered_is_an_error() {
    let config = format!("{CONFIG}baseline: {{ store: dir, path: baseline }}\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let mut files = baseline_folder(&repository, &config, &mlp(), "desk");
    for (path, bytes) in &mut files {
        if Path::new(path).extension().is_some_and(|extension| extension == "onnx") {
            bytes[1000] ^= 1;
        }
    }
    repository.push(&borrowed(&files));
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    assert!(ran.summary.contains("the manifest says"), "{ran}");
}

#[test]
fn an_input_may_name_what_to_compare_with() {
    let repository = Repository::of_committed_model();
    let tag = repository.refresh();
    repository.push(&[(MODEL_PATH, &bloated())]);
    let proposed = repository.propose(&[("README.md", b"words")]);
    let ran = repository
        .gate(&proposed)
        .input("BASELINE", &tag)
        .run()
        .expect("regression", 1);
    assert_eq!(ran.output("baseline"), tag);
    let ran = repository
        .gate(&proposed)
        .input("BASELINE", "mlbuild-baseline-nothing")
        .run()
        .expect("error", 2);
    assert!(ran.summary.contains("no baseline"), "{ran}");
}
