//! The history of the default branch's baselines: out of published releases, a folder store, and this desk's own baseline.

use std::collections::BTreeMap;

use crate::github::Client;
use crate::hint::Hint;
use crate::measure::quantity::Quantity;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::release;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::machine_list::Machines;
use crate::pipeline::trouble::chain;
use crate::report::trend as view;
use crate::report::trend::Change;
use crate::report::trend::Metric;
use crate::report::trend::Point;
use crate::report::trend::Series;
use crate::report::trend::Trend;
use crate::stats::change_point;
use crate::stats::sequential::TAIL;
use crate::verdict::ComparisonKey;

/// Half the width of a 95 % interval in standard errors.
const NORMAL_95: f64 = 1.96;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// One model's name; all models where there is none.
    pub model: Option<&'a str>,
    /// One recipe.
    pub variant: Option<&'a str>,
    /// One target.
    pub target: Option<&'a str>,
    /// What is followed.
    pub metric: Metric,
    /// Baselines of each history, at most: the newest.
    pub limit: usize,
    /// The time, ISO 8601 in UTC.
    pub now: &'a str,
}

/// Baselines that were found.
#[derive(Debug, Default)]
pub struct Found {
    /// Their manifests.
    pub manifests: Vec<Manifest>,
    /// Where they were, for people.
    pub sources: Vec<String>,
    /// What could not be read, and why.
    pub warnings: Vec<String>,
}

/// Why there is no trend.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// No baseline anywhere.
    #[error("there is no baseline to look at")]
    NoBaseline(Vec<String>),
    /// Baselines, but none of what is asked for.
    #[error("no baseline has {asked}; there are {there}")]
    NoSuch {
        /// What was asked for.
        asked: String,
        /// What there is.
        there: String,
    },
    /// The releases cannot be listed.
    #[error(transparent)]
    Release(#[from] ReleaseError),
}

impl Hint for TrendError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoBaseline(hints) => hints.clone(),
            Self::NoSuch { .. } => {
                vec!["name a model as the config does; `--variant` and `--target` take whole names".to_owned()]
            }
            Self::Release(error) => error.hints(),
        }
    }
}

impl Found {
    /// Adds a baseline that lies in a folder.
    pub fn add(&mut self, manifest: Manifest, source: String) {
        self.manifests.push(manifest);
        self.sources.push(source);
    }

    /// Adds the newest `limit` published releases of `key`; one that cannot be trusted or read is a warning.
    pub fn add_releases(&mut self, client: &Client, key: &str, trust: &Trust, limit: usize) -> Result<(), TrendError> {
        let releases = release::list(client, key).map_err(ReleaseError::from)?;
        let mut read = 0;
        for found in releases.iter().take(limit) {
            match release::open(client, found, key, trust) {
                Ok(manifest) => {
                    self.manifests.push(manifest);
                    read += 1;
                }
                Err(error) if error.is_refusal() => self.warnings.push(chain(&error)),
                Err(error) => return Err(error.into()),
            }
        }
        self.sources.push(match read {
            1 => format!("1 release of `{key}`"),
            _ => format!("{read} releases of `{key}`"),
        });
        Ok(())
    }
}

/// The points of one history, by time and commit.
type Points = BTreeMap<(String, Option<String>), Point>;

