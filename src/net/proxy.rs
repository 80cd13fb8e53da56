//! How a proxy is asked for a way to the hub: HTTP CONNECT (RFC 9110), SOCKS5 (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;

use data_encoding::BASE64;

use super::error::{Error, ProxyProblem};
use super::exchange::{Exchange, Next};
use super::http::{Head, user_agent};
use crate::config::{Credentials, Endpoint, Proxy, ProxyKind};

/// Asks a proxy for a way to a hub. What follows its answer is the hub's.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// The proxy's name.
    proxy: String,
    /// The hub's host and port.
    to: String,
    asking: Asking,
}

#[derive(Debug)]
enum Asking {
    Http { request: Option<Question>, head: Head, known: bool },
    Socks(Socks),
}

/// What is sent, which holds credentials.
struct Question(Vec<u8>);

impl std::fmt::Debug for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(question)")
    }
}

impl Tunnel {
    pub(crate) fn new(proxy: &Proxy, hub: &Endpoint) -> Self {
        let to = hub.host_and_port();
        let asking = match proxy.kind {
            ProxyKind::Http => Asking::Http {
                request: Some(Question(connect(&to, proxy.credentials.as_ref()))),
                head: Head::default(),
                known: proxy.credentials.is_some(),
            },
            ProxyKind::Socks5 => Asking::Socks(Socks {
                credentials: proxy.credentials.clone(),
                request: socks_request(hub),
                expects: Expects::Nothing,
            }),
        };
        Self { proxy: proxy.to_string(), to, asking }
    }

    fn refused(&self, why: impl Into<String>) -> ProxyProblem {
        ProxyProblem::Refused { to: self.to.clone(), why: why.into() }
    }

    fn step(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Next<()>, ProxyProblem> {
        let step = match &mut self.asking {
            Asking::Http { request, head, known } => {
                if let Some(Question(request)) = request.take() {
                    return Ok(Next::Send(request));
                }
                let known = *known;
                match head.take(received).map_err(ProxyProblem::Invalid)? {
                    None => Ok(Next::Read),
                    Some(response) => match response.status {
                        // a word in between
                        100..=199 => return self.step(received, ended),
                        200..=299 => Ok(Next::Done(())),
                        407 if known => Err(ProxyProblem::Unknown),
                        407 => Err(ProxyProblem::Wanted),
                        status => Err(self.refused(http_words(status))),
                    },
                }
            }
            Asking::Socks(socks) => match socks.step(received) {
                Err(Refusal::Problem(problem)) => Err(problem),
                Err(Refusal::Reply(reply)) => Err(self.refused(socks_words(reply))),
                Ok(step) => Ok(step),
            },
        };
        match step? {
            Next::Done(()) if !received.is_empty() => {
                Err(ProxyProblem::Invalid("it says more than a proxy has to".to_owned()))
            }
            Next::Read if ended => {
                Err(ProxyProblem::Invalid("the connection ended before the answer did".to_owned()))
            }
            step => Ok(step),
        }
    }
}

impl Exchange for Tunnel {
    type Outcome = ();

