//! Absolute limits and where each was given: a flag stands above `.mlbuild/budget.toml`, which stands above `.mlbuild.yml`.

use std::fmt;
use std::path::Path;

use crate::units::Bytes;
use crate::units::Millis;

use super::spans::Spans;
use super::types::Gate;
use super::types::LatencyGate;
use super::types::LatencyMetric;
use super::types::Limit;

/// Which absolute limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// On the median latency.
    MaxLatency,
    /// On the 95th percentile of latency.
    MaxP95,
    /// On peak memory beyond an empty session.
    MaxMemory,
    /// On bytes on disk, external data included.
    MaxSize,
}

/// Where a limit was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag, with its hyphens.
    Flag(&'static str),
    /// The budget file: its path as people write it, and the line.
    Budget(String),
    /// The config: its path and the line, where it was read from a file.
    Config(Option<String>),
}

/// One absolute limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint<T> {
    /// What must not be exceeded.
    pub limit: T,
    /// Where it was given.
    pub source: Source,
}

/// All absolute limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Constraints {
    /// On the median latency.
    pub max_latency: Option<Constraint<Millis>>,
    /// On the 95th percentile of latency.
    pub max_p95: Option<Constraint<Millis>>,
    /// On peak memory beyond an empty session.
    pub max_memory: Option<Constraint<Bytes>>,
    /// On bytes on disk.
    pub max_size: Option<Constraint<Bytes>>,
}

impl Bound {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [Self::MaxLatency, Self::MaxP95, Self::MaxMemory, Self::MaxSize];

    /// The key in `budget.toml`.
    pub fn key(self) -> &'static str {
        match self {
            Self::MaxLatency => "max_latency_ms",
            Self::MaxP95 => "max_p95_ms",
            Self::MaxMemory => "max_memory_mb",
            Self::MaxSize => "max_size_mb",
        }
    }

    /// The name of the flag, without its hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxLatency => "max-latency",
            Self::MaxP95 => "max-p95",
            Self::MaxMemory => "max-memory",
            Self::MaxSize => "max-size",
        }
    }

    /// True where the limit is a time, false where it is a number of bytes.
    pub fn is_time(self) -> bool {
        matches!(self, Self::MaxLatency | Self::MaxP95)
    }

    /// A figure of this kind for people; `value` is in milliseconds or bytes.
    pub fn text(self, value: f64) -> String {
        if self.is_time() {
            Millis(value).to_string()
        } else {
            Bytes(value.max(0.0).round() as u64).to_string()
        }
    }
}

impl Source {
    /// One word: `flag`, `budget` or `config`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Budget(_) => "budget",
            Self::Config(_) => "config",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Budget(place) | Self::Config(Some(place)) => f.write_str(place),
            Self::Config(None) => f.write_str("config"),
        }
    }
}

impl<T> Constraint<T> {
    /// A limit that a flag gave; `None` of no flag.
    pub fn flag(limit: Option<T>, name: &'static str) -> Option<Self> {
        limit.map(|limit| Self {
            limit,
            source: Source::Flag(name),
        })
    }
}

impl Constraints {
    /// These limits, and those of `lower` where there is none here.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            max_latency: self.max_latency.or(lower.max_latency),
            max_p95: self.max_p95.or(lower.max_p95),
            max_memory: self.max_memory.or(lower.max_memory),
            max_size: self.max_size.or(lower.max_size),
        }
    }

    /// One limit in milliseconds or bytes, and where it was given.
    pub fn get(&self, bound: Bound) -> Option<(f64, &Source)> {
        fn time(constraint: &Option<Constraint<Millis>>) -> Option<(f64, &Source)> {
            constraint
                .as_ref()
                .map(|constraint| (constraint.limit.0, &constraint.source))
        }
        fn size(constraint: &Option<Constraint<Bytes>>) -> Option<(f64, &Source)> {
            constraint
                .as_ref()
                .map(|constraint| (constraint.limit.0 as f64, &constraint.source))
        }
        match bound {
            Bound::MaxLatency => time(&self.max_latency),
            Bound::MaxP95 => time(&self.max_p95),
            Bound::MaxMemory => size(&self.max_memory),
            Bound::MaxSize => size(&self.max_size),
        }
    }

    /// Every limit there is, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (Bound, f64, &Source)> {
        Bound::ALL
            .into_iter()
            .filter_map(|bound| self.get(bound).map(|(limit, source)| (bound, limit, source)))
    }

    /// True where nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Gate {
    /// The absolute limits that count, each with where it was given.
    pub fn constraints(&self) -> Constraints {
        /// The source that came with this very limit; a limit that was set some other way is the config's.
        fn of<T: PartialEq + Copy>(limit: Option<T>, known: &Option<Constraint<T>>) -> Option<Constraint<T>> {
            let known = known.as_ref().filter(|known| Some(known.limit) == limit);
            known.cloned().or(given(limit, None))
        }
        let limits = self.own(|_| None);
        let limit = |constraint: Option<Constraint<Millis>>| constraint.map(|constraint| constraint.limit);
        let bytes = |constraint: Option<Constraint<Bytes>>| constraint.map(|constraint| constraint.limit);
        Constraints {
            max_latency: of(limit(limits.max_latency), &self.sources.max_latency),
            max_p95: of(limit(limits.max_p95), &self.sources.max_p95),
            max_memory: of(bytes(limits.max_memory), &self.sources.max_memory),
            max_size: of(bytes(limits.max_size), &self.sources.max_size),
        }
    }

    /// Sets absolute limits above those that are there.
    pub fn constrain(&mut self, limits: Constraints) {
        if let Some(constraint) = &limits.max_latency {
            self.latency.set_budget(LatencyMetric::P50, constraint.limit);
        }
        if let Some(constraint) = &limits.max_p95 {
            self.latency.set_budget(LatencyMetric::P95, constraint.limit);
        }
        if let Some(constraint) = &limits.max_memory {
            self.memory.budget = Some(constraint.limit);
        }
        if let Some(constraint) = &limits.max_size {
            self.size.budget = Some(constraint.limit);
        }
        self.sources = limits.over(std::mem::take(&mut self.sources));
    }

    /// The config's own absolute limits with their lines in the file at `path`.
    pub(super) fn placed(&self, path: &Path, spans: &Spans) -> Constraints {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        self.own(|key| {
            let location = spans.line_of(key)?;
            Some(format!("{name}:{}", location.line))
        })
    }

    /// The absolute limits as they are set; `place` tells where a key of the config stands.
    fn own(&self, place: impl Fn(&str) -> Option<String>) -> Constraints {
        let latency = |metric: LatencyMetric| {
            let key = if metric == self.latency.metric {
                "gate.latency.budget".to_owned()
            } else {
                format!("gate.latency.{}.budget", metric.name())
            };
            let limit = self.latency.limit_of(metric);
            given(limit.and_then(|limit| limit.budget), place(&key))
        };
        Constraints {
            max_latency: latency(LatencyMetric::P50),
            max_p95: latency(LatencyMetric::P95),
            max_memory: given(self.memory.budget, place("gate.memory.budget")),
            max_size: given(self.size.budget, place("gate.size.budget")),
        }
    }
}

