//! The third tier: types and shapes of inputs alone.

use super::types::Confidence;
use super::types::Detected;
use super::types::Tier;
use crate::config::Task;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::TensorSpec;

/// Fewer samples than this are no recording: at 8 kHz, half a second.
const SHORTEST_RECORDING: u64 = 4000;

/// An image's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Layout {
    /// Channels before height and width.
    ChannelsFirst,
    /// Channels last.
    ChannelsLast,
}

/// How an image lies in `dims`: four dimensions, 1, 3 or 4 channels, and sides that could be a picture's.
pub(in crate::model) fn image_layout(dims: &[Dim]) -> Option<Layout> {
    let [_, one, two, three] = dims else { return None };
    let channels = |dim: &Dim| matches!(dim, Dim::Fixed(1 | 3 | 4));
    let side = |dim: &Dim| !matches!(dim, Dim::Fixed(0..4));
    // A strip whose one side is many times the other is a signal or a spectrogram, not a picture.
    let square_enough = |one: &Dim, two: &Dim| match (one, two) {
        (Dim::Fixed(one), Dim::Fixed(two)) => one.max(two) <= &(one.min(two) * 4),
        _ => true,
    };
    let bands = |channels: &Dim, sides: [&Dim; 2]| *channels == Dim::Fixed(1) && is_like_bands(&sides);
    if bands(one, [two, three]) || bands(three, [one, two]) {
        None
    } else if channels(one) && side(two) && side(three) && square_enough(two, three) {
        Some(Layout::ChannelsFirst)
    } else if channels(three) && side(one) && side(two) && square_enough(one, two) {
        Some(Layout::ChannelsLast)
    } else {
        None
    }
}

/// Numbers of bands that spectrograms usually have.
const BANDS: &[u64] = &[32, 40, 64, 80, 96, 128];

/// True for two unequal sides of which one is a usual number of bands: time by frequency as well as a picture.
pub(in crate::model) fn is_like_bands(sides: &[&Dim]) -> bool {
    let bands = |dim: &Dim| matches!(dim, Dim::Fixed(size) if BANDS.contains(size));
    match sides {
        [one, two] => one != two && (bands(one) || bands(two)),
        _ => false,
    }
}

/// What type and shape of the inputs allow, where it is one thing only.
pub(super) fn judge(specs: &[TensorSpec]) -> Option<Detected> {
    let votes: Vec<Option<(Task, &'static str)>> = specs.iter().map(vote).collect();
    let (first, spec) = votes
        .iter()
        .zip(specs)
        .find_map(|(vote, spec)| vote.map(|vote| (vote, spec)))?;
    if votes.iter().any(|vote| vote.is_none_or(|(task, _)| task != first.0)) {
        return None;
    }
    Some(Detected {
        task: first.0,
        confidence: Confidence::Low,
        tier: Tier::Shapes,
        reason: format!("input {} has {}", shown(&spec.name), first.1),
    })
}

/// What one input could be.
fn vote(spec: &TensorSpec) -> Option<(Task, &'static str)> {
    let dims = spec.dims.as_deref()?;
    let long = |dim: &Dim| matches!(dim, Dim::Fixed(size) if *size >= SHORTEST_RECORDING);
    let pixels = spec.element.is_float() || spec.element == ElementType::UInt8;
    match dims {
        _ if pixels && image_layout(dims).is_some() => Some((Task::Vision, "the shape of an image")),
        [_, length] if matches!(spec.element, ElementType::Int64 | ElementType::Int32) && *length != Dim::Fixed(1) => {
            Some((Task::Nlp, "rows of whole numbers"))
        }
        [_, length] | [_, Dim::Fixed(1), length] if spec.element.is_float() && long(length) => {
            Some((Task::Audio, "the length of a recording"))
        }
        [_, Dim::Fixed(_)] if spec.element.is_float() => Some((Task::Tabular, "rows of a fixed number of features")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(element: ElementType, dims: &[u64]) -> Option<Task> {
        let dims = dims
            .iter()
            .map(|size| if *size == 0 { Dim::Unknown } else { Dim::Fixed(*size) })
            .collect();
        let spec = TensorSpec {
            name: "x".to_owned(),
            element,
            dims: Some(dims),
        };
        judge(&[spec]).map(|found| found.task)
    }

    #[test]
    fn shapes_speak_for_what_only_they_can_be() {
        use ElementType::Float;
        use ElementType::Int64;
        assert_eq!(said(Float, &[0, 3, 224, 224]), Some(Task::Vision));
        assert_eq!(said(Float, &[0, 224, 224, 3]), Some(Task::Vision));
        assert_eq!(said(Float, &[1, 1, 8, 8]), Some(Task::Vision));
        assert_eq!(said(Float, &[1, 1, 1000, 40]), None);
        assert_eq!(said(Float, &[1, 3, 1, 500]), None);
        assert_eq!(said(Int64, &[0, 0]), Some(Task::Nlp));
        assert_eq!(said(Int64, &[0, 1]), None);
        assert_eq!(said(Float, &[1, 16_000]), Some(Task::Audio));
        assert_eq!(said(Float, &[0, 30]), Some(Task::Tabular));
        assert_eq!(said(Float, &[0, 0]), None);
        assert_eq!(said(Float, &[0, 6, 128]), None);
    }

    #[test]
    fn inputs_that_differ_say_nothing() {
        let spec = |name: &str, dims: &[u64]| TensorSpec {
            name: name.to_owned(),
            element: ElementType::Float,
            dims: Some(dims.iter().copied().map(Dim::Fixed).collect()),
        };
        assert_eq!(judge(&[spec("a", &[1, 3, 32, 32]), spec("b", &[1, 7])]), None);
        assert_eq!(judge(&[]), None);
    }
}
