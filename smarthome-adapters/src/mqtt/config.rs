//! Where the broker is, and how to talk to it.

use smarthome_core::Topics;
use smarthome_core::ports::{ErrorKind, PortError};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The largest packet that is taken or sent: 1 MiB.
pub const MAX_PACKET: usize = 1024 * 1024;

/// How to reach a broker.
///
/// ```
/// # use smarthome_adapters::mqtt::{MqttConfig, Password};
/// let mut config = MqttConfig::new("127.0.0.1", 1883, "smarthome");
/// config.credentials = Some(("webos".into(), Password::new("secret")));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MqttConfig {
    /// The broker's name or address.
    pub host: String,
    /// Its port: 1883, with TLS usually 8883.
    pub port: u16,
    /// Whether and how to speak TLS; needs the feature `tls`.
    pub tls: Option<TlsConfig>,
    /// User and password.
    pub credentials: Option<(String, Password)>,
    /// Which version of the protocol to speak (3.1.1).
    pub protocol: Protocol,
    /// The name under which the broker keeps what arrives while the server is away. It has to stay the same over
    /// restarts and differ between servers. The consuming connection uses it as it is, the publishing one `<id>-out`.
    pub client_id: String,
    /// How often a quiet connection is checked by a ping (30 s; at least 1 s, with MQTT 5 at least 5 s).
    pub keep_alive: Duration,
    /// Where messages go and come from.
    pub topics: Topics,
    /// After how long without a message the way through the broker is tried (30 s).
    pub silence: Duration,
    /// How long an MQTT 5 broker keeps the session of a server that is away (7 days). With 3.1.1 the broker's own
    /// settings decide.
    pub session_expiry: Duration,
    /// How many deliveries wait here while nobody takes them (1,024).
    pub park_messages: usize,
    /// How many bytes of deliveries wait here while nobody takes them (8 MiB).
    pub park_bytes: usize,
}

impl MqttConfig {
    /// The default settings for this broker and client id.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> MqttConfig {
        MqttConfig {
            host: host.into(),
            port,
            tls: None,
            credentials: None,
            protocol: Protocol::V311,
            client_id: client_id.into(),
            keep_alive: Duration::from_secs(30),
            topics: Topics::default(),
            silence: Duration::from_secs(30),
            session_expiry: Duration::from_secs(7 * 24 * 60 * 60),
            park_messages: 1024,
            park_bytes: 8 * 1024 * 1024,
        }
    }

    /// Whether a broker can be asked with this at all; the error names the setting.
    pub(super) fn check(&self) -> Result<(), PortError> {
        let wrong = |what: String| Err(PortError::new(ErrorKind::AskPerson, what));
        if self.host.is_empty() || self.host.contains(char::is_whitespace) {
            return wrong(format!("the broker's host cannot be {:?}", self.host));
        }
        if self.port == 0 {
            return wrong("the broker's port cannot be 0".into());
        }
        // Without a name there is no session to keep, and the client library panics.
        if !(1..=120).contains(&self.client_id.len()) || self.client_id.contains(char::is_control) {
            return wrong(format!(
                "the client id {:?} needs 1 to 120 bytes and no control characters",
                self.client_id
            ));
        }
        if self.keep_alive < Duration::from_secs(1) || self.keep_alive > Duration::from_secs(u16::MAX.into())
        {
            return wrong(format!("a keep-alive of {:?} lies outside 1 s to 65,535 s", self.keep_alive));
        }
        if self.silence < Duration::from_secs(1) {
            return wrong(format!("a silence of {:?} is under 1 s", self.silence));
        }
        if self.park_messages == 0 || self.park_bytes < MAX_PACKET {
            return wrong("there has to be room for at least one parked message of 1 MiB".into());
        }
        super::tls::transport(self).map(drop)
    }

    /// Host and port for people.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The user for people.
    pub(super) fn user(&self) -> String {
        match &self.credentials {
            Some((user, _)) => format!("user {user:?}"),
            None => "a client without user and password".into(),
        }
    }
}

/// Versions of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// MQTT 3.1.1, which every broker speaks.
    #[default]
    V311,
    /// MQTT 5: requesters can name a response topic, brokers say why they refuse.
    V5,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::V311 => "MQTT 3.1.1",
            Protocol::V5 => "MQTT 5",
        })
    }
}

/// Which certificates to trust and to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TlsConfig {
    /// A PEM file with the authorities to trust; `None`: those the system trusts.
    pub ca: Option<PathBuf>,
    /// PEM files with the client's certificate chain and its key, for brokers that ask for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A password: shown to the broker, never to people.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// That password.
    pub fn new(password: impl Into<String>) -> Password {
        Password(password.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
