//! Probes of the way to the hub: TCP, TLS, and what answers HTTP. They send no credentials.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    check::{
        certificate::{self, Shown},
        place::{Place, millis},
        report::Finding,
    },
    exit::Exit,
};

/// How long an address may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);
/// The library tries this many addresses.
const MAX_ADDRESSES: usize = 16;
/// The most bytes to read of a response's head.
const MAX_HEAD: usize = 16 * 1024;
/// A clock that is off by this much makes certificates look wrong.
const SKEW: Duration = Duration::from_secs(120);

/// Connects to the first address that accepts.
pub(crate) fn connect(place: &Place, addresses: &[SocketAddr]) -> Result<(Finding, TcpStream), Finding> {
    let mut failures = Vec::new();
    for address in addresses.iter().take(MAX_ADDRESSES) {
        let started = Instant::now();
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(stream) => {
                let detail = format!("{address} accepts ({})", millis(started.elapsed()));
                let limited = stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                limited.map_err(|error| Finding::fails(Exit::Tcp, "tcp", error.to_string()))?;
                let finding = match words(&failures) {
                    others if others.is_empty() => Finding::holds("tcp", detail),
                    others => Finding::doubtful("tcp", format!("{detail}, but not {others}")),
                };
                return Ok((finding, stream));
            }
            Err(error) => failures.push((address, error)),
        }
    }
    let refused = failures.iter().all(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused);
    let detail = format!("no connection to {}: {}", place.authority, words(&failures));
    let finding = Finding::fails(Exit::Tcp, "tcp", detail);
    Err(if refused {
        finding
            .cause("nothing listens there, or a firewall refuses it")
            .remedy("see whether the port of --url is right and whether the hub runs")
    } else {
        let proxy = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            .into_iter()
            .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let cause = match proxy {
            Some(name) => format!(
                "this network wants a proxy ({name} is set), and sonoran does not go through proxies yet"
            ),
            None => "a firewall here, at the host's or in the container drops what goes out".to_owned(),
        };
        finding.cause(cause).remedy(format!("allow outgoing TCP to {} port {}", place.host, place.port))
    })
}

fn words(failures: &[(&SocketAddr, io::Error)]) -> String {
    let words: Vec<_> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    words.join("; ")
}

/// A connection, secured where the URL says so.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<certificate::TlsStream>),
}

/// Negotiates TLS and reports whose certificate it is, trusted or not.
pub(crate) fn secure(
    place: &Place,
    stream: TcpStream,
    ca_file: Option<&str>,
    insecure: bool,
) -> (Finding, Option<Wire>) {
    match certificate::secure(&place.host, stream, ca_file) {
        Err(error) => {
            let detail = format!("no TLS with {}: {error}", place.authority);
            let finding = Finding::fails(Exit::Tls, "tls", detail)
                .cause("a firewall or proxy cuts the connection off, or this port speaks no TLS")
                .remedy("see whether --url should start with http or have another port; or allow TLS to this host through");
            (finding, None)
        }
        Ok((shown, stream)) => (judge(&shown, insecure), Some(Wire::Tls(Box::new(stream)))),
    }
}

fn judge(shown: &Shown, insecure: bool) -> Finding {
    let detail = shown.to_string();
    let Some(problem) = &shown.problem else { return Finding::holds("tls", detail) };
    if insecure {
        return Finding::doubtful(
            "tls",
            format!("{detail}; not trusted ({problem}), which insecureTls permits"),
        )
        .remedy("leave insecureTls out, and name the certificate in caFile");
    }
    let now = SystemTime::now();
    let finding = Finding::fails(Exit::Tls, "tls", format!("{detail}; not trusted: {problem}"));
    if shown.is_out_of_date(now) {
        let now = httpdate::fmt_http_date(now);
        finding
            .cause(format!(
                "this machine's clock is wrong (it says {now}), or the certificate needs a new one"
            ))
            .remedy("set the clock (`timedatectl set-ntp true`), then check again")
    } else {
        finding
            .cause(format!(
                "a firewall, proxy or virus scanner of {} reads this connection, or it is another server",
                shown.issuer
            ))
            .remedy(
                "let this host pass unread; for a hub of your own name its certificate in the option caFile",
            )
    }
}

/// What answered a plain HTTP request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) server: String,
    date: Option<SystemTime>,
}

impl Answer {
    pub(crate) fn finding(&self) -> Finding {
        let by = if self.server.is_empty() { String::new() } else { format!(" by {}", self.server) };
        Finding::holds("http", format!("answered with status {}{by}", self.status))
    }

    /// Compares this machine's clock with the hub's.
    pub(crate) fn clock(&self, now: SystemTime) -> Option<Finding> {
        let date = self.date?;
        let (off, word) = match now.duration_since(date) {
            Ok(ahead) => (ahead, "ahead of"),
            Err(behind) => (behind.duration(), "behind"),
        };
        if off < SKEW {
            return Some(Finding::holds("clock", "agrees with the hub's".to_owned()));
        }
        let detail = format!("this machine's clock is {} min {word} the hub's", off.as_secs() / 60);
        Some(
            Finding::doubtful("clock", detail)
                .cause("certificates look expired, or not yet valid, to a wrong clock")
                .remedy("set the clock: `timedatectl set-ntp true`"),
        )
    }
}

/// Requests the hub's path, without an upgrade and without credentials.
pub(crate) fn ask(place: &Place, wire: &mut Wire) -> io::Result<Answer> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: sonoran-check/{}\r\nConnection: close\r\n\r\n",
        place.target,
        place.authority,
        env!("CARGO_PKG_VERSION")
    );
    wire.write_all(request.as_bytes())?;
    wire.flush()?;
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    loop {
        if let Some(answer) = read_head(&head)? {
            return Ok(answer);
        }
        match wire.read(&mut chunk)? {
            0 => return Err(io::Error::other("the connection ended before an answer")),
            _ if head.len() > MAX_HEAD => return Err(io::Error::other("what answers does not speak HTTP")),
            length => head.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
    }
}

fn read_head(head: &[u8]) -> io::Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(head).map_err(|_| io::Error::other("what answers does not speak HTTP"))?;
    if parsed.is_partial() {
        return Ok(None);
    }
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned()).unwrap_or_default()
    };
    let date = httpdate::parse_http_date(&header("date")).ok();
    Ok(Some(Answer { status: response.code.unwrap_or_default(), server: header("server"), date }))
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole_and_dates_the_clock() {
        let head =
            b"HTTP/1.1 400 Bad Request\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nserver: Kestrel\r\n\r\n";
        assert!(read_head(&head[..40]).unwrap().is_none());
        assert!(read_head(b"SSH-2.0-x\r\n\r\n").is_err());
        let answer = read_head(head).unwrap().unwrap();
        assert_eq!((answer.status, answer.server.as_str()), (400, "Kestrel"));
        let date = answer.date.unwrap();
        let told = |now| answer.clock(now).unwrap().detail;
        assert_eq!(told(date + Duration::from_secs(60)), "agrees with the hub's");
        assert_eq!(
            told(date + Duration::from_secs(7200)),
            "this machine's clock is 120 min ahead of the hub's"
        );
        assert_eq!(told(date - Duration::from_secs(600)), "this machine's clock is 10 min behind the hub's");
    }
}
