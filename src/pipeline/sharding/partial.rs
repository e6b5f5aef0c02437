//! A shard's file: everything that a machine measured of its part, nothing concluded. `shard-2-of-4.json` in the workspace.
//!
//! It is read as strictly as can be: by the version that wrote it, field for field, and byte for byte what this version would write of
//! what it read. Whoever changes the shape of anything in it raises [`VERSION`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::pipeline::found::Found;
use crate::pipeline::sharding::cost::Basis;
use crate::pipeline::sharding::plan::PlanError;
use crate::pipeline::sharding::plan::ShardPlan;
use crate::pipeline::sharding::plausible;
use crate::report::clean;
use crate::verdict::ComparisonKey;

/// What kind of file it is.
pub const SCHEMA: &str = "mlbuild-shard";

/// The version of its form.
pub const VERSION: u32 = 1;

/// A larger file is refused unread: it would hold the raw samples of hundreds of comparisons that used all of their time.
pub const MAX_BYTES: u64 = 512_000_000;

/// No shard measures more comparisons.
const MOST_COMPARISONS: usize = 10_000;

/// A text that a person reads has no more characters than this.
const LONGEST_TEXT: usize = 20_000;

/// What one shard measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partial {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// The version of mlbuild that measured.
    pub tool_version: String,
    /// Which shard, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// Tells the plan from others.
    pub plan_digest: Digest,
    /// Who measures what.
    pub plan: ShardPlan,
    /// The commit that was measured, where it is known.
    pub commit: Option<String>,
    /// The workflow run that measured, where there is one: a second attempt of it is the same run.
    pub run: Option<String>,
    /// The gate's key.
    pub key: String,
    /// When, ISO 8601.
    pub created_at: String,
    /// The machine.
    pub machine: Fingerprint,
    /// The version of each engine, by its name: as its workers said, or else of the library.
    pub engines: BTreeMap<String, String>,
    /// What was compared with.
    pub baseline: BaselineLabel,
    /// What the baseline's stored figures are worth on this machine.
    pub history: Option<String>,
    /// What the reader should know.
    pub notices: Vec<String>,
    /// What a new tool or runtime changed.
    pub drift: Vec<String>,
    /// What was found, in the plan's order.
    pub comparisons: Vec<Found>,
}

/// What was compared with, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineLabel {
    /// Where it came from.
    pub label: String,
    /// The release's tag, where it is one.
    pub tag: Option<String>,
    /// The commit it stands for, where known.
    pub commit: Option<String>,
}

/// Why a shard's file is refused. Every text is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Too large to be one.
    #[error("it has {0} bytes, more than the {MAX_BYTES} that are accepted")]
    TooLarge(u64),
    /// Not JSON, or cut off, or not an object that says what it is.
    #[error("it is no shard's file, or only a piece of one: {0}")]
    NotAShard(String),
    /// JSON of another kind.
    #[error("it is no shard's file: its schema is `{0}`, expected `{SCHEMA}`")]
    OtherSchema(String),
    /// Another form.
    #[error("it has version {0}, and this mlbuild reads version {VERSION}")]
    OtherVersion(u32),
    /// Written by another version of the tool.
    #[error("mlbuild {0} measured it, and this is {version}", version = crate::VERSION)]
    OtherTool(String),
    /// A field is missing, unknown or of the wrong kind.
    #[error("it cannot be read: {0}")]
    Malformed(String),
    /// Not the bytes that this version writes.
    #[error("it was changed after it was written, or says something twice")]
    Changed,
    /// It contradicts itself.
    #[error("it contradicts itself: {0}")]
    Contradiction(String),
    /// It cannot be written as JSON.
    #[error("what was measured cannot be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// Its plan is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Hint for PartialError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::OtherTool(_) | Self::OtherVersion(_) => {
                vec!["measure and merge with one version of mlbuild".to_owned()]
            }
            Self::Json(_) => vec!["this is a defect of mlbuild: please report it".to_owned()],
            Self::Plan(error) => error.hints(),
            _ => vec!["measure that shard again: `mlbuild ci --shard i/N`".to_owned()],
        }
    }
}

/// What tells a shard's file from others, whatever its version.
#[derive(Deserialize)]
struct Header {
    schema: String,
    version: u32,
    tool_version: String,
}

