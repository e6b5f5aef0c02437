//! Any bytes as a dataset: samples of the asked shape or an error, never a crash.
#![no_main]

use std::collections::BTreeMap;
use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use mlbuild::config::DatasetConfig;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::TensorSpec;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let dims = Some(vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(4)]);
    let specs = [TensorSpec { name: "x".to_owned(), element: ElementType::Float, dims }];
    let settings = DatasetConfig { labels: Some("y".to_owned()), samples: 8, ..DatasetConfig::of(file.path().to_owned()) };
    if let Ok(dataset) = Dataset::open(&settings, &specs, &BTreeMap::new()) {
        for sample in (0..dataset.len()).filter_map(|index| dataset.sample(index).ok()) {
            assert!(sample.iter().all(|tensor| tensor.data.len() == tensor.len() * 4));
        }
    }
});
