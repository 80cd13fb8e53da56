//! C and C++ with a release: by hand, with CMake, with pkg-config, statically, for Windows; LuaJIT; and Python.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use goblin::pe::PE;

use crate::{
    commands::shell,
    consumers::{
        example::{self, Goodbye},
        unpacked::Unpacked,
    },
    process::{command, output, run},
    workspace::{VERSION, copy, files, root, sysroot, write},
};

pub(crate) fn test(release: &Unpacked) -> Result<()> {
    start(release)?;
    by_hand(release)?;
    statically(release)?;
    packages(release)?;
    installed(release)?;
    built()?;
    windows(release)?;
    rock(release)?;
    wheel(release)
}

/// The most processor time that a server's start may spend on the library, in microseconds.
const START: u64 = 5_000;

/// Measures the start. Its processor time is the same on a busy machine.
fn start(release: &Unpacked) -> Result<()> {
    write(&release.scratch.join("start.c"), include_str!("start.c"))?;
    let mut cc = command("cc");
    cc.args("-std=c99 -O2 start.c -ldl -o start".split(' ')).current_dir(&release.scratch);
    run(cc)?;
    let mut best = [u64::MAX; 2];
    for _ in 0..20 {
        let mut start = command(release.scratch.join("start"));
        start.arg(release.folder.join("lib/linux-x64/libsonoran.so"));
        let times: Vec<u64> = output(start)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        for (best, time) in best.iter_mut().zip(times) {
            *best = time.min(*best);
        }
    }
    let [clock, processor] = best;
    ensure!(
        processor <= START,
        "from dlopen to sonoran_connect the processor needs {processor} us, not {START}"
    );
    println!(
        "bench:   from dlopen to the end of sonoran_connect: {clock} us, {processor} us of them computing"
    );
    Ok(())
}

fn example(release: &Unpacked, name: &str, program: &Path) -> Result<()> {
    example::run(name, &release.hub, command(program), Goodbye::Interrupt)
}

/// Compiles the README's host with the README's command, then the example, which it runs.
fn by_hand(release: &Unpacked) -> Result<()> {
    let readme = fs::read_to_string(release.folder.join("README.md"))?;
    let code = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    write(&release.folder.join("host.c"), code.context("README.md shows no C")?)?;
    run(shell("README.md", &["cc host.c"], &release.folder)?)?;
    copy(&release.folder.join("examples/c/sonoran_demo.c"), &release.folder.join("host.c"))?;
    run(shell("README.md", &["cc host.c"], &release.folder)?)?;
    example(release, "C, by README's command", &release.folder.join("a.out"))
}

fn statically(release: &Unpacked) -> Result<()> {
    let program = release.folder.join("static");
    let mut cc = command("cc");
    cc.args(
        "examples/c/sonoran_demo.c -Iinclude lib/linux-x64/libsonoran.a -lpthread -ldl -lm -o static"
            .split(' '),
    );
    cc.current_dir(&release.folder);
    run(cc)?;
    example(release, "C, with the static library", &program)
}

fn packages(release: &Unpacked) -> Result<()> {
    let cmake = ["cmake -S examples/cpp", "cmake --build build"];
    run(shell("bindings/cpp/README.md", &cmake, &release.folder)?)?;
    example(release, "C++, by find_package", &release.folder.join("build/sonoran_example"))?;
    let by_name = ["export PKG_CONFIG_PATH", "c++ -std=c++17 examples/cpp/main.cpp"];
    run(shell("bindings/cpp/README.md", &by_name, &release.folder)?)?;
    example(release, "C++, by pkg-config", &release.folder.join("example"))
}

/// The same packages after `cargo xtask install`.
fn installed(release: &Unpacked) -> Result<()> {
    let prefix = release.scratch.join("prefix");
    let mut install = shell("README.md", &["cargo xtask install --prefix"], root())?;
    install.env("PREFIX", &prefix);
    run(install)?;
    let build = release.scratch.join("installed");
    let mut cmake = command("cmake");
    cmake.arg("-S").arg(release.folder.join("examples/cpp")).arg("-B").arg(&build);
    cmake.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    run(cmake)?;
    let mut make = command("cmake");
    make.arg("--build").arg(&build);
    run(make)?;
    example(release, "C++, by find_package, installed", &build.join("sonoran_example"))?;
    let mut shell = command("bash");
    shell.args(["-euxo", "pipefail", "-c"]).arg(
        "c++ -std=c++17 examples/cpp/main.cpp -o installed $(pkg-config --cflags --libs sonoran) \
         -Wl,-rpath,$PREFIX/lib",
    );
    shell
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
        .env("PREFIX", &prefix)
        .current_dir(&release.folder);
    run(shell)?;
    example(release, "C++, by pkg-config, installed", &release.folder.join("installed"))
}

