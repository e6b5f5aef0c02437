//! What is never judged: shards that are missing, there twice, broken, or of another plan, commit, config or version. Each is named.

use std::fs;

use mlbuild::pipeline::sharding::partial::Partial;

use super::shards;
use crate::support::desk;
use crate::support::env::TestEnv;

const FIRST: &str = ".mlbuild/shard-1-of-2.json";
const SECOND: &str = ".mlbuild/shard-2-of-2.json";

/// A project with two shards, measured.
fn measured() -> TestEnv {
    let env = desk::project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    shards(&env, 2);
    env
}

/// Merges, which must fail, leave no report behind and say `expected`.
#[track_caller]
fn refused(env: &TestEnv, arguments: &[&str], expected: &str) {
    env.write(".mlbuild/ci_report.json", "{\"of\":\"an earlier run\"}");
    let output = env.run(&[&["ci"], arguments].concat()).expect_code(2);
    assert!(
        output.stderr.contains(expected),
        "expected `{expected}` in {}",
        output.stderr
    );
    assert!(output.stdout.is_empty(), "{}", output.stdout);
    assert!(!fs::exists(env.path(".mlbuild/ci_report.json")).unwrap());
}

const MERGE: [&str; 2] = ["--merge", ".mlbuild"];

/// Changes a shard's file as the program itself would have written it.
fn change(env: &TestEnv, name: &str, change: impl FnOnce(&mut Partial)) {
    let path = env.path(name);
    let mut partial = Partial::read(&path).unwrap();
    change(&mut partial);
    partial.plan_digest = partial.plan.digest().unwrap();
    fs::write(&path, partial.to_bytes().unwrap()).unwrap();
}

/// Changes a shard's file as a text.
fn edit(env: &TestEnv, name: &str, from: &str, to: &str) {
    let text = env.read(name);
    assert!(text.contains(from), "no `{from}`");
    env.write(name, text.replacen(from, to, 1));
}

#[test]
fn a_lost_shard_is_an_error_and_not_a_pass() {
    let env = measured();
    env.run(&["ci", "--merge", ".mlbuild", "-q"]).expect_code(0);
    fs::remove_file(env.path(SECOND)).unwrap();
    refused(&env, &MERGE, "shard 2/2 is missing");
    fs::remove_file(env.path(FIRST)).unwrap();
    refused(
        &env,
        &MERGE,
        "no shard was measured: there is no `shard-i-of-N.json` in `.mlbuild`",
    );
    refused(&env, &["--merge", "nowhere"], "cannot read `nowhere`");
}

#[test]
fn a_shard_that_is_there_twice_is_an_error() {
    let env = measured();
    fs::create_dir_all(env.path("elsewhere/artifact")).unwrap();
    fs::copy(env.path(FIRST), env.path("elsewhere/artifact/shard-1-of-2.json")).unwrap();
    refused(
        &env,
        &["--merge", ".mlbuild", "elsewhere"],
        "shard 1 is there 2 times: `.mlbuild/shard-1-of-2.json`, `elsewhere/artifact/shard-1-of-2.json`",
    );
    // One and the same file is there once.
    env.run(&["ci", "-q", "--merge", FIRST, FIRST, SECOND]).expect_code(0);
}

#[test]
fn a_shard_of_something_else_is_named() {
    let env = measured();
    let kept = [env.read(FIRST), env.read(SECOND)];
    let restore = || {
        env.write(FIRST, &kept[0]);
        env.write(SECOND, &kept[1]);
    };
    refused(
        &env,
        &["--merge", ".mlbuild", "--size-regression", "50%"],
        "shard 1/2 (`.mlbuild/shard-1-of-2.json`) was measured with another config or other limits",
    );
    refused(
        &env,
        &["--merge", ".mlbuild", "--commit", "c0ffee"],
        "is of the commit an unknown one, expected c0ffee",
    );
    change(&env, SECOND, |partial| {
        partial.commit = Some("dead\u{1b}[31mbeef".to_owned())
    });
    refused(&env, &MERGE, "shards 1 and 2 are of different commits or runs");
    restore();
    change(&env, SECOND, |partial| partial.run = Some("7".to_owned()));
    refused(&env, &MERGE, "shards 1 and 2 are of different commits or runs");
    restore();
    change(&env, SECOND, |partial| partial.key = "other".to_owned());
    refused(&env, &MERGE, "is of the gate `other`, expected `default`");
    restore();
    change(&env, SECOND, |partial| partial.plan.units[0].seconds += 1.0);
    refused(
        &env,
        &MERGE,
        "shard 2/2 (`.mlbuild/shard-2-of-2.json`) is of another plan than most shards",
    );
    restore();
    change(&env, SECOND, |partial| {
        partial.engines.insert("onnxruntime".to_owned(), "0.0.1".to_owned());
    });
    refused(&env, &MERGE, "and shard 2 ran 0.0.1");
    restore();
    change(&env, SECOND, |partial| {
        let side = partial.comparisons[0].candidate.as_mut().unwrap();
        side.source = mlbuild::digest::Digest::of(b"another");
    });
    refused(
        &env,
        &MERGE,
        "shards 1 and 2 measured different models as the candidate's `digits`",
    );
    restore();
    edit(&env, SECOND, mlbuild::VERSION, "0.0.0");
    refused(
        &env,
        &MERGE,
        &format!(
            "`.mlbuild/shard-2-of-2.json`: mlbuild 0.0.0 measured it, and this is {}",
            mlbuild::VERSION
        ),
    );
    restore();
    // The config's models are not the plan's.
    env.write(".mlbuild.yml", desk::config("    variants: [fp32]\n"));
    refused(&env, &MERGE, "shard 1/2");
}

