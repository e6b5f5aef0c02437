//! One HTTP exchange at a time, over octocrab's client and a runtime of our own; the only async code here.
//!
//! octocrab brings the connection pool and TLS. Retries, redirects and the token are decided one layer up, so octocrab's own
//! retry (which repeats `POST`), redirect and authorization layers are off.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::Request;
use http::StatusCode;
use http::Uri;
use http::header;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use http_body_util::BodyExt as _;
use octocrab::OctoBody;
use octocrab::Octocrab;
use tokio::runtime::Runtime;
use tokio::time;

use super::error::GithubError;

/// How long to wait and how much to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For an answer to begin, and for each further piece of it.
    pub answer: Duration,
    /// Uploads get this much more time per megabyte (10⁶ bytes).
    pub upload_megabyte: Duration,
    /// The longest JSON answer, in bytes.
    pub json_bytes: u64,
    /// The longest list, in pages of a hundred.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            upload_megabyte: Duration::from_secs(10),
            json_bytes: 32 << 20,
            pages: 100,
        }
    }
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    Nothing,
    Json(Bytes),
    Bytes(Bytes),
    File { path: PathBuf, bytes: u64 },
}

/// One request, complete.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) accept: &'static str,
    /// Whether it goes to the API itself and not to where files lie.
    pub(super) api: bool,
    pub(super) token: Option<HeaderValue>,
    pub(super) payload: Payload,
}

/// The answer; `body` is empty where it went to a writer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Where a successful answer's body goes, and how much of it may.
pub(super) struct Sink<'a> {
    pub(super) writer: &'a mut (dyn Write + Send),
    pub(super) limit: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    Timeout(Duration),
    TooLarge(u64),
    Network(Box<dyn std::error::Error + Send + Sync>),
    Read(io::Error),
    Write(io::Error),
}

pub(super) struct Transport {
    // Dropped before the runtime whose tasks it owns.
    client: Octocrab,
    runtime: Runtime,
    limits: Limits,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// A client whose relative URLs (there are none) would go to `origin`.
    pub(super) fn new(origin: &str, limits: Limits) -> Result<Self, GithubError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| GithubError::Setup(Box::new(error)))?;
        let _entered = runtime.enter();
        let agent = format!("mlbuild/{}", crate::VERSION);
        let client = Octocrab::builder()
            .set_connect_timeout(Some(limits.connect))
            .add_header(header::USER_AGENT, agent)
            // Only the origin: octocrab would put a base path before the paths of other hosts as well.
            .base_uri(origin)
            .and_then(|builder| builder.build())
            .map_err(|error| GithubError::Setup(Box::new(error)))?;
        drop(_entered);
        Ok(Self {
            client,
            runtime,
            limits,
        })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sends `exchange`; a body with status 200 goes to `sink` if there is one.
    pub(super) fn send(&self, exchange: &Exchange, sink: Option<Sink<'_>>) -> Result<Answer, Broken> {
        let request = build(exchange)?;
        self.runtime.block_on(self.exchange(request, &exchange.payload, sink))
    }

    async fn exchange(
        &self,
        request: Request<OctoBody>,
        payload: &Payload,
        sink: Option<Sink<'_>>,
    ) -> Result<Answer, Broken> {
        let patience = self.limits.answer + self.limits.upload_megabyte.mul_f64(payload.len() as f64 / 1e6);
        let response = time::timeout(patience, self.client.send(request))
            .await
            .map_err(|_| Broken::Timeout(patience))?
            .map_err(network)?;
        let (parts, mut body) = response.into_parts();
        let mut kept = Vec::new();
        let (writer, limit): (&mut (dyn Write + Send), u64) = match sink {
            Some(sink) if parts.status == StatusCode::OK => (sink.writer, sink.limit),
            _ => (&mut kept, self.limits.json_bytes),
        };
        let mut taken = 0_u64;
        loop {
            let frame = time::timeout(self.limits.answer, body.frame())
                .await
                .map_err(|_| Broken::Timeout(self.limits.answer))?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(network)?.into_data() else {
                continue;
            };
            taken += data.len() as u64;
            if taken > limit {
                return Err(Broken::TooLarge(limit));
            }
            writer.write_all(&data).map_err(Broken::Write)?;
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: kept.into(),
        })
    }
}

impl Payload {
    fn len(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Json(bytes) | Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }
}

/// The innermost error that still says something; octocrab's own layers only repeat it.
fn network(error: octocrab::Error) -> Broken {
    match error {
        octocrab::Error::Service { source, .. } => Broken::Network(source),
        error => Broken::Network(Box::new(error)),
    }
}

fn build(exchange: &Exchange) -> Result<Request<OctoBody>, Broken> {
    let mut builder = Request::builder()
        .method(&exchange.method)
        .uri(&exchange.uri)
        .header(header::ACCEPT, exchange.accept);
    if exchange.api {
        builder = builder.header("x-github-api-version", "2022-11-28");
    }
    if let Some(token) = &exchange.token {
        builder = builder.header(header::AUTHORIZATION, token);
    }
    let body = match &exchange.payload {
        Payload::Nothing => OctoBody::empty(),
        Payload::Json(bytes) => {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
            bytes.clone().into()
        }
        Payload::Bytes(bytes) => {
            builder = builder.header(header::CONTENT_TYPE, "application/octet-stream");
            bytes.clone().into()
        }
        Payload::File { path, bytes } => {
            builder = builder.header(header::CONTENT_TYPE, "application/octet-stream");
            OctoBody::new(FileBody::open(path, *bytes).map_err(Broken::Read)?)
        }
    };
    builder.body(body).map_err(|error| Broken::Network(Box::new(error)))
}

/// A file sent piece by piece, so that no artifact is held in memory.
struct FileBody {
    file: File,
    left: u64,
}

const PIECE: usize = 256 << 10;

impl FileBody {
    fn open(path: &Path, bytes: u64) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            left: bytes,
        })
    }

    fn piece(&mut self) -> io::Result<Bytes> {
        let mut piece = vec![0; PIECE.min(usize::try_from(self.left).unwrap_or(PIECE))];
        let read = self.file.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        self.left -= read as u64;
        Ok(piece.into())
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(this.piece().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
