//! A real adb server, and a scripted phone that speaks adbd's wire protocol to it.
//!
//! The server is looked for where `.ci/adb` puts it, `target/ci/adb`. Where it is not, tests say that they skip, or fail if
//! `MLBUILD_ADB_TESTS=1` says that they have to run. The phone is a listener to which the server is told to connect, as to a phone over
//! Wi-Fi: messages of 24 bytes and a payload (`protocol.txt` of AOSP's `packages/modules/adb`), the services `shell,v2`, `shell` and
//! `sync`, files in memory, and as much of a shell as mlbuild's command lines need.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

use super::env::TestEnv;

const CNXN: u32 = 0x4e58_4e43;
const AUTH: u32 = 0x4854_5541;
const OPEN: u32 = 0x4e45_504f;
const OKAY: u32 = 0x5941_4b4f;
const CLSE: u32 = 0x4553_4c43;
const WRTE: u32 = 0x4554_5257;

const VERSION: u32 = 0x0100_0001;
const MOST_DATA: u32 = 256 << 10;

/// A running adb server.
pub struct AdbServer {
    program: PathBuf,
    port: u16,
    child: Child,
    home: TempDir,
}

impl AdbServer {
    /// `None` where adb is not installed and need not be.
    pub fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci/adb/adb");
        if !program.exists() {
            assert!(
                std::env::var("MLBUILD_ADB_TESTS").as_deref() != Ok("1"),
                "no {} (`.ci/adb` makes it)",
                program.display()
            );
            eprintln!("skipped: adb is not in target/ci/adb (`.ci/adb` puts it there)");
            return None;
        }
        let home = TempDir::with_prefix("mlbuild-adb-").unwrap();
        let port = free_port();
        let child = Command::new(&program)
            .args(["-P", &port.to_string(), "nodaemon", "server"])
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            program,
            port,
            child,
            home,
        };
        wait_for("the adb server", || {
            assert!(
                server.child.try_wait().unwrap().is_none(),
                "the adb server ended at once"
            );
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(server)
    }

    /// Lets runs of mlbuild find it.
    pub fn tell(&self, env: &mut TestEnv) {
        env.variable("ANDROID_ADB_SERVER_PORT", &self.port.to_string());
        env.redact(&self.port.to_string(), "[ADB]");
    }

    /// Connects a phone and waits until the server shows it in this state.
    pub fn connect(&self, phone: &Phone, state: &str) {
        self.adb(&["connect", &phone.serial()]);
        wait_for(&format!("a device that is {state}"), || {
            self.adb(&["devices"])
                .lines()
                .any(|line| line.split_whitespace().collect::<Vec<_>>() == [phone.serial().as_str(), state])
        });
    }

    fn adb(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.program)
            .args(["-P", &self.port.to_string()])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for AdbServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// One run of the scripted `benchmark_model`.
pub struct Turn<'a> {
    /// Runs before this one.
    pub index: usize,
    /// The model's file on the phone: `baseline.tflite` or `candidate.tflite`.
    pub file: &'a str,
    /// Its content, as it arrived.
    pub model: &'a [u8],
    /// Inferences that were asked for.
    pub runs: u32,
    /// The whole command.
    pub command: &'a str,
}

/// How a run ends.
pub enum Answer {
    /// Well, with inferences of so many microseconds.
    Microseconds(f64),
    /// With this output and exit code.
    Says(String, u8),
    /// The phone is gone.
    Vanish,
    /// Nothing is heard any more.
    Silence,
}

