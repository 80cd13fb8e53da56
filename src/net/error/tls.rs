//! What TLS said, for people.

use std::io;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};

/// What TLS said, if the error is from there.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The words for an error of a stream that may be TLS.
pub(super) fn io_words(error: &io::Error) -> String {
    match tls_error(error) {
        Some(error) => tls_words(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the other side ended the connection".to_owned()
        }
        None => error.to_string(),
    }
}

fn tls_words(error: &rustls::Error) -> String {
    use AlertDescription as Alert;
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, NoApplicationProtocol};
    let text = match error {
        InvalidCertificate(problem) => return format!("its certificate {}", certificate_words(problem)),
        InvalidMessage(_) => {
            "what answers there does not speak TLS: is the port right, or should url start with http or ws?"
        }
        AlertReceived(Alert::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "it speaks no version of TLS that is still safe: 1.2 or 1.3 is needed",
        AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            "it refused the handshake: it has no cipher in common with us, or no certificate for this name"
        }
        AlertReceived(Alert::UnrecognisedName) => "it has no certificate for this name",
        AlertReceived(Alert::NoApplicationProtocol) | NoApplicationProtocol => {
            "it does not speak HTTP/1.1 there, which websockets need"
        }
        AlertReceived(Alert::CertificateRequired | Alert::BadCertificate) => {
            "it asks for a client certificate, which is not supported"
        }
        AlertReceived(alert) => return format!("it refused with the TLS alert {alert:?}"),
        other => return other.to_string(),
    };
    text.to_owned()
}

/// What is wrong with a certificate, as the rest of a sentence about it.
fn certificate_words(problem: &CertificateError) -> String {
    const NOT_TRUSTED: &str = "is not trusted: no known authority has signed it. If this is the right hub, name its \
         certificate, or its authority's, in caFile";
    const ALGORITHM: &str = "is signed with an algorithm that is no longer safe: it needs a new one";
    use CertificateError as Problem;
    match problem {
        Problem::UnknownIssuer => NOT_TRUSTED.to_owned(),
        Problem::Other(other) => match other.0.downcast_ref() {
            // an authority's certificate that serves as the hub's own
            Some(webpki::Error::CaUsedAsEndEntity) => NOT_TRUSTED.to_owned(),
            Some(webpki::Error::UnsupportedCertVersion) => {
                "is of an old form, X.509 version 1: it needs a new one".to_owned()
            }
            Some(webpki::Error::UnsupportedSignatureAlgorithmContext(_)) => ALGORITHM.to_owned(),
            Some(other) => format!("is not valid ({other})"),
            None => format!("is not valid ({other})"),
        },
        Problem::Expired => "has expired".to_owned(),
        Problem::ExpiredContext { not_after, .. } => {
            format!(
                "has expired on {}: it needs a new one, or this machine's clock is wrong",
                date(*not_after)
            )
        }
        Problem::NotValidYet => "is not valid yet: is this machine's clock right?".to_owned(),
        Problem::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}: is this machine's clock right?", date(*not_before))
        }
        Problem::NotValidForName => "is not for this name".to_owned(),
        Problem::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "names no host: it needs a new one with this name in subjectAltName".to_owned()
        }
        Problem::NotValidForNameContext { presented, .. } => {
            format!("is not for this name, but for {}", names(presented))
        }
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "is not meant for a server".to_owned()
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. } => ALGORITHM.to_owned(),
        Problem::BadEncoding => "cannot be read".to_owned(),
        Problem::BadSignature => "has a wrong signature, or too short a key (RSA needs 2048 bits)".to_owned(),
        Problem::Revoked => "is revoked".to_owned(),
        other => format!("is not valid ({other})"),
    }
}

/// The first of the names that a certificate is for, as webpki shows them: `DnsName("h")`, `IpAddress(::1)`.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 4;
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').chars().take(100).collect::<String>()
    };
    let mut names: Vec<_> = presented.iter().take(SHOWN).map(bare).collect();
    if presented.len() > SHOWN {
        names.push(format!("{} more", presented.len() - SHOWN));
    }
    names.join(", ")
}

fn date(time: UnixTime) -> String {
    // the last second of the year 9999: an HTTP date has four digits for the year
    let seconds = time.as_secs().min(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map(httpdate::fmt_http_date).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_certificate_are_shown_without_their_end() {
        let presented = |count: usize| {
            (0..count).map(|number| format!("DnsName(\"h{number}.example\")")).collect::<Vec<_>>()
        };
        assert_eq!(names(&presented(2)), "h0.example, h1.example");
        assert_eq!(names(&presented(6)), "h0.example, h1.example, h2.example, h3.example, 2 more");
        assert_eq!(names(&["IpAddress(127.0.0.1)".to_owned()]), "127.0.0.1");
        assert_eq!(names(&["x".repeat(1000)]).len(), 100);
    }

    #[test]
    fn any_time_has_a_date() {
        assert_eq!(date(UnixTime::since_unix_epoch(Duration::ZERO)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let far = date(UnixTime::since_unix_epoch(Duration::MAX));
        assert_eq!(far, "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
