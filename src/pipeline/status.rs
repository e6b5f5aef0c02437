//! Gathers how a workspace stands out of its registry and budget.

use crate::config::Bound;
use crate::config::budget::Budget;
use crate::pipeline::listing;
use crate::registry::BASELINE;
use crate::registry::Filter;
use crate::registry::HistoryFilter;
use crate::registry::Listed;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::RemoteFacts;
use crate::registry::RunStatus;
use crate::report::listing::Row;
use crate::report::status;
use crate::report::status::Standing;

/// Of a workspace whose registry is not there, or cannot be read.
pub fn without_registry(host: String, workspace: Option<String>, problems: Vec<String>) -> Standing {
    Standing {
        schema: 1,
        host,
        workspace,
        counts: None,
        last_build: None,
        last_benchmark: None,
        baseline: None,
        last_validate: None,
        budget: Vec::new(),
        open_runs: Vec::new(),
        remotes: Vec::new(),
        problems,
    }
}

/// What the registry adds to it.
pub fn with_registry(registry: &Registry, standing: Standing) -> Result<Standing, RegistryError> {
    let counts = registry.counts()?;
    let newest = registry.list(&Filter {
        limit: Some(1),
        ..Filter::default()
    })?;
    let first = |listed: &[Listed]| listed.first().map(listing::row);
    let last_benchmark = match registry.newest_figures()? {
        None => None,
        Some((build, figured)) => Some(status::Benchmark {
            name: first(&registry.listed_builds(std::slice::from_ref(&build))?)
                .map(|row: Row| row.name)
                .unwrap_or_default(),
            build: build.to_string(),
            target: figured.target,
            p50_ms: figured.figures.p50_ms,
            created_at: figured.created_at,
        }),
    };
    let baseline = registry.all_tags()?.into_iter().find(|tag| tag.name == BASELINE);
    let baseline = match baseline {
        Some(tag) => first(&registry.listed_builds(&[tag.build])?),
        None => None,
    };
    Ok(Standing {
        counts: Some(status::Counts {
            builds: counts.builds,
            removed: counts.removed,
            benchmarks: counts.measurements,
        }),
        last_build: first(&newest),
        last_benchmark,
        baseline,
        last_validate: last_validate(registry)?,
        open_runs: registry
            .runs(None)?
            .into_iter()
            .filter(|run| run.status == RunStatus::Running)
            .map(|run| status::Run {
                id: run.id,
                experiment: run.experiment,
                name: run.name,
                started_at: run.started_at,
            })
            .collect(),
        remotes: registry.remotes()?.into_iter().map(remote).collect(),
        ..standing
    })
}

/// The limits of a budget.
pub fn limits(budget: &Budget) -> Vec<status::Limit> {
    Bound::ALL
        .into_iter()
        .filter_map(|constraint| {
            Some(status::Limit {
                constraint,
                limit: budget.get(constraint)?,
            })
        })
        .collect()
}

fn last_validate(registry: &Registry) -> Result<Option<status::Validate>, RegistryError> {
    let entries = registry.history(&HistoryFilter {
        command: Some("validate".to_owned()),
        limit: Some(10),
        ..HistoryFilter::default()
    })?;
    Ok(entries.into_iter().find_map(|entry| {
        let exit_code = entry.exit_code?;
        Some(status::Validate {
            started_at: entry.started_at,
            exit_code,
            result: match exit_code {
                0 => "passed",
                1 => "violated",
                _ => "error",
            },
        })
    }))
}

fn remote(facts: RemoteFacts) -> status::Remote {
    status::Remote {
        place: facts.bucket.or(facts.path).unwrap_or_default(),
        name: facts.name,
        backend: facts.backend,
        default: facts.is_default,
    }
}
