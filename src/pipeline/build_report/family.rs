//! The builds around a build: its lineage as a tree, and the variants of its source whose figures may be compared.

use std::collections::BTreeMap;

use super::measurements;
use super::measurements::IN_PAIRS;
use super::swept;
use crate::digest::Digest;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::pipeline::explore::kept::Kept;
use crate::pipeline::machine_list::Machines;
use crate::pipeline::verify::Verified;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::build_report::Figure;
use crate::report::build_report::Measured;
use crate::report::build_report::Relative;
use crate::report::build_report::Variant;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::summary::median;
use crate::verdict::tradeoff;
use crate::verdict::tradeoff::Candidate;
use crate::verdict::tradeoff::Judgement;
use crate::verdict::tradeoff::Reference;
use crate::verdict::tradeoff::Tried;

/// A larger lineage is shown around the build only.
const RELATIVES: usize = 80;

/// Of more variants the newest are looked at.
const VARIANTS: usize = 40;

/// Outputs below this cosine similarity to their source's make a variant worthless, as for `mlbuild explore`.
pub(super) const LEAST_COSINE: f64 = 0.99;

/// What surrounds a build.
pub(super) struct Family {
    pub(super) lineage: Vec<Relative>,
    pub(super) lineage_left_out: usize,
    pub(super) variants: Vec<Variant>,
    pub(super) machine: Option<usize>,
    pub(super) without: Vec<String>,
    /// What the variants were judged against.
    pub(super) reference: Option<Judged>,
}

/// The build that variants are judged against, and how they were measured.
pub(super) struct Judged {
    pub(super) id: String,
    pub(super) recipe: String,
    pub(super) size_bytes: u64,
    pub(super) p50_ms: f64,
    /// True where each variant was measured in pairs with it.
    pub(super) in_pairs: bool,
    /// Latency of each variant over that of the reference, by id.
    pub(super) ratios: BTreeMap<String, Interval>,
    /// What each is worth, by id; only those of which size, latency and outputs are known.
    pub(super) judgements: BTreeMap<String, Judgement>,
}

pub(super) fn gather(
    build: &Build,
    registry: &Registry,
    kept: &[Kept],
    machines: &mut Machines,
) -> Result<Family, RegistryError> {
    let (lineage, lineage_left_out) = lineage(build, registry, kept, machines)?;
    let mut builds = registry.builds_of_source(&build.facts.source)?;
    // The build itself and what it was derived from are never beyond the limit.
    builds.sort_by_key(|other| {
        let id = Some(&other.facts.id);
        !(id == Some(&build.facts.id) || id == Some(&build.root) || id == build.facts.parent.as_ref())
    });
    builds.truncate(VARIANTS);
    let mut group = group(build, &builds, registry, kept, machines)?;
    let reference = reference(build, &builds, &group);
    let judged = reference
        .map(|reference| judge(reference, &builds, &mut group, registry, kept))
        .transpose()?;
    let mut variants: Vec<Variant> = Vec::new();
    let mut without = Vec::new();
    for other in &builds {
        let id = other.facts.id.to_string();
        let Some(figure) = group.figures.get(&id).copied() else {
            without.push(format!("{} ({})", other.facts.recipe, other.facts.id.short()));
            continue;
        };
        let judgement = judged.as_ref().and_then(|judged| judged.judgements.get(&id));
        let is_reference = judged.as_ref().is_some_and(|judged| judged.id == id);
        variants.push(Variant {
            recipe: other.facts.recipe.clone(),
            size_bytes: other.size().0,
            p50_ms: figure,
            cosine: cosine(other, registry, kept)?,
            is_inaccurate: false,
            on_front: false,
            is_own: other.facts.id == build.facts.id,
            word: if is_reference {
                Some("baseline")
            } else {
                judgement.map(|judgement| judgement.word.name())
            },
            reason: judgement.and_then(|judgement| judgement.reason.as_ref().map(ToString::to_string)),
            id,
        });
    }
    mark_front(&mut variants);
    variants.sort_by(|one, other| {
        one.p50_ms
            .value
            .total_cmp(&other.p50_ms.value)
            .then_with(|| one.id.cmp(&other.id))
    });
    without.sort();
    Ok(Family {
        lineage,
        lineage_left_out,
        machine: group.machine.filter(|_| !variants.is_empty()),
        variants,
        without,
        reference: judged,
    })
}

