//! A file's contents as shared bytes: read when small, mapped when large.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

use crate::files::FileError;

/// From this size on, in bytes, a file is mapped. A mapped file that someone cuts short meanwhile kills the process, so that
/// only files pay this price whose copy would hurt.
const MAP_FROM: u64 = 64_000_000;

/// All bytes of an open, regular file of `size` bytes; `path` is for the message.
pub(crate) fn contents(mut file: File, size: u64, path: &Path) -> Result<Bytes, FileError> {
    if size >= MAP_FROM {
        return map(&file).map_err(FileError::at("map", path));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    // A file that grows while it is read is read as it was found.
    Read::by_ref(&mut file)
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(FileError::at("read", path))?;
    Ok(bytes.into())
}

#[expect(
    unsafe_code,
    reason = "the operating system's mapping of a file into memory has no safe interface"
)]
fn map(file: &File) -> std::io::Result<Bytes> {
    // SAFETY: the mapping is private and read-only, and its bytes are only ever read as plain integers, so that a change of the
    // file by another process can alter values but break no invariant of ours: structure, names and lengths are decoded into
    // memory of our own, once. Cutting the file short while it is mapped ends the process with SIGBUS; files large enough to be
    // mapped are models in the user's own checkout or in the content-addressed store, which nothing rewrites in place.
    let mapping = unsafe { Mmap::map(file)? };
    Ok(Bytes::from_owner(mapping))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn small_files_are_read_and_large_ones_mapped_alike() {
        let mut small = tempfile::NamedTempFile::new().unwrap();
        small.write_all(b"model").unwrap();
        let read = contents(File::open(small.path()).unwrap(), 5, small.path()).unwrap();
        let mapped = map(&File::open(small.path()).unwrap()).unwrap();
        assert_eq!(read, mapped);
        assert_eq!(read.as_ref(), b"model");
    }
}
