//! A library that poses as ONNX Runtime and attacks whoever loads it, and systems that confine less.
#![allow(dead_code, reason = "each topic uses its share")]

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen;
use seccompiler::SeccompCmpOp;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;
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

/// Has `command` run as on a system without Landlock, or without both.
pub fn without_layers(command: &mut Command, seccomp_too: bool) {
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = |call: libc::c_long, rules: Vec<SeccompRule>, errno: i32| -> BpfProgram {
        let rules = [(call, rules)].into_iter().collect();
        let action = SeccompAction::Errno(errno as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture).unwrap();
        filter.try_into().unwrap()
    };
    let mode = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        libc::PR_SET_SECCOMP as u64,
    );
    let mut programs = vec![filter(libc::SYS_landlock_create_ruleset, Vec::new(), libc::ENOSYS)];
    if seccomp_too {
        let rule = SeccompRule::new(vec![mode.unwrap()]).unwrap();
        programs.push(filter(libc::SYS_prctl, vec![rule], libc::EINVAL));
    }
    let apply = move || {
        for program in &programs {
            seccompiler::apply_filter(program).map_err(io::Error::other)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls and touches memory that is there already.
    #[expect(unsafe_code, reason = "the child must lack what its parent has")]
    unsafe {
        command.pre_exec(apply)
    };
}
