//! Words by chance: identities of records that have no content to be named by, delimiters that no text can hold.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use crate::digest::Hasher;

/// 32 hexadecimal digits that nobody had before: of the system's randomness (it seeds every hash map), the time and this process.
pub fn word() -> String {
    let mut hasher = Hasher::new();
    for _ in 0..4 {
        hasher.part(&RandomState::new().hash_one(0).to_le_bytes());
    }
    hasher.part(&jiff::Timestamp::now().as_nanosecond().to_le_bytes());
    hasher.part(&std::process::id().to_le_bytes());
    let mut id = String::from(hasher.finish());
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (super::word(), super::word());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }
}
