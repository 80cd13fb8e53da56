//! What the session's own events say about the way to the hub, and what to do about it.

use crate::{check::report::Finding, exit::Exit, options::Options, session::Notice};

const BUSY: &str =
    "the CAD itself is in trouble: see its status page, and let the server run, which tries again by itself";

/// Explains the event that ended the first attempt.
pub(crate) fn failed(notice: &Notice) -> Finding {
    let (code, message) = (notice.code.as_str(), notice.message.as_str());
    let fails = |exit, step| Finding::fails(exit, step, message);
    match code {
        "dns" => fails(Exit::Name, "name").cause("no name server answers here").remedy("see whether other names resolve on this machine"),
        "connect" => fails(Exit::Tcp, "tcp").cause("a firewall in between, or nothing listens there").remedy("allow outgoing TCP to the hub"),
        "tls" => fails(Exit::Tls, "tls").cause("a proxy or firewall reads the connection, or a clock is wrong").remedy("see the step tls above for whose certificate it is"),
        "timeout" => timed_out(message),
        "http-401" | "http-403" => fails(Exit::Upgrade, "upgrade")
            .cause("a proxy or a filter of websites in between wants a login, or the CAD has blocked this address after bad requests")
            .remedy("try from another network; if it works there, ask your host, otherwise wait an hour"),
        "http-404" => fails(Exit::Upgrade, "upgrade").cause("the path of the url is not the hub's").remedy("leave --url out for Sonoran's own hub; its path is /apiWsHub"),
        "http-429" => fails(Exit::Upgrade, "upgrade").cause("this address has asked too often").remedy("wait, and see that no script restarts the server in a loop"),
        "http-5xx" => fails(Exit::Upgrade, "upgrade").cause("the hub is down, or being updated").remedy(BUSY),
        "http-redirect" => fails(Exit::Upgrade, "upgrade").cause("the hub has moved, or a login page of this network answers").remedy("open the address in a browser on this machine"),
        "http" | "lost" => fails(Exit::Upgrade, "upgrade")
            .cause("a proxy or firewall in between does not let websockets through, or no hub is there")
            .remedy("allow websockets to this host, or use a network without that proxy"),
        "rejected" => rejected(message),
        "hub-error" | "call-timeout" => fails(Exit::Credentials, "credentials").cause("the hub could not check them just now").remedy(BUSY),
        "another-client" => displaced(message),
        _ => fails(Exit::Handshake, "handshake")
            .cause("what answers is no hub of Sonoran CAD, or something in between changes or holds its words")
            .remedy("see whether --url is right; if it is, try from another network"),
    }
}

/// A stage timed out; the message names it.
fn timed_out(message: &str) -> Finding {
    const SLOW: &str = "a firewall drops packets instead of refusing them, or the network is overloaded";
    let stages = [
        ("resolving", Exit::Name, "name", "the name server does not answer"),
        ("connecting", Exit::Tcp, "tcp", SLOW),
        ("TLS", Exit::Tls, "tls", SLOW),
        ("upgrading", Exit::Upgrade, "upgrade", "a proxy in between holds websockets back"),
    ];
    let stage = stages.into_iter().find(|(word, ..)| message.contains(word));
    let (_, exit, step, cause) =
        stage.unwrap_or(("", Exit::Handshake, "handshake", "the hub does not answer"));
    Finding::fails(exit, step, message)
        .cause(cause)
        .remedy("allow outgoing connections to the hub; try from another network")
}

/// The hub refused the credentials; the message holds its words.
fn rejected(message: &str) -> Finding {
    let words = message.to_lowercase();
    // the library's sentence only says "credentials"; the hub's words are more specific
    if words.contains("server id") || words.contains("serverid") || words.contains("invalid server") {
        return Finding::fails(Exit::Server, "server id", message)
            .cause("the CAD has no server with this number")
            .remedy("look the number up in the CAD: Admin, Servers; the first one is 1");
    }
    let (cause, remedy) = if words.contains("community") {
        ("the community id is not the CAD's", "copy it from the CAD: Admin, Advanced, In-Game Integration")
    } else {
        (
            "the key is not this community's, was renewed in the CAD, or has lost a character on its way",
            "copy it anew from the CAD's admin panel. Do not try many keys: the CAD blocks addresses that do",
        )
    };
    Finding::fails(Exit::Credentials, "credentials", message).cause(cause).remedy(remedy)
}

/// A session that was ready and has ended.
pub(crate) fn lost(notice: &Notice, options: &Options) -> Finding {
    if notice.was_sent_away() || notice.code == "another-client" {
        return displaced(&format!("server {}: {}", options.server().unwrap_or_default(), notice.message));
    }
    Finding::fails(Exit::Lost, "session", &notice.message)
        .cause("the hub was restarted, or something in between ends connections")
        .remedy("check again; if it happens each time after the same while, a proxy or firewall has a limit of that length")
}

fn displaced(message: &str) -> Finding {
    Finding::fails(Exit::Lost, "session", message)
        .cause("another client holds this server id: a second process here, SonoranCAD's own session, or a copy of this server elsewhere")
        .remedy("end the other one, or give each its own server in the CAD; --without-server checks beside a game server that runs")
}

#[cfg(test)]
mod tests {
    use crate::check::report::Verdict;

    use super::*;

    fn exit(code: &str, message: &str) -> u8 {
        let event = format!(r#"{{"type":"SESSION_RETRY","code":"{code}","message":"{message}"}}"#);
        let finding = failed(&Notice::read(&event).unwrap());
        assert!(finding.cause.is_some() && finding.remedy.is_some(), "{code}");
        match finding.verdict {
            Verdict::Fails(exit) => exit.code(),
            other => panic!("{code}: {other:?}"),
        }
    }

    #[test]
    fn each_kind_of_failure_has_its_number_a_cause_and_a_remedy() {
        for (code, message, number) in [
            ("dns", "", 3),
            ("timeout", "not connected to h within 15000 ms, while resolving its name", 3),
            ("connect", "", 4),
            ("timeout", "while connecting by TCP", 4),
            ("tls", "", 5),
            ("timeout", "while negotiating TLS", 5),
            ("http-403", "", 6),
            ("http-5xx", "", 6),
            ("timeout", "while upgrading to a websocket", 6),
            ("handshake", "", 7),
            ("protocol", "", 7),
            ("rejected", "The hub refused the credentials: Invalid API key.", 8),
            ("rejected", "The hub refused the credentials: Invalid community ID.", 8),
            ("rejected", "The hub refused the credentials: Invalid server ID.", 9),
            ("another-client", "", 10),
        ] {
            assert_eq!(exit(code, message), number, "{code} {message}");
        }
    }
}
