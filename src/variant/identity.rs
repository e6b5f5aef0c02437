//! What makes a variant this one and no other.

use super::Recipe;
use crate::digest::Digest;
use crate::digest::Hasher;

/// The identity of a variant: SHA-256 over everything that its bytes depend on, each part with its length before it.
///
/// `calibration` is the digest of the calibration data or ranges, where the recipe uses any.
pub fn variant_id(
    source: &Digest,
    recipe: &Recipe,
    calibration: Option<&Digest>,
    seed: u64,
    tool_version: &str,
) -> Digest {
    let mut hasher = Hasher::new();
    hasher.part(b"mlbuild variant 1");
    hasher.part(source.as_str().as_bytes());
    hasher.part(recipe.name().as_bytes());
    hasher.part(calibration.map_or("", Digest::as_str).as_bytes());
    hasher.part(&seed.to_le_bytes());
    hasher.part(tool_version.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let (source, other) = (Digest::of(b"a"), Digest::of(b"b"));
        let (as_is, half) = (Recipe::as_is(), Recipe::parse("fp16").unwrap());
        let ids = [
            variant_id(&source, &as_is, None, 0, "1"),
            variant_id(&other, &as_is, None, 0, "1"),
            variant_id(&source, &half, None, 0, "1"),
            variant_id(&source, &as_is, Some(&other), 0, "1"),
            variant_id(&source, &as_is, None, 1, "1"),
            variant_id(&source, &as_is, None, 0, "2"),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[0], variant_id(&source, &as_is, None, 0, "1"));
    }
}
