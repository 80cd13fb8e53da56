//! The reading side of a connection: much at once while much comes, and no memory while little does.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// The most that is read at once.
const AT_ONCE: usize = 64 * 1024;

/// A stream whose reader has little room and wants to make few system calls.
#[derive(Debug)]
pub(crate) struct Inflow<S> {
    stream: S,
    /// Was read, but has not been passed on from `at`. Has room while the stream has more than the reader.
    ahead: Vec<u8>,
    at: usize,
    /// Whether the last read filled all the room that it had.
    filled: bool,
}

impl<S> Inflow<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::new(), at: 0, filled: false }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> Inflow<S> {
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.ahead.len() && self.filled {
            self.at = 0;
            self.ahead.clear();
            self.ahead.reserve(AT_ONCE);
            let read = pin!(self.stream.read_buf(&mut self.ahead)).poll(context);
            let count = match read {
                Poll::Ready(Ok(count)) => count,
                waits_or_failed => {
                    self.rest();
                    return waits_or_failed.map_ok(drop);
                }
            };
            self.filled = count > buffer.remaining();
        }
        if let Some(ahead) = self.ahead.get(self.at..).filter(|ahead| !ahead.is_empty()) {
            let (passed, _) = ahead.split_at(ahead.len().min(buffer.remaining()));
            buffer.put_slice(passed);
            self.at += passed.len();
            return Poll::Ready(Ok(()));
        }
        self.rest();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.filled = buffer.remaining() == 0;
        Poll::Ready(Ok(()))
    }

    /// Gives the memory back.
    fn rest(&mut self) {
        (self.ahead, self.at, self.filled) = (Vec::new(), 0, false);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A stream of which each read returns the next of these pieces, or what fits of it.
    struct Pieces(Vec<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Some(piece) = self.0.first_mut() else { return Poll::Pending };
            let fits = piece.len().min(buffer.remaining());
            buffer.put_slice(&piece.drain(..fits).collect::<Vec<_>>());
            if piece.is_empty() {
                self.0.remove(0);
            }
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn all_comes_in_order_and_memory_is_held_only_while_much_comes() {
        let bytes = |count: usize| (0..count).map(|at| (at % 251) as u8).collect::<Vec<_>>();
        let pieces =
            vec![bytes(5), bytes(100), bytes(300_000), bytes(7), bytes(99), bytes(64 * 1024), bytes(1)];
        let expected = pieces.concat();
        let (mut inflow, mut got, mut most) = (Inflow::new(Pieces(pieces)), Vec::new(), 0);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut space = [0; 100];
            let mut buffer = ReadBuf::new(&mut space);
            if inflow.poll_read(&mut context, &mut buffer).is_pending() {
                break;
            }
            assert!(!buffer.filled().is_empty());
            got.extend_from_slice(buffer.filled());
            most = most.max(inflow.ahead.capacity());
        }
        assert!(got == expected);
        assert!((AT_ONCE..2 * AT_ONCE).contains(&most), "{most}");
        assert_eq!(inflow.ahead.capacity(), 0, "it waits");
    }
}
