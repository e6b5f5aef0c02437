//! The second tier: words in the names of inputs, where type and rank allow what they say.

use super::types::Confidence;
use super::types::Detected;
use super::types::Tier;
use crate::config::Task;
use crate::model::onnx::shown::shown;
use crate::model::tensor::TensorSpec;

/// Words of text models; an input needs whole numbers.
const TEXT: &[&str] = &[
    "token",
    "tokens",
    "input_ids",
    "token_ids",
    "input_mask",
    "attention_mask",
    "segment_ids",
    "token_type_ids",
];
/// Words of audio models; an input needs numbers in one to four dimensions.
pub(in crate::model) const SOUND: &[&str] = &[
    "audio",
    "fbank",
    "filterbank",
    "input_features",
    "logmel",
    "mel",
    "melspec",
    "melspectrogram",
    "mels",
    "mfcc",
    "pcm",
    "speech",
    "spectrogram",
    "stft",
    "wav",
    "waveform",
    "waveforms",
];
/// Words of vision models; an input needs three to five dimensions.
const SIGHT: &[&str] = &[
    "frame",
    "frames",
    "image",
    "images",
    "img",
    "imgs",
    "photo",
    "picture",
    "pixel_values",
    "pixels",
    "rgb",
    "bgr",
    "video",
];

/// The lower-case words of a name, joined and framed by underscores, so that `_word_` finds whole words only: `pixelValues:0` is
/// `_pixel_values_0_`.
pub(in crate::model) fn words(name: &str) -> String {
    let mut words = String::from("_");
    let mut before = '_';
    for character in name.chars() {
        if !character.is_alphanumeric() {
            if !words.ends_with('_') {
                words.push('_');
            }
        } else {
            if character.is_uppercase() && before.is_lowercase() {
                words.push('_');
            }
            words.extend(character.to_lowercase());
        }
        before = character;
    }
    if !words.ends_with('_') {
        words.push('_');
    }
    words
}

/// The first of `known` that stands in `name` as whole words.
pub(in crate::model) fn word_of(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let words = words(name);
    known.iter().copied().find(|word| words.contains(&format!("_{word}_")))
}

/// The task that one input's name speaks for, and the word that says so.
pub(super) fn vote(spec: &TensorSpec) -> Option<(Task, &'static str)> {
    let rank = spec.dims.as_ref().map(Vec::len);
    let of_rank = |ranks: std::ops::RangeInclusive<usize>| rank.is_none_or(|rank| ranks.contains(&rank));
    let numeric = spec.element.size().is_some();
    let float = spec.element.is_float();
    if numeric
        && !float
        && of_rank(1..=3)
        && let Some(word) = word_of(&spec.name, TEXT)
    {
        return Some((Task::Nlp, word));
    }
    if numeric
        && of_rank(1..=4)
        && let Some(word) = word_of(&spec.name, SOUND)
    {
        return Some((Task::Audio, word));
    }
    if numeric
        && of_rank(3..=5)
        && let Some(word) = word_of(&spec.name, SIGHT)
    {
        return Some((Task::Vision, word));
    }
    None
}

/// What the names of the inputs say, where they agree.
pub(super) fn judge(specs: &[TensorSpec]) -> Option<Detected> {
    let votes: Vec<(Task, &str, &TensorSpec)> = specs
        .iter()
        .filter_map(|spec| vote(spec).map(|(task, word)| (task, word, spec)))
        .collect();
    let (task, word, spec) = *votes.first()?;
    // Sounds and images that are described or asked about in words are still sounds and images.
    let (task, word, spec) = votes
        .iter()
        .copied()
        .find(|(task, ..)| *task != Task::Nlp)
        .unwrap_or((task, word, spec));
    if votes.iter().any(|(other, ..)| *other != task && *other != Task::Nlp) {
        return None;
    }
    Some(Detected {
        task,
        confidence: Confidence::Medium,
        tier: Tier::Names,
        reason: format!("input {} is named after `{word}`", shown(&spec.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::Dim;
    use crate::model::tensor::ElementType;

    fn said(name: &str, element: ElementType, rank: usize) -> Option<Task> {
        let spec = TensorSpec {
            name: name.to_owned(),
            element,
            dims: Some(vec![Dim::Unknown; rank]),
        };
        judge(&[spec]).map(|found| found.task)
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("pixelValues:0"), "_pixel_values_0_");
        assert_eq!(words("serving_default/input_ids"), "_serving_default_input_ids_");
        assert_eq!(word_of("melt_rate", SOUND), None);
        assert_eq!(word_of("dataframe", SIGHT), None);
    }

    #[test]
    fn names_need_a_type_that_fits() {
        use ElementType::Float;
        use ElementType::Int64;
        assert_eq!(said("input_ids", Int64, 2), Some(Task::Nlp));
        assert_eq!(said("input_ids", Float, 2), None);
        assert_eq!(said("pixel_values", Float, 4), Some(Task::Vision));
        assert_eq!(said("image_embeddings", Float, 2), None);
        assert_eq!(said("log_mel", Float, 3), Some(Task::Audio));
        assert_eq!(said("user_id", Int64, 2), None);
    }
}
