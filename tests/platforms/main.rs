//! The native files as servers run them: one C program for all systems, `host.c`, loads each under its own loader.
//!
//! By default the file is this build's. `SONORAN_LIBRARIES` names a release's folder instead, with one folder per
//! .NET platform name. glibc's file then runs as it is, musl's in a folder like FXServer's, the DLL under wine, and
//! those for other processors in whatever this machine has for them. What cannot run here is reported as ignored, with a
//! line that starts with `NOT RUN:`.

mod host;
mod limits;
mod platform;
mod process;
mod program;
mod session;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

use platform::Platform;

/// A test. It panics on failure.
type Test = fn(&Platform);

/// Returns why a test cannot run on a platform, if it cannot.
type Missing = fn(&Platform) -> Option<String>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // the hosts mostly wait
    arguments.test_threads.get_or_insert(4);
    let platforms: &[Platform] = Box::leak(platform::all().into_boxed_slice());
    let mut trials = Vec::new();
    for platform in platforms {
        if !platform.library.is_file() {
            support::not_run(&format!(
                "{}: it was not built: there is no {}",
                platform.rid,
                platform.library.display()
            ));
            continue;
        }
        for (tests, missing) in [
            (session::TESTS, Platform::missing as Missing),
            (process::TESTS, Platform::missing),
            (process::UNIX_TESTS, process::no_unix),
            (limits::TESTS, limits::missing),
            (if platform.is_windows() { program::TESTS } else { &[] }, program::missing),
        ] {
            for (name, test) in tests {
                let name = format!("{}::{name}", platform.rid);
                let missing = missing(platform);
                let said = missing.as_ref().map(|missing| format!("NOT RUN: {name}: {missing}"));
                let trial = Trial::ignorable_test(name, move || {
                    if let Some(missing) = missing {
                        return Ok(Completion::ignored_with(missing));
                    }
                    test(platform);
                    Ok(Completion::Completed)
                });
                // printed now: during the run, the tests' own lines would get in between
                if let Some(said) = said.filter(|_| !arguments.list && !arguments.is_filtered_out(&trial)) {
                    eprintln!("{said}");
                }
                trials.push(trial);
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compiled only if Cargo.toml makes the built-in harness run this file, where it would find no other test.
#[test]
fn needs_a_harness_of_its_own() {
    panic!("Cargo.toml needs: [[test]] name = \"platforms\" harness = false");
}
