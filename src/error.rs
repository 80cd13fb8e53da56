//! What can go wrong in a call of the host.

/// Why a call of the host failed: one sentence that names the field or the cause and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An argument is NULL.
    #[error("{0} is NULL: expected a string")]
    Null(&'static str),
    /// An argument is not UTF-8.
    #[error("{argument} is not UTF-8: the byte at offset {at} does not belong there")]
    NotUtf8 {
        /// Its name in the header.
        argument: &'static str,
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// An argument is larger than is sensible.
    #[error("{argument} has {bytes} bytes: at most {most} are accepted")]
    TooLarge {
        /// Its name in the header.
        argument: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// An argument is not the JSON that was expected.
    #[error("{argument} is {problem}")]
    Json {
        /// Its name in the header.
        argument: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An option is unknown, missing, of the wrong type or out of range.
    #[error("option {key}: {problem}")]
    Option {
        /// The option's key, as far as it is fit to print.
        key: String,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// No session has this number.
    #[error("session {0} does not exist: it was never opened, has ended, or was replaced by a newer one")]
    NoSession(i32),
    /// A session for the same hub, community and server is open.
    #[error(
        "session {0} for the same url, communityId and serverId is open: disconnect it first, or leave replace true"
    )]
    Exists(i32),
    /// A unit update is not as documented.
    #[error("{0}")]
    Unit(String),
    /// A body that came by HTTP does not have this session's API key.
    #[error("body: its key is not the apiKey of this session: not from the CAD, or for another community")]
    Key,
    /// The session is not authenticated now.
    #[error("the session is not ready: call again after SESSION_READY")]
    NotReady,
    /// The session has ended.
    #[error("the session has ended: connect again")]
    Closed,
    /// Too much waits already.
    #[error("{0}")]
    Busy(String),
    /// The process was forked after it had connected.
    #[error(
        "this process is a fork of one that had connected: connect only after forking, or start the child with exec"
    )]
    Forked,
    /// The operating system refused something.
    #[error("the operating system refused {what}: {why}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// Its answer.
        why: String,
    },
    /// Something did not end in time.
    #[error("a thread of the library was still busy when the time was up: it was left to end alone")]
    Timeout,
    /// A panic was caught.
    #[error("internal error: this is a defect of sonoran, please report what was called")]
    Internal,
}
