//! Acceptances: recorded, shown, believed while everything that makes one still holds, and not a moment longer.

use jiff::Timestamp;
use mlbuild::bot::accept;
use mlbuild::bot::listen::Heard;
use mlbuild::github::CommitSha;
use mlbuild::verdict::Acceptance;

use super::GATE;
use super::Scene;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::User;

/// The fake's clock starts with 2026.
fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn standing_at(scene: &Scene, head: &CommitSha, time: &str) -> Option<Acceptance> {
    accept::standing(&scene.client(), scene.pull.try_into().unwrap(), head, at(time)).unwrap()
}

fn standing(scene: &Scene) -> Option<Acceptance> {
    standing_at(scene, &scene.head, "2026-01-02T00:00:00Z")
}

fn accept(scene: &Scene, body: &str) -> u64 {
    let (comment, heard) = scene.say(body);
    assert!(matches!(heard, Heard::Answered { done: true, .. }), "{heard:?}");
    comment
}

#[test]
fn an_acceptance_turns_the_check_neutral_and_is_shown_everywhere() {
    let scene = Scene::judged("failed");
    let comment = accept(&scene, "/mlbuild accept it's worth 3 % --until 2026-02-01");
    let check = scene.fake.edit(|state| state.checks.last().unwrap().clone());
    assert_eq!(check.conclusion.as_deref(), Some("neutral"));
    assert_eq!(check.title, "accepted: regression: digits is larger");
    for text in [
        &check.summary,
        &scene.reply(comment),
        &scene.fake.edit(|state| state.comments[0].body.clone()),
    ] {
        assert!(
            text.contains("**Accepted** by `mona`") && text.contains("it's worth 3 %"),
            "{text}"
        );
    }
    assert!(
        check.summary.starts_with("<!-- mlbuild:outcome failed -->\n"),
        "{}",
        check.summary
    );
    assert!(check.summary.contains("size 1 → 2 MB"), "{}", check.summary);
    let record = standing(&scene).unwrap();
    assert_eq!((record.by.as_str(), record.reason.as_str()), ("mona", "it's worth 3 %"));
    assert_eq!(
        (record.until.as_str(), record.comment),
        ("2026-02-02T00:00:00Z", comment)
    );
    // Once more, with another reason: it takes the place of the first.
    accept(&scene, "/mlbuild accept on second thought");
    let summary = scene.fake.edit(|state| state.checks.last().unwrap().summary.clone());
    assert_eq!(summary.matches("**Accepted**").count(), 1, "{summary}");
    assert!(summary.contains("on second thought"));
    assert_eq!(standing(&scene).unwrap().reason, "on second thought");
}

#[test]
fn what_was_removed_or_left_open_is_accepted_in_the_same_way() {
    let scene = Scene::judged("neutral");
    accept(&scene, "/mlbuild accept the old model goes");
    assert_eq!(scene.conclusion(), "neutral");
    assert!(standing(&scene).is_some());
}

#[test]
fn what_was_not_measured_cannot_be_accepted() {
    let scene = Scene::judged("broken");
    assert!(
        scene
            .refused("/mlbuild accept it is fine")
            .contains("nothing was measured")
    );
    assert_eq!(scene.conclusion(), "failure");
    assert_eq!(standing(&scene), None);
    // A run that never reached a verdict says so by saying none.
    scene
        .fake
        .edit(|state| state.checks.last_mut().unwrap().summary = "mlbuild could not judge".to_owned());
    assert!(
        scene
            .refused("/mlbuild accept it is fine")
            .contains("nothing was measured")
    );
    assert_eq!(scene.conclusion(), "failure");
}

#[test]
fn what_is_fine_needs_no_acceptance() {
    let scene = Scene::judged("passed");
    assert!(
        scene
            .refused("/mlbuild accept it is fine")
            .contains("nothing to accept")
    );
    assert_eq!((scene.conclusion().as_str(), standing(&scene)), ("success", None));
}

#[test]
fn an_acceptance_given_while_the_gate_is_at_it_waits_for_it() {
    let scene = Scene::judged("failed");
    scene.fake.edit(|state| {
        let check = state.checks.last_mut().unwrap();
        check.status = "in_progress".to_owned();
        check.conclusion = None;
    });
    let comment = accept(&scene, "/mlbuild accept it is fine");
    assert!(
        scene.reply(comment).contains("when it is completed"),
        "{}",
        scene.reply(comment)
    );
    assert!(standing(&scene).is_some());
}

