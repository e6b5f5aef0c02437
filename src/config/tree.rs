//! YAML as a tree in which every node has a number.
//!
//! The parser tells the place of errors only. A node's place is therefore found by walking the same text once more and failing
//! at that node; its number is its turn in the walk. So places are right for every way of writing YAML, and cost nothing until
//! one is asked for.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::EnumAccess;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_yaml::Error;

/// More nodes than any config needs, aliases expanded. The parser alone would expand aliases a hundredfold.
const MOST_NODES: NodeId = 20_000;
/// Deeper than any config needs.
const DEEPEST: u32 = 16;
/// The parser's time grows with the square of unclosed brackets, so they are counted before it sees the text.
const MOST_BRACKETS: usize = 5_000;

/// What to do about all of these.
const SIMPLER: &str = "write the settings out plainly; a config needs no more than that";

/// A node's turn in a walk over the text, from 0; keys have one too.
pub(super) type NodeId = u32;

/// A value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    /// With the text that it was written as.
    Bool(bool, String),
    /// With the text that it was written as: `1.30` is not 1.3 where a text is wanted.
    Number(f64, String),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_id: NodeId,
    pub(super) value: Node,
}

/// Why a text is no tree.
#[derive(Debug)]
pub(super) struct Malformed {
    /// In bytes; `None` where the parser doesn't know.
    pub(super) offset: Option<usize>,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

/// A key that stands twice in one table.
#[derive(Debug)]
pub(super) struct Duplicate {
    pub(super) key: String,
    pub(super) first: NodeId,
    pub(super) second: NodeId,
}

/// Reads a text. A duplicate keeps its first value.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<Duplicate>), Malformed> {
    if let Some((offset, _)) = text.match_indices(['[', '{']).nth(MOST_BRACKETS) {
        return Err(Malformed {
            offset: Some(offset),
            message: format!("more than {MOST_BRACKETS} brackets"),
            hint: Some(SIMPLER),
        });
    }
    let mut walk = Walk::new(None);
    let mut outcome = walk.run(text);
    let plain = walk.plain.take();
    if outcome.is_ok() && !plain.is_empty() {
        // The parser gives a number or its text, and which one to ask for is known only now.
        walk = Walk::new(None);
        walk.known = plain;
        outcome = walk.run(text);
    }
    match outcome {
        Ok(node) => Ok((node, walk.duplicates.into_inner())),
        Err(error) => Err(malformed(text, &error, walk.refusal.take())),
    }
}

/// Where a node starts, in bytes.
pub(super) fn offset_of(text: &str, id: NodeId) -> Option<usize> {
    let error = Walk::new(Some(id)).run(text).err()?;
    error.location().map(|location| location.index())
}