/// How the phone behaves.
pub struct Script {
    pub abi: &'static str,
    pub trusts: bool,
    pub features: &'static str,
    /// Bytes of storage.
    pub room: usize,
    /// `benchmark_model` tells medians.
    pub medians: bool,
    pub run: Box<dyn FnMut(&Turn<'_>) -> Answer + Send>,
    /// Thermal status and the skin's °C after so many runs.
    pub heat: Box<dyn Fn(usize) -> (u8, f64) + Send>,
    pub battery: &'static str,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            abi: "arm64-v8a",
            trusts: true,
            features: "shell_v2,cmd,stat_v2",
            room: usize::MAX,
            medians: true,
            run: Box::new(|_| Answer::Microseconds(4000.0)),
            heat: Box::new(|_| (0, 30.0)),
            battery: "  USB powered: true\n  status: 2\n  level: 85\n  scale: 100\n  temperature: 285\n",
        }
    }
}

struct State {
    script: Script,
    files: BTreeMap<String, (u32, Vec<u8>)>,
    folders: Vec<String>,
    runs: usize,
    is_gone: bool,
    commands: Vec<String>,
    connections: Vec<TcpStream>,
}

/// A scripted phone.
pub struct Phone {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Phone {
    pub fn new(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            script,
            files: BTreeMap::new(),
            folders: Vec::new(),
            runs: 0,
            is_gone: false,
            commands: Vec::new(),
            connections: Vec::new(),
        }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let mut state = shared.lock().unwrap();
                if state.is_gone {
                    continue;
                }
                state.connections.push(stream.try_clone().unwrap());
                let shared = shared.clone();
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { port, state }
    }

    pub fn serial(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Names of all files and folders that are on it.
    pub fn left(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.folders.iter().chain(state.files.keys()).cloned().collect()
    }

    /// How often `benchmark_model` was run.
    pub fn runs(&self) -> usize {
        self.state.lock().unwrap().runs
    }

    /// Every command line that was run.
    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }
}

fn vanish(state: &Mutex<State>) {
    let mut state = state.lock().unwrap();
    state.is_gone = true;
    for connection in state.connections.drain(..) {
        let _ = connection.shutdown(Shutdown::Both);
    }
}

/// One message: command, two arguments, payload.
type Message = (u32, u32, u32, Vec<u8>);

fn read_message(stream: &mut TcpStream) -> Option<Message> {
    let mut head = [0; 24];
    stream.read_exact(&mut head).ok()?;
    let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
    assert_eq!(word(20), word(0) ^ u32::MAX, "a message's magic");
    let mut data = vec![0; word(12) as usize];
    stream.read_exact(&mut data).ok()?;
    Some((word(0), word(4), word(8), data))
}

fn send(stream: &Mutex<TcpStream>, command: u32, one: u32, other: u32, data: &[u8]) {
    let sum: u32 = data.iter().map(|byte| u32::from(*byte)).sum();
    let mut message = Vec::new();
    for word in [command, one, other, data.len() as u32, sum, command ^ u32::MAX] {
        message.extend_from_slice(&word.to_le_bytes());
    }
    message.extend_from_slice(data);
    let _ = stream.lock().unwrap().write_all(&message);
}

fn serve(mut stream: TcpStream, state: &Arc<Mutex<State>>) {
    let writer = Arc::new(Mutex::new(stream.try_clone().unwrap()));
    let mut open: HashMap<u32, (mpsc::Sender<Vec<u8>>, mpsc::Sender<()>)> = HashMap::new();
    let mut next = 1;
    while let Some((command, one, other, data)) = read_message(&mut stream) {
        match command {
            CNXN => {
                let state = state.lock().unwrap();
                if state.script.trusts {
                    let banner = format!(
                        "device::ro.product.name=scripted;ro.product.model=Pixel 8;ro.product.device=husky;features={}",
                        state.script.features
                    );
                    send(&writer, CNXN, VERSION, MOST_DATA, banner.as_bytes());
                } else {
                    // A token to sign; no key is ever trusted.
                    send(&writer, AUTH, 1, 0, &[7; 20]);
                }
            }
            // Signed with a key that is not known: another token, until the key itself is offered; then its owner is asked.
            AUTH if one == 2 => send(&writer, AUTH, 1, 0, &[8; 20]),
            OPEN => {
                let service = String::from_utf8_lossy(&data).trim_end_matches('\0').to_owned();
                let (data_sender, data_receiver) = mpsc::channel();
                let (ack_sender, ack_receiver) = mpsc::channel();
                open.insert(next, (data_sender, ack_sender));
                send(&writer, OKAY, next, one, &[]);
                let session = Session {
                    writer: writer.clone(),
                    ours: next,
                    theirs: one,
                    incoming: data_receiver,
                    acknowledged: ack_receiver,
                    pending: Vec::new(),
                };
                let state = state.clone();
                thread::spawn(move || session.run(&service, &state));
                next += 1;
            }
            WRTE => {
                if let Some((sender, _)) = open.get(&other) {
                    let _ = sender.send(data);
                    send(&writer, OKAY, other, one, &[]);
                }
            }
            OKAY => {
                if let Some((_, sender)) = open.get(&other) {
                    let _ = sender.send(());
                }
            }
            CLSE => {
                open.remove(&other);
            }
            _ => {}
        }
    }
}

