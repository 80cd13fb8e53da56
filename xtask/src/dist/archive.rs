//! Reproducible archives: sorted entries, one timestamp, no owner.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::workspace::files;

/// Packs a folder into `FILE.tar.gz`; all paths in it start with `name`.
pub(crate) fn tar_gz(folder: &Path, name: &str, archive: &Path, time: u64) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    // a new GzBuilder puts neither a file name nor a time into the header
    let mut tar = tar::Builder::new(GzBuilder::new().write(file, Compression::best()));
    for path in files(folder)? {
        let bytes = fs::read(folder.join(&path))?;
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(if is_program(&path) { 0o755 } else { 0o644 });
        header.set_mtime(time);
        tar.append_data(&mut header, Path::new(name).join(&path), &*bytes)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

/// Packs a folder into `FILE.zip`; all paths in it start with `name`.
pub(crate) fn zip(folder: &Path, name: &str, archive: &Path, time: u64) -> Result<()> {
    let entries = files(folder)?.into_iter().map(|path| {
        let bytes = fs::read(folder.join(&path))?;
        Ok((Path::new(name).join(path), bytes))
    });
    write_zip(entries, archive, time)
}

/// Rewrites another tool's zip archive reproducibly.
pub(crate) fn repack(from: &Path, to: &Path, time: u64) -> Result<()> {
    let mut archive = ZipArchive::new(File::open(from)?).with_context(|| from.display().to_string())?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        if entry.is_dir() {
            continue;
        }
        let (path, mut bytes) = (PathBuf::from(&*entry.name()?), Vec::new());
        io::copy(&mut entry, &mut bytes)?;
        entries.push((path, bytes));
    }
    entries.sort();
    write_zip(entries.into_iter().map(Ok), to, time)
}

fn write_zip(
    entries: impl Iterator<Item = Result<(PathBuf, Vec<u8>)>>,
    archive: &Path,
    time: u64,
) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut zip = ZipWriter::new(file);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(dos_time(time)?);
    for entry in entries {
        let (path, bytes) = entry?;
        let name: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        zip.start_file(
            name.join("/"),
            options.unix_permissions(if is_program(&path) { 0o755 } else { 0o644 }),
        )?;
        zip.write_all(&bytes)?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

fn is_program(path: &Path) -> bool {
    let is = |name: Option<&std::ffi::OsStr>, program| name.is_some_and(|name| name == program);
    is(path.extension(), "sh") || is(path.file_name(), "sonoran")
}

/// Converts Unix seconds to zip's format, in UTC.
fn dos_time(time: u64) -> Result<DateTime> {
    let time = time::OffsetDateTime::from_unix_timestamp(i64::try_from(time)?)?;
    Ok(DateTime::try_from(time::PrimitiveDateTime::new(time.date(), time.time()))?)
}

/// Unpacks a file in zip format into a folder.
pub(crate) fn unzip(archive: &Path, folder: &Path) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    ZipArchive::new(file)?.extract(folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::write;

    /// Two folders with the same files, written in different orders, give the same archives.
    #[test]
    fn archives_depend_on_names_and_contents_alone() {
        let folder = std::env::temp_dir().join(format!("sonoran-archive-{}", std::process::id()));
        let pack = |number: u32, names: &[&str]| {
            let source = folder.join(number.to_string());
            for name in names {
                write(&source.join(name), name).expect("the folder can be written");
            }
            let (tar, zipped) =
                (folder.join(format!("{number}.tar.gz")), folder.join(format!("{number}.zip")));
            tar_gz(&source, "top", &tar, 1_700_000_000).expect("it packs");
            zip(&source, "top", &zipped, 1_700_000_000).expect("it packs");
            [fs::read(tar).expect("it is there"), fs::read(zipped).expect("it is there")]
        };
        let (first, second) = (pack(1, &["b", "a/c", "run.sh"]), pack(2, &["run.sh", "a/c", "b"]));
        assert!(first == second);
        assert!(pack(3, &["b", "a/c"]) != first);
        unzip(&folder.join("1.zip"), &folder.join("out")).expect("it unpacks");
        assert_eq!(
            files(&folder.join("out/top")).expect("it is there"),
            files(&folder.join("2")).expect("it is there")
        );
        fs::remove_dir_all(folder).expect("it can be removed");
    }
}
