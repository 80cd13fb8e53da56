//! `sonoran.hpp` with g++, its CMake and pkg-config packages, and `examples/cpp` and `examples/plugin`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use serde_json::{Value, json};
use support::{
    control::Shape,
    hub::{Hub, Kind, Setup},
    program::{command, library},
    wait_until,
};
use testing::{attempt, folder, host, include, lacks, run, running::Running, scratch, unusable, version};

/// A folder like an unpacked release.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch("cpp-prefix");
        let binding = folder("bindings/cpp");
        for (file, place) in [
            (include().join("sonoran.h"), "include"),
            (binding.join("sonoran.hpp"), "include"),
            (binding.join("sonoran-config.cmake"), "lib/cmake/sonoran"),
            (binding.join("sonoran-config-version.cmake"), "lib/cmake/sonoran"),
            (binding.join("sonoran.pc"), "lib/pkgconfig"),
        ] {
            let place = prefix.join(place);
            fs::create_dir_all(&place).expect("it can be written");
            fs::copy(&file, place.join(file.file_name().expect("a file"))).expect("it is there");
        }
        symlink(library(), prefix.join("lib/libsonoran.so")).expect("a link can be made");
        prefix
    })
}

/// How a program gets the library.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Linking,
    Loading,
}

/// g++ with all warnings as errors.
fn gxx(arguments: &[&str]) -> Command {
    let mut gxx = Command::new("g++");
    gxx.args(["-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wold-style-cast"]);
    gxx.args(["-Werror", "-pthread", "-I"]).arg(prefix().join("include")).args(arguments);
    gxx.current_dir(folder("bindings/cpp/tests"));
    gxx
}

fn build(name: &str, by: By, arguments: &[&str]) -> PathBuf {
    let program = scratch(&format!("cpp-{name}")).join(name);
    let mut gxx = gxx(arguments);
    gxx.arg("-o").arg(&program);
    if by == By::Loading {
        gxx.args(["-DSONORAN_LOAD", "-ldl"]);
    } else {
        let lib = prefix().join("lib");
        gxx.arg("-L").arg(&lib).arg("-lsonoran").arg(format!("-Wl,-rpath,{},-z,lazy", lib.display()));
    }
    run(&mut gxx);
    program
}

/// Runs a program so that it finds the library.
fn start(program: &Path) -> Command {
    let mut command = command(program);
    command.env("SONORAN_LIBRARY", prefix().join("lib/libsonoran.so"));
    command
}

/// The host under test, built once.
fn consumer(by: By) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    let (built, name) = if by == By::Linking { (&BUILT[0], "linked") } else { (&BUILT[1], "loaded") };
    built.get_or_init(|| build(name, by, &["-std=c++17", "consumer.cpp"])).clone()
}

/// It compiles without a warning, linked and loaded, and passes its tests.
#[test]
fn api() {
    if lacks(&["g++"], "sonoran.hpp") {
        return;
    }
    let unusable = &unusable::folder_of("cpp");
    thread::scope(|scope| {
        for standard in ["-std=c++17", "-std=c++20"] {
            scope.spawn(move || {
                for exceptions in ["-fexceptions", "-fno-exceptions"] {
                    for by in [By::Linking, By::Loading] {
                        let api = build(&format!("api{standard}"), by, &[standard, exceptions, "api.cpp"]);
                        let mut api = start(&api);
                        if by == By::Loading {
                            api.arg(unusable);
                        }
                        run(&mut api);
                    }
                }
            });
        }
    });
}

/// The README's code compiles.
#[test]
fn readme() {
    if lacks(&["g++"], "bindings/cpp/README.md") {
        return;
    }
    let readme = fs::read_to_string(folder("bindings/cpp").join("README.md")).expect("README.md");
    let shown =
        readme.split("```cpp\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a piece of C++");
    let source = scratch("cpp-readme").join("readme.cpp");
    let around = "#include <string>\n#include <string_view>\nconst std::string key;\nvoid handle(std::string_view);\nvoid tick();\n";
    fs::write(&source, format!("{around}{shown}")).expect("it can be written");
    run(gxx(&["-std=c++17", "-fsyntax-only"]).arg(source));
}

/// One program may include the header in many files, and link in one what it loads in another.
#[test]
fn many_files() {
    if lacks(&["g++"], "sonoran.hpp in many files") {
        return;
    }
    let files = scratch("cpp-many-files");
    for name in ["one", "two"] {
        let source =
            format!("#include \"sonoran.hpp\"\nstd::string_view {name}() {{ return sonoran::version(); }}\n");
        fs::write(files.join(name).with_extension("cpp"), source).expect("it can be written");
    }
    let main = "#include \"sonoran.hpp\"\nstd::string_view one(), two();\nint main() { return !(one() == \
                SONORAN_VERSION && two().empty() && sonoran::version() == one()); }\n";
    fs::write(files.join("main.cpp"), main).expect("it can be written");
    for (name, load) in [("one", "-DLINK"), ("two", "-DSONORAN_LOAD")] {
        run(gxx(&["-std=c++17", "-c", load])
            .arg(files.join(name).with_extension("cpp"))
            .arg("-o")
            .arg(files.join(name)));
    }
    let [main, one, two] = ["main.cpp", "one", "two"].map(|name| files.join(name).display().to_string());
    // the objects have no extension here, so they come before `-x c++`
    let many =
        build("many", By::Linking, &["-std=c++17", &one, &two, "-x", "c++", &main, "-x", "none", "-ldl"]);
    run(&mut start(&many));
}

