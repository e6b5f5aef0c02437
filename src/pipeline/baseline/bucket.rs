//! Baselines in a bucket: `<prefix>baselines/<gate>/` has one manifest a baseline, never overwritten, and the files by digest.
//!
//! Files are written before the manifest that names them. What is read is verified: the manifest by its own digest in its name, every file
//! by the manifest. Who may write to the bucket may publish baselines; nothing here can tell who it was.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::config::BucketConfig;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::ManifestError;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::tag;
use crate::store::Objects;
use crate::store::StoreError;
use crate::store::remote::Condition;
use crate::store::remote::DEFAULT_PREFIX;
use crate::store::remote::Environment;
use crate::store::remote::OBJECTS;
use crate::store::remote::Place;
use crate::store::remote::Remote;
use crate::store::remote::RemoteError;
use crate::store::remote::RemoteSettings;
use crate::store::remote::blob_name;
use crate::store::remote::clean_prefix;

/// The folder of manifests beneath a gate's.
const MANIFESTS: &str = "manifests";

/// What stands in the place of a commit that is not known.
const DESK: &str = "desk";

/// What can go wrong with a bucket of baselines.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The bucket did not do what was asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A manifest that is not usable.
    #[error("the baseline `{name}` in {place} is refused: {source}")]
    Manifest {
        /// Its name.
        name: String,
        /// Bucket and server, for people.
        place: String,
        /// What is wrong.
        source: Box<ManifestError>,
    },
    /// A manifest that is not what it claims to be.
    #[error("the baseline `{name}` in {place} is refused: {reason}")]
    Refused {
        /// Its name.
        name: String,
        /// Bucket and server, for people.
        place: String,
        /// What does not agree.
        reason: String,
    },
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BucketError {
    /// True where this baseline is at fault, and another one may do.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Manifest { .. } | Self::Refused { .. } => true,
            Self::Remote(error) => error.is_about_one_object(),
            Self::Store(_) => false,
        }
    }
}

impl Hint for BucketError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Remote(RemoteError::Damaged { .. } | RemoteError::Missing { .. }) | Self::Refused { .. } => {
                "look at who writes to the bucket; then make a new baseline: `mlbuild baseline refresh --force`, or the baseline job"
            }
            Self::Remote(error) => return error.hints(),
            Self::Manifest { source, .. } if matches!(**source, ManifestError::OtherSchema { .. }) => {
                "use the version of mlbuild that wrote it, or make a new baseline with this one: `mlbuild baseline refresh --force`"
            }
            Self::Manifest { .. } => "make a new baseline: `mlbuild baseline refresh --force`, or the baseline job",
            Self::Store(error) => return error.hints(),
        };
        vec![hint.to_owned()]
    }
}

/// The baselines of one gate in a bucket.
#[derive(Debug)]
pub struct Bucket {
    remote: Remote,
    key: String,
}

/// A manifest's name: `20261120T140509Z-0123456789ab-89abcdef0123.json`, its time, its commit, and its own digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    fn of(manifest: &Manifest, bytes: &[u8]) -> Self {
        let time: String = manifest
            .created_at
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let commit = manifest.origin.as_ref().and_then(|origin| origin.commit.get(..12));
        let digest = Digest::of(bytes);
        Self(format!("{time}-{}-{}.json", commit.unwrap_or(DESK), digest.short()))
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.strip_suffix(".json")?.split('-').collect();
        let is_hex = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        match parts.as_slice() {
            [time, commit, digest]
                if time.len() >= 15
                    && time.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && (*commit == DESK || is_hex(commit))
                    && is_hex(digest) =>
            {
                Some(Self(text.to_owned()))
            }
            _ => None,
        }
    }

    fn part(&self, index: usize) -> &str {
        self.0
            .trim_end_matches(".json")
            .split('-')
            .nth(index)
            .unwrap_or_default()
    }

    /// For people.
    pub fn as_str(&self) -> &str {
        self.0.trim_end_matches(".json")
    }

    /// True where it claims to be measured at `commit`.
    pub fn claims_commit(&self, commit: &str) -> bool {
        commit.get(..12).is_some_and(|start| self.part(1) == start)
    }

    /// True where it claims to be measured at some commit.
    pub fn has_commit(&self) -> bool {
        self.part(1) != DESK
    }

    /// `yyyymm`.
    fn month(&self) -> &str {
        self.part(0).get(..6).unwrap_or_default()
    }
}

