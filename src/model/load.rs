//! Loads a model: recognises its format, opens its external data, decodes and scans it, and gathers its facts.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;

use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::model::contents::contents;
use crate::model::error::ModelError;
use crate::model::facts::Facts;
use crate::model::format;
use crate::model::format::Format;
use crate::model::onnx::external;
use crate::model::onnx::external::ExternalError;
use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::external::Wanted;
use crate::model::onnx::facts::facts;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::read;
use crate::model::onnx::scan;
use crate::model::onnx::work;
use crate::model::onnx::work::Work;
use crate::model::tflite;

/// A model that was read whole, scanned, and found sound.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Its identity: see [`digest`].
    pub digest: Digest,
    /// The file.
    pub bytes: Bytes,
    /// The files beside it that hold tensors, in the order in which the model first names them.
    pub external: Vec<ExternalFile>,
    /// The entry point that [`Model::with_signature`] chose; the first one where `None`.
    pub signature: Option<String>,
    /// Where that entry point stands among those of the file; in `decoded` the chosen one is the first.
    pub signature_place: usize,
    /// What is known about it.
    pub facts: Facts,
    /// What stands in it; tensors' raw data share memory with `bytes`.
    pub decoded: Decoded,
}

/// A decoded model, as its format has it.
#[derive(Debug, Clone)]
pub enum Decoded {
    /// ONNX messages.
    Onnx(Box<ModelProto>),
    /// TensorFlow Lite tables.
    TfLite(Box<tflite::schema::Model>),
}

