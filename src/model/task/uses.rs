//! What each input is, as far as the way from it to the first operators tells.

use super::landmark::Landmark;
use super::landmark::landmarks;
use super::mixing::Mixing;
use super::names::SOUND;
use super::names::word_of;
use super::shapes::Layout;
use super::shapes::is_like_bands;
use crate::model::onnx::flow::Flow;
use crate::model::onnx::flow::attribute;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;

/// Fewer samples than this are no recording: at 8 kHz, half a second.
const SHORTEST_RECORDING: u64 = 4000;
/// Front ends for sound shorten it at least this much; classifiers of sensors don't.
const FRONT_END_STRIDE: u64 = 32;
/// Kernels over raw sound are at least this long, or step at least [`RAW_STRIDE`].
const RAW_KERNEL: u64 = 16;
/// See [`RAW_KERNEL`].
const RAW_STRIDE: u64 = 4;
/// Words for lengths in samples, in names of dimensions.
const SAMPLES: &[&str] = &["samples", "num_samples", "audio", "wave", "waveform", "pcm"];

/// What an input is, and the evidence as a fragment of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) struct Use {
    /// What it is.
    pub kind: Kind,
    /// True where the evidence allows nothing else.
    pub sure: bool,
    /// The evidence.
    pub reason: String,
    /// Numbers a place: channels, features; 0 where that is not known.
    pub width: u64,
}

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Kind {
    /// A picture or several in a row.
    Image(Layout),
    /// Ids whose places are mixed.
    Tokens {
        /// Rows of the table.
        rows: u64,
    },
    /// Ids, each by itself.
    Category {
        /// Rows of the table.
        rows: u64,
    },
    /// Raw sound.
    Waveform,
    /// Rows of features.
    Rows,
    /// Something that is looked at in a way that several tasks share.
    Unclear,
    /// Nothing is known.
    Nothing,
}

impl Use {
    fn new(kind: Kind, sure: bool, width: u64, reason: String) -> Self {
        Self {
            kind,
            sure,
            reason,
            width,
        }
    }
}

/// What `spec` is in the graph.
pub(super) fn of(flow: &Flow<'_>, mixing: &Mixing<'_>, spec: &TensorSpec) -> Use {
    let found = landmarks(flow, &spec.name);
    let rank = spec.dims.as_ref().map_or(0, Vec::len);
    let name = shown(&spec.name);
    let over = |op: &str| format!("`{op}` over the {rank}-dimensional input {name}");
    for (op, landmark) in &found {
        let looked = match landmark {
            Landmark::Convolution {
                space,
                channels,
                kernel,
                stride,
            } if *space > 1 => picture(flow, spec, *space, *channels, &over(op))
                .or_else(|| (*kernel > 0 && *stride > 0).then(|| Use::new(Kind::Unclear, false, *channels, over(op)))),
            Landmark::Convolution {
                channels,
                kernel,
                stride,
                ..
            } => Some(signal(mixing, spec, *channels, (*kernel, *stride), &over(op))),
            Landmark::Embedding { rows, .. } if !spec.element.is_float() => Some(ids(mixing, spec, *rows, op)),
            Landmark::Spectrum => Some(Use::new(Kind::Waveform, true, 0, over(op))),
            Landmark::Classical => Some(Use::new(Kind::Rows, true, 0, over(op))),
            Landmark::Embedding { .. } | Landmark::Dense { .. } | Landmark::Recurrence => None,
        };
        if let Some(looked) = looked {
            return looked;
        }
    }
    found
        .iter()
        .find_map(|(op, landmark)| flat(mixing, spec, op, landmark))
        .unwrap_or_else(|| Use::new(Kind::Nothing, false, 0, String::new()))
}

/// An input that is convolved over two or three dimensions; `None` where it can be no picture.
fn picture(flow: &Flow<'_>, spec: &TensorSpec, space: usize, channels: u64, over: &str) -> Option<Use> {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let colours = matches!(channels, 1 | 3 | 4);
    let layout = layout(flow, spec, channels);
    let sides: Vec<&Dim> = match layout {
        Layout::ChannelsFirst => dims.iter().skip(dims.len().saturating_sub(space)).collect(),
        Layout::ChannelsLast => dims.iter().skip(1).take(space).collect(),
    };
    if word_of(&spec.name, SOUND).is_some() {
        return None;
    }
    if dims.len() == space + 2 || dims.is_empty() {
        if sides.iter().any(|side| matches!(side, Dim::Fixed(0..4))) {
            let reason = format!("{over}, which has a side of hardly any length: a signal in the shape of a picture");
            return Some(Use::new(Kind::Unclear, false, channels, reason));
        }
        if channels == 1 && is_like_bands(&sides) {
            let reason = format!("{over}, whose sides could be those of a spectrogram as well as of a picture");
            return Some(Use::new(Kind::Unclear, false, channels, reason));
        }
        return Some(Use::new(Kind::Image(layout), colours, channels, over.to_owned()));
    }
    // A single picture without a batch; frames of bands that gain a channel on the way look alike but for the first size.
    let single = dims.len() == space + 1 && matches!(dims.first(), Some(Dim::Fixed(1 | 3 | 4)));
    (single && colours).then(|| Use::new(Kind::Image(Layout::ChannelsFirst), false, channels, over.to_owned()))
}

