//! Where a native file runs: its loader, the program that loads it, and how both see paths.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use support::{missing, program, root};

use crate::host::Host;

/// What runs a platform's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loader {
    /// This machine.
    Own,
    /// musl's loader with its own library path, as FXServer ships it.
    FxServer,
    Wine,
    /// Another processor: a C compiler for it, and the command that runs its programs.
    Foreign {
        compiler: &'static str,
        runner: &'static [&'static str],
    },
}

/// 32-bit programs run on the machine itself, with the C library of Debian's cross compiler.
const X86: Loader = Loader::Foreign {
    compiler: "i686-linux-gnu-gcc",
    runner: &["/usr/i686-linux-gnu/lib/ld-linux.so.2", "--library-path", "/usr/i686-linux-gnu/lib"],
};

const ARM64: Loader = Loader::Foreign {
    compiler: "aarch64-linux-gnu-gcc",
    runner: &["/usr/bin/qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
};

#[derive(Debug)]
pub(crate) struct Platform {
    /// Its .NET name.
    pub(crate) rid: &'static str,
    pub(crate) loader: Loader,
    pub(crate) library: PathBuf,
    program: OnceLock<PathBuf>,
}

/// The platforms of a release, or else this build's.
pub(crate) fn all() -> Vec<Platform> {
    let Some(libraries) = env::var_os("SONORAN_LIBRARIES").map(PathBuf::from) else {
        return vec![Platform::new(OWN, Loader::Own, program::library())];
    };
    let platform = |(rid, loader)| Platform::new(rid, loader, libraries.join(rid).join(file_name(rid)));
    let all = [
        ("linux-x64", Loader::Own),
        ("linux-musl-x64", Loader::FxServer),
        ("win-x64", Loader::Wine),
        ("linux-x86", X86),
        ("linux-arm64", ARM64),
    ];
    all.map(platform).into()
}

/// This machine's own platform.
const OWN: &str = if cfg!(windows) {
    "win-x64"
} else if cfg!(target_env = "musl") {
    "linux-musl-x64"
} else {
    "linux-x64"
};

fn file_name(rid: &str) -> &'static str {
    if rid.starts_with("win") { "sonoran.dll" } else { "libsonoran.so" }
}

impl Platform {
    fn new(rid: &'static str, loader: Loader, library: PathBuf) -> Self {
        Self { rid, loader, library, program: OnceLock::new() }
    }

    pub(crate) fn is_windows(&self) -> bool {
        self.rid.starts_with("win")
    }

    /// Returns why nothing can run on it here, if nothing can.
    pub(crate) fn missing(&self) -> Option<String> {
        // joined to any folder, an absolute path stays as it is
        let runner = match self.loader {
            Loader::Wine => Some("wine"),
            Loader::FxServer => Some(MUSL_LOADER),
            Loader::Foreign { runner, .. } => runner.first().copied(),
            Loader::Own => None,
        };
        let compiler = if cfg!(windows) { "gcc.exe" } else { self.compiler() };
        runner.into_iter().chain([compiler]).find_map(missing)
    }

