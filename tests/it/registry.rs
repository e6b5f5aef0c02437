//! The registry as several processes see it: builds, lineage, tags, measurements, and files that are not registries.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use mlbuild::digest::Digest;
use mlbuild::files::write_atomic;
use mlbuild::hint::Hint as _;
use mlbuild::machine::Fingerprint;
use mlbuild::registry::About;
use mlbuild::registry::ArtifactFacts;
use mlbuild::registry::BuildFacts;
use mlbuild::registry::Measurement;
use mlbuild::registry::Registry;
use mlbuild::registry::RegistryError;
use mlbuild::units::Bytes;
use rusqlite::Connection;
use serde_json::json;

const NOW: &str = "2026-01-02T03:05:00Z";

fn facts(id: &Digest, parent: Option<&Digest>) -> BuildFacts {
    BuildFacts {
        id: id.clone(),
        model: "digits".to_owned(),
        source: Digest::of(b"source"),
        recipe: if parent.is_some() { "fp16" } else { "fp32" }.to_owned(),
        target: None,
        artifacts: vec![
            ArtifactFacts {
                name: "model.onnx".to_owned(),
                digest: Digest::of(b"model"),
                size: Bytes(100),
            },
            ArtifactFacts {
                name: "weights.data".to_owned(),
                digest: Digest::of(b"weights"),
                size: Bytes(11),
            },
        ],
        created_at: "2026-01-02T03:04:05Z".to_owned(),
        parent: parent.cloned(),
        tool_version: "0.1.0".to_owned(),
        notes: vec!["fp16: left in 32 bits: 1 TopK".to_owned()],
        about: About::default(),
    }
}

fn machine(processor: &str) -> Fingerprint {
    Fingerprint {
        cpu_model: processor.to_owned(),
        ..Fingerprint::of_this_machine()
    }
}

fn measurement(build: &Digest, second: u32) -> Measurement {
    Measurement {
        build: build.clone(),
        target: "onnxruntime_cpu".to_owned(),
        sequence: Some(u64::from(second) + 16),
        runtime_version: "1.31.1".to_owned(),
        machine: machine("Intel Xeon"),
        samples: json!([[0.001_25, 0.001_5], [1e-9]]),
        created_at: format!("2026-01-02T03:04:{second:02}Z"),
        figures: None,
    }
}

fn open(folder: &Path) -> Registry {
    Registry::open(&folder.join(".mlbuild/registry.db")).unwrap()
}

/// Ids that all start with `aaaa`.
fn similar_id(last: u32) -> Digest {
    format!("aaaa{last:08x}{:052x}", 0).parse().unwrap()
}

#[test]
fn remembers_builds_and_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, third) = (Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"3"));
    let mut registry = open(folder.path());
    assert!(registry.insert_build(&facts(&first, None)).unwrap());
    assert!(registry.insert_build(&facts(&second, Some(&first))).unwrap());
    assert!(registry.insert_build(&facts(&third, Some(&second))).unwrap());
    assert!(!registry.insert_build(&facts(&third, None)).unwrap());
    drop(registry);
    let registry = open(folder.path());
    let build = registry.build_by_prefix(&third.as_str()[..6].to_uppercase()).unwrap();
    assert_eq!((&build.facts, &build.root), (&facts(&third, Some(&second)), &first));
    assert_eq!(build.size(), Bytes(111));
    let line: Vec<Digest> = registry
        .lineage(&third)
        .unwrap()
        .into_iter()
        .map(|build| build.facts.id)
        .collect();
    assert_eq!(line, [third, second, first]);
    assert_eq!(registry.lineage(&Digest::of(b"absent")).unwrap(), []);
}

#[test]
fn lists_the_newest_build_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = open(folder.path());
    for (content, created_at) in [
        ("b", "2026-01-02T00:00:00Z"),
        ("c", "2026-03-02T00:00:00Z"),
        ("a", "2025-12-31T00:00:00Z"),
    ] {
        let build = BuildFacts {
            created_at: created_at.to_owned(),
            ..facts(&Digest::of(content.as_bytes()), None)
        };
        registry.insert_build(&build).unwrap();
    }
    let times: Vec<String> = registry
        .builds()
        .unwrap()
        .into_iter()
        .map(|build| build.facts.created_at)
        .collect();
    assert_eq!(
        times,
        ["2026-03-02T00:00:00Z", "2026-01-02T00:00:00Z", "2025-12-31T00:00:00Z"]
    );
}

