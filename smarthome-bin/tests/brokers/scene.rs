//! A daemon, a home and an outsider on one broker.

use super::support::{Ran, Running, program, run_with};
use std::path::Path;
use std::process::Command;

/// A state directory and a topic prefix on a broker: a home of its own, also beside others on that broker.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    port: u16,
    prefix: String,
}

impl Scene {
    pub(crate) fn new(port: u16, prefix: &str) -> Scene {
        Scene { folder: tempfile::tempdir().unwrap(), port, prefix: prefix.into() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with these arguments, set up for this broker.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.folder(), args);
        command
            .env("SMARTHOME_BROKER_URL", format!("mqtt://webos@127.0.0.1:{}", self.port))
            .env("SMARTHOME_BROKER_PASSWORD", "webos")
            .env("SMARTHOME_HOME_TOPIC_PREFIX", &self.prefix);
        command
    }

    /// A daemon that takes requests; connected or not.
    pub(crate) fn start(&self, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(&["run"]);
        command.envs(variables.iter().copied());
        Running::start(command)
    }

    /// A daemon that has read its backlog.
    pub(crate) fn daemon(&self, variables: &[(&str, &str)]) -> Running {
        let mut daemon = self.start(variables);
        daemon.wait_for(&["connected to the broker"]);
        daemon
    }

    pub(crate) fn home(&self, args: &[&str]) -> Running {
        let mut home = Running::start(self.command(&[&["home", "--json"], args].concat()));
        home.wait_for(&["\"reported\""]);
        home
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run_with(self.command(args), b"")
    }

    pub(crate) fn topic(&self, rest: &str) -> String {
        format!("{}/{rest}", self.prefix)
    }

    /// Somebody else, who hears these topics below the prefix and all faults.
    pub(crate) fn outsider(&self, filters: &[&str]) -> Running {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/outsider.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(self.port.to_string());
        command.args(filters.iter().map(|filter| self.topic(filter))).arg("data/error/#");
        let mut outsider = Running::start(command);
        outsider.wait_for(&["up"]);
        outsider
    }
}

/// Ends it as systemd does.
pub(crate) fn stop(mut daemon: Running) -> String {
    daemon.signal("TERM");
    daemon.ended();
    daemon.said.clone()
}

/// How many lines of what it said hold all of these.
pub(crate) fn count(said: &str, parts: &[&str]) -> usize {
    said.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}
