//! Turns the arguments of `pushEvent` into the text of an event.

use std::borrow::Cow;

use crate::config::{EventKey, Types};
use crate::error::Error;
use crate::json::{Picked, Scanner, quote, without};
use crate::signalr::{Arguments, Method};

/// The method that the hub calls to push events.
pub(crate) const METHOD: Method = Method {
    name: "pushEvent",
    plain_call: r#"{"type":1,"target":"pushEvent","arguments":"#,
    fields: PUSH_FIELDS,
};

/// The members of a push that the library looks at.
const PUSH_FIELDS: [&str; 2] = ["type", "key"];

/// The library's own types start with this.
const RESERVED: &str = "SESSION_";

/// The start of a wrapped push, with which no push starts, and what precedes its arguments.
const WRAPPED: &str = r#"{"type":"SESSION_PUSH","#;
const WRAPPED_TYPE: &str = "SESSION_PUSH";
const WRAPPED_ARGUMENTS: &str = r#","arguments":"#;

/// Why a payload cannot be an event as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    NotAnObject,
    NoType,
    ReservedType,
    FurtherArguments,
    NoArguments,
}

impl Unfit {
    fn code(self) -> &'static str {
        match self {
            Self::NotAnObject => "not-an-object",
            Self::NoType => "no-type",
            Self::ReservedType => "reserved-type",
            Self::FurtherArguments => "further-arguments",
            Self::NoArguments => "no-arguments",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NotAnObject => "The hub pushed something that is no JSON object.",
            Self::NoType => "The hub pushed an object whose type is no string.",
            Self::ReservedType => "The hub pushed an object whose type is reserved for the library.",
            Self::FurtherArguments => "The hub pushed more than one argument with the event before this.",
            Self::NoArguments => "The hub pushed an event without a payload.",
        }
    }
}

/// An event as the hub meant it, and what a session needs to know of it.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    text: Cow<'a, str>,
    kind: Kind<'a>,
    /// Whether the object has a `key`.
    keyed: bool,
}

/// The type of an event.
#[derive(Debug)]
enum Kind<'a> {
    /// `SESSION_PUSH`.
    Wrapped,
    /// The value of `type`, as JSON.
    One(Cow<'a, str>),
    /// The object has more than one `type`.
    Several,
}

impl<'a> Event<'a> {
    fn of(object: Picked<'a>) -> Self {
        let [kind, key] = object.members;
        let kind = match kind {
            Some(kind) if !object.repeated => Kind::One(kind.into()),
            _ => Kind::Several,
        };
        Self { text: object.text.into(), kind, keyed: key.is_some() }
    }

    fn wrapped(unfit: Unfit, arguments: &str) -> Self {
        Self { text: wrap(unfit, arguments).into(), kind: Kind::Wrapped, keyed: true }
    }

    /// Returns the event again that had this text, with or without its key.
    pub(crate) fn again(text: &'a str) -> Self {
        match object(text) {
            Ok(object) if !text.starts_with(WRAPPED) => Self::of(object),
            _ => Self { text: text.into(), kind: Kind::Wrapped, keyed: true },
        }
    }

    /// Whether a session that asked for these types wants it. Of an object with several types one is enough,
    /// for hosts differ in which one they read.
    pub(crate) fn is_wanted(&self, types: &Types) -> bool {
        if types.are_all() {
            return true;
        }
        let wants =
            |kind: &str| Scanner::new(kind).string().map_or(true, |kind| types.include(&kind.decode()));
        match &self.kind {
            Kind::Wrapped => types.include(WRAPPED_TYPE),
            Kind::One(kind) => wants(kind),
            Kind::Several => {
                let mut wanted = false;
                let walked = Scanner::new(&self.text).members(|scanner, _, name| {
                    let value = scanner.value()?;
                    wanted |= name.is("type") && wants(value);
                    Ok(())
                });
                debug_assert!(walked.is_ok(), "the text was read before");
                wanted
            }
        }
    }

