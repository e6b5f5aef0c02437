//! Any text as a recipe or a quantity.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::units::Bytes;
use mlbuild::units::Millis;
use mlbuild::units::Percent;
use mlbuild::units::Span;
use mlbuild::variant::Recipe;

fuzz_target!(|text: &str| {
    if let Ok(recipe) = Recipe::parse(text) {
        assert!(Recipe::parse(&recipe.name()).is_ok());
    }
    let _ = text.parse::<Bytes>();
    let _ = text.parse::<Millis>();
    let _ = text.parse::<Percent>();
    let _ = text.parse::<Span>();
});
