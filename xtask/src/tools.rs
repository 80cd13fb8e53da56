//! The programs that the steps need beyond Rust, and how to install them.

use std::{env, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::process::{cargo, command, run, succeeds};

/// A tool, the Debian packages that contain it, and the steps that need it.
struct Tool {
    /// A command in the search path, or the path of a file.
    name: &'static str,
    packages: &'static str,
    steps: &'static [&'static str],
}

const fn tool(name: &'static str, packages: &'static str, steps: &'static [&'static str]) -> Tool {
    Tool { name, packages, steps }
}

/// Which step needs what. `packages` means `cargo xtask dist`.
const TOOLS: &[Tool] = &[
    tool("git", "git", &["commands", "packages", "dist", "platforms"]),
    tool(
        "cc",
        "gcc libc6-dev",
        &["test", "dist", "bench", "demo", "page", "cpp", "lua", "python", "csharp", "fivem", "platforms"],
    ),
    tool("c++", "g++", &["test", "dist", "cpp"]),
    tool("nm", "binutils", &["test", "platforms"]),
    tool("script", "bsdutils", &["test"]),
    tool("valgrind", "valgrind", &["test", "cpp"]),
    tool("node", "nodejs", &["test", "bench", "page", "fivem"]),
    tool("npm", "npm", &["test", "bench", "page", "fivem"]),
    tool("chromium", "chromium fonts-dejavu-core", &["page"]),
    tool("xz", "xz-utils", &["test", "packages", "dist", "csharp", "testing", "fivem"]), // for ../shared/dotnet
    tool("python3", "python3", &["packages", "dist", "deny", "platforms", "python"]),
    tool("pip3", "python3-pip", &["packages", "dist", "deny", "platforms"]),
    tool("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64", &["packages", "dist", "platforms"]),
    tool("i686-w64-mingw32-gcc", "gcc-mingw-w64-i686", &["packages"]),
    tool("musl-gcc", "musl-tools", &["platforms"]),
    tool("wine", "wine wine64", &["platforms"]),
    tool("cmake", "cmake make", &["cpp", "dist"]),
    tool("pkg-config", "pkg-config", &["cpp", "csharp", "fivem", "dist"]),
    tool("unzip", "unzip", &["dist"]),
    tool("luajit", "luajit", &["test", "lua", "testing", "dist"]),
    tool("curl", "curl", &["testing"]),
    tool("lua5.4", "lua5.4", &["fivem", "dist"]),
    tool("/usr/share/lua/5.3/MessagePack.lua", "lua-messagepack", &["fivem"]),
    tool("/usr/share/lua/5.4/dkjson.lua", "lua-dkjson", &["fivem"]),
    tool("/usr/lib/x86_64-linux-gnu/lua/5.1/luv.so", "lua-luv", &["lua"]),
    tool("strace", "strace", &["lua"]),
    tool("luarocks", "luarocks", &["lua", "packages", "dist"]),
    tool("mcs", "mono-mcs", &["test", "csharp", "fivem", "dist"]),
    tool("mono", "mono-runtime", &["test", "csharp", "fivem", "dist"]),
    tool(
        "/usr/lib/mono/4.5/System.Net.Http.dll",
        "libmono-cil-dev",
        &["test", "csharp", "fivem", "packages", "dist"],
    ),
    tool("/usr/lib/pkgconfig/nunit.pc", "libnunit-cil-dev", &["csharp", "fivem"]),
];

/// Fails with advice if this step lacks a tool.
pub(crate) fn require(step: &str) -> Result<()> {
    match missing(&[step]).as_slice() {
        [] => Ok(()),
        tools => bail!("{}", advice(tools)),
    }
}

/// Installs what these steps lack, where permitted.
pub(crate) fn provide(steps: &[&str]) -> Result<()> {
    for (component, step) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if steps.contains(&step) && !cargo(&format!("{step} --version")).output()?.status.success() {
            run(with(command("rustup"), &format!("component add {component}")))?;
        }
    }
    let lacking = missing(steps);
    if lacking.is_empty() {
        return Ok(());
    }
    if is_there("apk") {
        return provide_on_alpine(&lacking);
    }
    let Some(apt) = apt() else { bail!("{}", advice(&lacking)) };
    println!("installing {}", packages(&lacking));
    run(with(apt(), "update -qq"))?;
    let install = format!("install -y -qq --no-install-recommends {}", packages(&lacking));
    run(with(apt(), &install))?;
    match missing(steps).as_slice() {
        [] => Ok(()),
        tools => bail!("apt-get reported no error, but a tool is still missing: {}", advice(tools)),
    }
}

/// The Alpine packages that the step `test` cannot do without. Its tests report what else is missing.
const ALPINE: &[(&str, &str)] =
    &[("cc", "build-base"), ("c++", "build-base"), ("nm", "build-base"), ("node", "nodejs"), ("npm", "npm")];

fn provide_on_alpine(lacking: &[&Tool]) -> Result<()> {
    let known = ALPINE.iter().filter(|(name, _)| lacking.iter().any(|tool| tool.name == *name));
    let mut add = command("apk");
    add.args(["add", "--quiet"]).args(known.map(|(_, package)| package));
    run(add).map(drop)
}

/// Whether the standard library for a target is there, or could be installed.
pub(crate) fn provide_target(target: &str) -> bool {
    let there = || {
        let output = command("rustc").args(["--print", "target-libdir", "--target", target]).output();
        output.is_ok_and(|output| {
            let folder = String::from_utf8_lossy(&output.stdout);
            Path::new(folder.trim()).read_dir().is_ok_and(|mut files| files.next().is_some())
        })
    };
    there() || (run(with(command("rustup"), &format!("target add {target}"))).is_ok() && there())
}

fn missing(steps: &[&str]) -> Vec<&'static Tool> {
    if cfg!(windows) {
        // these are Unix names; the tests report what they lack
        return Vec::new();
    }
    let needed = TOOLS.iter().filter(|tool| tool.steps.iter().any(|step| steps.contains(step)));
    needed.filter(|tool| !is_there(tool.name)).collect()
}

fn is_there(name: &str) -> bool {
    // joined to any folder, an absolute name stays as it is
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(name).is_file())
}

fn packages(tools: &[&Tool]) -> String {
    let packages: Vec<_> = tools.iter().map(|tool| tool.packages).collect();
    packages.join(" ")
}

fn advice(tools: &[&Tool]) -> String {
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    format!(
        "not installed, but needed: {}. On Debian run `apt-get install {}` as root; elsewhere use your system's \
         packages, or leave out the steps that need this with --only",
        names.join(", "),
        packages(tools)
    )
}

/// How to call apt-get, if it exists and we may.
fn apt() -> Option<fn() -> Command> {
    if !is_there("apt-get") {
        None
    } else if command("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
        Some(|| quiet(command("apt-get")))
    } else if succeeds("sudo", &["-n", "true"]) {
        Some(|| quiet(with(command("sudo"), "-n DEBIAN_FRONTEND=noninteractive apt-get")))
    } else {
        None
    }
}

fn quiet(mut apt: Command) -> Command {
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

fn with(mut command: Command, arguments: &str) -> Command {
    command.args(arguments.split(' '));
    command
}
