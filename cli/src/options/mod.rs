//! The options of a session, gathered from all sources, and where each came from.

pub(crate) mod server_cfg;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::options::server_cfg::Convars;

/// The key in sonorancad.cfg until SonoranCAD replaces it.
const PLACEHOLDER: &str = "protection_initialized";
const KEY_VARIABLE: &str = "SONORAN_API_KEY";

/// Where the options come from: flags first, then the environment, the JSON file and server.cfg
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of the session")]
pub(crate) struct Sources {
    /// The community's id, from the CAD's admin panel
    #[arg(long, value_name = "ID", env = "SONORAN_COMMUNITY_ID")]
    community: Option<String>,

    /// The number of the server in the CAD
    #[arg(long, value_name = "NUMBER", env = "SONORAN_SERVER_ID")]
    server: Option<String>,

    /// Leave the server out: checks the credentials, gets no events, and does not disturb a running game server
    #[arg(long, conflicts_with = "server")]
    without_server: bool,

    /// A hub other than Sonoran's own, such as http://127.0.0.1:5000/apiWsHub
    #[arg(long, value_name = "URL", env = "SONORAN_URL")]
    url: Option<String>,

    /// production or development
    #[arg(long, value_name = "MODE", env = "SONORAN_MODE", conflicts_with = "url")]
    mode: Option<String>,

    /// A file whose only line is the API key; - reads it from stdin. Without it: the variable SONORAN_API_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// The API key itself. Every user of this machine can see it in the process list, and your shell keeps it
    #[arg(long, value_name = "KEY", conflicts_with = "key_file")]
    insecure_key_on_command_line: Option<String>,

    /// A JSON file with options as in sonoran.h
    #[arg(long, value_name = "FILE")]
    options: Option<PathBuf>,

    /// Use the sonoran_ convars of this server.cfg and of the files that it executes
    #[arg(long, value_name = "FILE")]
    server_cfg: Option<PathBuf>,
}

/// The options of a session.
#[derive(Debug, Default)]
pub(crate) struct Options {
    values: Map<String, Value>,
    /// Where each came from.
    places: BTreeMap<String, String>,
    pub(crate) warnings: Vec<String>,
    /// The folder of `server.cfg`, if there is one.
    pub(crate) server_folder: Option<PathBuf>,
}

/// What is wrong with the options, and what to do.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

fn wrong(problem: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    Wrong { problem: problem.into(), remedy: remedy.into() }
}

