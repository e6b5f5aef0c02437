//! Commands in comments through the real binary, job by job, as the workflow runs them.

use std::fs;
use std::process::Output;

use mlbuild::github::CommitSha;

use super::CONFIG;
use super::CONFIG_PATH;
use super::Job;
use super::MODEL_PATH;
use super::Proposed;
use super::Ran;
use super::Repository;
use super::bloated;
use super::mlp;
use super::touched;
use super::with_text;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Comment;
use crate::support::fake_github::state::User;

fn mona() -> User {
    User::person(71, "mona")
}

/// A repository in which it is now, and mona may write.
fn repository() -> Repository {
    let repository = Repository::of_committed_model();
    repository.fake.role(&mona(), "write");
    let now = jiff::Timestamp::now().as_second();
    repository
        .fake
        .edit(|state| state.later = u64::try_from(now - 1_767_225_600).unwrap().saturating_sub(13_600));
    repository
}

impl Repository {
    fn say(&self, proposed: &Proposed, body: &str) -> u64 {
        self.fake.comment(proposed.pull, &mona(), body)
    }

    /// A job of the run that a comment started.
    fn commanded(&self, comment: u64, run_id: u64, commit: &CommitSha) -> Job<'_> {
        let trigger = Trigger::Said {
            comment,
            action: "created",
        };
        self.job(trigger, commit).numbered(run_id)
    }

    fn reply(&self, to: u64) -> String {
        let mark = format!("<!-- mlbuild:reply:v1 comment={to} -->\n");
        let replies: Vec<Comment> = self
            .comments()
            .into_iter()
            .filter(|comment| comment.body.starts_with(&mark))
            .collect();
        assert_eq!(replies.len(), 1, "{replies:#?}");
        replies[0].body.clone()
    }

    fn conclusion(&self) -> Option<String> {
        self.fake.edit(|state| state.checks.last().unwrap().conclusion.clone())
    }
}

impl Job<'_> {
    /// One step, with what it left behind; steps of other jobs have left nothing.
    fn step_of(&self, job: &str) -> Ran {
        let _ = fs::remove_dir_all(self.folder());
        let output: Output = self.step(&["action", job]).output().unwrap();
        self.after(output)
    }
}

/// Hears a comment, works on it and answers it: the three jobs of the workflow.
fn command(repository: &Repository, comment: u64, run_id: u64, tamper: impl Fn(String) -> String) -> [Ran; 3] {
    let main = repository.fake.tip("main");
    let heard = repository.commanded(comment, run_id, &main).step_of("command");
    assert_eq!((heard.code, heard.output("job")), (0, "work"), "{heard}");
    let plan = heard.output("plan").to_owned();
    let head: CommitSha = heard.output("head").parse().unwrap();
    let worked = repository
        .commanded(comment, run_id, &head)
        .input("PLAN", &plan)
        .step_of("work");
    assert_eq!(worked.code, 0, "{worked}");
    let file = fs::read_to_string(worked.output("file")).unwrap();
    let page = worked.output("page");
    assert!(page.is_empty() || fs::read_to_string(page).unwrap().contains("<html"));
    let name = std::path::Path::new(worked.output("file")).file_name().unwrap();
    repository.fake.artifact_of(
        run_id,
        worked.output("artifact"),
        name.to_str().unwrap(),
        tamper(file).as_bytes(),
    );
    let answered = repository
        .commanded(comment, run_id, &main)
        .input("PLAN", &plan)
        .input("RESULT", "success")
        .step_of("answer");
    assert_eq!(answered.code, 0, "{answered}");
    [heard, worked, answered]
}

