//! The blocking client: one repository, one token, retries by policy, errors with their call.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::Uri;
use http::header;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::FileError;

use super::error::Call;
use super::error::GithubError;
use super::error::Permission;
use super::hosts;
use super::hosts::Hosts;
use super::identity::Account;
use super::ids::RepoName;
use super::page;
use super::retry::Clock;
use super::retry::Failure;
use super::retry::RetryPolicy;
use super::retry::SystemClock;
use super::transport::Answer;
use super::transport::Broken;
use super::transport::Exchange;
pub use super::transport::Limits;
use super::transport::Payload;
use super::transport::Sink;
use super::transport::Transport;

const JSON: &str = "application/vnd.github+json";
const REDIRECTS: usize = 5;

/// A repository on a GitHub, seen with a token. It may be shared between threads.
pub struct Client {
    transport: Transport,
    hosts: Hosts,
    /// `None` for what everybody may read.
    token: Option<HeaderValue>,
    repo: RepoName,
    retry: RetryPolicy,
    clock: Arc<dyn Clock>,
    /// Whose token it is, once somebody has asked.
    pub(super) account: OnceLock<Account>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No token.
        f.debug_struct("Client")
            .field("hosts", &self.hosts)
            .field("repo", &self.repo)
            .finish_non_exhaustive()
    }
}

/// One call, before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: Method,
    target: Target,
    accept: &'static str,
    needs: Permission,
    payload: Payload,
    repeatable: bool,
}

#[derive(Debug, Clone)]
enum Target {
    /// A path below the API, with its query.
    Api(String),
    /// A whole URL that was checked by [`Hosts`] and sees the token.
    Checked(Uri),
}

impl Request {
    fn new(method: Method, path: String, needs: Permission) -> Self {
        let repeatable = method != Method::POST;
        Self {
            method,
            target: Target::Api(path),
            accept: JSON,
            needs,
            payload: Payload::Nothing,
            repeatable,
        }
    }

    pub(super) fn get(path: String, needs: Permission) -> Self {
        Self::new(Method::GET, path, needs)
    }

    pub(super) fn post(path: String, needs: Permission) -> Self {
        Self::new(Method::POST, path, needs)
    }

    pub(super) fn patch(path: String, needs: Permission) -> Self {
        Self::new(Method::PATCH, path, needs)
    }

    pub(super) fn delete(path: String, needs: Permission) -> Self {
        Self::new(Method::DELETE, path, needs)
    }

    /// A call of a URL that [`Hosts`] has allowed; it sees the token.
    pub(super) fn to(method: Method, uri: Uri, needs: Permission) -> Self {
        let mut request = Self::new(method, String::new(), needs);
        request.target = Target::Checked(uri);
        request
    }

    pub(super) fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    pub(super) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        // Our own bodies are maps with string keys: serializing them cannot fail.
        self.payload = Payload::Json(serde_json::to_vec(body).unwrap_or_default().into());
        self
    }

    /// Says whether sending it twice does what sending it once does.
    pub(super) fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }

    pub(super) fn call(&self) -> Call {
        let path = match &self.target {
            Target::Api(path) => path.split('?').next().unwrap_or_default().to_owned(),
            Target::Checked(uri) => uri.path().to_owned(),
        };
        Call {
            method: self.method.to_string(),
            path,
        }
    }
}

/// GitHub's error body, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

impl Client {
    /// A client of the API at `api_url` (`GITHUB_API_URL`) for `repo`. `upload_url` allows an upload host that does not
    /// follow from the API's.
    pub fn new(api_url: &str, upload_url: Option<&str>, token: &str, repo: RepoName) -> Result<Self, GithubError> {
        Self::with_limits(api_url, upload_url, token, repo, Limits::default())
    }

