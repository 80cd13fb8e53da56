//! The negotiation of a connection (SignalR's transport protocol, versions 0 and 1), and the way to the hub
//! that it finds. Without IO.

use std::io;

use http::HeaderValue;
use serde_json::{Map, Value};

use super::error::{Asked, AskedKind, Error, NegotiationProblem};
use super::exchange::{Exchange, Next};
use super::http::{Body, Head, is_user_agent, request};
use crate::config::{Endpoint, Secret};

/// The largest number of times that one attempt follows a redirect. Azure SignalR Service has one.
const MAX_REDIRECTS: usize = 10;

/// The most of a hub's words that is kept.
const MAX_WORDS: usize = 1024;

/// The way to a hub. Each attempt makes it anew, from the option `url` on.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// Where it leads now.
    pub(crate) hub: Endpoint,
    headers: Vec<(String, Secret)>,
    /// What a hub gave us to show.
    token: Option<Secret>,
    /// The id of the connection.
    id: Option<Secret>,
    /// Whether the hub sent us to another server than the one in the option `url`.
    is_elsewhere: bool,
    redirects: usize,
}

impl Way {
    pub(crate) fn new(hub: &Endpoint, headers: &[(String, Secret)]) -> Self {
        let (hub, headers) = (hub.clone(), headers.to_vec());
        Self { hub, headers, token: None, id: None, is_elsewhere: false, redirects: 0 }
    }

    /// The headers to send. Those of the options are for the hub in the options only.
    pub(crate) fn headers(&self) -> Vec<(String, Secret)> {
        let is_sent = |name: &str| {
            let is_replaced = self.token.is_some() && name.eq_ignore_ascii_case("authorization");
            is_user_agent(name) || !(self.is_elsewhere || is_replaced)
        };
        let mut headers: Vec<_> = self.headers.iter().filter(|(name, _)| is_sent(name)).cloned().collect();
        if let Some(token) = &self.token {
            headers.push(("Authorization".to_owned(), Secret::new(format!("Bearer {}", token.reveal()))));
        }
        headers
    }

    /// What it asks for, for messages.
    pub(crate) fn asked(&self, kind: AskedKind) -> Asked {
        let elsewhere = self.is_elsewhere.then(|| self.hub.authority.clone());
        Asked { kind, elsewhere, secrets: [&self.token, &self.id].into_iter().flatten().cloned().collect() }
    }

    /// Whether it comes from a negotiation.
    pub(crate) fn is_negotiated(&self) -> bool {
        self.id.is_some()
    }

    /// Follows a hub's answer to the negotiation. Returns whether the way is known now; if not, it leads to
    /// where the next negotiation takes place.
    pub(crate) fn follow(&mut self, answer: &[u8]) -> Result<bool, NegotiationProblem> {
        let answer = Answer::parse(answer)?;
        if let Some(words) = answer.text("error")? {
            let words = self.asked(AskedKind::Negotiation).hide(words);
            return Err(NegotiationProblem::Refused(words.chars().take(MAX_WORDS).collect()));
        }
        if answer.0.contains_key("ProtocolVersion") {
            return Err(NegotiationProblem::Classic);
        }
        let token = answer.text("accessToken")?.map(|token| {
            let is_sendable = HeaderValue::from_str(token).is_ok();
            is_sendable
                .then(|| Secret::new(token.to_owned()))
                .ok_or_else(|| invalid("its accessToken is no token"))
        });
        let token = token.transpose()?;
        let url = answer.text("url")?;
        url.map_or(Ok(()), |url| self.go_to(url))?;
        if token.is_some() {
            self.token = token;
        }
        if url.is_some() {
            return Ok(false);
        }
        answer.check_transports()?;
        let id = answer.id()?;
        self.hub = self.hub.with_id(id);
        self.id = Some(Secret::new(id.to_owned()));
        Ok(true)
    }

