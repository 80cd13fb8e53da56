//! `cargo xtask test`: every check and test, in one command.

use std::{process::ExitCode, time::Instant};

use anyhow::{Result, ensure};

use crate::{
    setup,
    steps::{self, Step},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only this step; may be repeated
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,

    /// Continue after a failed step
    #[arg(long)]
    keep_going: bool,

    /// List the steps and end
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let all: Vec<_> = steps::all().collect();
    if arguments.list {
        for step in all {
            println!("{:10} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &arguments.only {
        let known = all.iter().any(|step| step.name == name);
        ensure!(known, "there is no step {name}: cargo xtask test --list names them");
    }
    let chosen =
        |step: &&&Step| arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name);
    let chosen: Vec<_> = all.iter().filter(chosen).copied().collect();
    println!("cargo xtask setup runs first and installs what the steps need");
    setup::provide(&chosen)?;

    let mut summary = Summary::default();
    for (index, step) in chosen.iter().enumerate() {
        println!("\n==== {}/{} {}: {}", index + 1, chosen.len(), step.name, step.about);
        summary.add(step);
        if summary.failed > 0 && !arguments.keep_going {
            break;
        }
    }
    let not_reached = &chosen[summary.lines.len()..];
    summary.print(not_reached);
    Ok(if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    not_run: Vec<String>,
    passed: usize,
    failed: usize,
}

impl Summary {
    /// Runs a step and records its result.
    fn add(&mut self, step: &Step) {
        let started = Instant::now();
        let outcome = step.run();
        let seconds = started.elapsed().as_secs_f32();
        let verdict = match outcome {
            Ok(not_run) => {
                self.passed += 1;
                let parts = not_run.len();
                self.not_run.extend(not_run);
                if parts == 0 { "passed".to_owned() } else { format!("passed, {parts} parts not run") }
            }
            Err(error) => {
                self.failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        let line = format!("{:10} {seconds:6.1} s  {verdict}", step.name);
        println!("---- {line}");
        self.lines.push(line);
    }

    /// Prints the result of every step. Programs may parse the last line.
    fn print(&self, not_reached: &[&Step]) {
        println!("\n==== summary");
        for line in &self.lines {
            println!("{line}");
        }
        for step in not_reached {
            println!("{:10} {:>6}    not reached", step.name, "");
        }
        for line in &self.not_run {
            println!("{line}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
    }
}
