//! Why a host's call fails.

/// Why a host's call failed: one sentence that names the field or the cause, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// An argument is NULL.
    #[error("{0} is NULL: expected {1}")]
    Null(&'static str, &'static str),
    /// A number of sessions is not positive.
    #[error("count is {0}: expected at least 1")]
    Count(i32),
    /// An argument is not UTF-8.
    #[error("{argument} is not UTF-8: invalid byte at offset {at}")]
    NotUtf8 {
        /// Its name in the header.
        argument: &'static str,
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// An argument is too large.
    #[error("{argument} has {bytes} bytes: the limit is {most}")]
    TooLarge {
        /// Its name in the header.
        argument: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// An argument is not the expected JSON.
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
        /// The option's key, made fit to print.
        key: String,
        /// What is wrong with it, and what is expected.
        problem: String,
    },
    /// No session has this number.
    #[error("session {0} does not exist: it was never opened, has ended, or was replaced by a newer one")]
    NoSession(i32),
    /// A session for the same hub, community, server and reader is open.
    #[error(
        "session {0} for the same url, communityId, serverId and reader is open: disconnect it first, or leave replace true"
    )]
    Exists(i32),
    /// Other readers of the session are there, which has another value of an option.
    #[error(
        "option \"{option}\": session {other} reads the same url, communityId and serverId with another value, and both share a connection: give both the same, or disconnect that session first"
    )]
    Differs {
        /// Its name in the header.
        option: &'static str,
        /// One of those sessions.
        other: i32,
    },
    /// A unit update is not as documented.
    #[error("{0}")]
    Unit(String),
    /// A body posted by HTTP lacks this session's API key.
    #[error(
        "body: its key is not this session's apiKey, so it is not from the CAD or is for another community"
    )]
    Key,
    /// The session is not authenticated now.
    #[error("the session is not ready: call again after SESSION_READY")]
    NotReady,
    /// The session has ended.
    #[error("the session has ended: connect again")]
    Closed,
    /// A queue is full: poll, then retry.
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
        /// What it refused.
        what: &'static str,
        /// Its reason.
        why: String,
    },
    /// Something did not end in time.
    #[error("not everything had ended when the time was up: what still runs ends by itself")]
    Timeout,
    /// A panic was caught.
    #[error("internal error: this is a defect of sonoran, please report the call")]
    Internal,
}
