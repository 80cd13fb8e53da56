//! Moves bytes between the websocket and a link.
//!
//! Reading decides when a link is dead. A deadline counts only once everything that had arrived by then is
//! read, and a failed write waits for the reading side.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::delivery::Delivery;
use super::failure::Failure;
use super::lifecycle::StopReason;
use super::sending::{Sending, Verdict};
use super::shared::Shared;
use crate::link::{self, Link};
use crate::net::Socket;
use crate::signalr::{self, Chunk};

/// Read at most this many messages before looking at deadlines and the host's calls.
const BATCH: usize = 256;

/// Judge a missed deadline after this long even if there is always more to read.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// A process that wakes up late by this fraction of serverTimeoutMs stood still, and the hub did not.
const STANDSTILL: u32 = 4;

/// Deadline for a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Deadline for the websocket's close frame after a link has failed.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// How a link ended.
pub(crate) enum Ended {
    Failed(Failure),
    Stopped(StopReason),
}

/// Serves one connection until it fails or a stop is requested.
pub(crate) async fn pump(
    shared: &Shared,
    socket: Socket,
    link: Link,
    mut stopping: Pin<&mut impl Future<Output = StopReason>>,
) -> Ended {
    let (delivery, sending) = (Delivery::new(shared), Sending::default());
    let mut pump = Pump { shared, socket, link, delivery, sending, due_since: None };
    loop {
        let deadline = pump.send();
        let outcome = tokio::select! {
            biased;
            reason = &mut stopping => {
                pump.say_goodbye().await;
                pump.abandon();
                return Ended::Stopped(reason);
            }
            // ahead of the message: one that does not end leaves nobody behind it a turn
            () = tokio::time::sleep_until(deadline.into()) => Ok(()),
            message = poll_fn(|context| pump.poll(context)) => pump.receive_batch(message),
            () = shared.outbox_filled.notified() => Ok(()),
        };
        let outcome = match outcome {
            Ok(()) => pump.elapse(deadline).await,
            failed => failed,
        };
        if let Err(failure) = outcome {
            pump.abandon();
            if !matches!(failure, Failure::Lost(_) | Failure::Stalled(_)) {
                // answer the goodbye of a hub that still listens, so that it need not wait
                let _ = tokio::time::timeout(CLOSE_TIMEOUT, SinkExt::close(&mut pump.socket)).await;
            }
            return Ended::Failed(failure);
        }
    }
}

type Received = Option<Result<Message, WsError>>;

struct Pump<'a> {
    shared: &'a Shared,
    socket: Socket,
    link: Link,
    delivery: Delivery<'a>,
    sending: Sending,
    /// When a deadline was first found to be missed.
    due_since: Option<Instant>,
}

