//! Recordings: JSON lines of events with their times.
//!
//! ```text
//! {"at":"2026-01-31T22:10:05.120Z","ms":1520.25,"event":{"type":"EVENT_911","data":{}}}
//! ```
//!
//! `ms` counts from the start of the recording. `event` is the event's text, byte for byte. Text that has a line break
//! or is not JSON is a string in `text` instead.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::quoted;

/// Writes a recording, one line per event, as events arrive.
#[derive(Debug)]
pub struct Recorder<W>(W);

impl<W: Write> Recorder<W> {
    /// Starts a recording.
    pub fn new(out: W) -> Self {
        Self(out)
    }

    /// Adds an event that arrived this long after the start.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, after: Duration, at: SystemTime, text: &str) -> io::Result<()> {
        writeln!(self.0, "{}", line(after, at, text))?;
        self.0.flush()
    }
}

/// An event's line.
pub(crate) fn line(after: Duration, at: SystemTime, text: &str) -> String {
    let at = humantime::format_rfc3339_millis(at);
    let ms = after.as_secs_f64() * 1000.0;
    let fits = !text.contains(['\n', '\r'])
        && text == text.trim()
        && serde_json::from_str::<&RawValue>(text).is_ok();
    let event = if fits { format!("\"event\":{text}") } else { format!("\"text\":{}", quoted(text)) };
    format!("{{\"at\":\"{at}\",\"ms\":{ms:.3},{event}}}")
}

/// An event of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it arrived, counted from the start of the recording.
    pub after: Duration,
    /// Its text.
    pub text: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    ms: Option<f64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    text: Option<String>,
}

/// Reads a recording.
///
/// # Errors
/// With the number of the first malformed line, and what is wrong with it.
pub fn read(recording: &str) -> Result<Vec<Recorded>, String> {
    let mut events = Vec::new();
    let mut last = Duration::ZERO;
    // editors on Windows add a carriage return
    for (number, line) in (1..).zip(recording.split('\n').map(|line| line.trim_end_matches('\r'))) {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |problem: String| format!("line {number}: {problem}");
        let parsed: Line<'_> = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let after = match parsed.ms {
            None => last,
            Some(ms) => Duration::try_from_secs_f64(ms / 1000.0)
                .map_err(|_| wrong(format!("ms is {ms}: expected milliseconds from the start")))?,
        };
        let text = match (parsed.event, parsed.text) {
            (Some(event), None) => event.get().to_owned(),
            (None, Some(text)) => text,
            _ => return Err(wrong("expected either event or text".into())),
        };
        last = after;
        events.push(Recorded { after, text });
    }
    Ok(events)
}

/// Reads the speed of a replay: a factor, or `max`, which is `None`.
///
/// # Errors
/// With what was expected.
pub fn speed(text: &str) -> Result<Option<f64>, String> {
    match text.parse() {
        _ if text == "max" => Ok(None),
        Ok(speed) if (0.001..=1_000_000.0).contains(&speed) => Ok(Some(speed)),
        _ => Err(format!("speed is {text}: expected a factor from 0.001 to 1000000, such as 2, or max")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_byte_for_byte() {
        let texts = [
            r#"{"type":"EVENT_911","data":{"n":1.10e2,"s":"\u00e4/\/ä\n"} }"#,
            "{\n\t\"type\":\"EVENT_TONE\"}",
            " {\"type\":\"A\"}",
            "no JSON \u{2028}",
            "",
        ];
        let mut file = Vec::new();
        let mut recorder = Recorder::new(&mut file);
        for (text, ms) in texts.iter().zip([0, 5, 5, 1000, 60_000]) {
            recorder.add(Duration::from_millis(ms), SystemTime::UNIX_EPOCH, text).unwrap();
        }
        let file = String::from_utf8(file).unwrap();
        assert_eq!(file.lines().count(), texts.len());
        assert!(
            file.starts_with(r#"{"at":"1970-01-01T00:00:00.000Z","ms":0.000,"event":{"type":"EVENT_911""#),
            "{file}"
        );
        let events = read(&file.replace('\n', "\r\n")).unwrap();
        assert!(events.iter().map(|event| event.text.as_str()).eq(texts));
        assert_eq!(events[4].after, Duration::from_secs(60));
    }

    #[test]
    fn a_bad_line_is_named() {
        for (bad, part) in [
            ("{}", "either event or text"),
            ("{\"event\":{}", "line 2"),
            ("{\"ms\":-1,\"event\":{}}", "ms is -1"),
            ("{\"ms\":1e300,\"event\":{}}", "ms is"),
            ("[1]", "line 2"),
            ("{\"event\":1,\"text\":\"\"}", "either"),
        ] {
            let error = read(&format!("{{\"event\":{{}}}}\n{bad}\n")).unwrap_err();
            assert!(error.contains(part) && error.starts_with("line 2"), "{bad}: {error}");
        }
    }
}
