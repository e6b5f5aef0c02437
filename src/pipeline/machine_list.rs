//! Machines that took part, in the order in which they are met: figures of different ones are never compared.

use crate::machine::Fingerprint;

/// Machines by place.
#[derive(Debug, Default)]
pub(super) struct Machines {
    found: Vec<Fingerprint>,
}

impl Machines {
    /// The place of a machine, new where it is another one than all before.
    pub(super) fn place(&mut self, machine: &Fingerprint) -> usize {
        if let Some(place) = self.found.iter().position(|known| known.same_machine(machine).is_ok()) {
            return place;
        }
        self.found.push(machine.clone());
        self.found.len() - 1
    }

    /// Each in a line, for people.
    pub(super) fn describe(&self) -> Vec<String> {
        self.found.iter().map(describe).collect()
    }
}

fn describe(machine: &Fingerprint) -> String {
    if machine.cpu_model.is_empty() && machine.os.is_empty() {
        return "not recorded".to_owned();
    }
    let mut text = machine.describe();
    if let Some(release) = &machine.os_release {
        text += &format!(" ({release})");
    }
    if machine.memory_bytes > 0 {
        text += &format!(", {} of memory", crate::units::Bytes(machine.memory_bytes));
    }
    if let Some(container) = &machine.container {
        text += &format!(", in {container}");
    }
    if let Some(image) = &machine.ci_image {
        text += &format!(", runner image {image}");
    }
    text
}
