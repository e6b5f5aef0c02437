//! Baselines in a bucket in place of releases: the same jobs, the same verdicts, and no pass where the bucket cannot be trusted.

use super::BUILT;
use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::SOURCE_PATH;
use super::bloated;
use super::mlp;
use super::touched;
use crate::support::fake_github::events::Trigger;
use crate::support::s3;
use crate::support::s3::Server;

/// A repository whose config names the server's bucket, and whose jobs have its keys.
fn repository(endpoint: &str, config: &str, model: &str) -> Repository {
    let config = format!(
        "{config}baseline: {{ store: s3, bucket: {}, endpoint: \"{endpoint}\" }}\n",
        s3::BUCKET
    );
    let mut repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (model, &mlp())]);
    s3::with_keys(&mut repository.env);
    repository
}

fn in_folder(server: &Server, folder: &str) -> Vec<String> {
    let part = format!("/{folder}/");
    let names = server.names().into_iter();
    names.filter(|name| name.contains(&part)).collect()
}

#[test]
fn a_dispatch_publishes_to_the_bucket_and_pull_requests_are_judged_against_it() {
    for kind in s3::BOTH {
        let Some(server) = Server::start(kind) else { continue };
        let repository = repository(&server.endpoint(), CONFIG, MODEL_PATH);
        let tip = repository.fake.tip("main");
        let first = repository.job(Trigger::Dispatched, &tip).run().expect("pass", 0);
        assert!(repository.releases().is_empty(), "{kind:?}");
        assert_eq!(in_folder(&server, "manifests").len(), 1, "{kind:?}");
        let again = repository.job(Trigger::Dispatched, &tip).run().expect("pass", 0);
        assert_eq!(first.output("baseline"), again.output("baseline"), "{kind:?}");
        assert_eq!(in_folder(&server, "manifests").len(), 1, "{kind:?}");

        let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
        let ran = repository.gate(&proposed).run().expect("pass", 0);
        assert_eq!(ran.output("baseline"), first.output("baseline"), "{kind:?}");
        let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
        let ran = repository.gate(&proposed).run().expect("regression", 1);
        assert_eq!(ran.output("baseline"), first.output("baseline"), "{kind:?}");
        let everything = format!("{}{}{}", ran.log, ran.stderr, ran.summary);
        assert!(!everything.contains(s3::SECRET), "{kind:?}");
    }
}

fn damage(server: &Server) {
    for object in in_folder(server, "objects") {
        server.overwrite(&object, b"of the same name, and another content");
    }
}

#[test]
fn a_bucket_that_is_not_sound_never_passes() {
    for kind in s3::BOTH {
        let Some(mut server) = Server::start(kind) else {
            continue;
        };
        // The model comes from a command, so that nothing but the bucket has the baseline's.
        let repository = repository(&server.endpoint(), BUILT, SOURCE_PATH);
        let tip = repository.fake.tip("main");
        repository.job(Trigger::Dispatched, &tip).run().expect("pass", 0);
        let proposed = repository.propose(&[(SOURCE_PATH, &touched())]);
        repository.gate(&proposed).run().expect("pass", 0);

        damage(&server);
        let ran = repository.gate(&proposed).run().expect("error", 2);
        assert!(ran.summary.contains("is damaged"), "{kind:?}: {ran}");

        server.kill();
        repository.gate(&proposed).run().expect("error", 2);
        let ran = repository.job(Trigger::Dispatched, &tip).run();
        assert_ne!(ran.code, 0, "{kind:?}: {ran}");
    }
}

#[test]
fn where_git_holds_the_model_a_damaged_bucket_is_passed_over_and_said() {
    for kind in s3::BOTH {
        let Some(mut server) = Server::start(kind) else {
            continue;
        };
        let repository = repository(&server.endpoint(), CONFIG, MODEL_PATH);
        let tip = repository.fake.tip("main");
        repository.job(Trigger::Dispatched, &tip).run().expect("pass", 0);
        damage(&server);
        let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
        let ran = repository.gate(&proposed).run().expect("regression", 1);
        assert!(ran.output("baseline").starts_with("the model at "), "{kind:?}: {ran}");
        assert!(ran.log.contains("is damaged"), "{kind:?}: {ran}");
        // One that is not there may have a newer baseline than git's.
        server.kill();
        repository.gate(&proposed).run().expect("error", 2);
    }
}
