//! Authentication: which of the hub's two methods to call, and what its answer means.
//!
//! Sonoran's documentation names both `authenticate` and `authenticatev2`, with the same arguments and
//! the answer `{success, error, count}`.

use serde_json::{Value, json};

use crate::config::{AuthMethod, Config};
use crate::signalr::Outcome;

/// The hub's verdict on the credentials.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// The hub does not know the method, or not with these arguments: call the other one.
    TryOther,
    /// The hub's words.
    Rejected(String),
    /// The hub failed. Its words say nothing about the credentials.
    Failed(String),
    TimedOut,
}

/// Which method to call on this connection.
#[derive(Debug)]
pub(crate) struct Authentication {
    method: &'static str,
    other: Option<&'static str>,
}

/// The most that is shown of an unclear answer, in characters.
const MAX_SHOWN: usize = 200;

const V1: &str = "authenticate";
const V2: &str = "authenticatev2";

impl Authentication {
    /// `remembered` is the method that worked last time.
    pub(crate) fn new(choice: AuthMethod, remembered: Option<&'static str>) -> Self {
        match choice {
            AuthMethod::V1 => Self { method: V1, other: None },
            AuthMethod::V2 => Self { method: V2, other: None },
            AuthMethod::Auto if remembered == Some(V2) => Self { method: V2, other: Some(V1) },
            AuthMethod::Auto => Self { method: V1, other: Some(V2) },
        }
    }

    /// The method to call.
    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    /// Its arguments as a JSON array.
    pub(crate) fn arguments(config: &Config) -> String {
        json!([config.community_id, config.api_key.reveal(), config.server_id]).to_string()
    }

    /// Judges the answer. After `TryOther`, [`method`](Self::method) returns the other one.
    pub(crate) fn judge(&mut self, outcome: &Outcome<'_>) -> Verdict {
        let error = match outcome {
            Outcome::Error(error) => error,
            Outcome::Result(Some(result)) => return judge_credentials(result),
            _ => return judge_answer(outcome),
        };
        if is_exception(error) {
            return Verdict::Failed(error.clone().into_owned());
        }
        if !is_unknown_method(error) {
            return judge_answer(outcome);
        }
        match self.other.take() {
            Some(other) => {
                self.method = other;
                Verdict::TryOther
            }
            None => Verdict::Rejected(format!("{} does not work there: {error}", self.method)),
        }
    }
}

/// Recognises ASP.NET Core's words for an unknown method and for wrong arguments. It does not distinguish the
/// latter from other failures before the method runs.
fn is_unknown_method(error: &str) -> bool {
    error.contains("Method does not exist")
        || error.starts_with("Unknown hub method")
        || (error.starts_with("Failed to invoke") && error.contains("due to an error on the server"))
}

/// Recognises ASP.NET Core's words for an exception in the method that is not meant for the client.
fn is_exception(error: &str) -> bool {
    error.starts_with("An unexpected error occurred invoking") && !error.contains("HubException: ")
}

/// Judges the answer to the credentials. Anything but a clear yes is a no.
fn judge_credentials(result: &str) -> Verdict {
    match judge_result(result) {
        Verdict::Accepted if !is_clear_yes(result) => {
            let shown: String = result.chars().take(MAX_SHOWN).collect();
            let more = if shown.len() < result.len() { "..." } else { "" };
            Verdict::Rejected(format!("it answered {shown}{more}"))
        }
        verdict => verdict,
    }
}

fn is_clear_yes(result: &str) -> bool {
    match serde_json::from_str(result) {
        Ok(Value::Object(answer)) => answer.get("success") == Some(&Value::Bool(true)),
        answer => matches!(answer, Ok(Value::Bool(true))),
    }
}

/// Judges the answer of any other Sonoran method: `{success, error, count}`.
pub(crate) fn judge_answer(outcome: &Outcome<'_>) -> Verdict {
    match outcome {
        Outcome::TimedOut => Verdict::TimedOut,
        Outcome::Result(result) => judge_result(result.unwrap_or("null")),
        Outcome::Error(error) => Verdict::Rejected(error.clone().into_owned()),
    }
}

/// Whether the hub says that the caller is unknown: "Unauthenticated. Call authenticate first."
pub(super) fn is_unauthenticated(outcome: &Outcome<'_>) -> bool {
    const WORDS: &str = "Unauthenticated.";
    match outcome {
        Outcome::Error(error) => error.contains(WORDS),
        // look before parsing the whole
        Outcome::Result(Some(result)) if result.contains(WORDS) => {
            matches!(judge_result(result), Verdict::Rejected(words) if words.starts_with(WORDS))
        }
        _ => false,
    }
}