    /// [`Client::new`] with other limits.
    pub fn with_limits(
        api_url: &str,
        upload_url: Option<&str>,
        token: &str,
        repo: RepoName,
        limits: Limits,
    ) -> Result<Self, GithubError> {
        let mut token = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|error| GithubError::Setup(Box::new(error)))?;
        token.set_sensitive(true);
        Self::with(api_url, upload_url, Some(token), repo, limits)
    }

    /// A client without a token, for what everybody may read of a public repository.
    pub fn anonymous(api_url: &str, repo: RepoName) -> Result<Self, GithubError> {
        Self::with(api_url, None, None, repo, Limits::default())
    }

    fn with(
        api_url: &str,
        upload_url: Option<&str>,
        token: Option<HeaderValue>,
        repo: RepoName,
        limits: Limits,
    ) -> Result<Self, GithubError> {
        let hosts = Hosts::new(api_url, upload_url)?;
        Ok(Self {
            transport: Transport::new(&hosts.api_origin(), limits)?,
            hosts,
            token,
            repo,
            retry: RetryPolicy::default(),
            clock: Arc::new(SystemClock),
            account: OnceLock::new(),
        })
    }

    /// The same client with another retry policy.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The same client with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The repository.
    pub fn repo(&self) -> &RepoName {
        &self.repo
    }

    /// Whether the token is an app installation's, such as a workflow's.
    pub(super) fn is_of_installation(&self) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.as_bytes().starts_with(b"Bearer ghs_"))
    }

    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The API path of `rest` in the repository.
    pub(super) fn path(&self, rest: fmt::Arguments<'_>) -> String {
        format!("/repos/{}/{}/{rest}", self.repo.owner(), self.repo.name())
    }

    /// Sends `request` and reads its JSON answer.
    pub(super) fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, GithubError> {
        self.attempts(request.repeatable, || parse(request, &self.send(request, None)?))
    }

    /// Sends `request` and ignores the body of its answer.
    pub(super) fn done(&self, request: &Request) -> Result<(), GithubError> {
        self.attempts(request.repeatable, || self.send(request, None))
            .map(|_| ())
    }

    /// The body of the answer, which is not JSON; redirects to other hosts are followed without the token.
    pub(super) fn bytes(&self, request: &Request, limit: u64) -> Result<Vec<u8>, GithubError> {
        self.attempts(true, || {
            let mut body = Vec::new();
            self.send(
                request,
                Some(Sink {
                    writer: &mut body,
                    limit,
                }),
            )?;
            Ok(body)
        })
    }

    /// Writes the body of the answer to `writer`, in one attempt.
    pub(super) fn stream(
        &self,
        request: &Request,
        writer: &mut (dyn Write + Send),
        limit: u64,
    ) -> Result<(), GithubError> {
        self.send(request, Some(Sink { writer, limit })).map(|_| ())
    }

    /// All pages of the list at `path` (which has no query), each read by `items`.
    pub(super) fn pages<P: DeserializeOwned, T>(
        &self,
        path: &str,
        query: &str,
        needs: Permission,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, GithubError> {
        let mut all = Vec::new();
        let mut request = Request::get(format!("{path}?per_page=100{query}"), needs);
        let call = request.call();
        for _ in 0..self.transport.limits().pages {
            let (page, headers) = self.attempts(true, || {
                let answer = self.send(&request, None)?;
                Ok((parse(&request, &answer)?, answer.headers))
            })?;
            all.extend(items(page));
            let Some(next) = page::next(&headers) else {
                return Ok(all);
            };
            let from = self.hosts.api("/")?;
            let uri = self.hosts.redirect(&from, &next)?;
            if !self.hosts.is_api(&uri) {
                return Err(GithubError::Url {
                    url: hosts::without_query(&uri),
                    reason: "the next page lies on another host",
                });
            }
            request.target = Target::Checked(uri);
        }
        Err(GithubError::TooManyPages {
            call,
            pages: self.transport.limits().pages,
        })
    }

    /// Creates what must exist once: after an answer that leaves open whether it was made, `find` looks before `make` is sent
    /// again.
    pub(super) fn create<T>(
        &self,
        mut make: impl FnMut() -> Result<T, GithubError>,
        mut find: impl FnMut() -> Result<Option<T>, GithubError>,
    ) -> Result<T, GithubError> {
        let mut attempt = 1;
        loop {
            let error = match make() {
                Err(error) if error.is_ambiguous() => error,
                decided => return decided,
            };
            let wait = self.retry.wait(attempt, Failure::Broken, true, self.clock.now());
            self.clock.sleep(wait.unwrap_or(Duration::ZERO));
            if let Some(made) = find()? {
                return Ok(made);
            }
            if wait.is_none() {
                return Err(error);
            }
            attempt += 1;
        }
    }

    /// Runs `once` until it succeeds or the policy gives up.
    pub(super) fn attempts<T>(
        &self,
        repeatable: bool,
        mut once: impl FnMut() -> Result<T, GithubError>,
    ) -> Result<T, GithubError> {
        let mut attempt = 1;
        loop {
            let error = match once() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error
                .failure()
                .and_then(|failure| self.retry.wait(attempt, failure, repeatable, self.clock.now()));
            match wait {
                Some(wait) => self.clock.sleep(wait),
                None => return Err(error),
            }
            attempt += 1;
        }
    }

    /// One attempt, redirects included.
    fn send(&self, request: &Request, mut sink: Option<Sink<'_>>) -> Result<Answer, GithubError> {
        let mut uri = match &request.target {
            Target::Api(path) => self.hosts.api(path)?,
            Target::Checked(uri) => uri.clone(),
        };
        let mut trusted = true;
        let mut call = request.call();
        for _ in 0..=REDIRECTS {
            let exchange = Exchange {
                method: request.method.clone(),
                uri: uri.clone(),
                accept: request.accept,
                api: trusted,
                token: self.token.clone().filter(|_| trusted),
                payload: request.payload.clone(),
            };
            let borrowed = sink.as_mut().map(|sink| Sink {
                writer: &mut *sink.writer,
                limit: sink.limit,
            });
            let answer = self
                .transport
                .send(&exchange, borrowed)
                .map_err(|broken| explain(&call, broken, request))?;
            let Some(location) = redirect_of(&answer, &request.method) else {
                return if answer.status.is_success() {
                    Ok(answer)
                } else {
                    Err(refusal(call, request.needs, &answer))
                };
            };
            uri = self.hosts.redirect(&uri, &location)?;
            trusted = self.hosts.is_api(&uri);
            if !trusted {
                if sink.is_none() {
                    return Err(GithubError::Url {
                        url: hosts::without_query(&uri),
                        reason: "the API redirects to another host",
                    });
                }
                call.path = format!(
                    "{}{}",
                    uri.authority().map_or("", |authority| authority.as_str()),
                    uri.path()
                );
            }
        }
        Err(GithubError::Url {
            url: hosts::without_query(&uri),
            reason: "too many redirects",
        })
    }
}

