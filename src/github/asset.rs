//! The files of a release: uploaded whole or replaced, downloaded and compared with what the release says.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::identity::Account;
use super::release::Release;
use super::transport::Payload;

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asset {
    /// Its number.
    pub id: u64,
    /// Its name; GitHub renames what is not in `[A-Za-z0-9._-]`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// `sha256:<digest>`, where the server knows it.
    #[serde(default)]
    digest: Option<String>,
    /// `uploaded`, or else a rest of an upload that broke.
    state: String,
    /// Who uploaded it.
    #[serde(default)]
    pub uploader: Option<Account>,
    /// Where people download it.
    pub browser_download_url: String,
}

impl Asset {
    /// The SHA-256 digest that GitHub computed when it was uploaded.
    pub fn digest(&self) -> Option<Digest> {
        self.digest.as_deref()?.strip_prefix("sha256:")?.parse().ok()
    }

    /// Whether its upload came to its end.
    pub fn is_complete(&self) -> bool {
        self.state == "uploaded"
    }

    /// Whether it is, as far as GitHub says, `size` bytes with `digest`.
    fn holds(&self, size: u64, digest: &Digest) -> bool {
        self.is_complete() && self.size == size && self.digest().is_none_or(|own| own == *digest)
    }
}

/// What to upload.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, sent piece by piece.
    File(PathBuf),
}

impl Content {
    fn measure(&self) -> Result<(Payload, u64, Digest), GithubError> {
        match self {
            Self::Bytes(bytes) => Ok((Payload::Bytes(bytes.clone()), bytes.len() as u64, Digest::of(bytes))),
            Self::File(path) => {
                let bytes = fs::metadata(path).map_err(FileError::at("read", path))?.len();
                let digest = Digest::of_file(path).map_err(FileError::at("read", path))?;
                Ok((
                    Payload::File {
                        path: path.clone(),
                        bytes,
                    },
                    bytes,
                    digest,
                ))
            }
        }
    }
}

fn one(client: &Client, id: u64) -> String {
    client.path(format_args!("releases/assets/{id}"))
}

/// All files of a release over all pages.
pub fn list(client: &Client, release: u64) -> Result<Vec<Asset>, GithubError> {
    let path = client.path(format_args!("releases/{release}/assets"));
    client.pages(&path, "", Permission::ContentsRead, |page: Vec<Asset>| page)
}

/// Deletes a file of a release; one that is gone already is no error.
pub fn delete(client: &Client, id: u64) -> Result<(), GithubError> {
    match client.done(&Request::delete(one(client, id), Permission::ContentsWrite)) {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

/// Uploads `content` as `name` to a draft and compares size and digest with what arrived. What a broken upload left under
/// that name is deleted first; a whole file of that name is kept if it is the same, and otherwise [`GithubError::Altered`].
pub fn upload(client: &Client, release: &Release, name: &str, content: &Content) -> Result<Asset, GithubError> {
    let (payload, size, digest) = content.measure()?;
    let uri = client.hosts().upload(&release.upload_url, release.id, name)?;
    let request = Request::to(Method::POST, uri, Permission::ContentsWrite).payload(payload);
    let mut swept = false;
    let asset = client.create(
        || match client.json::<Asset>(&request) {
            Err(error) if error.is_already_there() && !swept => {
                swept = true;
                match sweep(client, release.id, name)? {
                    Some(whole) => Ok(whole),
                    None => client.json(&request),
                }
            }
            result => result,
        },
        || sweep(client, release.id, name),
    )?;
    if asset.holds(size, &digest) {
        return Ok(asset);
    }
    let found = match asset.digest() {
        Some(found) => format!("{} bytes, sha256:{found}", asset.size),
        None => format!("{} bytes", asset.size),
    };
    Err(GithubError::Altered {
        name: name.to_owned(),
        expected: format!("{size} bytes, sha256:{digest}"),
        found,
    })
}

/// The whole file called `name`, if there is one; broken ones are deleted.
fn sweep(client: &Client, release: u64, name: &str) -> Result<Option<Asset>, GithubError> {
    for asset in list(client, release)?.into_iter().filter(|asset| asset.name == name) {
        if asset.is_complete() {
            return Ok(Some(asset));
        }
        delete(client, asset.id)?;
    }
    Ok(None)
}

/// A writer that knows size and digest of what passed through it.
struct Counted<W> {
    inner: W,
    bytes: u64,
    hasher: Hasher,
}

impl<W> Counted<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            hasher: Hasher::new(),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Compares what arrived with what the release says.
fn check<W>(asset: &Asset, arrived: Counted<W>) -> Result<(W, Digest), GithubError> {
    let altered = |expected: String, found: String| GithubError::Altered {
        name: asset.name.clone(),
        expected,
        found,
    };
    if arrived.bytes != asset.size {
        return Err(altered(
            format!("{} bytes", asset.size),
            format!("{} bytes", arrived.bytes),
        ));
    }
    let digest = arrived.hasher.finish();
    match asset.digest() {
        Some(expected) if expected != digest => Err(altered(format!("sha256:{expected}"), format!("sha256:{digest}"))),
        _ => Ok((arrived.inner, digest)),
    }
}

fn request(client: &Client, asset: &Asset, limit: u64) -> Result<Request, GithubError> {
    let request = Request::get(one(client, asset.id), Permission::ContentsRead).accept("application/octet-stream");
    if asset.size > limit {
        return Err(GithubError::TooLarge {
            call: request.call(),
            limit,
        });
    }
    Ok(request)
}

/// Downloads a file of at most `limit` bytes into memory; size and digest are those that the release says.
pub fn download(client: &Client, asset: &Asset, limit: u64) -> Result<(Vec<u8>, Digest), GithubError> {
    let request = request(client, asset, limit)?;
    client.attempts(true, || {
        let mut arrived = Counted::new(Vec::new());
        client.stream(&request, &mut arrived, asset.size)?;
        check(asset, arrived)
    })
}

/// Downloads a file of at most `limit` bytes to `path`, which appears only once it is whole and as the release says.
pub fn download_to(client: &Client, asset: &Asset, path: &Path, limit: u64) -> Result<Digest, GithubError> {
    let request = request(client, asset, limit)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(FileError::at("create the folder", parent))?;
    let (file, digest) = client.attempts(true, || {
        let file = tempfile::Builder::new()
            .prefix(".mlbuild-")
            .tempfile_in(parent)
            .map_err(FileError::at("write", path))?;
        let mut arrived = Counted::new(file);
        client
            .stream(&request, &mut arrived, asset.size)
            .map_err(|error| match error {
                GithubError::Keep { source, .. } => FileError {
                    action: "write",
                    path: path.to_owned(),
                    source,
                }
                .into(),
                error => error,
            })?;
        check(asset, arrived)
    })?;
    file.as_file().sync_data().map_err(FileError::at("write", path))?;
    file.persist(path).map_err(|error| FileError {
        action: "write",
        path: path.to_owned(),
        source: error.error,
    })?;
    Ok(digest)
}
