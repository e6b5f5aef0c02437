//! Where a remote is: a bucket of an S3 server, or a folder. Credentials have no place in here, and are refused where they are tried.

use std::path::PathBuf;

use super::error::RemoteError;

/// What everything of a remote is beneath, where nothing else is said.
pub const DEFAULT_PREFIX: &str = "mlbuild/";

/// Where a remote is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// Bucket or folder.
    pub place: Place,
    /// What every object's name begins with: empty, or ending in `/`.
    pub prefix: String,
}

/// Bucket or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A bucket of AWS S3 or a server that speaks as it does.
    S3 {
        /// The bucket.
        bucket: String,
        /// The region; the environment's or the profile's where there is none, at last `us-east-1`.
        region: Option<String>,
        /// The server's address, where it is not AWS.
        endpoint: Option<String>,
    },
    /// A folder, on a shared disk as a rule.
    Folder(PathBuf),
}

impl RemoteSettings {
    /// Checks every part. A prefix gets the `/` at its end that it lacks; [`DEFAULT_PREFIX`] where there is none.
    pub fn new(place: Place, prefix: Option<&str>) -> Result<Self, RemoteError> {
        match &place {
            Place::S3 {
                bucket,
                region,
                endpoint,
            } => {
                check_bucket(bucket)?;
                region.as_deref().map_or(Ok(()), check_region)?;
                endpoint.as_deref().map_or(Ok(()), check_endpoint)?;
            }
            Place::Folder(path) => check_folder(path)?,
        }
        Ok(Self {
            place,
            prefix: clean_prefix(prefix.unwrap_or(DEFAULT_PREFIX))?,
        })
    }

    /// For people: `s3://models/mlbuild/`, or the folder.
    pub fn label(&self) -> String {
        match &self.place {
            Place::S3 { bucket, .. } => format!("s3://{bucket}/{}", self.prefix),
            Place::Folder(path) => path.join(&self.prefix).display().to_string(),
        }
    }
}

fn setting(what: impl Into<String>, hint: &'static str) -> RemoteError {
    RemoteError::Setting {
        what: what.into(),
        hint,
    }
}

/// A name that every S3 server takes: 3 to 63 of `a-z`, `0-9`, `.`, `-`, `_`.
pub fn check_bucket(bucket: &str) -> Result<(), RemoteError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (3..=255).contains(&bucket.len()) && bucket.bytes().all(is_plain) && !bucket.contains("..") {
        return Ok(());
    }
    Err(setting(
        format!("`{}` is not the name of a bucket", bucket.escape_debug()),
        "only its name, such as `team-models`: what is in it is chosen by `prefix`, the server by `endpoint`",
    ))
}

/// `eu-central-1`, `auto`.
pub fn check_region(region: &str) -> Result<(), RemoteError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&region.len()) && region.bytes().all(is_plain) {
        return Ok(());
    }
    Err(setting(
        format!("`{}` is not a region", region.escape_debug()),
        "for example `eu-central-1`; `auto` for Cloudflare R2",
    ))
}

/// `https://host`, with a port and a path if need be. Never with credentials.
pub fn check_endpoint(endpoint: &str) -> Result<(), RemoteError> {
    // First, and without showing it: it may be a password that stands in the wrong place.
    if endpoint.contains('@') {
        return Err(setting(
            "the endpoint contains credentials, or at least an `@`",
            "keep them in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or in `~/.aws/credentials`: they are read from \
             there whenever they are needed, and never stored here",
        ));
    }
    let hint = "for example `https://<account>.r2.cloudflarestorage.com` or `http://localhost:9000`";
    if endpoint.contains(['?', '#']) || endpoint.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(setting("the endpoint has more than scheme, host, port and path", hint));
    }
    let is_url = endpoint.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_url {
        return Ok(());
    }
    Err(setting(
        format!("`{}` is not the address of a server", endpoint.escape_debug()),
        hint,
    ))
}

fn check_folder(path: &std::path::Path) -> Result<(), RemoteError> {
    if path.as_os_str().is_empty() {
        return Err(setting("the folder has no path", "say which with `--path`"));
    }
    Ok(())
}

/// The prefix with one `/` at its end and none at its start.
pub fn clean_prefix(prefix: &str) -> Result<String, RemoteError> {
    let inner = prefix.trim_matches('/');
    if inner.is_empty() {
        return Ok(String::new());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '=' | '+');
    let is_sound = inner.chars().all(is_plain)
        && inner
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
        && inner.len() <= 512;
    if is_sound {
        return Ok(format!("{inner}/"));
    }
    Err(setting(
        format!("`{}` cannot be a prefix", prefix.escape_debug()),
        "letters, digits, `.`, `-`, `_` and `/`, such as `team/mlbuild/`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;

    #[test]
    fn shows_no_password_and_says_where_it_belongs() {
        let error = check_endpoint("https://key:hunter2@host").unwrap_err();
        assert!(!format!("{error}{:?}{error:?}", error.hints()).contains("hunter2"));
        assert!(error.hints().concat().contains("AWS_SECRET_ACCESS_KEY"));
        for good in [
            "https://a.r2.cloudflarestorage.com",
            "http://localhost:9000",
            "http://[::1]:80/s3/",
        ] {
            check_endpoint(good).unwrap();
        }
        for bad in [
            "",
            "localhost:9000",
            "ftp://a",
            "https://",
            "https://a?b=c",
            "https://a b",
        ] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_end_in_one_slash_and_stay_beneath() {
        assert_eq!(clean_prefix("/team/ml").unwrap(), "team/ml/");
        assert_eq!(clean_prefix("/").unwrap(), "");
        for bad in ["a/../b", "a//b", "ä", "a b", "a\\b", "a\0"] {
            assert!(clean_prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn buckets_and_regions_are_names() {
        check_bucket("team-models").unwrap();
        check_region("eu-central-1").unwrap();
        for bad in ["", "ab", "a/b/c", "s3://abc", "a b c"] {
            assert!(check_bucket(bad).is_err(), "{bad}");
        }
        assert!(check_region("eu central").is_err());
    }
}
