//! Baselines in a bucket at the desk: published by `baseline refresh`, fetched and judged against by `ci`; whatever is wrong with the
//! bucket is an error and never a pass.

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::s3;
use crate::support::s3::Server;

/// A desk whose baselines lie in the server's bucket, with the model so many bytes longer.
fn project(endpoint: &str, longer: usize) -> TestEnv {
    let mut env = desk::empty();
    s3::with_keys(&mut env);
    env.write("model.onnx", desk::padded("digits_mlp.onnx", longer));
    let store = format!(
        "baseline: {{ store: s3, bucket: {}, endpoint: \"{endpoint}\" }}\n",
        s3::BUCKET
    );
    env.write(".mlbuild.yml", desk::config("") + &store);
    env
}

/// The objects of the bucket in this folder of the baselines.
fn in_folder(server: &Server, folder: &str) -> Vec<String> {
    let prefix = format!("mlbuild/baselines/default/{folder}/");
    let names = server.names().into_iter();
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// `ci` on a desk that has nothing but the project must end with 2 and an error as the verdict; returns what it said.
fn refused(endpoint: &str) -> String {
    let env = project(endpoint, 10);
    let output = env.run(&["ci"]).expect_code(2);
    if env.path(".mlbuild/ci_report.json").exists() {
        assert_eq!(verdicts(&report(&env)), ["digits fp32 error"], "{}", output.snapshot());
    }
    let said = output.snapshot();
    assert!(!said.contains("panicked") && !said.contains(s3::SECRET), "{said}");
    said
}

#[test]
fn a_baseline_in_a_bucket_gates_every_desk() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let endpoint = server.endpoint();
        let first = project(&endpoint, 10);
        // None yet: nothing passes for want of one.
        first.run(&["ci", "--fail-on-missing-baseline"]).expect_code(1);
        let written = json(&first.run(&["baseline", "refresh", "--json"]).expect_code(0));
        assert_eq!(in_folder(&server, "manifests").len(), 1, "{written}");
        assert_eq!(in_folder(&server, "objects").len(), 1, "{written}");
        let shown = first.run(&["baseline"]).expect_code(0);
        assert!(shown.stdout.contains("models at"), "{}", shown.snapshot());
        // Nothing changed, so nothing is published again.
        first.run(&["baseline", "refresh"]).expect_code(0);
        assert_eq!(in_folder(&server, "manifests").len(), 1);

        let same = project(&endpoint, 10);
        same.run(&["ci"]).expect_code(0);
        assert_eq!(verdicts(&report(&same)), ["digits fp32 skipped"]);
        let touched = project(&endpoint, 20);
        touched.run(&["ci"]).expect_code(0);
        desk::assert_no_worse(&report(&touched));
        let worse = project(&endpoint, 400_000);
        let output = worse.run(&["ci"]).expect_code(1);
        assert_eq!(verdicts(&report(&worse)), ["digits fp32 regression"]);
        assert_eq!(regressed(&report(&worse)), ["size"]);
        assert!(output.stdout.contains("models at"), "{}", output.snapshot());

        // The next one replaces it for everybody, and hides nothing of it.
        worse.run(&["baseline", "refresh"]).expect_code(0);
        assert_eq!(in_folder(&server, "manifests").len(), 2);
        let accepted = project(&endpoint, 400_000);
        accepted.run(&["ci"]).expect_code(0);
    }
}

#[test]
fn a_bucket_that_is_not_sound_is_an_error_and_no_pass() {
    for kind in s3::BOTH {
        let Some(mut server) = Server::start(kind) else {
            continue;
        };
        let endpoint = server.endpoint();
        let first = project(&endpoint, 20);
        first.run(&["baseline", "refresh"]).expect_code(0);
        let [model] = in_folder(&server, "objects").try_into().unwrap();
        let [manifest] = in_folder(&server, "manifests").try_into().unwrap();

        server.overwrite(&model, b"of the same name, and another content");
        let said = refused(&endpoint);
        assert!(said.contains("hint: "), "{kind:?}: {said}");
        // Made anew it replaces the damaged one.
        first.run(&["baseline", "refresh", "--force"]).expect_code(0);
        let healed = project(&endpoint, 10);
        healed.run(&["ci"]).expect_code(0);

        let newest = in_folder(&server, "manifests").pop().unwrap();
        assert!(newest >= manifest);
        server.overwrite(&newest, b"{}");
        let said = refused(&endpoint);
        assert!(
            said.contains("its content is not what its name says"),
            "{kind:?}: {said}"
        );
        // An older one that is sound must not hide that.
        first.run(&["baseline", "refresh"]).expect_code(2);

        server.kill();
        let said = refused(&endpoint);
        assert!(said.contains("cannot reach"), "{kind:?}: {said}");
        first.run(&["baseline", "refresh"]).expect_code(2);
        first.run(&["baseline", "refresh", "--force"]).expect_code(2);
    }
}

#[test]
fn a_key_that_is_not_right_is_an_error_and_no_pass() {
    // The only one of both that checks keys.
    let Some(server) = Server::start(s3::Kind::S3sFs) else {
        return;
    };
    project(&server.endpoint(), 20)
        .run(&["baseline", "refresh"])
        .expect_code(0);
    let mut env = project(&server.endpoint(), 10);
    env.variable("AWS_SECRET_ACCESS_KEY", "of-somebody-else");
    let output = env.run(&["ci"]).expect_code(2);
    assert!(!output.snapshot().contains("of-somebody-else"), "{}", output.snapshot());
}
