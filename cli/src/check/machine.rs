//! What can be wrong on this machine: a native file for another system, or another process with the library.

use std::{
    fs,
    path::{Path, PathBuf},
};

use goblin::{Object, elf, pe};

use crate::{check::report::Finding, exit::Exit, options::server_cfg};

/// The files that the FiveM resource loads, whether this system needs each, and the system each must be for.
const FILES: [(&str, bool, &str); 2] = [
    ("runtimes/linux-musl-x64/native/libsonoran.so", cfg!(target_os = "linux"), "Linux with musl on x64"),
    ("runtimes/win-x64/native/sonoran.dll", cfg!(windows), "Windows on x64"),
];

/// Checks the native files of the resource, if this server has it.
pub(crate) fn native_files(server: &Path) -> Vec<Finding> {
    let ours = |folder: &PathBuf| {
        folder.join("bin/Sonoran.Server.net.dll").is_file() || folder.join("runtimes").is_dir()
    };
    let mut findings = Vec::new();
    for resource in server_cfg::resources(server).into_iter().filter(ours) {
        for (file, needed_here, system) in FILES {
            let path = resource.join(file);
            let shown = path.display();
            let finding = match fs::read(&path) {
                Err(_) if !needed_here => continue,
                Err(error) => {
                    Finding::fails(Exit::Files, "library", format!("{shown} cannot be read: {error}"))
                        .cause(
                            "the release was not unpacked whole; some panels leave large or binary files out",
                        )
                        .remedy("upload the zip and unpack it there")
                }
                Ok(bytes) => match kind(&bytes) {
                    Ok(found) if found == system => {
                        Finding::holds("library", format!("{shown} is for {system}"))
                    }
                    Ok(found) => Finding::fails(
                        Exit::Files,
                        "library",
                        format!("{shown} is for {found}, and {system} is needed"),
                    )
                    .cause("a file of another folder of the release was copied here")
                    .remedy(format!("take {file} of the release")),
                    Err(problem) => Finding::fails(
                        Exit::Files,
                        "library",
                        format!("{shown} is no library: {problem}"),
                    )
                    .cause("it was damaged, or is not complete: an upload broke off, or changed line ends")
                    .remedy("stop the server, and copy the file again in binary mode"),
                },
            };
            findings.push(finding);
        }
    }
    findings
}

/// The system that a library is for, in the words of `FILES` where possible.
fn kind(bytes: &[u8]) -> Result<String, String> {
    match Object::parse(bytes).map_err(|error| error.to_string())? {
        Object::Elf(file) => {
            let libc = match file.libraries.iter().find(|name| name.starts_with("libc.")) {
                Some(&"libc.so") => "musl",
                Some(_) => "glibc",
                None => "no C library",
            };
            let machine = match file.header.e_machine {
                elf::header::EM_X86_64 => "x64",
                elf::header::EM_386 => "32-bit x86",
                elf::header::EM_AARCH64 => "64-bit ARM",
                _ => "another processor",
            };
            Ok(format!("Linux with {libc} on {machine}"))
        }
        Object::PE(file) => {
            let machine = match file.header.coff_header.machine {
                pe::header::COFF_MACHINE_X86_64 => "x64",
                pe::header::COFF_MACHINE_X86 => "32-bit x86",
                pe::header::COFF_MACHINE_ARM64 => "64-bit ARM",
                _ => "another processor",
            };
            Ok(format!("Windows on {machine}"))
        }
        Object::Mach(_) => Ok("macOS".to_owned()),
        _ => Err("it has the form of none".to_owned()),
    }
}

/// Other processes that have the library loaded, as far as this user may see them.
#[cfg(target_os = "linux")]
pub(crate) fn other_hosts() -> Vec<String> {
    let own = std::process::id();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut hosts = Vec::new();
    for process in processes.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let maps = fs::read_to_string(process.path().join("maps")).unwrap_or_default();
        if id != own && maps.lines().any(|line| line.contains("/libsonoran.so")) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            hosts.push(format!("{} (process {id})", name.trim()));
        }
    }
    hosts
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn other_hosts() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_for_other_systems_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let resource = folder.path().join("resources/[cad]/sonoran");
        let file = resource.join(FILES[0].0);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        assert!(native_files(&folder.path().join("elsewhere")).is_empty());
        if cfg!(target_os = "linux") {
            let details = || {
                native_files(folder.path())
                    .into_iter()
                    .map(|finding| finding.detail)
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert!(details().contains("cannot be read"), "{}", details());
            fs::write(&file, "<html>").unwrap();
            assert!(details().contains("is no library"), "{}", details());
            // this program itself serves as a file for another C library
            fs::copy(std::env::current_exe().unwrap(), &file).unwrap();
            let expected = if cfg!(target_env = "musl") { "musl" } else { "is for Linux with glibc" };
            assert!(details().contains(expected), "{}", details());
        }
    }
}
