//! One client's WebSocket, from its handshake to its end.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{
    SinkExt, StreamExt,
    future::OptionFuture,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    select,
    time::{Instant, interval_at, sleep_until, timeout},
};

use crate::{
    journal::Kind,
    methods,
    outbox::Outbox,
    peer::Peer,
    protocol::{self, Invocation, Malformed, Record},
    shared::Shared,
};

/// Drop a client that accepts no data for this long, as Kestrel does.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Deadline for the client's answer to the WebSocket close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The last record of a conversation. `None` if the client is already gone.
type LastRecord = Option<String>;

/// Removes its client from the registry however the connection ends, even when the hub stops.
struct Membership {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        leave(&self.shared, &self.peer);
        self.shared.tickets.discard(self.peer.id());
        self.peer.end();
        self.shared.note(format_args!("{} left", self.peer.id()));
    }
}

/// Ends a client's session, if it has one.
fn leave(shared: &Shared, peer: &Arc<Peer>) {
    if let Some(session) = shared.registry.session_of(peer) {
        shared.journal.add(Kind::Session, session.server, None, format!("{} left", peer.id()));
    }
    shared.registry.leave(peer);
}

/// Serves a client until either side ends the connection.
pub(crate) async fn serve(socket: WebSocket, shared: Arc<Shared>, id: String) {
    shared.note(format_args!("{id} connected"));
    let peer = Arc::new(Peer::new(id));
    let _membership = Membership { shared: Arc::clone(&shared), peer: Arc::clone(&peer) };
    let (sink, stream) = socket.split();
    let mut inbox = Inbox { stream, bytes: Vec::new(), limit: shared.options.max_receive, jammed: false };
    let mut writer = pin!(write(&peer.outbox, sink));

    let last = shared.faults.run(async {
        select! {
            last = converse(&mut inbox, &shared, &peer) => last,
            () = peer.aborted.notified() => Some(protocol::CLOSE.to_owned()),
            () = &mut writer => None,
        }
    });
    // A restart sends no Close record.
    let Some(last) = last.await else { return };
    leave(&shared, &peer);
    if let Some(last) = last {
        peer.outbox.finish(&last);
        let farewell = async {
            writer.await;
            while inbox.stream.next().await.is_some_and(|message| message.is_ok()) {}
        };
        // A client that does not close in time is dropped.
        let _ = timeout(CLOSE_TIMEOUT, farewell).await;
    }
}

/// Writes the outbox to the socket until the outbox is finished or a write fails.
async fn write(outbox: &Outbox, mut sink: SplitSink<WebSocket, Message>) {
    while let Some(text) = outbox.take().await {
        if !matches!(timeout(SEND_TIMEOUT, sink.send(Message::Text(text.into()))).await, Ok(Ok(()))) {
            return;
        }
    }
    let close = CloseFrame { code: close_code::NORMAL, reason: Default::default() };
    // The client may be gone already.
    let _ = timeout(SEND_TIMEOUT, sink.send(Message::Close(Some(close)))).await;
}

async fn converse(inbox: &mut Inbox, shared: &Arc<Shared>, peer: &Arc<Peer>) -> LastRecord {
    let handshake = match timeout(shared.options.handshake_timeout, inbox.next()).await {
        Ok(Ok(Some(record))) => protocol::check_handshake(&record),
        Ok(Ok(None)) => return None,
        Ok(Err(Malformed)) | Err(_) => Err(protocol::HANDSHAKE_CANCELED.to_owned()),
    };
    if let Err(error) = handshake {
        return Some(protocol::handshake_refused(&error));
    }
    peer.send(protocol::HANDSHAKE_ACCEPTED).await;

    select! {
        outcome = receive(inbox, shared, peer) => match outcome {
            Ok(Left::Politely) => Some(protocol::CLOSE.to_owned()),
            Ok(Left::Silently) => None,
            Err(Malformed) => Some(protocol::CLOSE_WITH_ERROR.to_owned()),
        },
        never = keep_alive(peer, shared.options.keep_alive) => match never {},
    }
}

/// Pings at fixed intervals regardless of other traffic, as ASP.NET does.
async fn keep_alive(peer: &Peer, period: Duration) -> std::convert::Infallible {
    if period.is_zero() {
        std::future::pending::<()>().await;
    }
    let mut ticks = interval_at(Instant::now() + period, period);
    loop {
        ticks.tick().await;
        peer.offer(protocol::PING);
    }
}

enum Left {
    /// With a Close record.
    Politely,
    Silently,
}

/// Handles the client's records. Calls run one at a time and in order. While one runs and another waits, the
/// hub stops reading.
async fn receive(inbox: &mut Inbox, shared: &Arc<Shared>, peer: &Arc<Peer>) -> Result<Left, Malformed> {
    let patience = shared.options.client_timeout;
    let mut running: OptionFuture<Pin<Box<dyn Future<Output = ()> + Send>>> = None.into();
    let mut busy = false;
    let mut waiting: Option<Invocation> = None;
    let mut seen = Instant::now();
    let mut pinged = false;
    loop {
        select! {
            _ = &mut running, if busy => {
                busy = false;
                seen = Instant::now();
            }
            // Only a client that has pinged must keep pinging, and not while a call keeps the hub from reading.
            () = sleep_until(seen + patience), if pinged && !busy => return Err(Malformed),
            record = inbox.next(), if waiting.is_none() => {
                let Some(record) = record? else { return Ok(Left::Silently) };
                seen = Instant::now();
                match protocol::parse(&record)? {
                    Record::Invocation(call) => waiting = Some(call),
                    Record::Completion { id, outcome } => peer.answer(&id, outcome),
                    Record::Ping => pinged = true,
                    Record::Close => return Ok(Left::Politely),
                    Record::Ignored => {}
                    Record::Unknown => inbox.jam(record),
                }
            }
        }
        if !busy && let Some(call) = waiting.take() {
            let call = methods::answer(Arc::clone(shared), Arc::clone(peer), call);
            running = Some(Box::pin(call) as Pin<Box<dyn Future<Output = ()> + Send>>).into();
            busy = true;
        }
    }
}

/// Splits the client's messages into records, whose boundaries are unrelated.
struct Inbox {
    stream: SplitStream<WebSocket>,
    bytes: Vec<u8>,
    limit: usize,
    /// ASP.NET's parser never gets past a record of unknown type: everything after it goes unread.
    jammed: bool,
}

impl Inbox {
    /// Returns the next record, or `None` if the client is gone. The future is cancel-safe.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        loop {
            if self.jammed && self.bytes.len() > self.limit {
                return Err(Malformed);
            }
            if !self.jammed
                && let Some(record) = protocol::first_record(&self.bytes, self.limit)?
            {
                let record = record.to_vec();
                self.bytes.drain(..=record.len());
                return Ok(Some(record));
            }
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => self.bytes.extend_from_slice(text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => self.bytes.extend_from_slice(&bytes),
                // The next read answers a close.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn jam(&mut self, mut record: Vec<u8>) {
        record.append(&mut self.bytes);
        self.bytes = record;
        self.jammed = true;
    }
}
