//! F, what the library is measured against: a tokio-tungstenite client that authenticates and then counts messages.

use std::hint::black_box;

use anyhow::{Context, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::clock;

/// The argument that makes this program be F.
pub(crate) const NAME: &str = "bare";

/// `read ADDRESS EVENTS PER_MESSAGE`, `parse` with the same, `wait ADDRESS EVENTS`, `start ADDRESS`: as host.c.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let argument = |at| arguments.get(at).map(String::as_str).unwrap_or_default();
    let number = |at| argument(at).parse::<usize>().context("a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut socket = connect(argument(1)).await?;
        match argument(0) {
            "start" => println!("ready"),
            "read" => read(&mut socket, number(2)?, number(3)?, |_| Ok(())).await?,
            "parse" => read(&mut socket, number(2)?, number(3)?, parse).await?,
            "wait" => wait(&mut socket, number(2)?).await?,
            _ => anyhow::bail!("read, parse, wait or start"),
        }
        Ok(())
    })
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(address: &str) -> Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{address}/apiWsHub"), stream).await?;
    for record in [
        "{\"protocol\":\"json\",\"version\":1}\u{1e}",
        "{\"type\":1,\"invocationId\":\"1\",\"target\":\"authenticatev2\",\"arguments\":[\"c\",\"k\",1]}\u{1e}",
    ] {
        socket.send(Message::text(record)).await?;
        text(&mut socket).await?;
    }
    Ok(socket)
}

async fn text(socket: &mut Socket) -> Result<Message> {
    loop {
        let message = socket.next().await.context("the generator has left")??;
        if message.is_text() {
            return Ok(message);
        }
    }
}

async fn read(
    socket: &mut Socket,
    events: usize,
    per_message: usize,
    each: impl Fn(&str) -> Result<()>,
) -> Result<()> {
    let (mut start, mut computed) = (0, 0);
    for read in 0..events.div_ceil(per_message) {
        let message = text(socket).await?;
        each(message.to_text()?)?;
        if read == 0 {
            (start, computed) = (clock::now(), clock::process());
        }
    }
    println!("ns {} {}", clock::now() - start, clock::process() - computed);
    Ok(())
}

/// What serde_json needs to check a record and find its parts.
fn parse(message: &str) -> Result<()> {
    use serde_json::value::RawValue;
    for record in message.split_terminator('\u{1e}') {
        let record: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(record)?;
        let arguments = record.get("arguments").context("arguments")?;
        black_box(serde_json::from_str::<Vec<&RawValue>>(arguments.get())?);
    }
    Ok(())
}

async fn wait(socket: &mut Socket, events: usize) -> Result<()> {
    let mut times = Vec::with_capacity(events);
    for _ in 0..events {
        text(socket).await?;
        times.push(clock::now());
    }
    times.iter().for_each(|time| println!("at {time}"));
    Ok(())
}
