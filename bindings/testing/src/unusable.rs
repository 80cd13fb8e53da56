//! Files that are unusable as the library, each for its own reason.

use std::{fs, path::Path, path::PathBuf, process::Command};

use crate::{folder, include, run, scratch};

/// A folder with `old.so` and `echo.so` (fakes of version 0.0.9 and 99.0.0, without sessions), `other.so` (an
/// unrelated library), `foreign.so` (for another architecture) and `text.so` (not a library).
pub fn folder_of(name: &str) -> PathBuf {
    let files = scratch(&format!("{name}-unusable"));
    for (version, file) in [("0.0.9", "old.so"), ("99.0.0", "echo.so")] {
        let mut gcc = shared(&files.join(file));
        gcc.arg("-I").arg(include()).arg(format!("-DVERSION=\"{version}\""));
        run(gcc.arg(folder("bindings/testing").join("fake.c")));
    }
    let source = files.join("other.c");
    fs::write(&source, "int other;").expect("it can be written");
    run(shared(&files.join("other.so")).arg(&source));
    let mut bytes = fs::read(files.join("other.so")).expect("it was built");
    bytes[4] = 1; // the ELF class says 32 bits
    fs::write(files.join("foreign.so"), bytes).expect("it can be written");
    fs::write(files.join("text.so"), "no library\n").expect("it can be written");
    files
}

fn shared(output: &Path) -> Command {
    let mut gcc = Command::new("gcc");
    gcc.args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(output);
    gcc
}
