//! What executes models of a format, and which targets they are for.

use crate::config::Engine;
use crate::config::Target;
use crate::hint::Hint;
use crate::model::format::Format;

/// By format, in the order of the documentation.
const TARGETS: &[(Format, &[&str])] = &[
    (Format::Onnx, &["onnxruntime_cpu", "onnxruntime_gpu", "onnxruntime_ane"]),
    (
        Format::TfLite,
        &[
            "android_arm64",
            "android_arm32",
            "android_x86",
            "raspberry_pi",
            "coral_tpu",
            "generic_linux",
        ],
    ),
    (
        Format::CoreMl,
        &[
            "apple_m1",
            "apple_m2",
            "apple_m3",
            "apple_a15",
            "apple_a16",
            "apple_a17",
        ],
    ),
];

/// What executes a format; nothing where nothing does yet.
const EXECUTED_BY: &[(Format, Option<Engine>)] = &[
    (Format::Onnx, Some(Engine::OnnxRuntime)),
    (Format::TfLite, Some(Engine::LiteRt)),
    (Format::CoreMl, None),
];

/// A target that is not for models of a format, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing is called so.
    #[error("there is no target `{text}`")]
    Unknown {
        /// As given.
        text: String,
        /// The format that a target is wanted for.
        format: Format,
    },
    /// For models of another format.
    #[error("{format} models don't run on `{target}`, which takes {takes} models")]
    Misfit {
        /// The target.
        target: &'static str,
        /// The model's format.
        format: Format,
        /// The target's format.
        takes: Format,
    },
}

impl Hint for TargetError {
    fn hints(&self) -> Vec<String> {
        let (Self::Unknown { format, .. } | Self::Misfit { format, .. }) = self;
        vec![format!("targets of {format} models: {}", targets(*format).join(", "))]
    }
}

/// The targets of a format.
pub fn targets(format: Format) -> &'static [&'static str] {
    TARGETS
        .iter()
        .find(|(known, _)| *known == format)
        .map_or(&[], |(_, targets)| targets)
}

/// The target that `text` names, where models of that format run on it; hyphens stand for underscores.
pub fn target(text: &str, format: Format) -> Result<&'static str, TargetError> {
    let name = text.trim().to_ascii_lowercase().replace('-', "_");
    let found = TARGETS.iter().find_map(|(takes, targets)| {
        let target = targets.iter().find(|target| **target == name)?;
        Some((*takes, *target))
    });
    match found {
        None => Err(TargetError::Unknown {
            text: text.to_owned(),
            format,
        }),
        Some((takes, target)) if takes != format => Err(TargetError::Misfit { target, format, takes }),
        Some((_, target)) => Ok(target),
    }
}

/// A format as the registry writes it.
pub fn word(format: Format) -> &'static str {
    match format {
        Format::Onnx => "onnx",
        Format::TfLite => "tflite",
        Format::CoreMl => "coreml",
    }
}

/// The format that the registry writes so.
pub fn of_word(word: &str) -> Option<Format> {
    [Format::Onnx, Format::TfLite, Format::CoreMl]
        .into_iter()
        .find(|format| self::word(*format) == word)
}

/// What executes models in `format`.
pub fn engine_of(format: Format) -> Option<Engine> {
    let mut known = EXECUTED_BY.iter();
    known
        .find(|(known, _)| *known == format)
        .and_then(|(_, engine)| *engine)
}

/// Where models in `format` run when nobody says where.
pub fn usual_target(format: Format) -> Target {
    Target::usual(engine_of(format).unwrap_or(Engine::OnnxRuntime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_of_one_format() {
        for (format, targets) in TARGETS {
            assert_eq!(of_word(word(*format)), Some(*format));
            for name in *targets {
                assert_eq!(target(&name.replace('_', "-"), *format), Ok(*name));
            }
        }
        let error = target("android_arm64", Format::Onnx).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ONNX models don't run on `android_arm64`, which takes TFLite models"
        );
        assert_eq!(
            error.hints(),
            ["targets of ONNX models: onnxruntime_cpu, onnxruntime_gpu, onnxruntime_ane"]
        );
        assert!(target("windows_95", Format::TfLite).is_err());
    }
}
