//! `dist/manifest.json`: which binary belongs to a version, by size and SHA-256.

use std::collections::BTreeMap;

use semver::Version;
use serde::Deserialize;

use crate::digest::Digest;

use super::error::UpgradeError;

/// No binary is larger, in bytes.
const LARGEST: u64 = 1 << 30;

/// One binary of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// The file's name among the release's.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
}

#[derive(Deserialize)]
struct Manifest {
    version: String,
    binaries: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
    size: u64,
    sha256: String,
}

/// The name by which manifests know the system and processor that this program was built for; `None` where no release has binaries
/// for them.
pub fn platform() -> Option<&'static str> {
    let gnu = !cfg!(target_env = "musl");
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") if gnu => Some("x86_64-unknown-linux-gnu"),
        ("linux", "aarch64") if gnu => Some("aarch64-unknown-linux-gnu"),
        ("macos", "x86_64") => Some("x86_64-apple-darwin"),
        ("macos", "aarch64") => Some("aarch64-apple-darwin"),
        ("windows", "x86_64") => Some("x86_64-pc-windows-msvc"),
        ("windows", "aarch64") => Some("aarch64-pc-windows-msvc"),
        _ => None,
    }
}

/// The entry for `platform` in the manifest that stands at `tag`.
pub(super) fn read(bytes: &[u8], tag: &str, version: &Version, platform: &str) -> Result<Binary, UpgradeError> {
    let wrong = |reason: String| UpgradeError::Manifest {
        tag: tag.to_owned(),
        reason,
    };
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    if manifest.version != version.to_string() {
        return Err(wrong(format!(
            "expected version {version}, found `{}`",
            manifest.version
        )));
    }
    let Some(entry) = manifest.binaries.get(platform) else {
        return Err(UpgradeError::NoBinary {
            tag: tag.to_owned(),
            platform: platform.to_owned(),
            there: manifest.binaries.into_keys().collect(),
        });
    };
    let digest = entry
        .sha256
        .parse()
        .map_err(|_| wrong(format!("`{platform}` has no SHA-256 but `{}`", entry.sha256)))?;
    if entry.size == 0 || entry.size > LARGEST {
        return Err(wrong(format!("`{platform}` has {} bytes", entry.size)));
    }
    let name = entry
        .url
        .strip_prefix("https://")
        .and_then(|url| url.rsplit('/').next());
    match name.filter(|name| !name.is_empty()) {
        Some(name) => Ok(Binary {
            name: name.to_owned(),
            size: entry.size,
            digest,
        }),
        None => Err(wrong(format!("`{platform}` has no https address but `{}`", entry.url))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLATFORM: &str = "x86_64-unknown-linux-gnu";

    fn reading(text: &str) -> Result<Binary, String> {
        read(text.as_bytes(), "v1.2.3", &Version::new(1, 2, 3), PLATFORM).map_err(|error| error.to_string())
    }

    fn manifest(url: &str, size: u64, digest: &str) -> String {
        format!(
            r#"{{"version": "1.2.3", "binaries": {{"{PLATFORM}": {{"url": "{url}", "size": {size}, "sha256": "{digest}"}}}}}}"#
        )
    }

    #[test]
    fn an_entry_is_read() {
        let digest = Digest::of(b"x");
        let binary = reading(&manifest(
            "https://github.com/o/r/releases/download/v1.2.3/it",
            7,
            digest.as_str(),
        ));
        let expected = Binary {
            name: "it".to_owned(),
            size: 7,
            digest,
        };
        assert_eq!(binary, Ok(expected));
    }

    #[test]
    fn what_is_off_is_refused() {
        let digest = Digest::of(b"x");
        for (text, reason) in [
            ("{".to_owned(), "EOF"),
            (
                r#"{"version": "1.2.4", "binaries": {}}"#.to_owned(),
                "expected version 1.2.3",
            ),
            (
                r#"{"version": "1.2.3", "binaries": {}}"#.to_owned(),
                "only for none at all",
            ),
            (manifest("https://a/b", 7, "abc"), "no SHA-256"),
            (manifest("https://a/b", 0, digest.as_str()), "0 bytes"),
            (manifest("https://a/b", 1 << 40, digest.as_str()), "bytes"),
            (manifest("http://a/b", 7, digest.as_str()), "no https address"),
            (manifest("https://a/", 7, digest.as_str()), "no https address"),
        ] {
            let error = reading(&text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
