//! From a file's bytes to the schema's tables and back.
//!
//! Files beyond FlatBuffers' reach of 2 GB keep the data of their buffers behind the tables, by offset and size. Reading brings them
//! into the buffers, where they share memory with the file; writing puts them there again where they must be.

use std::path::Path;

use bytes::Bytes;

use crate::hint::Hint;
use crate::model::error::ModelError;
use crate::model::tflite::build::Writer;
use crate::model::tflite::schema::Model;
use crate::model::tflite::wire;
use crate::model::tflite::wire::WireError;

/// What stands in bytes 4 to 7.
const IDENTIFIER: &[u8; 4] = b"TFL3";

/// Offsets within tables reach this far, in bytes.
const REACH: usize = i32::MAX as usize;

/// From this many bytes of buffers on they are put behind the tables; the rest is room for the tables themselves.
const OUTSIDE_FROM: usize = 1_900_000_000;

/// Where the data of a buffer behind the tables starts, to a multiple of this many bytes.
const ALIGNMENT: usize = 16;

/// Why a file is no readable TFLite model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another format.
    #[error("its bytes 4 to 7 are not `TFL3`")]
    Identifier,
    /// Tables that contradict themselves or the file.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl Hint for ReadError {
    fn hints(&self) -> Vec<String> {
        vec!["copy, download or convert it again; an interrupted transfer cuts files short".to_owned()]
    }
}

/// A model beyond what the format can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model's tables take {size} bytes; the format holds at most {REACH}")]
pub struct WriteError {
    /// Bytes of the tables.
    pub size: usize,
}

impl Hint for WriteError {
    fn hints(&self) -> Vec<String> {
        vec!["split the model; only the data of its buffers may be larger".to_owned()]
    }
}

/// A model as it was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its tables; byte vectors share memory with the file.
    pub model: Model,
    /// The first field that the file has and this version's schema does not know: writing the model would lose it.
    pub unknown: Option<String>,
}

/// Reads a model. Every offset and count is checked; what the tables mean, indices for one, is not.
pub fn read(bytes: &Bytes) -> Result<Read, ReadError> {
    if bytes.get(4..8) != Some(IDENTIFIER) {
        return Err(ReadError::Identifier);
    }
    let mut decoded = wire::decode::<Model>(bytes)?;
    for (index, buffer) in decoded.root.buffers.iter_mut().flatten().enumerate() {
        let place = || format!("buffers[{index}]");
        bring(bytes, &mut buffer.data, &mut buffer.offset, &mut buffer.size, place)?;
    }
    for (subgraph, graph) in decoded.root.subgraphs.iter_mut().flatten().enumerate() {
        for (index, operator) in graph.operators.iter_mut().flatten().enumerate() {
            let place = || format!("subgraphs[{subgraph}].operators[{index}].custom_options");
            let (offset, size) = (
                &mut operator.large_custom_options_offset,
                &mut operator.large_custom_options_size,
            );
            bring(bytes, &mut operator.custom_options, offset, size, place)?;
        }
    }
    Ok(Read {
        model: decoded.root,
        unknown: decoded.unknown,
    })
}

