//! Commands in comments: real payloads in, the final state of a stateful GitHub out. The layer is called as a server of webhooks would call it.

mod accept;
mod attacks;
mod commands;
mod race;

use mlbuild::bot::listen;
use mlbuild::bot::listen::Heard;
use mlbuild::bot::listen::Place;
use mlbuild::github::Client;
use mlbuild::github::CommitSha;
use mlbuild::github::event::Event;
use mlbuild::github::event::IssueComment;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Check;
use crate::support::fake_github::state::Comment;
use crate::support::fake_github::state::User;

/// The run that hears commands.
const RUN: u64 = 9100;

/// The run of the gate that judged before.
const GATE: u64 = 9000;

/// A repository with a pull request that a gate has judged, a maintainer and a stranger.
struct Scene {
    fake: FakeGitHub,
    pull: u64,
    head: CommitSha,
    maintainer: User,
    stranger: User,
}

impl Scene {
    /// Judged with this outcome, as the check's summary tells it.
    fn judged(outcome: &str) -> Self {
        let fake = FakeGitHub::start();
        let head = fake.commit(&[&fake.tip("main")], &[("models/a.onnx", b"x")]);
        let pull = fake.pull_request(&head);
        let scene = Self {
            fake,
            pull,
            head,
            maintainer: User::person(71, "mona"),
            stranger: User::person(72, "stranger"),
        };
        scene.fake.role(&scene.maintainer, "maintain");
        scene.fake.role(&scene.stranger, "read");
        scene.fake.run(GATE, "pull_request", &scene.head);
        scene.judge(&scene.head, GATE, outcome);
        scene
    }

    /// The gate's check run and comment on `head`.
    fn judge(&self, head: &CommitSha, run: u64, outcome: &str) {
        let (pull, key) = (self.pull, "default");
        let conclusion = match outcome {
            "failed" | "broken" => "failure",
            "neutral" => "neutral",
            _ => "success",
        };
        self.fake.edit(|state| {
            let check = Check {
                id: state.new_id(),
                name: format!("mlbuild / {key}"),
                head_sha: head.to_string(),
                external_id: format!("v1:{pull}:{key}:{run}.1"),
                details_url: None,
                status: "completed".to_owned(),
                conclusion: Some(conclusion.to_owned()),
                title: "regression: `digits` is larger".replace('`', ""),
                summary: format!("<!-- mlbuild:outcome {outcome} -->\n## ❌ digits is larger\n\nsize 1 → 2 MB\n"),
                text: None,
                annotations: Vec::new(),
            };
            state.checks.push(check);
            let body = format!("<!-- mlbuild:v1 id={key} run={run}.1 head={head} -->\n## ❌ digits is larger\n");
            state.add_comment(pull, &User::actions(), &body);
        });
    }

    fn client(&self) -> Client {
        Client::new(&self.fake.api_url(), None, TOKEN, "acme/models".parse().unwrap()).unwrap()
    }

    /// `author` writes a comment on the pull request.
    fn write(&self, author: &User, body: &str) -> u64 {
        self.fake.comment(self.pull, author, body)
    }

    /// What the event of a comment says.
    fn event(&self, comment: u64, action: &'static str) -> IssueComment {
        let folder = tempfile::tempdir().unwrap();
        let path = self.fake.event_file(folder.path(), &Trigger::Said { comment, action });
        match Event::read("issue_comment", &path).unwrap() {
            Event::IssueComment(said) => said,
            other => panic!("{other:?}"),
        }
    }

    fn hear_as(&self, said: &IssueComment, run_id: u64) -> Heard {
        let place = Place {
            run_id,
            attempt: 1,
            url: format!("https://github.com/acme/models/actions/runs/{run_id}/attempts/1"),
            key: "default".to_owned(),
        };
        listen::hear(&self.client(), said, &place).unwrap()
    }

    fn hear(&self, comment: u64) -> Heard {
        self.hear_as(&self.event(comment, "created"), RUN)
    }

    /// The maintainer writes this, and it is heard.
    fn say(&self, body: &str) -> (u64, Heard) {
        let comment = self.write(&self.maintainer, body);
        (comment, self.hear(comment))
    }

    /// All replies to a comment.
    fn replies(&self, to: u64) -> Vec<Comment> {
        let mark = format!("<!-- mlbuild:reply:v1 comment={to} -->\n");
        let ours = |comment: &Comment| comment.author == User::actions() && comment.body.starts_with(&mark);
        self.fake
            .edit(|state| state.comments.iter().filter(|comment| ours(comment)).cloned().collect())
    }

    /// The one reply.
    fn reply(&self, to: u64) -> String {
        let replies = self.replies(to);
        assert_eq!(replies.len(), 1, "{replies:#?}");
        replies[0].body.clone()
    }

    /// What was refused, in the reply's words.
    fn refused(&self, body: &str) -> String {
        let (comment, heard) = self.say(body);
        assert!(matches!(heard, Heard::Answered { done: false, .. }), "{heard:?}");
        self.reply(comment)
    }

    fn conclusion(&self) -> String {
        let conclusion = self.fake.edit(|state| state.checks.last().unwrap().conclusion.clone());
        conclusion.unwrap_or_default()
    }
}

fn is_ignored(heard: &Heard, part: &str) {
    match heard {
        Heard::Ignored(reason) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?}"),
    }
}
