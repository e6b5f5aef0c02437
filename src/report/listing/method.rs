//! How recipes are written for people: `prune(0.50) → int8(static)`.

use crate::variant::TRANSFORMS;

/// Transforms whose names are themselves a method and a kind of it.
const KINDS: &[(&str, &str, &str)] = &[("int8-static", "int8", "static"), ("int8-weights", "int8", "weights")];

/// A whole recipe.
pub fn label(recipe: &str) -> String {
    recipe
        .split('+')
        .map(|step| step_label(step.trim()))
        .collect::<Vec<_>>()
        .join(" → ")
}

/// What a build's recipe adds to the recipe of the build that it stands beneath; all of it where it does not begin with that.
pub fn beyond(recipe: &str, parent: &str) -> String {
    match recipe.strip_prefix(parent).and_then(|rest| rest.strip_prefix('+')) {
        Some(rest) => label(rest),
        None => label(recipe),
    }
}

fn step_label(step: &str) -> String {
    let kind = KINDS.iter().find_map(|(name, method, kind)| {
        let rest = step.strip_prefix(name)?;
        match rest.strip_prefix('-') {
            Some(settings) => Some(format!("{method}({kind}, {settings})")),
            None => rest.is_empty().then(|| format!("{method}({kind})")),
        }
    });
    if let Some(label) = kind {
        return label;
    }
    let found = TRANSFORMS
        .iter()
        .filter_map(|transform| Some((transform.name, step.strip_prefix(transform.name)?.strip_prefix('-')?)))
        .max_by_key(|(name, _)| name.len());
    match found {
        Some((name, settings)) if !settings.is_empty() => format!("{name}({settings})"),
        _ => step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_written_for_people() {
        for (recipe, expected) in [
            ("fp32", "fp32"),
            ("fp16", "fp16"),
            ("prune-0.50", "prune(0.50)"),
            ("prune-structured-0.30", "prune-structured(0.30)"),
            ("int8-static", "int8(static)"),
            ("prune-0.50+int8", "prune(0.50) → int8"),
            ("", ""),
            ("of a newer version-1", "of a newer version-1"),
        ] {
            assert_eq!(label(recipe), expected);
        }
        assert_eq!(beyond("prune-0.50+int8-static", "prune-0.50"), "int8(static)");
        assert_eq!(beyond("fp16", "fp32"), "fp16");
        assert_eq!(beyond("prune-0.505+int8", "prune-0.50"), "prune(0.505) → int8");
    }
}
