//! The per-user cache of libraries: `ENGINE/VERSION/PLATFORM/`, each with an `install.json` beside the library.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Engine;
use crate::digest::Digest;
use crate::files::FileError;

use super::error::LibraryError;
use super::pinned;

/// The version of `install.json`; another is not read.
const SCHEMA: u32 = 1;

/// The name of the note beside a library.
const NOTE: &str = "install.json";

/// What was installed, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The version of this format.
    pub schema: u32,
    /// The engine's version.
    pub version: String,
    /// The machine it is for.
    pub platform: String,
    /// The wheel it came in.
    pub wheel: String,
    /// That wheel's SHA-256.
    pub wheel_sha256: Digest,
    /// The library's file name.
    pub library: String,
    /// The library's size.
    pub bytes: u64,
    /// The library's SHA-256.
    pub sha256: Digest,
}

impl Installed {
    pub(super) fn new(
        engine: Engine,
        version: &str,
        wheel: &pinned::Wheel,
        wheel_sha256: Digest,
        bytes: u64,
        sha256: Digest,
    ) -> Self {
        Self {
            schema: SCHEMA,
            version: version.to_owned(),
            platform: wheel.platform.name.to_owned(),
            wheel: wheel.file_name(engine, version),
            wheel_sha256,
            library: pinned::library_name(engine, wheel.platform.name, version),
            bytes,
            sha256,
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), LibraryError> {
        let path = folder.join(NOTE);
        let text = serde_json::to_vec_pretty(self).map_err(|error| FileError {
            action: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        Ok(crate::files::write_atomic(&path, &text)?)
    }
}

/// The per-user cache of this tool: `MLBUILD_CACHE_DIR`, `XDG_CACHE_HOME/mlbuild`, else the platform's custom.
pub fn cache_folder(environment: &BTreeMap<String, String>) -> Result<PathBuf, LibraryError> {
    let absolute = |name: &str| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME");
    let platform = if cfg!(windows) {
        absolute("LOCALAPPDATA").map(|path| path.join("mlbuild").join("cache"))
    } else if cfg!(target_os = "macos") {
        home().map(|path| path.join("Library/Caches/mlbuild"))
    } else {
        home().map(|path| path.join(".cache/mlbuild"))
    };
    absolute("MLBUILD_CACHE_DIR")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|path| path.join("mlbuild")))
        .or(platform)
        .ok_or(LibraryError::NoCacheFolder)
}

/// The folder of all versions of an engine.
pub(super) fn engine_folder(cache: &Path, engine: Engine) -> PathBuf {
    cache.join(engine.name())
}

/// Where one version for one platform lies.
pub(super) fn library_folder(cache: &Path, engine: Engine, version: &str, platform: &str) -> PathBuf {
    engine_folder(cache, engine).join(version).join(platform)
}

/// The library of this version for this machine, if its note and its size agree; no digest is computed.
pub(super) fn find(cache: &Path, engine: Engine, version: &str) -> Result<Option<PathBuf>, LibraryError> {
    let folder = library_folder(cache, engine, version, &pinned::platform());
    if !is_plain(version) || !folder.exists() {
        return Ok(None);
    }
    let (installed, path) = read(engine, &folder)?;
    if installed.version != version {
        return Err(damaged(
            engine,
            &path,
            format!("its note speaks of {}", installed.version),
        ));
    }
    let length = fs::metadata(&path)
        .map_err(|error| damaged(engine, &path, error.to_string()))?
        .len();
    if length != installed.bytes {
        return Err(damaged(
            engine,
            &path,
            format!("it has {length} bytes, {} were installed", installed.bytes),
        ));
    }
    Ok(Some(path))
}

/// Everything of `engine` in the cache for this machine, newest version first: version, path of the library, and what is wrong with it.
pub fn list(engine: Engine, cache: &Path) -> Vec<(String, PathBuf, Result<Installed, LibraryError>)> {
    let Ok(entries) = fs::read_dir(engine_folder(cache, engine)) else {
        return Vec::new();
    };
    let mut versions: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_plain(name) && library_folder(cache, engine, name, &pinned::platform()).is_dir())
        .collect();
    versions.sort_by_key(|version| {
        let numbers = version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
        std::cmp::Reverse(numbers.collect::<Vec<u64>>())
    });
    versions
        .into_iter()
        .map(|version| {
            let folder = library_folder(cache, engine, &version, &pinned::platform());
            let path = folder.join(pinned::library_name(engine, &pinned::platform(), &version));
            let verified = verify(engine, cache, &version);
            (version, path, verified)
        })
        .collect()
}

/// Compares the installed library with its recorded digest, and the wheel it came from with the pinned one.
pub fn verify(engine: Engine, cache: &Path, version: &str) -> Result<Installed, LibraryError> {
    let Some(path) = find(cache, engine, version)? else {
        return Err(LibraryError::NotInstalled {
            engine,
            version: version.to_owned(),
        });
    };
    let (installed, _) = read(engine, &library_folder(cache, engine, version, &pinned::platform()))?;
    let digest = Digest::of_file(&path).map_err(|error| damaged(engine, &path, error.to_string()))?;
    if digest != installed.sha256 {
        return Err(damaged(
            engine,
            &path,
            format!("its SHA-256 is {digest}, not {}", installed.sha256),
        ));
    }
    let pinned = pinned::releases(engine)
        .filter(|release| release.version == version)
        .flat_map(|release| release.wheels)
        .find(|wheel| wheel.platform.name == installed.platform);
    match pinned {
        Some(wheel) if wheel.sha256 != installed.wheel_sha256.as_str() => Err(damaged(
            engine,
            &path,
            "it came from a wheel that is not the pinned one".to_owned(),
        )),
        _ => Ok(installed),
    }
}

