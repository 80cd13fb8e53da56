//! The host `tests/c/relay.c`, which relays what it polls.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    PATIENCE,
    hub::KEY,
    program::{self, command, finish, host},
};

/// An event and the index of its session.
type Polled = (usize, Event);

/// An event's exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(pub Vec<u8>);

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0).unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_else(|| panic!("{self} has no type")).to_owned()
    }
}

impl Event {
    /// Fails if a key is in what the library says itself.
    fn expect_no_key(&self) {
        let text = String::from_utf8_lossy(&self.0);
        let says = text.starts_with(r#"{"type":"SESSION_"#) && !text.starts_with(r#"{"type":"SESSION_PUSH""#);
        let passes_on = text.starts_with(r#"{"type":"SESSION_CALL_RESULT""#);
        assert!(!says || passes_on || !text.contains(KEY), "the key is in: {self}");
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.300}", String::from_utf8_lossy(&self.0))
    }
}

/// A running host with a session for each of its options.
#[derive(Debug)]
pub struct Relay {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    polled: Receiver<Polled>,
    waiting: Vec<VecDeque<Event>>,
}

impl Relay {
    pub fn start(options: &[String]) -> Self {
        Self::start_with(options, &[])
    }

    /// Starts it with these variables in its environment.
    pub fn start_with(options: &[String], environment: &[(&str, &str)]) -> Self {
        let mut child = command(&host("relay"))
            .args(options)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .spawn()
            .expect("it is compiled");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, polled) = mpsc::channel();
        thread::spawn(move || while read(&mut stdout).is_some_and(|event| sender.send(event).is_ok()) {});
        let stdin = child.stdin.take();
        Self { child: Some(child), stdin, polled, waiting: vec![VecDeque::new(); options.len()] }
    }

    /// Suspends the whole process.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// Resumes it.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        program::signal(self.child.as_ref().expect("it runs").id(), signal);
    }

    /// Returns a session's next event.
    pub fn next(&mut self, session: usize) -> Event {
        loop {
            if let Some(event) = self.waiting[session].pop_front() {
                event.expect_no_key();
                return event;
            }
            match self.polled.recv_timeout(PATIENCE) {
                Ok((session, event)) => self.waiting[session].push_back(event),
                Err(RecvTimeoutError::Timeout) => panic!("no event within {} s", PATIENCE.as_secs()),
                Err(RecvTimeoutError::Disconnected) => panic!("the host ended: {}", self.last_words()),
            }
        }
    }

    /// Returns a session's next event, which must have this type.
    pub fn expect(&mut self, session: usize, kind: &str) -> Value {
        let event = self.next(session);
        assert_eq!(event.kind(), kind, "{event}");
        event.json()
    }

    /// Returns a session's next event that is not a SESSION_RETRY. It must have this type.
    pub fn expect_after_retries(&mut self, session: usize, kind: &str) -> Value {
        loop {
            let event = self.next(session);
            if event.kind() != "SESSION_RETRY" {
                assert_eq!(event.kind(), kind, "{event}");
                return event.json();
            }
        }
    }

    /// Expects that no session gets an event for this long.
    pub fn expect_nothing(&mut self, during: Duration) {
        assert!(self.waiting.iter().all(VecDeque::is_empty), "{:?}", self.waiting);
        match self.polled.recv_timeout(during) {
            Ok((_, event)) => panic!("{event}"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the host ended: {}", self.last_words()),
        }
    }

    /// Lets the host close its sessions and end. Each session's only remaining event is SESSION_CLOSED.
    pub fn end(mut self) {
        drop(self.stdin.take());
        for session in 0..self.waiting.len() {
            let closed = self.expect(session, "SESSION_CLOSED");
            assert_eq!(closed["code"], "disconnected");
        }
        match self.polled.recv_timeout(PATIENCE) {
            Ok((session, event)) => panic!("session {session} goes on after SESSION_CLOSED: {event}"),
            Err(RecvTimeoutError::Timeout) => panic!("the host does not end"),
            Err(RecvTimeoutError::Disconnected) => assert_eq!(self.last_words(), "exit status: 0"),
        }
    }

    /// Returns how the host ended, and its stderr.
    fn last_words(&mut self) -> String {
        let output = finish(self.child.take().expect("it ends once"));
        format!("{}{}", output.status, String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // it still runs because something went wrong
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads "SESSION LENGTH\n" and LENGTH bytes.
fn read(stdout: &mut impl BufRead) -> Option<Polled> {
    let mut line = String::new();
    if stdout.read_line(&mut line).expect("text") == 0 {
        return None;
    }
    let numbers = line.trim_end().split_once(' ').expect("two numbers");
    let [session, length] = [numbers.0, numbers.1].map(|number| number.parse().expect("a number"));
    let mut bytes = vec![0; length];
    stdout.read_exact(&mut bytes).expect("a whole event");
    Some((session, Event(bytes)))
}
