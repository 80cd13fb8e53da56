//! The platforms that a release has a library for, and what each library may require.

/// A platform, by its .NET name.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) rid: &'static str,
    pub(crate) target: &'static str,
    pub(crate) kind: Kind,
    /// Whether the project's tests run this library or only inspect it.
    pub(crate) tested: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Glibc,
    Musl,
    Windows,
}

/// The oldest glibc that the glibc libraries run on: RHEL 7's, and the first to support 64-bit ARM.
pub(crate) const GLIBC: (u32, u32) = (2, 17);

const fn platform(rid: &'static str, target: &'static str, kind: Kind, tested: bool) -> Platform {
    Platform { rid, target, kind, tested }
}

/// All platforms; the ones that nearly everybody needs come first.
pub(crate) const PLATFORMS: &[Platform] = &[
    platform("linux-x64", "x86_64-unknown-linux-gnu", Kind::Glibc, true),
    platform("linux-musl-x64", "x86_64-unknown-linux-musl", Kind::Musl, true),
    platform("win-x64", "x86_64-pc-windows-gnu", Kind::Windows, true),
    platform("linux-arm64", "aarch64-unknown-linux-gnu", Kind::Glibc, false),
    platform("linux-musl-arm64", "aarch64-unknown-linux-musl", Kind::Musl, false),
    platform("linux-x86", "i686-unknown-linux-gnu", Kind::Glibc, false),
    platform("win-x86", "i686-pc-windows-gnu", Kind::Windows, false),
];

impl Platform {
    /// The platforms with these names, or all platforms if there are no names.
    pub(crate) fn named(rids: &[String]) -> anyhow::Result<Vec<&'static Self>> {
        let known = || PLATFORMS.iter().map(|platform| platform.rid).collect::<Vec<_>>().join(", ");
        let find = |rid: &String| {
            let found =
                PLATFORMS.iter().find(|platform| [platform.rid, platform.target].contains(&rid.as_str()));
            found.ok_or_else(|| anyhow::anyhow!("there is no library for {rid}, only for: {}", known()))
        };
        if rids.is_empty() { Ok(PLATFORMS.iter().collect()) } else { rids.iter().map(find).collect() }
    }

    pub(crate) fn library(&self) -> &'static str {
        match self.kind {
            Kind::Windows => "sonoran.dll",
            Kind::Glibc | Kind::Musl => "libsonoran.so",
        }
    }

    /// The path in a release of the program that is built the same way, if there is one. On Linux musl is in it,
    /// so that it runs beside every libc; on a machine with 64 bits it also serves the servers with 32.
    pub(crate) fn program(&self) -> Option<&'static str> {
        match self.rid {
            "linux-musl-x64" => Some("bin/linux-x64/sonoran"),
            "linux-musl-arm64" => Some("bin/linux-arm64/sonoran"),
            "win-x64" => Some("bin/win-x64/sonoran.exe"),
            _ => None,
        }
    }

    /// Its name in Python's wheels.
    pub(crate) fn wheel(&self) -> String {
        let processor = self.target.split('-').next().unwrap_or_default();
        let (major, minor) = GLIBC;
        match self.kind {
            Kind::Glibc => format!("manylinux_{major}_{minor}_{processor}"),
            Kind::Musl => format!("musllinux_1_1_{processor}"),
            Kind::Windows if processor == "i686" => "win32".to_owned(),
            Kind::Windows => "win_amd64".to_owned(),
        }
    }

    /// The maximum size of its library, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        match self.kind {
            Kind::Windows => 4_000_000,
            Kind::Glibc | Kind::Musl => 3_500_000,
        }
    }

    /// The prefix of mingw's programs for this platform.
    pub(crate) fn mingw(&self) -> &'static str {
        if self.target.starts_with("i686") { "i686-w64-mingw32-" } else { "x86_64-w64-mingw32-" }
    }
}
