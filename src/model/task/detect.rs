//! The tiers in their order, the surest first.

use super::graph;
use super::graph::Reading;
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
    let graph = graph::judge(model);
    let names = names::judge(specs);
    match (graph, names) {
        (Reading::Found(graph), None) => graph,
        (Reading::Found(graph), Some(names)) => weigh(graph, names),
        (Reading::Unsure(reason), Some(names)) => Detected {
            reason: format!("{}, and {reason}", names.reason),
            ..names
        },
        (Reading::Nothing, Some(names)) => names,
        // What several tasks do alike is no picture and no text by its shape either.
        (Reading::Unsure(reason), None) => shapes::judge(specs)
            .filter(|found| found.task == Task::Audio)
            .unwrap_or_else(|| unknown(reason)),
        (Reading::Nothing, None) => shapes::judge(specs)
            .unwrap_or_else(|| unknown("neither operators nor names nor shapes of the inputs tell".to_owned())),
    }
}

/// The graph and the names both say something.
fn weigh(graph: Detected, names: Detected) -> Detected {
    if graph.confidence == Confidence::High {
        graph
    } else if graph.task == names.task && graph.confidence == Confidence::Medium {
        Detected {
            confidence: Confidence::High,
            reason: format!("{}, and {}", graph.reason, names.reason),
            ..graph
        }
    } else {
        Detected {
            reason: format!("{}, and {}", names.reason, graph.reason),
            ..names
        }
    }
}

fn unknown(reason: String) -> Detected {
    Detected {
        task: Task::Unknown,
        confidence: Confidence::None,
        tier: Tier::Shapes,
        reason,
    }
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
