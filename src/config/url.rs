//! URLs, parsed and normalised: the option `url`, and what a hub names instead.

use std::net::Ipv6Addr;

use http::Uri;

use crate::error::Error;

/// Where a hub is. Two spellings of one URL give equal endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Whether the connection uses TLS.
    pub(crate) secure: bool,
    /// Host name or address in lower case, without the brackets of an IPv6 address and without the
    /// trailing dot of an absolute name.
    pub(crate) host: String,
    /// Whether the name ended with a dot, which keeps the resolver's search list away from it.
    absolute: bool,
    pub(crate) port: u16,
    /// The `Host` header: with the port unless it is the scheme's own.
    pub(crate) authority: String,
    /// Path and query of the request.
    pub(crate) target: String,
}

impl Endpoint {
    /// Reads the option `url`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        Self::read(url).map_err(|problem| Error::Option { key: "\"url\"".to_owned(), problem })
    }

    /// Reads any URL of a hub. The error says what is wrong with it, without quoting it.
    pub(crate) fn read(url: &str) -> Result<Self, String> {
        let uri = uri(url)?;
        let (secure, default_port) = match uri.scheme_str() {
            Some("https" | "wss") => (true, 443),
            Some("http" | "ws") => (false, 80),
            _ => return Err("has an unknown scheme: expected http, https, ws or wss".to_owned()),
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("contains a user, which the hub does not take: leave it out".to_owned());
        }
        let Place { host: Host { name: host, absolute }, port } = Place::of(&uri, default_port)?;
        let shown = in_url(&host);
        let authority = if port == default_port { shown } else { format!("{shown}:{port}") };
        let target = target(uri.path_and_query().map_or("/", |target| target.as_str()));
        Ok(Self { secure, host, absolute, port, authority, target })
    }

    /// Host and port, for messages.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", in_url(&self.host), self.port)
    }

    /// The host as the resolver takes it.
    pub(crate) fn lookup_name(&self) -> String {
        if self.absolute { format!("{}.", self.host) } else { self.host.clone() }
    }

    /// Whether both are the same hub: a trailing dot changes how a name is looked up, not what it means.
    pub(crate) fn is_same_hub(&self, other: &Self) -> bool {
        *self == Self { absolute: self.absolute, ..other.clone() }
    }

    /// Whether both are the same server, which may see what was meant for the other.
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    /// Where this hub negotiates.
    pub(crate) fn negotiation(&self) -> Self {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let slash = if path.ends_with('/') { "" } else { "/" };
        let target = format!("{path}{slash}negotiate");
        let asks = |part: &str| {
            part.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("negotiateVersion"))
        };
        let mut query: Vec<_> = query.split('&').filter(|part| !part.is_empty()).collect();
        if !query.iter().any(|part| asks(part)) {
            query.push("negotiateVersion=1");
        }
        Self { target: format!("{target}?{}", query.join("&")), ..self.clone() }
    }

    /// Where this hub takes the connection that it negotiated under this id.
    pub(crate) fn with_id(&self, id: &str) -> Self {
        let joint = match self.target.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        let mut target = format!("{}{joint}id=", self.target);
        for byte in id.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                target.push(char::from(byte));
            } else {
                push_escape(&mut target, byte);
            }
        }
        Self { target, ..self.clone() }
    }
}

/// Reads a URL. The error does not quote it.
pub(super) fn uri(url: &str) -> Result<Uri, String> {
    url.parse().map_err(|error| not_a_url(url, &error))
}

/// The host as it stands in a URL.
pub(super) fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Where a URL leads.
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Place {
    pub(super) fn of(uri: &Uri, default_port: u16) -> Result<Self, String> {
        let authority = uri.authority().ok_or("has no host")?.as_str();
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, rest)| rest);
        let port = match (uri.port(), host_and_port.rsplit_once(':')) {
            (Some(port), _) => port.as_u16(),
            (None, Some((_, port))) if !port.is_empty() && !port.ends_with(']') => {
                return Err("has an invalid port: expected 1 to 65535".to_owned());
            }
            _ => default_port,
        };
        if port == 0 {
            return Err("has port 0: expected 1 to 65535".to_owned());
        }
        Ok(Self { host: Host::parse(uri.host().unwrap_or_default())?, port })
    }
}

