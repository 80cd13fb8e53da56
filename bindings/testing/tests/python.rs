//! The Python binding, from plain threads and from asyncio.

use std::{fs, process::Command};

use support::{
    hub::{Hub, Kind, Setup},
    program::library,
};
use testing::{folder, host, include, lacks, program, run, scratch, unusable};

fn python(script: &str) -> Command {
    let binding = folder("bindings/python");
    let mut python = program("python3", &binding);
    python.env("PYTHONPATH", &binding).env("SONORAN_LIBRARY", library()).env("PYTHONDONTWRITEBYTECODE", "1");
    python.args(["-X", "dev", "-W", "error"]).arg(script);
    python
}

fn consumer() -> Command {
    python("tests/consumer.py")
}

fn asyncio() -> Command {
    let mut consumer = consumer();
    consumer.arg("asyncio");
    consumer
}

/// The header's functions and options; ownership, and the sentence of every failure.
#[test]
fn api() {
    if !lacks(&["python3", "gcc"], "the Python binding") {
        run(python("tests/api.py").arg(include()).arg(unusable::folder_of("python")));
    }
}

/// The README's code is valid Python.
#[test]
fn readme() {
    if lacks(&["python3"], "bindings/python/README.md") {
        return;
    }
    let readme = fs::read_to_string(folder("bindings/python").join("README.md")).expect("README.md");
    let shown: Vec<_> =
        readme.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(shown.len(), 2, "pieces of Python");
    for (number, text) in shown.iter().enumerate() {
        let source = scratch("python-readme").join(format!("readme{number}.py"));
        fs::write(&source, text).expect("it can be written");
        run(program("python3", &folder("bindings/python")).args(["-m", "py_compile"]).arg(&source));
    }
}

#[test]
fn bytes() {
    if !lacks(&["python3"], "Python: events byte for byte") {
        host::bytes("Python", consumer);
        host::bytes("Python's asyncio", asyncio);
    }
}

#[test]
fn calls() {
    if !lacks(&["python3"], "Python: calls") {
        host::calls("Python", consumer);
        host::calls("Python's asyncio", asyncio);
    }
}

/// One asyncio loop for many sessions sleeps while nothing happens.
#[test]
fn event_loop() {
    if lacks(&["python3"], "Python: an event loop") {
        return;
    }
    let hub = Hub::start(Kind::Local, Setup::default());
    let url = hub.url();
    let address = url.trim_end_matches("/apiWsHub");
    let said = run(python("tests/event_loop.py").args([address, "100"]));
    assert_eq!(said.lines().collect::<Vec<_>>(), ["woken 0", "ended"], "{said}");
}