/// The histories in `found`.
pub fn gather(found: Found, request: &Request<'_>) -> Result<Trend, TrendError> {
    let mut machines = Machines::default();
    let mut histories: BTreeMap<ComparisonKey, Points> = BTreeMap::new();
    let mut manifests = found.manifests;
    manifests.sort_by(|one, other| one.created_at.cmp(&other.created_at));
    // Oldest first, so that machines are named in the order in which they took part.
    for manifest in &manifests {
        if request.metric == Metric::P50 {
            for point in &manifest.history {
                let machine = machines.place(&point.machine);
                for value in &point.p50_ms {
                    let place = (point.created_at.clone(), point.commit.clone());
                    histories
                        .entry(value.key.clone())
                        .or_default()
                        .entry(place)
                        .or_insert_with(|| Point {
                            created_at: point.created_at.clone(),
                            commit: point.commit.clone(),
                            machine,
                            value: value.value,
                            lower: None,
                            upper: None,
                            runtime_version: None,
                        });
                }
            }
        }
        let machine = machines.place(&manifest.machine);
        let commit = manifest.origin.as_ref().map(|origin| origin.commit.clone());
        for entry in &manifest.entries {
            let Some((value, interval)) = figure(entry, request.metric) else {
                continue;
            };
            let point = Point {
                created_at: manifest.created_at.clone(),
                commit: commit.clone(),
                machine,
                value,
                lower: interval.map(|(lower, _)| lower),
                upper: interval.map(|(_, upper)| upper),
                runtime_version: Some(entry.runtime_version.clone()),
            };
            let place = (manifest.created_at.clone(), commit.clone());
            // Raw samples say more than what a later baseline remembers.
            histories.entry(entry.key.clone()).or_default().insert(place, point);
        }
    }
    let there: Vec<String> = histories
        .keys()
        .map(|key| format!("{} · {} · {}", key.model, key.target, key.variant_label()))
        .collect();
    let wanted = |key: &ComparisonKey| {
        request.model.is_none_or(|model| key.model == model)
            && request.variant.is_none_or(|variant| key.variant == variant)
            && request.target.is_none_or(|target| key.target == target)
    };
    let series: Vec<Series> = histories
        .into_iter()
        .filter(|(key, _)| wanted(key))
        .map(|(key, points)| series(key, points, request))
        .collect();
    if series.is_empty() && !there.is_empty() {
        let asked = [request.model, request.variant, request.target];
        return Err(TrendError::NoSuch {
            asked: asked
                .into_iter()
                .flatten()
                .map(|text| format!("`{text}`"))
                .collect::<Vec<_>>()
                .join(" with "),
            there: there.join(", "),
        });
    }
    Ok(Trend {
        schema: view::SCHEMA,
        generated_at: request.now.to_owned(),
        metric: request.metric,
        sources: found.sources,
        machines: machines.describe(),
        series,
        warnings: found.warnings,
    })
}

/// What an entry's raw samples come to.
fn figure(entry: &Entry, metric: Metric) -> Option<(f64, Option<(f64, f64)>)> {
    let quantity = match metric {
        Metric::P50 => Quantity::LatencyP50,
        Metric::P95 => Quantity::LatencyP95,
        Metric::Memory => Quantity::PeakMemory,
        Metric::Size => return Some((entry.size_bytes as f64, None)),
    };
    let interval = entry
        .measurement
        .absolute(quantity)
        .and_then(|evidence| evidence.interval(TAIL))
        .filter(|interval| interval.lower.is_finite() && interval.upper.is_finite());
    let value = interval
        .map(|interval| interval.center)
        .or_else(|| entry.measurement.shown(quantity))
        .filter(|value| value.is_finite() && *value > 0.0)?;
    Some((value, interval.map(|interval| (interval.lower, interval.upper))))
}

fn series(key: ComparisonKey, points: Points, request: &Request<'_>) -> Series {
    let mut points: Vec<Point> = points.into_values().collect();
    let left_out = points.len().saturating_sub(request.limit);
    points.drain(..left_out);
    Series {
        model: key.model,
        target: key.target,
        variant: key.variant,
        sequence: key.sequence,
        changes: changes(&points, request.metric),
        points,
        left_out,
    }
}

/// Changes of level, machine by machine; sizes are the same on all.
fn changes(points: &[Point], metric: Metric) -> Vec<Change> {
    let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        let machine = metric.is_of_a_machine().then_some(point.machine);
        groups.entry(machine).or_default().push(index);
    }
    let mut found: Vec<Change> = Vec::new();
    for (machine, members) in groups {
        let own: Vec<&Point> = members.iter().filter_map(|index| points.get(*index)).collect();
        let values: Vec<f64> = own.iter().map(|point| point.value).collect();
        let called = if metric == Metric::Size {
            change_point::exact_changes(&values)
        } else {
            change_point::changes(&values, noise(&own))
        };
        for change in called {
            let Some(point) = members.get(change.at).copied() else {
                continue;
            };
            found.push(Change {
                point,
                commit: points.get(point).and_then(|point| point.commit.clone()),
                machine,
                before: change.before,
                after: change.after,
                percent: change.percent(),
                points_before: change.at - change.from,
                points_after: change.to - change.at,
            });
        }
    }
    found.sort_by_key(|change| change.point);
    found
}

/// How well a single point is known, relative to its figure: the median over those with an interval.
fn noise(points: &[&Point]) -> f64 {
    let known: Vec<f64> = points
        .iter()
        .filter_map(|point| {
            let (lower, upper) = point.interval()?;
            Some((upper - lower) / 2.0 / NORMAL_95 / point.value)
        })
        .collect();
    crate::stats::summary::median(&known).unwrap_or(0.0)
}