pub(super) struct Host {
    pub(super) name: String,
    absolute: bool,
}

impl Host {
    fn parse(host: &str) -> Result<Self, String> {
        if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: Ipv6Addr =
                address.parse().map_err(|_| "has no valid IPv6 address in its brackets")?;
            return Ok(Self { name: address.to_string(), absolute: false });
        }
        let (name, absolute) = host.strip_suffix('.').map_or((host, false), |name| (name, true));
        if name.is_empty() {
            return Err("has no host".to_owned());
        }
        if let Some(odd) = name.chars().find(|char| !char.is_ascii_alphanumeric() && !"-._~".contains(*char))
        {
            return Err(format!("has {odd:?} in its host: expected a name or an address"));
        }
        // the search list does not apply to addresses
        let absolute = absolute && name.parse::<std::net::Ipv4Addr>().is_err();
        Ok(Self { name: name.to_ascii_lowercase(), absolute })
    }
}

/// Normalises path and query: upper-case escapes, none that are unnecessary, and one for each byte that is
/// not ASCII and for each percent sign that begins no escape.
fn target(text: &str) -> String {
    let mut target = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        target.push('/');
    }
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let escaped = (byte == b'%').then(|| hex_byte(bytes.as_slice())).flatten();
        match escaped {
            Some(meant) => {
                _ = bytes.nth(1);
                if meant.is_ascii_alphanumeric() || b"-._~".contains(&meant) {
                    target.push(char::from(meant));
                } else {
                    push_escape(&mut target, meant);
                }
            }
            None if byte.is_ascii() && byte != b'%' => target.push(char::from(byte)),
            None => push_escape(&mut target, byte),
        }
    }
    target
}

/// Parses the first two characters as a byte in hexadecimal.
pub(super) fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

fn push_escape(target: &mut String, byte: u8) {
    use std::fmt::Write as _;
    let _ = write!(target, "%{byte:02X}");
}

