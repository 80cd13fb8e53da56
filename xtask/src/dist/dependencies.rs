//! The crates in the libraries and in the program, for the SBOMs and for the licences that must accompany them.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};
use serde_json::{Value, json};

use crate::{
    dist::platform::PLATFORMS,
    process::{cargo, output},
    pypi,
    workspace::{VERSION, copy, root, sysroot, write},
};

/// The crates of all platforms, each with its dependencies.
pub(crate) struct Dependencies {
    crates: BTreeMap<PackageId, (Package, Vec<PackageId>)>,
    /// Whose they are.
    product: PackageId,
}

impl Dependencies {
    /// Reads those of a workspace member.
    pub(crate) fn of(member: &str) -> Result<Self> {
        let mut found = Self { crates: BTreeMap::new(), product: PackageId { repr: String::new() } };
        for platform in PLATFORMS {
            let mut metadata = cargo("metadata --locked --format-version 1 --filter-platform");
            metadata.arg(platform.target).env("CARGO_TERM_COLOR", "never");
            found.add(member, &serde_json::from_str(&output(metadata)?)?)?;
        }
        Ok(found)
    }

    /// Adds a member's dependencies on one platform, without build and dev dependencies.
    fn add(&mut self, member: &str, metadata: &Metadata) -> Result<()> {
        let resolve = metadata.resolve.as_ref().context("cargo resolves nothing")?;
        let product = metadata.packages.iter().find(|package| package.name == member);
        self.product = product.with_context(|| format!("cargo knows no package {member}"))?.id.clone();
        let mut open = vec![self.product.clone()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            let node = resolve.nodes.iter().find(|node| node.id == id).context("a crate has no node")?;
            let shipped = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            let shipped: Vec<_> = shipped
                .map(|dependency| dependency.pkg.clone())
                .filter(|id| !is_macro(metadata, id))
                .collect();
            open.extend(shipped.iter().cloned());
            let package =
                metadata.packages.iter().find(|package| package.id == id).context("a node has no crate")?;
            let (_, known) = self.crates.entry(id).or_insert_with(|| (package.clone(), Vec::new()));
            known.extend(shipped);
            known.sort();
            known.dedup();
        }
        Ok(())
    }

    /// A bill of materials in CycloneDX 1.5.
    pub(crate) fn sbom(&self, time: u64) -> Result<String> {
        let checksums = checksums()?;
        let time = time::OffsetDateTime::from_unix_timestamp(i64::try_from(time)?)?;
        let time = format!("{}T{:02}:{:02}:{:02}Z", time.date(), time.hour(), time.minute(), time.second());
        let others = self.crates.values().filter(|(package, _)| package.id != self.product);
        let components: Vec<_> = others.map(|(package, _)| component(package, &checksums)).collect();
        let dependencies: Vec<_> = self
            .crates
            .values()
            .map(|(package, on)| {
                let on: Vec<_> = on
                    .iter()
                    .filter_map(|id| self.crates.get(id))
                    .map(|(package, _)| purl(package))
                    .collect();
                json!({ "ref": purl(package), "dependsOn": on })
            })
            .collect();
        let (product, _) = self.crates.get(&self.product).context("the product is a crate")?;
        let mut itself = component(product, &checksums);
        let library = product.targets.iter().any(|target| target.is_lib() || target.is_cdylib());
        itself["type"] = if library { "library" } else { "application" }.into();
        let bom = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "timestamp": time, "component": itself },
            "components": components,
            "dependencies": dependencies,
        });
        Ok(format!("{:#}\n", bom))
    }

    /// The licence of every crate, with the licence texts from its source.
    fn licences(&self, contents: &str) -> Result<String> {
        let mut text = format!(
            "sonoran {VERSION} is under the MIT licence or the Apache License 2.0, at your option.\n\
             {contents} hold the crates below, each under the licence that follows its name.\n"
        );
        // those of the workspace have no other source
        for (package, _) in self.crates.values().filter(|(package, _)| package.source.is_some()) {
            let licence =
                package.license.as_deref().with_context(|| format!("{} names no licence", package.name))?;
            text += &format!("\n{}\n{} {}: {licence}\n", "=".repeat(100), package.name, package.version);
            let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
            let texts = texts(folder.as_std_path())?;
            ensure!(!texts.is_empty(), "the source of {} holds no licence: add its text", package.name);
            for (name, licence) in texts {
                text += &format!("\n---- {name}\n\n{}\n", licence.trim_end());
            }
        }
        Ok(text)
    }
}

