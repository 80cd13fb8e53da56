//! The file itself: what it asks of the system that loads it, and what it shows to its host.

use std::{collections::BTreeSet, fs};

use goblin::{
    Object,
    elf::{Elf, dynamic, header, program_header},
    pe::PE,
};

use support::root;

use crate::{
    Test,
    platform::{Loader, Platform},
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("exports", exports), ("needs", needs), ("hardened", hardened), ("roots_inside", roots_inside)];

/// Why there is nothing to look at, if so.
pub(crate) fn missing(platform: &Platform) -> Option<String> {
    (!platform.library.is_file()).then(|| format!("there is no {}", platform.library.display()))
}

/// It exports the header's functions, and nothing else that could clash with the host.
fn exports(platform: &Platform) {
    let header = fs::read_to_string(root().join("include/sonoran.h")).expect("include/sonoran.h");
    let functions: BTreeSet<_> = header
        .split("\nSONORAN_API ")
        .skip(1)
        .filter_map(|rest| rest.split('(').next()?.rsplit([' ', '*']).next())
        .collect();
    assert!(functions.contains("sonoran_connect"));
    look(platform, |object| {
        let exported: BTreeSet<_> = match object {
            Object::Elf(elf) => elf
                .dynsyms
                .iter()
                .filter(|symbol| !symbol.is_import())
                .filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name))
                .filter(|name| !name.is_empty())
                .collect(),
            Object::PE(pe) => pe.exports.iter().filter_map(|export| export.name).collect(),
            _ => panic!("no library"),
        };
        assert_eq!(exported, functions);
    });
}

/// It asks for nothing that is not on every system it is for.
fn needs(platform: &Platform) {
    look(platform, |object| match object {
        Object::Elf(elf) => {
            assert_eq!(elf.soname, Some("libsonoran.so"));
            assert!(elf.runpaths.is_empty() && elf.rpaths.is_empty(), "{:?}", elf.runpaths);
            let allowed: &[&str] = match (platform.loader, platform.rid.contains("musl")) {
                // FXServer's musl finds nothing else for sure
                (Loader::FxServer, _) => &["libc.so"],
                // a build on the machine it is for
                (_, true) => &["libc.so", "libc.musl-x86_64.so.1", "libgcc_s.so.1"],
                _ => &[
                    "libc.so.6",
                    "libm.so.6",
                    "libpthread.so.0",
                    "libdl.so.2",
                    "libgcc_s.so.1",
                    "ld-linux-x86-64.so.2",
                ],
            };
            let others: Vec<_> = elf.libraries.iter().filter(|name| !allowed.contains(name)).collect();
            assert!(others.is_empty(), "it needs {others:?}");
        }
        Object::PE(pe) => {
            let others: Vec<_> = pe.libraries.iter().filter(|name| !is_of_windows(name)).collect();
            assert!(others.is_empty(), "it needs {others:?}");
        }
        _ => panic!("no library"),
    });
}

/// Whether every Windows since 8.1 has this DLL.
fn is_of_windows(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let system = [
        "kernel32.dll",
        "ntdll.dll",
        "ws2_32.dll",
        "bcrypt.dll",
        "bcryptprimitives.dll",
        "advapi32.dll",
        "userenv.dll",
        "msvcrt.dll",
    ];
    system.contains(&name.as_str())
        || name.starts_with("api-ms-win-core-")
        || name.starts_with("api-ms-win-crt-")
}

/// What a loader or the system's policy may insist on.
fn hardened(platform: &Platform) {
    look(platform, |object| match object {
        Object::Elf(elf) => hardened_elf(elf),
        Object::PE(pe) => hardened_pe(pe),
        _ => panic!("no library"),
    });
}

fn hardened_elf(elf: &Elf<'_>) {
    assert_eq!(elf.header.e_type, header::ET_DYN);
    let segment = |kind| elf.program_headers.iter().find(|header| header.p_type == kind);
    let stack = segment(program_header::PT_GNU_STACK).expect("it says what stack it wants");
    assert_eq!(stack.p_flags & program_header::PF_X, 0, "an executable stack");
    assert!(segment(program_header::PT_GNU_RELRO).is_some(), "no RELRO");
    assert!(
        elf.program_headers.iter().all(|header| !(header.is_executable() && header.is_write())),
        "a segment that can be written and run"
    );
    let dynamic = elf.dynamic.as_ref().expect("a shared library");
    assert!(!dynamic.dyns.iter().any(|entry| entry.d_tag == dynamic::DT_TEXTREL), "text relocations");
    assert_eq!(dynamic.info.flags & dynamic::DF_TEXTREL, 0, "text relocations");
    assert_ne!(
        (dynamic.info.flags & dynamic::DF_BIND_NOW) | (dynamic.info.flags_1 & dynamic::DF_1_NOW),
        0,
        "symbols bound when they are first called"
    );
    assert_ne!(dynamic.info.flags_1 & dynamic::DF_1_NODELETE, 0, "dlclose would unmap it");
    // variables of the initial-exec model need room that the loader has little of for libraries that come late
    assert_eq!(dynamic.info.flags & dynamic::DF_STATIC_TLS, 0, "static TLS");
}

fn hardened_pe(pe: &PE<'_>) {
    const HIGH_ENTROPY_VA: u16 = 0x20;
    const DYNAMIC_BASE: u16 = 0x40;
    const NX_COMPAT: u16 = 0x100;
    assert!(pe.is_lib);
    let flags = pe.header.optional_header.expect("a PE has one").windows_fields.dll_characteristics;
    let wanted = DYNAMIC_BASE | NX_COMPAT | if pe.is_64 { HIGH_ENTROPY_VA } else { 0 };
    assert_eq!(flags & wanted, wanted, "{flags:#x}");
}

/// The roots are inside, and no store of the system's is looked for.
fn roots_inside(platform: &Platform) {
    let bytes = fs::read(&platform.library).expect("it can be read");
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("ISRG Root X1") && has("DigiCert Global Root G2"));
    assert!(!has("/etc/ssl") && !has("SSL_CERT_FILE"));
}

fn look(platform: &Platform, at: impl FnOnce(&Object<'_>)) {
    let bytes = fs::read(&platform.library).expect("it can be read");
    at(&Object::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", platform.library.display())));
}
