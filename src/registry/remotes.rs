//! Remotes: where builds are shared. Credentials are never among what is kept.

use super::Registry;
use super::RegistryError;

/// A place that builds are pushed to and pulled from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteFacts {
    /// Unique.
    pub name: String,
    /// `s3` or `local`.
    pub backend: String,
    /// The bucket, of `s3`.
    pub bucket: Option<String>,
    /// What the keys in the bucket begin with.
    pub prefix: Option<String>,
    /// The region, of `s3`.
    pub region: Option<String>,
    /// The server's address, where it is not AWS.
    pub endpoint: Option<String>,
    /// The folder, of `local`.
    pub path: Option<String>,
    /// It is meant where none is named.
    pub is_default: bool,
    /// When it was added, ISO 8601 in UTC.
    pub created_at: String,
}

impl Registry {
    /// Adds a remote of a new name. The first one, and one that says so, becomes the default.
    pub fn add_remote(&mut self, remote: &RemoteFacts) -> Result<(), RegistryError> {
        let failed = self.failed("write to");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        let made = self.change(
            "INSERT INTO remotes (name, backend, bucket, prefix, region, endpoint, path, is_default, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NOT EXISTS (SELECT 1 FROM remotes), ?8) ON CONFLICT (name) DO NOTHING",
            &[
                &remote.name,
                &remote.backend,
                &remote.bucket,
                &remote.prefix,
                &remote.region,
                &remote.endpoint,
                &remote.path,
                &remote.created_at,
            ],
        )?;
        if made == 0 {
            return Err(RegistryError::Taken {
                article: "a",
                kind: "remote",
                name: remote.name.clone(),
            });
        }
        if remote.is_default {
            self.change("UPDATE remotes SET is_default = (name = ?1)", &[&remote.name])?;
        }
        transaction.commit().map_err(&failed)
    }

    /// All remotes, sorted by name.
    pub fn remotes(&self) -> Result<Vec<RemoteFacts>, RegistryError> {
        self.rows(
            "SELECT name, backend, bucket, prefix, region, endpoint, path, is_default, created_at FROM remotes ORDER BY name",
            &[],
            |row| {
                Ok(RemoteFacts {
                    name: row.get(0)?,
                    backend: row.get(1)?,
                    bucket: row.get(2)?,
                    prefix: row.get(3)?,
                    region: row.get(4)?,
                    endpoint: row.get(5)?,
                    path: row.get(6)?,
                    is_default: row.get(7)?,
                    created_at: row.get(8)?,
                })
            },
        )
    }

    /// The remote of that name, or the default where there is no name.
    pub fn remote(&self, name: Option<&str>) -> Result<RemoteFacts, RegistryError> {
        let wanted = |remote: &RemoteFacts| name.map_or(remote.is_default, |name| remote.name == name);
        self.remotes()?.into_iter().find(wanted).ok_or_else(|| match name {
            Some(name) => RegistryError::NoRecord {
                kind: "remote",
                text: name.to_owned(),
                found: "no",
            },
            None => RegistryError::NoDefaultRemote,
        })
    }

    /// Makes a remote the default.
    pub fn set_default_remote(&mut self, name: &str) -> Result<(), RegistryError> {
        self.remote(Some(name))?;
        self.change("UPDATE remotes SET is_default = (name = ?1)", &[&name])
            .map(|_| ())
    }

    /// Forgets a remote; what it holds stays there. Where it was the default, the first of the others is.
    pub fn remove_remote(&mut self, name: &str) -> Result<(), RegistryError> {
        let failed = self.failed("write to");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        if self.change("DELETE FROM remotes WHERE name = ?1", &[&name])? == 0 {
            return Err(RegistryError::NoRecord {
                kind: "remote",
                text: name.to_owned(),
                found: "no",
            });
        }
        self.change(
            "UPDATE remotes SET is_default = 1 WHERE name = (SELECT min(name) FROM remotes)
             AND NOT EXISTS (SELECT 1 FROM remotes WHERE is_default = 1)",
            &[],
        )?;
        transaction.commit().map_err(&failed)
    }
}
