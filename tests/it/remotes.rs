//! `remote`, `push`, `pull` and `sync`: in a folder, and on two S3 servers that know nothing of each other (moto, s3s-fs).
//!
//! Tests that need a server say which, and that they skip where it is not installed.

use std::fs;
use std::process::Stdio;

use mlbuild::digest::Digest;
use mlbuild::machine::Fingerprint;
use mlbuild::registry::About;
use mlbuild::registry::ArtifactFacts;
use mlbuild::registry::BuildFacts;
use mlbuild::registry::Check;
use mlbuild::registry::DerivationFacts;
use mlbuild::registry::Figures;
use mlbuild::registry::Measurement;
use mlbuild::registry::Registry;
use mlbuild::registry::Shared;
use mlbuild::store::Objects;
use mlbuild::units::Bytes;
use serde_json::json;

use crate::support::desk;
use crate::support::env::TestEnv;
use crate::support::s3;
use crate::support::s3::Between;
use crate::support::s3::Kind;
use crate::support::s3::Server;
use crate::support::s3::Way;

const NOW: &str = "2026-11-20T00:00:00Z";

fn registry(env: &TestEnv) -> Registry {
    Registry::open(&env.path(".mlbuild/registry.db")).unwrap()
}

fn id(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// Bytes that no compression and no deduplication makes less of.
fn content(name: &str, size: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(size + 64);
    let mut counter = 0_u64;
    while content.len() < size {
        content.extend_from_slice(Digest::of(format!("{name} {counter}").as_bytes()).as_str().as_bytes());
        counter += 1;
    }
    content.truncate(size);
    content
}

/// A workspace that has a registry: where `mlbuild` is at home.
fn empty_desk() -> TestEnv {
    let mut env = TestEnv::new();
    s3::with_keys(&mut env);
    env.write(".mlbuild.yml", "version: 1\nmodels: [{ path: model.onnx }]\n");
    registry(&env);
    env
}

/// A build with one file of `size` bytes, one measurement, and a derivation where it has a parent.
fn make(env: &TestEnv, name: &str, parent: Option<&str>, size: usize) {
    let objects = Objects::open(&env.path(".mlbuild/objects")).unwrap();
    let digest = objects.put(&content(name, size)).unwrap();
    let mut registry = registry(env);
    let facts = BuildFacts {
        id: id(name),
        model: name.to_owned(),
        source: id("source"),
        recipe: if parent.is_some() { "int8" } else { "fp32" }.to_owned(),
        target: None,
        artifacts: vec![ArtifactFacts {
            name: "model.onnx".to_owned(),
            digest,
            size: Bytes(size as u64),
        }],
        created_at: NOW.to_owned(),
        parent: parent.map(id),
        tool_version: "0.1.0".to_owned(),
        notes: vec!["said by the tool".to_owned()],
        about: About::default(),
    };
    assert!(registry.insert_build(&facts).unwrap());
    if let Some(parent) = parent {
        let derivation = DerivationFacts {
            build: id(name),
            seed: u64::MAX,
            evidence: json!([{ "range": [0.1, 0.30000000000000004] }]),
            calibration: Some(id("calibration")),
        };
        registry.insert_derivation(&derivation).unwrap();
        let check = Check {
            build: id(name),
            against: id(parent),
            target: "onnxruntime_cpu".to_owned(),
            runtime_version: "1.31.1".to_owned(),
            result: json!({ "cosine": 0.9991 }),
            created_at: NOW.to_owned(),
        };
        registry.insert_check(&check).unwrap();
    }
    measure(env, name, 1.0 / 3.0);
}

fn measure(env: &TestEnv, name: &str, p50: f64) {
    let measurement = Measurement {
        build: id(name),
        target: "onnxruntime_cpu".to_owned(),
        sequence: None,
        runtime_version: "1.31.1".to_owned(),
        machine: Fingerprint::of_this_machine(),
        samples: json!({ "ms": [p50, p50 * 1.1, 0.1 + 0.2, 5e-324] }),
        created_at: NOW.to_owned(),
        figures: Some(Figures {
            inferences: 3,
            p50_ms: Some(p50),
            ..Figures::default()
        }),
    };
    registry(env).insert_measurement(&measurement).unwrap();
}

/// root ─ child ─ grandchild, with a tag, a remark and a name.
fn lineage(env: &TestEnv, size: usize) {
    make(env, "root", None, size);
    make(env, "child", Some("root"), size + 1);
    make(env, "grandchild", Some("child"), size + 2);
    let mut registry = registry(env);
    registry.tag("release/1", &id("child"), NOW).unwrap();
    registry
        .remark(&id("child"), "quotes \" ' newline\n and 😀", NOW)
        .unwrap();
    registry.rename(&id("root"), Some("the <b>root</b>")).unwrap();
}

/// Everything of a registry that is shared.
fn everything(env: &TestEnv) -> Vec<Shared> {
    let registry = registry(env);
    let mut builds: Vec<Digest> = registry
        .builds()
        .unwrap()
        .into_iter()
        .map(|build| build.facts.id)
        .collect();
    builds.sort();
    builds.iter().map(|id| registry.shared(id).unwrap().unwrap()).collect()
}

/// Every build's files are there and sound, and nothing else is.
fn assert_whole(env: &TestEnv) {
    let objects = Objects::open(&env.path(".mlbuild/objects")).unwrap();
    let referenced = registry(env).referenced_blobs().unwrap();
    for digest in &referenced {
        objects.verify(digest).unwrap();
    }
    let mut there: Vec<String> = fs::read_dir(env.path(".mlbuild/objects"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let expected: Vec<String> = referenced.iter().map(Digest::to_string).collect();
    assert_eq!(there, expected);
}

fn add_s3(env: &TestEnv, name: &str, endpoint: &str) {
    env.run(&[
        "remote",
        "add",
        name,
        "--backend",
        "s3",
        "--bucket",
        s3::BUCKET,
        "--endpoint",
        endpoint,
    ])
    .expect_code(0);
}

fn add_folder(env: &TestEnv, folder: &std::path::Path) {
    env.run(&[
        "remote",
        "add",
        "team",
        "--backend",
        "local",
        "--path",
        folder.to_str().unwrap(),
    ])
    .expect_code(0);
}

fn states(output: &crate::support::env::Output) -> Vec<String> {
    let json = desk::json(output);
    json["builds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|build| {
            format!(
                "{} {}",
                build["name"].as_str().unwrap(),
                build["state"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn remotes_are_added_shown_and_forgotten() {
    let env = empty_desk();
    add_s3(&env, "bucket", "http://localhost:9000");
    add_folder(&env, &env.path(""));
    let shown = env.run(&["remote", "list", "--json"]).expect_code(0);
    let list = &desk::json(&shown)["remotes"];
    assert_eq!(list[0]["name"], "bucket");
    assert_eq!(list[0]["default"], true);
    assert_eq!(list[0]["prefix"], "mlbuild/");
    env.run(&["remote", "set-default", "team"]).expect_code(0);
    let text = env.run(&["remote", "list"]).expect_code(0).stdout;
    assert!(
        text.contains("bucket  s3     s3://models/mlbuild/ at http://localhost:9000\n"),
        "{text}"
    );
    assert!(text.contains("(default)") && text.contains("team    local"), "{text}");
    assert_eq!(desk::json(&env.run(&["remote", "show", "--json"]))["name"], "team");
    assert!(
        env.run(&["remote", "show", "bucket"])
            .expect_code(0)
            .stdout
            .contains("bucket    models")
    );
    env.run(&["remote", "remove", "team"]).expect_code(0);
    assert_eq!(
        desk::json(&env.run(&["remote", "list", "--json"]))["remotes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let again = env.run(&["remote", "remove", "team"]).expect_code(2);
    assert!(again.stderr.contains("no remote `team`"), "{}", again.stderr);
}

#[test]
fn a_remote_takes_no_credentials_and_says_where_they_belong() {
    let env = empty_desk();
    let output = env
        .run(&[
            "remote",
            "add",
            "x",
            "--backend",
            "s3",
            "--bucket",
            "models",
            "--endpoint",
            "https://key:verysecret@host",
        ])
        .expect_code(2);
    assert!(!output.stderr.contains("verysecret"));
    assert!(output.stderr.contains("AWS_SECRET_ACCESS_KEY"), "{}", output.stderr);
    for arguments in [
        &["--backend", "s3"][..],
        &["--backend", "local"],
        &["--backend", "s3", "--bucket", "a/b"],
        &["--backend", "local", "--path", "x", "--prefix", "../up"],
        &["--backend", "s3", "--bucket", "models", "--endpoint", "localhost:9000"],
        &["--backend", "s3", "--bucket", "models", "--path", "x"],
    ] {
        let whole: Vec<&str> = ["remote", "add", "x"].iter().chain(arguments).copied().collect();
        env.run(&whole).expect_code(2);
    }
    assert_eq!(
        desk::json(&env.run(&["remote", "list", "--json"])),
        json!({"schema": 1, "remotes": []})
    );
}

/// What must hold on every backend: a lineage goes and comes back the same, nothing goes twice, what is new is united.
fn round_trip(one: &TestEnv, other: &TestEnv) {
    lineage(one, 50_000);
    let pushed = one.run(&["push", "release/1", "--json"]).expect_code(0);
    assert_eq!(states(&pushed), ["the <b>root</b> new", "child new"]);
    assert_eq!(desk::json(&pushed)["blobs"], 2);
    let pushed = one.run(&["push", "--all", "--json"]).expect_code(0);
    assert_eq!(
        states(&pushed),
        ["the <b>root</b> unchanged", "child unchanged", "grandchild new"]
    );
    assert_eq!(desk::json(&pushed)["blobs"], 1);
    let nothing = one.run(&["push", "--all", "--json"]).expect_code(0);
    assert_eq!(desk::json(&nothing)["blobs"], 0);
    assert!(states(&nothing).iter().all(|state| state.ends_with("unchanged")));

    // By the beginning of its id, with its ancestors.
    let rehearsal = other
        .run(&["pull", id("grandchild").short(), "--dry-run", "--json"])
        .expect_code(0);
    assert_eq!(states(&rehearsal).len(), 3);
    assert!(registry(other).builds().unwrap().is_empty());
    let pulled = other.run(&["pull", id("grandchild").short(), "--json"]).expect_code(0);
    assert_eq!(states(&pulled), ["the <b>root</b> new", "child new", "grandchild new"]);
    assert_eq!(everything(other), everything(one));
    assert_eq!(registry(other).tags(&id("child")).unwrap(), ["release/1"]);
    assert_whole(other);
    let again = other.run(&["pull", "--all", "--json"]).expect_code(0);
    assert_eq!(desk::json(&again)["bytes"], 0);
    assert!(
        states(&again).iter().all(|state| state.ends_with("unchanged")),
        "{:?}",
        states(&again)
    );

    // Both measure, and one remarks: both have all of it in the end.
    measure(one, "child", 2.0);
    measure(other, "child", 3.0);
    registry(other).remark(&id("root"), "theirs", NOW).unwrap();
    let synced = other.run(&["sync", "--json"]).expect_code(0);
    assert_eq!(desk::json(&synced)["pushed"]["blobs"], 0);
    one.run(&["sync"]).expect_code(0);
    other.run(&["sync"]).expect_code(0);
    let mut here = registry(one).measurements(&id("child")).unwrap();
    let mut there = registry(other).measurements(&id("child")).unwrap();
    assert_eq!(here.len(), 3);
    here.sort_by_key(|measurement| measurement.samples.to_string());
    there.sort_by_key(|measurement| measurement.samples.to_string());
    assert_eq!(here, there);
    assert_eq!(registry(one).remarks(&id("root")).unwrap().len(), 1);
    let settled = one.run(&["sync", "--json"]).expect_code(0);
    assert_eq!(
        desk::json(&settled)["pulled"]["builds"][0]["state"],
        "unchanged",
        "{}",
        settled.snapshot()
    );
}

#[test]
fn a_lineage_goes_through_a_folder() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for env in [&one, &other] {
        add_folder(env, shared.path());
    }
    round_trip(&one, &other);
}

#[test]
fn a_lineage_goes_through_both_servers() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let (one, other) = (empty_desk(), empty_desk());
        for env in [&one, &other] {
            add_s3(env, "team", &server.endpoint());
        }
        round_trip(&one, &other);
        let names = server.names();
        assert!(
            names.contains(&format!("mlbuild/builds/{}.json", id("root"))),
            "{names:?}"
        );
        assert!(
            names.contains(&format!("mlbuild/tags/release=1/{}", id("child"))),
            "{names:?}"
        );
    }
}

#[test]
fn a_large_file_goes_in_parts() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let (one, other) = (empty_desk(), empty_desk());
        for env in [&one, &other] {
            add_s3(env, "team", &server.endpoint());
        }
        make(&one, "large", None, 40_000_001);
        one.run(&["push", "--all"]).expect_code(0);
        let again = one.run(&["push", "--all", "--json"]).expect_code(0);
        assert_eq!(desk::json(&again)["blobs"], 0, "{kind:?}");
        other.run(&["pull", "--all"]).expect_code(0);
        assert_whole(&other);
        assert_eq!(everything(&other), everything(&one));
    }
}

#[test]
fn a_tag_of_two_builds_is_reported_and_not_moved() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for (env, name) in [(&one, "mine"), (&other, "theirs")] {
        add_folder(env, shared.path());
        make(env, name, None, 1000);
        registry(env).tag("production", &id(name), NOW).unwrap();
    }
    one.run(&["push", "--all"]).expect_code(0);
    let refused = other.run(&["push", "--all"]).expect_code(2);
    assert!(
        refused.stderr.contains("the tag `production` names"),
        "{}",
        refused.stderr
    );
    let refused = other.run(&["pull", "--all", "--json"]).expect_code(2);
    assert_eq!(desk::json(&refused)["conflicts"][0]["tag"], "production");
    assert_eq!(registry(&other).tags(&id("theirs")).unwrap(), ["production"]);
    let diverged = other.run(&["sync", "--mode", "reconcile"]).expect_code(2);
    assert!(
        diverged.stderr.contains("contradict each other in 1 place"),
        "{}",
        diverged.stderr
    );
    other.run(&["push", "--all", "--force"]).expect_code(0);
    let moved = one.run(&["pull", "--all"]).expect_code(2);
    assert!(moved.stderr.contains("pull --force"), "{}", moved.stderr);
    one.run(&["pull", "--all", "--force"]).expect_code(0);
    assert_eq!(registry(&one).tags(&id("theirs")).unwrap(), ["production"]);
}

#[test]
fn mirrors_make_one_side_as_the_other_and_only_when_forced() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for env in [&one, &other] {
        add_folder(env, shared.path());
    }
    make(&one, "kept", None, 1000);
    make(&one, "old", None, 1000);
    one.run(&["push", "--all"]).expect_code(0);
    other.run(&["pull", "--all"]).expect_code(0);
    registry(&one).remove(&[id("old")], NOW).unwrap();
    // Removed here is not asked for again, and said.
    let skipped = one.run(&["pull", "--all", "--json"]).expect_code(0);
    assert!(states(&skipped).contains(&"old skipped".to_owned()));
    let refused = one.run(&["sync", "--mode", "mirror-local"]).expect_code(2);
    assert!(
        refused.stderr.contains("1 build of the remote would be taken away"),
        "{}",
        refused.stderr
    );
    one.run(&["sync", "--mode", "mirror-local", "--dry-run"]).expect_code(0);
    one.run(&["sync", "--mode", "mirror-local", "--force"]).expect_code(0);
    let mine = make_only_here(&other);
    other.run(&["sync", "--mode", "mirror-remote"]).expect_code(2);
    other
        .run(&["sync", "--mode", "mirror-remote", "--force"])
        .expect_code(0);
    let names: Vec<String> = registry(&other)
        .builds()
        .unwrap()
        .into_iter()
        .map(|build| build.facts.model)
        .collect();
    assert_eq!(names, ["kept"]);
    // Hidden, not lost.
    assert!(registry(&other).has_build(&mine).unwrap());
    for arguments in [
        &["sync", "--force"][..],
        &["sync", "--mode", "mirror-local", "--pull-only"],
        &["sync", "--mode", "mirror-remote", "--push-only"],
        &["sync", "--push-only", "--pull-only"],
    ] {
        one.run(arguments).expect_code(2);
    }
}

fn make_only_here(env: &TestEnv) -> Digest {
    make(env, "only here", None, 1000);
    id("only here")
}

#[test]
fn what_is_meant_must_be_clear() {
    let shared = tempfile::tempdir().unwrap();
    let env = empty_desk();
    let none = env.run(&["push", "--all"]).expect_code(2);
    assert!(none.stderr.contains("mlbuild remote add"), "{}", none.stderr);
    add_folder(&env, shared.path());
    lineage(&env, 1000);
    env.run(&["push"]).expect_code(2);
    let unknown = env.run(&["push", "relase/1"]).expect_code(2);
    assert!(
        unknown.stderr.contains("did you mean `release/1`?"),
        "{}",
        unknown.stderr
    );
    env.run(&["push", "--all"]).expect_code(0);
    let unknown = env.run(&["pull", "relase/1"]).expect_code(2);
    assert!(
        unknown.stderr.contains("did you mean `release/1`?"),
        "{}",
        unknown.stderr
    );
    let tagged = env.run(&["push", "--tag", "release/1", "--json"]).expect_code(0);
    assert_eq!(states(&tagged).len(), 2);
}

#[test]
fn damaged_objects_are_named_never_kept_and_replaced_by_a_push() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let (one, other) = (empty_desk(), empty_desk());
        for env in [&one, &other] {
            add_s3(env, "team", &server.endpoint());
        }
        lineage(&one, 50_000);
        one.run(&["push", "--all"]).expect_code(0);
        let blob = Digest::of(&content("child", 50_001));
        let name = format!("mlbuild/objects/{blob}");
        let mut same_size = content("child", 50_001);
        same_size[777] ^= 1;
        for (bytes, says) in [
            (same_size, "its content has the digest"),
            (content("child", 30_000), "it has 30000 of its 50001 bytes"),
            (content("child", 60_000), "more than its 50001 bytes"),
        ] {
            server.overwrite(&name, &bytes);
            let refused = other.run(&["pull", "--all"]).expect_code(2);
            assert!(
                refused.stderr.contains(&format!("objects/{blob}")),
                "{kind:?} {}",
                refused.stderr
            );
            assert!(refused.stderr.contains(says), "{kind:?} {}", refused.stderr);
            assert!(refused.stderr.contains("push --force"), "{kind:?} {}", refused.stderr);
            // Its parent came, it and its child did not.
            assert!(registry(&other).has_build(&id("root")).unwrap());
            assert!(!registry(&other).has_build(&id("child")).unwrap());
            assert!(!registry(&other).has_build(&id("grandchild")).unwrap());
            assert!(!env_has_blob(&other, &blob));
        }
        one.run(&["push", "child", "--force"]).expect_code(0);
        other.run(&["pull", "--all"]).expect_code(0);
        assert_eq!(everything(&other), everything(&one), "{kind:?}");
        assert_whole(&other);
    }
}

