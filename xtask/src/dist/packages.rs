//! The files of a release, and what is in each.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::{
    dist::{
        archive,
        compile::Job,
        dependencies::{Dependencies, write_licences, write_program_licences},
        library,
        managed::Managed,
        platform::Platform,
        report::report,
        sources,
    },
    process::{command, run},
    pypi,
    workspace::{VERSION, copy, empty, files, root, write},
};

/// A release in the making.
pub(crate) struct Release {
    /// Where its files go.
    folder: PathBuf,
    /// The folder that the archive unpacks to.
    unpacked: PathBuf,
    symbols: PathBuf,
    /// Intermediate files.
    work: PathBuf,
    time: u64,
}

impl Release {
    /// Empties a folder and starts a release in it.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        empty(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            unpacked: folder.join(format!("sonoran-{VERSION}")),
            symbols: folder.join(format!("sonoran-{VERSION}-symbols")),
            work: folder.join("work"),
            time: sources::time()?,
        })
    }

    /// Builds and adds a platform's program, if it has one.
    pub(crate) fn add_program(&self, job: &Job<'_>) -> Result<()> {
        job.platform.program().map_or(Ok(()), |path| copy(&job.program()?, &self.unpacked.join(path)))
    }

    /// Builds and adds a platform's library.
    pub(crate) fn add_library(&self, job: &Job<'_>) -> Result<()> {
        let rid = job.platform.rid;
        let folder = self.unpacked.join("lib").join(rid);
        library::build(job, &folder, &self.symbols.join(rid))?;
        let package = fs::read_to_string(root().join("bindings/cpp/sonoran.pc"))?;
        write(&folder.join("pkgconfig/sonoran.pc"), pkg_config(&package)?)
    }

    /// Packs all files of the release.
    pub(crate) fn finish(&self, platforms: &[&Platform]) -> Result<()> {
        self.fill(platforms)?;
        let name = format!("sonoran-{VERSION}");
        archive::tar_gz(&self.unpacked, &name, &self.folder.join(format!("{name}.tar.gz")), self.time)?;
        archive::zip(&self.unpacked, &name, &self.folder.join(format!("{name}.zip")), self.time)?;
        let symbols = format!("{name}-symbols");
        archive::tar_gz(&self.symbols, &symbols, &self.folder.join(format!("{symbols}.tar.gz")), self.time)?;
        self.assemblies(platforms)?;
        self.wheels(platforms)?;
        self.rock()?;
        fs::remove_dir_all(&self.work)?;
        fs::remove_dir_all(&self.symbols)?;
        self.sums()
    }

    /// Adds everything in the archive except the libraries.
    fn fill(&self, platforms: &[&Platform]) -> Result<()> {
        let to = &self.unpacked;
        let paths = [
            "README.md",
            "CHANGELOG.md",
            "LICENSE-MIT",
            "LICENSE-APACHE",
            "include",
            "bindings",
            "examples",
            "docs",
        ];
        sources::export(
            &paths.into_iter().filter(|path| root().join(path).exists()).collect::<Vec<_>>(),
            to,
        )?;
        copy(&root().join("bindings/cpp/sonoran.hpp"), &to.join("include/sonoran.hpp"))?;
        for name in ["sonoran-config.cmake", "sonoran-config-version.cmake"] {
            copy(&root().join("bindings/cpp").join(name), &to.join("lib/cmake/sonoran").join(name))?;
        }
        let dependencies = Dependencies::of("sonoran")?;
        write(&to.join("sonoran.cdx.json"), dependencies.sbom(self.time)?)?;
        write_licences(&dependencies, &to.join("licences"))?;
        let dependencies = Dependencies::of("sonoran-cli")?;
        write(&to.join("bin/sonoran.cdx.json"), dependencies.sbom(self.time)?)?;
        write_program_licences(&dependencies, &to.join("bin"))?;
        write(&to.join("BUILD.md"), report(platforms)?)
    }

    /// Makes the NuGet package and the zip for FXServer.
    fn assemblies(&self, platforms: &[&Platform]) -> Result<()> {
        let managed = Managed::new(self.work.join("managed"))?;
        let runtimes = self.work.join("runtimes");
        for platform in platforms {
            self.copy_library(platform, &runtimes)?;
        }
        managed.package(&runtimes, &self.unpacked.join("licences"), &self.folder, self.time)?;

        let resource = self.work.join("sonoran");
        let source = self.work.join("source");
        sources::export(&["examples/fivem/sonoran"], &source)?;
        let source = source.join("examples/fivem/sonoran");
        for file in files(&source)?.into_iter().filter(|file| !file.starts_with("src")) {
            copy(&source.join(&file), &resource.join(&file))?;
        }
        managed.bridge(&resource.join("bin"))?;
        for platform in
            platforms.iter().filter(|platform| ["linux-musl-x64", "win-x64"].contains(&platform.rid))
        {
            self.copy_library(platform, &resource.join("runtimes"))?;
        }
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "licences/crates.txt", "licences/compiler-runtimes.txt"]
        {
            copy(&self.unpacked.join(file), &resource.join(file))?;
        }
        archive::zip(
            &resource,
            "sonoran",
            &self.folder.join(format!("sonoran-fivem-{VERSION}.zip")),
            self.time,
        )
    }

    /// Copies a library to where .NET looks for it.
    fn copy_library(&self, platform: &Platform, runtimes: &Path) -> Result<()> {
        let from = self.unpacked.join("lib").join(platform.rid).join(platform.library());
        copy(&from, &runtimes.join(platform.rid).join("native").join(platform.library()))
    }

    /// Makes a Python wheel for each platform, with its library inside.
    fn wheels(&self, platforms: &[&Platform]) -> Result<()> {
        let made = self.work.join("wheels");
        for platform in platforms {
            let source = self.work.join("python").join(platform.rid);
            for file in ["bindings/python/pyproject.toml", "bindings/python/README.md"] {
                copy(&root().join(file), &source.join(Path::new(file).file_name().context("a file")?))?;
            }
            for file in sources::tracked(&["bindings/python/sonoran"])? {
                copy(&root().join(&file), &source.join(Path::new(&file).strip_prefix("bindings/python")?))?;
            }
            let library = self.unpacked.join("lib").join(platform.rid).join(platform.library());
            copy(&library, &source.join("sonoran").join(platform.library()))?;
            for file in
                ["LICENSE-MIT", "LICENSE-APACHE", "licences/crates.txt", "licences/compiler-runtimes.txt"]
            {
                copy(&self.unpacked.join(file), &source.join(file))?;
            }
            write(&source.join("setup.cfg"), format!("[bdist_wheel]\nplat_name = {}\n", platform.wheel()))?;
            let mut pip = pypi::python()?;
            pip.args("-m pip --quiet wheel --no-deps --no-build-isolation --no-index --wheel-dir".split(' '));
            pip.arg(&made).arg(&source);
            run(pip).with_context(|| format!("the wheel for {}", platform.rid))?;
        }
        for wheel in files(&made)? {
            archive::repack(&made.join(&wheel), &self.folder.join(&wheel), self.time)?;
        }
        Ok(())
    }

    /// Makes the rock, which holds only Lua code.
    fn rock(&self) -> Result<()> {
        let folder = self.work.join("rock");
        let rockspec = format!("sonoran-{VERSION}-1.rockspec");
        for name in ["sonoran.lua", &rockspec] {
            copy(&root().join("bindings/lua").join(name), &folder.join(name))?;
        }
        let mut luarocks = command("luarocks");
        luarocks.args([
            "--lua-version",
            "5.1",
            "make",
            "--pack-binary-rock",
            "--deps-mode",
            "none",
            &rockspec,
        ]);
        luarocks.current_dir(&folder);
        run(luarocks).context("the rock")?;
        let name = format!("sonoran-{VERSION}-1.all.rock");
        archive::repack(&folder.join(&name), &self.folder.join(&name), self.time)
    }

    /// Writes the hash of every file of the release.
    fn sums(&self) -> Result<()> {
        let mut sums = String::new();
        for entry in files(&self.folder)?.into_iter().filter(|file| file.components().count() == 1) {
            let digest = Sha256::digest(fs::read(self.folder.join(&entry))?);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            sums += &format!("{digest}  {}\n", entry.display());
        }
        write(&self.folder.join("SHA256SUMS"), sums)
    }
}

/// Turns an installation's pkg-config file into a release's, whose libraries are one folder deeper.
fn pkg_config(installed: &str) -> Result<String> {
    let (from, to) = ("prefix=${pcfiledir}/../..\n", "prefix=${pcfiledir}/../../..\n");
    let (library, deeper) = ("libdir=${prefix}/lib\n", "libdir=${pcfiledir}/..\n");
    ensure!(installed.contains(from) && installed.contains(library), "sonoran.pc has an unexpected form");
    Ok(installed.replace(from, to).replace(library, deeper))
}
