//! The private tokio runtime: the first session starts it, `sonoran_shutdown` ends it.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::sys;

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// A runtime: one thread that runs all tasks, and further ones for work that blocks.
pub(crate) struct Running {
    handle: Handle,
    threads: Arc<Threads>,
    /// The thread of the tasks ends when this is dropped.
    stop: oneshot::Sender<()>,
}

/// Runs a task on the runtime. Starts the runtime if there is none.
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    let mut running = RUNNING.lock();
    let running = match &mut *running {
        Some(running) => running,
        none => none.insert(start()?),
    };
    Ok(running.handle.spawn(task))
}

/// Starts a thread for work that blocks. `sonoran_shutdown` waits for it.
pub(crate) fn spawn_thread(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    match &*RUNNING.lock() {
        Some(running) => running.threads.spawn(body),
        None => Err(io::Error::other("the library shuts down")),
    }
}

fn start() -> Result<Running, Error> {
    sys::prepare_process();
    let refused = |what| move |error: io::Error| Error::System { what, why: error.to_string() };
    let runtime = Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(refused("what an event loop needs"))?;
    let handle = runtime.handle().clone();
    let threads = Arc::new(Threads::default());
    let (stop, stopped) = oneshot::channel();
    let run = move || {
        let _ = runtime.block_on(stopped);
    };
    threads.spawn(run).map_err(refused("a thread"))?;
    Ok(Running { handle, threads, stop })
}

/// Takes the runtime away: the next session starts another one.
pub(crate) fn take() -> Option<Running> {
    RUNNING.lock().take()
}

impl Running {
    /// Drops the tasks that still run and waits for the threads to end.
    pub(crate) fn stop(self, timeout: Duration) -> Result<(), Error> {
        drop(self.stop);
        if self.threads.wait_ended(Instant::now() + timeout) { Ok(()) } else { Err(Error::Timeout) }
    }
}

/// The threads of a runtime.
#[derive(Debug, Default)]
struct Threads {
    /// How many run.
    running: Mutex<usize>,
    ended: Condvar,
    handles: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Threads {
    fn spawn(self: &Arc<Self>, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        *self.running.lock() += 1;
        let counted = Counted(Arc::clone(self));
        let thread = sys::spawn_thread(move || {
            let _counted = counted;
            body();
        })?;
        let mut handles = self.handles.lock();
        handles.retain(|thread| !thread.is_finished());
        handles.push(thread);
        Ok(())
    }

    /// Returns whether all threads ended in time. If so, they are gone for the operating system as well.
    fn wait_ended(&self, until: Instant) -> bool {
        let mut running = self.running.lock();
        while *running > 0 {
            if self.ended.wait_until(&mut running, until).timed_out() && *running > 0 {
                return false;
            }
        }
        // all that remains of them is the operating system's part
        for thread in self.handles.lock().drain(..) {
            let _ = thread.join();
        }
        true
    }
}

/// Counts a thread as running until it is dropped.
struct Counted(Arc<Threads>);

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.running.lock() -= 1;
        self.0.ended.notify_all();
    }
}