#[test]
fn old_library() {
    if lacks(&["g++"], "sonoran.hpp with an old library") {
        return;
    }
    let old = scratch("cpp-old");
    fs::copy(unusable::folder_of("cpp-old").join("old.so"), old.join("libsonoran.so")).expect("it was built");
    let mut linked = command(&consumer(By::Linking));
    linked.env("LD_LIBRARY_PATH", old).args(["http://127.0.0.1:1", "poll", "-"]);
    let (accepted, said) = attempt(&mut linked);
    let sentence = "the sonoran library is version 0.0.9, but this program was built for ";
    assert!(!accepted && said.contains(sentence) && said.contains(": replace the file"), "{said}");
}

#[test]
fn bytes() {
    if !lacks(&["g++"], "sonoran.hpp: events byte for byte") {
        let linked = consumer(By::Linking);
        host::bytes("C++", || start(&linked));
    }
}

#[test]
fn calls() {
    if !lacks(&["g++"], "sonoran.hpp: calls") {
        let linked = consumer(By::Linking);
        host::calls("C++", || start(&linked));
    }
}

#[test]
fn memory() {
    if !lacks(&["g++"], "sonoran.hpp: memory") {
        let loaded = consumer(By::Loading);
        host::memory("C++", || start(&loaded));
    }
}

/// The same with every access and every leak checked.
#[test]
fn address_sanitizer() {
    const CHECKS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if lacks(&["g++"], "sonoran.hpp under the address sanitizer") {
        return;
    }
    let source = scratch("cpp-leak").join("leak.cpp");
    fs::write(&source, "int main() { return new int[9] == nullptr; }\n").expect("it can be written");
    let leak =
        build("leaking", By::Linking, &[&["-O0", &source.display().to_string()], &CHECKS[..]].concat());
    assert!(!attempt(&mut start(&leak)).0, "the address sanitizer finds no leak where one is");
    let api = build("api-checked", By::Loading, &[&["-std=c++17", "api.cpp"], &CHECKS[..]].concat());
    run(start(&api).arg(unusable::folder_of("cpp-checked")));
    let checked = build("checked", By::Linking, &[&["-std=c++17", "consumer.cpp"], &CHECKS[..]].concat());
    host::bytes("C++ under the address sanitizer", || start(&checked));
}

#[test]
fn valgrind() {
    if lacks(&["g++", "valgrind"], "sonoran.hpp under valgrind") {
        return;
    }
    let linked = consumer(By::Linking);
    host::bytes("C++ under valgrind", || {
        let mut valgrind = start("valgrind".as_ref());
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        valgrind.arg("--errors-for-leak-kinds=definite,indirect").arg(&linked);
        valgrind
    });
}

#[test]
fn bench() {
    if !lacks(&["g++", "gcc"], "sonoran.hpp: what an event costs") {
        host::bench_in_c(&prefix().join("lib/libsonoran.so"));
        host::bench("C++", start(&build("bench", By::Linking, &["-std=c++17", "-O2", "bench.cpp"])));
    }
}

