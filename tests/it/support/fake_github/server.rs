//! The fake's three origins on loopback: requests in, replies out, faults in between.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::Response;
use hyper::body::Body;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::body::SizeHint;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::openapi::unescape;
use super::route;
use super::state::State;

/// A request, read whole.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) origin: &'static str,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) raw_query: String,
    pub(super) query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An answer, before faults.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// The answer comes this much later.
    pub(super) delay: Duration,
    /// Bytes that are announced and never sent.
    pub(super) missing: usize,
    /// No answer at all.
    pub(super) dropped: bool,
}

impl Reply {
    pub(super) fn bytes(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            missing: 0,
            dropped: false,
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::bytes(status, "", Bytes::new())
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        let documentation = "https://docs.github.com/rest";
        let body = serde_json::json!({
            "message": message, "documentation_url": documentation, "status": status.to_string()
        });
        Self::json(status, &body)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A body that may break off.
struct Sent {
    bytes: Option<Bytes>,
    left: u64,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.bytes.take() {
            Some(bytes) if !bytes.is_empty() => {
                self.left -= bytes.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            _ if self.left > 0 => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Three listeners, not yet served.
pub(super) struct Origins {
    listeners: [(&'static str, TcpListener); 3],
}

impl Origins {
    pub(super) fn bind() -> Self {
        let listen = |name| (name, TcpListener::bind("127.0.0.1:0").unwrap());
        Self {
            listeners: [listen("api"), listen("uploads"), listen("storage")],
        }
    }

    pub(super) fn url(&self, name: &str) -> String {
        let (_, listener) = self.listeners.iter().find(|(origin, _)| *origin == name).unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// Serves until `stop`.
    pub(super) fn serve(self, state: Arc<Mutex<State>>, stop: Arc<AtomicBool>) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                for (origin, listener) in self.listeners {
                    listener.set_nonblocking(true).unwrap();
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    tokio::spawn(accept(origin, listener, state.clone()));
                }
                while !stop.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        })
    }
}

async fn accept(origin: &'static str, listener: tokio::net::TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        let service = service_fn(move |request| answer(origin, request, state.clone()));
        tokio::spawn(async move {
            // A connection that a fault has dropped ends with an error.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn read(origin: &'static str, request: Request<Incoming>) -> Result<Call, hyper::Error> {
    let (parts, body) = request.into_parts();
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescape(name), unescape(value))
    };
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    Ok(Call {
        origin,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: raw_query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        raw_query,
        headers: parts.headers.iter().map(header).collect(),
        body: body.collect().await?.to_bytes(),
    })
}

async fn answer(
    origin: &'static str,
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Sent>, io::Error> {
    let call = read(origin, request).await.map_err(io::Error::other)?;
    let reply = route::answer(&mut state.lock().unwrap(), &call);
    tokio::time::sleep(reply.delay).await;
    if reply.dropped {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let mut response = Response::builder().status(reply.status);
    if !reply.content_type.is_empty() {
        response = response.header("content-type", reply.content_type);
    }
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let kept = reply.body.len().saturating_sub(reply.missing);
    let body = Sent {
        bytes: Some(reply.body.slice(..kept)),
        left: reply.body.len() as u64,
    };
    Ok::<_, Infallible>(response.body(body).unwrap()).map_err(|never| match never {})
}
