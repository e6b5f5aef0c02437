//! What each input of a model is for.

use serde::Deserialize;
use serde::Serialize;

use crate::config::Task;
use crate::model::task::names::SOUND;
use crate::model::task::names::word_of;
use crate::model::task::names::words;
use crate::model::task::shapes::Layout;
use crate::model::task::shapes::image_layout;
use crate::model::task::uses::Kind;
use crate::model::task::uses::Use;
use crate::model::task::uses::is_length;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::TensorSpec;

/// What an input is for, which decides its free dimensions and its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pictures, channels before height and width: evenly in [0, 1), or bytes.
    ImageChannelsFirst,
    /// Pictures, channels last.
    ImageChannelsLast,
    /// Ids of tokens, below the rows of the table that they index; below 30 000 where no table is found.
    TokenIds,
    /// Ids of categories, below the rows of the table that they index.
    CategoryIds,
    /// Which tokens, samples or pixels count: ones, all of them.
    Mask,
    /// Which tokens are hidden, or what is added to attention scores: zeros.
    ZeroMask,
    /// Which of two sentences a token belongs to: zeros, the first.
    TokenTypes,
    /// Where each token stands: counted up, after those of the past.
    Positions,
    /// Keys and values of the tokens before: noise.
    Past,
    /// Whether the past is used: yes.
    UseCache,
    /// What a recurrent model remembers: zeros, nothing yet.
    State,
    /// Sound: evenly in [−1, 1).
    Waveform,
    /// Logarithms of energies by frequency and time: noise around −5 with deviation 3.
    Spectrogram,
    /// Samples of sound in a second: 16 000.
    SampleRate,
    /// How long the sequence or the sound beside it is.
    Length,
    /// Height and width of the picture beside it.
    ImageSize,
    /// Numbers without a known meaning: noise around 0 with deviation 1, whole numbers below 100, bits at random.
    Features,
    /// Nobody knows: zeros.
    Zeros,
}

impl Role {
    /// The words in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::ImageChannelsFirst => "image (NCHW)",
            Self::ImageChannelsLast => "image (NHWC)",
            Self::TokenIds => "token ids",
            Self::CategoryIds => "category ids",
            Self::Mask => "mask of ones",
            Self::ZeroMask => "mask of zeros",
            Self::TokenTypes => "token types",
            Self::Positions => "positions",
            Self::Past => "past keys and values",
            Self::UseCache => "cache switch",
            Self::State => "state",
            Self::Waveform => "waveform",
            Self::Spectrogram => "log-mel spectrogram",
            Self::SampleRate => "sample rate",
            Self::Length => "length",
            Self::ImageSize => "image size",
            Self::Features => "features",
            Self::Zeros => "zeros",
        }
    }
}

/// Words of inputs that hold raw sound.
const RAW_SOUND: &[&str] = &["audio", "pcm", "speech", "wav", "waveform", "waveforms", "input_values"];
/// Words of inputs that hold a recurrent layer's memory.
const STATE: &[&str] = &[
    "state",
    "h",
    "c",
    "h0",
    "c0",
    "h_0",
    "c_0",
    "hx",
    "cx",
    "hidden_state",
    "initial_h",
    "initial_c",
];
/// Words of inputs that say how long another one is.
const LENGTH: &[&str] = &["length", "lengths", "len", "lens", "num_frames", "num_samples"];
/// Words of inputs that say how many samples a second has.
const SAMPLE_RATE: &[&str] = &["sr", "sample_rate", "sampling_rate"];
/// Words of inputs that say how large a picture is.
const IMAGE_SIZE: &[&str] = &["size", "sizes", "shape", "im_shape", "image_shape"];
/// Words of inputs that hold tokens.
const TOKENS: &[&str] = &["ids", "tokens", "token", "input", "inputs"];

/// What the input `spec` is for in a model of `task`, given what the graph does with it.
pub(super) fn role(spec: &TensorSpec, found: &Use, task: Task) -> Role {
    if task == Task::Unknown {
        return Role::Zeros;
    }
    if spec.element.is_float() {
        of_floats(spec, found, task)
    } else {
        of_integers(spec, found, task)
    }
}

