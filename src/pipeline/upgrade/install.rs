//! Download, check, try, replace: in this order, each only after the one before it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::digest::Digest;
use crate::files::FileError;
use crate::github::Client;
use crate::github::asset;

use super::Found;
use super::altered;
use super::error::UpgradeError;
use super::manifest::Binary;
use super::place::Place;

/// What a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// A replaced program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The digest of what is there now.
    pub digest: Digest,
}

/// Puts `binary` of the release that was found into the program's place.
///
/// # Errors
///
/// Every one of them leaves the old program as it was.
pub fn install(client: &Client, found: &Found, binary: &Binary, place: &Place) -> Result<Installed, UpgradeError> {
    // Beside the program, so that replacing it is a rename; made first, so that nobody downloads in vain.
    let folder = tempfile::Builder::new()
        .prefix(".mlbuild-upgrade-")
        .tempdir_in(place.folder())
        .map_err(|source| UpgradeError::ReadOnly {
            folder: place.folder().to_owned(),
            // Without the name of the folder that there will never be.
            source: source.kind().into(),
        })?;
    let name = place.path().file_name().unwrap_or("mlbuild".as_ref());
    let fresh = folder.path().join(name);
    let digest = download(client, found, binary, &fresh)?;
    copy_permissions(place.path(), &fresh)?;
    start(&fresh, &found.version.to_string())?;
    replace(&fresh, place.path()).map_err(|source| UpgradeError::Replace {
        path: place.path().to_owned(),
        source,
    })?;
    Ok(Installed { digest })
}

fn download(client: &Client, found: &Found, binary: &Binary, to: &Path) -> Result<Digest, UpgradeError> {
    let wrong = |expected: String, got: String| UpgradeError::Altered {
        name: binary.name.clone(),
        expected,
        found: got,
    };
    let listed = asset::list(client, found.release.id)?;
    let asset = listed
        .into_iter()
        .find(|asset| asset.name == binary.name && asset.is_complete());
    let asset = asset.ok_or_else(|| {
        wrong(
            format!("{} bytes", binary.size),
            "no such file in the release".to_owned(),
        )
    })?;
    if asset.size != binary.size {
        return Err(wrong(format!("{} bytes", binary.size), format!("{} bytes", asset.size)));
    }
    let digest = asset::download_to(client, &asset, to, binary.size).map_err(altered)?;
    if digest != binary.digest {
        return Err(wrong(format!("sha256:{}", binary.digest), format!("sha256:{digest}")));
    }
    Ok(digest)
}

/// The new file may be read and run by whom the old one could, and be run at all.
fn copy_permissions(old: &Path, new: &Path) -> Result<(), FileError> {
    let permissions = fs::metadata(old).map_err(FileError::at("read", old))?.permissions();
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt as _;
        // No set-user-id bit: whoever set it decided on another file.
        fs::Permissions::from_mode(permissions.mode() & 0o777 | 0o100)
    };
    fs::set_permissions(new, permissions).map_err(FileError::at("make executable", new))
}

/// Starts the new program for its version alone.
fn start(program: &Path, version: &str) -> Result<(), UpgradeError> {
    let fault = |reason: String| UpgradeError::DoesNotStart { reason };
    let mut child = Command::new(program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| fault(error.to_string()))?;
    let started = Instant::now();
    while child.try_wait().map_err(|error| fault(error.to_string()))?.is_none() {
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(fault(format!("it said nothing for {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|error| fault(error.to_string()))?;
    let said: String = String::from_utf8_lossy(&output.stdout)
        .trim()
        .chars()
        .take(80)
        .collect();
    if !output.status.success() {
        return Err(fault(format!("it ended with {}", output.status)));
    }
    if said != format!("mlbuild {version}") {
        return Err(fault(format!(
            "expected `mlbuild {version}`, it says `{}`",
            said.escape_debug()
        )));
    }
    Ok(())
}

#[cfg(unix)]
fn replace(fresh: &Path, old: &Path) -> io::Result<()> {
    fs::rename(fresh, old)?;
    // The rename itself must survive a crash; where a file system cannot promise that, the program is replaced all the same.
    if let Some(folder) = old.parent().and_then(|folder| fs::File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(windows)]
fn replace(fresh: &Path, _: &Path) -> io::Result<()> {
    // A running program's file cannot be replaced there, but moved away.
    self_replace::self_replace(fresh)
}