impl Bucket {
    /// The baselines of the gate `key`; nothing is asked of the server yet.
    pub fn open(config: &BucketConfig, key: &str, environment: &Environment) -> Result<Self, BucketError> {
        let place = Place::S3 {
            bucket: config.bucket.clone(),
            region: config.region.clone(),
            endpoint: config.endpoint.clone(),
        };
        let prefix = clean_prefix(config.prefix.as_deref().unwrap_or(DEFAULT_PREFIX))?;
        let prefix = format!("{prefix}baselines/{}/", tag::slug(key));
        let settings = RemoteSettings::new(place, Some(&prefix))?;
        Ok(Self {
            remote: Remote::open(&settings, environment)?,
            key: key.to_owned(),
        })
    }

    /// What people call a baseline of it.
    pub fn label(&self, name: &Name) -> String {
        format!("{} in {}", name.as_str(), self.remote.place())
    }

    /// Bucket and server, for people.
    pub fn place(&self) -> &str {
        self.remote.place()
    }

    /// All baselines, the newest first.
    pub fn list(&self) -> Result<Vec<Name>, BucketError> {
        let found = self.remote.list(MANIFESTS)?;
        let mut names: Vec<Name> = found.iter().filter_map(|object| Name::parse(&object.name)).collect();
        names.sort_by(|one, other| other.cmp(one));
        Ok(names)
    }

    /// Reads a manifest and checks what it claims of itself.
    pub fn read(&self, name: &Name) -> Result<Manifest, BucketError> {
        let path = path(name);
        let found = self.remote.read(&path, manifest::MAX_BYTES)?;
        let bytes = found.map(|found| found.bytes).ok_or_else(|| RemoteError::Missing {
            name: path,
            place: self.remote.place().to_owned(),
        })?;
        let refused = |reason: String| BucketError::Refused {
            name: name.as_str().to_owned(),
            place: self.remote.place().to_owned(),
            reason,
        };
        if Digest::of(&bytes).short() != name.part(2) {
            return Err(refused("its content is not what its name says".to_owned()));
        }
        let manifest = Manifest::parse(&bytes).map_err(|source| BucketError::Manifest {
            name: name.as_str().to_owned(),
            place: self.remote.place().to_owned(),
            source: Box::new(source),
        })?;
        if manifest.key != self.key {
            return Err(refused(format!(
                "its key is `{}`, this gate's is `{}`",
                manifest.key, self.key
            )));
        }
        Ok(manifest)
    }

    /// Refuses a manifest that was not made by a push to a baseline branch of this repository, as far as it says so itself.
    pub fn check_origin(&self, name: &Name, manifest: &Manifest, trust: &Trust) -> Result<(), BucketError> {
        let reason = match &manifest.origin {
            None => "its manifest names no commit".to_owned(),
            Some(origin) if origin.repository_id.is_some_and(|id| id != trust.repository_id) => {
                format!("it belongs to `{}`", origin.repository)
            }
            Some(origin) if !trust.branches.contains(&origin.branch) => {
                format!("`{}` is no baseline branch", origin.branch)
            }
            Some(origin) if !name.claims_commit(&origin.commit) => {
                "its name and its manifest name different commits".to_owned()
            }
            Some(_) => return Ok(()),
        };
        Err(BucketError::Refused {
            name: name.as_str().to_owned(),
            place: self.remote.place().to_owned(),
            reason,
        })
    }

    /// The newest baseline; `None` where there is none. One that cannot be used is an error: an older one would hide it.
    pub fn newest(&self) -> Result<Option<(Name, Manifest)>, BucketError> {
        let Some(name) = self.list()?.into_iter().next() else {
            return Ok(None);
        };
        let manifest = self.read(&name)?;
        Ok(Some((name, manifest)))
    }

