//! Usual sizes for what a model leaves open, by what each input is for.

use std::collections::BTreeMap;

use super::role::Role;
use super::role::counts_past;
use crate::config::Task;
use crate::model::task::uses::Use;
use crate::model::task::uses::is_length;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;

/// Tokens, where nobody asks for another number and the model holds as many.
pub(super) const USUAL_SEQUENCE: u64 = 128;
/// Height and width of a picture.
const USUAL_SIDE: u64 = 224;
/// Pictures of a video.
const USUAL_FRAMES: u64 = 16;
/// One second of sound at 16 kHz.
pub(super) const USUAL_SAMPLES: u64 = 16_000;
/// One second of a spectrogram with the usual step of 10 ms.
const USUAL_WINDOWS: u64 = 100;
/// Bands of a log-mel spectrogram.
const USUAL_BANDS: u64 = 80;

/// An input with its role and what the graph says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The input.
    pub spec: &'a TensorSpec,
    /// What it is for.
    pub role: Role,
    /// What the graph does with it.
    pub found: &'a Use,
}

/// Where the lengths of sequences stand: the last axis of token ids, or of what accompanies them where the ids are embedded outside,
/// and free axes of the past. Pairs of place among the inputs and axis.
pub(super) fn sequence_axes(inputs: &[Known<'_>], task: Task) -> Vec<(usize, usize)> {
    if task != Task::Nlp {
        return Vec::new();
    }
    let last_of = |wanted: &[Role]| -> Vec<(usize, usize)> {
        inputs
            .iter()
            .enumerate()
            .filter(|(_, input)| wanted.contains(&input.role))
            .filter_map(|(place, input)| {
                let dims = input.spec.dims.as_deref()?;
                let axis = dims.len().checked_sub(1)?;
                (axis > 0 || is_named_length(&dims[axis])).then_some((place, axis))
            })
            .collect()
    };
    let mut axes = last_of(&[Role::TokenIds]);
    if axes.is_empty() {
        axes = last_of(&[Role::Mask, Role::TokenTypes, Role::Positions]);
    }
    if axes.is_empty() {
        axes.extend(inputs.iter().enumerate().flat_map(|(place, input)| {
            let dims = input.spec.dims.as_deref().unwrap_or_default();
            let lengths = dims.iter().enumerate().filter(|(_, dim)| is_named_length(dim));
            lengths.map(move |(axis, _)| (place, axis)).collect::<Vec<_>>()
        }));
    }
    for (place, input) in inputs.iter().enumerate().filter(|(_, input)| input.role == Role::Past) {
        let dims = input.spec.dims.as_deref().unwrap_or_default();
        axes.extend(
            (0..dims.len())
                .filter(|axis| is_past(dims, *axis))
                .map(|axis| (place, axis)),
        );
    }
    axes
}

fn is_named_length(dim: &Dim) -> bool {
    matches!(dim, Dim::Symbol(symbol) if is_length(symbol))
}

/// True for a free axis of the past that counts tokens.
pub(super) fn is_past(dims: &[Dim], axis: usize) -> bool {
    // Batch, heads, places, numbers a head; more in front where layers are stacked.
    let in_front = matches!(dims[axis], Dim::Unknown) && axis + 2 != dims.len();
    !in_front && !super::is_batch(&dims[axis], axis) && counts_past(&dims[axis])
}

/// How many tokens are fed, and how many the past holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    /// All tokens that the model attends to.
    pub total: u64,
    /// Those that are fed.
    pub fed: u64,
}

impl Lengths {
    /// The tokens of the past.
    pub(super) fn past(self) -> u64 {
        self.total.saturating_sub(self.fed)
    }
}

