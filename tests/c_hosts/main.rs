//! The library as its users see it: C programs that link to it or load it, against hubs.
//!
//! Every test of `stream`, `standstill` and `readers` runs against two hubs: the local one and, where
//! `../shared/aspnet-hub` exists, ASP.NET Core's. A test that cannot run here is reported as ignored, with a line that
//! starts with `NOT RUN:`.
//!
//! The programs are `tests/c/*.c`. They link to this build's library; `SONORAN_LIBRARY` names another one.

#[cfg(unix)]
mod api;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod outbound;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod readers;
#[cfg(unix)]
mod reset;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(unix)]
mod standstill;
#[cfg(unix)]
mod stream;
#[cfg(unix)]
mod suite;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    suite::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("NOT RUN: the C hosts: they are programs for Unix");
}

/// Compiled only if Cargo.toml makes the built-in harness run this file, where it would find no other test.
#[test]
fn needs_a_harness_of_its_own() {
    panic!("Cargo.toml needs: [[test]] name = \"c_hosts\" harness = false");
}