fn not_a_url(url: &str, error: &http::uri::InvalidUri) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_ascii() {
        format!("not a valid URL: {error}")
    } else {
        "has a host with letters beyond ASCII: write it in punycode (xn--...)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (bool, String, u16, String, String) {
        let endpoint = Endpoint::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        (endpoint.secure, endpoint.lookup_name(), endpoint.port, endpoint.authority, endpoint.target)
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
            ("http://h:/a", false, "h", 80, "h", "/a"),
            ("http://h?x=1", false, "h", 80, "h", "/?x=1"),
            ("ws://[::1]:8080/x", false, "::1", 8080, "[::1]:8080", "/x"),
            ("wss://[2001:DB8:0::1]/x", true, "2001:db8::1", 443, "[2001:db8::1]", "/x"),
            ("ws://[::ffff:127.0.0.1]/x", false, "::ffff:127.0.0.1", 80, "[::ffff:127.0.0.1]", "/x"),
            ("https://h/a#fragment", true, "h", 443, "h", "/a"),
            ("https://h./a", true, "h.", 443, "h", "/a"),
            ("http://127.0.0.1./a", false, "127.0.0.1", 80, "127.0.0.1", "/a"),
            (
                "http://xn--mnchen-3ya.example/a",
                false,
                "xn--mnchen-3ya.example",
                80,
                "xn--mnchen-3ya.example",
                "/a",
            ),
            ("http://h/%7euser/%c3%a9?%2f=%", false, "h", 80, "h", "/~user/%C3%A9?%2F=%25"),
        ] {
            let expected = (secure, host.to_owned(), port, authority.to_owned(), target.to_owned());
            assert_eq!(parsed(url), expected, "{url}");
        }
    }

    #[test]
    fn spellings_of_one_hub_are_one() {
        let endpoint = |url: &str| Endpoint::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        for spellings in [
            &[
                "ws://Hub.example/apiWsHub",
                "http://hub.example/apiWsHub",
                "HTTP://HUB.EXAMPLE:80/%61piWsHub#x",
            ][..],
            &["wss://h", "https://h:443/", "https://h"],
            &["ws://[::1]:5000/x", "ws://[0:0:0:0:0:0:0:1]:5000/x"],
        ] {
            for spelling in spellings {
                assert_eq!(endpoint(spelling), endpoint(spellings[0]), "{spelling}");
            }
        }
        assert!(endpoint("ws://h./x").is_same_hub(&endpoint("http://H/x")));
        for other in
            ["wss://h/x", "ws://i/x", "ws://h:81/x", "ws://h/X", "ws://h/x/", "ws://h/x?", "ws://h/x?a"]
        {
            assert!(!endpoint("ws://h/x").is_same_hub(&endpoint(other)), "{other}");
        }
    }

    #[test]
    fn the_one_spelling_of_a_url_is_spelled_so() {
        let parts = [
            "%", "4", "1", "%25", "%41", "%2f", "/", "?", "#", "é", "\u{7f}", "a", "Z", "..", "~", ":", "@",
            "[", "=", "&", "+",
        ];
        let mut random = 1_u32;
        let mut parsed = 0;
        for _ in 0..20_000 {
            let mut url = "ws://Hub.example:80/".to_owned();
            for _ in 0..8 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                url.push_str(parts[usize::try_from(random >> 16).unwrap() % parts.len()]);
            }
            let Ok(endpoint) = Endpoint::parse(&url) else { continue };
            let spelled = format!("ws://{}{}", endpoint.authority, endpoint.target);
            assert_eq!(Endpoint::parse(&spelled).unwrap(), endpoint, "{url} {spelled}");
            parsed += 1;
        }
        assert!(parsed > 1_000, "{parsed}");
    }

    #[test]
    fn what_is_no_url_of_a_hub_is_refused() {
        for (url, part) in [
            ("", "empty"),
            ("h", "scheme"),
            ("/a", "scheme"),
            ("ftp://h/a", "scheme"),
            ("http://", "not a valid URL"),
            ("http:///a", "not a valid URL"),
            ("http://./a", "no host"),
            ("https://u:p@h/a", "user"),
            ("http://h:99999/", "port"),
            ("http://h:0/", "port"),
            ("http://h:x/", "port"),
            ("http://a b/", "not a valid URL"),
            ("http://h\r\nX: y/", "not a valid URL"),
            ("http://münchen.example/", "punycode"),
            ("http://h%41/", "not a valid URL"),
            ("http://a,b/", "','"),
            ("http://[fe80::1%25eth0]/", "IPv6"),
            ("http://[127.0.0.1]/", "IPv6"),
        ] {
            let error = Endpoint::parse(url).map(|endpoint| panic!("{url}: {endpoint:?}")).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("\"url\"") && error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn a_hub_negotiates_beside_its_own_path() {
        for (url, negotiation) in [
            ("ws://h", "/negotiate?negotiateVersion=1"),
            ("ws://h/hub", "/hub/negotiate?negotiateVersion=1"),
            ("ws://h/hub/", "/hub/negotiate?negotiateVersion=1"),
            ("ws://h/client/?hub=a&b", "/client/negotiate?hub=a&b&negotiateVersion=1"),
            ("ws://h/hub?", "/hub/negotiate?negotiateVersion=1"),
            ("ws://h/hub?NegotiateVersion=0", "/hub/negotiate?NegotiateVersion=0"),
        ] {
            assert_eq!(Endpoint::read(url).unwrap().negotiation().target, negotiation, "{url}");
        }
    }

    #[test]
    fn an_id_is_escaped_and_joins_the_query() {
        for (url, id, target) in [
            ("ws://h/hub", "abc-_.~", "/hub?id=abc-_.~"),
            ("ws://h/hub?a=b", "x y", "/hub?a=b&id=x%20y"),
            ("ws://h/hub?", "&id=2#%\u{e9}\r\n", "/hub?id=%26id%3D2%23%25%C3%A9%0D%0A"),
        ] {
            assert_eq!(Endpoint::read(url).unwrap().with_id(id).target, target);
        }
    }
}