    fn go_to(&mut self, url: &str) -> Result<(), NegotiationProblem> {
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            return Err(NegotiationProblem::TooFar(MAX_REDIRECTS));
        }
        let next = Endpoint::read(url).map_err(NegotiationProblem::BadUrl)?;
        if self.hub.secure && !next.secure {
            return Err(NegotiationProblem::Insecure(next.authority));
        }
        if !next.is_same_origin(&self.hub) {
            // neither the owner's headers nor an earlier token are for this server
            self.is_elsewhere = true;
            self.token = None;
        }
        self.hub = next;
        Ok(())
    }
}

fn invalid(problem: impl Into<String>) -> NegotiationProblem {
    NegotiationProblem::Invalid(problem.into())
}

/// A hub's answer.
struct Answer(Map<String, Value>);

impl Answer {
    fn parse(text: &[u8]) -> Result<Self, NegotiationProblem> {
        match serde_json::from_slice(text) {
            Ok(Value::Object(answer)) => Ok(Self(answer)),
            Ok(_) => Err(invalid("it is no JSON object")),
            Err(error) => Err(invalid(format!("it is not JSON ({error})"))),
        }
    }

    /// Returns a member; null is as good as none.
    fn text(&self, name: &str) -> Result<Option<&str>, NegotiationProblem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(format!("its {name} is no string"))),
        }
    }

    /// Returns the id that the websocket has to name.
    fn id(&self) -> Result<&str, NegotiationProblem> {
        let name = match self.0.get("negotiateVersion").map(Value::as_u64) {
            None | Some(Some(0)) => "connectionId",
            Some(Some(_)) => "connectionToken",
            Some(None) => return Err(invalid("its negotiateVersion is no whole number")),
        };
        let id = self.text(name)?.filter(|id| !id.is_empty());
        id.ok_or_else(|| invalid(format!("it has no {name}")))
    }

    fn check_transports(&self) -> Result<(), NegotiationProblem> {
        let Some(offered) = self.0.get("availableTransports").and_then(Value::as_array) else {
            return Err(invalid("it has no availableTransports"));
        };
        let names = |list: &Value, wanted: &str| {
            let mut names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        let transport = |offer: &Value| offer["transport"].as_str().unwrap_or_default().to_owned();
        let carries_text = |offer: &&Value| {
            transport(offer).eq_ignore_ascii_case("WebSockets") && names(&offer["transferFormats"], "Text")
        };
        if offered.iter().any(|offer| carries_text(&offer)) {
            return Ok(());
        }
        let others: Vec<_> = offered.iter().map(transport).filter(|name| !name.is_empty()).take(4).collect();
        let others = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        Err(NegotiationProblem::Transport(others.chars().take(100).collect()))
    }
}

/// Asks a hub to negotiate. The outcome is its answer's body.
#[derive(Debug)]
pub(crate) struct Negotiate {
    what: Asked,
    request: Option<Vec<u8>>,
    head: Head,
    body: Option<Body>,
}

impl Negotiate {
    pub(crate) fn new(way: &Way) -> Self {
        let own = "Connection: close\r\nContent-Length: 0\r\nAccept: application/json\r\n";
        let request = request("POST", &way.hub.negotiation(), own, &way.headers());
        let what = way.asked(AskedKind::Negotiation);
        Self { what, request: Some(request), head: Head::default(), body: None }
    }

    fn invalid(&self, problem: String) -> Error {
        Error::Answer { what: self.what.clone(), problem }
    }
}

impl Exchange for Negotiate {
    type Outcome = Vec<u8>;

    fn next(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Next<Vec<u8>>, Error> {
        if let Some(request) = self.request.take() {
            return Ok(Next::Send(request));
        }
        loop {
            if let Some(body) = &mut self.body {
                let whole = body.take(received, ended).map_err(|problem| self.invalid(problem))?;
                return Ok(whole.map_or(Next::Read, Next::Done));
            }
            match self.head.take(received).map_err(|problem| self.invalid(problem))? {
                // a word in between, which has no body
                Some(response) if (100..=199).contains(&response.status) && response.status != 101 => {}
                Some(response) if response.status == 200 => {
                    self.body = Some(Body::of(&response).map_err(|problem| self.invalid(problem))?);
                }
                Some(response) => return Err(response.refusal(self.what.clone())),
                None if ended => {
                    return Err(self.invalid("the connection ended before the answer did".to_owned()));
                }
                None => return Ok(Next::Read),
            }
        }
    }

    fn broken(&self, source: io::Error) -> Error {
        Error::Broken { what: self.what.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = r#""availableTransports":[{"transport":"LongPolling","transferFormats":["Text"]},{"transport":"WebSockets","transferFormats":["Text","Binary"]}]"#;

    fn way(url: &str) -> Way {
        let headers = [("X-Own", "mine"), ("authorization", "Basic own"), ("User-Agent", "me")];
        let headers = headers.map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())));
        Way::new(&Endpoint::read(url).unwrap(), &headers)
    }

