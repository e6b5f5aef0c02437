//! What a comment asks for: a line that starts with `/mlbuild`, read by a small grammar. Pure: the same text at the same time is
//! the same command.
//!
//! ```text
//! /mlbuild help
//! /mlbuild run [MODEL] [--variants A,B] [--sha SHA]
//! /mlbuild explain [MODEL]
//! /mlbuild accept REASON… [--until DATE | --days N] [--sha SHA]
//! /mlbuild baseline refresh
//! /mlbuild profile [MODEL] [--sha SHA]
//! /mlbuild explore [MODEL] [--sha SHA]
//! ```

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::bot::markdown_lines;
use crate::bot::words;
use crate::bot::words::Word;
use crate::config::nearest::nearest;
use crate::config::nearest::quoted;
use crate::github::CommitSha;
use crate::variant::Recipe;
use crate::when;

/// What a command's line starts with.
pub const PREFIX: &str = "/mlbuild";

/// A longer line is no command, in bytes.
pub const MAX_LINE: usize = 2_000;

/// The longest name of a model, in characters.
pub const MAX_NAME: usize = 200;

/// The longest reason, in characters.
pub const MAX_REASON: usize = 400;

/// More variants are no selection.
pub const MAX_VARIANTS: usize = 32;

/// How long an acceptance holds where nothing is said, in days.
pub const DEFAULT_DAYS: u64 = 30;

/// The longest that one holds, in days.
pub const MAX_DAYS: u64 = 366;

const VERBS: [&str; 7] = ["help", "run", "explain", "accept", "baseline", "profile", "explore"];

/// A command, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What is to be done.
    pub verb: Verb,
    /// The commit that is meant, where the line names it.
    pub sha: Option<CommitSha>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Say what there is.
    Help,
    /// Measure again.
    Run {
        /// Only this model.
        model: Option<String>,
        /// Only these variants, by the names of their recipes; all where there are none.
        variants: Vec<String>,
    },
    /// Say in words what was found.
    Explain {
        /// Only this model.
        model: Option<String>,
    },
    /// Take the result as it is.
    Accept {
        /// Why, as it was written.
        reason: String,
        /// When that ends.
        until: Timestamp,
    },
    /// Publish the default branch's baseline anew.
    RefreshBaseline,
    /// Say where the time goes.
    Profile {
        /// Of this model; of the only one where there is one.
        model: Option<String>,
    },
    /// Say which variant is worth having.
    Explore {
        /// Of this model; of the only one where there is one.
        model: Option<String>,
    },
}

impl Verb {
    /// Whether it concerns the commit that is proposed, so that it must be pinned.
    pub fn concerns_head(&self) -> bool {
        match self {
            Self::Run { .. } | Self::Accept { .. } | Self::Profile { .. } | Self::Explore { .. } => true,
            Self::Help | Self::Explain { .. } | Self::RefreshBaseline => false,
        }
    }

    /// How it is called, as in `/mlbuild run`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Run { .. } => "run",
            Self::Explain { .. } => "explain",
            Self::Accept { .. } => "accept",
            Self::RefreshBaseline => "baseline refresh",
            Self::Profile { .. } => "profile",
            Self::Explore { .. } => "explore",
        }
    }
}

/// A line that starts like a command and is none: what is wrong, and what to write. Names in backticks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misunderstood {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Misunderstood {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// The command in `body`, written at `now`; `None` where there is none.
pub fn parse(body: &str, now: Timestamp) -> Option<Result<Command, Misunderstood>> {
    let mut lines = markdown_lines::spoken(body).filter_map(after_prefix);
    let line = lines.next()?;
    if lines.next().is_some() {
        return Some(Err(Misunderstood::new(
            "there is more than one command in the comment",
            "write one command a comment",
        )));
    }
    Some(read(line, now))
}