fn env_has_blob(env: &TestEnv, digest: &Digest) -> bool {
    Objects::open(&env.path(".mlbuild/objects"))
        .unwrap()
        .path(digest)
        .is_some()
}

#[test]
fn records_that_cannot_be_used_are_named() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for env in [&one, &other] {
        add_folder(env, shared.path());
    }
    make(&one, "good", None, 1000);
    make(&one, "bad", None, 1000);
    one.run(&["push", "--all"]).expect_code(0);
    let record = shared.path().join(format!("mlbuild/builds/{}.json", id("bad")));
    let text = fs::read_to_string(&record).unwrap();
    for (changed, says) in [
        (
            text.replace("{\"version\":1", "{\"version\":9"),
            "it has version 9, this mlbuild reads up to 1",
        ),
        (
            text.replace("\"model.onnx\"", "\"../../../x\""),
            "not a plain relative path",
        ),
        ("{}".to_owned(), "no record of a build"),
        (
            text.replace(&id("bad").to_string(), &id("good").to_string()),
            "it is about the build",
        ),
    ] {
        fs::write(&record, changed).unwrap();
        let refused = other.run(&["pull", "--all"]).expect_code(2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        assert!(registry(&other).has_build(&id("good")).unwrap());
        assert!(!registry(&other).has_build(&id("bad")).unwrap());
    }
    one.run(&["push", "bad", "--force"]).expect_code(0);
    other.run(&["pull", "--all"]).expect_code(0);
    // The same id with other files is a contradiction, not an update.
    fs::write(&record, text.replace("\"fp32\"", "\"fp16\"")).unwrap();
    for command in ["push", "pull"] {
        let refused = other.run(&[command, "--all"]).expect_code(2);
        assert!(refused.stderr.contains("they differ in recipe"), "{}", refused.stderr);
    }
    other.run(&["pull", "--all", "--force"]).expect_code(0);
    assert_eq!(
        registry(&other).shared(&id("bad")).unwrap().unwrap().facts.recipe,
        "fp16"
    );
}

