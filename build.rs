//! Sets how the shared library is linked.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    link();
    warn();
}

fn link() {
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // std leaves thread-exit destructors behind that live in our image: dlclose must not unmap it
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsonoran.so");
    }
}

/// Says what cargo does not say loud enough: that it will make no shared library.
fn warn() {
    let is =
        |name: &str, value: &str| env::var(name).is_ok_and(|values| values.split(',').any(|v| v == value));
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        println!(
            "cargo:warning=no libsonoran.so for musl is made this way: use `cargo xtask build linux-musl-x64`, \
             or add -C target-feature=-crt-static and a linker for musl"
        );
    }
}