    fn next(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Next<()>, Error> {
        let step = self.step(received, ended);
        step.map_err(|problem| Error::Proxy { proxy: self.proxy.clone(), problem })
    }

    fn broken(&self, source: io::Error) -> Error {
        Error::Proxy { proxy: self.proxy.clone(), problem: ProxyProblem::Broken(source) }
    }
}

fn connect(to: &str, credentials: Option<&Credentials>) -> Vec<u8> {
    let authorization = credentials.map(|Credentials { user, password }| {
        let pair = format!("{}:{}", user.reveal(), password.reveal());
        format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(pair.as_bytes()))
    });
    let (agent, authorization) = (user_agent(), authorization.unwrap_or_default());
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {agent}\r\n{authorization}\r\n").into_bytes()
}

fn http_words(status: u16) -> String {
    let hint = match status {
        403 => ", it does not allow this host or port",
        502..=504 => ", it cannot reach the hub",
        400 | 404 | 405 | 501 => ", it may be no proxy, or not take the method CONNECT",
        _ => "",
    };
    format!("it answered HTTP {status}{hint}")
}

/// A conversation by SOCKS5.
#[derive(Debug)]
struct Socks {
    credentials: Option<Credentials>,
    request: Vec<u8>,
    expects: Expects,
}

/// What the proxy has to say next.
#[derive(Debug, Clone, Copy)]
enum Expects {
    Nothing,
    Method,
    Status,
    Reply,
}

enum Refusal {
    Problem(ProxyProblem),
    /// A reply other than success.
    Reply(u8),
}

impl From<ProxyProblem> for Refusal {
    fn from(problem: ProxyProblem) -> Self {
        Self::Problem(problem)
    }
}

const VERSION: u8 = 5;
const METHOD_NONE: u8 = 0;
const METHOD_PASSWORD: u8 = 2;
const METHOD_NO_OTHER: u8 = 0xff;
const PASSWORD_VERSION: u8 = 1;
const COMMAND_CONNECT: u8 = 1;
const ADDRESS_IPV4: u8 = 1;
const ADDRESS_NAME: u8 = 3;
const ADDRESS_IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;

impl Socks {
    fn step(&mut self, received: &mut Vec<u8>) -> Result<Next<()>, Refusal> {
        match self.expects {
            Expects::Nothing => {
                self.expects = Expects::Method;
                let methods: &[u8] = match self.credentials {
                    None => &[VERSION, 1, METHOD_NONE],
                    Some(_) => &[VERSION, 2, METHOD_NONE, METHOD_PASSWORD],
                };
                Ok(Next::Send(methods.to_vec()))
            }
            Expects::Method => {
                check_version(received)?;
                let &[_, method, ..] = &received[..] else { return Ok(Next::Read) };
                received.drain(..2);
                match (method, &self.credentials) {
                    (METHOD_NONE, _) => Ok(self.ask()),
                    (METHOD_PASSWORD, Some(credentials)) => {
                        self.expects = Expects::Status;
                        Ok(Next::Send(password(credentials)))
                    }
                    (METHOD_NO_OTHER, None) => Err(ProxyProblem::Wanted.into()),
                    (METHOD_NO_OTHER, Some(_)) => {
                        let problem = "it knows none of the ways to say who asks".to_owned();
                        Err(ProxyProblem::Invalid(problem).into())
                    }
                    _ => {
                        Err(ProxyProblem::Invalid("it chose a method that was not offered".to_owned()).into())
                    }
                }
            }
            Expects::Status => {
                let &[_, status, ..] = &received[..] else { return Ok(Next::Read) };
                received.drain(..2);
                if status == SUCCEEDED { Ok(self.ask()) } else { Err(ProxyProblem::Unknown.into()) }
            }
            Expects::Reply => {
                check_version(received)?;
                let &[_, reply, _, kind, first, ..] = &received[..] else { return Ok(Next::Read) };
                if reply != SUCCEEDED {
                    return Err(Refusal::Reply(reply));
                }
                let address = match kind {
                    ADDRESS_IPV4 => 4,
                    ADDRESS_IPV6 => 16,
                    ADDRESS_NAME => 1 + usize::from(first),
                    _ => return Err(ProxyProblem::Invalid("it names no address".to_owned()).into()),
                };
                let length = 4 + address + 2;
                if received.len() < length {
                    return Ok(Next::Read);
                }
                received.drain(..length);
                Ok(Next::Done(()))
            }
        }
    }

