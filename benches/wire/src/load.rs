//! What a generator sends: messages that are ready before the first one goes out.

use crate::payload::{event, record};

/// The least size of a block, which is written at once.
const BLOCK: usize = 256 * 1024;

/// The least number of different events in a block.
const VARIETY: usize = 64;

/// How events become messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    units: usize,
    /// The payload is a JSON string that holds the event.
    quoted: bool,
    pub(crate) per_message: usize,
    /// The size of a message's fragments, if it has several.
    fragment: Option<usize>,
}

const PLAIN: Form = Form { name: "120 B", units: 0, quoted: false, per_message: 1, fragment: None };

/// The columns of the table.
pub(crate) const FORMS: [Form; 6] = [
    PLAIN,
    Form { name: "1 KB", units: 3, ..PLAIN },
    Form { name: "20 KB", units: 63, ..PLAIN },
    Form { name: "1 KB as a JSON string", units: 3, quoted: true, ..PLAIN },
    Form { name: "120 B, 10 records a message", per_message: 10, ..PLAIN },
    Form { name: "20 KB in 4 KiB fragments", units: 63, fragment: Some(4096), ..PLAIN },
];

/// Many messages of one form, as a server's frames.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
    per_message: usize,
}

impl Block {
    pub(crate) fn new(form: Form) -> Self {
        let (mut bytes, mut ends, mut number) = (Vec::new(), Vec::new(), 0);
        while bytes.len() < BLOCK || number < VARIETY {
            let mut message = String::new();
            for _ in 0..form.per_message {
                let event = event(number, form.units);
                let quoted = || serde_json::Value::from(event.as_str()).to_string();
                message += &record(&if form.quoted { quoted() } else { event.clone() });
                number += 1;
            }
            frames(&message, form.fragment.unwrap_or(usize::MAX), &mut bytes);
            ends.push(bytes.len());
        }
        Self { bytes, ends, per_message: form.per_message }
    }

    /// One event of about this size.
    pub(crate) fn large(size: usize) -> Self {
        let bytes = message(&record(&event(0, size / 315)));
        Self { ends: vec![bytes.len()], bytes, per_message: 1 }
    }

    /// Passes the bytes of at least this many events to `write`.
    pub(crate) fn send<E>(
        &self,
        events: usize,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let messages = events.div_ceil(self.per_message);
        for _ in 0..messages / self.ends.len() {
            write(&self.bytes)?;
        }
        match messages % self.ends.len() {
            0 => Ok(()),
            rest => write(&self.bytes[..self.ends[rest - 1]]),
        }
    }
}

/// Appends a text message in frames of at most `most` bytes.
fn frames(text: &str, most: usize, out: &mut Vec<u8>) {
    let mut pieces = text.as_bytes().chunks(most).peekable();
    let mut opcode = 1;
    while let Some(piece) = pieces.next() {
        let fin = if pieces.peek().is_none() { 0x80 } else { 0 };
        out.push(fin | opcode);
        opcode = 0;
        match (u8::try_from(piece.len()), u16::try_from(piece.len())) {
            (Ok(length @ ..126), _) => out.push(length),
            (_, Ok(length)) => {
                out.push(126);
                out.extend(length.to_be_bytes());
            }
            _ => {
                out.push(127);
                out.extend((piece.len() as u64).to_be_bytes());
            }
        }
        out.extend(piece);
    }
}

/// One text message.
pub(crate) fn message(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    frames(text, usize::MAX, &mut out);
    out
}
