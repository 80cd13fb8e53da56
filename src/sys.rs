//! What differs between operating systems: threads and signals, fork, keeping the library mapped. And the
//! memory that the host gets and returns, and what newer processors do faster.

mod block;
mod simd;
mod text;

use std::cell::Cell;
use std::hash::RandomState;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread::JoinHandle;
use std::{io, panic, thread};

use tokio::net::TcpStream;

pub(crate) use simd::Avx2;
pub(crate) use text::{Batch, Text};

/// Set in a process that is the fork of one that had connected.
static FORKED: AtomicBool = AtomicBool::new(false);

/// How many sockets a fork can close. A process that has more of them open leaves the rest to its children.
const MAX_SOCKETS: usize = 1024;

/// The open sockets: a descriptor plus one each, or 0. A fork reads them without a lock.
static SOCKETS: [AtomicI32; MAX_SOCKETS] = [const { AtomicI32::new(0) }; MAX_SOCKETS];

thread_local! {
    /// Whether this thread catches its panics.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether this process is the fork of one that had connected.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Runs `body`. A panic in it prints nothing.
pub(crate) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    struct Loud(bool);
    impl Drop for Loud {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _loud = Loud(QUIET.replace(true));
    body()
}

/// Makes the process ready for the library's threads. Only the first call does anything.
pub(crate) fn prepare_process() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        platform::watch_forks();
        platform::pin_library();
    });
}

/// Draws the random keys that all later hash tables of this thread use. If the system gives none, the first table would
/// panic.
pub(crate) fn draw_hash_keys() -> io::Result<()> {
    let drawn = panic::catch_unwind(|| quietly(|| drop(RandomState::new())));
    drawn.map_err(|_| io::Error::other("there are none at the moment"))
}

/// Starts a thread of the library. Its panics print nothing, and no signal handler of the host ever runs
/// on it: the thread inherits a mask that blocks all signals.
pub(crate) fn spawn_thread(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let _blocked = platform::SignalsBlocked::new();
    let body = move || {
        quietly(|| {
            // they are drawn again when they are needed
            let _ = draw_hash_keys();
            body();
        });
    };
    thread::Builder::new().name("sonoran".to_owned()).spawn(body)
}

/// Whether a connect that must not block has begun.
pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    platform::is_in_progress(error)
}

/// What an event loop of the host can wait on: a descriptor that is readable, or an event object that is
/// signalled, while the signal is set.
#[derive(Debug)]
pub(crate) struct Signal(platform::Signal);

impl Signal {
    /// Creates a signal that is not set.
    pub(crate) fn new() -> io::Result<Self> {
        platform::Signal::new().map(Self)
    }

    /// The descriptor or the HANDLE.
    pub(crate) fn handle(&self) -> isize {
        self.0.handle()
    }

    /// Sets it, once: it must not be set. One system call, which does not block.
    pub(crate) fn set(&self) {
        self.0.set();
    }

    /// Clears it. One system call, which does not block.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

/// Closes a forked child's copy of a stream, so that the connection ends when this process ends it.
///
/// It must be dropped before the stream: afterwards the descriptor may be another file's.
#[derive(Debug)]
pub(crate) struct CloseOnFork {
    slot: Option<&'static AtomicI32>,
}

impl CloseOnFork {
    pub(crate) fn new(stream: &TcpStream) -> Self {
        let Some(descriptor) = platform::descriptor(stream) else { return Self { slot: None } };
        let is_free = |slot: &&AtomicI32| {
            slot.compare_exchange(0, descriptor + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        Self { slot: SOCKETS.iter().find(is_free) }
    }
}

impl Drop for CloseOnFork {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            slot.store(0, Ordering::SeqCst);
        }
    }
}

#[cfg(unix)]
mod platform {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::{FORKED, Ordering, SOCKETS, TcpStream, io};

