//! What kind of data models take: the shipped ones, and small graphs that look like something else at first sight.

use mlbuild::config::Task;
use mlbuild::model::Model;
use mlbuild::model::task;

use crate::support::onnx;

#[test]
fn print_them() {
    for entry in std::fs::read_dir("/work/shared/models").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let model = Model::load(&path).unwrap();
            let found = task::detect(&model);
            println!(
                "{} {:?} {:?}",
                path.file_name().unwrap().to_string_lossy(),
                model
                    .facts
                    .inputs
                    .iter()
                    .map(|i| format!("{} {}", i.name, i.describe()))
                    .collect::<Vec<_>>(),
                model.facts.op_histogram
            );
            println!("    {found:?}");
        }
    }
}
