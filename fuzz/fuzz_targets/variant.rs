//! Any model file through any pass: a variant or an error, never a panic; what obeyed ONNX's rules before does so after. The first byte
//! picks the recipe.
//!
//! Start from real files with a byte in front: `cargo fuzz run variant fuzz/corpus/variant`.
#![no_main]

use std::path::Path;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mlbuild::model::Model;
use mlbuild::model::onnx::check::check;
use mlbuild::variant::Derivation;
use mlbuild::variant::Evidence;
use mlbuild::variant::Range;
use mlbuild::variant::Recipe;
use mlbuild::variant::Statistic;
use mlbuild::variant::Wanted;

const RECIPES: &[&str] = &[
    "bf16",
    "fp16",
    "int4",
    "int8",
    "int8-conv-tensor",
    "int8-static",
    "int8-weights",
    "mixed",
    "opset-21",
    "palettize-4",
    "prune-0.50",
    "prune-structured-0.25",
    "simplify",
    "smooth+int8-static",
];

/// As if the model had been run, and every tensor had taken values from −1 to 1.
fn invented(wanted: &Wanted) -> Evidence {
    let mut evidence = Evidence::default();
    for observation in &wanted.observations {
        let tensor = observation.tensor.clone();
        match observation.statistic {
            Statistic::Range(_) => {
                evidence.ranges.insert(tensor, Range { min: -1.0, max: 1.0 });
            }
            Statistic::ChannelMaxima { .. } => {
                evidence.channels.insert(tensor, vec![1.0; 64]);
            }
        }
    }
    evidence
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Ok(model) = Model::from_bytes(Path::new("model.onnx"), Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let recipe = Recipe::parse(RECIPES[usize::from(*first) % RECIPES.len()]).expect("a recipe of the list");
    let sound = check(&model.proto).is_ok();
    let Ok(mut derivation) = Derivation::start(&model, &recipe, 0) else {
        return;
    };
    while derivation.next().is_some() {
        let Ok(wanted) = derivation.wanted() else { return };
        if derivation.advance(invented(&wanted)).is_err() {
            return;
        }
    }
    if sound {
        check(derivation.proto()).expect("a sound model stays sound");
    }
});
