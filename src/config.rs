//! The options of a session: read strictly, each error naming its key.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::Error;

mod problem;
mod proxy;
mod secret;
mod types;
mod url;

use problem::{kind, quoted, wrong};

pub(crate) use proxy::{Credentials, Proxy, ProxyKind};
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

/// How much the session logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// The name that the option uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// What happens to a push's `key`, which is the community's API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKey {
    /// Leave it.
    Keep,
    /// Remove it before the host sees the event.
    Strip,
}

/// The bounds of the event queue. Beyond either it drops the oldest push, but never the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Number of pushes.
    pub(crate) events: usize,
    /// Their total size in bytes.
    pub(crate) bytes: usize,
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

/// A range of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delays {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

/// What becomes of events on their way into a session's queue, and of a queue that nobody polls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) bounds: Bounds,
    pub(crate) event_key: EventKey,
    pub(crate) types: Types,
    /// `None` means never.
    pub(crate) idle_close: Option<Duration>,
    pub(crate) log: LogLevel,
}

/// The options of one session.
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
    pub(crate) replace: bool,
    pub(crate) ca_file: Option<String>,
    pub(crate) insecure_tls: bool,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) reading: Arc<Reading>,
}

impl Config {
    /// Reads the options of `sonoran_connect`.
    pub(crate) fn parse(json: &str) -> Result<Self, Error> {
        let problem = |problem: String| Error::Json { argument: "options_json", problem };
        let value: Value =
            serde_json::from_str(json).map_err(|error| problem(format!("not valid JSON: {error}")))?;
        let Value::Object(map) = value else {
            return Err(problem(format!("{}: expected a JSON object", kind(&value))));
        };
        let mut options = Options { map };
        let config = Self::read(&mut options)?;
        match options.map.keys().next() {
            None => Ok(config),
            Some(key) => Err(wrong(key, "unknown: OPTIONS in sonoran.h lists the valid keys")),
        }
    }

    fn read(options: &mut Options) -> Result<Self, Error> {
        let config = Self {
            community_id: options.required("communityId")?,
            api_key: Secret::new(options.required("apiKey")?),
            server_id: options.server_id()?,
            hub: options.hub()?,
            negotiate: options.flag("negotiate", false)?,
            proxy: options.proxy()?,
            auth_method: options.choice(
                "authMethod",
                &[
                    ("auto", AuthMethod::Auto),
                    ("authenticate", AuthMethod::V1),
                    ("authenticatev2", AuthMethod::V2),
                ],
            )?,
            connect_timeout: options.millis("connectTimeoutMs", 15_000, 100, 300_000)?,
            timing: Timing {
                handshake: options.millis("handshakeTimeoutMs", 15_000, 100, 300_000)?,
                keep_alive: options.millis("keepAliveMs", 15_000, 100, 600_000)?,
                server_timeout: options.millis("serverTimeoutMs", 30_000, 200, 3_600_000)?,
            },
            call_timeout: options.millis("callTimeoutMs", 30_000, 100, 600_000)?,
            retry: options.delays("retryMinMs", "retryMaxMs", (1_000, 60_000), (10, 3_600_000))?,
            auth_retry: options.delays(
                "authRetryMinMs",
                "authRetryMaxMs",
                (30_000, 300_000),
                (1_000, 86_400_000),
            )?,
            stable: options.millis("stableMs", 30_000, 0, 3_600_000)?,
            max_message: options.size("maxMessageBytes", 16_777_216, 1_024, 1_073_741_824)?,
            unit_interval: options.millis("unitIntervalMs", 250, 200, 60_000)?,
            replace: options.flag("replace", true)?,
            ca_file: options.text("caFile")?,
            insecure_tls: options.flag("insecureTls", false)?,
            headers: options.headers()?,
            reading: Arc::new(Reading::read(options)?),
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
}

impl Reading {
    fn read(options: &mut Options) -> Result<Self, Error> {
        Ok(Self {
            bounds: Bounds {
                events: options.size("queueEvents", 65_536, 1, 16_777_216)?,
                bytes: options.size("queueBytes", 67_108_864, 1_024, 2_147_483_647)?,
            },
            event_key: options.choice("eventKey", &[("keep", EventKey::Keep), ("strip", EventKey::Strip)])?,
            types: Types::read(options.take("types"))?,
            idle_close: options.idle_close()?,
            log: options.choice(
                "log",
                &[
                    ("off", LogLevel::Off),
                    ("error", LogLevel::Error),
                    ("warn", LogLevel::Warn),
                    ("info", LogLevel::Info),
                    ("debug", LogLevel::Debug),
                ],
            )?,
        })
    }

    /// Whether an event may have to be left out, or changed.
    pub(crate) fn is_choosy(&self) -> bool {
        self.event_key == EventKey::Strip || !self.types.are_all()
    }
}

/// The options that have not been read yet.
struct Options {
    map: Map<String, Value>,
}

impl Options {
    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(wrong(key, "empty: expected text, or leave it out")),
            Some(other) => Err(wrong(key, format!("{}: expected a string", kind(&other)))),
        }
    }

