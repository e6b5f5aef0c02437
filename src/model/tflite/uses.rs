//! What each input is, as far as the way from it to the first operators tells.

use crate::model::onnx::shown::shown;
use crate::model::task::names::SOUND;
use crate::model::task::names::word_of;
use crate::model::task::shapes::Layout;
use crate::model::task::shapes::is_like_bands;
use crate::model::task::uses::Kind;
use crate::model::task::uses::Use;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;

/// The way from an input is followed over so many operators.
const LONGEST_WAY: usize = 24;
/// Fewer samples than this are no recording: at 8 kHz, half a second.
const SHORTEST_RECORDING: u64 = 4000;
/// A side of hardly any length is no picture's.
const SHORTEST_SIDE: u64 = 4;

/// What each input is, in the order of the model's inputs.
pub(in crate::model) fn uses(model: &Model) -> Vec<Use> {
    model.inputs().iter().map(|spec| of(model, spec)).collect()
}

/// True where boxes are chosen among many.
pub(in crate::model) fn detects(model: &Model) -> bool {
    let chooses = |operator: &Operator| match model.operator(operator) {
        BuiltinOperator::NON_MAX_SUPPRESSION_V4 | BuiltinOperator::NON_MAX_SUPPRESSION_V5 => true,
        BuiltinOperator::CUSTOM => model.operator_name(operator).ends_with("TFLite_Detection_PostProcess"),
        _ => false,
    };
    model.entry().operators().iter().any(chooses)
}

fn of(model: &Model, spec: &TensorSpec) -> Use {
    let graph = model.entry();
    let mut ways: Vec<usize> = graph
        .tensors()
        .iter()
        .position(|tensor| tensor.name() == spec.name)
        .into_iter()
        .collect();
    let mut is_turned = false;
    let mut next = 0;
    while let Some(tensor) = ways.get(next).copied() {
        next += 1;
        for operator in graph.operators() {
            let Some(place) = operator
                .inputs()
                .iter()
                .position(|input| usize::try_from(*input) == Ok(tensor))
            else {
                continue;
            };
            if let Some(found) = landmark(model, operator, place, spec, is_turned) {
                return found;
            }
            let goes_on = matches!(
                model.operator(operator),
                BuiltinOperator::QUANTIZE
                    | BuiltinOperator::DEQUANTIZE
                    | BuiltinOperator::CAST
                    | BuiltinOperator::RESHAPE
                    | BuiltinOperator::EXPAND_DIMS
                    | BuiltinOperator::SQUEEZE
                    | BuiltinOperator::TRANSPOSE
                    | BuiltinOperator::PAD
                    | BuiltinOperator::PADV2
                    | BuiltinOperator::MIRROR_PAD
                    | BuiltinOperator::ADD
                    | BuiltinOperator::SUB
                    | BuiltinOperator::MUL
                    | BuiltinOperator::DIV
                    | BuiltinOperator::RESIZE_BILINEAR
                    | BuiltinOperator::RESIZE_NEAREST_NEIGHBOR
            );
            if goes_on && ways.len() < LONGEST_WAY {
                is_turned |= model.operator(operator) == BuiltinOperator::TRANSPOSE;
                ways.extend(
                    operator
                        .outputs()
                        .first()
                        .and_then(|output| usize::try_from(*output).ok()),
                );
            }
        }
    }
    found(Kind::Nothing, false, 0, String::new())
}

fn found(kind: Kind, sure: bool, width: u64, reason: String) -> Use {
    Use {
        kind,
        sure,
        reason,
        width,
    }
}

