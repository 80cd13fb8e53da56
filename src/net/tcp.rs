//! TCP connections to one address.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop;

use crate::sys::{self, CloseOnFork};

/// How many bytes the operating system buffers for sending: few enough to notice that a slow hub still reads.
const SEND_BUFFER: usize = 64 * 1024;

/// A task's turn has 128 steps: it ends when 256 KiB were read.
const BYTES_A_STEP: usize = 2 * 1024;

/// A TCP stream that never uses vectored writes. Unlike plain ones they raise SIGPIPE when the peer is gone.
#[derive(Debug)]
pub(crate) struct Tcp {
    // dropped before the stream
    _close_on_fork: CloseOnFork,
    stream: TcpStream,
    /// The address of the other side.
    pub(crate) address: SocketAddr,
}

impl Tcp {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::from_std(begin(address)?.into())?;
        // from here on the stream is dropped after its guard, however this ends
        let tcp = Self { _close_on_fork: CloseOnFork::new(&stream), stream, address };
        tcp.stream.writable().await?;
        if let Some(error) = tcp.stream.take_error()? {
            return Err(error);
        }
        // events are small and urgent; a system that refuses still works, with a delay
        let _ = tcp.stream.set_nodelay(true);
        let _ = SockRef::from(&tcp.stream).set_send_buffer_size(SEND_BUFFER);
        Ok(tcp)
    }
}

/// A socket that is connecting.
fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if !sys::is_in_progress(&error) => Err(error),
        _ => Ok(socket),
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        spend_turn(context, buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

/// Charges the task's turn for what was read: to read much takes time that other sessions wait for, however
/// few reads it takes.
fn spend_turn(context: &mut Context<'_>, bytes: usize) {
    for _ in 0..bytes / BYTES_A_STEP {
        match coop::poll_proceed(context) {
            Poll::Ready(step) => step.made_progress(),
            Poll::Pending => return,
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