fn malformed(text: &str, error: &Error, refusal: Option<(String, &'static str)>) -> Malformed {
    let offset = error.location().map(|location| location.index());
    if let Some((message, hint)) = refusal {
        return Malformed {
            offset,
            message,
            hint: Some(hint),
        };
    }
    let line_start = offset
        .and_then(|offset| text.get(..offset))
        .map_or(0, |before| before.rfind('\n').map_or(0, |newline| newline + 1));
    let line = text[line_start..].lines().next().unwrap_or_default();
    let indentation = &line[..line.len() - line.trim_start().len()];
    if let Some(tab) = indentation.find('\t') {
        return Malformed {
            offset: Some(line_start + tab),
            message: "a tab in the indentation".to_owned(),
            hint: Some("YAML is indented with spaces only"),
        };
    }
    let complaint = error.to_string();
    if complaint.contains("more than one document") {
        return Malformed {
            offset: text.rfind("\n---").map(|newline| newline + 1),
            message: "more than one YAML document".to_owned(),
            hint: Some("a config is one document: remove the line `---`"),
        };
    }
    if complaint.contains("expected a plain key") {
        return Malformed {
            offset,
            message: "a key is neither a list nor a table".to_owned(),
            hint: Some("put a text in quotes where it starts with a bracket"),
        };
    }
    let message = complaint.split(" at line ").next().unwrap_or_default();
    // Of characters that it cannot read, the parser tells the place in words only.
    let (message, position) = match message.split_once(" at position ") {
        Some((message, position)) => (message, position.parse().ok()),
        None => (message, None),
    };
    Malformed {
        offset: position.or(offset),
        message: format!("not valid YAML: {message}"),
        hint: None,
    }
}

struct Walk {
    /// The node to fail at.
    wanted: Option<NodeId>,
    next: Cell<NodeId>,
    depth: Cell<u32>,
    /// Why this walk gave up by itself, and what to do.
    refusal: Cell<Option<(String, &'static str)>>,
    duplicates: RefCell<Vec<Duplicate>>,
    /// The numbers and truth values that this walk came by.
    plain: RefCell<BTreeMap<NodeId, Plain>>,
    /// Those that an earlier walk came by.
    known: BTreeMap<NodeId, Plain>,
}

/// A scalar that is not a text.
#[derive(Clone, Copy)]
enum Plain {
    Bool(bool),
    Number(f64),
}

impl Walk {
    fn new(wanted: Option<NodeId>) -> Self {
        Self {
            wanted,
            next: Cell::new(0),
            depth: Cell::new(0),
            refusal: Cell::new(None),
            duplicates: RefCell::new(Vec::new()),
            plain: RefCell::new(BTreeMap::new()),
            known: BTreeMap::new(),
        }
    }

    fn run(&self, text: &str) -> Result<Node, Error> {
        ValueSeed(self).deserialize(serde_yaml::Deserializer::from_str(text))
    }

    /// The next node's number; fails where it is the one that is looked for.
    fn turn<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<(NodeId, D), D::Error> {
        let id = self.next.get();
        self.next.set(id + 1);
        match self.wanted {
            Some(wanted) if wanted == id => Err(stop(deserializer.deserialize_any(Nothing))),
            _ if id >= MOST_NODES => {
                let message = format!("more than {MOST_NODES} values, aliases counted as often as they are used");
                self.refusal.set(Some((message, SIMPLER)));
                Err(stop(deserializer.deserialize_any(Nothing)))
            }
            _ if self.depth.get() > DEEPEST => {
                self.refusal
                    .set(Some((format!("nested more than {DEEPEST} deep"), SIMPLER)));
                Err(stop(deserializer.deserialize_any(Nothing)))
            }
            _ => Ok((id, deserializer)),
        }
    }
}

/// A visitor that takes nothing never succeeds.
fn stop<E: de::Error>(outcome: Result<(), E>) -> E {
    outcome.err().unwrap_or_else(|| E::custom("stopped"))
}

/// Refuses whatever it is shown, so that the parser says where that stands.
struct Nothing;

impl Visitor<'_> for Nothing {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

struct KeySeed<'a>(&'a Walk);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = (NodeId, String);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let (id, deserializer) = self.0.turn(deserializer)?;
        Ok((id, deserializer.deserialize_str(TextVisitor)?))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain key")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

struct ValueSeed<'a>(&'a Walk);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let (id, deserializer) = self.0.turn(deserializer)?;
        self.0.depth.set(self.0.depth.get() + 1);
        let value = match self.0.known.get(&id) {
            Some(Plain::Bool(value)) => Value::Bool(*value, deserializer.deserialize_str(TextVisitor)?),
            Some(Plain::Number(value)) => Value::Number(*value, deserializer.deserialize_str(TextVisitor)?),
            None => deserializer.deserialize_any(ValueVisitor(self.0, id))?,
        };
        self.0.depth.set(self.0.depth.get() - 1);
        Ok(Node { id, value })
    }
}

struct ValueVisitor<'a>(&'a Walk, NodeId);

