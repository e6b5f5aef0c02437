//! What is supported, as a table for the documentation.

use std::fmt::Write as _;

use super::operators;

/// One operator of ONNX that can be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supported {
    /// The operator, of ONNX's own domain.
    pub op_type: &'static str,
    /// What it becomes.
    pub becomes: &'static str,
    /// What of it is supported; empty where all is.
    pub limits: &'static str,
}

/// Every operator that can be converted, in alphabetical order.
pub fn supported() -> Vec<Supported> {
    operators::all()
        .into_iter()
        .map(|converter| Supported {
            op_type: converter.op_type,
            becomes: converter.becomes,
            limits: converter.limits,
        })
        .collect()
}

/// The page `docs/tflite-operators.md`.
pub fn table() -> String {
    let supported = supported();
    let mut page = format!(
        "# ONNX operators that become TensorFlow Lite\n\n\
         {} operators, in floats, with concrete shapes. Models of opset 7 to 21 are raised to opset 21 first; newer ones are taken as they \
         are. Integers of 64 bits have 32 bits within the converted model (constants are checked to fit), and 64 at its inputs and outputs. \
         Local functions without attributes are inlined.\n\n\
         This page is made from the converters' own list; a test holds it to that.\n\n\
         | ONNX | TensorFlow Lite | with |\n|---|---|---|\n",
        supported.len()
    );
    for row in supported {
        let limits = if row.limits.is_empty() {
            "everything"
        } else {
            row.limits
        };
        let _ = writeln!(page, "| {} | {} | {limits} |", row.op_type, row.becomes);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tflite-operators.md");
        if std::env::var_os("MLBUILD_BLESS").is_some() {
            std::fs::write(path, table()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let made = table();
        let differing = written.lines().zip(made.lines()).find(|(one, other)| one != other);
        assert!(
            written == made,
            "docs/tflite-operators.md is not what the converters say (written, made: {differing:?}); MLBUILD_BLESS=1 writes it anew"
        );
    }

    #[test]
    fn every_operator_stands_once() {
        let names: Vec<&str> = supported().iter().map(|row| row.op_type).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }
}
