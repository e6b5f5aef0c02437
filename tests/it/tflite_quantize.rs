//! Quantized and pruned TensorFlow Lite models, run by the real engine.

use std::path::PathBuf;

use mlbuild::model::tflite;
use mlbuild::model::tflite::schema::Model as Tables;
use mlbuild::variant::Account;
use mlbuild::variant::Evidence;
use mlbuild::variant::Range;
use mlbuild::variant::VariantError;
use mlbuild::variant::tflite::Ends;
use mlbuild::variant::tflite::Pruning;
use mlbuild::variant::tflite::fp16;
use mlbuild::variant::tflite::int8;
use mlbuild::variant::tflite::int8_dynamic;
use mlbuild::variant::tflite::prune;

/// Writes the variants of every model with ranges in `MLBUILD_PAIRS`, for `tests/reference/tflite/quantize_check.py`.
#[test]
#[ignore = "needs converted models and ranges; see tests/reference/tflite/quantize_check.py"]
fn variants() {
    let folder = PathBuf::from(std::env::var_os("MLBUILD_PAIRS").expect("MLBUILD_PAIRS is not set"));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_suffix(".ranges.json")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    for name in names {
        let bytes = std::fs::read(folder.join(format!("{name}.tflite"))).unwrap();
        let model = tflite::read(&bytes.into()).unwrap().model;
        let text = std::fs::read_to_string(folder.join(format!("{name}.ranges.json"))).unwrap();
        let ranges: std::collections::BTreeMap<String, (f32, f32)> = serde_json::from_str(&text).unwrap();
        let ranges = ranges.into_iter().map(|(name, (min, max))| (name, Range { min, max }));
        let evidence = Evidence {
            ranges: ranges.collect(),
            ..Evidence::default()
        };
        let make = |variant: &str, change: &dyn Fn(&mut Tables, &mut Account) -> Result<(), VariantError>| {
            let (mut made, mut account) = (model.clone(), Account::default());
            let started = std::time::Instant::now();
            if let Err(error) = change(&mut made, &mut account) {
                println!("{name} {variant}: {error}");
                return;
            }
            let written = tflite::write(&made).unwrap();
            std::fs::write(folder.join(format!("{name}.{variant}.tflite")), written).unwrap();
            println!(
                "{name} {variant}: {} changed in {:?}",
                account.changed,
                started.elapsed()
            );
            for left in account.left {
                println!("    {}: {}", left.node, left.reason);
            }
        };
        make("fp16", &|model, account| fp16(model, account));
        make("dynamic", &|model, account| int8_dynamic(model, account));
        make("int8", &|model, account| int8(model, &evidence, Ends::Floats, account));
        let half = Pruning::parse("0.50").unwrap();
        make("pruned", &|model, account| prune(model, half, account));
    }
}
