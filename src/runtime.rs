//! The private tokio runtime: started by the first session, ended by `sonoran_shutdown`.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::sys;

/// How many host names are resolved at once: a resolver that hangs holds a thread each.
const RESOLVERS: usize = 16;

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// A runtime and how many of its threads run.
pub(crate) struct Running {
    runtime: Runtime,
    threads: Arc<AtomicUsize>,
}

/// Runs a task on the runtime, which is started if it is not there.
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    let mut running = RUNNING.lock();
    let running = match &mut *running {
        Some(running) => running,
        none => none.insert(start()?),
    };
    Ok(running.runtime.spawn(task))
}

fn start() -> Result<Running, Error> {
    sys::prepare_process();
    let refused = |why: String| Error::System { what: "a thread", why };
    let threads = Arc::new(AtomicUsize::new(0));
    let (started, stopped) = (Arc::clone(&threads), Arc::clone(&threads));
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .max_blocking_threads(RESOLVERS)
        .thread_name("sonoran")
        .on_thread_start(move || {
            started.fetch_add(1, Ordering::Relaxed);
            sys::prepare_thread();
        })
        .on_thread_stop(move || _ = stopped.fetch_sub(1, Ordering::Relaxed))
        .enable_io()
        .enable_time();
    // tokio panics where the operating system has no thread left
    let runtime = catch_unwind(AssertUnwindSafe(|| builder.build()))
        .map_err(|_| refused("no more threads for this process".to_owned()))?
        .map_err(|error| refused(error.to_string()))?;
    Ok(Running { runtime, threads })
}

/// Takes the runtime away: the next session starts another one.
pub(crate) fn take() -> Option<Running> {
    RUNNING.lock().take()
}

impl Running {
    /// Waits for the threads to end; tasks that still run are dropped.
    pub(crate) fn stop(self, timeout: Duration) -> Result<(), Error> {
        self.runtime.shutdown_timeout(timeout);
        if self.threads.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Error::Timeout) }
    }
}