/// Where the answer sends us: reads follow every redirect, writes only those that keep the method.
fn redirect_of(answer: &Answer, method: &Method) -> Option<String> {
    let follow = match answer.status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::GET,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => false,
    };
    let location = answer.headers.get(header::LOCATION)?.to_str().ok()?;
    follow.then(|| location.to_owned())
}

fn parse<T: DeserializeOwned>(request: &Request, answer: &Answer) -> Result<T, GithubError> {
    serde_json::from_slice(&answer.body).map_err(|source| GithubError::Body {
        call: request.call(),
        source,
    })
}

fn explain(call: &Call, broken: Broken, request: &Request) -> GithubError {
    let call = call.clone();
    match broken {
        Broken::Timeout(waited) => GithubError::Timeout { call, waited },
        Broken::TooLarge(limit) => GithubError::TooLarge { call, limit },
        Broken::Network(source) => GithubError::Transport { call, source },
        Broken::Write(source) => GithubError::Keep { call, source },
        Broken::Read(source) => match &request.payload {
            Payload::File { path, .. } => FileError {
                action: "read",
                path: path.clone(),
                source,
            }
            .into(),
            _ => GithubError::Transport {
                call,
                source: Box::new(source),
            },
        },
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long after its `Date` the answer wants us to wait, by `x-ratelimit-reset`: both are of the server's clock, which may differ from
/// ours by hours.
fn until_reset(headers: &HeaderMap, reset: u64) -> Option<Duration> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let now = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    // A second too many is cheaper than one too few.
    Some(Duration::from_secs(
        reset.saturating_sub(u64::try_from(now).ok()?).saturating_add(1),
    ))
}

/// GitHub's words out of an error body, shown to people: one line, no control characters, bounded.
fn words(answer: &Answer) -> (String, Vec<String>) {
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut message = refusal.message;
    let mut codes = Vec::new();
    for error in &refusal.errors {
        let text = |key: &str| {
            error
                .get(key)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        codes.push(text("code"));
        let detail = match (error.as_str(), text("message"), text("field")) {
            (Some(plain), _, _) => plain.to_owned(),
            (None, said, _) if !said.is_empty() => said,
            (None, _, field) => format!("{field} {}", text("code")).trim().to_owned(),
        };
        message = format!("{message}; {detail}");
    }
    if message.is_empty() {
        message = answer.status.canonical_reason().unwrap_or("no message").to_owned();
    }
    let message: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(500)
        .collect();
    (message, codes)
}

fn refusal(call: Call, needs: Permission, answer: &Answer) -> GithubError {
    let (message, codes) = words(answer);
    let status = answer.status.as_u16();
    let spent = number(&answer.headers, "x-ratelimit-remaining") == Some(0);
    let reset = number(&answer.headers, "x-ratelimit-reset").filter(|_| spent);
    let retry_after = number(&answer.headers, "retry-after")
        .map(Duration::from_secs)
        .or_else(|| until_reset(&answer.headers, reset?));
    let says_so = message.to_ascii_lowercase().contains("rate limit") || message.contains("abuse detection");
    match status {
        403 | 429 if status == 429 || retry_after.is_some() || spent || says_so => GithubError::RateLimited {
            call,
            message,
            retry_after,
            reset,
        },
        // No permission helps there.
        403 if message.contains("is locked") => GithubError::Invalid { call, message, codes },
        401 => GithubError::Unauthorized { call, message },
        403 => GithubError::Forbidden { call, needs, message },
        404 | 410 => GithubError::NotFound { call, needs },
        409 | 422 => GithubError::Invalid { call, message, codes },
        500..=599 => GithubError::Server { call, status, message },
        _ => GithubError::Status { call, status, message },
    }
}
