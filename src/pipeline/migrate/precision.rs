//! How many bits the constants of a model file really have: the Python tool's labels are what was asked for, not what came out.

use prost::Message as _;

use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataType;

/// The precision that most bytes of a file's constants have: `fp32`, `fp16`, `int8`; `None` where it is another or cannot be told.
pub(super) fn of(format: &str, bytes: &[u8]) -> Option<&'static str> {
    let held = match format {
        "tflite" => tflite(bytes)?,
        "onnx" => onnx(bytes)?,
        _ => return None,
    };
    let (name, most) = held.into_iter().max_by_key(|(_, bytes)| *bytes)?;
    (most > 0).then_some(name)
}

type Held = [(&'static str, u64); 3];

fn onnx(bytes: &[u8]) -> Option<Held> {
    let model = ModelProto::decode(bytes).ok()?;
    let mut held: Held = [("fp32", 0), ("fp16", 0), ("int8", 0)];
    for tensor in &model.graph?.initializer {
        let elements = tensor
            .dims
            .iter()
            .try_fold(1_u64, |all, dim| all.checked_mul(u64::try_from(*dim).ok()?))?;
        let (at, width) = match DataType::try_from(tensor.data_type?).ok()? {
            DataType::Float => (0, 4),
            DataType::Float16 => (1, 2),
            DataType::Int8 | DataType::Uint8 => (2, 1),
            _ => continue,
        };
        if let Some((_, bytes)) = held.get_mut(at) {
            *bytes = bytes.saturating_add(elements.saturating_mul(width));
        }
    }
    Some(held)
}

/// A FlatBuffer, read with every offset checked (<https://flatbuffers.dev/internals/>).
struct Flat<'a>(&'a [u8]);

impl Flat<'_> {
    fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u32(&self, at: usize) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.number(at)?)).ok()
    }

    /// Where the offset at `at` points.
    fn follow(&self, at: usize) -> Option<usize> {
        at.checked_add(self.u32(at)?)
    }

    /// Where a table's field lies; `None` where it has its default.
    fn field(&self, table: usize, index: usize) -> Option<usize> {
        let back = i64::from(i32::from_le_bytes(self.number(table)?));
        let vtable = usize::try_from(i64::try_from(table).ok()?.checked_sub(back)?).ok()?;
        let slot = 4 + 2 * index;
        if slot >= usize::from(u16::from_le_bytes(self.number(vtable)?)) {
            return None;
        }
        let offset = usize::from(u16::from_le_bytes(self.number(vtable.checked_add(slot)?)?));
        (offset > 0).then_some(table.checked_add(offset)?)
    }

    /// The tables in the vector that a table's field holds.
    fn tables(&self, table: usize, index: usize) -> Option<Vec<usize>> {
        let vector = self.follow(self.field(table, index)?)?;
        let length = self.u32(vector)?;
        (0..length.min(1 << 20))
            .map(|item| self.follow(vector.checked_add(4 + 4 * item)?))
            .collect()
    }
}

/// Fields and numbers are those of TensorFlow Lite's `schema.fbs`, version 3.
fn tflite(bytes: &[u8]) -> Option<Held> {
    const SUBGRAPHS: usize = 2;
    const BUFFERS: usize = 4;
    let flat = Flat(bytes);
    if flat.number::<4>(4)? != *b"TFL3" {
        return None;
    }
    let model = flat.follow(0)?;
    let buffers = flat.tables(model, BUFFERS)?;
    let mut held: Held = [("fp32", 0), ("fp16", 0), ("int8", 0)];
    for graph in flat.tables(model, SUBGRAPHS)? {
        for tensor in flat.tables(graph, 0)? {
            let [kind] = flat.field(tensor, 1).map_or(Some([0]), |at| flat.number::<1>(at))?;
            let Some(buffer) = flat.field(tensor, 2).and_then(|at| flat.u32(at)) else {
                continue;
            };
            let Some(data) = flat.field(*buffers.get(buffer)?, 0) else {
                continue;
            };
            let length = flat.u32(flat.follow(data)?)? as u64;
            // FLOAT32, FLOAT16, UINT8 and INT8.
            let at = match kind {
                0 => 0,
                1 => 1,
                3 | 9 => 2,
                _ => continue,
            };
            if let Some((_, bytes)) = held.get_mut(at) {
                *bytes = bytes.saturating_add(length);
            }
        }
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
    }

    fn tflites() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python_tool/workspace/artifacts");
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        found.sort();
        found
            .into_iter()
            .filter(|path| path.is_file())
            .map(|path| fs::read(path).unwrap())
            .collect()
    }

    #[test]
    fn constants_say_what_a_file_is() {
        assert_eq!(of("onnx", &fixture("models/digits_mlp.onnx")), Some("fp32"));
        let found: Vec<_> = tflites().iter().map(|bytes| of("tflite", bytes)).collect();
        assert_eq!(found, [None, Some("fp16"), Some("fp32")]);
    }

    #[test]
    fn a_broken_file_says_nothing() {
        for whole in tflites() {
            for end in 0..whole.len() {
                let _ = of("tflite", &whole[..end]);
            }
            for at in 0..whole.len() {
                let mut bent = whole.clone();
                bent[at] ^= 0xff;
                let _ = of("tflite", &bent);
            }
        }
        assert_eq!(of("onnx", b"nonsense"), None);
        assert_eq!(of("coreml", b""), None);
    }
}
