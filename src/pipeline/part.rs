//! The part of a run that one machine takes care of: a set of models × targets × variants.

use std::collections::BTreeSet;

/// What is measured here; everything else is measured elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Model, target and variant of each.
    taken: BTreeSet<(String, String, String)>,
}

impl Part {
    /// Adds one.
    pub fn take(&mut self, model: &str, target: &str, variant: &str) {
        self.taken
            .insert((model.to_owned(), target.to_owned(), variant.to_owned()));
    }

    /// True where it is measured here.
    pub fn holds(&self, model: &str, target: &str, variant: &str) -> bool {
        let wanted = (model.to_owned(), target.to_owned(), variant.to_owned());
        self.taken.contains(&wanted)
    }
}
