//! From the tree to the types in [`super::raw`], by serde, with a place for every complaint.
//!
//! serde tells which keys a table may have, so unknown ones are found here, all of them, and no list of keys is kept twice. A
//! wrong value ends the decoding.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::IntoDeserializer as _;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use super::error::MOST_PROBLEMS;
use super::error::Problem;
use super::nearest::nearest;
use super::nearest::quoted;
use super::raw;
use super::source::Source;
use super::spans::join;
use super::tree::Entry;
use super::tree::Node;
use super::tree::NodeId;
use super::tree::Value;

/// Decodes a whole tree.
pub(super) fn decode<'de, T: Deserialize<'de>>(root: &'de Node, source: &'de Source) -> Result<T, Vec<Problem>> {
    let problems = Rc::new(RefCell::new(Vec::new()));
    let decoder = Decoder {
        node: root,
        path: String::new(),
        source,
        problems: Rc::clone(&problems),
    };
    let outcome = T::deserialize(decoder.clone()).map_err(|failure| decoder.adopt(failure));
    let problems = problems.take();
    match outcome {
        Ok(value) if problems.is_empty() => Ok(value),
        _ => Err(problems),
    }
}

/// Why decoding ended.
#[derive(Debug)]
enum Failure {
    /// The problem is among the problems already.
    Reported,
    /// The innermost decoder that sees it gives it a place.
    Bare(String),
    /// A key that must be there is not.
    Missing(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported"),
            Self::Bare(message) => f.write_str(message),
            Self::Missing(key) => write!(f, "missing key `{key}`"),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Bare(message.to_string())
    }

    fn missing_field(key: &'static str) -> Self {
        Self::Missing(key)
    }
}

/// A node with the path that leads to it.
#[derive(Clone)]
struct Decoder<'de> {
    node: &'de Node,
    path: String,
    source: &'de Source,
    problems: Rc<RefCell<Vec<Problem>>>,
}

impl<'de> Decoder<'de> {
    fn child(&self, node: &'de Node, path: String) -> Self {
        Self {
            node,
            path,
            source: self.source,
            problems: Rc::clone(&self.problems),
        }
    }

    /// A problem with a node, placed while it can still matter.
    fn problem(&self, id: NodeId, message: String) -> Problem {
        if self.problems.borrow().len() < MOST_PROBLEMS {
            self.source.problem(id, message)
        } else {
            Problem::whole(message)
        }
    }

    fn report(&self, problem: Problem) -> Failure {
        self.problems.borrow_mut().push(problem);
        Failure::Reported
    }

    /// Gives a failure its place.
    fn adopt(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Reported => Failure::Reported,
            Failure::Bare(message) => match message.split_once(": expected ") {
                Some((fault, expected)) => self.wrong(fault, expected),
                None => {
                    let message = format!("wrong value for {}: {message}", self.name());
                    self.report(self.problem(self.node.id, message))
                }
            },
            Failure::Missing(key) => {
                let problem = if self.path.is_empty() {
                    Problem::whole(format!("the config lacks the key `{key}`"))
                } else {
                    let message = format!("{} lacks the key `{key}`", self.name());
                    self.problem(self.node.id, message).label(format!("`{key}` is missing"))
                };
                self.report(problem.hint(format!("add `{key}:`; {}", raw::meaning(key))))
            }
        }
    }

    fn wrong(&self, fault: &str, expected: &str) -> Failure {
        let message = format!("wrong value for {}: {fault}", self.name());
        let problem = self.problem(self.node.id, message);
        self.report(problem.label(format!("expected {expected}")))
    }

    fn mismatch(&self, expected: &str) -> Failure {
        let found = match &self.node.value {
            Value::Null => "found nothing".to_owned(),
            Value::Bool(_, text) => format!("found {}", quoted(text)),
            Value::Number(_, text) => format!("found the number {}", quoted(text)),
            Value::Text(text) => format!("found the text {}", quoted(text)),
            Value::List(_) => "found a list".to_owned(),
            Value::Table(_) => "found a table of keys".to_owned(),
        };
        self.wrong(&found, expected)
    }

    fn name(&self) -> String {
        if self.path.is_empty() {
            "the config".to_owned()
        } else {
            quoted(&self.path)
        }
    }

    /// A scalar as it was written.
    fn text(&self) -> Option<&'de str> {
        match &self.node.value {
            Value::Text(text) | Value::Number(_, text) | Value::Bool(_, text) => Some(text),
            Value::Null | Value::List(_) | Value::Table(_) => None,
        }
    }

    fn whole(&self) -> Option<u64> {
        match &self.node.value {
            Value::Number(number, _) if *number >= 0.0 && number.fract() == 0.0 && *number < 9e15 => {
                Some(*number as u64)
            }
            Value::Number(_, text) => text.parse().ok(),
            _ => None,
        }
    }

    fn unknown_key(&self, entry: &Entry, keys: &'static [&'static str]) -> Failure {
        let key = quoted(&entry.key);
        let place = if self.path.is_empty() {
            "at the top level".to_owned()
        } else {
            format!("in {}", self.name())
        };
        if let Some(instead) = raw::key_not_yet(&self.path, &entry.key) {
            let problem = self.problem(entry.key_id, format!("{key} {place} is not supported yet"));
            return self.report(problem.label("not yet").hint(instead));
        }
        let problem = self.problem(entry.key_id, format!("unknown key {key} {place}"));
        let problem = match nearest(&entry.key, keys.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None if entry.key == "<<" => problem.label("merge keys are not read; write the settings out"),
            None => problem.label("unknown"),
        };
        let of = if self.path.is_empty() {
            "the top level".to_owned()
        } else {
            self.name()
        };
        self.report(problem.hint(match keys {
            [only] => format!("the only key of {of} is {only}"),
            _ => format!("the keys of {of} are {}", keys.join(", ")),
        }))
    }
}