/// Whether a crate runs only in the compiler.
fn is_macro(metadata: &Metadata, id: &PackageId) -> bool {
    let package = metadata.packages.iter().find(|package| package.id == *id);
    package.is_some_and(|package| package.targets.iter().any(|target| target.is_proc_macro()))
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name.to_string(),
        "version": package.version.to_string(),
        "purl": purl(package),
    });
    if let Some(licence) = &package.license {
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    if let Some(checksum) = checksums.get(&(package.name.to_string(), package.version.to_string())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// Each crate's checksum in Cargo.lock, by name and version.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock"))?.parse()?;
    let packages =
        lock.get("package").and_then(|list| list.as_array()).context("Cargo.lock names no package")?;
    let word = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let checksum =
        |package| Some(((word(package, "name")?, word(package, "version")?), word(package, "checksum")?));
    Ok(packages.iter().filter_map(checksum).collect())
}

/// A crate's licence files, by name.
fn texts(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kinds = ["LICEN", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if entry.file_type()?.is_file() && kinds.iter().any(|kind| name.to_uppercase().starts_with(kind)) {
            texts.push((name, String::from_utf8_lossy(&fs::read(entry.path())?).into_owned()));
        }
    }
    texts.sort();
    Ok(texts)
}

/// Writes the licences of everything in the program beside it.
pub(crate) fn write_program_licences(dependencies: &Dependencies, folder: &Path) -> Result<()> {
    let mut text = dependencies.licences("Its programs")?;
    let musl = fs::read_to_string(pypi::zig_folder()?.join("lib/libc/musl/COPYRIGHT"));
    let musl = musl.context("zig brings no licence of musl")?;
    text += &format!("\n{}\nmusl, in the programs for Linux: MIT\n\n{}\n", "=".repeat(100), musl.trim_end());
    text += "\nThe rest is in the libraries too: ../licences/rust-standard-library.html and compiler-runtimes.txt.\n";
    write(&folder.join("licences.txt"), text)
}

/// Writes the licences of everything in the libraries into a folder.
pub(crate) fn write_licences(dependencies: &Dependencies, folder: &Path) -> Result<()> {
    write(&folder.join("crates.txt"), dependencies.licences("Its libraries")?)?;
    let rust = sysroot()?.join("share/doc/rust");
    copy(&rust.join("COPYRIGHT-library.html"), &folder.join("rust-standard-library.html"))?;
    let mut runtimes = RUNTIMES.to_owned();
    for name in ["LLVM-exception", "Apache-2.0", "GCC-exception-3.1", "GPL-3.0-or-later"] {
        let text = fs::read_to_string(rust.join("licenses").join(format!("{name}.txt")))
            .with_context(|| format!("the Rust toolchain brings no text of {name}"))?;
        runtimes += &format!("\n{}\n{name}\n\n{}\n", "=".repeat(100), text.trim_end());
    }
    write(&folder.join("compiler-runtimes.txt"), runtimes)
}

/// What C compilers and linkers add.
const RUNTIMES: &str = "\
What compilers and linkers add to the libraries:

Linux    LLVM's libunwind and compiler-rt: Apache-2.0 WITH LLVM-exception
Windows  libgcc: GPL-3.0-or-later WITH GCC-exception-3.1, which leaves programs that it is in free of its terms;
         the start-up code of mingw-w64: public domain
";
