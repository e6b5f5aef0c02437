//! Commands in comments, by the shipped workflow: its four jobs, what they hand to one another, and what the person reads in the end.
//!
//! act has one token for all jobs of a workflow, here the one of `listen`: that `work` may not write is not tested here.

use super::MODEL_PATH;
use super::bloated;
use super::hosted::Hosted;
use super::hosted::example;
use super::hosted::shipped;
use super::of_committed_model;
use super::touched;
use crate::action::Proposed;
use crate::support::act::Ran;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::User;

impl Hosted {
    /// What a person says under a pull request, and the run that it starts.
    fn say(&self, person: &User, proposed: &Proposed, body: &str) -> (u64, Ran) {
        let fake = &self.repository.fake;
        let comment = fake.comment(proposed.pull, person, body);
        let trigger = Trigger::Said {
            comment,
            action: "created",
        };
        let tip = fake.tip("main");
        let workflow = shipped("mlbuild-commands.yml");
        (
            comment,
            self.finish(self.run(&workflow, "listen", &trigger, &tip, &tip)),
        )
    }

    /// The one reply to a comment.
    fn reply(&self, comment: u64) -> String {
        let mark = format!("<!-- mlbuild:reply:v1 comment={comment} -->");
        let mut replies = self.repository.comments();
        replies.retain(|reply| reply.body.starts_with(&mark));
        assert_eq!(replies.len(), 1, "{replies:#?}");
        replies.remove(0).body
    }
}

/// Where it is now, and mona may write.
fn commanded() -> Option<(Hosted, User)> {
    let hosted = of_committed_model()?;
    let mona = User::person(71, "mona");
    let fake = &hosted.repository.fake;
    fake.role(&mona, "write");
    let now = u64::try_from(jiff::Timestamp::now().as_second() - 1_767_225_600).unwrap();
    fake.edit(|state| state.later = now.saturating_sub(state.last_id + 3600));
    Some((hosted, mona))
}

#[test]
fn help_is_given_at_once() {
    let Some((hosted, mona)) = commanded() else { return };
    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let (comment, ran) = hosted.say(&mona, &proposed, "/mlbuild help");
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.jobs()["listen"], "success", "{ran}");
    assert!(
        hosted.reply(comment).contains("/mlbuild run"),
        "{}",
        hosted.reply(comment)
    );
}

#[test]
fn a_run_on_command_measures_in_one_job_and_answers_in_another() {
    let Some((hosted, mona)) = commanded() else { return };
    let proposed = hosted.propose(&[(MODEL_PATH, &bloated())]);
    // What was there when the comment was written is what the gate has judged by then.
    assert_eq!(hosted.gate(&example(), "gate", &proposed).code, 1);
    let (comment, ran) = hosted.say(&mona, &proposed, "/mlbuild run");
    assert_eq!(ran.code, 0, "{ran}");
    let jobs = ran.jobs();
    for job in ["listen", "work", "answer"] {
        assert_eq!(jobs.get(job).map(String::as_str), Some("success"), "{job}: {ran}");
    }
    let checks = hosted.repository.fake.edit(|state| state.checks.clone());
    assert_eq!(checks.len(), 2, "{ran}");
    let check = &checks[1];
    assert_eq!(check.head_sha, proposed.head.to_string());
    assert_eq!(check.conclusion.as_deref(), Some("failure"), "{ran}");
    let reply = hosted.reply(comment);
    assert!(reply.contains("regression") || reply.contains("❌"), "{reply}");
}

#[test]
fn a_stranger_commands_nothing() {
    let Some((hosted, _)) = commanded() else { return };
    let mallory = User::person(666, "mallory");
    hosted.repository.fake.role(&mallory, "read");
    let proposed = hosted.propose(&[(MODEL_PATH, &bloated())]);
    let (_, ran) = hosted.say(&mallory, &proposed, "/mlbuild run");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(!ran.jobs().contains_key("work"), "{ran}");
    assert!(hosted.repository.fake.edit(|state| state.checks.is_empty()));
}
