//! The C# binding and its example on Mono and on .NET, each with its own test runner; its package; and the C# of
//! README.md.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::json;
use support::{
    control::Shape,
    hub::{Hub, Kind, Setup},
    not_run,
    program::{command, library},
};
use testing::{folder, include, lacks, program, run, running::Running, say, scratch, version};

const MONO: &[&str] = &["mono", "mcs"];

/// The hub that the tests in C# start.
fn hub_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(hub) = env::var_os("SONORAN_HUB") {
            return PathBuf::from(hub);
        }
        run(Command::new(env!("CARGO"))
            // like these tests, and with --examples counted among them: other features would compile everything anew
            .args(["build", "--quiet", "--workspace", "--examples", "--bin", "sonoran-hub"])
            .current_dir(folder(".")));
        support::scratch().with_file_name("debug").join("sonoran-hub")
    };
    BUILT.get_or_init(build).clone()
}

/// The documented events are beside the checkout; without them, the local hub's events replace them.
fn fixtures() -> String {
    let files =
        fs::read_dir(support::root().join("../shared/fixtures")).into_iter().flatten().map_while(Result::ok);
    let files: Vec<_> = files.map(|file| file.path().display().to_string()).collect();
    if files.is_empty() {
        folder("hub/src").join("events.jsonl").display().to_string()
    } else {
        files.join(":")
    }
}

/// Runs tests in C# and prints their results. At least one must run.
fn run_tests(tests: &mut Command, ran: impl Fn(&str) -> bool) {
    tests
        .env("SONORAN_LIBRARY", library())
        .env("SONORAN_HUB", hub_program())
        .env("SONORAN_INCLUDE", include());
    let said = run(tests.env("SONORAN_FIXTURES", fixtures()).env("TMPDIR", scratch("csharp-files")));
    for line in said.lines().filter(|line| line.starts_with("bench:") || line.starts_with("csharp")) {
        say(line);
    }
    assert!(said.lines().any(ran), "no test has run:\n{said}");
}

/// The sources of the binding.
const BINDING: &str = "src/*.cs";

/// Mono's compiler with all warnings as errors, run in the binding's folder. It expands `*` itself.
fn mcs(output: &Path, arguments: &[&str]) {
    let mut mcs = program("mcs", &folder("bindings/csharp"));
    mcs.args(["-langversion:7.2", "-unsafe", "-warnaserror"]).arg(format!("-out:{}", output.display()));
    run(mcs.args(arguments));
}

/// A .NET SDK: the machine's, or the one beside the checkout.
fn dotnet() -> Option<PathBuf> {
    let listed = Command::new("dotnet").arg("--list-sdks").output();
    let ours = listed
        .is_ok_and(|sdks| String::from_utf8_lossy(&sdks.stdout).lines().any(|line| line.starts_with("10.")));
    let beside = support::root().join("../shared/dotnet/dotnet.sh");
    if ours { Some("dotnet".into()) } else { beside.canonicalize().ok() }
}

fn dotnet_or_say(part: &str) -> Option<PathBuf> {
    let dotnet = dotnet();
    if dotnet.is_none() {
        not_run(&format!("{part}: there is no .NET SDK 10 (https://dot.net)"));
    }
    dotnet
}

/// Every function of the header is bound, and every version is the header's.
#[test]
fn consistency() {
    let header = fs::read_to_string(include().join("sonoran.h")).expect("sonoran.h");
    let api = fs::read_to_string(folder("bindings/csharp/src").join("NativeApi.cs")).expect("NativeApi.cs");
    for declaration in header.split("\nSONORAN_API ").skip(1) {
        let head = declaration.split('(').next().expect("a head");
        let name = head.rsplit([' ', '*']).next().expect("a name");
        // one thread waits for all sessions, through sonoran_wait_any
        if name == "sonoran_wait_event" {
            continue;
        }
        assert!(api.contains(&format!("\"{name}\"")), "NativeApi.cs does not bind {name} of sonoran.h");
    }
    let version = version();
    for (file, written) in [
        ("bindings/csharp/src/Sonoran.csproj", format!("<Version>{version}<")),
        ("examples/fivem/sonoran/fxmanifest.lua", format!("version '{version}'")),
        ("examples/csharp/Example.csproj", format!("Version=\"{version}\"")),
    ] {
        let text = fs::read_to_string(folder(".").join(file)).expect("a file of the repository");
        assert!(text.contains(&written), "{file} is not of version {version}, as sonoran.h is");
    }
}

