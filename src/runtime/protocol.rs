//! How this process and a worker talk: frames over pipes, one answer a request.
//!
//! A frame is the header's length (u32, little-endian), the header (JSON), the payload's length (u64, little-endian) and the
//! payload (raw bytes: tensors one after the other, or seconds as f64). The first request carries the version; both sides
//! refuse another. Neither side trusts a length: memory grows with the bytes that really arrive, up to a cap.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::PathBuf;

use bytes::Bytes;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Sandbox;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;

use super::observing::Watch;
use super::observing::WatchedHeader;
use super::settings::Artifact;
use super::settings::Loaded;
use super::settings::SessionSettings;
use super::stolen::Timed;

/// Both sides must agree on it; any change of the types below raises it.
pub(super) const VERSION: u32 = 7;

/// A header holds names, shapes and messages, never data.
const MAX_HEADER: u64 = 4 << 20;

/// More than any input or output that a gate should move.
const MAX_PAYLOAD: u64 = 8 << 30;

/// What this process asks of a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// The first one: who is there, and what the worker may use.
    Hello {
        /// [`VERSION`].
        protocol: u32,
        /// Logical cores to pin to.
        cores: Option<Vec<usize>>,
        /// Bytes of private memory.
        memory_limit: Option<u64>,
        /// What to do where the system cannot confine it.
        sandbox: Sandbox,
        /// Folders whose models it will be given after the first one.
        folders: Vec<PathBuf>,
    },
    /// Build a session and run it once; the inputs' data is the payload.
    Load {
        /// The model's files.
        artifact: Artifact,
        /// How to set the session up.
        settings: SessionSettings,
        /// What the payload holds.
        inputs: Vec<TensorHeader>,
    },
    /// Drop the session and build it again from the same files, settings and inputs.
    Reload,
    /// Run `discard` times, then `keep` times and report each one's seconds.
    Block {
        /// Inferences that are not reported.
        discard: u32,
        /// Inferences that are.
        keep: u32,
    },
    /// Run once on the payload's inputs and return all outputs.
    Infer {
        /// What the payload holds.
        inputs: Vec<TensorHeader>,
    },
    /// Forget what was watched before, and watch these tensors from now on.
    Observe {
        /// What about which output.
        watches: Vec<Watch>,
    },
    /// Run once on the payload's inputs and add the outputs to what is watched; none of them comes back.
    Feed {
        /// What the payload holds.
        inputs: Vec<TensorHeader>,
    },
    /// Tell what was learned of the watched tensors.
    Observed,
    /// Build a session that saves the optimized graph and one that is profiled, and run both; the inputs' data is the payload.
    /// Only in a worker that has loaded nothing.
    Profile {
        /// The model's files.
        artifact: Artifact,
        /// How to set the sessions up.
        settings: SessionSettings,
        /// What the payload holds.
        inputs: Vec<TensorHeader>,
        /// Inferences of each session that are not reported, after the very first one.
        warmup: u32,
        /// Inferences of each session that are.
        runs: u32,
    },
    /// Tell the process' peak memory.
    PeakMemory,
}

/// What a worker answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// To [`Request::Hello`].
    Hello {
        /// [`VERSION`] of the worker.
        protocol: u32,
        /// True where the worker is pinned.
        pinned: bool,
    },
    /// To [`Request::Load`] and [`Request::Reload`].
    Loaded(Loaded),
    /// To [`Request::Block`]; the payload holds wall and stolen seconds of each inference.
    Block,
    /// To [`Request::Infer`]; the payload holds the data.
    Inferred {
        /// What the payload holds.
        outputs: Vec<TensorHeader>,
    },
    /// To [`Request::Observe`].
    Watching,
    /// To [`Request::Feed`].
    Fed {
        /// What the engine took of it.
        seconds: f64,
    },
    /// To [`Request::Observed`]; the payload holds the numbers.
    Observed {
        /// What the payload holds, one entry a watch.
        watched: Vec<WatchedHeader>,
    },
    /// To [`Request::Profile`]; the payload holds the plain inferences, the engine's events and the optimized graph, in this order.
    Profiled {
        /// The library's own version.
        runtime_version: String,
        /// Bytes of the plain inferences.
        plain: u64,
        /// Bytes of the events.
        events: u64,
        /// Why there is no optimized graph, where there is none.
        not_saved: Option<String>,
    },
    /// To [`Request::PeakMemory`]; `None` where the system doesn't tell.
    PeakMemory {
        /// The peak.
        bytes: Option<u64>,
    },
    /// To any request that failed.
    Failed(Failure),
}

