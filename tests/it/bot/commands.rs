//! Every command, and everything that is none.

use mlbuild::bot::Plan;
use mlbuild::bot::listen::Heard;
use mlbuild::bot::plan::Work;

use super::GATE;
use super::RUN;
use super::Scene;
use super::is_ignored;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::User;

fn plan(heard: Heard) -> Plan {
    match heard {
        Heard::Work(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn help_is_seen_answered_and_signed() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("hello\r\n\r\n/mlbuild help\r\n");
    assert!(matches!(heard, Heard::Answered { done: true, .. }), "{heard:?}");
    assert!(scene.reply(comment).contains("`/mlbuild explain [model]`"));
    assert_eq!(scene.fake.signs(comment), ["eyes", "+1"]);
    // At once: before anything else is written.
    let writes: Vec<String> = scene
        .fake
        .log()
        .into_iter()
        .filter(|logged| logged.method == "POST" && !logged.path.contains("graphql"))
        .map(|logged| logged.path)
        .collect();
    assert!(writes[0].ends_with("/reactions"), "{writes:?}");
}

#[test]
fn a_whole_run_opens_its_check_and_hands_on_the_pinned_commit() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild run");
    let plan = plan(heard);
    assert_eq!((plan.comment, &plan.head), (comment, &scene.head));
    assert_eq!(Plan::parse(&plan.to_text().unwrap()).unwrap(), plan);
    assert!(
        scene.reply(comment).contains("being measured"),
        "{}",
        scene.reply(comment)
    );
    let check = scene.fake.edit(|state| state.checks.last().unwrap().clone());
    assert_eq!(Some(check.id), plan.check.map(|check| check.id));
    assert_eq!(
        (check.status.as_str(), check.head_sha.as_str()),
        ("in_progress", scene.head.as_str())
    );
    assert_eq!(check.external_id, format!("v1c:{}:default:{RUN}.1", scene.pull));
}

#[test]
fn a_partial_run_leaves_the_check_alone() {
    let scene = Scene::judged("failed");
    let plan = plan(scene.say("/mlbuild run digits --variants int8").1);
    let work = Work::Run {
        model: Some("digits".to_owned()),
        variants: vec!["int8".to_owned()],
    };
    assert_eq!((plan.work, plan.check), (work, None));
    assert_eq!(scene.fake.edit(|state| state.checks.len()), 1);
}

#[test]
fn profile_explore_and_refresh_are_handed_on() {
    let scene = Scene::judged("passed");
    let model = Some("digits".to_owned());
    let profile = plan(scene.say("/mlbuild profile digits").1);
    assert_eq!(profile.work, Work::Profile { model });
    assert_eq!(
        plan(scene.say("/mlbuild explore").1).work,
        Work::Explore { model: None }
    );
    let refresh = plan(scene.say("/mlbuild baseline refresh").1);
    assert_eq!((refresh.work, refresh.check), (Work::RefreshBaseline, None));
}

#[test]
fn explain_tells_what_the_newest_check_says() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild explain");
    assert!(matches!(heard, Heard::Answered { done: true, .. }), "{heard:?}");
    let reply = scene.reply(comment);
    assert!(
        reply.contains("digits is larger") && reply.contains("the check"),
        "{reply}"
    );
    assert!(!reply.contains("mlbuild:outcome"), "{reply}");
    // A commit that nobody judged.
    let head = scene.fake.commit(&[&scene.head], &[]);
    scene
        .fake
        .edit(|state| state.pulls.get_mut(&scene.pull).unwrap().head_sha = head.to_string());
    assert!(scene.refused("/mlbuild explain").contains("nothing was judged on"));
}

#[test]
fn slips_are_answered_with_what_may_be_meant() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild explian");
    assert!(matches!(heard, Heard::Answered { done: false, .. }), "{heard:?}");
    assert!(
        scene.reply(comment).contains("did you mean `explain`?"),
        "{}",
        scene.reply(comment)
    );
    assert_eq!(scene.fake.signs(comment), ["eyes", "confused"]);
    assert!(
        scene
            .refused("/mlbuild help\n/mlbuild run")
            .contains("one command a comment")
    );
}

#[test]
fn whoever_may_not_write_is_told_once_and_nothing_is_done() {
    let scene = Scene::judged("failed");
    let first = scene.write(&scene.stranger, "/mlbuild run");
    is_ignored(&scene.hear(first), "may not write");
    let second = scene.write(&scene.stranger, "/mlbuild accept it is fine");
    is_ignored(&scene.hear(second), "may not write");
    let unknown = scene.write(&User::person(99, "nobody"), "/mlbuild run");
    is_ignored(&scene.hear(unknown), "may not write");
    assert_eq!(scene.fake.signs(second), ["-1"]);
    assert_eq!((scene.replies(first).len(), scene.replies(second).len()), (1, 0));
    assert!(scene.replies(unknown).is_empty());
    assert_eq!(
        (scene.conclusion().as_str(), scene.fake.edit(|state| state.checks.len())),
        ("failure", 1)
    );
    // What the payload claims of the person counts for nothing; triage is no right to write.
    scene.fake.role(&scene.stranger, "triage");
    let third = scene.write(&scene.stranger, "/mlbuild run");
    is_ignored(&scene.hear(third), "may not write");
    for role in ["write", "admin"] {
        scene.fake.role(&scene.stranger, role);
        let comment = scene.write(&scene.stranger, "/mlbuild help");
        assert!(matches!(scene.hear(comment), Heard::Answered { done: true, .. }));
    }
}

