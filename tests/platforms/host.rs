//! Drives a running `host.c`.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::Value;
use support::{PATIENCE, program::finish};

#[derive(Debug)]
pub(crate) struct Host {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

/// A command's result.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) nanoseconds: u64,
    pub(crate) number: i32,
    pub(crate) text: String,
}

impl Host {
    pub(crate) fn start(mut command: Command) -> Self {
        command.env_remove("LD_LIBRARY_PATH");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        let stdin = child.stdin.take();
        Self { child: Some(child), stdin, answers }
    }

    /// Sends a command and returns its result.
    pub(crate) fn tell(&mut self, command: &str) -> Answer {
        let written = writeln!(self.stdin.as_ref().expect("it runs"), "{command}");
        let line = written.ok().and_then(|()| self.answers.recv_timeout(PATIENCE).ok());
        let Some(line) = line else { panic!("no answer to {command:.60}: {}", self.last_words()) };
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_else(|| panic!("{line}"));
        Answer {
            nanoseconds: part().parse().expect("a time"),
            number: part().parse().expect("a number"),
            text: part().to_owned(),
        }
    }

    pub(crate) fn connect(&mut self, options: &Value) -> i32 {
        let answer = self.tell(&format!("connect {options}"));
        assert!(answer.number > 0, "{answer:?}");
        answer.number
    }

    /// Opens a session and waits until it is ready.
    pub(crate) fn ready(&mut self, options: &Value) -> i32 {
        let session = self.connect(options);
        self.expect(session, "SESSION_READY");
        session
    }

    /// The session's next event.
    pub(crate) fn event(&mut self, session: i32) -> Value {
        let answer = self.tell(&format!("wait {session} 120000"));
        assert_eq!(answer.number, 1, "no event");
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {}", answer.text))
    }

    /// The session's next event, which must be of this type.
    pub(crate) fn expect(&mut self, session: i32, kind: &str) -> Value {
        let event = self.event(session);
        assert_eq!(event["type"], kind, "{event}");
        event
    }

    /// The session's next event that is not a SESSION_RETRY, which must be of this type.
    pub(crate) fn expect_after_retries(&mut self, session: i32, kind: &str) -> Value {
        loop {
            let event = self.event(session);
            if event["type"] != "SESSION_RETRY" {
                assert_eq!(event["type"], kind, "{event}");
                return event;
            }
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Closes a session, polls it to its end, and ends the host as the header advises.
    pub(crate) fn close(mut self, session: i32) {
        assert_eq!(self.tell(&format!("disconnect {session}")).number, 0);
        assert_eq!(self.expect(session, "SESSION_CLOSED")["code"], "disconnected");
        assert_eq!(self.tell("shutdown 60000").number, 0);
        self.end();
    }

    /// Ends the host with whatever is open. It must succeed and print no error.
    pub(crate) fn end(mut self) {
        let (status, words) = self.wait();
        assert!(status.success() && words.is_empty(), "{status}: {words}");
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        let output = finish(self.child.take().expect("it ends once"));
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn last_words(&mut self) -> String {
        let (status, words) = self.wait();
        format!("{status}, {words}")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // it still runs because something went wrong
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
