//! What the library costs, beside a bare reader and Microsoft's client, in the same run: `cargo xtask bench`.

#[cfg(unix)]
mod bare;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod generator;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod measures;
#[cfg(unix)]
mod payload;
#[cfg(unix)]
mod reader;

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((name, rest)) if name == bare::NAME => bare::run(rest),
        _ => measures::run(&clap::Parser::parse()),
    }
}

#[cfg(not(unix))]
fn main() {
    println!("NOT RUN: bench: it measures on Unix alone");
}