    pub(super) fn watch_forks() {
        extern "C" fn in_child() {
            FORKED.store(true, Ordering::Relaxed);
            for slot in &SOCKETS {
                let descriptor = slot.swap(0, Ordering::SeqCst) - 1;
                if descriptor >= 0 {
                    // SAFETY: the descriptor is a socket of the library, and no code of the library that
                    // uses it runs in this process.
                    unsafe { libc::close(descriptor) };
                }
            }
        }
        // a child that forks while another thread allocates can still allocate its errors' sentences
        // SAFETY: it is the first call, and the library, with the handlers, stays mapped.
        #[cfg(target_env = "musl")]
        unsafe {
            dlmalloc::enable_alloc_after_fork();
        }
        // SAFETY: the handler only uses atomics and close, and the library stays mapped.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }

    /// The linker option `-z nodelete` keeps the library mapped.
    pub(super) fn pin_library() {}

    pub(super) fn descriptor(stream: &TcpStream) -> Option<i32> {
        Some(stream.as_raw_fd())
    }

    pub(super) fn is_in_progress(error: &io::Error) -> bool {
        error.raw_os_error() == Some(libc::EINPROGRESS)
    }

    /// A byte in a pair of sockets. Neither blocks, even if the host reads what it should not.
    #[derive(Debug)]
    pub(super) struct Signal {
        waited_on: UnixStream,
        other_end: UnixStream,
    }

    impl Signal {
        pub(super) fn new() -> io::Result<Self> {
            let (waited_on, other_end) = UnixStream::pair()?;
            waited_on.set_nonblocking(true)?;
            other_end.set_nonblocking(true)?;
            Ok(Self { waited_on, other_end })
        }

        pub(super) fn handle(&self) -> isize {
            isize::try_from(self.waited_on.as_raw_fd()).unwrap_or(-1)
        }

        pub(super) fn set(&self) {
            // there is room for one byte
            let _ = (&self.other_end).write(&[1]);
        }

        pub(super) fn clear(&self) {
            let _ = (&self.waited_on).read(&mut [0; 8]);
        }
    }

    /// Blocks all signals on the calling thread until it is dropped, but for those that stand for a fault
    /// of the thread itself.
    pub(super) struct SignalsBlocked {
        before: libc::sigset_t,
    }

    impl SignalsBlocked {
        pub(super) fn new() -> Self {
            // SAFETY: sigfillset initialises the one set, pthread_sigmask the other. Only the mask of this
            // thread changes.
            unsafe {
                let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
                libc::sigfillset(&raw mut all);
                for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
                    libc::sigdelset(&raw mut all, fault);
                }
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
                Self { before }
            }
        }
    }

    impl Drop for SignalsBlocked {
        fn drop(&mut self) {
            // SAFETY: `before` is the mask that this thread had.
            unsafe {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut());
            }
        }
    }
}

#[cfg(windows)]
mod platform {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };

    use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

    use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

    use super::{TcpStream, io};

    /// A manual-reset event.
    #[derive(Debug)]
    pub(super) struct Signal(OwnedHandle);

    impl Signal {
        pub(super) fn new() -> io::Result<Self> {
            // SAFETY: no security attributes and no name are given, which the function allows.
            let event = unsafe { CreateEventW(std::ptr::null(), 1, 0, std::ptr::null()) };
            if event.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the handle is open and nobody else's.
            Ok(Self(unsafe { OwnedHandle::from_raw_handle(event) }))
        }

        pub(super) fn handle(&self) -> isize {
            self.0.as_raw_handle() as isize
        }

        pub(super) fn set(&self) {
            // SAFETY: the handle is that of an event, and open.
            unsafe { SetEvent(self.0.as_raw_handle()) };
        }

        pub(super) fn clear(&self) {
            // SAFETY: as above.
            unsafe { ResetEvent(self.0.as_raw_handle()) };
        }
    }

    /// Windows has no fork.
    pub(super) fn watch_forks() {}

    /// FreeLibrary must not unmap the code that the library's threads run.
    pub(super) fn pin_library() {
        let inside = pin_library as *const ();
        let mut module = std::ptr::null_mut();
        let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
        // SAFETY: the address lies in this module, and `module` outlives the call.
        unsafe { GetModuleHandleExW(flags, inside.cast(), &raw mut module) };
    }

    pub(super) fn descriptor(_: &TcpStream) -> Option<i32> {
        None
    }

    pub(super) fn is_in_progress(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock
    }

    /// Windows has no signals that reach other threads.
    pub(super) struct SignalsBlocked;

    impl SignalsBlocked {
        pub(super) fn new() -> Self {
            Self
        }
    }
}