impl ValueVisitor<'_> {
    fn plain(&self, plain: Plain) -> Value {
        self.0.plain.borrow_mut().insert(self.1, plain);
        Value::Null
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(self.plain(Plain::Bool(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(self.plain(Plain::Number(value as f64)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(self.plain(Plain::Number(value as f64)))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Ok(self.plain(Plain::Number(value as f64)))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(self.plain(Plain::Number(value as f64)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(self.plain(Plain::Number(value)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _tagged: A) -> Result<Value, A::Error> {
        self.0.refusal.set(Some((
            "a tag has no meaning in a config".to_owned(),
            "write the value itself, without `!…`",
        )));
        Err(de::Error::custom("a tag"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element_seed(ValueSeed(self.0))? {
            elements.push(element);
        }
        Ok(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, NodeId> = BTreeMap::new();
        while let Some((key_id, key)) = table.next_key_seed(KeySeed(self.0))? {
            let value = table.next_value_seed(ValueSeed(self.0))?;
            if let Some(first) = seen.get(&key) {
                self.0.duplicates.borrow_mut().push(Duplicate {
                    key,
                    first: *first,
                    second: key_id,
                });
                continue;
            }
            seen.insert(key.clone(), key_id);
            entries.push(Entry { key, key_id, value });
        }
        Ok(Value::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(node: &'a Node, key: &str) -> &'a Entry {
        let Value::Table(entries) = &node.value else {
            panic!("no table: {node:?}")
        };
        entries.iter().find(|entry| entry.key == key).unwrap()
    }

    #[test]
    fn knows_where_every_node_stands() {
        let text = "# a comment\na: { b: 'x: y', \"c\": [1, &anchor two] } # more\nd:\n  - e: >\n      long\n      text\n    f: *anchor\n";
        let (root, _) = parse(text).unwrap();
        let at = |id| &text[offset_of(text, id).unwrap()..];
        let a = entry(&root, "a");
        assert!(at(a.key_id).starts_with("a: {"));
        assert!(at(a.value.id).starts_with("{ b"));
        assert!(at(entry(&a.value, "b").value.id).starts_with("'x: y'"));
        assert!(at(entry(&a.value, "c").key_id).starts_with("\"c\""));
        let Value::List(elements) = &entry(&root, "d").value.value else {
            panic!("no list")
        };
        assert!(at(entry(&elements[0], "f").key_id).starts_with("f: *anchor"));
        assert!(matches!(&entry(&elements[0], "f").value.value, Value::Text(text) if text == "two"));
    }

    #[test]
    fn keeps_numbers_as_written() {
        let text = "version: 1.30\n";
        let (root, _) = parse(text).unwrap();
        let Value::Number(number, written) = &entry(&root, "version").value.value else {
            panic!("no number")
        };
        assert_eq!((*number, written.as_str()), (1.3, "1.30"));
    }

    #[test]
    fn reports_duplicates() {
        let (_, duplicates) = parse("a: 1\nb: { c: 1, c: 2 }\na: 2\n").unwrap();
        let keys: Vec<&str> = duplicates.iter().map(|duplicate| duplicate.key.as_str()).collect();
        assert_eq!(keys, ["c", "a"]);
    }

    #[test]
    fn stops_at_bombs() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, previous) in ('b'..='i').zip('a'..) {
            let aliases = vec![format!("*{previous}"); 9].join(", ");
            bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
        }
        let error = parse(&bomb).unwrap_err();
        assert!(error.message.starts_with("more than 20000 values"), "{error:?}");
        let error = parse(&"[".repeat(200_000)).unwrap_err();
        assert!(error.message.starts_with("more than 5000 brackets"), "{error:?}");
        let error = parse(&format!("{}1{}", "[".repeat(40), "]".repeat(40))).unwrap_err();
        assert!(error.message.starts_with("nested more than"), "{error:?}");
        assert!(parse(&"- ".repeat(120_000)).is_err());
    }
}
