//! Which models run on which targets, and what must be made of the others.

use crate::config::Engine;
use crate::config::Target;
use crate::hint::Hint;
use crate::model::Format;
use crate::model::compatible::engine_of;
use crate::model::compatible::usual_target;
use crate::variant::Recipe;

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

/// The targets that run models in `format`.
pub fn targets_of(format: Format) -> Vec<Target> {
    let engine = engine_of(format);
    engine.map(Target::of).unwrap_or_default()
}

/// An error where `target` does not run models in `format`.
pub fn check(format: Format, target: Target) -> Result<(), Incompatible> {
    if engine_of(format) == Some(target.engine()) {
        Ok(())
    } else {
        Err(Incompatible { format, target })
    }
}

/// Where a model in `format` runs: on what was asked for, and this machine's processor means that of the engine that runs such models.
pub fn target_for(format: Format, asked: Option<Target>) -> Result<Target, Incompatible> {
    match asked {
        None | Some(Target::OnnxRuntimeCpu) => Ok(usual_target(format)),
        Some(target) => check(format, target).map(|()| target),
    }
}

/// The recipe that makes what `recipe` asks for of a model in `format` run on `target`: an ONNX model becomes a TensorFlow Lite model
/// first, where only these run there and no step says so.
pub fn recipe_for(recipe: &Recipe, format: Format, target: Target) -> Result<Recipe, Incompatible> {
    let converts = recipe.steps.iter().any(|step| step.pass.converts());
    match (format, target.engine(), converts) {
        (Format::Onnx, Engine::LiteRt, false) => Ok(Recipe::to_tflite().then(recipe)),
        (Format::Onnx, Engine::LiteRt, true) => Ok(recipe.clone()),
        (Format::Onnx, Engine::OnnxRuntime, true) => Err(Incompatible {
            format: Format::TfLite,
            target,
        }),
        _ => check(format, target).map(|()| recipe.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onnx_models_are_converted_where_only_tflite_runs() {
        let half = Recipe::parse("fp16").unwrap();
        let on = |recipe: &Recipe, format, target| recipe_for(recipe, format, target).map(|recipe| recipe.name());
        assert_eq!(on(&half, Format::Onnx, Target::AndroidArm64).unwrap(), "tflite+fp16");
        assert_eq!(
            on(&Recipe::as_is(), Format::Onnx, Target::GenericLinux).unwrap(),
            "tflite"
        );
        let said = Recipe::parse("prune-0.50+tflite").unwrap();
        assert_eq!(
            on(&said, Format::Onnx, Target::GenericLinux).unwrap(),
            "prune-0.50+tflite"
        );
        assert!(on(&said, Format::Onnx, Target::OnnxRuntimeCpu).is_err());
        assert_eq!(on(&half, Format::TfLite, Target::GenericLinux).unwrap(), "fp16");
        assert!(on(&half, Format::TfLite, Target::OnnxRuntimeCpu).is_err());
    }

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
