//! A daemon, a home and an outsider on one broker.

use super::support::{Ran, Running, program, run_with};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

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
            .env("SMARTHOME_HOME_TOPIC_PREFIX", &self.prefix)
            .env("SMARTHOME_HOME_TIME_ZONE", "UTC");
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

    /// Stores a schedule due at that minute, once or every day, that switches the air conditioner on.
    pub(crate) fn schedule(&self, title: &str, due: DateTime<Utc>, daily: bool, more: &Value) {
        let mut fields = json!({
            "enabled": true, "repeat": daily, "startTime": due.format("%H%M").to_string(),
            "airconEnable": true, "airconWindPower": 7,
        });
        if daily {
            fields["daysOfWeek"] = json!([1, 1, 1, 1, 1, 1, 1]);
        } else {
            fields["activeDate"] = json!(due.format("%Y.%m.%d").to_string());
        }
        fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let set = self.run(&["schedule", "set", title, &fields.to_string()]);
        assert_eq!(set.code, 0, "{}{}", set.out, set.err);
    }

    /// Whether the store has a schedule.
    pub(crate) fn has_schedules(&self) -> bool {
        !self.run(&["schedule", "list"]).out.is_empty()
    }

    /// What the journal knows of a schedule's slots.
    pub(crate) fn why(&self, title: &str) -> Vec<Value> {
        let ran = self.run(&["why", title, "--json"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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

/// The command of [`Scene::schedule`].
pub(crate) const COOL: &str = "017222222";

/// The first minute that begins after that time from now.
pub(crate) fn minute_after(lead: TimeDelta) -> DateTime<Utc> {
    (Utc::now() + lead).duration_trunc(TimeDelta::minutes(1)).unwrap() + TimeDelta::minutes(1)
}

/// Asks until it is so.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let over = Instant::now() + Duration::from_secs(90);
    while !is_so() {
        assert!(Instant::now() < over, "it never came to this: {what}");
    }
}

/// How long it is until then; nothing, when it has passed.
pub(crate) fn until(at: DateTime<Utc>) -> Duration {
    at.signed_duration_since(Utc::now()).to_std().unwrap_or_default()
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
