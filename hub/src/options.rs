//! A hub's options: one definition for the command line and the library.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use clap::{Parser, ValueEnum};
use serde::Deserialize;

/// How a hub listens, whom it accepts, and its timeouts.
///
/// `Options::default()` equals the program without arguments.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// A second address that stays unencrypted when the first one is https
    #[arg(long, value_name = "ADDRESS")]
    pub plain: Option<SocketAddr>,

    /// Serve https and wss with this PEM certificate chain
    #[arg(long, value_name = "PEM", requires = "cert_key")]
    pub cert: Option<PathBuf>,

    /// The private key of --cert
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub cert_key: Option<PathBuf>,

    /// Serve https and wss with a new certificate for localhost; write ca.pem, cert.pem and key.pem to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "cert")]
    pub self_signed: Option<PathBuf>,

    /// A community and its API key; repeatable, the first one is the remote control's default
    #[arg(long = "community", value_name = "ID:KEY", default_value = "demo:demo-key")]
    pub communities: Vec<Community>,

    /// Server ids that authenticate accepts, such as 1-4,7
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = id_range, default_value = "1-4096")]
    pub servers: Vec<RangeInclusive<u32>>,

    /// Which of authenticate (v1) and authenticatev2 (v2) the hub supports
    #[arg(long, value_enum, default_value_t = Methods::Both)]
    pub methods: Methods,

    /// Which sessions get a push when several are authenticated for the same server
    #[arg(long, value_enum, default_value_t = Sessions::Many)]
    pub sessions: Sessions,

    /// Where a push goes by HTTP POST when it has no session
    #[arg(long, value_name = "URL")]
    pub fallback: Option<String>,

    /// Push events of all documented types to every session, one every so many milliseconds
    #[arg(long, value_name = "MILLIS", value_parser = millis)]
    pub stream: Option<Duration>,

    /// Seconds between the hub's pings; 0 for none
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "15")]
    pub keep_alive: Duration,

    /// Seconds of silence after which a client that has pinged is disconnected
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub client_timeout: Duration,

    /// Seconds a client has for its handshake
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "15")]
    pub handshake_timeout: Duration,

    /// Maximum bytes of a client's record, including its separator
    #[arg(long, value_name = "BYTES", default_value_t = 32 * 1024)]
    pub max_receive: usize,

    /// The token for the page and the remote control; by default a random one if the hub listens beyond this machine
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    pub token: Option<String>,

    /// Log connections and calls to stderr
    #[arg(long)]
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::parse_from(["sonoran-hub"])
    }
}

/// A community and its game servers' key.
#[derive(Clone, Debug)]
pub struct Community {
    /// The community's id.
    pub id: String,
    /// Its API key.
    pub key: String,
}

impl FromStr for Community {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((id, key)) if !id.is_empty() && !key.is_empty() => {
                Ok(Self { id: id.into(), key: key.into() })
            }
            _ => Err("expected ID:KEY".into()),
        }
    }
}

/// Which authentication methods the hub supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Methods {
    /// Both of them.
    Both,
    /// Only `authenticate`.
    V1,
    /// Only `authenticatev2`.
    V2,
}

/// Which sessions get a push when several are authenticated for the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sessions {
    /// All of them.
    Many,
    /// The newest one.
    Last,
}

/// How a push's body becomes the argument of `pushEvent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// JSON without whitespace between tokens. The tokens stay as they are.
    #[default]
    Object,
    /// The body's exact bytes, valid JSON or not.
    Verbatim,
    /// One JSON string that contains the body.
    String,
}

fn token(text: &str) -> Result<String, String> {
    let fits =
        text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("expected 8 letters and digits or more".into()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds, such as 15 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn millis(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err("expected whole milliseconds, 1 or more".into()),
    }
}

fn id_range(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first >= 1 && first <= last => Ok(first..=last),
        _ => Err("expected ids such as 1-4,7".into()),
    }
}
