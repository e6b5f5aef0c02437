//! What the library writes to stderr while something runs, for failures about which it says nothing elsewhere.

/// Runs `work` and returns what was written to stderr meanwhile, by any thread; nothing where that cannot be caught.
#[cfg(unix)]
pub(super) fn captured<R>(work: impl FnOnce() -> R) -> (R, String) {
    use std::io::Read as _;

    /// The end of what is written is cut off here.
    const MAX: u64 = 64 << 10;

    let saved = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3);
    let (Ok(saved), Ok((reader, writer))) = (saved, std::io::pipe()) else {
        return (work(), String::new());
    };
    if rustix::stdio::dup2_stderr(&writer).is_err() {
        return (work(), String::new());
    }
    drop(writer);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut bytes = Vec::new();
            let mut reader = reader;
            let _ = reader.by_ref().take(MAX).read_to_end(&mut bytes);
            // What comes after is drained, so that nobody blocks on it.
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
            bytes
        });
        let result = work();
        // The last writer goes with it, and the reader ends.
        let _ = rustix::stdio::dup2_stderr(&saved);
        let bytes = reading.join().unwrap_or_default();
        (result, String::from_utf8_lossy(&bytes).into_owned())
    })
}

/// Runs `work`; here nothing can be caught.
#[cfg(not(unix))]
pub(super) fn captured<R>(work: impl FnOnce() -> R) -> (R, String) {
    (work(), String::new())
}
