//! Where messages go and come from: `<prefix>/<device>/<type>` for devices, `data/error/*` for faults that belong to
//! none, `<prefix>/live/*` for the live tree.
//!
//! RabbitMQ shows the same topics to AMQP clients with dots: `webos/server/info` is `webos.server.info`.

use alloc::{format, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Who a message names as its sender, or is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// This server.
    Server,
    /// The home controller.
    Smarthome,
    /// The car dashboard.
    Car,
    /// The phone app.
    Android,
    /// The camera.
    Camera,
}

impl Client {
    /// Every device there is.
    pub const ALL: [Client; 5] =
        [Client::Server, Client::Smarthome, Client::Car, Client::Android, Client::Camera];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Client::Server => "server",
            Client::Smarthome => "smarthome",
            Client::Car => "car",
            Client::Android => "android",
            Client::Camera => "camera",
        }
    }

    /// The device of that name.
    pub fn named(name: &str) -> Option<Client> {
        Client::ALL.into_iter().find(|client| client.name() == name)
    }
}

impl core::fmt::Display for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// What a topic that the server reads carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inbound {
    /// Requests: JSON objects.
    Requests,
    /// Commands to the home: nine digits.
    Commands,
    /// The home's reported status: nine digits.
    Status,
    /// The home's sensors: a JSON object.
    HomeSensors,
    /// The server's own mark behind the backlog.
    Sync,
}

/// The names of all topics under one prefix (`webos` unless configured otherwise).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topics {
    prefix: String,
}

impl Default for Topics {
    fn default() -> Self {
        Topics { prefix: "webos".into() }
    }
}

/// Faults in what was sent, which belong to no device.
pub const FAULT_WARNING: &str = "data/error/warning";
/// Internal faults and alerts to the operator.
pub const FAULT_ERROR: &str = "data/error/error";

impl Topics {
    /// Topics under `prefix`: one or more levels of letters, digits, `-` and `_`, at most 64 bytes.
    pub fn new(prefix: &str) -> Result<Topics, TopicError> {
        let legal = |level: &str| {
            !level.is_empty() && level.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if prefix.len() > 64
            || !prefix.split('/').all(legal)
            || prefix == "data"
            || prefix.starts_with("data/")
        {
            return Err(TopicError { prefix: prefix.into() });
        }
        Ok(Topics { prefix: prefix.into() })
    }

    /// The prefix itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Every topic the server subscribes to, with what it carries.
    pub fn subscriptions(&self) -> [(String, Inbound); 6] {
        [
            (self.under("server/info"), Inbound::Requests),
            (self.under("smarthome"), Inbound::Commands),
            (self.under("smarthome/info"), Inbound::Commands),
            (self.under("live/smarthome/status"), Inbound::Status),
            (self.under("live/sensor/hometemp"), Inbound::HomeSensors),
            (self.under("live/server/sync"), Inbound::Sync),
        ]
    }

    /// What `topic` carries, if the server reads it.
    pub fn inbound(&self, topic: &str) -> Option<Inbound> {
        match topic.strip_prefix(self.prefix.as_str())?.strip_prefix('/')? {
            "server/info" => Some(Inbound::Requests),
            "smarthome" | "smarthome/info" => Some(Inbound::Commands),
            "live/smarthome/status" => Some(Inbound::Status),
            "live/sensor/hometemp" => Some(Inbound::HomeSensors),
            "live/server/sync" => Some(Inbound::Sync),
            _ => None,
        }
    }

    /// Where the server publishes its commands; nothing but frames ever goes there.
    pub fn commands(&self) -> String {
        self.under("smarthome/info")
    }

    /// Where the home reports its status (retained).
    pub fn status(&self) -> String {
        self.under("live/smarthome/status")
    }

    /// Where the home reports its sensors (retained).
    pub fn home_sensors(&self) -> String {
        self.under("live/sensor/hometemp")
    }

    /// Where the server's condition stands: `online` or `offline` (retained).
    pub fn server_state(&self) -> String {
        self.under("live/server/state")
    }

    /// Where the server marks the end of a backlog for itself (never retained).
    pub fn sync(&self) -> String {
        self.under("live/server/sync")
    }

    /// Where requests are read from.
    pub fn requests(&self) -> String {
        self.under("server/info")
    }

    /// Answers that old clients know how to read.
    pub fn info(&self, client: Client) -> String {
        self.under(&format!("{client}/info"))
    }

    /// Failed requests of a client.
    pub fn error(&self, client: Client) -> String {
        self.under(&format!("{client}/error"))
    }

    /// Answers that old clients must not find in their queue.
    pub fn reply(&self, client: Client) -> String {
        self.under(&format!("reply/{client}"))
    }

    /// Whether an MQTT 5 requester may name `topic` for its answer: neither where frames, requests or faults are
    /// read, nor a wildcard, nor longer than 256 bytes.
    pub fn may_answer_on(&self, topic: &str) -> bool {
        let below =
            |root: &str| topic == root || topic.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        let closed = ["smarthome", "server", "live"].map(|name| self.under(name));
        !topic.is_empty()
            && topic.len() <= 256
            && !topic.starts_with('$')
            && !topic.contains(['+', '#', '\0'])
            // RabbitMQ turns dots into level separators, so they count as such here.
            && !topic.contains('.')
            && !below("data")
            && !closed.iter().any(|root| below(root))
    }

    fn under(&self, rest: &str) -> String {
        let mut topic = String::with_capacity(self.prefix.len().saturating_add(rest.len()).saturating_add(1));
        topic.push_str(&self.prefix);
        topic.push('/');
        topic.push_str(rest);
        topic
    }

    /// The filters to subscribe to, in the order of [`Topics::subscriptions`].
    pub fn filters(&self) -> Vec<String> {
        self.subscriptions().into_iter().map(|(topic, _)| topic).collect()
    }
}

/// A prefix that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "topic prefix {prefix:?} cannot be used: levels of letters, digits, '-' and '_' separated by '/', at most 64 bytes, not \"data\""
)]
pub struct TopicError {
    /// The prefix that was given.
    pub prefix: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscription_is_recognised_when_it_arrives() {
        for topics in [Topics::default(), Topics::new("site-7/home_2").unwrap()] {
            for (topic, inbound) in topics.subscriptions() {
                assert_eq!(topics.inbound(&topic), Some(inbound), "{topic}");
            }
            assert_eq!(topics.inbound("other/server/info"), None);
            assert_eq!(topics.inbound(&topics.info(Client::Android)), None);
        }
    }

    #[test]
    fn prefixes_with_wildcards_or_empty_levels_are_refused() {
        for bad in ["", "a//b", "a/#", "+", "data", "data/x", "a b", "webos.", &"x".repeat(65)] {
            assert!(Topics::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_never_goes_where_frames_requests_or_faults_are_read() {
        let topics = Topics::default();
        for good in ["webos/reply/car", "clients/7/answers", "webos/smarthomes"] {
            assert!(topics.may_answer_on(good), "{good}");
        }
        let bad = [
            "",
            "webos/smarthome",
            "webos/smarthome/info",
            "webos/server/info",
            "webos/live/server/sync",
            "data/x",
            "data",
            "a/+",
            "#",
            "$SYS/x",
            "webos.smarthome.info",
            "webos/a\0b",
        ];
        for bad in bad {
            assert!(!topics.may_answer_on(bad), "{bad}");
        }
    }
}
