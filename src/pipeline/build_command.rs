//! Running a model's `build:` command: within a time limit, its output passed on line by line, no token in its environment.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::config::BuildCommand;
use crate::hint::Hint;
use crate::units::Span;

/// How many of the last lines an error carries.
const LAST_LINES: usize = 20;
/// A longer line is cut into several, in bytes.
const LONGEST_LINE: usize = 4096;
/// How often the command's end, the time limit and the wish to stop are looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long output may still come after the command has ended; then what it left running is stopped.
const DRAIN: Duration = Duration::from_secs(2);

/// What to run and where.
pub struct Request<'a> {
    /// The command and its time limit.
    pub build: &'a BuildCommand,
    /// The folder of the config.
    pub folder: &'a Path,
    /// The environment of this process; tokens in it are not handed on.
    pub environment: &'a BTreeMap<String, String>,
    /// Set by someone else to stop the command early.
    pub stop: &'a AtomicBool,
}

/// Which of its two outputs a command wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A line of the command's output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written to.
    pub stream: Stream,
    /// Its text; what is not UTF-8 is replaced.
    pub text: String,
}

/// A build command that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It never ran.
    #[error("cannot run the build command `{command}` in `{}`", folder.display())]
    Start {
        /// As in the config.
        command: String,
        /// Where it should have run.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It ended with a fault.
    #[error("the build command `{command}` failed: {status}{}", tail(last_lines))]
    Failed {
        /// As in the config.
        command: String,
        /// The exit code or signal.
        status: ExitStatus,
        /// The end of its output.
        last_lines: Vec<String>,
    },
    /// It took too long, and was stopped with all that it had started.
    #[error("the build command `{command}` was stopped after {limit}{}", tail(last_lines))]
    TimedOut {
        /// As in the config.
        command: String,
        /// The time limit.
        limit: Span,
        /// The end of its output.
        last_lines: Vec<String>,
    },
    /// Someone asked to stop.
    #[error("the build command `{command}` was interrupted")]
    Interrupted {
        /// As in the config.
        command: String,
    },
}

impl Hint for BuildError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Start { .. } => vec!["`build` is a shell command; it runs in the folder of the config".to_owned()],
            Self::Failed { command, .. } => vec![
                format!("run `{command}` yourself in the folder of the config"),
                "tokens such as GITHUB_TOKEN are not in its environment; what it needs must come without".to_owned(),
            ],
            Self::TimedOut { .. } => vec!["raise its limit: `build: { command: …, timeout: 1 h }`".to_owned()],
            Self::Interrupted { .. } => Vec::new(),
        }
    }
}

fn tail(lines: &[String]) -> String {
    if lines.is_empty() {
        ", without any output".to_owned()
    } else {
        format!(
            "; its output ends with\n{}",
            lines
                .iter()
                .map(|line| format!("    {line}"))
                .collect::<Vec<_>>()
                .join("\n")
        )
    }
}