/// The usual name of a shard's file.
pub fn file_name(shard: u32, of: u32) -> String {
    format!("shard-{shard}-of-{of}.json")
}

/// True for names that shards' files have.
pub fn is_file_name(name: &str) -> bool {
    let numbers = name
        .strip_prefix("shard-")
        .and_then(|rest| rest.strip_suffix(".json"))
        .and_then(|rest| rest.split_once("-of-"));
    let is_number = |text: &str| !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(shard, of)| is_number(shard) && is_number(of))
}

impl Partial {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, PartialError> {
        let file = fs::File::open(path).map_err(FileError::at("read", path))?;
        let length = file.metadata().map_err(FileError::at("read", path))?.len();
        if length > MAX_BYTES {
            return Err(PartialError::TooLarge(length));
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(FileError::at("read", path))?;
        Self::parse(&bytes)
    }

    /// Reads what [`Partial::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, PartialError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(PartialError::TooLarge(bytes.len() as u64));
        }
        // What it is comes first: another kind or version has other fields, which the strict types refuse with a less helpful message.
        let header: Header = serde_json::from_slice(bytes).map_err(|error| PartialError::NotAShard(safe(&error)))?;
        if header.schema != SCHEMA {
            return Err(PartialError::OtherSchema(short(&header.schema)));
        }
        if header.version != VERSION {
            return Err(PartialError::OtherVersion(header.version));
        }
        if header.tool_version != crate::VERSION {
            return Err(PartialError::OtherTool(short(&header.tool_version)));
        }
        let partial: Self = serde_json::from_slice(bytes).map_err(|error| PartialError::Malformed(safe(&error)))?;
        if partial.to_bytes()? != bytes {
            return Err(PartialError::Changed);
        }
        partial.check()?;
        Ok(partial)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PartialError> {
        let mut bytes = serde_json::to_vec(self).map_err(PartialError::Json)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Refuses what contradicts itself.
    pub fn check(&self) -> Result<(), PartialError> {
        let refuse = |reason: String| Err(PartialError::Contradiction(clean::line(&reason, LONGEST_TEXT)));
        if let Err(reason) = self.plan.check() {
            return refuse(format!("its plan: {reason}"));
        }
        if self.plan.digest()? != self.plan_digest {
            return refuse("its plan is not the one that it names".to_owned());
        }
        self.plan.check_shard(self.shard, self.of)?;
        if self.plan.tool_version != self.tool_version {
            return Err(PartialError::OtherTool(short(&self.plan.tool_version)));
        }
        if self.comparisons.len() > MOST_COMPARISONS {
            return refuse(format!("it has {} comparisons", self.comparisons.len()));
        }
        let mut seen: BTreeSet<&ComparisonKey> = BTreeSet::new();
        for found in &self.comparisons {
            let label = label(&found.key);
            if !seen.insert(&found.key) {
                return refuse(format!("it has `{label}` twice"));
            }
            let own = self.plan.of_shard(self.shard).find(|unit| holds(unit, &found.key));
            let Some(unit) = own else {
                return refuse(format!("`{label}` is not this shard's"));
            };
            if (unit.basis == Basis::Removed) && !found.is_removed() {
                return refuse(format!("`{label}` was measured, and the config does not name it"));
            }
            if !found.is_removed() && found.target.name() != found.key.target {
                return refuse(format!("`{label}` ran on {}", found.target.name()));
            }
            if let Err(reason) = plausible::check(found) {
                return refuse(format!("`{label}`: {reason}"));
            }
        }
        for unit in self.plan.of_shard(self.shard) {
            let mut own = self.comparisons.iter().filter(|found| holds(unit, &found.key));
            if !own.any(|found| unit.basis == Basis::Removed || !found.is_removed()) {
                return refuse(format!("it lacks `{}`", unit.label()));
            }
        }
        Ok(())
    }
}

fn holds(unit: &crate::pipeline::sharding::plan::Unit, key: &ComparisonKey) -> bool {
    unit.model == key.model && unit.target == key.target && unit.variant == key.variant
}

/// A comparison, for people.
pub(super) fn label(key: &ComparisonKey) -> String {
    format!("{} · {} · {}", key.model, key.target, key.variant_label())
}

fn safe(error: &serde_json::Error) -> String {
    short(&error.to_string())
}

fn short(text: &str) -> String {
    clean::line(text, clean::NAME_LENGTH)
}
