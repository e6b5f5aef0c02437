//! Builds: variants that are kept, where they come from, and how to find them.

use rusqlite::OptionalExtension as _;
use rusqlite::Row;
use rusqlite::params;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;
use crate::units::Bytes;

/// Shorter beginnings of an id are not looked for: they would be ambiguous tomorrow.
const MIN_PREFIX: usize = 4;

/// How many of several builds an error lists.
const SHOWN: usize = 5;

/// What is known of a build when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFacts {
    /// The variant's identity.
    pub id: Digest,
    /// The model's name in the config.
    pub model: String,
    /// The digest of the model that it was derived from.
    pub source: Digest,
    /// The recipe's name: `fp32`, `fp16`.
    pub recipe: String,
    /// The target that it was made for, where it was made for one.
    pub target: Option<String>,
    /// Its files; the model itself is the first.
    pub artifacts: Vec<ArtifactFacts>,
    /// When it was made, ISO 8601 in UTC.
    pub created_at: String,
    /// The build that it was derived from.
    pub parent: Option<Digest>,
    /// The version of mlbuild that made it.
    pub tool_version: String,
    /// What a person should know of it.
    pub notes: Vec<String>,
    /// What kind of model it is, and where it was found.
    pub about: About,
}

/// What kind of model a build is, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `onnx`, `tflite`, `coreml`.
    pub format: String,
    /// What kind of data it takes: `vision`, `nlp`, …; `None` where nobody looked.
    pub task: Option<String>,
    /// The file name of its source model when it was first seen.
    pub file: Option<String>,
    /// It was brought in as it is, not made here.
    pub imported: bool,
    /// The ONNX graph that a compiled model came from, in the store.
    pub graph: Option<Digest>,
}

impl Default for About {
    fn default() -> Self {
        Self {
            format: "onnx".to_owned(),
            task: None,
            file: None,
            imported: false,
            graph: None,
        }
    }
}

/// One file of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFacts {
    /// `model.onnx`, or the name under which the model refers to it.
    pub name: String,
    /// Its blob in the store.
    pub digest: Digest,
    /// Its size.
    pub size: Bytes,
}

/// A build as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What was known when it was made.
    pub facts: BuildFacts,
    /// The first build of its lineage; its own id where it has no parent.
    pub root: Digest,
    /// The name that a person gave it.
    pub name: Option<String>,
    /// Since when it is protected from pruning, ISO 8601 in UTC.
    pub pinned_at: Option<String>,
    /// Since when it is hidden, ISO 8601 in UTC: removed, and not purged.
    pub removed_at: Option<String>,
}

impl Build {
    /// A build that nobody said anything about yet, the root of a lineage.
    pub fn root(facts: BuildFacts) -> Self {
        Self {
            root: facts.id.clone(),
            facts,
            name: None,
            pinned_at: None,
            removed_at: None,
        }
    }

    /// The name that a person gave it, or the model's.
    pub fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.facts.model)
    }

    /// The bytes of all its files.
    pub fn size(&self) -> Bytes {
        size(&self.facts.artifacts)
    }
}

/// What [`Registry::read`] reads.
pub(super) const COLUMNS: &str =
    "builds.id, model, source, recipe, target, builds.created_at, parent, root, tool_version, notes,
    format, task, file, imported, graph, builds.name, pinned_at, removed_at";

impl Registry {
    /// Remembers a build. Returns false where the registry has it already; then nothing changes, but that one which was removed is back.
    ///
    /// A parent must be there before its child ([`RegistryError::NotFound`]).
    pub fn insert_build(&mut self, facts: &BuildFacts) -> Result<bool, RegistryError> {
        let failed = self.failed("write to");
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(&failed)?;
        let outcome = self.put_build(facts).and_then(|inserted| {
            self.connection
                .execute_batch("COMMIT")
                .map(|()| inserted)
                .map_err(&failed)
        });
        if outcome.is_err() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        outcome
    }