/// Where the channels stand: where the size fits, else as the first transposition says.
pub(super) fn layout(flow: &Flow<'_>, spec: &TensorSpec, channels: u64) -> Layout {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let fits = |dim: Option<&Dim>| dim == Some(&Dim::Fixed(channels));
    let turned = flow.consumers(&spec.name).iter().any(|(node, _)| {
        node.op_type() == "Transpose"
            && attribute(node, "perm").is_some_and(|perm| perm.ints.get(1).is_some_and(|axis| *axis == 3 || *axis == 4))
    });
    match (fits(dims.get(1)), fits(dims.last())) {
        (true, false) => Layout::ChannelsFirst,
        (false, true) => Layout::ChannelsLast,
        _ if turned => Layout::ChannelsLast,
        _ => Layout::ChannelsFirst,
    }
}

/// An input that is convolved along one dimension.
fn signal(mixing: &Mixing<'_>, spec: &TensorSpec, channels: u64, window: (u64, u64), over: &str) -> Use {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let last = dims.last();
    let raw_shape = match dims {
        [_, _] | [_] => true,
        [_, middle, _] => matches!(middle, Dim::Fixed(1 | 2)) || channels <= 2,
        _ => false,
    };
    let named = match last {
        Some(Dim::Symbol(symbol)) => word_of(symbol, SAMPLES).is_some(),
        _ => false,
    };
    let long = match last {
        Some(Dim::Fixed(length)) => *length >= SHORTEST_RECORDING,
        Some(Dim::Symbol(_) | Dim::Unknown) | None => true,
    };
    let shortened = mixing.stride >= FRONT_END_STRIDE;
    let raw_window = window.0 >= RAW_KERNEL || window.1 >= RAW_STRIDE;
    let said = named || word_of(&spec.name, SOUND).is_some();
    if (1..=2).contains(&channels) && raw_shape && long && (shortened || raw_window || said) {
        let sure = (shortened && raw_window) || (said && (shortened || raw_window));
        let reason = if mixing.stride > 1 {
            format!("{over}, one value after the other, shortened {} times", mixing.stride)
        } else {
            format!("{over}, one value after the other")
        };
        return Use::new(Kind::Waveform, sure, channels, reason);
    }
    let reason = format!("{over} along one dimension: sound, text, sensors or any other series");
    Use::new(Kind::Unclear, false, channels, reason)
}

/// An input of ids.
fn ids(mixing: &Mixing<'_>, spec: &TensorSpec, rows: u64, op: &str) -> Use {
    let name = shown(&spec.name);
    let is_sequence = match spec.dims.as_deref() {
        Some([_, .., Dim::Fixed(0 | 1)]) => false,
        Some([_, _, ..]) => true,
        Some([Dim::Symbol(symbol)]) => is_length(symbol),
        Some(_) => false,
        None => true,
    };
    match mixing.of_sequence() {
        Some(mixer) if is_sequence => {
            let reason = format!(
                "`{op}` looks the ids of {name} up in a table of {rows} rows, and `{mixer}` mixes their places"
            );
            Use::new(Kind::Tokens { rows }, true, 0, reason)
        }
        _ => {
            let reason = format!("`{op}` looks {name} up in a table of {rows} rows, and nothing mixes places");
            Use::new(Kind::Category { rows }, true, 0, reason)
        }
    }
}

/// True for names of dimensions that count tokens.
pub(in crate::model) fn is_length(symbol: &str) -> bool {
    let symbol = symbol.to_ascii_lowercase();
    ["seq", "len", "token"].iter().any(|word| symbol.contains(word))
}

/// An input that goes into layers that know no places, or into recurrent ones.
fn flat(mixing: &Mixing<'_>, spec: &TensorSpec, op: &str, landmark: &Landmark) -> Option<Use> {
    let name = shown(&spec.name);
    let dims = spec.dims.as_deref().unwrap_or_default();
    if let Some(layout) = super::shapes::image_layout(dims)
        && word_of(&spec.name, SOUND).is_none()
    {
        let reason = format!("the input {name} has the shape of an image and feeds `{op}`");
        return Some(Use::new(Kind::Image(layout), false, 0, reason));
    }
    match landmark {
        Landmark::Dense { features } if dims.len() <= 2 => {
            let plain = mixing.of_sequence().is_none() && !mixing.convolution;
            let reason = if plain {
                format!("`{op}` over rows of the input {name}, and no layer that mixes places")
            } else {
                format!("`{op}` over rows of the input {name}, in a model with other kinds of layers")
            };
            let kind = if plain { Kind::Rows } else { Kind::Unclear };
            Some(Use::new(kind, plain && spec.element.is_float(), *features, reason))
        }
        Landmark::Dense { features } => {
            let reason = format!(
                "`{op}` over the {}-dimensional input {name}: features of any kind",
                dims.len()
            );
            Some(Use::new(Kind::Unclear, false, *features, reason))
        }
        Landmark::Recurrence => {
            let reason = format!("`{op}` over the input {name}: sound, sensors or any other series");
            Some(Use::new(Kind::Unclear, false, 0, reason))
        }
        _ => None,
    }
}
