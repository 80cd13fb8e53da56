//! What a peer may answer to the credentials.

use serde_json::json;

use crate::case::{Case, Told, check, opening, push, ready, rejected, retry};
use crate::wire::{CLOSE, frame, push as push_record};

const EVENT: &str = r#"{"type":"EVENT_EARLY"}"#;

/// The peer answers the credentials with a completion with these members.
fn answers(members: &'static str, told: Told) -> Case {
    opening(members, [told], move |hub| {
        let id = hub.until_authenticate()?;
        hub.record(&format!(r#"{{"type":3,"invocationId":"{id}"{members}}}"#));
        Ok(())
    })
}

fn accepts(members: &'static str) -> Case {
    answers(members, ready()).and_stays()
}

#[test]
fn acceptances() {
    check(vec![
        accepts(""),
        accepts(r#","result":true"#),
        accepts(r#","result":{"success":true,"error":null,"count":1}"#),
        accepts(r#","result":{"count":1,"success":true,"more":[]}"#),
        accepts(r#","error":null,"result":{"success":true}"#),
        accepts(r#","result":1,"result":{"success":true}"#),
    ]);
}

#[test]
fn refusals() {
    check(vec![
        answers(
            r#","result":{"success":false,"error":"Invalid API key.","count":0}"#,
            rejected("Invalid API key."),
        ),
        answers(r#","result":{"success":false}"#, rejected("no reason")),
        answers(r#","result":{"success":"yes"}"#, rejected("no reason")),
        answers(r#","result":{"success":false,"error":{"code":7}}"#, rejected(r#"{"code":7}"#)),
        answers(r#","result":{"success":true,"success":false,"error":"twice"}"#, rejected("twice")),
        // anything but a clear yes is a no
        answers(r#","result":null"#, rejected("it answered null")),
        answers(r#","result":{}"#, rejected("it answered {}")),
        answers(r#","result":{"error":null,"count":1}"#, rejected("it answered")),
        answers(r#","result":{"error":""}"#, rejected("it answered")),
        answers(r#","result":false"#, rejected("no reason")),
        answers(r#","result":[]"#, rejected("it answered []")),
        answers(r#","result":"fine""#, rejected("it answered")),
        answers(r#","result":1e400"#, rejected("it answered")),
        answers(r#","result":{"success":false,"error":"for the-api-key."}"#, rejected("for (apiKey).")),
        answers(r#","error":"because""#, rejected("because")),
        answers(
            r#","error":"An unexpected error occurred invoking 'Authenticate' on the server. HubException: Banned.""#,
            rejected("Banned."),
        ),
        answers(r#","error":"""#, rejected("")),
        answers(r#","result":1,"error":"x""#, retry("protocol", "a result and an error")),
        answers(r#","error":7"#, retry("protocol", "error is no string")),
        opening("a stream", [rejected("stream")], |hub| {
            let id = hub.until_authenticate()?;
            hub.record(&format!(r#"{{"type":2,"invocationId":"{id}","item":1}}"#));
            Ok(())
        }),
        opening("neither method is known", [rejected("authenticatev2")], |hub| {
            let error = r#""error":"Failed to invoke 'x' due to an error on the server.""#;
            let id = hub.until_authenticate()?;
            hub.record(&format!(r#"{{"type":3,"invocationId":"{id}",{error}}}"#));
            let call = hub.read_record()?;
            if call["target"] != "authenticatev2" || call["invocationId"] == id {
                return Err(format!("not the other method: {call}"));
            }
            hub.record(&format!(r#"{{"type":3,"invocationId":{},{error}}}"#, call["invocationId"]));
            Ok(())
        }),
        opening("a number for an id", [retry("protocol", "invocationId")], |hub| {
            let id = hub.until_authenticate()?;
            hub.record(&format!(r#"{{"type":3,"invocationId":{id},"result":true}}"#));
            Ok(())
        }),
    ]);
}

#[test]
fn a_failure_of_the_hub_is_no_refusal() {
    check(vec![
        answers(
            r#","error":"An unexpected error occurred invoking 'Authenticate' on the server.""#,
            retry("hub-error", "An unexpected error occurred"),
        ),
        answers(
            r#","error":"An unexpected error occurred invoking 'Authenticate' on the server. SqlException: Timeout.""#,
            retry("hub-error", "SqlException: Timeout."),
        ),
    ]);
}

#[test]
fn what_stands_behind_the_answer_comes_behind_it() {
    check(vec![
        opening("in one message", [push(EVENT), ready(), push(EVENT)], |hub| {
            let id = hub.until_authenticate()?;
            let event = push_record(EVENT);
            let answer = format!(r#"{{"type":3,"invocationId":"{id}","result":{{"success":true}}}}"#);
            hub.text(&format!("{event}\u{1e}{answer}\u{1e}{event}\u{1e}"));
            Ok(())
        })
        .and_stays(),
    ]);
}

#[test]
fn no_answer() {
    check(vec![
        opening("ever", [retry("call-timeout", "authenticate within 300 ms")], |hub| {
            hub.until_authenticate().map(drop)
        })
        .with(json!({"callTimeoutMs": 300})),
        opening("but to another call", [retry("call-timeout", "authenticate within 300 ms")], |hub| {
            let id = hub.until_authenticate()?;
            hub.accept_credentials(&format!("{id}0"));
            Ok(())
        })
        .with(json!({"callTimeoutMs": 300})),
        opening("but a Close record", [retry("closed", "Server is shutting down.")], |hub| {
            hub.until_authenticate()?;
            hub.record(r#"{"type":7,"error":"Server is shutting down.","allowReconnect":true}"#);
            Ok(())
        }),
        opening("but a close", [retry("closed", "1001")], |hub| {
            hub.until_authenticate()?;
            hub.send(frame(CLOSE, &1001_u16.to_be_bytes()));
            Ok(())
        }),
        opening("but a reset", [retry("lost", "broke")], |hub| {
            hub.until_authenticate()?;
            hub.reset();
            Ok(())
        }),
        opening("but the end", [retry("lost", "without a goodbye")], |hub| {
            hub.until_authenticate()?;
            hub.hang_up();
            Ok(())
        }),
    ]);
}

#[test]
fn a_push_may_come_first() {
    check(vec![
        opening("before the answer", [push(EVENT), push(EVENT), ready()], |hub| {
            let id = hub.until_authenticate()?;
            hub.push(EVENT);
            hub.push(EVENT);
            hub.accept_credentials(&id);
            Ok(())
        })
        .and_stays(),
        opening("and the hub refuses after all", [push(EVENT), rejected("no")], |hub| {
            let id = hub.until_authenticate()?;
            hub.push(EVENT);
            hub.complete(&id, r#"{"success":false,"error":"no"}"#);
            Ok(())
        }),
    ]);
}