/// Says whether a model may be changed and written back: not where the file has fields that this version's schema does not know, for they
/// would be lost. `path` is for the message.
pub fn modifiable(path: &Path, bytes: &Bytes) -> Result<(), ModelError> {
    let read = read(bytes).map_err(|source| ModelError::Unreadable {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    match read.unknown {
        Some(field) => Err(ModelError::NotModifiable {
            path: path.to_owned(),
            reason: format!("the file holds a field that this version does not know ({field})"),
        }),
        None => Ok(()),
    }
}

/// Brings data from behind the tables into the field where they belong.
fn bring(
    file: &Bytes,
    data: &mut Option<Bytes>,
    offset: &mut u64,
    size: &mut u64,
    place: impl Fn() -> String,
) -> Result<(), WireError> {
    // Writers that don't know yet where data will lie write ones.
    let outside = *offset > 1 && *size > 0;
    if outside {
        let wrong = |problem: String| WireError {
            place: place(),
            problem,
        };
        if data.as_ref().is_some_and(|data| !data.is_empty()) {
            return Err(wrong("has its data both inside and behind the tables".to_owned()));
        }
        let range = usize::try_from(*offset)
            .ok()
            .zip(usize::try_from(*size).ok())
            .and_then(|(start, size)| Some(start..start.checked_add(size)?))
            .filter(|range| range.end <= file.len())
            .ok_or_else(|| {
                wrong(format!(
                    "lies at byte {offset} and takes {size}, beyond the end of the file ({} bytes); it is damaged or cut short",
                    file.len()
                ))
            })?;
        *data = Some(file.slice(range));
    }
    *offset = 0;
    *size = 0;
    Ok(())
}

/// Writes a model; the same model gives the same bytes. Data of buffers start at multiples of 16 bytes; where they take 1.9 GB or more
/// they lie behind the tables.
pub fn write(model: &Model) -> Result<Vec<u8>, WriteError> {
    write_from(model, OUTSIDE_FROM)
}

fn write_from(model: &Model, outside_from: usize) -> Result<Vec<u8>, WriteError> {
    let data: usize = model.buffers().iter().map(|buffer| buffer.data().len()).sum();
    if data < outside_from {
        let capacity = data + data / 64 + 16 * 1024;
        return within_reach(Writer::new(IDENTIFIER, capacity).finish(model));
    }
    let mut tables = model.clone();
    let mut outside = Vec::new();
    for buffer in tables.buffers.iter_mut().flatten() {
        if let Some(data) = buffer.data.take_if(|data| !data.is_empty()) {
            // As wide as what will stand here.
            (buffer.offset, buffer.size) = (u64::MAX, data.len() as u64);
            outside.push(data);
        }
    }
    let mut next = within_reach(Writer::new(IDENTIFIER, 16 * 1024).finish(&tables))?.len();
    for buffer in tables.buffers.iter_mut().flatten().filter(|buffer| buffer.size > 0) {
        next = next.next_multiple_of(ALIGNMENT);
        buffer.offset = next as u64;
        next += buffer.size as usize;
    }
    let mut bytes = Writer::new(IDENTIFIER, next).finish(&tables);
    for data in outside {
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn within_reach(bytes: Vec<u8>) -> Result<Vec<u8>, WriteError> {
    let size = bytes.len();
    (size <= REACH).then_some(bytes).ok_or(WriteError { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tflite::schema::AddOptions;
    use crate::model::tflite::schema::Buffer;
    use crate::model::tflite::schema::BuiltinOperator;
    use crate::model::tflite::schema::Operator;
    use crate::model::tflite::schema::OperatorCode;
    use crate::model::tflite::schema::SubGraph;
    use crate::model::tflite::schema::Tensor;

    fn small() -> Model {
        let tensor = |name: &str, buffer| Tensor {
            shape: Some(vec![1, 4]),
            buffer,
            name: Some(name.to_owned()),
            ..Tensor::default()
        };
        let operator = Operator {
            inputs: Some(vec![0, 1]),
            outputs: Some(vec![2]),
            builtin_options: Some(AddOptions::default().into()),
            mutating_variable_inputs: Some(vec![false, true]),
            ..Operator::default()
        };
        Model {
            version: 3,
            operator_codes: Some(vec![OperatorCode {
                builtin_code: BuiltinOperator::ADD,
                ..OperatorCode::default()
            }]),
            subgraphs: Some(vec![SubGraph {
                tensors: Some(vec![tensor("x", 0), tensor("weights", 1), tensor("y", 0)]),
                inputs: Some(vec![0]),
                outputs: Some(vec![2]),
                operators: Some(vec![operator]),
                name: Some(String::new()),
                ..SubGraph::default()
            }]),
            buffers: Some(vec![
                Buffer::default(),
                Buffer {
                    data: Some(Bytes::from_static(&[7; 16])),
                    ..Buffer::default()
                },
                Buffer {
                    data: Some(Bytes::new()),
                    ..Buffer::default()
                },
            ]),
            ..Model::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let model = small();
        let bytes = Bytes::from(write(&model).unwrap());
        let found = read(&bytes).unwrap();
        assert_eq!(found.model, model);
        assert_eq!(found.unknown, None);
        assert_eq!(write(&found.model).unwrap(), bytes);
        let data = found.model.buffers()[1].data.as_ref().unwrap();
        let start = data.as_ptr() as usize - bytes.as_ptr() as usize;
        assert_eq!(start % 16, 0, "shared with the file, and aligned in it");
    }

    #[test]
    fn buffers_behind_the_tables_come_back_into_place() {
        let model = small();
        let bytes = Bytes::from(write_from(&model, 0).unwrap());
        assert_eq!(&bytes[bytes.len() - 16..], [7; 16]);
        assert_eq!(read(&bytes).unwrap().model, model);
        let cut = bytes.slice(..bytes.len() - 1);
        let error = read(&cut).unwrap_err().to_string();
        assert!(error.starts_with("buffers[1] lies at byte"), "{error}");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_read_or_refused() {
        let bytes = write(&small()).unwrap();
        for length in 0..bytes.len() {
            let _ = read(&Bytes::copy_from_slice(&bytes[..length]));
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(found) = read(&flipped.into()) {
                let again = Bytes::from(write(&found.model).unwrap());
                let _ = read(&again).unwrap();
            }
        }
    }
}
