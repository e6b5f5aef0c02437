//! A bucket: every call blocks, the async client stays in here. May be called from several threads at once.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path as FilePath;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use object_store::Attribute;
use object_store::Attributes;
use object_store::BackoffConfig;
use object_store::Error;
use object_store::GetOptions;
use object_store::GetRange;
use object_store::ObjectStore as _;
use object_store::ObjectStoreExt as _;
use object_store::PutMode;
use object_store::PutMultipartOptions;
use object_store::PutOptions;
use object_store::PutPayload;
use object_store::RetryConfig;
use object_store::UpdateVersion;
use object_store::aws::AmazonS3;
use object_store::aws::AmazonS3Builder;
use object_store::aws::S3ConditionalPut;
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use tokio::runtime::Runtime;

use super::Broken;
use super::Condition;
use super::Listed;
use super::Progress;
use super::Read;
use super::Stat;
use super::Written;
use super::credentials;
use super::credentials::Environment;
use super::error::About;
use super::error::RemoteError;
use super::error::translate;
use super::error::trouble;
use super::settings::check_endpoint;
use super::transport::Transport;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;

/// Files of this size and less are one request.
const ONE_REQUEST: u64 = 16 << 20;
/// The size of a part of a larger one, where that is enough. S3 wants 5 MiB at least; R2 wants all of a size.
const PART: u64 = 8 << 20;
/// S3 takes 10 000 parts at most.
const MOST_PARTS: u64 = 9_000;
/// How many parts are on their way at once.
const AT_ONCE: usize = 4;
/// Says in an object's metadata what its content is.
const SHA256: &str = "sha256";

/// Whether the server does what a condition says. Not every S3 server does, and some ignore it without a word.
const UNKNOWN: u8 = 0;
const HONOURED: u8 = 1;
const IGNORED: u8 = 2;

pub(super) struct S3 {
    // Dropped before the runtime whose tasks it owns.
    store: AmazonS3,
    runtime: Runtime,
    place: String,
    absent: AtomicU8,
    unchanged: AtomicU8,
}

