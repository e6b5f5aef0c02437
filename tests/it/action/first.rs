//! Before there is any baseline release: the file at the base commit, or nothing to compare with.

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::touched;

#[test]
fn the_first_pull_request_is_compared_with_the_file_at_its_base() {
    let repository = Repository::of_committed_model();
    let base = repository.fake.tip("main");
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);

    let check = repository.check();
    assert_eq!(check.name, "mlbuild / default");
    assert_eq!(check.head_sha, proposed.head.as_str());
    assert_eq!(check.conclusion.as_deref(), Some("success"));
    let comment = repository.comment();
    assert_eq!(comment.pull, proposed.pull);
    assert!(comment.body.contains("`models/digits.onnx` at "), "{}", comment.body);
    assert!(ran.output("comment-url").ends_with(&comment.id.to_string()), "{ran}");
    assert!(ran.output("check-url").ends_with(&check.id.to_string()), "{ran}");
    assert!(ran.output("baseline").contains(base.short()), "{ran}");
    println!("{ran}\n=====\n{}", comment.body);
    for logged in repository.fake.log() {
        println!("{} {} {:?}", logged.method, logged.path, logged.status);
    }
    panic!();
}

#[test]
fn a_first_pull_request_may_fail() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"), "{ran}");
}