fn of_integers(spec: &TensorSpec, found: &Use, task: Task) -> Role {
    let name = words(&spec.name);
    let has = |word: &str| name.contains(&format!("_{word}_"));
    let dims = spec.dims.as_deref().unwrap_or_default();
    let single = dims.len() <= 1 || (dims.len() == 2 && dims[1] == Dim::Fixed(1));
    if has("use_cache") {
        Role::UseCache
    } else if let Some(mask) = mask(spec, &name) {
        mask
    } else if has("token_type") || has("token_type_ids") || has("segment") || has("segment_ids") {
        Role::TokenTypes
    } else if has("position") || has("positions") || has("position_ids") {
        Role::Positions
    } else if let Some(role) = scalar(spec, single) {
        role
    } else {
        match found.kind {
            Kind::Image(layout) => image(layout),
            Kind::Tokens { .. } => Role::TokenIds,
            Kind::Category { .. } if task == Task::Nlp => Role::TokenIds,
            Kind::Category { .. } => Role::CategoryIds,
            Kind::Waveform => Role::Waveform,
            _ => match (task, spec.element) {
                (Task::Vision, ElementType::UInt8) if dims.len() >= 3 => {
                    image(image_layout(dims).unwrap_or(Layout::ChannelsFirst))
                }
                (_, ElementType::Bool) => Role::Features,
                (Task::Nlp, _) if dims.len() == 2 || word_of(&spec.name, TOKENS).is_some() => Role::TokenIds,
                (Task::Audio, ElementType::Int16) => Role::Waveform,
                _ => Role::Features,
            },
        }
    }
}

fn of_floats(spec: &TensorSpec, found: &Use, task: Task) -> Role {
    let name = words(&spec.name);
    let has = |word: &str| name.contains(&format!("_{word}_"));
    let dims = spec.dims.as_deref().unwrap_or_default();
    if has("past") || has("cache") || has("past_key_values") {
        return Role::Past;
    }
    if let Some(mask) = mask(spec, &name) {
        return mask;
    }
    if let Some(role) = scalar(spec, dims.len() <= 1) {
        return role;
    }
    if !has("encoder") && word_of(&spec.name, STATE).is_some() {
        return Role::State;
    }
    match found.kind {
        // A person who says that it is sound knows that the picture is one of it.
        Kind::Image(_) if task == Task::Audio => Role::Spectrogram,
        Kind::Image(layout) => image(layout),
        Kind::Waveform => Role::Waveform,
        Kind::Rows => Role::Features,
        Kind::Tokens { .. } | Kind::Category { .. } | Kind::Unclear | Kind::Nothing => match task {
            Task::Vision if dims.len() >= 4 => image(image_layout(dims).unwrap_or(Layout::ChannelsFirst)),
            Task::Vision if dims.is_empty() && spec.dims.is_none() => Role::ImageChannelsFirst,
            Task::Audio if word_of(&spec.name, RAW_SOUND).is_some() => Role::Waveform,
            Task::Audio if word_of(&spec.name, SOUND).is_some() => Role::Spectrogram,
            Task::Audio if dims.len() == 2 || matches!(dims, [_, Dim::Fixed(1), _]) => Role::Waveform,
            Task::Audio if dims.len() >= 3 => Role::Spectrogram,
            _ => Role::Features,
        },
    }
}

fn image(layout: Layout) -> Role {
    match layout {
        Layout::ChannelsFirst => Role::ImageChannelsFirst,
        Layout::ChannelsLast => Role::ImageChannelsLast,
    }
}

/// A mask by its name: ones where ones mean "counts", zeros where they mean "is hidden" or are added to scores.
fn mask(spec: &TensorSpec, name: &str) -> Option<Role> {
    let has = |word: &str| name.contains(&format!("_{word}_"));
    if has("attention_bias") || has("attn_bias") || has("masked") || has("key_padding_mask") {
        return Some(Role::ZeroMask);
    }
    if !has("mask") && !has("masks") {
        return None;
    }
    let rank = spec.dims.as_ref().map_or(0, Vec::len);
    Some(if spec.element.is_float() && rank == 4 {
        Role::ZeroMask
    } else {
        Role::Mask
    })
}

