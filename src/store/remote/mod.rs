//! Remotes: named objects in a bucket of an S3 server or in a folder, moved whole, verified and resumable.
//!
//! Every call blocks; async stays behind it. A [`Remote`] may be used from several threads at once.

mod credentials;
mod error;
mod fetch;
mod folder;
mod s3;
mod settings;
mod transport;

use std::fmt;

pub use credentials::Environment;
pub use error::RemoteError;
pub use settings::DEFAULT_PREFIX;
pub use settings::Place;
pub use settings::RemoteSettings;
pub use settings::check_bucket;
pub use settings::check_endpoint;
pub use settings::check_region;
pub use settings::clean_prefix;

use crate::digest::Digest;
use crate::store::Objects;
use folder::Folder;
use s3::S3;

/// The folder of blobs within a remote: `objects/<sha256>`.
pub const OBJECTS: &str = "objects";

/// Called with the number of bytes that have arrived since the last call.
pub type Progress<'a> = dyn Fn(u64) + Sync + 'a;

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// What it was when it was sent, where the store remembers that.
    pub digest: Option<Digest>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name beneath the folder that was listed.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// A small object, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its content.
    pub bytes: Vec<u8>,
    /// What [`Condition::Unchanged`] takes; `None` where the server has no such thing.
    pub version: Option<String>,
}

/// What must be true for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no such object yet.
    Absent,
    /// The object is as it was read.
    Unchanged(String),
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// The condition does not hold; nothing changed.
    Refused,
}

/// Why content did not come to its end.
pub(crate) enum Broken {
    /// Asking again for the rest may help.
    GoOn(RemoteError),
    /// It will not.
    Final(RemoteError),
}

enum Backend {
    S3(S3),
    Folder(Folder),
}

/// An open remote.
pub struct Remote {
    backend: Backend,
    prefix: String,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("place", &self.place())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Opens a remote; nothing is asked of a server yet. The environment has the credentials, or says where they are.
    pub fn open(settings: &RemoteSettings, environment: &Environment) -> Result<Self, RemoteError> {
        let backend = match &settings.place {
            Place::S3 {
                bucket,
                region,
                endpoint,
            } => Backend::S3(S3::open(bucket, region.as_deref(), endpoint.as_deref(), environment)?),
            Place::Folder(path) => Backend::Folder(Folder::open(path)?),
        };
        Ok(Self {
            backend,
            prefix: settings.prefix.clone(),
        })
    }

    /// Bucket and server, or the folder, for people.
    pub fn place(&self) -> &str {
        match &self.backend {
            Backend::S3(s3) => s3.place(),
            Backend::Folder(folder) => folder.place(),
        }
    }

    /// What is known of the object `name`; `None` where it is not there.
    pub fn stat(&self, name: &str) -> Result<Option<Stat>, RemoteError> {
        let name = self.whole(name);
        match &self.backend {
            Backend::S3(s3) => s3.stat(&name),
            Backend::Folder(folder) => folder.stat(&name),
        }
    }

    /// Every object beneath the folder `folder`, sorted by name.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, RemoteError> {
        let name = self.whole(folder);
        let mut found = match &self.backend {
            Backend::S3(s3) => s3.list(&name),
            Backend::Folder(folder) => folder.list(&name),
        }?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// The object `name`, whole; `None` where it is not there. One of more than `limit` bytes is an error.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Read>, RemoteError> {
        let name = self.whole(name);
        match &self.backend {
            Backend::S3(s3) => s3.read(&name, limit),
            Backend::Folder(folder) => folder.read(&name, limit),
        }
    }

    /// Writes a small object under a condition. Where [`Self::honours`] says that the server ignores such conditions, it is written
    /// in any case.
    pub fn write(&self, name: &str, bytes: &[u8], condition: &Condition) -> Result<Written, RemoteError> {
        let name = self.whole(name);
        match &self.backend {
            Backend::S3(s3) => s3.write(&name, bytes, condition),
            Backend::Folder(folder) => folder.write(&name, bytes, condition),
        }
    }

    /// False where a write under this kind of condition has shown that the server ignores it: whoever writes then has to read back.
    pub fn honours(&self, condition: &Condition) -> bool {
        match &self.backend {
            Backend::S3(s3) => s3.honours(condition),
            Backend::Folder(_) => true,
        }
    }

    /// Deletes the object `name`, if it is there.
    pub fn delete(&self, name: &str) -> Result<(), RemoteError> {
        let name = self.whole(name);
        match &self.backend {
            Backend::S3(s3) => s3.delete(&name),
            Backend::Folder(folder) => folder.delete(&name),
        }
    }

    /// What is known of a blob.
    pub fn blob(&self, digest: &Digest) -> Result<Option<Stat>, RemoteError> {
        self.stat(&blob_name(digest))
    }

    /// Sends a blob out of `objects`, replacing what is there. Its content is verified on the way, and nothing is left where it is wrong.
    pub fn send_blob(&self, objects: &Objects, digest: &Digest, progress: &Progress<'_>) -> Result<(), RemoteError> {
        let Some(file) = objects.path(digest) else {
            objects.verify(digest)?;
            return Ok(());
        };
        let name = self.whole(&blob_name(digest));
        match &self.backend {
            Backend::S3(s3) => s3.send(&name, digest, &file, progress),
            Backend::Folder(folder) => folder.send(&name, digest, &file, progress),
        }
    }

    /// Brings a blob of `size` bytes into `objects`, verified. What arrived of it before is not asked for again.
    pub fn fetch_blob(
        &self,
        objects: &Objects,
        digest: &Digest,
        size: u64,
        progress: &Progress<'_>,
    ) -> Result<(), RemoteError> {
        fetch::fetch(self, objects, digest, size, progress)
    }

    fn read_from(
        &self,
        name: &str,
        offset: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), RemoteError>,
    ) -> Result<(), Broken> {
        let name = self.whole(name);
        match &self.backend {
            Backend::S3(s3) => s3.read_from(&name, offset, sink),
            Backend::Folder(folder) => folder.read_from(&name, offset, sink),
        }
    }

    fn whole(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// `objects/<sha256>`.
pub fn blob_name(digest: &Digest) -> String {
    format!("{OBJECTS}/{digest}")
}
