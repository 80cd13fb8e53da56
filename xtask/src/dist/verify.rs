//! Checks a library as its system's loader sees it: what it needs, what it exports, and its size.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use goblin::{
    elf::{Elf, dynamic, program_header},
    pe::PE,
};

use crate::{
    dist::platform::{GLIBC, Kind, Platform},
    workspace::root,
};

/// The parts of glibc, all present wherever glibc is.
const GLIBC_PARTS: &[&str] = &["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"];

/// The DLLs that every Windows since 10 has.
const WINDOWS_PARTS: &[&str] = &[
    "advapi32.dll",
    "api-ms-win-core-synch-l1-2-0.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// Fails if a platform's library breaks a rule, and says which.
pub(crate) fn library(platform: &Platform, file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let size = bytes.len() as u64;
    let limit = platform.limit();
    ensure!(size <= limit, "{} has {size} bytes; the limit is {limit}", file.display());
    match platform.kind {
        Kind::Windows => windows(&bytes),
        Kind::Glibc | Kind::Musl => linux(platform, &bytes),
    }
    .with_context(|| format!("{} is not fit for release", file.display()))
}

/// Fails if a file names this folder: it would have other bytes if it were built in another.
pub(crate) fn anonymous(file: &Path, folder: &Path) -> Result<()> {
    let (bytes, folder) = (fs::read(file)?, folder.as_os_str().as_encoded_bytes());
    let named = bytes.windows(folder.len()).any(|window| window == folder);
    ensure!(!named, "{} says in which folder it was built", file.display());
    Ok(())
}

fn linux(platform: &Platform, bytes: &[u8]) -> Result<()> {
    let elf = Elf::parse(bytes)?;
    ensure!(elf.soname == Some("libsonoran.so"), "its soname is {:?}", elf.soname);
    ensure!(elf.rpaths.is_empty() && elf.runpaths.is_empty(), "it has its own library search path");
    ensure!(elf.syms.is_empty(), "it is not stripped");
    let (needed, version) = (&elf.libraries, newest_glibc(&elf));
    if platform.kind == Kind::Musl {
        ensure!(needed == &["libc.so"], "it needs {needed:?}; on FXServer there is libc.so alone");
    } else {
        let known = |name: &&str| GLIBC_PARTS.contains(name) || name.starts_with("ld-linux");
        ensure!(needed.iter().all(known), "it needs {needed:?}, not all of which are parts of glibc");
        ensure!(version.is_some(), "it names no version of glibc");
    }
    ensure!(version <= Some(GLIBC), "it needs glibc {version:?}, not {GLIBC:?}");
    hardened(&elf)?;
    let exported = elf.dynsyms.iter().filter(|symbol| !symbol.is_import() && symbol.st_shndx != 0);
    offers(exported.filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name)).collect())
}

/// Checks what a loader or a system's policy may require, and that a plugin can load the library late.
fn hardened(elf: &Elf<'_>) -> Result<()> {
    let segment = |kind| elf.program_headers.iter().find(|header| header.p_type == kind);
    let stack = segment(program_header::PT_GNU_STACK).context("it does not say what stack it wants")?;
    ensure!(!stack.is_executable(), "it wants an executable stack");
    ensure!(segment(program_header::PT_GNU_RELRO).is_some(), "its tables stay writable: no RELRO");
    let both = elf.program_headers.iter().any(|header| header.is_executable() && header.is_write());
    ensure!(!both, "a segment can be written and run");
    let dynamic = elf.dynamic.as_ref().context("it is not a shared library")?;
    let (flags, flags_1) = (dynamic.info.flags, dynamic.info.flags_1);
    let text = dynamic.dyns.iter().any(|entry| entry.d_tag == dynamic::DT_TEXTREL);
    ensure!(!text && flags & dynamic::DF_TEXTREL == 0, "it has text relocations");
    let now = flags & dynamic::DF_BIND_NOW != 0 || flags_1 & dynamic::DF_1_NOW != 0;
    ensure!(now, "its symbols are bound when they are first called, not when it is loaded");
    ensure!(flags_1 & dynamic::DF_1_NODELETE != 0, "dlclose would unmap it from under its threads");
    // a loader has little static TLS left for a library that is loaded late
    ensure!(flags & dynamic::DF_STATIC_TLS == 0, "its thread-local variables need static TLS");
    Ok(())
}

/// The newest version of glibc that a symbol requires.
fn newest_glibc(elf: &Elf<'_>) -> Option<(u32, u32)> {
    let mut newest = None;
    for library in elf.verneed.iter().flatten() {
        let names = library.iter().filter_map(|version| elf.dynstrtab.get_at(version.vna_name));
        newest = newest.max(names.filter_map(glibc_version).max());
    }
    newest
}

/// `GLIBC_2.3.4` as (2, 3).
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn windows(bytes: &[u8]) -> Result<()> {
    let pe = PE::parse(bytes)?;
    let foreign = |name: &&&str| !WINDOWS_PARTS.contains(&name.to_lowercase().as_str());
    let foreign: Vec<_> = pe.libraries.iter().filter(foreign).collect();
    ensure!(foreign.is_empty(), "it needs {foreign:?}, which are not parts of Windows");
    ensure!(!pe.libraries.is_empty(), "it needs nothing at all");
    let header = pe.header.optional_header.context("it has no optional header")?;
    // ASLR (with high entropy on 64 bits) and DEP
    let wanted = 0x40 | 0x100 | if pe.is_64 { 0x20 } else { 0 };
    let flags = header.windows_fields.dll_characteristics;
    ensure!(flags & wanted == wanted, "its characteristics {flags:#x} lack some of {wanted:#x}");
    offers(pe.exports.iter().filter_map(|export| export.name).collect())
}

/// The library must export what the header declares, and nothing else.
fn offers(names: BTreeSet<&str>) -> Result<()> {
    let header = fs::read_to_string(root().join("include/sonoran.h"))?;
    let declared: BTreeSet<_> = functions(&header).collect();
    ensure!(!declared.is_empty(), "sonoran.h declares no function");
    let missing: Vec<_> = declared.difference(&names).collect();
    let surplus: Vec<_> = names.difference(&declared).collect();
    ensure!(missing.is_empty() && surplus.is_empty(), "it lacks {missing:?} and also exports {surplus:?}");
    Ok(())
}

/// The functions that the header declares.
pub(crate) fn functions(header: &str) -> impl Iterator<Item = &str> {
    let declarations = header.lines().filter(|line| line.starts_with("SONORAN_API"));
    declarations.filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.3.4"), Some((2, 3)));
        assert!(glibc_version("GLIBC_2.17") > glibc_version("GLIBC_2.9"));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
    }

    #[test]
    fn functions_are_read_from_the_header() {
        let header =
            "SONORAN_API char *sonoran_a(int32_t b);\nint other(void);\nSONORAN_API void sonoran_c(\n";
        assert_eq!(functions(header).collect::<Vec<_>>(), ["sonoran_a", "sonoran_c"]);
    }
}