/// What follows [`PREFIX`], where `line` starts with it as a word.
fn after_prefix(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(PREFIX)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

fn read(line: &str, now: Timestamp) -> Result<Command, Misunderstood> {
    if line.len() > MAX_LINE {
        return Err(Misunderstood::new(
            format!("the line is longer than {MAX_LINE} bytes"),
            "write less; a reason has one sentence",
        ));
    }
    let words = words::split(line).map_err(|error| {
        Misunderstood::new(
            error.to_string(),
            "close every quote and write less: a reason is one sentence and needs no quotes",
        )
    })?;
    let mut arguments = Arguments::sort(words)?;
    let Some(verb) = arguments.take() else {
        return arguments.end(Verb::Help);
    };
    match verb.to_lowercase().as_str() {
        "help" => arguments.end(Verb::Help),
        "run" => {
            let variants = arguments.variants.take().unwrap_or_default();
            let model = arguments.model()?;
            arguments.end(Verb::Run { model, variants })
        }
        "explain" => {
            let model = arguments.model()?;
            arguments.end(Verb::Explain { model })
        }
        "profile" => {
            let model = arguments.model()?;
            arguments.end(Verb::Profile { model })
        }
        "explore" => {
            let model = arguments.model()?;
            arguments.end(Verb::Explore { model })
        }
        "baseline" => match arguments.take().map(|word| word.to_lowercase()).as_deref() {
            Some("refresh") => arguments.end(Verb::RefreshBaseline),
            other => Err(Misunderstood::new(
                match other {
                    Some(word) => format!("`baseline` has no {}", quoted(word)),
                    None => "`baseline` alone says nothing".to_owned(),
                },
                "write `/mlbuild baseline refresh`",
            )),
        },
        "accept" => {
            let until = arguments.until(now)?;
            let reason = arguments.reason()?;
            arguments.end(Verb::Accept { reason, until })
        }
        other => Err(unknown("command", other, "", &VERBS)),
    }
}

fn unknown(what: &str, word: &str, dashes: &str, known: &[&str]) -> Misunderstood {
    let hint = match nearest(word, known.iter().copied()) {
        Some(close) => format!("did you mean `{dashes}{close}`?"),
        None => format!("`{PREFIX} help` lists what there is"),
    };
    Misunderstood::new(
        format!("there is no {what} {}", quoted(&format!("{dashes}{word}"))),
        hint,
    )
}

/// The words of a line: options by name, the rest in order.
#[derive(Default)]
struct Arguments {
    words: std::collections::VecDeque<String>,
    variants: Option<Vec<String>>,
    sha: Option<CommitSha>,
    until: Option<String>,
    days: Option<String>,
}

const OPTIONS: [&str; 4] = ["variants", "sha", "until", "days"];

impl Arguments {
    fn sort(words: Vec<Word>) -> Result<Self, Misunderstood> {
        let mut sorted = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let option = word
                .text
                .strip_prefix("--")
                // Telephones make a dash of two hyphens.
                .or_else(|| word.text.strip_prefix(['—', '–']))
                .filter(|name| !word.quoted && name.starts_with(char::is_alphabetic));
            let Some(option) = option else {
                sorted.words.push_back(word.text);
                continue;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (option.to_owned(), None),
            };
            let name = name.to_lowercase();
            if !OPTIONS.contains(&name.as_str()) {
                return Err(unknown("option", &name, "--", &OPTIONS));
            }
            let value = value
                .or_else(|| words.next().map(|word| word.text))
                .filter(|value| !value.trim().is_empty())
                .ok_or_else(|| Misunderstood::new(format!("`--{name}` has no value"), example(&name)))?;
            sorted.set(&name, value)?;
        }
        Ok(sorted)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Misunderstood> {
        let twice = match name {
            "variants" => self.variants.replace(variants(&value)?).is_some(),
            "sha" => self.sha.replace(sha(&value)?).is_some(),
            "until" => self.until.replace(value).is_some(),
            _ => self.days.replace(value).is_some(),
        };
        if twice {
            return Err(Misunderstood::new(
                format!("`--{name}` stands there twice"),
                example(name),
            ));
        }
        Ok(())
    }

    fn take(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The one model's name, where there is one.
    fn model(&mut self) -> Result<Option<String>, Misunderstood> {
        let Some(name) = self.take() else { return Ok(None) };
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Misunderstood::new(
                format!("{} cannot be the name of a model", quoted(&name)),
                format!("models have names of up to {MAX_NAME} characters, as in the config"),
            ));
        }
        Ok(Some(name))
    }

    /// All words that are left.
    fn reason(&mut self) -> Result<String, Misunderstood> {
        let reason = self.words.drain(..).collect::<Vec<_>>().join(" ");
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let hint = "write `/mlbuild accept` and why, such as `/mlbuild accept the new head is worth 3 %`";
        if reason.chars().filter(|character| character.is_alphanumeric()).count() < 3 {
            return Err(Misunderstood::new("`accept` needs a reason", hint));
        }
        if reason.chars().count() > MAX_REASON {
            return Err(Misunderstood::new(
                format!("the reason is longer than {MAX_REASON} characters"),
                "say it in a sentence",
            ));
        }
        Ok(reason)
    }

    fn until(&mut self, now: Timestamp) -> Result<Timestamp, Misunderstood> {
        let range = format!("an acceptance holds from one day to {MAX_DAYS} days");
        let latest = in_days(now, MAX_DAYS + 1);
        let until = match (self.until.take(), self.days.take()) {
            (Some(_), Some(_)) => {
                return Err(Misunderstood::new(
                    "`--until` and `--days` say the same thing twice",
                    "leave one of them out",
                ));
            }
            (None, None) => in_days(now, DEFAULT_DAYS),
            (None, Some(days)) => days
                .parse::<u64>()
                .ok()
                .filter(|days| (1..=MAX_DAYS).contains(days))
                .map(|days| in_days(now, days))
                .ok_or_else(|| {
                    Misunderstood::new(format!("{} is not a number of days", quoted(&days)), range.clone())
                })?,
            (Some(text), None) => text
                .parse::<jiff::civil::Date>()
                .ok()
                .and_then(|_| when::parse_until(&text, now).ok())
                .ok_or_else(|| Misunderstood::new(format!("{} is not a day", quoted(&text)), example("until")))?,
        };
        if until <= now || until > latest {
            return Err(Misunderstood::new("that day is not ahead, or too far", range));
        }
        Ok(until)
    }

    /// The command, where nothing is left over.
    fn end(mut self, verb: Verb) -> Result<Command, Misunderstood> {
        let name = verb.name();
        if let Some(word) = self.take() {
            return Err(Misunderstood::new(
                format!("`{name}` does not take {}", quoted(&word)),
                "put a name with spaces in quotes; `/mlbuild help` lists what there is",
            ));
        }
        let left = [
            ("variants", self.variants.is_some()),
            ("until", self.until.is_some()),
            ("days", self.days.is_some()),
            ("sha", self.sha.is_some() && !verb.concerns_head()),
        ];
        if let Some((option, _)) = left.iter().find(|(_, given)| *given) {
            return Err(Misunderstood::new(
                format!("`{name}` does not take `--{option}`"),
                "`/mlbuild help` lists what there is",
            ));
        }
        Ok(Command { verb, sha: self.sha })
    }
}

