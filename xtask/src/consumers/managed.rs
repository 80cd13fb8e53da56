//! The NuGet package on .NET and on Mono, and the FiveM resource.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{
    commands::shell,
    consumers::{
        example::{self, Goodbye},
        unpacked::Unpacked,
    },
    dist::archive,
    dotnet::dotnet,
    process::{command, run},
    workspace::{VERSION, copy, empty, root, write},
};

/// A user's project.
const PROJECT: &str = "\
<Project Sdk=\"Microsoft.NET.Sdk\">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup>
</Project>
";

pub(crate) fn test(release: &Unpacked, not_run: &mut Vec<String>) -> Result<()> {
    on_dotnet(release)?;
    on_mono(release)?;
    resource(release, not_run)
}

fn program(release: &Unpacked, folder: &Path) -> Result<()> {
    copy(&release.folder.join("examples/csharp/Program.cs"), &folder.join("Program.cs"))
}

/// A new project that adds the package with its README's commands.
fn on_dotnet(release: &Unpacked) -> Result<()> {
    let user = release.scratch.join("dotnet");
    let package = format!("Sonoran.Events.{VERSION}.nupkg");
    copy(&release.files.join(&package), &user.join(&package))?;
    let project = user.join("user");
    write(&project.join("user.csproj"), PROJECT)?;
    program(release, &project)?;

    // the README's `dotnet` runs the SDK that was found here
    let bin = user.join("bin");
    let dotnet = dotnet()?;
    write(
        &bin.join("dotnet"),
        format!("#!/bin/sh\nexec '{}' \"$@\"\n", Path::new(dotnet.get_program()).display()),
    )?;
    executable(&bin.join("dotnet"))?;
    let path = std::env::var_os("PATH").context("there is no PATH")?;
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
    let user_of = |mut command: std::process::Command| {
        // a separate home: the added source must not stay, and cached packages of this version must not be used
        command.env("PATH", &path).env("HOME", &user).env("RestorePackagesPath", user.join("packages"));
        command.env("RestoreAdditionalProjectSources", &user);
        command
    };
    run(user_of(shell("bindings/csharp/README.md", &["dotnet nuget add source"], &user)?))?;
    run(user_of(shell("bindings/csharp/README.md", &["dotnet add package"], &project)?))?;
    let mut build = command("dotnet");
    build.args(["build", "-v", "quiet", "-o", "out"]).current_dir(&project);
    run(user_of(build))?;
    let mut program = user_of(command("dotnet"));
    program.arg(project.join("out/user.dll")).env_remove("SONORAN_LIBRARY");
    example::run("C# on .NET, with the NuGet package", &release.hub, program, Goodbye::Enter)
}

/// Mono with the package's own files.
fn on_mono(release: &Unpacked) -> Result<()> {
    let package = release.scratch.join("mono");
    empty(&package)?;
    archive::unzip(&release.files.join(format!("Sonoran.Events.{VERSION}.nupkg")), &package)?;
    let user = package.join("user");
    program(release, &user)?;
    copy(&package.join("lib/net452/Sonoran.dll"), &user.join("Sonoran.dll"))?;
    for rid in ["linux-x64", "linux-musl-x64"] {
        let library = PathBuf::from("runtimes").join(rid).join("native/libsonoran.so");
        copy(&package.join(&library), &user.join(&library))?;
    }
    let mut mcs = command("mcs");
    mcs.args(["-r:Sonoran.dll", "-out:user.exe", "Program.cs"]).current_dir(&user);
    run(mcs)?;
    let mut mono = command("mono");
    mono.arg(user.join("user.exe")).env_remove("SONORAN_LIBRARY");
    example::run("C# on Mono, with the NuGet package's files", &release.hub, mono, Goodbye::Enter)
}

/// The resource in the FXServer stand-in. The stand-in runs on glibc, so it gets the glibc library too.
fn resource(release: &Unpacked, not_run: &mut Vec<String>) -> Result<()> {
    let server = release.scratch.join("server");
    let name = format!("sonoran-fivem-{VERSION}.zip");
    copy(&release.files.join(&name), &server.join(&name))?;
    copy(&release.files.join("SHA256SUMS"), &server.join("SHA256SUMS"))?;
    if root().join("docs/install.md").exists() {
        let lines = ["sha256sum --check --ignore-missing SHA256SUMS", "unzip -d resources"];
        run(shell("docs/install.md", &lines, &server)?)?;
    } else {
        archive::unzip(&server.join(&name), &server.join("resources"))?;
    }
    let resource = server.join("resources/sonoran");
    for file in [
        "fxmanifest.lua",
        "bin/Sonoran.Server.net.dll",
        "bin/Sonoran.Bridge.dll",
        "runtimes/linux-musl-x64/native/libsonoran.so",
        "runtimes/win-x64/native/sonoran.dll",
    ] {
        ensure!(resource.join(file).is_file(), "{name} has no {file}");
    }
    let mut host = command(root().join("examples/fivem/test.sh"));
    host.args(["TheFixturesArriveByteForByte", "NothingLaterThan452IsUsed"]);
    host.current_dir(root().join("examples/fivem"));
    host.env("SONORAN_UNPACKED", &resource).env("SONORAN_HUB", &release.hub);
    host.env("SONORAN_LIBRARY", release.folder.join("lib/linux-x64/libsonoran.so"));
    not_run.extend(run(host)?);
    println!("ok       the FiveM resource from its zip, in the stand-in host");
    Ok(())
}

#[cfg(unix)]
fn executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_file: &Path) -> Result<()> {
    Ok(())
}
