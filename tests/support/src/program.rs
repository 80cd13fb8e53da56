//! C programs: compiled once, linked to the library, and run.

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    thread,
};

use crate::{root, scratch, wait_for};

/// The library's name on this system.
const FILE: &str = if cfg!(windows) { "sonoran.dll" } else { "libsonoran.so" };

/// Returns the library under test: `SONORAN_LIBRARY`, or else this build's, which cargo puts beside the
/// tests.
pub fn library() -> PathBuf {
    let ours = || env::current_exe().expect("a test has a path").with_file_name(FILE);
    let library = env::var_os("SONORAN_LIBRARY").map_or_else(ours, PathBuf::from);
    assert!(library.is_file(), "there is no {}", library.display());
    library
}

/// Returns `tests/c/NAME.c`, compiled and linked to the library.
pub fn host(name: &str) -> PathBuf {
    static COMPILED: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let source = root().join("tests/c").join(name).with_extension("c");
    let compile = || compile(&source, name, &["-std=c99"], &library());
    compiled.get_or_insert_default().entry(name.to_owned()).or_insert_with(compile).clone()
}

/// Compiles a source, with warnings as errors, and links it to a library. `SONORAN_CC` names another C
/// compiler, and may have flags.
pub fn compile(source: &Path, name: &str, language: &[&str], library: &Path) -> PathBuf {
    let folder = scratch().join("c_hosts");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let program = folder.join(name);
    let library = library.parent().expect("it lies in a folder");
    let cc = env::var("SONORAN_CC").unwrap_or_else(|_| "cc".to_owned());
    let mut cc = if language.contains(&"c++") { "c++" } else { &cc }.split(' ');
    let output = Command::new(cc.next().expect("a name"))
        .args(cc)
        .args(language)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1", "-pthread", "-I"])
        .arg(root().join("include"))
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(["-x", "none", "-lsonoran", "-ldl"])
        .output()
        .unwrap_or_else(|error| panic!("a C and a C++ compiler are needed (Debian: gcc, g++): {error}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.is_empty(), "{}:\n{text}", source.display());
    program
}

/// Returns a command without cargo's library path, which would make the program load another library than the
/// one it is linked to. `SONORAN_UNDER` names a tool, with its flags, that runs it.
pub fn command(program: &Path) -> Command {
    let under = env::var("SONORAN_UNDER").unwrap_or_default();
    let mut words = under.split_whitespace().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().unwrap_or(program.as_os_str()));
    command.args(words);
    command.env_remove("LD_LIBRARY_PATH").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a host, which must succeed and print nothing.
pub fn run(name: &str, arguments: &[&str]) {
    run_silent(command(&host(name)).args(arguments));
}

/// Runs a program, which must succeed and print nothing.
pub fn run_silent(command: &mut Command) {
    let output = finish(command.spawn().expect("a compiled program runs"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success() && text.is_empty(), "{}, and printed: {text}", output.status);
}

/// Waits for a program to end and collects the output of its remaining pipes. Kills it if it does not
/// end.
pub fn finish(child: Child) -> Output {
    let mut child = Killed(child);
    let stdout = child.0.stdout.take();
    let stderr = child.0.stderr.take();
    thread::scope(move |scope| {
        let stdout = scope.spawn(|| all(stdout));
        let stderr = scope.spawn(|| all(stderr));
        // a panic below drops and kills it in here, which closes the pipes that the readers wait for
        let mut child = child;
        let status = wait_for("end of a program", || child.0.try_wait().expect("it is our child"));
        let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().expect("a pipe can be read"));
        Output { status, stdout, stderr }
    })
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    assert!(status.expect("every Unix has it").success(), "no {name} to {process}");
}

fn all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    }
    bytes
}

/// Kills a program when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // it has ended, unless something went wrong
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
