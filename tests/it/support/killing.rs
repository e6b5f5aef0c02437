//! Killing commands at random moments, and looking whether anything was lost.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use mlbuild::pipeline::upkeep;
use mlbuild::pipeline::workspace::Workspace;
use mlbuild::registry::Registry;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use super::env::TestEnv;

/// Processes that `parent` has started, whichever of its threads did.
#[cfg(target_os = "linux")]
pub fn children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// A command of a campaign.
pub struct Victim {
    /// What is typed.
    pub arguments: Vec<String>,
    /// It is killed after 0 to so many milliseconds.
    pub within_ms: u64,
    /// It may take builds away.
    pub takes: bool,
}

impl Victim {
    /// One that takes nothing away.
    pub fn new(arguments: &[&str], within_ms: u64) -> Self {
        Self {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            within_ms,
            takes: false,
        }
    }
}

/// So many kills: `usual`, or as many as `MLBUILD_KILLS` says.
pub fn kills(usual: usize) -> usize {
    std::env::var("MLBUILD_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// Starts and kills `count` commands, one after the other; after each, everything that was in the registry before is there and whole, and a
/// repair leaves nothing over. Returns how many ended before they were killed.
pub fn campaign(env: &TestEnv, count: usize, seed: u64, next: &mut dyn FnMut(usize) -> Victim) -> usize {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut ended = 0;
    let mut known = BTreeSet::new();
    for round in 0..count {
        let victim = next(round);
        let arguments: Vec<&str> = victim.arguments.iter().map(String::as_str).collect();
        let mut child = env
            .command("", &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(random.random_range(0..=victim.within_ms)));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "round {round}: {arguments:?}: {status}");
                ended += 1;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        let now = assert_whole(env, &format!("round {round}, after {arguments:?}"));
        if !victim.takes {
            let lost: Vec<&String> = known.difference(&now).collect();
            assert!(lost.is_empty(), "round {round}: {arguments:?} lost {lost:?}");
        }
        known = now;
    }
    ended
}

/// The registry opens and is sound, every build has its files with the right content, and after a repair nothing is left over. Returns the ids of
/// all builds.
pub fn assert_whole(env: &TestEnv, when: &str) -> BTreeSet<String> {
    let workspace = Workspace::open(&env.path("")).unwrap();
    if !workspace.registry_path().exists() {
        return BTreeSet::new();
    }
    let examine = |expected: &str| {
        let found = upkeep::examine(&workspace, None, true, &mut |_, _| {}).unwrap();
        assert!(found.faults.is_empty(), "{when}, {expected}: {:?}", found.faults);
        assert_eq!(found.unusable, None, "{when}, {expected}");
        assert!(found.broken.is_empty(), "{when}, {expected}: {:?}", found.broken);
        found
    };
    examine("before a repair");
    let repair = upkeep::repair(&workspace, None, "test").unwrap();
    assert!(repair.left.is_empty(), "{when}: {:?}", repair.left);
    let found = examine("after a repair");
    assert!(found.orphans.is_empty(), "{when}: {:?}", found.orphans);
    assert_eq!(found.leftovers, 0, "{when}");
    let registry = Registry::open(&workspace.registry_path()).unwrap();
    let builds = registry.every_build().unwrap();
    builds.into_iter().map(|build| build.facts.id.to_string()).collect()
}
