//! The options of a session: read strictly, each error naming its key.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::error::Error;

mod given;
mod problem;
mod proxy;
mod reading;
mod secret;
mod types;
mod url;

use given::{Given, whole};
use problem::{kind, quoted, wrong};

pub(crate) use given::Delays;
pub(crate) use proxy::{Credentials, Proxy, ProxyKind};
pub(crate) use reading::{Bounds, EventKey, LogLevel, Reading};
pub(crate) use secret::Secret;
pub(crate) use types::Types;
pub(crate) use url::Endpoint;

const PRODUCTION: &str = "https://api.sonorancad.com/apiWsHub";
const DEVELOPMENT: &str = "https://staging-api.dev.sonorancad.com/apiWsHub";

/// Which of the hub's methods takes the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    Auto,
    V1,
    V2,
}

/// The time limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Deadline for the hub's answer to the handshake.
    pub(crate) handshake: Duration,
    /// Send a ping after this long without sending a record.
    pub(crate) keep_alive: Duration,
    /// The link is dead after this long without a record from the hub.
    pub(crate) server_timeout: Duration,
}

/// The options of `sonoran_connect`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) config: Arc<Config>,
    pub(crate) reading: Arc<Reading>,
    /// Whether an open session may be replaced.
    pub(crate) replace: bool,
}

impl Options {
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        let problem = |problem: String| Error::Json { argument: "options_json", problem };
        let value: Value =
            serde_json::from_str(json).map_err(|error| problem(format!("not valid JSON: {error}")))?;
        let Value::Object(map) = value else {
            return Err(problem(format!("{}: expected a JSON object", kind(&value))));
        };
        let mut given = Given::new(map);
        let options = Self {
            config: Arc::new(Config::read(&mut given)?),
            reading: Arc::new(Reading::read(&mut given)?),
            replace: given.flag("replace", true)?,
        };
        given.end().map(|()| options)
    }
}

/// The options of a connection, which all its readers share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) community_id: String,
    pub(crate) api_key: Secret,
    pub(crate) server_id: Option<u32>,
    pub(crate) hub: Endpoint,
    pub(crate) negotiate: bool,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) auth_method: AuthMethod,
    pub(crate) connect_timeout: Duration,
    pub(crate) timing: Timing,
    pub(crate) call_timeout: Duration,
    pub(crate) retry: Delays,
    pub(crate) auth_retry: Delays,
    pub(crate) stable: Duration,
    pub(crate) max_message: usize,
    pub(crate) unit_interval: Duration,
    pub(crate) ca_file: Option<String>,
    pub(crate) insecure_tls: bool,
    pub(crate) headers: Vec<(String, Secret)>,
}

impl Config {
    fn read(given: &mut Given) -> Result<Self, Error> {
        let config = Self {
            community_id: given.required("communityId")?,
            api_key: Secret::new(given.required("apiKey")?),
            server_id: server_id(given)?,
            hub: hub(given)?,
            negotiate: given.flag("negotiate", false)?,
            proxy: proxy(given)?,
            auth_method: given.choice(
                "authMethod",
                &[
                    ("auto", AuthMethod::Auto),
                    ("authenticate", AuthMethod::V1),
                    ("authenticatev2", AuthMethod::V2),
                ],
            )?,
            connect_timeout: given.millis("connectTimeoutMs", 15_000, 100, 300_000)?,
            timing: Timing {
                handshake: given.millis("handshakeTimeoutMs", 15_000, 100, 300_000)?,
                keep_alive: given.millis("keepAliveMs", 15_000, 100, 600_000)?,
                server_timeout: given.millis("serverTimeoutMs", 30_000, 200, 3_600_000)?,
            },
            call_timeout: given.millis("callTimeoutMs", 30_000, 100, 600_000)?,
            retry: given.delays("retryMinMs", "retryMaxMs", (1_000, 60_000), (10, 3_600_000))?,
            auth_retry: given.delays(
                "authRetryMinMs",
                "authRetryMaxMs",
                (30_000, 300_000),
                (1_000, 86_400_000),
            )?,
            stable: given.millis("stableMs", 30_000, 0, 3_600_000)?,
            max_message: given.size("maxMessageBytes", 16_777_216, 1_024, 1_073_741_824)?,
            unit_interval: given.millis("unitIntervalMs", 250, 200, 60_000)?,
            ca_file: given.text("caFile")?,
            insecure_tls: given.flag("insecureTls", false)?,
            headers: headers(given)?,
        };
        if config.timing.server_timeout < config.timing.keep_alive {
            return Err(wrong("serverTimeoutMs", "smaller than keepAliveMs: expected at least as much"));
        }
        Ok(config)
    }

    /// Whether both use the same credentials for the same server of the same hub.
    pub(crate) fn same_credentials(&self, other: &Self) -> bool {
        self.same_session(other) && self.api_key == other.api_key
    }

