//! Part of a config: one model, some variants. Who names what there is not is told what may be meant.

use crate::action::error::ActionError;
use crate::config::Config;
use crate::config::ModelConfig;
use crate::config::nearest::nearest;
use crate::config::nearest::quoted;
use crate::variant::Recipe;

/// What is selected; everything where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// This model.
    pub(crate) model: Option<String>,
    /// These variants, by the names of their recipes.
    pub(crate) variants: Vec<String>,
}

impl Selection {
    /// The part of `config` that is selected.
    pub(super) fn of(&self, config: &Config) -> Result<Config, ActionError> {
        let mut part = config.clone();
        if let Some(name) = &self.model {
            part.models.retain(|model| model.name == *name);
            if part.models.is_empty() {
                return Err(unknown(
                    "model",
                    name,
                    config.models.iter().map(|model| model.name.as_str()),
                ));
            }
        }
        if self.variants.is_empty() {
            return Ok(part);
        }
        let canonical = |text: &str| Recipe::parse(text).map_or_else(|_| text.to_owned(), |recipe| recipe.name());
        for wanted in &self.variants {
            let mut known = part.models.iter().flat_map(|model| &model.variants);
            if !known.any(|variant| canonical(variant) == *wanted) {
                let all: Vec<&str> = part
                    .models
                    .iter()
                    .flat_map(|model| model.variants.iter().map(String::as_str))
                    .collect();
                return Err(unknown("variant", wanted, all.into_iter()));
            }
        }
        for model in &mut part.models {
            model
                .variants
                .retain(|variant| self.variants.contains(&canonical(variant)));
        }
        part.models.retain(|model| !model.variants.is_empty());
        Ok(part)
    }
}

/// The model called `name`, or the only one.
pub(super) fn one<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a ModelConfig, ActionError> {
    let names = || config.models.iter().map(|model| model.name.as_str());
    match (name, config.models.as_slice()) {
        (None, [model]) => Ok(model),
        (None, _) => Err(ActionError::Selection {
            message: "the config has several models, and the command names none".to_owned(),
            hint: format!("name one of {}", list(names())),
        }),
        (Some(name), models) => models
            .iter()
            .find(|model| model.name == name)
            .ok_or_else(|| unknown("model", name, names())),
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> ActionError {
    ActionError::Selection {
        message: format!("the config has no {what} {}", quoted(name)),
        hint: match nearest(name, known.clone()) {
            Some(close) => format!("did you mean {}?", quoted(close)),
            None => format!("name one of {}", list(known)),
        },
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(quoted).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(12);
    names.join(", ")
}
