//! Other settings of the engine: threads, the level of graph optimization, the memory arena; each beside the same variant with the
//! settings that the sweep was measured with.

use std::time::Duration;

use crate::config::GraphOptimization;
use crate::machine::affinity;
use crate::measure::Side;
use crate::measure::event::Event as Measured;
use crate::measure::samples::PairMeasurement;
use crate::pipeline::explore::sweep::Sweep;
use crate::pipeline::explore::trial;
use crate::pipeline::trouble::Trouble;
use crate::report::explore::Options;
use crate::runtime::Artifact;
use crate::runtime::SessionSettings;

/// One variant with one other setting.
#[derive(Debug, Clone)]
pub(super) struct OptionTrial {
    pub(super) recipe: String,
    /// What is set otherwise, in words.
    pub(super) setting: String,
    pub(super) settings: SessionSettings,
    pub(super) artifact: Artifact,
    pub(super) pair: Option<PairMeasurement>,
    pub(super) failure: Option<Trouble>,
    pub(super) is_reused: bool,
}

/// Every setting but the one that `usual` has, for a variant.
pub(super) fn options(recipe: &str, artifact: &Artifact, usual: &SessionSettings) -> Vec<OptionTrial> {
    let mut found = Vec::new();
    let mut offer = |setting: String, settings: SessionSettings| {
        if settings != *usual {
            found.push(OptionTrial {
                recipe: recipe.to_owned(),
                setting,
                settings,
                artifact: artifact.clone(),
                pair: None,
                failure: None,
                is_reused: false,
            });
        }
    };
    for threads in [1, affinity::allowed_count()] {
        let setting = format!("{threads} thread{}", if threads == 1 { "" } else { "s" });
        // On a machine of one core both are the same.
        if threads != 1 || usual.threads != 1 {
            offer(
                setting,
                SessionSettings {
                    threads,
                    ..usual.clone()
                },
            );
        }
    }
    for graph_optimization in [
        GraphOptimization::All,
        GraphOptimization::Extended,
        GraphOptimization::Basic,
    ] {
        offer(
            format!("graph level {}", graph_optimization.name()),
            SessionSettings {
                graph_optimization,
                ..usual.clone()
            },
        );
    }
    for arena in [true, false] {
        offer(
            format!("arena {}", if arena { "on" } else { "off" }),
            SessionSettings { arena, ..usual.clone() },
        );
    }
    found
}

/// How many there are of each variant.
pub(super) fn count(usual: &SessionSettings) -> usize {
    let nothing = Artifact {
        model: std::path::PathBuf::new(),
        external: Vec::new(),
    };
    options("", &nothing, usual).len()
}

/// As reports have it.
pub(super) fn described(settings: &SessionSettings) -> Options {
    Options {
        threads: settings.threads,
        graph_optimization: settings.graph_optimization.name().to_owned(),
        arena: settings.arena,
    }
}

impl OptionTrial {
    /// Measures it in pairs with the same variant as it is measured otherwise.
    pub(super) fn measure(&mut self, sweep: &Sweep<'_>, time: Duration, observer: &mut dyn FnMut(Measured)) {
        let usual = Side {
            artifact: self.artifact.clone(),
            ..sweep.side()
        };
        let other = Side {
            settings: self.settings.clone(),
            ..usual.clone()
        };
        match trial::pair(&usual, &other, sweep, time, observer) {
            Ok(pair) => self.pair = Some(pair),
            Err(trouble) => self.failure = Some(trouble),
        }
    }
}
