//! What the fake GitHub remembers: one repository with its commits, pull requests, comments, checks, releases and runs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use mlbuild::digest::Digest;

use super::faults::Fault;

/// How much a token may do in one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Nothing,
    Read,
    Write,
}

/// What `permissions:` of a workflow grants.
#[derive(Debug, Clone)]
pub(crate) struct Grants {
    pub(crate) actions: Level,
    pub(crate) checks: Level,
    pub(crate) contents: Level,
    pub(crate) pull_requests: Level,
}

impl Grants {
    pub(crate) fn all(level: Level) -> Self {
        Self {
            actions: level,
            checks: level,
            contents: level,
            pull_requests: level,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) login: String,
    /// `User`, `Bot` or `Organization`.
    pub(crate) kind: &'static str,
}

impl User {
    pub(crate) fn actions() -> Self {
        Self {
            id: 41_898_282,
            login: "github-actions[bot]".to_owned(),
            kind: "Bot",
        }
    }

    pub(crate) fn person(id: u64, login: &str) -> Self {
        Self {
            id,
            login: login.to_owned(),
            kind: "User",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) user: User,
    pub(crate) grants: Grants,
    /// Whether it is an installation's, which may not ask who it is at `/user`.
    pub(crate) installation: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) parents: Vec<String>,
    pub(crate) tree: String,
    pub(crate) message: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) open: bool,
    pub(crate) title: String,
    pub(crate) head_sha: String,
    pub(crate) head_ref: String,
    /// `owner/name` of the fork, or `None` for the repository itself.
    pub(crate) fork: Option<String>,
    pub(crate) base_sha: String,
    pub(crate) base_ref: String,
    /// The commit by which it was merged.
    pub(crate) merged_as: Option<String>,
    pub(crate) merged_at: Option<String>,
}

/// A sign under a comment.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) comment: u64,
    pub(crate) content: String,
    pub(crate) by: User,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) pull: u64,
    pub(crate) author: User,
    pub(crate) body: String,
    pub(crate) hidden: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) head_sha: String,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<serde_json::Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) uploader: User,
    /// What the release says it holds; storage may differ where a test says so.
    pub(crate) size: usize,
    pub(crate) digest: Option<Digest>,
    pub(crate) complete: bool,
    pub(crate) stored: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) latest: bool,
    pub(crate) author: User,
    pub(crate) assets: Vec<Asset>,
}

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) attempt: u64,
    pub(crate) event: String,
    pub(crate) head_sha: String,
    pub(crate) head_branch: String,
    pub(crate) path: String,
    pub(crate) conclusion: Option<String>,
    /// Number and name of the repository it ran in, where that is another one.
    pub(crate) repository: Option<(u64, String)>,
    /// Number and name of the fork that its commit came from.
    pub(crate) fork: Option<(u64, String)>,
}

/// A file that a run has left behind, packed.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) run: u64,
    pub(crate) name: String,
    pub(crate) expired: bool,
    /// What the list says of it; storage may differ where a test says so.
    pub(crate) size: usize,
    pub(crate) digest: Option<Digest>,
    pub(crate) stored: Vec<u8>,
}

/// One request that arrived, and what it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    /// `api`, `uploads` or `storage`.
    pub(crate) origin: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorized: bool,
    /// `None` where the connection was dropped instead.
    pub(crate) status: Option<u16>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// Base URLs without a trailing slash.
    pub(crate) api: String,
    pub(crate) uploads: String,
    pub(crate) storage: String,
    /// `owner/name`.
    pub(crate) repo: String,
    pub(crate) repo_id: u64,
    pub(crate) default_branch: String,
    /// Whether anybody may read it.
    pub(crate) public: bool,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) commits: BTreeMap<String, Commit>,
    pub(crate) trees: BTreeSet<String>,
    /// `refs/heads/…` and `refs/tags/…`.
    pub(crate) refs: BTreeMap<String, String>,
    pub(crate) pulls: BTreeMap<u64, Pull>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) checks: Vec<Check>,
    pub(crate) releases: Vec<Release>,
    pub(crate) runs: BTreeMap<u64, Run>,
    /// Seconds by which comments and checks are later than the fake's own time.
    pub(crate) later: u64,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) reactions: Vec<Reaction>,
    /// Persons and their roles, by login.
    pub(crate) roles: BTreeMap<String, (User, String)>,
    /// Whether GraphQL answers, as on every GitHub and on no other forge.
    pub(crate) graphql: bool,
    /// Whether published releases cannot be changed any more.
    pub(crate) immutable_releases: bool,
    /// Put into releases instead of the true upload URL.
    pub(crate) forged_upload_url: Option<String>,
    /// Where downloads of assets and artifacts are redirected to instead of storage.
    pub(crate) forged_location: Option<String>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) log: Vec<Logged>,
    /// What must not have happened.
    pub(crate) problems: Vec<String>,
    /// The newest number that was given out.
    pub(crate) last_id: u64,
}

impl State {
    pub(crate) fn new(api: String, uploads: String, storage: String) -> Self {
        Self {
            api,
            uploads,
            storage,
            repo: "acme/models".to_owned(),
            repo_id: 186_853_002,
            default_branch: "main".to_owned(),
            public: false,
            tokens: BTreeMap::new(),
            commits: BTreeMap::new(),
            trees: BTreeSet::new(),
            refs: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: Vec::new(),
            checks: Vec::new(),
            releases: Vec::new(),
            runs: BTreeMap::new(),
            later: 0,
            artifacts: Vec::new(),
            reactions: Vec::new(),
            roles: BTreeMap::new(),
            graphql: true,
            immutable_releases: false,
            forged_upload_url: None,
            forged_location: None,
            faults: Vec::new(),
            log: Vec::new(),
            problems: Vec::new(),
            last_id: 1000,
        }
    }

    /// A number that nothing else has, greater than all before.
    pub(crate) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn add_comment(&mut self, pull: u64, author: &User, body: &str) -> u64 {
        let id = self.new_id();
        let comment = Comment {
            id,
            pull,
            author: author.clone(),
            body: body.to_owned(),
            hidden: false,
        };
        self.comments.push(comment);
        id
    }

    /// 40 hexadecimal digits that nothing else has.
    pub(crate) fn new_sha(&mut self) -> String {
        let id = self.new_id();
        Digest::of(&id.to_le_bytes()).as_str()[..40].to_owned()
    }

    /// `https://api…/repos/owner/name`.
    pub(crate) fn repo_url(&self) -> String {
        format!("{}/repos/{}", self.api, self.repo)
    }

    pub(crate) fn owner(&self) -> &str {
        self.repo.split('/').next().unwrap()
    }

    /// A commit and everything before it.
    pub(crate) fn ancestry(&self, sha: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![sha.to_owned()];
        while let Some(sha) = open.pop() {
            if let Some(commit) = self.commits.get(&sha)
                && seen.insert(sha)
            {
                open.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        if self.commits.contains_key(name) {
            return Some(name.to_owned());
        }
        ["refs/heads/", "refs/tags/"]
            .iter()
            .find_map(|prefix| self.refs.get(&format!("{prefix}{name}")).cloned())
    }
}
