//! What is measured, in which order, and the tables.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::generator::{Generator, Sent, Work};
use crate::load::{Block, FORMS, Form};
use crate::reader::{Reader, Running, figures, url};

/// F has to be this busy, or the generator was the limit.
const BUSY: f64 = 0.95;

/// Measures the library beside a bare reader and Microsoft's client
#[derive(Debug, clap::Parser)]
pub(crate) struct Arguments {
    /// A C host that is linked to the library
    #[arg(long)]
    host: PathBuf,

    /// The local hub's program
    #[arg(long)]
    hub: PathBuf,

    /// A C host that is linked to the library for musl
    #[arg(long)]
    musl_host: Option<PathBuf>,

    /// client.cjs
    #[arg(long, requires = "modules")]
    script: Option<PathBuf>,

    /// The folder that the JavaScript client is installed in
    #[arg(long)]
    modules: Option<PathBuf>,

    /// Show that everything still runs, in a few seconds; the figures mean nothing
    #[arg(long)]
    quick: bool,
}

/// How long and how often.
struct Effort {
    rounds: usize,
    /// For one reader in one round.
    time: Duration,
    steady: usize,
    starts: usize,
    sessions: usize,
    waiting: usize,
}

const FULL: Effort = Effort {
    rounds: 5,
    time: Duration::from_millis(700),
    steady: 3000,
    starts: 21,
    sessions: 1000,
    waiting: 200_000,
};
const QUICK: Effort =
    Effort { rounds: 1, time: Duration::from_millis(20), steady: 50, starts: 1, sessions: 20, waiting: 1000 };

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let effort = if arguments.quick { QUICK } else { FULL };
    let library = Reader::Host { name: "this library", program: arguments.host.clone() };
    let mut readers = vec![Reader::Bare { parses: false }, Reader::Bare { parses: true }, library.clone()];
    if let Some(program) = &arguments.musl_host {
        readers.push(Reader::Host { name: "this library for musl", program: program.clone() });
    }
    if let (Some(script), Some(modules)) = (&arguments.script, &arguments.modules) {
        readers.push(Reader::JavaScript { script: script.clone(), modules: modules.clone() });
    }
    println!("{}\n", machine());
    throughput(&readers, &effort)?;
    latency(readers.iter().filter(|reader| !matches!(reader, Reader::Bare { parses: true })), &effort)?;
    starts(&[Reader::Bare { parses: false }, library], &effort)?;
    memory(&arguments.host, &arguments.hub, &effort)?;
    large(&arguments.host)?;
    calls(&arguments.host, &effort)
}

fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}, Linux {}, load {}",
        model.unwrap_or("an unknown processor"),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').next().unwrap_or_default()
    )
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The rounds of one reader with one form.
#[derive(Default)]
struct Rounds {
    /// Events per second.
    rate: Vec<f64>,
    /// What it computed for an event, in nanoseconds, and for how much of the time.
    computed: Vec<f64>,
    busy: Vec<f64>,
    /// For how much of the time the generator computed.
    generator: Vec<f64>,
}

fn throughput(readers: &[Reader], effort: &Effort) -> Result<()> {
    let mut columns = Vec::new();
    for form in FORMS {
        // enough for a guess at F's pace, which sets the rest
        let events = if form.per_message > 1 { 20_000 } else { 2_000 };
        let (mut pace, _) = flood(&Reader::Bare { parses: false }, form, events)?;
        let mut column: Vec<_> = readers.iter().map(|_| Rounds::default()).collect();
        for _ in 0..effort.rounds {
            for (reader, rounds) in readers.iter().zip(&mut column) {
                let rate = rounds.rate.last().copied().unwrap_or_else(|| pace.rate * reader.pace());
                let events = (rate * effort.time.as_secs_f64()) as usize;
                let (measured, sent) = flood(reader, form, events.max(100))?;
                rounds.rate.push(measured.rate);
                rounds.computed.push(measured.computed);
                rounds.busy.push(measured.busy);
                rounds.generator.push(sent.busy);
            }
            pace.rate = column.first().map_or(0.0, |bare| median(&bare.rate));
        }
        columns.push(column);
    }
    table("events/s", readers, &columns, |rounds, bare| match bare {
        None => events_per_second(median(&rounds.rate)),
        Some(bare) => {
            let ratios = rounds.rate.iter().zip(&bare.rate).map(|(ours, bare)| ours / bare);
            format!("{:.3} F", median(&ratios.collect::<Vec<_>>()))
        }
    });
    table("processor time for an event", readers, &columns, |rounds, _| {
        format!("{:.0} ns", median(&rounds.computed))
    });
    for (form, column) in FORMS.iter().zip(&columns) {
        let (busy, generator) = (median(&column[0].busy), median(&column[0].generator));
        let verdict = if busy >= BUSY { "" } else { ": the generator, or the machine, was the limit" };
        let [busy, generator] = [busy, generator].map(|share| share * 100.0);
        println!(
            "{}: F was busy {busy:.0} % of the time, its generator {generator:.0} %{verdict}",
            form.name
        );
    }
    Ok(())
}

/// Prints a table with a row for each reader and a column for each form. `cell` gets F's rounds too, but not for F.
fn table(
    head: &str,
    readers: &[Reader],
    columns: &[Vec<Rounds>],
    cell: impl Fn(&Rounds, Option<&Rounds>) -> String,
) {
    let heads: Vec<_> = FORMS.iter().map(|form| form.name).collect();
    println!("| {head} | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for (at, reader) in readers.iter().enumerate() {
        let bare = |column: &'_ [Rounds]| cell(&column[at], (at > 0).then(|| &column[0]));
        let cells: Vec<_> = columns.iter().map(|column| bare(column)).collect();
        println!("| {} | {} |", reader.name(), cells.join(" | "));
    }
    println!();
}

