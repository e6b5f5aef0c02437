//! The one file out of an artifact's archive. Nothing is unpacked to disk, so that no name in it leads anywhere.

use std::io::Cursor;
use std::io::Read as _;

use zip::CompressionMethod;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::hint::Hint;
use crate::report::clean;
use crate::report::handover::MAX_BYTES;

/// A longer archive is not downloaded: the file packs, and the archive adds little.
pub(super) const MAX_ARCHIVE_BYTES: u64 = MAX_BYTES as u64 + 64 * 1024;

/// A file that unpacks to more than this many times its packed size was made to burst.
const MAX_RATIO: u64 = 200;

/// Below this a report of many equal rows may be packed as well as it can.
const RATIO_MATTERS: u64 = 256 * 1024;

/// The kind of file in a Unix mode.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// An archive that is not read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// No zip archive, or a broken one.
    #[error("the artifact is no readable zip archive")]
    Zip(#[from] ZipError),
    /// It cannot be unpacked.
    #[error("the artifact cannot be unpacked")]
    Unpack(#[source] std::io::Error),
    /// Something else than the one file.
    #[error("the artifact holds {found}, expected the one regular file `{expected}`")]
    Other {
        /// What is in it.
        found: String,
        /// The file's name.
        expected: &'static str,
    },
    /// Made to burst.
    #[error("the artifact unpacks to {0}, expected at most {MAX_BYTES} bytes and {MAX_RATIO} times its packed size")]
    Bomb(String),
}

impl Hint for ArchiveError {
    fn hints(&self) -> Vec<String> {
        vec!["let nothing but mlbuild's action upload artifacts called `mlbuild-result-…`".to_owned()]
    }
}

/// The file called `name`, which must be the only entry.
pub(super) fn only(archive: &[u8], name: &'static str) -> Result<Vec<u8>, ArchiveError> {
    let other = |found: String| Err(ArchiveError::Other { found, expected: name });
    let mut zip = ZipArchive::new(Cursor::new(archive))?;
    if zip.len() != 1 {
        return other(format!("{} entries", zip.len()));
    }
    let file = zip.by_index(0)?;
    if file.name() != name {
        return other(format!("`{}`", clean::line(file.name(), clean::NAME_LENGTH)));
    }
    if !file.is_file() || file.unix_mode().is_some_and(|mode| !matches!(mode & KIND, 0 | REGULAR)) {
        return other("something that is no regular file".to_owned());
    }
    if !matches!(
        file.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    ) {
        return other("a file that is packed in another way than by deflating".to_owned());
    }
    let (claimed, packed) = (file.size(), file.compressed_size());
    if claimed > MAX_BYTES as u64 {
        return Err(ArchiveError::Bomb(format!("{claimed} bytes")));
    }
    let mut bytes = Vec::new();
    // The claim may be a lie.
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(ArchiveError::Unpack)?;
    let unpacked = bytes.len() as u64;
    if unpacked > MAX_BYTES as u64 {
        return Err(ArchiveError::Bomb(format!("more than {MAX_BYTES} bytes")));
    }
    if unpacked > RATIO_MATTERS && unpacked / packed.max(1) > MAX_RATIO {
        return Err(ArchiveError::Bomb(format!("{unpacked} bytes out of {packed}")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn packed(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refusal(archive: &[u8]) -> String {
        only(archive, "result.json").unwrap_err().to_string()
    }

    #[test]
    fn the_one_file_is_read() {
        assert_eq!(only(&packed(&[("result.json", b"{}")]), "result.json").unwrap(), b"{}");
    }

    #[test]
    fn any_other_content_is_refused() {
        assert!(refusal(&packed(&[])).contains("0 entries"));
        assert!(refusal(&packed(&[("result.json", b"{}"), ("more", b"")])).contains("2 entries"));
        for name in [
            "../result.json",
            "/result.json",
            "a/result.json",
            "result.json/",
            "RESULT.JSON",
            "..\\result.json",
        ] {
            assert!(
                refusal(&packed(&[(name, b"")])).contains("expected the one regular file"),
                "{name}"
            );
        }
        assert!(refusal(&packed(&[("\u{1b}[31m\u{202e}x", b"{}")])).contains("`[31mx`"));
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .add_symlink("result.json", "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        let link = writer.finish().unwrap().into_inner();
        assert!(refusal(&link).contains("no regular file"));
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let zeros = vec![0; 2 * MAX_BYTES];
        assert!(refusal(&packed(&[("result.json", &zeros)])).contains("2097152 bytes"));
        assert!(refusal(&packed(&[("result.json", &zeros[..MAX_BYTES])])).contains("1048576 bytes out of"));
        // A lie in both headers: the true length counts.
        let mut lying = packed(&[("result.json", &zeros)]);
        let true_length = (2 * MAX_BYTES as u32).to_le_bytes();
        let small = 100_u32.to_le_bytes();
        for at in 0..lying.len() - 3 {
            if lying[at..at + 4] == true_length {
                lying[at..at + 4].copy_from_slice(&small);
            }
        }
        only(&lying, "result.json").unwrap_err();
    }

    #[test]
    fn rubbish_is_no_archive() {
        for rubbish in [&b""[..], b"PK", b"PK\x05\x06", &[0; 64]] {
            refusal(rubbish);
        }
        let whole = packed(&[("result.json", b"{\"schema\":\"x\"}")]);
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0x55;
            // Whatever it is taken for, it is not unpacked to more.
            if let Ok(bytes) = only(&broken, "result.json") {
                assert!(bytes.len() <= MAX_BYTES);
            }
        }
    }
}