    fn required(&mut self, key: &str) -> Result<String, Error> {
        let missing = || wrong(key, "missing: expected a non-empty string");
        self.text(key)?.ok_or_else(missing)
    }

    fn flag(&mut self, key: &str, default: bool) -> Result<bool, Error> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong(key, format!("{}: expected true or false", kind(&other)))),
        }
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<T, Error> {
        let given = self.text(key)?;
        let chosen = choices.iter().find(|(name, _)| given.as_deref().is_none_or(|given| given == *name));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            wrong(key, format!("unknown: expected one of {}", names.join(", ")))
        })
    }

    fn number(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<u64, Error> {
        let Some(value) = self.take(key) else { return Ok(default) };
        match whole(&value) {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let given = if value.is_number() { value.to_string() } else { kind(&value).to_owned() };
                Err(wrong(key, format!("{given}: expected a whole number from {least} to {most}")))
            }
        }
    }

    fn size(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<usize, Error> {
        self.number(key, default, least, most).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn millis(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<Duration, Error> {
        self.number(key, default, least, most).map(Duration::from_millis)
    }

    fn delays(
        &mut self,
        min: &str,
        max: &str,
        default: (u64, u64),
        range: (u64, u64),
    ) -> Result<Delays, Error> {
        let given = (self.map.contains_key(min), self.map.contains_key(max));
        let mut delays = Delays {
            min: self.millis(min, default.0, range.0, range.1)?,
            max: self.millis(max, default.1, range.0, range.1)?,
        };
        if delays.max < delays.min {
            match given {
                (true, true) => {
                    return Err(wrong(max, format!("smaller than {min}: expected at least as much")));
                }
                // only one is given: the other's default yields to it
                (true, false) => delays.max = delays.min,
                _ => delays.min = delays.max,
            }
        }
        Ok(delays)
    }

    fn server_id(&mut self) -> Result<Option<u32>, Error> {
        let most = u32::try_from(i32::MAX).unwrap_or(u32::MAX);
        let (id, given) = match self.take("serverId") {
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
                format!(
                    "{given}: expected a whole number from 0 to {most}, or the same as a string of digits"
                ),
            )),
        }
    }

    fn hub(&mut self) -> Result<Endpoint, Error> {
        let mode = self.map.contains_key("mode");
        let default = self.choice("mode", &[("production", PRODUCTION), ("development", DEVELOPMENT)])?;
        match self.text("url")? {
            None => Endpoint::parse(default),
            Some(_) if mode => Err(wrong("mode", "given together with url: expected only one of them")),
            Some(url) => Endpoint::parse(&url),
        }
    }

    fn idle_close(&mut self) -> Result<Option<Duration>, Error> {
        match self.number("idleCloseMs", 300_000, 0, 86_400_000)? {
            0 => Ok(None),
            millis @ 1..1_000 => {
                Err(wrong("idleCloseMs", format!("{millis}: expected 0 (never), or 1000 to 86400000")))
            }
            millis => Ok(Some(Duration::from_millis(millis))),
        }
    }

    fn headers(&mut self) -> Result<Vec<(String, Secret)>, Error> {
        let map = match self.take("headers") {
            None => return Ok(Vec::new()),
            Some(Value::Object(map)) => map,
            Some(other) => {
                return Err(wrong("headers", format!("{}: expected an object of strings", kind(&other))));
            }
        };
        map.into_iter().map(|(name, value)| header(name, value)).collect()
    }

    fn proxy(&mut self) -> Result<Option<Proxy>, Error> {
        if self.map.get("proxy") == Some(&Value::Null) {
            self.map.remove("proxy");
        }
        let url = self.text("proxy")?;
        url.map(|url| Proxy::parse(&url).map_err(|problem| wrong("proxy", problem))).transpose()
    }
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

/// A whole number, however it is written: some encoders have one kind of number only, and write 1 as 1.0 or 1e0.
fn whole(value: &Value) -> Option<u64> {
    /// Up to here each whole number has an f64 of its own.
    const MOST: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=MOST).contains(float))?;
        // in range and without a fraction: nothing is cut off
        Some(float as u64)
    })
}

#[cfg(test)]
mod tests;