fn judge_result(result: &str) -> Verdict {
    let rejected = |error: Option<&Value>| {
        let words = error.map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned));
        Verdict::Rejected(words.unwrap_or_else(|| "it gave no reason".to_owned()))
    };
    match serde_json::from_str(result) {
        Ok(Value::Null | Value::Bool(true)) => Verdict::Accepted,
        Ok(Value::Object(answer)) => {
            let error = answer.get("error").filter(|error| !error.is_null() && *error != "");
            match answer.get("success") {
                Some(Value::Bool(true)) => Verdict::Accepted,
                None if error.is_none() => Verdict::Accepted,
                _ => rejected(error),
            }
        }
        Ok(Value::Bool(false)) => rejected(None),
        other => rejected(Some(&Value::from(format!("it answered {}", other.unwrap_or_default())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    const UNKNOWN: &str =
        "Failed to invoke 'authenticate' due to an error on the server. HubException: Method does not exist.";

    fn answer(text: &str) -> Verdict {
        Authentication::new(AuthMethod::Auto, None).judge(&Outcome::Result(Some(text)))
    }

    #[test]
    fn auto_falls_back_once_and_starts_with_what_worked() {
        for (remembered, first, second) in [(None, V1, V2), (Some(V1), V1, V2), (Some(V2), V2, V1)] {
            let mut auto = Authentication::new(AuthMethod::Auto, remembered);
            assert_eq!(auto.method(), first);
            assert_eq!(auto.judge(&Outcome::Error(UNKNOWN.into())), Verdict::TryOther);
            assert_eq!(auto.method(), second);
            assert!(matches!(auto.judge(&Outcome::Error(UNKNOWN.into())), Verdict::Rejected(_)));
        }
        let refused = "Failed to invoke 'authenticate' due to an error on the server.";
        let mut auto = Authentication::new(AuthMethod::Auto, None);
        assert_eq!(auto.judge(&Outcome::Error(refused.into())), Verdict::TryOther);
    }

    #[test]
    fn a_chosen_method_is_the_only_one() {
        let mut only = Authentication::new(AuthMethod::V2, None);
        assert_eq!(only.method(), V2);
        let Verdict::Rejected(words) = only.judge(&Outcome::Error(UNKNOWN.into())) else { panic!() };
        assert!(words.contains(UNKNOWN) && words.contains(V2), "{words}");
    }

    #[test]
    fn answers() {
        for accepted in ["true", r#"{"success":true,"error":null,"count":1}"#] {
            assert_eq!(answer(accepted), Verdict::Accepted, "{accepted}");
        }
        assert_eq!(
            Authentication::new(AuthMethod::V1, None).judge(&Outcome::Result(None)),
            Verdict::Accepted
        );
        for (refused, words) in [
            (r#"{"success":false,"error":"Invalid API key.","count":0}"#, "Invalid API key."),
            (r#"{"success":false}"#, "it gave no reason"),
            (r#"{"error":"x"}"#, "x"),
            (r#"{"success":"yes","error":{"a":1}}"#, r#"{"a":1}"#),
            ("false", "it gave no reason"),
            ("[1]", "it answered [1]"),
            ("null", "it answered null"),
            ("{}", "it answered {}"),
            (r#"{"error":"","count":1}"#, r#"it answered {"error":"","count":1}"#),
        ] {
            assert_eq!(answer(refused), Verdict::Rejected(words.to_owned()), "{refused}");
        }
        let mut any = Authentication::new(AuthMethod::Auto, None);
        assert_eq!(any.judge(&Outcome::TimedOut), Verdict::TimedOut);
        let failed = "An unexpected error occurred invoking 'authenticate' on the server.";
        assert_eq!(any.judge(&Outcome::Error(failed.into())), Verdict::Failed(failed.to_owned()));
        let refused = format!("{failed} HubException: Banned.");
        assert_eq!(any.judge(&Outcome::Error(refused.as_str().into())), Verdict::Rejected(refused.clone()));
    }

    #[test]
    fn a_hub_that_does_not_know_who_calls() {
        let words = "Unauthenticated. Call authenticate first.";
        let result = format!(r#"{{"success":false,"error":"{words}","count":0}}"#);
        assert!(is_unauthenticated(&Outcome::Result(Some(&result))));
        let error = format!("Failed to invoke 'm' due to an error on the server. HubException: {words}");
        assert!(is_unauthenticated(&Outcome::Error(error.into())));
        for other in [
            r#"{"success":true,"error":"Unauthenticated."}"#,
            r#"["Unauthenticated."]"#,
            r#""Unauthenticated.""#,
            r#"{"success":false,"error":"Not Unauthenticated."}"#,
        ] {
            assert!(!is_unauthenticated(&Outcome::Result(Some(other))), "{other}");
        }
        assert!(!is_unauthenticated(&Outcome::TimedOut));
    }

    #[test]
    fn arguments_are_two_strings_and_a_number_or_null() {
        let config = |server| {
            let options = format!(r#"{{"communityId":"a\"b","apiKey":"k","serverId":{server}}}"#);
            Options::parse(&options).unwrap().config
        };
        assert_eq!(Authentication::arguments(&config("\"3\"")), r#"["a\"b","k",3]"#);
        assert_eq!(Authentication::arguments(&config("null")), r#"["a\"b","k",null]"#);
    }
}