#[test]
fn finds_builds_by_tag_and_by_the_beginning_of_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = open(folder.path());
    for last in 0..7 {
        registry.insert_build(&facts(&similar_id(last), None)).unwrap();
    }
    registry.tag("release", &similar_id(1), NOW).unwrap();
    registry.tag("aaaa", &similar_id(2), NOW).unwrap();
    registry.tag("release", &similar_id(3), NOW).unwrap();
    assert_eq!(registry.resolve("release").unwrap().facts.id, similar_id(3));
    assert_eq!(registry.resolve("aaaa").unwrap().facts.id, similar_id(2));
    assert_eq!(
        registry.resolve(similar_id(4).as_str()).unwrap().facts.id,
        similar_id(4)
    );
    assert_eq!(registry.tags(&similar_id(1)).unwrap(), Vec::<String>::new());
    assert_eq!(registry.tags(&similar_id(3)).unwrap(), ["release"]);
    let complaint = |text: &str| {
        let error = registry.resolve(text).unwrap_err();
        std::iter::once(error.to_string())
            .chain(error.hints())
            .collect::<Vec<_>>()
            .join("; ")
    };
    insta::assert_snapshot!(
        [complaint("aaaa0"), complaint("aaa"), complaint("beef"), complaint("realease"), complaint("%' OR 1 --")].join("\n"),
        @r"
    `aaaa0` is the beginning of 7 builds: aaaa00000000 (digits fp32), aaaa00000001 (digits fp32), aaaa00000002 (digits fp32), aaaa00000003 (digits fp32), aaaa00000004 (digits fp32), …; give more digits
    no build or tag `aaa` in the registry; did you mean `aaaa`?
    no build or tag `beef` in the registry
    no build or tag `realease` in the registry; did you mean `release`?
    no build or tag `%' OR 1 --` in the registry
    "
    );
}

#[test]
fn keeps_raw_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = open(folder.path());
    let build = Digest::of(b"1");
    registry.insert_build(&facts(&build, None)).unwrap();
    let (late, early) = (measurement(&build, 30), measurement(&build, 10));
    assert_ne!(
        registry.insert_measurement(&late).unwrap(),
        registry.insert_measurement(&early).unwrap()
    );
    assert_eq!(registry.measurements(&build).unwrap(), [early, late]);
}

#[test]
fn measurements_of_another_machine_are_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = open(folder.path());
    let build = Digest::of(b"1");
    registry.insert_build(&facts(&build, None)).unwrap();
    let mut elsewhere = measurement(&build, 20);
    elsewhere.machine = machine("AMD EPYC");
    for measurement in [&measurement(&build, 10), &elsewhere, &measurement(&build, 30)] {
        registry.insert_measurement(measurement).unwrap();
    }
    let (here, others) = registry.measurements_on(&build, &machine("Intel Xeon")).unwrap();
    assert_eq!(
        (here, others),
        (vec![measurement(&build, 10), measurement(&build, 30)], 1)
    );
    let (here, others) = registry.measurements_on(&build, &machine("Apple M4")).unwrap();
    assert_eq!((here.len(), others), (0, 3));
    let machines: i64 = Connection::open(folder.path().join(".mlbuild/registry.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM machines", [], |row| row.get(0))
        .unwrap();
    assert_eq!(machines, 2);
}

#[test]
fn refuses_what_refers_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = open(folder.path());
    let absent = Digest::of(b"absent");
    for error in [
        registry
            .insert_build(&facts(&Digest::of(b"child"), Some(&absent)))
            .unwrap_err(),
        registry.insert_measurement(&measurement(&absent, 0)).unwrap_err(),
        registry.tag("release", &absent, NOW).unwrap_err(),
    ] {
        assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    }
    assert_eq!(registry.builds().unwrap(), []);
    let build = Digest::of(b"1");
    registry.insert_build(&facts(&build, None)).unwrap();
    for name in ["", "-release", "a b", "ä", &"x".repeat(101)] {
        assert!(
            matches!(registry.tag(name, &build, NOW), Err(RegistryError::BadTag { .. })),
            "{name}"
        );
    }
}

