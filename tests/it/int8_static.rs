//! Static 8-bit quantization of real models, with ranges that the engine gives.

use std::path::PathBuf;

use mlbuild::files::write_atomic;
use mlbuild::model::Model;
use mlbuild::variant::Evidence;
use mlbuild::variant::Recipe;
use mlbuild::variant::derive;

/// Writes the int8-static variant of every model of a folder of folders, for `tests/reference/int8_static_check.py`, which says how to
/// run this.
#[test]
#[ignore = "writes files for the reference check"]
fn write_int8_static_variants() {
    let folder = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (models, results) = (folder("INT8_CHECK_MODELS"), folder("INT8_CHECK_RESULTS"));
    let recipe =
        Recipe::parse(&std::env::var("INT8_CHECK_RECIPE").unwrap_or_else(|_| "int8-static".to_owned())).unwrap();
    for entry in std::fs::read_dir(&results).unwrap() {
        let target = entry.unwrap().path();
        let name = target.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read(target.join("evidence.json")) else {
            continue;
        };
        let model = Model::load(&models.join(format!("{name}.onnx"))).unwrap();
        let evidence: Evidence = serde_json::from_slice(&text).unwrap();
        let start = std::time::Instant::now();
        match derive(&model, &recipe, 0, &[evidence]) {
            Ok(variant) => {
                let took = start.elapsed().as_millis();
                for file in &variant.files {
                    write_atomic(&target.join("ours").join(&file.name), &file.bytes).unwrap();
                }
                let left = variant
                    .account
                    .left
                    .iter()
                    .map(|left| format!("{}: {}", left.node, left.reason));
                let lines: Vec<String> = variant.account.notes.iter().cloned().chain(left).collect();
                let lines = format!("{} changed, {took} ms\n{}\n", variant.account.changed, lines.join("\n"));
                write_atomic(&target.join("ours").join("account.txt"), lines.as_bytes()).unwrap();
            }
            Err(error) => write_atomic(&target.join("ours").join("account.txt"), error.to_string().as_bytes()).unwrap(),
        }
    }
}
