//! From a comment to an answer, or to a plan for those who work: whether it is a command at all, who asks, whether he may, and which commit he
//! means. Nothing of the pull request runs here.

use jiff::Timestamp;

use crate::bot::BotError;
use crate::bot::accept;
use crate::bot::command;
use crate::bot::command::Command;
use crate::bot::command::Misunderstood;
use crate::bot::command::Verb;
use crate::bot::explain;
use crate::bot::help;
use crate::bot::pin;
use crate::bot::pin::Mark;
use crate::bot::plan;
use crate::bot::plan::Plan;
use crate::bot::plan::Work;
use crate::bot::record;
use crate::bot::reply;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::check_run;
use crate::github::check_run::CheckRun;
use crate::github::collaborator;
use crate::github::collaborator::Role;
use crate::github::comment;
use crate::github::comment::Comment;
use crate::github::event::IssueComment;
use crate::github::identity;
use crate::github::pull;
use crate::github::pull::Pull;
use crate::github::reaction;
use crate::github::reaction::Sign;
use crate::github::sticky;
use crate::hint::Hint;
use crate::pipeline::publish;
use crate::pipeline::publish::Announced;
use crate::pipeline::publish::Tried;
use crate::pipeline::trouble::chain;
use crate::report::markdown;
use crate::verdict::Acceptance;
use crate::when;

/// What of the surroundings a command may need.
#[derive(Debug, Clone)]
pub struct Place {
    /// The run, or whatever else answers; later ones are greater.
    pub run_id: u64,
    /// Its attempt.
    pub attempt: u64,
    /// Where people can watch.
    pub url: String,
    /// The gate that `run` runs.
    pub key: String,
}

/// What became of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing was said to us, or by somebody who is not answered. Why, for the log.
    Ignored(String),
    /// Everything is said and done.
    Answered {
        /// The reply's address.
        reply: String,
        /// False where what was asked for was refused.
        done: bool,
    },
    /// It was said that work begins; somebody has to do it.
    Work(Box<Plan>),
}

/// Hears a comment.
pub fn hear(client: &Client, said: &IssueComment, place: &Place) -> Result<Heard, BotError> {
    if said.action != "created" {
        return ignored(format!("the comment was {}: only a new one is a command", said.action));
    }
    let Ok(written) = said.created_at.parse::<Timestamp>() else {
        return ignored("the comment has no time".to_owned());
    };
    let Some(command) = command::parse(&said.body, written) else {
        return ignored(format!("no line starts with `{}`", command::PREFIX));
    };
    if !said.on_pull {
        return ignored("the conversation is no pull request's".to_owned());
    }
    if said.author_is_bot {
        return ignored("programs are not answered".to_owned());
    }
    if identity::own(client)?.is(&said.author) {
        return ignored("the comment is our own".to_owned());
    }
    let hearing = Hearing {
        client,
        said,
        place,
        written,
    };
    if collaborator::role(client, &said.author.login)? < Role::Write {
        return hearing.turn_away();
    }
    // A sign that cannot be set is no reason not to answer.
    hearing.sign(Sign::Eyes);
    match hearing.answer(command) {
        Ok(heard) => Ok(heard),
        Err(error) => {
            hearing.sign(Sign::Confused);
            let text = help::failed(&chain(&error), &error.hints(), &place.url);
            // Where the reply fails as well, the first reason is the one to know.
            let _ = hearing.reply(None, &text);
            Err(error)
        }
    }
}

fn ignored(reason: String) -> Result<Heard, BotError> {
    Ok(Heard::Ignored(reason))
}

struct Hearing<'a> {
    client: &'a Client,
    said: &'a IssueComment,
    place: &'a Place,
    written: Timestamp,
}

