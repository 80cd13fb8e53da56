//! A TLS handshake that shows the certificate even if it is not trusted. Nothing secret is sent over it.

use std::{
    fmt, io,
    net::TcpStream,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, x509::X509Name};

pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Shown {
    version: &'static str,
    subject: String,
    pub(crate) issuer: String,
    valid: Option<(SystemTime, SystemTime)>,
    pub(crate) problem: Option<String>,
}

impl Shown {
    pub(crate) fn is_out_of_date(&self, now: SystemTime) -> bool {
        self.valid.is_some_and(|(from, to)| now < from || now > to)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; certificate of {}, issued by {}", self.version, self.subject, self.issuer)?;
        match self.valid {
            Some((_, to)) => write!(formatter, ", valid until {}", httpdate::fmt_http_date(to)),
            None => Ok(()),
        }
    }
}

/// Completes the TLS handshake, whatever the certificate.
pub(crate) fn secure(
    host: &str,
    mut stream: TcpStream,
    ca_file: Option<&str>,
) -> io::Result<(Shown, TlsStream)> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let witness = Arc::new(Witness::new(ca_file)?);
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Witness>::clone(&witness))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let seen = witness.seen.lock().ok().and_then(|mut seen| seen.take());
    let (der, problem) = seen.ok_or_else(|| io::Error::other("no certificate was shown"))?;
    Ok((describe(&der, version, problem), StreamOwned::new(connection, stream)))
}

fn describe(der: &[u8], version: &'static str, problem: Option<String>) -> Shown {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        let unknown = || "somebody unknown".to_owned();
        return Shown { version, subject: unknown(), issuer: unknown(), valid: None, problem };
    };
    let time = |seconds: i64| {
        SystemTime::UNIX_EPOCH
            + std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default().min(253_402_300_799))
    };
    let validity = certificate.validity();
    let valid = Some((time(validity.not_before.timestamp()), time(validity.not_after.timestamp())));
    Shown { version, subject: subject(&certificate), issuer: named(certificate.issuer()), valid, problem }
}

/// The host names of the certificate, or else its owner's name.
fn subject(certificate: &X509Certificate<'_>) -> String {
    const SHOWN: usize = 3;
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names = alternatives.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let hosts: Vec<_> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .take(SHOWN)
        .collect();
    if hosts.is_empty() { named(certificate.subject()) } else { hosts.join(", ") }
}

fn named(name: &X509Name<'_>) -> String {
    let text = |attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
        attribute.and_then(|attribute| attribute.as_str().ok()).map(str::to_owned)
    };
    let organization = text(name.iter_organization().next());
    let common = text(name.iter_common_name().next());
    match (organization, common) {
        (Some(organization), Some(common)) => format!("{organization} ({common})"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "somebody without a name".to_owned(),
    }
}

/// Accepts every certificate, and remembers what a verifying client would have said.
#[derive(Debug)]
struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
    seen: Mutex<Option<(Vec<u8>, Option<String>)>>,
}

impl Witness {
    fn new(ca_file: Option<&str>) -> io::Result<Self> {
        let named: Vec<CertificateDer<'static>> = match ca_file {
            // the library has read this file already, and has reported an error if it could not
            Some(path) => CertificateDer::pem_file_iter(path).map_err(io::Error::other)?.flatten().collect(),
            None => Vec::new(),
        };
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        roots.add_parsable_certificates(named.iter().cloned());
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(io::Error::other)?;
        Ok(Self { verifier, named, seen: Mutex::default() })
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let problem = match verdict {
            Ok(_) => None,
            Err(_) if self.named.contains(end_entity) => None,
            Err(error) => Some(words(&error)),
        };
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some((end_entity.to_vec(), problem));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn words(error: &rustls::Error) -> String {
    use CertificateError as Problem;
    let rustls::Error::InvalidCertificate(problem) = error else { return error.to_string() };
    match problem {
        Problem::UnknownIssuer => "no known authority has signed it",
        Problem::Expired | Problem::ExpiredContext { .. } => "it has expired",
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => "it is not valid yet",
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => "it is for another name",
        _ => return error.to_string(),
    }
    .to_owned()
}
