//! Names of tensors that are visible at a place: those of a graph so far, and those of the graphs around it.

use std::collections::HashSet;

/// The names of one graph or function.
pub(super) struct Names<'a> {
    here: HashSet<&'a str>,
    outer: Option<&'a Names<'a>>,
}

impl<'a> Names<'a> {
    /// No names yet, within a graph that has the names `outer`.
    pub(super) fn within(outer: Option<&'a Names<'a>>) -> Self {
        Self {
            here: HashSet::new(),
            outer,
        }
    }

    /// Adds names, as often as they come.
    pub(super) fn extend(&mut self, names: impl Iterator<Item = &'a str>) {
        self.here.extend(names);
    }

    /// Adds a name; false where the graph has it already.
    pub(super) fn insert(&mut self, name: &'a str) -> bool {
        self.here.insert(name)
    }

    /// True where the graph itself has the name.
    pub(super) fn here(&self, name: &str) -> bool {
        self.here.contains(name)
    }

    /// True where the graph or one around it has the name.
    pub(super) fn visible(&self, name: &str) -> bool {
        self.here(name) || self.outer.is_some_and(|outer| outer.visible(name))
    }
}
