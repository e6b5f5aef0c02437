//! Which formats run on which targets: one table, by what executes them.

use crate::config::Engine;
use crate::config::Target;
use crate::hint::Hint;
use crate::model::Format;

/// What executes a format; nothing where nothing does yet.
const EXECUTED_BY: &[(Format, Option<Engine>)] = &[
    (Format::Onnx, Some(Engine::OnnxRuntime)),
    (Format::TfLite, Some(Engine::LiteRt)),
    (Format::CoreMl, None),
];

/// A model that the target's engine cannot execute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("target `{target}` runs models with {}, which cannot run a model in {format} format", target.engine())]
pub struct Incompatible {
    /// The model's format.
    pub format: Format,
    /// Where it was to run.
    pub target: Target,
}

impl Hint for Incompatible {
    fn hints(&self) -> Vec<String> {
        let named: Vec<&str> = targets_of(self.format).into_iter().map(Target::name).collect();
        if named.is_empty() {
            vec![format!("no target runs {} models yet", self.format)]
        } else {
            vec![format!("{} models run on {}", self.format, named.join(", "))]
        }
    }
}

/// What executes models in `format`.
pub fn engine_of(format: Format) -> Option<Engine> {
    let mut known = EXECUTED_BY.iter();
    known
        .find(|(known, _)| *known == format)
        .and_then(|(_, engine)| *engine)
}

/// The targets that run models in `format`.
pub fn targets_of(format: Format) -> Vec<Target> {
    let engine = engine_of(format);
    let all = Target::ALL.into_iter().chain(Target::LITERT);
    all.filter(|target| Some(target.engine()) == engine).collect()
}

/// An error where `target` does not run models in `format`.
pub fn check(format: Format, target: Target) -> Result<(), Incompatible> {
    if engine_of(format) == Some(target.engine()) {
        Ok(())
    } else {
        Err(Incompatible { format, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_engine() {
        assert_eq!(check(Format::Onnx, Target::OnnxRuntimeAne), Ok(()));
        assert_eq!(check(Format::TfLite, Target::AndroidArm64), Ok(()));
        let error = check(Format::TfLite, Target::OnnxRuntimeCpu).unwrap_err();
        assert_eq!(
            error.to_string(),
            "target `onnxruntime_cpu` runs models with ONNX Runtime, which cannot run a model in TFLite format"
        );
        assert_eq!(
            error.hints(),
            ["TFLite models run on android_arm64, android_arm32, android_x86, raspberry_pi, coral_tpu, generic_linux"]
        );
        let error = check(Format::CoreMl, Target::GenericLinux).unwrap_err();
        assert_eq!(error.hints(), ["no target runs Core ML models yet"]);
    }
}
