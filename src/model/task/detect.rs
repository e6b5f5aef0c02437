//! The tiers in their order, the surest first.

use super::names;
use super::shapes;
use super::types::Confidence;
use super::types::Detected;
use super::types::Tier;
use crate::config::Task;
use crate::model::Model;

/// The task of a model, with the evidence.
pub fn detect(model: &Model) -> Detected {
    let specs = &model.facts.inputs;
    names::judge(specs)
        .or_else(|| shapes::judge(specs))
        .unwrap_or_else(|| Detected {
            task: Task::Unknown,
            confidence: Confidence::None,
            tier: Tier::Shapes,
            reason: "neither operators nor names nor shapes of the inputs tell".to_owned(),
        })
}

/// The task that a person named; detected where that is [`Task::Auto`].
pub fn resolve(configured: Task, model: &Model) -> Detected {
    match configured {
        Task::Auto => detect(model),
        task => Detected {
            task,
            confidence: Confidence::High,
            tier: Tier::Given,
            reason: "named by a person".to_owned(),
        },
    }
}
