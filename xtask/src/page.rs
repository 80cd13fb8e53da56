//! The local hub's page in a browser: its tests, and the pictures of the README.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};

use crate::{
    builds::Debug,
    process::{NOT_RUN, command, run},
    tools,
    workspace::{root, target},
};

/// Debian's name for the browser, and those of others.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Runs the tests; the README's pictures are taken as well, and thrown away.
pub(crate) fn test() -> Result<Vec<String>> {
    let Some(browser) = browser() else {
        let line =
            format!("{NOT_RUN} page: there is no Chromium, so that nobody has looked at the hub's page");
        return Ok(vec![line]);
    };
    let pictures = target()?.join("pictures");
    std::fs::create_dir_all(&pictures)?;
    look(&browser, &pictures)
}

/// `cargo xtask pictures`: takes the README's pictures anew.
pub(crate) fn pictures() -> Result<ExitCode> {
    tools::provide(&["page"])?;
    let browser = browser().context("there is no Chromium: on Debian run `apt-get install chromium`")?;
    look(&browser, &root().join("docs/images"))?;
    Ok(ExitCode::SUCCESS)
}

fn look(browser: &Path, pictures: &Path) -> Result<Vec<String>> {
    let built = Debug::build(&["sonoran", "sonoran-hub"])?;
    let demo = built.example("sonoran_demo")?;
    let folder = root().join("hub/tests/page");
    let mut install = command("npm");
    install.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
    run(install)?;
    let mut page = command("node");
    page.args(["page.mjs", "--pictures"]).arg(pictures).current_dir(&folder);
    page.env("SONORAN_HUB", built.program("sonoran-hub")).env("SONORAN", built.program("sonoran"));
    page.env("SONORAN_DEMO", demo).env("CHROMIUM", browser);
    let not_run = run(page)?;
    for name in ["workbench.png", "check.png"] {
        ensure!(pictures.join(name).is_file(), "{name} was not taken");
    }
    Ok(not_run)
}

fn browser() -> Option<PathBuf> {
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH")?).collect();
    let found = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    BROWSERS.iter().find_map(found)
}
