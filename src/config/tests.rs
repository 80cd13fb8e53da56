use super::*;

fn with(extra: &str) -> Result<Options, Error> {
    Options::parse(&format!(r#"{{"communityId":"c","apiKey":"the-key"{extra}}}"#))
}

fn refused(extra: &str) -> String {
    with(extra).unwrap_err().to_string()
}

#[test]
fn defaults_are_the_documented_ones() {
    let Options { config, reading, replace } = with("").unwrap();
    assert_eq!(config.hub, Endpoint::parse(PRODUCTION).unwrap());
    assert_eq!(config.server_id, None);
    assert_eq!(config.retry, Delays { min: Duration::from_secs(1), max: Duration::from_secs(60) });
    assert_eq!((&*reading.reader, reading.idle_close), ("", Some(Duration::from_secs(300))));
    assert_eq!(reading.bounds, Bounds { events: 65_536, bytes: 64 << 20 });
    assert!(replace && !config.insecure_tls);
}

#[test]
fn every_option_is_read() {
    let Options { config, reading, replace } = with(
        r#","serverId":"7","url":"ws://h/x","authMethod":"authenticatev2","negotiate":true,
        "connectTimeoutMs":101,"handshakeTimeoutMs":102,"callTimeoutMs":103,"keepAliveMs":104,
        "serverTimeoutMs":205,"retryMinMs":11,"retryMaxMs":12,"stableMs":0,"authRetryMinMs":1001,
        "authRetryMaxMs":1002,"queueEvents":1,"queueBytes":1024,"maxMessageBytes":1025,"unitIntervalMs":200,"eventKey":"strip",
        "types":["EVENT_911"],"replace":false,"idleCloseMs":0,"caFile":"x.pem","insecureTls":true,"proxy":"socks5://p",
        "headers":{"X-A":"b"},"reader":"map","log":"debug""#,
    )
    .unwrap();
    let millis = Duration::from_millis;
    assert_eq!((config.server_id, config.hub.clone()), (Some(7), Endpoint::parse("ws://h/x").unwrap()));
    assert_eq!((config.connect_timeout, config.call_timeout), (millis(101), millis(103)));
    assert_eq!((config.timing.handshake, config.timing.keep_alive), (millis(102), millis(104)));
    assert_eq!((config.timing.server_timeout, config.stable), (millis(205), millis(0)));
    assert_eq!(config.retry, Delays { min: millis(11), max: millis(12) });
    assert_eq!(config.auth_retry, Delays { min: millis(1001), max: millis(1002) });
    assert_eq!((reading.bounds, config.max_message), (Bounds { events: 1, bytes: 1024 }, 1025));
    assert_eq!(config.unit_interval, millis(200));
    assert_eq!((config.auth_method, reading.event_key), (AuthMethod::V2, EventKey::Strip));
    assert!(reading.types.include("EVENT_911") && !reading.types.include("EVENT_CALL"));
    assert_eq!((replace, config.insecure_tls, reading.idle_close), (false, true, None));
    assert_eq!(config.ca_file.as_deref(), Some("x.pem"));
    assert_eq!((config.headers.len(), reading.log, &*reading.reader), (1, LogLevel::Debug, "map"));
    let proxy = config.proxy.as_ref().map(|proxy| proxy.to_string());
    assert_eq!((config.negotiate, proxy.as_deref()), (true, Some("socks5://p:1080")));
    assert_eq!(with(r#","proxy":null,"negotiate":false"#).unwrap(), with("").unwrap());
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
        (r#","serverId":1e10"#, vec!["\"serverId\"", "10000000000.0", "2147483647"]),
        (r#","serverId":-1.0"#, vec!["\"serverId\"", "-1.0"]),
        (r#","types":"EVENT_911""#, vec!["\"types\"", "a string", "array of event types"]),
        (r#","types":[]"#, vec!["\"types\"", "empty", "leave it out"]),
        (r#","types":["A",7]"#, vec!["\"types\"", "[1] is a number", "an event type"]),
        (r#","types":["A","!"]"#, vec!["\"types\"", "[1] is empty"]),
        (r#","types":["A","!a"]"#, vec!["\"types\"", "\"a\" is both wanted and left out"]),
        (r#","types":["session_ready"]"#, vec!["\"types\"", "\"session_ready\"", "SESSION_PUSH"]),
        (r#","types":["!SESSION_LOG"]"#, vec!["\"types\"", "\"SESSION_LOG\"", "always come"]),
        (r#","reader":7"#, vec!["\"reader\"", "a number", "a string"]),
        (r#","queueEvents":1.5"#, vec!["\"queueEvents\"", "1.5", "whole number"]),
        (r#","queueEvents":1e300"#, vec!["\"queueEvents\"", "1e+300", "16777216"]),
        (r#","keepAliveMs":"15""#, vec!["\"keepAliveMs\"", "a string", "100", "600000"]),
        (r#","keepAliveMs":99"#, vec!["\"keepAliveMs\"", "99", "100"]),
        (r#","keepAliveMs":40000"#, vec!["\"serverTimeoutMs\"", "keepAliveMs"]),
        (r#","retryMinMs":20,"retryMaxMs":10"#, vec!["\"retryMaxMs\"", "retryMinMs"]),
        (r#","idleCloseMs":5"#, vec!["\"idleCloseMs\"", "1000"]),
        (r#","authMethod":"v3""#, vec!["\"authMethod\"", "\"authenticatev2\""]),
        (r#","mode":"test""#, vec!["\"mode\"", "\"development\""]),
        (r#","mode":"production","url":"ws://h""#, vec!["\"mode\"", "url"]),
        (r#","replace":1"#, vec!["\"replace\"", "true or false"]),
        (r#","proxy":"p:3128""#, vec!["\"proxy\"", "expected http or socks5"]),
        (r#","proxy":true"#, vec!["\"proxy\"", "a boolean"]),
        (r#","negotiate":"yes""#, vec!["\"negotiate\"", "true or false"]),
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
    let missing = Options::parse(r#"{"communityId":"c"}"#).unwrap_err().to_string();
    assert!(missing.contains("\"apiKey\"") && missing.contains("missing"), "{missing}");
    assert!(matches!(Options::parse("[]"), Err(Error::Json { .. })));
    assert!(matches!(Options::parse("{"), Err(Error::Json { .. })));
}

#[test]
fn a_whole_number_may_be_written_as_a_fraction() {
    let Options { config, reading, .. } =
        with(r#","serverId":1.0,"queueEvents":1e3,"keepAliveMs":20000.0,"idleCloseMs":0.0"#).unwrap();
    assert_eq!((config.server_id, reading.bounds.events, reading.idle_close), (Some(1), 1000, None));
    assert_eq!(config.timing.keep_alive, Duration::from_secs(20));
}

#[test]
fn one_delay_alone_moves_the_default_of_the_other() {
    let config = with(r#","retryMaxMs":50"#).unwrap().config;
    assert_eq!(config.retry.min, Duration::from_millis(50));
    let config = with(r#","retryMinMs":90000"#).unwrap().config;
    assert_eq!(config.retry.max, Duration::from_secs(90));
}

#[test]
fn secrets_are_not_printed() {
    let config = with(r#","headers":{"Authorization":"the-token"}"#).unwrap().config;
    let printed = format!("{config:?}");
    assert!(!printed.contains("the-key") && !printed.contains("the-token"), "{printed}");
    assert_eq!(config.api_key.reveal(), "the-key");
    // an owner who has mixed up two settings
    let sentence = refused(r#","serverId":"0d9c6b3e-7f21-the-real-key""#);
    assert!(sentence.contains("\"serverId\": a long text") && !sentence.contains("real-key"), "{sentence}");
}

#[test]
fn a_difference_is_named_after_its_option() {
    for (extra, option) in [
        (r#","serverId":2"#, "serverId"),
        (r#","url":"ws://h/y""#, "url"),
        (r#","mode":"development""#, "url"),
        (r#","negotiate":true"#, "negotiate"),
        (r#","proxy":"http://user:one@p:1""#, "proxy"),
        (r#","authMethod":"authenticate""#, "authMethod"),
        (r#","connectTimeoutMs":101"#, "connectTimeoutMs"),
        (r#","handshakeTimeoutMs":102"#, "handshakeTimeoutMs"),
        (r#","keepAliveMs":104"#, "keepAliveMs"),
        (r#","serverTimeoutMs":60000"#, "serverTimeoutMs"),
        (r#","callTimeoutMs":103"#, "callTimeoutMs"),
        (r#","retryMinMs":11"#, "retryMinMs"),
        (r#","retryMaxMs":70000"#, "retryMaxMs"),
        (r#","authRetryMinMs":1001"#, "authRetryMinMs"),
        (r#","authRetryMaxMs":400000"#, "authRetryMaxMs"),
        (r#","stableMs":0"#, "stableMs"),
        (r#","maxMessageBytes":1025"#, "maxMessageBytes"),
        (r#","unitIntervalMs":200"#, "unitIntervalMs"),
        (r#","caFile":"x.pem""#, "caFile"),
        (r#","insecureTls":true"#, "insecureTls"),
        (r#","headers":{"X-A":"b"}"#, "headers"),
    ] {
        let (plain, other) = (with("").unwrap().config, with(extra).unwrap().config);
        assert_eq!((plain.difference(&other), other.difference(&other)), (Some(option), None), "{extra}");
    }
    let of = |key: &str| {
        Options::parse(&format!(r#"{{"communityId":"c","apiKey":"{key}","proxy":"http://u:{key}@p:1"}}"#))
            .unwrap()
    };
    assert_eq!(of("one").config.difference(&of("two").config), Some("apiKey"));
}

#[test]
fn what_a_reader_has_for_itself_is_no_difference() {
    let own = r#","reader":"map","queueEvents":1,"queueBytes":1024,"eventKey":"strip","types":["X"],"idleCloseMs":0,
        "log":"debug","replace":false"#;
    assert_eq!(with("").unwrap().config.difference(&with(own).unwrap().config), None);
    assert!(with(&format!(r#","reader":"{}""#, "x".repeat(256))).is_ok());
    assert!(refused(&format!(r#","reader":"{}""#, "x".repeat(257))).contains("\"reader\": 257 bytes"));
}