#[test]
fn mono() {
    if lacks(MONO, "C# on Mono") || lacks(&["pkg-config"], "C# on Mono") {
        return;
    }
    let built = scratch("csharp-mono");
    let tests = built.join("tests.exe");
    mcs(&tests, &["-pkg:nunit", "-r:System.Net.Http.dll", BINDING, "tests/*.cs", "tests/mono/*.cs"]);
    run_tests(command("mono".as_ref()).arg(tests), |line| {
        line.starts_with("Tests run: ") && !line.starts_with("Tests run: 0")
    });
}

#[test]
fn net() {
    let Some(dotnet) = dotnet_or_say("C# on .NET") else { return };
    let mut tests = program(dotnet.to_str().expect("a path"), &folder("bindings/csharp"));
    tests.args([
        "test",
        "tests/Sonoran.Tests.csproj",
        "-c",
        "Release",
        "-v",
        "q",
        "--logger",
        "console;verbosity=normal",
    ]);
    run_tests(&mut tests, |line| line.trim_start().starts_with("Passed:"));
}

/// It prints an event, and Enter ends it cleanly. `beside`: it finds the library by itself.
fn example(mut example: Command, beside: bool) {
    let hub = Hub::start(Kind::Local, Setup::default());
    example.env("SONORAN_API_KEY", "demo-key").args(["demo", "1", &hub.url()]);
    if beside {
        example.env_remove("SONORAN_LIBRARY");
    } else {
        example.env("SONORAN_LIBRARY", library());
    }
    let mut example = Running::start(&mut example);
    example.says("session", |line| line.contains("SESSION_READY"));
    hub.push(1, r#"{"key":"demo-key","type":"EVENT_911","data":7}"#, Shape::Verbatim);
    example.says("event", |line| line.contains("EVENT_911"));
    example.tell("");
    let lines = example.finish();
    assert!(lines.iter().any(|line| line.contains("SESSION_CLOSED")), "{lines:?}");
}

#[test]
fn example_on_mono() {
    if lacks(MONO, "examples/csharp on Mono") {
        return;
    }
    let program = scratch("csharp-example").join("example.exe");
    mcs(&program, &["../../examples/csharp/Program.cs", BINDING]);
    let mut mono = command("mono".as_ref());
    mono.arg(program);
    example(mono, false);
}

#[test]
fn example_on_net() {
    let Some(dotnet) = dotnet_or_say("examples/csharp on .NET") else { return };
    let source = folder("examples/csharp");
    let built = scratch("csharp-example-net");
    run(command(&dotnet).arg("build").arg(source.join("Example.csproj")).args(["-v", "q", "-o"]).arg(&built));
    let mut run = command(&dotnet);
    run.arg(built.join("Example.dll"));
    example(run, false);
}

/// A new project installs the package and finds the library in it, with each of its builds.
#[test]
fn package() {
    let Some(dotnet) = dotnet_or_say("the package of the C# binding") else { return };
    let version = version();
    let [feed, user, native] = ["feed", "user", "runtimes/linux-x64/native"].map(|name| {
        scratch("csharp-package").parent().expect("a folder").join("csharp-package-of").join(name)
    });
    for folder in [&feed, &user, &native] {
        // they may be left from the last run
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).expect("it can be written");
    }
    fs::copy(library(), native.join("libsonoran.so")).expect("it can be copied");
    let runtimes = native.ancestors().nth(2).expect("a folder");
    let mut pack = command(&dotnet);
    pack.arg("pack")
        .arg(folder("bindings/csharp/src").join("Sonoran.csproj"))
        .args(["-v", "q", "-o"])
        .arg(&feed);
    run(pack.arg(format!("-p:SonoranRuntimes={}/", runtimes.display())));

    fs::copy(folder("examples/csharp").join("Program.cs"), user.join("Program.cs"))
        .expect("it can be copied");
    let project = format!(
        r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageReference Include="Sonoran.Events" Version="{version}" /></ItemGroup>
</Project>
"#
    );
    fs::write(user.join("User.csproj"), project).expect("it can be written");
    let beside = support::root().join("../shared/dotnet/packages");
    let sources = match beside.canonicalize() {
        Ok(packages) => format!("-p:RestoreSources=\"{};{}\"", feed.display(), packages.display()),
        Err(_) => format!("-p:RestoreAdditionalProjectSources={}", feed.display()),
    };
    let [out, packages] = ["out", "packages"].map(|name| user.join(name));
    let mut build = command(&dotnet);
    build.arg("build").arg(user.join("User.csproj")).args(["-v", "q", "-o"]).arg(&out).arg(sources);
    // a separate cache, because the package's version is the same each time
    run(build.arg(format!("-p:RestorePackagesPath={}", packages.display())));
    let assembly = |framework: &str| {
        packages.join("sonoran.events").join(&version).join("lib").join(framework).join("Sonoran.dll")
    };
    let shipped = out.join("runtimes/linux-x64/native/libsonoran.so");
    assert!(fs::read(shipped).expect("it is shipped") == fs::read(library()).expect("it is there"));
    for framework in ["net8.0", "netstandard2.0"] {
        fs::copy(assembly(framework), out.join("Sonoran.dll")).expect(framework);
        let mut run = command(&dotnet);
        run.arg(out.join("User.dll"));
        example(run, true);
    }
}