/// The environment without anything that lets a command speak to GitHub or a registry in our name.
pub fn without_tokens(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const PREFIXES: &[&str] = &["ACTIONS_", "INPUT_", "MLBUILD_TOKEN"];
    const NAMES: &[&str] = &[
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "NETRC",
        "SSH_AUTH_SOCK",
    ];
    const PARTS: &[&str] = &["API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIALS"];
    // Whole words: TOKENIZERS_PARALLELISM is no secret.
    const WORDS: &[&str] = &["TOKEN", "SECRET", "PASSWORD", "PASSWD", "APIKEY", "PAT"];
    environment
        .iter()
        .filter(|(name, _)| {
            let name = name.to_uppercase();
            !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                && !NAMES.contains(&name.as_str())
                && !PARTS.iter().any(|part| name.contains(part))
                && !name.split('_').any(|word| WORDS.contains(&word))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Runs the command to its end; every line of output goes to `observer` as it comes.
pub fn run(request: &Request<'_>, observer: &mut dyn FnMut(&Line)) -> Result<(), BuildError> {
    let command = &request.build.command;
    let failed_to_start = |source| BuildError::Start {
        command: command.clone(),
        folder: request.folder.to_owned(),
        source,
    };
    let mut child = Group(shell(request).spawn().map_err(failed_to_start)?);
    let lines = output_of(&mut child.0);
    let started = Instant::now();
    let limit = request.build.timeout;
    let mut last_lines = VecDeque::new();
    let mut status = None;
    let mut drain_until = None;
    loop {
        match lines.recv_timeout(POLL) {
            Ok(line) => {
                observer(&line);
                if last_lines.len() == LAST_LINES {
                    last_lines.pop_front();
                }
                last_lines.push_back(line.text);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) if status.is_some() => break,
            Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(POLL),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if status.is_none() {
            status = child.0.try_wait().map_err(failed_to_start)?;
        }
        if request.stop.load(Ordering::SeqCst) {
            return Err(BuildError::Interrupted {
                command: command.clone(),
            });
        }
        if status.is_none() && started.elapsed() > limit.0 {
            return Err(BuildError::TimedOut {
                command: command.clone(),
                limit,
                last_lines: last_lines.into(),
            });
        }
        if status.is_some() && *drain_until.get_or_insert_with(|| Instant::now() + DRAIN) < Instant::now() {
            break;
        }
    }
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(BuildError::Failed {
            command: command.clone(),
            status,
            last_lines: last_lines.into(),
        }),
        // The loop ends with a status only.
        None => Err(failed_to_start(io::ErrorKind::Other.into())),
    }
}

#[cfg(unix)]
fn shell(request: &Request<'_>) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    command.arg("-c").arg(&request.build.command);
    // A group of its own, so that all that it starts can be stopped together.
    command.process_group(0);
    prepare(command, request)
}

#[cfg(not(unix))]
fn shell(request: &Request<'_>) -> Command {
    let mut command = Command::new("cmd");
    command.arg("/C").arg(&request.build.command);
    prepare(command, request)
}

fn prepare(mut command: Command, request: &Request<'_>) -> Command {
    command
        .current_dir(request.folder)
        .env_clear()
        .envs(without_tokens(request.environment))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A command and what it starts; whatever is left of them is stopped when dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // Also where the command itself has ended: something it started may run on. Nothing left is no fault.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads both outputs in threads of their own, which end when the pipes do.
fn output_of(child: &mut Child) -> mpsc::Receiver<Line> {
    // Bounded, so that a command that writes faster than anyone looks waits instead of filling memory.
    let (sender, receiver) = mpsc::sync_channel(256);
    if let Some(pipe) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || read_lines(pipe, Stream::Out, &sender));
    }
    if let Some(pipe) = child.stderr.take() {
        thread::spawn(move || read_lines(pipe, Stream::Err, &sender));
    }
    receiver
}

/// Sends lines; a carriage return ends one too, as progress bars do.
fn read_lines(mut pipe: impl Read, stream: Stream, sender: &mpsc::SyncSender<Line>) {
    let mut buffer = [0_u8; 8192];
    let mut line = Vec::new();
    loop {
        let read = match pipe.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        for byte in &buffer[..read] {
            let ends = matches!(byte, b'\n' | b'\r');
            if !ends {
                line.push(*byte);
            }
            if (ends && !line.is_empty()) || line.len() >= LONGEST_LINE {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                if sender.send(Line { stream, text }).is_err() {
                    return;
                }
            }
        }
    }
    if !line.is_empty() {
        let text = String::from_utf8_lossy(&line).into_owned();
        let _ = sender.send(Line { stream, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> BTreeMap<String, String> {
        [
            ("PATH", std::env::var("PATH").unwrap().as_str()),
            ("PYTHONPATH", "lib"),
            ("GITHUB_SHA", "abc"),
            ("TOKENIZERS_PARALLELISM", "false"),
            ("GITHUB_TOKEN", "hidden"),
            ("GH_TOKEN", "hidden"),
            ("MLBUILD_TOKEN", "hidden"),
            ("ACTIONS_RUNTIME_URL", "hidden"),
            ("INPUT_PATH", "hidden"),
            ("GITHUB_ENV", "hidden"),
            ("HF_TOKEN", "hidden"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
            ("PyPI_Password", "hidden"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn build(command: &str, seconds: u64) -> (Result<(), BuildError>, Vec<Line>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let build = BuildCommand {
            command: command.to_owned(),
            timeout: Span(Duration::from_secs(seconds)),
        };
        let request = Request {
            build: &build,
            folder: folder.path(),
            environment: &environment(),
            stop: &AtomicBool::new(false),
        };
        let mut lines = Vec::new();
        let outcome = run(&request, &mut |line| lines.push(line.clone()));
        (outcome, lines, folder)
    }

    #[test]
    fn runs_in_the_folder_and_passes_output_on() {
        let (outcome, lines, folder) = build("echo one; echo two >&2; printf 3 > made", 60);
        outcome.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("made")).unwrap(), "3");
        let of = |stream| {
            lines
                .iter()
                .filter(|line| line.stream == stream)
                .map(|line| line.text.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Stream::Out), ["one"]);
        assert_eq!(of(Stream::Err), ["two"]);
    }

    #[test]
    fn hands_no_token_on() {
        let (outcome, lines, _folder) = build("env", 60);
        outcome.unwrap();
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert!(
            text.contains(&"PYTHONPATH=lib") && text.contains(&"GITHUB_SHA=abc"),
            "{text:?}"
        );
        assert!(text.contains(&"TOKENIZERS_PARALLELISM=false"), "{text:?}");
        assert!(!text.iter().any(|line| line.contains("hidden")), "{text:?}");
    }

    #[test]
    fn tells_how_it_failed() {
        let (outcome, _, _folder) = build("seq 1 30; exit 3", 60);
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        let BuildError::Failed { status, last_lines, .. } = error else {
            panic!("not a failure")
        };
        assert_eq!(status.code(), Some(3));
        assert_eq!((last_lines.len(), last_lines[0].as_str()), (LAST_LINES, "11"));
    }

    #[test]
    fn stops_all_that_it_started_when_time_is_up() {
        let (outcome, lines, _folder) = build("sleep 300 & echo $!; wait", 1);
        assert!(matches!(outcome, Err(BuildError::TimedOut { .. })), "{outcome:?}");
        let pid = rustix::process::Pid::from_raw(lines[0].text.parse().unwrap()).unwrap();
        assert!(wait_until_gone(pid), "still running");
    }

    /// A killed orphan stays a zombie until its new parent looks; it must only not run on.
    fn wait_until_gone(pid: rustix::process::Pid) -> bool {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            stat.is_empty()
                || stat
                    .rsplit(") ")
                    .next()
                    .is_some_and(|rest| rest.starts_with(['Z', 'X']))
        })
    }

    #[test]
    fn does_not_wait_for_what_it_left_running() {
        let (outcome, lines, _folder) = build("sleep 300 & echo done", 200);
        outcome.unwrap();
        assert_eq!(lines[0].text, "done");
    }

    #[test]
    fn stops_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let build = BuildCommand {
            command: "echo ready; sleep 300".to_owned(),
            timeout: Span(Duration::from_secs(200)),
        };
        let stop = AtomicBool::new(false);
        let request = Request {
            build: &build,
            folder: folder.path(),
            environment: &environment(),
            stop: &stop,
        };
        let outcome = run(&request, &mut |_| stop.store(true, Ordering::SeqCst));
        assert!(matches!(outcome, Err(BuildError::Interrupted { .. })), "{outcome:?}");
    }

    #[test]
    fn cuts_endless_lines() {
        let (outcome, lines, _folder) = build("head -c 10000 /dev/zero | tr '\\0' x", 60);
        outcome.unwrap();
        assert_eq!(
            lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(),
            [4096, 4096, 1808]
        );
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let build = BuildCommand {
            command: "true".to_owned(),
            timeout: Span(Duration::from_secs(9)),
        };
        let request = Request {
            build: &build,
            folder: Path::new("/nowhere/at/all"),
            environment: &environment(),
            stop: &AtomicBool::new(false),
        };
        let error = run(&request, &mut |_| {}).unwrap_err();
        assert!(matches!(error, BuildError::Start { .. }), "{error}");
    }
}
