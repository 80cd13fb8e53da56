//! Keeps the websocket codec's memory small: its buffer grows to the largest frame, and stays so.
//!
//! A large frame of the hub passes as fragments, which are the same message to the codec. Small frames,
//! and all that is wrong, pass as they are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::inflow::Inflow;

/// The largest frame that the codec sees as it is.
const WHOLE: u64 = 64 * 1024;

/// The size of the fragments of larger frames. More than [`AT_ONCE`] and a header, so that no fragment ends in the
/// middle of what was read with its header.
const FRAGMENT: u64 = 16 * 1024;

/// The most that the codec reads at once. It holds as much for each session.
pub(crate) const AT_ONCE: usize = 4 * 1024;

/// The size of the header of a large frame.
const LARGE_HEADER: usize = 10;

// of a header's two first bytes
const FIN: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
const MEDIUM: u8 = 126;
const LARGE: u8 = 127;

/// A stream of which no large frame is read.
#[derive(Debug)]
pub(crate) struct SmallFrames<S> {
    stream: Inflow<S>,
    frames: Frames,
}

impl<S> SmallFrames<S> {
    /// A stream that goes on after `begun` was read of it; the codec refuses frames larger than `most`.
    pub(crate) fn new(stream: S, begun: Vec<u8>, most: usize) -> Self {
        Self { stream: Inflow::new(stream), frames: Frames::new(begun, most) }
    }

    pub(crate) fn get_ref(&self) -> &S {
        self.stream.get_ref()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SmallFrames<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, frames } = self.get_mut();
        frames.poll_read(buffer, |buffer| stream.poll_read(context, buffer))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SmallFrames<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_shutdown(context)
    }
}

/// What is read of a websocket, frame by frame.
#[derive(Debug)]
struct Frames {
    /// The codec refuses larger frames.
    most: u64,
    /// Was read, but has not been passed on: what came with the upgrade, or the beginning of a header.
    held: Vec<u8>,
    /// A header of ours that is to be passed on.
    header: Vec<u8>,
    /// How much of the current fragment is to come, and how much of its frame after that.
    fragment: u64,
    rest: u64,
    /// Whether the frame is the last one of its message, as a bit of its header.
    fin: u8,
    /// From here on all passes as it is.
    broken: bool,
}

impl Frames {
    fn new(begun: Vec<u8>, most: usize) -> Self {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        Self { most, held: begun, header: Vec::new(), fragment: 0, rest: 0, fin: 0, broken: false }
    }