    fn ask(&mut self) -> Next<()> {
        self.expects = Expects::Reply;
        Next::Send(std::mem::take(&mut self.request))
    }
}

fn check_version(received: &[u8]) -> Result<(), ProxyProblem> {
    match received.first() {
        None | Some(&VERSION) => Ok(()),
        Some(b'H') => Err(ProxyProblem::Invalid("it speaks HTTP, not SOCKS5".to_owned())),
        Some(_) => Err(ProxyProblem::Invalid("it does not speak SOCKS5".to_owned())),
    }
}

/// The options allow at most 255 bytes for each.
fn password(Credentials { user, password }: &Credentials) -> Vec<u8> {
    let mut bytes = vec![PASSWORD_VERSION];
    for text in [user.reveal(), password.reveal()] {
        push_short(&mut bytes, text);
    }
    bytes
}

/// Asks for an address, or for a name, which the proxy looks up.
fn socks_request(hub: &Endpoint) -> Vec<u8> {
    let mut request = vec![VERSION, COMMAND_CONNECT, 0];
    match hub.host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(ADDRESS_IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(ADDRESS_IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(ADDRESS_NAME);
            push_short(&mut request, &hub.host);
        }
    }
    request.extend(hub.port.to_be_bytes());
    request
}

/// Appends a text with its length before it. No host has more than 255 bytes.
fn push_short(bytes: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend(text.bytes().take(length.into()));
}

fn socks_words(reply: u8) -> String {
    let words = match reply {
        1 => "it failed",
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached, or its name has no address",
        5 => "the hub refused the connection",
        6 => "the hub did not answer in time",
        7 => "it does not make connections",
        8 => "it does not take this kind of address",
        _ => "it gave no reason",
    };
    format!("{words} (SOCKS reply {reply})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn tunnel(proxy: &str, hub: &str) -> Tunnel {
        let options = format!(r#"{{"communityId":"c","apiKey":"k","proxy":"{proxy}","url":"{hub}"}}"#);
        let config = Options::parse(&options).unwrap().config;
        Tunnel::new(config.proxy.as_ref().unwrap(), &config.hub)
    }

    /// Plays a conversation in which the proxy gives these answers, in pieces of this size. Returns what it
    /// was sent, and how it ended.
    fn play(mut tunnel: Tunnel, answers: &[&[u8]], piece: usize) -> (Vec<Vec<u8>>, Result<(), Error>) {
        let (mut sent, mut received, mut answers) = (Vec::new(), Vec::new(), answers.iter());
        let mut pieces = [].chunks(1);
        loop {
            let (ended, next) = {
                let ended = pieces.len() == 0 && answers.len() == 0 && !sent.is_empty();
                (ended, tunnel.next(&mut received, false))
            };
            match next {
                Ok(Next::Done(())) => return (sent, Ok(())),
                Err(error) => return (sent, Err(error)),
                Ok(Next::Send(bytes)) => {
                    sent.push(bytes);
                    pieces = answers.next().copied().unwrap_or_default().chunks(piece);
                }
                Ok(Next::Read) => match pieces.next() {
                    Some(more) => received.extend_from_slice(more),
                    None => {
                        assert!(ended, "it waits for more");
                        let ended = tunnel
                            .next(&mut received, true)
                            .map(|next| assert!(matches!(next, Next::Done(()))));
                        return (sent, ended);
                    }
                },
            }
        }
    }

    fn failure(proxy: &str, answers: &[&[u8]]) -> (&'static str, String) {
        let error = play(tunnel(proxy, "ws://hub.example/x"), answers, 1).1.unwrap_err();
        (error.code(), error.to_string())
    }

    #[test]
    fn http_connect_names_the_hub_and_shows_who_asks() {
        let ok = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n".as_slice();
        for (proxy, hub, to, authorization) in [
            ("http://p:3128", "wss://hub.example/x", "hub.example:443", ""),
            ("http://p", "ws://[::1]:5000/x", "[::1]:5000", ""),
            (
                "http://Aladdin:open%20sesame@p",
                "ws://h/x",
                "h:80",
                "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
            ),
        ] {
            let (sent, ended) = play(tunnel(proxy, hub), &[ok], 7);
            ended.unwrap();
            let agent = user_agent();
            let expected =
                format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {agent}\r\n{authorization}\r\n");
            assert_eq!(sent, [expected.into_bytes()], "{proxy}");
        }
        let interim = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 204 x\r\n\r\n".as_slice();
        play(tunnel("http://p", "ws://h/x"), &[interim], 1000).1.unwrap();
    }

    #[test]
    fn each_refusal_of_an_http_proxy_is_told_apart() {
        for (proxy, answer, code, part) in [
            ("http://p:1", "HTTP/1.1 407 x\r\n\r\n", "proxy-auth", "http://p:1 wants to know who asks"),
            ("http://u:secret@p:1", "HTTP/1.1 407 x\r\n\r\n", "proxy-auth", "http://p:1 refused the user"),
            (
                "http://p:1",
                "HTTP/1.1 403 x\r\n\r\n",
                "proxy-refused",
                "to hub.example:80: it answered HTTP 403, it does not allow",
            ),
            ("http://p:1", "HTTP/1.1 502 x\r\n\r\n", "proxy-refused", "HTTP 502, it cannot reach the hub"),
            ("http://p:1", "HTTP/1.1 405 x\r\n\r\n", "proxy-refused", "no proxy"),
            ("http://p:1", "HTTP/1.1 302 x\r\nLocation: /login\r\n\r\n", "proxy-refused", "HTTP 302"),
            ("http://p:1", "SSH-2.0-OpenSSH\r\n", "proxy", "not HTTP"),
            ("http://p:1", "HTTP/1.1 200 O", "proxy", "ended before"),
            ("http://p:1", "", "proxy", "ended before"),
        ] {
            let (found, sentence) = failure(proxy, &[answer.as_bytes()]);
            assert!(found == code && sentence.contains(part), "{answer}: {found} {sentence}");
            assert!(!sentence.contains("secret"), "{sentence}");
        }
        let glued = b"HTTP/1.1 200 OK\r\n\r\nHTTP".as_slice();
        let error = play(tunnel("http://p", "ws://h/x"), &[glued], 1000).1.unwrap_err();
        assert!(error.to_string().contains("says more"), "{error}");
    }

    const REPLY: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 4, 0];

    #[test]
    fn socks_names_the_hub_and_shows_who_asks_only_if_wanted() {
        let name = b"\x05\x01\x00\x03\x0bhub.example\x00\x50".to_vec();
        for piece in [1, 1000] {
            let plain = play(tunnel("socks5://p", "ws://hub.example/x"), &[&[5, 0], REPLY], piece);
            assert_eq!(plain.0, [vec![5, 1, 0], name.clone()]);
            plain.1.unwrap();
            let unasked = play(tunnel("socks5://u:p@p", "ws://hub.example/x"), &[&[5, 0], REPLY], piece);
            assert_eq!(unasked.0, [vec![5, 2, 0, 2], name.clone()]);
            unasked.1.unwrap();
            let asked =
                play(tunnel("socks5://us:pass@p", "ws://hub.example/x"), &[&[5, 2], &[1, 0], REPLY], piece);
            assert_eq!(asked.0, [vec![5, 2, 0, 2], b"\x01\x02us\x04pass".to_vec(), name.clone()]);
            asked.1.unwrap();
        }
        for (hub, address) in [
            ("wss://192.0.2.7/x", [&[1, 192, 0, 2, 7][..], &[1, 187]].concat()),
            (
                "ws://[2001:db8::1]:5000/x",
                [&[4, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1, 0x13, 0x88]].concat(),
            ),
        ] {
            let (sent, _) = play(tunnel("socks5://p", hub), &[&[5, 0], REPLY], 1000);
            assert_eq!(sent[1], [&[5, 1, 0][..], &address].concat());
        }
        for reply in [[&[5, 0, 0, 4][..], &[0; 18]].concat(), [&[5, 0, 0, 3, 2][..], b"hi", &[0; 2]].concat()]
        {
            play(tunnel("socks5://p", "ws://h/x"), &[&[5, 0], &reply], 1).1.unwrap();
        }
    }

    #[test]
    fn each_refusal_of_a_socks_proxy_is_told_apart() {
        for (proxy, answers, code, part) in [
            ("socks5://p:1", &[&[5, 0xff][..]][..], "proxy-auth", "socks5://p:1 wants to know who asks"),
            ("socks5://u:secret@p:1", &[&[5, 2], &[1, 1]], "proxy-auth", "refused the user"),
            ("socks5://u:secret@p:1", &[&[5, 0xff]], "proxy", "none of the ways"),
            ("socks5://p:1", &[&[5, 2]], "proxy", "not offered"),
            ("socks5://p:1", &[b"HTTP/1.1 400 x\r\n"], "proxy", "it speaks HTTP"),
            ("socks5://p:1", &[&[4, 0]], "proxy", "does not speak SOCKS5"),
            ("socks5://p:1", &[&[5]], "proxy", "ended before"),
            (
                "socks5://p:1",
                &[&[5, 0], &[5, 2, 0, 1, 0]],
                "proxy-refused",
                "its rules do not allow it (SOCKS reply 2)",
            ),
            (
                "socks5://p:1",
                &[&[5, 0], &[5, 4, 0, 1, 0]],
                "proxy-refused",
                "to hub.example:80: the host cannot be reached",
            ),
            ("socks5://p:1", &[&[5, 0], &[5, 5, 0, 1, 0]], "proxy-refused", "the hub refused the connection"),
            ("socks5://p:1", &[&[5, 0], &[5, 99, 0, 1, 0]], "proxy-refused", "SOCKS reply 99"),
            ("socks5://p:1", &[&[5, 0], &[5, 0, 0, 9, 0]], "proxy", "no address"),
            ("socks5://p:1", &[&[5, 0], &[7, 0, 0, 1, 0]], "proxy", "does not speak SOCKS5"),
            ("socks5://p:1", &[&[5, 0], &[5, 0, 0, 1, 0]], "proxy", "ended before"),
        ] {
            let (found, sentence) = failure(proxy, answers);
            assert!(found == code && sentence.contains(part), "{answers:?}: {found} {sentence}");
            assert!(!sentence.contains("secret"), "{sentence}");
        }
    }

    #[test]
    fn no_credentials_are_printed() {
        for proxy in ["http://the-user:the-password@p", "socks5://the-user:the-password@p"] {
            let printed = format!("{:?}", tunnel(proxy, "ws://h/x"));
            assert!(!printed.contains("the-") && !printed.contains("dGhl"), "{printed}");
        }
    }
}