macro_rules! whole_numbers {
    ($($method:ident),+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.whole() {
                Some(number) => visitor.visit_u64(number),
                None => Err(self.mismatch("a whole number, 0 or more")),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value, _) => visitor.visit_bool(*value),
            Value::Number(number, _) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(_) => self.clone().deserialize_seq(visitor),
            Value::Table(_) => self.clone().deserialize_map(visitor),
        }
    }

    whole_numbers!(deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64);

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Number(number, _) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(self.mismatch("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(self.mismatch("a text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::List(elements) => visitor.visit_seq(Elements {
                decoder: &self,
                elements,
                next: 0,
            }),
            _ => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Table(entries) => visitor.visit_map(Entries {
                decoder: &self,
                entries: entries.iter().collect(),
                next: 0,
            }),
            _ => Err(self.mismatch("a table of keys")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Table(entries) => {
                let (known, unknown): (Vec<&Entry>, Vec<&Entry>) =
                    entries.iter().partition(|entry| keys.contains(&entry.key.as_str()));
                for entry in unknown {
                    self.unknown_key(entry, keys);
                }
                visitor.visit_map(Entries {
                    decoder: &self,
                    entries: known,
                    next: 0,
                })
            }
            Value::Text(_) if let Some(key) = raw::short_form(name) => visitor.visit_map(Short {
                decoder: &self,
                key: Some(key),
            }),
            _ => Err(self.mismatch(&format!("a table of the keys {}", keys.join(", ")))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Some(text) = self.text() else {
            return Err(self.mismatch(&format!("one of {}", words.join(", "))));
        };
        if let Some(word) = words.iter().find(|word| **word == text) {
            return visitor.visit_enum((*word).into_deserializer());
        }
        if let Some(instead) = raw::value_not_yet(&self.path, text) {
            let message = format!("{} as {} is not supported yet", quoted(text), self.name());
            let problem = self.problem(self.node.id, message);
            return Err(self.report(problem.label("not yet").hint(instead)));
        }
        let message = format!("unknown value {} for {}", quoted(text), self.name());
        let problem = self.problem(self.node.id, message);
        let problem = match nearest(text, words.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("unknown"),
        };
        Err(self.report(problem.hint(format!("{} is one of {}", self.name(), words.join(", ")))))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Elements<'a, 'de> {
    decoder: &'a Decoder<'de>,
    elements: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(node) = self.elements.get(self.next) else {
            return Ok(None);
        };
        let path = format!("{}[{}]", self.decoder.path, self.next);
        self.next += 1;
        let child = self.decoder.child(node, path);
        seed.deserialize(child.clone())
            .map(Some)
            .map_err(|failure| child.adopt(failure))
    }
}

struct Entries<'a, 'de> {
    decoder: &'a Decoder<'de>,
    entries: Vec<&'de Entry>,
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        match self.entries.get(self.next) {
            Some(entry) => seed.deserialize(entry.key.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let entry = self.entries[self.next];
        self.next += 1;
        let path = join(&self.decoder.path, &entry.key);
        let child = self.decoder.child(&entry.value, path);
        seed.deserialize(child.clone()).map_err(|failure| child.adopt(failure))
    }
}

/// A value that stands for a table of one key.
struct Short<'a, 'de> {
    decoder: &'a Decoder<'de>,
    key: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Short<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        match self.key.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seed.deserialize(self.decoder.clone())
    }
}
