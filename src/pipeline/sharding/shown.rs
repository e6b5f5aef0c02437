//! Plans and measured shards, gathered for the tables and the JSON that show them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::pipeline::found::Evidence;
use crate::pipeline::found::Found;
use crate::pipeline::sharding::cost::Basis;
use crate::pipeline::sharding::partial::Partial;
use crate::pipeline::sharding::plan::ShardPlan;
use crate::pipeline::sharding::plan::Unit;
use crate::report::sharding;
use crate::report::sharding::Measured;
use crate::report::sharding::MeasuredRow;
use crate::report::sharding::Planned;
use crate::report::sharding::PlannedShard;

/// A plan. `asked` is how many shards somebody wanted.
pub fn planned(plan: &ShardPlan, asked: u32) -> Planned {
    let shards = (1..=plan.shards).map(|shard| PlannedShard {
        shard,
        of: plan.shards,
        comparisons: plan.of_shard(shard).map(|unit| unit.comparisons as usize).sum(),
        seconds: plan.seconds_of(shard),
        units: plan.of_shard(shard).map(Unit::name).collect(),
    });
    let mut bases: BTreeMap<Basis, usize> = BTreeMap::new();
    for unit in &plan.units {
        *bases.entry(unit.basis).or_default() += 1;
    }
    Planned {
        shards: shards.collect(),
        bases: bases
            .into_iter()
            .map(|(basis, many)| (basis.word().to_owned(), many))
            .collect(),
        asked,
    }
}

/// A shard that was measured, whose file is at `path`.
pub fn measured(partial: &Partial, path: &Path) -> Measured {
    let comparisons: Vec<MeasuredRow> = partial.comparisons.iter().map(row).collect();
    Measured {
        schema: sharding::SCHEMA,
        shard: format!("{}/{}", partial.shard, partial.of),
        file: path.display().to_string(),
        plan: partial.plan_digest.to_string(),
        seconds: comparisons.iter().map(|row| row.seconds).sum(),
        comparisons,
    }
}

fn row(found: &Found) -> MeasuredRow {
    let (state, restarts, seconds, reason) = match &found.evidence {
        Evidence::Pair { measurement, .. } => ("measured", measurement.restarts.len(), measurement.seconds, None),
        Evidence::Alone {
            measurement, reason, ..
        } => ("alone", measurement.restarts.len(), measurement.seconds, Some(reason)),
        Evidence::Settled { verdict, reason, .. } => (verdict.word(), 0, 0.0, Some(reason)),
        Evidence::Stored { .. } => ("stored", 0, 0.0, None),
    };
    MeasuredRow {
        model: found.key.model.clone(),
        target: found.key.target.clone(),
        variant: found.key.variant.clone(),
        sequence: found.key.sequence,
        state: state.to_owned(),
        restarts,
        seconds,
        reason: reason.cloned(),
    }
}
