//! Finding a library that is there already.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Engine;
use crate::digest::Digest;

use super::Library;
use super::Origin;
use super::cache;
use super::error::LibraryError;
use super::pinned;

/// Finds the library of `engine`: `explicit` (the flag's value), else the variables (`MLBUILD_RUNTIME_PATH` and `ORT_DYLIB_PATH`, or
/// `MLBUILD_LITERT_PATH`); else beside the executable; else `version` in `cache`. A path that the user gave is used or is an error,
/// never passed over.
pub fn locate(
    engine: Engine,
    version: &str,
    explicit: Option<&Path>,
    cache: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Library, LibraryError> {
    let variable = |name: &'static str| {
        let value = environment.get(name).filter(|value| !value.is_empty());
        value.map(|value| (PathBuf::from(value), name))
    };
    let (flag, variables): (_, &[&'static str]) = match engine {
        Engine::OnnxRuntime => ("`--runtime-path`", &["MLBUILD_RUNTIME_PATH", "ORT_DYLIB_PATH"]),
        Engine::LiteRt => ("`--litert-path`", &["MLBUILD_LITERT_PATH"]),
    };
    let given = explicit.map(|path| (path.to_owned(), flag));
    if let Some((path, by)) = given.or_else(|| variables.iter().find_map(|name| variable(name))) {
        return given_by_user(engine, &path, by);
    }
    let beside = std::env::current_exe().ok().and_then(|executable| {
        let name = pinned::library_name(engine, &pinned::platform(), version);
        Some(executable.parent()?.join(name))
    });
    if let Some(path) = beside.filter(|path| is_meant(engine, version, path)) {
        return Ok(Library {
            path,
            version: Some(version.to_owned()),
            origin: Origin::BesideExecutable,
        });
    }
    match cache::find(cache, engine, version)? {
        Some(path) => Ok(Library {
            path,
            version: Some(version.to_owned()),
            origin: Origin::Cache,
        }),
        None => Err(LibraryError::NotInstalled {
            engine,
            version: version.to_owned(),
        }),
    }
}

/// Whether a library beside the executable is the one that is wanted, and not there by chance: by its name, or by its digest where the
/// name carries no version.
fn is_meant(engine: Engine, version: &str, path: &Path) -> bool {
    match engine {
        Engine::OnnxRuntime if !cfg!(windows) => path.is_file(),
        Engine::OnnxRuntime | Engine::LiteRt => version_of(engine, path).is_some_and(|found| found == version),
    }
}

/// The version of a library as far as it is known without loading it.
fn version_of(engine: Engine, path: &Path) -> Option<String> {
    match engine {
        Engine::OnnxRuntime if !cfg!(windows) => version_in_name(path),
        Engine::OnnxRuntime | Engine::LiteRt => {
            let digest = Digest::of_file(path).ok()?;
            pinned::version_of(engine, &digest).map(str::to_owned)
        }
    }
}

fn given_by_user(engine: Engine, path: &Path, by: &'static str) -> Result<Library, LibraryError> {
    if !path.is_absolute() {
        return Err(LibraryError::Relative {
            path: path.to_owned(),
            by,
        });
    }
    let found = if path.is_dir() {
        library_in(engine, path)
    } else {
        Some(path.to_owned())
    };
    match found.filter(|path| path.is_file()) {
        Some(path) => Ok(Library {
            version: version_of(engine, &path),
            path,
            origin: Origin::Explicit,
        }),
        None => Err(LibraryError::Explicit {
            engine,
            path: path.to_owned(),
            by,
        }),
    }
}

/// The library in a folder: the plain name, else the only versioned one.
fn library_in(engine: Engine, folder: &Path) -> Option<PathBuf> {
    let plain = match engine {
        Engine::OnnxRuntime => format!(
            "{}onnxruntime{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        ),
        Engine::LiteRt => pinned::library_name(engine, &pinned::platform(), ""),
    };
    let plain = folder.join(plain);
    if plain.is_file() {
        return Some(plain);
    }
    let mut versioned: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| engine == Engine::OnnxRuntime && version_in_name(path).is_some())
        .collect();
    let only = versioned.pop()?;
    versioned.is_empty().then_some(only)
}

/// `1.31.1` out of `libonnxruntime.so.1.31.1` or `libonnxruntime.1.31.1.dylib`.
fn version_in_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let version = name
        .strip_prefix("libonnxruntime.so.")
        .or_else(|| name.strip_prefix("libonnxruntime.")?.strip_suffix(".dylib"))?;
    version
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    #[test]
    #[cfg(not(windows))]
    fn a_given_path_wins_and_is_never_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let missing = folder.path().join("missing.so");
        let error = locate(Engine::OnnxRuntime, "1.31.1", Some(&missing), &cache, &nothing()).unwrap_err();
        assert!(error.to_string().contains("`--runtime-path`"), "{error}");

        let library = folder.path().join("libonnxruntime.so.1.29.0");
        crate::files::write_atomic(&library, b"").unwrap();
        let found = locate(Engine::OnnxRuntime, "1.31.1", Some(&library), &cache, &nothing()).unwrap();
        assert_eq!(found.version.as_deref(), Some("1.29.0"));
        assert_eq!(found.origin, Origin::Explicit);
        let found = locate(Engine::OnnxRuntime, "1.31.1", Some(folder.path()), &cache, &nothing()).unwrap();
        assert_eq!(found.path, library);

        let variables = BTreeMap::from([("ORT_DYLIB_PATH".to_owned(), library.to_str().unwrap().to_owned())]);
        assert_eq!(
            locate(Engine::OnnxRuntime, "1.31.1", None, &cache, &variables)
                .unwrap()
                .path,
            library
        );
        let relative = BTreeMap::from([("MLBUILD_RUNTIME_PATH".to_owned(), "lib.so".to_owned())]);
        let error = locate(Engine::OnnxRuntime, "1.31.1", None, &cache, &relative).unwrap_err();
        assert!(
            matches!(
                error,
                LibraryError::Relative {
                    by: "MLBUILD_RUNTIME_PATH",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    #[cfg(not(windows))]
    fn each_engine_has_its_own_variable() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder
            .path()
            .join(pinned::library_name(Engine::LiteRt, &pinned::platform(), ""));
        crate::files::write_atomic(&library, b"").unwrap();
        let variables = BTreeMap::from([
            ("MLBUILD_RUNTIME_PATH".to_owned(), "/nowhere/lib.so".to_owned()),
            (
                "MLBUILD_LITERT_PATH".to_owned(),
                folder.path().to_str().unwrap().to_owned(),
            ),
        ]);
        let found = locate(Engine::LiteRt, "2.3.0", None, folder.path(), &variables).unwrap();
        assert_eq!((found.path, found.version), (library, None));
        let error = locate(Engine::LiteRt, "2.3.0", None, folder.path(), &nothing()).unwrap_err();
        assert_eq!(error.to_string(), "LiteRT 2.3.0 is not installed");
    }

    #[test]
    fn says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = locate(Engine::OnnxRuntime, "1.31.1", None, folder.path(), &nothing()).unwrap_err();
        assert_eq!(error.to_string(), "ONNX Runtime 1.31.1 is not installed");
    }

    #[test]
    fn reads_versions_in_names() {
        let version = |name: &str| version_in_name(Path::new(name));
        assert_eq!(version("/x/libonnxruntime.so.1.31.1").as_deref(), Some("1.31.1"));
        assert_eq!(version("/x/libonnxruntime.1.31.1.dylib").as_deref(), Some("1.31.1"));
        assert_eq!(version("/x/libonnxruntime.so"), None);
        assert_eq!(version("/x/libonnxruntime.so.1..1"), None);
        assert_eq!(version("/x/libonnxruntime_providers_shared.so"), None);
    }
}
