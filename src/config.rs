//! The options of a session: read strictly, each error naming its key.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::Error;

const PRODUCTION: &str = "https://api.sonorancad.com/apiWsHub";
const DEVELOPMENT: &str = "https://staging-api.dev.sonorancad.com/apiWsHub";

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

/// Which of the hub's methods takes the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    Auto,
    V1,
    V2,
}

/// How much the session tells of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// As the option spells it.
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

/// What becomes of a push's `key`, which is the community's API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKey {
    /// It stays.
    Keep,
    /// It is removed before the host sees the event.
    Strip,
}

/// How much the event queue holds before it drops the oldest push. The newest push always stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Pushes.
    pub(crate) events: usize,
    /// Their bytes.
    pub(crate) bytes: usize,
}

/// How long the hub may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Its answer to the handshake, in total.
    pub(crate) handshake: Duration,
    /// After this long without a record of ours a ping goes out.
    pub(crate) keep_alive: Duration,
    /// After this long without a record of the hub the link is dead.
    pub(crate) server_timeout: Duration,
}

/// A range of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delays {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

/// The options of one session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) community_id: String,
    pub(crate) api_key: Secret,
    pub(crate) server_id: Option<u32>,
    pub(crate) url: String,
    pub(crate) auth_method: AuthMethod,
    pub(crate) connect_timeout: Duration,
    pub(crate) timing: Timing,
    pub(crate) call_timeout: Duration,
    pub(crate) retry: Delays,
    pub(crate) auth_retry: Delays,
    pub(crate) stable: Duration,
    pub(crate) bounds: Bounds,
    pub(crate) max_message: usize,
    pub(crate) unit_interval: Duration,
    pub(crate) event_key: EventKey,
    pub(crate) replace: bool,
    /// `None`: never.
    pub(crate) idle_close: Option<Duration>,
    pub(crate) ca_file: Option<String>,
    pub(crate) insecure_tls: bool,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) log: LogLevel,
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
            Some(key) => Err(wrong(key, "unknown: see OPTIONS in sonoran.h for the keys there are")),
        }
    }

    fn read(options: &mut Options) -> Result<Self, Error> {
        options.unsupported("proxy", &Value::Null)?;
        options.unsupported("negotiate", &Value::Bool(false))?;
        let config = Self {
            community_id: options.required("communityId")?,
            api_key: Secret(options.required("apiKey")?),
            server_id: options.server_id()?,
            url: options.url()?,
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
            bounds: Bounds {
                events: options.size("queueEvents", 65_536, 1, 16_777_216)?,
                bytes: options.size("queueBytes", 67_108_864, 1_024, 2_147_483_647)?,
            },
            max_message: options.size("maxMessageBytes", 16_777_216, 1_024, 1_073_741_824)?,
            unit_interval: options.millis("unitIntervalMs", 250, 200, 60_000)?,
            event_key: options.choice("eventKey", &[("keep", EventKey::Keep), ("strip", EventKey::Strip)])?,
            replace: options.flag("replace", true)?,
            idle_close: options.idle_close()?,
            ca_file: options.text("caFile")?,
            insecure_tls: options.flag("insecureTls", false)?,
            headers: options.headers()?,
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
        };
        if config.timing.server_timeout < config.timing.keep_alive {
            return Err(wrong("serverTimeoutMs", "smaller than keepAliveMs: expected at least that"));
        }
        Ok(config)
    }

    /// Whether both are sessions of the same hub, community and server.
    pub(crate) fn same_session(&self, other: &Self) -> bool {
        (&self.url, &self.community_id, self.server_id) == (&other.url, &other.community_id, other.server_id)
    }
}

