//! When a job runs: the workflow's triggers, and what a job's `if:` makes of each.

use crate::config::tree::Node;
use crate::config::tree::NodeId;

use super::read;
use super::read::Job;
use super::read::Workflow;

/// Deeper than conditions nest.
const DEEPEST: usize = 64;

/// One entry of `on:`.
pub(super) struct Trigger<'a> {
    pub(super) event: &'a str,
    /// Of its name.
    pub(super) node: NodeId,
    /// Its filters, where it has some.
    pub(super) filters: Option<&'a Node>,
}

/// The triggers of a workflow, however they are written.
pub(super) fn triggers(workflow: &Workflow) -> Vec<Trigger<'_>> {
    let Some(on) = read::entry(&workflow.root, "on").or_else(|| read::entry(&workflow.root, "true")) else {
        return Vec::new();
    };
    if let Some(event) = read::text(&on.value) {
        return vec![Trigger {
            event,
            node: on.value.id,
            filters: None,
        }];
    }
    let listed = read::elements(&on.value).iter().filter_map(|element| {
        Some(Trigger {
            event: read::text(element)?,
            node: element.id,
            filters: None,
        })
    });
    let keyed = read::entries(&on.value).iter().map(|entry| Trigger {
        event: &entry.key,
        node: entry.key_id,
        filters: Some(&entry.value),
    });
    listed.chain(keyed).collect()
}

/// What a condition comes to, as far as can be said without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Bool(bool),
    Text(String),
    Unknown,
}

/// True unless the job's condition, or one of a job that it needs, rules this event out.
pub(super) fn runs_on(job: &Job<'_>, event: &str) -> bool {
    let mut conditions = job.conditions.iter();
    conditions.all(|written| condition(Some(written), event) != Some(false))
}