#[test]
fn a_file_that_is_damaged_here_does_not_go() {
    let shared = tempfile::tempdir().unwrap();
    let env = empty_desk();
    add_folder(&env, shared.path());
    lineage(&env, 50_000);
    let path = env.path(&format!(".mlbuild/objects/{}", Digest::of(&content("child", 50_001))));
    fs::remove_file(&path).unwrap();
    fs::write(&path, content("other", 50_001)).unwrap();
    let refused = env.run(&["push", "--all", "--json"]).expect_code(2);
    assert_eq!(
        states(&refused),
        ["the <b>root</b> new", "child failed", "grandchild failed"]
    );
    assert!(
        !shared
            .path()
            .join(format!("mlbuild/builds/{}.json", id("child")))
            .exists()
    );
    fs::remove_file(&path).unwrap();
    let refused = env.run(&["push", "--all"]).expect_code(2);
    assert!(refused.stderr.contains("no object"), "{}", refused.stderr);
}

#[test]
fn troubles_of_the_server_are_told_without_the_key() {
    let Some(server) = Server::start(Kind::S3sFs) else {
        return;
    };
    let mut env = empty_desk();
    add_s3(&env, "team", &server.endpoint());
    make(&env, "root", None, 1000);
    let told = |env: &TestEnv, says: &str| {
        let output = env.run(&["push", "--all"]).expect_code(2);
        assert!(output.stderr.contains(says), "{}", output.stderr);
        assert!(output.stderr.contains("hint:"), "{}", output.stderr);
        for secret in [s3::SECRET, "wrongwrongwrong", s3::KEY_ID, "AKIAWRONGWRONGWRONG"] {
            assert!(!output.stderr.contains(secret), "{}", output.stderr);
        }
    };
    env.variable("AWS_SECRET_ACCESS_KEY", "wrongwrongwrong");
    told(&env, "SignatureDoesNotMatch");
    env.variable("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONGWRONG");
    told(&env, "status 403");
    s3::with_keys(&mut env);
    env.run(&[
        "remote",
        "add",
        "no-bucket",
        "--backend",
        "s3",
        "--bucket",
        "none",
        "--endpoint",
        &server.endpoint(),
        "--default",
    ])
    .expect_code(0);
    told(&env, "there is no such bucket: none");
    // Nobody listens there.
    env.run(&[
        "remote",
        "add",
        "nobody",
        "--backend",
        "s3",
        "--bucket",
        "none",
        "--endpoint",
        "http://127.0.0.1:1",
        "--default",
    ])
    .expect_code(0);
    told(&env, "cannot reach none at http://127.0.0.1:1");
    env.run(&[
        "remote",
        "add",
        "no-folder",
        "--backend",
        "local",
        "--path",
        "not/here",
        "--default",
    ])
    .expect_code(0);
    told(&env, "there is no folder");
    let mut stranger = empty_desk();
    add_s3(&stranger, "team", &server.endpoint());
    stranger.variable("AWS_ACCESS_KEY_ID", "");
    stranger.variable("AWS_SECRET_ACCESS_KEY", "");
    stranger.variable("AWS_EC2_METADATA_DISABLED", "true");
    let output = stranger.run(&["pull", "--all"]).expect_code(2);
    assert!(
        output.stderr.contains("no credentials for models at"),
        "{}",
        output.stderr
    );
    // The same keys out of a profile.
    stranger.variable("AWS_PROFILE", "team");
    fs::create_dir(stranger.home().join(".aws")).unwrap();
    let profile = format!(
        "[team]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        s3::KEY_ID,
        s3::SECRET
    );
    fs::write(stranger.home().join(".aws/credentials"), profile).unwrap();
    stranger.run(&["pull", "--all"]).expect_code(0);
    // What a registry keeps of a remote has no key in it.
    for name in stranger.tree().into_keys().filter(|name| stranger.path(name).is_file()) {
        let bytes = fs::read(stranger.path(&name)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(s3::SECRET) && !text.contains(s3::KEY_ID), "{name}");
    }
}