/// Why a worker could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// The kind.
    pub(super) kind: FailureKind,
    /// In the engine's words, where it was the engine.
    pub(super) message: String,
}

/// Kinds of failure that a worker can still tell about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailureKind {
    /// The shared library can't be loaded.
    Library,
    /// The library lacks the target's execution provider.
    Provider,
    /// A file of the artifact can't be read.
    Artifact,
    /// The engine knows no such operator, opset, IR version or type.
    Unsupported,
    /// The engine takes the file for no valid model.
    Model,
    /// The inputs don't fit the model.
    Input,
    /// Memory ran out.
    Memory,
    /// The worker could not be confined.
    Sandbox,
    /// Anything else that the engine reports.
    Engine,
    /// The request makes no sense here, or the worker could not be set up.
    Request,
}

/// A tensor without its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TensorHeader {
    name: String,
    element: ElementType,
    shape: Vec<u64>,
    bytes: u64,
}

/// Headers and the joined data of `tensors`.
pub(super) fn pack(tensors: &[Tensor]) -> (Vec<TensorHeader>, Vec<u8>) {
    let mut data = Vec::with_capacity(tensors.iter().map(|tensor| tensor.data.len()).sum());
    let headers = tensors
        .iter()
        .map(|tensor| {
            data.extend_from_slice(&tensor.data);
            TensorHeader {
                name: tensor.name.clone(),
                element: tensor.element,
                shape: tensor.shape.clone(),
                bytes: tensor.data.len() as u64,
            }
        })
        .collect();
    (headers, data)
}

/// The tensors that `headers` find in `data`, without copying it.
pub(super) fn unpack(headers: Vec<TensorHeader>, data: &Bytes) -> io::Result<Vec<Tensor>> {
    let mut start = 0_usize;
    let tensors = headers
        .into_iter()
        .map(|header| {
            let end = usize::try_from(header.bytes)
                .ok()
                .and_then(|bytes| start.checked_add(bytes))
                .filter(|end| *end <= data.len())
                .ok_or_else(|| malformed("a tensor reaches beyond the payload"))?;
            let fits = header.element.size().is_none_or(|size| {
                let elements = header
                    .shape
                    .iter()
                    .try_fold(1_u64, |product, dim| product.checked_mul(*dim));
                elements.and_then(|elements| elements.checked_mul(size as u64)) == Some(header.bytes)
            });
            if !fits {
                return Err(malformed("a tensor's shape and its bytes disagree"));
            }
            let tensor = Tensor {
                name: header.name,
                element: header.element,
                shape: header.shape,
                data: data.slice(start..end),
            };
            start = end;
            Ok(tensor)
        })
        .collect::<io::Result<Vec<Tensor>>>()?;
    if start == data.len() {
        Ok(tensors)
    } else {
        Err(malformed("the payload is longer than its tensors"))
    }
}

/// Wall and stolen seconds in turns, as a payload.
pub(super) fn pack_timed(timed: &[Timed]) -> Vec<u8> {
    timed
        .iter()
        .flat_map(|timed| [timed.wall.to_le_bytes(), timed.stolen.to_le_bytes()])
        .flatten()
        .collect()
}

/// What [`pack_timed`] packed.
pub(super) fn unpack_timed(data: &[u8]) -> io::Result<Vec<Timed>> {
    let (chunks, rest) = data.as_chunks::<8>();
    let (pairs, odd) = chunks.as_chunks::<2>();
    if !rest.is_empty() || !odd.is_empty() {
        return Err(malformed("the seconds are no whole pairs of 8 bytes each"));
    }
    let pairs = pairs.iter();
    Ok(pairs
        .map(|[wall, stolen]| Timed {
            wall: f64::from_le_bytes(*wall),
            stolen: f64::from_le_bytes(*stolen),
        })
        .collect())
}

