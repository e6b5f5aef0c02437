//! What the Action itself costs where there is nothing to measure: a measurement, not a test (docs/benchmarks.md has its figures).

use std::path::PathBuf;
use std::process::Command;

use super::MODEL_PATH;
use super::Repository;
use super::touched;

/// How often it is measured.
const TIMES: usize = 20;

/// Wall, user and system seconds of one gate over a pull request that touches no model.
fn cost(repository: &Repository, program: &PathBuf) -> [f64; 3] {
    let proposed = repository.propose(&[("README.md", b"words")]);
    let job = repository.gate(&proposed);
    let step = job.step(&["action"]);
    let output = Command::new("bash")
        .args(["-c", "TIMEFORMAT='%R %U %S'; time \"$@\"", "bash"])
        .arg(program)
        .arg("action")
        .current_dir(step.get_current_dir().unwrap())
        .env_clear()
        .envs(step.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap();
    let times = String::from_utf8_lossy(&output.stderr).into_owned();
    job.after(output).expect("skipped", 0);
    let seconds: Vec<f64> = times
        .lines()
        .last()
        .unwrap()
        .split(' ')
        .map(|text| text.parse().unwrap())
        .collect();
    seconds.try_into().unwrap()
}

#[test]
#[ignore = "a measurement: cargo test --release --test it action::overhead -- --ignored --nocapture"]
fn of_a_pull_request_that_touches_no_model() {
    let program = std::env::var_os("MLBUILD_OVERHEAD_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_mlbuild")), PathBuf::from);
    let repository = Repository::of_committed_model();
    repository.refresh();
    let before = repository.fake.log().len();
    let costs: Vec<[f64; 3]> = (0..TIMES).map(|_| cost(&repository, &program)).collect();
    let requests = (repository.fake.log().len() - before) / TIMES;
    eprintln!("{}: {TIMES} runs of {requests} requests", program.display());
    for (place, name) in ["wall", "user", "system"].into_iter().enumerate() {
        let mut seconds: Vec<f64> = costs.iter().map(|cost| cost[place]).collect();
        seconds.sort_by(f64::total_cmp);
        eprintln!(
            "{name:>6}: median {:.3} s, {:.3} to {:.3}",
            seconds[TIMES / 2],
            seconds[0],
            seconds[TIMES - 1]
        );
    }
}

#[test]
fn a_comparison_and_a_pull_request_that_touches_no_model_take_under_15_requests() {
    let repository = Repository::of_committed_model();
    repository.refresh();
    for (path, bytes, result) in [
        (MODEL_PATH, touched(), "pass"),
        ("README.md", b"words".to_vec(), "skipped"),
    ] {
        let proposed = repository.propose(&[(path, &bytes)]);
        // The first run writes the comment, the second one finds it.
        for _ in 0..2 {
            let before = repository.fake.log().len();
            repository.gate(&proposed).run().expect(result, 0);
            let log = repository.fake.log().split_off(before);
            let calls: Vec<String> = log
                .iter()
                .map(|logged| format!("{} {} {}", logged.origin, logged.method, logged.path))
                .collect();
            assert!(
                calls.len() < 15,
                "{result}: {} requests:\n{}",
                calls.len(),
                calls.join("\n")
            );
        }
    }
}