/// Numbers about the other inputs.
fn scalar(spec: &TensorSpec, single: bool) -> Option<Role> {
    let pair = matches!(spec.dims.as_deref(), Some([Dim::Fixed(2)] | [_, Dim::Fixed(2)]));
    if single && word_of(&spec.name, SAMPLE_RATE).is_some() {
        Some(Role::SampleRate)
    } else if single && !spec.element.is_float() && word_of(&spec.name, LENGTH).is_some() {
        Some(Role::Length)
    } else if pair && word_of(&spec.name, IMAGE_SIZE).is_some() {
        Some(Role::ImageSize)
    } else {
        None
    }
}

/// True where a free dimension of the past counts tokens, and not heads or numbers a head.
pub(super) fn counts_past(dim: &Dim) -> bool {
    match dim {
        Dim::Fixed(_) => false,
        Dim::Unknown => true,
        Dim::Symbol(symbol) => {
            let lower = symbol.to_ascii_lowercase();
            is_length(symbol) || lower.contains("past") || lower.contains("cache")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, element: ElementType, dims: &[i64]) -> TensorSpec {
        TensorSpec {
            name: name.to_owned(),
            element,
            dims: Some(
                dims.iter()
                    .map(|size| u64::try_from(*size).map_or(Dim::Unknown, Dim::Fixed))
                    .collect(),
            ),
        }
    }

    fn nothing() -> Use {
        Use {
            kind: Kind::Nothing,
            sure: false,
            reason: String::new(),
            width: 0,
        }
    }

    fn said(name: &str, element: ElementType, dims: &[i64], task: Task) -> Role {
        role(&spec(name, element, dims), &nothing(), task)
    }

    #[test]
    fn names_of_language_models_are_known() {
        use ElementType::Bool;
        use ElementType::Float;
        use ElementType::Int64;
        let text = |name: &str, element, dims: &[i64]| said(name, element, dims, Task::Nlp);
        assert_eq!(text("input_ids", Int64, &[-1, -1]), Role::TokenIds);
        assert_eq!(text("decoder_input_ids", Int64, &[-1, -1]), Role::TokenIds);
        assert_eq!(text("attention_mask", Int64, &[-1, -1]), Role::Mask);
        assert_eq!(text("encoder_attention_mask", Float, &[-1, -1]), Role::Mask);
        assert_eq!(text("attention_mask", Float, &[-1, 1, -1, -1]), Role::ZeroMask);
        assert_eq!(text("src_key_padding_mask", Bool, &[-1, -1]), Role::ZeroMask);
        assert_eq!(text("token_type_ids", Int64, &[-1, -1]), Role::TokenTypes);
        assert_eq!(text("position_ids", Int64, &[-1, -1]), Role::Positions);
        assert_eq!(text("past_key_values.0.key", Float, &[-1, 4, -1, 64]), Role::Past);
        assert_eq!(text("use_cache_branch", Bool, &[1]), Role::UseCache);
        assert_eq!(text("encoder_hidden_states", Float, &[-1, -1, 512]), Role::Features);
        assert_eq!(text("text_lengths", Int64, &[-1]), Role::Length);
    }

    #[test]
    fn a_task_decides_where_the_graph_does_not() {
        use ElementType::Float;
        use ElementType::Int64;
        assert_eq!(
            said("x", Float, &[-1, 3, -1, -1], Task::Vision),
            Role::ImageChannelsFirst
        );
        assert_eq!(
            said("x", Float, &[-1, 64, 64, 3], Task::Vision),
            Role::ImageChannelsLast
        );
        assert_eq!(said("x", Float, &[-1, -1], Task::Audio), Role::Waveform);
        assert_eq!(said("x", Float, &[-1, 80, -1], Task::Audio), Role::Spectrogram);
        assert_eq!(
            said("input_features", Float, &[-1, 80, 3000], Task::Audio),
            Role::Spectrogram
        );
        assert_eq!(said("sr", Int64, &[], Task::Audio), Role::SampleRate);
        assert_eq!(said("state", Float, &[2, -1, 128], Task::Audio), Role::State);
        assert_eq!(
            said("orig_target_sizes", Int64, &[-1, 2], Task::Vision),
            Role::ImageSize
        );
        assert_eq!(said("x", Float, &[-1, 30], Task::Tabular), Role::Features);
        assert_eq!(said("attention_mask", Int64, &[-1, 30], Task::Unknown), Role::Zeros);
    }
}