#[test]
fn programs_our_own_words_and_edits_are_ignored_without_a_trace() {
    let scene = Scene::judged("failed");
    let robot = User {
        id: 73,
        login: "helper[bot]".to_owned(),
        kind: "Bot",
    };
    scene.fake.role(&robot, "write");
    let comment = scene.write(&robot, "/mlbuild run");
    is_ignored(&scene.hear(comment), "programs");
    let own = scene.write(&User::actions(), "/mlbuild run");
    is_ignored(&scene.hear(own), "programs");
    let comment = scene.write(&scene.maintainer, "/mlbuild run");
    for action in ["edited", "deleted"] {
        is_ignored(&scene.hear_as(&scene.event(comment, action), RUN), action);
    }
    let talk = scene.write(
        &scene.maintainer,
        "I would write `/mlbuild run` here\n> /mlbuild run\n```\n/mlbuild run\n```",
    );
    is_ignored(&scene.hear(talk), "no line starts");
    // An issue is no pull request.
    let issue = scene.fake.comment(4321, &scene.maintainer, "/mlbuild run");
    is_ignored(&scene.hear(issue), "no pull request");
    assert_eq!(
        scene.fake.edit(|state| (state.reactions.len(), state.checks.len())),
        (0, 1)
    );
    assert_eq!(scene.fake.count("POST", "/comments"), 0);
}

#[test]
fn a_closed_pull_request_is_measured_no_more() {
    let scene = Scene::judged("failed");
    scene
        .fake
        .edit(|state| state.pulls.get_mut(&scene.pull).unwrap().open = false);
    assert!(scene.refused("/mlbuild run").contains("closed"));
    assert!(scene.refused("/mlbuild accept it is fine").contains("closed"));
    assert!(matches!(
        scene.say("/mlbuild explain").1,
        Heard::Answered { done: true, .. }
    ));
}

#[test]
fn a_comment_heard_twice_is_answered_once() {
    let scene = Scene::judged("failed");
    let (comment, _) = scene.say("/mlbuild help");
    scene.hear(comment);
    assert_eq!(scene.replies(comment).len(), 1);
    // An answer that was lost on the way is looked for before it is given again.
    scene.fake.fault(Fault::at(
        "POST",
        &format!("issues/{}/comments", scene.pull),
        Trouble::DoneButDrop,
    ));
    let (comment, _) = scene.say("/mlbuild help");
    assert_eq!(scene.replies(comment).len(), 1);
    // A second run of the same event that has posted meanwhile.
    let comment = scene.write(&scene.maintainer, "/mlbuild help");
    let (pull, body) = (
        scene.pull,
        format!("<!-- mlbuild:reply:v1 comment={comment} -->\nfrom another run"),
    );
    scene.fake.fault(Fault::at(
        "GET",
        &format!("issues/{pull}/comments"),
        Trouble::meanwhile(move |state| {
            state.add_comment(pull, &User::actions(), &body);
        }),
    ));
    scene.hear(comment);
    assert!(scene.reply(comment).contains("| `/mlbuild help` | this |"));
}

#[test]
fn two_commands_at_once_have_their_own_replies_and_checks() {
    let scene = Scene::judged("failed");
    let first = scene.write(&scene.maintainer, "/mlbuild run");
    let second = scene.write(&scene.maintainer, "/mlbuild run");
    let one = plan(scene.hear_as(&scene.event(first, "created"), RUN));
    let other = plan(scene.hear_as(&scene.event(second, "created"), RUN + 1));
    assert_ne!(one.reply, other.reply);
    assert_ne!(one.check, other.check);
    assert_eq!((scene.replies(first).len(), scene.replies(second).len()), (1, 1));
    assert!(one.check.is_some() && RUN > GATE);
}

#[test]
fn what_github_will_not_do_is_said_where_it_can_be() {
    let scene = Scene::judged("failed");
    scene
        .fake
        .fault(Fault::at("GET", "/pulls/", Trouble::Status(500)).times(20));
    let comment = scene.write(&scene.maintainer, "/mlbuild run");
    let place = mlbuild::bot::listen::Place {
        run_id: RUN,
        attempt: 1,
        url: "https://github.com/acme/models/actions/runs/1/attempts/1".to_owned(),
        key: "default".to_owned(),
    };
    let client = scene.client().with_retry(mlbuild::github::retry::RetryPolicy {
        attempts: 1,
        ..Default::default()
    });
    mlbuild::bot::listen::hear(&client, &scene.event(comment, "created"), &place).unwrap_err();
    scene.fake.edit(|state| state.faults.clear());
    assert!(scene.reply(comment).contains("⛔"), "{}", scene.reply(comment));
    assert_eq!(scene.fake.signs(comment), ["eyes", "confused"]);
}
