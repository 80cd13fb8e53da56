//! The writing side of a connection: how much it took, and that its failure does not cut the reading side short.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose reading side decides when it is over: what a peer sent before it went can still be read
/// when nothing can be written any more.
#[derive(Debug)]
pub(crate) struct Outflow<S> {
    stream: S,
    taken: u64,
    /// Whether failed writes are kept for [`failure`](Self::failure) instead of being returned.
    watched: bool,
    failure: Option<io::Error>,
}

impl<S> Outflow<S> {
    /// Returns the failures of writes until it is [watched](Self::watch).
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, taken: 0, watched: false, failure: None }
    }

    pub(crate) fn watch(&mut self) {
        self.watched = true;
    }

    /// How many bytes were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Why nothing is taken any more, if so.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outflow<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outflow<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failure.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_write(context, bytes)) {
            Ok(count) => {
                self.taken += u64::try_from(count).unwrap_or(u64::MAX);
                Ok(count)
            }
            Err(error) if self.watched => {
                self.failure = Some(error);
                Ok(bytes.len())
            }
            Err(error) => Err(error),
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