/// A size for each axis of each input where one is usual for its role; `None` elsewhere.
pub(super) fn usual(inputs: &[Known<'_>], task: Task, lengths: Lengths) -> Vec<Vec<Option<u64>>> {
    let sound = sound_length(inputs);
    inputs
        .iter()
        .map(|input| {
            let dims = input.spec.dims.as_deref().unwrap_or_default();
            let usual = |axis: usize| of_axis(input, dims, axis, task, lengths, sound);
            (0..dims.len()).map(usual).collect()
        })
        .collect()
}

/// How long the sound is that goes with masks and lengths.
fn sound_length(inputs: &[Known<'_>]) -> u64 {
    inputs
        .iter()
        .find_map(|input| match input.role {
            Role::Waveform => Some(match input.spec.dims.as_deref().and_then(<[Dim]>::last) {
                Some(Dim::Fixed(length)) => *length,
                _ => USUAL_SAMPLES,
            }),
            Role::Spectrogram => Some(USUAL_WINDOWS),
            _ => None,
        })
        .unwrap_or(USUAL_SAMPLES)
}

fn of_axis(input: &Known<'_>, dims: &[Dim], axis: usize, task: Task, lengths: Lengths, sound: u64) -> Option<u64> {
    let last = axis + 1 == dims.len();
    let width = Some(input.found.width).filter(|width| *width > 0);
    match input.role {
        Role::ImageChannelsFirst => Some(match (dims.len(), axis) {
            (3, 0) | (4.., 1) => width.unwrap_or(3),
            (5.., 2) => USUAL_FRAMES,
            _ => side(dims, axis),
        }),
        Role::ImageChannelsLast if last => Some(width.unwrap_or(3)),
        Role::ImageChannelsLast if dims.len() > 4 && axis == 1 => Some(USUAL_FRAMES),
        Role::ImageChannelsLast => Some(side(dims, axis)),
        Role::TokenIds | Role::TokenTypes | Role::Positions if last => Some(lengths.fed),
        Role::Mask | Role::ZeroMask => match task {
            Task::Vision => (axis > 0).then_some(USUAL_SIDE),
            Task::Audio => last.then_some(sound),
            _ if last => Some(lengths.total),
            // Between batch and queries stand heads, for which one mask serves all.
            _ if axis + 2 == dims.len() => Some(lengths.fed),
            _ => Some(1),
        },
        Role::Past if is_past(dims, axis) => Some(match &dims[axis] {
            Dim::Symbol(symbol) if symbol.contains("encoder") && !symbol.contains("decoder") => lengths.total,
            _ => lengths.past(),
        }),
        Role::Waveform if last => Some(USUAL_SAMPLES),
        Role::Waveform => Some(width.unwrap_or(1)),
        Role::Spectrogram => Some(spectrogram(dims, axis, width)),
        Role::Length | Role::UseCache | Role::SampleRate => Some(1),
        Role::Features | Role::CategoryIds | Role::State if is_named_length(&dims[axis]) && task == Task::Nlp => {
            Some(lengths.total)
        }
        Role::Features if last => width,
        _ => None,
    }
}

/// A side of a picture: like its other side where that is fixed.
fn side(dims: &[Dim], axis: usize) -> u64 {
    let sides = dims
        .iter()
        .enumerate()
        .filter(|(other, _)| *other > 0 && other.abs_diff(axis) == 1);
    sides
        .filter_map(|(_, dim)| match dim {
            Dim::Fixed(size) if *size > 4 => Some(*size),
            _ => None,
        })
        .next()
        .unwrap_or(USUAL_SIDE)
}

/// An axis of a spectrogram: bands stand where the graph or a fixed size says, else second; time is the other.
fn spectrogram(dims: &[Dim], axis: usize, width: Option<u64>) -> u64 {
    let last = dims.len().saturating_sub(1);
    let is_fixed = |axis: usize| matches!(dims.get(axis), Some(Dim::Fixed(_)));
    if axis + 1 < last {
        return 1;
    }
    let bands_last = is_fixed(last) && !is_fixed(last.saturating_sub(1));
    let is_bands = if bands_last { axis == last } else { axis != last };
    if is_bands {
        width.unwrap_or(USUAL_BANDS)
    } else {
        USUAL_WINDOWS
    }
}

/// Sizes of dimensions with names that are sums: `past_sequence_length + 1`. `None` where a part is not known.
pub(super) fn sum(symbol: &str, sizes: &BTreeMap<&str, u64>) -> Option<u64> {
    if !symbol.contains('+') {
        return None;
    }
    symbol
        .split('+')
        .map(str::trim)
        .map(|part| part.parse().ok().or_else(|| sizes.get(part).copied()))
        .try_fold(0_u64, |sum, part| sum.checked_add(part?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_names_are_added_up() {
        let sizes = BTreeMap::from([("past", 15), ("seq", 1)]);
        assert_eq!(sum("past + seq", &sizes), Some(16));
        assert_eq!(sum("past + 2", &sizes), Some(17));
        assert_eq!(sum("past + other", &sizes), None);
        assert_eq!(sum("past", &sizes), None);
    }

    #[test]
    fn bands_stand_where_the_size_is_fixed() {
        let dims = [Dim::Unknown, Dim::Unknown, Dim::Fixed(40)];
        assert_eq!(spectrogram(&dims, 1, None), 100);
        let dims = [Dim::Unknown, Dim::Unknown, Dim::Unknown];
        assert_eq!(
            (spectrogram(&dims, 1, Some(64)), spectrogram(&dims, 2, None)),
            (64, 100)
        );
    }
}
