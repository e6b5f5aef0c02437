//! The parent's side of a worker: starts it, asks with a timeout, and tells what became of it.

use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use tempfile::TempDir;

use crate::config::Engine;
use crate::model::tensor::Tensor;
use crate::runtime::engine_time;
use crate::runtime::environment;
use crate::runtime::error::WorkerError;
use crate::runtime::observing;
use crate::runtime::observing::Watch;
use crate::runtime::observing::Watched;
use crate::runtime::protocol;
use crate::runtime::protocol::Reply;
use crate::runtime::protocol::Request;
use crate::runtime::settings::Artifact;
use crate::runtime::settings::Loaded;
use crate::runtime::settings::RawProfile;
use crate::runtime::settings::SessionSettings;
use crate::runtime::settings::WorkerCommand;
use crate::runtime::settings::WorkerOptions;
use crate::runtime::stolen::Timed;

use super::idle;
use super::spawning;
use super::status;
use super::status::Tail;

/// How long a process whose pipe has closed may take to end by itself.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// How often somebody who waits for an answer looks whether the run is to end.
const PULSE: Duration = Duration::from_millis(100);

const LOADING: &str = "loading the model";
const RUNNING: &str = "running the model";
const PROFILING: &str = "profiling the model";

type Answer = io::Result<Option<(Reply, Bytes)>>;

/// A worker process with at most one session. Dropping it kills the process.
///
/// Every request is answered within the timeout or ends in an error; after [`WorkerError::TimedOut`], [`WorkerError::Crashed`],
/// [`WorkerError::Protocol`], [`WorkerError::Interrupted`], and where memory ran out for the process, the worker is gone.
pub struct Worker {
    child: Child,
    requests: mpsc::Sender<Vec<u8>>,
    answers: mpsc::Receiver<Answer>,
    tail: Tail,
    options: WorkerOptions,
    pinned: bool,
    paused: bool,
    /// The engine that it was last asked to use.
    engine: Engine,
    /// Its empty working folder: nothing lies where a relative path could lead.
    _folder: TempDir,
}

impl Worker {
    /// Starts a worker and greets it.
    pub fn spawn(command: &WorkerCommand, options: &WorkerOptions) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Spawn {
            executable: command.executable.clone(),
            source,
        };
        let folder = TempDir::with_prefix("mlbuild-worker-").map_err(failed)?;
        let mut process = Command::new(absolute(&command.executable));
        process
            .args(&command.arguments)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        environment::restrict(&mut process, folder.path());
        detach(&mut process);
        let mut child = spawning::spawn(process).map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let Some(((stdin, stdout), stderr)) = pipes else {
            let _ = child.kill();
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let mut worker = Self {
            child,
            requests: send(stdin).map_err(failed)?,
            answers: receive(stdout).map_err(failed)?,
            tail: Tail::follow(stderr).map_err(failed)?,
            options: options.clone(),
            pinned: false,
            paused: false,
            engine: Engine::OnnxRuntime,
            _folder: folder,
        };
        let hello = Request::Hello {
            protocol: protocol::VERSION,
            cores: options.cores.clone(),
            memory_limit: options.memory_limit,
            sandbox: command.sandbox,
            folders: options.folders.iter().map(|folder| absolute(folder)).collect(),
        };
        match worker.ask("starting", &hello, &[])? {
            (Reply::Hello { protocol, pinned }, _) if protocol == protocol::VERSION => {
                worker.pinned = pinned;
                Ok(worker)
            }
            other => Err(worker.unexpected("starting", &other.0)),
        }
    }

    /// Builds a session, feeds it `inputs`, and runs it once. A session that was there before is dropped first.
    pub fn load(
        &mut self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
    ) -> Result<Loaded, WorkerError> {
        self.engine = settings.target.engine();
        let (headers, data) = protocol::pack(inputs);
        let request = Request::Load {
            artifact: absolute_artifact(artifact),
            settings: settings.clone(),
            inputs: headers,
        };
        match self.ask(LOADING, &request, &data)? {
            (Reply::Loaded(loaded), _) => Ok(loaded),
            other => Err(self.unexpected(LOADING, &other.0)),
        }
    }

    /// Builds the session anew in the same process, from the same files, settings and inputs.
    pub fn reload(&mut self) -> Result<Loaded, WorkerError> {
        match self.ask(LOADING, &Request::Reload, &[])? {
            (Reply::Loaded(loaded), _) => Ok(loaded),
            other => Err(self.unexpected(LOADING, &other.0)),
        }
    }

