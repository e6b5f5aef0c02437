//! ONNX Runtime's errors, sorted into kinds and put into words that fit one line.

use super::protocol::Failure;
use super::protocol::FailureKind;

/// Longer messages of the engine are cut.
const MAX_MESSAGE: usize = 1000;

/// What went wrong while building a session.
pub(super) fn loading<R>(error: &ort::Error<R>) -> Failure {
    let message = plain(error.message());
    let kind = if is_out_of_memory(&message) {
        FailureKind::Memory
    } else if is_unsupported(&message) || error.code() == ort::ErrorCode::NotImplemented {
        FailureKind::Unsupported
    } else {
        match error.code() {
            ort::ErrorCode::InvalidProtobuf
            | ort::ErrorCode::InvalidGraph
            | ort::ErrorCode::NoModel
            | ort::ErrorCode::InvalidArgument
            | ort::ErrorCode::GenericFailure => FailureKind::Model,
            _ => FailureKind::Engine,
        }
    };
    Failure { kind, message }
}

/// What went wrong while running.
pub(super) fn running<R>(error: &ort::Error<R>) -> Failure {
    let message = plain(error.message());
    let kind = if is_out_of_memory(&message) {
        FailureKind::Memory
    } else if error.code() == ort::ErrorCode::NotImplemented {
        FailureKind::Unsupported
    } else if error.code() == ort::ErrorCode::InvalidArgument {
        FailureKind::Input
    } else {
        FailureKind::Engine
    };
    Failure { kind, message }
}

fn is_out_of_memory(message: &str) -> bool {
    [
        "bad_alloc",
        "bad allocation",
        "Failed to allocate memory",
        "Out of memory",
        "out of memory",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

fn is_unsupported(message: &str) -> bool {
    [
        "is not a registered function/op",
        "is under development and support for this is limited",
        "Unsupported model IR version",
        "Could not find an implementation for",
        "No Op registered for",
        "No opset import for domain",
        "Current official support for domain",
        "not supported opset",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

/// What the engine says around the path of a file that it could not load.
const LOADING: &str = "Load model from ";
const FAILED: &str = " failed:";

/// The engine's words without the model's path, its source paths and C++ signatures, on one line, cut to [`MAX_MESSAGE`].
pub(super) fn plain(message: &str) -> String {
    let mut words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((_, reason)) = words.strip_prefix(LOADING).and_then(|rest| rest.split_once(FAILED)) {
        words = reason.to_owned();
    }
    while let Some(start) = words.find("/onnxruntime") {
        // `/onnxruntime_src/…/graph.cc:42 void onnxruntime::Graph::F(const X&) [with T = Y] what it says`
        let Some(open) = words[start..].find('(').map(|at| start + at) else {
            break;
        };
        let mut depth = 0_i32;
        let close = words[open..].char_indices().find(|(_, character)| {
            depth += i32::from(*character == '(') - i32::from(*character == ')');
            depth == 0
        });
        let Some((close, _)) = close else { break };
        let mut rest = words[open + close + 1..].trim_start();
        rest = rest.strip_prefix("const ").unwrap_or(rest);
        if rest.starts_with('[') {
            rest = rest.split_once("] ").map_or(rest, |(_, rest)| rest);
        }
        words = format!("{}{rest}", &words[..start]);
    }
    if let Some((cut, _)) = words.char_indices().nth(MAX_MESSAGE) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_paths_and_signatures_are_left_out() {
        let message = "Load model failed:/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:56 \
            void onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::basic_string<char>, int>&, \
            const logging::Logger&, bool, const string&, int) ONNX Runtime only *guarantees* support.";
        assert_eq!(
            plain(message),
            "Load model failed:ONNX Runtime only *guarantees* support."
        );
        assert_eq!(plain("two\n  lines"), "two lines");
        assert_eq!(
            plain("at /onnxruntime without a signature"),
            "at /onnxruntime without a signature"
        );
        assert_eq!(plain("/onnxruntime(((("), "/onnxruntime((((");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let cut = plain(&"é".repeat(2 * MAX_MESSAGE));
        assert_eq!(cut.chars().count(), MAX_MESSAGE + 1);
        assert!(cut.ends_with('…'));
    }
}
