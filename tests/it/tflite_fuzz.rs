//! Spoiled TensorFlow Lite files: whatever stands in them, reading, describing, changing and writing them gives a result or an error.
//!
//! `MLBUILD_FUZZ_CASES` says how many are tried, some thousand by default; a failure names the seed, which `MLBUILD_FUZZ_SEED` tries again.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use mlbuild::config::Task;
use mlbuild::model::Decoded;
use mlbuild::model::Model;
use mlbuild::model::difference::difference;
use mlbuild::model::inputs;
use mlbuild::model::tflite;
use mlbuild::variant::Account;
use mlbuild::variant::Evidence;
use mlbuild::variant::Recipe;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

const RECIPES: [&str; 4] = ["fp16", "int8", "int8-static", "prune-0.50"];

/// Numbers at which indices, sizes and offsets go wrong.
const ODD: [u32; 8] = [0, 1, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_0000, 65_536];

fn models() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/tflite");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tflite"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Spoils a file at up to four places.
fn spoil(bytes: &mut Vec<u8>, other: &[u8], random: &mut Pcg64) {
    for _ in 0..random.random_range(1..=4) {
        let place = random.random_range(0..bytes.len());
        match random.random_range(0..5) {
            0 => bytes[place] ^= 1 << random.random_range(0..8),
            1 => bytes[place] = random.random_range(0..=255),
            2 => {
                let word = ODD[random.random_range(0..ODD.len())].to_le_bytes();
                let place = place & !3;
                for (target, byte) in bytes.iter_mut().skip(place).zip(word) {
                    *target = byte;
                }
            }
            3 => {
                // A piece of another file, tables and all.
                let length = random.random_range(1..64_usize);
                let from = random.random_range(0..other.len());
                for (target, byte) in bytes.iter_mut().skip(place).zip(other.iter().skip(from).take(length)) {
                    *target = *byte;
                }
            }
            _ => bytes.truncate(place.max(9)),
        }
    }
}

/// Everything that is done with a file before an engine sees it.
fn exercise(bytes: Vec<u8>) -> bool {
    let Ok(model) = Model::from_bytes(Path::new("spoiled.tflite"), Bytes::from(bytes)) else {
        return false;
    };
    let Decoded::TfLite(tables) = &model.decoded else {
        return false;
    };
    let request = inputs::Request {
        task: Task::Auto,
        shapes: &Default::default(),
        seed: 1,
        sequence: None,
        batch: None,
    };
    // Sizes that a hostile file invents are not made up here: they would only be slow.
    let is_small = |dims: &Option<Vec<mlbuild::model::tensor::Dim>>| {
        dims.iter().flatten().all(|dim| !matches!(dim, mlbuild::model::tensor::Dim::Fixed(size) if *size > 64))
    };
    if model.facts.inputs.len() < 8 && model.facts.inputs.iter().all(|spec| is_small(&spec.dims)) {
        let _ = inputs::make(&model, &request);
    }
    let _ = mlbuild::variant::precision(&model);
    let _ = difference(&model, &model, Default::default());
    let written = tflite::write(tables).unwrap();
    let read = tflite::read(&Bytes::from(written)).unwrap();
    assert_eq!(format!("{:?}", read.model), format!("{tables:?}"));
    for recipe in RECIPES {
        let recipe = Recipe::parse(recipe).unwrap();
        let pass = &recipe.steps[0].pass;
        let mut evidence = Evidence::default();
        for observation in pass.wanted_tflite(tables).unwrap_or_default().observations {
            let range = mlbuild::variant::Range { min: -1.0, max: 1.0 };
            evidence.ranges.insert(observation.tensor, range);
        }
        let mut changed = tables.as_ref().clone();
        if pass.apply_tflite(&mut changed, &evidence, &mut Account::default()).is_ok() {
            let _ = tflite::write(&changed);
        }
    }
    true
}

#[test]
fn nothing_that_a_file_holds_panics() {
    let models = models();
    let cases = number("MLBUILD_FUZZ_CASES").unwrap_or(4000);
    let seeds = match number("MLBUILD_FUZZ_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..cases,
    };
    let mut read = 0_u64;
    for seed in seeds.clone() {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut bytes = models[random.random_range(0..models.len())].clone();
        let other = &models[random.random_range(0..models.len())];
        spoil(&mut bytes, other, &mut random);
        let outcome = std::panic::catch_unwind(|| exercise(bytes));
        read += u64::from(outcome.unwrap_or_else(|_| panic!("seed {seed}")));
    }
    // Most of what is spoiled is refused, and not all of it: otherwise nothing behind the door was tried.
    assert!(seeds.end - seeds.start < 100 || read * 50 > seeds.end, "{read} of {} were read", seeds.end);
}
