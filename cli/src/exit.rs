//! Exit codes: one for each kind of failure.

/// The kinds, in the order of the steps. `check --help` lists the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Works,
    /// Any failure without its own number, such as a file that cannot be written.
    Failed,
    /// An option is missing or wrong.
    Options,
    Name,
    Tcp,
    Tls,
    Upgrade,
    Handshake,
    Credentials,
    Server,
    /// The session was ready and then ended.
    Lost,
    /// A native library of the resource is missing, or is for another system.
    Files,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Works => 0,
            Self::Failed => 1,
            Self::Options => 2,
            Self::Name => 3,
            Self::Tcp => 4,
            Self::Tls => 5,
            Self::Upgrade => 6,
            Self::Handshake => 7,
            Self::Credentials => 8,
            Self::Server => 9,
            Self::Lost => 10,
            Self::Files => 11,
        }
    }
}
