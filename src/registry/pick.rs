//! Lists that are picked out otherwise than by time: whole families, and builds that a search ranked.

use std::collections::BTreeMap;

use rusqlite::ToSql;

use super::Filter;
use super::Listed;
use super::Registry;
use super::RegistryError;
use super::list;
use crate::digest::Digest;

/// A build's id and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The build.
    pub id: Digest,
    /// The name that a person gave it, or the model's.
    pub name: String,
}

/// Builds of some lineages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Families {
    /// Those that the filter lets through, by family: that with the newest build first; in each, the oldest build first.
    pub builds: Vec<Listed>,
    /// How many families there are, whatever the limit.
    pub total: u64,
}

impl Registry {
    /// What `filter` lets through, the newest first, without its limit.
    pub fn called(&self, filter: &Filter) -> Result<Vec<Named>, RegistryError> {
        let (clause, values) = list::clause(filter);
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let query = format!(
            "SELECT builds.id, coalesce(builds.name, model) FROM builds {clause} ORDER BY builds.created_at DESC, builds.id"
        );
        let rows = self.rows(&query, &parameters, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.into_iter()
            .map(|(id, name)| {
                Ok(Named {
                    id: self.digest(id)?,
                    name,
                })
            })
            .collect()
    }

    /// These builds as lists show them, in this order; those that are not there are left out.
    pub fn listed_builds(&self, ids: &[Digest]) -> Result<Vec<Listed>, RegistryError> {
        let tags = self.tags_by_build()?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            for build in self.select("WHERE builds.id = ?1", &[id.as_str()])? {
                found.push(self.listed(build, &tags)?);
            }
        }
        Ok(found)
    }

    /// What `filter` lets through, by families; its limit and offset count families.
    pub fn families(&self, filter: &Filter) -> Result<Families, RegistryError> {
        let (clause, values) = list::clause(filter);
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let query = format!(
            "SELECT root, max(builds.created_at) AS newest FROM builds {clause} GROUP BY root ORDER BY newest DESC, root"
        );
        let roots = self.rows(&query, &parameters, |row| row.get::<_, String>(0))?;
        let tags = self.tags_by_build()?;
        let limit = filter
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let offset = usize::try_from(filter.offset).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for root in roots.iter().skip(offset).take(limit) {
            let more = if clause.is_empty() { "WHERE" } else { "AND" };
            let clause = format!(
                "{clause} {more} root = ?{} ORDER BY builds.created_at, builds.id",
                values.len() + 1
            );
            let mut parameters: Vec<&str> = values.iter().map(String::as_str).collect();
            parameters.push(root);
            for build in self.select(&clause, &parameters)? {
                found.push(self.listed(build, &tags)?);
            }
        }
        Ok(Families {
            builds: found,
            total: roots.len() as u64,
        })
    }

    /// The parents of all builds of the families of these builds, removed ones too.
    pub fn parents(&self, roots: &[Digest]) -> Result<BTreeMap<String, Option<String>>, RegistryError> {
        let mut parents = BTreeMap::new();
        for root in roots {
            parents.extend(self.rows(
                "SELECT id, parent FROM builds WHERE root = ?1",
                &[&root.as_str()],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)),
            )?);
        }
        Ok(parents)
    }

    fn tags_by_build(&self) -> Result<BTreeMap<String, Vec<String>>, RegistryError> {
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for tag in self.all_tags()? {
            tags.entry(tag.build.to_string()).or_default().push(tag.name);
        }
        Ok(tags)
    }
}
