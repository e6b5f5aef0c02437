//! Commands that are killed at any moment, and many at once: nothing that was kept is lost, and nothing stays over.

use std::collections::BTreeSet;
use std::process::Stdio;

use serde_json::Value;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::padded;
use crate::support::env::TestEnv;
use crate::support::killing;
use crate::support::killing::Victim;
use crate::support::s3;
use crate::support::s3::Server;

const IMPORT: [&str; 6] = [
    "import",
    "--target",
    "onnxruntime_cpu",
    "--no-verify",
    "--json",
    "--model",
];

/// A project with so many different small models, `0.onnx` and on.
fn models(count: usize) -> TestEnv {
    let env = empty();
    for number in 0..count {
        env.write(&format!("{number}.onnx"), padded("digits_mlp.onnx", number + 1));
    }
    env
}

fn import(file: &str) -> Vec<&str> {
    [&IMPORT[..], &[file]].concat()
}

#[test]
fn what_is_killed_leaves_a_whole_registry() {
    let env = models(12);
    let pinned = json(&env.run(&import("0.onnx")))["build"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    env.run(&["pin", &pinned]).expect_code(0);
    killing::campaign(&env, killing::kills(40), 5, &mut |round| {
        let file = format!("{}.onnx", round % 11 + 1);
        match round % 8 {
            5 => Victim {
                takes: true,
                ..Victim::new(&["prune", "--keep-last", "2", "--purge", "--force"], 200)
            },
            7 => Victim::new(&["optimize", &pinned, "--pass", "quantize", "--method", "int8"], 3_000),
            _ => Victim::new(&import(&file), 200),
        }
    });
    let left = killing::assert_whole(&env, "at the end");
    assert!(left.contains(&pinned), "a pinned build was pruned");
}

/// Pushes and pulls among everything else, all of them killed at any moment; what arrived on the remote is whole, and another desk gets it.
fn kill_while_sharing(add: &[&str], prepare: impl Fn(&mut TestEnv), count: usize, seed: u64) {
    let mut env = models(10);
    prepare(&mut env);
    env.run(add).expect_code(0);
    let pinned = json(&env.run(&import("0.onnx")))["build"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    env.run(&["pin", &pinned]).expect_code(0);
    env.run(&import("1.onnx")).expect_code(0);
    env.run(&["push", "--all"]).expect_code(0);
    killing::campaign(&env, count, seed, &mut |round| {
        let file = format!("{}.onnx", round % 9 + 1);
        match round % 6 {
            0 | 3 => Victim::new(&["push", "--all"], 150),
            // What is pulled was pruned before, or is here already.
            2 | 5 => Victim::new(&["pull", "--all"], 150),
            4 => Victim {
                takes: true,
                ..Victim::new(&["prune", "--keep-last", "1", "--purge", "--force"], 200)
            },
            _ => Victim::new(&import(&file), 200),
        }
    });
    env.run(&["push", "--all"]).expect_code(0);
    env.run(&["pull", "--all"]).expect_code(0);
    let here = killing::assert_whole(&env, "at the end");
    assert!(here.contains(&pinned), "a pinned build was pruned");
    // Nothing that was ever pushed is lost there, whoever was killed.
    let mut other = empty();
    prepare(&mut other);
    other.run(add).expect_code(0);
    other.run(&["pull", "--all"]).expect_code(0);
    assert_eq!(killing::assert_whole(&other, "another desk"), here);
}

#[test]
fn pushes_and_pulls_that_are_killed_lose_nothing_in_a_folder() {
    let shared = tempfile::tempdir().unwrap();
    let path = shared.path().to_str().unwrap();
    let add = ["remote", "add", "team", "--backend", "local", "--path", path];
    kill_while_sharing(&add, |_| (), killing::kills(36), 11);
}

#[test]
fn pushes_and_pulls_that_are_killed_lose_nothing_on_servers() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let endpoint = server.endpoint();
        let add = [
            "remote",
            "add",
            "team",
            "--backend",
            "s3",
            "--bucket",
            s3::BUCKET,
            "--endpoint",
            &endpoint,
        ];
        kill_while_sharing(&add, s3::with_keys, killing::kills(24), 13);
    }
}

fn at_once(env: &TestEnv, files: &[String]) -> Vec<Value> {
    let children: Vec<_> = files
        .iter()
        .map(|file| {
            env.command("", &import(file))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{stderr}");
            serde_json::from_slice(&output.stdout).unwrap()
        })
        .collect()
}

#[test]
fn eight_at_once_lose_nothing() {
    let env = models(8);
    let files: Vec<String> = (0..8).map(|number| format!("{number}.onnx")).collect();
    let made = at_once(&env, &files);
    assert!(made.iter().all(|made| made["new"] == true), "{made:?}");
    assert_eq!(killing::assert_whole(&env, "eight models").len(), 8);
    // And the same one eight times over: one of them made it.
    let env = models(1);
    let same = vec!["0.onnx".to_owned(); 8];
    let made = at_once(&env, &same);
    assert_eq!(made.iter().filter(|made| made["new"] == true).count(), 1, "{made:?}");
    let ids: BTreeSet<&str> = made.iter().map(|made| made["build"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(killing::assert_whole(&env, "one model").len(), 1);
}
