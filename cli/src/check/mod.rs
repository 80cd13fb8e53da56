//! `sonoran check`: tests the way to the hub step by step, and reports what works and what does not.

mod certificate;
mod machine;
mod place;
mod report;
mod verdict;
mod wire;

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::{
    check::{
        place::Place,
        report::{Finding, Report, Verdict},
        wire::Wire,
    },
    exit::Exit,
    options::{Options, Sources},
    session::{Notice, Session},
    style::{Color, Style, printable},
};

/// Longer than the library's limit for each of its steps.
const PATIENCE: Duration = Duration::from_secs(90);

const CODES: &str = "\
Exit codes: 0 it works, 1 another failure, 2 options, 3 name, 4 TCP, 5 TLS, 6 HTTP or upgrade, 7 handshake,
8 credentials, 9 server id, 10 the session was lost (another client), 11 a native file of the resource.

While it checks, it holds the server's session: a game server with the same server id may lose its own for that
time. --without-server checks everything else beside it.";

#[derive(Debug, clap::Args)]
#[command(after_help = CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Sources,

    /// Seconds to wait for an event once it works; getting none is not a failure
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    wait: u64,

    /// Print what was found as one JSON object
    #[arg(long)]
    json: bool,

    /// Whether to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    let mut report = Report::new(arguments.json, Style::new(arguments.color));
    check(arguments, &mut report);
    report.end()
}

fn check(arguments: &Arguments, report: &mut Report) {
    let options = match Options::gather(&arguments.options) {
        Ok(options) => options,
        Err(wrong) => {
            let finding = Finding::fails(Exit::Options, "options", wrong.problem);
            return report.add(finding.remedy(wrong.remedy));
        }
    };
    report.say(&format!("sonoran {} checks {}", env!("CARGO_PKG_VERSION"), options.url()));
    // the library checks the options and connects at once; the steps below probe the same way in parallel
    let session = match Session::connect(&options.json(&[])) {
        Ok(session) => session,
        Err(sentence) => {
            let finding = Finding::fails(Exit::Options, "options", sentence);
            return report.add(finding.remedy("correct it; sonoran.h lists the options and their values"));
        }
    };
    report.add(Finding::holds("options", options.summary()));
    options.warnings.iter().for_each(|warning| report.add(Finding::doubtful("options", warning)));
    if let Some(server) = &options.server_folder {
        machine::native_files(server).into_iter().for_each(|finding| report.add(finding));
    }
    let hosts = machine::other_hosts();
    if !hosts.is_empty() {
        let detail = format!("sonoran runs here already, in {}", hosts.join(", "));
        report.add(Finding::doubtful("machine", detail).remedy("each server of the CAD has one session: if that one has this server id, the two displace each other"));
    }

    walk(&options, report);
    let mut early = None;
    let Some(outcome) = first_outcome(&session, &mut early) else {
        let finding = Finding::fails(Exit::Failed, "session", "the library did not come to an end in time");
        return report.add(finding.remedy("please report this as a defect of sonoran"));
    };
    if outcome.kind != "SESSION_READY" {
        return report.add(verdict::failed(&outcome));
    }
    report.forgive(&["name", "tcp", "tls", "http"]);
    report.add(Finding::holds("upgrade", "the websocket is open and the handshake done"));
    report.add(Finding::holds("credentials", outcome.message));
    match options.server() {
        Some(server) => report.add(Finding::holds("server id", format!("the CAD has a server {server}"))),
        None => report.add(Finding::doubtful("server id", "none was given, so that no events come")),
    }
    if options.server().is_some() && arguments.wait > 0 {
        report.say(&format!(
            "it works: waiting for an event, for {} s at most; change a unit's status in the CAD",
            arguments.wait
        ));
        wait_for_event(&session, early, &options, Duration::from_secs(arguments.wait), report);
    } else {
        report.say("it works");
    }
}

/// Probes each step to the hub until one fails.
fn walk(options: &Options, report: &mut Report) {
    // the library has accepted the url
    let Some(place) = Place::read(options.url()) else { return };
    let addresses = match place::resolve(&place) {
        Ok((finding, addresses)) => {
            report.add(finding);
            addresses
        }
        Err(finding) => return report.add(finding),
    };
    let stream = match wire::connect(&place, &addresses) {
        Ok((finding, stream)) => {
            report.add(finding);
            stream
        }
        Err(finding) => return report.add(finding),
    };
    let mut wire = Wire::Plain(stream);
    if place.secure {
        let Wire::Plain(stream) = wire else { return };
        let (finding, secured) =
            wire::secure(&place, stream, options.text("caFile"), options.is_true("insecureTls"));
        report.add(finding);
        let Some(secured) = secured else { return };
        wire = secured;
    } else {
        report.add(Finding::holds("tls", "not used: the url is not https"));
    }
    match wire::ask(&place, &mut wire) {
        Ok(answer) => {
            report.add(answer.finding());
            answer.clock(SystemTime::now()).into_iter().for_each(|finding| report.add(finding));
        }
        Err(error) => report.add(
            Finding::fails(Exit::Upgrade, "http", format!("no answer to HTTP: {error}"))
                .cause("a firewall in between, or what listens there is no hub")
                .remedy("see whether the url is right"),
        ),
    }
}

/// The event that says how the first attempt ended. A push may come before it.
fn first_outcome(session: &Session, early: &mut Option<String>) -> Option<Notice> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let Some(event) = session.wait(500) else { continue };
        let Some(notice) = Notice::read(&event) else {
            early.get_or_insert(event);
            continue;
        };
        let decides = |notice: &Notice| {
            ["SESSION_READY", "SESSION_RETRY", "SESSION_REJECTED", "SESSION_LOST", "SESSION_CLOSED"]
                .contains(&notice.kind.as_str())
        };
        if decides(&notice) {
            return Some(notice);
        }
    }
    None
}

fn wait_for_event(
    session: &Session,
    mut early: Option<String>,
    options: &Options,
    wait: Duration,
    report: &mut Report,
) {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        let left = until.saturating_duration_since(Instant::now()).min(Duration::from_millis(500));
        let next = || session.wait(i32::try_from(left.as_millis()).unwrap_or(500));
        let Some(event) = early.take().or_else(next) else { continue };
        match Notice::read(&event) {
            None => {
                let kind = serde_json::from_str::<Value>(&event).ok();
                let kind =
                    kind.as_ref().and_then(|event| event.get("type")?.as_str()).unwrap_or("event").to_owned();
                return report.add(Finding::holds("event", format!("{} arrived", printable(&kind))));
            }
            Some(notice) if notice.kind == "SESSION_LOST" => {
                return report.add(verdict::lost(&notice, options));
            }
            Some(_) => {}
        }
    }
    let finding = Finding {
        verdict: Verdict::Doubtful,
        ..Finding::holds("event", format!("none came in {} s", wait.as_secs()))
    };
    report.add(
        finding.remedy("change a unit's status in the CAD while this waits; --wait SECONDS waits longer"),
    );
}
