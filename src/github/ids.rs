//! Names that must not be mixed up: a repository, a commit, a pull request.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// A repository, written `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName {
    owner: String,
    name: String,
}

/// A commit, written as 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

/// The number of a pull request in its repository, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct PrNumber(u64);

/// A text that does not name what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        // What is quoted may be hostile and long.
        let text = text
            .chars()
            .filter(|character| !character.is_control())
            .take(80)
            .collect();
        Self { text, expected }
    }
}

impl RepoName {
    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_repository_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 100
        && part != "."
        && part != ".."
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl FromStr for RepoName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            Some((owner, name)) if is_repository_part(owner) && is_repository_part(name) => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(IdError::new(text, "a repository's name (`owner/name`)")),
        }
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl TryFrom<String> for RepoName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> Self {
        name.to_string()
    }
}

impl CommitSha {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people and tags.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    /// Whether this is the all-zero name by which git says "no commit".
    pub fn is_null(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'0')
    }
}

impl FromStr for CommitSha {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(IdError::new(text, "a commit (40 hexadecimal digits)"))
        }
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CommitSha {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl PrNumber {
    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for PrNumber {
    type Error = IdError;

    fn try_from(number: u64) -> Result<Self, IdError> {
        if number == 0 {
            Err(IdError::new("0", "a pull request's number (from 1)"))
        } else {
            Ok(Self(number))
        }
    }
}

impl From<PrNumber> for u64 {
    fn from(number: PrNumber) -> Self {
        number.0
    }
}

impl FromStr for PrNumber {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse::<u64>()
            .map_err(|_| IdError::new(text, "a pull request's number"))
            .and_then(Self::try_from)
    }
}

impl fmt::Display for PrNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_cannot_climb_or_smuggle() {
        assert_eq!("octo/hello.world".parse::<RepoName>().unwrap().name(), "hello.world");
        for wrong in [
            "octo", "octo/", "/hello", "a/b/c", "octo/..", "octo/a?b", "octo/a b", "o#/x",
        ] {
            assert!(wrong.parse::<RepoName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn commits_are_whole_and_lower_case() {
        let sha: CommitSha = "AB".repeat(20).parse().unwrap();
        assert_eq!(sha.as_str(), "ab".repeat(20));
        assert_eq!(sha.short().len(), 12);
        assert!("abc1234".parse::<CommitSha>().is_err());
        assert!("g".repeat(40).parse::<CommitSha>().is_err());
        assert!("0".repeat(40).parse::<CommitSha>().unwrap().is_null());
    }

    #[test]
    fn pull_requests_count_from_one() {
        assert!(PrNumber::try_from(0).is_err());
        assert_eq!("17".parse::<PrNumber>().unwrap().get(), 17);
        assert!("seventeen".parse::<PrNumber>().is_err());
    }
}
