//! What people may call builds, experiments and runs.

use crate::hint::Hint;

/// The longest name, in characters.
const LONGEST: usize = 200;

/// A name that cannot be shown in a line, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be called {name:?}: {reason}")]
pub struct NameError {
    what: &'static str,
    name: String,
    reason: &'static str,
}

impl Hint for NameError {
    fn hints(&self) -> Vec<String> {
        vec![format!(
            "a name is one line of 1 to {LONGEST} characters; quotes, spaces and any script are fine"
        )]
    }
}

/// An error where `name` cannot be the name of `what` (`a build`).
pub fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    let refuse = |reason| {
        Err(NameError {
            what,
            name: name.chars().take(LONGEST).collect(),
            reason,
        })
    };
    if name.trim().is_empty() {
        return refuse("it is empty");
    }
    if name.chars().count() > LONGEST {
        return refuse("it is too long");
    }
    if name.chars().any(char::is_control) {
        return refuse("it has a line break or another control character");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line() {
        for good in ["a", "it's \"fine\" <b>", "模型 🚀", &"x".repeat(200)] {
            assert_eq!(check("a build", good), Ok(()));
        }
        for bad in ["", "  ", "a\nb", "\u{1b}[31m", &"x".repeat(201)] {
            assert!(check("a build", bad).is_err(), "{bad:?}");
        }
        let error = check("a build", "a\nb").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a build cannot be called \"a\\nb\": it has a line break or another control character"
        );
    }
}
