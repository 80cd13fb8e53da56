//! The assemblies: the NuGet package, and the bridge of the FiveM resource.
//!
//! The C# compiler gives the same bytes for the same sources if it is told their path. Both are therefore built from
//! a copy of the tracked files alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    dist::{archive, sources},
    dotnet::dotnet,
    process::run,
    workspace::{VERSION, copy, empty, root},
};

/// A copy of the C# sources, to build in.
pub(crate) struct Managed {
    folder: PathBuf,
}

impl Managed {
    pub(crate) fn new(folder: PathBuf) -> Result<Self> {
        empty(&folder)?;
        for file in sources::tracked(&["bindings/csharp", "examples/fivem", "LICENSE-MIT"])? {
            if !file.contains("/tests/") && !file.contains("/host/") {
                copy(&root().join(&file), &folder.join(&file))?;
            }
        }
        Ok(Self { folder })
    }

    fn build(&self, words: &str, project: &str, to: &Path, properties: &[String]) -> Result<()> {
        let mut build = dotnet()?;
        build.args(words.split(' ')).args(["-c", "Release", "-v", "quiet", "-o"]).arg(to);
        build.arg(format!("-p:PathMap={}=/sonoran", self.folder.display())).args(properties);
        // source control data would depend on where the surrounding checkout was cloned from
        build.args(["-p:EnableSourceControlManagerQueries=false", "-p:EnableSourceLink=false"]);
        build.arg(project).current_dir(&self.folder);
        run(build).with_context(|| format!("{project} could not be built")).map(drop)
    }

    /// Makes `Sonoran.Events.VERSION.nupkg` in a folder. `runtimes` holds `<rid>/native/<file>`.
    pub(crate) fn package(&self, runtimes: &Path, licences: &Path, to: &Path, time: u64) -> Result<()> {
        let made = self.folder.join("packed");
        let runtimes = format!("-p:SonoranRuntimes={}/", runtimes.display());
        let licences = format!("-p:SonoranLicences={}/", licences.display());
        self.build("pack", "bindings/csharp/src/Sonoran.csproj", &made, &[runtimes, licences])?;
        let name = format!("Sonoran.Events.{VERSION}.nupkg");
        archive::repack(&made.join(&name), &to.join(&name), time)
    }

    /// Makes the assemblies of the FiveM resource in a folder.
    pub(crate) fn bridge(&self, to: &Path) -> Result<()> {
        let reference = self.folder.join("reference");
        self.build("build", "examples/fivem/reference/CitizenFX.Core.csproj", &reference, &[])?;
        let core = format!("-p:CitizenFXCore={}", reference.join("CitizenFX.Core.dll").display());
        let made = self.folder.join("bridge");
        let project = "examples/fivem/sonoran/src/Sonoran.Server.csproj";
        self.build("build -f net452", project, &made, &[core])?;
        for name in ["Sonoran.Server.net.dll", "Sonoran.Bridge.dll"] {
            copy(&made.join(name), &to.join(name))?;
        }
        Ok(())
    }
}
