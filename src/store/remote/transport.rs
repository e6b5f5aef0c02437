//! HTTP for the S3 client: hyper over rustls, with time-outs of its own and the server's `Retry-After` respected.
//!
//! The body of a refusal is cut down to its code and message before anything else sees it: servers quote access keys and signed
//! strings in there, which must reach no error.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use http_body_util::BodyExt as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::HttpClient;
use object_store::client::HttpConnector as Connector;
use object_store::client::HttpError;
use object_store::client::HttpErrorKind;
use object_store::client::HttpRequest;
use object_store::client::HttpRequestBody;
use object_store::client::HttpResponse;
use object_store::client::HttpResponseBody;
use object_store::client::HttpService;
use tokio::time;
use tokio::time::Sleep;

use super::error::RemoteError;

/// For a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// For an answer to begin, and for each further piece of it.
const ANSWER: Duration = Duration::from_secs(60);
/// What an upload gets more, per megabyte (10⁶ bytes).
const UPLOAD_MEGABYTE: Duration = Duration::from_secs(10);
/// For the instance's own metadata service, which answers at once where there is one.
const METADATA: Duration = Duration::from_secs(2);
/// A server that asks for more patience is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often one request waits because the server asked to.
const WAITS: u32 = 3;
/// A refusal's body is read so far.
const MAX_REFUSAL: usize = 64 << 10;

/// Surrounds what is kept of a refusal: `⟦code|message⟧`.
pub(super) const OPEN: char = '⟦';
/// Its end.
pub(super) const CLOSE: char = '⟧';

type Hyper = Client<HttpsConnector<HttpConnector>, HttpRequestBody>;

/// Why a request has no whole answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no metadata service here, so no credentials can come from it.
    NoMetadata,
    /// Nobody listens, the name is unknown, or TLS failed.
    Connect(String),
    /// No answer in that time.
    Timeout(Duration),
    /// The connection ended early.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMetadata => f.write_str("no instance metadata service gives credentials"),
            Self::Connect(what) => f.write_str(what),
            Self::Timeout(after) => write!(f, "no answer within {} s", after.as_secs()),
            Self::Broken(what) => write!(f, "the connection broke: {what}"),
        }
    }
}

impl Error for Trouble {}

/// Makes the clients of one store; all share one pool of connections.
#[derive(Clone)]
pub(super) struct Transport {
    client: Hyper,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    /// Trusts the certificates of the system.
    pub(super) fn new() -> Result<Self, RemoteError> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| RemoteError::Setup(format!("the system's certificates cannot be read: {error}")))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(https),
        })
    }

    async fn once(&self, request: HttpRequest) -> Result<http::Response<Incoming>, HttpError> {
        let is_metadata = is_link_local(request.uri());
        let patience = if is_metadata {
            METADATA
        } else {
            ANSWER + UPLOAD_MEGABYTE.mul_f64(request.body().content_length() as f64 / 1e6)
        };
        let answer = match time::timeout(patience, self.client.request(request)).await {
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, Trouble::Timeout(patience))),
            Ok(Err(error)) if error.is_connect() => {
                let trouble = Trouble::Connect(innermost(&error));
                Err(HttpError::new(HttpErrorKind::Connect, trouble))
            }
            // Every request of the S3 client may be repeated: a conditional one that had worked is refused the second time, and
            // then what is there is looked at.
            Ok(Err(error)) => Err(HttpError::new(
                HttpErrorKind::Request,
                Trouble::Broken(innermost(&error)),
            )),
            // 403 where the service is switched off, 404 where the machine has no role.
            Ok(Ok(response)) if is_metadata && !response.status().is_success() => {
                Err(HttpError::new(HttpErrorKind::Unknown, Trouble::NoMetadata))
            }
            Ok(Ok(response)) => return Ok(response),
        };
        // Nothing else lives on that address, and asking again only takes time.
        answer.map_err(|error| match is_metadata {
            true => HttpError::new(HttpErrorKind::Unknown, Trouble::NoMetadata),
            false => error,
        })
    }
}

impl Connector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut waits = 0;
        loop {
            let response = self.once(request.clone()).await?;
            let asked = wait_asked_for(response.status(), response.headers());
            match asked.filter(|asked| *asked <= LONGEST_WAIT && waits < WAITS) {
                Some(wait) => time::sleep(wait).await,
                None => return cut(response).await,
            }
            waits += 1;
        }
    }
}

/// Seconds of `Retry-After` where the server is too busy. Its other form, a date, is not used by S3 servers.
fn wait_asked_for(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The answer, with only code and message of a refusal's body.
async fn cut(response: http::Response<Incoming>) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    if parts.status.is_success() {
        return Ok(HttpResponse::from_parts(
            parts,
            HttpResponseBody::new(Watched::new(body)),
        ));
    }
    let text = match time::timeout(ANSWER, Limited::new(body, MAX_REFUSAL).collect()).await {
        Ok(Ok(collected)) => String::from_utf8_lossy(&collected.to_bytes()).into_owned(),
        _ => String::new(),
    };
    Ok(HttpResponse::from_parts(parts, refusal(&text).into()))
}

/// `⟦code|message⟧` of an S3 server's XML; empty where there is neither.
fn refusal(xml: &str) -> String {
    let code = element(xml, "Code").unwrap_or_default();
    let message = element(xml, "Message").unwrap_or_default();
    if code.is_empty() && message.is_empty() {
        return String::new();
    }
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| !matches!(*c, OPEN | CLOSE | '|') && !c.is_control())
            .take(300)
            .collect()
    };
    format!("{OPEN}{}|{}{CLOSE}", plain(code), without_keys(&plain(message)))
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let after = xml.split_once(&format!("<{name}>"))?.1;
    Some(after.split_once(&format!("</{name}>"))?.0.trim())
}

/// The text without anything that may be a key, a token or a signature: no word of a sentence is so long.
fn without_keys(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let letters = word.bytes().filter(u8::is_ascii_alphanumeric).count();
        if letters >= 16 && !word.contains(['.', '-', '_']) {
            "…"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// 169.254.0.0/16, where clouds serve their machines' metadata.
fn is_link_local(uri: &http::Uri) -> bool {
    uri.host().is_some_and(|host| host.starts_with("169.254."))
}

fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A body that may not stand still for long.
struct Watched {
    body: Incoming,
    patience: Pin<Box<Sleep>>,
}

impl Watched {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            patience: Box::pin(time::sleep(ANSWER)),
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.as_mut().reset(time::Instant::now() + ANSWER);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let trouble = Trouble::Broken(innermost(&error));
                Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Interrupted, trouble))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this
                .patience
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Trouble::Timeout(ANSWER))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_key_of_a_refusal() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>The key AKIAIOSFODNN7EXAMPLE signed \
                   wrongly</Message><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId><StringToSign>AWS4…</StringToSign></Error>";
        assert_eq!(refusal(xml), "⟦SignatureDoesNotMatch|The key … signed wrongly⟧");
        assert_eq!(refusal("<html>it works</html>"), "");
    }

    #[test]
    fn waits_only_where_the_server_asks_to() {
        let mut headers = HeaderMap::new();
        assert_eq!(wait_asked_for(StatusCode::SERVICE_UNAVAILABLE, &headers), None);
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("7"));
        let seven = Some(Duration::from_secs(7));
        assert_eq!(wait_asked_for(StatusCode::SERVICE_UNAVAILABLE, &headers), seven);
        assert_eq!(wait_asked_for(StatusCode::TOO_MANY_REQUESTS, &headers), seven);
        assert_eq!(wait_asked_for(StatusCode::NOT_FOUND, &headers), None);
    }
}