#[test]
fn it_ends_and_holds_for_no_other_commit() {
    let scene = Scene::judged("failed");
    accept(&scene, "/mlbuild accept for now --days 3");
    let hours = |time: &str| standing_at(&scene, &scene.head, time).is_some();
    assert!(hours("2026-01-03T23:00:00Z"));
    assert!(!hours("2026-01-04T01:00:00Z"));
    let next = scene.fake.commit(&[&scene.head], &[]);
    assert_eq!(standing_at(&scene, &next, "2026-01-02T00:00:00Z"), None);
}

#[test]
fn editing_or_deleting_the_comment_takes_it_back() {
    let scene = Scene::judged("failed");
    let comment = accept(&scene, "/mlbuild accept it is fine");
    let set = |body: &str| {
        scene.fake.edit(|state| {
            let written = state.comments.iter_mut().find(|known| known.id == comment).unwrap();
            written.body = body.to_owned();
        });
    };
    for body in [
        "never mind",
        "/mlbuild accept it is not fine",
        "/mlbuild accept it is fine --days 300",
    ] {
        set(body);
        assert_eq!(standing(&scene), None, "{body}");
    }
    set("/mlbuild accept it is fine");
    assert!(standing(&scene).is_some());
    scene
        .fake
        .edit(|state| state.comments.retain(|known| known.id != comment));
    assert_eq!(standing(&scene), None);
}

#[test]
fn whoever_may_no_longer_write_accepts_no_longer() {
    let scene = Scene::judged("failed");
    accept(&scene, "/mlbuild accept it is fine");
    scene.fake.role(&scene.maintainer, "read");
    assert_eq!(standing(&scene), None);
}

#[test]
fn nobody_else_can_forge_a_record() {
    let scene = Scene::judged("failed");
    let comment = accept(&scene, "/mlbuild accept it is fine --until 2026-02-01");
    let record = scene.reply(comment);
    let forget = |comment: u64| {
        scene.fake.edit(|state| {
            state
                .comments
                .retain(|known| known.id != comment && !known.body.contains("mlbuild:accepted:v1"))
        });
    };
    // A stranger copies the maintainer's record word for word; his words are not ours.
    scene.fake.edit(|state| {
        state
            .comments
            .retain(|known| !known.body.contains("mlbuild:accepted:v1"))
    });
    scene.fake.comment(scene.pull, &scene.stranger, &record);
    assert_eq!(standing(&scene), None);
    forget(comment);
    // A program of ours is made to repeat a stranger's words: the comment that it names is the stranger's own, or says nothing of the kind.
    let own = scene.write(&scene.stranger, "/mlbuild accept it is fine --until 2026-02-01");
    let echoed = |to: u64, by: &str| {
        record
            .replace(&comment.to_string(), &to.to_string())
            .replace("\"by\":\"mona\"", &format!("\"by\":\"{by}\""))
    };
    scene
        .fake
        .comment(scene.pull, &User::actions(), &echoed(own, "stranger"));
    assert_eq!(standing(&scene), None, "a stranger may not write");
    scene.fake.comment(scene.pull, &User::actions(), &echoed(own, "mona"));
    assert_eq!(standing(&scene), None, "the comment is not mona's");
    let talk = scene.write(&scene.maintainer, "thank you");
    scene.fake.comment(scene.pull, &User::actions(), &echoed(talk, "mona"));
    assert_eq!(standing(&scene), None, "mona said something else");
    // Nor is a record of another pull request one of this.
    scene.fake.edit(|state| {
        state.add_comment(
            scene.pull,
            &User::actions(),
            &record.replace("\"pull_request\":", "\"pull_request\":9"),
        );
    });
    assert_eq!(standing(&scene), None);
}

#[test]
fn the_record_comes_first_so_that_a_broken_run_loses_nothing() {
    let scene = Scene::judged("failed");
    scene
        .fake
        .fault(Fault::at("PATCH", "/check-runs/", Trouble::Status(422)));
    let comment = scene.write(&scene.maintainer, "/mlbuild accept it is fine");
    let place = mlbuild::bot::listen::Place {
        run_id: super::RUN,
        attempt: 1,
        url: "https://github.com/acme/models/actions/runs/1/attempts/1".to_owned(),
        key: "default".to_owned(),
    };
    mlbuild::bot::listen::hear(&scene.client(), &scene.event(comment, "created"), &place).unwrap_err();
    assert_eq!(scene.conclusion(), "failure");
    // The next try of the same event finishes what was begun.
    scene.hear(comment);
    assert_eq!(scene.conclusion(), "neutral");
    assert!(standing(&scene).is_some() && GATE > 0);
}