impl LatencyGate {
    /// Sets the budget of a statistic, whether it is the one that decides or has limits of its own or none yet.
    fn set_budget(&mut self, metric: LatencyMetric, budget: Millis) {
        if metric == self.metric {
            self.limit.budget = Some(budget);
            return;
        }
        let own = match metric {
            LatencyMetric::P50 => &mut self.p50,
            LatencyMetric::P95 => &mut self.p95,
            LatencyMetric::P99 => &mut self.p99,
            LatencyMetric::Mean => &mut self.mean,
        };
        match own {
            Some(limit) => limit.budget = Some(budget),
            None => *own = Some(Limit::of_budget(budget)),
        }
    }
}

fn given<T>(limit: Option<T>, place: Option<String>) -> Option<Constraint<T>> {
    limit.map(|limit| Constraint {
        limit,
        source: Source::Config(place),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::parse;

    fn time(limit: f64, source: Source) -> Option<Constraint<Millis>> {
        Some(Constraint {
            limit: Millis(limit),
            source,
        })
    }

    #[test]
    fn a_flag_stands_above_the_budget_and_the_budget_above_the_config() {
        let mut gate = Gate::default();
        gate.latency.limit.budget = Some(Millis(30.0));
        gate.size.budget = Some(Bytes(5));
        let file = Constraints {
            max_latency: time(20.0, Source::Budget(".mlbuild/budget.toml:4".to_owned())),
            max_p95: time(25.0, Source::Budget(".mlbuild/budget.toml:5".to_owned())),
            ..Constraints::default()
        };
        let flags = Constraints {
            max_latency: time(10.0, Source::Flag("--max-latency")),
            ..Constraints::default()
        };
        gate.constrain(file);
        gate.constrain(flags);
        assert_eq!(gate.latency.limit.budget, Some(Millis(10.0)));
        assert_eq!(gate.latency.p95.unwrap().relative(), None);
        let shown: Vec<String> = gate
            .constraints()
            .iter()
            .map(|(bound, limit, source)| format!("{} {} {source}", bound.key(), bound.text(limit)))
            .collect();
        assert_eq!(
            shown,
            [
                "max_latency_ms 10.0 ms flag --max-latency",
                "max_p95_ms 25.0 ms .mlbuild/budget.toml:5",
                "max_size_mb 5 B config"
            ]
        );
    }

    #[test]
    fn the_statistic_that_decides_is_what_the_config_limits() {
        let mut gate = Gate::default();
        gate.latency.metric = LatencyMetric::P95;
        gate.latency.limit.budget = Some(Millis(30.0));
        let constraints = gate.constraints();
        assert_eq!(constraints.max_latency, None);
        assert_eq!(constraints.max_p95, time(30.0, Source::Config(None)));
        assert!(!constraints.is_empty() && Gate::default().constraints().is_empty());
    }

    #[test]
    fn the_config_tells_its_lines() {
        let text = "version: 1\nmodels: [{ path: a.onnx }]\ngate:\n  latency:\n    budget: 10 ms\n    p95: { budget: 20 ms }\n  memory: { budget: 1 MB }\n";
        let gate = parse(text, Path::new("sub/.mlbuild.yml")).unwrap().config.gate;
        let places: Vec<String> = gate
            .constraints()
            .iter()
            .map(|(_, _, source)| source.to_string())
            .collect();
        assert_eq!(places, [".mlbuild.yml:5", ".mlbuild.yml:6", ".mlbuild.yml:7"]);
    }
}
