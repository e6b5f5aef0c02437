//! Which commit is meant, whatever is pushed between comment and run.

use mlbuild::bot::listen::Heard;

use super::GATE;
use super::Scene;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;

/// A push to the pull request.
fn push(scene: &Scene) -> mlbuild::github::CommitSha {
    let head = scene
        .fake
        .commit(&[&scene.fake.tip("main")], &[("models/a.onnx", b"evil")]);
    scene
        .fake
        .edit(|state| state.pulls.get_mut(&scene.pull).unwrap().head_sha = head.to_string());
    head
}

fn refused(scene: &Scene, comment: u64) -> String {
    let heard = scene.hear(comment);
    assert!(matches!(heard, Heard::Answered { done: false, .. }), "{heard:?}");
    assert_eq!(scene.fake.signs(comment), ["eyes", "-1"]);
    scene.reply(comment)
}

#[test]
fn a_commit_pushed_after_the_comment_is_not_meant() {
    let scene = Scene::judged("failed");
    for command in ["/mlbuild run", "/mlbuild accept it is fine", "/mlbuild profile"] {
        let comment = scene.write(&scene.maintainer, command);
        let head = push(&scene);
        let reply = refused(&scene, comment);
        assert!(reply.contains(&format!("--sha {head}")), "{reply}");
        // Its own gate began after the comment.
        scene.judge(&head, GATE + comment, "failed");
        let late = scene.write(&scene.maintainer, "words");
        assert!(late > comment);
        scene.fake.edit(|state| state.reactions.clear());
        assert!(refused(&scene, comment).contains("after you wrote"));
    }
    assert!(scene.fake.edit(|state| {
        state
            .checks
            .iter()
            .all(|check| check.conclusion.as_deref() == Some("failure"))
    }));
}

#[test]
fn a_commit_that_another_pull_request_showed_before_is_not_meant() {
    let scene = Scene::judged("failed");
    let head = scene.fake.commit(&[&scene.head], &[("models/a.onnx", b"evil")]);
    // Judged for another pull request, well before the comment.
    scene.judge(&head, GATE + 1, "passed");
    scene.fake.edit(|state| {
        let check = state.checks.last_mut().unwrap();
        check.external_id = format!("v1:{}:default:{}.1", scene.pull + 999, GATE + 1);
        state.comments.pop();
    });
    let comment = scene.write(&scene.maintainer, "/mlbuild run");
    scene
        .fake
        .edit(|state| state.pulls.get_mut(&scene.pull).unwrap().head_sha = head.to_string());
    assert!(refused(&scene, comment).contains("nothing proves"));
}

#[test]
fn a_commit_that_went_and_came_back_is_not_meant() {
    let scene = Scene::judged("failed");
    let first = scene.head.clone();
    let second = push(&scene);
    scene.judge(&second, GATE + 1, "passed");
    let comment = scene.write(&scene.maintainer, "/mlbuild accept it is fine");
    scene
        .fake
        .edit(|state| state.pulls.get_mut(&scene.pull).unwrap().head_sha = first.to_string());
    assert!(refused(&scene, comment).contains("another commit"));
}

#[test]
fn a_commit_named_in_full_is_meant_and_no_other() {
    let scene = Scene::judged("failed");
    let head = push(&scene);
    let (_, heard) = scene.say(&format!("/mlbuild run --sha {head}"));
    assert!(matches!(&heard, Heard::Work(plan) if plan.head == head), "{heard:?}");
    let comment = scene.write(&scene.maintainer, &format!("/mlbuild run --sha {}", scene.head));
    assert!(refused(&scene, comment).contains("the comment names"));
}

#[test]
fn a_comment_that_changed_before_it_was_heard_is_no_command() {
    let scene = Scene::judged("failed");
    let comment = scene.write(&scene.maintainer, "/mlbuild run");
    let said = scene.event(comment, "created");
    scene.fake.edit(|state| {
        let written = state.comments.iter_mut().find(|known| known.id == comment).unwrap();
        written.body = "/mlbuild accept it is fine".to_owned();
    });
    let heard = scene.hear_as(&said, super::RUN);
    assert!(matches!(heard, Heard::Answered { done: false, .. }), "{heard:?}");
    assert!(scene.reply(comment).contains("was changed"));
    assert_eq!(scene.conclusion(), "failure");
    // One that was deleted is nothing at all.
    let comment = scene.write(&scene.maintainer, "/mlbuild run");
    let said = scene.event(comment, "created");
    scene.fake.fault(Fault::at(
        "GET",
        "/permission",
        Trouble::meanwhile(move |state| {
            state.comments.retain(|known| known.id != comment);
        }),
    ));
    super::is_ignored(&scene.hear_as(&said, super::RUN), "deleted");
}
