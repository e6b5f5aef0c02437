//! Which format a model file is in: told by its content, and only where that says nothing by its extension.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::files::FileError;
use crate::model::error::ModelError;
use crate::model::onnx::wire;
use crate::model::onnx::wire::WireError;

/// A model's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// ONNX protobuf.
    Onnx,
    /// TensorFlow Lite, now LiteRT.
    TfLite,
    /// Core ML, a protobuf or a package folder.
    CoreMl,
}

impl Format {
    /// What a model's own file is called where this tool names it.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Onnx => "model.onnx",
            Self::TfLite => "model.tflite",
            Self::CoreMl => "model.mlmodel",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Onnx => "ONNX",
            Self::TfLite => "TFLite",
            Self::CoreMl => "Core ML",
        })
    }
}

/// So many bytes from the start decide.
const HEAD: u64 = 64 * 1024;

/// What starts a file that is certainly no ONNX model: where, with which bytes, what it is, what to do.
type Signature = (usize, &'static [u8], &'static str, &'static str);

const EXPORT: &str = "export the network to ONNX first, with `torch.onnx.export` or the exporter of its framework";
const UNPACK: &str = "unpack it and give the model inside";
const PATH: &str = "check the path: it should name the exported model";

const SIGNATURES: &[Signature] = &[
    (
        0,
        b"\x80\x02",
        "a Python pickle (older PyTorch checkpoints are pickles)",
        EXPORT,
    ),
    (0, b"\x80\x03", "a Python pickle", EXPORT),
    (0, b"\x80\x04", "a Python pickle", EXPORT),
    (0, b"\x80\x05", "a Python pickle", EXPORT),
    (
        0,
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (Keras weights, most often)",
        EXPORT,
    ),
    (0, b"GGUF", "a GGUF file, weights for llama.cpp", EXPORT),
    (8, b"{\"", "a safetensors file, weights without a graph", EXPORT),
    (0, b"\x93NUMPY", "a NumPy array", PATH),
    (
        4,
        b"ORTM",
        "a model in ONNX Runtime's own format",
        "give the .onnx file it was made from",
    ),
    (0, b"\x89PNG", "an image", PATH),
    (0, b"\xff\xd8\xff", "an image", PATH),
    (0, b"GIF8", "an image", PATH),
    (0, b"%PDF", "a PDF document", PATH),
    (0, b"\x7fELF", "a program or library", PATH),
    (0, b"MZ", "a program or library", PATH),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", UNPACK),
];

/// What a ZIP archive is, by a name among its first entries.
const ZIPPED: &[(&[u8], &str, &str)] = &[
    (b"data.pkl", "a PyTorch checkpoint", EXPORT),
    (b"model.weights.h5", "a Keras model", EXPORT),
    (b".npy", "a NumPy archive", PATH),
    (b".onnx", "a ZIP archive with an ONNX file inside", UNPACK),
    (b".mlpackage", "a zipped Core ML package", UNPACK),
];

/// The first bytes of a pointer that Git LFS leaves where a file belongs.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Recognises the model at `path`.
///
/// Errors: not there or not readable, a folder that is no model, an empty file, a Git LFS pointer, or something else; what it is
/// is said where it can be told.
pub fn detect(path: &Path) -> Result<Format, ModelError> {
    let metadata = std::fs::metadata(path).map_err(FileError::at("read", path))?;
    if metadata.is_dir() {
        return detect_folder(path);
    }
    if !metadata.is_file() {
        return Err(ModelError::NotAFile { path: path.to_owned() });
    }
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .map_err(FileError::at("read", path))?;
    detect_bytes(path, &head)
}

/// Recognises a model by its first bytes; `path` gives the extension and is for messages.
pub fn detect_bytes(path: &Path, head: &[u8]) -> Result<Format, ModelError> {
    let head = &head[..head.len().min(HEAD as usize)];
    if head.is_empty() {
        return Err(ModelError::Empty { path: path.to_owned() });
    }
    if let Some(size) = lfs_pointer(head) {
        return Err(ModelError::LfsPointer {
            path: path.to_owned(),
            size,
        });
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Ok(Format::TfLite);
    }
    let not_a_model = |what, advice| ModelError::NotAModel {
        path: path.to_owned(),
        what,
        advice,
    };
    if head.starts_with(b"PK\x03\x04") {
        let known = ZIPPED.iter().find(|(name, ..)| contains(head, name));
        let (what, advice) = known.map_or(("a ZIP archive", UNPACK), |(_, what, advice)| (what, advice));
        return Err(not_a_model(what, advice));
    }
    let signature = SIGNATURES
        .iter()
        .find(|(at, bytes, ..)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes)));
    if let Some((_, _, what, advice)) = signature {
        return Err(not_a_model(what, advice));
    }
    match protobuf(head) {
        Some(Protobuf::Onnx) => return Ok(Format::Onnx),
        Some(Protobuf::CoreMl) => return Ok(Format::CoreMl),
        None => {}
    }
    if let Some(what) = text(head) {
        return Err(not_a_model(what, PATH));
    }
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_deref().and_then(|extension| extension.to_str()) {
        Some("onnx") => Ok(Format::Onnx),
        Some("tflite" | "lite") => Ok(Format::TfLite),
        Some("mlmodel") => Ok(Format::CoreMl),
        Some("pb") => Err(not_a_model(
            "a TensorFlow graph",
            "convert it with `python -m tf2onnx.convert`",
        )),
        _ => Err(not_a_model("data of no known kind", PATH)),
    }
}

