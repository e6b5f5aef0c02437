//! A task with the evidence for it.

use serde::Deserialize;
use serde::Serialize;

use crate::config::Task;

/// How sure a detection is. Ordered from unsure to sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing points anywhere, or evidence contradicts itself.
    None,
    /// Shapes alone allow it.
    Low,
    /// Names say so, or the graph leans that way.
    Medium,
    /// The graph can hardly be read otherwise, or a person said so.
    High,
}

impl Confidence {
    /// The word in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The evidence that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Operators, and the way from the inputs to them.
    Graph,
    /// Names of inputs.
    Names,
    /// Types and shapes of inputs; also where nothing decided, as it is looked at last.
    Shapes,
    /// The config or a flag.
    Given,
}

impl Tier {
    /// The word in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Names => "names",
            Self::Shapes => "shapes",
            Self::Given => "given",
        }
    }
}

/// What a model takes, and why that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The task; never [`Task::Auto`].
    pub task: Task,
    /// How sure.
    pub confidence: Confidence,
    /// What decided.
    pub tier: Tier,
    /// The evidence, as a fragment of a sentence: "`Conv` over the 4-dimensional input `input`".
    pub reason: String,
}

impl Detected {
    /// What a person should be told: nothing of a sure detection.
    pub fn warning(&self) -> Option<String> {
        match (self.task, self.confidence, self.tier) {
            (_, _, Tier::Given) | (_, Confidence::High, _) => None,
            (Task::Unknown | Task::Auto, ..) => Some(format!(
                "task could not be detected ({}): inputs are zeros; set `task` (or `--task`) to vision, nlp, audio or tabular",
                self.reason
            )),
            (task, confidence, _) => Some(format!(
                "task auto-detected as '{}' ({} confidence: {}); if incorrect, set `task` (or `--task`) to vision, nlp, audio or \
                 tabular",
                task.name(),
                confidence.word(),
                self.reason
            )),
        }
    }
}