/// One open service.
struct Session {
    writer: Arc<Mutex<TcpStream>>,
    ours: u32,
    theirs: u32,
    incoming: mpsc::Receiver<Vec<u8>>,
    acknowledged: mpsc::Receiver<()>,
    pending: Vec<u8>,
}

impl Session {
    fn run(mut self, service: &str, state: &Mutex<State>) {
        let is_open = if let Some(command) = service.strip_prefix("shell,v2,raw:") {
            self.shell(command, state, true)
        } else if let Some(command) = service.strip_prefix("shell:") {
            self.shell(command, state, false)
        } else if service == "sync:" {
            self.sync(state);
            true
        } else {
            true
        };
        if is_open {
            send(&self.writer, CLSE, self.ours, self.theirs, &[]);
        }
    }

    fn write(&self, data: &[u8]) {
        for chunk in data.chunks(32 << 10) {
            send(&self.writer, WRTE, self.ours, self.theirs, chunk);
            if self.acknowledged.recv_timeout(Duration::from_secs(20)).is_err() {
                return;
            }
        }
    }

    fn read(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.pending.len() < count {
            let data = self.incoming.recv_timeout(Duration::from_secs(60)).ok()?;
            self.pending.extend_from_slice(&data);
        }
        Some(self.pending.drain(..count).collect())
    }

    /// False where the phone is gone or says nothing.
    fn shell(&self, command: &str, state: &Mutex<State>, has_packets: bool) -> bool {
        let marked = command.strip_prefix('(').and_then(|rest| rest.rsplit_once("); echo "));
        let inner = marked.map_or(command, |(inner, _)| inner);
        let answer = {
            let mut state = state.lock().unwrap();
            state.commands.push(inner.to_owned());
            state.answer(inner)
        };
        let (stdout, stderr, code) = match answer {
            Said::Text(stdout, stderr, code) => (stdout, stderr, code),
            Said::Vanish => {
                vanish(state);
                return false;
            }
            Said::Nothing => return false,
        };
        if has_packets {
            let mut bytes = Vec::new();
            for (kind, text) in [(1_u8, stdout.as_bytes()), (2, stderr.as_bytes()), (3, &[code])] {
                if kind == 3 || !text.is_empty() {
                    bytes.push(kind);
                    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    bytes.extend_from_slice(text);
                }
            }
            self.write(&bytes);
        } else {
            let mark = marked.map_or("", |(_, mark)| mark.trim_end_matches("$?"));
            self.write(
                format!("{stdout}{stderr}{mark}{code}\n")
                    .replace('\n', "\r\n")
                    .as_bytes(),
            );
        }
        true
    }

