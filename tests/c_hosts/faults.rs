//! Each call of the library to the system fails once: an error or another attempt, never an abort, a hang or a leak.

use support::{
    program::{command, compile, finish, host, library},
    root,
};

use crate::{reset::serving_options, suite::Test};

pub(crate) const TESTS: &[(&str, Test)] = &[("faults", faults)];

/// What fails, and at least how often a session with TLS and a host name calls it.
const CALLS: &[(&str, usize)] = &[
    ("pthread_create", 2),
    ("open", 1),
    ("statx", 0),
    ("getrandom", 1),
    ("getaddrinfo", 1),
    ("epoll_create1", 1),
    ("epoll_ctl", 2),
    ("epoll_wait", 2),
    ("eventfd", 1),
    ("pipe2", 0),
    ("fcntl", 1),
    ("fcntl64", 0),
    ("ioctl", 1),
    ("socket", 1),
    ("socketpair", 1),
    ("connect", 1),
    ("setsockopt", 1),
    ("getsockopt", 1),
    ("getsockname", 0),
    ("getpeername", 0),
    ("send", 3),
    ("sendmsg", 0),
    ("recv", 3),
    ("read", 1),
    ("readv", 0),
    ("write", 1),
    ("writev", 0),
];

fn faults() {
    // whoever waits for the hub after a failure waits too long
    let more = r#""serverId":"%d","log":"debug","handshakeTimeoutMs":300000,"callTimeoutMs":300000"#;
    let options = serving_options("localhost").replace(r#""serverId":1"#, more);
    let fault = compile(&root().join("tests/c/fault.c"), "fault.so", &["-shared", "-fPIC"], &library());
    let mut rounds = Vec::new();
    for (call, least) in CALLS {
        let mut faults = command(&host("faults"));
        faults.args([&options, *call]).env("LD_PRELOAD", &fault);
        let output = finish(faults.spawn().expect("it is compiled"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{call}: {}: {said}", output.status);
        let count: usize = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert!(count >= *least, "{call}: {count} calls failed, which are too few");
        rounds.push(format!("{call} {count}"));
    }
    println!("calls that failed once: {}", rounds.join(", "));
}