impl Model {
    /// Loads the model at `path`, its external data from beneath the folder of `path` only.
    ///
    /// Errors: not there, not a model, a format that is not supported yet, cut short, damaged, refused by the scan, external data
    /// missing or outside the folder.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let (format, bytes) = read_file(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self::assemble(path, format, bytes, |wanted| external::open_beneath(folder, wanted))
    }

    /// Loads the model at `path` with its external data from the listed files, `(location as written in the model, path)`.
    ///
    /// The list is trusted: it is for content-addressed artifacts, whose maker has loaded the model before. Everything else is
    /// checked as in [`Model::load`].
    pub fn load_with_external(path: &Path, external: &[(String, PathBuf)]) -> Result<Self, ModelError> {
        let (format, bytes) = read_file(path)?;
        Self::assemble(path, format, bytes, |wanted| external::open_listed(external, wanted))
    }

    /// A model out of bytes in memory, without external data; `path` is for messages and for [`Model::path`].
    pub fn from_bytes(path: &Path, bytes: Bytes) -> Result<Self, ModelError> {
        let format = format::detect_bytes(path, &bytes)?;
        Self::assemble(path, format, bytes, |wanted| external::open_listed(&[], wanted))
    }

    /// Bytes on disk, external data included.
    pub fn size(&self) -> crate::units::Bytes {
        let external: usize = self.external.iter().map(|file| file.bytes.len()).sum();
        crate::units::Bytes((self.bytes.len() + external) as u64)
    }

    /// Work of one inference with inputs of the given shapes, by input name; inputs whose shape the model fixes need not be given.
    pub fn work(&self, inputs: &BTreeMap<String, Vec<u64>>) -> Work {
        match &self.decoded {
            Decoded::Onnx(proto) => work::work(proto, &self.external, inputs),
            Decoded::TfLite(tables) => tflite::work::work(tables, inputs),
        }
    }

    /// The messages of an ONNX model; `None` for one of another format.
    pub fn onnx(&self) -> Option<&ModelProto> {
        match &self.decoded {
            Decoded::Onnx(proto) => Some(proto),
            Decoded::TfLite(_) => None,
        }
    }

    /// The messages of an ONNX model; an error for one of another format, which `what` cannot be done with.
    pub fn as_onnx(&self, what: &'static str) -> Result<&ModelProto, ModelError> {
        self.onnx().ok_or_else(|| ModelError::OnlyOnnx {
            path: self.path.clone(),
            format: self.format,
            what,
        })
    }

    /// The tables of a TensorFlow Lite model; `None` for one of another format.
    pub fn tflite(&self) -> Option<&tflite::schema::Model> {
        match &self.decoded {
            Decoded::Onnx(_) => None,
            Decoded::TfLite(tables) => Some(tables),
        }
    }

    /// The same model, run by the entry point called `name`, whose inputs and outputs the facts show from here on. The file stays
    /// as it is.
    ///
    /// Errors: the model has no such signature; formats other than TensorFlow Lite have none.
    pub fn with_signature(mut self, name: &str) -> Result<Self, ModelError> {
        let chosen = match &mut self.decoded {
            Decoded::Onnx(_) => Err(Vec::new()),
            Decoded::TfLite(tables) => {
                tables.restore_signature(self.signature_place);
                tables.choose_signature(name)
            }
        };
        match chosen {
            Ok(place) => self.signature_place = place,
            Err(names) => {
                return Err(ModelError::Signature {
                    path: self.path,
                    name: name.to_owned(),
                    names,
                });
            }
        }
        if let Decoded::TfLite(tables) = &self.decoded {
            self.facts = tflite::facts::facts(tables);
        }
        self.signature = Some(name.to_owned());
        Ok(self)
    }

    /// The same model, run by the entry point that was chosen of `other`, which it was made of or which was made of it. One of a format
    /// without entry points stays as it is.
    ///
    /// Errors: as of [`Model::with_signature`].
    pub fn entered_as(self, other: &Self) -> Result<Self, ModelError> {
        match (&other.signature, self.format) {
            (Some(name), Format::TfLite) => self.with_signature(name),
            _ => Ok(self),
        }
    }

    fn assemble(
        path: &Path,
        format: Format,
        bytes: Bytes,
        open: impl FnOnce(Vec<Wanted>) -> Result<Vec<ExternalFile>, ExternalError>,
    ) -> Result<Self, ModelError> {
        match format {
            Format::Onnx => Self::of_onnx(path, bytes, open),
            Format::TfLite => Self::of_tflite(path, bytes),
            Format::CoreMl => Err(ModelError::NotYet {
                path: path.to_owned(),
                format,
            }),
        }
    }

    fn of_onnx(
        path: &Path,
        bytes: Bytes,
        open: impl FnOnce(Vec<Wanted>) -> Result<Vec<ExternalFile>, ExternalError>,
    ) -> Result<Self, ModelError> {
        let proto = read::decode(path, &bytes)?;
        let external = external::wanted(&proto)
            .and_then(open)
            .map_err(|source| ModelError::External {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        scan::scan(&proto, &external).map_err(|violation| ModelError::Refused {
            path: path.to_owned(),
            place: violation.place,
            problem: violation.problem,
        })?;
        Ok(Self {
            path: path.to_owned(),
            format: Format::Onnx,
            digest: digest(&bytes, &external),
            signature: None,
            signature_place: 0,
            facts: facts(&proto, &external),
            bytes,
            external,
            decoded: Decoded::Onnx(Box::new(proto)),
        })
    }

    fn of_tflite(path: &Path, bytes: Bytes) -> Result<Self, ModelError> {
        let tables = tflite::read(&bytes).map_err(|source| ModelError::Unreadable {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        tflite::scan::scan(&tables.model).map_err(|violation| ModelError::Refused {
            path: path.to_owned(),
            place: violation.place,
            problem: violation.problem,
        })?;
        Ok(Self {
            path: path.to_owned(),
            format: Format::TfLite,
            digest: digest(&bytes, &[]),
            signature: None,
            signature_place: 0,
            facts: tflite::facts::facts(&tables.model),
            bytes,
            external: Vec::new(),
            decoded: Decoded::TfLite(Box::new(tables.model)),
        })
    }
}

/// A model's identity. Without external data it is the plain SHA-256 of the file, as `sha256sum` prints it. With external data it
/// is the SHA-256 over these parts, each after its length (8 bytes, little-endian): the word `external`, the file's own SHA-256 as
/// text, and then, sorted by location, each location and the SHA-256 of its whole file as text. Paths on this machine do not count.
pub fn digest(bytes: &[u8], external: &[ExternalFile]) -> Digest {
    let own = Digest::of(bytes);
    if external.is_empty() {
        return own;
    }
    let mut files: Vec<&ExternalFile> = external.iter().collect();
    files.sort_by(|one, other| one.location.cmp(&other.location));
    let mut hasher = Hasher::new();
    hasher.part(b"external");
    hasher.part(own.as_str().as_bytes());
    for file in files {
        hasher.part(file.location.as_bytes());
        hasher.part(Digest::of(&file.bytes).as_str().as_bytes());
    }
    hasher.finish()
}

/// The format of a file and its bytes.
fn read_file(path: &Path) -> Result<(Format, Bytes), ModelError> {
    let format = format::detect(path)?;
    if format == Format::CoreMl {
        return Err(ModelError::NotYet {
            path: path.to_owned(),
            format,
        });
    }
    let file = File::open(path).map_err(FileError::at("read", path))?;
    let size = file.metadata().map_err(FileError::at("read", path))?.len();
    Ok((format, contents(file, size, path)?))
}
