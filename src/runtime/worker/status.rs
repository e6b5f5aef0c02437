//! What became of a worker that went silent: exit status and the end of its stderr, in words.

use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use crate::runtime::confinement::REFUSED;
use crate::runtime::error::WorkerError;

/// Bytes of stderr that are kept.
const TAIL: usize = 8 << 10;

/// How long to wait for the last words of a process that has ended; its own children may keep the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The end of a stream that is read in the background, so that its writer never blocks.
pub(super) struct Tail(Arc<(Mutex<Kept>, Condvar)>);

#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
    ended: bool,
}

impl Tail {
    pub(super) fn follow(mut stream: impl Read + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new((Mutex::new(Kept::default()), Condvar::new()));
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("worker's stderr".to_owned())
            .spawn(move || {
                let mut buffer = [0_u8; 4096];
                loop {
                    let read = stream.read(&mut buffer).unwrap_or(0);
                    let mut kept = writer.0.lock().unwrap_or_else(PoisonError::into_inner);
                    if read == 0 {
                        kept.ended = true;
                        writer.1.notify_all();
                        return;
                    }
                    kept.bytes.extend(&buffer[..read]);
                    let excess = kept.bytes.len().saturating_sub(TAIL);
                    kept.bytes.drain(..excess);
                }
            })?;
        Ok(Self(shared))
    }

    /// What is kept, once the stream has ended or after a short wait for it.
    pub(super) fn text(&self) -> String {
        let kept = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(kept, LAST_WORDS, |kept| !kept.ended);
        let (kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.bytes.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Turns the end of a process that nobody here has stopped into an error; `None` where it closed its pipe and went on.
pub(super) fn explain(
    status: Option<ExitStatus>,
    doing: &'static str,
    stderr: String,
    limit: Option<u64>,
) -> WorkerError {
    let Some(status) = status else {
        return WorkerError::Protocol {
            doing,
            detail: "it closed its output".to_owned(),
            stderr,
        };
    };
    if let Some(call) = refused_call(&stderr) {
        return WorkerError::Forbidden { doing, call };
    }
    let ran_out = [
        "bad_alloc",
        "bad allocation",
        "memory allocation of",
        "Failed to allocate memory",
    ]
    .iter()
    .find_map(|sign| stderr.lines().find(|line| line.contains(sign)));
    if let Some(line) = ran_out {
        return WorkerError::OutOfMemory {
            doing,
            detail: line.trim().to_owned(),
            limit,
        };
    }
    if signal(status) == Some(SIGKILL) {
        return WorkerError::OutOfMemory {
            doing,
            detail: "the system killed the worker, which it does when memory is short".to_owned(),
            limit,
        };
    }
    WorkerError::Crashed {
        doing,
        status: words(status),
        stderr,
    }
}

/// The name in the line that a worker leaves behind when it dies of a forbidden call.
fn refused_call(stderr: &str) -> Option<String> {
    let rest = stderr.lines().find_map(|line| line.strip_prefix(REFUSED))?;
    let name = rest.trim().trim_matches('`');
    let is_name =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "_?".contains(character);
    (!name.is_empty() && name.len() <= 40 && name.chars().all(is_name)).then(|| name.to_owned())
}

const SIGKILL: i32 = 9;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal()
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

fn words(status: ExitStatus) -> String {
    match (signal(status), status.code()) {
        (Some(4), _) => "illegal instruction (signal 4); the library may need a newer processor".to_owned(),
        (Some(6), _) => "aborted (signal 6)".to_owned(),
        (Some(8), _) => "division by zero (signal 8)".to_owned(),
        (Some(11), _) => "segmentation fault (signal 11)".to_owned(),
        (Some(24), _) => "it used up its processor time (signal 24)".to_owned(),
        (Some(25), _) => "it tried to write a file (signal 25)".to_owned(),
        (Some(31), _) => "it made a forbidden system call (signal 31)".to_owned(),
        (Some(other), _) => format!("signal {other}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "unknown status".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn explained(raw: i32, stderr: &str) -> WorkerError {
        use std::os::unix::process::ExitStatusExt as _;
        explain(Some(ExitStatus::from_raw(raw)), "loading", stderr.to_owned(), Some(7))
    }

    #[test]
    #[cfg(unix)]
    fn signals_and_codes_have_words() {
        assert_eq!(
            explained(11, "noise\n").to_string(),
            "the worker died while loading: segmentation fault (signal 11) (noise)"
        );
        assert_eq!(
            explained(3 << 8, "").to_string(),
            "the worker died while loading: exit code 3"
        );
    }

    #[test]
    #[cfg(unix)]
    fn memory_is_recognised_by_signal_and_by_words() {
        assert!(matches!(
            explained(9, ""),
            WorkerError::OutOfMemory { limit: Some(7), .. }
        ));
        let error = explained(6, "terminate called after throwing an instance of 'std::bad_alloc'\n");
        assert!(matches!(error, WorkerError::OutOfMemory { .. }), "{error}");
        let error = explained(6, "memory allocation of 123 bytes failed\n");
        assert!(matches!(error, WorkerError::OutOfMemory { .. }), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_forbidden_call_is_told_by_its_name() {
        let error = explained(31, &format!("noise\n{REFUSED}`socket`\n"));
        assert!(
            matches!(&error, WorkerError::Forbidden { call, .. } if call == "socket"),
            "{error}"
        );
        for other in ["", "`", "`a b`", "`<b>`", "`\u{1b}[1m`"] {
            let error = explained(31, &format!("{REFUSED}{other}\n"));
            assert!(matches!(error, WorkerError::Crashed { .. }), "{error}");
        }
    }

    #[test]
    fn keeps_the_end_of_a_long_stream() {
        let long = io::Cursor::new([vec![b'a'; 3 * TAIL], b"end".to_vec()].concat());
        let text = Tail::follow(long).unwrap().text();
        assert_eq!(text.len(), TAIL);
        assert!(text.ends_with("aend"));
    }
}
