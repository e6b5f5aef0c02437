//! Runs both builds with the tensors of a group as their outputs, and adds up how far they are apart.

use std::path::Path;

use tempfile::TempDir;

use super::Build;
use super::error::SensitivityError;
use super::onnx;
use super::same_layout;
use super::spot::Pair;
use super::spot::Spot;
use super::tflite;
use crate::measure::layer_error::Sums;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::model::Decoded;
use crate::model::Samples;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

/// How far the pairs of a group are apart over all samples; `None` of one that turns out to be of another type or shape than promised.
pub(super) fn run(
    first: Build<'_>,
    second: Build<'_>,
    group: &[&Pair],
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Vec<Option<Sums>>, SensitivityError> {
    let folder = TempDir::with_prefix("mlbuild-layers-").map_err(SensitivityError::Folder)?;
    let before = group.iter().map(|pair| &pair.before.spot);
    let one = copy(first, before, &folder.path().join("first"))?;
    let after = group.iter().map(|pair| &pair.after);
    let other = copy(second, after, &folder.path().join("second"))?;
    let mut one = WorkerSubject::new(&one, command, options.clone());
    let mut other = WorkerSubject::new(&other, command, options.clone());
    let failed = |build| move |source| SensitivityError::Worker { build, source };
    let mut sums: Vec<Option<Sums>> = group.iter().map(|_| Some(Sums::default())).collect();
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        let before = one.infer(&sample).map_err(failed("first"))?;
        let after = other.infer(&sample).map_err(failed("second"))?;
        for (pair, slot) in group.iter().zip(&mut sums) {
            let read = pair.before.spot.read(&before).zip(pair.after.read(&after));
            let read = read.filter(|((_, before), (_, after))| same_layout(before, after));
            let fits = match (read, slot.as_mut()) {
                (Some(((before, _), (after, _))), Some(sums)) => sums.add(&before, &after),
                _ => false,
            };
            if !fits {
                *slot = None;
            }
        }
    }
    Ok(sums)
}

/// A copy of a build in the file `path` whose outputs are the tensors at `spots`.
fn copy<'s>(build: Build<'_>, spots: impl Iterator<Item = &'s Spot>, path: &Path) -> Result<Side, SensitivityError> {
    match &build.model.decoded {
        Decoded::Onnx(proto) => onnx::with_outputs(build.side, proto, spots, path),
        Decoded::TfLite(tables) => tflite::with_outputs(build.side, tables, spots, path),
    }
}