/// Figures that may be compared: one machine, one target, one length, one way of measuring.
#[derive(Default)]
struct Group {
    machine: Option<usize>,
    in_pairs: bool,
    figures: BTreeMap<String, Figure>,
    ratios: BTreeMap<String, Interval>,
}

/// The figures of most builds; of equally many those that the build itself is among, then the newest.
fn group(
    build: &Build,
    builds: &[Build],
    registry: &Registry,
    kept: &[Kept],
    machines: &mut Machines,
) -> Result<Group, RegistryError> {
    type Key = (usize, String, Option<u64>, String);
    let mut groups: BTreeMap<Key, (BTreeMap<String, Figure>, String)> = BTreeMap::new();
    for other in builds {
        for raw in measurements::read(other, registry, kept, machines)?.0 {
            let Measured {
                created_at,
                machine,
                target,
                sequence,
                how,
                p50_ms: Some(p50),
                ..
            } = raw.measured
            else {
                continue;
            };
            let entry = groups.entry((machine, target, sequence, how)).or_default();
            entry.0.insert(other.facts.id.to_string(), p50);
            entry.1 = entry.1.clone().max(created_at);
        }
    }
    let own = build.facts.id.to_string();
    let best = groups
        .into_iter()
        .filter(|((.., how), _)| how == IN_PAIRS || how.starts_with("alone"))
        .max_by_key(|((.., how), (figures, newest))| {
            let in_pairs = how == IN_PAIRS;
            let has_own = figures.contains_key(&own) || (in_pairs && build.facts.parent.is_none());
            // Each pair has a figure of the source too.
            (figures.len() + usize::from(in_pairs), has_own, newest.clone())
        });
    let Some(((machine, _, _, how), (figures, _))) = best else {
        return Ok(Group::default());
    };
    let mut group = Group {
        machine: Some(machine),
        in_pairs: how == IN_PAIRS,
        figures,
        ratios: BTreeMap::new(),
    };
    if group.in_pairs {
        relate(&mut group, build, builds, kept, machines);
    }
    Ok(group)
}

/// Pairs say how each variant is to its source: the source's own figure is the median over all pairs, each variant's is that times its
/// ratio, so that no variant gains or loses by the moment in which it was measured.
fn relate(group: &mut Group, build: &Build, builds: &[Build], kept: &[Kept], machines: &mut Machines) {
    let parent = builds
        .iter()
        .find(|other| other.facts.id == build.facts.id)
        .and_then(|own| own.facts.parent.clone())
        .filter(|parent| builds.iter().any(|other| other.facts.id == *parent))
        .unwrap_or_else(|| build.root.clone());
    let mut pairs: Vec<(String, &PairMeasurement)> = Vec::new();
    for other in builds
        .iter()
        .filter(|other| other.facts.parent.as_ref() == Some(&parent))
    {
        for kept in swept(kept, &other.facts.id) {
            if let Some(pair) = kept
                .pair
                .as_ref()
                .filter(|_| Some(machines.place(&kept.machine)) == group.machine)
            {
                pairs.push((other.facts.id.to_string(), pair));
            }
        }
    }
    let levels: Vec<f64> = pairs
        .iter()
        .filter_map(|(_, pair)| pair.shown(Which::Baseline, Quantity::LatencyP50))
        .collect();
    let Some(level) = median(&levels).filter(|level| *level > 0.0) else {
        return;
    };
    group.figures.clear();
    group.figures.insert(
        parent.to_string(),
        Figure {
            value: level,
            lower: None,
            upper: None,
        },
    );
    for (id, pair) in pairs {
        let Some(change) = pair
            .change(Quantity::LatencyP50)
            .and_then(|evidence| evidence.interval(TAIL))
        else {
            continue;
        };
        let ratio = Interval {
            center: 1.0 + change.center / 100.0,
            lower: 1.0 + change.lower / 100.0,
            upper: 1.0 + change.upper / 100.0,
        };
        group.figures.insert(
            id.clone(),
            Figure {
                value: level * ratio.center,
                lower: Some(level * ratio.lower),
                upper: Some(level * ratio.upper),
            },
        );
        group.ratios.insert(id, ratio);
    }
}