#[test]
fn a_client_killed_while_it_pushes_loses_nothing() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let (one, other) = (empty_desk(), empty_desk());
        lineage(&one, 6_000_000);
        let before = everything(&one);
        // Once within the first file, once behind it.
        for limit in [2_000_000, 13_000_000] {
            let between = Between::new(&server, Way::Up, limit);
            let name = format!("slow-{limit}");
            add_s3(&one, &name, &between.endpoint());
            let mut pushing = one
                .command("", &["push", "--all", "--remote", &name])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            between.wait();
            pushing.kill().unwrap();
            pushing.wait().unwrap();
            between.cut();
            assert_eq!(everything(&one), before);
            // No record before everything that it refers to.
            let names = server.names();
            let has = |name: String| names.iter().any(|there| *there == format!("mlbuild/{name}"));
            for (number, name) in ["root", "child", "grandchild"].iter().enumerate() {
                if has(format!("builds/{}.json", id(name))) {
                    let blob = Digest::of(&content(name, 6_000_000 + number));
                    assert!(has(format!("objects/{blob}")), "{kind:?}: {names:?}");
                    let parent = number.checked_sub(1).map(|parent| ["root", "child"][parent]);
                    assert!(
                        parent.is_none_or(|parent| has(format!("builds/{}.json", id(parent)))),
                        "{kind:?}"
                    );
                }
            }
            assert!(!has(format!("builds/{}.json", id("grandchild"))), "{kind:?}");
        }
        for env in [&one, &other] {
            add_s3(env, "team", &server.endpoint());
        }
        one.run(&["push", "--all", "--remote", "team"]).expect_code(0);
        other.run(&["pull", "--all"]).expect_code(0);
        assert_eq!(everything(&other), before, "{kind:?}");
        assert_whole(&other);
    }
}