impl Options {
    pub(crate) fn gather(arguments: &Sources) -> Result<Self, Wrong> {
        let mut options = Self::default();
        if let Some(path) = &arguments.server_cfg {
            options.add_server_cfg(path)?;
        }
        if let Some(path) = &arguments.options {
            options.add_file(path)?;
        }
        for (name, value, variable) in [
            ("communityId", &arguments.community, "SONORAN_COMMUNITY_ID"),
            ("serverId", &arguments.server, "SONORAN_SERVER_ID"),
            ("url", &arguments.url, "SONORAN_URL"),
            ("mode", &arguments.mode, "SONORAN_MODE"),
        ] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                let from_variable = env::var(variable).is_ok_and(|set| set == *value);
                let place = if from_variable { variable } else { "command line" };
                options.set(name, value.as_str(), place);
                match name {
                    "url" => options.remove("mode"),
                    "mode" => options.remove("url"),
                    _ => {}
                }
            }
        }
        if arguments.without_server {
            options.remove("serverId");
        }
        options.add_key(arguments)?;
        options.check(arguments)?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: impl Into<Value>, place: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
        self.places.insert(name.to_owned(), place.into());
    }

    fn remove(&mut self, name: &str) {
        self.values.remove(name);
        self.places.remove(name);
    }

    fn add_server_cfg(&mut self, path: &Path) -> Result<(), Wrong> {
        let convars = Convars::read(path)
            .map_err(|problem| wrong(problem, "name the server.cfg that FXServer is started with"))?;
        for (name, convar) in [
            ("communityId", "sonoran_communityID"),
            ("apiKey", "sonoran_apiKey"),
            ("serverId", "sonoran_serverId"),
            ("mode", "sonoran_mode"),
        ] {
            if let Some(convar) = convars.get(convar) {
                self.set(name, convar.value.as_str(), &convar.place);
            }
        }
        // as in the resource, several servers have their own convar; the first one is checked
        if let Some(servers) = convars.get("sonoran_serverIds") {
            let first = servers.value.split(',').next().unwrap_or_default().trim();
            self.set("serverId", first, &servers.place);
            if servers.value.contains(',') {
                self.warnings.push(format!(
                    "{} names the servers {}: this looks at server {first}; --server chooses another",
                    servers.place, servers.value
                ));
            }
        }
        if let Some(mode) = self.values.get("mode").and_then(Value::as_str) {
            // the resource treats every other value as production
            let mode = if mode.eq_ignore_ascii_case("development") { "development" } else { "production" };
            self.values.insert("mode".into(), mode.into());
        }
        if let Some(further) = convars.get("sonoran_options") {
            let object: Map<String, Value> = serde_json::from_str(&further.value).map_err(|_| {
                wrong(
                    format!("sonoran_options in {} is no JSON object", further.place),
                    r#"put a backslash before each inner quote: set sonoran_options "{\"log\":\"info\"}""#,
                )
            })?;
            for (name, value) in object {
                self.set(&name, value, &further.place);
            }
        }
        self.warnings.extend(convars.warnings);
        self.server_folder = Some(convars.folder);
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Wrong> {
        let place = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| {
            wrong(format!("{place} cannot be read: {error}"), "name a JSON file with options as in sonoran.h")
        })?;
        // the parser's message gives a position and quotes no text
        let object: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
            wrong(
                format!("{place} is no JSON object: {error}"),
                "write it like {\"communityId\":\"abc\",\"apiKey\":\"...\",\"serverId\":1}",
            )
        })?;
        for (name, value) in object {
            self.set(&name, value, &place);
        }
        Ok(())
    }

    fn add_key(&mut self, arguments: &Sources) -> Result<(), Wrong> {
        if let Some(key) = &arguments.insecure_key_on_command_line {
            self.set("apiKey", key.as_str(), "command line");
        } else if let Some(path) = &arguments.key_file {
            let mut text = String::new();
            let read = match path.to_str() {
                Some("-") => io::stdin().read_to_string(&mut text).map(drop),
                _ => fs::read_to_string(path).map(|read| text = read),
            };
            read.map_err(|error| {
                wrong(
                    format!("{} cannot be read: {error}", path.display()),
                    "put the key alone into that file",
                )
            })?;
            self.set("apiKey", text.trim(), path.display().to_string());
        } else if let Some(key) = env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()) {
            self.set("apiKey", key.trim(), KEY_VARIABLE);
        }
        Ok(())
    }

    fn check(&self, arguments: &Sources) -> Result<(), Wrong> {
        const FROM: &str = "--server-cfg server.cfg reads them where your server does";
        let mut needed =
            vec![("communityId", "community id", "--community"), ("apiKey", "API key", KEY_VARIABLE)];
        if !arguments.without_server {
            needed.push(("serverId", "server id", "--server"));
        }
        for (name, what, from) in needed {
            let given = self.values.get(name).filter(|value| !value.is_null() && *value != "");
            if given.is_none() {
                let remedy = format!("set {from}, or put {name} into a file for --options; {FROM}");
                return Err(wrong(format!("there is no {what}"), remedy));
            }
        }
        if self.values.get("apiKey").and_then(Value::as_str) == Some(PLACEHOLDER) {
            let place = self.places.get("apiKey").map_or("", String::as_str);
            return Err(wrong(
                format!(
                    "the API key in {place} is {PLACEHOLDER}: SonoranCAD protects the key and puts it there only while it runs"
                ),
                format!(
                    "set {KEY_VARIABLE} to the key in sonorancad/configuration/config.json; in server.cfg the resource needs: add_convar_permission sonoran read sonoran_apiKey"
                ),
            ));
        }
        Ok(())
    }

    /// The options for the library. They keep the key out of events.
    pub(crate) fn json(&self, further: &[(&str, Value)]) -> String {
        let mut values = self.values.clone();
        values.insert("eventKey".into(), "strip".into());
        values.extend(further.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(values).to_string()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.values.get(name) == Some(&Value::Bool(true))
    }

    pub(crate) fn url(&self) -> &str {
        let default = match self.text("mode") {
            Some("development") => "https://staging-api.dev.sonorancad.com/apiWsHub",
            _ => "https://api.sonorancad.com/apiWsHub",
        };
        self.text("url").unwrap_or(default)
    }

    pub(crate) fn server(&self) -> Option<String> {
        match self.values.get("serverId")? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// The options and their sources; of the key only the source.
    pub(crate) fn summary(&self) -> String {
        let place = |name: &str| self.places.get(name).map_or("", String::as_str);
        let server = match self.server() {
            Some(server) => format!("server {server} ({})", place("serverId")),
            None => "no server".to_owned(),
        };
        let community = self.text("communityId").unwrap_or_default();
        format!("community {community} ({}), {server}, API key ({})", place("communityId"), place("apiKey"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Sources,
    }

    fn gather(line: &[&str]) -> Result<Options, Wrong> {
        let line = ["sonoran", "--insecure-key-on-command-line", "k"].iter().chain(line);
        Options::gather(&Line::parse_from(line).arguments)
    }

    #[test]
    fn the_nearer_source_wins_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let cfg = folder.path().join("server.cfg");
        let json = folder.path().join("o.json");
        fs::write(&cfg, "set sonoran_communityID a\nset sonoran_apiKey q\nset sonoran_serverIds 4,5\nset sonoran_mode DEVELOPMENT").unwrap();
        fs::write(&json, r#"{"communityId":"b","log":"info"}"#).unwrap();
        let (cfg, json) = (cfg.to_str().unwrap(), json.to_str().unwrap());
        let options = gather(&["--server-cfg", cfg, "--options", json]).unwrap();
        let summary = options.summary();
        assert_eq!(summary, format!("community b ({json}), server 4 (server.cfg:3), API key (command line)"));
        assert!(options.url().contains("staging"), "{}", options.url());
        assert!(options.json(&[]).contains(r#""log":"info""#));
        assert_eq!(options.warnings.len(), 1, "{:?}", options.warnings);
        // a url overrides the mode of a lower source
        let options = gather(&["--server-cfg", cfg, "--url", "http://h", "--without-server"]).unwrap();
        assert_eq!((options.url(), options.server(), options.text("mode")), ("http://h", None, None));
    }

    #[test]
    fn what_is_missing_is_named_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let cfg = folder.path().join("server.cfg");
        fs::write(&cfg, "set sonoran_communityID a\nset sonoran_options '{}'").unwrap();
        let problem = |line: &[&str]| gather(line).map(|_| ()).unwrap_err().problem;
        assert_eq!(problem(&["--server", "1"]), "there is no community id");
        assert_eq!(problem(&["--community", "a"]), "there is no server id");
        assert!(
            problem(&["--server-cfg", cfg.to_str().unwrap()]).contains("sonoran_options in server.cfg:2")
        );
        let placeholder =
            ["sonoran", "--community", "a", "--server", "1", "--insecure-key-on-command-line", PLACEHOLDER];
        let wrong = Options::gather(&Line::parse_from(placeholder).arguments).unwrap_err();
        assert!(wrong.problem.contains("protects the key") && wrong.remedy.contains("add_convar_permission"));
    }
}
