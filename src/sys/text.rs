//! The text of an event, as host and library hold it.

use std::ffi::c_char;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::block::Block;

/// The largest block that texts share: what a host keeps that does not release one of them.
const MAX_BLOCK: usize = 16 * 1024;

/// A text that takes more than this part of a block has one of its own.
const PART: usize = 4;

/// The references of a batch to its open block, more than there can be texts in it. The count says how many are
/// held only once the block is closed; so a text costs the batch no atomic operation.
const OPEN: usize = usize::MAX / 2;

/// Text that ends with a NUL. It is held once, however many clones there are, and
/// freed with the last of them, whether the library drops it or the host releases it.
pub(crate) struct Text(NonNull<u8>);

// SAFETY: its bytes never change, and each text has a reference of its own to its block.
unsafe impl Send for Text {}
// SAFETY: as above.
unsafe impl Sync for Text {}

impl Text {
    /// Copies text into memory of its own. JSON has no NUL, nor has anything else that becomes an event: to the host it
    /// would end there.
    pub(crate) fn new(text: &str) -> Self {
        Self::alone(text.as_bytes())
    }

    fn alone(text: &[u8]) -> Self {
        let block = Block::new(Block::START + Block::room(text.len()), 1);
        // SAFETY: the block is new and has room for just this. The text gets the reference.
        Self(unsafe { block.write(Block::START, text) })
    }

    /// The size, without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the text has its reference as long as it lives.
        unsafe { Block::bytes(self.0) }
    }

    /// Gives the text to the host, which returns it to [`from_raw`](Self::from_raw).
    pub(crate) fn into_raw(self) -> *mut c_char {
        ManuallyDrop::new(self).0.cast().as_ptr()
    }

    /// Takes back what [`into_raw`](Self::into_raw) gave; none for NULL.
    ///
    /// # Safety
    /// Each pointer once.
    pub(crate) unsafe fn from_raw(text: *mut c_char) -> Option<Self> {
        NonNull::new(text.cast()).map(Self)
    }
}

impl Clone for Text {
    fn clone(&self) -> Self {
        // SAFETY: the text has a reference. The clone gets the one that is added.
        unsafe { Block::of(self.0).refer() };
        Self(self.0)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: the text has a reference, which nobody uses after this.
        unsafe { Block::of(self.0).release(1) };
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

/// A batch of texts that come and go together. Its blocks grow with it: each is as large as what came before, so that
/// a single text gets just its own memory and many get few blocks, at most half of them empty.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    open: Option<Open>,
    /// The room that the texts so far take.
    written: usize,
}

/// The block that a batch writes into.
#[derive(Debug)]
struct Open {
    block: Block,
    /// Where the next text goes.
    at: usize,
    size: usize,
    /// How many texts are in it.
    texts: usize,
}

impl Batch {
    /// Copies text. JSON has no NUL, as in [`Text::new`].
    pub(crate) fn add(&mut self, text: &str) -> Text {
        let text = text.as_bytes();
        let room = Block::room(text.len());
        if self.open.as_ref().is_none_or(|open| room > open.size - open.at) {
            let size = self.written.min(MAX_BLOCK);
            if room > size / PART {
                self.written += room;
                return Text::alone(text);
            }
            self.open = Some(Open::new(size));
        }
        self.written += room;
        match &mut self.open {
            // SAFETY: it has this room, as was just seen.
            Some(open) => unsafe { open.add(text, room) },
            None => Text::alone(text),
        }
    }

    /// Ends the batch: what comes next is another one. Nothing stays in memory but for the texts.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}

impl Open {
    fn new(size: usize) -> Self {
        Self { block: Block::new(size, OPEN), at: Block::START, size, texts: 0 }
    }

    /// # Safety
    /// There is this room, which is the text's.
    unsafe fn add(&mut self, text: &[u8], room: usize) -> Text {
        // SAFETY: the block is open, and nobody wrote behind its last text. One of the references is the text's from
        // now on.
        let start = unsafe { self.block.write(self.at, text) };
        self.at += room;
        self.texts += 1;
        Text(start)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: these are what the texts did not get. More texts than that do not fit.
        unsafe { self.block.release(OPEN - self.texts) };
    }
}

#[cfg(test)]
mod tests;
