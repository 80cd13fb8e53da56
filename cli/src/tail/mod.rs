//! `sonoran tail`: prints events as they arrive.

mod summary;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime},
};

use serde_json::Value;
use sonoran_hub::recording::Recorder;

use crate::{
    exit::Exit,
    options::{Options, Sources},
    session::{Notice, Session},
    style::{Color, Style, Tone, printable},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Sources,

    /// Print each event as it is, one per line, without the API key
    #[arg(long)]
    json: bool,

    /// Show only events of this type, such as EVENT_911 or EVENT_DISPATCH_*; repeatable
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,

    /// Write every event, shown or not, to this file: JSON lines with arrival times, for `sonoran replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Exit after showing so many events
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// Whether to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

pub(crate) fn run(arguments: &Arguments) -> Exit {
    let options = match Options::gather(&arguments.options) {
        Ok(options) => options,
        Err(wrong) => return complain(Exit::Options, &format!("{}: {}", wrong.problem, wrong.remedy)),
    };
    options.warnings.iter().for_each(|warning| eprintln!("sonoran: {}", printable(warning)));
    // opened first, so that a wrong path fails at once
    let record = match &arguments.record {
        None => None,
        Some(path) => match File::create_new(path) {
            Ok(file) => Some(Recorder::new(BufWriter::new(file))),
            Err(error) => {
                return complain(Exit::Failed, &format!("{} cannot be made: {error}", path.display()));
            }
        },
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    if let Err(error) = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)) {
        return complain(Exit::Failed, &format!("Ctrl-C cannot be handled: {error}"));
    }
    // the session must not close itself when idle
    let session = match Session::connect(&options.json(&[("idleCloseMs", 0.into())])) {
        Ok(session) => session,
        Err(sentence) => return complain(Exit::Options, &sentence),
    };
    let mut tail =
        Tail { arguments, style: Style::new(arguments.color), record, shown: 0, started: Instant::now() };
    match tail.follow(&session, &interrupted) {
        Ok(()) => Exit::Works,
        // the reader of our output has closed it
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Works,
        Err(error) => complain(Exit::Failed, &format!("the output cannot be written: {error}")),
    }
}

fn complain(exit: Exit, sentence: &str) -> Exit {
    eprintln!("sonoran: {}", printable(sentence));
    exit
}

struct Tail<'a> {
    arguments: &'a Arguments,
    style: Style,
    record: Option<Recorder<BufWriter<File>>>,
    shown: u64,
    started: Instant,
}

impl Tail<'_> {
    /// Prints until Ctrl-C, says goodbye, and prints the remaining events.
    fn follow(&mut self, session: &Session, interrupted: &AtomicBool) -> io::Result<()> {
        let mut leaving = false;
        while session.is_alive() {
            let enough = self.arguments.count.is_some_and(|count| self.shown >= count);
            if !leaving && (enough || interrupted.load(Ordering::Relaxed)) {
                session.disconnect();
                leaving = true;
            }
            if let Some(event) = session.wait(100) {
                self.take(&event, leaving && enough)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: &str, silent: bool) -> io::Result<()> {
        if let Some(record) = &mut self.record {
            record.add(self.started.elapsed(), SystemTime::now(), event)?;
        }
        let notice = Notice::read(event);
        let parsed: Value = serde_json::from_str(event).unwrap_or_default();
        let kind = parsed.get("type").and_then(Value::as_str).unwrap_or_default();
        let counted = notice.is_none();
        if !self.is_wanted(kind, notice.is_some()) || (silent && counted) {
            return Ok(());
        }
        self.shown += u64::from(counted);
        let mut stdout = io::stdout().lock();
        if self.arguments.json {
            // JSON may have line breaks between its tokens
            let line = if event.contains(['\n', '\r']) {
                event.replace(['\n', '\r'], " ")
            } else {
                event.to_owned()
            };
            writeln!(stdout, "{line}")?;
        } else {
            let time = chrono::Local::now().format("%H:%M:%S");
            let time = self.style.paint(Tone::Quiet, &time.to_string());
            let (tone, text) = match &notice {
                Some(notice) => (tone(&notice.kind), printable(&notice.message)),
                None => (Tone::Good, summary::of(kind, &parsed, event)),
            };
            let kind = self.style.paint(tone, &format!("{:<28}", printable(kind)));
            writeln!(stdout, "{time}  {kind}  {text}")?;
        }
        stdout.flush()
    }

    /// The library's own events pass every filter: silence needs a reason.
    fn is_wanted(&self, kind: &str, own: bool) -> bool {
        let matches = |wanted: &String| match wanted.strip_suffix('*') {
            Some(start) => kind.to_uppercase().starts_with(&start.to_uppercase()),
            None => kind.eq_ignore_ascii_case(wanted),
        };
        self.arguments.types.is_empty() || own || self.arguments.types.iter().any(matches)
    }
}

fn tone(kind: &str) -> Tone {
    match kind {
        "SESSION_READY" => Tone::Good,
        "SESSION_REJECTED" | "SESSION_EVENTS_DROPPED" => Tone::Bad,
        "SESSION_CLOSED" | "SESSION_LOG" => Tone::Quiet,
        _ => Tone::Doubtful,
    }
}