    /// Whether both are sessions of the same hub, community and server.
    pub(crate) fn same_session(&self, other: &Self) -> bool {
        self.hub.is_same_hub(&other.hub)
            && (&self.community_id, self.server_id) == (&other.community_id, other.server_id)
    }

    /// Returns the first option that both do not have in common.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        // whoever adds an option has to say here what it is called
        let Self {
            community_id,
            api_key,
            server_id,
            hub,
            negotiate,
            proxy,
            auth_method,
            connect_timeout,
            timing: Timing { handshake, keep_alive, server_timeout },
            call_timeout,
            retry,
            auth_retry,
            stable,
            max_message,
            unit_interval,
            ca_file,
            insecure_tls,
            headers,
        } = self;
        let same = [
            ("communityId", *community_id == other.community_id),
            ("apiKey", *api_key == other.api_key),
            ("serverId", *server_id == other.server_id),
            ("url", *hub == other.hub),
            ("negotiate", *negotiate == other.negotiate),
            ("proxy", *proxy == other.proxy),
            ("authMethod", *auth_method == other.auth_method),
            ("connectTimeoutMs", *connect_timeout == other.connect_timeout),
            ("handshakeTimeoutMs", *handshake == other.timing.handshake),
            ("keepAliveMs", *keep_alive == other.timing.keep_alive),
            ("serverTimeoutMs", *server_timeout == other.timing.server_timeout),
            ("callTimeoutMs", *call_timeout == other.call_timeout),
            ("retryMinMs", retry.min == other.retry.min),
            ("retryMaxMs", retry.max == other.retry.max),
            ("authRetryMinMs", auth_retry.min == other.auth_retry.min),
            ("authRetryMaxMs", auth_retry.max == other.auth_retry.max),
            ("stableMs", *stable == other.stable),
            ("maxMessageBytes", *max_message == other.max_message),
            ("unitIntervalMs", *unit_interval == other.unit_interval),
            ("caFile", *ca_file == other.ca_file),
            ("insecureTls", *insecure_tls == other.insecure_tls),
            ("headers", *headers == other.headers),
        ];
        same.iter().find(|(_, same)| !same).map(|(option, _)| *option)
    }
}

fn server_id(given: &mut Given) -> Result<Option<u32>, Error> {
    let most = u32::try_from(i32::MAX).unwrap_or(u32::MAX);
    let (id, given) = match given.take("serverId") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            // long text is probably another option's value, perhaps the API key
            let shown = if text.len() > 12 { "a long text".to_owned() } else { quoted(&text) };
            (digits.then(|| text.parse().ok()).flatten(), shown)
        }
        Some(number @ Value::Number(_)) => (whole(&number), number.to_string()),
        Some(other) => (None, kind(&other).to_owned()),
    };
    match id.and_then(|id| u32::try_from(id).ok()) {
        Some(id) if id <= most => Ok(Some(id)),
        _ => Err(wrong(
            "serverId",
            format!("{given}: expected a whole number from 0 to {most}, or the same as a string of digits"),
        )),
    }
}

fn hub(given: &mut Given) -> Result<Endpoint, Error> {
    let mode = given.has("mode");
    let default = given.choice("mode", &[("production", PRODUCTION), ("development", DEVELOPMENT)])?;
    match given.text("url")? {
        None => Endpoint::parse(default),
        Some(_) if mode => Err(wrong("mode", "given together with url: expected only one of them")),
        Some(url) => Endpoint::parse(&url),
    }
}

fn headers(given: &mut Given) -> Result<Vec<(String, Secret)>, Error> {
    let map = match given.take("headers") {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            return Err(wrong("headers", format!("{}: expected an object of strings", kind(&other))));
        }
    };
    map.into_iter().map(|(name, value)| header(name, value)).collect()
}

fn proxy(given: &mut Given) -> Result<Option<Proxy>, Error> {
    let url = given.text_or_null("proxy")?;
    url.map(|url| Proxy::parse(&url).map_err(|problem| wrong("proxy", problem))).transpose()
}

/// Checks one of the additional headers. The library sets those of the upgrade itself.
fn header(name: String, value: Value) -> Result<(String, Secret), Error> {
    let Value::String(value) = value else {
        return Err(wrong("headers", format!("{} is {}: expected a string", quoted(&name), kind(&value))));
    };
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(wrong("headers", format!("{} is not an HTTP header name", quoted(&name))));
    }
    if ["host", "connection", "upgrade", "content-length", "transfer-encoding"].contains(&lower.as_str())
        || lower.starts_with("sec-websocket-")
    {
        return Err(wrong("headers", format!("{} is set by the library", quoted(&name))));
    }
    if http::HeaderValue::from_str(&value).is_err() {
        return Err(wrong(
            "headers",
            format!("the value of {} has characters that HTTP forbids", quoted(&name)),
        ));
    }
    Ok((name, Secret::new(value)))
}

#[cfg(test)]
mod tests;
