//! What differs between operating systems: signals, fork, keeping the library mapped.

use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set in a process that is the fork of one that had connected.
static FORKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether a panic of this thread is caught by us.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether this process is the fork of one that had connected.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Runs `body`; a panic in it prints nothing, once [`prepare_process`] was called.
pub(crate) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    struct Loud(bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _loud = Loud(QUIET.replace(true));
    body()
}

/// Makes the process ready for our threads: done once, before the first of them.
pub(crate) fn prepare_process() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
        platform::watch_forks();
        platform::pin_library();
    });
}

/// Makes the calling thread, one of ours, invisible to the host's signals and its panics silent.
pub(crate) fn prepare_thread() {
    QUIET.set(true);
    platform::block_signals();
}

#[cfg(unix)]
mod platform {
    use super::{FORKED, Ordering};

    pub(super) fn watch_forks() {
        extern "C" fn in_child() {
            FORKED.store(true, Ordering::Relaxed);
        }
        // SAFETY: the handler only stores to an atomic, and the library is never unmapped from under it.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }

    /// The linker option `-z nodelete` keeps the library mapped.
    pub(super) fn pin_library() {}

    /// Blocks all signals but those that stand for a fault of the thread itself.
    pub(super) fn block_signals() {
        // SAFETY: the set is initialised by sigfillset before it is read; only this thread's mask changes.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigfillset(&raw mut set);
            for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
                libc::sigdelset(&raw mut set, fault);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        }
    }
}

#[cfg(windows)]
mod platform {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };

    /// There is no fork.
    pub(super) fn watch_forks() {}

    /// FreeLibrary must not unmap the code that our threads run.
    pub(super) fn pin_library() {
        let inside = pin_library as *const ();
        let mut module = std::ptr::null_mut();
        let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
        // SAFETY: the address lies in this module, and `module` outlives the call.
        unsafe { GetModuleHandleExW(flags, inside.cast(), &raw mut module) };
    }

    /// There are none that would reach our threads.
    pub(super) fn block_signals() {}
}
