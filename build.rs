//! Generates `include/sonoran.h` from `src/ffi.rs` and sets how the shared library is linked.

use std::{env, fs, path::Path};

const FFI: &str = "src/ffi.rs";
const HEADER: &str = "include/sonoran.h";

fn main() {
    println!("cargo:rerun-if-changed={FFI}");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed={HEADER}");
    link();
    warn();
    header();
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

/// Writes the header where it is part of a checkout; a packaged or vendored copy is left alone.
fn header() {
    if !Path::new(".git").exists() {
        return;
    }
    let source = fs::read_to_string(FFI).expect("src/ffi.rs is part of the crate");
    let mut config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml is valid");
    config.header = Some(essays(&source));
    config.after_includes = Some(version_and_api());
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(FFI)
        .generate()
        .expect("src/ffi.rs holds plain exported functions")
        .write(&mut text);
    let text = for_c(&String::from_utf8(text).expect("cbindgen writes UTF-8"));
    if fs::read_to_string(HEADER).ok().as_deref() != Some(&text) {
        fs::write(HEADER, text).expect("include/ can be written");
    }
}

/// The module documentation of `ffi.rs` as the comment that opens the header.
fn essays(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let body: Vec<_> = lines.map(|line| format!(" *{line}")).collect();
    format!("/*\n{}\n */", body.join("\n"))
}

fn version_and_api() -> String {
    let part =
        |name: &str| -> u32 { env::var(name).ok().and_then(|v| v.parse().ok()).expect("set by cargo") };
    let (major, minor, patch) =
        (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"), part("CARGO_PKG_VERSION_PATCH"));
    format!(
        "
/* The version of this header; sonoran_version() is that of the loaded library. */
#define SONORAN_VERSION \"{major}.{minor}.{patch}\"
#define SONORAN_VERSION_NUMBER 0x{major:02x}{minor:02x}{patch:02x}

#ifndef SONORAN_API
#  if defined(_WIN32)
#    define SONORAN_API __declspec(dllimport)
#  else
#    define SONORAN_API
#  endif
#endif
"
    )
}

/// The header as C programmers write it: without rustdoc's fences around what is indented anyway, and with
/// `#define X (-1)`, which can stand in any expression.
fn for_c(text: &str) -> String {
    let is_fence = |line: &str| line.trim_start_matches([' ', '*']).starts_with("```");
    let lines = text.lines().filter(|line| !is_fence(line));
    let lines = lines.map(|line| match line.strip_prefix("#define ").and_then(|rest| rest.split_once(' ')) {
        Some((name, value)) if value.starts_with('-') => format!("#define {name} ({value})\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}