#[test]
fn an_acceptance_holds_for_every_run_of_its_commit_and_reaches_the_next_baseline() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run().expect("regression", 1);
    assert_eq!(repository.conclusion().as_deref(), Some("failure"));

    let comment = repository.say(&proposed, "/mlbuild accept the documentation is worth it --days 30");
    let main = repository.fake.tip("main");
    let heard = repository.commanded(comment, 8001, &main).step_of("command");
    assert_eq!((heard.code, heard.output("job")), (0, ""), "{heard}");
    assert_eq!(repository.conclusion().as_deref(), Some("neutral"));
    assert!(
        repository.reply(comment).contains("is neutral now"),
        "{}",
        repository.reply(comment)
    );

    // The same commit again.
    let ran = repository.gate(&proposed).run().expect("regression", 0);
    assert_eq!(repository.conclusion().as_deref(), Some("neutral"));
    let check = repository.fake.edit(|state| state.checks.last().unwrap().clone());
    for text in [&check.summary, &ran.summary, &repository.comments()[0].body] {
        assert!(text.contains("**Accepted** by `mona`"), "{text}");
        assert!(text.contains("the documentation is worth it"), "{text}");
    }
    assert!(check.title.starts_with("accepted: "), "{}", check.title);

    // The next commit.
    let next = Proposed {
        pull: proposed.pull,
        head: repository.commit(
            &repository.fake.tip("main"),
            &[(MODEL_PATH, &with_text(&mlp(), 160_000))],
        ),
    };
    repository
        .fake
        .edit(|state| state.pulls.get_mut(&next.pull).unwrap().head_sha = next.head.to_string());
    repository.gate(&next).run().expect("regression", 1);
    assert_eq!(repository.conclusion().as_deref(), Some("failure"));

    // The accepted commit is merged.
    let workflow = std::fs::read("examples/workflows/mlbuild-commands.yml").unwrap();
    let merged = repository.push(&[
        (MODEL_PATH, &bloated()),
        (".github/workflows/mlbuild-commands.yml", &workflow),
    ]);
    repository.fake.edit(|state| {
        let pull = state.pulls.get_mut(&proposed.pull).unwrap();
        pull.head_sha = proposed.head.to_string();
        pull.open = false;
        pull.merged_as = Some(merged.to_string());
        pull.merged_at = Some(jiff::Timestamp::now().to_string());
    });
    repository.refresh();
    let release = repository.releases().pop().unwrap();
    let manifest = release
        .assets
        .iter()
        .find(|asset| asset.name == "manifest.json")
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.stored).unwrap();
    let accepted = &manifest["accepted"][0];
    assert_eq!(accepted["by"], "mona", "{accepted:#}");
    assert_eq!(accepted["reason"], "the documentation is worth it");
    assert_eq!(accepted["commit"], proposed.head.as_str());
    // A refresh of the same commit has nothing to add.
    let tags = repository.releases().len();
    repository.refresh();
    assert_eq!(repository.releases().len(), tags);
}

#[test]
fn a_run_is_measured_without_rights_and_answered_without_code() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run().expect("regression", 1);
    let comment = repository.say(&proposed, "/mlbuild run");
    let before = repository.fake.log().len();
    command(&repository, comment, 8001, |file| file);
    let check = repository.fake.edit(|state| state.checks.last().unwrap().clone());
    assert_eq!(check.external_id, format!("v1c:{}:default:8001.1", proposed.pull));
    assert_eq!(
        (check.status.as_str(), check.conclusion.as_deref()),
        ("completed", Some("failure"))
    );
    let reply = repository.reply(comment);
    assert!(reply.contains("**size**") && reply.contains("the limit is"), "{reply}");
    assert_eq!(repository.fake.signs(comment), ["eyes", "+1"]);
    // The gate's one comment and the reply, and no others.
    assert_eq!(repository.comments().len(), 3, "{:#?}", repository.comments());
    let requests = repository.fake.log().len() - before;
    assert!(requests < 45, "{requests} requests");

    let comment = repository.say(&proposed, "/mlbuild explain");
    let main = repository.fake.tip("main");
    repository.commanded(comment, 8002, &main).step_of("command");
    let reply = repository.reply(comment);
    assert!(reply.contains("**size**") && reply.contains("beyond it"), "{reply}");
}

