//! A file of the repository as it was at a commit.

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::ids::CommitSha;
use super::text;

/// How a Git LFS pointer begins (git-lfs, `docs/spec.md`).
const LFS_VERSION: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// The specification allows no longer one.
const LFS_BYTES: usize = 1024;

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// As committed.
    pub bytes: Vec<u8>,
}

impl Contents {
    /// Whether git holds a Git LFS pointer here and the file itself lies elsewhere.
    pub fn is_lfs_pointer(&self) -> bool {
        self.bytes.len() <= LFS_BYTES && self.bytes.starts_with(LFS_VERSION)
    }
}

/// The file at `path` (relative to the root, forward slashes) at `commit`, up to `limit` bytes; `None` where there is none.
/// GitHub gives files of up to 100 MB.
pub fn at(client: &Client, path: &str, commit: &CommitSha, limit: u64) -> Result<Option<Contents>, GithubError> {
    at_reference(client, path, commit.as_str(), limit)
}

/// [`at`] for the commit that `tag` names.
pub fn at_tag(client: &Client, path: &str, tag: &str, limit: u64) -> Result<Option<Contents>, GithubError> {
    at_reference(client, path, &text::escape(tag), limit)
}

fn at_reference(client: &Client, path: &str, reference: &str, limit: u64) -> Result<Option<Contents>, GithubError> {
    // The raw media type has no 1 MB limit, unlike the JSON one.
    let path = client.path(format_args!("contents/{}?ref={reference}", text::escape_path(path)));
    let request = Request::get(path, Permission::ContentsRead).accept("application/vnd.github.raw+json");
    match client.bytes(&request, limit) {
        Ok(bytes) => Ok(Some(Contents { bytes })),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_pointer_from_a_file() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n".to_vec();
        assert!(Contents { bytes: pointer.clone() }.is_lfs_pointer());
        assert!(
            !Contents {
                bytes: pointer[1..].to_vec()
            }
            .is_lfs_pointer()
        );
        assert!(!Contents { bytes: Vec::new() }.is_lfs_pointer());
    }
}
