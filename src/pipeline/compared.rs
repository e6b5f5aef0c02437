//! Two models of the desk held against each other without running them.

use std::collections::BTreeMap;

use crate::model::difference;
use crate::model::difference::Difference;
use crate::model::difference::Field;
use crate::model::difference::Ignored;
use crate::pipeline::open::Found;
use crate::registry::Build;

/// What tells two models apart, and what is said of them as builds.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What the registry says of them.
    pub builds: Vec<Field>,
    /// What is in the files.
    pub models: Difference,
}

impl Compared {
    /// True where the models are the same; names and dates of builds don't count.
    pub fn is_same(&self) -> bool {
        self.models.is_empty()
    }
}

/// Holds `b` against `a`.
pub fn compare(a: &Found, b: &Found, ignored: Ignored) -> Compared {
    let about = |build: &Option<Build>| build.as_ref().map(|build| said(build, ignored)).unwrap_or_default();
    Compared {
        builds: difference::fields(&about(&a.build), &about(&b.build)),
        models: difference::difference(&a.model, &b.model, ignored),
    }
}

fn said(build: &Build, ignored: Ignored) -> BTreeMap<String, String> {
    let facts = &build.facts;
    let mut said = BTreeMap::from([
        ("id".to_owned(), facts.id.short().to_owned()),
        ("name".to_owned(), build.shown_name().to_owned()),
        ("created".to_owned(), facts.created_at.clone()),
        ("made by".to_owned(), facts.tool_version.clone()),
        ("source".to_owned(), facts.source.short().to_owned()),
    ]);
    let mut optional = |name: &str, value: Option<String>| {
        said.extend(value.map(|value| (name.to_owned(), value)));
    };
    optional("target", facts.target.clone());
    optional("task", facts.about.task.clone());
    optional("recipe", (!ignored.quantization).then(|| facts.recipe.clone()));
    said
}
