//! The remote control of both hubs: plain HTTP under `/control`.

use std::fmt::Display;

use serde_json::Value;

/// How a push's body becomes the argument of `pushEvent`.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// The body's bytes.
    Verbatim,
    /// The body as one JSON string.
    String,
}

/// A call with unit locations.
#[derive(Debug, Clone)]
pub struct UnitCall {
    pub at_ms: f64,
    pub units: Vec<Value>,
}

/// The remote control of one hub.
#[derive(Debug)]
pub struct Control {
    address: String,
}

impl Control {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    /// Pushes a body to a server's session, which must exist.
    pub fn push(&self, server: u32, body: &str, shape: Shape) {
        let shape = format!("{shape:?}").to_lowercase();
        let answer = self.post(&format!("push?serverId={server}&shape={shape}"), body);
        assert_eq!(answer["delivered"], "websocket", "{body:.100}");
    }

    /// Pushes this many events, numbered in `data.seq`.
    pub fn burst(&self, server: u32, count: usize) {
        let answer = self.post(&format!("burst?serverId={server}&count={count}"), "");
        assert_eq!(answer["websocket"], count);
    }

    /// The same, with this many bytes in each.
    pub fn burst_of(&self, server: u32, count: usize, size: usize) {
        let answer = self.post(&format!("burst?serverId={server}&count={count}&size={size}"), "");
        assert_eq!(answer["websocket"], count);
    }

    /// Aborts a server's connection, of which there must be exactly one.
    pub fn abort(&self, server: u32) {
        assert_eq!(self.post(&format!("abort?serverId={server}"), "")["aborted"], 1);
    }

    /// Aborts a server's connections, however many there are.
    pub fn abort_any(&self, server: u32) {
        self.post(&format!("abort?serverId={server}"), "");
    }

    /// Rejects everyone from now on, with these words.
    pub fn reject(&self, words: &str) {
        self.post(&format!("auth?reject=true&error={words}"), "");
    }

    /// Accepts everyone with the key from now on.
    pub fn accept(&self) {
        self.post("auth", "");
    }

    /// Returns the authenticated connections of a server.
    pub fn connections(&self, server: u32) -> Vec<String> {
        let sessions = self.get("sessions");
        let sessions = sessions.as_array().expect("a list");
        let server = server.to_string();
        let ours = sessions.iter().filter(|session| session["serverId"] == server.as_str());
        ours.map(|session| session["connectionId"].as_str().expect("a text").to_owned()).collect()
    }

    /// Returns the HTTP requests to the hub. The local hub does not record them.
    pub fn requests(&self) -> Vec<Value> {
        self.get("requests").as_array().expect("a list").clone()
    }

    /// Returns the called methods and when they were called, in milliseconds.
    pub fn calls(&self) -> Vec<(String, f64)> {
        let calls = self.get("calls");
        let call =
            |call: &Value| (call["method"].as_str().unwrap().to_owned(), call["atMs"].as_f64().unwrap());
        calls.as_array().expect("a list").iter().map(call).collect()
    }

    /// Returns the calls with unit locations.
    pub fn unit_calls(&self) -> Vec<UnitCall> {
        let calls = self.get("calls");
        let calls = calls.as_array().expect("a list").iter().filter(|call| call["method"] == "unitLocation");
        let call = |call: &Value| UnitCall {
            at_ms: call["atMs"].as_f64().expect("a number"),
            units: call["argument"].as_array().expect("a list").clone(),
        };
        calls.map(call).collect()
    }

    /// Pushes a body to whoever takes it, and returns who did.
    pub fn push_anywhere(&self, server: u32, body: &str) -> String {
        let answer = self.post(&format!("push?serverId={server}&shape=verbatim"), body);
        answer["delivered"].as_str().expect("a text").to_owned()
    }

    fn post(&self, what: &str, body: &str) -> Value {
        self.answer(what, ureq::post(self.url(what)).send(body))
    }

    fn get(&self, what: &str) -> Value {
        self.answer(what, ureq::get(self.url(what)).call())
    }

    fn url(&self, what: &str) -> String {
        format!("{}/control/{what}", self.address)
    }

    /// Returns the answer as JSON, if it has a body.
    fn answer(&self, what: &str, answer: Result<http::Response<ureq::Body>, impl Display>) -> Value {
        let mut answer = answer.unwrap_or_else(|error| panic!("/control/{what:.60}: {error}"));
        let text = answer.body_mut().with_config().limit(u64::MAX).read_to_string().expect("text");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
