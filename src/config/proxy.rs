//! The option `proxy`.

use std::fmt;

use super::secret::Secret;
use super::url::{Host, Place, hex_byte, in_url, uri};

/// A proxy that leads to the hub. `Display` and `Debug` show no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
}

/// How a proxy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// By the HTTP method CONNECT.
    Http,
    /// By SOCKS version 5.
    Socks5,
}

/// What a proxy wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: Secret,
    pub(crate) password: Secret,
}

impl Proxy {
    /// Reads the option. The error says what is wrong with it, without quoting it.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri = uri(url)?;
        let (kind, default_port) = match uri.scheme_str() {
            Some("http") => (ProxyKind::Http, 80),
            // either way the proxy looks the hub's name up
            Some("socks5" | "socks5h") => (ProxyKind::Socks5, 1080),
            _ => return Err("has an unknown scheme: expected http or socks5".to_owned()),
        };
        let Place { host: Host { name: host, .. }, port } = Place::of(&uri, default_port)?;
        if !["", "/"].contains(&uri.path_and_query().map_or("", |path| path.as_str())) {
            return Err("has a path: expected scheme://user:password@host:port".to_owned());
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let credentials = authority.rsplit_once('@').map(|(userinfo, _)| Credentials::parse(kind, userinfo));
        Ok(Self { kind, host, port, credentials: credentials.transpose()? })
    }

    /// Returns the password, unless it is too short to tell it from a word.
    pub(crate) fn password(&self) -> Option<&str> {
        let password = self.credentials.as_ref()?.password.reveal();
        (password.len() > 3).then_some(password)
    }

    /// Host and port, for messages.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", in_url(&self.host), self.port)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 => "socks5",
        };
        write!(formatter, "{scheme}://{}", self.host_and_port())
    }
}

impl Credentials {
    fn parse(kind: ProxyKind, userinfo: &str) -> Result<Self, String> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (user, password) = (unescaped(user)?, unescaped(password)?);
        if user.is_empty() {
            return Err("has an empty user: expected scheme://user:password@host:port".to_owned());
        }
        if kind == ProxyKind::Http && user.contains(':') {
            return Err("has a colon in its user, which HTTP proxies cannot take".to_owned());
        }
        if kind == ProxyKind::Socks5 && user.len().max(password.len()) > 255 {
            return Err("has a user or password of more than 255 bytes, which SOCKS cannot take".to_owned());
        }
        Ok(Self { user: Secret::new(user), password: Secret::new(password) })
    }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let escaped = (byte == b'%').then(|| hex_byte(rest.as_slice())).flatten();
        if escaped.is_some() {
            _ = rest.nth(1);
        }
        bytes.push(escaped.unwrap_or(byte));
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control));
    text.ok_or_else(|| "has a user or password with characters that no proxy takes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(proxy: &Proxy) -> Option<(&str, &str)> {
        proxy.credentials.as_ref().map(|given| (given.user.reveal(), given.password.reveal()))
    }

    #[test]
    fn forms_of_proxies() {
        for (url, shown, given) in [
            ("http://proxy.example:3128", "http://proxy.example:3128", None),
            ("HTTP://Proxy.Example/", "http://proxy.example:80", None),
            ("http://u:p@[::1]:8080", "http://[::1]:8080", Some(("u", "p"))),
            ("socks5://p", "socks5://p:1080", None),
            ("socks5h://u@p:9050", "socks5://p:9050", Some(("u", ""))),
            ("socks5://u:a%3Ab%40c:d@p", "socks5://p:1080", Some(("u", "a:b@c:d"))),
            ("http://%C3%A9:100%25@p:1", "http://p:1", Some(("\u{e9}", "100%"))),
        ] {
            let proxy = Proxy::parse(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
            assert_eq!((proxy.to_string().as_str(), credentials(&proxy)), (shown, given), "{url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        let long = format!("socks5://secret:{}@p", "x".repeat(256));
        for (url, part) in [
            ("proxy.example:3128", "scheme"),
            ("https://user:secret@p", "scheme"),
            ("socks4://user:secret@p", "scheme"),
            ("http://user:secret@", "not a valid URL"),
            ("http://user:secret@p:0", "port 0"),
            ("http://user:secret@p:70000", "port"),
            ("http://user:secret@p/path", "path"),
            ("http://user:secret@p?query", "path"),
            ("http://:secret@p", "empty user"),
            ("http://a%3Asecret:b@p", "colon"),
            ("http://user:secret%0D%0AX: y@p", "not a valid URL"),
            ("http://user:secret%0D%0A@p", "no proxy takes"),
            ("http://user:secret%FF@p", "no proxy takes"),
            (&long, "255 bytes"),
        ] {
            let problem = Proxy::parse(url).map(|proxy| panic!("{url}: {proxy}")).unwrap_err();
            assert!(problem.contains(part) && !problem.contains("secret"), "{url}: {problem}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let proxy = Proxy::parse("socks5://the-user:the-password@p").unwrap();
        let printed = format!("{proxy} {proxy:?}");
        assert!(!printed.contains("the-"), "{printed}");
    }
}
