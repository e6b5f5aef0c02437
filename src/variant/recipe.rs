//! Recipes: `fp32`, `fp16`, `prune-0.50+int8`: steps joined by `+`, each a transform and perhaps an argument after a hyphen.

use std::fmt;

use super::AS_IS;
use super::PLANNED;
use super::TRANSFORMS;
use crate::hint::Hint;

/// How a variant is derived: transforms in the order in which they are applied; none for the model as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// The transforms to apply, first to last.
    pub steps: Vec<Step>,
}

/// One transform of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// The name of a transform in [`TRANSFORMS`].
    pub transform: &'static str,
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
    /// A step that a later version will know.
    #[error("`{step}` is not available yet")]
    Planned {
        /// The step.
        step: String,
    },
    /// An argument after a transform that takes none.
    #[error("`{transform}` takes no argument, but `{step}` gives one")]
    Argument {
        /// The transform.
        transform: &'static str,
        /// The step.
        step: String,
    },
    /// `fp32` beside other steps.
    #[error("`fp32` means the model as it is and stands alone, not in `{recipe}`")]
    NotAlone {
        /// The whole text.
        recipe: String,
    },
    /// The same transform twice.
    #[error("`{step}` stands twice in `{recipe}`")]
    Repeated {
        /// The step.
        step: &'static str,
        /// The whole text.
        recipe: String,
    },
}

impl Hint for RecipeError {
    fn hints(&self) -> Vec<String> {
        let mut names = vec![AS_IS];
        names.extend(TRANSFORMS.iter().map(|transform| transform.name));
        let mut hints = Vec::new();
        if let Self::Unknown {
            nearest: Some(nearest), ..
        } = self
        {
            hints.push(format!("did you mean `{nearest}`?"));
        }
        hints.push(format!("the variants that exist are {}", names.join(", ")));
        hints
    }
}

impl Recipe {
    /// The model as it is.
    pub fn as_is() -> Self {
        Self { steps: Vec::new() }
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
                    step: step.transform,
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
        let steps: Vec<&str> = self.steps.iter().map(|step| step.transform).collect();
        steps.join("+")
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Step {
    fn parse(text: &str) -> Result<Self, RecipeError> {
        let starts = |name: &str| text.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
        let step = || text.to_owned();
        let names = || TRANSFORMS.iter().map(|transform| transform.name);
        if let Some(transform) = names().find(|name| *name == text) {
            return Ok(Self { transform });
        }
        if let Some(transform) = names().find(|name| starts(name)) {
            return Err(RecipeError::Argument {
                transform,
                step: step(),
            });
        }
        if PLANNED.iter().any(|name| *name == text || starts(name)) {
            return Err(RecipeError::Planned { step: step() });
        }
        let nearest = names()
            .chain([AS_IS])
            .map(|name| (strsim::jaro_winkler(&text.to_ascii_lowercase(), name), name))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, name)| name);
        Err(RecipeError::Unknown { step: step(), nearest })
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
        assert_eq!(
            complaint("FP61"),
            "`FP61` is not a known transform; did you mean `fp16`?; the variants that exist are fp32, fp16"
        );
        assert!(complaint("int8-static").starts_with("`int8-static` is not available yet"));
        assert!(complaint("prune-0.50+int8").starts_with("`prune-0.50` is not available yet"));
        assert!(complaint("fp16+fp32").starts_with("`fp32` means the model as it is"));
        assert!(complaint("fp16+").contains("a step is empty"));
        assert!(complaint("").contains("a step is empty"));
        assert!(complaint("fp16-4").starts_with("`fp16` takes no argument"));
        assert!(complaint("fp16+fp16").contains("stands twice"));
        assert!(!complaint("xyz").contains("did you mean"));
    }

    #[test]
    fn no_planned_name_exists_already() {
        for name in PLANNED {
            assert!(TRANSFORMS.iter().all(|transform| transform.name != *name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(text in "(fp16|fp32|int8|[a-z0-9+ -]){0,4}") {
            if let Ok(recipe) = Recipe::parse(&text) {
                prop_assert_eq!(Recipe::parse(&recipe.name()).unwrap(), recipe);
            }
        }
    }
}
