//! A folder of samples: which files belong to which sample and class, and opening them safely. The folder comes with a pull
//! request, so that nothing in it is followed outside.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use super::DatasetError;
use crate::files::FileError;
use crate::model::error::lfs_hints;
use crate::model::format::lfs_pointer;
use crate::model::onnx::beneath;
use crate::model::onnx::beneath::BeneathError;
use crate::model::onnx::shown::shown;

/// The most files and folders that are listed.
const MAX_ENTRIES: usize = 200_000;

/// Extensions of images that are read, in lower case.
const IMAGES: [&str; 5] = ["jpg", "jpeg", "png", "bmp", "webp"];

/// The files that hold labels where nothing else is said.
const LABELS: [&str; 2] = ["labels.csv", "labels.npy"];

/// What all samples of a folder are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Images,
    Arrays,
}

/// One file of a sample or of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// The folder in the root that it lies in.
    subfolder: Option<String>,
    /// Its name.
    name: String,
}

impl Entry {
    fn path(&self) -> String {
        match &self.subfolder {
            Some(folder) => format!("{folder}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// One sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// What labels call it: the file, relative to the root, or what its files have in common.
    pub(super) name: String,
    /// A file an input, in the model's order, relative to the root.
    pub(super) files: Vec<String>,
    /// The number of its class, where classes are folders.
    pub(super) class: Option<usize>,
}

/// A folder whose files were listed and found to belong together.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Sorted by name.
    pub(super) samples: Vec<Sample>,
    pub(super) kind: Kind,
    /// The file that holds the labels.
    pub(super) labels: Option<String>,
}

impl Folder {
    /// Lists the folder at `root` for a model with the given inputs. `labels` is the file of labels that the config names.
    pub(super) fn open(root: &Path, inputs: &[&str], labels: Option<&str>) -> Result<Self, DatasetError> {
        let mut listing = Listing::of(root)?;
        let labels = listing.take_labels(labels)?;
        let kind = listing.kind()?;
        let mut samples = match (kind, inputs) {
            (Kind::Arrays, inputs) if inputs.len() != 1 => listing.grouped(inputs)?,
            (Kind::Images, inputs) if inputs.len() != 1 => {
                return Err(listing.unusable(
                    None,
                    format!("holds images, which feed one input, but the model has {}", inputs.len()),
                    Some("write an .npz archive with one array an input"),
                ));
            }
            (_, inputs) => listing.single(inputs.first().copied().unwrap_or_default())?,
        };
        samples.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self {
            root: root.to_owned(),
            samples,
            kind,
            labels,
        })
    }

    /// The numbers of the samples that are used: the first by name, or where there are classes, one of each in turn.
    pub(super) fn choose(&self, most: usize) -> Vec<usize> {
        let mut seen: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        let mut turns: Vec<(usize, usize)> = self
            .samples
            .iter()
            .enumerate()
            .map(|(index, sample)| {
                let turn = seen.entry(sample.class).or_insert(0);
                *turn += 1;
                (*turn, index)
            })
            .collect();
        if seen.len() > 1 {
            turns.sort_by_key(|(turn, index)| (*turn, self.samples[*index].class, *index));
        }
        turns.into_iter().take(most).map(|(_, index)| index).collect()
    }

    /// Opens one file; gives its size in bytes too. Errors where it is a link, or no plain file, or a Git LFS pointer.
    pub(super) fn file(&self, name: &str) -> Result<(File, u64), DatasetError> {
        let (mut file, size) = beneath::open(&self.root, name).map_err(|error| {
            let hint = match &error {
                BeneathError::SymbolicLink | BeneathError::HardLink(_) => {
                    Some("samples must be plain files in the folder: copy it there".to_owned())
                }
                _ => None,
            };
            let reason = match &error {
                BeneathError::Io(source) => format!("cannot be opened: {source}"),
                other => format!("is refused: {other}"),
            };
            DatasetError::Unusable {
                folder: self.root.clone(),
                name: Some(name.to_owned()),
                reason,
                hint,
            }
        })?;
        let mut head = [0_u8; 128];
        let io = |error| FileError::at("read", &self.path(name))(error);
        let read = file.read(&mut head).map_err(io)?;
        std::io::Seek::rewind(&mut file).map_err(io)?;
        if lfs_pointer(&head[..read]).is_some() {
            return Err(DatasetError::Unusable {
                folder: self.root.clone(),
                name: Some(name.to_owned()),
                reason: "is a Git LFS pointer, not the file itself".to_owned(),
                hint: lfs_hints().into_iter().next(),
            });
        }
        Ok((file, size))
    }

    /// All bytes of one file of at most `most` bytes.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, DatasetError> {
        let (file, size) = self.file(name)?;
        let too_large = || self.unusable(name, format!("is larger than the {most} bytes that are read"), None);
        if size > most {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(size as usize);
        file.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(FileError::at("read", &self.path(name)))?;
        if bytes.len() as u64 > most {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// Where one file lies, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// An error about one file.
    pub(super) fn unusable(&self, name: &str, reason: String, hint: Option<&str>) -> DatasetError {
        DatasetError::Unusable {
            folder: self.root.clone(),
            name: Some(name.to_owned()),
            reason,
            hint: hint.map(str::to_owned),
        }
    }

    /// An error about the folder.
    pub(super) fn unusable_folder(&self, reason: String, hint: Option<&str>) -> DatasetError {
        DatasetError::Unusable {
            folder: self.root.clone(),
            name: None,
            reason,
            hint: hint.map(str::to_owned),
        }
    }
}

/// What lies in a folder and the folders in it.
struct Listing {
    root: PathBuf,
    entries: Vec<Entry>,
    subfolders: Vec<String>,
}

impl Listing {
    fn of(root: &Path) -> Result<Self, DatasetError> {
        let mut listing = Self {
            root: root.to_owned(),
            entries: Vec::new(),
            subfolders: Vec::new(),
        };
        listing.add(None)?;
        listing.subfolders.sort();
        for subfolder in listing.subfolders.clone() {
            let before = listing.entries.len();
            listing.add(Some(&subfolder))?;
            if listing.entries.len() == before {
                return Err(listing.unusable(
                    Some(&subfolder),
                    "is an empty folder: a class or an input without a sample".to_owned(),
                    Some("remove it, or put its samples there"),
                ));
            }
        }
        Ok(listing)
    }

    fn add(&mut self, subfolder: Option<&str>) -> Result<(), DatasetError> {
        let folder = match subfolder {
            Some(name) => self.root.join(name),
            None => self.root.clone(),
        };
        let failed = |error| FileError::at("read", &folder)(error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().into_string().map_err(|name| {
                self.unusable(
                    Some(&name.to_string_lossy()),
                    "has a name that is not UTF-8".to_owned(),
                    Some("rename it"),
                )
            })?;
            if name.starts_with('.') || is_about(&name) {
                continue;
            }
            if self.entries.len() + self.subfolders.len() >= MAX_ENTRIES {
                return Err(DatasetError::TooLarge {
                    path: self.root.clone(),
                    reason: format!("it holds more than {MAX_ENTRIES} files"),
                });
            }
            let entry_of = Entry {
                subfolder: subfolder.map(str::to_owned),
                name,
            };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_symlink() {
                return Err(self.unusable(
                    Some(&entry_of.path()),
                    "is refused: it is a symbolic link".to_owned(),
                    Some("samples must be plain files in the folder: copy it there"),
                ));
            }
            match (kind.is_dir(), subfolder) {
                (false, _) => self.entries.push(entry_of),
                (true, None) => self.subfolders.push(entry_of.name),
                (true, Some(_)) => {
                    return Err(self.unusable(
                        Some(&entry_of.path()),
                        "is a folder two levels down".to_owned(),
                        Some("samples lie in the folder itself, or in one folder a class or input"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Takes the file of labels out of the samples.
    fn take_labels(&mut self, named: Option<&str>) -> Result<Option<String>, DatasetError> {
        let is = |entry: &Entry, name: &str| entry.subfolder.is_none() && entry.name == name;
        let found: Vec<&str> = match named {
            Some(name) if self.entries.iter().any(|entry| is(entry, name)) => vec![name],
            Some(name) => {
                return Err(self.unusable(
                    None,
                    format!("has no file {} for the labels", shown(name)),
                    Some(
                        "correct `labels` of the model's `dataset` in .mlbuild.yml; without it `labels.csv`, `labels.npy` and \
                         folders of classes are found",
                    ),
                ));
            }
            None => LABELS
                .into_iter()
                .filter(|name| self.entries.iter().any(|entry| is(entry, name)))
                .collect(),
        };
        if let [one, other, ..] = found[..] {
            return Err(self.unusable(
                None,
                format!("has labels twice, in `{one}` and `{other}`"),
                Some("remove one of them, or name one with `labels`"),
            ));
        }
        let found = found.first().map(|name| (*name).to_owned());
        if let Some(name) = &found {
            self.entries.retain(|entry| !is(entry, name));
        }
        Ok(found)
    }

    /// What the samples are; an error where they are not all the same, or something else, or none.
    fn kind(&self) -> Result<Kind, DatasetError> {
        let Some(first) = self.entries.first() else {
            return Err(self.unusable(
                None,
                "holds no sample".to_owned(),
                Some("put images (.jpg .jpeg .png .bmp .webp) or .npy files there; if Git LFS or a download should, check that it did"),
            ));
        };
        let mut kinds = self.entries.iter().map(|entry| (entry, kind_of(&entry.name)));
        if let Some((entry, _)) = kinds.clone().find(|(_, kind)| kind.is_none()) {
            return Err(self.unusable(
                Some(&entry.path()),
                "is neither an image that can be read (.jpg .jpeg .png .bmp .webp) nor a .npy array".to_owned(),
                Some("convert it or move it out of the folder; labels lie in `labels.csv` or `labels.npy`, or name them with `labels`"),
            ));
        }
        let expected = kind_of(&first.name);
        if let Some((other, _)) = kinds.find(|(_, kind)| *kind != expected) {
            return Err(self.unusable(
                None,
                format!(
                    "holds images and arrays, such as {} and {}",
                    shown(&first.path()),
                    shown(&other.path())
                ),
                Some("keep one kind in one folder"),
            ));
        }
        if !self.subfolders.is_empty()
            && let Some(stray) = self.entries.iter().find(|entry| entry.subfolder.is_none())
        {
            return Err(self.unusable(
                None,
                format!(
                    "holds samples, such as {}, beside the folder {}",
                    shown(&stray.name),
                    shown(&self.subfolders[0])
                ),
                Some("put all samples into the folder itself, or all into folders of classes or inputs"),
            ));
        }
        Ok(expected.unwrap_or(Kind::Arrays))
    }

    /// Samples of a model with one input: a file each, in folders of classes or without.
    fn single(&self, input: &str) -> Result<Vec<Sample>, DatasetError> {
        let of_input = self.subfolders.len() == 1 && self.subfolders[0] == file_name(input);
        if self.subfolders.len() == 1 && !of_input {
            return Err(self.unusable(
                None,
                format!(
                    "holds one folder of samples, {}: a single class",
                    shown(&self.subfolders[0])
                ),
                Some("name the folder in it as the dataset, or add a folder for every other class"),
            ));
        }
        Ok(self
            .entries
            .iter()
            .map(|entry| Sample {
                name: if of_input { entry.name.clone() } else { entry.path() },
                files: vec![entry.path()],
                class: match &entry.subfolder {
                    Some(folder) if !of_input => self.subfolders.iter().position(|name| name == folder),
                    _ => None,
                },
            })
            .collect())
    }

    /// Samples of a model with several inputs: folders of inputs, or `<sample>.<input>.npy`.
    fn grouped(&self, inputs: &[&str]) -> Result<Vec<Sample>, DatasetError> {
        let names: Vec<String> = inputs.iter().map(|input| file_name(input)).collect();
        let mut found: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        for entry in &self.entries {
            let stem = entry.name.get(..entry.name.len() - ".npy".len()).unwrap_or_default();
            let (sample, input) = match &entry.subfolder {
                Some(folder) => (Some(stem), names.iter().position(|name| name == folder)),
                None => {
                    // The longest, where one input's name ends like another's.
                    let ends = |name: &String| stem.strip_suffix(name.as_str())?.strip_suffix('.');
                    let best = (0..names.len())
                        .filter(|index| ends(&names[*index]).is_some())
                        .max_by_key(|index| names[*index].len());
                    (best.and_then(|index| ends(&names[index])), best)
                }
            };
            let (Some(sample), Some(input)) = (sample, input) else {
                return Err(self.unusable(
                    Some(&entry.path()),
                    format!("belongs to no input of the model; its inputs are {}", list(inputs)),
                    Some(
                        "with several inputs call the files `SAMPLE.INPUT.npy`, or `SAMPLE.npy` in one folder an input",
                    ),
                ));
            };
            let files = found
                .entry(sample.to_owned())
                .or_insert_with(|| vec![None; inputs.len()]);
            files[input] = Some(entry.path());
        }
        found
            .into_iter()
            .map(|(name, files)| {
                let missing = files.iter().position(Option::is_none);
                match missing {
                    None => Ok(Sample {
                        name,
                        files: files.into_iter().flatten().collect(),
                        class: None,
                    }),
                    Some(input) => Err(self.unusable(
                        None,
                        format!(
                            "has no array for input {} of sample {}",
                            shown(inputs[input]),
                            shown(&name)
                        ),
                        Some("every sample needs a file for each input"),
                    )),
                }
            })
            .collect()
    }

    fn unusable(&self, name: Option<&str>, reason: String, hint: Option<&str>) -> DatasetError {
        DatasetError::Unusable {
            folder: self.root.clone(),
            name: name.map(str::to_owned),
            reason,
            hint: hint.map(str::to_owned),
        }
    }
}

/// Files that tell about a dataset and belong to no sample.
fn is_about(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["README", "LICENSE", "LICENCE", "NOTICE"]
        .iter()
        .any(|start| upper.starts_with(start))
        || upper == "THUMBS.DB"
}

fn kind_of(name: &str) -> Option<Kind> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    if IMAGES.contains(&extension.as_str()) {
        Some(Kind::Images)
    } else {
        (extension == "npy").then_some(Kind::Arrays)
    }
}

/// True for a path that ends like an image.
pub(super) fn is_image(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| kind_of(name.to_str()?))
        .is_some_and(|kind| kind == Kind::Images)
}

/// An input's name as it stands in file names.
fn file_name(input: &str) -> String {
    input
        .chars()
        .map(|character| match character {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            other => other,
        })
        .collect()
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().take(12).map(|name| shown(name)).collect();
    names.join(", ")
}
