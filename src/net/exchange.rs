//! Questions and answers over a stream. What is said stands elsewhere, without IO.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::Error;

/// A conversation with a peer. It does no IO: it says what has to happen next.
pub(crate) trait Exchange {
    /// What it is for.
    type Outcome;

    /// Returns the next step after what was received, of which it takes what it has understood. `ended` says
    /// that the peer sends no more: then it returns no [`Next::Read`].
    fn next(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Next<Self::Outcome>, Error>;

    /// Returns the failure that a broken connection is.
    fn broken(&self, error: io::Error) -> Error;
}

/// What has to happen next in an exchange.
#[derive(Debug)]
pub(crate) enum Next<T> {
    /// Send this.
    Send(Vec<u8>),
    /// Receive more.
    Read,
    /// It is over.
    Done(T),
}

/// Holds an exchange. Returns its outcome, and what the peer has sent beyond it.
pub(crate) async fn hold<E: Exchange>(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut exchange: E,
) -> Result<(E::Outcome, Vec<u8>), Error> {
    let (mut received, mut ended) = (Vec::with_capacity(1024), false);
    loop {
        match exchange.next(&mut received, ended)? {
            Next::Done(outcome) => return Ok((outcome, received)),
            Next::Send(bytes) => {
                let sent = async {
                    stream.write_all(&bytes).await?;
                    stream.flush().await
                };
                sent.await.map_err(|error| exchange.broken(error))?;
            }
            Next::Read if ended => return Err(exchange.broken(io::ErrorKind::UnexpectedEof.into())),
            Next::Read => {
                let read = stream.read_buf(&mut received).await;
                ended = read.map_err(|error| exchange.broken(error))? == 0;
            }
        }
    }
}