/// README.md's C# without a binding.
#[test]
fn ten_lines() {
    if lacks(MONO, "README.md: P/Invoke") {
        return;
    }
    let readme = fs::read_to_string(folder(".").join("README.md")).expect("README.md");
    let program =
        readme.split("```csharp\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a C# program");
    let built = scratch("csharp-ten-lines");
    fs::write(built.join("Program.cs"), program).expect("it can be written");
    let [source, output] = ["Program.cs", "program.exe"].map(|name| built.join(name));
    mcs(&output, &[source.to_str().expect("a path")]);
    let hub = Hub::start(Kind::Local, Setup::default());
    let mut mono = command("mono".as_ref());
    mono.env("LD_LIBRARY_PATH", library().parent().expect("it lies in a folder"));
    // a console writes in the machine's encoding
    mono.env("LC_ALL", "C.UTF-8");
    let mut shown = Running::start(mono.arg(&output).arg(hub.options(1, json!({}))));
    shown.says("session", |line| line.contains(r#""type":"SESSION_READY""#));
    let body = r#"{"key":"demo-key","type":"EVENT_911","data":"zürich 🚓"}"#;
    hub.push(1, body, Shape::Verbatim);
    shown.says("event", |line| line == body);
}

/// The compiler commands in the binding's README work.
#[test]
fn mcs_line() {
    if lacks(MONO, "bindings/csharp/README.md: mcs") {
        return;
    }
    let readme = fs::read_to_string(folder("bindings/csharp").join("README.md")).expect("README.md");
    let line = readme.split('`').find(|code| code.starts_with("mcs ")).expect("a line for mcs");
    let binding = scratch("csharp-mcs-line");
    run(Command::new("cp").arg("-r").arg(folder("bindings/csharp/src")).arg(binding.join("src")));
    let words: Vec<_> = line.split_whitespace().skip(1).collect();
    run(program("mcs", &binding).args(words));
    assert!(binding.join("Sonoran.dll").exists(), "{line} makes no Sonoran.dll");
}
