//! What a check found, for a person or as JSON.

use serde_json::{Value, json};

use crate::{
    exit::Exit,
    style::{Style, Tone, printable},
};

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Doubtful,
    Fails(Exit),
}

/// The result of one step, and what to do about it.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) step: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) detail: String,
    pub(crate) cause: Option<String>,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn holds(step: &'static str, detail: impl Into<String>) -> Self {
        Self { step, verdict: Verdict::Holds, detail: detail.into(), cause: None, remedy: None }
    }

    pub(crate) fn doubtful(step: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Doubtful, ..Self::holds(step, detail) }
    }

    pub(crate) fn fails(exit: Exit, step: &'static str, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fails(exit), ..Self::holds(step, detail) }
    }

    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Prints each finding at once or, as JSON, all of them at the end.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    style: Style,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(json: bool, style: Style) -> Self {
        Self { json, style, findings: Vec::new() }
    }

    /// Prints a line besides the findings, but not in JSON.
    pub(crate) fn say(&self, line: &str) {
        if !self.json {
            println!("{}", printable(line));
        }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if !self.json {
            let (tone, word) = match finding.verdict {
                Verdict::Holds => (Tone::Good, "ok  "),
                Verdict::Doubtful => (Tone::Doubtful, "note"),
                Verdict::Fails(_) => (Tone::Bad, "FAIL"),
            };
            println!(
                "  {}  {:<12} {}",
                self.style.paint(tone, word),
                finding.step,
                printable(&finding.detail)
            );
            for (name, text) in [("likely", &finding.cause), ("remedy", &finding.remedy)] {
                if let Some(text) = text {
                    println!(
                        "        {} {}",
                        self.style.paint(Tone::Quiet, &format!("{name:<12}")),
                        printable(text)
                    );
                }
            }
        }
        self.findings.push(finding);
    }

    /// Turns failures of these steps into notes: the session got through.
    pub(crate) fn forgive(&mut self, steps: &[&str]) {
        for finding in self.findings.iter_mut().filter(|finding| steps.contains(&finding.step)) {
            if let Verdict::Fails(_) = finding.verdict {
                finding.verdict = Verdict::Doubtful;
            }
        }
    }

    /// The last failure decides: an earlier one is part of its cause.
    pub(crate) fn end(self) -> Exit {
        let failed = self.findings.iter().rev().find_map(|finding| match finding.verdict {
            Verdict::Fails(exit) => Some(exit),
            _ => None,
        });
        let exit = failed.unwrap_or(Exit::Works);
        if self.json {
            let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
            println!("{}", json!({ "works": exit == Exit::Works, "exit": exit.code(), "steps": findings }));
        }
        exit
    }
}

impl Finding {
    fn json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Holds => "ok",
            Verdict::Doubtful => "note",
            Verdict::Fails(_) => "failed",
        };
        json!({
            "step": self.step, "result": verdict, "detail": self.detail, "cause": self.cause, "remedy": self.remedy,
        })
    }
}
