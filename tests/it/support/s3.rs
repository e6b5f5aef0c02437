//! Two S3 servers that know nothing of each other, moto and s3s-fs, as processes; and a stream in between that stops on request.
//!
//! They are looked for where `.ci/s3` installs them, `target/ci/s3`. Where they are not, tests say that they skip, or fail if
//! `MLBUILD_S3_TESTS=1` says that they have to run.
#![allow(dead_code, reason = "each topic uses its share")]

use std::fs;
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
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

use super::env::TestEnv;

pub const BUCKET: &str = "models";
pub const KEY_ID: &str = "AKIATESTTESTTESTTEST";
pub const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2hunt";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Python; knows conditional writes; checks no keys; forgets everything when it ends.
    Moto,
    /// Rust; ignores conditions; checks keys; keeps objects as files.
    S3sFs,
}

pub const BOTH: [Kind; 2] = [Kind::Moto, Kind::S3sFs];

/// A running server with the empty bucket [`BUCKET`].
pub struct Server {
    pub kind: Kind,
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Server {
    /// `None` where it is not installed and need not be.
    pub fn start(kind: Kind) -> Option<Self> {
        let (program, how) = match kind {
            Kind::Moto => ("moto/bin/moto_server", "pip install 'moto[server]'"),
            Kind::S3sFs => ("s3s-fs/bin/s3s-fs", "cargo install s3s-fs"),
        };
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci/s3").join(program);
        if !program.is_file() {
            assert!(
                std::env::var("MLBUILD_S3_TESTS").as_deref() != Ok("1"),
                "no {} ({how}; `.ci/s3` does it)",
                program.display()
            );
            eprintln!("skipped: {kind:?} is not installed in target/ci/s3 (`.ci/s3` does it)");
            return None;
        }
        let folder = TempDir::with_prefix("mlbuild-s3-").unwrap();
        let port = free_port();
        let child = spawn(kind, &program, port, folder.path());
        let mut server = Self {
            kind,
            port,
            child,
            folder,
        };
        server.wait();
        match kind {
            Kind::Moto => {
                let answer = server.request("PUT", &format!("/{BUCKET}"), b"");
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
            Kind::S3sFs => fs::create_dir_all(server.folder.path().join(BUCKET)).unwrap(),
        }
        Some(server)
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "{:?} ended at once",
                self.kind
            );
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{:?} does not listen",
                self.kind
            );
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Kills it with -9. What s3s-fs has is still there for [`Self::restart`].
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        assert_eq!(self.kind, Kind::S3sFs, "moto forgets everything");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci/s3/s3s-fs/bin/s3s-fs");
        self.child = spawn(self.kind, &program, self.port, self.folder.path());
        self.wait();
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The names of all objects of the bucket, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match self.kind {
            Kind::Moto => {
                let answer = self.request("GET", &format!("/{BUCKET}?list-type=2&max-keys=1000"), b"");
                answer
                    .split("<Key>")
                    .skip(1)
                    .map(|rest| rest.split("</Key>").next().unwrap().to_owned())
                    .collect()
            }
            Kind::S3sFs => {
                let root = self.folder.path().join(BUCKET);
                let mut names = Vec::new();
                let mut folders = vec![root.clone()];
                while let Some(folder) = folders.pop() {
                    for entry in fs::read_dir(folder).unwrap() {
                        let path = entry.unwrap().path();
                        if path.is_dir() {
                            folders.push(path);
                        } else {
                            names.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                        }
                    }
                }
                names
            }
        };
        names.sort();
        names
    }

    /// Writes an object past mlbuild, as another program or a failing disk would.
    pub fn overwrite(&self, name: &str, bytes: &[u8]) {
        match self.kind {
            Kind::Moto => {
                let answer = self.request("PUT", &format!("/{BUCKET}/{name}"), bytes);
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
            Kind::S3sFs => fs::write(self.object(name), bytes).unwrap(),
        }
    }

    fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(name)
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // Moto tells services apart by the region and service of a signature that it does not check.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(kind: Kind, program: &Path, port: u16, folder: &Path) -> Child {
    let mut command = Command::new(program);
    match kind {
        Kind::Moto => command.args(["-H", "127.0.0.1", "-p", &port.to_string()]),
        Kind::S3sFs => command
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--access-key", KEY_ID, "--secret-key", SECRET])
            .arg(folder),
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Gives a project the keys of the servers.
pub fn with_keys(env: &mut TestEnv) {
    env.variable("AWS_ACCESS_KEY_ID", KEY_ID);
    env.variable("AWS_SECRET_ACCESS_KEY", SECRET);
}

/// Which way bytes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

/// Stands before a server and passes everything on, until so many bytes went one way; then everything stands still.
pub struct Between {
    port: u16,
    state: Arc<State>,
}

struct State {
    way: Way,
    limit: u64,
    passed: AtomicU64,
    is_still: Mutex<bool>,
    changed: Condvar,
    streams: Mutex<Vec<TcpStream>>,
}

impl Between {
    pub fn new(server: &Server, way: Way, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            way,
            limit,
            passed: AtomicU64::new(0),
            is_still: Mutex::new(false),
            changed: Condvar::new(),
            streams: Mutex::new(Vec::new()),
        });
        let to = server.port;
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", to))) else {
                    continue;
                };
                let pair = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                shared.streams.lock().unwrap().extend(pair);
                let (up, down) = (shared.clone(), shared.clone());
                let (client_reads, server_writes) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || copy(client_reads, server_writes, &up, Way::Up));
                thread::spawn(move || copy(server, client, &down, Way::Down));
            }
        });
        Self { port, state }
    }

    /// Passes everything and only counts.
    pub fn counting(server: &Server, way: Way) -> Self {
        Self::new(server, way, u64::MAX)
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Bytes that went the counted way.
    pub fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }

    /// Waits until everything stands still.
    pub fn wait(&self) {
        let is_still = self.state.is_still.lock().unwrap();
        let (is_still, _) = self
            .state
            .changed
            .wait_timeout_while(is_still, Duration::from_secs(120), |is_still| !*is_still)
            .unwrap();
        assert!(*is_still, "only {} bytes went", self.passed());
    }

    /// Ends all connections, as those of a machine that is gone.
    pub fn cut(&self) {
        for stream in self.state.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &State, way: Way) {
    let mut buffer = [0; 16 << 10];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        if *state.is_still.lock().unwrap() {
            // Nothing passes any more; the connections stay until somebody ends them.
            continue;
        }
        if way == state.way && state.passed.fetch_add(read as u64, Ordering::SeqCst) + read as u64 > state.limit {
            *state.is_still.lock().unwrap() = true;
            state.changed.notify_all();
            continue;
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