    /// Whether its text differs with and without the API key.
    pub(crate) fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// Returns the text, without the API key if so configured.
    pub(crate) fn text(&self, key: EventKey) -> Cow<'_, str> {
        match self.kind {
            _ if key == EventKey::Keep || !self.keyed => Cow::Borrowed(&self.text),
            Kind::Wrapped => stripped_wrapped(&self.text).into(),
            _ => without(&self.text, "key").into(),
        }
    }
}

/// The events of one push: its own, and one for what cannot be delivered with it.
#[derive(Debug)]
pub(crate) struct Events<'a> {
    event: Option<Event<'a>>,
    further: Option<Event<'a>>,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        self.event.take().or_else(|| self.further.take())
    }
}

/// Makes events of a push. The first argument is an event; whatever cannot be one as it is goes into a
/// `SESSION_PUSH`, so that nothing is lost.
pub(crate) fn events(arguments: Arguments<'_>) -> Events<'_> {
    let Some(first) = arguments.first else {
        return Events { event: Some(Event::wrapped(Unfit::NoArguments, "[]")), further: None };
    };
    match event(first) {
        Err(unfit) => Events { event: Some(Event::wrapped(unfit, arguments.text)), further: None },
        Ok(event) => Events {
            event: Some(event),
            further: (arguments.count > 1)
                .then(|| Event::wrapped(Unfit::FurtherArguments, &further(arguments.text))),
        },
    }
}

/// Reads the event in a body that the CAD posted by HTTP: the same object, identified by the session's API
/// key.
pub(crate) fn ingest<'a>(body: &'a str, api_key: &str) -> Result<Event<'a>, Error> {
    let wrong = |problem: &str| Error::Json { argument: "body", problem: problem.to_owned() };
    let object = object(body).map_err(|_| wrong("no JSON object: expected what the CAD posted"))?;
    if !has_key(&object, api_key) {
        return Err(Error::Key);
    }
    match typed(&object) {
        Ok(()) => Ok(Event::of(object)),
        Err(Unfit::ReservedType) => Ok(Event::wrapped(Unfit::ReservedType, &format!("[{}]", object.text))),
        Err(_) => Err(wrong("without a type: expected a string there")),
    }
}

/// Whether an object's `key`, and every one if there are several, is the API key.
fn has_key(object: &Picked<'_>, api_key: &str) -> bool {
    let [_, Some(first)] = object.members else { return false };
    let is_right =
        |value: &str| Scanner::new(value).string().is_ok_and(|given| is_same_key(&given.decode(), api_key));
    let mut right = is_right(first);
    if object.repeated {
        let walked = Scanner::new(object.text).members(|scanner, _, name| {
            let value = scanner.value()?;
            right &= !name.is("key") || is_right(value);
            Ok(())
        });
        right &= walked.is_ok();
    }
    right
}

/// Compares, ignoring letter case, in a time that does not depend on where the two differ.
fn is_same_key(given: &str, expected: &str) -> bool {
    let mut difference = given.len() ^ expected.len();
    for (at, byte) in expected.bytes().enumerate() {
        let given = given.as_bytes().get(at).copied().unwrap_or_default();
        difference |= usize::from(given.to_ascii_lowercase() ^ byte.to_ascii_lowercase());
    }
    std::hint::black_box(difference) == 0
}

/// Returns the event in a payload, which is an object or a string that holds one.
fn event(payload: Picked<'_>) -> Result<Event<'_>, Unfit> {
    if payload.text.starts_with('{') {
        typed(&payload)?;
        return Ok(Event::of(payload));
    }
    match payload.content.ok_or(Unfit::NotAnObject)? {
        Cow::Borrowed(text) => Ok(Event::of(object_with_type(text)?)),
        Cow::Owned(text) => {
            let Event { text: found, kind, keyed } = Event::of(object_with_type(&text)?);
            let kind = match kind {
                Kind::One(kind) => Kind::One(kind.into_owned().into()),
                Kind::Wrapped => Kind::Wrapped,
                Kind::Several => Kind::Several,
            };
            // return the decoded text itself if possible, not a copy
            let text =
                if found.len() == text.len() { None } else { Some(found.into_owned()) }.unwrap_or(text);
            Ok(Event { text: text.into(), kind, keyed })
        }
    }
}

fn object_with_type(text: &str) -> Result<Picked<'_>, Unfit> {
    let object = object(text)?;
    typed(&object)?;
    Ok(object)
}

