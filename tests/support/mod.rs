//! What the tests share: hubs and their remote control, C programs and what they print.

pub(crate) mod control;
pub(crate) mod hub;
pub(crate) mod program;
pub(crate) mod relay;

use std::{
    env,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long something may take that will come. Nothing is right or wrong because of the time it took.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Why what needs this program cannot be run here, if so.
pub(crate) fn missing(program: &str) -> Option<String> {
    let there =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|path| path.join(program).is_file());
    (!there).then(|| format!("{program} is not installed; cargo xtask test installs it"))
}

/// Waits until there is a value.
pub(crate) fn wait_for<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(Instant::now() < deadline, "no {what} within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(10));
    }
}
