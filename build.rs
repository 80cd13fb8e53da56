//! Generates `sonoran.h` from `src/ffi.rs` and sets how the shared library is linked.
//!
//! The header goes to `OUT_DIR`: a build changes no source. `cargo xtask header` copies it to `include/`, and a
//! test says when the two differ.

use std::{env, fmt::Write as _, fs, path::Path};

const FFI: &str = "src/ffi.rs";

/// Groups of constants in the header, by what their names start with.
const GROUPS: [(&str, &str); 2] = [
    ("SONORAN_E_", "Error codes: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process."),
    ("SONORAN_STATE_", "What sonoran_state returns."),
];

fn main() {
    println!("cargo:rerun-if-changed={FFI}");
    println!("cargo:rerun-if-changed=cbindgen.toml");
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

fn header() {
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
    let folder = env::var_os("OUT_DIR").expect("set by cargo");
    fs::write(Path::new(&folder).join("sonoran.h"), text).expect("OUT_DIR can be written");
}

/// The module documentation of `ffi.rs` as the comment that opens the header.
fn essays(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let body: Vec<_> = lines.map(|line| format!(" *{line}")).collect();
    format!("/**\n * @file\n{}\n */", body.join("\n"))
}

fn version_and_api() -> String {
    let part =
        |name: &str| -> u32 { env::var(name).ok().and_then(|v| v.parse().ok()).expect("set by cargo") };
    let (major, minor, patch) =
        (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"), part("CARGO_PKG_VERSION_PATCH"));
    format!(
        "
/** The version of this header; sonoran_version returns that of the loaded library. */
#define SONORAN_VERSION \"{major}.{minor}.{patch}\"
/** The same as a number: one byte each for major, minor and patch. */
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

/// The header as C programmers write it: without rustdoc's fences around what is indented anyway, and with each
/// constant on one line, in its group.
fn for_c(text: &str) -> String {
    let is_fence = |line: &&str| line.trim_start_matches([' ', '*']).starts_with("```");
    // cbindgen gives some declarations a line more
    let text = text.replace("\nSONORAN_API\n", "\nSONORAN_API ");
    let mut lines = text.lines().filter(|line| !is_fence(line)).peekable();
    let (mut out, mut comment, mut group) = (String::new(), Vec::new(), None);
    while let Some(line) = lines.next() {
        if line == "/**" || !comment.is_empty() {
            comment.push(line);
            if line != " */" {
                continue;
            }
            let constant = lines.peek().and_then(|line| line.strip_prefix("#define SONORAN_"));
            let Some((name, value)) = constant.and_then(|constant| constant.split_once(' ')) else {
                if group.take().is_some() {
                    out.push('\n');
                }
                comment.drain(..).for_each(|line| out.extend([line, "\n"]));
                continue;
            };
            let name = format!("SONORAN_{name}");
            let (prefix, heading) =
                GROUPS.iter().find(|(prefix, _)| name.starts_with(prefix)).expect("a group for it");
            match group.replace(prefix) {
                Some(before) if before == prefix => {}
                before => {
                    out.push_str(if before.is_some() { "\n" } else { "" });
                    writeln!(out, "/* {heading} */").expect("a string grows");
                }
            }
            // `#define X (-1)` can stand in any expression
            let value = if value.starts_with('-') { format!("({value})") } else { value.to_owned() };
            let about: Vec<_> = comment.drain(..).map(|line| line.trim_matches([' ', '*', '/'])).collect();
            let define = format!("#define {name} {value}");
            writeln!(out, "{define:42} /**< {} */", about.join(" ").trim()).expect("a string grows");
            lines.next();
            // the group's lines stand together
            lines.next_if(|line| line.is_empty());
            continue;
        }
        out.extend([line, "\n"]);
    }
    out
}
