//! Any bytes as a model file: detection, cost, decoding, scan, facts and the lossless guard must give a model or an error.
//!
//! Start from real files: `cargo fuzz run onnx_model fuzz/corpus/onnx_model tests/fixtures/models`.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mlbuild::model::Model;
use mlbuild::model::onnx;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = Model::from_bytes(Path::new("model.onnx"), Bytes::copy_from_slice(bytes)) else {
        return;
    };
    if onnx::modifiable(&model).is_ok() {
        assert_eq!(onnx::encode(&model.proto), model.bytes);
    }
    let inputs = model.facts.inputs.iter().map(|input| {
        let rank = input.dims.as_ref().map_or(0, Vec::len);
        (input.name.clone(), vec![2; rank])
    });
    let _ = model.work(&inputs.collect::<BTreeMap<_, _>>());
});
