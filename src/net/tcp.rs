//! TCP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::sys::{self, CloseOnFork};

/// A TCP stream that never writes vectored: unlike a plain write, that raises SIGPIPE when the peer is
/// gone.
#[derive(Debug)]
pub(crate) struct Tcp {
    // dropped before the stream
    _close_on_fork: CloseOnFork,
    stream: TcpStream,
}

impl Tcp {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::from_std(begin(address)?.into())?;
        // the stream outlives what guards it, however this ends
        let tcp = Self { _close_on_fork: CloseOnFork::new(&stream), stream };
        tcp.stream.writable().await?;
        if let Some(error) = tcp.stream.take_error()? {
            return Err(error);
        }
        // events are small and wanted at once; a system that cannot do without the delay still works
        let _ = tcp.stream.set_nodelay(true);
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
        Pin::new(&mut self.stream).poll_read(context, buffer)
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
