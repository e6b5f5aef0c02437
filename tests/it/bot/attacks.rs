//! What hostile names and reasons come to: text, in every place where they are shown.

use mlbuild::bot::Plan;
use mlbuild::bot::answer;
use mlbuild::bot::answer::Place;
use mlbuild::bot::listen::Heard;
use mlbuild::report::told::Table;
use mlbuild::report::told::Told;

use super::RUN;
use super::Scene;

const HOSTILE: &str = "<img src=x onerror=y> @everyone #1 [x](https://evil.example) `$(id)` ${{ secrets.TOKEN }} --> ::set-output name=a::b";

/// Nothing in `shown` but the lines of our own starts or does anything.
fn is_harmless(shown: &str) {
    assert!(!shown.contains("<img"), "{shown}");
    assert!(!shown.contains("@everyone") || shown.contains("`"), "{shown}");
    assert!(!shown.contains("](https://evil"), "{shown}");
    for line in shown.lines() {
        assert!(!line.starts_with("::") && !line.starts_with("/mlbuild"), "{shown}");
    }
}

/// Without hidden lines, which nobody sees.
fn seen(body: &str) -> String {
    let lines: Vec<&str> = body.lines().filter(|line| !line.starts_with("<!-- mlbuild:")).collect();
    lines.join("\n")
}

#[test]
fn a_hostile_reason_is_text() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say(&format!("/mlbuild accept {}", HOSTILE.replace('`', "")));
    assert!(matches!(heard, Heard::Answered { done: true, .. }), "{heard:?}");
    let reply = scene.reply(comment);
    is_harmless(&seen(&reply));
    assert_eq!(reply.lines().nth(1).unwrap().matches("-->").count(), 1, "{reply}");
    let summary = scene.fake.edit(|state| state.checks.last().unwrap().summary.clone());
    is_harmless(&seen(&summary));
}

#[test]
fn a_hostile_name_is_text_and_data() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say(&format!("/mlbuild profile '{HOSTILE}'"));
    let Heard::Work(plan) = heard else { panic!("{heard:?}") };
    is_harmless(&seen(&scene.reply(comment)));
    let text = plan.to_text().unwrap();
    assert!(!text.contains('\n'));
    assert_eq!(Plan::parse(&text).unwrap(), *plan);
    // A mistake quotes what was written.
    is_harmless(&seen(&scene.refused(&format!("/mlbuild {HOSTILE}"))));
    is_harmless(&seen(&scene.refused(&format!("/mlbuild run --variants '{HOSTILE}'"))));
    // What is not seen is not shown either.
    let reply = scene.refused("/mlbuild \u{202e}nur\u{200b} \u{1b}[2J");
    assert!(!reply.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{reply:?}");
}

#[test]
fn a_hostile_table_is_text_or_refused() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild profile");
    let Heard::Work(plan) = heard else { panic!("{heard:?}") };
    let table = Table {
        title: HOSTILE.to_owned(),
        columns: vec![HOSTILE.to_owned(), "b".to_owned()],
        rows: vec![vec![format!("a\n| {HOSTILE}"), "|".to_owned()], vec![]],
        notes: vec![format!("\n# {HOSTILE}")],
    };
    let told = Told::table(RUN, comment, scene.head.as_str(), table);
    let read = Told::from_bytes(told.to_text().unwrap().as_bytes()).unwrap();
    assert_eq!(read, told);
    let place = Place {
        run_id: RUN,
        attempt: 1,
        url: "https://github.com/acme/models/actions/runs/1".to_owned(),
        server_url: "https://github.com".to_owned(),
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
    };
    assert!(answer::answer(&scene.client(), &plan, answer::Result::Table(Box::new(read)), &place).unwrap());
    let reply = scene.reply(comment);
    is_harmless(&seen(&reply));
    assert_eq!(scene.fake.signs(comment), ["eyes", "+1"]);
    // By hand, with what our own writer would never write.
    let text = told.to_text().unwrap();
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("mlbuild-table", "mlbuild-tables"),
        ("\"notes\"", "\"note\""),
        ("\"b\"", "\"b\\nc\""),
        ("\"b\"", "\"b\", \"c\""),
    ] {
        assert!(text.contains(from), "{from}");
        Told::from_bytes(text.replacen(from, to, 1).as_bytes()).unwrap_err();
    }
    Told::from_bytes(&vec![b' '; 300_000]).unwrap_err();
}

#[test]
fn the_answer_finds_its_reply_or_writes_it_anew() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild explore");
    let Heard::Work(mut plan) = heard else {
        panic!("{heard:?}")
    };
    let nothing = || answer::Result::Nothing {
        reason: "the job ended".to_owned(),
        hints: Vec::new(),
    };
    let place = Place {
        run_id: RUN,
        attempt: 1,
        url: "https://github.com/acme/models/actions/runs/1".to_owned(),
        server_url: "https://github.com".to_owned(),
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
    };
    scene
        .fake
        .edit(|state| state.comments.retain(|known| known.id != plan.reply));
    assert!(!answer::answer(&scene.client(), &plan, nothing(), &place).unwrap());
    assert!(scene.reply(comment).contains("⛔ the job ended"));
    // A plan that names somebody else's comment changes nothing of it.
    plan.reply = comment;
    answer::answer(&scene.client(), &plan, nothing(), &place).unwrap();
    assert_eq!(scene.replies(comment).len(), 1);
    let written = scene.fake.edit(|state| {
        state
            .comments
            .iter()
            .find(|known| known.id == comment)
            .unwrap()
            .body
            .clone()
    });
    assert_eq!(written, "/mlbuild explore");
}

#[test]
fn a_run_that_died_completes_its_check() {
    let scene = Scene::judged("failed");
    let (comment, heard) = scene.say("/mlbuild run");
    let Heard::Work(plan) = heard else { panic!("{heard:?}") };
    let place = Place {
        run_id: RUN,
        attempt: 1,
        url: "https://github.com/acme/models/actions/runs/1".to_owned(),
        server_url: "https://github.com".to_owned(),
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
    };
    let nothing = answer::Result::Nothing {
        reason: "the job that measures ended in `cancelled` without a result".to_owned(),
        hints: Vec::new(),
    };
    answer::answer(&scene.client(), &plan, nothing, &place).unwrap();
    let check = scene.fake.edit(|state| state.checks.last().unwrap().clone());
    assert_eq!(
        (check.status.as_str(), check.conclusion.as_deref()),
        ("completed", Some("failure"))
    );
    assert!(scene.reply(comment).contains("`cancelled`"));
}