/// Builds a single library with the README's command.
fn built() -> Result<()> {
    run(shell("README.md", &["cargo xtask build linux-musl-x64"], root())?).map(drop)
}

/// mingw's and MSVC's linkers accept the import library, and their programs import the DLL.
fn windows(release: &Unpacked) -> Result<()> {
    let mut gcc = command("x86_64-w64-mingw32-gcc");
    gcc.args("examples/c/sonoran_demo.c -Iinclude -Llib/win-x64 -lsonoran -o mingw.exe".split(' '));
    gcc.current_dir(&release.folder);
    run(gcc)?;
    asks_for_dll(&release.folder.join("mingw.exe"))?;

    let source = "#include \"sonoran.h\"\nint start(void) { return sonoran_version() == 0; }\n";
    write(&release.folder.join("start.c"), source)?;
    let mut gcc = command("x86_64-w64-mingw32-gcc");
    gcc.args("-c start.c -Iinclude -o start.obj".split(' ')).current_dir(&release.folder);
    run(gcc)?;
    let libraries = sysroot()?.join("lib");
    let lld = libraries.join("rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    ensure!(lld.is_file(), "there is no {}", lld.display());
    let mut link = command(lld);
    link.args("-flavor link /nologo /nodefaultlib /entry:start /subsystem:console /out:msvc.exe".split(' '));
    link.args(["start.obj", "lib/win-x64/sonoran.lib"]).env("LD_LIBRARY_PATH", libraries);
    link.current_dir(&release.folder);
    run(link)?;
    asks_for_dll(&release.folder.join("msvc.exe"))?;
    println!("ok       the import library, linked as mingw and as MSVC do");
    Ok(())
}

fn asks_for_dll(program: &Path) -> Result<()> {
    let bytes = fs::read(program)?;
    let libraries = PE::parse(&bytes)?.libraries;
    ensure!(libraries.contains(&"sonoran.dll"), "{} asks for {libraries:?}", program.display());
    Ok(())
}

/// The rock, installed with its README's command into a separate home.
fn rock(release: &Unpacked) -> Result<()> {
    let name = format!("sonoran-{VERSION}-1.all.rock");
    let user = release.scratch.join("lua");
    copy(&release.files.join(&name), &user.join(&name))?;
    let mut install =
        shell("bindings/lua/README.md", &["luarocks --lua-version 5.1 --local install"], &user)?;
    install.env("HOME", &user);
    run(install)?;
    let mut luajit = command("luajit");
    luajit.arg(release.folder.join("examples/lua/example.lua"));
    luajit.env("LUA_PATH", user.join(".luarocks/share/lua/5.1/?.lua"));
    luajit.env("SONORAN_LIBRARY", release.folder.join("lib/linux-x64/libsonoran.so"));
    example::run("LuaJIT, with the rock", &release.hub, luajit, Goodbye::Kill)
}

/// The wheel, installed with its README's command into a folder of its own.
fn wheel(release: &Unpacked) -> Result<()> {
    let user = release.scratch.join("python");
    for wheel in files(&release.files)? {
        if wheel.extension().is_some_and(|extension| extension == "whl") {
            copy(&release.files.join(&wheel), &user.join("wheels").join(&wheel))?;
        }
    }
    let packages = user.join("packages");
    let mut install =
        shell("bindings/python/README.md", &["python3 -m pip install --no-index"], &user.join("wheels"))?;
    install.env("PIP_TARGET", &packages);
    run(install)?;
    // Python leaves Ctrl-C ignored where it is, as in whatever a script runs in the background
    let mut python = command("env");
    python.args(["--default-signal=INT", "python3"]).arg(release.folder.join("examples/python/example.py"));
    python.env("PYTHONPATH", packages).env_remove("SONORAN_LIBRARY");
    example::run("Python, with the wheel", &release.hub, python, Goodbye::Interrupt)
}