#[test]
fn refuses_files_that_are_no_registries_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let complaint = |path: &Path| {
        let error = Registry::open(path).unwrap_err();
        let text = std::iter::once(error.to_string())
            .chain(error.hints())
            .collect::<Vec<_>>()
            .join("; ");
        text.replace(&folder.path().display().to_string(), "FOLDER")
    };
    drop(Registry::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 9)
        .unwrap();
    let mut complaints = vec![complaint(&path)];
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (id)")
        .unwrap();
    complaints.push(complaint(&foreign));
    write_atomic(
        &folder.path().join("text.db"),
        "no database, but longer than the header of one ".repeat(20).as_bytes(),
    )
    .unwrap();
    complaints.push(complaint(&folder.path().join("text.db")));
    complaints.push(complaint(&folder.path().join("text.db/registry.db")));
    std::fs::create_dir(folder.path().join("taken.db")).unwrap();
    complaints.push(complaint(&folder.path().join("taken.db")));
    insta::assert_snapshot!(complaints.join("\n"), @r"
    the registry `FOLDER/registry.db` has version 9, this mlbuild reads up to 5; use the newer mlbuild that wrote it
    `FOLDER/foreign.db` is not a registry of mlbuild; move the file away, or work in another folder; where the Python tool made it, `mlbuild migrate` says how to come over
    `FOLDER/text.db` is not a registry of mlbuild; move the file away, or work in another folder; where the Python tool made it, `mlbuild migrate` says how to come over
    cannot create the folder `FOLDER/text.db`; a file is where a folder is needed: move `FOLDER/text.db` away
    cannot open the registry `FOLDER/taken.db`; check that `FOLDER` is a folder that can be written to
    ");
    // Nothing of others' was changed.
    let tables: i64 = Connection::open(&foreign)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

/// Threads with connections of their own, all of which find no registry at first.
#[test]
fn many_threads_open_and_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let folder = folder.path();
            scope.spawn(move || write_some(folder, thread));
        }
    });
    check_written(folder.path(), 8);
}

#[test]
fn several_processes_open_and_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4_u32)
        .map(|child| {
            Command::new(std::env::current_exe().unwrap())
                .args(["registry::child_process", "--exact", "--ignored"])
                .env("REGISTRY_FOLDER", folder.path())
                .env("REGISTRY_CHILD", child.to_string())
                .output_in_background()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    check_written(folder.path(), 4);
}

trait OutputInBackground {
    fn output_in_background(&mut self) -> std::process::Child;
}

impl OutputInBackground for Command {
    fn output_in_background(&mut self) -> std::process::Child {
        self.stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }
}

#[test]
#[ignore = "started by another test, in a process of its own"]
fn child_process() {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
    let child = variable("REGISTRY_CHILD").to_string_lossy().parse().unwrap();
    write_some(&PathBuf::from(variable("REGISTRY_FOLDER")), child);
}

fn write_some(folder: &Path, writer: u32) {
    let mut registry = open(folder);
    let shared = Digest::of(b"shared");
    registry.insert_build(&facts(&shared, None)).unwrap();
    for number in 0..10_u32 {
        let id = Digest::of(format!("{writer} {number}").as_bytes());
        assert!(registry.insert_build(&facts(&id, Some(&shared))).unwrap());
        registry.insert_measurement(&measurement(&id, number)).unwrap();
        registry.tag("latest", &id, NOW).unwrap();
    }
}

fn check_written(folder: &Path, writers: usize) {
    let registry = open(folder);
    let builds = registry.builds().unwrap();
    assert_eq!(builds.len(), 1 + 10 * writers);
    for build in builds.iter().filter(|build| build.facts.parent.is_some()) {
        assert_eq!(registry.measurements(&build.facts.id).unwrap().len(), 1);
        assert_eq!(build.facts.artifacts.len(), 2);
    }
    assert!(registry.resolve("latest").unwrap().facts.parent.is_some());
}
