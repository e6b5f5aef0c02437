//! Finding a library that is there already.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use super::Library;
use super::Origin;
use super::cache;
use super::error::LibraryError;
use super::pinned;

/// Finds the library: `explicit` (the flag's value), else the variables `MLBUILD_RUNTIME_PATH` and `ORT_DYLIB_PATH`; else beside
/// the executable; else `version` in `cache`. A path that the user gave is used or is an error, never passed over.
pub fn locate(
    version: &str,
    explicit: Option<&Path>,
    cache: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Library, LibraryError> {
    let variable = |name: &'static str| {
        let value = environment.get(name).filter(|value| !value.is_empty());
        value.map(|value| (PathBuf::from(value), name))
    };
    let given = explicit
        .map(|path| (path.to_owned(), "`--runtime-path`"))
        .or_else(|| variable("MLBUILD_RUNTIME_PATH"))
        .or_else(|| variable("ORT_DYLIB_PATH"));
    if let Some((path, by)) = given {
        return given_by_user(&path, by);
    }
    let beside = std::env::current_exe().ok().and_then(|executable| {
        Some(
            executable
                .parent()?
                .join(pinned::library_name(&pinned::platform(), version)),
        )
    });
    // On Windows the name carries no version, so a library that lies there by chance cannot be told from the right one.
    if let Some(path) = beside.filter(|path| !cfg!(windows) && path.is_file()) {
        return Ok(Library {
            path,
            version: Some(version.to_owned()),
            origin: Origin::BesideExecutable,
        });
    }
    match cache::find(cache, version)? {
        Some(path) => Ok(Library {
            path,
            version: Some(version.to_owned()),
            origin: Origin::Cache,
        }),
        None => Err(LibraryError::NotInstalled {
            version: version.to_owned(),
        }),
    }
}

fn given_by_user(path: &Path, by: &'static str) -> Result<Library, LibraryError> {
    if !path.is_absolute() {
        return Err(LibraryError::Relative {
            path: path.to_owned(),
            by,
        });
    }
    let found = if path.is_dir() {
        library_in(path)
    } else {
        Some(path.to_owned())
    };
    match found.filter(|path| path.is_file()) {
        Some(path) => Ok(Library {
            version: version_in_name(&path),
            path,
            origin: Origin::Explicit,
        }),
        None => Err(LibraryError::Explicit {
            path: path.to_owned(),
            by,
        }),
    }
}

/// The library in a folder: the plain name, else the only versioned one.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join(format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    if plain.is_file() {
        return Some(plain);
    }
    let mut versioned: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| version_in_name(path).is_some())
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
        let error = locate("1.31.1", Some(&missing), &cache, &nothing()).unwrap_err();
        assert!(error.to_string().contains("`--runtime-path`"), "{error}");

        let library = folder.path().join("libonnxruntime.so.1.29.0");
        crate::files::write_atomic(&library, b"").unwrap();
        let found = locate("1.31.1", Some(&library), &cache, &nothing()).unwrap();
        assert_eq!(found.version.as_deref(), Some("1.29.0"));
        assert_eq!(found.origin, Origin::Explicit);
        let found = locate("1.31.1", Some(folder.path()), &cache, &nothing()).unwrap();
        assert_eq!(found.path, library);

        let variables = BTreeMap::from([("ORT_DYLIB_PATH".to_owned(), library.to_str().unwrap().to_owned())]);
        assert_eq!(locate("1.31.1", None, &cache, &variables).unwrap().path, library);
        let relative = BTreeMap::from([("MLBUILD_RUNTIME_PATH".to_owned(), "lib.so".to_owned())]);
        let error = locate("1.31.1", None, &cache, &relative).unwrap_err();
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
    fn says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = locate("1.31.1", None, folder.path(), &nothing()).unwrap_err();
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
