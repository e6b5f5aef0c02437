//! Any bytes as a baseline's manifest: one that is accepted names plain files only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlbuild::pipeline::baseline::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        for file in manifest.files() {
            assert!(!file.asset_name().contains(['/', '\\']));
        }
    }
});
