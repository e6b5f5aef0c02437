//! Any bytes as a TensorFlow Lite model: facts, and the same tables once written and read again, or an error, never a crash.
#![no_main]

use std::path::Path;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mlbuild::model::Model;
use mlbuild::model::tflite;

fuzz_target!(|data: &[u8]| {
    let Ok(model) = Model::from_bytes(Path::new("model.tflite"), Bytes::copy_from_slice(data)) else {
        return;
    };
    if let Some(tables) = model.tflite() {
        let written = tflite::write(tables).unwrap_or_default();
        let _ = tflite::read(&Bytes::from(written));
    }
});