#[test]
fn a_plan_that_forgot_a_model_is_no_plan_of_the_config() {
    let env = measured();
    for name in [FIRST, SECOND] {
        change(&env, name, |partial| {
            partial.plan.units.retain(|unit| unit.variant == "fp32");
            partial.comparisons.retain(|found| found.key.variant == "fp32");
        });
    }
    refused(&env, &MERGE, "is of a plan that does not name what the config names");
}

#[test]
fn a_broken_or_hostile_file_is_named_and_ends_nothing_else() {
    let env = measured();
    let whole = env.read(SECOND);
    let named = |problem: &str| format!("`.mlbuild/shard-2-of-2.json`: {problem}");
    for length in [0, 1, whole.len() / 2, whole.len() - 2] {
        env.write(SECOND, &whole[..length]);
        refused(&env, &MERGE, &named("it is no shard's file, or only a piece of one"));
    }
    env.write(SECOND, whole.trim_end());
    refused(&env, &MERGE, &named("it was changed after it was written"));
    for (from, to, problem) in [
        (
            "\"schema\":\"mlbuild-shard\"",
            "\"schema\":\"other\"",
            "its schema is `other`",
        ),
        ("\"version\":1", "\"version\":9", "it has version 9"),
        (
            "\"key\":\"default\"",
            "\"key\":\"default\",\"extra\":1",
            "unknown field",
        ),
        (
            "\"key\":\"default\"",
            "\"key\":\"default\",\"key\":\"default\"",
            "duplicate field",
        ),
        (
            "\"restarts\":[{",
            "\"restarts\":[{\"extra\":0,",
            "it was changed after it was written",
        ),
        ("\"load_seconds\":", "\"load_seconds\":-", "loading took -"),
        ("\"shard\":2", "\"shard\":3", "there is no shard 3/2"),
        ("\"in_family\":true", "\"in_family\":false", "stands outside the family"),
    ] {
        assert!(whole.contains(from), "no `{from}`");
        env.write(SECOND, whole.replacen(from, to, 1));
        refused(&env, &MERGE, problem);
    }
    env.write(SECOND, "[".repeat(100_000));
    refused(&env, &MERGE, &named("it is no shard's file, or only a piece of one"));
    let hole = fs::File::create(env.path(SECOND)).unwrap();
    hole.set_len(600_000_000).unwrap();
    refused(&env, &MERGE, "more than the 512000000 that are accepted");
    fs::remove_file(env.path(SECOND)).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(env.path(FIRST), env.path(SECOND)).unwrap();
        refused(&env, &MERGE, "shard 2/2 is missing");
    }
}

#[test]
fn nothing_passes_that_was_not_measured() {
    use mlbuild::pipeline::found::Evidence;
    use mlbuild::verdict::Verdict;
    let env = measured();
    let kept = env.read(SECOND);
    for verdict in [
        Verdict::Pass,
        Verdict::Improvement,
        Verdict::NoBaseline,
        Verdict::Inconclusive,
    ] {
        change(&env, SECOND, |partial| {
            partial.comparisons[0].evidence = Evidence::Settled {
                verdict,
                reason: "trust me".to_owned(),
                hints: Vec::new(),
            };
        });
        refused(
            &env,
            &MERGE,
            &format!("it is `{}` without having been measured", verdict.word()),
        );
        env.write(SECOND, &kept);
    }
    change(&env, SECOND, |partial| partial.comparisons.clear());
    refused(&env, &MERGE, "it lacks `digits · onnxruntime_cpu · ");
    env.write(SECOND, &kept);
    let first = Partial::read(&env.path(FIRST)).unwrap();
    change(&env, SECOND, |partial| partial.comparisons = first.comparisons);
    refused(&env, &MERGE, "is not this shard's");
}

#[test]
fn a_shard_that_fails_leaves_no_file_of_an_earlier_run() {
    let env = measured();
    assert!(fs::exists(env.path(FIRST)).unwrap());
    // The plan is of something else, so that nothing is measured.
    env.run(&[
        "plan",
        "--shards",
        "2",
        "--size-regression",
        "50%",
        "--out",
        "plan.json",
    ])
    .expect_code(0);
    env.run(&["ci", "--shard", "1/2", "--plan", "plan.json"]).expect_code(2);
    assert!(!fs::exists(env.path(FIRST)).unwrap());
    assert!(fs::exists(env.path(SECOND)).unwrap());
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let env = measured();
    for arguments in [
        &["--shard", "1/2", "--model", "digits"][..],
        &["--shard", "1/2", "--target", "onnxruntime_cpu"],
        &["--shard", "1/2", "--merge", "x"],
        &["--merge", "x", "--baseline", "y"],
        &["--plan", "plan.json"],
        &["--output", "x.json"],
        &["--shard", "3/2"],
        &["--shard", "two"],
        &["--shard", "1/257"],
        &["--merge"],
    ] {
        env.run(&[&["ci"], arguments].concat()).expect_code(2);
    }
    for shards in ["0", "257", "-1", "x"] {
        env.run(&["plan", "--shards", shards]).expect_code(2);
    }
}