/// The size that a Git LFS pointer gives for the real file, in bytes; the outer `None` where this is no pointer.
pub(crate) fn lfs_pointer(head: &[u8]) -> Option<Option<u64>> {
    if !head.starts_with(LFS) {
        return None;
    }
    let text = String::from_utf8_lossy(&head[..head.len().min(1024)]);
    Some(
        text.lines()
            .find_map(|line| line.strip_prefix("size "))
            .and_then(|size| size.trim().parse().ok()),
    )
}

fn detect_folder(path: &Path) -> Result<Format, ModelError> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let extension = extension.as_deref().and_then(|extension| extension.to_str());
    let package = path.join("Data/com.apple.CoreML").is_dir() && path.join("Manifest.json").is_file();
    if package || matches!(extension, Some("mlpackage" | "mlmodelc")) {
        return Ok(Format::CoreMl);
    }
    let (what, advice) = if path.join("saved_model.pb").is_file() {
        (
            "a TensorFlow SavedModel folder",
            "convert it with `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`",
        )
    } else {
        ("a folder", "give the path of the model file in it")
    };
    Err(ModelError::Folder {
        path: path.to_owned(),
        what,
        advice,
    })
}

enum Protobuf {
    Onnx,
    CoreMl,
}

/// Tells ONNX and Core ML apart by the numbers and kinds of the outermost fields; the bytes may stop anywhere.
///
/// ONNX: 1 = IR version, 2 to 6 = producer and texts, 7 = graph, 8 = operator sets. Core ML: 1 = specification version,
/// 2 = description, then one of many model types, all numbered 200 and above.
fn protobuf(head: &[u8]) -> Option<Protobuf> {
    let mut at = 0;
    let mut description = false;
    let mut first = true;
    while at < head.len() {
        let Some((number, is_block, next)) = outermost(head, at) else {
            break;
        };
        match (number, is_block) {
            (1, false) => {}
            (7, true) => return Some(Protobuf::Onnx),
            (8, true) if !first => return Some(Protobuf::Onnx),
            (2, true) => description = true,
            (5, false) | (3 | 4 | 6 | 14 | 20 | 25 | 26, true) => {}
            (200.., true) if description => return Some(Protobuf::CoreMl),
            _ if first => return None,
            // A field that this version does not know, or Core ML's flag that the model can be trained.
            _ => {}
        }
        first = false;
        at = next?;
    }
    None
}

/// Number and kind of the field at `at`, and where the next one starts; that is `None` where the bytes stop within the field.
fn outermost(head: &[u8], at: usize) -> Option<(u32, bool, Option<usize>)> {
    let (number, kind, _) = wire::key(head, at).ok()?;
    let next = match wire::field(head, at, head.len()) {
        Ok((_, next)) => Some(next),
        Err(WireError::PastEnd(_)) => None,
        Err(WireError::Malformed(_)) => return None,
    };
    Some((number, kind == wire::BLOCK, next))
}

