//! The hub's URL, taken apart.

use http::Uri;

use crate::error::Error;

/// Where a hub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Whether TLS is spoken.
    pub(crate) secure: bool,
    /// Host name or address, without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The `Host` header: with the port where it is not the scheme's own.
    pub(crate) authority: String,
    /// Path and query of the request.
    pub(crate) target: String,
}

impl Endpoint {
    /// Reads the option `url`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Option { key: "\"url\"".to_owned(), problem };
        let uri: Uri = url.parse().map_err(|error| wrong(format!("not a valid URL: {error}")))?;
        let (secure, default_port) = match uri.scheme_str() {
            Some("https" | "wss") => (true, 443),
            Some("http" | "ws") => (false, 80),
            _ => return Err(wrong("has no scheme we know: expected http, https, ws or wss".to_owned())),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it, which the hub does not take: leave it out".to_owned()));
        }
        let bracketed = uri.host().unwrap_or_default();
        let host = bracketed.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(wrong("has no host".to_owned()));
        }
        let port = match (uri.port(), authority.as_str().rsplit_once(':')) {
            (Some(port), _) => port.as_u16(),
            (None, Some((_, port))) if !port.is_empty() && !port.ends_with(']') => {
                return Err(wrong("has a port that is none".to_owned()));
            }
            _ => default_port,
        };
        if port == 0 {
            return Err(wrong("has port 0: expected 1 to 65535".to_owned()));
        }
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let authority = if port == default_port { shown } else { format!("{shown}:{port}") };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { secure, host, port, authority, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (bool, String, u16, String, String) {
        let endpoint = Endpoint::parse(url).unwrap();
        (endpoint.secure, endpoint.host, endpoint.port, endpoint.authority, endpoint.target)
    }

    #[test]
    fn forms_of_urls() {
        for (url, secure, host, port, authority, target) in [
            (
                "https://API.sonorancad.com/apiWsHub",
                true,
                "api.sonorancad.com",
                443,
                "api.sonorancad.com",
                "/apiWsHub",
            ),
            ("wss://h:443/a/", true, "h", 443, "h", "/a/"),
            ("ws://h:5000/a?b=%20c&d", false, "h", 5000, "h:5000", "/a?b=%20c&d"),
            ("http://h", false, "h", 80, "h", "/"),
            ("http://h?x=1", false, "h", 80, "h", "/?x=1"),
            ("ws://[::1]:8080/x", false, "::1", 8080, "[::1]:8080", "/x"),
            ("wss://[2001:db8::1]/x", true, "2001:db8::1", 443, "[2001:db8::1]", "/x"),
            ("https://h/a#fragment", true, "h", 443, "h", "/a"),
        ] {
            let expected = (secure, host.to_owned(), port, authority.to_owned(), target.to_owned());
            assert_eq!(parsed(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_hub_is_refused() {
        for url in [
            "",
            "h",
            "/a",
            "ftp://h/a",
            "http://",
            "http:///a",
            "https://u:p@h/a",
            "http://h:99999/",
            "http://h:0/",
            "http://h:x/",
            "http://a b/",
            "http://h\r\nX: y/",
        ] {
            let error = Endpoint::parse(url).map(|endpoint| panic!("{url}: {endpoint:?}")).unwrap_err();
            assert!(error.to_string().contains("\"url\""), "{url}: {error}");
        }
    }
}