/// What a condition comes to on an event; `None` where that cannot be said. No condition is true.
pub(super) fn condition(condition: Option<&str>, event: &str) -> Option<bool> {
    let Some(written) = condition else {
        return Some(true);
    };
    let text = read::expression(written).unwrap_or(written);
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        event,
    };
    let value = parser.either()?;
    if parser.at < parser.tokens.len() {
        return None;
    }
    match value {
        Known::Bool(value) => Some(value),
        Known::Text(text) => Some(!text.is_empty()),
        Known::Unknown => None,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

/// `None` where a text does not end, or has characters that no expression has.
fn tokens(text: &str) -> Option<Vec<Token>> {
    const SIGNS: &[&str] = &[
        "&&", "||", "==", "!=", "<=", ">=", "!", "(", ")", ",", "<", ">", "[", "]",
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let end = rest.get(1..)?.find('\'')?;
            tokens.push(Token::Text(rest.get(1..=end)?.to_owned()));
            rest = rest.get(end + 2..)?;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..)?;
        } else {
            let part = |character: char| character.is_alphanumeric() || "_-.*".contains(character);
            let end = rest.find(|character| !part(character)).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            tokens.push(Token::Word(rest.get(..end)?.to_owned()));
            rest = rest.get(end..)?;
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    event: &'a str,
}

impl Parser<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(there);
        there
    }

    fn either(&mut self) -> Option<Known> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut value = self.both()?;
        while self.takes("||") {
            let other = self.both()?;
            value = match (truth(&value), truth(&other)) {
                (Some(true), _) | (_, Some(true)) => Known::Bool(true),
                (Some(false), Some(false)) => Known::Bool(false),
                _ => Known::Unknown,
            };
        }
        self.depth -= 1;
        Some(value)
    }

    fn both(&mut self) -> Option<Known> {
        let mut value = self.equal()?;
        while self.takes("&&") {
            let other = self.equal()?;
            value = match (truth(&value), truth(&other)) {
                (Some(false), _) | (_, Some(false)) => Known::Bool(false),
                (Some(true), Some(true)) => Known::Bool(true),
                _ => Known::Unknown,
            };
        }
        Some(value)
    }

    fn equal(&mut self) -> Option<Known> {
        let value = self.single()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.takes(sign) {
                let other = self.single()?;
                let (Known::Text(one), Known::Text(two)) = (&value, &other) else {
                    return Some(Known::Unknown);
                };
                return Some(match sign {
                    "==" => Known::Bool(one.eq_ignore_ascii_case(two)),
                    "!=" => Known::Bool(!one.eq_ignore_ascii_case(two)),
                    _ => Known::Unknown,
                });
            }
        }
        Some(value)
    }

    fn single(&mut self) -> Option<Known> {
        let mut negated = false;
        while self.takes("!") {
            negated = !negated;
        }
        let value = self.atom()?;
        Some(match (negated, truth(&value)) {
            (false, _) => value,
            (true, Some(truth)) => Known::Bool(!truth),
            (true, None) => Known::Unknown,
        })
    }

    fn atom(&mut self) -> Option<Known> {
        if self.takes("(") {
            let value = self.either()?;
            return self.takes(")").then_some(value);
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let word = match token {
            Token::Text(text) => return Some(Known::Text(text)),
            Token::Sign(_) => return None,
            Token::Word(word) => word,
        };
        if self.takes("(") {
            let mut open = 1;
            while open > 0 {
                match self.tokens.get(self.at)? {
                    Token::Sign("(") => open += 1,
                    Token::Sign(")") => open -= 1,
                    _ => {}
                }
                self.at += 1;
            }
            // A job that is cancelled, or whose needs failed, is not what events are about.
            return Some(match word.as_str() {
                "always" | "success" => Known::Bool(true),
                "failure" | "cancelled" => Known::Bool(false),
                _ => Known::Unknown,
            });
        }
        if self.takes("[") {
            while !self.takes("]") {
                self.tokens.get(self.at)?;
                self.at += 1;
            }
            return Some(Known::Unknown);
        }
        Some(match word.as_str() {
            "github.event_name" => Known::Text(self.event.to_owned()),
            "true" => Known::Bool(true),
            "false" => Known::Bool(false),
            _ => Known::Unknown,
        })
    }
}

fn truth(value: &Known) -> Option<bool> {
    match value {
        Known::Bool(value) => Some(*value),
        Known::Text(text) => Some(!text.is_empty()),
        Known::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::condition;

    #[test]
    fn conditions_over_events() {
        for (text, push, proposal) in [
            ("github.event_name == 'push'", Some(true), Some(false)),
            ("${{ github.event_name != 'push' }}", Some(false), Some(true)),
            (
                "github.event_name == 'push' && github.ref == 'refs/heads/main'",
                None,
                Some(false),
            ),
            (
                "github.ref == 'x' || github.event_name == 'pull_request'",
                None,
                Some(true),
            ),
            ("!(github.event_name == 'push')", Some(false), Some(true)),
            ("!cancelled() && always()", Some(true), Some(true)),
            ("contains(github.event.labels.*.name, 'bench (slow)')", None, None),
            ("github.event['action'] == 'x'", None, None),
            ("false", Some(false), Some(false)),
            ("${{ false }}", Some(false), Some(false)),
            ("github.event_name == 'push", None, None),
            ("(((", None, None),
        ] {
            assert_eq!(condition(Some(text), "push"), push, "{text}");
            assert_eq!(condition(Some(text), "pull_request"), proposal, "{text}");
        }
        assert_eq!(condition(None, "push"), Some(true));
        assert_eq!(condition(Some(&"(".repeat(100_000)), "push"), None);
        assert_eq!(condition(Some(&"!".repeat(100_000)), "push"), None);
    }

    proptest! {
        #[test]
        fn no_condition_makes_it_panic(text in "[ a-z'.()!&|=\\[\\]é]{0,40}") {
            let _ = condition(Some(&text), "push");
        }
    }
}