fn events_per_second(rate: f64) -> String {
    if rate >= 1e6 { format!("{:.2} M", rate / 1e6) } else { format!("{:.0} k", rate / 1e3) }
}

struct Measured {
    rate: f64,
    computed: f64,
    busy: f64,
}

fn flood(reader: &Reader, form: Form, events: usize) -> Result<(Measured, Sent)> {
    let events = events.next_multiple_of(form.per_message);
    let generator = Generator::start(Work::Flood(Block::new(form), events))?;
    let [took, computed] = reader.read(generator.address, events, form.per_message)?;
    let sent = generator.end()?;
    let count = events as f64;
    let measured = Measured { rate: count / took * 1e9, computed: computed / count, busy: computed / took };
    Ok((measured, sent))
}

fn latency<'a>(readers: impl Iterator<Item = &'a Reader> + Clone, effort: &Effort) -> Result<()> {
    let mut all: Vec<_> = readers.clone().map(|_| Vec::new()).collect();
    for _ in 0..effort.rounds.min(3) {
        for (reader, times) in readers.clone().zip(&mut all) {
            let block = Block::new(FORMS[0]);
            let work = Work::Steady(block, effort.steady, Duration::from_millis(1));
            let generator = Generator::start(work)?;
            let came = reader.wait(generator.address, effort.steady)?;
            let sent = generator.end()?.times;
            times.extend(came.iter().zip(&sent).map(|(came, sent)| came.saturating_sub(*sent) as f64 / 1e3));
        }
    }
    println!("\n| from the hub's send to the host, 1,000 events/s | p50 | p99 |\n|---|---|---|");
    for (reader, times) in readers.zip(&mut all) {
        times.sort_by(f64::total_cmp);
        let [half, most] = [0.5, 0.99].map(|part| times[(times.len() as f64 * part) as usize]);
        println!("| {} | {half:.0} µs | {most:.0} µs |", reader.name());
    }
    Ok(())
}

fn starts(readers: &[Reader; 2], effort: &Effort) -> Result<()> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..effort.starts {
        for (reader, times) in readers.iter().zip(&mut times) {
            let work = Work::Flood(Block::new(FORMS[0]), 0);
            let generator = Generator::start(work)?;
            let started = Instant::now();
            reader.ready(generator.address)?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            generator.end()?;
        }
    }
    let [bare, ours] = times.map(|times| median(&times));
    println!(
        "\nFrom the start of the process to authenticated, and its end: {ours:.1} ms, F {bare:.1} ms, {:.2} F",
        ours / bare
    );
    Ok(())
}

fn memory(host: &Path, hub: &Path, effort: &Effort) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("sonoran-bench-{}", std::process::id()));
    println!("\n| memory | the first session | each further | all | ready after |\n|---|---|---|---|---|");
    for secure in [false, true] {
        let mut serve = Command::new(hub);
        serve.args(["--listen", "127.0.0.1:0", "--stop-on-eof"]);
        if secure {
            serve.arg("--self-signed").arg(&folder);
        }
        let mut hub = Running::start(serve)?;
        let address = hub.line()?;
        let address = address.strip_prefix("listening http").context("the local hub did not start")?;
        let mut command = Command::new(host);
        command.args(["memory", &format!("ws{address}/apiWsHub"), &effort.sessions.to_string()]);
        if secure {
            command.arg(folder.join("ca.pem"));
        }
        let lines = Running::start(command)?.finish()?;
        let [before, first, all] = figures(&lines, "kb ")?;
        let [ready] = figures(&lines, "ms ")?;
        let kind = if secure { "wss" } else { "ws" };
        let further = (all - first) / (effort.sessions - 1) as f64;
        println!(
            "| {} sessions over {kind} | {:.1} MB | {further:.1} KB | {:.1} MB | {ready:.0} ms |",
            effort.sessions,
            (first - before) / 1024.0,
            (all - before) / 1024.0
        );
    }
    let _ = std::fs::remove_dir_all(folder);
    Ok(())
}

/// What a push of 15 MB leaves behind.
fn large(host: &Path) -> Result<()> {
    // by then the host knows what it needs without it
    let work = Work::Steady(Block::large(15_000_000), 1, Duration::from_secs(2));
    let generator = Generator::start(work)?;
    let mut command = Command::new(host);
    command.args(["large", &url(generator.address)]);
    let [before, after] = figures(&Running::start(command)?.finish()?, "kb ")?;
    generator.end()?;
    println!("\nA push of 15 MB leaves {:.0} KB behind.", after - before);
    Ok(())
}

fn calls(host: &Path, effort: &Effort) -> Result<()> {
    let generator = Generator::start(Work::Flood(Block::new(FORMS[0]), effort.waiting))?;
    let mut command = Command::new(host);
    command.args(["calls", &url(generator.address), &effort.waiting.to_string()]);
    let lines = Running::start(command)?.finish()?;
    generator.end()?;
    println!("\n| a call, from C | ns |\n|---|---|");
    let calls: Vec<_> =
        lines.iter().filter_map(|line| line.strip_prefix("call ")?.rsplit_once(' ')).collect();
    ensure!(calls.len() == 5, "the host measured {calls:?}");
    for (name, time) in calls {
        let time: f64 = time.parse().context("a figure")?;
        println!("| {name} | {time} |");
    }
    Ok(())
}
