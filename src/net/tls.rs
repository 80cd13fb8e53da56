//! TLS: rustls with ring, and roots that need no certificate store on the machine.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;

/// The TLS settings of a session. `caFile` is read here, so that a mistake in it is told at once.
pub(crate) fn client_config(ca_file: Option<&str>, insecure: bool) -> Result<Arc<ClientConfig>, Error> {
    static DEFAULT: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if ca_file.is_none() && !insecure {
        if let Some(config) = DEFAULT.get() {
            return Ok(Arc::clone(config));
        }
        let config = build(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() })?;
        return Ok(Arc::clone(DEFAULT.get_or_init(|| Arc::new(config))));
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let mut config = build(roots)?;
    if insecure {
        let algorithms = config.crypto_provider().signature_verification_algorithms;
        config.dangerous().set_certificate_verifier(Arc::new(Unverified(algorithms)));
    }
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &str) -> Result<(), Error> {
    let wrong = |problem: String| Error::Option { key: "\"caFile\"".to_owned(), problem };
    let unreadable =
        |error: &dyn std::fmt::Display| wrong(format!("{path:?} cannot be read as PEM: {error}"));
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| wrong(format!("{path:?} has a bad certificate: {error}")))?;
    }
    if roots.len() == before { Err(wrong(format!("{path:?} has no certificate in it"))) } else { Ok(()) }
}

fn build(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::System { what: "TLS", why: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes any certificate: for `insecureTls`.
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
