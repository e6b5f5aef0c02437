//! What all HTML pages have in common: one style sheet, one head with a strict policy, one escaping. No script, nothing from any network.

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::UndefinedBehavior;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

/// Every page, what they include, and what they extend.
const TEMPLATES: [(&str, &str); 6] = [
    ("page.html", include_str!("../../templates/page.html")),
    ("page.css", include_str!("../../templates/page.css")),
    ("document.html", include_str!("../../templates/document.html")),
    ("explore.html", include_str!("../../templates/explore.html")),
    ("profile.html", include_str!("../../templates/profile.html")),
    (
        "profile_kernel.html",
        include_str!("../../templates/profile_kernel.html"),
    ),
];

/// A page could not be written: a defect of its template.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be written")]
pub struct PageError(#[from] minijinja::Error);

impl crate::hint::Hint for PageError {
    fn hints(&self) -> Vec<String> {
        vec!["this is a defect of mlbuild: please report it with the command that you ran".to_owned()]
    }
}

/// The page `name` with what its template names, whole.
pub(super) fn render(name: &str, page: &impl Serialize) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, template) in TEMPLATES {
        environment.add_template(name, template)?;
    }
    Ok(environment.get_template(name)?.render(Serde(page))?)
}
