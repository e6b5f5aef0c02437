//! LiteRT's failures, sorted into kinds and put into words that fit one line.

use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;

use super::abi::Status;

/// Longer messages of the engine are cut.
const MAX_MESSAGE: usize = 1000;

/// What the library was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Reading the file.
    Reading,
    /// Building a session.
    Building,
    /// Running it.
    Running,
}

/// What a status means, where the library says no more.
pub(super) fn words(status: Status) -> String {
    let words = match status {
        1 => "an argument is not valid",
        2 => "memory could not be allocated",
        3 => "it failed at run time",
        4 => "an input is missing",
        5 => "it is not supported",
        6 => "something was not found",
        7 => "it took too long",
        8 => "the version is another one",
        500 => "the file could not be read",
        501 => "this is no TensorFlow Lite model, or not a whole one",
        502 => "a library could not be loaded",
        504 => "the model could not be compiled",
        1000 => "an index leads outside",
        1001 | 1002 => "the graph contradicts itself",
        _ => return format!("status {status}"),
    };
    words.to_owned()
}

/// A failure out of a status and the lines that the library wrote about it.
pub(super) fn failure(stage: Stage, status: Status, said: &str) -> Failure {
    let said = plain(said);
    let has = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    let kind = if status == 2
        || has(&[
            "bad_alloc",
            "out of memory",
            "Out of memory",
            "Failed to allocate memory",
        ]) {
        FailureKind::Memory
    } else if has(&[
        "unresolved custom op",
        "Didn't find op for builtin opcode",
        "Op builtin_code out of range",
        "Select TensorFlow op",
        "regular TensorFlow ops are not supported",
        "schema version",
    ]) || status == 5
    {
        FailureKind::Unsupported
    } else {
        match stage {
            Stage::Reading | Stage::Building => FailureKind::Model,
            Stage::Running => FailureKind::Engine,
        }
    };
    // What the library checks where the output's tensor got no fixed place.
    if said.contains("allocation_type == kTfLite") {
        return Failure {
            kind: FailureKind::Unsupported,
            message: "the size of an output depends on the data, and this version takes no buffer for such an output"
                .to_owned(),
        };
    }
    let message = if said.is_empty() { words(status) } else { said };
    Failure { kind, message }
}

/// The library's lines on one: without severity and source, without what only repeats that it failed, each said once.
pub(super) fn plain(said: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in said.lines() {
        let mut line = line.trim();
        for severity in ["ERROR: ", "WARNING: ", "INFO: ", "VERBOSE: "] {
            line = line.strip_prefix(severity).unwrap_or(line);
        }
        // `[error_reporter.cc:27] what it says`
        if let Some((source, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] "))
            && source.contains(".cc:")
        {
            line = rest;
        }
        let line = line.trim().trim_end_matches('.');
        let is_noise = line.is_empty()
            || line.starts_with("Created TensorFlow Lite XNNPACK delegate")
            || line.starts_with("Failed to allocate tensors")
            || line.starts_with("See instructions: ")
            || line.starts_with("Registration failed");
        if !is_noise && !kept.contains(&line) {
            kept.push(line);
        }
    }
    let mut words = kept.join("; ");
    if let Some((cut, _)) = words.char_indices().nth(MAX_MESSAGE) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

/// The number of the operator that `said` blames, as in `Node number 3 (ADD) failed to prepare.`
pub(super) fn blamed(said: &str) -> Option<usize> {
    let (_, rest) = said.rsplit_once("Node number ")?;
    let (number, rest) = rest.split_once(' ')?;
    // Nodes that stand for a whole partition come after the model's own.
    (!rest.starts_with("(TfLiteXNNPackDelegate)"))
        .then(|| number.parse().ok())
        .flatten()
}

/// True where `said` blames a delegate's partition, which tells nothing of the model's operators.
pub(super) fn blames_delegate(said: &str) -> bool {
    said.contains("TfLiteXNNPackDelegate") || said.contains("XNNPack delegate failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOM: &str = "Encountered unresolved custom op: Frobnicate.\nSee instructions: https://www.tensorflow.org/lite/guide/ops_custom \n\
        Node number 0 (Frobnicate) failed to prepare.\nFailed to allocate tensors for execution\nEncountered unresolved custom op: \
        Frobnicate.\n";

    #[test]
    fn what_matters_is_said_once() {
        assert_eq!(
            plain(CUSTOM),
            "Encountered unresolved custom op: Frobnicate; Node number 0 (Frobnicate) failed to prepare"
        );
        assert_eq!(
            plain(
                "ERROR: [error_reporter.cc:27] Didn't find op for builtin opcode 'ABS' version '99'.\n\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
            ),
            "Didn't find op for builtin opcode 'ABS' version '99'"
        );
        assert_eq!(plain(&"é".repeat(2 * MAX_MESSAGE)).chars().count(), MAX_MESSAGE + 1);
        assert_eq!(plain("[1, 2] is no source"), "[1, 2] is no source");
    }

    #[test]
    fn kinds_follow_words_and_stages() {
        assert_eq!(failure(Stage::Building, 3, CUSTOM).kind, FailureKind::Unsupported);
        assert_eq!(failure(Stage::Building, 3, "odd").kind, FailureKind::Model);
        assert_eq!(failure(Stage::Running, 3, "odd").kind, FailureKind::Engine);
        assert_eq!(failure(Stage::Running, 2, "").kind, FailureKind::Memory);
        assert_eq!(failure(Stage::Reading, 501, "").kind, FailureKind::Model);
        assert_eq!(failure(Stage::Running, 77, "").message, "status 77");
    }

    #[test]
    fn operators_are_found_and_partitions_are_not() {
        assert_eq!(blamed(CUSTOM), Some(0));
        let partition =
            "XNNPack delegate failed to reshape runtime\nNode number 1 (TfLiteXNNPackDelegate) failed to prepare.";
        assert_eq!(blamed(partition), None);
        assert!(blames_delegate(partition) && !blames_delegate(CUSTOM));
        assert_eq!(blamed("Node number many"), None);
    }
}
