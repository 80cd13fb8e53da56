//! Messages of the hub protocol: which ones are followed, ignored, or end the link.

use serde_json::{Value, json};

use crate::case::{Case, breaks, check, lost, push, stays, wrapped};
use crate::wire::push as record;

const EVENT: &str = r#"{"type":"EVENT_ONE"}"#;

fn breaks_over(text: impl Into<String>, part: &str) -> Case {
    let text = text.into();
    breaks(text.clone(), [lost("protocol", part)], move |hub| {
        hub.record(&text);
        Ok(())
    })
}

/// The record is ignored, and counted if `unknown`.
fn ignored(text: impl Into<String>, unknown: u64) -> Case {
    let text = text.into();
    stays(text.clone(), [push(EVENT)], move |hub| {
        hub.record(&text);
        hub.push(EVENT);
        Ok(())
    })
    .counts("unknownMessages", unknown)
}

/// The record pushes exactly this event.
fn pushes(text: impl Into<String>) -> Case {
    let text = text.into();
    stays(text.clone(), [push(EVENT)], move |hub| {
        hub.record(&text);
        Ok(())
    })
    .counts("unknownMessages", 0)
}

/// A push with these arguments is wrapped for this reason.
fn wraps(arguments: &str, code: &'static str) -> Case {
    let text = format!(r#"{{"type":1,"target":"pushEvent","arguments":{arguments}}}"#);
    stays(arguments, [wrapped(code, arguments)], move |hub| {
        hub.record(&text);
        Ok(())
    })
}

#[test]
fn types() {
    check(vec![
        ignored(r#"{"type":99}"#, 1),
        ignored(r#"{"type":-1}"#, 1),
        ignored(r#"{"type":1099511627776}"#, 1),
        ignored(r#"{"type":0}"#, 1),
        ignored(r#"{"type":6,"more":[{"type":7}]}"#, 0),
        ignored(r#"{"type":2,"invocationId":"7","item":null}"#, 1),
        ignored(r#"{"type":3,"invocationId":"7","result":1}"#, 1),
        ignored(r#"{"type":3,"invocationId":"not a number"}"#, 1),
        ignored(r#"{"type":3,"invocationId":"99999999999999999999"}"#, 1),
        ignored(r#"{"type":3,"invocationId":"1","error":"a second answer"}"#, 1),
        ignored(r#"{"type":4,"invocationId":"7","target":"pushEvent","arguments":[]}"#, 1),
        ignored(r#"{"type":5,"invocationId":"7"}"#, 1),
        ignored(r#"{"type":8,"sequenceId":1}"#, 1),
        ignored(r#"{"type":9,"sequenceId":1}"#, 1),
        breaks_over("{}", "no type"),
        breaks_over(r#"{"target":"pushEvent","arguments":[]}"#, "no type"),
        breaks_over(r#"{"type":"1","target":"pushEvent","arguments":[]}"#, "whole number"),
        breaks_over(r#"{"type":1.5}"#, "whole number"),
        breaks_over(r#"{"type":1.0,"target":"pushEvent","arguments":[]}"#, "whole number"),
        breaks_over(r#"{"type":6e0}"#, "whole number"),
        breaks_over(r#"{"type":null}"#, "whole number"),
        breaks_over(r#"{"type":true}"#, "whole number"),
        breaks_over(r#"{"type":[6]}"#, "whole number"),
    ]);
}

#[test]
fn envelopes() {
    check(vec![
        pushes(format!(r#"{{"arguments":[{EVENT}],"target":"pushEvent","type":1}}"#)),
        pushes(format!(r#"{{"type":1,"headers":{{"a":"b"}},"target":"pushEvent","arguments":[{EVENT}]}}"#)),
        pushes(format!(r#"{{"type":1,"headers":[7],"x":{{}},"target":"pushEvent","arguments":[{EVENT}]}}"#)),
        pushes(format!(r#"{{"type":1,"streamIds":["1"],"target":"pushEvent","arguments":[{EVENT}]}}"#)),
        pushes(format!(r#"{{"type":1,"invocationId":null,"target":"pushEvent","arguments":[{EVENT}]}}"#)),
        // the last one counts
        pushes(format!(
            r#"{{"type":7,"target":"x","arguments":7,"type":1,"target":"pushEvent","arguments":[{EVENT}]}}"#
        )),
        pushes(format!(r#"{{"t\u0079pe":1,"target":"push\u0045vent","arguments":[{EVENT}]}}"#)),
        // letter case is ignored, as by the hub's JavaScript client
        pushes(format!(r#"{{"type":1,"target":"PUSHEVENT","arguments":[{EVENT}]}}"#)),
        ignored(r#"{"type":1,"target":"pushEvents","arguments":[1]}"#, 1),
        ignored(r#"{"type":1,"target":" pushEvent","arguments":[1]}"#, 1),
        ignored(r#"{"type":1,"target":"\u0000","arguments":[]}"#, 1),
        breaks_over(r#"{"type":1,"arguments":[]}"#, "target is no string"),
        breaks_over(r#"{"type":1,"target":null,"arguments":[]}"#, "target is no string"),
        breaks_over(r#"{"type":1,"target":7,"arguments":[]}"#, "target is no string"),
        breaks_over(r#"{"type":1,"target":"","arguments":[]}"#, "target is empty"),
        breaks_over(r#"{"type":1,"target":"pushEvent"}"#, "no array of arguments"),
        breaks_over(r#"{"type":1,"target":"pushEvent","arguments":null}"#, "no array of arguments"),
        breaks_over(r#"{"type":1,"target":"pushEvent","arguments":"[]"}"#, "no array of arguments"),
        breaks_over(r#"{"type":1,"target":"pushEvent","arguments":{}}"#, "no array of arguments"),
        breaks_over(r#"{"type":1,"target":"the-api-key","arguments":{}}"#, "(apiKey)"),
        breaks_over(r#"{"type":1,"invocationId":7,"target":"pushEvent","arguments":[]}"#, "invocationId"),
        breaks_over(r#"{"type":2,"invocationId":"1"}"#, "no item"),
        breaks_over(r#"{"type":2,"item":1}"#, "no invocationId"),
        breaks_over(r#"{"type":3,"result":1}"#, "no invocationId"),
        breaks_over(r#"{"type":3,"invocationId":1,"result":1}"#, "no invocationId"),
        breaks_over(r#"{"type":3,"invocationId":"9","result":1,"error":"x"}"#, "a result and an error"),
        breaks_over(r#"{"type":3,"invocationId":"9","error":7}"#, "error is no string"),
    ]);
}

#[test]
fn arguments_of_a_push() {
    check(vec![
        wraps("[]", "no-arguments"),
        wraps("[null]", "not-an-object"),
        wraps("[1.0]", "not-an-object"),
        wraps("[true]", "not-an-object"),
        wraps("[[{\"type\":\"A\"}]]", "not-an-object"),
        wraps("[\"text\"]", "not-an-object"),
        wraps("[\"\"]", "not-an-object"),
        wraps("[{}]", "no-type"),
        wraps("[{\"type\":null}]", "no-type"),
        wraps("[{\"Type\":\"A\"}]", "no-type"),
        wraps("[{\"type\":\"SESSION_READY\"}]", "reserved-type"),
        wraps("[\"{\\\"type\\\":\\\"session_ready\\\"}\"]", "reserved-type"),
        // decoded once, not until something fits
        wraps(&json!([json!(EVENT).to_string()]).to_string(), "not-an-object"),
        wraps("[null, {\"type\":\"A\"}]", "not-an-object"),
        stays("several", [push(EVENT), wrapped("further-arguments", "[2.0,{\"type\":\"B\"}]")], |hub| {
            hub.record(&format!(
                r#"{{"type":1,"target":"pushEvent","arguments":[{EVENT}, 2.0 ,{{"type":"B"}}]}}"#
            ));
            Ok(())
        }),
        stays("a string", [push(EVENT)], |hub| {
            hub.push(&json!(EVENT).to_string());
            Ok(())
        }),
    ]);
}

#[test]
fn answers_to_what_the_hub_asks() {
    let ids = ["1", "a\"b\\", "é😀\u{1}", "", &"x".repeat(10_000)].map(str::to_owned);
    let mut cases = Vec::new();
    for id in ids {
        let quoted = Value::from(id.as_str()).to_string();
        let asks = move |target: &str, argument: &str| {
            format!(r#"{{"type":1,"invocationId":{quoted},"target":"{target}","arguments":[{argument}]}}"#)
        };
        cases.push(stays(format!("id {id:.20}"), [push(EVENT)], move |hub| {
            hub.record(&asks("pushEvent", EVENT));
            hub.expect_record(&json!({"type": 3, "invocationId": id, "result": null}))?;
            hub.record(&asks("whoAreYou", "1"));
            hub.expect_record(
                &json!({"type": 3, "invocationId": id, "error": "Client didn't provide a result."}),
            )
        }));
    }
    // the hub would take the answer for a violation of the protocol
    cases.push(
        stays("an id that is larger than any answer may be", [push(EVENT)], |hub| {
            let id = "x".repeat(32 * 1024);
            hub.record(&format!(
                r#"{{"type":1,"invocationId":"{id}","target":"pushEvent","arguments":[{EVENT}]}}"#
            ));
            hub.record(r#"{"type":1,"invocationId":"7","target":"end","arguments":[]}"#);
            let answer = hub.read_record()?;
            if answer["invocationId"] == "7" {
                Ok(())
            } else {
                Err("an answer that breaks the link".to_owned())
            }
        })
        .counts("unknownMessages", 2),
    );
    cases.push(stays("no id, no answer", [push(EVENT)], |hub| {
        hub.record(&record(EVENT));
        hub.record(r#"{"type":1,"target":"whoAreYou","arguments":[]}"#);
        hub.record(r#"{"type":1,"invocationId":"7","target":"end","arguments":[]}"#);
        let answer = hub.read_record()?;
        if answer["invocationId"] == "7" { Ok(()) } else { Err(format!("an answer to nothing: {answer}")) }
    }));
    check(cases);
}