    fn compiler(&self) -> &'static str {
        match self.loader {
            Loader::Own if cfg!(windows) => "gcc",
            Loader::Own => "cc",
            Loader::FxServer => "musl-gcc",
            Loader::Wine => "x86_64-w64-mingw32-gcc",
            Loader::Foreign { compiler, .. } => compiler,
        }
    }

    /// A host that has loaded the library.
    pub(crate) fn host(&self) -> Host {
        let mut host = self.empty_host();
        let loaded = host.tell(&format!("load {}", self.path(&self.library)));
        assert_eq!(
            (loaded.number, loaded.text.as_str()),
            (0, env!("CARGO_PKG_VERSION")),
            "{:?}",
            self.library
        );
        host
    }

    /// A host that has loaded nothing yet.
    pub(crate) fn empty_host(&self) -> Host {
        Host::start(self.command())
    }

    fn command(&self) -> Command {
        let program = self.program.get_or_init(|| self.prepare());
        match self.loader {
            Loader::Own => Command::new(program),
            Loader::Foreign { runner, .. } => {
                let mut command = Command::new(runner[0]);
                command.args(&runner[1..]).arg(program);
                command
            }
            Loader::FxServer => {
                // as FXServer's run.sh does
                let folder = fxserver();
                let alpine = |part: &str| format!("{}/alpine/{part}/", folder.display());
                let mut command = Command::new(folder.join("alpine/opt/cfx-server/ld-musl-x86_64.so.1"));
                command.arg("--library-path");
                command.arg(["usr/lib/v8", "lib", "usr/lib"].map(alpine).join(":"));
                command.arg("--").arg(program).current_dir(folder);
                command
            }
            Loader::Wine => {
                let mut command = wine();
                command.arg(program);
                command
            }
        }
    }

    /// The program `sonoran` beside the library. It is there on Windows alone.
    pub(crate) fn sonoran(&self) -> PathBuf {
        self.library.with_file_name("sonoran.exe")
    }

    /// That program, in the folder of the host.
    pub(crate) fn sonoran_command(&self) -> Command {
        let host = self.program.get_or_init(|| self.prepare());
        let program = host.with_file_name("sonoran.exe");
        fs::copy(self.sonoran(), &program).expect("the target folder can be written");
        let mut command = if self.loader == Loader::Wine { wine() } else { Command::new(&program) };
        if self.loader == Loader::Wine {
            command.arg(program);
        }
        command
    }

    /// A path in the platform's spelling.
    pub(crate) fn path(&self, path: &Path) -> String {
        let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.display().to_string();
        if self.loader == Loader::Wine { format!("Z:{}", path.replace('/', "\\")) } else { path }
    }

    /// Compiles the host and makes the folder that it runs in.
    fn prepare(&self) -> PathBuf {
        let folder = match self.loader {
            Loader::FxServer => fxserver().join("alpine/opt/cfx-server"),
            _ => scratch().join(self.rid),
        };
        fs::create_dir_all(&folder).expect("the target folder can be written");
        let program = folder.join(match self.loader {
            Loader::FxServer => "FXServer",
            _ if self.is_windows() => "host.exe",
            _ => "host",
        });
        compile(
            self.compiler(),
            "host.c",
            &program,
            if self.is_windows() { &[] } else { &["-ldl", "-rdynamic"] },
        );
        match self.loader {
            Loader::Own | Loader::Foreign { .. } => {}
            Loader::FxServer => {
                for part in ["usr/lib/v8", "lib", "usr/lib"] {
                    fs::create_dir_all(fxserver().join("alpine").join(part)).expect("a folder of ours");
                }
                fs::copy(MUSL_LOADER, folder.join("ld-musl-x86_64.so.1")).expect("musl's loader");
            }
            Loader::Wine => {
                let stub = folder.join("bcryptprimitives.dll");
                compile(self.compiler(), "bcryptprimitives.c", &stub, &["-shared", "-ladvapi32"]);
                start_wine(&program);
            }
        }
        program
    }
}

const MUSL_LOADER: &str = "/lib/ld-musl-x86_64.so.1";

/// A folder with the layout of FXServer for Linux.
fn fxserver() -> PathBuf {
    scratch().join("fxserver")
}

fn scratch() -> PathBuf {
    support::scratch().join("platforms")
}

fn compile(compiler: &str, source: &str, program: &Path, libraries: &[&str]) {
    let output = Command::new(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1"])
        .arg(root().join("tests/platforms").join(source))
        .arg("-o")
        .arg(program)
        .args(libraries)
        .output()
        .unwrap_or_else(|error| panic!("{compiler} is needed: {error}"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.is_empty(), "{source}:\n{text}");
}

/// Wine with its own prefix, without dialogs or messages.
fn wine() -> Command {
    let mut command = Command::new("wine");
    command
        .env("WINEPREFIX", scratch().join("wine"))
        .env("WINEDEBUG", "-all")
        // the DLL that older wines lack is beside the host
        .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=b,n");
    command
}

/// Keeps one program running. Otherwise wine's own processes would end with the last program, start again with the
/// next one, and hold its pipes open.
fn start_wine(program: &Path) {
    let quiet = |mut command: Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let status = quiet(wine()).args(["wineboot", "--init"]).stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "wine cannot make its folder");
    let keeper = quiet(wine()).arg(program).stdin(Stdio::piped()).spawn().expect("wine runs a program");
    // it ends when its stdin does, which is when this process ends
    std::mem::forget(keeper);
}
