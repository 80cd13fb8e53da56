//! An event in a line: the fields that matter.

use serde_json::Value;

use crate::style::cut;

/// The longest summary, in characters.
const MOST: usize = 120;

/// Which fields of `data` matter, and their labels. The documentation shows `data` as an object or as an array with
/// one object; both work.
const FIELDS: &[(&str, &[(&str, &str)])] = &[
    (
        "EVENT_911",
        &[
            ("call", "/call/callId"),
            ("from", "/call/caller"),
            ("at", "/call/location"),
            ("", "/call/description"),
            ("emergency", "/call/emergency"),
        ],
    ),
    ("EVENT_REMOVE_911", &[("calls", "/callIds"), ("call", "/callId")]),
    ("EVENT_DISPATCH_NEW", DISPATCH),
    ("EVENT_DISPATCH_EDIT", DISPATCH),
    ("EVENT_DISPATCH_CLOSED", &[("calls", "/callIds")]),
    ("EVENT_DISPATCH_NOTE", &[("call", "/callId"), ("by", "/note/label"), ("", "/note/content")]),
    ("EVENT_DISPATCH_UNIT_ATTACH", &[("call", "/callId"), ("unit", "/ident"), ("units", "/idents")]),
    ("EVENT_DISPATCH_UNIT_DETACH", &[("call", "/callId"), ("unit", "/ident"), ("units", "/idents")]),
    (
        "EVENT_UNIT_LOGIN",
        &[("unit", "/unit/data/unitNum"), ("", "/unit/data/name"), ("of", "/unit/data/department")],
    ),
    ("EVENT_UNIT_LOGOUT", &[("unit", "/identId")]),
    ("EVENT_UNIT_STATUS", &[("units", "/identIds"), ("status", "/status")]),
    ("EVENT_UNIT_PANIC", &[("units", "/identIds"), ("panic", "/isPanic")]),
    ("EVENT_CHAR_SELECTED", &[("account", "/accId"), ("character", "/id")]),
    ("EVENT_TONE", &[("", "/url")]),
    ("EVENT_STATION_ALERT", &[("", "/message"), ("tone", "/tone")]),
    ("EVENT_PAGER_REBORN", &[("to", "/addresses"), ("", "/nature"), ("", "/body")]),
    (
        "EVENT_STREETSIGN_UPDATED",
        &[("signs", "/signData/ids"), ("", "/signData/text1"), ("", "/signData/text2")],
    ),
];

const DISPATCH: &[(&str, &str)] = &[
    ("call", "/dispatch/callId"),
    ("", "/dispatch/code"),
    ("at", "/dispatch/address"),
    ("units", "/dispatch/idents"),
    ("priority", "/dispatch/priority"),
];

/// An event's summary; its data as it is if no known field matters.
pub(crate) fn of(kind: &str, event: &Value, text: &str) -> String {
    let data = match event.get("data") {
        Some(Value::Array(items)) => items.first(),
        data => data,
    };
    let fields = FIELDS
        .iter()
        .find(|(known, _)| kind.eq_ignore_ascii_case(known))
        .map_or(&[][..], |(_, fields)| fields);
    let mut parts = Vec::new();
    for (name, path) in fields {
        if let Some(value) = data.and_then(|data| data.pointer(path)).and_then(shown) {
            parts.push(if name.is_empty() { value } else { format!("{name} {value}") });
        }
    }
    match (parts.is_empty(), event.get("data")) {
        (false, _) => cut(&parts.join("  "), MOST),
        (true, Some(data)) => cut(&data.to_string(), MOST),
        (true, None) => cut(text, MOST),
    }
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(shown).collect::<Vec<_>>().join(",")),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        let event: Value = serde_json::from_str(text).unwrap();
        of(event["type"].as_str().unwrap(), &event, text)
    }

    #[test]
    fn the_fields_that_matter_are_shown_whatever_the_shape() {
        let call = r#"{"call":{"callId":7,"caller":"Jo","location":"A St","description":"fire\u001b[2J","emergency":true}}"#;
        let expected = "call 7  from Jo  at A St  fire\u{fffd}[2J  emergency true";
        assert_eq!(line(&format!(r#"{{"type":"EVENT_911","data":{call}}}"#)), expected);
        assert_eq!(line(&format!(r#"{{"type":"EVENT_911","data":[{call}]}}"#)), expected);
        assert_eq!(
            line(r#"{"type":"EVENT_UNIT_STATUS","data":{"identIds":[1,2],"status":3}}"#),
            "units 1,2  status 3"
        );
        assert_eq!(line(r#"{"type":"EVENT_911","data":{"other":1}}"#), r#"{"other":1}"#);
        assert_eq!(line(r#"{"type":"GET_LOGS","logKey":"a"}"#), r#"{"type":"GET_LOGS","logKey":"a"}"#);
    }
}
