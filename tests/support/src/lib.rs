//! What the integration tests share: the C API as Rust calls, hubs with their remote control, and C programs.

pub mod client;
#[cfg(feature = "hub")]
pub mod control;
#[cfg(feature = "hub")]
pub mod hub;
#[cfg(feature = "hub")]
pub mod program;
#[cfg(feature = "hub")]
pub mod relay;
pub mod sequence;

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long to wait for what must happen. No verdict depends on the time it takes.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A folder for files that tests write, inside cargo's target folder.
pub fn scratch() -> PathBuf {
    // a test's program lies in `target/PROFILE/deps`
    let program = env::current_exe().expect("a test has a path");
    let folder = program.ancestors().nth(3).expect("it lies in the target folder").join("tmp");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Returns why tests that need this program cannot run here, if it is missing.
pub fn missing(program: &str) -> Option<String> {
    let there =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|path| path.join(program).is_file());
    (!there).then(|| format!("{program} is not installed; cargo xtask test installs it"))
}

/// Waits for a value.
#[track_caller]
pub fn wait_for<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}

/// Reports what this machine lacks. Writes to stderr directly, because the harness hides what a passing test
/// prints by macro.
pub fn not_run(what: &str) {
    std::io::stderr().write_all(format!("\nNOT RUN: {what}\n").as_bytes()).expect("stderr");
}
