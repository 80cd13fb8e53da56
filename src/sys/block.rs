//! Memory that holds texts, freed with the last of them.
//!
//! ```text
//!     head: references, size │ label: block, length │ text, NUL, padding │ label │ text ...
//! ```

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A block, a label and a text each start at a multiple of this.
const ALIGNMENT: usize = 8;

/// The start of a block.
#[repr(C, align(8))]
struct Head {
    /// Whoever holds one may use the block. The last one frees it, on whatever thread.
    references: AtomicUsize,
    /// The whole block's.
    size: usize,
}

/// What precedes each text. Nothing is ever read from the text itself, which a host may have overwritten.
#[repr(C, align(8))]
struct Label {
    block: Block,
    /// The text's, without the NUL.
    length: usize,
}

/// A block. Whoever has this need not hold a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Block(NonNull<Head>);

// SAFETY: its count is atomic, its size never changes, and the rest is for those who hold a reference.
unsafe impl Send for Block {}

impl Block {
    /// Where its first text goes.
    pub(super) const START: usize = size_of::<Head>();

    /// Returns the room that a text of this length takes.
    pub(super) fn room(length: usize) -> usize {
        (size_of::<Label>() + length + 1).next_multiple_of(ALIGNMENT)
    }

    /// Allocates a block of this size. The caller has the references.
    pub(super) fn new(size: usize, references: usize) -> Self {
        let size = size.max(Self::START);
        let Ok(layout) = Layout::from_size_align(size, ALIGNMENT) else {
            handle_alloc_error(Layout::new::<Head>())
        };
        // SAFETY: it has room for a head at least.
        let start = unsafe { alloc(layout) };
        let Some(head) = NonNull::new(start.cast::<Head>()) else { handle_alloc_error(layout) };
        // SAFETY: it is new, large enough, and aligned as a head is.
        unsafe { head.write(Head { references: AtomicUsize::new(references), size }) };
        Self(head)
    }

    /// Writes a text, its label and its NUL. Returns the text, for [`of`](Self::of) and [`bytes`](Self::bytes).
    ///
    /// # Safety
    /// The caller has a reference. `at` is [`START`](Self::START) or where the [room](Self::room) of another text
    /// ends, nobody wrote there yet, and the room for this text lies within the block.
    pub(super) unsafe fn write(self, at: usize, text: &[u8]) -> NonNull<u8> {
        let label = Label { block: self, length: text.len() };
        // SAFETY: the caller promises room, and that nobody knows of it yet. `at` keeps the alignment of a label.
        unsafe {
            let place = self.0.byte_add(at).cast::<Label>();
            place.write(label);
            let start = place.add(1).cast::<u8>();
            start.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
            start.add(text.len()).write(0);
            start
        }
    }

    /// Returns the block of a text.
    ///
    /// # Safety
    /// The text is from [`write`](Self::write), and the caller has a reference.
    pub(super) unsafe fn of(text: NonNull<u8>) -> Self {
        // SAFETY: the label stands before the text and never changes.
        unsafe { label(text).as_ref() }.block
    }

    /// Returns the bytes of a text, without its NUL.
    ///
    /// # Safety
    /// The text is from [`write`](Self::write), and the caller has a reference for as long as the bytes are used.
    pub(super) unsafe fn bytes<'a>(text: NonNull<u8>) -> &'a [u8] {
        // SAFETY: as above, and so many bytes were written.
        unsafe { std::slice::from_raw_parts(text.as_ptr(), label(text).as_ref().length) }
    }

    /// Takes one more reference.
    ///
    /// # Safety
    /// The caller has one.
    pub(super) unsafe fn refer(self) {
        // SAFETY: the reference keeps the block.
        let head = unsafe { self.0.as_ref() };
        head.references.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of references.
    ///
    /// # Safety
    /// The caller has one.
    #[cfg(test)]
    pub(super) unsafe fn references(self) -> usize {
        // SAFETY: the reference keeps the block.
        unsafe { self.0.as_ref() }.references.load(Ordering::Relaxed)
    }

    /// Returns references, and frees the block with the last one.
    ///
    /// # Safety
    /// The caller has them, at least one, and uses none of them again.
    pub(super) unsafe fn release(self, references: usize) {
        // SAFETY: the references keep the block until the count says that they are gone.
        let last =
            unsafe { self.0.as_ref() }.references.fetch_sub(references, Ordering::Release) == references;
        if last {
            // SAFETY: nobody else has a reference: the block is this thread's.
            unsafe { self.free() };
        }
    }

    /// # Safety
    /// There are no references any more.
    #[cold]
    unsafe fn free(self) {
        // SAFETY: nobody else frees it. All that other threads did with the block comes before this load.
        let size = unsafe {
            self.0.as_ref().references.load(Ordering::Acquire);
            self.0.as_ref().size
        };
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.0.as_ptr().cast(), Layout::from_size_align_unchecked(size, ALIGNMENT)) };
    }
}

/// Returns what precedes a text.
///
/// # Safety
/// The text is from [`Block::write`].
unsafe fn label(text: NonNull<u8>) -> NonNull<Label> {
    // SAFETY: that is where it was written, in the same allocation.
    unsafe { text.cast::<Label>().sub(1) }
}