impl Hearing<'_> {
    fn sign(&self, sign: Sign) {
        let _ = reaction::add(self.client, self.said.comment, sign);
    }

    fn reply(&self, head: Option<&str>, text: &str) -> Result<Comment, GithubError> {
        reply::write(self.client, self.said.issue, self.said.comment, head, text)
    }

    fn refuse(&self, sign: Sign, reason: &str, hint: &str) -> Result<Heard, BotError> {
        self.sign(sign);
        let reply = self.reply(None, &help::refused(reason, hint))?;
        Ok(Heard::Answered {
            reply: reply.html_url,
            done: false,
        })
    }

    fn done(&self, text: &str) -> Result<Heard, BotError> {
        let reply = self.reply(None, text)?;
        self.sign(Sign::ThumbsUp);
        Ok(Heard::Answered {
            reply: reply.html_url,
            done: true,
        })
    }

    /// Whoever may not is told once on each pull request: strangers must not make us write as often as they like.
    fn turn_away(&self) -> Result<Heard, BotError> {
        const WORDS: &str = "Commands are for people who may write to this repository.";
        self.sign(Sign::ThumbsDown);
        let own = identity::own(self.client)?;
        let told = comment::list(self.client, self.said.issue)?.iter().any(|comment| {
            comment.is_by(&own) && record::replies_to(&comment.body).is_some() && comment.body.contains(WORDS)
        });
        if !told {
            self.reply(None, &format!("{WORDS}\n"))?;
        }
        ignored("whoever wrote it may not write to the repository".to_owned())
    }

    fn answer(&self, command: Result<Command, Misunderstood>) -> Result<Heard, BotError> {
        // Between the event and now it may have been changed or taken back.
        let standing = match comment::get(self.client, self.said.comment) {
            Ok(standing) => standing,
            Err(error) if error.is_not_found() => return ignored("the comment was deleted".to_owned()),
            Err(error) => return Err(error.into()),
        };
        if standing.body != self.said.body
            || standing
                .author
                .as_ref()
                .is_none_or(|author| !author.is(&self.said.author))
        {
            return self.refuse(
                Sign::Confused,
                "the comment was changed before it could be answered",
                "write the command in a new comment",
            );
        }
        let command = match command {
            Ok(command) => command,
            Err(wrong) => return self.refuse(Sign::Confused, &wrong.message, &wrong.hint),
        };
        if command.verb == Verb::Help {
            return self.done(&help::text());
        }
        let pull = pull::get(self.client, self.said.issue)?;
        if command.verb.concerns_head() && !pull.open {
            return self.refuse(
                Sign::ThumbsDown,
                "the pull request is closed",
                "reopen it first; `explain` and `baseline refresh` are answered all the same",
            );
        }
        if let Verb::RefreshBaseline = command.verb {
            return self.work(&pull, Work::RefreshBaseline);
        }
        let checks = pin::of_pull(check_run::on_commit(self.client, &pull.head_sha)?, pull.number);
        if let Verb::Explain { model } = &command.verb {
            return match explain::text(self.client, &pull, &checks, model.as_deref())? {
                Some(text) => self.done(&text),
                None => self.refuse(
                    Sign::Confused,
                    &format!("nothing was judged on {} yet", pull.head_sha.short()),
                    "`/mlbuild run` measures it",
                ),
            };
        }
        let comments = comment::list(self.client, pull.number)?;
        let seen = sticky::newest(&comments, &identity::own(self.client)?);
        if let Err(not) = pin::check(&pull, command.sha.as_ref(), self.written, &checks, seen.as_ref()) {
            return self.refuse(Sign::ThumbsDown, &not.reason, &not.hint);
        }
        match command.verb {
            Verb::Run { model, variants } => self.work(&pull, Work::Run { model, variants }),
            Verb::Profile { model } => self.work(&pull, Work::Profile { model }),
            Verb::Explore { model } => self.work(&pull, Work::Explore { model }),
            Verb::Accept { reason, until } => self.accept(&pull, &checks, &comments, reason, until),
            Verb::Help | Verb::Explain { .. } | Verb::RefreshBaseline => self.done(&help::text()),
        }
    }

    fn work(&self, pull: &Pull, work: Work) -> Result<Heard, BotError> {
        let begun = help::begun(&work, &pull.head_sha, &self.place.url);
        let reply = self.reply(None, &begun)?;
        let mut check = None;
        if work.is_whole_gate() {
            let announced = Announced {
                key: self.place.key.clone(),
                head: pull.head_sha.clone(),
                external_id: Mark::external_id(pull.number, &self.place.key, self.place.run_id, self.place.attempt),
            };
            let url = Some(self.place.url.clone());
            // Without the right to write checks, the reply says everything.
            if let Tried::Done(open) = publish::open_check(self.client, &announced, url)? {
                check = Some(open);
            }
        }
        Ok(Heard::Work(Box::new(Plan {
            version: plan::VERSION,
            comment: self.said.comment,
            reply: reply.id,
            pull: pull.number,
            head: pull.head_sha.clone(),
            base: pull.base_sha.clone(),
            key: self.place.key.clone(),
            work,
            check,
        })))
    }

    fn accept(
        &self,
        pull: &Pull,
        checks: &[(Mark, CheckRun)],
        comments: &[Comment],
        reason: String,
        until: Timestamp,
    ) -> Result<Heard, BotError> {
        let (found, targets) = accept::sort(checks);
        if found.accepted.is_empty() && found.open.is_empty() {
            return if !found.broken.is_empty() {
                self.refuse(
                    Sign::ThumbsDown,
                    "nothing was measured, so nobody knows what there is to accept",
                    "`/mlbuild explain` says why; `/mlbuild run` tries again",
                )
            } else if found.fine.is_empty() {
                self.refuse(
                    Sign::ThumbsDown,
                    &format!("nothing was judged on {} yet", pull.head_sha.short()),
                    "`/mlbuild run` measures it",
                )
            } else {
                self.refuse(
                    Sign::ThumbsDown,
                    "there is nothing to accept: everything is within its limits",
                    "`/mlbuild explain` says what was found",
                )
            };
        }
        let acceptance = Acceptance {
            pull_request: pull.number.into(),
            commit: pull.head_sha.as_str().to_owned(),
            by: self.said.author.login.clone(),
            reason,
            comment: self.said.comment,
            at: when::iso(self.written),
            until: until.to_string(),
        };
        // The record first: whatever fails after it, the next run of the gate finds it.
        let record = record::accepted(&acceptance);
        self.reply(Some(&record), &accepted_text(&acceptance, &found))?;
        for check in targets {
            accept::apply(self.client, check, &acceptance)?;
        }
        let own = identity::own(self.client)?;
        accept::mark_comments(self.client, comments, &own, &acceptance)?;
        self.sign(Sign::ThumbsUp);
        let reply = self.reply(Some(&record), &accepted_text(&acceptance, &found))?;
        Ok(Heard::Answered {
            reply: reply.html_url,
            done: true,
        })
    }
}

fn accepted_text(acceptance: &Acceptance, found: &accept::Found) -> String {
    let mut text = crate::report::accepted::lead(acceptance);
    let names = |keys: &[String]| {
        keys.iter()
            .map(|key| markdown::code(key))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if !found.accepted.is_empty() {
        text.push_str(&format!(
            "The check {} is neutral now, for this commit alone. ",
            names(&found.accepted)
        ));
    }
    if !found.open.is_empty() {
        text.push_str(&format!("{} will be when it is completed. ", names(&found.open)));
    }
    if !found.broken.is_empty() {
        text.push_str(&format!(
            "{} stays as it is: what was not measured cannot be accepted. ",
            names(&found.broken)
        ));
    }
    text.push_str("A new commit needs a new acceptance; editing or deleting the comment takes this one back.\n");
    text
}
