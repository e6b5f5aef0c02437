//! Where variants run: the targets whose engine has kernels for what a pass makes.

use crate::config::Target;
use crate::hint::Hint;
use crate::variant::Recipe;

/// Where a pass's result runs, for those that don't run everywhere.
const ONLY_ON: &[(&str, &[Target])] = &[
    // `MatMulInteger` and `DynamicQuantizeLSTM` are the CPU's.
    (
        "int8",
        &[
            Target::OnnxRuntimeCpu,
            Target::AndroidArm64,
            Target::AndroidArm32,
            Target::AndroidX86,
            Target::RaspberryPi,
            Target::GenericLinux,
        ],
    ),
    ("int4", &[Target::OnnxRuntimeCpu, Target::OnnxRuntimeGpu]),
    ("int8-weights", &[Target::OnnxRuntimeCpu, Target::OnnxRuntimeGpu]),
];

/// A recipe whose result the target's engine cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target} cannot run `{step}`")]
pub struct TargetError {
    /// The step.
    pub step: String,
    /// Where it was to run.
    pub target: Target,
    /// Where it runs.
    pub runs_on: Vec<Target>,
}

impl Hint for TargetError {
    fn hints(&self) -> Vec<String> {
        let targets: Vec<&str> = self.runs_on.iter().map(|target| target.name()).collect();
        let others: Vec<&str> = crate::variant::TRANSFORMS
            .iter()
            .map(|transform| transform.name)
            .filter(|name| targets_of(name).contains(&self.target))
            .collect();
        vec![
            format!("it runs on {}", targets.join(" and ")),
            format!("{} runs {}", self.target, others.join(", ")),
        ]
    }
}

/// Where the result of the transform `name` runs.
pub fn targets_of(name: &str) -> &'static [Target] {
    ONLY_ON
        .iter()
        .find(|(only, _)| *only == name)
        .map_or(&Target::ALL[..], |(_, targets)| targets)
}

/// An error where `target` cannot run what `recipe` makes.
pub fn check(recipe: &Recipe, target: Target) -> Result<(), TargetError> {
    for step in &recipe.steps {
        let targets = targets_of(step.transform.name);
        if !targets.contains(&target) {
            return Err(TargetError {
                step: step.pass.name(),
                target,
                runs_on: targets.to_vec(),
            });
        }
    }
    Ok(())
}

/// What people expect of a method and don't get, on a processor of the architecture `arch` where it runs on the CPU.
pub fn advice(recipe: &Recipe, target: Target, arch: &str) -> Vec<String> {
    let has = |names: &[&str]| recipe.steps.iter().any(|step| names.contains(&step.transform.name));
    let mut advice = Vec::new();
    if has(&["fp16"]) && target == Target::OnnxRuntimeCpu && arch.starts_with("x86") {
        advice.push(
            "fp16 halves the file and is no faster on x86 processors, which compute it in 32 bits; it is for graphics and neural processors"
                .to_owned(),
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gain_is_told() {
        let half = Recipe::parse("fp16").unwrap();
        let advice = |target, arch| advice(&half, target, arch).len();
        assert_eq!(advice(Target::OnnxRuntimeCpu, "x86_64"), 1);
        assert_eq!(advice(Target::OnnxRuntimeCpu, "aarch64"), 0);
        assert_eq!(advice(Target::OnnxRuntimeGpu, "x86_64"), 0);
    }

    #[test]
    fn what_runs_where_is_told() {
        let half = Recipe::parse("fp16").unwrap();
        assert_eq!(check(&half, Target::OnnxRuntimeAne), Ok(()));
        assert_eq!(targets_of("int4"), [Target::OnnxRuntimeCpu, Target::OnnxRuntimeGpu]);
        let error = TargetError {
            step: "int4".to_owned(),
            target: Target::OnnxRuntimeAne,
            runs_on: targets_of("int4").to_vec(),
        };
        assert_eq!(error.to_string(), "onnxruntime_ane cannot run `int4`");
        let hints = error.hints().join("; ");
        assert!(hints.starts_with("it runs on onnxruntime_cpu and onnxruntime_gpu; onnxruntime_ane runs "));
        assert!(hints.contains("fp16") && !hints.contains("int4"), "{hints}");
    }
}
