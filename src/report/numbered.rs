//! The number of its form, which every JSON document of a command carries as `schema`.

use serde::Serialize;

/// The form of documents that are numbered here; it rises with a field that means something else or is gone.
const SCHEMA: u32 = 1;

/// A document: the number, then the fields of what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Numbered<T> {
    schema: u32,
    #[serde(flatten)]
    said: T,
}

impl<T: Serialize> Numbered<T> {
    /// `said`, which has to have fields by name, with the number before them.
    pub fn of(said: T) -> Self {
        Self { schema: SCHEMA, said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_comes_first() {
        #[derive(Serialize)]
        struct Said {
            a: u8,
        }
        let text = serde_json::to_string(&Numbered::of(&Said { a: 2 })).unwrap();
        assert_eq!(text, r#"{"schema":1,"a":2}"#);
    }
}
