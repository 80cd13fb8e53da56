//! One connection of a session, without IO: the hub protocol, and on it authentication and pushes.

use std::borrow::Cow;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Instant;

use super::authentication::{Authentication, Verdict};
use super::failure::Failure;
use crate::config::{Config, EventKey};
use crate::hub::{Arguments, CallId, Handler, Machine, Outcome, Part};
use crate::push;

/// What a link tells while it reads.
pub(crate) trait Observer {
    /// The hub pushed an event.
    fn pushed(&mut self, event: CString);
    /// The credentials went out.
    fn authenticating(&mut self, method: &'static str);
    /// The hub accepted them.
    fn ready(&mut self, method: &'static str);
    /// The hub sent something that means nothing to us.
    fn ignored(&mut self, what: &str);
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    config: Arc<Config>,
    machine: Machine,
    authentication: Authentication,
    /// The authentication that waits for its answer.
    asked: Option<CallId>,
}

impl Link {
    /// A connection that starts now; `remembered` is the authentication method that worked last.
    pub(crate) fn new(now: Instant, config: Arc<Config>, remembered: Option<&'static str>) -> Self {
        let machine = Machine::new(now, config.timing, config.max_message);
        let authentication = Authentication::new(config.auth_method, remembered);
        Self { config, machine, authentication, asked: None }
    }

    /// Reads what the hub sent.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        part: Part<'_>,
        observer: &mut impl Observer,
    ) -> Result<(), Failure> {
        let mut reading = Reading::new(&mut self.authentication, self.asked, &self.config, observer);
        let read = self.machine.receive(now, part, &mut reading);
        let told = reading.told;
        self.go_on(now, told, observer)?;
        Ok(read?)
    }

    /// Does what is due.
    pub(crate) fn elapse(&mut self, now: Instant, observer: &mut impl Observer) -> Result<(), Failure> {
        let mut reading = Reading::new(&mut self.authentication, self.asked, &self.config, observer);
        let elapsed = self.machine.elapse(now, &mut reading);
        let told = reading.told;
        self.go_on(now, told, observer)?;
        Ok(elapsed?)
    }

    /// When [`elapse`](Self::elapse) has something to do.
    pub(crate) fn deadline(&self) -> Instant {
        self.machine.deadline()
    }

    /// The next record to send, as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        self.machine.transmit(now)
    }

    /// Says goodbye with the next transmission.
    pub(crate) fn close(&mut self) {
        self.machine.close();
    }

    /// Does what follows from what the machine told, now that it is free again.
    fn go_on(&mut self, now: Instant, told: Told, observer: &mut impl Observer) -> Result<(), Failure> {
        if told.opened {
            self.authenticate(now, observer)?;
        }
        let Some(verdict) = told.verdict else { return Ok(()) };
        self.asked = None;
        let method = self.authentication.method();
        match verdict {
            Verdict::Accepted => {
                observer.ready(method);
                Ok(())
            }
            Verdict::TryOther => self.authenticate(now, observer),
            Verdict::Rejected(words) => Err(Failure::Rejected(words)),
            Verdict::TimedOut => Err(Failure::CallTimeout { method, after: self.config.call_timeout }),
        }
    }

    fn authenticate(&mut self, now: Instant, observer: &mut impl Observer) -> Result<(), Failure> {
        let method = self.authentication.method();
        let arguments = Authentication::arguments(&self.config);
        observer.authenticating(method);
        match self.machine.call(now, method, &arguments, self.config.call_timeout) {
            Ok(call) => {
                self.asked = Some(call);
                Ok(())
            }
            Err(bytes) => Err(Failure::Rejected(format!(
                "the call would have {bytes} bytes, which no hub accepts: communityId or apiKey is far too long"
            ))),
        }
    }
}

/// What the machine told that something follows from.
#[derive(Debug, Default)]
struct Told {
    opened: bool,
    verdict: Option<Verdict>,
}

/// Takes what the machine tells during one call of it.
struct Reading<'a, O> {
    authentication: &'a mut Authentication,
    asked: Option<CallId>,
    event_key: EventKey,
    observer: &'a mut O,
    told: Told,
}

impl<'a, O: Observer> Reading<'a, O> {
    fn new(
        authentication: &'a mut Authentication,
        asked: Option<CallId>,
        config: &Config,
        observer: &'a mut O,
    ) -> Self {
        Self { authentication, asked, event_key: config.event_key, observer, told: Told::default() }
    }
}

impl<O: Observer> Handler for Reading<'_, O> {
    fn opened(&mut self) {
        self.told.opened = true;
    }

    fn called(&mut self, target: &str, arguments: &Arguments<'_>) -> bool {
        // the JavaScript client of the hub's other users does not tell cases apart
        if !target.eq_ignore_ascii_case(push::TARGET) {
            return false;
        }
        push::events(arguments, self.event_key, |text| self.observer.pushed(event_text(text)));
        true
    }

    fn answered(&mut self, call: CallId, outcome: Outcome<'_>) {
        if self.asked == Some(call) {
            self.told.verdict = Some(self.authentication.judge(&outcome));
        }
    }

    fn ignored(&mut self, what: &str) {
        self.observer.ignored(what);
    }
}

/// An event as the host gets it: the one copy on its way, and none where it was made for it.
fn event_text(text: Cow<'_, str>) -> CString {
    let made = match text {
        Cow::Borrowed(text) => CString::new(text),
        Cow::Owned(text) => CString::new(text),
    };
    // valid JSON has no raw NUL, so that this never loses anything
    made.unwrap_or_default()
}