fn in_days(now: Timestamp, days: u64) -> Timestamp {
    let hours = i64::try_from(days).unwrap_or(0).saturating_mul(24);
    now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(now)
}

fn example(option: &str) -> String {
    match option {
        "variants" => "write them with commas, such as `--variants fp32,int8`",
        "sha" => "write all of the commit's digits, such as `--sha 3f36810e…`",
        "until" => "write a day, such as `--until 2026-12-24`",
        _ => "write a number, such as `--days 14`",
    }
    .to_owned()
}

fn sha(text: &str) -> Result<CommitSha, Misunderstood> {
    text.to_lowercase()
        .parse()
        .map_err(|_| Misunderstood::new(format!("{} is not a whole commit", quoted(text)), example("sha")))
}

fn variants(text: &str) -> Result<Vec<String>, Misunderstood> {
    let mut names = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let recipe = Recipe::parse(part)
            .map_err(|_| Misunderstood::new(format!("{} is not a variant", quoted(part)), example("variants")))?;
        if !names.contains(&recipe.name()) {
            names.push(recipe.name());
        }
    }
    if names.is_empty() || names.len() > MAX_VARIANTS {
        return Err(Misunderstood::new(
            format!("`--variants` names from one to {MAX_VARIANTS} variants"),
            example("variants"),
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().unwrap()
    }

    fn said(body: &str) -> Result<Command, Misunderstood> {
        parse(body, now()).expect("no command")
    }

    fn verb(body: &str) -> Verb {
        said(body).unwrap_or_else(|error| panic!("{body}: {error}")).verb
    }

    fn wrong(body: &str) -> String {
        let error = said(body).expect_err(body);
        format!("{}; {}", error.message, error.hint)
    }

    fn accepted(body: &str) -> (String, String) {
        match verb(body) {
            Verb::Accept { reason, until } => (reason, until.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(verb("/mlbuild"), Verb::Help);
        assert_eq!(verb("thanks!\r\n\r\n/mlbuild HELP\r\n"), Verb::Help);
        assert_eq!(
            verb("/mlbuild run"),
            Verb::Run {
                model: None,
                variants: Vec::new()
            }
        );
        assert_eq!(
            verb("/mlbuild run 'my model' --variants fp32,int8 "),
            Verb::Run {
                model: Some("my model".to_owned()),
                variants: vec!["fp32".to_owned(), "int8".to_owned()]
            }
        );
        // A telephone's dash.
        assert_eq!(
            verb("/mlbuild run —variants=fp16"),
            Verb::Run {
                model: None,
                variants: vec!["fp16".to_owned()]
            }
        );
        assert_eq!(verb("/mlbuild explain"), Verb::Explain { model: None });
        assert_eq!(verb("/mlbuild baseline refresh"), Verb::RefreshBaseline);
        let model = Some("a".to_owned());
        assert_eq!(verb("/mlbuild profile a"), Verb::Profile { model: model.clone() });
        assert_eq!(verb("/mlbuild explore a"), Verb::Explore { model });
        let command = said(&format!("/mlbuild run --sha {}", "AB".repeat(20))).unwrap();
        assert_eq!(command.sha.unwrap().as_str(), "ab".repeat(20));
    }

    #[test]
    fn an_acceptance_says_why_and_until_when() {
        assert_eq!(
            accepted("/mlbuild accept it's   the customer's wish"),
            ("it's the customer's wish".to_owned(), "2026-12-28T12:00:00Z".to_owned())
        );
        assert_eq!(
            accepted("/mlbuild accept \"more accurate\" --until 2026-12-24").1,
            "2026-12-25T00:00:00Z"
        );
        assert_eq!(accepted("/mlbuild accept --days 1 why not").1, "2026-11-29T12:00:00Z");
        for (line, part) in [
            ("accept", "needs a reason"),
            ("accept ..", "needs a reason"),
            ("accept fine --days 0", "not a number of days"),
            ("accept fine --days 367", "not a number of days"),
            ("accept fine --days -1", "not a number of days"),
            ("accept fine --until yesterday", "not a day"),
            ("accept fine --until 2026-11-27", "not ahead"),
            ("accept fine --until 2028-01-01", "too far"),
            ("accept fine --until 2026-12-24 --days 3", "twice"),
            ("accept fine --days", "has no value"),
        ] {
            let message = wrong(&format!("/mlbuild {line}"));
            assert!(message.contains(part), "{line}: {message}");
        }
        assert!(wrong(&format!("/mlbuild accept {}", "why ".repeat(120))).contains("longer"));
    }

    #[test]
    fn slips_are_named_with_what_may_be_meant() {
        for (line, part) in [
            ("rnu", "did you mean `run`?"),
            ("explian", "did you mean `explain`?"),
            ("acept fine", "did you mean `accept`?"),
            ("dance", "`/mlbuild help` lists"),
            ("run --varients fp32", "did you mean `--variants`?"),
            ("run --variants bogus", "not a variant"),
            ("run a b", "does not take `b`"),
            ("help me", "does not take `me`"),
            ("help --days 3", "does not take `--days`"),
            (
                "explain --sha 0123456789012345678901234567890123456789",
                "does not take `--sha`",
            ),
            ("run --sha abc", "not a whole commit"),
            ("run --sha", "has no value"),
            ("run --variants fp32 --variants int8", "twice"),
            ("run \"a", "never closed"),
            ("baseline", "baseline refresh"),
            ("baseline refesh", "baseline refresh"),
        ] {
            let message = wrong(&format!("/mlbuild {line}"));
            assert!(message.contains(part), "{line}: {message}");
        }
        assert!(wrong("/mlbuild run\n/mlbuild explain").contains("one command a comment"));
        assert!(wrong(&format!("/mlbuild run {}", "x".repeat(300))).contains("cannot be the name"));
        assert!(wrong(&format!("/mlbuild run {}", "x".repeat(3000))).contains("longer than"));
    }

    #[test]
    fn only_a_line_that_starts_with_it_is_a_command() {
        for body in [
            "",
            "please /mlbuild run",
            " /mlbuild run",
            "> /mlbuild run",
            "- /mlbuild run",
            "`/mlbuild run`",
            "/mlbuilder run",
            "/mlbuild-run",
            "/MLBUILD run",
            "```\n/mlbuild run\n```",
            "    /mlbuild run",
            "<!--\n/mlbuild run\n-->",
        ] {
            assert_eq!(parse(body, now()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_understood_is_within_its_limits(
            body in prop_oneof![
                any::<String>(),
                "/mlbuild [ -~]{0,80}",
                "/mlbuild (run|accept|explain|profile|baseline|explore)( (--(sha|days|until|variants)[ =])?[ -~“”—']{0,20}){0,5}",
            ]
        ) {
            match parse(&body, now()) {
                None => prop_assert!(!body.starts_with("/mlbuild ")),
                Some(Err(error)) => {
                    prop_assert!(!error.message.is_empty() && !error.hint.is_empty());
                    prop_assert!(error.message.len() < 600);
                }
                Some(Ok(command)) => match command.verb {
                    Verb::Accept { reason, until } => {
                        prop_assert!(reason.chars().count() <= MAX_REASON && !reason.contains(['\n', '\r']));
                        prop_assert!(until > now() && until <= in_days(now(), MAX_DAYS + 1));
                    }
                    Verb::Run { model, variants } => {
                        prop_assert!(model.is_none_or(|name| name.chars().count() <= MAX_NAME));
                        prop_assert!(variants.len() <= MAX_VARIANTS);
                        prop_assert!(variants.iter().all(|name| Recipe::parse(name).is_ok()));
                    }
                    _ => {}
                },
            }
        }

        #[test]
        fn quoted_names_come_back(name in "[ -~]{1,40}") {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            let command = said(&format!("/mlbuild profile \"{escaped}\""));
            prop_assert_eq!(command.unwrap().verb, Verb::Profile { model: Some(name) });
        }
    }
}
