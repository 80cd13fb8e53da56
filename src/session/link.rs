//! One connection of a session, without IO: the hub protocol, and on it authentication, pushes, the
//! host's calls and the locations of units.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Instant;

use super::authentication::{self, Authentication, Verdict};
use super::failure::Failure;
use super::outbox::{Call, Outbox};
use crate::config::{Config, EventKey};
use crate::hub::{Arguments, CallId, Handler, Machine, Outcome, Part};
use crate::push;
use crate::units::{self, Answer};

/// What a link tells while it reads.
pub(crate) trait Observer {
    /// The hub pushed an event. It may be put by until [`read`](Self::read).
    fn pushed(&mut self, event: CString);
    /// All that has come was read.
    fn read(&mut self);
    /// The credentials went out.
    fn authenticating(&mut self, method: &'static str);
    /// The hub accepted them.
    fn ready(&mut self, method: &'static str);
    /// A call of the host has ended; without an outcome the connection did first.
    fn answered(&mut self, call: &Call, outcome: Option<&Outcome<'_>>);
    /// The call with the locations of units has ended.
    fn units_answered(&mut self, answer: &Answer<'_>);
    /// The hub sent something that means nothing to us.
    fn ignored(&mut self, what: &str);
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    config: Arc<Config>,
    machine: Machine,
    authentication: Authentication,
    pending: Pending,
    ready: bool,
}

/// Calls that wait for their answer.
#[derive(Debug, Default)]
struct Pending {
    authentication: Option<CallId>,
    units: Option<CallId>,
    host: BTreeMap<CallId, Call>,
}

impl Link {
    /// A connection that starts now; `remembered` is the authentication method that worked last.
    pub(crate) fn new(now: Instant, config: Arc<Config>, remembered: Option<&'static str>) -> Self {
        let machine = Machine::new(now, config.timing, config.max_message);
        let authentication = Authentication::new(config.auth_method, remembered);
        Self { config, machine, authentication, pending: Pending::default(), ready: false }
    }

    /// Reads what the hub sent.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        part: Part<'_>,
        observer: &mut impl Observer,
    ) -> Result<(), Failure> {
        self.run(now, observer, |machine, reading| machine.receive(now, part, reading))
    }

    /// Does what is due.
    pub(crate) fn elapse(&mut self, now: Instant, observer: &mut impl Observer) -> Result<(), Failure> {
        self.run(now, observer, |machine, reading| machine.elapse(now, reading))
    }

    /// Calls what the host wants called, as far as it may be now.
    pub(crate) fn send(&mut self, now: Instant, outbox: &mut Outbox, observer: &mut impl Observer) {
        if !self.ready {
            return;
        }
        while let Some(call) = outbox.calls.pop_front() {
            match self.machine.call(now, &call.method, &call.arguments, self.config.call_timeout) {
                Ok(id) => _ = self.pending.host.insert(id, call),
                // its size was checked when the host made it
                Err(_) => observer.answered(&call, None),
            }
        }
        if let Some(arguments) = outbox.units.call(now) {
            let called = self.machine.call(now, units::TARGET, &arguments, self.config.call_timeout);
            self.pending.units = called.ok();
        }
    }

    /// When [`elapse`](Self::elapse) or [`send`](Self::send) has something to do.
    pub(crate) fn deadline(&self, now: Instant, outbox: &Outbox) -> Instant {
        let due = if self.ready { outbox.units.due(now) } else { None };
        due.map_or_else(|| self.machine.deadline(), |due| due.min(self.machine.deadline()))
    }

    /// The next record to send, as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        self.machine.transmit(now)
    }

    /// Says goodbye with the next transmission.
    pub(crate) fn close(&mut self) {
        self.machine.close();
    }

    /// The connection is gone: nothing that waits for an answer will get one.
    pub(crate) fn abandon(&mut self, observer: &mut impl Observer) {
        for call in std::mem::take(&mut self.pending.host).into_values() {
            observer.answered(&call, None);
        }
        if self.pending.units.take().is_some() {
            observer.units_answered(&Answer::Lost);
        }
    }

    /// Lets the machine work, and does what follows from what it told.
    fn run<O: Observer>(
        &mut self,
        now: Instant,
        observer: &mut O,
        work: impl FnOnce(&mut Machine, &mut Reading<'_, O>) -> Result<(), crate::hub::Error>,
    ) -> Result<(), Failure> {
        let mut reading = Reading {
            authentication: &mut self.authentication,
            pending: &mut self.pending,
            event_key: self.config.event_key,
            observer,
            opened: false,
            verdict: None,
        };
        let worked = work(&mut self.machine, &mut reading);
        let Reading { opened, verdict, .. } = reading;
        if opened {
            self.authenticate(now, observer)?;
        }
        let method = self.authentication.method();
        match verdict {
            None => {}
            Some(Verdict::Accepted) => {
                self.ready = true;
                observer.ready(method);
            }
            Some(Verdict::TryOther) => self.authenticate(now, observer)?,
            Some(Verdict::Rejected(words)) => return Err(Failure::Rejected(words)),
            Some(Verdict::TimedOut) => {
                return Err(Failure::CallTimeout { method, after: self.config.call_timeout });
            }
        }
        Ok(worked?)
    }

    fn authenticate(&mut self, now: Instant, observer: &mut impl Observer) -> Result<(), Failure> {
        let method = self.authentication.method();
        let arguments = Authentication::arguments(&self.config);
        observer.authenticating(method);
        match self.machine.call(now, method, &arguments, self.config.call_timeout) {
            Ok(call) => {
                self.pending.authentication = Some(call);
                Ok(())
            }
            Err(bytes) => Err(Failure::Rejected(format!(
                "the call would have {bytes} bytes, which no hub accepts: communityId or apiKey is far too long"
            ))),
        }
    }
}

/// Takes what the machine tells during one call of it.
struct Reading<'a, O> {
    authentication: &'a mut Authentication,
    pending: &'a mut Pending,
    event_key: EventKey,
    observer: &'a mut O,
    opened: bool,
    verdict: Option<Verdict>,
}

impl<O: Observer> Handler for Reading<'_, O> {
    fn opened(&mut self) {
        self.opened = true;
    }

    fn called(&mut self, target: &str, arguments: &Arguments<'_>) -> bool {
        // the hub's other clients do not tell cases apart
        if !target.eq_ignore_ascii_case(push::TARGET) {
            return false;
        }
        push::events(arguments, self.event_key, |text| self.observer.pushed(event_text(text)));
        true
    }

    fn answered(&mut self, call: CallId, outcome: Outcome<'_>) {
        if self.pending.authentication == Some(call) {
            self.pending.authentication = None;
            self.verdict = Some(self.authentication.judge(&outcome));
        } else if self.pending.units == Some(call) {
            self.pending.units = None;
            match authentication::judge(&outcome) {
                Verdict::Rejected(words) => self.observer.units_answered(&Answer::Refused(&words)),
                Verdict::TimedOut => self.observer.units_answered(&Answer::TimedOut),
                _ => self.observer.units_answered(&Answer::Accepted),
            }
        } else if let Some(call) = self.pending.host.remove(&call) {
            self.observer.answered(&call, Some(&outcome));
        }
    }

    fn ignored(&mut self, what: &str) {
        self.observer.ignored(what);
    }
}

/// An event as the host gets it: the one copy on its way, and none where it was made for it.
pub(crate) fn event_text(text: Cow<'_, str>) -> CString {
    let made = match text {
        Cow::Borrowed(text) => CString::new(text),
        Cow::Owned(text) => CString::new(text),
    };
    // valid JSON has no raw NUL, so that this never loses anything
    made.unwrap_or_default()
}

#[cfg(test)]
mod tests;
