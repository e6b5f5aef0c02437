//! Any bytes as a file of a folder of samples: an input of the asked shape or an error, never a crash. The first byte says what the
//! file is called.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mlbuild::config::DatasetConfig;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::tensor::Dim;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::TensorSpec;

fuzz_target!(|bytes: &[u8]| {
    let Some((name, bytes)) = bytes.split_first() else { return };
    let Ok(folder) = tempfile::tempdir() else { return };
    let pixel = [b'B', b'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0];
    let name = ["a.png", "a.jpg", "a.webp", "a.bmp", "a.npy", "labels.csv", "labels.npy"][usize::from(*name) % 7];
    if name.starts_with("labels") {
        let mut whole = pixel.to_vec();
        whole.resize(58, 0);
        if mlbuild::files::write_atomic(&folder.path().join("a.bmp"), &whole).is_err() {
            return;
        }
    }
    if mlbuild::files::write_atomic(&folder.path().join(name), bytes).is_err() {
        return;
    }
    let dims = Some(vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(3), Dim::Fixed(4), Dim::Fixed(5)]);
    let specs = [TensorSpec { name: "x".to_owned(), element: ElementType::Float, dims }];
    let settings = DatasetConfig::of(folder.path().to_owned());
    if let Ok(sample) = Dataset::open(&settings, &specs, &BTreeMap::new()).and_then(|dataset| dataset.sample(0)) {
        assert!(sample.iter().all(|tensor| tensor.shape == [1, 3, 4, 5] && tensor.data.len() == 240));
    }
});
