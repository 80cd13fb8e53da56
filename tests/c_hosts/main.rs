//! The library as its users have it: C programs that are linked to it or load it, against hubs.
//!
//! Every test of `stream` and `standstill` runs against two hubs: the local one, and the ASP.NET Core one of `../shared/aspnet-hub`
//! where that is there. What cannot be run here is reported as ignored, with a line that starts `NOT RUN:`.
//!
//! The programs are `tests/c/*.c`. They link to the library of this build; `SONORAN_LIBRARY` names another one.

#[cfg(unix)]
mod api;
#[cfg(unix)]
mod outbound;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod reset;
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

/// Compiled only where Cargo.toml lets the built-in harness run this file, which then finds no other test in it.
#[test]
fn needs_a_harness_of_its_own() {
    panic!("Cargo.toml needs: [[test]] name = \"c_hosts\" harness = false");
}