/// The options that were not read yet.
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
            Some(Value::String(_)) => Err(wrong(key, "empty: expected a text, or leave it out")),
            Some(other) => Err(wrong(key, format!("{}: expected a string", kind(&other)))),
        }
    }

    fn required(&mut self, key: &str) -> Result<String, Error> {
        let missing = || wrong(key, "missing: expected a string that is not empty");
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
            wrong(key, format!("not known: expected one of {}", names.join(", ")))
        })
    }

    fn number(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<u64, Error> {
        let Some(value) = self.take(key) else { return Ok(default) };
        match value.as_u64() {
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
                    return Err(wrong(max, format!("smaller than {min}: expected at least that")));
                }
                // only one was given: the other's default yields to it
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
                (digits.then(|| text.parse().ok()).flatten(), quoted(&text))
            }
            Some(Value::Number(number)) => (number.as_u64(), number.to_string()),
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

    fn url(&mut self) -> Result<String, Error> {
        let mode = self.map.contains_key("mode");
        let default = self.choice("mode", &[("production", PRODUCTION), ("development", DEVELOPMENT)])?;
        match self.text("url")? {
            None => Ok(default.to_owned()),
            Some(_) if mode => Err(wrong("mode", "given together with url: expected one of them")),
            Some(url) => Ok(url),
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

    /// Refuses what is planned and not there yet, unless it says that it is not wished.
    fn unsupported(&mut self, key: &str, off: &Value) -> Result<(), Error> {
        match self.take(key) {
            Some(value) if value != *off => Err(wrong(key, "not supported yet: leave it out")),
            _ => Ok(()),
        }
    }
}

/// Checks one of the further headers: those that make the upgrade are the library's.
fn header(name: String, value: Value) -> Result<(String, Secret), Error> {
    let Value::String(value) = value else {
        return Err(wrong("headers", format!("{} is {}: expected a string", quoted(&name), kind(&value))));
    };
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(wrong("headers", format!("{} is no HTTP header name", quoted(&name))));
    }
    if ["host", "connection", "upgrade", "content-length", "transfer-encoding"].contains(&lower.as_str())
        || lower.starts_with("sec-websocket-")
    {
        return Err(wrong("headers", format!("{} is set by the library", quoted(&name))));
    }
    if http::HeaderValue::from_str(&value).is_err() {
        return Err(wrong("headers", format!("the value of {} has characters HTTP forbids", quoted(&name))));
    }
    Ok((name, Secret(value)))
}

fn wrong(key: &str, problem: impl Into<String>) -> Error {
    Error::Option { key: quoted(key), problem: problem.into() }
}

/// A text of the host as it may stand in a sentence: quoted, escaped and not endless.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(64).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(extra: &str) -> Result<Config, Error> {
        Config::parse(&format!(r#"{{"communityId":"c","apiKey":"the-key"{extra}}}"#))
    }

    fn refused(extra: &str) -> String {
        with(extra).unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = with("").unwrap();
        assert_eq!(config.url, PRODUCTION);
        assert_eq!(config.server_id, None);
        assert_eq!(config.retry, Delays { min: Duration::from_secs(1), max: Duration::from_secs(60) });
        assert_eq!(config.idle_close, Some(Duration::from_secs(300)));
        assert_eq!(config.bounds, Bounds { events: 65_536, bytes: 64 << 20 });
        assert!(config.replace && !config.insecure_tls);
    }

    #[test]
    fn every_option_is_read() {
        let config = with(
            r#","serverId":"7","url":"ws://h/x","authMethod":"authenticatev2","negotiate":false,
            "connectTimeoutMs":101,"handshakeTimeoutMs":102,"callTimeoutMs":103,"keepAliveMs":104,
            "serverTimeoutMs":205,"retryMinMs":11,"retryMaxMs":12,"stableMs":0,"authRetryMinMs":1001,
            "authRetryMaxMs":1002,"queueEvents":1,"queueBytes":1024,"maxMessageBytes":1025,"unitIntervalMs":200,"eventKey":"strip",
            "replace":false,"idleCloseMs":0,"caFile":"x.pem","insecureTls":true,"proxy":null,
            "headers":{"X-A":"b"},"log":"debug""#,
        )
        .unwrap();
        let millis = Duration::from_millis;
        assert_eq!((config.server_id, config.url.as_str()), (Some(7), "ws://h/x"));
        assert_eq!((config.connect_timeout, config.call_timeout), (millis(101), millis(103)));
        assert_eq!((config.timing.handshake, config.timing.keep_alive), (millis(102), millis(104)));
        assert_eq!((config.timing.server_timeout, config.stable), (millis(205), millis(0)));
        assert_eq!(config.retry, Delays { min: millis(11), max: millis(12) });
        assert_eq!(config.auth_retry, Delays { min: millis(1001), max: millis(1002) });
        assert_eq!((config.bounds, config.max_message), (Bounds { events: 1, bytes: 1024 }, 1025));
        assert_eq!(config.unit_interval, millis(200));
        assert_eq!((config.auth_method, config.event_key), (AuthMethod::V2, EventKey::Strip));
        assert_eq!((config.replace, config.insecure_tls, config.idle_close), (false, true, None));
        assert_eq!(config.ca_file.as_deref(), Some("x.pem"));
        assert_eq!((config.headers.len(), config.log), (1, LogLevel::Debug));
    }

    #[test]
    fn errors_name_the_key_and_what_was_expected() {
        for (extra, parts) in [
            (r#","severId":1"#, vec!["\"severId\"", "unknown"]),
            (r#","serverId":"one""#, vec!["\"serverId\"", "\"one\"", "digits"]),
            (r#","serverId":"""#, vec!["\"serverId\"", "digits"]),
            (r#","serverId":-1"#, vec!["\"serverId\"", "-1"]),
            (r#","serverId":1.5"#, vec!["\"serverId\"", "1.5"]),
            (r#","serverId":2147483648"#, vec!["\"serverId\"", "2147483647"]),
            (r#","serverId":true"#, vec!["\"serverId\"", "boolean"]),
            (r#","keepAliveMs":"15""#, vec!["\"keepAliveMs\"", "a string", "100", "600000"]),
            (r#","keepAliveMs":99"#, vec!["\"keepAliveMs\"", "99", "100"]),
            (r#","keepAliveMs":40000"#, vec!["\"serverTimeoutMs\"", "keepAliveMs"]),
            (r#","retryMinMs":20,"retryMaxMs":10"#, vec!["\"retryMaxMs\"", "retryMinMs"]),
            (r#","idleCloseMs":5"#, vec!["\"idleCloseMs\"", "1000"]),
            (r#","authMethod":"v3""#, vec!["\"authMethod\"", "\"authenticatev2\""]),
            (r#","mode":"test""#, vec!["\"mode\"", "\"development\""]),
            (r#","mode":"production","url":"ws://h""#, vec!["\"mode\"", "url"]),
            (r#","replace":1"#, vec!["\"replace\"", "true or false"]),
            (r#","proxy":"http://p""#, vec!["\"proxy\"", "not supported yet"]),
            (r#","negotiate":true"#, vec!["\"negotiate\"", "not supported yet"]),
            (r#","headers":[]"#, vec!["\"headers\"", "an array"]),
            (r#","headers":{"X":1}"#, vec!["\"headers\"", "\"X\"", "a number"]),
            (r#","headers":{"a b":"x"}"#, vec!["\"headers\"", "\"a b\""]),
            (r#","headers":{"Upgrade":"x"}"#, vec!["\"headers\"", "\"Upgrade\""]),
            (r#","headers":{"X":"a\r\nb"}"#, vec!["\"headers\"", "\"X\""]),
        ] {
            let sentence = refused(extra);
            for part in parts {
                assert!(sentence.contains(part), "{extra}: {sentence}");
            }
        }
        let missing = Config::parse(r#"{"communityId":"c"}"#).unwrap_err().to_string();
        assert!(missing.contains("\"apiKey\"") && missing.contains("missing"), "{missing}");
        assert!(matches!(Config::parse("[]"), Err(Error::Json { .. })));
        assert!(matches!(Config::parse("{"), Err(Error::Json { .. })));
    }

    #[test]
    fn one_delay_alone_moves_the_default_of_the_other() {
        let config = with(r#","retryMaxMs":50"#).unwrap();
        assert_eq!(config.retry.min, Duration::from_millis(50));
        let config = with(r#","retryMinMs":90000"#).unwrap();
        assert_eq!(config.retry.max, Duration::from_secs(90));
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = with(r#","headers":{"Authorization":"the-token"}"#).unwrap();
        let printed = format!("{config:?}");
        assert!(!printed.contains("the-key") && !printed.contains("the-token"), "{printed}");
        assert_eq!(config.api_key.reveal(), "the-key");
    }
}