/// What variants are judged against: what the build was derived from, or else itself.
fn reference<'a>(build: &Build, builds: &'a [Build], group: &Group) -> Option<&'a Build> {
    let with_figure = |id: &Digest| {
        builds
            .iter()
            .find(|other| other.facts.id == *id && group.figures.contains_key(id.as_str()))
    };
    match &build.facts.parent {
        Some(parent) => with_figure(parent).or_else(|| with_figure(&build.root)),
        None => with_figure(&build.facts.id),
    }
}

fn judge(
    reference: &Build,
    builds: &[Build],
    group: &mut Group,
    registry: &Registry,
    kept: &[Kept],
) -> Result<Judged, RegistryError> {
    let id = reference.facts.id.to_string();
    let own = group.figures.get(&id).copied();
    let level = own.map_or(0.0, |figure| figure.value);
    if !group.in_pairs {
        // Measured apart: both intervals count, and the ratio's is no narrower than they allow.
        let (lower, upper) = own.and_then(|figure| figure.interval()).unwrap_or((level, level));
        for (other, figure) in &group.figures {
            if let (false, true, Some(ends)) = (*other == id, lower > 0.0, figure.interval()) {
                group.ratios.insert(
                    other.clone(),
                    Interval {
                        center: figure.value / level,
                        lower: ends.0 / upper,
                        upper: ends.1 / lower,
                    },
                );
            }
        }
    }
    let mut ids = Vec::new();
    let mut tried = Vec::new();
    for other in builds {
        let Some(latency) = group.ratios.get(other.facts.id.as_str()).copied() else {
            continue;
        };
        let Some(cosine) = cosine(other, registry, kept)? else {
            continue;
        };
        ids.push(other.facts.id.to_string());
        tried.push(Tried::Measured(Candidate {
            name: other.facts.recipe.clone(),
            latency,
            size_bytes: other.size().0.max(1),
            cosine,
        }));
    }
    let against = Reference {
        name: reference.facts.recipe.clone(),
        size_bytes: reference.size().0,
    };
    let judged = tradeoff::judge(&against, &tried, LEAST_COSINE);
    Ok(Judged {
        recipe: reference.facts.recipe.clone(),
        size_bytes: reference.size().0,
        p50_ms: level,
        in_pairs: group.in_pairs,
        ratios: group.ratios.clone(),
        judgements: ids.into_iter().zip(judged.variants).collect(),
        id,
    })
}

/// The newest check of a variant's outputs against its source's, or what a sweep found.
fn cosine(build: &Build, registry: &Registry, kept: &[Kept]) -> Result<Option<f64>, RegistryError> {
    let checks = registry.checks(&build.facts.id)?;
    let checked = checks.into_iter().rev().find_map(|check| {
        let verified: Verified = serde_json::from_value(check.result).ok()?;
        Some(verified.accuracy.cosine)
    });
    Ok(checked.or_else(|| swept(kept, &build.facts.id).next().map(|kept| kept.accuracy.cosine)))
}

