//! What a run tells its caller while it works; only a front end draws it.

use crate::pipeline::derivation::Progress;
use crate::units::Span;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;

/// One step of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The plan, before anything is measured.
    Planned {
        /// Comparisons that will be measured.
        comparisons: usize,
        /// At most so long for one.
        each: Span,
        /// At most so long for all.
        total: Span,
    },
    /// A line that a `build:` command printed.
    BuildOutput {
        /// The model it builds.
        model: &'a str,
        /// The line, without its end.
        line: &'a str,
    },
    /// A model is read and its variants are derived.
    Preparing {
        /// The model's name.
        model: &'a str,
    },
    /// A variant that has to learn from runs is being derived.
    Deriving {
        /// The model's name.
        model: &'a str,
        /// The variant, as the config writes it.
        variant: &'a str,
        /// How far it is.
        progress: &'a Progress,
    },
    /// A comparison's measuring goes on.
    Measuring {
        /// Which comparison.
        key: &'a ComparisonKey,
        /// What the measurement says of itself.
        progress: &'a crate::measure::event::Event,
    },
    /// A comparison is judged.
    Judged(&'a Comparison),
    /// Something that a person should know although the run goes on.
    Warning(&'a str),
}

/// Whoever wants to know.
pub type Observer<'a> = dyn FnMut(Event<'_>) + 'a;