#[test]
fn a_client_killed_while_it_pulls_goes_on_where_it_stopped() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let (one, other) = (empty_desk(), empty_desk());
        make(&one, "large", None, 30_000_000);
        add_s3(&one, "team", &server.endpoint());
        one.run(&["push", "--all"]).expect_code(0);
        let between = Between::new(&server, Way::Down, 20_000_000);
        add_s3(&other, "slow", &between.endpoint());
        let mut pulling = other
            .command("", &["pull", "--all"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        between.wait();
        pulling.kill().unwrap();
        pulling.wait().unwrap();
        between.cut();
        assert!(registry(&other).builds().unwrap().is_empty());
        let part = other.path(&format!(
            ".mlbuild/objects/.mlbuild-part-{}",
            Digest::of(&content("large", 30_000_000))
        ));
        let arrived = fs::metadata(&part).unwrap().len();
        assert!(arrived > 1_000_000, "{kind:?}: {arrived}");
        let counting = Between::counting(&server, Way::Down);
        add_s3(&other, "rest", &counting.endpoint());
        other.run(&["pull", "--all", "--remote", "rest"]).expect_code(0);
        assert!(
            counting.passed() < 30_000_000 - arrived + 100_000,
            "{kind:?}: {} came again",
            counting.passed()
        );
        assert_eq!(everything(&other), everything(&one), "{kind:?}");
        assert_whole(&other);
    }
}