/// One frame as bytes.
pub(super) fn encode(header: &impl Serialize, payload: &[u8]) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    let length = u32::try_from(header.len()).map_err(|_| malformed("the header is too long"))?;
    let mut frame = Vec::with_capacity(12 + header.len() + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// Writes one frame.
pub(super) fn write(stream: &mut impl Write, header: &impl Serialize, payload: &[u8]) -> io::Result<()> {
    stream.write_all(&encode(header, payload)?)?;
    stream.flush()
}

/// Reads one frame; `None` where the stream ends before it.
pub(super) fn read<H: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<(H, Bytes)>> {
    let mut length = [0_u8; 4];
    let mut filled = 0;
    while filled < length.len() {
        match stream.read(&mut length[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let header = read_exactly(stream, u64::from(u32::from_le_bytes(length)), MAX_HEADER)?;
    let header =
        serde_json::from_slice(&header).map_err(|error| malformed(&format!("its header is unreadable: {error}")))?;
    let mut length = [0_u8; 8];
    stream.read_exact(&mut length)?;
    let payload = read_exactly(stream, u64::from_le_bytes(length), MAX_PAYLOAD)?;
    Ok(Some((header, payload.into())))
}

/// Reads `length` bytes, allocating only as they arrive.
fn read_exactly(stream: &mut impl Read, length: u64, cap: u64) -> io::Result<Vec<u8>> {
    if length > cap {
        return Err(malformed(&format!(
            "it claims {length} bytes where at most {cap} may come"
        )));
    }
    let mut bytes = Vec::with_capacity(length.min(1 << 20) as usize);
    stream.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(header: &Reply, payload: &[u8]) -> Vec<u8> {
        encode(header, payload).unwrap()
    }

    #[test]
    fn a_frame_survives_the_way() {
        let bytes = frame(&Reply::PeakMemory { bytes: Some(7) }, b"payload");
        let (reply, payload) = read::<Reply>(&mut bytes.as_slice()).unwrap().unwrap();
        assert!(matches!(reply, Reply::PeakMemory { bytes: Some(7) }));
        assert_eq!(payload, "payload");
        assert!(read::<Reply>(&mut [].as_slice()).unwrap().is_none());
    }

    #[test]
    fn a_cut_frame_is_an_error() {
        let bytes = frame(&Reply::Block, &[1, 2, 3]);
        for length in 1..bytes.len() {
            assert!(read::<Reply>(&mut &bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut bytes = frame(&Reply::Block, &[]);
        let at = bytes.len() - 8;
        bytes[at..].copy_from_slice(&(MAX_PAYLOAD - 1).to_le_bytes());
        assert_eq!(
            read::<Reply>(&mut bytes.as_slice()).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        bytes[at..].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(
            read::<Reply>(&mut bytes.as_slice()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert!(read::<Reply>(&mut b"\xff\xff\xff\xff".as_slice()).is_err());
    }

    #[test]
    fn tensors_survive_the_way() {
        let tensors = [
            Tensor::from_f32("a", &[2], &[1.0, f32::NAN]),
            Tensor::from_f32("empty", &[0, 4], &[]),
            Tensor::from_f32("scalar", &[], &[3.0]),
        ];
        let (headers, data) = pack(&tensors);
        assert_eq!(unpack(headers, &data.into()).unwrap(), tensors);
    }

    #[test]
    fn tensors_that_lie_about_their_size_are_refused() {
        let (headers, data) = pack(&[Tensor::from_f32("a", &[2], &[1.0, 2.0])]);
        assert!(unpack(headers.clone(), &Bytes::from_static(b"1234")).is_err());
        assert!(unpack(Vec::new(), &data.clone().into()).is_err());
        let mut wide = headers.clone();
        wide[0].shape = vec![u64::MAX, 2];
        assert!(unpack(wide, &data.clone().into()).is_err());
        let mut long = headers;
        long[0].bytes = u64::MAX;
        assert!(unpack(long, &data.into()).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Request>(&mut bytes.as_slice());
            let _ = read::<Reply>(&mut bytes.as_slice());
        }

        #[test]
        fn seconds_survive_the_way(seconds in proptest::collection::vec(any::<(f64, f64)>(), 0..20)) {
            let bits = |timed: &Timed| (timed.wall.to_bits(), timed.stolen.to_bits());
            let timed: Vec<Timed> = seconds.iter().map(|(wall, stolen)| Timed { wall: *wall, stolen: *stolen }).collect();
            let back = unpack_timed(&pack_timed(&timed)).unwrap();
            prop_assert_eq!(back.iter().map(bits).collect::<Vec<_>>(), timed.iter().map(bits).collect::<Vec<_>>());
        }

        #[test]
        fn half_a_pair_is_refused(seconds in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(unpack_timed(&seconds).is_ok(), seconds.len() % 16 == 0);
        }
    }
}
