//! A TLS hub that cuts connections while the library writes to them, and a host that SIGPIPE would kill.

use std::{
    env, fs,
    io::{self, Read},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::json;
use socket2::SockRef;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket, accept};

use crate::suite::Test;
use support::relay::Relay;

pub(crate) const TESTS: &[(&str, Test)] =
    &[("tls_reset", tls_reset), ("tls_unknown_issuer", tls_unknown_issuer)];

/// When the hub cuts a connection, with a reset unless noted.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Once it is accepted.
    Connected,
    /// After the TLS handshake.
    Encrypted,
    /// After the upgrade request.
    Asked,
    /// After the upgrade.
    Upgraded,
    /// After the SignalR handshake.
    Handshaken,
    /// After authentication, while it pings.
    Ready,
    /// After authentication, right after messages that need an answer.
    Answering,
    /// The same, but with an orderly end of the TCP stream.
    Finished,
}

const CUTS: [Cut; 8] = [
    Cut::Connected,
    Cut::Encrypted,
    Cut::Asked,
    Cut::Upgraded,
    Cut::Handshaken,
    Cut::Ready,
    Cut::Answering,
    Cut::Finished,
];
const ROUNDS: usize = 10;

fn tls_reset() {
    let cuts = CUTS.repeat(ROUNDS);
    let mut relay = Relay::start(&[tls_options("127.0.0.1", cuts.clone())]);
    let (mut failures, mut ready) = (0, 0);
    loop {
        let event = relay.next(0);
        match event.kind().as_str() {
            "SESSION_LOST" | "SESSION_RETRY" => failures += 1,
            "SESSION_READY" => ready += 1,
            "EVENT_ALIVE" => break,
            _ => panic!("{event}"),
        }
    }
    assert_eq!(failures, cuts.len());
    assert_eq!(ready, 3 * ROUNDS + 1);
    relay.end();
}

/// Starts a hub that cuts its first connections and serves later ones. Returns a session's options for it.
fn tls_options(host: &str, cuts: Vec<Cut>) -> String {
    let (port, certificate) = tls_hub(cuts);
    let ca_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ca-{port}.pem"));
    fs::write(&ca_file, certificate).expect("the target folder can be written");
    let options = json!({
        "communityId": "demo", "apiKey": "demo-key", "serverId": 1, "url": format!("wss://{host}:{port}/apiWsHub"),
        "caFile": ca_file, "retryMinMs": 10, "retryMaxMs": 10, "keepAliveMs": 100,
    });
    options.to_string()
}

/// A session's options for a TLS hub that pushes an event to each session as soon as it is ready.
pub(crate) fn serving_options(host: &str) -> String {
    tls_options(host, Vec::new())
}

/// An unknown certificate is refused, and the host is told why, unless it asked not to verify.
fn tls_unknown_issuer() {
    let (port, _) = tls_hub(Vec::new());
    let url = format!("wss://127.0.0.1:{port}/apiWsHub");
    let options = json!({"communityId": "demo", "apiKey": "demo-key", "serverId": 1, "url": url}).to_string();
    let careless = options.replacen('{', r#"{"insecureTls":true,"#, 1);
    let mut relay = Relay::start(&[options]);
    let retry = relay.expect(0, "SESSION_RETRY");
    assert_eq!(retry["code"], "tls", "{retry}");
    relay.end();
    let mut relay = Relay::start(&[careless]);
    relay.expect(0, "SESSION_READY");
    relay.expect(0, "EVENT_ALIVE");
    relay.end();
}

/// Returns the hub's port and certificate.
fn tls_hub(cuts: Vec<Cut>) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1", "localhost"].map(str::to_owned))
        .expect("ring makes a key");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key))
        .expect("ring has what TLS needs");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it listens").port();
    thread::spawn(move || {
        let mut cuts = cuts.into_iter();
        for stream in listener.incoming() {
            // the cuts cause errors, and the client may leave at any point when the test ends
            let _ = converse(stream.expect("a connection"), &config, cuts.next());
        }
    });
    (port, made.cert.pem())
}

type Link = WebSocket<StreamOwned<ServerConnection, TcpStream>>;

fn converse(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    cut: Option<Cut>,
) -> Result<(), Box<dyn std::error::Error>> {
    if !matches!(cut, None | Some(Cut::Finished)) {
        // closing it sends a reset
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    }
    if matches!(cut, Some(Cut::Connected)) {
        return Ok(());
    }
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config))?, stream);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    if matches!(cut, Some(Cut::Encrypted)) {
        return Ok(());
    }
    if matches!(cut, Some(Cut::Asked)) {
        tls.read_exact(&mut [0; 100])?;
        return Ok(());
    }
    let mut link = accept(tls).map_err(|error| io::Error::other(error.to_string()))?;
    if matches!(cut, Some(Cut::Upgraded)) {
        return Ok(());
    }
    read_until(&mut link, "\"protocol\"")?;
    link.send(Message::text("{}\u{1e}"))?;
    if matches!(cut, Some(Cut::Handshaken)) {
        return Ok(());
    }
    let call = read_until(&mut link, "\"authenticate\"")?;
    let call: serde_json::Value = serde_json::from_str(&call)?;
    let answer = json!({"type": 3, "invocationId": call["invocationId"], "result": {"success": true}});
    link.send(Message::text(format!("{answer}\u{1e}")))?;
    match cut {
        Some(Cut::Answering | Cut::Finished) => {
            for number in 0..50_u8 {
                link.send(Message::Ping(vec![number].into()))?;
            }
        }
        Some(_) => drop(read_until(&mut link, "\"type\":6")?),
        None => {
            let event = r#"{"type":1,"target":"pushEvent","arguments":[{"type":"EVENT_ALIVE"}]}"#;
            link.send(Message::text(format!("{event}\u{1e}")))?;
            loop {
                link.read()?;
            }
        }
    }
    Ok(())
}

/// Returns the client's next record that contains this text.
fn read_until(link: &mut Link, text: &str) -> Result<String, tungstenite::Error> {
    loop {
        let message = link.read()?;
        let records = message.to_text().unwrap_or_default().split('\u{1e}');
        if let Some(record) = records.into_iter().find(|record| record.contains(text)) {
            return Ok(record.to_owned());
        }
    }
}
