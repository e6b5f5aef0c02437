//! Recipes: `fp32`, `fp16`, `prune-0.50+int8`: steps joined by `+`, each a transform and perhaps its settings after a hyphen.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use super::AS_IS;
use super::Pass;
use super::TRANSFORMS;
use super::Transform;
use super::to_tflite;
use crate::hint::Hint;

/// How a variant is derived: passes in the order in which they are applied; none for the model as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// The passes to apply, first to last.
    pub steps: Vec<Step>,
}

/// One pass of a recipe. Equal steps are written alike.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub pass: Arc<dyn Pass>,
    /// What kind of pass it is.
    pub transform: &'static Transform,
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.pass.name() == other.pass.name()
    }
}

impl Eq for Step {}

impl Hash for Step {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pass.name().hash(state);
    }
}

/// A text that is not a recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Nothing, or nothing between two `+`.
    #[error("`{recipe}` is not a recipe: a step is empty")]
    Empty {
        /// The whole text.
        recipe: String,
    },
    /// A step that names no transform.
    #[error("`{step}` is not a known transform")]
    Unknown {
        /// The step.
        step: String,
        /// The transform with the closest name, where one is close.
        nearest: Option<&'static str>,
    },
    /// Settings that a transform does not have.
    #[error("`{step}`: {problem}")]
    Settings {
        /// How the transform is written.
        usage: &'static str,
        /// The step.
        step: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `fp32` beside other steps.
    #[error("`fp32` means the model as it is and stands alone, not in `{recipe}`")]
    NotAlone {
        /// The whole text.
        recipe: String,
    },
    /// The same step twice.
    #[error("`{step}` stands twice in `{recipe}`")]
    Repeated {
        /// The step.
        step: String,
        /// The whole text.
        recipe: String,
    },
}

impl Hint for RecipeError {
    fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        match self {
            Self::Settings { usage, .. } => return vec![format!("it is written `{usage}`")],
            Self::Unknown {
                nearest: Some(nearest), ..
            } => hints.push(format!("did you mean `{nearest}`?")),
            _ => {}
        }
        let usages = TRANSFORMS.iter().map(|transform| without_options(transform.usage));
        let usages: Vec<String> = std::iter::once(AS_IS.to_owned()).chain(usages).collect();
        hints.push(format!("the variants that exist are {}", usages.join(", ")));
        hints
    }
}

impl Recipe {
    /// The model as it is.
    pub fn as_is() -> Self {
        Self { steps: Vec::new() }
    }

    /// An ONNX model as a TensorFlow Lite model, and nothing else.
    pub fn to_tflite() -> Self {
        Self {
            steps: Step::parse(to_tflite::TRANSFORM.name).into_iter().collect(),
        }
    }

    /// Reads a recipe as the config writes it; spaces around `+` don't matter.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let texts: Vec<&str> = text.split('+').map(str::trim).collect();
        let recipe = || text.trim().to_owned();
        if texts == [AS_IS] {
            return Ok(Self::as_is());
        }
        if texts.contains(&AS_IS) {
            return Err(RecipeError::NotAlone { recipe: recipe() });
        }
        let mut steps: Vec<Step> = Vec::new();
        for text in texts {
            if text.is_empty() {
                return Err(RecipeError::Empty { recipe: recipe() });
            }
            let step = Step::parse(text)?;
            if steps.contains(&step) {
                return Err(RecipeError::Repeated {
                    step: step.pass.name(),
                    recipe: recipe(),
                });
            }
            steps.push(step);
        }
        Ok(Self { steps })
    }

    /// The one way of writing this recipe: in reports, digests and the registry.
    pub fn name(&self) -> String {
        if self.steps.is_empty() {
            return AS_IS.to_owned();
        }
        let steps: Vec<String> = self.steps.iter().map(|step| step.pass.name()).collect();
        steps.join("+")
    }

    /// True where some step must be told what running the model shows.
    pub fn learns(&self) -> bool {
        self.steps.iter().any(|step| step.pass.learns())
    }

    /// This recipe, and then `other`: what a build of this one becomes by that one.
    pub fn then(&self, other: &Self) -> Self {
        Self {
            steps: self.steps.iter().chain(&other.steps).cloned().collect(),
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Step {
    fn parse(text: &str) -> Result<Self, RecipeError> {
        let settings = |name: &str| match text.strip_prefix(name)? {
            "" => Some(""),
            rest => rest.strip_prefix('-'),
        };
        // `int8-static` is not `int8` with a setting.
        let found = TRANSFORMS
            .iter()
            .filter_map(|transform| Some((transform, settings(transform.name)?)))
            .max_by_key(|(transform, _)| transform.name.len());
        let Some((transform, settings)) = found else {
            return Err(RecipeError::Unknown {
                step: text.to_owned(),
                nearest: nearest(text),
            });
        };
        let pass = (transform.parse)(settings).map_err(|problem| RecipeError::Settings {
            usage: transform.usage,
            step: text.to_owned(),
            problem,
        })?;
        Ok(Self { pass, transform })
    }
}

/// How a transform is written at the shortest: without what stands in brackets.
fn without_options(usage: &str) -> String {
    let mut depth = 0_usize;
    usage
        .chars()
        .filter(|character| {
            match character {
                '[' => depth += 1,
                ']' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

fn nearest(text: &str) -> Option<&'static str> {
    let names = TRANSFORMS.iter().map(|transform| transform.name);
    names
        .chain([AS_IS])
        .map(|name| (strsim::jaro_winkler(&text.to_ascii_lowercase(), name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// For a transform without settings.
pub(super) fn no_settings(settings: &str) -> Result<(), String> {
    if settings.is_empty() {
        Ok(())
    } else {
        Err(format!("there is nothing to set, but `{settings}` is given"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complaint(text: &str) -> String {
        let error = Recipe::parse(text).unwrap_err();
        std::iter::once(error.to_string())
            .chain(error.hints())
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn reads_and_names_recipes() {
        assert_eq!(Recipe::parse("fp32").unwrap(), Recipe::as_is());
        assert_eq!(Recipe::parse(" fp16 ").unwrap().name(), "fp16");
        assert_eq!(Recipe::as_is().to_string(), "fp32");
    }

    #[test]
    fn says_what_exists() {
        assert!(complaint("FP61").starts_with(
            "`FP61` is not a known transform; did you mean `fp16`?; the variants that exist are fp32, bf16, fp16"
        ));
        assert!(complaint("fp16+fp32").starts_with("`fp32` means the model as it is"));
        assert!(complaint("fp16+").contains("a step is empty"));
        assert!(complaint("").contains("a step is empty"));
        assert_eq!(
            complaint("fp16-4"),
            "`fp16-4`: there is nothing to set, but `4` is given; it is written `fp16`"
        );
        assert!(complaint("fp16+fp16").contains("stands twice"));
        assert!(!complaint("xyz").contains("did you mean"));
    }

    #[test]
    fn recipes_are_joined() {
        let half = Recipe::parse("fp16").unwrap();
        assert_eq!(Recipe::as_is().then(&half), half);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(
            text in "(fp16|fp32|int8|int8-static|prune-0\\.5|-[a-z0-9.]{1,4}|[a-z0-9+ -]){0,4}"
        ) {
            if let Ok(recipe) = Recipe::parse(&text) {
                prop_assert_eq!(Recipe::parse(&recipe.name()).unwrap(), recipe);
            }
        }
    }
}
