//! TLS: rustls with ring, and roots that need no certificate store on the machine.

use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Weak};

use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;

/// The largest `caFile` that is read: several times the size of an operating system's list.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// The TLS settings of a session. Reads `caFile`, so that a mistake in it is told at once.
pub(crate) fn client_config(ca_file: Option<&str>, insecure: bool) -> Result<Arc<ClientConfig>, Error> {
    static DEFAULT: OnceCell<Arc<ClientConfig>> = OnceCell::new();
    if ca_file.is_none() && !insecure {
        return DEFAULT.get_or_try_init(|| build(Vec::new(), false).map(Arc::new)).cloned();
    }
    let named = ca_file.map(read_ca_file).transpose()?.unwrap_or_default();
    // the last settings that a session still uses: hundreds of sessions name the same file
    static LAST: Mutex<(Vec<CertificateDer<'static>>, bool, Weak<ClientConfig>)> =
        Mutex::new((Vec::new(), false, Weak::new()));
    let mut last = LAST.lock();
    if let Some(config) = last.2.upgrade().filter(|_| last.0 == named && last.1 == insecure) {
        return Ok(config);
    }
    let config = build(named.clone(), insecure).map(Arc::new)?;
    *last = (named, insecure, Arc::downgrade(&config));
    Ok(config)
}

fn read_ca_file(path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let wrong = |problem: String| Error::Option { key: "\"caFile\"".to_owned(), problem };
    let unreadable = |error: std::io::Error| wrong(format!("{path:?} cannot be read: {error}"));
    // opening a pipe would block, and a device may have no end
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(wrong(format!("{path:?} is not a file")));
    }
    let mut pem = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_CA_FILE + 1).read_to_end(&mut pem)).map_err(unreadable)?;
    if u64::try_from(pem.len()).is_ok_and(|bytes| bytes > MAX_CA_FILE) {
        return Err(wrong(format!("{path:?} has more than {MAX_CA_FILE} bytes: is it a PEM file?")));
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| wrong(format!("{path:?} is not a PEM file: {error}")))?;
    if certificates.is_empty() {
        return Err(wrong(format!("{path:?} contains no certificate")));
    }
    for certificate in &certificates {
        let checked = ParsedCertificate::try_from(certificate);
        checked.map_err(|error| wrong(format!("{path:?} contains a bad certificate: {error}")))?;
    }
    Ok(certificates)
}

/// Trusts the public authorities and the certificates that `caFile` names.
fn build(named: Vec<CertificateDer<'static>>, insecure: bool) -> Result<ClientConfig, Error> {
    let refused = |error: &dyn std::fmt::Display| Error::System { what: "TLS", why: error.to_string() };
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let verifier: Arc<dyn ServerCertVerifier> = if insecure {
        Arc::new(Unverified(algorithms))
    } else {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for certificate in &named {
            roots.add(certificate.clone()).map_err(|error| refused(&error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = verifier.build().map_err(|error| refused(&error))?;
        Arc::new(Trusted { verifier, named })
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Verifies as webpki does, with one exception: a hub may use a certificate that `caFile` names as its own
/// even if it is marked as an authority's. `openssl req -x509` makes such certificates.
#[derive(Debug)]
struct Trusted {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // webpki has already checked the dates when it reports this
            Err(error) if is_authority(&error) && self.named.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
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

/// Whether the hub uses an authority's certificate as its own.
fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Accepts any certificate: for `insecureTls`.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