    /// Runs `discard` inferences, then `keep` more, and returns what each of those took, clocked in the worker.
    pub fn block(&mut self, discard: u32, keep: u32) -> Result<Vec<Timed>, WorkerError> {
        let (reply, payload) = self.ask(RUNNING, &Request::Block { discard, keep }, &[])?;
        match (reply, protocol::unpack_timed(&payload)) {
            (Reply::Block, Ok(timed)) if timed.len() == keep as usize => Ok(timed),
            (reply, _) => Err(self.unexpected(RUNNING, &reply)),
        }
    }

    /// Runs once on `inputs` and returns every output, in the model's order. Not-a-numbers pass through. Outputs that are no
    /// dense tensors, or of a type that this tool cannot read, come back without data.
    pub fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, WorkerError> {
        let (inputs, data) = protocol::pack(inputs);
        let (reply, payload) = self.ask(RUNNING, &Request::Infer { inputs }, &data)?;
        let Reply::Inferred { outputs } = reply else {
            return Err(self.unexpected(RUNNING, &reply));
        };
        protocol::unpack(outputs, &payload).map_err(|error| self.garbled(RUNNING, &error))
    }

    /// Has the worker watch outputs from now on, and forget what it watched before.
    pub fn observe(&mut self, watches: &[Watch]) -> Result<(), WorkerError> {
        let request = Request::Observe {
            watches: watches.to_vec(),
        };
        match self.ask(RUNNING, &request, &[])? {
            (Reply::Watching, _) => Ok(()),
            other => Err(self.unexpected(RUNNING, &other.0)),
        }
    }

    /// Runs once on `inputs`; the worker adds the outputs to what it watches and returns none of them.
    pub fn feed(&mut self, inputs: &[Tensor]) -> Result<(), WorkerError> {
        let (inputs, data) = protocol::pack(inputs);
        match self.ask(RUNNING, &Request::Feed { inputs }, &data)? {
            (Reply::Fed { seconds }, _) => {
                engine_time::add(Duration::try_from_secs_f64(seconds).unwrap_or_default());
                Ok(())
            }
            other => Err(self.unexpected(RUNNING, &other.0)),
        }
    }

    /// What was learned since [`Worker::observe`], an entry for each of its watches.
    pub fn observed(&mut self) -> Result<Vec<Watched>, WorkerError> {
        let (reply, payload) = self.ask(RUNNING, &Request::Observed, &[])?;
        let Reply::Observed { watched } = reply else {
            return Err(self.unexpected(RUNNING, &reply));
        };
        observing::unpack(watched, &payload).map_err(|error| self.garbled(RUNNING, &error))
    }

    /// Runs a profiled session and a plain one, each once, then `warmup` times, then `runs` times. Only a worker that has loaded
    /// nothing can; it writes into its own folder meanwhile.
    pub fn profile(
        &mut self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        warmup: u32,
        runs: u32,
    ) -> Result<RawProfile, WorkerError> {
        self.engine = settings.target.engine();
        let (headers, data) = protocol::pack(inputs);
        let request = Request::Profile {
            artifact: absolute_artifact(artifact),
            settings: settings.clone(),
            inputs: headers,
            warmup,
            runs,
        };
        let (reply, payload) = self.ask(PROFILING, &request, &data)?;
        let Reply::Profiled {
            runtime_version,
            plain,
            events,
            not_saved,
        } = reply
        else {
            return Err(self.unexpected(PROFILING, &reply));
        };
        let (plain, events) = (plain as usize, events as usize);
        let parts = plain
            .checked_add(events)
            .filter(|end| *end <= payload.len())
            .and_then(|end| {
                let timed = protocol::unpack_timed(&payload[..plain]).ok()?;
                Some((timed, payload.slice(plain..end), payload.slice(end..)))
            });
        let Some((plain, events, optimized)) = parts else {
            let detail = "a profile reaches beyond the payload";
            return Err(self.garbled(PROFILING, &io::Error::new(io::ErrorKind::InvalidData, detail)));
        };
        Ok(RawProfile {
            runtime_version,
            plain,
            events,
            optimized: match not_saved {
                Some(reason) => Err(reason),
                None => Ok(optimized),
            },
        })
    }

    /// The most physical memory that the process has held so far, in bytes; `None` where the system doesn't tell.
    pub fn peak_memory(&mut self) -> Result<Option<u64>, WorkerError> {
        let doing = "reading its peak memory";
        match self.ask(doing, &Request::PeakMemory, &[])? {
            (Reply::PeakMemory { bytes }, _) => Ok(bytes),
            other => Err(self.unexpected(doing, &other.0)),
        }
    }

    /// Stops the process where it stands, so that its thread pool cannot take the cores from the other worker. `false` where
    /// the system can't (Windows). The next request resumes it.
    pub fn pause(&mut self) -> bool {
        self.paused = self.paused || idle::pause(self.child.id());
        self.paused
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self) {
        if self.paused {
            idle::resume(self.child.id());
            self.paused = false;
        }
    }