/// The example prints events, and Ctrl-C ends it cleanly.
fn example(program: &Path) {
    let hub = Hub::start(Kind::Local, Setup::default());
    let mut example = start(program);
    example.env("SONORAN_API_KEY", "demo-key").args(["demo", "1", &hub.url()]);
    let mut example = Running::start(&mut example);
    example.says("session", |line| line.contains(r#""type":"SESSION_READY""#));
    let body = r#"{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}"#;
    hub.push(1, body, Shape::Verbatim);
    example.says("event", |line| line == body);
    example.interrupt();
    let lines = example.finish();
    assert!(lines.iter().any(|line| line.contains(r#""type":"SESSION_CLOSED""#)), "{lines:?}");
}

/// Builds a folder with CMake, as its first line says.
fn cmake(source: &Path, build: &Path) {
    let release = format!("-DCMAKE_PREFIX_PATH={}", prefix().display());
    run(Command::new("cmake").arg("-S").arg(source).arg("-B").arg(build).arg(release));
    run(Command::new("cmake").arg("--build").arg(build));
}

#[test]
fn find_package() {
    if lacks(&["g++", "cmake"], "find_package(sonoran)") {
        return;
    }
    let built = scratch("cpp-cmake");
    cmake(&folder("examples/cpp"), &built);
    example(&built.join("sonoran_example"));
}

/// `find_package` accepts what fits, and says why everything else does not.
#[test]
fn find_package_of_a_version() {
    if lacks(&["g++", "cmake"], "find_package(sonoran VERSION)") {
        return;
    }
    let ours = version();
    let sources = scratch("cpp-probe");
    let project = "cmake_minimum_required(VERSION 3.14)\nproject(probe LANGUAGES CXX)\nfind_package(sonoran ${VERSION} REQUIRED)\n";
    fs::write(sources.join("CMakeLists.txt"), project).expect("it can be written");
    let probe = |prefix: &Path, version: &str| {
        let mut cmake = Command::new("cmake");
        cmake.arg("-S").arg(&sources).arg("-B").arg(scratch("cpp-probe-build"));
        attempt(
            cmake
                .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
                .arg(format!("-DVERSION={version}")),
        )
    };
    let minor = ours.rsplit_once('.').expect("three numbers").0;
    for version in [&ours, minor, &format!("{ours};EXACT")] {
        let (found, said) = probe(prefix(), version);
        assert!(found, "find_package(sonoran {version}): {said}");
    }
    for version in ["0.0.9", "0.99", "1.0", "99"] {
        let (found, said) = probe(prefix(), version);
        assert!(
            !found && said.contains(&format!("version: {ours}")),
            "find_package(sonoran {version}): {said}"
        );
    }
    let without = scratch("cpp-prefix-without");
    run(Command::new("cp").arg("-r").arg(prefix().join(".")).arg(&without));
    fs::remove_file(without.join("lib/libsonoran.so")).expect("it was copied");
    let (found, said) = probe(&without, "");
    assert!(!found && said.contains("libsonoran.so:"), "find_package(sonoran) without library: {said}");
}

#[test]
fn pkg_config() {
    let ours = version();
    let file = fs::read_to_string(folder("bindings/cpp").join("sonoran.pc")).expect("sonoran.pc");
    assert!(
        file.contains(&format!("\nVersion: {ours}\n")),
        "sonoran.h is of version {ours}, sonoran.pc is not"
    );
    if lacks(&["g++", "pkg-config"], "sonoran.pc") {
        return;
    }
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")).args(["--cflags", "--libs", "sonoran"]);
    let flags = run(&mut pkg_config);
    let program = scratch("cpp-packaged").join("packaged");
    let mut gxx = Command::new("g++");
    gxx.args(["-std=c++17", "-Wall", "-Werror"])
        .arg(folder("examples/cpp").join("main.cpp"))
        .arg("-o")
        .arg(&program);
    run(gxx.args(flags.split_whitespace()).arg(format!("-Wl,-rpath,{}", prefix().join("lib").display())));
    example(&program);
}

/// A host restarts a plugin a hundred times while events flow: the session outlives it, and each event comes once.
#[test]
fn plugin() {
    const RESTARTS: usize = 100;
    const BURSTS: usize = 40;
    const EVENTS: usize = 50;
    if lacks(&["g++", "cmake"], "examples/plugin") {
        return;
    }
    let built = scratch("cpp-plugin");
    cmake(&folder("examples/plugin"), &built);
    let hub = Hub::start(Kind::Local, Setup::default());
    let mut host = start(&built.join("plugin_host"));
    host.arg(built.join("plugin.so")).args([hub.options(1, json!({})), RESTARTS.to_string()]);
    let mut host = Running::start(&mut host);
    let ready = |line: &str| line.contains(r#""type":"SESSION_READY""#);
    let said = host.says("session", ready);
    assert!(said.contains(r#""resumed":false"#), "{said}");
    for burst in 1..=BURSTS {
        hub.burst(1, EVENTS);
        // spreads the events over the restarts
        host.says_often("restart", 1 + burst * RESTARTS / BURSTS, ready);
    }
    let mark = r#"{"key":"demo-key","type":"EVENT_LAST"}"#;
    hub.push(1, mark, Shape::Verbatim);
    host.says("last event", |line| line == mark);
    assert_eq!(hub.connections(1).len(), 1);
    host.interrupt();
    let lines = host.finish();
    let types =
        |kind: &str| lines.iter().filter(|line| line.contains(&format!(r#""type":"{kind}""#))).count();
    assert_eq!(types("SESSION_READY"), 1 + RESTARTS);
    assert_eq!(types("SESSION_LOST"), 0, "{lines:?}");
    let pushes = lines.iter().filter(|line| line.contains("EVENT_UNIT_STATUS"));
    let numbers = pushes.map(|line| {
        serde_json::from_str::<Value>(line).expect("JSON")["data"]["seq"].as_u64().expect("a number")
    });
    let numbers: Vec<_> = numbers.collect();
    let expected: Vec<_> = (0..BURSTS).flat_map(|_| 0..EVENTS as u64).collect();
    assert_eq!(numbers, expected, "{} different ones", numbers.iter().collect::<BTreeSet<_>>().len());
    wait_until("goodbye", || hub.connections(1).is_empty());
}
