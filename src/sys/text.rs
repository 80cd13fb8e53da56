//! The text of an event, as host and library hold it.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::sync::Arc;

/// Text that ends with a NUL and contains no other. It is held once, however many clones there are, and
/// freed with the last of them, whether the library drops it or the host releases it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(Arc<[u8]>);

impl Text {
    /// Copies text. JSON has no NUL, nor has anything else that becomes an event: it would end here.
    pub(crate) fn new(text: &str) -> Self {
        let end = memchr::memchr(0, text.as_bytes()).unwrap_or(text.len());
        let mut copy = Arc::<[u8]>::new_uninit_slice(end + 1);
        if let Some(room) = Arc::get_mut(&mut copy) {
            let start = room.as_mut_ptr().cast::<u8>();
            // SAFETY: `room` is new, so it does not overlap with the text, of which `end` bytes fit with the NUL.
            unsafe {
                start.copy_from_nonoverlapping(text.as_ptr(), end);
                start.add(end).write(0);
            }
        }
        // SAFETY: it has just been written, for what nobody shares yet has room that can be changed.
        Self(unsafe { copy.assume_init() })
    }

    /// The size, without the NUL.
    pub(crate) fn len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.0.get(..self.len()).unwrap_or_default()).unwrap_or_default()
    }

    /// Gives the text to the host, which returns it to [`from_raw`](Self::from_raw).
    pub(crate) fn into_raw(self) -> *mut c_char {
        Arc::into_raw(self.0).cast::<c_char>().cast_mut()
    }

    /// Takes back what [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    /// Each pointer once, and nobody has written to what it points to.
    pub(crate) unsafe fn from_raw(text: *mut c_char) -> Self {
        // SAFETY: the text is as it was made, with the only NUL at its end.
        let length = unsafe { CStr::from_ptr(text) }.count_bytes() + 1;
        // SAFETY: this is the pointer of into_raw with the length that the text had there.
        Self(unsafe { Arc::from_raw(std::ptr::slice_from_raw_parts(text.cast::<u8>().cast_const(), length)) })
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_once_and_freed_with_its_last_holder() {
        for text in ["", "x", "{\"type\":\"EVENT_911\"}", &"y".repeat(3_000_000)] {
            let first = Text::new(text);
            let (second, memory) = (first.clone(), Arc::downgrade(&first.0));
            assert_eq!((first.len(), first.as_str()), (text.len(), text));
            let (one, other) = (first.into_raw(), second.into_raw());
            assert_eq!(one, other);
            // SAFETY: it is NUL-terminated, and held twice.
            assert_eq!(unsafe { CStr::from_ptr(one) }.to_str(), Ok(text));
            // SAFETY: each was given once.
            drop(unsafe { Text::from_raw(one) });
            assert_eq!(memory.strong_count(), 1);
            // SAFETY: as above.
            let last = unsafe { Text::from_raw(other) };
            assert_eq!(last.as_str(), text);
            drop(last);
            assert_eq!(memory.strong_count(), 0);
        }
    }

    #[test]
    fn a_text_ends_where_c_says() {
        assert_eq!(Text::new("one\0two"), Text::new("one"));
    }
}
