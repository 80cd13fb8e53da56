//! A hub's address, as the probes need it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::{check::report::Finding, exit::Exit};

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) authority: String,
    pub(crate) target: String,
}

impl Place {
    /// Reads a URL that the library has accepted.
    pub(crate) fn read(url: &str) -> Option<Self> {
        let uri: http::Uri = url.parse().ok()?;
        let secure = matches!(uri.scheme_str()?, "https" | "wss");
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Self { secure, host, port, authority: uri.authority()?.to_string(), target })
    }
}

/// Resolves the host name.
pub(crate) fn resolve(place: &Place) -> Result<(Finding, Vec<SocketAddr>), Finding> {
    let host = &place.host;
    let started = Instant::now();
    let addresses = (host.as_str(), place.port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let failed = |why: String| {
        Finding::fails(Exit::Name, "name", format!("{host} has no address: {why}"))
            .cause("this machine cannot reach a name server, or a filter (Pi-hole, a firewall, the hosts file) hides the name")
            .remedy(format!("try `nslookup {host}` here and elsewhere; if only this machine fails, set another name server, such as 1.1.1.1"))
    };
    let addresses = match addresses {
        Err(error) => return Err(failed(error.to_string())),
        Ok(addresses) if addresses.is_empty() => return Err(failed("the answer is empty".to_owned())),
        Ok(addresses) => addresses,
    };
    if host.parse::<IpAddr>().is_ok() {
        return Ok((Finding::holds("name", format!("{host} is an address already")), addresses));
    }
    let mut shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    shown.dedup();
    let detail = format!("{host} is {} ({})", shown.join(", "), millis(started.elapsed()));
    let odd =
        place.host.contains("sonorancad.com") && addresses.iter().any(|address| !is_public(address.ip()));
    let finding = if odd {
        Finding::doubtful("name", detail)
            .cause("a public hub has no private address: the hosts file, or a filter in the name server, sends you elsewhere")
            .remedy("remove the entry, or set another name server, such as 1.1.1.1")
    } else {
        Finding::holds("name", detail)
    };
    Ok((finding, addresses))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_unspecified()
                || address.is_link_local())
        }
        IpAddr::V6(address) => {
            let unique_local = address.segments()[0] & 0xfe00 == 0xfc00;
            !(address.is_loopback() || address.is_unspecified() || unique_local)
        }
    }
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, secure, host, port, target) in [
            ("https://api.sonorancad.com/apiWsHub", true, "api.sonorancad.com", 443, "/apiWsHub"),
            ("ws://[::1]:8080/x?y", false, "::1", 8080, "/x?y"),
            ("http://h", false, "h", 80, "/"),
        ] {
            let place = Place::read(url).unwrap();
            let parts = (place.secure, place.host.as_str(), place.port, place.target.as_str());
            assert_eq!(parts, (secure, host, port, target), "{url}");
        }
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in ["10.0.0.1", "127.0.0.1", "0.0.0.0", "192.168.1.1", "::1", "::", "fd00::1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["104.26.1.2", "2606:4700::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
