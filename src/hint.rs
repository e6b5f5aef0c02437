//! The one trait by which an error says what to do next.
//!
//! Errors live in the module that raises them; each knows its own advice. Renderers collect hints without knowing the type.

/// What an error suggests that the user does next.
pub trait Hint {
    /// Returns advice, one complete sentence fragment per entry, most useful first. Empty when there is nothing to add.
    fn hints(&self) -> Vec<String>;
}
