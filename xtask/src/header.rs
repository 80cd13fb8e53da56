//! `cargo xtask header`: generates `include/sonoran.h` from `src/ffi.rs`. A test says when the two differ.

use std::{fmt::Write as _, fs, process::ExitCode};

use anyhow::{Context, Error, Result, bail};
use cbindgen::{Builder, Config};

use crate::workspace::{VERSION, root, write};

const FFI: &str = "src/ffi.rs";

const HEADER: &str = "include/sonoran.h";

/// Groups of constants in the header, by what their names start with.
const GROUPS: [(&str, &str); 2] = [
    ("SONORAN_E_", "Error codes: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process."),
    ("SONORAN_STATE_", "What sonoran_state returns."),
];

pub(crate) fn run() -> Result<ExitCode> {
    write(&root().join(HEADER), generated()?)?;
    Ok(ExitCode::SUCCESS)
}

/// The header as `src/ffi.rs` has it.
fn generated() -> Result<String> {
    let source = fs::read_to_string(root().join(FFI))?;
    let mut config = Config::from_file(root().join("cbindgen.toml")).map_err(Error::msg)?;
    config.header = Some(essays(&source));
    config.after_includes = Some(version_and_api()?);
    let header = Builder::new().with_config(config).with_src(root().join(FFI)).generate();
    let mut text = Vec::new();
    header.with_context(|| format!("{FFI} holds what no header can say"))?.write(&mut text);
    Ok(for_c(&String::from_utf8(text)?))
}

/// The module documentation of `ffi.rs` as the comment that opens the header.
fn essays(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let body: Vec<_> = lines.map(|line| format!(" *{line}")).collect();
    format!("/**\n * @file\n{}\n */", body.join("\n"))
}

fn version_and_api() -> Result<String> {
    let parts: Vec<u8> = VERSION.split('.').map(str::parse).collect::<Result<_, _>>()?;
    let [major, minor, patch] = parts[..] else { bail!("{VERSION} is not major.minor.patch") };
    Ok(format!(
        "
/** The version of this header; sonoran_version returns that of the loaded library. */
#define SONORAN_VERSION \"{VERSION}\"
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
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_current() {
        let generated = generated().expect("src/ffi.rs holds plain exported functions");
        let header = fs::read_to_string(root().join(HEADER)).expect("the header");
        let differs = generated.lines().zip(header.lines()).find(|(generated, header)| generated != header);
        assert!(
            generated == header,
            "{HEADER} is not what {FFI} says: run `cargo xtask header`. First difference: {differs:?}"
        );
    }
}
