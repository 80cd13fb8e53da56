//! Certificates that do not hold, and TLS where there is none.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
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
pub(crate) struct Trusted {
    authority: Authority,
    file: String,
    pub(crate) good: Arc<ServerConfig>,
}

pub(crate) static TRUSTED: LazyLock<Trusted> = LazyLock::new(|| {
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

fn self_signed(host: &str, change: impl FnOnce(&mut CertificateParams)) -> SelfSigned {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let key = KeyPair::generate().expect("ring makes a key");
    let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
    change(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    let name = format!("hostile-{}-{}.pem", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, certificate.pem()).expect("the target folder can be written");
    SelfSigned {
        server: server(certificate.der().clone(), &key),
        file: file.to_str().expect("UTF-8").to_owned(),
    }
}

/// A hub whose certificate is its own, and a file with that.
struct SelfSigned {
    server: Arc<ServerConfig>,
    file: String,
}

/// Such a certificate as `openssl req -x509` makes.
fn of_an_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    Arc::new(config.expect("ring has what TLS needs"))
}

pub(crate) fn trusting(more: &Value) -> Value {
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
        refused("expired", signed(trusted, "localhost", expired), "has expired on Tue, 01 Jan 2002"),
        refused("not yet valid", signed(trusted, "localhost", future), "not valid before"),
        refused(
            "another host's",
            signed(trusted, "other.example", |_| {}),
            "not for this name, but for other.example",
        ),
        refused("self-signed", self_signed("localhost", |_| {}).server, "in caFile"),
        refused(
            "of an unknown authority",
            signed(&authority("another"), "localhost", |_| {}),
            "is not trusted: no known authority has signed it",
        ),
        refused("only HTTP/2", Arc::new(only_http2), "does not speak HTTP/1.1"),
        accepted("anything, self-signed", self_signed("localhost", of_an_authority).server, insecure()),
        accepted("anything, another host's", self_signed("other.example", |_| {}).server, insecure()),
        accepted("anything, expired", signed(trusted, "localhost", expired), insecure()),
    ]);
}

/// The session trusts what is in this hub's file.
fn with_own_file(case: impl FnOnce(Arc<ServerConfig>, Value) -> Case, hub: SelfSigned) -> Case {
    case(Arc::clone(&hub.server), json!({"caFile": hub.file})).secure(&hub.server)
}

#[test]
fn certificates_that_sign_themselves() {
    let expired = |params: &mut CertificateParams| {
        of_an_authority(params);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let takes = |name: &'static str| move |server, options| accepted(name, server, options);
    check(vec![
        with_own_file(takes("a server's, in caFile"), self_signed("localhost", |_| {})),
        with_own_file(takes("an authority's, in caFile"), self_signed("localhost", of_an_authority)),
        refused(
            "an authority's, not in caFile",
            self_signed("localhost", of_an_authority).server,
            "is not trusted: no known authority has signed it. If this is the right hub, name its certificate, or its authority's, in caFile",
        ),
    ]);
    // a name, and dates, have to be right all the same
    for (hub, part) in [
        (self_signed("localhost", expired), "has expired on Tue, 01 Jan 2002"),
        (self_signed("other.example", of_an_authority), "is not for this name, but for other.example"),
        (
            self_signed("localhost", |params| {
                of_an_authority(params);
                params.subject_alt_names.clear();
            }),
            "subjectAltName",
        ),
    ] {
        let peer = Peer::start();
        let session = Session::connect(&options(&peer.url_for("wss"), &json!({"caFile": hub.file})));
        let mut wire = peer.accept();
        wire.start_tls(&hub.server);
        assert!(wire.read_head().is_err(), "it spoke to us: {}", wire.head);
        let retry = session.expect("SESSION_RETRY");
        assert!(retry.code() == "tls" && retry.message().contains(part), "{part}: {retry}");
    }
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
        assert!(retry.message().contains("caFile"), "{retry}");
    }
}

#[test]
fn what_is_no_tls() {
    check(vec![
        answers("a plain web server", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        answers("a server of the past", b"\x15\x03\x01\x00\x02\x02\x46", "1.2 or 1.3 is needed"),
        answers("no cipher in common", b"\x15\x03\x03\x00\x02\x02\x28", "no cipher in common"),
        answers("a name it does not know", b"\x15\x03\x03\x00\x02\x02\x70", "no certificate for this name"),
        answers("another alert", b"\x15\x03\x03\x00\x02\x02\x50", "the TLS alert InternalError"),
        answers("zeros", &[0; 64], "does not speak TLS"),
        opening("half of it", [retry("tls", "No secure connection to localhost")], |hub| {
            hub.send(b"\x16\x03\x03\x40\x00\x02");
            hub.hang_up();
            Ok(())
        })
        .secure(&TRUSTED.good)
        .with(trusting(&json!({}))),
        opening("silence", [retry("timeout", " within 1000 ms, while negotiating TLS")], |_| Ok(()))
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
    // what is no file has no end, or blocks whoever opens it
    for (path, part) in
        [("/no/such/file.pem", "cannot be read"), ("/", "is not a file"), ("/dev/zero", "is not a file")]
    {
        let wrong = options("wss://localhost/hub", &json!({"caFile": path})).to_string();
        let failed = Session::try_connect(&wrong).expect_err(path);
        assert!(failed.1.contains(path) && (cfg!(windows) || failed.1.contains(part)), "{}", failed.1);
    }
}