impl S3 {
    pub(super) fn open(
        bucket: &str,
        region: Option<&str>,
        endpoint: Option<&str>,
        environment: &Environment,
    ) -> Result<Self, RemoteError> {
        let endpoint = endpoint.or_else(|| credentials::endpoint(environment));
        endpoint.map_or(Ok(()), check_endpoint)?;
        let place = match endpoint {
            Some(endpoint) => format!("{bucket} at {}", endpoint.trim_end_matches('/')),
            None => format!("s3://{bucket}"),
        };
        let region = region.map(str::to_owned).or_else(|| credentials::region(environment));
        let fallback = match endpoint {
            Some(endpoint) if endpoint.contains(".r2.cloudflarestorage.com") => "auto",
            _ => "us-east-1",
        };
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(200),
                max_backoff: Duration::from_secs(10),
                base: 3.0,
            },
            max_retries: 3,
            retry_timeout: Duration::from_secs(180),
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region.as_deref().unwrap_or(fallback))
            .with_allow_http(true)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_disable_bulk_delete(true)
            .with_retry(retry)
            .with_http_connector(Transport::new()?);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let store = credentials::give(builder, environment, &place)?
            .build()
            .map_err(|error| RemoteError::Setup(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| RemoteError::Setup(error.to_string()))?;
        Ok(Self {
            store,
            runtime,
            place,
            absent: AtomicU8::new(UNKNOWN),
            unchanged: AtomicU8::new(UNKNOWN),
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn failed<'a>(&'a self, action: &'static str, name: &'a str) -> impl Fn(Error) -> RemoteError + 'a {
        move |error| {
            translate(
                &error,
                &About {
                    place: &self.place,
                    action,
                    name,
                },
            )
        }
    }

    fn path(&self, name: &str) -> Result<Path, RemoteError> {
        Path::parse(name).map_err(|error| self.failed("name", name)(error.into()))
    }

    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>, RemoteError> {
        let path = self.path(name)?;
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        match self.runtime.block_on(self.store.get_opts(&path, options)) {
            Ok(found) => Ok(Some(Stat {
                size: found.meta.size,
                digest: found
                    .attributes
                    .get(&Attribute::Metadata(SHA256.into()))
                    .and_then(|digest| digest.as_ref().parse().ok()),
            })),
            Err(error) => self.or_absent("look at", name, &error),
        }
    }

    /// `None` where it is only this object that is not there.
    fn or_absent<T>(&self, action: &'static str, name: &str, error: &Error) -> Result<Option<T>, RemoteError> {
        let about = About {
            place: &self.place,
            action,
            name,
        };
        match translate(error, &about) {
            RemoteError::Missing { .. } => Ok(None),
            error => Err(error),
        }
    }

    pub(super) fn list(&self, folder: &str) -> Result<Vec<Listed>, RemoteError> {
        let path = self.path(folder)?;
        self.runtime.block_on(async {
            let mut stream = self.store.list(Some(&path));
            let mut found = Vec::new();
            while let Some(meta) = stream.next().await {
                let meta = meta.map_err(self.failed("list", folder))?;
                if let Some(name) = meta.location.as_ref().strip_prefix(folder) {
                    found.push(Listed {
                        name: name.trim_start_matches('/').to_owned(),
                        size: meta.size,
                    });
                }
            }
            Ok(found)
        })
    }

    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Read>, RemoteError> {
        let path = self.path(name)?;
        self.runtime.block_on(async {
            let found = match self.store.get_opts(&path, GetOptions::default()).await {
                Ok(found) => found,
                Err(error) => return self.or_absent("read", name, &error),
            };
            if found.meta.size > limit {
                return Err(RemoteError::Damaged {
                    name: name.to_owned(),
                    place: self.place.clone(),
                    what: format!("it has {} bytes, more than the {limit} that are read", found.meta.size),
                });
            }
            let version = found.meta.e_tag.clone();
            let bytes = found.bytes().await.map_err(self.failed("read", name))?;
            Ok(Some(Read {
                bytes: bytes.to_vec(),
                version,
            }))
        })
    }

    /// Whether a write under the condition is refused where it does not hold; asked for after the first write.
    pub(super) fn honours(&self, condition: &Condition) -> bool {
        let known = match condition {
            Condition::Any => return true,
            Condition::Absent => &self.absent,
            Condition::Unchanged(_) => &self.unchanged,
        };
        known.load(Ordering::Relaxed) != IGNORED
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8], condition: &Condition) -> Result<Written, RemoteError> {
        let path = self.path(name)?;
        let (mode, known) = match condition {
            Condition::Any => (PutMode::Overwrite, None),
            Condition::Absent => (PutMode::Create, Some(&self.absent)),
            Condition::Unchanged(version) => (
                PutMode::Update(UpdateVersion {
                    e_tag: Some(version.clone()),
                    version: None,
                }),
                Some(&self.unchanged),
            ),
        };
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let put = |mode: PutMode| {
            let options = PutOptions::from(mode);
            self.runtime
                .block_on(self.store.put_opts(&path, payload.clone(), options))
        };
        let Some(known) = known else {
            put(mode).map_err(self.failed("write", name))?;
            return Ok(Written::Done);
        };
        if known.load(Ordering::Relaxed) == IGNORED {
            put(PutMode::Overwrite).map_err(self.failed("write", name))?;
            return Ok(Written::Done);
        }
        match put(mode.clone()) {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                known.store(HONOURED, Ordering::Relaxed);
                return Ok(Written::Refused);
            }
            Err(error) => match self.failed("write", name)(error) {
                // The server says that it knows no conditions.
                RemoteError::Refused { status: Some(501), .. } => {
                    known.store(IGNORED, Ordering::Relaxed);
                    put(PutMode::Overwrite).map_err(self.failed("write", name))?;
                    return Ok(Written::Done);
                }
                error => return Err(error),
            },
        }
        if known.load(Ordering::Relaxed) == UNKNOWN {
            // The same again, which must be refused now: otherwise conditions mean nothing to this server. Equal bytes do no harm.
            let again = put(mode);
            known.store(if again.is_ok() { IGNORED } else { HONOURED }, Ordering::Relaxed);
        }
        Ok(Written::Done)
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), RemoteError> {
        let path = self.path(name)?;
        match self.runtime.block_on(self.store.delete(&path)) {
            Ok(()) => Ok(()),
            Err(error) => self.or_absent::<()>("delete", name, &error).map(|_| ()),
        }
    }

    /// Sends a file whose content must have that digest; nothing is left where it has not, or where anything fails.
    pub(super) fn send(
        &self,
        name: &str,
        digest: &Digest,
        file: &FilePath,
        progress: &Progress<'_>,
    ) -> Result<(), RemoteError> {
        let path = self.path(name)?;
        let mut source = File::open(file).map_err(FileError::at("read", file))?;
        let size = source.metadata().map_err(FileError::at("read", file))?.len();
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(SHA256.into()), digest.to_string().into());
        if size <= ONE_REQUEST {
            let bytes = piece(&mut source, ONE_REQUEST + 1).map_err(FileError::at("read", file))?;
            let found = Digest::of(&bytes);
            if found != *digest {
                return Err(changed(file, found));
            }
            let sent = bytes.len() as u64;
            let options = PutOptions {
                attributes,
                ..PutOptions::default()
            };
            self.runtime
                .block_on(self.store.put_opts(&path, bytes.into(), options))
                .map_err(self.failed("write", name))?;
            progress(sent);
            return Ok(());
        }
        let options = PutMultipartOptions {
            attributes,
            ..PutMultipartOptions::default()
        };
        self.runtime.block_on(async {
            let failed = self.failed("write", name);
            let id = self
                .store
                .create_multipart_opts(&path, options)
                .await
                .map_err(&failed)?;
            let outcome = self
                .parts(&path, &id, &mut source, size, digest, file, name, progress)
                .await;
            if outcome.is_err() {
                // What was sent would be kept, and charged for, until somebody cleans up.
                let _ = self.store.abort_multipart(&path, &id).await;
            }
            outcome
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the one half of `send`, split off so that the other can clean up"
    )]
    async fn parts(
        &self,
        path: &Path,
        id: &String,
        source: &mut File,
        size: u64,
        digest: &Digest,
        file: &FilePath,
        name: &str,
        progress: &Progress<'_>,
    ) -> Result<(), RemoteError> {
        let failed = self.failed("write", name);
        let part_size = part_size(size);
        let mut hasher = Hasher::new();
        let mut on_their_way = FuturesOrdered::new();
        let mut parts = Vec::new();
        for index in 0.. {
            let bytes = piece(source, part_size).map_err(FileError::at("read", file))?;
            if bytes.is_empty() {
                break;
            }
            hasher.update(&bytes);
            let length = bytes.len() as u64;
            let sending = self.store.put_part(path, id, index, bytes.into());
            on_their_way.push_back(async move { (sending.await, length) });
            if on_their_way.len() >= AT_ONCE
                && let Some((part, length)) = on_their_way.next().await
            {
                parts.push(part.map_err(&failed)?);
                progress(length);
            }
        }
        while let Some((part, length)) = on_their_way.next().await {
            parts.push(part.map_err(&failed)?);
            progress(length);
        }
        let found = hasher.finish();
        if found != *digest {
            return Err(changed(file, found));
        }
        self.store.complete_multipart(path, id, parts).await.map_err(&failed)?;
        Ok(())
    }

    /// Gives the content from `offset` on to `sink`, piece by piece.
    pub(super) fn read_from(
        &self,
        name: &str,
        offset: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), RemoteError>,
    ) -> Result<(), Broken> {
        let path = self.path(name).map_err(Broken::Final)?;
        let options = GetOptions {
            range: (offset > 0).then_some(GetRange::Offset(offset)),
            ..GetOptions::default()
        };
        let broken = |error: Error| {
            let may_go_on = trouble(&error).is_some();
            match self.failed("read", name)(error) {
                error @ RemoteError::Unreachable { .. } if may_go_on => Broken::GoOn(error),
                error => Broken::Final(error),
            }
        };
        self.runtime.block_on(async {
            let found = self.store.get_opts(&path, options).await.map_err(broken)?;
            let mut stream = found.into_stream();
            while let Some(bytes) = stream.next().await {
                sink(&bytes.map_err(broken)?).map_err(Broken::Final)?;
            }
            Ok(())
        })
    }
}

fn changed(file: &FilePath, found: Digest) -> RemoteError {
    RemoteError::Changed {
        path: file.to_owned(),
        found,
    }
}

fn part_size(size: u64) -> u64 {
    PART.max(size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20))
}

fn piece(source: &mut File, limit: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_never_too_many_nor_too_small() {
        assert_eq!(part_size(17 << 20), PART);
        let largest = 5_u64 << 40;
        assert!(largest.div_ceil(part_size(largest)) <= 10_000);
    }
}