/// Marks those that no other is as fast and as small as, and better in one of both. Latencies whose intervals overlap are equal.
fn mark_front(variants: &mut [Variant]) {
    let points: Vec<Candidate> = variants
        .iter()
        .map(|variant| {
            let (lower, upper) = variant
                .p50_ms
                .interval()
                .unwrap_or((variant.p50_ms.value, variant.p50_ms.value));
            Candidate {
                name: variant.recipe.clone(),
                latency: Interval {
                    center: variant.p50_ms.value,
                    lower,
                    upper,
                },
                size_bytes: variant.size_bytes,
                // The front of the plot is over what the plot shows.
                cosine: 1.0,
            }
        })
        .collect();
    let counts: Vec<bool> = variants
        .iter_mut()
        .map(|variant| {
            variant.is_inaccurate = variant
                .cosine
                .is_some_and(|cosine| cosine.is_nan() || cosine < LEAST_COSINE);
            !variant.is_inaccurate
        })
        .collect();
    for (variant, point) in variants.iter_mut().zip(&points) {
        let is_beaten = points
            .iter()
            .zip(&counts)
            .any(|(other, counts)| *counts && other.dominates(point).is_some());
        variant.on_front = !variant.is_inaccurate && !is_beaten;
    }
}

/// The tree that the build is in, the root first.
fn lineage(
    build: &Build,
    registry: &Registry,
    kept: &[Kept],
    machines: &mut Machines,
) -> Result<(Vec<Relative>, usize), RegistryError> {
    let all = registry.descendants(&build.root)?;
    let mut children: BTreeMap<&str, Vec<&Build>> = BTreeMap::new();
    for other in &all {
        if let Some(parent) = &other.facts.parent {
            children.entry(parent.as_str()).or_default().push(other);
        }
    }
    let mut order: Vec<(&Build, usize, String)> = Vec::new();
    let mut open: Vec<(&Build, usize, String, String)> = all
        .iter()
        .filter(|other| other.facts.parent.is_none())
        .map(|root| (root, 0, String::new(), String::new()))
        .collect();
    while let Some((next, depth, branch, beneath)) = open.pop() {
        order.push((next, depth, branch));
        let below = children.get(next.facts.id.as_str()).map_or(&[][..], Vec::as_slice);
        // The last one is taken first.
        for (index, child) in below.iter().enumerate().rev() {
            let is_last = index + 1 == below.len();
            open.push((
                child,
                depth + 1,
                format!("{beneath}{}", if is_last { "└─ " } else { "├─ " }),
                format!("{beneath}{}", if is_last { "   " } else { "│  " }),
            ));
        }
    }
    let shown = |other: &Build| {
        other.facts.id == build.facts.id
            || (other.removed_at.is_none() && is_near(other, build))
            || other.facts.id == build.root
    };
    let count = order.len();
    if order.len() > RELATIVES {
        order.retain(|(other, ..)| shown(other));
        order.truncate(RELATIVES);
    }
    let left_out = count - order.len();
    let mut relatives = Vec::with_capacity(order.len());
    for (other, depth, branch) in order {
        let newest = measurements::read(other, registry, kept, machines)?
            .0
            .into_iter()
            .rev()
            .find_map(|raw| Some((raw.measured.p50_ms?.value, raw.measured.machine)));
        relatives.push(Relative {
            id: other.facts.id.to_string(),
            name: other.shown_name().to_owned(),
            recipe: other.facts.recipe.clone(),
            relation: relation(other, build),
            depth,
            branch,
            size_bytes: other.size().0,
            p50_ms: newest.map(|(p50, _)| p50),
            machine: newest.map(|(_, machine)| machine),
            removed: other.removed_at.is_some(),
        });
    }
    Ok((relatives, left_out))
}

fn is_near(other: &Build, build: &Build) -> bool {
    relation(other, build) != "relative"
}

fn relation(other: &Build, build: &Build) -> &'static str {
    let (id, own) = (&other.facts.id, &build.facts.id);
    if id == own {
        "this build"
    } else if build.facts.parent.as_ref() == Some(id) {
        if other.facts.parent.is_none() {
            "parent, root"
        } else {
            "parent"
        }
    } else if other.facts.parent.is_none() {
        "root"
    } else if other.facts.parent.as_ref() == Some(own) {
        "child"
    } else if other.facts.parent == build.facts.parent {
        "sibling"
    } else {
        "relative"
    }
}