/// Parses text that is exactly one object.
fn object(text: &str) -> Result<Picked<'_>, Unfit> {
    let mut scanner = Scanner::new(text);
    if scanner.peek() != Some(b'{') {
        return Err(Unfit::NotAnObject);
    }
    let picked = scanner.pick(PUSH_FIELDS).map_err(|_| Unfit::NotAnObject)?;
    scanner.end().map_err(|_| Unfit::NotAnObject)?;
    Ok(picked)
}

/// Checks that an object has a type that no host can mistake for one of the library's.
fn typed(object: &Picked<'_>) -> Result<(), Unfit> {
    let [Some(first), _] = object.members else { return Err(Unfit::NoType) };
    if !object.repeated {
        return check_type(first);
    }
    // hosts differ in which one of several they read, so all of them count
    let mut verdict = Ok(());
    let walked = Scanner::new(object.text).members(|scanner, _, key| {
        let value = scanner.value()?;
        if key.is("type") {
            verdict = verdict.and_then(|()| check_type(value));
        }
        Ok(())
    });
    debug_assert!(walked.is_ok(), "the text was read before");
    verdict
}

fn check_type(kind: &str) -> Result<(), Unfit> {
    // the first letter rules most types out
    match kind.as_bytes() {
        [b'"', b'S' | b's' | b'\\', ..] => {}
        [b'"', ..] => return Ok(()),
        _ => return Err(Unfit::NoType),
    }
    let text = Scanner::new(kind).string().map_err(|_| Unfit::NoType)?.decode();
    match text.as_bytes().get(..RESERVED.len()) {
        Some(start) if start.eq_ignore_ascii_case(RESERVED.as_bytes()) => Err(Unfit::ReservedType),
        _ => Ok(()),
    }
}

/// Returns the arguments behind the first, as an array.
fn further(arguments: &str) -> String {
    let mut further = Vec::new();
    let walked = Scanner::new(arguments).elements(|scanner, index| {
        let argument = scanner.value()?;
        if index > 0 {
            further.push(argument);
        }
        Ok(())
    });
    debug_assert!(walked.is_ok(), "the text was read before");
    format!("[{}]", further.join(","))
}

/// Returns a wrapped push whose arguments have no keys.
fn stripped_wrapped(event: &str) -> String {
    let Some((head, arguments)) = event.split_once(WRAPPED_ARGUMENTS) else { return event.to_owned() };
    let mut stripped = Vec::new();
    let walked = Scanner::new(arguments).elements(|scanner, _| {
        stripped.push(stripped_argument(scanner.pick(PUSH_FIELDS)?));
        Ok(())
    });
    debug_assert!(walked.is_ok(), "the text was read before");
    format!("{head}{WRAPPED_ARGUMENTS}[{}]}}", stripped.join(","))
}