    /// Waits until the process uses no more processor time: its pool has gone to sleep. `false` where it still did after
    /// `patience`, or where the system doesn't tell.
    pub fn settle(&self, patience: Duration) -> bool {
        self.paused || idle::settle(self.child.id(), patience)
    }

    /// True where the worker runs on the cores that were asked for.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The process' number.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    fn ask(&mut self, doing: &'static str, request: &Request, payload: &[u8]) -> Result<(Reply, Bytes), WorkerError> {
        self.resume();
        if self.options.stop.is_raised() {
            self.kill();
            return Err(WorkerError::Interrupted { doing });
        }
        let frame = protocol::encode(request, payload).map_err(|error| self.garbled(doing, &error))?;
        if self.requests.send(frame).is_err() {
            return Err(self.died(doing));
        }
        let asked = Instant::now();
        let answer = self.answer();
        // It tells itself how long the engine took, and how long watching did.
        if !matches!(request, Request::Feed { .. }) {
            engine_time::add(asked.elapsed());
        }
        match answer {
            Ok(Ok(Some((Reply::Failed(failure), _)))) => Err(WorkerError::from_failure(
                failure,
                self.engine,
                doing,
                self.options.memory_limit,
            )),
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Err(self.garbled(doing, &error)),
            Ok(Ok(None) | Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.died(doing)),
            Err(RecvTimeoutError::Timeout) if self.options.stop.is_raised() => {
                self.kill();
                Err(WorkerError::Interrupted { doing })
            }
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                Err(WorkerError::TimedOut {
                    doing,
                    after: self.options.timeout,
                })
            }
        }
    }

    /// Waits for the next answer; a timeout means that the time is up, or that the run is to end.
    fn answer(&self) -> Result<Answer, RecvTimeoutError> {
        let asked = Instant::now();
        loop {
            let left = self.options.timeout.saturating_sub(asked.elapsed());
            match self.answers.recv_timeout(left.min(PULSE)) {
                Err(RecvTimeoutError::Timeout) if left > PULSE && !self.options.stop.is_raised() => {}
                answer => return answer,
            }
        }
    }

    fn unexpected(&mut self, doing: &'static str, reply: &Reply) -> WorkerError {
        let name = format!("{reply:?}");
        let name = name
            .split(|character: char| !character.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let detail = format!("`{name}` does not fit the question");
        self.garbled(doing, &io::Error::new(io::ErrorKind::InvalidData, detail))
    }

    fn garbled(&mut self, doing: &'static str, error: &io::Error) -> WorkerError {
        self.kill();
        WorkerError::Protocol {
            doing,
            detail: error.to_string(),
            stderr: self.tail.text(),
        }
    }

    /// The pipe has closed: finds out what became of the process.
    fn died(&mut self, doing: &'static str) -> WorkerError {
        let deadline = Instant::now() + LAST_BREATH;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => break None,
            }
        };
        self.kill();
        status::explain(status, doing, self.tail.text(), self.options.memory_limit)
    }

    fn kill(&mut self) {
        // Both fail only where the process has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes frames from a thread of its own, so that a worker that doesn't read cannot block past the timeout.
fn send(mut stdin: impl Write + Send + 'static) -> io::Result<mpsc::Sender<Vec<u8>>> {
    let (sender, frames) = mpsc::channel::<Vec<u8>>();
    thread::Builder::new().name("to the worker".to_owned()).spawn(move || {
        for frame in frames {
            if stdin.write_all(&frame).and_then(|()| stdin.flush()).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}

/// Reads frames in a thread of its own, so that waiting for one can time out.
fn receive(mut stdout: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<Answer>> {
    let (sender, answers) = mpsc::channel();
    thread::Builder::new()
        .name("from the worker".to_owned())
        .spawn(move || {
            loop {
                let answer = protocol::read(&mut stdout);
                let last = !matches!(answer, Ok(Some(_)));
                if sender.send(answer).is_err() || last {
                    return;
                }
            }
        })?;
    Ok(answers)
}

fn absolute_artifact(artifact: &Artifact) -> Artifact {
    let external = artifact.external.iter();
    Artifact {
        model: absolute(&artifact.model),
        external: external
            .map(|(location, path)| (location.clone(), absolute(path)))
            .collect(),
    }
}

/// The worker changes its folder, so relative paths must not reach it. A bare command name stays one.
fn absolute(path: &Path) -> PathBuf {
    if path.components().count() > 1 || path.exists() {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    }
}

/// Ctrl-C in a terminal goes to the whole process group: the parent alone decides what becomes of its workers.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}
