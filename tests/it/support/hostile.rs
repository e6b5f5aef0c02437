//! A library that poses as ONNX Runtime and attacks whoever loads it.
#![allow(dead_code, reason = "each topic uses its share")]

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// A copy of the library in a folder of its own, with the order that it will follow.
pub struct Hostile {
    folder: TempDir,
}

impl Hostile {
    /// It will do `attack` to `target` as soon as its first function is called.
    pub fn new(attack: &str, target: &str) -> Self {
        let folder = TempDir::with_prefix("mlbuild-hostile-").unwrap();
        fs::copy(built(), folder.path().join("libonnxruntime.so")).unwrap();
        // A worker may read what is called like a library and lies beside the engine's.
        fs::write(folder.path().join("order.so"), format!("{attack}\n{target}\n")).unwrap();
        Self { folder }
    }

    /// What to name as the engine.
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libonnxruntime.so")
    }
}

/// The library, compiled once a run by the compiler that compiles the tests.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let library = folder.join("libhostile.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile/engine.rs");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(compiler)
            .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"])
            .arg(&library)
            .arg(&source)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    })
}
