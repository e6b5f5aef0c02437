//! Keeping every core busy while something is measured.

use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use mlbuild::machine::affinity;

/// The argument that makes this program an endless loop.
pub(crate) const SPIN: &str = "--spin";

/// One endless loop a core, until dropped.
pub(crate) struct Load(Vec<Child>);

impl Load {
    pub(crate) fn start() -> Self {
        let loops = (0..affinity::allowed_count()).map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .arg(SPIN)
                // A loop must not outlive the bench: it ends when this pipe does.
                .stdin(Stdio::piped())
                .spawn()
                .unwrap()
        });
        Self(loops.collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Never returns while the parent lives.
pub(crate) fn spin() -> ! {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let mut count = 0_u64;
    loop {
        count = std::hint::black_box(count.wrapping_add(1));
    }
}