#[test]
fn what_arrived_of_another_content_is_not_trusted() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for env in [&one, &other] {
        add_folder(env, shared.path());
    }
    make(&one, "root", None, 50_000);
    one.run(&["push", "--all"]).expect_code(0);
    let part = format!(
        ".mlbuild/objects/.mlbuild-part-{}",
        Digest::of(&content("root", 50_000))
    );
    for size in [100, 50_000, 70_000] {
        let desk = empty_desk();
        add_folder(&desk, shared.path());
        desk.write(&part, content("something else", size));
        desk.run(&["pull", "--all"]).expect_code(0);
        assert_whole(&desk);
    }
}

#[test]
fn a_server_killed_while_it_takes_and_gives_loses_nothing() {
    let Some(mut server) = Server::start(Kind::S3sFs) else {
        return;
    };
    let (one, other) = (empty_desk(), empty_desk());
    lineage(&one, 6_000_000);
    for env in [&one, &other] {
        add_s3(env, "team", &server.endpoint());
    }
    for (env, command, way) in [(&one, "push", Way::Up), (&other, "pull", Way::Down)] {
        let between = Between::new(&server, way, 9_000_000);
        add_s3(env, "slow", &between.endpoint());
        let running = env
            .command("", &[command, "--all", "--remote", "slow"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        between.wait();
        server.kill();
        between.cut();
        let output = running.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {stderr}");
        assert!(
            stderr.contains("cannot reach models at") && stderr.contains("run again"),
            "{command}: {stderr}"
        );
        server.restart();
        env.run(&[command, "--all", "--remote", "team"]).expect_code(0);
    }
    assert_eq!(everything(&other), everything(&one));
    assert_whole(&other);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_a_pull_and_nothing_is_half_there() {
    let shared = tempfile::tempdir().unwrap();
    let (one, other) = (empty_desk(), empty_desk());
    for env in [&one, &other] {
        add_folder(env, shared.path());
    }
    make(&one, "small", None, 1000);
    make(&one, "large", None, 5_000_000);
    one.run(&["push", "--all"]).expect_code(0);
    // No file of more than 2 MB, for this process and its children.
    let mut limited = std::process::Command::new("sh");
    let pull = other.command("", &["pull", "--all"]);
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\""])
        .arg(pull.get_program())
        .args(pull.get_args())
        .current_dir(other.path(""))
        .env_clear()
        .envs(pull.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("hint: the disk, a quota or a limit is full"),
        "{stderr}"
    );
    assert!(!registry(&other).has_build(&id("large")).unwrap());
    other.run(&["pull", "--all"]).expect_code(0);
    assert_eq!(everything(&other), everything(&one));
    assert_whole(&other);
}

/// Several desks with a lineage in common push at once, each with measurements of its own; all of them are there in the end.
fn all_at_once(desks: &[TestEnv], last: &TestEnv) {
    for (number, env) in desks.iter().enumerate() {
        lineage(env, 20_000);
        measure(env, "root", 10.0 + number as f64);
        make(env, &format!("own {number}"), Some("child"), 3000);
    }
    let running: Vec<_> = desks
        .iter()
        .map(|env| {
            let mut command = env.command("", &["push", "--all"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    last.run(&["pull", "--all"]).expect_code(0);
    let registry = registry(last);
    assert_eq!(registry.builds().unwrap().len(), 3 + desks.len());
    assert_eq!(registry.measurements(&id("root")).unwrap().len(), 1 + desks.len());
    assert_whole(last);
}

#[test]
fn pushers_at_once_lose_nothing_in_a_folder() {
    let shared = tempfile::tempdir().unwrap();
    let desks: Vec<TestEnv> = (0..5).map(|_| empty_desk()).collect();
    let last = empty_desk();
    for env in desks.iter().chain([&last]) {
        add_folder(env, shared.path());
    }
    all_at_once(&desks, &last);
}

#[test]
fn pushers_at_once_lose_nothing_on_a_server_that_knows_conditions() {
    let Some(server) = Server::start(Kind::Moto) else {
        return;
    };
    let desks: Vec<TestEnv> = (0..4).map(|_| empty_desk()).collect();
    let last = empty_desk();
    for env in desks.iter().chain([&last]) {
        add_s3(env, "team", &server.endpoint());
    }
    all_at_once(&desks, &last);
}

/// Without conditions a server can lose what two pushers write of one build in the same instant; the next push of either brings it back.
#[test]
fn pushers_at_once_settle_on_a_server_that_ignores_conditions() {
    let Some(server) = Server::start(Kind::S3sFs) else {
        return;
    };
    let desks: Vec<TestEnv> = (0..2).map(|_| empty_desk()).collect();
    let last = empty_desk();
    for env in desks.iter().chain([&last]) {
        add_s3(env, "team", &server.endpoint());
    }
    for (number, env) in desks.iter().enumerate() {
        lineage(env, 20_000);
        measure(env, "root", 10.0 + number as f64);
    }
    let running: Vec<_> = desks
        .iter()
        .map(|env| {
            env.command("", &["push", "--all"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    for env in &desks {
        env.run(&["push", "--all"]).expect_code(0);
    }
    last.run(&["pull", "--all"]).expect_code(0);
    assert_eq!(registry(&last).measurements(&id("root")).unwrap().len(), 3);
}