    fn shown(way: &Way) -> Vec<String> {
        way.headers().iter().map(|(name, value)| format!("{name}: {}", value.reveal())).collect()
    }

    fn problem(answer: &str) -> NegotiationProblem {
        way("https://h/hub").follow(answer.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_id_is_the_connections_or_from_version_1_on_its_token() {
        for (answer, target) in [
            (r#""connectionId":"a b""#, "/hub?id=a%20b"),
            (r#""negotiateVersion":0,"connectionId":"a","connectionToken":"t""#, "/hub?id=a"),
            (
                r#""negotiateVersion":1,"connectionId":"a","connectionToken":"t/=","more":[1]"#,
                "/hub?id=t%2F%3D",
            ),
        ] {
            let mut way = way("ws://h/hub");
            assert_eq!(way.follow(format!("{{{answer},{OFFER}}}").as_bytes()), Ok(true));
            assert_eq!(way.hub.target, target, "{answer}");
            assert_eq!(shown(&way), ["X-Own: mine", "authorization: Basic own", "User-Agent: me"]);
        }
    }

    #[test]
    fn a_token_replaces_the_owners_and_goes_no_further_than_it_is_for() {
        let make = way;
        let mut way = make("https://h/hub?a=b");
        let azure = br#"{"url":"https://x.service.signalr.net/client/?hub=h","accessToken":"t1"}"#;
        assert_eq!(way.follow(azure), Ok(false));
        assert_eq!(way.hub.negotiation().target, "/client/negotiate?hub=h&negotiateVersion=1");
        assert_eq!(shown(&way), ["User-Agent: me", "Authorization: Bearer t1"]);
        // the same server keeps it, and may give another
        assert_eq!(way.follow(br#"{"url":"https://x.service.signalr.net/client2"}"#), Ok(false));
        assert_eq!(shown(&way), ["User-Agent: me", "Authorization: Bearer t1"]);
        let answer = format!(r#"{{"connectionId":"c","accessToken":"t2",{OFFER}}}"#);
        let mut there = way.clone();
        assert_eq!(there.follow(answer.as_bytes()), Ok(true));
        assert_eq!(there.hub.target, "/client2?id=c");
        assert_eq!(shown(&there), ["User-Agent: me", "Authorization: Bearer t2"]);
        // another one gets neither, nor does the first one when the way comes back to it
        assert_eq!(way.follow(br#"{"url":"https://other/"}"#), Ok(false));
        assert_eq!(shown(&way), ["User-Agent: me"]);
        // a token of the hub itself replaces the owner's alone
        let mut at_home = make("ws://h/hub");
        assert_eq!(at_home.follow(br#"{"url":"ws://h/other","accessToken":"t"}"#), Ok(false));
        assert_eq!(shown(&at_home), ["X-Own: mine", "User-Agent: me", "Authorization: Bearer t"]);
    }

    #[test]
    fn redirects_have_a_limit_and_never_leave_tls() {
        let mut looped = way("http://h/hub");
        for _ in 0..MAX_REDIRECTS {
            assert_eq!(looped.follow(br#"{"url":"http://h/hub"}"#), Ok(false));
        }
        assert_eq!(
            looped.follow(br#"{"url":"http://h/hub"}"#),
            Err(NegotiationProblem::TooFar(MAX_REDIRECTS))
        );
        let mut upgraded = way("http://h/hub");
        assert_eq!(upgraded.follow(br#"{"url":"https://h/hub"}"#), Ok(false));
        for url in ["http://h/hub", "ws://h/hub"] {
            let answer = format!(r#"{{"url":"{url}","accessToken":"t"}}"#);
            assert_eq!(upgraded.follow(answer.as_bytes()), Err(NegotiationProblem::Insecure("h".to_owned())));
        }
        for (url, part) in [
            ("/client", "scheme"),
            ("client", "scheme"),
            ("", "URL"),
            ("ftp://h/", "scheme"),
            ("https://u:p@h/", "user"),
            ("https://h:0/", "port"),
        ] {
            let problem = problem(&format!(r#"{{"url":"{url}"}}"#)).to_string();
            assert!(problem.contains(part), "{url}: {problem}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_told_apart() {
        let id = r#""connectionId":"c""#;
        for (answer, code, part) in [
            (r#"{"error":"no such hub"}"#.to_owned(), "negotiate-refused", "no such hub"),
            (r#"{"ProtocolVersion":"1.5","Url":"/signalr"}"#.to_owned(), "negotiate-classic", "classic"),
            (format!(r#"{{{id},"availableTransports":[]}}"#), "negotiate-transport", "only nothing"),
            (
                format!(
                    r#"{{{id},"availableTransports":[{{"transport":"LongPolling","transferFormats":["Text"]}}]}}"#
                ),
                "negotiate-transport",
                "only LongPolling",
            ),
            (
                format!(
                    r#"{{{id},"availableTransports":[{{"transport":"WebSockets","transferFormats":["Binary"]}}]}}"#
                ),
                "negotiate-transport",
                "only WebSockets",
            ),
            (
                format!(r#"{{{id},"availableTransports":[1,null,{{}},[]]}}"#),
                "negotiate-transport",
                "only nothing",
            ),
            (format!("{{{id}}}"), "negotiate", "no availableTransports"),
            (format!("{{{OFFER}}}"), "negotiate", "no connectionId"),
            (format!(r#"{{"connectionId":"",{OFFER}}}"#), "negotiate", "no connectionId"),
            (format!(r#"{{"connectionId":7,{OFFER}}}"#), "negotiate", "connectionId is no string"),
            (format!(r#"{{"negotiateVersion":1,{id},{OFFER}}}"#), "negotiate", "no connectionToken"),
            (format!(r#"{{"negotiateVersion":"1",{id},{OFFER}}}"#), "negotiate", "no whole number"),
            (r#"{"url":7}"#.to_owned(), "negotiate", "url is no string"),
            (r#"{"error":{}}"#.to_owned(), "negotiate", "error is no string"),
            (r#"{"url":"https://h/","accessToken":"a\r\nX: y"}"#.to_owned(), "negotiate", "no token"),
            (String::new(), "negotiate", "not JSON"),
            ("<html>".to_owned(), "negotiate", "not JSON"),
            ("[1]".to_owned(), "negotiate", "no JSON object"),
            ("[".repeat(100_000), "negotiate", "not JSON"),
        ] {
            let error = Error::Negotiation(problem(&answer));
            assert!(error.code() == code && error.to_string().contains(part), "{answer:.100}: {error}");
        }
    }

    #[test]
    fn what_a_hub_gave_us_to_show_is_not_told() {
        let mut way = way("https://h/hub");
        assert_eq!(way.follow(br#"{"url":"https://other/","accessToken":"the-token"}"#), Ok(false));
        let printed = format!("{way:?}");
        let refused = way.follow(br#"{"error":"bad the-token"}"#).unwrap_err().to_string();
        assert_eq!(refused, "the hub refused the negotiation: bad (token)");
        let answer = format!(r#"{{"connectionId":"the-token-of-the-connection",{OFFER}}}"#);
        assert_eq!(way.follow(answer.as_bytes()), Ok(true));
        let what = way.asked(AskedKind::Upgrade { negotiated: true });
        assert_eq!(what.hide("/login?id=the-token-of-the-connection"), "/login?id=(token)-of-the-connection");
        assert!(!printed.contains("the-token"), "{printed}");
    }
}
