//! Which operator has which colour, the same in every drawing of a page: the eight that take most time have one of their own.

use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;

/// Colours that can be told apart, in the page's style sheet as `c0` to `c7`.
const COLOURS: usize = 8;

/// The class of all operators beyond.
const OTHER: &str = "cx";

/// Operators by time.
#[derive(Debug)]
pub(super) struct Palette {
    /// Operator, seconds a run, number of kernels; the one with most time first, equal ones by name.
    pub(super) operators: Vec<(String, f64, usize)>,
}

impl Palette {
    /// The colours of one profile.
    pub(super) fn of(profile: &Profile) -> Self {
        let mut operators: Vec<(String, f64, usize)> = Vec::new();
        for kernel in &profile.kernels {
            match operators.iter_mut().find(|(name, ..)| *name == kernel.op_type) {
                Some((_, seconds, count)) => {
                    *seconds += kernel.seconds;
                    *count += 1;
                }
                None => operators.push((kernel.op_type.clone(), kernel.seconds, 1)),
            }
        }
        operators.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Self { operators }
    }

    /// The class of a kernel.
    pub(super) fn class(&self, kernel: &Kernel) -> String {
        self.class_of(&kernel.op_type)
    }

    /// The class of an operator.
    pub(super) fn class_of(&self, op_type: &str) -> String {
        let place = self.operators.iter().position(|(name, ..)| name == op_type);
        match place {
            Some(place) if place < COLOURS => format!("c{place}"),
            _ => OTHER.to_owned(),
        }
    }
}
