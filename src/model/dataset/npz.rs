//! An archive of NumPy arrays, read with caps: an archive comes with a pull request and may be made to burst.

use std::fs::File;
use std::io::Read;
use std::io::Seek as _;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use zip::ZipArchive;
use zip::result::ZipError;

use super::DatasetError;
use super::npy::Header;
use crate::files::FileError;

/// The most entries of an archive.
const MAX_ENTRIES: usize = 10_000;
/// The most bytes that are unpacked of one array.
const MAX_BYTES: u64 = 2_000_000_000;
/// The most that the entries may claim to unpack to, all together.
const MAX_CLAIMED: u64 = 16_000_000_000;
/// Above [`RATIO_MATTERS`], an entry that unpacks to more than this many times its packed size is refused.
const MAX_RATIO: u64 = 200;
/// Below this a mask of ones may be packed as well as it can.
const RATIO_MATTERS: u64 = 64_000_000;

/// An open archive.
pub(super) struct Archive {
    path: PathBuf,
    zip: ZipArchive<File>,
}

impl Archive {
    /// Opens the archive and checks its table of contents against the caps.
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let mut file = File::open(path).map_err(FileError::at("read", path))?;
        let mut start = [0_u8; 6];
        let magic = file.read(&mut start).map_err(FileError::at("read", path))?;
        let not_an_archive = |reason: String| DatasetError::NotAnArchive {
            path: path.to_owned(),
            reason,
        };
        if magic == 0 {
            return Err(not_an_archive("it is empty".to_owned()));
        }
        if start == *b"\x93NUMPY" {
            return Err(not_an_archive("it is one array (.npy)".to_owned()));
        }
        file.rewind().map_err(FileError::at("read", path))?;
        let zip = ZipArchive::new(file).map_err(|error| not_an_archive(error.to_string()))?;
        let archive = Self {
            path: path.to_owned(),
            zip,
        };
        archive.check_caps()?;
        Ok(archive)
    }

    fn check_caps(&self) -> Result<(), DatasetError> {
        if self.zip.len() > MAX_ENTRIES {
            return Err(self.too_large(format!(
                "it has {} entries, at most {MAX_ENTRIES} are read",
                self.zip.len()
            )));
        }
        match self.zip.decompressed_size() {
            Some(claimed) if claimed > u128::from(MAX_CLAIMED) => {
                Err(self.too_large(format!("it unpacks to {claimed} bytes, at most {MAX_CLAIMED} are read")))
            }
            _ => Ok(()),
        }
    }

    /// The names of all arrays, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .zip
            .file_names()
            .filter_map(|name| name.strip_suffix(".npy"))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// True where an array of that name is there.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{name}.npy")).is_some()
    }

    /// The header of the named array.
    pub(super) fn header(&mut self, name: &str) -> Result<Header, DatasetError> {
        let header = {
            let mut entry = self.entry(name)?;
            Header::read(&mut entry)
        };
        header.map_err(|reason| self.broken(name, reason))
    }

    /// The first `rows` rows of the named array, row-major and little-endian.
    pub(super) fn rows(&mut self, name: &str, header: &Header, rows: u64) -> Result<Bytes, DatasetError> {
        // Rows lie together only where the first axis varies slowest.
        let needed = header.bytes().and_then(|(row, all)| {
            if header.fortran {
                Some(all)
            } else {
                row.checked_mul(rows)
            }
        });
        let needed = match needed {
            Some(needed) if needed <= MAX_BYTES => needed,
            _ => {
                return Err(self.too_large(format!(
                    "array `{name}` of shape {:?} needs more than {MAX_BYTES} bytes",
                    header.shape
                )));
            }
        };
        let (packed, unpacked) = {
            let entry = self.entry(name)?;
            (entry.compressed_size(), entry.size())
        };
        if unpacked > RATIO_MATTERS && unpacked / MAX_RATIO > packed {
            return Err(self.too_large(format!("array `{name}` unpacks {packed} bytes to {unpacked}")));
        }
        let mut raw = Vec::new();
        let outcome = {
            let mut entry = self.entry(name)?;
            Header::read(&mut entry).and_then(|_| {
                entry
                    .take(needed)
                    .read_to_end(&mut raw)
                    .map_err(|error| error.to_string())
            })
        };
        outcome.map_err(|reason| self.broken(name, reason))?;
        if (raw.len() as u64) < needed {
            return Err(self.broken(name, format!("it ends after {} of {needed} bytes", raw.len())));
        }
        Ok(header.arrange(raw, rows).into())
    }

    fn entry(&mut self, name: &str) -> Result<zip::read::ZipFile<'_, File>, DatasetError> {
        let path = &self.path;
        self.zip.by_name(&format!("{name}.npy")).map_err(|error| {
            let reason = match error {
                ZipError::FileNotFound => "it is not there".to_owned(),
                error => error.to_string(),
            };
            broken(path, name, reason)
        })
    }

    fn broken(&self, name: &str, reason: String) -> DatasetError {
        broken(&self.path, name, reason)
    }

    fn too_large(&self, reason: String) -> DatasetError {
        DatasetError::TooLarge {
            path: self.path.clone(),
            reason,
        }
    }
}

fn broken(path: &Path, name: &str, reason: String) -> DatasetError {
    DatasetError::Unfit {
        path: path.to_owned(),
        array: name.to_owned(),
        reason: format!("cannot be used: {reason}"),
        hint: Some("arrays must hold numbers or booleans; save them with `numpy.savez`".to_owned()),
    }
}
