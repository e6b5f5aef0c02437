//! What is known about a side without running it, for the gate's exact limits: sizes, and static facts of the derived variant at the
//! shapes that it is measured with.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::config::Gate;
use crate::digest::Digest;
use crate::model::Model;
use crate::model::tensor::Tensor;
use crate::pipeline::subject::Prepared;
use crate::verdict::ExactFacts;

/// Files of more bytes than this are deflated only where the gate asks for it: it takes a second for every 50 MB or so.
const SMALL: u64 = 64_000_000;

/// Finds facts, and keeps what took long for the next comparison of the same files.
#[derive(Debug, Default)]
pub struct Finder {
    deflated: HashMap<Digest, u64>,
}

impl Finder {
    /// The facts of `prepared` when it is fed tensors shaped like `inputs`. What cannot be told is `None`, and fails closed where it
    /// is gated.
    pub fn find(&mut self, prepared: &Prepared, inputs: &[Tensor], gate: &Gate) -> ExactFacts {
        let size_bytes = prepared.size_bytes();
        let mut facts = ExactFacts::of_size(size_bytes);
        if gate.compressed_size.is_some() || size_bytes <= SMALL {
            facts.compressed_bytes = self.compressed(prepared).ok();
        }
        if let Ok(model) = Model::load_with_external(&prepared.artifact.model, &prepared.artifact.external) {
            let shapes: BTreeMap<String, Vec<u64>> = inputs
                .iter()
                .map(|input| (input.name.clone(), input.shape.clone()))
                .collect();
            let work = model.work(&shapes);
            facts.macs = work.macs;
            facts.activation_peak = work.activation_peak;
            facts.parameters = model.facts.parameters.checked_add(model.facts.body_parameters);
            facts.operators = Some(model.facts.op_histogram.values().sum());
        }
        facts
    }

    /// Bytes of all files, each deflated by itself.
    fn compressed(&mut self, prepared: &Prepared) -> io::Result<u64> {
        let external = prepared.artifact.external.iter().map(|(_, path)| path);
        let paths = std::iter::once(&prepared.artifact.model).chain(external);
        let mut total = 0;
        for (file, path) in prepared.files.iter().zip(paths) {
            total += match self.deflated.get(&file.digest) {
                Some(bytes) => *bytes,
                None => {
                    let bytes = deflated(path)?;
                    self.deflated.insert(file.digest.clone(), bytes);
                    bytes
                }
            };
        }
        Ok(total)
    }
}

/// Bytes of a file deflated at zlib's usual level, as in a zip or a wheel, without their headers.
fn deflated(path: &Path) -> io::Result<u64> {
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::default());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    Ok(encoder.finish()?.0)
}

/// Counts what is written and keeps nothing.
struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_deflate_to_next_to_nothing_and_noise_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let zeros = folder.path().join("zeros");
        std::fs::write(&zeros, vec![0_u8; 1_000_000]).unwrap();
        assert!(deflated(&zeros).unwrap() < 2_000);
        let noise = folder.path().join("noise");
        let mut state = 1_u64;
        let bytes: Vec<u8> = (0..100_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        std::fs::write(&noise, &bytes).unwrap();
        let size = deflated(&noise).unwrap();
        assert!((99_000..101_000).contains(&size), "{size}");
        assert!(deflated(&folder.path().join("none")).is_err());
    }
}
