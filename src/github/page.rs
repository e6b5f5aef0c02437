//! The `Link` header by which GitHub pages its lists (RFC 8288).

use http::HeaderMap;
use http::header;

/// The URL of the next page.
pub(super) fn next(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|link| {
            let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            parameters
                .split(';')
                .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"))
                .then(|| url.to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(link: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, http::HeaderValue::from_static(link));
        next(&headers)
    }

    #[test]
    fn finds_the_next_page_among_its_siblings() {
        let link = "<https://a/x?page=1>; rel=\"prev\", <https://a/x?page=3>; rel=\"next\", <https://a/x?page=9>; rel=\"last\"";
        assert_eq!(next_of(link).as_deref(), Some("https://a/x?page=3"));
    }

    #[test]
    fn the_last_page_has_no_next() {
        assert_eq!(next_of("<https://a/x?page=1>; rel=\"first\""), None);
        assert_eq!(next_of("nonsense"), None);
        assert_eq!(next(&HeaderMap::new()), None);
    }
}
