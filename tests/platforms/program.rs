//! The program `sonoran` for Windows.

use serde_json::{Value, json};
use support::program::finish;

use crate::{Test, platform::Platform, session::Hub};

pub(crate) const TESTS: &[(&str, Test)] = &[("check", check)];

pub(crate) fn missing(platform: &Platform) -> Option<String> {
    let there = platform.sonoran().is_file();
    platform.missing().or_else(|| (!there).then(|| "there is no program beside the library".into()))
}

/// Each step of the way to a hub holds, and with a wrong key the credentials do not.
fn check(platform: &Platform) {
    let hub = Hub::start();
    for (key, works) in [("demo-key", true), ("wrong-key", false)] {
        let mut check = platform.sonoran_command();
        check.args(["check", "--json", "--community", "demo", "--server", "1", "--url", hub.url()]);
        check.env("SONORAN_API_KEY", key);
        let child = check.stdout(std::process::Stdio::piped()).spawn().expect("the loader is there");
        let output = finish(child);
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(said["works"], works, "{said}");
        let steps = said["steps"].as_array().expect("a list");
        let failed: Vec<_> = steps.iter().filter(|step| step["result"] == "failed").collect();
        assert_eq!(failed.len(), usize::from(!works), "{said}");
        assert!(failed.iter().all(|step| step["step"] == "credentials"), "{said}");
        assert!(!said.to_string().contains(key), "{said}");
        assert_eq!(json!(output.status.code()), said["exit"]);
    }
}
