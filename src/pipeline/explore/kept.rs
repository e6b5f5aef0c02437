//! What sweeps measured of builds, side by side with their source, for whoever reports on a build later.

use std::fs;

use crate::digest::Digest;
use crate::machine::Fingerprint;
use crate::measure::agreement::Accuracy;
use crate::measure::samples::PairMeasurement;
use crate::pipeline::explore::cache;
use crate::pipeline::workspace::Workspace;

/// A larger file is no row of a sweep.
const MAX_BYTES: u64 = 64_000_000;

/// One variant as a sweep left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The build.
    pub build: Digest,
    /// The machine.
    pub machine: Fingerprint,
    /// How far its outputs are from its source's.
    pub accuracy: Accuracy,
    /// True where that was found on real samples.
    pub real_samples: bool,
    /// Its source's latency and its own, turn by turn; `None` where it was not measured.
    pub pair: Option<PairMeasurement>,
}

/// Everything that sweeps of this workspace left, ordered by build; what cannot be read is left out, as a sweep would make it anew.
pub fn all(workspace: &Workspace) -> Vec<Kept> {
    let Ok(entries) = fs::read_dir(workspace.root().join(cache::FOLDER)) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|found| found.is_file() && found.len() <= MAX_BYTES)
        })
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let mut kept: Vec<Kept> = paths
        .into_iter()
        .filter_map(|path| {
            let stored: cache::Stored = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
            let made = stored.made.filter(|_| stored.version == cache::FORMAT)?;
            Some(Kept {
                build: made.id,
                machine: stored.machine,
                accuracy: made.verified.accuracy,
                real_samples: made.verified.is_real,
                pair: stored.pair,
            })
        })
        .collect();
    kept.sort_by(|one, other| one.build.cmp(&other.build));
    kept
}