/// What kind of text this is; `None` where it is none.
fn text(head: &[u8]) -> Option<&'static str> {
    let sample = &head[..head.len().min(1024)];
    // The sample may end in the middle of a character.
    let valid = match std::str::from_utf8(sample) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() + 4 > sample.len() => {
            std::str::from_utf8(&sample[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let is_text = !valid.is_empty()
        && valid
            .chars()
            .all(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t'));
    let start = valid.trim_start().to_ascii_lowercase();
    is_text.then(|| {
        if start.starts_with("<!doctype html") || start.starts_with("<html") {
            "a web page (did the download need a login?)"
        } else if start.starts_with("<?xml") || start.starts_with('<') {
            "an XML file"
        } else if start.starts_with('{') || start.starts_with('[') {
            "a JSON file"
        } else {
            "a text file"
        }
    })
}

fn contains(head: &[u8], name: &[u8]) -> bool {
    head.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(name: &str, head: &[u8]) -> Result<Format, String> {
        detect_bytes(Path::new(name), head).map_err(|error| error.to_string())
    }

    #[test]
    fn content_decides_before_the_extension() {
        // IR version, producer, graph.
        let onnx = [8, 8, 0x12, 1, b'x', 0x3a, 2, 0x12, 0];
        assert_eq!(kind("model.bin", &onnx), Ok(Format::Onnx));
        assert_eq!(kind("model.tflite", &onnx), Ok(Format::Onnx));
        assert_eq!(kind("model.onnx", b"\x1c\0\0\0TFL3\x14\0"), Ok(Format::TfLite));
        // Specification version, description, neural network (field 500).
        let core_ml = [8, 1, 0x12, 2, 0x0a, 0, 0xa2, 0x1f, 1, 0];
        assert_eq!(kind("model.onnx", &core_ml), Ok(Format::CoreMl));
    }

    #[test]
    fn a_graph_longer_than_the_head_is_still_seen() {
        let cut = [8, 8, 0x12, 1, b'x', 0x3a, 0xff, 0xff, 3, 1];
        assert_eq!(kind("model", &cut), Ok(Format::Onnx));
        let core_ml = [8, 1, 0x12, 2, 0x0a, 0, 0xa2, 0x1f, 0xff, 0xff, 3];
        assert_eq!(kind("model", &core_ml), Ok(Format::CoreMl));
    }

    #[test]
    fn the_extension_decides_where_the_content_says_nothing() {
        let nothing = [8, 8];
        assert_eq!(kind("model.onnx", &nothing), Ok(Format::Onnx));
        assert_eq!(kind("model.mlmodel", &nothing), Ok(Format::CoreMl));
        assert_eq!(kind("model.tflite", &nothing), Ok(Format::TfLite));
        assert!(kind("model", &nothing).is_err());
    }

    #[test]
    fn names_what_it_is_not() {
        for (head, expected) in [
            (b"PK\x03\x04\0\0archive/data.pkl".as_slice(), "a PyTorch checkpoint"),
            (b"PK\x03\x04\0\0readme", "a ZIP archive"),
            (b"\x80\x02}q\0.", "a Python pickle"),
            (b"\x89PNG\r\n\x1a\n", "an image"),
            (b"\x50\0\0\0\0\0\0\0{\"a\":1}", "a safetensors file"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"{\"a\": 1}", "a JSON file"),
            (b"not a model\n", "a text file"),
            ("größer als gedacht".as_bytes(), "a text file"),
        ] {
            let error = kind("model.onnx", head).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_lfs_pointer_says_how_large_the_model_is() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 13978363\n";
        let error = kind("model.onnx", pointer).unwrap_err();
        assert_eq!(
            error,
            "`model.onnx` is a Git LFS pointer, not the model itself (14.0 MB)"
        );
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(head in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = detect_bytes(Path::new("model.onnx"), &head);
        }
    }
}
