//! Moves bytes between the websocket and a link.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::delivery::Delivery;
use super::failure::Failure;
use super::lifecycle::StopReason;
use super::shared::Shared;
use crate::link::{self, Link};
use crate::net::Socket;
use crate::signalr::{self, Chunk};

/// How many messages are read before deadlines and the host's wishes get a look.
const BATCH: usize = 256;

/// How long a goodbye may take.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the websocket's closing frame may take to go out where the link has failed.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// How a link ended.
pub(crate) enum Ended {
    Failed(Failure),
    Stopped(StopReason),
}

/// Serves one connection until it fails or the session is to end.
pub(crate) async fn pump(
    shared: &Shared,
    socket: Socket,
    link: Link,
    mut stopping: Pin<&mut impl Future<Output = StopReason>>,
) -> Ended {
    let mut pump = Pump { shared, socket, link, delivery: Delivery::new(shared), unsent_since: None };
    loop {
        let deadline = tokio::time::Instant::from_std(pump.send());
        let outcome = tokio::select! {
            biased;
            reason = &mut stopping => {
                pump.say_goodbye().await;
                pump.abandon();
                return Ended::Stopped(reason);
            }
            message = poll_fn(|context| pump.poll(context)) => pump.receive_batch(message),
            () = shared.outbox_filled.notified() => Ok(()),
            () = tokio::time::sleep_until(deadline) => Ok(()),
        };
        // in every round: a flood of messages leaves the timer no turn
        let is_due = tokio::time::Instant::now() >= deadline;
        let outcome = if is_due { outcome.and_then(|()| pump.elapse()) } else { outcome };
        if let Err(failure) = outcome {
            pump.abandon();
            if !matches!(failure, Failure::Lost(_) | Failure::Stalled(_)) {
                // a hub that still listens need not wait for our answer to its goodbye
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
    /// Since when something waits to be taken by the socket.
    unsent_since: Option<Instant>,
}

impl Pump<'_> {
    /// Gives the link what the host wants sent. Returns when there is something to do, if nothing
    /// happens before.
    fn send(&mut self) -> Instant {
        let now = Instant::now();
        let deadline = loop {
            let mut outbox = self.shared.outbox.lock();
            let Some(step) = self.link.send(now, &mut outbox) else {
                break self.link.deadline(now, &outbox);
            };
            drop(outbox);
            self.delivery.step(step);
        };
        let stalled = self.unsent_since.map(|since| since + self.shared.config.timing.server_timeout);
        stalled.map_or(deadline, |stalled| stalled.min(deadline))
    }

    fn elapse(&mut self) -> Result<(), Failure> {
        let (now, limit) = (Instant::now(), self.shared.config.timing.server_timeout);
        if self.unsent_since.is_some_and(|since| now >= since + limit) {
            return Err(Failure::Stalled(limit));
        }
        self.link.elapse(now)?;
        while let Some(step) = self.link.timed_out(now)? {
            self.delivery.step(step);
        }
        Ok(())
    }

    /// Ends the calls that will get no answer.
    fn abandon(&mut self) {
        while let Some(step) = self.link.abandoned() {
            self.delivery.step(step);
        }
    }

    /// Sends what there is to send, as far as the socket takes it, and reads the next message.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        match self.poll_send(context) {
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) => self.unsent_since = None,
            Poll::Pending => _ = self.unsent_since.get_or_insert_with(Instant::now),
        }
        self.socket.poll_next_unpin(context)
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        let mut sent = self.unsent_since.is_some();
        loop {
            if sent {
                ready!(self.socket.poll_flush_unpin(context))?;
            }
            let Some(record) = self.link.transmit(Instant::now()) else { return Poll::Ready(Ok(())) };
            self.socket.start_send_unpin(Message::text(record))?;
            sent = true;
        }
    }

    /// Takes a message, and those that have come with it.
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
        let message = message.map_err(|error| failure(error, self.shared.config.max_message))?;
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

    /// Tells the hub that we go, and takes what it sends until it has heard it.
    async fn say_goodbye(&mut self) {
        self.link.close();
        let goodbye = async {
            poll_fn(|context| self.poll_send(context)).await?;
            self.socket.close(None).await?;
            while let Some(Ok(message)) = self.socket.next().await {
                if self.receive_batch(Some(Ok(message))).is_err() {
                    break;
                }
            }
            Ok::<_, WsError>(())
        };
        // whether it heard us or not, we go
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
    }
}

/// What an error of the websocket means.
fn failure(error: WsError, max_message: usize) -> Failure {
    let hub = |error| Failure::Link(link::Error::Hub(error));
    match error {
        WsError::Io(error) => Failure::Lost(error),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let end = std::io::ErrorKind::UnexpectedEof;
            Failure::Lost(std::io::Error::new(end, "the hub ended it without a goodbye"))
        }
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => hub(signalr::Error::TooLarge(max_message)),
        other => hub(signalr::Error::Protocol(other.to_string())),
    }
}
