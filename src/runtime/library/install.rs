//! Installing a pinned version: fetch the wheel, check its digest, take the library out, move it into place in one step.
//!
//! Everything happens in a temporary folder inside the cache, which goes away whatever happens; another process that installs
//! waits for the lock and then finds the work done.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::config::Engine;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;

use super::Library;
use super::Origin;
use super::cache;
use super::cache::Installed;
use super::error::LibraryError;
use super::pinned;
use super::pinned::Release;
use super::pinned::Wheel;
use super::pip;

/// What temporary folders begin with.
const TEMPORARY: &str = ".install-";

/// What an installation is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallEvent {
    /// Another process installs; this one waits for it.
    Waiting,
    /// The download begins.
    Downloading {
        /// The wheel.
        wheel: String,
        /// Its size.
        bytes: u64,
    },
    /// This much of it is there.
    Downloaded {
        /// Bytes so far.
        bytes: u64,
    },
    /// The digest is checked.
    Verifying,
    /// The library is taken out.
    Unpacking,
    /// It is in place.
    Installed,
}

/// Installs `version` of `engine` for this machine into `cache` through `python`'s pip, and tells `observer` how far it is. Does nothing
/// where it is there already and whole; replaces it where it is damaged.
pub fn install(
    engine: Engine,
    version: &str,
    cache: &Path,
    python: &str,
    environment: &BTreeMap<String, String>,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Library, LibraryError> {
    put(engine, version, cache, python, environment, false, observer)
}

/// Like [`install`], but replaces what is there even where it is whole. Until the new one is in place, the old one stays.
pub fn reinstall(
    engine: Engine,
    version: &str,
    cache: &Path,
    python: &str,
    environment: &BTreeMap<String, String>,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Library, LibraryError> {
    put(engine, version, cache, python, environment, true, observer)
}

fn put(
    engine: Engine,
    version: &str,
    cache: &Path,
    python: &str,
    environment: &BTreeMap<String, String>,
    replace: bool,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Library, LibraryError> {
    let (release, wheel) = find_wheel(engine, version)?;
    let root = cache::engine_folder(cache, engine);
    fs::create_dir_all(&root).map_err(FileError::at("create the folder", &root))?;
    let _lock = lock(&root, observer)?;
    let target = cache::library_folder(cache, engine, version, wheel.platform.name);
    if replace || cache::verify(engine, cache, version).is_err() {
        sweep(&root);
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(&root)
            .map_err(|error| file_error(engine, "create a folder in", &root, &root, error))?;
        let fresh = prepare(release, wheel, &temporary, python, environment, observer)?;
        move_into_place(&fresh, &target, &temporary)
            .map_err(|error| file_error(engine, "write", &target, &root, error))?;
    }
    observer(InstallEvent::Installed);
    Ok(Library {
        path: target.join(pinned::library_name(engine, wheel.platform.name, version)),
        version: Some(version.to_owned()),
        origin: Origin::Cache,
    })
}

fn find_wheel(engine: Engine, version: &str) -> Result<(&'static Release, &'static Wheel), LibraryError> {
    let release = pinned::releases(engine).find(|release| release.version == version);
    let release = release.ok_or_else(|| LibraryError::Unpinned {
        engine,
        version: version.to_owned(),
    })?;
    let platform = pinned::platform();
    let mut wheels = release.wheels.iter();
    match wheels.find(|wheel| wheel.platform.name == platform) {
        Some(wheel) => Ok((release, wheel)),
        None => Err(LibraryError::UnsupportedPlatform {
            engine,
            version: version.to_owned(),
            platform,
        }),
    }
}

/// One installer at a time; the lock goes with the returned file.
fn lock(root: &Path, observer: &mut dyn FnMut(InstallEvent)) -> Result<File, LibraryError> {
    let path = root.join(".lock");
    let failed = |error| LibraryError::from(FileError::at("lock", &path)(error));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => observer(InstallEvent::Waiting),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Removes what a killed installer left; we hold the lock, so nobody works in it. What can't be removed does no harm.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the finished folder inside `temporary`.
fn prepare(
    release: &Release,
    wheel: &Wheel,
    temporary: &TempDir,
    python: &str,
    environment: &BTreeMap<String, String>,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<PathBuf, LibraryError> {
    let (engine, version) = (release.engine, release.version);
    let name = wheel.file_name(engine, version);
    let cache = temporary.path().parent().unwrap_or(temporary.path());
    let downloads = temporary.path().join("download");
    let fresh = temporary.path().join("fresh");
    for folder in [&downloads, &fresh] {
        fs::create_dir(folder).map_err(|error| file_error(engine, "create the folder", folder, cache, error))?;
    }

    observer(InstallEvent::Downloading {
        wheel: name.clone(),
        bytes: wheel.bytes,
    });
    let mut progress = |bytes| observer(InstallEvent::Downloaded { bytes });
    pip::download(python, release, wheel, &downloads, environment, &mut progress).map_err(|error| match error {
        LibraryError::DiskFull { .. } => LibraryError::DiskFull {
            engine,
            folder: cache.to_owned(),
        },
        other => other,
    })?;

    observer(InstallEvent::Verifying);
    let path = downloads.join(&name);
    if !path.is_file() {
        return Err(LibraryError::NotOffered {
            engine,
            wheel: name,
            detail: "pip brought another file".to_owned(),
        });
    }
    let digest = Digest::of_file(&path).map_err(FileError::at("read", &path))?;
    if digest.as_str() != wheel.sha256 {
        return Err(LibraryError::WrongDigest {
            wheel: name,
            pinned: wheel.sha256.to_owned(),
            found: digest.to_string(),
        });
    }

    observer(InstallEvent::Unpacking);
    let library = fresh.join(pinned::library_name(engine, wheel.platform.name, version));
    let (bytes, sha256) =
        unpack(&path, &wheel.member(engine, version), wheel.library_bytes, &library).map_err(|error| match error {
            Unpack::Wheel(detail) => LibraryError::Wheel {
                engine,
                wheel: name,
                detail,
            },
            Unpack::Write(error) => file_error(engine, "write", &library, cache, error),
        })?;
    Installed::new(engine, version, wheel, digest, bytes, sha256).write(&fresh)?;
    Ok(fresh)
}

enum Unpack {
    /// The archive is not as expected.
    Wheel(String),
    /// The library can't be written.
    Write(io::Error),
}

/// Takes one member out of a wheel, at most `cap` bytes, and returns its size and digest.
fn unpack(wheel: &Path, member: &str, cap: u64, to: &Path) -> Result<(u64, Digest), Unpack> {
    let file = File::open(wheel).map_err(|error| Unpack::Wheel(error.to_string()))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| Unpack::Wheel(error.to_string()))?;
    let entry = archive
        .by_name(member)
        .map_err(|error| Unpack::Wheel(format!("`{member}`: {error}")))?;
    let mut entry = entry.take(cap + 1);
    let mut out = File::create_new(to).map_err(Unpack::Write)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0_u8; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = entry
            .read(&mut buffer)
            .map_err(|error| Unpack::Wheel(error.to_string()))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
        out.write_all(&buffer[..read]).map_err(Unpack::Write)?;
    }
    if bytes != cap {
        return Err(Unpack::Wheel(format!(
            "`{member}` does not have the expected {cap} bytes"
        )));
    }
    out.sync_all().map_err(Unpack::Write)?;
    Ok((bytes, hasher.finish()))
}

/// Renames the finished folder to its place; what was there before (damaged) goes into the temporary folder first.
fn move_into_place(fresh: &Path, target: &Path, temporary: &TempDir) -> io::Result<()> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if target.exists() {
        fs::rename(target, temporary.path().join("damaged"))?;
    }
    fs::rename(fresh, target)
}

fn file_error(engine: Engine, action: &'static str, path: &Path, cache: &Path, error: io::Error) -> LibraryError {
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    ) {
        LibraryError::DiskFull {
            engine,
            folder: cache.to_owned(),
        }
    } else {
        FileError::at(action, path)(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pinned_versions_are_installed() {
        let cache = tempfile::tempdir().unwrap();
        let error = install(
            Engine::LiteRt,
            "0.0.1",
            cache.path(),
            "python3",
            &BTreeMap::new(),
            &mut |_| {},
        )
        .unwrap_err();
        assert!(matches!(error, LibraryError::Unpinned { .. }), "{error}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_member_of_the_wrong_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("a.whl");
        let mut writer = zip::ZipWriter::new(File::create(&wheel).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file("lib", options).unwrap();
        writer.write_all(&[7; 1000]).unwrap();
        writer.finish().unwrap();
        let unpacked = |member: &str, cap: u64, name: &str| unpack(&wheel, member, cap, &folder.path().join(name));
        assert!(matches!(unpacked("lib", 999, "a"), Err(Unpack::Wheel(_))));
        assert!(matches!(unpacked("lib", 1001, "b"), Err(Unpack::Wheel(_))));
        assert!(matches!(unpacked("other", 1000, "c"), Err(Unpack::Wheel(_))));
        let (bytes, digest) = unpacked("lib", 1000, "d").ok().unwrap();
        assert_eq!((bytes, digest), (1000, Digest::of(&[7; 1000])));
    }
}