    /// Reads into `out`, where `read` reads from the stream.
    fn poll_read(
        &mut self,
        out: &mut ReadBuf<'_>,
        mut read: impl FnMut(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if self.fragment == 0 && self.rest > 0 {
            self.begin_fragment();
        }
        if !self.header.is_empty() {
            let fits = self.header.len().min(out.remaining());
            out.put_slice(&self.header.drain(..fits).collect::<Vec<_>>());
            return Poll::Ready(Ok(()));
        }
        // of a frame with further fragments not more than this one
        let most = if self.rest > 0 { usize::try_from(self.fragment).unwrap_or(AT_ONCE) } else { AT_ONCE };
        let space = out.initialize_unfilled();
        let most = most.min(AT_ONCE).min(space.len());
        let (space, _) = space.split_at_mut(most);
        let mut have = self.held.len().min(most);
        for (to, from) in space.iter_mut().zip(self.held.drain(..have)) {
            *to = from;
        }
        let passed = loop {
            let passed = self.pass(space.get_mut(..have).unwrap_or_default());
            if passed > 0 {
                self.hold(space.get(passed..have));
                break passed;
            }
            if have > 0 && have == most {
                // no room for a header, which the codec does not do
                self.broken = true;
                break have;
            }
            let mut more = ReadBuf::new(space.get_mut(have..).unwrap_or_default());
            let polled = read(&mut more);
            let count = more.filled().len();
            if !matches!(polled, Poll::Ready(Ok(()))) {
                self.hold(space.get(..have));
                return polled;
            }
            if count == 0 {
                break have;
            }
            have += count;
        };
        out.advance(passed);
        Poll::Ready(Ok(()))
    }

    fn hold(&mut self, bytes: Option<&[u8]>) {
        self.held.splice(..0, bytes.unwrap_or_default().iter().copied());
    }

    /// Looks at what was read. Returns how much of it may pass: not the beginning of a header.
    fn pass(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while let Some(bytes) = bytes.get_mut(at..).filter(|bytes| !self.broken && !bytes.is_empty()) {
            if self.fragment > 0 {
                let passes = self.fragment.min(bytes.len() as u64);
                self.fragment -= passes;
                at += passes as usize;
                continue;
            }
            let Some((size, length)) = header(bytes) else { return at };
            let [first, second, ..] = bytes else { return at };
            self.fragment = length;
            if *second & MASKED != 0 || length > self.most {
                self.broken = true;
            } else if length > WHOLE && *first & CONTROL == 0 {
                self.fin = *first & FIN;
                *first &= !FIN;
                self.fragment = FRAGMENT;
                self.rest = length - FRAGMENT;
                let field = bytes.get_mut(2..LARGE_HEADER).unwrap_or_default();
                field.copy_from_slice(&FRAGMENT.to_be_bytes());
            }
            at += size;
        }
        bytes.len()
    }

    fn begin_fragment(&mut self) {
        self.fragment = self.rest.min(FRAGMENT);
        self.rest -= self.fragment;
        let first = if self.rest == 0 { self.fin } else { 0 };
        let second = match self.fragment {
            0..=125 => self.fragment as u8,
            126..=0xffff => MEDIUM,
            _ => LARGE,
        };
        self.header.extend([first, second]);
        match second {
            MEDIUM => self.header.extend((self.fragment as u16).to_be_bytes()),
            LARGE => self.header.extend(self.fragment.to_be_bytes()),
            _ => {}
        }
    }
}

/// The size of the header that these bytes begin with, and the length of its frame; none if it goes on.
fn header(bytes: &[u8]) -> Option<(usize, u64)> {
    let short = *bytes.get(1)? & !MASKED;
    Some(match short {
        MEDIUM => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
        LARGE => (LARGE_HEADER, u64::from_be_bytes(bytes.get(2..LARGE_HEADER)?.try_into().ok()?)),
        _ => (2, short.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frames = Frames::new(Vec::new(), 0);
        frames.rest = payload.len() as u64;
        assert!(frames.rest <= FRAGMENT);
        frames.begin_fragment();
        let mut frame = std::mem::take(&mut frames.header);
        frame[0] = first;
        frame.extend_from_slice(payload);
        frame
    }

    fn large(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
        [&[first, LARGE][..], &length.to_be_bytes(), payload].concat()
    }

    /// What the codec gets of a stream that comes in pieces of up to `piece` bytes and is read with room for
    /// `room`, of which `begun` came with the upgrade.
    fn passed(stream: &[u8], begun: usize, piece: usize, room: usize, most: usize) -> Vec<u8> {
        let (begun, mut stream) = stream.split_at(begun);
        let (mut frames, mut out) = (Frames::new(begun.to_vec(), most), Vec::new());
        let (mut turn, mut ended) = (0, false);
        loop {
            let mut space = vec![0; room];
            let mut buffer = ReadBuf::new(&mut space);
            let polled = frames.poll_read(&mut buffer, |buffer| {
                turn += 1;
                if turn % 3 == 0 {
                    return Poll::Pending;
                }
                let (now, later) = stream.split_at(piece.min(buffer.remaining()).min(stream.len()));
                ended = now.is_empty();
                buffer.put_slice(now);
                stream = later;
                Poll::Ready(Ok(()))
            });
            match polled {
                Poll::Pending => assert!(buffer.filled().is_empty()),
                _ if buffer.filled().is_empty() => break,
                _ => out.extend_from_slice(buffer.filled()),
            }
        }
        assert!(ended && stream.is_empty(), "that was no end");
        out
    }

    /// The frames in it, whole messages put together again.
    fn messages(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let (mut messages, mut begun) = (Vec::new(), None::<(u8, Vec<u8>)>);
        while let Some((size, length)) = header(bytes) {
            assert!(length <= WHOLE, "{length}");
            let (first, end) = (bytes[0], size + length as usize);
            let payload = &bytes[size..end];
            let (opcode, mut message) = match (first & 0x0f, &mut begun) {
                (0, begun) => begun.take().expect("something goes on"),
                (opcode, _) => (opcode, Vec::new()),
            };
            message.extend_from_slice(payload);
            if first & FIN != 0 {
                messages.push((opcode, message));
            } else {
                begun = Some((opcode, message));
            }
            bytes = &bytes[end..];
        }
        assert!(bytes.is_empty() && begun.is_none());
        messages
    }

    #[test]
    fn large_frames_pass_as_fragments_and_small_ones_as_they_are() {
        let payload: Vec<u8> = (0..700_000_u32).map(|at| (at % 251) as u8).collect();
        let exact = WHOLE as usize;
        let small = [
            frame(0x81, b"one"),
            frame(0x89, b""),
            frame(0x82, &payload[..200]),
            frame(0x81, &payload[..10_000]),
            large(0x81, WHOLE, &payload[..WHOLE as usize]),
        ]
        .concat();
        let stream = [
            small.clone(),
            large(0x81, 700_000, &payload),
            frame(0x8a, b"pong"),
            large(0x82, WHOLE, &payload[..exact]),
            large(0x82, WHOLE + 1, &payload[..=exact]),
            // a message in fragments of the hub's own
            large(0x01, 600_000, &payload[..600_000]),
            frame(0x89, b"between"),
            large(0x80, 300_000, &payload[..300_000]),
        ]
        .concat();
        let expected: Vec<(u8, Vec<u8>)> = vec![
            (1, b"one".to_vec()),
            (9, Vec::new()),
            (2, payload[..200].to_vec()),
            (1, payload[..10_000].to_vec()),
            (1, payload[..WHOLE as usize].to_vec()),
            (1, payload.clone()),
            (10, b"pong".to_vec()),
            (2, payload[..exact].to_vec()),
            (2, payload[..=exact].to_vec()),
            (9, b"between".to_vec()),
            (1, [&payload[..600_000], &payload[..300_000]].concat()),
        ];
        for (begun, piece, room) in [
            (0, usize::MAX, AT_ONCE),
            (stream.len(), usize::MAX, AT_ONCE),
            (5, 1000, 14),
            (1, 7, 4096),
            (200_000, 131_072, 300_000),
            (0, 65_537, 10),
        ] {
            let out = passed(&stream, begun, piece, room, 1 << 20);
            assert_eq!(out[..small.len()], small, "as they are");
            let messages = messages(&out);
            let sizes =
                |messages: &[(u8, Vec<u8>)]| messages.iter().map(|(_, text)| text.len()).collect::<Vec<_>>();
            assert_eq!(sizes(&messages), sizes(&expected), "{begun} {piece} {room}");
            assert!(messages == expected, "{begun} {piece} {room}");
        }
    }

    #[test]
    fn what_came_with_the_upgrade_waits_for_nothing() {
        let stream = frame(0x88, b"\x03\xe8");
        let mut frames = Frames::new(stream.clone(), 1000);
        let mut space = [0; 100];
        let mut buffer = ReadBuf::new(&mut space);
        assert!(frames.poll_read(&mut buffer, |_| Poll::Pending).is_ready());
        assert_eq!(buffer.filled(), stream);
        assert!(frames.poll_read(&mut buffer, |_| Poll::Pending).is_pending());
    }

    #[test]
    fn what_the_codec_refuses_passes_as_it_is() {
        for wrong in [
            large(0x81, 1 << 63, b"x"),
            large(0x81, 600_000, b"as large as that"),
            [&[0x81, MASKED | LARGE][..], &500_000_u64.to_be_bytes(), b"masked"].concat(),
            large(0x89, 300_000, b"a ping"),
            vec![0x81, LARGE, 0, 0],
        ] {
            let stream = [frame(0x81, b"well"), wrong].concat();
            assert_eq!(passed(&stream, 0, 5, 4096, 500_000), stream);
        }
    }
}