#[test]
fn a_part_of_the_gate_says_nothing_of_the_whole() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).run();
    let checks = repository.fake.edit(|state| state.checks.clone().len());
    let comment = repository.say(&proposed, "/mlbuild run digits --variants fp32");
    command(&repository, comment, 8001, |file| file);
    assert!(repository.reply(comment).contains("A part of the gate was measured"));
    assert_eq!(repository.fake.edit(|state| state.checks.len()), checks);
    // What the config does not have.
    let comment = repository.say(&proposed, "/mlbuild run digitz");
    command(&repository, comment, 8002, |file| file);
    let reply = repository.reply(comment);
    assert!(reply.contains("did you mean") && reply.contains("digits"), "{reply}");
    assert_eq!(repository.fake.signs(comment), ["eyes", "confused"]);
}

#[test]
fn a_result_that_was_tampered_with_is_refused() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run();
    for (number, (from, to)) in [
        ("\"run_id\":8", "\"run_id\":9"),
        ("\"schema\":\"mlbuild-handover\"", "\"schema\":\"x\""),
        ("\"key\":\"default\"", "\"key\":\"other\""),
    ]
    .into_iter()
    .enumerate()
    {
        let comment = repository.say(&proposed, "/mlbuild run");
        command(&repository, comment, 8100 + number as u64, |file| {
            assert!(file.contains(from), "no `{from}` in {file}");
            file.replacen(from, to, 1)
        });
        assert!(
            repository.reply(comment).contains("⛔"),
            "{}",
            repository.reply(comment)
        );
        assert_eq!(repository.conclusion().as_deref(), Some("failure"));
    }
}

#[test]
fn a_profile_is_answered_with_a_table() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).run();
    let comment = repository.say(&proposed, "/mlbuild profile");
    let [_, worked, _] = command(&repository, comment, 8001, |file| file);
    let reply = repository.reply(comment);
    assert!(reply.contains("| node | operator | time | share |"), "{reply}");
    assert!(reply.contains("a plain run takes"), "{reply}");
    assert!(worked.output("page").ends_with("profile.html"), "{worked}");
}

#[test]
fn variants_are_explored_and_answered_with_a_table() {
    let repository = repository();
    let config = CONFIG.replace("time_budget: 1 s", "time_budget: 1 s, total_budget: 10 s");
    let proposed = repository.propose(&[(CONFIG_PATH, config.as_bytes())]);
    repository.gate(&proposed).run();
    let comment = repository.say(&proposed, "/mlbuild explore");
    let [_, worked, _] = command(&repository, comment, 8001, |file| file);
    let reply = repository.reply(comment);
    assert!(reply.contains("| variant | verdict | p50 |"), "{reply}");
    assert!(reply.contains("| `fp32` | baseline |"), "{reply}");
    // A half is made, run and compared, whatever the noise says of its speed.
    let half = reply.lines().find(|line| line.starts_with("| `fp16` |")).unwrap();
    assert!(!half.contains("failed") && half.contains("KB"), "{half}");
    assert!(worked.output("page").ends_with("explore.html"), "{worked}");
}

#[test]
fn a_baseline_is_refreshed_from_the_default_branch_and_believed_by_the_gate() {
    let repository = repository();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).run();
    let comment = repository.say(&proposed, "/mlbuild baseline refresh");
    let main = repository.fake.tip("main");
    let heard = repository.commanded(comment, 8001, &main).step_of("command");
    assert_eq!(heard.output("job"), "refresh", "{heard}");
    let plan = heard.output("plan").to_owned();
    let worked = repository
        .commanded(comment, 8001, &main)
        .input("PLAN", &plan)
        .step_of("work");
    assert_eq!(worked.code, 0, "{worked}");
    let tag = worked.output("baseline").to_owned();
    let answered = repository
        .commanded(comment, 8001, &main)
        .input("PLAN", &plan)
        .input("RESULT", "success")
        .input("BASELINE_NAME", &tag)
        .step_of("answer");
    assert_eq!(answered.code, 0, "{answered}");
    assert!(
        repository.reply(comment).contains("✅"),
        "{}",
        repository.reply(comment)
    );
    assert_eq!(repository.releases().len(), 1);
    let ran = repository.gate(&proposed).run();
    assert_eq!(ran.output("baseline"), tag, "{ran}");
}