    /// Brings a file of a baseline into the object store.
    pub fn fetch(&self, file: &StoredFile, objects: &Objects) -> Result<PathBuf, BucketError> {
        if objects.verify(&file.digest).is_err() {
            self.remote.fetch_blob(objects, &file.digest, file.bytes, &|_| ())?;
        }
        Ok(objects.verify(&file.digest)?)
    }

    /// Publishes a baseline with its files out of the object store, beside those that are there.
    pub fn publish(&self, manifest: &Manifest, objects: &Objects) -> Result<Name, BucketError> {
        self.send(manifest, objects)?;
        let malformed = |source| BucketError::Manifest {
            name: manifest.created_at.clone(),
            place: self.remote.place().to_owned(),
            source: Box::new(source),
        };
        let bytes = manifest.to_bytes().map_err(malformed)?;
        let name = Name::of(manifest, &bytes);
        // Who was faster with this name wrote these very bytes.
        self.remote.write(&path(&name), &bytes, &Condition::Absent)?;
        // Another refresh may have tidied up between our look at a file that was there and our manifest, which now protects it.
        self.send(manifest, objects)?;
        Ok(name)
    }

    /// Sends the files that are not there.
    fn send(&self, manifest: &Manifest, objects: &Objects) -> Result<(), BucketError> {
        for file in manifest.files() {
            let there = self.remote.blob(&file.digest)?;
            let is_right = there
                .is_some_and(|stat| stat.size == file.bytes && stat.digest.is_none_or(|digest| digest == file.digest));
            if !is_right {
                self.remote.send_blob(objects, &file.digest, &|_| ())?;
            }
        }
        Ok(())
    }

    /// Deletes baselines beyond the newest `keep`, sparing the newest of each month, then the files that no baseline names any more. Where
    /// a baseline that stays cannot be read, no file is deleted, as it may need any. Returns how many baselines were deleted.
    pub fn retain(&self, keep: usize) -> Result<usize, BucketError> {
        let mut months = BTreeSet::new();
        let mut deleted = 0;
        for (place, name) in self.list()?.iter().enumerate() {
            let newest_of_month = months.insert(name.month().to_owned());
            if place >= keep.max(1) && !newest_of_month {
                self.remote.delete(&path(name))?;
                deleted += 1;
            }
        }
        if deleted > 0 {
            self.tidy()?;
        }
        Ok(deleted)
    }

    fn tidy(&self) -> Result<(), BucketError> {
        // Files first, manifests after: a file of a manifest that comes in between is not in the list.
        let files = self.remote.list(OBJECTS)?;
        let mut needed = BTreeSet::new();
        for name in self.list()? {
            match self.read(&name) {
                Ok(manifest) => needed.extend(manifest.files().into_iter().map(|file| file.digest.clone())),
                Err(error) if error.is_refusal() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        for file in files {
            if let Ok(digest) = file.name.parse::<Digest>()
                && !needed.contains(&digest)
            {
                self.remote.delete(&blob_name(&digest))?;
            }
        }
        Ok(())
    }
}

fn path(name: &Name) -> String {
    format!("{MANIFESTS}/{}", name.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_time_commit_and_digest() {
        let name = Name::parse("20261120T140509Z-0123456789ab-89abcdef0123.json").unwrap();
        assert!(name.claims_commit("0123456789abcdef0123456789abcdef01234567"));
        assert!(!name.claims_commit("1123456789abcdef0123456789abcdef01234567"));
        assert_eq!(name.month(), "202611");
        assert!(
            !Name::parse("20261120T140509Z-desk-89abcdef0123.json")
                .unwrap()
                .has_commit()
        );
        for other in [
            "x.json",
            "20261120T140509Z-0123456789ab.json",
            "a-b-c.json",
            "20261120T140509Z-desk-89abcdef0123",
        ] {
            assert!(Name::parse(other).is_none(), "{other}");
        }
    }
}