    fn sync(&mut self, state: &Mutex<State>) {
        let mut target: Option<(String, u32)> = None;
        let mut content = Vec::new();
        while let Some(head) = self.read(8) {
            let length = u32::from_le_bytes(head[4..8].try_into().unwrap());
            let kind = &head[..4];
            if kind == b"QUIT" {
                return;
            }
            if kind == b"DONE" {
                let (path, mode) = target.take().unwrap();
                let used: usize = {
                    let state = state.lock().unwrap();
                    state.files.values().map(|(_, bytes)| bytes.len()).sum()
                };
                let room = state.lock().unwrap().script.room;
                if used + content.len() > room {
                    let message = b"write failed: No space left on device";
                    // As adbd does: half a file stays.
                    content.truncate(room.saturating_sub(used));
                    let half = std::mem::take(&mut content);
                    state.lock().unwrap().files.insert(path, (mode, half));
                    self.reply(b"FAIL", message);
                } else {
                    let whole = std::mem::take(&mut content);
                    state.lock().unwrap().files.insert(path, (mode, whole));
                    self.reply(b"OKAY", b"");
                }
                continue;
            }
            let Some(data) = self.read(length as usize) else { return };
            match kind {
                b"SEND" => {
                    let text = String::from_utf8(data).unwrap();
                    let (path, mode) = text.rsplit_once(',').unwrap();
                    target = Some((path.to_owned(), mode.parse().unwrap()));
                }
                b"DATA" => content.extend_from_slice(&data),
                b"STAT" => {
                    let path = String::from_utf8(data).unwrap();
                    let state = state.lock().unwrap();
                    let (mode, size) = state
                        .files
                        .get(&path)
                        .map_or((0, 0), |(mode, bytes)| (*mode, bytes.len() as u32));
                    let mut reply = b"STAT".to_vec();
                    for word in [mode, size, 0] {
                        reply.extend_from_slice(&word.to_le_bytes());
                    }
                    drop(state);
                    self.write(&reply);
                }
                b"RECV" => {
                    let path = String::from_utf8(data).unwrap();
                    let file = state.lock().unwrap().files.get(&path).cloned();
                    match file {
                        Some((_, bytes)) => {
                            for chunk in bytes.chunks(64 << 10) {
                                self.reply(b"DATA", chunk);
                            }
                            self.reply(b"DONE", b"");
                        }
                        None => self.reply(b"FAIL", b"open failed: No such file or directory"),
                    }
                }
                other => panic!("the phone does not know sync {}", other.escape_ascii()),
            }
        }
    }

    fn reply(&self, kind: &[u8; 4], data: &[u8]) {
        let mut reply = kind.to_vec();
        reply.extend_from_slice(&(data.len() as u32).to_le_bytes());
        reply.extend_from_slice(data);
        self.write(&reply);
    }
}

enum Said {
    Text(String, String, u8),
    Vanish,
    Nothing,
}

impl State {
    /// As much of a shell as is needed; another command line fails the test by its answer.
    fn answer(&mut self, command: &str) -> Said {
        let fine = |text: &str| Said::Text(text.to_owned(), String::new(), 0);
        let (status, skin) = (self.script.heat)(self.runs);
        match command {
            "getprop" => fine(&format!(
                "[ro.product.manufacturer]: [Google]\n[ro.product.model]: [Pixel 8]\n[ro.soc.model]: [Tensor G3]\n\
                 [ro.build.version.release]: [14]\n[ro.build.fingerprint]: [google/husky/husky:14/UD1A/1:user/release-keys]\n\
                 [ro.product.cpu.abilist]: [{}]\n",
                self.script.abi
            )),
            "cat /sys/devices/system/cpu/possible" => fine("0-8\n"),
            "dumpsys battery" => fine(&format!("Current Battery Service state:\n{}", self.script.battery)),
            "dumpsys thermalservice" => fine(&format!(
                "IsStatusOverride: false\nThermal Status: {status}\nCurrent temperatures from HAL:\n\
                 \tTemperature{{mValue={skin}, mType=3, mName=SKIN, mStatus={status}}}\n"
            )),
            zones if zones.starts_with("for zone in /sys/class/thermal/") => fine("cpu-big 41000\n \n"),
            mkdir if mkdir.starts_with("mkdir '") => {
                self.folders.push(quoted(mkdir, "mkdir "));
                fine("")
            }
            rm if rm.contains("rm -rf '") => {
                let path = quoted(rm, "rm -rf ");
                self.folders.retain(|folder| *folder != path);
                self.files.retain(|file, _| !file.starts_with(&format!("{path}/")));
                fine("")
            }
            run if run.starts_with("cd '") => self.benchmark(run),
            other => Said::Text(String::new(), format!("sh: not scripted: {other}\n"), 127),
        }
    }