fn read(engine: Engine, folder: &Path) -> Result<(Installed, PathBuf), LibraryError> {
    let note = folder.join(NOTE);
    let bytes = fs::read(&note).map_err(|error| damaged(engine, &note, error.to_string()))?;
    let installed: Installed =
        serde_json::from_slice(&bytes).map_err(|error| damaged(engine, &note, error.to_string()))?;
    if installed.schema != SCHEMA {
        return Err(damaged(
            engine,
            &note,
            format!("its schema is {}, not {SCHEMA}", installed.schema),
        ));
    }
    if installed.library.contains(['/', '\\']) || installed.library.starts_with('.') {
        return Err(damaged(engine, &note, "it names a library elsewhere".to_owned()));
    }
    let path = folder.join(&installed.library);
    Ok((installed, path))
}

/// Digits and dots: safe as a folder's name.
fn is_plain(version: &str) -> bool {
    version.starts_with(|first: char| first.is_ascii_digit())
        && version
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '.')
}

fn damaged(engine: Engine, path: &Path, reason: String) -> LibraryError {
    LibraryError::Damaged {
        engine,
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: Engine = Engine::OnnxRuntime;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    #[cfg(unix)]
    fn the_cache_is_where_the_user_says() {
        let all = [("MLBUILD_CACHE_DIR", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(cache_folder(&environment(&all)).unwrap(), Path::new("/a"));
        assert_eq!(cache_folder(&environment(&all[1..])).unwrap(), Path::new("/b/mlbuild"));
        assert!(cache_folder(&environment(&all[2..])).unwrap().starts_with("/c"));
        let relative = environment(&[("XDG_CACHE_HOME", "b"), ("HOME", "/c")]);
        assert!(cache_folder(&relative).unwrap().starts_with("/c"));
        assert!(matches!(
            cache_folder(&environment(&[])),
            Err(LibraryError::NoCacheFolder)
        ));
    }

    #[test]
    fn versions_are_no_paths() {
        assert!(is_plain("1.31.1"));
        assert!(is_plain("1.32.0rc1"));
        assert!(!is_plain("../1"));
        assert!(!is_plain("1/2"));
        assert!(!is_plain(""));
        assert!(!is_plain(".install-x"));
    }

    fn installed(cache: &Path, version: &str) -> PathBuf {
        let wheel = pinned::releases(ENGINE)
            .flat_map(|release| release.wheels)
            .find(|wheel| wheel.platform.name == pinned::platform())
            .unwrap();
        let folder = library_folder(cache, ENGINE, version, &pinned::platform());
        let path = folder.join(pinned::library_name(ENGINE, &pinned::platform(), version));
        crate::files::write_atomic(&path, b"library").unwrap();
        let digest = wheel.sha256.parse().unwrap();
        Installed::new(ENGINE, version, wheel, digest, 7, Digest::of(b"library"))
            .write(&folder)
            .unwrap();
        path
    }

    #[test]
    fn a_library_is_found_by_size_and_verified_by_digest() {
        let cache = tempfile::tempdir().unwrap();
        assert!(find(cache.path(), ENGINE, "1.31.1").unwrap().is_none());
        let path = installed(cache.path(), "1.31.1");
        assert_eq!(find(cache.path(), ENGINE, "1.31.1").unwrap(), Some(path.clone()));
        assert!(verify(ENGINE, cache.path(), "1.31.1").is_ok());

        crate::files::write_atomic(&path, b"LIBRARY").unwrap();
        assert!(find(cache.path(), ENGINE, "1.31.1").is_ok());
        assert!(matches!(
            verify(ENGINE, cache.path(), "1.31.1"),
            Err(LibraryError::Damaged { .. })
        ));
        crate::files::write_atomic(&path, b"cut").unwrap();
        let error = find(cache.path(), ENGINE, "1.31.1").unwrap_err();
        assert!(error.to_string().contains("3 bytes"), "{error}");
    }

    #[test]
    fn a_note_that_is_foreign_or_leads_elsewhere_is_refused() {
        let cache = tempfile::tempdir().unwrap();
        let path = installed(cache.path(), "1.31.1");
        let note = path.with_file_name(NOTE);
        let good: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
        for (key, value) in [
            ("schema", serde_json::json!(2)),
            ("library", serde_json::json!("../../evil.so")),
            ("version", serde_json::json!("1.0")),
            ("sha256", serde_json::json!("no digest")),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            crate::files::write_atomic(&note, bad.to_string().as_bytes()).unwrap();
            assert!(
                matches!(find(cache.path(), ENGINE, "1.31.1"), Err(LibraryError::Damaged { .. })),
                "{key}"
            );
        }
    }

    #[test]
    fn lists_newest_first() {
        let cache = tempfile::tempdir().unwrap();
        for version in ["1.9.0", "1.31.1", "1.30.0"] {
            installed(cache.path(), version);
        }
        let versions: Vec<String> = list(ENGINE, cache.path())
            .into_iter()
            .map(|(version, ..)| version)
            .collect();
        assert_eq!(versions, ["1.31.1", "1.30.0", "1.9.0"]);
    }
}
