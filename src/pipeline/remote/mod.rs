//! Builds on remotes: pushing, pulling and keeping both sides the same, content-addressed like everything that is kept.
//!
//! On a remote a blob is `objects/<sha256>`, a build is [`record`] `builds/<id>.json`, and a tag is an object `tags/<tag>/<id>` that says
//! nothing but its name. Whoever pushes writes blobs first, then records, parents before children: what a record refers to is there. Two
//! pushers can only meet at a record of the same build, and there both sides' lists are united.

mod error;
mod merge;
mod open;
mod parallel;
mod pull;
mod push;
pub mod record;
mod side;
mod sync;
mod tags;

pub use error::RemotesError;
pub use open::open;
pub use open::settings_of;
pub use pull::pull;
pub use push::push;
pub use sync::Mode;
pub use sync::Synced;
pub use sync::sync;

use crate::registry::Registry;
use crate::report::remotes::Direction;
use crate::report::remotes::Transfer;
use crate::store::Objects;
use crate::store::remote::Remote;

/// Which builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// One, by the beginning of its id, a tag or a name.
    Build(&'a str),
    /// Those with this tag.
    Tag(&'a str),
    /// All that are not removed.
    All,
}

/// How to move builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The side that builds come from is right: what contradicts it is replaced, and tags move.
    pub replace: bool,
    /// Blobs that are there go again (push), or are read to see whether they are sound (pull).
    pub again: bool,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// Both ends.
pub struct Ends<'a> {
    /// The registry here.
    pub registry: &'a mut Registry,
    /// Its blobs.
    pub objects: &'a Objects,
    /// The remote.
    pub remote: &'a Remote,
    /// Its name.
    pub name: &'a str,
    /// When this is, ISO 8601 in UTC.
    pub now: &'a str,
}

impl Ends<'_> {
    /// A transfer of which nothing has happened yet.
    fn transfer(&self, direction: Direction, options: Options) -> Transfer {
        Transfer {
            direction,
            remote: self.name.to_owned(),
            place: self.remote.place().to_owned(),
            dry_run: options.dry_run,
            builds: Vec::new(),
            blobs: 0,
            bytes: 0,
            tags: Vec::new(),
            conflicts: Vec::new(),
            notices: Vec::new(),
        }
    }
}

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// What there is to do is known.
    Planned {
        /// Builds that are looked at.
        builds: usize,
        /// Blobs that go.
        blobs: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// So many bytes more have gone.
    Moved(u64),
}

/// Takes what is told.
pub type Observer<'a> = dyn FnMut(Event) + 'a;
