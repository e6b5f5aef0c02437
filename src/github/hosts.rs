//! Which hosts may be called, and which of them may see the token: all derived from the API's own URL.
//!
//! | server | API | uploads | GraphQL |
//! |---|---|---|---|
//! | github.com | `https://api.github.com` | `https://uploads.github.com` | `https://api.github.com/graphql` |
//! | NAME.ghe.com | `https://api.NAME.ghe.com` | `https://uploads.NAME.ghe.com` | `https://api.NAME.ghe.com/graphql` |
//! | own server | `https://HOST/api/v3` | `https://HOST/api/uploads` | `https://HOST/api/graphql` |
//!
//! An `upload_url` out of an answer is data: it is called only where this table, or an explicit upload URL, has its host.
//! Plain http is for loopback alone, where the tests live.

use http::Uri;
use http::uri::Authority;

use super::error::GithubError;

/// The origins of one GitHub.
#[derive(Debug, Clone)]
pub struct Hosts {
    api: Uri,
    uploads: Option<Authority>,
}

/// `uri` without its query, which may carry a signature.
pub(super) fn without_query(uri: &Uri) -> String {
    uri.to_string().split('?').next().unwrap_or_default().to_owned()
}

fn refused(url: &str, reason: &'static str) -> GithubError {
    let url = url.split('?').next().unwrap_or_default().chars().take(200).collect();
    GithubError::Url { url, reason }
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Parses an absolute URL and refuses what must never be called.
fn checked(url: &str) -> Result<(Uri, Authority), GithubError> {
    let uri: Uri = url.parse().map_err(|_| refused(url, "not a URL"))?;
    let authority = uri
        .authority()
        .cloned()
        .ok_or_else(|| refused(url, "not an absolute URL"))?;
    if authority.as_str().contains('@') {
        return Err(refused("", "a URL with a user name in it"));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(&authority) => {}
        _ => return Err(refused(url, "only https is called")),
    }
    Ok((uri, authority))
}

/// Host and port, the default port left out.
fn same(one: &Authority, other: &Authority) -> bool {
    let port = |authority: &Authority| authority.port_u16().filter(|port| *port != 443);
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

impl Hosts {
    /// The origins that belong to the API at `api_url` (`GITHUB_API_URL`); `upload_url` names an upload host that the table
    /// does not know.
    pub fn new(api_url: &str, upload_url: Option<&str>) -> Result<Self, GithubError> {
        let (api, _) = checked(api_url.trim_end_matches('/'))?;
        if api.query().is_some() {
            return Err(refused(api_url, "a base URL has no query"));
        }
        let uploads = upload_url.map(checked).transpose()?.map(|(_, authority)| authority);
        Ok(Self { api, uploads })
    }

    /// The URL of `path` (which starts with `/`) below the API.
    pub fn api(&self, path: &str) -> Result<Uri, GithubError> {
        let url = format!("{}{path}", self.base());
        checked(&url).map(|(uri, _)| uri)
    }

    /// The URL that answers GraphQL.
    pub fn graphql(&self) -> Result<Uri, GithubError> {
        let base = self.base();
        let url = match base.strip_suffix("/api/v3") {
            Some(server) => format!("{server}/api/graphql"),
            None => format!("{base}/graphql"),
        };
        checked(&url).map(|(uri, _)| uri)
    }

    /// Scheme and authority of the API.
    pub(super) fn api_origin(&self) -> String {
        match self.api.authority() {
            Some(authority) => format!("{}://{authority}", self.api.scheme_str().unwrap_or("https")),
            None => String::new(),
        }
    }

    fn base(&self) -> String {
        self.api.to_string().trim_end_matches('/').to_owned()
    }

    fn is_loopback(&self) -> bool {
        self.api.authority().is_some_and(is_loopback)
    }

    /// Whether `uri` lies on the API's host, which sees the token.
    pub fn is_api(&self, uri: &Uri) -> bool {
        match (uri.authority(), self.api.authority()) {
            (Some(one), Some(other)) => same(one, other) && uri.scheme() == self.api.scheme(),
            _ => false,
        }
    }

    /// Whether `authority` is where this GitHub takes uploads.
    fn takes_uploads(&self, authority: &Authority) -> bool {
        let Some(api) = self.api.authority() else { return false };
        if let Some(uploads) = &self.uploads {
            return same(authority, uploads);
        }
        if same(authority, api) {
            return true;
        }
        if is_loopback(api) {
            return is_loopback(authority);
        }
        match api.host().strip_prefix("api.") {
            Some(server) => {
                authority.host().eq_ignore_ascii_case(&format!("uploads.{server}"))
                    && authority.port_u16().is_none_or(|port| port == 443)
            }
            None => false,
        }
    }

    /// The URL to upload `name` to, out of a release's `upload_url` (an RFC 6570 template); it sees the token.
    pub fn upload(&self, template: &str, release: u64, name: &str) -> Result<Uri, GithubError> {
        let plain = template.split('{').next().unwrap_or_default();
        let (uri, authority) = checked(plain)?;
        if !self.takes_uploads(&authority) {
            return Err(refused(
                plain,
                "the release names an upload host that does not belong to this GitHub",
            ));
        }
        if uri.query().is_some() || !uri.path().ends_with(&format!("/releases/{release}/assets")) {
            return Err(refused(plain, "not the upload URL of this release"));
        }
        let url = format!("{plain}?name={}", super::text::escape(name));
        checked(&url).map(|(uri, _)| uri)
    }

    /// Where a redirect from `from` leads; any https host may serve a file (without the token), loopback only for loopback.
    pub fn redirect(&self, from: &Uri, location: &str) -> Result<Uri, GithubError> {
        let url = if location.starts_with('/') && !location.starts_with("//") {
            let origin = from.authority().map(Authority::as_str).unwrap_or_default();
            format!("{}://{origin}{location}", from.scheme_str().unwrap_or("https"))
        } else {
            location.to_owned()
        };
        let (uri, authority) = checked(&url)?;
        if is_loopback(&authority) && !self.is_loopback() {
            return Err(refused(&url, "a redirect into this machine"));
        }
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(api: &str) -> Hosts {
        Hosts::new(api, None).unwrap()
    }

    fn upload(api: &str, template: &str) -> Result<String, GithubError> {
        hosts(api).upload(template, 7, "a b.onnx").map(|uri| uri.to_string())
    }

    #[test]
    fn every_kind_of_server_has_its_own_upload_host() {
        let tail = "/repos/o/r/releases/7/assets{?name,label}";
        for (api, server) in [
            ("https://api.github.com", "https://uploads.github.com"),
            ("https://api.acme.ghe.com/", "https://uploads.acme.ghe.com"),
            ("https://git.acme.org/api/v3", "https://git.acme.org/api/uploads"),
            ("http://127.0.0.1:1234", "http://127.0.0.1:5678"),
        ] {
            let expected = format!("{server}/repos/o/r/releases/7/assets?name=a%20b.onnx");
            assert_eq!(upload(api, &format!("{server}{tail}")).unwrap(), expected);
        }
    }

    #[test]
    fn an_upload_url_cannot_carry_the_token_away() {
        for template in [
            "https://evil.example/repos/o/r/releases/7/assets",
            "https://uploads.github.com.evil.example/repos/o/r/releases/7/assets",
            "https://uploads.github.com@evil.example/repos/o/r/releases/7/assets",
            "https://uploads.github.com:8443/repos/o/r/releases/7/assets",
            "http://uploads.github.com/repos/o/r/releases/7/assets",
            "http://127.0.0.1/repos/o/r/releases/7/assets",
            "https://uploads.github.com/repos/o/r/releases/8/assets",
            "https://uploads.github.com/repos/o/r/releases/7/assets?x=1",
            "file:///repos/o/r/releases/7/assets",
            "",
        ] {
            assert!(upload("https://api.github.com", template).is_err(), "{template}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        assert!(Hosts::new("http://api.github.com", None).is_err());
        assert!(Hosts::new("http://localhost:80", None).is_ok());
        assert!(Hosts::new("http://[::1]:80", None).is_ok());
        assert!(Hosts::new("nonsense", None).is_err());
    }

    #[test]
    fn graphql_stands_beside_rest() {
        let graphql = |api| hosts(api).graphql().unwrap().to_string();
        assert_eq!(graphql("https://api.github.com"), "https://api.github.com/graphql");
        assert_eq!(
            graphql("https://git.acme.org/api/v3/"),
            "https://git.acme.org/api/graphql"
        );
    }

    #[test]
    fn redirects_leave_for_https_only_and_never_come_inside() {
        let hosts = hosts("https://api.github.com");
        let from: Uri = "https://api.github.com/repos/o/r".parse().unwrap();
        assert!(hosts.redirect(&from, "https://objects.example/x?sig=1").is_ok());
        assert_eq!(
            hosts.redirect(&from, "/repositories/1").unwrap(),
            "https://api.github.com/repositories/1"
        );
        for location in [
            "http://objects.example/x",
            "http://127.0.0.1/x",
            "https://localhost/x",
            "//evil",
            "ftp://a/b",
        ] {
            assert!(hosts.redirect(&from, location).is_err(), "{location}");
        }
    }

    #[test]
    fn only_the_api_itself_is_the_api() {
        let hosts = hosts("https://api.github.com");
        let is_api = |url: &str| hosts.is_api(&url.parse().unwrap());
        assert!(is_api("https://api.github.com:443/x"));
        assert!(!is_api("http://api.github.com/x"));
        assert!(!is_api("https://api.github.com.evil.example/x"));
    }
}