fn stripped_argument(argument: Picked<'_>) -> Cow<'_, str> {
    let has_key = |object: &Picked<'_>| object.members.last().is_some_and(Option::is_some);
    if has_key(&argument) {
        return without(argument.text, "key").into();
    }
    if let Some(held) = &argument.content
        && let Ok(object) = object(held)
        && has_key(&object)
    {
        return quote(&without(object.text, "key")).into();
    }
    argument.text.into()
}

fn wrap(unfit: Unfit, arguments: &str) -> String {
    let (code, message) = (unfit.code(), unfit.message());
    format!("{WRAPPED}\"code\":\"{code}\",\"message\":\"{message}\"{WRAPPED_ARGUMENTS}{arguments}}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signalr::test_arguments;

    fn delivered(arguments: &str, key: EventKey) -> Vec<String> {
        let record = format!("{{\"type\":1,\"target\":\"x\",\"arguments\":{arguments}}}");
        events(test_arguments(&record, &METHOD)).map(|event| event.text(key).into_owned()).collect()
    }

    fn kept(arguments: &str) -> Vec<String> {
        delivered(arguments, EventKey::Keep)
    }

    #[test]
    fn an_object_with_a_type_keeps_every_byte() {
        let payload = r#"{ "key":"k","type" : "EVENT_911" ,"n":[1e400,-0,12345678901234567890,1.10],"e":"\/\u0041\ud800é😀","d":1,"d":2 }"#;
        assert_eq!(kept(&format!("[ {payload} ]")), [payload]);
    }

    #[test]
    fn a_string_that_holds_an_object_is_that_object() {
        let payload = r#"{"key":"k","type":"EVENT_911","t":"a\"b\\é\u0041\n"}"#;
        assert_eq!(kept(&format!("[{}]", quote(payload))), [payload]);
        assert_eq!(kept(r#"["{\u0022type\u0022:\"X\"}"]"#), [r#"{"type":"X"}"#]);
    }

    #[test]
    fn anything_else_is_wrapped_with_all_its_bytes() {
        for (arguments, code) in [
            ("[]", "no-arguments"),
            ("[null]", "not-an-object"),
            ("[ 1.50 ]", "not-an-object"),
            ("[true]", "not-an-object"),
            (r#"["plain"]"#, "not-an-object"),
            (r#"["{\"type\":\"X\"} x"]"#, "not-an-object"),
            (r#"["\"{\\\"type\\\":\\\"X\\\"}\""]"#, "not-an-object"),
            (r#"[["type","X"]]"#, "not-an-object"),
            (r#"[{"data":1}]"#, "no-type"),
            (r#"[{"type":1}]"#, "no-type"),
            (r#"[{"nested":{"type":"X"}}]"#, "no-type"),
            (r#"[{"type":"X","type":2}]"#, "no-type"),
        ] {
            let expected = format!(r#""code":"{code}","#);
            let [event] = &kept(arguments)[..] else { panic!("{arguments}") };
            assert!(event.starts_with(r#"{"type":"SESSION_PUSH","#) && event.contains(&expected), "{event}");
            assert!(event.ends_with(&format!(r#""arguments":{arguments}}}"#)), "{event}");
        }
    }

    #[test]
    fn no_push_passes_for_a_session_event() {
        for kind in ["SESSION_READY", "session_ready", r"\u0053ESSION_X", "Session_"] {
            for payload in [
                format!(r#"{{"type":"{kind}"}}"#),
                format!(r#"{{"typ\u0065":"{kind}"}}"#),
                format!(r#"{{"type":"{kind}","type":"EVENT_911"}}"#),
                format!(r#"{{"type":"EVENT_911","type":"{kind}"}}"#),
            ] {
                for arguments in [format!("[{payload}]"), format!("[{}]", quote(&payload))] {
                    let [event] = &kept(&arguments)[..] else { panic!("{arguments}") };
                    assert!(event.contains(r#""code":"reserved-type""#), "{event}");
                    assert!(event.ends_with(&format!("{arguments}}}")), "{event}");
                }
            }
        }
        assert_eq!(kept(r#"[{"type":"SESSIO"}]"#), [r#"{"type":"SESSIO"}"#]);
    }

    #[test]
    fn further_arguments_follow_the_event() {
        let events = kept(r#"[{"type":"X"}, 1.0 ,{"a":[]}]"#);
        assert_eq!(events[0], r#"{"type":"X"}"#);
        assert!(events[1].contains(r#""code":"further-arguments""#), "{}", events[1]);
        assert!(events[1].ends_with(r#""arguments":[1.0,{"a":[]}]}"#), "{}", events[1]);
    }

    #[test]
    fn a_posted_body_joins_under_the_same_rules() {
        let taken = |body: &str, key| ingest(body, "Key-\u{e9}1").map(|event| event.text(key).into_owned());
        let body = r#" {"KEY":1,"key":"kEY-é1","type":"EVENT_911","n":1.10} "#;
        assert_eq!(taken(body, EventKey::Keep).unwrap(), body.trim());
        assert_eq!(taken(body, EventKey::Strip).unwrap(), r#"{"KEY":1,"type":"EVENT_911","n":1.10}"#);
        let reserved = taken(r#"{"key":"Key-é1","type":"SESSION_READY"}"#, EventKey::Strip).unwrap();
        assert!(reserved.contains("reserved-type") && !reserved.contains("ey-"), "{reserved}");
    }

    #[test]
    fn a_posted_body_without_the_key_is_refused() {
        for body in [
            r#"{"type":"X"}"#,
            r#"{"key":"","type":"X"}"#,
            r#"{"key":"secre","type":"X"}"#,
            r#"{"key":"secret1","type":"X"}"#,
            r#"{"key":1,"type":"X"}"#,
            r#"{"key":"wrong","key":"secret","type":"X"}"#,
            r#"{"key":"secret","key":"wrong","type":"X"}"#,
            r#"{"data":{"key":"secret"},"type":"X"}"#,
        ] {
            assert!(matches!(ingest(body, "secret"), Err(Error::Key)), "{body}");
        }
        for body in ["", "[]", "\"x\"", "{", r#"{"key":"secret"}"#, r#"{"key":"secret","type":7}"#, "{}x"] {
            let error = ingest(body, "secret");
            assert!(matches!(error, Err(Error::Json { argument: "body", .. })), "{body}: {error:?}");
        }
    }

    #[test]
    fn strip_takes_one_pass_however_many_keys_there_are() {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let payload = format!(r#"{{{}"type":"X"}}"#, r#""key":1,"#.repeat(1 << 18));
            let _ = sender.send(delivered(&format!("[{payload}]"), EventKey::Strip));
        });
        let stripped = receiver.recv_timeout(std::time::Duration::from_secs(60));
        assert_eq!(stripped.unwrap(), [r#"{"type":"X"}"#]);
    }

    fn stripped(event: &str) -> String {
        Event::again(event).text(EventKey::Strip).into_owned()
    }

    #[test]
    fn strip_removes_every_top_level_key_and_nothing_else() {
        for (payload, stripped) in [
            (r#"{"key":"K","type":"X"}"#, r#"{"type":"X"}"#),
            (r#"{"type":"X","key":"K"}"#, r#"{"type":"X"}"#),
            (r#"{"a":1, "key" : "K" ,"type":"X", "b":2}"#, r#"{"a":1, "type":"X", "b":2}"#),
            (r#"{"key":"K","type":"X","k\u0065y":{"K":1},"key":3}"#, r#"{"type":"X"}"#),
            (r#"{ "key":1 , "key":2 ,"a":1 , "key":3,"type":"X" , "key":4 }"#, r#"{ "a":1 , "type":"X"  }"#),
            (r#"{"type":"X","data":{"key":"stays"}}"#, r#"{"type":"X","data":{"key":"stays"}}"#),
            (r#"{"type":"X"}"#, r#"{"type":"X"}"#),
        ] {
            assert_eq!(delivered(&format!("[{payload}]"), EventKey::Strip), [stripped]);
            assert_eq!(delivered(&format!("[{}]", quote(payload)), EventKey::Strip), [stripped]);
            assert_eq!(self::stripped(payload), stripped);
        }
        for arguments in [
            r#"[{"key":"K"}]"#.to_owned(),
            r#"[{"type":"X"},{"key":"K","b":1}]"#.to_owned(),
            format!("[{}]", quote(r#"{"key":"K","type":"SESSION_READY"}"#)),
        ] {
            let events = delivered(&arguments, EventKey::Strip);
            assert!(events.iter().all(|event| !event.contains('K') && !event.contains("key")), "{events:?}");
            // the same, where it was made with its key
            let kept = kept(&arguments);
            assert_eq!(kept.iter().map(|event| stripped(event)).collect::<Vec<_>>(), events);
        }
    }
}
