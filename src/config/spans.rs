//! Where in the file a setting stands: `models[0].gate.latency` → line and column.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::Source;
use super::tree::Node;
use super::tree::NodeId;
use super::tree::Value;

/// A place in a file, counted as editors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// The places of all keys of one file. Empty for a config that was made without one.
#[derive(Debug, Clone, Default)]
pub struct Spans {
    source: Option<Arc<Source>>,
    nodes: BTreeMap<String, Place>,
}

/// The numbers of a setting's nodes; an element of a list has no key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) key: Option<NodeId>,
    pub(super) value: NodeId,
}

impl Spans {
    pub(super) fn new(source: Arc<Source>, root: &Node) -> Self {
        let mut nodes = BTreeMap::new();
        collect(root, "", &mut nodes);
        Self {
            source: Some(source),
            nodes,
        }
    }

    /// Where the key of `path` stands, or the element, where the last step of the path is an index. `None` where the file has
    /// no such setting.
    pub fn line_of(&self, path: &str) -> Option<Location> {
        let place = self.nodes.get(path)?;
        let source = self.source.as_ref()?;
        source
            .offset_of(place.key.unwrap_or(place.value))
            .map(|offset| source.location(offset))
    }

    /// The same, or that of the nearest enclosing setting: a default has no line of its own, its section may have one.
    pub fn nearest_line(&self, path: &str) -> Option<Location> {
        let mut path = path;
        loop {
            if let Some(location) = self.line_of(path) {
                return Some(location);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    pub(super) fn place(&self, path: &str) -> Option<Place> {
        self.nodes.get(path).copied()
    }
}

/// A step into a table.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn collect(node: &Node, path: &str, nodes: &mut BTreeMap<String, Place>) {
    match &node.value {
        Value::Table(entries) => {
            for entry in entries {
                let path = join(path, &entry.key);
                collect(&entry.value, &path, nodes);
                let place = Place {
                    key: Some(entry.key_id),
                    value: entry.value.id,
                };
                nodes.insert(path, place);
            }
        }
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                let path = format!("{path}[{index}]");
                collect(element, &path, nodes);
                let place = Place {
                    key: None,
                    value: element.id,
                };
                nodes.insert(path, place);
            }
        }
        Value::Null | Value::Bool(..) | Value::Number(..) | Value::Text(_) => {}
    }
}