    fn benchmark(&mut self, command: &str) -> Said {
        let folder = quoted(command, "cd ");
        let argument = |name: &str| {
            let mark = format!("'--{name}=");
            let begin = command.find(&mark).unwrap() + mark.len();
            command[begin..].split('\'').next().unwrap().to_owned()
        };
        let (program_mode, program) = self.files[&format!("{folder}/benchmark_model")].clone();
        if program_mode & 0o111 == 0 {
            return Said::Text(
                String::new(),
                "sh: ./benchmark_model: can't execute: Permission denied\n".to_owned(),
                126,
            );
        }
        assert!(program.starts_with(b"\x7fELF"), "the program did not arrive whole");
        let file = argument("graph");
        let runs: u32 = argument("num_runs").parse().unwrap();
        let warmup: u32 = argument("warmup_runs").parse().unwrap();
        let (_, model) = self.files[&format!("{folder}/{file}")].clone();
        let turn = Turn {
            index: self.runs,
            file: &file,
            model: &model,
            runs,
            command,
        };
        let answer = (self.script.run)(&turn);
        self.runs += 1;
        match answer {
            Answer::Microseconds(time) => Said::Text(
                String::new(),
                benchmark_output(&file, time, warmup, runs, self.script.medians),
                0,
            ),
            Answer::Says(text, code) => Said::Text(String::new(), text, code),
            Answer::Vanish => Said::Vanish,
            Answer::Silence => Said::Nothing,
        }
    }
}

/// The quoted word behind `before`.
fn quoted(command: &str, before: &str) -> String {
    let mark = format!("{before}'");
    let begin = command.find(&mark).unwrap() + mark.len();
    command[begin..].split('\'').next().unwrap().to_owned()
}

/// What `benchmark_model` prints for inferences of `time` microseconds.
pub fn benchmark_output(file: &str, time: f64, warmup: u32, runs: u32, medians: bool) -> String {
    let statistics = |count: u32, time: f64| {
        let (least, most) = ((0.98 * time).round(), (1.1 * time).round());
        let percentiles = if medians {
            format!(" p5={least} median={} p95={most}", time.round())
        } else {
            String::new()
        };
        match count {
            1 => format!("count=1 curr={}", time.round()),
            _ => format!(
                "count={count} first={most} curr={least} min={least} max={most} avg={} std=12{percentiles}",
                time.round()
            ),
        }
    };
    let (first, time) = (1.5 * time, time.round());
    let warm = if warmup == 1 { (1.5 * time).round() } else { time };
    format!(
        "INFO: STARTING!\nINFO: Graph: [{file}]\nINFO: Loaded model {file}\nINFO: Initialized session in 12.5ms.\n\
         INFO: Running benchmark for at least {warmup} iterations and at least 0 seconds but terminate if exceeding 150 seconds.\n\
         INFO: {}\n\nINFO: Running benchmark for at least {runs} iterations and at least 0 seconds but terminate if exceeding 150 seconds.\n\
         INFO: {}\n\nINFO: Inference timings in us: Init: 12500, First inference: {}, Warmup (avg): {warm}, Inference (avg): {time}\n\
         INFO: Memory footprint delta from the start of the tool (MB): init=3.5 overall=9.25\n",
        statistics(warmup, warm),
        statistics(runs, time),
        first.round()
    )
}
