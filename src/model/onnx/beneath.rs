//! Opens a file that a model names, and only if it truly lies beneath the model's folder: no absolute path, no `..`, no symbolic
//! link on the way, a regular file, and no second name for it elsewhere.
//!
//! On Linux the kernel enforces it while it resolves the path (`openat2`), so that nothing can be swapped in between; on other
//! Unix systems, and older kernels, each folder is opened by its parent without following links. Elsewhere the path is checked
//! before it is opened, and a second name for the file cannot be seen.

use std::fs::File;
use std::io;
use std::path::Path;

/// Why a location is not opened.
#[derive(Debug, thiserror::Error)]
pub enum BeneathError {
    /// Not a relative path in ONNX's notation.
    #[error("{0}")]
    NotRelative(&'static str),
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// A link stands in the way.
    #[error("it is a symbolic link, or lies behind one")]
    SymbolicLink,
    /// A folder, device, pipe or socket.
    #[error("it is not a regular file")]
    NotAFile,
    /// The file has other names, which may lie outside.
    #[error("the file has {0} names (hard links), so that it may belong to something outside the folder")]
    HardLink(u64),
    /// The operating system refused.
    #[error("it cannot be opened")]
    Io(#[source] io::Error),
}

/// Opens `location` (components separated by `/`) beneath `folder`; gives the file and its size in bytes.
pub(crate) fn open(folder: &Path, location: &str) -> Result<(File, u64), BeneathError> {
    let parts = components(location)?;
    let file = open_parts(folder, &parts)?;
    let metadata = file.metadata().map_err(BeneathError::Io)?;
    if !metadata.is_file() {
        return Err(BeneathError::NotAFile);
    }
    let names = names(&metadata);
    if names != 1 {
        return Err(BeneathError::HardLink(names));
    }
    Ok((file, metadata.len()))
}

/// The location's components, after refusing everything that could lead elsewhere on any platform.
fn components(location: &str) -> Result<Vec<&str>, BeneathError> {
    let refuse = |reason| Err(BeneathError::NotRelative(reason));
    if location.starts_with('/') || location.starts_with('\\') || location.chars().nth(1) == Some(':') {
        return refuse("it is an absolute path");
    }
    if location.contains('\\') {
        return refuse("it holds a backslash");
    }
    if location.contains('\0') {
        return refuse("it holds a zero byte");
    }
    if cfg!(windows) && location.contains(':') {
        return refuse("it holds a colon");
    }
    let parts: Vec<&str> = location
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.contains(&"..") {
        return refuse("it leads out of the folder with `..`");
    }
    if parts.is_empty() {
        return refuse("it names no file");
    }
    Ok(parts)
}

#[cfg(unix)]
fn names(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn names(_metadata: &std::fs::Metadata) -> u64 {
    1
}

#[cfg(unix)]
fn open_parts(folder: &Path, parts: &[&str]) -> Result<File, BeneathError> {
    use rustix::fs::Mode;
    use rustix::fs::OFlags;

    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let directory = rustix::fs::open(
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(|error| BeneathError::Io(error.into()))?;
    #[cfg(target_os = "linux")]
    if let Some(result) = open_resolved(&directory, parts) {
        return result;
    }
    open_by_parent(directory, parts)
}

// Without NONBLOCK opening a pipe would wait for a writer.
#[cfg(unix)]
const FOR_READING: rustix::fs::OFlags = rustix::fs::OFlags::RDONLY
    .union(rustix::fs::OFlags::CLOEXEC)
    .union(rustix::fs::OFlags::NONBLOCK)
    .union(rustix::fs::OFlags::NOCTTY);

/// Lets the kernel resolve the path; `None` where it cannot (before Linux 5.6, or a sandbox that forbids the call).
#[cfg(target_os = "linux")]
fn open_resolved(directory: &std::os::fd::OwnedFd, parts: &[&str]) -> Option<Result<File, BeneathError>> {
    use rustix::fs::Mode;
    use rustix::fs::ResolveFlags;
    use rustix::io::Errno;

    let path = parts.join("/");
    let rules = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(directory, path.as_str(), FOR_READING, Mode::empty(), rules) {
        Ok(file) => Some(Ok(File::from(file))),
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::INVAL) => None,
        Err(error) => Some(Err(explain(error))),
    }
}

/// Opens each folder by the one before, never following a link.
#[cfg(unix)]
fn open_by_parent(mut directory: std::os::fd::OwnedFd, parts: &[&str]) -> Result<File, BeneathError> {
    use rustix::fs::AtFlags;
    use rustix::fs::FileType;
    use rustix::fs::Mode;
    use rustix::fs::OFlags;

    let (name, folders) = parts.split_last().ok_or(BeneathError::Missing)?;
    let open = |directory: &std::os::fd::OwnedFd, part: &str, flags| {
        rustix::fs::openat(directory, part, flags | OFlags::NOFOLLOW, Mode::empty()).map_err(|error| {
            // Systems differ in what they answer where a link stands in the way.
            let link = rustix::fs::statat(directory, part, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
            if link {
                BeneathError::SymbolicLink
            } else {
                explain(error)
            }
        })
    };
    for folder in folders {
        directory = open(&directory, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)?;
    }
    open(&directory, name, FOR_READING).map(File::from)
}

#[cfg(unix)]
fn explain(error: rustix::io::Errno) -> BeneathError {
    use rustix::io::Errno;

    match error {
        Errno::NOENT | Errno::NOTDIR => BeneathError::Missing,
        Errno::LOOP => BeneathError::SymbolicLink,
        Errno::XDEV => BeneathError::NotRelative("it leads out of the folder"),
        // What open says of a socket.
        Errno::NXIO => BeneathError::NotAFile,
        other => BeneathError::Io(other.into()),
    }
}

#[cfg(not(unix))]
fn open_parts(folder: &Path, parts: &[&str]) -> Result<File, BeneathError> {
    let mut path = folder.to_owned();
    for part in parts {
        path.push(part);
        let metadata = std::fs::symlink_metadata(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BeneathError::Missing,
            _ => BeneathError::Io(error),
        })?;
        if metadata.is_symlink() {
            return Err(BeneathError::SymbolicLink);
        }
    }
    if !path.is_file() {
        return Err(BeneathError::NotAFile);
    }
    File::open(&path).map_err(BeneathError::Io)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;

    fn read(folder: &Path, location: &str) -> Result<String, BeneathError> {
        let (mut file, _) = open(folder, location)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(BeneathError::Io)?;
        Ok(text)
    }

    #[test]
    fn opens_what_lies_beneath() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        crate::files::write_atomic(&folder.path().join("sub/w"), b"one").unwrap();
        for location in ["sub/w", "./sub/w", "sub//./w"] {
            assert_eq!(read(folder.path(), location).unwrap(), "one", "{location}");
        }
        assert!(matches!(read(folder.path(), "sub/v"), Err(BeneathError::Missing)));
        assert!(matches!(read(folder.path(), "sub/w/x"), Err(BeneathError::Missing)));
        assert!(matches!(read(folder.path(), "sub"), Err(BeneathError::NotAFile)));
    }

    #[test]
    fn refuses_paths_that_lead_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        for location in [
            "/etc/passwd",
            "../w",
            "a/../../w",
            "a/..",
            "C:\\w",
            "\\w",
            "a\\..\\w",
            "",
            ".",
            "a\0b",
        ] {
            assert!(
                matches!(read(folder.path(), location), Err(BeneathError::NotRelative(_))),
                "{location:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn both_ways_refuse_links_and_devices() {
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        crate::files::write_atomic(&outside.path().join("secret"), b"secret").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        symlink(outside.path().join("secret"), root.join("link")).unwrap();
        symlink(outside.path(), root.join("folder")).unwrap();
        crate::files::write_atomic(&root.join("w"), b"w").unwrap();
        symlink("w", root.join("inner")).unwrap();
        for location in ["link", "folder/secret", "inner"] {
            assert!(
                matches!(read(root, location), Err(BeneathError::SymbolicLink)),
                "{location}"
            );
            let directory = File::open(root).unwrap().into();
            let parts = components(location).unwrap();
            assert!(
                matches!(open_by_parent(directory, &parts), Err(BeneathError::SymbolicLink)),
                "{location}"
            );
        }
        fs::hard_link(outside.path().join("secret"), root.join("hard")).unwrap();
        assert!(matches!(read(root, "hard"), Err(BeneathError::HardLink(2))));
        let socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        assert!(matches!(read(root, "socket"), Err(BeneathError::NotAFile)));
        drop(socket);
    }
}
