//! Lists of builds: filtered, the newest first, with tags and newest figures, in a few queries however large the registry is.

use std::collections::BTreeMap;

use rusqlite::ToSql;

use super::Build;
use super::Registry;
use super::RegistryError;
use super::builds;
use super::figures::Figured;
use super::tags::PINNED;

/// Which builds. Everything that is given must hold; text is compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of the source model's file name, or of the model's name where the file is not known.
    pub source: Option<String>,
    /// Part of the name.
    pub name: Option<String>,
    /// The whole format: `onnx`.
    pub format: Option<String>,
    /// The whole task: `vision`; `unknown` finds those where nobody looked, too.
    pub task: Option<String>,
    /// The whole target. A build for no target in particular has those that it was measured on.
    pub target: Option<String>,
    /// A whole tag; `mlbuild-pinned` finds what is pinned.
    pub tag: Option<String>,
    /// The whole recipe: `int8-static`.
    pub recipe: Option<String>,
    /// No builds that were derived from others.
    pub roots_only: bool,
    /// Made at this time or later, ISO 8601 in UTC.
    pub since: Option<String>,
    /// Made before this time, ISO 8601 in UTC.
    pub until: Option<String>,
    /// At most so many.
    pub limit: Option<u64>,
    /// So many of the newest are left out.
    pub offset: u64,
    /// Removed ones too.
    pub with_removed: bool,
}

/// A build in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The build.
    pub build: Build,
    /// Its tags, sorted; `mlbuild-pinned` among them where it is pinned.
    pub tags: Vec<String>,
    /// What it came to when it was last measured.
    pub latest: Option<Figured>,
}

/// How much a registry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Builds that are not removed.
    pub builds: u64,
    /// Builds that are removed and not purged.
    pub removed: u64,
    /// Measurements of builds that are not removed.
    pub measurements: u64,
}

impl Registry {
    /// The builds that `filter` lets through, the newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Listed>, RegistryError> {
        let (clause, values) = clause(filter);
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let query = format!(
            "SELECT {} FROM builds {clause} ORDER BY builds.created_at DESC, builds.id LIMIT {} OFFSET {}",
            builds::COLUMNS,
            filter
                .limit
                .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX)),
            i64::try_from(filter.offset).unwrap_or(i64::MAX),
        );
        let failed = self.failed("read");
        let mut statement = self.connection.prepare(&query).map_err(&failed)?;
        let mut rows = statement.query(parameters.as_slice()).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            found.push(self.read(row)?);
        }
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for tag in self.all_tags()? {
            tags.entry(tag.build.to_string()).or_default().push(tag.name);
        }
        found.into_iter().map(|build| self.listed(build, &tags)).collect()
    }

    /// How many builds `filter` lets through, whatever its limit.
    pub fn count(&self, filter: &Filter) -> Result<u64, RegistryError> {
        let (clause, values) = clause(filter);
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let count: i64 = self
            .connection
            .query_row(
                &format!("SELECT count(*) FROM builds {clause}"),
                parameters.as_slice(),
                |row| row.get(0),
            )
            .map_err(self.failed("read"))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How much there is.
    pub fn counts(&self) -> Result<Counts, RegistryError> {
        let (builds, removed, measurements): (i64, i64, i64) = self
            .connection
            .query_row(
                "SELECT (SELECT count(*) FROM builds WHERE removed_at IS NULL),
                        (SELECT count(*) FROM builds WHERE removed_at IS NOT NULL),
                        (SELECT count(*) FROM measurements) - (SELECT count(*) FROM measurements
                            WHERE build IN (SELECT id FROM builds WHERE removed_at IS NOT NULL))",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .map_err(self.failed("read"))?;
        let whole = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(Counts {
            builds: whole(builds),
            removed: whole(removed),
            measurements: whole(measurements),
        })
    }

    pub(super) fn listed(&self, build: Build, tags: &BTreeMap<String, Vec<String>>) -> Result<Listed, RegistryError> {
        let mut own = tags.get(build.facts.id.as_str()).cloned().unwrap_or_default();
        if build.pinned_at.is_some() {
            own.push(PINNED.to_owned());
            own.sort();
        }
        Ok(Listed {
            latest: self.latest_figures(&build.facts.id)?,
            build,
            tags: own,
        })
    }
}

/// The condition of a filter and its values, numbered from one.
pub(super) fn clause(filter: &Filter) -> (String, Vec<String>) {
    let mut conditions: Vec<String> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    let mut add = |condition: &str, value: &Option<String>| {
        if let Some(value) = value {
            values.push(value.clone());
            conditions.push(condition.replace('?', &format!("?{}", values.len())));
        }
    };
    add("instr(lower(coalesce(file, model)), lower(?)) > 0", &filter.source);
    add("instr(lower(coalesce(builds.name, model)), lower(?)) > 0", &filter.name);
    add("format = lower(?)", &filter.format);
    add("coalesce(task, 'unknown') = lower(?)", &filter.task);
    add(
        "(builds.target = ? OR (builds.target IS NULL AND EXISTS (SELECT 1 FROM figures WHERE figures.build = builds.id AND figures.target = ?)))",
        &filter.target.as_ref().map(|target| target.replace('-', "_")),
    );
    add("recipe = ?", &filter.recipe);
    add("builds.created_at >= ?", &filter.since);
    add("builds.created_at < ?", &filter.until);
    match filter.tag.as_deref() {
        Some(PINNED) => conditions.push("pinned_at IS NOT NULL".to_owned()),
        _ => add("builds.id IN (SELECT build FROM tags WHERE name = ?)", &filter.tag),
    }
    if filter.roots_only {
        conditions.push("parent IS NULL".to_owned());
    }
    if !filter.with_removed {
        conditions.push("removed_at IS NULL".to_owned());
    }
    let clause = if conditions.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", conditions.join(" AND "))
    };
    (clause, values)
}