    /// As [`Self::insert_build`], within a transaction that the caller has begun.
    pub(super) fn put_build(&self, facts: &BuildFacts) -> Result<bool, RegistryError> {
        let failed = self.failed("write to");
        let notes = serde_json::to_string(&facts.notes).map_err(|error| self.damaged(error.to_string()))?;
        let root = match &facts.parent {
            None => facts.id.to_string(),
            Some(parent) => self
                .connection
                .query_row("SELECT root FROM builds WHERE id = ?1", [parent.as_str()], |row| {
                    row.get(0)
                })
                .optional()
                .map_err(&failed)?
                .ok_or_else(|| RegistryError::NotFound {
                    text: parent.to_string(),
                    nearest: None,
                })?,
        };
        let inserted = self.connection
            .execute(
                "INSERT INTO builds (id, model, source, recipe, target, size, created_at, parent, root, tool_version, notes,
                                     format, task, file, imported, graph)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT (id) DO NOTHING",
                params![
                    facts.id.as_str(),
                    facts.model,
                    facts.source.as_str(),
                    facts.recipe,
                    facts.target,
                    stored(size(&facts.artifacts)),
                    facts.created_at,
                    facts.parent.as_ref().map(Digest::as_str),
                    root,
                    facts.tool_version,
                    notes,
                    facts.about.format,
                    facts.about.task,
                    facts.about.file,
                    facts.about.imported,
                    facts.about.graph.as_ref().map(Digest::as_str),
                ],
            )
            .map_err(&failed)?;
        if inserted > 0 {
            self.put_artifacts(facts)?;
        } else {
            self.connection
                .execute(
                    "UPDATE builds SET removed_at = NULL WHERE id = ?1 AND removed_at IS NOT NULL",
                    [facts.id.as_str()],
                )
                .map_err(&failed)?;
        }
        Ok(inserted > 0)
    }

    /// The files of a build that has none yet.
    pub(super) fn put_artifacts(&self, facts: &BuildFacts) -> Result<(), RegistryError> {
        let failed = self.failed("write to");
        for (position, artifact) in facts.artifacts.iter().enumerate() {
            self.connection
                .execute(
                    "INSERT INTO artifacts (build, position, name, digest, size) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        facts.id.as_str(),
                        position as i64,
                        artifact.name,
                        artifact.digest.as_str(),
                        stored(artifact.size)
                    ],
                )
                .map_err(&failed)?;
        }
        Ok(())
    }

    /// The build whose id starts with `prefix`, at least four hexadecimal digits. One that was removed is [`RegistryError::Removed`].
    pub fn build_by_prefix(&self, prefix: &str) -> Result<Build, RegistryError> {
        let digits = prefix.to_ascii_lowercase();
        let mut found = self.with_prefix(&digits)?;
        if found.iter().any(|build| build.removed_at.is_none()) {
            found.retain(|build| build.removed_at.is_none());
        }
        match (found.pop(), found.len()) {
            (None, _) => Err(RegistryError::NotFound {
                text: prefix.to_owned(),
                nearest: None,
            }),
            (Some(build), 0) => match build.removed_at {
                None => Ok(build),
                Some(at) => Err(RegistryError::Removed {
                    id: build.facts.id.clone(),
                    at,
                }),
            },
            (Some(last), others) => {
                found.push(last);
                Err(ambiguous(prefix, &found, others + 1))
            }
        }
    }

    /// The builds whose ids start with these digits, removed ones too; none for fewer than four.
    pub fn with_prefix(&self, digits: &str) -> Result<Vec<Build>, RegistryError> {
        if !(MIN_PREFIX..=64).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        // `g` comes after every hexadecimal digit.
        self.select(
            "WHERE builds.id >= ?1 AND builds.id < ?1 || 'g' ORDER BY builds.id",
            &[&digits.to_ascii_lowercase()],
        )
    }

    /// The build that a person means by `text`: a tag, the beginning of an id, or a name that only one build has.
    pub fn resolve(&self, text: &str) -> Result<Build, RegistryError> {
        let prefix = match self.tagged(text)? {
            Some(id) => id,
            None => text.to_owned(),
        };
        match self.build_by_prefix(&prefix) {
            Err(RegistryError::NotFound { .. }) => {}
            outcome => return outcome,
        }
        let mut named = self.select(
            "WHERE coalesce(builds.name, model) = ?1 AND removed_at IS NULL ORDER BY builds.id",
            &[text],
        )?;
        match (named.pop(), named.len()) {
            (None, _) => Err(RegistryError::NotFound {
                text: text.to_owned(),
                nearest: self.nearest(text)?,
            }),
            (Some(build), 0) => Ok(build),
            (Some(last), others) => {
                named.push(last);
                Err(RegistryError::Namesakes {
                    text: text.to_owned(),
                    count: others + 1,
                    shown: shown(&named),
                })
            }
        }
    }

    /// True where the registry has the build, removed or not.
    pub fn has_build(&self, id: &Digest) -> Result<bool, RegistryError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM builds WHERE id = ?1)",
                [id.as_str()],
                |row| row.get(0),
            )
            .map_err(self.failed("read"))
    }

    /// All builds that are not removed, the newest first.
    pub fn builds(&self) -> Result<Vec<Build>, RegistryError> {
        self.select(
            "WHERE removed_at IS NULL ORDER BY builds.created_at DESC, builds.id",
            &[],
        )
    }

    /// The builds of the lineages that start at `root`, itself too and removed ones too, the oldest first.
    pub fn descendants(&self, root: &Digest) -> Result<Vec<Build>, RegistryError> {
        self.select(
            "WHERE root = ?1 ORDER BY builds.created_at, builds.id",
            &[root.as_str()],
        )
    }

    /// The build with that id, then its parent, and so on to its root; empty where it is not there.
    pub fn lineage(&self, id: &Digest) -> Result<Vec<Build>, RegistryError> {
        let clause = "JOIN (
                WITH RECURSIVE line (id, depth) AS (
                    SELECT ?1, 0
                    UNION ALL
                    SELECT builds.parent, line.depth + 1 FROM line JOIN builds USING (id)
                    WHERE builds.parent IS NOT NULL AND line.depth < 1000
                ) SELECT id, depth FROM line
            ) USING (id) ORDER BY depth";
        self.select(clause, &[id.as_str()])
    }

    pub(super) fn select(&self, clause: &str, parameters: &[&str]) -> Result<Vec<Build>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM builds {clause}"))
            .map_err(&failed)?;
        let mut rows = statement
            .query(rusqlite::params_from_iter(parameters))
            .map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            found.push(self.read(row)?);
        }
        Ok(found)
    }

    pub(super) fn read(&self, row: &Row<'_>) -> Result<Build, RegistryError> {
        let failed = self.failed("read");
        let text = |index: usize| row.get::<_, String>(index).map_err(&failed);
        let optional = |index: usize| row.get::<_, Option<String>>(index).map_err(&failed);
        let id = self.digest(text(0)?)?;
        let notes: Vec<String> = serde_json::from_str(&text(9)?)
            .map_err(|error| self.damaged(format!("notes of {}: {error}", id.short())))?;
        let facts = BuildFacts {
            artifacts: self.artifacts(&id)?,
            id,
            model: text(1)?,
            source: self.digest(text(2)?)?,
            recipe: text(3)?,
            target: optional(4)?,
            created_at: text(5)?,
            parent: optional(6)?.map(|parent| self.digest(parent)).transpose()?,
            tool_version: text(8)?,
            notes,
            about: About {
                format: text(10)?,
                task: optional(11)?,
                file: optional(12)?,
                imported: row.get(13).map_err(&failed)?,
                graph: optional(14)?.map(|graph| self.digest(graph)).transpose()?,
            },
        };
        Ok(Build {
            facts,
            root: self.digest(text(7)?)?,
            name: optional(15)?,
            pinned_at: optional(16)?,
            removed_at: optional(17)?,
        })
    }

    /// The files of a build, the model first.
    pub fn artifacts(&self, id: &Digest) -> Result<Vec<ArtifactFacts>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, digest, size FROM artifacts WHERE build = ?1 ORDER BY position")
            .map_err(&failed)?;
        let mut rows = statement.query([id.as_str()]).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let size: i64 = row.get(2).map_err(&failed)?;
            found.push(ArtifactFacts {
                name: row.get(0).map_err(&failed)?,
                digest: self.digest(row.get(1).map_err(&failed)?)?,
                size: Bytes(u64::try_from(size).map_err(|_| self.damaged(format!("a size of {size} bytes")))?),
            });
        }
        Ok(found)
    }

    pub(super) fn digest(&self, text: String) -> Result<Digest, RegistryError> {
        Digest::try_from(text).map_err(|error| self.damaged(error.to_string()))
    }
}

fn ambiguous(text: &str, found: &[Build], count: usize) -> RegistryError {
    RegistryError::Ambiguous {
        text: text.to_owned(),
        count,
        shown: shown(found),
    }
}

/// Some of these builds, for people.
fn shown(found: &[Build]) -> String {
    let mut shown: Vec<String> = found
        .iter()
        .take(SHOWN)
        .map(|build| {
            format!(
                "{} ({} {})",
                build.facts.id.short(),
                build.shown_name(),
                build.facts.recipe
            )
        })
        .collect();
    if found.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn size(artifacts: &[ArtifactFacts]) -> Bytes {
    Bytes(artifacts.iter().map(|artifact| artifact.size.0).sum())
}

/// SQLite's integers are signed; no file is larger.
fn stored(size: Bytes) -> i64 {
    i64::try_from(size.0).unwrap_or(i64::MAX)
}
