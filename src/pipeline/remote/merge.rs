//! Two records of one build made one: by uniting what they list, so that the order of pushers does not matter.

use super::record::Record;
use super::record::RecordedCheck;
use super::record::RecordedMeasurement;
use crate::digest::Digest;

impl Record {
    /// In which facts two records of one build contradict each other: names of fields, none where they agree. A missing parent is no
    /// contradiction: whoever purges a build gives its children to its parent.
    pub fn contradictions(&self, other: &Self) -> Vec<&'static str> {
        let (one, other) = (&self.build, &other.build);
        let fields = [
            ("source", one.source == other.source),
            ("recipe", one.recipe == other.recipe),
            ("format", one.format == other.format),
            ("files", one.artifacts == other.artifacts),
        ];
        fields
            .into_iter()
            .filter(|(_, same)| !same)
            .map(|(name, _)| name)
            .collect()
    }

    /// This record with what only the other one has. Where both say something of the build itself, this one's word stands.
    pub fn merged(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        let build = &mut merged.build;
        build.name = build.name.take().or_else(|| other.build.name.clone());
        build.parent = build.parent.take().or_else(|| other.build.parent.clone());
        build.task = build.task.take().or_else(|| other.build.task.clone());
        build.file = build.file.take().or_else(|| other.build.file.clone());
        build.graph = build.graph.take().or_else(|| other.build.graph.clone());
        merged.derivation = merged.derivation.take().or_else(|| other.derivation.clone());
        for measurement in &other.measurements {
            if !merged.measurements.iter().any(|known| known.is_same(measurement)) {
                merged.measurements.push(measurement.clone());
            }
        }
        unite(&mut merged.checks, &other.checks);
        unite(&mut merged.remarks, &other.remarks);
        merged.sort();
        merged
    }

    /// True where `other` has nothing that this one lacks. Names and such that differ are no lack.
    pub fn covers(&self, other: &Self) -> bool {
        self.merged(other) == *self
    }

    /// Puts everything that is listed into the order that does not depend on who listed it.
    pub(super) fn sort(&mut self) {
        self.measurements.sort_by(|one, other| one.order().cmp(&other.order()));
        self.checks.sort_by(|one, other| one.order().cmp(&other.order()));
        self.remarks
            .sort_by(|one, other| (&one.created_at, &one.text).cmp(&(&other.created_at, &other.text)));
    }
}

fn unite<T: Clone + PartialEq>(ours: &mut Vec<T>, theirs: &[T]) {
    for one in theirs {
        if !ours.contains(one) {
            ours.push(one.clone());
        }
    }
}

impl RecordedMeasurement {
    /// Nobody takes the same samples twice; the description of the machine may have grown meanwhile.
    fn is_same(&self, other: &Self) -> bool {
        self.created_at == other.created_at
            && self.target == other.target
            && self.sequence == other.sequence
            && self.runtime_version == other.runtime_version
            && self.samples == other.samples
    }

    fn order(&self) -> (&str, &str, Option<u64>, String) {
        // Sorts those of one second the same way everywhere.
        let digest = Digest::of(self.samples.to_string().as_bytes()).to_string();
        (&self.created_at, &self.target, self.sequence, digest)
    }
}

impl RecordedCheck {
    fn order(&self) -> (&str, &str, &Digest, String) {
        (&self.created_at, &self.target, &self.against, self.result.to_string())
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::remote::record::tests::record;

    #[test]
    fn merging_unites_in_any_order_and_settles() {
        let one = record(&["2026-11-20T00:00:01Z", "2026-11-20T00:00:03Z"]);
        let other = record(&["2026-11-20T00:00:02Z", "2026-11-20T00:00:03Z"]);
        let merged = one.merged(&other);
        assert_eq!(merged, other.merged(&one));
        assert_eq!(merged.measurements.len(), 3);
        assert!(merged.covers(&one) && merged.covers(&other) && !one.covers(&other));
        assert_eq!(merged.merged(&one), merged);
    }
}