/// What an operator that reads the input, or what became of it, makes of it.
fn landmark(model: &Model, operator: &Operator, place: usize, spec: &TensorSpec, is_turned: bool) -> Option<Use> {
    let graph = model.entry();
    let dims = spec.dims.as_deref().unwrap_or_default();
    let kind = model.operator(operator);
    let over = format!(
        "`{kind}` over the {}-dimensional input {}",
        dims.len(),
        shown(&spec.name)
    );
    match (kind, place) {
        (BuiltinOperator::CONV_2D | BuiltinOperator::DEPTHWISE_CONV_2D | BuiltinOperator::CONV_3D, 0) => {
            let filter = graph.read_by(operator, 1)?.shape();
            let depthwise = kind == BuiltinOperator::DEPTHWISE_CONV_2D;
            let channels = match kind {
                BuiltinOperator::CONV_3D => filter.get(3),
                _ => filter.last(),
            };
            let channels = u64::try_from(*channels?).ok()?;
            Some(convolved(spec, filter, channels, depthwise, is_turned, over))
        }
        (BuiltinOperator::GATHER, 1) | (BuiltinOperator::EMBEDDING_LOOKUP, 0) if !spec.element.is_float() => {
            let table = if kind == BuiltinOperator::GATHER { 0 } else { 1 };
            let table = graph.read_by(operator, table)?;
            model.constant(table)?;
            let rows = u64::try_from(*table.shape().first()?).ok()?;
            let is_sequence = matches!(dims, [_, .., last] if !matches!(last, Dim::Fixed(0 | 1)));
            let kind = if is_sequence {
                Kind::Tokens { rows }
            } else {
                Kind::Category { rows }
            };
            Some(found(kind, is_sequence && rows >= 1000, 0, over))
        }
        (BuiltinOperator::RFFT2D, 0) => Some(found(Kind::Waveform, true, 0, over)),
        (BuiltinOperator::FULLY_CONNECTED, 0) if dims.len() <= 2 && spec.element.is_float() => {
            let width = match dims.last() {
                Some(Dim::Fixed(size)) => *size,
                _ => 0,
            };
            Some(found(Kind::Rows, false, width, over))
        }
        _ => None,
    }
}

fn convolved(spec: &TensorSpec, filter: &[i32], channels: u64, depthwise: bool, is_turned: bool, over: String) -> Use {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let fits = |dim: Option<&Dim>| matches!(dim, Some(Dim::Fixed(1 | 3 | 4)));
    // A single channel needs no transposition to be last.
    let is_turned = is_turned || channels == 1;
    let layout = if is_turned && fits(dims.get(1)) && !fits(dims.last()) {
        Layout::ChannelsFirst
    } else {
        Layout::ChannelsLast
    };
    let sides: Vec<&Dim> = match layout {
        Layout::ChannelsFirst => dims.iter().skip(2).collect(),
        Layout::ChannelsLast => dims.iter().skip(1).take(dims.len().saturating_sub(2)).collect(),
    };
    let short = |side: &&Dim| matches!(side, Dim::Fixed(size) if *size < SHORTEST_SIDE);
    // A convolution along one dimension has a filter with a side of 1.
    let is_flat = !depthwise && matches!(filter, [_, 1, width, _] | [_, width, 1, _] if *width > 1);
    let named = word_of(&spec.name, SOUND).is_some();
    if dims.len() <= 3 || is_flat || sides.iter().any(short) {
        let long = dims
            .iter()
            .any(|dim| matches!(dim, Dim::Fixed(size) if *size >= SHORTEST_RECORDING));
        if long && (named || channels <= 2) {
            return found(
                Kind::Waveform,
                named,
                channels,
                format!("{over}, one value after the other"),
            );
        }
        let reason = format!("{over} along one dimension: sound, text, sensors or any other series");
        return found(Kind::Unclear, false, channels, reason);
    }
    let colours = fits(Some(&Dim::Fixed(channels)));
    if named || (channels == 1 && is_like_bands(&sides)) {
        let reason = format!("{over}, whose sides could be those of a spectrogram as well as of a picture");
        return found(Kind::Unclear, false, channels, reason);
    }
    found(Kind::Image(layout), colours, channels, over)
}
