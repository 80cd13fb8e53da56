//! Certificates that do not hold, and TLS where there is none.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::case::{Case, Peer, check, opening, options, ready, retry};
use support::client::{Process, Session, ffi};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Who signs here, and a file with its certificate.
struct Trusted {
    authority: Authority,
    file: String,
    good: Arc<ServerConfig>,
}

static TRUSTED: LazyLock<Trusted> = LazyLock::new(|| {
    let authority = authority("the authority of these tests");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{}.pem", std::process::id()));
    fs::write(&file, authority.pem()).expect("the target folder can be written");
    let good = signed(&authority, "localhost", |_| {});
    Trusted { authority, file: file.to_str().expect("UTF-8").to_owned(), good }
});

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("ring makes a key"))
        .expect("a certificate")
}

fn signed(
    authority: &Authority,
    host: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
    change(&mut params);
    let key = KeyPair::generate().expect("ring makes a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    server(certificate.der().clone(), &key)
}

fn self_signed(host: &str) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("ring makes a key");
    let params = CertificateParams::new([host.to_owned()]).expect("a name");
    server(params.self_signed(&key).expect("a certificate").der().clone(), &key)
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    Arc::new(config.expect("ring has what TLS needs"))
}

fn trusting(more: &Value) -> Value {
    let mut options = more.clone();
    options["caFile"] = json!(TRUSTED.file);
    options
}

/// The peer shows this certificate, which the session does not take.
fn refused(name: &str, config: Arc<ServerConfig>, part: &str) -> Case {
    opening(name, [retry("tls", part)], move |hub| {
        hub.start_tls(&config);
        match hub.read_head() {
            Ok(()) => Err("the client spoke to us".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .secure(&TRUSTED.good)
    .with(trusting(&json!({})))
}

fn accepted(name: &str, config: Arc<ServerConfig>, options: Value) -> Case {
    opening(name, [ready()], move |hub| {
        hub.start_tls(&config);
        hub.ready()
    })
    .secure(&TRUSTED.good)
    .with(options)
    .and_stays()
}

/// The peer answers the beginning of TLS with these bytes.
fn answers(name: &str, bytes: &'static [u8], part: &str) -> Case {
    opening(name, [retry("tls", part)], move |hub| {
        hub.send(bytes);
        Ok(())
    })
    .secure(&TRUSTED.good)
    .with(trusting(&json!({})))
}

#[test]
fn certificates() {
    let trusted = &TRUSTED.authority;
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(3000, 1, 1);
    let insecure = || json!({"insecureTls": true});
    let mut only_http2 = (*TRUSTED.good).clone();
    only_http2.alpn_protocols = vec![b"h2".to_vec()];
    check(vec![
        accepted("a good one", Arc::clone(&TRUSTED.good), trusting(&json!({}))),
        refused("expired", signed(trusted, "localhost", expired), "certificate expired"),
        refused("not yet valid", signed(trusted, "localhost", future), "not valid yet"),
        refused("another host's", signed(trusted, "other.example", |_| {}), "not valid for name"),
        refused("self-signed", self_signed("localhost"), "UnknownIssuer"),
        refused(
            "of an unknown authority",
            signed(&authority("another"), "localhost", |_| {}),
            "UnknownIssuer",
        ),
        refused("only HTTP/2", Arc::new(only_http2), "NoApplicationProtocol"),
        accepted("anything, self-signed", self_signed("localhost"), insecure()),
        accepted("anything, another host's", self_signed("other.example"), insecure()),
        accepted("anything, expired", signed(trusted, "localhost", expired), insecure()),
    ]);
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url_for("wss"), &json!({})));
    for _ in 0..2 {
        let mut wire = peer.accept();
        wire.start_tls(&TRUSTED.good);
        assert!(wire.read_head().is_err(), "it spoke to us: {}", wire.head);
        let retry = session.expect("SESSION_RETRY");
        assert_eq!(retry.code(), "tls");
        assert!(retry.message().contains("UnknownIssuer"), "{retry}");
    }
}

#[test]
fn what_is_no_tls() {
    check(vec![
        answers(
            "a plain web server",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "No secure connection to localhost",
        ),
        answers("a server of the past", b"\x15\x03\x01\x00\x02\x02\x46", "ProtocolVersion"),
        answers("zeros", &[0; 64], "No secure connection to localhost"),
        opening("half of it", [retry("tls", "No secure connection to localhost")], |hub| {
            hub.send(b"\x16\x03\x03\x40\x00\x02");
            hub.hang_up();
            Ok(())
        })
        .secure(&TRUSTED.good)
        .with(trusting(&json!({}))),
        opening("silence", [retry("timeout", "within 1000 ms, while negotiating TLS")], |_| Ok(()))
            .secure(&TRUSTED.good)
            .with(trusting(&json!({"connectTimeoutMs": 1000}))),
        // the other way round
        opening("TLS where none was wished", [retry("http", "upgrade is not valid")], |hub| {
            hub.start_tls(&TRUSTED.good);
            let _ = hub.read_head();
            Ok(())
        }),
    ]);
}

#[test]
fn a_file_of_authorities_that_is_none_is_refused() {
    let _process = Process::shared();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, content) in [
        ("empty.pem", ""),
        ("text.pem", "hello"),
        ("bad.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
    ] {
        let file = folder.join(format!("{}-{name}", std::process::id()));
        fs::write(&file, content).expect("the target folder can be written");
        let wrong = options("wss://localhost/hub", &json!({"caFile": file.to_str()})).to_string();
        let failed = Session::try_connect(&wrong).expect_err(name);
        assert_eq!(failed.0, ffi::SONORAN_E_OPTION, "{name}: {}", failed.1);
        assert!(failed.1.contains("\"caFile\"") && failed.1.contains(name), "{}", failed.1);
    }
    let wrong = options("wss://localhost/hub", &json!({"caFile": "/no/such/file.pem"})).to_string();
    let failed = Session::try_connect(&wrong).expect_err("it is not there");
    assert!(failed.1.contains("/no/such/file.pem"), "{}", failed.1);
}