impl Pump<'_> {
    /// Gives the link what the host wants to send. Returns the next deadline.
    fn send(&mut self) -> Instant {
        let now = Instant::now();
        let deadline = loop {
            let mut outgoing = self.shared.outgoing.lock();
            let Some(step) = self.link.send(now, &mut outgoing.outbox) else {
                break self.link.deadline(now, &outgoing.outbox);
            };
            drop(outgoing);
            self.delivery.step(step);
        };
        let sending = self.sending.deadline(self.shared.config.timing.server_timeout);
        sending.map_or(deadline, |sending| sending.min(deadline))
    }

    /// Judges deadlines missed by `deadline`, once everything that had arrived by then is read.
    async fn elapse(&mut self, deadline: Instant) -> Result<(), Failure> {
        let now = Instant::now();
        if now < deadline {
            self.due_since = None;
            return Ok(());
        }
        if self.due_since.is_none() && now >= deadline + self.shared.config.timing.server_timeout / STANDSTILL
        {
            self.link.stood_still(now);
            self.sending.stood_still(now);
        }
        let due_since = *self.due_since.get_or_insert(now);
        if self.catch_up().await? || now >= due_since + CATCH_UP_TIMEOUT {
            self.due_since = None;
            self.check_deadlines(now)?;
        }
        Ok(())
    }

    /// Reads what has arrived. Returns whether that was all.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        // ask the system first: a process that stood still sees its timers before its sockets
        tokio::task::yield_now().await;
        match self.socket.next().now_or_never() {
            Some(message) => self.receive_batch(message).map(|()| false),
            // a task that has used up its turn reads nothing, whatever is there
            None => Ok(tokio::task::coop::has_budget_remaining()),
        }
    }

    fn check_deadlines(&mut self, now: Instant) -> Result<(), Failure> {
        let limit = self.shared.config.timing.server_timeout;
        match self.sending.check(now, limit) {
            Some(Verdict::Stalled) => return Err(Failure::Stalled(limit)),
            Some(Verdict::Broken) => return Err(self.lost(ended_without_goodbye())),
            None => {}
        }
        self.link.elapse(now)?;
        while let Some(step) = self.link.timed_out(now)? {
            self.delivery.step(step);
        }
        Ok(())
    }

    /// Returns why the connection broke: a failed write says so better than the end of input.
    fn lost(&self, error: io::Error) -> Failure {
        let write = self.socket.get_ref().get_ref().outflow().failure();
        Failure::Lost(write.map_or(error, |write| io::Error::new(write.kind(), write.to_string())))
    }

    /// Ends the calls that will get no answer.
    fn abandon(&mut self) {
        while let Some(step) = self.link.abandoned() {
            self.delivery.step(step);
        }
    }

    /// Sends as much as the socket takes, and reads the next message.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let _ = self.poll_send(context);
        self.socket.poll_next_unpin(context)
    }

    /// Sends as much as the socket takes. Ready once nothing is left, or nothing more can be sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let sent = if self.sending.is_broken() { Poll::Ready(Ok(())) } else { self.poll_records(context) };
        let (now, outflow) = (Instant::now(), self.socket.get_ref().get_ref().outflow());
        if matches!(sent, Poll::Ready(Err(_))) || outflow.failure().is_some() {
            if !self.sending.is_broken() {
                // the next deadline is another one from now on
                self.shared.outbox_filled.notify_one();
            }
            self.sending.broke(now);
        } else {
            self.sending.progressed(now, sent.is_pending(), outflow.taken());
        }
        sent.map(drop)
    }

    fn poll_records(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        let mut sent = self.sending.waits();
        loop {
            if sent {
                ready!(self.socket.poll_flush_unpin(context))?;
            }
            let Some(record) = self.link.transmit(Instant::now()) else { return Poll::Ready(Ok(())) };
            self.socket.start_send_unpin(Message::text(record))?;
            sent = true;
        }
    }

    /// Takes a message, and those that have arrived with it.
    fn receive_batch(&mut self, first: Received) -> Result<(), Failure> {
        let now = Instant::now();
        let mut received = self.receive(now, first);
        for _ in 1..BATCH {
            if received.is_err() {
                break;
            }
            let Some(message) = self.socket.next().now_or_never() else { break };
            received = self.receive(now, message);
        }
        self.delivery.flush();
        received
    }

    fn receive(&mut self, now: Instant, message: Received) -> Result<(), Failure> {
        let message = message.unwrap_or(Err(WsError::ConnectionClosed));
        let message = message.map_err(|error| match failure(error, self.shared.config.max_message) {
            Failure::Lost(error) => self.lost(error),
            other => other,
        })?;
        let mut input = match &message {
            Message::Text(text) => Chunk::Text(text),
            Message::Binary(bytes) => Chunk::Binary(bytes),
            Message::Close(frame) => {
                let (code, reason) =
                    frame.as_ref().map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()));
                return Err(Failure::CloseFrame { code, reason: reason.to_owned() });
            }
            _ => return Ok(()),
        };
        self.shared.stats.received_bytes.add(u64::try_from(input.bytes().len()).unwrap_or(u64::MAX));
        let mut whole = Vec::new();
        while let Some(step) = self.link.next(now, &mut input, &mut whole)? {
            self.delivery.step(step);
        }
        Ok(())
    }

    /// Says goodbye, and takes what the hub sends until it answers.
    async fn say_goodbye(&mut self) {
        self.link.close();
        let goodbye = async {
            poll_fn(|context| self.poll_send(context)).await;
            self.socket.close(None).await?;
            while let Some(Ok(message)) = self.socket.next().await {
                if self.receive_batch(Some(Ok(message))).is_err() {
                    break;
                }
            }
            Ok::<_, WsError>(())
        };
        // leave whether it answers or not
        let started = Instant::now();
        let heard = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await.is_ok();
        let ended = Instant::now();
        // a process that stood still meanwhile has yet to read what came
        if !heard && ended >= started + GOODBYE_TIMEOUT + CATCH_UP_TIMEOUT {
            while Instant::now() < ended + CATCH_UP_TIMEOUT && matches!(self.catch_up().await, Ok(false)) {}
        }
    }
}

fn ended_without_goodbye() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the hub ended it without a goodbye")
}

/// Translates an error of the websocket.
fn failure(error: WsError, max_message: usize) -> Failure {
    let hub = |error| Failure::Link(link::Error::Hub(error));
    match error {
        WsError::Io(error) => Failure::Lost(error),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Failure::Lost(ended_without_goodbye())
        }
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => hub(signalr::Error::TooLarge(max_message)),
        other => hub(signalr::Error::Protocol(other.to_string())),
    }
}
