//! What goes wrong on purpose: the n-th request to a place gets no answer, a late one, a broken one, or one that lies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::state::State;

/// Something that someone else does.
#[derive(Clone)]
pub(crate) struct Deed(Arc<dyn Fn(&mut State) + Send + Sync>);

impl Deed {
    pub(super) fn happen(&self, state: &mut State) {
        (self.0)(state);
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deed")
    }
}

/// What happens instead.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// An answer with this status; nothing is done.
    Status(u16),
    /// Everything is done, but the answer has this status.
    DoneBut(u16),
    /// The connection closes without an answer; nothing is done.
    Drop,
    /// Everything is done, but the connection closes without an answer.
    DoneButDrop,
    /// 403 of the secondary rate limit, with `Retry-After` in seconds where there is one.
    SecondaryLimit(Option<u64>),
    /// 429 of the primary rate limit, with `x-ratelimit-reset` in seconds since 1970.
    PrimaryLimit(u64),
    /// Another answer, nothing of GitHub's.
    Answer(Canned),
    /// Everything is done, but another answer comes.
    DoneButAnswer(Canned),
    /// An upload leaves half of an asset and is answered with 502.
    HalfUpload,
    /// The answer comes this much later.
    Delay(Duration),
    /// The body ends this many bytes early.
    Truncate(usize),
    /// Status 200 with this body.
    Body(String),
    /// 302 to this URL.
    Redirect(String),
    /// The request is answered truly, and before the next one someone else has done something.
    Meanwhile(Deed),
}

/// An answer in all its parts.
#[derive(Debug, Clone)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    /// JSON with this status.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "application/json; charset=utf-8",
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// A page for people, as a proxy sends it.
    pub(crate) fn html(status: u16) -> Self {
        Self {
            content_type: "text/html",
            ..Self::json(status, "<html><body>Please log in</body></html>")
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Trouble {
    pub(crate) fn meanwhile(deed: impl Fn(&mut State) + Send + Sync + 'static) -> Self {
        Self::Meanwhile(Deed(Arc::new(deed)))
    }
}

/// One trouble, for requests that match.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    method: &'static str,
    place: String,
    skip: usize,
    times: usize,
    hits: usize,
    trouble: Trouble,
}

impl Fault {
    /// For the first request with `method` whose path contains `place`.
    pub(crate) fn at(method: &'static str, place: &str, trouble: Trouble) -> Self {
        Self {
            method,
            place: place.to_owned(),
            skip: 0,
            times: 1,
            hits: 0,
            trouble,
        }
    }

    /// Lets that many requests pass first.
    pub(crate) fn after(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// For that many requests in a row.
    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// What happens to this request; counts it.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Trouble> {
        if self.method != method || !path.contains(&self.place) {
            return None;
        }
        self.hits += 1;
        let due = self.skip + 1..=self.skip + self.times;
        due.contains(&self.hits).then(|| self.trouble.clone())
    }

    /// What a test expected in vain.
    pub(super) fn unspent(&self) -> Option<String> {
        let due = self.skip + self.times;
        (self.hits < due).then(|| {
            format!(
                "fault at {} {} was hit {} of {due} times",
                self.method, self.place, self.hits
            )
        })
    }
}
